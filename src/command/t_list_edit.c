/* t_list_edit.c -- changes in the middle of a list: LSET, LINSERT, LREM, LTRIM. */
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/list_support.h"

void handle_lset(struct command_context *context)
{
    const struct list_value *found = NULL;
    int64_t index = 0;
    if (!command_find_list(context, 1, &found)) {
        return;
    }
    if (found == NULL) {
        reply_error(context->reply, "ERR no such key");
        return;
    }
    if (!command_read_int64(context, 2, &index)) {
        return;
    }
    int64_t count = (int64_t)command_list_count(found);
    index = index < 0 ? index + count : index;
    if (index < 0 || index >= count) {
        reply_error(context->reply, "ERR index out of range");
        return;
    }
    struct keyspace_change change;
    struct container *container = command_change_begin(context, 1, VALUE_TYPE_LIST, &change);
    list_value_set(list_value_of(container), (uint64_t)index, context->arguments[3]);
    (void)keyspace_change_end(&change);
    command_notify(context, NOTIFY_LIST, "lset", context->arguments[1]);
    reply_ok(context->reply);
}

/* The index of the first element that equals one, or the count. */
static uint64_t find_element(const struct list_value *list, struct slice wanted)
{
    struct list_walk walk;
    struct slice element;
    uint64_t index = 0;
    list_walk_begin(&walk, list, 0, false);
    while (list_walk_next(&walk, &element) && !slice_equals(element, wanted)) {
        index++;
    }
    return index;
}

void handle_linsert(struct command_context *context)
{
    const struct list_value *found = NULL;
    bool is_after = slice_is_word(context->arguments[2], "after");
    if (!is_after && !slice_is_word(context->arguments[2], "before")) {
        command_refuse_syntax(context);
        return;
    }
    if (!command_find_list(context, 1, &found)) {
        return;
    }
    if (found == NULL) {
        reply_integer(context->reply, 0);
        return;
    }
    uint64_t index = find_element(found, context->arguments[3]);
    if (index == command_list_count(found)) {
        reply_integer(context->reply, -1);
        return;
    }
    struct keyspace_change change;
    struct container *container = command_change_begin(context, 1, VALUE_TYPE_LIST, &change);
    list_value_insert(list_value_of(container), is_after ? index + 1 : index,
                      context->arguments[4]);
    reply_integer(context->reply, (int64_t)container->count);
    (void)keyspace_change_end(&change);
    command_notify(context, NOTIFY_LIST, "linsert", context->arguments[1]);
}

/* Removes up to count (0: all) elements that equal the argument, from one end on. */
static int64_t remove_equal(struct command_context *context, struct list_value *list,
                            uint64_t count, bool is_backward)
{
    struct container *container = (struct container *)(void *)list;
    int64_t removed = 0;
    uint64_t index = is_backward ? container->count - 1 : 0;
    uint64_t left = container->count;
    struct list_walk walk;
    struct slice element;
    list_walk_begin(&walk, list, index, is_backward);
    while (left > 0 && list_walk_next(&walk, &element)) {
        left--;
        if (!slice_equals(element, context->arguments[3])) {
            index = is_backward ? index - 1 : index + 1;
            continue;
        }
        list_value_remove(list, index, 1);
        if ((uint64_t)++removed == count || left == 0) {
            break;
        }
        index = is_backward ? index - 1 : index;
        list_walk_begin(&walk, list, index, is_backward);
    }
    return removed;
}

void handle_lrem(struct command_context *context)
{
    const struct list_value *found = NULL;
    int64_t count = 0;
    if (!command_read_int64(context, 2, &count) || !command_find_list(context, 1, &found)) {
        return;
    }
    if (found == NULL) {
        reply_integer(context->reply, 0);
        return;
    }
    struct keyspace_change change;
    struct container *container = command_change_begin(context, 1, VALUE_TYPE_LIST, &change);
    int64_t removed = remove_equal(context, list_value_of(container),
                                   count < 0 ? -(uint64_t)count : (uint64_t)count, count < 0);
    bool is_there = keyspace_change_end(&change);
    if (removed > 0) {
        command_notify(context, NOTIFY_LIST, "lrem", context->arguments[1]);
    }
    if (!is_there) {
        command_notify(context, NOTIFY_GENERIC, "del", context->arguments[1]);
    }
    reply_integer(context->reply, removed);
}

void handle_ltrim(struct command_context *context)
{
    const struct list_value *found = NULL;
    int64_t start = 0;
    int64_t stop = 0;
    if (!command_read_int64(context, 2, &start) || !command_read_int64(context, 3, &stop) ||
        !command_find_list(context, 1, &found)) {
        return;
    }
    reply_ok(context->reply);
    if (found == NULL) {
        return;
    }
    uint64_t count = command_list_count(found);
    uint64_t first = 0;
    uint64_t number = command_clip_range(start, stop, count, &first);
    struct keyspace_change change;
    struct list_value *list =
        list_value_of(command_change_begin(context, 1, VALUE_TYPE_LIST, &change));
    uint64_t behind = number == 0 ? count : first + number;
    if (behind < count) {
        list_value_remove(list, behind, count - behind);
    }
    uint64_t before = number == 0 ? count : first;
    if (before > 0) {
        list_value_remove(list, 0, before);
    }
    bool is_there = keyspace_change_end(&change);
    command_notify(context, NOTIFY_LIST, "ltrim", context->arguments[1]);
    if (!is_there) {
        command_notify(context, NOTIFY_GENERIC, "del", context->arguments[1]);
    }
}
