/* peer_message.h -- what nodes say to each other, as structs; peer_frame.h has the bytes. */
#ifndef QUORUM_WIRE_PEER_MESSAGE_H
#define QUORUM_WIRE_PEER_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/result.h"
#include "base/slice.h"
#include "raft/raft.h"
#include "wire/entry_payload.h"

enum peer_message_type {
    PEER_MESSAGE_RAFT = 1,        /* any of raft.h's messages */
    PEER_MESSAGE_FORWARD,         /* a follower's batch for the leader to append */
    PEER_MESSAGE_FORWARD_REFUSED, /* not the leader, or busy: nothing of it was appended */
    PEER_MESSAGE_NODE_INFO,       /* who the sender is, sent right behind the hello */
    /* Snapshots, from a leader to a member that needs one; the receiver asks for the bytes. */
    PEER_MESSAGE_SNAPSHOT_WANTED, /* the sender has lost its state: offer it a snapshot */
    PEER_MESSAGE_SNAPSHOT_OFFER,  /* there is one; said again until it is answered */
    PEER_MESSAGE_SNAPSHOT_ASK,    /* send this piece of it */
    PEER_MESSAGE_SNAPSHOT_PIECE,  /* here it is */
    /* Membership, from any node to the leader, and the answer. */
    PEER_MESSAGE_CHANGE,
    PEER_MESSAGE_CHANGE_REPLY,
    PEER_MESSAGE_STATE_HASH, /* to the leader: the state hash here at the last check */
    PEER_MESSAGE_REMEMBERED, /* what the sender remembers of the receiver's disk; raft_get_memory */
};

/* The batch keeps its sequence through every resend. */
struct peer_forward {
    struct batch_header header;
    struct slice commands; /* borrowed */
};

struct peer_forward_refused {
    uint64_t incarnation;
    uint64_t sequence; /* the refused batch; those behind it were refused or will be */
    uint64_t leader;   /* whom the refuser takes for the leader; RAFT_ID_NONE: nobody */
};

/* NUL-terminated; empty when not known. */
struct peer_node_info {
    char name[LIMIT_NODE_NAME_BYTES];
    char raft_address[LIMIT_ADDRESS_BYTES];
    char http_address[LIMIT_ADDRESS_BYTES];
    char redis_address[LIMIT_ADDRESS_BYTES];
    char version[LIMIT_NODE_NAME_BYTES];
    bool is_disk_low; /* refuses writes that need room; told again whenever it changes */
};

/* A snapshot is told from any other by all four together. */
struct peer_snapshot {
    uint64_t index;
    uint64_t term;
    uint64_t bytes; /* of the whole file */
    uint64_t hash;  /* XXH3 of the whole file, made when it was made (X6) */
};

/* At most PEER_SNAPSHOT_PIECE_BYTES; bytes is 0 in a piece that says: that snapshot is gone. */
struct peer_snapshot_ask {
    struct peer_snapshot snapshot;
    uint64_t offset;
    uint32_t bytes;
};

struct peer_snapshot_piece {
    struct peer_snapshot snapshot;
    uint64_t offset;
    struct slice bytes; /* borrowed */
};

#define PEER_SNAPSHOT_PIECE_BYTES (128u * 1024)

/* A request to change the membership, or to hand leadership over. Its number is the asker's own and
 * comes back with the answer. */
enum peer_change_kind {
    PEER_CHANGE_MEMBERS = 1, /* change says what */
    PEER_CHANGE_TRANSFER,    /* change.member.id: to whom; RAFT_ID_NONE: the best one */
};

struct peer_change {
    uint64_t number;
    enum peer_change_kind kind;
    struct raft_change change;
};

struct peer_change_reply {
    uint64_t number;
    enum result result; /* RESULT_OK: committed (transfer: begun); else as of raft_step, and
                         * RESULT_CLOSED: leadership was lost meanwhile, the outcome is unknown */
    uint64_t index;     /* of the configuration entry */
};

struct peer_state_hash {
    uint64_t index; /* of the check entry that it was taken at */
    uint64_t hash;
};

struct peer_message {
    enum peer_message_type type;
    uint64_t from;
    uint64_t to;
    union {
        struct raft_message raft; /* its from, to are the same */
        struct peer_forward forward;
        struct peer_forward_refused forward_refused;
        struct peer_node_info node_info;
        uint64_t snapshot_wanted; /* the least index of one that the sender's log goes on from */
        struct peer_snapshot snapshot_offer;
        struct peer_snapshot_ask snapshot_ask;
        struct peer_snapshot_piece snapshot_piece;
        struct peer_change change;
        struct peer_change_reply change_reply;
        struct peer_state_hash state_hash;
        struct raft_memory remembered; /* all 0: nothing */
    };
};

#endif
