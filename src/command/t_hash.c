/* t_hash.c -- hashes: fields are set, read, counted and removed. Numbers in fields are in
 * t_hash_counter.c, walks and random picks in t_hash_walk.c.
 */
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"
#include "command/hash_support.h"

bool command_find_hash(struct command_context *context, const struct hash_table **out)
{
    const struct container *container = NULL;
    if (!command_find_container(context, 1, VALUE_TYPE_HASH, &container)) {
        return false;
    }
    *out = container == NULL ? NULL : hash_table_of_const(container);
    return true;
}

bool command_set_field(struct command_context *context, struct slice field, struct slice value,
                       const char *event)
{
    struct keyspace_change change;
    struct hash_table *hash =
        hash_table_of(command_change_begin(context, 1, VALUE_TYPE_HASH, &change));
    bool is_new = hash_table_set(hash, field, value);
    (void)keyspace_change_end(&change);
    command_notify(context, NOTIFY_HASH, event, context->arguments[1]);
    return is_new;
}

/* Sets all fields of the arguments; returns how many were new. False: has replied. */
static bool set_fields(struct command_context *context, int64_t *added)
{
    const struct hash_table *found = NULL;
    if (context->arguments_count % 2 == 1) {
        command_refuse_count(context->command, context->reply);
        return false;
    }
    if (!command_find_hash(context, &found)) {
        return false;
    }
    struct keyspace_change change;
    struct hash_table *hash =
        hash_table_of(command_change_begin(context, 1, VALUE_TYPE_HASH, &change));
    for (uint32_t i = 2; i < context->arguments_count; i += 2) {
        *added += hash_table_set(hash, context->arguments[i], context->arguments[i + 1]);
    }
    (void)keyspace_change_end(&change);
    command_notify(context, NOTIFY_HASH, "hset", context->arguments[1]);
    return true;
}

void handle_hset(struct command_context *context)
{
    int64_t added = 0;
    if (set_fields(context, &added)) {
        reply_integer(context->reply, added);
    }
}

void handle_hmset(struct command_context *context)
{
    int64_t added = 0;
    if (set_fields(context, &added)) {
        reply_ok(context->reply);
    }
}

void handle_hsetnx(struct command_context *context)
{
    const struct hash_table *found = NULL;
    struct slice value;
    if (!command_find_hash(context, &found)) {
        return;
    }
    if (found != NULL && hash_table_get(found, context->arguments[2], &value)) {
        reply_integer(context->reply, 0);
        return;
    }
    (void)command_set_field(context, context->arguments[2], context->arguments[3], "hset");
    reply_integer(context->reply, 1);
}

static void reply_field(struct command_context *context, const struct hash_table *hash,
                        struct slice field)
{
    struct slice value;
    if (hash != NULL && hash_table_get(hash, field, &value)) {
        reply_bulk(context->reply, value);
    } else {
        reply_null(context->reply);
    }
}

void handle_hget(struct command_context *context)
{
    const struct hash_table *hash = NULL;
    if (command_find_hash(context, &hash)) {
        reply_field(context, hash, context->arguments[2]);
    }
}

void handle_hmget(struct command_context *context)
{
    const struct hash_table *hash = NULL;
    if (!command_find_hash(context, &hash)) {
        return;
    }
    reply_array(context->reply, context->arguments_count - 2);
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        reply_field(context, hash, context->arguments[i]);
    }
}

void handle_hexists(struct command_context *context)
{
    const struct hash_table *hash = NULL;
    struct slice value;
    if (command_find_hash(context, &hash)) {
        reply_integer(context->reply,
                      hash != NULL && hash_table_get(hash, context->arguments[2], &value));
    }
}

void handle_hstrlen(struct command_context *context)
{
    const struct hash_table *hash = NULL;
    struct slice value = {NULL, 0};
    if (!command_find_hash(context, &hash)) {
        return;
    }
    if (hash != NULL) {
        (void)hash_table_get(hash, context->arguments[2], &value);
    }
    reply_integer(context->reply, (int64_t)value.size);
}

void handle_hlen(struct command_context *context)
{
    const struct hash_table *hash = NULL;
    if (command_find_hash(context, &hash)) {
        reply_integer(context->reply, hash == NULL ? 0 : (int64_t)hash->container.count);
    }
}

void handle_hdel(struct command_context *context)
{
    const struct hash_table *found = NULL;
    if (!command_find_hash(context, &found)) {
        return;
    }
    if (found == NULL) {
        reply_integer(context->reply, 0);
        return;
    }
    struct keyspace_change change;
    struct hash_table *hash =
        hash_table_of(command_change_begin(context, 1, VALUE_TYPE_HASH, &change));
    int64_t removed = 0;
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        removed += hash_table_remove(hash, context->arguments[i]);
    }
    bool is_there = keyspace_change_end(&change);
    if (removed > 0) {
        command_notify(context, NOTIFY_HASH, "hdel", context->arguments[1]);
    }
    if (!is_there) {
        command_notify(context, NOTIFY_GENERIC, "del", context->arguments[1]);
    }
    reply_integer(context->reply, removed);
}
