/* t_scan.c -- walks over the keys of a database: KEYS and SCAN. */
#include "base/buf.h"
#include "base/glob.h"
#include "command/command_handlers.h"
#include "command/command_support.h"

enum {
    SCAN_COUNT_DEFAULT = 10,
    /* Empty buckets also cost time: a call looks at no more than this many for each key wanted. */
    SCAN_BUCKETS_PER_KEY = 10,
};

struct key_filter {
    struct reply *reply;
    struct slice pattern;
    bool matches_all;
    bool has_type;
    struct slice type_name;
    int64_t keys_met;
    uint64_t keys_replied;
};

static void filter_key(const struct item *item, void *context)
{
    struct key_filter *filter = context;
    filter->keys_met++;
    struct slice key = keyspace_item_key(item);
    if (!filter->matches_all && !glob_matches(filter->pattern, key, false)) {
        return;
    }
    if (filter->has_type &&
        !slice_is_word(filter->type_name, value_type_name(keyspace_item_value(item).type))) {
        return;
    }
    reply_bulk(filter->reply, key);
    filter->keys_replied++;
}

static bool is_star(struct slice pattern)
{
    return slice_equals(pattern, SLICE_LITERAL("*"));
}

void handle_keys(struct command_context *context)
{
    struct key_filter filter = {.reply = context->reply,
                                .pattern = context->arguments[1],
                                .matches_all = is_star(context->arguments[1])};
    size_t begin = reply_deferred_begin(context->reply);
    keyspace_for_each(context->keyspace, context->database, filter_key, &filter);
    reply_deferred_array(context->reply, begin, filter.keys_replied);
}

/* Reads a cursor as strtoul would: a sign is allowed, a negative number wraps, no digits at all are
 * zero. */
static bool parse_cursor(struct slice text, uint64_t *out)
{
    size_t at = 0;
    bool is_negative = false;
    if (text.size > 0 && (text.bytes[0] == '-' || text.bytes[0] == '+')) {
        is_negative = text.bytes[0] == '-';
        at = 1;
        if (text.size == 1) {
            return false;
        }
    }
    uint64_t cursor = 0;
    for (; at < text.size; at++) {
        uint8_t byte = text.bytes[at];
        if (byte < '0' || byte > '9' || __builtin_mul_overflow(cursor, 10u, &cursor) ||
            __builtin_add_overflow(cursor, (uint64_t)(byte - '0'), &cursor)) {
            return false;
        }
    }
    *out = is_negative ? 0 - cursor : cursor;
    return true;
}

static bool parse_scan_options(struct command_context *context, struct key_filter *filter,
                               int64_t *count)
{
    for (uint32_t i = 2; i < context->arguments_count; i += 2) {
        struct slice word = context->arguments[i];
        bool has_value = i + 1 < context->arguments_count;
        if (has_value && slice_is_word(word, "count")) {
            if (!command_read_int64(context, i + 1, count)) {
                return false;
            }
            if (*count < 1) {
                command_refuse_syntax(context);
                return false;
            }
        } else if (has_value && slice_is_word(word, "match")) {
            filter->pattern = context->arguments[i + 1];
            filter->matches_all = is_star(filter->pattern);
        } else if (has_value && slice_is_word(word, "type")) {
            filter->has_type = true;
            filter->type_name = context->arguments[i + 1];
        } else {
            command_refuse_syntax(context);
            return false;
        }
    }
    return true;
}

/* Makes the one element at begin the second of an array of two, the cursor the first. */
static void put_cursor_before(struct reply *reply, size_t begin, uint64_t cursor)
{
    char text[NUMBER_INT64_BYTES];
    struct buf bytes;
    buf_init(&bytes);
    struct reply prefix = {&bytes, reply->protocol};
    reply_array(&prefix, 2);
    reply_bulk(&prefix, slice_of(text, number_format_uint64(cursor, text)));
    struct slice written = buf_slice(&bytes);
    buf_insert(reply->out, begin, written.bytes, written.size);
    buf_deinit(&bytes);
}

void handle_scan(struct command_context *context)
{
    uint64_t cursor = 0;
    if (!parse_cursor(context->arguments[1], &cursor)) {
        reply_error(context->reply, "ERR invalid cursor");
        return;
    }
    struct key_filter filter = {.reply = context->reply, .matches_all = true};
    int64_t count = SCAN_COUNT_DEFAULT;
    if (!parse_scan_options(context, &filter, &count)) {
        return;
    }
    /* The cursor comes first in the reply and is known last: write the keys, then put it before. */
    size_t begin = reply_deferred_begin(context->reply);
    int64_t buckets_max =
        count > INT64_MAX / SCAN_BUCKETS_PER_KEY ? INT64_MAX : count * SCAN_BUCKETS_PER_KEY;
    do {
        cursor = keyspace_scan(context->keyspace, context->database, cursor, filter_key, &filter);
        buckets_max--;
    } while (cursor != 0 && buckets_max > 0 && filter.keys_met < count);
    reply_deferred_array(context->reply, begin, filter.keys_replied);
    put_cursor_before(context->reply, begin, cursor);
}
