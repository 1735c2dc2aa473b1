/* t_zset_pop.c -- members of a sorted set are taken from an end, or picked by chance. */
#include "base/mem.h"
#include "command/command_handlers.h"
#include "command/command_wait.h"
#include "command/random_positions.h"
#include "command/zset_support.h"

enum pop_form {
    POP_FLAT,   /* member, score, member, ... */
    POP_NESTED, /* an array a pair */
};

/* Takes number members (all there) from an end of the sorted set at a key argument. */
static void pop_some(struct command_context *context, uint32_t argument, bool from_highest,
                     uint64_t number, enum pop_form form)
{
    struct keyspace_change change;
    struct sorted_set *set =
        sorted_set_of(command_change_begin(context, argument, VALUE_TYPE_ZSET, &change));
    for (; number > 0; number--) {
        uint64_t rank = from_highest ? command_zset_count(set) - 1 : 0;
        const struct sorted_node *node = sorted_set_at(set, rank);
        if (form == POP_NESTED) {
            reply_array(context->reply, 2);
        }
        reply_bulk(context->reply, sorted_node_member(node));
        reply_double(context->reply, sorted_node_score(node));
        (void)sorted_set_remove(set, sorted_node_member(node));
    }
    zset_end_removal(context, &change, from_highest ? "zpopmax" : "zpopmin");
}

static void pop(struct command_context *context, bool from_highest)
{
    const struct sorted_set *set = NULL;
    bool has_count = context->arguments_count == 3;
    int64_t count = 1;
    if (context->arguments_count > 3) {
        command_refuse_syntax(context);
        return;
    }
    if (has_count && (!number_parse_int64(context->arguments[2], &count) || count < 0)) {
        reply_error(context->reply, "ERR value is out of range, must be positive");
        return;
    }
    if (!command_find_zset(context, 1, &set)) {
        return;
    }
    uint64_t there = command_zset_count(set);
    uint64_t wanted = (uint64_t)count < there ? (uint64_t)count : there;
    bool is_nested = has_count && context->reply->protocol == REPLY_RESP3;
    reply_array(context->reply, is_nested ? wanted : wanted * 2);
    if (wanted > 0) {
        pop_some(context, 1, from_highest, wanted, is_nested ? POP_NESTED : POP_FLAT);
    }
}

void handle_zpopmin(struct command_context *context)
{
    pop(context, false);
}

void handle_zpopmax(struct command_context *context)
{
    pop(context, true);
}

/* Reads MIN|MAX [COUNT count] behind the keys. */
static bool read_pop_options(struct command_context *context, uint32_t argument, bool *from_highest,
                             int64_t *count)
{
    uint32_t left = argument < context->arguments_count ? context->arguments_count - argument : 0;
    *from_highest = left > 0 && slice_is_word(context->arguments[argument], "max");
    bool is_end = *from_highest || (left > 0 && slice_is_word(context->arguments[argument], "min"));
    *count = 1;
    if (!is_end || left == 2 ||
        (left > 2 && !slice_is_word(context->arguments[argument + 1], "count"))) {
        command_refuse_syntax(context);
        return false;
    }
    if (left > 2 && (!number_parse_int64(context->arguments[argument + 2], count) || *count < 1)) {
        reply_error(context->reply, "ERR count should be greater than 0");
        return false;
    }
    if (left > 3) {
        command_refuse_syntax(context);
        return false;
    }
    return true;
}

/* What ZMPOP and BZMPOP take behind the timeout. */
struct pop_options {
    uint32_t keys_first;
    uint32_t keys_end;
    bool from_highest;
    int64_t count;
};

static bool read_options(struct command_context *context, uint32_t numkeys,
                         struct pop_options *options)
{
    int64_t keys = 0;
    if (!number_parse_int64(context->arguments[numkeys], &keys) || keys < 1) {
        reply_error(context->reply, "ERR numkeys should be greater than 0");
        return false;
    }
    uint32_t behind = context->arguments_count;
    options->keys_first = numkeys + 1;
    options->keys_end = keys < behind - numkeys ? numkeys + 1 + (uint32_t)keys : behind;
    return read_pop_options(context, options->keys_end, &options->from_highest, &options->count);
}

/* The members at the first key that has some, in the form of BZPOPMIN if count is 0. */
static void pop_first(struct command_context *context, const struct pop_options *options)
{
    for (uint32_t i = options->keys_first; i < options->keys_end; i++) {
        const struct sorted_set *set = NULL;
        if (!command_find_zset(context, i, &set)) {
            context->miss = COMMAND_MISS_WRONG_TYPE;
            return;
        }
        uint64_t there = command_zset_count(set);
        if (there == 0) {
            continue;
        }
        uint64_t wanted = (uint64_t)options->count < there ? (uint64_t)options->count : there;
        reply_array(context->reply, options->count == 0 ? 3 : 2);
        reply_bulk(context->reply, context->arguments[i]);
        if (options->count == 0) {
            pop_some(context, i, options->from_highest, 1, POP_FLAT);
        } else {
            reply_array(context->reply, wanted);
            pop_some(context, i, options->from_highest, wanted, POP_NESTED);
        }
        return;
    }
    context->miss = COMMAND_MISS_EMPTY;
    reply_null_array(context->reply);
}

void handle_zmpop(struct command_context *context)
{
    struct pop_options options;
    if (read_options(context, 1, &options)) {
        pop_first(context, &options);
    }
}

void handle_bzmpop(struct command_context *context)
{
    struct pop_options options;
    int64_t timeout_ms = 0;
    if (read_options(context, 2, &options) && command_read_timeout(context, 1, &timeout_ms)) {
        pop_first(context, &options);
    }
}

static void pop_one(struct command_context *context, bool from_highest)
{
    struct pop_options options = {
        .keys_first = 1, .keys_end = context->arguments_count - 1, .from_highest = from_highest};
    int64_t timeout_ms = 0;
    if (command_read_timeout(context, options.keys_end, &timeout_ms)) {
        pop_first(context, &options);
    }
}

void handle_bzpopmin(struct command_context *context)
{
    pop_one(context, false);
}

void handle_bzpopmax(struct command_context *context)
{
    pop_one(context, true);
}

/* ---- By chance ---- */

static void reply_entry(struct command_context *context, const struct dense_entry *entry,
                        bool with_scores)
{
    zset_reply_member(context->reply, dense_entry_member(entry), sorted_set_entry_score(entry),
                      with_scores);
}

static void reply_picks(struct command_context *context, const struct dense_table *table,
                        int64_t count, bool with_scores)
{
    if (count < 0) {
        size_t begin = buf_size(context->reply->out);
        bool fits = random_picks_allowed(context, (uint64_t)-count);
        if (fits) {
            zset_reply_begin(context->reply, (uint64_t)-count, with_scores);
        }
        for (int64_t i = 0; i > count && fits; i--) {
            uint64_t position = prng_below(context->prng, table->count);
            reply_entry(context, table->entries[position], with_scores);
            fits = random_picks_fit(context, begin);
        }
        return;
    }
    uint32_t wanted = count < table->count ? (uint32_t)count : table->count;
    uint32_t *positions = random_positions(context->prng, table->count, wanted);
    zset_reply_begin(context->reply, wanted, with_scores);
    for (uint32_t i = 0; i < wanted; i++) {
        reply_entry(context, table->entries[positions[i]], with_scores);
    }
    mem_free(positions);
}

void handle_zrandmember(struct command_context *context)
{
    const struct sorted_set *set = NULL;
    int64_t count = 0;
    bool has_count = context->arguments_count > 2;
    bool with_scores = context->arguments_count == 4;
    if (has_count && !command_read_range(context, 2, -INT64_MAX, INT64_MAX, &count)) {
        return;
    }
    if (context->arguments_count > 4 ||
        (with_scores && !slice_is_word(context->arguments[3], "withscores"))) {
        command_refuse_syntax(context);
        return;
    }
    if (with_scores && (count < -INT64_MAX / 2 || count > INT64_MAX / 2)) {
        reply_error(context->reply, "ERR value is out of range");
        return;
    }
    if (!command_find_zset(context, 1, &set)) {
        return;
    }
    if (!has_count && set == NULL) {
        reply_null(context->reply);
    } else if (!has_count) {
        const struct dense_table *table = sorted_set_table(set);
        uint64_t position = prng_below(context->prng, table->count);
        reply_bulk(context->reply, dense_entry_member(table->entries[position]));
    } else if (set == NULL || count == 0) {
        reply_array(context->reply, 0);
    } else {
        reply_picks(context, sorted_set_table(set), count, with_scores);
    }
}
