/* t_keys.c -- keys whatever they hold: DEL, EXISTS, TYPE, RENAME, COPY, MOVE, and whole databases.
 */
#include "base/prng.h"
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"

/* DEL and UNLINK: freeing large values is always put off. */
void handle_del(struct command_context *context)
{
    int64_t deleted = 0;
    for (uint32_t i = 1; i < context->arguments_count; i++) {
        /* The look-up first: a key that is due counts as gone already. */
        if (command_find_untouched(context, i) != NULL) {
            (void)keyspace_delete(context->keyspace, context->database, context->arguments[i]);
            command_notify(context, NOTIFY_GENERIC, "del", context->arguments[i]);
            deleted++;
        }
    }
    reply_integer(context->reply, deleted);
}

void handle_exists(struct command_context *context)
{
    int64_t found = 0;
    for (uint32_t i = 1; i < context->arguments_count; i++) {
        found += command_find_untouched(context, i) != NULL;
    }
    reply_integer(context->reply, found);
}

void handle_touch(struct command_context *context)
{
    int64_t found = 0;
    for (uint32_t i = 1; i < context->arguments_count; i++) {
        found += command_find(context, i) != NULL;
    }
    reply_integer(context->reply, found);
}

void handle_type(struct command_context *context)
{
    const struct item *item = command_find_untouched(context, 1);
    reply_status(context->reply,
                 item == NULL ? "none" : value_type_name(keyspace_item_value(item).type));
}

/* RENAME and RENAMENX find their source; false after "no such key". */
static bool find_source(struct command_context *context)
{
    if (command_find(context, 1) == NULL) {
        reply_error(context->reply, "ERR no such key");
        return false;
    }
    return true;
}

static void rename_key(struct command_context *context)
{
    keyspace_move(context->keyspace, context->database, context->arguments[1], context->database,
                  context->arguments[2]);
    command_notify(context, NOTIFY_GENERIC, "rename_from", context->arguments[1]);
    command_notify(context, NOTIFY_GENERIC, "rename_to", context->arguments[2]);
    command_signal_ready(context, context->arguments[2]);
}

void handle_rename(struct command_context *context)
{
    if (!find_source(context)) {
        return;
    }
    if (!slice_equals(context->arguments[1], context->arguments[2])) {
        (void)command_find(context, 2);
        rename_key(context);
    }
    reply_ok(context->reply);
}

void handle_renamenx(struct command_context *context)
{
    if (!find_source(context)) {
        return;
    }
    bool is_taken = command_find(context, 2) != NULL;
    if (!is_taken) {
        rename_key(context);
    }
    reply_integer(context->reply, is_taken ? 0 : 1);
}

static void refuse_same_object(struct command_context *context)
{
    reply_error(context->reply, "ERR source and destination objects are the same");
}

void handle_move(struct command_context *context)
{
    uint32_t target = 0;
    if (!command_read_database(context, 2, &target)) {
        return;
    }
    if (target == context->database) {
        refuse_same_object(context);
        return;
    }
    struct slice key = context->arguments[1];
    if (command_find(context, 1) == NULL ||
        keyspace_lookup_write(context->keyspace, target, key) != NULL) {
        reply_integer(context->reply, 0);
        return;
    }
    keyspace_move(context->keyspace, context->database, key, target, key);
    command_notify(context, NOTIFY_GENERIC, "move_from", key);
    command_notify_in(context, NOTIFY_GENERIC, "move_to", target, key);
    command_signal_ready_in(context, target, key);
    reply_integer(context->reply, 1);
}

void handle_copy(struct command_context *context)
{
    uint32_t target = context->database;
    bool replaces = false;
    for (uint32_t i = 3; i < context->arguments_count; i++) {
        if (slice_is_word(context->arguments[i], "replace")) {
            replaces = true;
        } else if (slice_is_word(context->arguments[i], "db") && i + 1 < context->arguments_count) {
            if (!command_read_database(context, ++i, &target)) {
                return;
            }
        } else {
            command_refuse_syntax(context);
            return;
        }
    }
    struct slice from = context->arguments[1];
    struct slice to = context->arguments[2];
    if (target == context->database && slice_equals(from, to)) {
        refuse_same_object(context);
        return;
    }
    bool is_there = command_find(context, 1) != NULL;
    bool is_taken = is_there && keyspace_lookup_write(context->keyspace, target, to) != NULL;
    if (!is_there || (is_taken && !replaces)) {
        reply_integer(context->reply, 0);
        return;
    }
    if (is_taken) {
        command_notify_in(context, NOTIFY_NEW, "new", target, to); /* removed and added, in Redis */
    }
    keyspace_copy(context->keyspace, context->database, from, target, to);
    command_notify_in(context, NOTIFY_GENERIC, "copy_to", target, to);
    command_signal_ready_in(context, target, to);
    reply_integer(context->reply, 1);
}

/* FLUSHDB and FLUSHALL take one optional word, which changes nothing here: freeing is always put
 * off. */
static bool check_flush_mode(struct command_context *context)
{
    if (context->arguments_count == 1) {
        return true;
    }
    if (context->arguments_count == 2 && (slice_is_word(context->arguments[1], "sync") ||
                                          slice_is_word(context->arguments[1], "async"))) {
        return true;
    }
    command_refuse_syntax(context);
    return false;
}

void handle_flushdb(struct command_context *context)
{
    if (check_flush_mode(context)) {
        keyspace_flush(context->keyspace, context->database);
        reply_ok(context->reply);
    }
}

void handle_flushall(struct command_context *context)
{
    if (!check_flush_mode(context)) {
        return;
    }
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        keyspace_flush(context->keyspace, i);
    }
    reply_ok(context->reply);
}

void handle_swapdb(struct command_context *context)
{
    static const char *const refusals[] = {"ERR invalid first DB index",
                                           "ERR invalid second DB index"};
    int64_t numbers[2] = {0, 0};
    for (uint32_t i = 0; i < 2; i++) {
        if (!number_parse_int64(context->arguments[i + 1], &numbers[i]) || numbers[i] < INT32_MIN ||
            numbers[i] > INT32_MAX) {
            reply_error(context->reply, refusals[i]);
            return;
        }
    }
    if (numbers[0] < 0 || numbers[0] >= LIMIT_DATABASES || numbers[1] < 0 ||
        numbers[1] >= LIMIT_DATABASES) {
        reply_error(context->reply, "ERR DB index is out of range");
        return;
    }
    if (numbers[0] != numbers[1]) {
        keyspace_swap_databases(context->keyspace, (uint32_t)numbers[0], (uint32_t)numbers[1]);
        for (uint32_t i = 0; i < 2; i++) {
            command_notify_in(context, NOTIFY_ALL_READY, "", (uint32_t)numbers[i],
                              slice_of(NULL, 0));
        }
    }
    reply_ok(context->reply);
}

void handle_dbsize(struct command_context *context)
{
    reply_integer(context->reply,
                  (int64_t)keyspace_keys_count(context->keyspace, context->database));
}

void handle_randomkey(struct command_context *context)
{
    const struct item *item =
        keyspace_random_item(context->keyspace, context->database, context->prng);
    if (item == NULL) {
        reply_null(context->reply);
    } else {
        reply_bulk(context->reply, keyspace_item_key(item));
    }
}

/* The executor notes what it saw: see replica/transaction.h. */
void handle_watch(struct command_context *context)
{
    reply_ok(context->reply);
}
