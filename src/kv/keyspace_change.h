/* keyspace_change.h -- changing the container that a key holds.
 *
 *     struct keyspace_change change;
 *     struct set *set = set_of(keyspace_change_begin(&change, keyspace, database, key,
 *                                                    VALUE_TYPE_SET));
 *     ... set_add(set, member) ...
 *     keyspace_change_end(&change);
 *
 * Between the two calls nothing else of the keyspace may be called. A change that changed nothing
 * leaves no trace: not in the modification index, not in the state hash.
 */
#ifndef QUORUM_KV_KEYSPACE_CHANGE_H
#define QUORUM_KV_KEYSPACE_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "kv/container.h"
#include "kv/keyspace.h"

struct keyspace_change {
    struct keyspace *keyspace;
    uint32_t database;
    struct slice key; /* borrowed until the end */
    struct item *item;
    uint64_t bytes_before;
    size_t images_before; /* bytes of rows encoded ahead, before this key's */
};

/* Returns the container at key, to be changed; made empty if there is none. The caller has looked
 * the key up for writing: it is not due, and of this type if it is there. */
struct container *keyspace_change_begin(struct keyspace_change *change, struct keyspace *keyspace,
                                        uint32_t database, struct slice key, enum value_type type);

/* Notes what was changed, and removes the key if its last element went. Returns whether the key is
 * still there. */
bool keyspace_change_end(struct keyspace_change *change);

/* Makes key hold a container that is in no keyspace yet and has elements, and takes it over; as
 * keyspace_set. What made it has noted its changes in it. */
void keyspace_set_container(struct keyspace *keyspace, uint32_t database, struct slice key,
                            struct container *container, int64_t expiry_ms);

/* An empty container for keyspace_set_container. */
struct container *keyspace_create_container(const struct keyspace *keyspace, enum value_type type);

/* The container of an item whose type is not VALUE_TYPE_STRING; borrowed as the item is. */
const struct container *keyspace_item_container(const struct item *item);

#endif
