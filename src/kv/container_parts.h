/* container_parts.h -- a container too large to be encoded in one turn: snapshots take it part by
 * part, and only the parts that changed.
 *
 * Private to kv. DESIGN. Most containers are one row of a snapshot. One that grew past
 * CONTAINER_PARTS_ELEMENTS_MIN or CONTAINER_PARTS_BYTES_MIN gets a struct container_parts and keeps
 * it while it lives. Its key's row then tells its type, encoding, number of elements and slot, and
 * the elements lie in rows of their own under that slot, which is no database's: one a part, by the
 * part's number, big-endian.
 *
 *   hashes, sets, sorted sets   part n is the positions from n * CONTAINER_PART_ELEMENTS on
 *   lists                       a part is a chunk (list_internal.h), its number says its place
 *
 * A part knows the index of its last change, as an item does, and the same two facts tell whether
 * the running snapshot still has to encode it: that index lies between the snapshot's, and the walk
 * is not past it. One about to change is encoded first (container_parts_touch). So nothing is
 * copied at the begin, and the work for a change is bound by the part.
 *
 * Rows are found by slot, not by key: RENAME, MOVE and SWAPDB touch none of them. When the key
 * goes, one row tells the store to drop the slot (STATE_ROW_SLOT_REMOVED); if the running snapshot
 * still needs parts, the container is held until the walk is through with it.
 *
 * Which containers have parts, and their slots, is of this node alone: nothing that is replicated
 * depends on it.
 */
#ifndef QUORUM_KV_CONTAINER_PARTS_H
#define QUORUM_KV_CONTAINER_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/state_row.h"
#include "kv/container.h"

#define CONTAINER_PART_ELEMENTS 64u
#define CONTAINER_PARTS_ELEMENTS_MIN 1024u
#define CONTAINER_PARTS_BYTES_MIN (256u * 1024)

struct keyspace;
struct encode_budget;
struct chunk;

/* A chunk that went and whose row the store may hold. */
struct gone_chunk {
    uint64_t number;
    uint64_t modified_index; /* of its going */
};

struct container_parts {
    struct keyspace *keyspace;
    struct container *container;
    struct container_parts *next; /* of all in the keyspace */
    struct container_parts *previous;
    uint32_t slot;           /* of its rows */
    uint32_t database_slot;  /* of the database its key is in */
    uint64_t modified_index; /* the greatest of all parts */
    uint64_t walked_in;      /* the last snapshot whose walk is past it */
    uint64_t awaited;        /* elements that a restore has not added yet */
    enum value_encoding awaited_encoding;
    bool is_stored; /* the store may hold rows of its slot */
    bool is_orphan; /* its key is gone */
    bool is_held;   /* and the container is this one's to free */
    bool is_walked; /* the walk is in its middle: */
    /* Hashes, sets, sorted sets: the index of each part's last change; also of parts at the end
     * that are empty by now, until a snapshot has shown that. */
    uint64_t next_part; /* of the walk */
    uint64_t *modified;
    uint64_t modified_count;
    uint64_t modified_capacity;
    /* Lists. */
    struct chunk *next_chunk; /* of the walk; NULL: past all */
    uint64_t number_first;    /* no chunk had one below or above */
    uint64_t number_last;
    struct gone_chunk *gone;
    uint32_t gone_at; /* of the walk: those before are still to come */
    uint32_t gone_count;
    uint32_t gone_capacity;
};

/* What the keyspace holds of them. */
struct large_containers {
    struct container_parts *first;
    struct container_parts *walk; /* the next one to be encoded; NULL: past all */
    uint64_t snapshot_number;     /* of the running or last one */
    bool has_flushed;             /* it needs some of a flushed database */
    uint32_t next_slot;
    uint64_t bytes; /* of this file's structures, and of held containers */
    /* Slots whose containers are gone and whose rows the store may hold; those that the running
     * snapshot drops come first. */
    uint32_t *dead_slots;
    uint32_t dead_count;
    uint32_t dead_capacity;
    uint32_t leaving_count;
    uint32_t leaving_at; /* of the walk */
    /* While rows are restored: those with a row of their key, in the order of their slots. */
    struct container_parts **restored;
    uint32_t restored_count;
    uint32_t restored_capacity;
    uint32_t awaiting_count; /* of them, those that lack elements */
    bool is_sorted;
};

/* Gives the container parts if it is large and has none. All of them count as changed now.
 * database_slot: of the database its key is in. */
void container_parts_watch(struct keyspace *keyspace, uint32_t database_slot,
                           struct container *container);

/* Part n of a hash, set or sorted set is about to change: position lies in it. */
void container_parts_touch_position(struct container_parts *parts, uint64_t position);

static inline void container_parts_touch(const struct container *container, uint64_t position)
{
    if (container->parts != NULL) {
        container_parts_touch_position(container->parts, position);
    }
}

/* Its key is in a database with another slot now. */
void container_parts_moved(const struct container *container, uint32_t database_slot);

/* The container, which has parts, is to be freed. Returns whether it must not be yet: then it is
 * handed to the keyspace's garbage once the running snapshot is through with it. Else its parts are
 * gone when this returns. */
bool container_parts_leave(struct container *container);

/* The database with a slot is flushed; who owns its containers keeps them. */
void container_parts_flush(struct keyspace *keyspace, uint32_t database_slot);

/* Forgets everything, at the keyspace's end. */
void container_parts_clear(struct keyspace *keyspace);

/* ---- Snapshots (keyspace_snapshot.c) ---- */

/* The value of the row of a key whose container has parts, and the row's type. */
enum state_row_type container_parts_encode_head(const struct container_parts *parts,
                                                struct buf *out);

void container_parts_snapshot_begin(struct keyspace *keyspace);

/* Encodes further rows; true when there are no more. */
bool container_parts_snapshot_step(struct keyspace *keyspace, struct encode_budget *budget);

void container_parts_snapshot_end(struct keyspace *keyspace, bool is_saved);

/* ---- Restore (keyspace_restore.c): rows come in the order of slots and keys ---- */

/* Makes the container that a key's row tells of; NULL when the row is damaged. */
struct container *container_parts_restore_head(struct keyspace *keyspace,
                                               const struct state_row *row);

/* Adds the elements of a part's row. RESULT_CORRUPT when they cannot be. */
MUST_CHECK enum result container_parts_restore_part(struct keyspace *keyspace,
                                                    const struct state_row *row);

/* RESULT_CORRUPT when elements are missing. */
MUST_CHECK enum result container_parts_restore_end(struct keyspace *keyspace);

/* ---- For list_parts.c ---- */

/* Whether the running snapshot has to encode a part that changed last at an index, if the walk is
 * not past it. */
bool container_parts_is_wanted(const struct container_parts *parts, uint64_t modified_index);

/* Appends the row of a part; with elements NULL, that there is none. */
void container_parts_put_row(struct container_parts *parts, struct gone_chunk part,
                             const struct slice *elements, struct buf *out);

/* Its rows go to a new slot, all of them; the old one is dead. Nothing of it is wanted. */
void container_parts_renew_slot(struct container_parts *parts);

#endif
