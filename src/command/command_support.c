/* command_support.c -- arguments, look-ups and errors that handlers share. */
#include "command/command_support.h"

#include <inttypes.h>

#include "base/number.h"
#include "command/command_events.h"

bool command_check_string_size(struct command_context *context, uint64_t size)
{
    if (size > context->bulk_bytes_max) {
        reply_error(context->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        return false;
    }
    return true;
}

void command_refuse_syntax(struct command_context *context)
{
    reply_error(context->reply, "ERR syntax error");
}

void command_refuse_expiry(struct command_context *context)
{
    reply_error_format(context->reply, "ERR invalid expire time in '%s' command",
                       context->command->name);
}

bool command_read_int64(struct command_context *context, uint32_t argument, int64_t *out)
{
    if (!number_parse_int64(context->arguments[argument], out)) {
        reply_error(context->reply, "ERR value is not an integer or out of range");
        return false;
    }
    return true;
}

bool command_read_range(struct command_context *context, uint32_t argument, int64_t min,
                        int64_t max, int64_t *out)
{
    int64_t value = 0;
    if (!command_read_int64(context, argument, &value)) {
        return false;
    }
    if (value < min || value > max) {
        reply_error_format(context->reply,
                           "ERR value is out of range, value must between %" PRId64 " and %" PRId64,
                           min, max);
        return false;
    }
    *out = value;
    return true;
}

bool command_read_int32(struct command_context *context, uint32_t argument, int32_t *out)
{
    int64_t value = 0;
    if (!command_read_range(context, argument, INT32_MIN, INT32_MAX, &value)) {
        return false;
    }
    *out = (int32_t)value;
    return true;
}

bool command_read_keys_count(struct command_context *context, uint32_t argument, uint32_t *out)
{
    int64_t count = 0;
    if (!number_parse_int64(context->arguments[argument], &count) || count < 1) {
        reply_error(context->reply, "ERR numkeys should be greater than 0");
        return false;
    }
    if (count > context->arguments_count - argument - 1) {
        reply_error(context->reply, "ERR Number of keys can't be greater than number of args");
        return false;
    }
    *out = (uint32_t)count;
    return true;
}

uint64_t command_clip_range(int64_t start, int64_t stop, uint64_t count, uint64_t *first)
{
    int64_t size = (int64_t)count;
    start = start < 0 ? start + size : start;
    stop = stop < 0 ? stop + size : stop;
    start = start < 0 ? 0 : start;
    stop = stop >= size ? size - 1 : stop;
    *first = (uint64_t)start;
    return start > stop || start >= size ? 0 : (uint64_t)(stop - start) + 1;
}

bool command_read_database(struct command_context *context, uint32_t argument, uint32_t *out)
{
    int32_t number = 0;
    if (!command_read_int32(context, argument, &number)) {
        return false;
    }
    if (number < 0 || number >= LIMIT_DATABASES) {
        reply_error(context->reply, "ERR DB index is out of range");
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

static const struct item *find(struct command_context *context, uint32_t argument,
                               int64_t access_ms)
{
    struct slice key = context->arguments[argument];
    if (context->command->class == COMMAND_CLASS_WRITE) {
        return keyspace_lookup_write(context->keyspace, context->database, key);
    }
    return keyspace_lookup_read(context->keyspace, context->database, key, access_ms);
}

const struct item *command_find(struct command_context *context, uint32_t argument)
{
    return find(context, argument, context->estimate_ms);
}

const struct item *command_find_untouched(struct command_context *context, uint32_t argument)
{
    return find(context, argument, KEYSPACE_UNTOUCHED);
}

void command_refuse_type(struct command_context *context)
{
    reply_error(context->reply,
                "WRONGTYPE Operation against a key holding the wrong kind of value");
}

bool command_find_container(struct command_context *context, uint32_t argument,
                            enum value_type type, const struct container **out)
{
    const struct item *item = command_find(context, argument);
    *out = NULL;
    if (item == NULL) {
        return true;
    }
    if (keyspace_item_value(item).type != type) {
        command_refuse_type(context);
        return false;
    }
    *out = keyspace_item_container(item);
    return true;
}

struct container *command_change_begin(struct command_context *context, uint32_t argument,
                                       enum value_type type, struct keyspace_change *change)
{
    return keyspace_change_begin(change, context->keyspace, context->database,
                                 context->arguments[argument], type);
}

bool command_find_string(struct command_context *context, uint32_t argument,
                         struct command_string *out)
{
    out->item = command_find(context, argument);
    out->value =
        out->item == NULL ? value_of_bytes(slice_of(NULL, 0)) : keyspace_item_value(out->item);
    if (out->value.type != VALUE_TYPE_STRING) {
        command_refuse_type(context);
        return false;
    }
    out->text = value_text(&out->value, out->scratch);
    return true;
}

void command_reply_string(struct command_context *context, const struct command_string *string)
{
    if (string->item == NULL) {
        reply_null(context->reply);
    } else {
        reply_bulk(context->reply, string->text);
    }
}

void command_expire(struct command_context *context, struct slice key, int64_t expiry_ms)
{
    if (expiry_ms <= context->now_ms) {
        (void)keyspace_delete(context->keyspace, context->database, key);
        command_notify(context, NOTIFY_GENERIC, "del", key);
    } else {
        keyspace_set_expiry(context->keyspace, context->database, key, expiry_ms);
        command_notify(context, NOTIFY_GENERIC, "expire", key);
    }
}

void command_store(struct command_context *context, uint32_t argument, const struct value *value,
                   int64_t expiry_ms)
{
    keyspace_set(context->keyspace, context->database, context->arguments[argument], value,
                 expiry_ms);
}
