/* command_wait.c -- the arguments of commands that wait: see command_wait.h. */
#include "command/command_wait.h"

#include "base/assert.h"
#include "base/number.h"
#include "wire/reply.h"

/* Milliseconds from here on are no int64. */
#define TIMEOUT_MS_END 9223372036854775808.0L

/* Rounds up, so that a wait is never shorter than asked for. False: too large. */
static bool to_milliseconds(long double seconds, int64_t *out)
{
    long double wanted = seconds * 1000;
    if (!(wanted < TIMEOUT_MS_END) || !(wanted > -TIMEOUT_MS_END)) {
        return false;
    }
    int64_t whole = (int64_t)wanted;
    *out = (long double)whole < wanted ? whole + 1 : whole;
    return true;
}

bool command_read_timeout(struct command_context *context, uint32_t argument, int64_t *timeout_ms)
{
    long double seconds = 0;
    if (!number_parse_long_double(context->arguments[argument], &seconds)) {
        reply_error(context->reply, "ERR timeout is not a float or out of range");
        return false;
    }
    if (!to_milliseconds(seconds, timeout_ms) || *timeout_ms < 0) {
        reply_error(context->reply, "ERR timeout is negative");
        return false;
    }
    return true;
}

/* The commands whose keys are counted by an argument, behind the timeout. */
static bool has_counted_keys(const struct command *command)
{
    return command->id == COMMAND_BLMPOP || command->id == COMMAND_BZMPOP;
}

static bool has_destination(const struct command *command)
{
    return command->id == COMMAND_BLMOVE || command->id == COMMAND_BRPOPLPUSH;
}

bool command_wait_read(const struct command *command, const struct slice *arguments,
                       uint32_t arguments_count, struct command_wait *out)
{
    bool is_counted = has_counted_keys(command);
    bool is_zset = command->id == COMMAND_BZMPOP || command->id == COMMAND_BZPOPMAX ||
                   command->id == COMMAND_BZPOPMIN;
    int64_t keys = has_destination(command) ? 1 : (int64_t)arguments_count - 2;
    if (is_counted && !number_parse_int64(arguments[2], &keys)) {
        return false;
    }
    out->keys_first = is_counted ? 3 : 1;
    if (keys < 1 || keys > (int64_t)arguments_count - out->keys_first) {
        return false;
    }
    out->keys_count = (uint32_t)keys;
    out->type = is_zset ? VALUE_TYPE_ZSET : VALUE_TYPE_LIST;
    long double seconds = 0;
    return number_parse_long_double(arguments[is_counted ? 1 : arguments_count - 1], &seconds) &&
           to_milliseconds(seconds, &out->timeout_ms);
}

/* The same for arguments that are known to be good. */
static void read_good(const struct command *command, const struct slice *arguments,
                      uint32_t arguments_count, struct command_wait *out)
{
    bool is_good = command_wait_read(command, arguments, arguments_count, out);
    ASSERT(is_good);
}

uint32_t command_wait_narrow(const struct command *command, const struct slice *arguments,
                             uint32_t arguments_count, struct slice key, struct slice *out)
{
    uint32_t count = 0;
    out[count++] = arguments[0];
    if (has_counted_keys(command)) {
        struct command_wait wait;
        read_good(command, arguments, arguments_count, &wait);
        out[count++] = arguments[1];
        out[count++] = SLICE_LITERAL("1");
        out[count++] = key;
        for (uint32_t i = wait.keys_first + wait.keys_count; i < arguments_count; i++) {
            out[count++] = arguments[i];
        }
    } else if (has_destination(command)) {
        for (; count < arguments_count; count++) {
            out[count] = arguments[count];
        }
    } else {
        out[count++] = key;
        out[count++] = arguments[arguments_count - 1];
    }
    return count;
}

enum command_undo command_wait_undo(const struct command *command, const struct slice *arguments,
                                    uint32_t arguments_count)
{
    struct command_wait wait;
    ASSERT(!has_destination(command));
    read_good(command, arguments, arguments_count, &wait);
    if (wait.type == VALUE_TYPE_ZSET) {
        return COMMAND_UNDO_MEMBERS;
    }
    bool at_head = command->id == COMMAND_BLPOP ||
                   (command->id == COMMAND_BLMPOP &&
                    slice_is_word(arguments[wait.keys_first + wait.keys_count], "left"));
    return at_head ? COMMAND_UNDO_HEAD : COMMAND_UNDO_TAIL;
}
