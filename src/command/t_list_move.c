/* t_list_move.c -- elements from one list to another, and from the first of several that has some:
 * LMOVE, RPOPLPUSH, LMPOP, and those that wait for an element: BLMOVE, BRPOPLPUSH, BLMPOP, BLPOP,
 * BRPOP.
 */
#include "base/buf.h"
#include "command/command_handlers.h"
#include "command/command_wait.h"
#include "command/list_support.h"

bool command_read_end(struct command_context *context, uint32_t argument, bool *at_head)
{
    *at_head = slice_is_word(context->arguments[argument], "left");
    if (!*at_head && !slice_is_word(context->arguments[argument], "right")) {
        command_refuse_syntax(context);
        return false;
    }
    return true;
}

/* The element is put in before it is taken out, as Redis tells of it; so a list that is both source
 * and destination never runs empty, and keeps its expiry. */
static void move(struct command_context *context, bool from_head, bool to_head)
{
    const struct list_value *source = NULL;
    const struct list_value *target = NULL;
    if (!command_find_list(context, 1, &source)) {
        context->miss = COMMAND_MISS_WRONG_TYPE;
        return;
    }
    if (source == NULL) {
        context->miss = COMMAND_MISS_EMPTY;
        reply_null(context->reply);
        return;
    }
    if (!command_find_list(context, 2, &target)) {
        return;
    }
    struct buf copy = {0};
    uint64_t index = from_head ? 0 : command_list_count(source) - 1;
    buf_append_slice(&copy, command_list_at(source, index));
    reply_bulk(context->reply, buf_slice(&copy));
    bool is_moved_up = to_head && slice_equals(context->arguments[1], context->arguments[2]);
    command_list_push(context, 2, to_head, buf_slice(&copy));
    command_list_take(context, 1, from_head, is_moved_up ? index + 1 : index);
    buf_deinit(&copy);
}

void handle_rpoplpush(struct command_context *context)
{
    move(context, false, true);
}

void handle_brpoplpush(struct command_context *context)
{
    int64_t timeout_ms = 0;
    if (command_read_timeout(context, 3, &timeout_ms)) {
        move(context, false, true);
    }
}

/* Reads the ends of LMOVE and BLMOVE. */
static bool read_ends(struct command_context *context, bool *from_head, bool *to_head)
{
    return command_read_end(context, 3, from_head) && command_read_end(context, 4, to_head);
}

void handle_lmove(struct command_context *context)
{
    bool from_head = false;
    bool to_head = false;
    if (read_ends(context, &from_head, &to_head)) {
        move(context, from_head, to_head);
    }
}

void handle_blmove(struct command_context *context)
{
    bool from_head = false;
    bool to_head = false;
    int64_t timeout_ms = 0;
    if (read_ends(context, &from_head, &to_head) && command_read_timeout(context, 5, &timeout_ms)) {
        move(context, from_head, to_head);
    }
}

/* ---- From the first list that has elements ---- */

static void pop_one(struct command_context *context, bool at_head)
{
    uint32_t keys_end = context->arguments_count - 1;
    int64_t timeout_ms = 0;
    if (!command_read_timeout(context, keys_end, &timeout_ms)) {
        return;
    }
    for (uint32_t i = 1; i < keys_end; i++) {
        const struct list_value *list = NULL;
        if (!command_find_list(context, i, &list)) {
            context->miss = COMMAND_MISS_WRONG_TYPE;
            return;
        }
        if (list != NULL) {
            reply_array(context->reply, 2);
            reply_bulk(context->reply, context->arguments[i]);
            command_list_pop(context, i, at_head, 1);
            return;
        }
    }
    context->miss = COMMAND_MISS_EMPTY;
    reply_null_array(context->reply);
}

void handle_blpop(struct command_context *context)
{
    pop_one(context, true);
}

void handle_brpop(struct command_context *context)
{
    pop_one(context, false);
}

/* Reads LEFT|RIGHT [COUNT count] behind the keys. */
static bool read_pop_options(struct command_context *context, uint32_t argument, bool *at_head,
                             int64_t *count)
{
    if (argument >= context->arguments_count) {
        command_refuse_syntax(context);
        return false;
    }
    if (!command_read_end(context, argument, at_head)) {
        return false;
    }
    *count = 1;
    if (argument + 1 == context->arguments_count) {
        return true;
    }
    if (argument + 3 > context->arguments_count ||
        !slice_is_word(context->arguments[argument + 1], "count")) {
        command_refuse_syntax(context);
        return false;
    }
    if (!number_parse_int64(context->arguments[argument + 2], count) || *count < 1) {
        reply_error(context->reply, "ERR count should be greater than 0");
        return false;
    }
    if (argument + 3 != context->arguments_count) {
        command_refuse_syntax(context);
        return false;
    }
    return true;
}

/* What LMPOP and BLMPOP take behind the timeout. */
struct pop_options {
    uint32_t keys_first;
    uint32_t keys_end;
    bool at_head;
    int64_t count;
};

static bool read_options(struct command_context *context, uint32_t numkeys,
                         struct pop_options *options)
{
    int64_t keys = 0;
    if (!number_parse_int64(context->arguments[numkeys], &keys) || keys < 1) {
        reply_error(context->reply, "ERR numkeys should be greater than 0");
        return false;
    }
    uint32_t behind = context->arguments_count;
    options->keys_first = numkeys + 1;
    options->keys_end = keys < behind - numkeys ? numkeys + 1 + (uint32_t)keys : behind;
    return read_pop_options(context, options->keys_end, &options->at_head, &options->count);
}

static void pop_several(struct command_context *context, const struct pop_options *options)
{
    for (uint32_t i = options->keys_first; i < options->keys_end; i++) {
        const struct list_value *list = NULL;
        if (!command_find_list(context, i, &list)) {
            context->miss = COMMAND_MISS_WRONG_TYPE;
            return;
        }
        if (list == NULL) {
            continue;
        }
        uint64_t there = command_list_count(list);
        uint64_t wanted = (uint64_t)options->count < there ? (uint64_t)options->count : there;
        reply_array(context->reply, 2);
        reply_bulk(context->reply, context->arguments[i]);
        reply_array(context->reply, wanted);
        command_list_pop(context, i, options->at_head, wanted);
        return;
    }
    context->miss = COMMAND_MISS_EMPTY;
    reply_null_array(context->reply);
}

void handle_lmpop(struct command_context *context)
{
    struct pop_options options;
    if (read_options(context, 1, &options)) {
        pop_several(context, &options);
    }
}

void handle_blmpop(struct command_context *context)
{
    struct pop_options options;
    int64_t timeout_ms = 0;
    if (read_options(context, 2, &options) && command_read_timeout(context, 1, &timeout_ms)) {
        pop_several(context, &options);
    }
}
