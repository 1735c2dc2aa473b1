/* lab_oracle.h -- what must hold of a whole cluster of replicas, checked after every turn of a
 * node.
 *
 * The oracle sees all nodes and all disks, and keeps the one history: who led each term, what was
 * committed at each index. Paper, Figure 3: Election Safety, Leader Append-Only, Log Matching,
 * Leader Completeness, State Machine Safety; and the promises that rest on disks: what a message
 * states is durable when it leaves (D1), what is committed is durable on a majority of the voters.
 * Term, commit index and applied index never fall while a node runs; its durable term never does.
 */
#ifndef QUORUM_TESTS_SIM_LAB_ORACLE_H
#define QUORUM_TESTS_SIM_LAB_ORACLE_H

#include "raft/raft.h"
#include "sim/lab_network.h"

struct lab;
struct lab_node;
struct replica_ready;

struct lab_committed {
    uint64_t term;
    uint64_t committed_term; /* it was committed in */
    uint64_t hash;
};

/* What was last seen of a node. */
struct lab_seen {
    uint64_t durable_term;
    uint64_t term;
    uint64_t commit_index;
    uint64_t applied_index;
    uint64_t led_term; /* the last one it led */
    uint64_t led_last_index;
    struct raft_configuration configuration; /* as of the turn before */
};

struct lab_oracle {
    uint64_t *leaders; /* by term; RAFT_ID_NONE: not known */
    uint64_t terms_capacity;
    struct lab_committed *committed; /* by index */
    uint64_t committed_count;        /* the highest index committed anywhere */
    uint64_t committed_capacity;
    struct lab_seen seen[LAB_NODES_MAX];
    uint64_t logs_checked_ms;
};

void lab_oracle_deinit(struct lab_oracle *oracle);

/* A node starts: its memory is that of its disk. */
void lab_oracle_started(struct lab_node *node);
/* A node lost its disk: it promised nothing that it still knows. */
void lab_oracle_wiped(struct lab_node *node);

/* After a turn, before anything of it is carried out. */
void lab_oracle_observe(struct lab_node *node, const struct replica_ready *ready);

/* Compares all logs with each other, and looks at what nodes hold (lab_bounds.h); dear, so called
 * now and then. */
void lab_oracle_check_logs(struct lab *lab);

#endif
