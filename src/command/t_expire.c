/* t_expire.c -- expiry times: EXPIRE and its relatives, TTL and its relatives, PERSIST.
 *
 * All arithmetic is on the log's clock (context->now_ms). Only what TTL and PTTL report of a key
 * that lives is reckoned from the estimate of the present.
 */
#include <string.h>

#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"

enum {
    MS_PER_SECOND = 1000,
    /* What TTL and PTTL answer. */
    TTL_NO_KEY = -2,
    TTL_NO_EXPIRY = -1,
};

struct expire_conditions {
    bool nx; /* only a key without expiry */
    bool xx; /* only a key with one */
    bool gt; /* only to a later time; none counts as infinite */
    bool lt; /* only to an earlier one */
};

/* Redis shows the option up to a NUL, and no line ends behind it. */
static void refuse_option(struct command_context *context, struct slice word)
{
    size_t size = strnlen((const char *)word.bytes, word.size);
    while (size > 0 && (word.bytes[size - 1] == '\r' || word.bytes[size - 1] == '\n')) {
        size--;
    }
    reply_error_format(context->reply, "ERR Unsupported option %.*s", (int)size,
                       (const char *)word.bytes);
}

static bool parse_conditions(struct command_context *context, struct expire_conditions *out)
{
    for (uint32_t i = 3; i < context->arguments_count; i++) {
        struct slice word = context->arguments[i];
        if (slice_is_word(word, "nx")) {
            out->nx = true;
        } else if (slice_is_word(word, "xx")) {
            out->xx = true;
        } else if (slice_is_word(word, "gt")) {
            out->gt = true;
        } else if (slice_is_word(word, "lt")) {
            out->lt = true;
        } else {
            refuse_option(context, word);
            return false;
        }
    }
    if (out->nx && (out->xx || out->gt || out->lt)) {
        reply_error(context->reply,
                    "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if (out->gt && out->lt) {
        reply_error(context->reply, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* KEYSPACE_NEVER is later than every time, which is what GT and LT want. */
static bool conditions_hold(const struct expire_conditions *conditions, int64_t current_ms,
                            int64_t wanted_ms)
{
    bool has_expiry = current_ms != KEYSPACE_NEVER;
    return !(conditions->nx && has_expiry) && !(conditions->xx && !has_expiry) &&
           !(conditions->gt && wanted_ms <= current_ms) &&
           !(conditions->lt && wanted_ms >= current_ms);
}

/* Sets the expiry to base_ms plus the argument in units of unit_ms. */
static void expire(struct command_context *context, int64_t base_ms, int64_t unit_ms)
{
    struct expire_conditions conditions = {0};
    int64_t time = 0;
    if (!parse_conditions(context, &conditions) || !command_read_int64(context, 2, &time)) {
        return;
    }
    if (time > INT64_MAX / unit_ms || time < INT64_MIN / unit_ms ||
        time * unit_ms > INT64_MAX - base_ms) {
        command_refuse_expiry(context);
        return;
    }
    int64_t expiry_ms = command_clamp_expiry(time * unit_ms + base_ms);
    const struct item *item = command_find(context, 1);
    if (item == NULL || !conditions_hold(&conditions, keyspace_item_expiry(item), expiry_ms)) {
        reply_integer(context->reply, 0);
        return;
    }
    command_expire(context, context->arguments[1], expiry_ms);
    reply_integer(context->reply, 1);
}

void handle_expire(struct command_context *context)
{
    expire(context, context->now_ms, MS_PER_SECOND);
}

void handle_pexpire(struct command_context *context)
{
    expire(context, context->now_ms, 1);
}

void handle_expireat(struct command_context *context)
{
    expire(context, 0, MS_PER_SECOND);
}

void handle_pexpireat(struct command_context *context)
{
    expire(context, 0, 1);
}

/* Replies with the expiry less base_ms, in units of unit_ms, rounded to the nearest. */
static void report(struct command_context *context, int64_t base_ms, int64_t unit_ms)
{
    const struct item *item = command_find_untouched(context, 1);
    if (item == NULL) {
        reply_integer(context->reply, TTL_NO_KEY);
        return;
    }
    int64_t expiry_ms = keyspace_item_expiry(item);
    if (expiry_ms == KEYSPACE_NEVER) {
        reply_integer(context->reply, TTL_NO_EXPIRY);
        return;
    }
    /* The estimate may be past the expiry of a key that is still there for everybody. */
    int64_t left_ms = expiry_ms > base_ms ? expiry_ms - base_ms : 0;
    int64_t rounded = left_ms / unit_ms + (left_ms % unit_ms >= (unit_ms + 1) / 2);
    reply_integer(context->reply, unit_ms == 1 ? left_ms : rounded);
}

void handle_ttl(struct command_context *context)
{
    report(context, context->estimate_ms, MS_PER_SECOND);
}

void handle_pttl(struct command_context *context)
{
    report(context, context->estimate_ms, 1);
}

void handle_expiretime(struct command_context *context)
{
    report(context, 0, MS_PER_SECOND);
}

void handle_pexpiretime(struct command_context *context)
{
    report(context, 0, 1);
}

void handle_persist(struct command_context *context)
{
    const struct item *item = command_find(context, 1);
    bool has_expiry = item != NULL && keyspace_item_expiry(item) != KEYSPACE_NEVER;
    if (has_expiry) {
        keyspace_set_expiry(context->keyspace, context->database, context->arguments[1],
                            KEYSPACE_NEVER);
        command_notify(context, NOTIFY_GENERIC, "persist", context->arguments[1]);
    }
    reply_integer(context->reply, has_expiry ? 1 : 0);
}
