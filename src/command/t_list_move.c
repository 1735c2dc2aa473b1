/* t_list_move.c -- elements from one list to another, and from the first of several that has some:
 * LMOVE, RPOPLPUSH, LMPOP.
 */
#include "base/buf.h"
#include "command/command_handlers.h"
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

static void move(struct command_context *context, bool from_head, bool to_head)
{
    const struct list_value *source = NULL;
    const struct list_value *target = NULL;
    if (!command_find_list(context, 1, &source)) {
        return;
    }
    if (source == NULL) {
        reply_null(context->reply);
        return;
    }
    if (!command_find_list(context, 2, &target)) {
        return;
    }
    struct buf copy = {0};
    uint64_t index = from_head ? 0 : command_list_count(source) - 1;
    buf_append_slice(&copy, command_list_at(source, index));
    command_list_pop(context, 1, from_head, 1); /* replies */
    command_list_push(context, 2, to_head, buf_slice(&copy));
    buf_deinit(&copy);
}

void handle_rpoplpush(struct command_context *context)
{
    move(context, false, true);
}

void handle_lmove(struct command_context *context)
{
    bool from_head = false;
    bool to_head = false;
    if (command_read_end(context, 3, &from_head) && command_read_end(context, 4, &to_head)) {
        move(context, from_head, to_head);
    }
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
    if (argument + 3 != context->arguments_count ||
        !slice_is_word(context->arguments[argument + 1], "count")) {
        command_refuse_syntax(context);
        return false;
    }
    if (!number_parse_int64(context->arguments[argument + 2], count) || *count < 1) {
        reply_error(context->reply, "ERR count should be greater than 0");
        return false;
    }
    return true;
}

void handle_lmpop(struct command_context *context)
{
    int64_t keys = 0;
    int64_t count = 0;
    bool at_head = false;
    if (!number_parse_int64(context->arguments[1], &keys) || keys < 1) {
        reply_error(context->reply, "ERR numkeys should be greater than 0");
        return;
    }
    uint32_t behind =
        keys < context->arguments_count ? 2 + (uint32_t)keys : context->arguments_count;
    if (!read_pop_options(context, behind, &at_head, &count)) {
        return;
    }
    for (uint32_t i = 2; i < behind; i++) {
        const struct list_value *list = NULL;
        if (!command_find_list(context, i, &list)) {
            return;
        }
        if (list == NULL) {
            continue;
        }
        uint64_t there = command_list_count(list);
        uint64_t wanted = (uint64_t)count < there ? (uint64_t)count : there;
        reply_array(context->reply, 2);
        reply_bulk(context->reply, context->arguments[i]);
        reply_array(context->reply, wanted);
        command_list_pop(context, i, at_head, wanted);
        return;
    }
    reply_null_array(context->reply);
}
