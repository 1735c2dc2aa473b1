/* play_trace.h -- what happens in a cluster, as lines of text for plays. */
#ifndef QUORUM_TESTS_UNIT_RAFT_PLAY_TRACE_H
#define QUORUM_TESTS_UNIT_RAFT_PLAY_TRACE_H

#include "unit/raft/cluster.h"

/* Makes every later step of the cluster add its lines to out: role, messages, persist, commit,
 * reads. Heartbeats and their answers only when with_heartbeats says so. */
struct play_trace {
    struct buf *out;
    bool with_heartbeats;
    uint64_t members[CLUSTER_NODES_MAX + 1]; /* a hash of those that a node knew; 0: none */
    struct raft_status before[CLUSTER_NODES_MAX + 1];
};

void play_trace_init(struct play_trace *trace, struct cluster *cluster, struct buf *out);

/* A node starts again: what it knew before is no longer compared with. */
void play_trace_forget(struct play_trace *trace, uint64_t id);

/* Appends one line for a node: role, term, leader, and its log as terms. */
void play_trace_node(const struct cluster *cluster, uint64_t id, struct buf *out);

/* Appends one line for a leader's view of each other member. */
/* Who belongs to the cluster, as a node sees it. */
void play_trace_members(const struct cluster *cluster, uint64_t id, struct buf *out);
void play_trace_progress(const struct cluster *cluster, uint64_t id, struct buf *out);

/* Appends a message in words, without a newline. */
void play_trace_message(const struct raft_message *message, struct buf *out);

#endif
