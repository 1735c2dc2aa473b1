/* t_zset_algebra.c -- what combines several sorted sets, sets among them: union, intersection and
 * difference, listed, stored and counted.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "command/command_handlers.h"
#include "command/zset_support.h"
#include "kv/set.h"

enum aggregate { AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX };

struct operand {
    const struct dense_table *table; /* NULL: no such key */
    double weight;
    bool is_set;       /* whose members all count with a score of 1 */
    uint32_t position; /* among the arguments */
};

struct combination {
    struct operand *operands;
    uint32_t count;
    enum aggregate aggregate;
    bool weighs; /* takes WEIGHTS and AGGREGATE */
    bool stores; /* and takes no WITHSCORES */
    bool with_scores;
    struct container *result;
};

static bool read_keys(struct command_context *context, uint32_t numkeys,
                      struct combination *combination)
{
    int64_t count = 0;
    if (!command_read_int64(context, numkeys, &count)) {
        return false;
    }
    if (count < 1) {
        reply_error_format(context->reply, "ERR at least 1 input key is needed for '%s' command",
                           context->command->name);
        return false;
    }
    if (count > context->arguments_count - numkeys - 1) {
        command_refuse_syntax(context);
        return false;
    }
    combination->count = (uint32_t)count;
    combination->operands = mem_alloc_zeroed((size_t)count, sizeof(*combination->operands));
    for (uint32_t i = 0; i < combination->count; i++) {
        struct operand *operand = &combination->operands[i];
        const struct item *item = command_find(context, numkeys + 1 + i);
        operand->weight = 1;
        if (item == NULL) {
            continue;
        }
        struct value value = keyspace_item_value(item);
        operand->is_set = value.type == VALUE_TYPE_SET;
        if (!operand->is_set && value.type != VALUE_TYPE_ZSET) {
            command_refuse_type(context);
            return false;
        }
        operand->table = operand->is_set ? &set_of_const(value.container)->table
                                         : sorted_set_table(sorted_set_of_const(value.container));
    }
    return true;
}

static bool read_weights(struct command_context *context, uint32_t first,
                         struct combination *combination)
{
    for (uint32_t i = 0; i < combination->count; i++) {
        if (!number_parse_double(context->arguments[first + i], &combination->operands[i].weight)) {
            reply_error(context->reply, "ERR weight value is not a float");
            return false;
        }
    }
    return true;
}

static bool read_aggregate(struct command_context *context, struct slice word,
                           enum aggregate *aggregate)
{
    if (slice_is_word(word, "sum")) {
        *aggregate = AGGREGATE_SUM;
    } else if (slice_is_word(word, "min")) {
        *aggregate = AGGREGATE_MIN;
    } else if (slice_is_word(word, "max")) {
        *aggregate = AGGREGATE_MAX;
    } else {
        command_refuse_syntax(context);
        return false;
    }
    return true;
}

static bool read_options(struct command_context *context, uint32_t first,
                         struct combination *combination)
{
    for (uint32_t i = first; i < context->arguments_count; i++) {
        struct slice word = context->arguments[i];
        uint32_t left = context->arguments_count - i - 1;
        if (combination->weighs && left >= combination->count && slice_is_word(word, "weights")) {
            if (!read_weights(context, i + 1, combination)) {
                return false;
            }
            i += combination->count;
        } else if (combination->weighs && left >= 1 && slice_is_word(word, "aggregate")) {
            if (!read_aggregate(context, context->arguments[++i], &combination->aggregate)) {
                return false;
            }
        } else if (!combination->stores && slice_is_word(word, "withscores")) {
            combination->with_scores = true;
        } else {
            command_refuse_syntax(context);
            return false;
        }
    }
    return true;
}

/* ---- Combining ---- */

/* May be NaN, of an infinity and 0. */
static double weigh(const struct operand *operand, const struct dense_entry *entry)
{
    return operand->weight * (operand->is_set ? 1 : sorted_set_entry_score(entry));
}

static double score_of(const struct operand *operand, const struct dense_entry *entry)
{
    double score = weigh(operand, entry);
    return isnan(score) ? 0 : score;
}

static double join(enum aggregate aggregate, double a, double b)
{
    switch (aggregate) {
    case AGGREGATE_MIN:
        return b < a ? b : a;
    case AGGREGATE_MAX:
        return b > a ? b : a;
    case AGGREGATE_SUM:
        break;
    }
    double sum = a + b;
    return isnan(sum) ? 0 : sum;
}

static const struct dense_entry *find(const struct operand *operand, struct slice member)
{
    uint32_t position =
        operand->table == NULL ? DENSE_TABLE_NOWHERE : dense_table_find(operand->table, member);
    return position == DENSE_TABLE_NOWHERE ? NULL : operand->table->entries[position];
}

typedef void combine_sets(struct combination *combination);

static uint64_t count_of(const struct operand *operand)
{
    return operand->table == NULL ? 0 : operand->table->count;
}

static int compare_operands(const void *left, const void *right)
{
    const struct operand *a = left;
    const struct operand *b = right;
    if (count_of(a) != count_of(b)) {
        return count_of(a) < count_of(b) ? -1 : 1;
    }
    return a->position < b->position ? -1 : 1;
}

/* The order of Redis, which sums of doubles depend on: the smallest first, else as they were given.
 */
static void put_smallest_first(struct combination *combination)
{
    for (uint32_t i = 0; i < combination->count; i++) {
        combination->operands[i].position = i;
    }
    qsort(combination->operands, combination->count, sizeof(combination->operands[0]),
          compare_operands);
}

static void unite(struct combination *combination)
{
    put_smallest_first(combination);
    struct sorted_set *result = sorted_set_of(combination->result);
    for (uint32_t i = 0; i < combination->count; i++) {
        const struct operand *operand = &combination->operands[i];
        for (uint32_t j = 0; operand->table != NULL && j < operand->table->count; j++) {
            const struct dense_entry *entry = operand->table->entries[j];
            struct slice member = dense_entry_member(entry);
            double score = score_of(operand, entry);
            double before = 0;
            if (sorted_set_score(result, member, &before)) {
                score = join(combination->aggregate, before, score);
            }
            (void)sorted_set_put(result, member, score);
        }
    }
}

static bool are_all_there(const struct combination *combination)
{
    for (uint32_t i = 0; i < combination->count; i++) {
        if (combination->operands[i].table == NULL) {
            return false;
        }
    }
    return true;
}

static void intersect(struct combination *combination)
{
    if (!are_all_there(combination)) {
        return;
    }
    put_smallest_first(combination);
    const struct operand *smallest = &combination->operands[0];
    for (uint32_t j = 0; j < smallest->table->count; j++) {
        const struct dense_entry *entry = smallest->table->entries[j];
        struct slice member = dense_entry_member(entry);
        double score = score_of(smallest, entry);
        uint32_t i = 1;
        for (; i < combination->count; i++) {
            const struct dense_entry *other = find(&combination->operands[i], member);
            if (other == NULL) {
                break;
            }
            /* Unlike a union, as in Redis: a sum with what is no number is 0 as a whole. */
            score = join(combination->aggregate, score, weigh(&combination->operands[i], other));
        }
        if (i == combination->count) {
            (void)sorted_set_put(sorted_set_of(combination->result), member, score);
        }
    }
}

static void subtract(struct combination *combination)
{
    const struct operand *first = &combination->operands[0];
    for (uint32_t j = 0; first->table != NULL && j < first->table->count; j++) {
        const struct dense_entry *entry = first->table->entries[j];
        struct slice member = dense_entry_member(entry);
        uint32_t i = 1;
        while (i < combination->count && find(&combination->operands[i], member) == NULL) {
            i++;
        }
        if (i == combination->count) {
            (void)sorted_set_put(sorted_set_of(combination->result), member,
                                 score_of(first, entry));
        }
    }
}

/* ---- Commands ---- */

/* Reads and combines; false: has replied with an error. The caller frees operands in either case,
 * and takes over the result. */
static bool run(struct command_context *context, uint32_t numkeys, combine_sets *combine,
                struct combination *combination)
{
    if (!read_keys(context, numkeys, combination) ||
        !read_options(context, numkeys + 1 + combination->count, combination)) {
        return false;
    }
    combination->result = keyspace_create_container(context->keyspace, VALUE_TYPE_ZSET);
    combine(combination);
    return true;
}

static void list(struct command_context *context, bool weighs, combine_sets *combine)
{
    struct combination combination = {.weighs = weighs};
    if (run(context, 1, combine, &combination)) {
        const struct sorted_set *result = sorted_set_of_const(combination.result);
        const struct sorted_node *node = sorted_set_at(result, 0);
        zset_reply_begin(context->reply, command_zset_count(result), combination.with_scores);
        for (; node != NULL; node = sorted_node_next(node)) {
            zset_reply_member(context->reply, sorted_node_member(node), sorted_node_score(node),
                              combination.with_scores);
        }
        container_free(combination.result);
    }
    mem_free(combination.operands);
}

static void store(struct command_context *context, bool weighs, combine_sets *combine,
                  const char *event)
{
    struct combination combination = {.weighs = weighs, .stores = true};
    if (run(context, 2, combine, &combination)) {
        zset_store(context, 1, combination.result, event);
    }
    mem_free(combination.operands);
}

void handle_zunion(struct command_context *context)
{
    list(context, true, unite);
}

void handle_zinter(struct command_context *context)
{
    list(context, true, intersect);
}

void handle_zdiff(struct command_context *context)
{
    list(context, false, subtract);
}

void handle_zunionstore(struct command_context *context)
{
    store(context, true, unite, "zunionstore");
}

void handle_zinterstore(struct command_context *context)
{
    store(context, true, intersect, "zinterstore");
}

void handle_zdiffstore(struct command_context *context)
{
    store(context, false, subtract, "zdiffstore");
}

static bool read_limit(struct command_context *context, uint32_t first, int64_t *limit)
{
    for (uint32_t i = first; i < context->arguments_count; i += 2) {
        if (!slice_is_word(context->arguments[i], "limit") || i + 1 >= context->arguments_count) {
            command_refuse_syntax(context);
            return false;
        }
        if (!number_parse_int64(context->arguments[i + 1], limit) || *limit < 0) {
            reply_error(context->reply, "ERR LIMIT can't be negative");
            return false;
        }
    }
    return true;
}

void handle_zintercard(struct command_context *context)
{
    struct combination combination = {0};
    int64_t limit = 0;
    int64_t count = 0;
    if (read_keys(context, 1, &combination) && read_limit(context, 2 + combination.count, &limit)) {
        if (are_all_there(&combination)) {
            put_smallest_first(&combination);
            const struct dense_table *smallest = combination.operands[0].table;
            for (uint32_t j = 0; j < smallest->count && (limit == 0 || count < limit); j++) {
                struct slice member = dense_entry_member(smallest->entries[j]);
                uint32_t i = 1;
                while (i < combination.count && find(&combination.operands[i], member) != NULL) {
                    i++;
                }
                count += i == combination.count;
            }
        }
        reply_integer(context->reply, count);
    }
    mem_free(combination.operands);
}
