/* scan_options.c -- what the commands of the SCAN family share: see scan_options.h. */
#include "command/scan_options.h"

#include "base/buf.h"
#include "base/glob.h"

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

bool scan_read_cursor(struct command_context *context, uint32_t argument, struct scan_options *out)
{
    *out = (struct scan_options){.count = SCAN_COUNT_DEFAULT, .matches_all = true};
    if (!parse_cursor(context->arguments[argument], &out->cursor)) {
        reply_error(context->reply, "ERR invalid cursor");
        return false;
    }
    return true;
}

bool scan_read_options(struct command_context *context, uint32_t first_option, bool allows_type,
                       struct scan_options *out)
{
    for (uint32_t i = first_option; i < context->arguments_count; i += 2) {
        struct slice word = context->arguments[i];
        bool has_value = i + 1 < context->arguments_count;
        if (has_value && slice_is_word(word, "count")) {
            if (!command_read_int64(context, i + 1, &out->count)) {
                return false;
            }
            if (out->count < 1) {
                command_refuse_syntax(context);
                return false;
            }
        } else if (has_value && slice_is_word(word, "match")) {
            out->pattern = context->arguments[i + 1];
            out->matches_all = slice_equals(out->pattern, SLICE_LITERAL("*"));
        } else if (has_value && allows_type && slice_is_word(word, "type")) {
            out->has_type = true;
            out->type_name = context->arguments[i + 1];
        } else {
            command_refuse_syntax(context);
            return false;
        }
    }
    return true;
}

bool scan_matches(const struct scan_options *options, struct slice name)
{
    return options->matches_all || glob_matches(options->pattern, name, false);
}

void scan_put_cursor_before(struct reply *reply, size_t begin, uint64_t cursor)
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

/* As Redis, a compact container is walked in one call, whatever COUNT says. */
static bool is_compact(const struct container *container)
{
    return container->encoding == VALUE_ENCODING_LISTPACK ||
           container->encoding == VALUE_ENCODING_INTSET;
}

void scan_elements(struct command_context *context, enum value_type type,
                   const struct dense_table *(*table_of)(const struct container *container),
                   scan_reply_entry *reply_entry)
{
    struct scan_options options;
    const struct container *container = NULL;
    if (!scan_read_cursor(context, 2, &options) ||
        !command_find_container(context, 1, type, &container)) {
        return;
    }
    if (container == NULL) {
        reply_array(context->reply, 2);
        reply_bulk_string(context->reply, "0");
        reply_array(context->reply, 0);
        return;
    }
    if (!scan_read_options(context, 3, false, &options)) {
        return;
    }
    const struct dense_table *table = table_of(container);
    bool is_small = is_compact(container);
    uint64_t count = is_small ? table->count : (uint64_t)options.count;
    uint32_t first = 0;
    uint32_t end = 0;
    uint64_t cursor = dense_table_scan(table, options.cursor, count, &first, &end);
    uint64_t replied = 0;
    size_t begin = reply_deferred_begin(context->reply);
    for (uint32_t i = first; i < end; i++) {
        const struct dense_entry *entry = table->entries[i];
        if (scan_matches(&options, dense_entry_member(entry))) {
            replied += reply_entry(context->reply, entry, is_small);
        }
    }
    reply_deferred_array(context->reply, begin, replied);
    scan_put_cursor_before(context->reply, begin, cursor);
}
