/* container_parts_internal.h -- what container_parts.c shares with container_parts_restore.c. */
#ifndef QUORUM_KV_CONTAINER_PARTS_INTERNAL_H
#define QUORUM_KV_CONTAINER_PARTS_INTERNAL_H

#include "kv/container_parts.h"

/* Types of the rows of their keys; of a string there is none. */
extern const enum state_row_type container_parts_row_types[VALUE_TYPE_COUNT];

/* Gives a container, which has none, parts under a slot. */
struct container_parts *container_parts_create(struct keyspace *keyspace, uint32_t slot,
                                               uint32_t database_slot, struct container *container);

/* Where the index of the last change of a part lies; not of a list. */
uint64_t *container_parts_modified(struct container_parts *parts, uint64_t part);

#endif
