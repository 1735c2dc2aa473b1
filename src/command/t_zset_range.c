/* t_zset_range.c -- ranges of sorted sets: counted, listed, stored and removed. */
#include "command/command_handlers.h"
#include "command/zset_support.h"

/* ---- Counting ---- */

static void count_range(struct command_context *context, enum zset_range_by by)
{
    const struct sorted_set *set = NULL;
    struct zset_range range = {.by = by, .count = -1};
    uint64_t first = 0;
    if (zset_read_range(context, 2, &range) && command_find_zset(context, 1, &set)) {
        reply_integer(context->reply, (int64_t)zset_find_range(set, &range, &first));
    }
}

void handle_zcount(struct command_context *context)
{
    count_range(context, ZSET_BY_SCORE);
}

void handle_zlexcount(struct command_context *context)
{
    count_range(context, ZSET_BY_MEMBER);
}

/* ---- Listing and storing ---- */

struct range_options {
    struct zset_range range;
    bool by_is_fixed; /* by the command's name, or by an option: it is given once */
    bool with_scores;
    bool has_direction; /* likewise */
    bool stores;
};

static bool read_option(struct command_context *context, uint32_t *argument,
                        struct range_options *options)
{
    struct slice word = context->arguments[*argument];
    uint32_t left = context->arguments_count - *argument - 1;
    if (!options->stores && slice_is_word(word, "withscores")) {
        options->with_scores = true;
    } else if (left >= 2 && slice_is_word(word, "limit")) {
        if (!command_read_int64(context, *argument + 1, &options->range.offset) ||
            !command_read_int64(context, *argument + 2, &options->range.count)) {
            return false;
        }
        *argument += 2;
    } else if (!options->has_direction && slice_is_word(word, "rev")) {
        options->range.is_reverse = true;
        options->has_direction = true;
    } else if (!options->by_is_fixed && slice_is_word(word, "bylex")) {
        options->range.by = ZSET_BY_MEMBER;
        options->by_is_fixed = true;
    } else if (!options->by_is_fixed && slice_is_word(word, "byscore")) {
        options->range.by = ZSET_BY_SCORE;
        options->by_is_fixed = true;
    } else {
        command_refuse_syntax(context);
        return false;
    }
    return true;
}

static bool read_options(struct command_context *context, uint32_t first,
                         struct range_options *options)
{
    options->range.count = -1;
    for (uint32_t i = first; i < context->arguments_count; i++) {
        if (!read_option(context, &i, options)) {
            return false;
        }
    }
    if (options->range.by == ZSET_BY_RANK) {
        if (options->range.count != -1) {
            reply_error(context->reply, "ERR syntax error, LIMIT is only supported in combination "
                                        "with either BYSCORE or BYLEX");
            return false;
        }
        options->range.offset = 0; /* Redis passes over a LIMIT that does not limit. */
    }
    if (options->with_scores && options->range.by == ZSET_BY_MEMBER) {
        reply_error(context->reply,
                    "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
        return false;
    }
    return true;
}

static const struct sorted_node *first_node(const struct sorted_set *set, uint64_t first,
                                            bool is_reverse)
{
    return sorted_set_at(set, is_reverse ? command_zset_count(set) - 1 - first : first);
}

static const struct sorted_node *next_node(const struct sorted_node *node, bool is_reverse)
{
    return is_reverse ? sorted_node_previous(node) : sorted_node_next(node);
}

static void list_range(struct command_context *context, struct range_options *options)
{
    const struct sorted_set *set = NULL;
    struct zset_range *range = &options->range;
    if (!read_options(context, 4, options) || !zset_read_range(context, 2, range) ||
        !command_find_zset(context, 1, &set)) {
        return;
    }
    uint64_t first = 0;
    uint64_t number = zset_find_range(set, range, &first);
    zset_reply_begin(context->reply, number, options->with_scores);
    if (number == 0) {
        return;
    }
    const struct sorted_node *node = first_node(set, first, range->is_reverse);
    for (; number > 0; number--, node = next_node(node, range->is_reverse)) {
        zset_reply_member(context->reply, sorted_node_member(node), sorted_node_score(node),
                          options->with_scores);
    }
}

void handle_zrange(struct command_context *context)
{
    struct range_options options = {.range = {.by = ZSET_BY_RANK}};
    list_range(context, &options);
}

void handle_zrevrange(struct command_context *context)
{
    struct range_options options = {.range = {.by = ZSET_BY_RANK, .is_reverse = true},
                                    .by_is_fixed = true,
                                    .has_direction = true};
    list_range(context, &options);
}

static void list_range_by(struct command_context *context, enum zset_range_by by, bool is_reverse)
{
    struct range_options options = {
        .range = {.by = by, .is_reverse = is_reverse}, .by_is_fixed = true, .has_direction = true};
    list_range(context, &options);
}

void handle_zrangebyscore(struct command_context *context)
{
    list_range_by(context, ZSET_BY_SCORE, false);
}

void handle_zrevrangebyscore(struct command_context *context)
{
    list_range_by(context, ZSET_BY_SCORE, true);
}

void handle_zrangebylex(struct command_context *context)
{
    list_range_by(context, ZSET_BY_MEMBER, false);
}

void handle_zrevrangebylex(struct command_context *context)
{
    list_range_by(context, ZSET_BY_MEMBER, true);
}

void handle_zrangestore(struct command_context *context)
{
    const struct sorted_set *set = NULL;
    struct range_options options = {.range = {.by = ZSET_BY_RANK}, .stores = true};
    struct zset_range *range = &options.range;
    if (!read_options(context, 5, &options) || !zset_read_range(context, 3, range) ||
        !command_find_zset(context, 2, &set)) {
        return;
    }
    uint64_t first = 0;
    uint64_t number = zset_find_range(set, range, &first);
    struct container *result = keyspace_create_container(context->keyspace, VALUE_TYPE_ZSET);
    const struct sorted_node *node = number == 0 ? NULL : first_node(set, first, range->is_reverse);
    for (; number > 0; number--, node = next_node(node, range->is_reverse)) {
        (void)sorted_set_put(sorted_set_of(result), sorted_node_member(node),
                             sorted_node_score(node));
    }
    zset_store(context, 1, result, "zrangestore");
}

/* ---- Removing ---- */

static void remove_range(struct command_context *context, enum zset_range_by by, const char *event)
{
    const struct sorted_set *found = NULL;
    struct zset_range range = {.by = by, .count = -1};
    uint64_t first = 0;
    if (!zset_read_range(context, 2, &range) || !command_find_zset(context, 1, &found)) {
        return;
    }
    uint64_t number = zset_find_range(found, &range, &first);
    reply_integer(context->reply, (int64_t)number);
    if (number == 0) {
        return;
    }
    struct keyspace_change change;
    struct sorted_set *set =
        sorted_set_of(command_change_begin(context, 1, VALUE_TYPE_ZSET, &change));
    for (; number > 0; number--) {
        (void)sorted_set_remove(set, sorted_node_member(sorted_set_at(set, first)));
    }
    zset_end_removal(context, &change, event);
}

void handle_zremrangebyrank(struct command_context *context)
{
    remove_range(context, ZSET_BY_RANK, "zremrangebyrank");
}

void handle_zremrangebyscore(struct command_context *context)
{
    remove_range(context, ZSET_BY_SCORE, "zremrangebyscore");
}

void handle_zremrangebylex(struct command_context *context)
{
    remove_range(context, ZSET_BY_MEMBER, "zremrangebylex");
}
