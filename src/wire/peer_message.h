/* peer_message.h -- what nodes say to each other, as structs; peer_frame.h has the bytes. */
#ifndef QUORUM_WIRE_PEER_MESSAGE_H
#define QUORUM_WIRE_PEER_MESSAGE_H

#include <stdint.h>

#include "base/limits.h"
#include "base/slice.h"
#include "raft/raft.h"
#include "wire/entry_payload.h"

enum peer_message_type {
    PEER_MESSAGE_RAFT = 1,        /* any of raft.h's messages */
    PEER_MESSAGE_FORWARD,         /* a follower's batch for the leader to append */
    PEER_MESSAGE_FORWARD_REFUSED, /* not the leader, or busy: nothing of it was appended */
    PEER_MESSAGE_NODE_INFO,       /* who the sender is, sent right behind the hello */
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
    };
};

#endif
