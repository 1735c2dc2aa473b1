/* list_parts.h -- the parts of a large list are its chunks: see container_parts.h.
 *
 * A chunk's number tells its place: numbers ascend from head to tail. At the ends they go on from
 * those that were ever used, in steps of NUMBER_STEP; between two chunks a new one takes the
 * middle. When there is no room, or when more chunks have gone than there are, all get new numbers
 * under a new slot.
 */
#ifndef QUORUM_KV_LIST_PARTS_H
#define QUORUM_KV_LIST_PARTS_H

#include <stdbool.h>

#include "base/result.h"
#include "base/state_row.h"
#include "kv/container_parts.h"
#include "kv/list_internal.h"

/* Numbers all chunks of a list that just got its parts. */
void list_parts_number(struct container_parts *parts);

/* What list.c tells; nothing happens to a list without parts. */

/* A chunk is about to change. */
void list_parts_touch(struct list_value *list, struct chunk *chunk);

/* A chunk was linked. */
void list_parts_linked(struct list_value *list, struct chunk *chunk);

/* A chunk, touched before, was unlinked; its next is still set. */
void list_parts_unlinked(struct list_value *list, struct chunk *chunk);

/* Another one has its place. */
void list_parts_replaced(struct list_value *list, const struct chunk *chunk,
                         struct chunk *replacement);

/* ---- For container_parts.c ---- */

/* Takes the walk to the chunks that are gone, and then the head. */
void list_parts_begin_walk(struct container_parts *parts);

/* Goes on; true when the walk is past the tail. */
bool list_parts_walk(struct container_parts *parts, struct encode_budget *budget);

/* Adds the chunk of a row at the tail. RESULT_CORRUPT when it cannot be. */
MUST_CHECK enum result list_parts_restore(struct container_parts *parts, uint64_t number,
                                          const struct state_row *row);

#endif
