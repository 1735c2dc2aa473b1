/* set.h -- sets: members in a dense order. See container.h for how one is reached and changed. */
#ifndef QUORUM_KV_SET_H
#define QUORUM_KV_SET_H

#include "kv/container.h"
#include "kv/dense_table.h"

/* Up to so many members, all of them integers, Redis reports an intset (set-max-intset-entries). */
#define SET_INTSET_ENTRIES_MAX 512

struct set {
    struct container container;
    struct dense_table table;
};

static inline struct set *set_of(struct container *container)
{
    return (struct set *)(void *)container;
}

static inline const struct set *set_of_const(const struct container *container)
{
    return (const struct set *)(const void *)container;
}

/* Adds a member; returns whether it was new. */
bool set_add(struct set *set, struct slice member);

/* Removes a member; returns whether it was there. */
bool set_remove(struct set *set, struct slice member);

/* Removes the member at a position below the count; the last one takes its place. */
void set_remove_at(struct set *set, uint32_t position);

bool set_has(const struct set *set, struct slice member);

/* The member at a position below the count: borrowed until the next change. */
struct slice set_member_at(const struct set *set, uint32_t position);

extern const struct container_operations set_operations;

#endif
