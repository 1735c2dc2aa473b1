/* list.h -- lists: elements in the order they were put in, cheap at both ends, in chunks. See
 * container.h for how one is reached and changed.
 */
#ifndef QUORUM_KV_LIST_H
#define QUORUM_KV_LIST_H

#include "kv/container.h"

struct list_value;

struct list_value *list_value_of(struct container *container);
const struct list_value *list_value_of_const(const struct container *container);

/* Adds an element at the head or the tail. */
void list_value_push(struct list_value *list, bool at_head, struct slice element);

/* Removes number elements from index on; all of them are there. */
void list_value_remove(struct list_value *list, uint64_t index, uint64_t number);

/* Puts an element before the one at index; index may be the count. */
void list_value_insert(struct list_value *list, uint64_t index, struct slice element);

/* Replaces the element at an index below the count. */
void list_value_set(struct list_value *list, uint64_t index, struct slice element);

/* A walk over elements, forwards or backwards; void after any change of the list. */
struct list_walk {
    const struct list_value *list;
    const void *chunk;
    uint64_t left;     /* elements to come */
    uint32_t position; /* in the chunk, and its offset (forwards only) */
    uint32_t offset;
    bool is_backward;
};

/* Begins at index (below the count); the next call gives that element. */
void list_walk_begin(struct list_walk *walk, const struct list_value *list, uint64_t index,
                     bool is_backward);

/* The next element, borrowed until the list changes; false at the end. */
bool list_walk_next(struct list_walk *walk, struct slice *out);

extern const struct container_operations list_operations;

#endif
