/* sim_client.h -- a client of the randomized simulation: what it asks, and what it may be told.
 *
 * Every client has keys that only it writes: a counter, a list of numbers made by APPEND, a
 * register whose values ascend, and keys that expire. It reads everybody's registers. Each reply is
 * judged when it comes:
 *   counter    acknowledged INCRs plus some of those with unknown outcome, never less than before
 *   register   not older than what was acknowledged or read before the read began, and not newer
 *              than what was sent; one's own register: exactly as a lone server would have it
 *   expiring   gone once, gone for ever
 *   PING       its own number: replies come in the order of the commands
 */
#ifndef QUORUM_TESTS_SIM_SIM_CLIENT_H
#define QUORUM_TESTS_SIM_SIM_CLIENT_H

#include "sim/lab_client.h"

enum {
    SIM_CLIENTS_MAX = 6,
    SIM_PIPELINE_MAX = 12,
    SIM_TARGETS_MAX = 3,
    SIM_TOKENS_MAX = 4096,
    SIM_EXPIRING_MAX = 8,
};

enum sim_kind { SIM_INCR, SIM_APPEND, SIM_SET, SIM_READ, SIM_SET_PX, SIM_READ_PX, SIM_PING };
enum { SIM_KINDS = SIM_PING + 1 };

struct sim_operation {
    enum sim_kind kind;
    uint64_t number;
    uint32_t targets_count; /* of reads: registers of these clients, or one expiring key */
    uint32_t targets[SIM_TARGETS_MAX];
    uint64_t generations[SIM_TARGETS_MAX];
    uint64_t floors[SIM_TARGETS_MAX]; /* the least that may be read */
    bool was_gone;                    /* the expiring key was known to be gone */
    bool is_taken;
    uint64_t taken_ms;
    uint64_t paused_ms; /* of its node, in all, when it was taken */
};

/* What became of an APPEND. */
enum sim_token { SIM_TOKEN_NEVER, SIM_TOKEN_MAYBE, SIM_TOKEN_DONE };

struct sim;

struct sim_client {
    struct sim *sim;
    uint32_t number;
    struct lab_client client;
    uint64_t next_ms; /* when it acts next */
    struct sim_operation operations[SIM_PIPELINE_MAX];
    uint32_t operations_count;
    uint64_t pings;
    /* Counter. */
    uint64_t increments_done;
    uint64_t increments_unknown;
    uint64_t increments_extra; /* of the unknown ones, how many must have been done */
    /* Numbers appended; index is the number. */
    uint8_t tokens[SIM_TOKENS_MAX];
    uint64_t tokens_count;
    /* Register; a new one, of the next generation, after a write of unknown outcome. */
    uint64_t generation;
    uint64_t register_sent;
    uint64_t register_done; /* acknowledged or read */
    uint64_t register_acknowledged;
    struct {
        uint64_t number;
        bool is_there; /* its SET was acknowledged */
        bool is_gone;
    } expiring[SIM_EXPIRING_MAX];
    uint64_t expiring_count;
};

struct sim {
    struct lab lab;
    struct prng prng; /* of clients and faults */
    uint32_t clients_count;
    struct sim_client clients[SIM_CLIENTS_MAX];
    uint64_t request_timeout_ms;
    bool is_calm;    /* no new work */
    bool is_mending; /* a disk was lost, and its node is no voter again yet */
    uint64_t replies;
    uint64_t unknowns;
    uint64_t refusals;
};

/* The client's turn has come: connects, sends something, or breaks its connection. */
void sim_client_act(struct sim_client *client);

/* Fails when a request taken has waited for too long. */
void sim_client_check_waits(struct sim_client *client);

/* At the end: asks a node for the client's keys and judges what is there. */
void sim_client_check_end(struct sim_client *client, struct lab_node *node);

#endif
