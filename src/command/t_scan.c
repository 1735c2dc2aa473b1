/* t_scan.c -- walks over the keys of a database: KEYS and SCAN. */
#include "command/command_handlers.h"
#include "command/command_support.h"
#include "command/scan_options.h"

/* Empty buckets also cost time: a call looks at no more than this many for each key wanted. */
enum { SCAN_BUCKETS_PER_KEY = 10 };

struct key_filter {
    struct reply *reply;
    struct scan_options options;
    int64_t keys_met;
    uint64_t keys_replied;
};

static void filter_key(const struct item *item, void *context)
{
    struct key_filter *filter = context;
    filter->keys_met++;
    struct slice key = keyspace_item_key(item);
    const struct scan_options *options = &filter->options;
    if (!scan_matches(options, key)) {
        return;
    }
    if (options->has_type &&
        !slice_is_word(options->type_name, value_type_name(keyspace_item_value(item).type))) {
        return;
    }
    reply_bulk(filter->reply, key);
    filter->keys_replied++;
}

void handle_keys(struct command_context *context)
{
    struct key_filter filter = {
        .reply = context->reply,
        .options = {.pattern = context->arguments[1],
                    .matches_all = slice_equals(context->arguments[1], SLICE_LITERAL("*"))}};
    size_t begin = reply_deferred_begin(context->reply);
    keyspace_for_each(context->keyspace, context->database, filter_key, &filter);
    reply_deferred_array(context->reply, begin, filter.keys_replied);
}

void handle_scan(struct command_context *context)
{
    struct key_filter filter = {.reply = context->reply};
    if (!scan_read_cursor(context, 1, &filter.options) ||
        !scan_read_options(context, 2, true, &filter.options)) {
        return;
    }
    uint64_t cursor = filter.options.cursor;
    int64_t count = filter.options.count;
    size_t begin = reply_deferred_begin(context->reply);
    int64_t buckets_max =
        count > INT64_MAX / SCAN_BUCKETS_PER_KEY ? INT64_MAX : count * SCAN_BUCKETS_PER_KEY;
    do {
        cursor = keyspace_scan(context->keyspace, context->database, cursor, filter_key, &filter);
        buckets_max--;
    } while (cursor != 0 && buckets_max > 0 && filter.keys_met < count);
    reply_deferred_array(context->reply, begin, filter.keys_replied);
    scan_put_cursor_before(context->reply, begin, cursor);
}
