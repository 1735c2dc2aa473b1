/* t_command_keys.c -- COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a command given whole. */
#include <string.h>

#include "command/command_docs.h"
#include "command/command_handlers.h"
#include "command/command_support.h"

/* Channels of the sharded kind are specified like keys, so that clients find their node. */
static bool has_keys(const struct command *command)
{
    const char *specs = command_docs_of(command)->key_specs;
    return specs != NULL && strncmp(specs, "not_key", strlen("not_key")) != 0;
}

/* The command that the arguments from the third on make, or NULL after an error reply. */
static const struct command *find_subject(struct command_context *context)
{
    const struct command *command = command_lookup(context->arguments[2]);
    if (command != NULL && command_subcommands_count(command) > 0) {
        command = command_lookup_subcommand(command, context->arguments[3]);
    }
    if (command == NULL) {
        reply_error(context->reply, "ERR Invalid command specified");
        return NULL;
    }
    if (!has_keys(command)) {
        reply_error(context->reply, "ERR The command has no key arguments");
        return NULL;
    }
    if (!command_accepts_count(command, context->arguments_count - 2)) {
        reply_error(context->reply, "ERR Invalid number of arguments specified for command");
        return NULL;
    }
    return command;
}

/* Whether all that BITFIELD is told is GET; what it does not understand might be anything. */
static bool only_reads_fields(const struct command_context *context)
{
    for (uint32_t i = 2 + 2; i < context->arguments_count; i++) {
        uint32_t left = context->arguments_count - i - 1;
        if (left >= 2 && slice_is_word(context->arguments[i], "get")) {
            i += 2;
        } else if (left >= 1 && slice_is_word(context->arguments[i], "overflow")) {
            i++;
        } else {
            return false;
        }
    }
    return true;
}

/* SET reads the old value only if GET is among its options; BITFIELD writes if told to. */
static struct slice flags_of(const struct command_context *context, const struct command *command,
                             const struct key_spec *spec)
{
    if (command->id == COMMAND_BITFIELD) {
        return only_reads_fields(context) ? SLICE_LITERAL("RO/access")
                                          : SLICE_LITERAL("RW/access/update");
    }
    if (command->id != COMMAND_SET) {
        return spec->flags;
    }
    for (uint32_t i = 2 + 3; i < context->arguments_count; i++) {
        if (slice_is_word(context->arguments[i], "get")) {
            return SLICE_LITERAL("RW/access/update");
        }
    }
    return SLICE_LITERAL("OW/update");
}

/* SORT's destination: behind the last STORE that is no operand of another option. 0: none. */
static int64_t find_sort_store(const struct command_context *context)
{
    int64_t found = 0;
    for (uint32_t i = 2 + 2; i + 1 < context->arguments_count; i++) {
        struct slice word = context->arguments[i];
        if (slice_is_word(word, "store")) {
            found = (int64_t)i - 2 + 1;
        } else if (slice_is_word(word, "limit")) {
            i += 2;
        } else if (slice_is_word(word, "by") || slice_is_word(word, "get")) {
            i++;
        }
    }
    return found;
}

/* Whether a word is the keyword, which is in upper case, in any case. */
static bool is_keyword(struct slice word, struct slice keyword)
{
    bool is_same = word.size == keyword.size;
    for (size_t i = 0; i < keyword.size && is_same; i++) {
        is_same = (word.bytes[i] & 0xdf) == keyword.bytes[i];
    }
    return is_same;
}

/* Behind the first such keyword at its position or later. 0: none. */
static int64_t find_keyword(const struct command_context *context, const struct key_spec *spec)
{
    for (uint32_t i = 2 + (uint32_t)spec->first; i + 1 < context->arguments_count; i++) {
        struct slice word = context->arguments[i];
        if (is_keyword(word, spec->keyword)) {
            return (int64_t)i - 2 + 1;
        }
    }
    return 0;
}

/* Finds the first and the last key's position of a specification, none if the last one is less;
 * false when there are not as many as it says. */
static bool find_range(const struct command_context *context, struct key_spec *spec, int64_t *last)
{
    int64_t count = (int64_t)context->arguments_count - 2;
    if (spec->is_unknown || spec->keyword.size > 0) {
        bool has_sort_store = spec->is_unknown && slice_is_word(spec->flags, "ow/update");
        spec->first = has_sort_store     ? find_sort_store(context)
                      : spec->is_unknown ? 0
                                         : find_keyword(context, spec);
        *last = spec->first > 0 ? spec->first : -1;
        return true;
    }
    if (!spec->is_counted) {
        *last = spec->last < 0 ? count + spec->last : spec->first + spec->last;
        return spec->first < count;
    }
    int64_t keys = 0;
    if (spec->first >= count || !number_parse_int64(context->arguments[spec->first + 2], &keys) ||
        keys < 1 || keys >= count - spec->first) {
        return false;
    }
    *last = spec->first + keys;
    spec->first++;
    return true;
}

static void reply_keys(struct command_context *context, bool with_flags)
{
    const struct command *command = find_subject(context);
    if (command == NULL) {
        return;
    }
    const char *text = command_docs_of(command)->key_specs;
    struct buf *out = context->reply->out;
    size_t before = buf_size(out);
    struct key_spec spec;
    size_t begin = reply_deferred_begin(context->reply);
    uint64_t keys = 0;
    while (command_next_key_spec(&text, &spec)) {
        int64_t last = 0;
        if (!find_range(context, &spec, &last)) {
            buf_truncate(out, before);
            reply_error(context->reply, "ERR Invalid arguments specified for command");
            return;
        }
        for (int64_t i = spec.first; i <= last; i += spec.step, keys++) {
            if (with_flags) {
                reply_array(context->reply, 2);
            }
            reply_bulk(context->reply, context->arguments[i + 2]);
            if (with_flags) {
                command_reply_key_flags(context->reply, flags_of(context, command, &spec));
            }
        }
    }
    reply_deferred_array(context->reply, begin, keys);
}

void handle_command_getkeys(struct command_context *context)
{
    reply_keys(context, false);
}

void handle_command_getkeysandflags(struct command_context *context)
{
    reply_keys(context, true);
}
