/* replicated_state.h -- private: what belongs to the replicated state besides the keyspace and the
 * configuration, and its bytes: replica_state of a snapshot, opaque to everybody else.
 *
 * Bytes (numbers little-endian):
 *   u8      format version: 1
 *   u64     hash seed of the keyspace (see replica_hash_seed)
 *   varint  rows of the sequences table, at most LIMIT_MEMBERS; then for each, ascending by origin
 *             u64 origin, u64 incarnation, u64 sequence
 * and nothing behind it.
 */
#ifndef QUORUM_REPLICA_REPLICATED_STATE_H
#define QUORUM_REPLICA_REPLICATED_STATE_H

#include "base/buf.h"
#include "base/result.h"
#include "replica/sequences.h"

struct replicated_state {
    uint64_t hash_seed;
    struct sequences sequences;
};

/* Appends the bytes; never more than REPLICA_STATE_BYTES_MAX. */
void replicated_state_encode(const struct replicated_state *state, struct buf *out);

/* RESULT_CORRUPT, out untouched, when the bytes are not exactly one well-formed state;
 * RESULT_VERSION when they are of a later format. */
MUST_CHECK enum result replicated_state_decode(struct slice bytes, struct replicated_state *out);

#endif
