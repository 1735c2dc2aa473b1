/* command_resolve.c -- from a client's arguments to a row of the table, or to Redis's error. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/command_support.h"

/* Redis shows this much of the command's name, and of all its arguments together. */
enum { SHOWN_BYTES_MAX = 128 };

/* The text as C sees it: up to a NUL, and at most size_max bytes. */
static struct slice shown(struct slice text, size_t size_max)
{
    size_t size = text.size < size_max ? text.size : size_max;
    const void *nul = size == 0 ? NULL : memchr(text.bytes, '\0', size);
    return slice_of(text.bytes, nul == NULL ? size : (size_t)((const uint8_t *)nul - text.bytes));
}

static void refuse_unknown(const struct slice *arguments, uint32_t count, struct reply *reply)
{
    char list[SHOWN_BYTES_MAX + 8] = "";
    size_t size = 0;
    for (uint32_t i = 1; i < count && size < SHOWN_BYTES_MAX; i++) {
        struct slice argument = shown(arguments[i], SHOWN_BYTES_MAX - size);
        int written = snprintf(list + size, sizeof(list) - size, "'%.*s' ", (int)argument.size,
                               (const char *)argument.bytes);
        size += (size_t)written;
    }
    struct slice name = shown(arguments[0], SHOWN_BYTES_MAX);
    reply_error_format(reply, "ERR unknown command '%.*s', with args beginning with: %s",
                       (int)name.size, (const char *)name.bytes, list);
}

static void refuse_unknown_subcommand(const struct slice *arguments, struct reply *reply)
{
    struct slice container = shown(arguments[0], SHOWN_BYTES_MAX);
    struct slice name = shown(arguments[1], SHOWN_BYTES_MAX);
    char upper[SHOWN_BYTES_MAX];
    for (size_t i = 0; i < container.size; i++) {
        uint8_t byte = container.bytes[i];
        upper[i] = (char)(byte >= 'a' && byte <= 'z' ? byte - 'a' + 'A' : byte);
    }
    reply_error_format(reply, "ERR unknown subcommand '%.*s'. Try %.*s HELP.", (int)name.size,
                       (const char *)name.bytes, (int)container.size, upper);
}

bool command_accepts_count(const struct command *command, uint32_t arguments_count)
{
    int64_t count = arguments_count;
    return command->arity >= 0 ? count == command->arity : count >= -(int64_t)command->arity;
}

void command_refuse_count(const struct command *command, struct reply *reply)
{
    reply_error_format(reply, "ERR wrong number of arguments for '%s' command", command->name);
}

const struct command *command_resolve(const struct slice *arguments, uint32_t arguments_count,
                                      struct reply *reply)
{
    const struct command *command = command_lookup(arguments[0]);
    if (command == NULL) {
        refuse_unknown(arguments, arguments_count, reply);
        return NULL;
    }
    if (arguments_count > 1 && command_subcommands_count(command) > 0) {
        command = command_lookup_subcommand(command, arguments[1]);
        if (command == NULL) {
            refuse_unknown_subcommand(arguments, reply);
            return NULL;
        }
    }
    if (!command_accepts_count(command, arguments_count)) {
        command_refuse_count(command, reply);
        return NULL;
    }
    return command;
}

/* Whether one of the words STORE and STOREDIST stands behind the key: even where it is no option,
 * the command then goes the way of a write, which can do all. */
static bool may_store(const struct slice *arguments, uint32_t count)
{
    for (uint32_t i = 2; i < count; i++) {
        if (slice_is_word(arguments[i], "store") || slice_is_word(arguments[i], "storedist")) {
            return true;
        }
    }
    return false;
}

/* Whether all of BITFIELD's operations are "GET encoding offset". */
static bool only_gets(const struct slice *arguments, uint32_t count)
{
    bool are_gets = (count - 2) % 3 == 0;
    for (uint32_t i = 2; i < count && are_gets; i += 3) {
        are_gets = slice_is_word(arguments[i], "get");
    }
    return are_gets;
}

const struct command *command_read_form(const struct command *command,
                                        const struct slice *arguments, uint32_t arguments_count)
{
    static const struct {
        enum command_id writes;
        enum command_id reads;
    } forms[] = {{COMMAND_SORT, COMMAND_SORT_RO},
                 {COMMAND_GEORADIUS, COMMAND_GEORADIUS_RO},
                 {COMMAND_GEORADIUSBYMEMBER, COMMAND_GEORADIUSBYMEMBER_RO}};
    if (command->id == COMMAND_BITFIELD && only_gets(arguments, arguments_count)) {
        return command_by_id(COMMAND_BITFIELD_RO);
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (command->id == forms[i].writes && !may_store(arguments, arguments_count)) {
            return command_by_id(forms[i].reads);
        }
    }
    return command;
}
