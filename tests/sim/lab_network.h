/* lab_network.h -- the simulated network: real frames on their way, with seeded faults.
 *
 * A frame that arrives damaged must be noticed by its reader, who gives the link up: what is under
 * way on it is lost, as with a TCP connection (lab_network_reset).
 */
#ifndef QUORUM_TESTS_SIM_LAB_NETWORK_H
#define QUORUM_TESTS_SIM_LAB_NETWORK_H

#include "base/prng.h"
#include "sim/lab_fault.h"
#include "wire/peer_frame.h"

enum { LAB_NODES_MAX = 7 };

struct lab_packet {
    uint64_t due_ms;
    uint64_t order; /* of sending: settles ties */
    uint32_t from;
    bool is_damaged;  /* on the way */
    struct buf frame; /* as peer_frame_encode writes it */
};

/* A heap: the packet that comes first is the first. */
struct lab_queue {
    struct lab_packet *packets;
    uint32_t count;
    uint32_t capacity;
};

/* Nodes are numbered from 0. */
struct lab_network {
    struct lab_queue queues[LAB_NODES_MAX]; /* by receiver */
    struct lab_faults *faults;              /* counted there */
    uint64_t packets_sent;
    uint64_t bytes_sent;
    uint64_t last_due_ms[LAB_NODES_MAX][LAB_NODES_MAX];
    uint64_t trace; /* a hash of all that was sent */
    /* Faults, set by the test at any time. */
    bool is_cut[LAB_NODES_MAX][LAB_NODES_MAX];               /* [from][to]: one direction */
    uint64_t clogged_until_ms[LAB_NODES_MAX][LAB_NODES_MAX]; /* nothing arrives before */
    uint64_t drop_per_mille;
    uint64_t repeat_per_mille;   /* the copy comes up to two seconds later */
    uint64_t corrupt_per_mille;  /* a few bytes change */
    uint64_t truncate_per_mille; /* the end is missing */
    uint64_t delay_ms_min;
    uint64_t delay_ms_max;
    enum peer_frame_type lost_type; /* frames of this type are lost; 0: none are */
    bool reorders;                  /* else packets of a link stay in order, as over TCP */
};

void lab_network_deinit(struct lab_network *network);

void lab_network_send(struct lab_network *network, uint32_t from, uint32_t to,
                      const struct peer_message *message, uint64_t now_ms, struct prng *prng);

/* When the next packet for a node comes, or UINT64_MAX. */
uint64_t lab_network_due_ms(const struct lab_network *network, uint32_t to);

/* Takes the next packet due for a node; false when there is none. The frame is then the caller's.
 * Packets of a direction that is cut are lost on the way. */
bool lab_network_take(struct lab_network *network, uint32_t to, uint64_t now_ms,
                      struct lab_packet *out);

/* The node is down: what comes for it is lost. */
void lab_network_drop_for(struct lab_network *network, uint32_t to);

/* The connection between two nodes broke: what is under way in that direction is lost. */
void lab_network_reset(struct lab_network *network, uint32_t from, uint32_t to);

/* Cuts or joins one direction between two nodes, or all of them. */
void lab_network_cut(struct lab_network *network, uint32_t from, uint32_t to, bool is_cut);
/* Holds everything of one direction until a time, and then delivers it. */
void lab_network_clog(struct lab_network *network, uint32_t from, uint32_t to, uint64_t until_ms);
void lab_network_heal(struct lab_network *network);

#endif
