/* t_zset.c -- sorted sets: members with scores are put in, removed and asked for. Ranges are in
 * t_zset_range.c, pops and random picks in t_zset_pop.c, what combines several in
 * t_zset_algebra.c.
 */
#include <math.h>

#include "base/mem.h"
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/scan_options.h"
#include "command/zset_support.h"

/* ---- ZADD and ZINCRBY ---- */

struct add_options {
    bool only_new;       /* NX */
    bool only_there;     /* XX */
    bool only_greater;   /* GT */
    bool only_less;      /* LT */
    bool counts_changes; /* CH */
    bool increments;     /* INCR */
};

struct add_run {
    const struct add_options *options;
    struct sorted_set *set;
    int64_t added;
    int64_t changed;
    bool is_done; /* the last pair was not passed over */
    double score; /* of the last pair */
};

/* Puts one pair; false: the sum is no number, and has been replied to. */
static bool put(struct command_context *context, struct add_run *run, struct slice member,
                double score)
{
    const struct add_options *options = run->options;
    double old = 0;
    bool is_there = sorted_set_score(run->set, member, &old);
    run->is_done = false;
    if (is_there ? options->only_new : options->only_there) {
        return true;
    }
    if (is_there && options->increments) {
        score += old;
        if (isnan(score)) {
            reply_error(context->reply, "ERR resulting score is not a number (NaN)");
            return false;
        }
    }
    if (is_there &&
        ((options->only_greater && score <= old) || (options->only_less && score >= old))) {
        return true;
    }
    run->is_done = true;
    run->score = score;
    run->added += !is_there;
    run->changed += is_there && score != old;
    (void)sorted_set_put(run->set, member, score);
    return true;
}

/* Adds the pairs from an argument on; their scores were read. */
static void add_pairs(struct command_context *context, const struct add_options *options,
                      uint32_t first, const double *scores)
{
    struct add_run run = {.options = options};
    struct keyspace_change change;
    run.set = sorted_set_of(command_change_begin(context, 1, VALUE_TYPE_ZSET, &change));
    bool is_number = true;
    for (uint32_t i = first; i < context->arguments_count && is_number; i += 2) {
        is_number = put(context, &run, context->arguments[i + 1], scores[(i - first) / 2]);
    }
    (void)keyspace_change_end(&change);
    if (run.added + run.changed > 0) {
        command_notify(context, NOTIFY_ZSET, options->increments ? "zincr" : "zadd",
                       context->arguments[1]);
    }
    if (run.added > 0) {
        command_signal_ready(context, context->arguments[1]);
    }
    if (!is_number) {
        return;
    }
    if (!options->increments) {
        reply_integer(context->reply,
                      options->counts_changes ? run.added + run.changed : run.added);
    } else if (run.is_done) {
        reply_double(context->reply, run.score);
    } else {
        reply_null(context->reply);
    }
}

static void add(struct command_context *context, const struct add_options *options, uint32_t first)
{
    const struct sorted_set *found = NULL;
    uint32_t pairs = (context->arguments_count - first) / 2;
    double *scores = mem_alloc(pairs * sizeof(*scores));
    bool is_good = true;
    for (uint32_t i = 0; i < pairs && is_good; i++) {
        is_good = number_parse_double(context->arguments[first + i * 2], &scores[i]);
    }
    if (!is_good) {
        reply_error(context->reply, "ERR value is not a valid float");
    } else if (command_find_zset(context, 1, &found)) {
        if (found == NULL && options->only_there) {
            (options->increments ? reply_null(context->reply) : reply_integer(context->reply, 0));
        } else {
            add_pairs(context, options, first, scores);
        }
    }
    mem_free(scores);
}

/* Reads the options and returns the argument behind them. */
static uint32_t read_add_options(const struct command_context *context, struct add_options *out)
{
    const struct {
        const char *word;
        bool *option;
    } words[] = {{"nx", &out->only_new},  {"xx", &out->only_there},     {"gt", &out->only_greater},
                 {"lt", &out->only_less}, {"ch", &out->counts_changes}, {"incr", &out->increments}};
    uint32_t argument = 2;
    for (bool found = true; found && argument < context->arguments_count; argument += found) {
        found = false;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            if (slice_is_word(context->arguments[argument], words[i].word)) {
                *words[i].option = true;
                found = true;
            }
        }
    }
    return argument;
}

void handle_zadd(struct command_context *context)
{
    struct add_options options = {0};
    uint32_t first = read_add_options(context, &options);
    uint32_t left = context->arguments_count - first;
    if (left == 0 || left % 2 != 0) {
        command_refuse_syntax(context);
    } else if (options.only_new && options.only_there) {
        reply_error(context->reply, "ERR XX and NX options at the same time are not compatible");
    } else if (options.only_greater + options.only_less + options.only_new > 1) {
        reply_error(context->reply,
                    "ERR GT, LT, and/or NX options at the same time are not compatible");
    } else if (options.increments && left > 2) {
        reply_error(context->reply, "ERR INCR option supports a single increment-element pair");
    } else {
        add(context, &options, first);
    }
}

void handle_zincrby(struct command_context *context)
{
    struct add_options options = {.increments = true};
    add(context, &options, 2);
}

/* ---- Removing ---- */

void handle_zrem(struct command_context *context)
{
    const struct sorted_set *found = NULL;
    if (!command_find_zset(context, 1, &found)) {
        return;
    }
    if (found == NULL) {
        reply_integer(context->reply, 0);
        return;
    }
    struct keyspace_change change;
    struct sorted_set *set =
        sorted_set_of(command_change_begin(context, 1, VALUE_TYPE_ZSET, &change));
    int64_t removed = 0;
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        removed += sorted_set_remove(set, context->arguments[i]);
    }
    if (removed > 0) {
        zset_end_removal(context, &change, "zrem");
    } else {
        (void)keyspace_change_end(&change);
    }
    reply_integer(context->reply, removed);
}

/* ---- Asking ---- */

static void reply_score(struct command_context *context, const struct sorted_set *set,
                        struct slice member)
{
    double score = 0;
    if (set != NULL && sorted_set_score(set, member, &score)) {
        reply_double(context->reply, score);
    } else {
        reply_null(context->reply);
    }
}

void handle_zscore(struct command_context *context)
{
    const struct sorted_set *set = NULL;
    if (command_find_zset(context, 1, &set)) {
        reply_score(context, set, context->arguments[2]);
    }
}

void handle_zmscore(struct command_context *context)
{
    const struct sorted_set *set = NULL;
    if (!command_find_zset(context, 1, &set)) {
        return;
    }
    reply_array(context->reply, context->arguments_count - 2);
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        reply_score(context, set, context->arguments[i]);
    }
}

void handle_zcard(struct command_context *context)
{
    const struct sorted_set *set = NULL;
    if (command_find_zset(context, 1, &set)) {
        reply_integer(context->reply, (int64_t)command_zset_count(set));
    }
}

static void reply_rank(struct command_context *context, bool from_highest)
{
    const struct sorted_set *set = NULL;
    uint64_t rank = 0;
    if (!command_find_zset(context, 1, &set)) {
        return;
    }
    if (set == NULL || !sorted_set_rank(set, context->arguments[2], &rank)) {
        reply_null(context->reply);
        return;
    }
    reply_integer(context->reply,
                  (int64_t)(from_highest ? command_zset_count(set) - 1 - rank : rank));
}

void handle_zrank(struct command_context *context)
{
    reply_rank(context, false);
}

void handle_zrevrank(struct command_context *context)
{
    reply_rank(context, true);
}

/* ---- Walk ---- */

static const struct dense_table *table_of(const struct container *container)
{
    return sorted_set_table(sorted_set_of_const(container));
}

/* A listpack keeps whole scores as integers, and ZSCAN shows what is kept: 100000000000000000 where
 * other commands say 1e+17. Source: behaviour of Redis 7.0.15. */
static bool is_kept_as_integer(double score)
{
    const double limit = (double)(INT64_MAX / 2);
    return score >= -limit && score <= limit && score == (double)(int64_t)score;
}

static uint32_t reply_pair(struct reply *reply, const struct dense_entry *entry, bool is_compact)
{
    char text[NUMBER_DOUBLE_BYTES];
    double score = sorted_set_entry_score(entry);
    size_t size = is_compact && is_kept_as_integer(score)
                      ? number_format_int64((int64_t)score, text)
                      : number_format_double(score, text);
    reply_bulk(reply, dense_entry_member(entry));
    reply_bulk(reply, slice_of(text, size));
    return 2;
}

void handle_zscan(struct command_context *context)
{
    scan_elements(context, VALUE_TYPE_ZSET, table_of, reply_pair);
}
