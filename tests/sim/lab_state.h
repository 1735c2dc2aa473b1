/* lab_state.h -- a node's simulated state.db, the copy of it and the file being received: carries
 * out a replica's orders (replica/snapshot_orders.h), later and in order.
 *
 * state.db is rows in memory. What is not committed is lost at a crash, and so are the copy and
 * what was received. Every image of the state carries the hash of the contents that the node had
 * then, so that a restore is compared with what was saved, key by key.
 */
#ifndef QUORUM_TESTS_SIM_LAB_STATE_H
#define QUORUM_TESTS_SIM_LAB_STATE_H

#include "base/buf.h"
#include "base/prng.h"
#include "replica/replica.h"

struct lab_node;

/* How a node's state differs from the others', by a fault of the test. */
enum lab_alteration {
    LAB_SOUND,
    LAB_ALTERED, /* so that its hash differed at once: if that is the others', it is sound again */
    LAB_FLIPPED, /* in memory: perhaps no hash shows it yet */
};

/* What a state file holds. */
struct lab_image {
    struct replica_state_meta meta; /* index 0: nothing */
    struct blob *replica_state;     /* what its slice points into */
    uint64_t content_hash;
    enum lab_alteration alteration; /* of the node by then */
    struct blob **rows;             /* encoded, in their order */
    uint32_t rows_count;
    uint32_t rows_capacity;
};

/* An order under way. */
struct lab_operation {
    enum replica_order_type type;
    uint64_t due_ms;
    struct blob *bytes;              /* STATE_PUT, RECEIVE_WRITE */
    struct replica_state_meta *meta; /* STATE_COMMIT, with bytes for its replica_state */
    uint64_t content_hash;           /* STATE_BEGIN */
    enum lab_alteration alteration;  /* the same */
    uint64_t number, offset;         /* COPY_READ */
    uint32_t count;
    struct peer_snapshot snapshot; /* RECEIVE_VERIFY */
};

struct lab_state {
    struct lab_image saved;
    struct buf staged; /* rows since the last begin */
    uint64_t staged_content_hash;
    enum lab_alteration staged_alteration;
    bool is_begun;
    struct buf copy;
    struct peer_snapshot copy_snapshot;
    struct buf received;
    struct lab_image loading; /* decoded from it */
    uint32_t loaded;          /* rows handed over */
    struct lab_operation *operations;
    uint32_t operations_count;
    uint32_t operations_capacity;

    /* Set by the test at any time. */
    uint64_t delay_ms_max;    /* an operation takes 0 to this */
    uint64_t fails_per_mille; /* commits, copies, verdicts and installs fail */
    uint64_t padding_bytes;   /* makes files larger */
    bool corrupts_copy;       /* the next pieces read are damaged */
    bool misnames_copy;       /* the next copy is said to be of the index behind its own */
    uint64_t crash_at;        /* the node crashes at this operation from here on; 0: never */
    bool is_crash_after;      /* it has taken effect by then, but nobody was told */
    bool has_crashed;         /* it did; the lab crashes the node at the end of the turn */
    uint64_t operations_done; /* in all */
    uint64_t commits, installs, copies, loads, given_up;
    uint64_t put_bytes; /* of rows, in all */
};

void lab_state_deinit(struct lab_state *state);

void lab_image_copy(const struct lab_image *image, struct lab_image *out);
void lab_image_deinit(struct lab_image *image);

/* Takes an order over; it is carried out some time after the lab's present time. */
void lab_state_submit(struct lab_node *node, const struct replica_order *order);

/* When the first operation under way is done, or UINT64_MAX. */
uint64_t lab_state_due_ms(const struct lab_state *state);

/* Carries out what is due and tells the replica, which is in a turn. */
void lab_state_complete(struct lab_node *node);

/* Bytes given with orders of that type, STATE_PUT or RECEIVE_WRITE, and not written. */
uint64_t lab_state_backlog(const struct lab_state *state, enum replica_order_type type);

/* What is not durable is gone. */
void lab_state_crash(struct lab_state *state);

/* Reads what is saved, NULL when that is nothing. */
struct replica_restore *lab_state_restore(struct lab_node *node);

#endif
