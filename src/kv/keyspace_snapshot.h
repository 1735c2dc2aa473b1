/* keyspace_snapshot.h -- the keyspace as rows, without a pause: incremental snapshots and restore.
 *
 * DESIGN. A snapshot shows the keyspace as of its begin. Only keys changed since the begin of the
 * last snapshot are encoded: a walk over the tables, cut into bounded steps, picks them by their
 * modification index; a key that is about to change before the walk got to it is encoded first
 * (its image as of the begin), so nothing is copied at the begin and nobody waits. Keys that were
 * removed since the last snapshot were noted when they went and come out as rows of type
 * STATE_ROW_REMOVED.
 *
 * Databases are stored under slots: small numbers that SWAPDB exchanges and FLUSHDB replaces by a
 * fresh one, so that neither has to touch a row. Rows of slots that no database has any more are
 * dead, and the store drops them.
 *
 * Values of many elements are rows of their own, under slots of their own: container_parts.h.
 *
 * Encoding order carries no meaning: each key comes at most once in a snapshot.
 */
#ifndef QUORUM_KV_KEYSPACE_SNAPSHOT_H
#define QUORUM_KV_KEYSPACE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/state_row.h"
#include "kv/keyspace.h"

/* What belongs to the state besides its rows. */
struct keyspace_meta {
    int64_t clock_ms;
    uint64_t state_hash;
    uint32_t slots[LIMIT_DATABASES]; /* of each database */
    uint32_t next_slot;              /* never used before */
};

/* Begins a snapshot of the state as it is now; none may be running. */
void keyspace_snapshot_begin(struct keyspace *keyspace, struct keyspace_meta *meta);

/* Encodes further rows to out, working until about bytes_max bytes are written or items_max items
 * were looked at (both bound one turn of the loop). Returns true once everything is encoded; the
 * snapshot then waits for keyspace_snapshot_end. */
bool keyspace_snapshot_step(struct keyspace *keyspace, struct buf *out, size_t bytes_max,
                            uint32_t items_max);

/* The rows are durable (or, with is_saved false, given up: the next snapshot then holds everything
 * that this one would have, too; keyspace_do_housekeeping sees to that bit by bit, and a begin
 * before it is through with it does the rest at once). */
void keyspace_snapshot_end(struct keyspace *keyspace, bool is_saved);

bool keyspace_snapshot_is_running(const struct keyspace *keyspace);

/* Whether one could begin without a pause: none is running, and the last one is dealt with. */
bool keyspace_snapshot_may_begin(const struct keyspace *keyspace);

/* Bytes of removed keys noted for the next snapshot, and of images encoded ahead of the walk. */
uint64_t keyspace_snapshot_memory(const struct keyspace *keyspace);

/* Creates a keyspace to be filled from the rows of a saved snapshot, all of which count as saved.
 */
struct keyspace *keyspace_restore(uint64_t hash_seed, const struct keyspace_meta *meta);

/* Adds a row to a keyspace being restored, in the order of slots and keys. RESULT_CORRUPT for a row
 * that cannot be: a value that does not fit its type, a removed key, a key that is there already, a
 * slot no database has. */
MUST_CHECK enum result keyspace_restore_row(struct keyspace *keyspace, const struct state_row *row);

/* All rows were added. RESULT_CORRUPT when the values that consist of several rows lack some. */
MUST_CHECK enum result keyspace_restore_end(struct keyspace *keyspace);

#endif
