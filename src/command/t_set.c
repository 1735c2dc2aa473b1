/* t_set.c -- sets: members come and go, are asked for and picked by chance. What combines several
 * sets is in t_set_algebra.c.
 */
#include "base/mem.h"
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"
#include "command/random_positions.h"
#include "command/scan_options.h"
#include "kv/set.h"

static bool find_set(struct command_context *context, uint32_t argument, const struct set **out)
{
    const struct container *container = NULL;
    if (!command_find_container(context, argument, VALUE_TYPE_SET, &container)) {
        return false;
    }
    *out = container == NULL ? NULL : set_of_const(container);
    return true;
}

static void end_removal(struct command_context *context, struct keyspace_change *change,
                        const char *event)
{
    struct slice key = change->key;
    bool is_there = keyspace_change_end(change);
    command_notify(context, NOTIFY_SET, event, key);
    if (!is_there) {
        command_notify(context, NOTIFY_GENERIC, "del", key);
    }
}

void handle_sadd(struct command_context *context)
{
    const struct set *found = NULL;
    if (!find_set(context, 1, &found)) {
        return;
    }
    struct keyspace_change change;
    struct set *set = set_of(command_change_begin(context, 1, VALUE_TYPE_SET, &change));
    int64_t added = 0;
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        added += set_add(set, context->arguments[i]);
    }
    (void)keyspace_change_end(&change);
    if (added > 0) {
        command_notify(context, NOTIFY_SET, "sadd", context->arguments[1]);
    }
    reply_integer(context->reply, added);
}

void handle_srem(struct command_context *context)
{
    const struct set *found = NULL;
    if (!find_set(context, 1, &found)) {
        return;
    }
    if (found == NULL) {
        reply_integer(context->reply, 0);
        return;
    }
    struct keyspace_change change;
    struct set *set = set_of(command_change_begin(context, 1, VALUE_TYPE_SET, &change));
    int64_t removed = 0;
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        removed += set_remove(set, context->arguments[i]);
    }
    if (removed > 0) {
        end_removal(context, &change, "srem");
    } else {
        (void)keyspace_change_end(&change);
    }
    reply_integer(context->reply, removed);
}

void handle_smove(struct command_context *context)
{
    const struct set *source = NULL;
    const struct set *target = NULL;
    struct slice member = context->arguments[3];
    if (!find_set(context, 1, &source)) {
        return;
    }
    if (source == NULL) {
        reply_integer(context->reply, 0);
        return;
    }
    if (!find_set(context, 2, &target)) {
        return;
    }
    bool is_there = set_has(source, member);
    reply_integer(context->reply, is_there);
    if (!is_there || source == target) {
        return;
    }
    bool is_new = target == NULL || !set_has(target, member);
    struct keyspace_change change;
    (void)set_remove(set_of(command_change_begin(context, 1, VALUE_TYPE_SET, &change)), member);
    end_removal(context, &change, "srem");
    if (is_new) {
        (void)set_add(set_of(command_change_begin(context, 2, VALUE_TYPE_SET, &change)), member);
        (void)keyspace_change_end(&change);
        command_notify(context, NOTIFY_SET, "sadd", context->arguments[2]);
    }
}

void handle_sismember(struct command_context *context)
{
    const struct set *set = NULL;
    if (find_set(context, 1, &set)) {
        reply_integer(context->reply, set != NULL && set_has(set, context->arguments[2]));
    }
}

void handle_smismember(struct command_context *context)
{
    const struct set *set = NULL;
    if (!find_set(context, 1, &set)) {
        return;
    }
    reply_array(context->reply, context->arguments_count - 2);
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        reply_integer(context->reply, set != NULL && set_has(set, context->arguments[i]));
    }
}

void handle_scard(struct command_context *context)
{
    const struct set *set = NULL;
    if (find_set(context, 1, &set)) {
        reply_integer(context->reply, set == NULL ? 0 : (int64_t)set->container.count);
    }
}

/* ---- By chance ---- */

static void pop_some(struct command_context *context, uint64_t count)
{
    struct keyspace_change change;
    struct set *set = set_of(command_change_begin(context, 1, VALUE_TYPE_SET, &change));
    for (uint64_t i = 0; i < count; i++) {
        uint32_t position = (uint32_t)prng_below(context->prng, set->container.count);
        reply_bulk(context->reply, set_member_at(set, position));
        set_remove_at(set, position);
    }
    end_removal(context, &change, "spop");
}

void handle_spop(struct command_context *context)
{
    if (context->arguments_count > 3) {
        command_refuse_syntax(context);
        return;
    }
    bool has_count = context->arguments_count == 3;
    int64_t count = 1;
    if (has_count && (!number_parse_int64(context->arguments[2], &count) || count < 0)) {
        reply_error(context->reply, "ERR value is out of range, must be positive");
        return;
    }
    const struct set *set = NULL;
    if (!find_set(context, 1, &set)) {
        return;
    }
    uint64_t there = set == NULL ? 0 : set->container.count;
    uint64_t wanted = (uint64_t)count < there ? (uint64_t)count : there;
    if (has_count) {
        reply_set(context->reply, wanted);
    } else if (there == 0) {
        reply_null(context->reply);
    }
    if (wanted > 0) {
        pop_some(context, wanted);
    }
}

/* Picks that may repeat. */
static void reply_repeated(struct command_context *context, const struct set *set, uint64_t count)
{
    size_t begin = buf_size(context->reply->out);
    if (!random_picks_allowed(context, count)) {
        return;
    }
    reply_array(context->reply, count);
    bool fits = true;
    for (uint64_t i = 0; i < count && fits; i++) {
        uint64_t position = prng_below(context->prng, set->container.count);
        reply_bulk(context->reply, set_member_at(set, (uint32_t)position));
        fits = random_picks_fit(context, begin);
    }
}

void handle_srandmember(struct command_context *context)
{
    const struct set *set = NULL;
    if (context->arguments_count > 3) {
        command_refuse_syntax(context);
        return;
    }
    bool has_count = context->arguments_count == 3;
    int64_t count = 0;
    if (has_count && !command_read_range(context, 2, -INT64_MAX, INT64_MAX, &count)) {
        return;
    }
    if (!find_set(context, 1, &set)) {
        return;
    }
    if (!has_count && set == NULL) {
        reply_null(context->reply);
    } else if (!has_count) {
        uint64_t position = prng_below(context->prng, set->container.count);
        reply_bulk(context->reply, set_member_at(set, (uint32_t)position));
    } else if (set == NULL || count == 0) {
        reply_array(context->reply, 0);
    } else if (count < 0) {
        reply_repeated(context, set, (uint64_t)-count);
    } else {
        uint32_t size = set->table.count;
        uint32_t wanted = count < size ? (uint32_t)count : size;
        uint32_t *positions = random_positions(context->prng, size, wanted);
        reply_array(context->reply, wanted);
        for (uint32_t i = 0; i < wanted; i++) {
            reply_bulk(context->reply, set_member_at(set, positions[i]));
        }
        mem_free(positions);
    }
}

/* ---- Walks ---- */

static const struct dense_table *table_of(const struct container *container)
{
    return &set_of_const(container)->table;
}

static uint32_t reply_member(struct reply *reply, const struct dense_entry *entry, bool is_compact)
{
    (void)is_compact;
    reply_bulk(reply, dense_entry_member(entry));
    return 1;
}

void handle_sscan(struct command_context *context)
{
    scan_elements(context, VALUE_TYPE_SET, table_of, reply_member);
}

void handle_smembers(struct command_context *context)
{
    const struct set *set = NULL;
    if (!find_set(context, 1, &set)) {
        return;
    }
    uint32_t count = set == NULL ? 0 : set->table.count;
    reply_set(context->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        reply_bulk(context->reply, set_member_at(set, i));
    }
}
