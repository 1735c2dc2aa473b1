/* replica.h -- one node as a pure machine: raft, keyspace, clients' sessions, moved by turns.
 *
 * A turn of the event loop is:
 *   replica_begin_turn; any number of replica_on_* and executor_* calls; replica_end_turn.
 * All writes that came in during the turn become one batch, all reads share one ReadIndex round;
 * replica_end_turn applies what is committed, answers clients, and says what has to be persisted
 * and sent. The caller does the I/O and reports back in later turns.
 */
#ifndef QUORUM_REPLICA_REPLICA_H
#define QUORUM_REPLICA_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "raft/raft.h"
#include "replica/executor.h"
#include "replica/host.h"
#include "replica/snapshot_orders.h"
#include "wire/peer_message.h"

struct replica;

/* When a node saves its state by itself, and how much of its log stays behind that. */
struct replica_snapshot_options {
    uint64_t log_bytes;   /* after so many bytes of log; 0: 64 MiB */
    uint64_t log_entries; /* or so many entries; 0: 100,000 */
    /* What stays in the log behind a snapshot for followers that are a little behind, in bytes; 0:
     * half of log_bytes. */
    uint64_t trailing_bytes;
    uint32_t step_items; /* keys looked at in a turn while one is taken; 0: 250 */
};

struct replica_options {
    struct raft_start raft;
    uint64_t incarnation; /* of this start of the node; grows with every start */
    uint8_t new_cluster_id[RAFT_CLUSTER_ID_BYTES]; /* names the cluster if this node founds it */
    uint32_t request_timeout_ms;     /* a request is answered or given up within this; 0: 5,000 */
    const char *password;            /* requirepass; copied; NULL or "": none */
    struct peer_node_info self;      /* what /status, ROLE and peers say of this node */
    const struct replica_host *host; /* borrowed for the replica's life */
    /* The state that the log goes on from: filled by replica_restore_begin, _rows and _end; taken
     * over on success. NULL: none, and then raft.snapshot_index is 0 or is_state_missing set. */
    struct replica_restore *restore;
    /* This node's state is of no use (it differed from the others'): it holds its log, votes and
     * acknowledges, but applies nothing and answers nothing until it has fetched a snapshot. */
    bool is_state_missing;
    struct replica_snapshot_options snapshot;
};

/* The state of a node while it is read from state.db, before the node is there. */
struct replica_restore;

/* Begins with what belongs to the state besides rows; meta is copied. RESULT_CORRUPT (logged) when
 * its opaque part cannot be read. */
MUST_CHECK enum result replica_restore_begin(const struct replica_state_meta *meta,
                                             struct replica_restore **out);
/* Adds encoded rows, in the order of slots and keys. RESULT_CORRUPT, logged, for one that cannot
 * be.
 */
MUST_CHECK enum result replica_restore_rows(struct replica_restore *restore, struct slice rows);
/* All rows were added. RESULT_CORRUPT, logged, when some are missing. */
MUST_CHECK enum result replica_restore_end(struct replica_restore *restore);
/* Frees what replica_create did not take over; NULL is allowed. */
void replica_restore_destroy(struct replica_restore *restore);

/* Creates a node that starts as a follower and replays what is known to be committed.
 * RESULT_CORRUPT (logged) when the log contradicts itself or the state. */
MUST_CHECK enum result replica_create(const struct replica_options *options, uint64_t now_ms,
                                      int64_t wall_ms, struct replica **out);
void replica_destroy(struct replica *replica);

struct executor *replica_executor(struct replica *replica);

/* Who may use DEBUG, which can stop a node: enable-debug-command, as in Redis 7.0. */
enum replica_debug_access {
    REPLICA_DEBUG_LOCAL, /* clients on this machine's loopback */
    REPLICA_DEBUG_NO,
    REPLICA_DEBUG_YES,
};
void replica_set_debug_access(struct replica *replica, enum replica_debug_access access);

/* latency-monitor-threshold in milliseconds; 0: LATENCY notes nothing. */
void replica_set_latency_threshold(struct replica *replica, uint64_t threshold_ms);

/* A turn of the event loop took so long. */
void replica_note_turn(struct replica *replica, uint64_t us);

/* slowlog-log-slower-than in microseconds, negative: off; slowlog-max-len. */
void replica_set_slow_log(struct replica *replica, int64_t threshold_us, uint64_t entries_max);

/* notify-keyspace-events: classes of command/command_events.h. */
void replica_set_notify_classes(struct replica *replica, uint32_t classes);

/* Changes options at run time (CONFIG SET). */
void replica_set_password(struct replica *replica, const char *password);
void replica_set_request_timeout(struct replica *replica, uint32_t request_timeout_ms);
void replica_set_bulk_bytes_max(struct replica *replica, uint32_t bulk_bytes_max);

/* Times: now_ms monotonic milliseconds, wall_ms Unix milliseconds. Idempotent within a turn. */
void replica_begin_turn(struct replica *replica, uint64_t now_ms, int64_t wall_ms);

/* A message from a peer whose identity the network has checked. RESULT_CORRUPT: stop the process
 * (already logged). */
MUST_CHECK enum result replica_on_message(struct replica *replica,
                                          const struct peer_message *message);

/* Everything handed out up to persist id is durable. */
void replica_on_persisted(struct replica *replica, uint64_t persist_id);

/* A link to a peer came up, or broke (frames sent to it may be lost). */
void replica_on_peer_connected(struct replica *replica, uint64_t peer);
void replica_on_peer_unreachable(struct replica *replica, uint64_t peer);

/* The peers have told that the cluster exists and has a name; see raft_wait_for_leader. */
void replica_on_cluster_found(struct replica *replica);

/* Hands leadership to the best follower; for an orderly stop, or a disk that has stalled. */
void replica_transfer_leadership(struct replica *replica);

/* What this node does with writes that need room on its disk. Told by whoever watches the disk; a
 * write is refused where its client is, before it is proposed. */
enum replica_disk_state {
    REPLICA_DISK_OK,
    REPLICA_DISK_LOW, /* only commands that free room (DEL and the like) are taken */
};
void replica_set_disk_state(struct replica *replica, enum replica_disk_state state);

void replica_set_snapshot_options(struct replica *replica,
                                  const struct replica_snapshot_options *options);

/* Asks to be made a member: sent to the leader, by way of via (a member's id), until this node's
 * configuration in force lists it. For a node started with --join. */
void replica_join(struct replica *replica, uint64_t via);

/* What is to be done after a turn; borrowed until the next replica_begin_turn. */
struct replica_ready {
    const struct raft_persist *persists; /* in order */
    uint32_t persists_count;
    const struct peer_message *messages; /* in order for each receiver */
    uint32_t messages_count;
    uint64_t deadline_ms;               /* begin a turn no later than this */
    bool has_more_work;                 /* begin the next turn at once */
    bool role_changed;                  /* role, term or leader: replica_get_status */
    bool configuration_changed;         /* replica_configuration: addresses of peers */
    const struct replica_order *orders; /* in order; see snapshot_orders.h */
    uint32_t orders_count;
    /* This node's state differs from the majority's (logged): stop the process, and start it again
     * with is_state_missing. */
    bool has_diverged;
};

/* RESULT_CORRUPT: stop the process (already logged). */
MUST_CHECK enum result replica_end_turn(struct replica *replica, struct replica_ready *ready);

/* Whether commands were taken since the last replica_end_turn: they need another turn, now. */
bool replica_has_new_requests(const struct replica *replica);

/* Requests of this node's clients that are not answered yet, or writes still to be sent. */
bool replica_owes_answers(const struct replica *replica);

/* ---- Looking at the node ---- */

struct replica_status {
    struct raft_status raft;
    uint64_t applied_index;
    uint64_t state_hash;
    uint64_t unanswered_bytes;
    /* As committed: the name in an entry that is not may yet lose to another leader's. */
    uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES];
    int64_t clock_ms; /* the log's clock now, about */
    uint64_t leader_changes;
    const char *leader_name;         /* "" when not known; borrowed until the next turn */
    const char *leader_http_address; /* "" when not known */
    const char *role_text;           /* "Leader", "Follower", "Candidate", "Learner", "Removed" */
    bool is_state_missing;           /* waits for a snapshot before it answers anything */
};
void replica_get_status(struct replica *replica, struct replica_status *out);

/* The configuration in force; borrowed until the next turn. */
const struct raft_configuration *replica_configuration(const struct replica *replica);

/* The members of the configuration in force in the order of their names, as people list them;
 * returns their number. Borrowed until the next turn. */
uint32_t replica_members_by_name(const struct replica *replica,
                                 const struct raft_member *out[LIMIT_MEMBERS]);

/* What a peer told of itself, or NULL. Addresses in the log win where both are known. */
const struct peer_node_info *replica_peer_info(const struct replica *replica, uint64_t peer);

/* A leader's view of the others, as raft_get_progress. */
uint32_t replica_get_progress(const struct replica *replica, struct raft_progress *out,
                              uint32_t capacity);

#endif
