/* t_list.c -- lists: elements are pushed, popped and read. Changes in the middle are in
 * t_list_edit.c, what moves elements between lists in t_list_move.c.
 */
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/list_support.h"

bool command_find_list(struct command_context *context, uint32_t argument,
                       const struct list_value **out)
{
    const struct container *container = NULL;
    if (!command_find_container(context, argument, VALUE_TYPE_LIST, &container)) {
        return false;
    }
    *out = container == NULL ? NULL : list_value_of_const(container);
    return true;
}

uint64_t command_list_count(const struct list_value *list)
{
    return list == NULL ? 0 : ((const struct container *)(const void *)list)->count;
}

struct slice command_list_at(const struct list_value *list, uint64_t index)
{
    struct list_walk walk;
    struct slice element = {NULL, 0};
    list_walk_begin(&walk, list, index, false);
    (void)list_walk_next(&walk, &element);
    return element;
}

/* ---- Pushing ---- */

static void push_all(struct command_context *context, bool at_head, bool needs_list)
{
    const struct list_value *found = NULL;
    if (!command_find_list(context, 1, &found)) {
        return;
    }
    if (found == NULL && needs_list) {
        reply_integer(context->reply, 0);
        return;
    }
    struct keyspace_change change;
    struct container *container = command_change_begin(context, 1, VALUE_TYPE_LIST, &change);
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        list_value_push(list_value_of(container), at_head, context->arguments[i]);
    }
    reply_integer(context->reply, (int64_t)container->count);
    (void)keyspace_change_end(&change);
    command_notify(context, NOTIFY_LIST, at_head ? "lpush" : "rpush", context->arguments[1]);
    command_signal_ready(context, context->arguments[1]);
}

void handle_lpush(struct command_context *context)
{
    push_all(context, true, false);
}

void handle_rpush(struct command_context *context)
{
    push_all(context, false, false);
}

void handle_lpushx(struct command_context *context)
{
    push_all(context, true, true);
}

void handle_rpushx(struct command_context *context)
{
    push_all(context, false, true);
}

void command_list_push(struct command_context *context, uint32_t argument, bool at_head,
                       struct slice element)
{
    struct keyspace_change change;
    struct container *container = command_change_begin(context, argument, VALUE_TYPE_LIST, &change);
    list_value_push(list_value_of(container), at_head, element);
    (void)keyspace_change_end(&change);
    command_notify(context, NOTIFY_LIST, at_head ? "lpush" : "rpush", context->arguments[argument]);
    command_signal_ready(context, context->arguments[argument]);
}

/* ---- Popping ---- */

static void end_removal(struct command_context *context, struct keyspace_change *change,
                        bool at_head)
{
    struct slice key = change->key;
    bool is_there = keyspace_change_end(change);
    command_notify(context, NOTIFY_LIST, at_head ? "lpop" : "rpop", key);
    if (!is_there) {
        command_notify(context, NOTIFY_GENERIC, "del", key);
    }
}

void command_list_pop(struct command_context *context, uint32_t argument, bool at_head,
                      uint64_t number)
{
    struct keyspace_change change;
    struct container *container = command_change_begin(context, argument, VALUE_TYPE_LIST, &change);
    struct list_value *list = list_value_of(container);
    struct list_walk walk;
    struct slice element;
    list_walk_begin(&walk, list, at_head ? 0 : container->count - 1, !at_head);
    for (uint64_t i = 0; i < number && list_walk_next(&walk, &element); i++) {
        reply_bulk(context->reply, element);
    }
    list_value_remove(list, at_head ? 0 : container->count - number, number);
    end_removal(context, &change, at_head);
}

void command_list_take(struct command_context *context, uint32_t argument, bool at_head,
                       uint64_t index)
{
    struct keyspace_change change;
    struct container *container = command_change_begin(context, argument, VALUE_TYPE_LIST, &change);
    list_value_remove(list_value_of(container), index, 1);
    end_removal(context, &change, at_head);
}

static void pop(struct command_context *context, bool at_head)
{
    const struct list_value *list = NULL;
    bool has_count = context->arguments_count == 3;
    int64_t count = 1;
    if (context->arguments_count > 3) {
        command_refuse_count(context->command, context->reply);
        return;
    }
    if (has_count && (!number_parse_int64(context->arguments[2], &count) || count < 0)) {
        reply_error(context->reply, "ERR value is out of range, must be positive");
        return;
    }
    if (!command_find_list(context, 1, &list)) {
        return;
    }
    if (list == NULL) {
        (has_count ? reply_null_array : reply_null)(context->reply);
        return;
    }
    uint64_t there = command_list_count(list);
    uint64_t wanted = (uint64_t)count < there ? (uint64_t)count : there;
    if (has_count) {
        reply_array(context->reply, wanted);
    }
    if (wanted > 0) {
        command_list_pop(context, 1, at_head, wanted);
    }
}

void handle_lpop(struct command_context *context)
{
    pop(context, true);
}

void handle_rpop(struct command_context *context)
{
    pop(context, false);
}

/* ---- Reading ---- */

void handle_llen(struct command_context *context)
{
    const struct list_value *list = NULL;
    if (command_find_list(context, 1, &list)) {
        reply_integer(context->reply, (int64_t)command_list_count(list));
    }
}

void handle_lindex(struct command_context *context)
{
    const struct list_value *list = NULL;
    int64_t index = 0;
    if (!command_find_list(context, 1, &list)) {
        return;
    }
    if (list == NULL) {
        reply_null(context->reply);
        return;
    }
    if (!command_read_int64(context, 2, &index)) {
        return;
    }
    int64_t count = (int64_t)command_list_count(list);
    index = index < 0 ? index + count : index;
    if (index < 0 || index >= count) {
        reply_null(context->reply);
    } else {
        reply_bulk(context->reply, command_list_at(list, (uint64_t)index));
    }
}

void handle_lrange(struct command_context *context)
{
    const struct list_value *list = NULL;
    int64_t start = 0;
    int64_t stop = 0;
    if (!command_read_int64(context, 2, &start) || !command_read_int64(context, 3, &stop) ||
        !command_find_list(context, 1, &list)) {
        return;
    }
    uint64_t first = 0;
    uint64_t number = command_clip_range(start, stop, command_list_count(list), &first);
    reply_array(context->reply, number);
    if (number == 0) {
        return;
    }
    struct list_walk walk;
    struct slice element;
    list_walk_begin(&walk, list, first, false);
    for (; number > 0 && list_walk_next(&walk, &element); number--) {
        reply_bulk(context->reply, element);
    }
}

/* ---- Searching ---- */

struct position_search {
    int64_t rank;
    int64_t count; /* -1: none given; 0: all */
    int64_t looks_max;
};

static bool read_search(struct command_context *context, struct position_search *out)
{
    *out = (struct position_search){1, -1, 0};
    for (uint32_t i = 3; i < context->arguments_count; i += 2) {
        struct slice word = context->arguments[i];
        bool has_value = i + 1 < context->arguments_count;
        if (has_value && slice_is_word(word, "rank")) {
            if (!command_read_int64(context, i + 1, &out->rank)) {
                return false;
            }
            /* No positive number is its opposite: Redis 7.0.15 then skips nothing. */
            out->rank = out->rank == INT64_MIN ? -1 : out->rank;
            if (out->rank == 0) {
                reply_error(context->reply,
                            "ERR RANK can't be zero: use 1 to start from the first match, 2 from "
                            "the second ... or use negative to start from the end of the list");
                return false;
            }
        } else if (has_value && slice_is_word(word, "count")) {
            if (!number_parse_int64(context->arguments[i + 1], &out->count) || out->count < 0) {
                reply_error(context->reply, "ERR COUNT can't be negative");
                return false;
            }
        } else if (has_value && slice_is_word(word, "maxlen")) {
            if (!number_parse_int64(context->arguments[i + 1], &out->looks_max) ||
                out->looks_max < 0) {
                reply_error(context->reply, "ERR MAXLEN can't be negative");
                return false;
            }
        } else {
            command_refuse_syntax(context);
            return false;
        }
    }
    return true;
}

/* Replies with the positions found, and returns how many. */
static uint64_t search(struct command_context *context, const struct list_value *list,
                       const struct position_search *search)
{
    uint64_t count = command_list_count(list);
    bool is_backward = search->rank < 0;
    uint64_t to_skip = (uint64_t)(is_backward ? -search->rank : search->rank) - 1;
    uint64_t wanted = search->count < 0 ? 1 : (uint64_t)search->count;
    uint64_t found = 0;
    uint64_t index = is_backward ? count - 1 : 0;
    struct list_walk walk;
    struct slice element;
    list_walk_begin(&walk, list, index, is_backward);
    for (int64_t looks = 0; search->looks_max == 0 || looks < search->looks_max; looks++) {
        if (!list_walk_next(&walk, &element)) {
            break;
        }
        if (slice_equals(element, context->arguments[2])) {
            if (to_skip > 0) {
                to_skip--;
            } else {
                reply_integer(context->reply, (int64_t)index);
                if (++found == wanted) {
                    break;
                }
            }
        }
        index = is_backward ? index - 1 : index + 1;
    }
    return found;
}

void handle_lpos(struct command_context *context)
{
    const struct list_value *list = NULL;
    struct position_search options;
    if (!read_search(context, &options) || !command_find_list(context, 1, &list)) {
        return;
    }
    size_t begin = reply_deferred_begin(context->reply);
    uint64_t found = list == NULL ? 0 : search(context, list, &options);
    if (options.count >= 0) {
        reply_deferred_array(context->reply, begin, found);
    } else if (found == 0) {
        reply_null(context->reply);
    }
}
