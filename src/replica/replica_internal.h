/* replica_internal.h -- private to src/replica: the inside of a node and what its files share. */
#ifndef QUORUM_REPLICA_REPLICA_INTERNAL_H
#define QUORUM_REPLICA_REPLICA_INTERNAL_H

#include "replica/batch.h"
#include "replica/disk_state.h"
#include "replica/divergence.h"
#include "replica/executor_internal.h"
#include "replica/log_clock.h"
#include "replica/membership.h"
#include "replica/orders.h"
#include "replica/outbox.h"
#include "replica/read_rounds.h"
#include "replica/replica.h"
#include "replica/sequences.h"
#include "replica/snapshot.h"

/* A follower's batch that waits to be appended. */
struct inbox_batch {
    struct list link;
    struct batch_header header;
    struct slice commands; /* in the same allocation */
};

/* Batches of followers; used by a leader. */
struct inbox {
    struct list batches;
    uint64_t bytes;
    /* The last sequence of each origin that this leader has taken in its present term. */
    struct sequences accepted;
};

struct replica {
    struct raft *raft;
    struct keyspace *keyspace;
    struct executor executor;
    struct replica_host host;
    uint64_t self;
    uint64_t disk_id;
    uint64_t incarnation;
    uint8_t new_cluster_id[RAFT_CLUSTER_ID_BYTES];
    uint32_t request_timeout_ms;
    uint64_t now_ms;
    int64_t wall_ms;
    bool is_in_turn;
    bool has_started; /* what was known to be committed at the start is applied */
    bool is_corrupt;  /* raft found a contradiction: the process has to stop */

    struct raft_status status; /* as of the last raft step */
    uint64_t commit_index;
    uint64_t raft_deadline_ms;
    bool role_changed;          /* since the last end of a turn */
    bool configuration_changed; /* likewise */
    struct outbox outbox;

    /* Applied state, besides the keyspace. */
    uint64_t applied_index;
    uint64_t applied_term;
    struct sequences sequences;
    struct raft_configuration applied_configuration;
    uint64_t hash_seed; /* of the keyspace */

    /* Snapshots of it: snapshot.h. */
    bool is_state_missing; /* there is none of use: one has to be fetched */
    struct snapshot_save save;
    struct snapshot_send send;
    struct snapshot_receive receive;
    struct orders orders;

    struct log_clock clock;
    int64_t proposed_stamp_ms; /* of the newest entry this leader proposed */

    /* This node's own clients. */
    struct batches batches;
    uint64_t sent_to;         /* the leader that the sent batches were given to last */
    uint64_t sent_term;       /* and its term */
    uint64_t resend_at_ms;    /* refused or lost: send them all again then; 0: no need */
    uint64_t resend_from;     /* a leader has those before it in the log again already */
    uint64_t sent_at_ms;      /* of the newest sending */
    uint64_t refused_wait_ms; /* from a refusal to the next sending */
    struct read_rounds rounds;
    bool has_new_requests;

    struct inbox inbox;
    /* Nodes whose clients have waited for elements: a leader tells them of every commit at once,
     * for they are to see a push when its client sees the reply. Only a hint, and never taken back.
     */
    uint64_t watchers[LIMIT_MEMBERS];
    uint32_t watchers_count;
    struct membership membership;
    struct divergence divergence;
    uint64_t hand_over_at_ms; /* a leader with a low disk tries then */
    uint64_t disk_tell_at_ms; /* UINT64_MAX: it never had too little room, nothing to tell */

    struct peer_node_info self_info;
    struct {
        uint64_t id;
        struct peer_node_info info;
    } peers[LIMIT_MEMBERS];
    uint32_t peers_count;
    uint64_t leader_changes;
    uint64_t known_leader;

    struct buf assembly;                      /* an entry's payload while it is put together */
    struct command_arguments arguments;       /* decoded from an entry */
    struct command_arguments inner_arguments; /* and from a transaction in it */
};

/* Steps raft and takes up everything it wants; returns its answer. */
enum result replica_step(struct replica *replica, const struct raft_event *event);

uint64_t replica_monotonic_us(struct replica *replica);

/* The seed that all nodes of a cluster hash keys with. */
uint64_t replica_hash_seed(const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES]);

/* apply.c: applies what is committed, in bounded bits; true while there is more. */
bool apply_committed(struct replica *replica);

/* propose.c: a leader cuts the next entry from what gathered on this node and from followers. */
void propose_entry(struct replica *replica);
/* When the leader has to append an entry to move the clock, or UINT64_MAX. */
uint64_t propose_clock_deadline_ms(const struct replica *replica);
/* A client of that node waits for elements. */
void propose_note_watcher(struct replica *replica, uint64_t node);
/* Takes a follower's batch, or refuses it. */
void inbox_receive(struct replica *replica, uint64_t from, const struct peer_forward *forward);
/* Gives all waiting batches back to their origins: leadership is lost. */
void inbox_refuse_all(struct replica *replica);
void inbox_deinit(struct inbox *inbox);

/* origin.c: after applying: takes a new incarnation if this one is over. */
void origin_check(struct replica *replica);

/* forward.c: the header that a batch of this node's goes into the log with; sequence is given apart
 * because an unsent batch has none yet. */
struct batch_header forward_header(const struct replica *replica, const struct batch *batch,
                                   uint64_t sequence);
/* A follower sends its clients' batches to the leader, again if need be. */
void forward_batches(struct replica *replica);
/* Raft's view of the leader changed: what was sent is sent again. */
void forward_leader_changed(struct replica *replica);
void forward_refused(struct replica *replica, uint64_t from,
                     const struct peer_forward_refused *refused);
/* A batch of ours was applied: there is progress. */
void forward_applied(struct replica *replica);
/* When forward_batches has something to send again, or UINT64_MAX. */
uint64_t forward_deadline_ms(const struct replica *replica);
/* Sends everything again at a time; an earlier one already set stays. */
void forward_resend_at(struct replica *replica, uint64_t at_ms);

/* give_up.c: answers what has waited longer than the limit. */
void give_up_overdue(struct replica *replica);
/* Takes away the sent batches up to a sequence, which were applied without their replies. */
void give_up_covered(struct replica *replica, uint64_t sequence);
/* Tells the clients of sent batches that their outcome is unknown; the batches keep their places,
 * but do not go again under another incarnation. */
void give_up_sent(struct replica *replica);
uint64_t give_up_deadline_ms(const struct replica *replica);

/* Name and addresses of a node, "" when not known. */
const char *replica_node_name(const struct replica *replica, uint64_t id);
const char *replica_node_http_address(const struct replica *replica, uint64_t id);
const char *replica_node_redis_address(const struct replica *replica, uint64_t id);

/* info.c: the text of INFO for the sections named (none: the default ones). */
void info_write(struct session *session, const struct slice *sections, uint32_t sections_count,
                struct buf *out);

#endif
