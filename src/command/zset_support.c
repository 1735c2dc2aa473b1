/* zset_support.c -- what the handlers of sorted sets share: see zset_support.h. */
#include "command/zset_support.h"

#include "command/command_events.h"

bool command_find_zset(struct command_context *context, uint32_t argument,
                       const struct sorted_set **out)
{
    const struct container *container = NULL;
    if (!command_find_container(context, argument, VALUE_TYPE_ZSET, &container)) {
        return false;
    }
    *out = container == NULL ? NULL : sorted_set_of_const(container);
    return true;
}

uint64_t command_zset_count(const struct sorted_set *set)
{
    return set == NULL ? 0 : sorted_set_table(set)->count;
}

void zset_reply_begin(struct reply *reply, uint64_t count, bool with_scores)
{
    bool is_flat = with_scores && reply->protocol == REPLY_RESP2;
    reply_array(reply, is_flat ? count * 2 : count);
}

void zset_reply_member(struct reply *reply, struct slice member, double score, bool with_scores)
{
    if (with_scores && reply->protocol == REPLY_RESP3) {
        reply_array(reply, 2);
    }
    reply_bulk(reply, member);
    if (with_scores) {
        reply_double(reply, score);
    }
}

void zset_end_removal(struct command_context *context, struct keyspace_change *change,
                      const char *event)
{
    struct slice key = change->key;
    bool is_there = keyspace_change_end(change);
    command_notify(context, NOTIFY_ZSET, event, key);
    if (!is_there) {
        command_notify(context, NOTIFY_GENERIC, "del", key);
    }
}

void zset_store(struct command_context *context, uint32_t argument, struct container *result,
                const char *event)
{
    struct slice key = context->arguments[argument];
    int64_t count = (int64_t)result->count;
    (void)keyspace_lookup_write(context->keyspace, context->database, key);
    if (count > 0) {
        keyspace_set_container(context->keyspace, context->database, key, result, KEYSPACE_NEVER);
        command_notify(context, NOTIFY_ZSET, event, key);
        command_signal_ready(context, key);
    } else {
        container_free(result);
        if (keyspace_delete(context->keyspace, context->database, key)) {
            command_notify(context, NOTIFY_GENERIC, "del", key);
        }
    }
    reply_integer(context->reply, count);
}

/* ---- Ranges ---- */

static bool read_score_bound(struct slice text, struct sorted_bound *out)
{
    out->is_exclusive = text.size > 0 && text.bytes[0] == '(';
    if (out->is_exclusive) {
        text = slice_of(text.bytes + 1, text.size - 1);
    }
    bool in_range = true; /* or not: then it is an infinity or next to nothing */
    return number_parse_double_loosely(text, &out->score, &in_range);
}

static bool read_member_bound(struct slice text, struct sorted_bound *out)
{
    if (text.size == 0) {
        return false;
    }
    out->member = slice_of(text.bytes + 1, text.size - 1);
    out->is_exclusive = text.bytes[0] == '(';
    if (text.bytes[0] == '-' || text.bytes[0] == '+') {
        out->infinity = text.bytes[0] == '-' ? -1 : 1;
        return text.size == 1;
    }
    return text.bytes[0] == '(' || text.bytes[0] == '[';
}

bool zset_read_range(struct command_context *context, uint32_t first_end, struct zset_range *range)
{
    if (range->by == ZSET_BY_RANK) {
        return command_read_int64(context, first_end, &range->start) &&
               command_read_int64(context, first_end + 1, &range->stop);
    }
    struct slice min = context->arguments[first_end + (range->is_reverse ? 1 : 0)];
    struct slice max = context->arguments[first_end + (range->is_reverse ? 0 : 1)];
    if (range->by == ZSET_BY_SCORE) {
        if (!read_score_bound(min, &range->min) || !read_score_bound(max, &range->max)) {
            reply_error(context->reply, "ERR min or max is not a float");
            return false;
        }
    } else if (!read_member_bound(min, &range->min) || !read_member_bound(max, &range->max)) {
        reply_error(context->reply, "ERR min or max not valid string range item");
        return false;
    }
    return true;
}

/* The number of members below a bound, or up to it. */
static uint64_t below(const struct sorted_set *set, enum zset_range_by by,
                      const struct sorted_bound *bound, bool is_past)
{
    if (by == ZSET_BY_SCORE) {
        return sorted_set_below_score(set, bound->score, is_past);
    }
    if (bound->infinity != 0) {
        return bound->infinity < 0 ? 0 : command_zset_count(set);
    }
    return sorted_set_below_member(set, bound->member, is_past);
}

uint64_t zset_find_range(const struct sorted_set *set, const struct zset_range *range,
                         uint64_t *first)
{
    uint64_t size = command_zset_count(set);
    *first = 0;
    if (size == 0) {
        return 0;
    }
    if (range->by == ZSET_BY_RANK) {
        return command_clip_range(range->start, range->stop, size, first);
    }
    uint64_t from = below(set, range->by, &range->min, range->min.is_exclusive);
    uint64_t to = below(set, range->by, &range->max, !range->max.is_exclusive);
    if (from >= to || range->offset < 0 || (uint64_t)range->offset >= to - from) {
        return 0;
    }
    uint64_t number = to - from - (uint64_t)range->offset;
    *first = (range->is_reverse ? size - to : from) + (uint64_t)range->offset;
    return range->count >= 0 && (uint64_t)range->count < number ? (uint64_t)range->count : number;
}
