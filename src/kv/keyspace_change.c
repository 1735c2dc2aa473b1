/* keyspace_change.c -- changing the container that a key holds: see keyspace_change.h. */
#include "kv/keyspace_change.h"

#include "base/assert.h"
#include "kv/keyspace_internal.h"

static void forget_changes(struct container *container)
{
    container->changes = 0;
    container->digest = 0;
}

struct container *keyspace_change_begin(struct keyspace_change *change, struct keyspace *keyspace,
                                        uint32_t database, struct slice key, enum value_type type)
{
    struct spot spot = keyspace_spot(keyspace, database, key);
    struct item *item = NULL;
    size_t images_before = buf_size(&keyspace->snapshot.images);
    if (spot.link == NULL) {
        struct container *container = keyspace_create_container(keyspace, type);
        item = item_create_container(key, container, false);
        keyspace_attach(keyspace, &spot, item, KEYSPACE_NEVER);
        keyspace_stamp(keyspace, item);
    } else {
        keyspace_preserve(keyspace, &spot);
        item = *spot.link;
    }
    struct container *container = item_container(item);
    ASSERT(container != NULL);
    ASSERT(container->type == type);
    forget_changes(container);
    *change = (struct keyspace_change){.keyspace = keyspace,
                                       .database = database,
                                       .key = key,
                                       .item = item,
                                       .bytes_before = item_memory(item),
                                       .images_before = images_before};
    return container;
}

bool keyspace_change_end(struct keyspace_change *change)
{
    struct keyspace *keyspace = change->keyspace;
    struct container *container = item_container(change->item);
    keyspace->item_bytes += item_memory(change->item);
    keyspace->item_bytes -= change->bytes_before;
    if (container->changes > 0) {
        struct mutation mutation = {.kind = MUTATION_ELEMENTS,
                                    .database = change->database,
                                    .key = change->key,
                                    .number = (int64_t)container->digest};
        keyspace_note(keyspace, &mutation);
        keyspace->stats.mutations += container->changes - 1;
        keyspace_stamp(keyspace, change->item);
    } else {
        /* The snapshot's walk will come by and encode it. */
        buf_truncate(&keyspace->snapshot.images, change->images_before);
    }
    if (container->count > 0) {
        container_parts_watch(keyspace, keyspace->databases[change->database].slot, container);
        return true;
    }
    struct spot spot = keyspace_spot(keyspace, change->database, change->key);
    keyspace_discard(keyspace, &spot);
    return false;
}

void keyspace_set_container(struct keyspace *keyspace, uint32_t database, struct slice key,
                            struct container *container, int64_t expiry_ms)
{
    ASSERT(container->count > 0);
    struct spot spot = keyspace_spot(keyspace, database, key);
    if (expiry_ms == KEYSPACE_KEEP_EXPIRY) {
        expiry_ms = spot.link == NULL ? KEYSPACE_NEVER : keyspace_item_expiry(*spot.link);
    }
    struct mutation mutation = {.kind = MUTATION_SET_CONTAINER,
                                .database = database,
                                .key = key,
                                .number = (int64_t)container->digest,
                                .expiry_ms = expiry_ms};
    keyspace_note(keyspace, &mutation);
    keyspace_preserve(keyspace, &spot);
    struct item *item = item_create_container(key, container, expiry_ms != KEYSPACE_NEVER);
    keyspace_put(keyspace, &spot, item, expiry_ms);
    container_parts_watch(keyspace, spot.database->slot, container);
}

struct container *keyspace_create_container(const struct keyspace *keyspace, enum value_type type)
{
    return container_create(type, keyspace->databases[0].dict.hash_seed);
}

const struct container *keyspace_item_container(const struct item *item)
{
    const struct container *container = item_container(item);
    ASSERT(container != NULL);
    return container;
}
