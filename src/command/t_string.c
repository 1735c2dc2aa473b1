/* t_string.c -- whole strings: SET and its relatives, GET and its relatives, MGET, MSET. */
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"
#include "command/expiry_options.h"

/* Options of SET and GETEX that are words alone. */
struct set_options {
    bool only_if_absent;  /* NX */
    bool only_if_present; /* XX */
    bool returns_old;     /* GET */
    struct expiry_options expiry;
};

static bool parse_set_options(struct command_context *context, struct set_options *options)
{
    for (uint32_t i = 3; i < context->arguments_count; i++) {
        struct slice word = context->arguments[i];
        if (slice_is_word(word, "nx") && !options->only_if_present) {
            options->only_if_absent = true;
        } else if (slice_is_word(word, "xx") && !options->only_if_absent) {
            options->only_if_present = true;
        } else if (slice_is_word(word, "get")) {
            options->returns_old = true;
        } else if (!expiry_options_take(&options->expiry, context, &i, "keepttl")) {
            command_refuse_syntax(context);
            return false;
        }
    }
    return true;
}

/* Stores the argument's text as the key's value, to expire at expiry_ms. A time that is not in the
 * future leaves no key behind, as if it had been set and had expired at once. */
static void set_text(struct command_context *context, uint32_t value_argument, int64_t expiry_ms)
{
    struct slice key = context->arguments[1];
    bool has_time = expiry_ms != KEYSPACE_KEEP_EXPIRY && expiry_ms != KEYSPACE_NEVER;
    bool is_over = has_time && expiry_ms <= context->now_ms;
    if (is_over) {
        (void)keyspace_delete(context->keyspace, context->database, key);
    } else {
        struct value value = value_of_text(context->arguments[value_argument]);
        command_store(context, 1, &value, expiry_ms);
    }
    command_notify(context, NOTIFY_STRING, "set", key);
    if (has_time) {
        command_notify(context, NOTIFY_GENERIC, "expire", key);
    }
    if (is_over) {
        command_notify(context, NOTIFY_EXPIRED, "expired", key);
    }
}

void handle_set(struct command_context *context)
{
    struct set_options options = {0};
    if (!parse_set_options(context, &options)) {
        return;
    }
    int64_t expiry_ms = KEYSPACE_NEVER;
    if (!expiry_options_resolve(&options.expiry, context, &expiry_ms)) {
        return;
    }
    struct command_string old;
    bool exists = false;
    if (options.returns_old) {
        if (!command_find_string(context, 1, &old)) {
            return;
        }
        command_reply_string(context, &old);
        exists = old.item != NULL;
    } else {
        exists = command_find(context, 1) != NULL;
    }
    if ((options.only_if_absent && exists) || (options.only_if_present && !exists)) {
        if (!options.returns_old) {
            reply_null(context->reply);
        }
        return;
    }
    set_text(context, 2, expiry_ms);
    if (!options.returns_old) {
        reply_ok(context->reply);
    }
}

void handle_setnx(struct command_context *context)
{
    bool exists = command_find(context, 1) != NULL;
    if (!exists) {
        set_text(context, 2, KEYSPACE_NEVER);
    }
    reply_integer(context->reply, exists ? 0 : 1);
}

static void set_with_time(struct command_context *context, enum expiry_unit unit)
{
    struct expiry_options options = {.kind = EXPIRY_RELATIVE, .unit = unit, .argument = 2};
    int64_t expiry_ms = KEYSPACE_NEVER;
    if (!expiry_options_resolve(&options, context, &expiry_ms)) {
        return;
    }
    (void)command_find(context, 1);
    set_text(context, 3, expiry_ms);
    reply_ok(context->reply);
}

void handle_setex(struct command_context *context)
{
    set_with_time(context, EXPIRY_SECONDS);
}

void handle_psetex(struct command_context *context)
{
    set_with_time(context, EXPIRY_MILLISECONDS);
}

void handle_get(struct command_context *context)
{
    struct command_string string;
    if (command_find_string(context, 1, &string)) {
        command_reply_string(context, &string);
    }
}

void handle_getset(struct command_context *context)
{
    struct command_string old;
    if (command_find_string(context, 1, &old)) {
        command_reply_string(context, &old);
        set_text(context, 2, KEYSPACE_NEVER);
    }
}

void handle_getdel(struct command_context *context)
{
    struct command_string old;
    if (command_find_string(context, 1, &old)) {
        command_reply_string(context, &old);
        if (keyspace_delete(context->keyspace, context->database, context->arguments[1])) {
            command_notify(context, NOTIFY_GENERIC, "del", context->arguments[1]);
        }
    }
}

void handle_getex(struct command_context *context)
{
    struct expiry_options options = {0};
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        if (!expiry_options_take(&options, context, &i, "persist")) {
            command_refuse_syntax(context);
            return;
        }
    }
    struct command_string string;
    if (!command_find_string(context, 1, &string)) {
        return;
    }
    if (string.item == NULL) {
        reply_null(context->reply);
        return;
    }
    int64_t expiry_ms = KEYSPACE_NEVER;
    if (!expiry_options_resolve(&options, context, &expiry_ms)) {
        return;
    }
    command_reply_string(context, &string);
    struct slice key = context->arguments[1];
    if (options.kind == EXPIRY_NONE) {
        return;
    }
    if (options.kind == EXPIRY_WORD) { /* PERSIST */
        if (keyspace_item_expiry(string.item) != KEYSPACE_NEVER) {
            keyspace_set_expiry(context->keyspace, context->database, key, KEYSPACE_NEVER);
            command_notify(context, NOTIFY_GENERIC, "persist", key);
        }
    } else {
        command_expire(context, key, expiry_ms);
    }
}

void handle_mget(struct command_context *context)
{
    reply_array(context->reply, context->arguments_count - 1);
    for (uint32_t i = 1; i < context->arguments_count; i++) {
        const struct item *item = command_find(context, i);
        struct value value = {.type = VALUE_TYPE_COUNT};
        if (item != NULL) {
            value = keyspace_item_value(item);
        }
        if (value.type != VALUE_TYPE_STRING) {
            reply_null(context->reply);
            continue;
        }
        char scratch[NUMBER_INT64_BYTES];
        reply_bulk(context->reply, value_text(&value, scratch));
    }
}

/* MSET's arguments come in pairs behind the name. */
static bool check_pairs(struct command_context *context)
{
    if (context->arguments_count % 2 == 0) {
        command_refuse_count(context->command, context->reply);
        return false;
    }
    return true;
}

static void set_pairs(struct command_context *context)
{
    for (uint32_t i = 1; i < context->arguments_count; i += 2) {
        struct value value = value_of_text(context->arguments[i + 1]);
        (void)command_find(context, i);
        command_store(context, i, &value, KEYSPACE_NEVER);
        command_notify(context, NOTIFY_STRING, "set", context->arguments[i]);
    }
}

void handle_mset(struct command_context *context)
{
    if (check_pairs(context)) {
        set_pairs(context);
        reply_ok(context->reply);
    }
}

void handle_msetnx(struct command_context *context)
{
    if (!check_pairs(context)) {
        return;
    }
    for (uint32_t i = 1; i < context->arguments_count; i += 2) {
        if (command_find(context, i) != NULL) {
            reply_integer(context->reply, 0);
            return;
        }
    }
    set_pairs(context);
    reply_integer(context->reply, 1);
}
