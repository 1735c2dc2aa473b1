/* sorted_set.h -- sorted sets: members with scores, ordered by (score, member bytes), and in a
 * dense order besides. See container.h for how one is reached and changed.
 *
 * The order is an indexable skip list (W. Pugh, "A Skip List Cookbook", 1990, section 3.4: each
 * link knows how many elements it passes). A node's height comes from its member's hash: no result
 * depends on it.
 */
#ifndef QUORUM_KV_SORTED_SET_H
#define QUORUM_KV_SORTED_SET_H

#include "kv/container.h"
#include "kv/dense_table.h"

struct sorted_set;
struct sorted_node;

struct sorted_set *sorted_set_of(struct container *container);
const struct sorted_set *sorted_set_of_const(const struct container *container);

/* Adds a member or gives it another score, which is not NaN; returns whether it was new. An equal
 * score changes nothing. */
bool sorted_set_put(struct sorted_set *set, struct slice member, double score);

/* Removes a member; returns whether it was there. member may lie in the set. */
bool sorted_set_remove(struct sorted_set *set, struct slice member);

/* Finds a member's score. */
bool sorted_set_score(const struct sorted_set *set, struct slice member, double *out);

/* Finds a member's place in ascending order, from 0. */
bool sorted_set_rank(const struct sorted_set *set, struct slice member, uint64_t *out);

/* The node of a rank, or NULL if there are not so many. Void after the next change. */
const struct sorted_node *sorted_set_at(const struct sorted_set *set, uint64_t rank);
const struct sorted_node *sorted_node_next(const struct sorted_node *node);
const struct sorted_node *sorted_node_previous(const struct sorted_node *node);
struct slice sorted_node_member(const struct sorted_node *node);
double sorted_node_score(const struct sorted_node *node);

/* One end of a range, by score or by member. */
struct sorted_bound {
    double score;
    struct slice member;
    int32_t infinity; /* -1, 1: below, above all members (of a range by member); else 0 */
    bool is_exclusive;
};

/* The number of elements that lie below a bound: those less than it, or (is_past) also those that
 * the bound itself takes in. With it, ranges of ranks come from ranges of scores or members:
 * [below(min, min.is_exclusive), below(max, !max.is_exclusive)). */
uint64_t sorted_set_below_score(const struct sorted_set *set, double score, bool is_past);
/* As sorted_set_below_score, in a set whose scores are all the same, by member. */
uint64_t sorted_set_below_member(const struct sorted_set *set, struct slice member, bool is_past);

/* The table of members, for random picks and scans: values are the score's 8 bytes. */
const struct dense_table *sorted_set_table(const struct sorted_set *set);
double sorted_set_entry_score(const struct dense_entry *entry);

extern const struct container_operations sorted_set_operations;

#endif
