/* oracle.h -- what must hold of a whole cluster, checked from outside after every step.
 *
 * Keeps the one history: who led each term, what was committed at each index. Paper, Figure 3:
 * Election Safety, Leader Append-Only, Log Matching, Leader Completeness, State Machine Safety;
 * and the promises towards disks: what a message states is durable when it leaves (D1).
 */
#ifndef QUORUM_TESTS_UNIT_RAFT_ORACLE_H
#define QUORUM_TESTS_UNIT_RAFT_ORACLE_H

#include "unit/raft/cluster.h"

enum { ORACLE_TERMS_MAX = 4096, ORACLE_ENTRIES_MAX = 16384 };

struct oracle_entry {
    uint64_t term;
    uint64_t committed_term; /* it was committed in */
    uint64_t hash;
};

struct oracle_read {
    uint64_t context;
    uint64_t floor; /* what was committed anywhere when the read began */
};

struct oracle {
    char failure[256]; /* empty: all is well */
    uint64_t leaders[ORACLE_TERMS_MAX];
    struct oracle_entry committed[ORACLE_ENTRIES_MAX]; /* by index */
    uint64_t committed_count;                          /* highest index committed anywhere */
    uint64_t checked[CLUSTER_NODES_MAX + 1];           /* commit index last checked, by node */
    uint64_t terms[CLUSTER_NODES_MAX + 1];             /* must not fall, not even by a crash */
    struct oracle_read reads[1024];
    uint32_t reads_count;
    uint64_t reads_confirmed;
};

void oracle_init(struct oracle *oracle, struct cluster *cluster);
/* Tells of a read that begins now. */
void oracle_read_begins(struct oracle *oracle, uint64_t context);
/* A node lost its memory: its commit index may start again from its snapshot. */
void oracle_node_crashed(struct oracle *oracle, const struct cluster *cluster, uint64_t id);
/* A node lost its disk, too: it promised nothing that it still knows. */
void oracle_node_wiped(struct oracle *oracle, uint64_t id);
/* Whether a node that is down may lose its disk without a majority of the voters having lost
 * theirs: by what is durable now, in every configuration that may come to be the one. */
bool oracle_may_wipe(const struct oracle *oracle, const struct cluster *cluster, uint64_t id);
/* Compares all logs with each other; dear, so called now and then. */
void oracle_check_logs(struct oracle *oracle, const struct cluster *cluster);

#endif
