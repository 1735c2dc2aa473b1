/* t_dump.c -- DUMP and RESTORE: values in the form of a Redis database file. */
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"
#include "command/dump.h"

enum { FREQUENCY_MAX = 255 };

void handle_dump(struct command_context *context)
{
    const struct item *item = command_find(context, 1);
    if (item == NULL) {
        reply_null(context->reply);
        return;
    }
    struct value value = keyspace_item_value(item);
    struct buf payload = {0};
    dump_write(&value, &payload);
    reply_bulk(context->reply, buf_slice(&payload));
    buf_deinit(&payload);
}

struct restore_options {
    bool replaces;
    bool is_absolute;
    int64_t idle_s;    /* -1: not given */
    int64_t frequency; /* -1: not given */
};

static bool read_hint(struct command_context *context, uint32_t argument, int64_t max,
                      const char *error, int64_t *out)
{
    if (!command_read_int64(context, argument, out)) {
        return false;
    }
    if (*out < 0 || *out > max) {
        reply_error(context->reply, error);
        return false;
    }
    return true;
}

static bool read_options(struct command_context *context, struct restore_options *options)
{
    *options = (struct restore_options){.idle_s = -1, .frequency = -1};
    for (uint32_t i = 4; i < context->arguments_count; i++) {
        struct slice word = context->arguments[i];
        bool has_more = i + 1 < context->arguments_count;
        if (slice_is_word(word, "replace")) {
            options->replaces = true;
        } else if (slice_is_word(word, "absttl")) {
            options->is_absolute = true;
        } else if (slice_is_word(word, "idletime") && has_more && options->frequency == -1) {
            if (!read_hint(context, ++i, INT64_MAX, "ERR Invalid IDLETIME value, must be >= 0",
                           &options->idle_s)) {
                return false;
            }
        } else if (slice_is_word(word, "freq") && has_more && options->idle_s == -1) {
            if (!read_hint(context, ++i, FREQUENCY_MAX,
                           "ERR Invalid FREQ value, must be >= 0 and <= 255",
                           &options->frequency)) {
                return false;
            }
        } else {
            command_refuse_syntax(context);
            return false;
        }
    }
    return true;
}

/* Reads the time to live, of which 0 is none. */
static bool read_expiry(struct command_context *context, bool is_absolute, int64_t *expiry_ms)
{
    int64_t ttl = 0;
    if (!command_read_int64(context, 2, &ttl)) {
        return false;
    }
    int64_t base_ms = is_absolute ? 0 : context->now_ms;
    if (ttl < 0 || ttl > INT64_MAX - base_ms) {
        reply_error(context->reply, "ERR Invalid TTL value, must be >= 0");
        return false;
    }
    *expiry_ms = ttl == 0 ? KEYSPACE_NEVER : command_clamp_expiry(ttl + base_ms);
    return true;
}

/* Puts what was read in the place of what the key holds. */
static void put_value(struct command_context *context, struct dump_value *value, int64_t expiry_ms,
                      bool is_taken)
{
    struct slice key = context->arguments[1];
    if (expiry_ms <= context->now_ms) { /* is over already: only the old value goes */
        if (is_taken) {
            (void)keyspace_delete(context->keyspace, context->database, key);
            command_notify(context, NOTIFY_GENERIC, "del", key);
        }
        return;
    }
    if (is_taken) {
        command_notify(context, NOTIFY_NEW, "new", key); /* removed and added, in Redis */
    }
    if (value->type == VALUE_TYPE_STRING) {
        struct value text = value_of_text(buf_slice(&value->text));
        command_store(context, 1, &text, expiry_ms);
    } else {
        keyspace_set_container(context->keyspace, context->database, key, value->container,
                               expiry_ms);
        value->container = NULL;
    }
    command_notify(context, NOTIFY_GENERIC, "restore", key);
    command_signal_ready(context, key);
}

void handle_restore(struct command_context *context)
{
    struct restore_options options;
    int64_t expiry_ms = KEYSPACE_NEVER;
    if (!read_options(context, &options)) {
        return;
    }
    bool is_taken = command_find(context, 1) != NULL;
    if (is_taken && !options.replaces) {
        reply_error(context->reply, "BUSYKEY Target key name already exists.");
        return;
    }
    if (!read_expiry(context, options.is_absolute, &expiry_ms)) {
        return;
    }
    if (!dump_is_intact(context->arguments[3])) {
        reply_error(context->reply, "ERR DUMP payload version or checksum are wrong");
        return;
    }
    struct dump_value value;
    if (dump_read(context->keyspace, context->arguments[3], &value) == RESULT_OK) {
        put_value(context, &value, expiry_ms, is_taken);
        if (options.idle_s > 0 && expiry_ms > context->now_ms) {
            keyspace_set_idle(context->keyspace, context->database, context->arguments[1],
                              (uint64_t)options.idle_s);
        }
        reply_ok(context->reply);
    } else {
        reply_error(context->reply, "ERR Bad data format");
    }
    dump_release(&value);
}
