/* t_hash_walk.c -- several fields at once: HGETALL and its relatives, HSCAN, HRANDFIELD. */
#include "base/mem.h"
#include "command/command_handlers.h"
#include "command/hash_support.h"
#include "command/random_positions.h"
#include "command/scan_options.h"

static void reply_all(struct command_context *context, bool with_fields, bool with_values)
{
    const struct hash_table *hash = NULL;
    if (!command_find_hash(context, &hash)) {
        return;
    }
    uint32_t count = hash == NULL ? 0 : hash->table.count;
    if (with_fields && with_values) {
        reply_map(context->reply, count);
    } else {
        reply_array(context->reply, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (with_fields) {
            reply_bulk(context->reply, dense_entry_member(hash_table_at(hash, i)));
        }
        if (with_values) {
            reply_bulk(context->reply, dense_entry_value(hash_table_at(hash, i)));
        }
    }
}

void handle_hgetall(struct command_context *context)
{
    reply_all(context, true, true);
}

void handle_hkeys(struct command_context *context)
{
    reply_all(context, true, false);
}

void handle_hvals(struct command_context *context)
{
    reply_all(context, false, true);
}

static const struct dense_table *table_of(const struct container *container)
{
    return &hash_table_of_const(container)->table;
}

static uint32_t reply_pair(struct reply *reply, const struct dense_entry *entry, bool is_compact)
{
    (void)is_compact;
    reply_bulk(reply, dense_entry_member(entry));
    reply_bulk(reply, dense_entry_value(entry));
    return 2;
}

void handle_hscan(struct command_context *context)
{
    scan_elements(context, VALUE_TYPE_HASH, table_of, reply_pair);
}

/* ---- By chance ---- */

/* With values, RESP3 nests each pair. */
static void begin_picks(struct command_context *context, uint64_t count, bool with_values)
{
    bool is_flat = with_values && context->reply->protocol == REPLY_RESP2;
    reply_array(context->reply, is_flat ? count * 2 : count);
}

static void reply_pick(struct command_context *context, const struct dense_entry *entry,
                       bool with_values)
{
    if (!with_values) {
        reply_bulk(context->reply, dense_entry_member(entry));
        return;
    }
    if (context->reply->protocol == REPLY_RESP3) {
        reply_array(context->reply, 2);
    }
    (void)reply_pair(context->reply, entry, false);
}

static void reply_picks(struct command_context *context, const struct hash_table *hash,
                        int64_t count, bool with_values)
{
    uint32_t size = hash->table.count;
    if (count < 0) {
        size_t begin = buf_size(context->reply->out);
        bool fits = random_picks_allowed(context, (uint64_t)-count);
        if (fits) {
            begin_picks(context, (uint64_t)-count, with_values);
        }
        for (int64_t i = 0; i > count && fits; i--) {
            uint32_t position = (uint32_t)prng_below(context->prng, size);
            reply_pick(context, hash_table_at(hash, position), with_values);
            fits = random_picks_fit(context, begin);
        }
        return;
    }
    uint32_t wanted = count < size ? (uint32_t)count : size;
    uint32_t *positions = random_positions(context->prng, size, wanted);
    begin_picks(context, wanted, with_values);
    for (uint32_t i = 0; i < wanted; i++) {
        reply_pick(context, hash_table_at(hash, positions[i]), with_values);
    }
    mem_free(positions);
}

void handle_hrandfield(struct command_context *context)
{
    const struct hash_table *hash = NULL;
    int64_t count = 0;
    if (context->arguments_count == 2) {
        if (!command_find_hash(context, &hash)) {
            return;
        }
        if (hash == NULL) {
            reply_null(context->reply);
            return;
        }
        uint32_t position = (uint32_t)prng_below(context->prng, hash->table.count);
        reply_bulk(context->reply, dense_entry_member(hash_table_at(hash, position)));
        return;
    }
    bool with_values = context->arguments_count == 4;
    if (!command_read_range(context, 2, -INT64_MAX, INT64_MAX, &count)) {
        return;
    }
    if (context->arguments_count > 4 ||
        (with_values && !slice_is_word(context->arguments[3], "withvalues"))) {
        command_refuse_syntax(context);
        return;
    }
    if (with_values && (count < -INT64_MAX / 2 || count > INT64_MAX / 2)) {
        reply_error(context->reply, "ERR value is out of range");
        return;
    }
    if (!command_find_hash(context, &hash)) {
        return;
    }
    if (hash == NULL || count == 0) {
        reply_array(context->reply, 0);
    } else {
        reply_picks(context, hash, count, with_values);
    }
}
