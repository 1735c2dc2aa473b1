/* snapshot_orders.h -- what a node wants done with its files of state, and what it hears of it.
 *
 * The replica is pure: each turn it says in replica_ready.orders what is to be done with state.db,
 * with the copy of it that is sent to others, and with the file that is being received; whoever
 * runs the node does so in order, in threads of their own, and reports each outcome back with the
 * calls below, between replica_begin_turn and replica_end_turn.
 *
 *   local snapshot   STATE_BEGIN, STATE_PUT..., STATE_COMMIT  -> replica_on_state_saved
 *                                                    (failed)  -> replica_on_state_given_up
 *                    LOG_COMPACT: the rows of the log up to index are not needed any more
 *   sending          COPY_MAKE                                 -> replica_on_copy_made
 *                    COPY_READ (any number under way)          -> replica_on_copy_read
 *                    COPY_DROP: nobody reads it any more
 *   receiving        RECEIVE_BEGIN: an empty file, in the place of an unfinished one
 *                    RECEIVE_WRITE: at the end of it
 *                    RECEIVE_VERIFY: whole, its hash, every row -> replica_on_received_verified
 *                    RECEIVE_LOAD: its rows, bit by bit         -> replica_on_received_rows
 *                    RECEIVE_INSTALL: in the place of state.db  -> replica_on_received_installed
 *                    RECEIVE_DROP: removed
 *
 * RECEIVE_INSTALL gives up a local snapshot under way. A disk without room fails an order, it does
 * not stop the node; any other I/O error under state.db stops the process.
 */
#ifndef QUORUM_REPLICA_SNAPSHOT_ORDERS_H
#define QUORUM_REPLICA_SNAPSHOT_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/slice.h"
#include "raft/raft.h"
#include "wire/peer_message.h"

struct replica;

/* Everything of a node's state that is not rows. */
struct replica_state_meta {
    uint64_t index;
    uint64_t term;
    struct raft_configuration configuration; /* as applied at index */
    int64_t clock_ms;
    uint64_t state_hash;
    uint32_t slots[LIMIT_DATABASES];
    uint32_t next_slot;
    struct slice replica_state; /* opaque outside of the replica; at most 4,096 bytes; borrowed */
};
#define REPLICA_STATE_BYTES_MAX 4096

enum replica_order_type {
    REPLICA_ORDER_STATE_BEGIN = 1,
    REPLICA_ORDER_STATE_PUT,
    REPLICA_ORDER_STATE_COMMIT,
    REPLICA_ORDER_LOG_COMPACT,
    REPLICA_ORDER_COPY_MAKE,
    REPLICA_ORDER_COPY_READ,
    REPLICA_ORDER_COPY_DROP,
    REPLICA_ORDER_RECEIVE_BEGIN,
    REPLICA_ORDER_RECEIVE_WRITE,
    REPLICA_ORDER_RECEIVE_VERIFY,
    REPLICA_ORDER_RECEIVE_LOAD,
    REPLICA_ORDER_RECEIVE_INSTALL,
    REPLICA_ORDER_RECEIVE_DROP,
};

/* Borrowed until the next replica_begin_turn. */
struct replica_order {
    enum replica_order_type type;
    union {
        struct blob *rows;                     /* STATE_PUT; to be retained by whoever keeps it */
        const struct replica_state_meta *meta; /* STATE_COMMIT */
        uint64_t index;                        /* LOG_COMPACT */
        struct {
            uint64_t number; /* echoed */
            uint64_t offset;
            uint32_t bytes;
        } read;                        /* COPY_READ */
        struct slice bytes;            /* RECEIVE_WRITE */
        struct peer_snapshot snapshot; /* RECEIVE_VERIFY: bytes and hash it must have */
    };
};

/* The newest snapshot of state.db is durable, of this index. */
void replica_on_state_saved(struct replica *replica, uint64_t index);

/* The snapshot under way could not be written (no room): state.db is as it was before it. */
void replica_on_state_given_up(struct replica *replica);

/* Rows put and not written yet, in bytes; told before replica_end_turn: at much of it the replica
 * waits with further rows. */
void replica_note_state_backlog(struct replica *replica, uint64_t bytes);

/* Bytes of RECEIVE_WRITE not written yet; told before replica_end_turn: at much of it the replica
 * asks for no further pieces. */
void replica_note_receive_backlog(struct replica *replica, uint64_t bytes);

/* COPY_MAKE ended. snapshot is of what was copied; only read on RESULT_OK. */
void replica_on_copy_made(struct replica *replica, enum result result,
                          const struct peer_snapshot *snapshot);

/* A COPY_READ ended; bytes are borrowed for the call, empty when it failed. */
void replica_on_copy_read(struct replica *replica, uint64_t number, struct slice bytes);

/* RECEIVE_VERIFY ended; on RESULT_OK meta (borrowed for the call) is what the file says. */
void replica_on_received_verified(struct replica *replica, enum result result,
                                  const struct replica_state_meta *meta);

/* Some rows of RECEIVE_LOAD (base/state_row.h); is_last with or without rows ends it. On a result
 * other than RESULT_OK the load has failed. Returns whether the replica takes more in this turn. */
bool replica_on_received_rows(struct replica *replica, struct slice rows, bool is_last,
                              enum result result);

/* RECEIVE_INSTALL ended: on RESULT_OK, state.db is the received one, durably. */
void replica_on_received_installed(struct replica *replica, enum result result);

#endif
