/* zset_support.h -- what the handlers of sorted sets share. Private to this directory. */
#ifndef QUORUM_COMMAND_ZSET_SUPPORT_H
#define QUORUM_COMMAND_ZSET_SUPPORT_H

#include "command/command_support.h"
#include "kv/sorted_set.h"

/* Looks a key argument up: NULL when it is not there; false: has replied with WRONGTYPE. */
MUST_CHECK bool command_find_zset(struct command_context *context, uint32_t argument,
                                  const struct sorted_set **out);

uint64_t command_zset_count(const struct sorted_set *set);

/* Begins a reply of count members; a pair each with scores, nested in RESP3. */
void zset_reply_begin(struct reply *reply, uint64_t count, bool with_scores);
void zset_reply_member(struct reply *reply, struct slice member, double score, bool with_scores);

/* Ends a change that removed members: tells of the event, and of the key if it went. */
void zset_end_removal(struct command_context *context, struct keyspace_change *change,
                      const char *event);

/* Makes the key argument hold the result, which is taken over, or deletes it if that is empty;
 * tells of the event and replies with the count. */
void zset_store(struct command_context *context, uint32_t argument, struct container *result,
                const char *event);

/* How a range is given. */
enum zset_range_by { ZSET_BY_RANK, ZSET_BY_SCORE, ZSET_BY_MEMBER };

struct zset_range {
    enum zset_range_by by;
    bool is_reverse; /* from the highest on; the arguments are then max and min */
    int64_t start;   /* by rank */
    int64_t stop;
    struct sorted_bound min;
    struct sorted_bound max;
    int64_t offset; /* LIMIT */
    int64_t count;  /* negative: all */
};

/* Reads the two ends of a range: errors as in Redis. by and is_reverse are set. */
MUST_CHECK bool zset_read_range(struct command_context *context, uint32_t first_end,
                                struct zset_range *range);

/* The ranks [*first, *first + returned) of the members in the range, LIMIT considered; counted from
 * the highest if it is reverse. set may be NULL. */
uint64_t zset_find_range(const struct sorted_set *set, const struct zset_range *range,
                         uint64_t *first);

#endif
