/* raft_internal.h -- what the files of this directory share; nobody else includes it but the
 * unit tests of this directory.
 *
 * One file a part of the paper:
 *   start.c          create from disk, destroy
 *   raft.c           the step: one event in, one ready out (Figure 2, "Rules for Servers")
 *   dispatch.c       a message in: terms are compared, then the rule it is for (5.1)
 *   log.c            the entries in memory, behind the compaction point
 *   persistence.c    what is durable, and the messages that wait for it
 *   configuration.c  members: codec, the configuration in force, roll-back (thesis 4.1)
 *   change.c         membership changes, asked for and the leader's own (thesis 4)
 *   snapshot.c       compaction, and a snapshot in place of the log (section 7)
 *   election.c       pre-vote, votes, roles, the election timer (5.2, thesis 9.6)
 *   replication.c    AppendEntries and heartbeats, both ends (5.3)
 *   progress.c       the leader's view of each follower: probe, replicate, snapshot
 *   commit.c         the quorum index and the rule of 5.4.2
 *   read_index.c     linearizable reads (thesis 6.4)
 *   transfer.c       leadership transfer (thesis 3.10)
 *   remember.c       disks that went back to an earlier state
 *   invariants.c     everything that one node can check of itself
 *
 * A function here never calls back out; it changes struct raft and appends to its outbox. Entries
 * of append messages are pointed at only when the step ends, because the log may move before.
 */
#ifndef QUORUM_RAFT_RAFT_INTERNAL_H
#define QUORUM_RAFT_RAFT_INTERNAL_H

#include "base/prng.h"
#include "raft/raft.h"

/* What one entry counts against LIMIT_UNCOMMITTED_BYTES beside its payload. */
#define RAFT_ENTRY_OVERHEAD_BYTES 64
/* So close to the end of the log a member has caught up. */
#define RAFT_CAUGHT_UP_ENTRIES 64
/* The members, and those that are told of their removal. */
#define RAFT_PEERS_MAX (2 * LIMIT_MEMBERS)
/* A time that never comes. */
#define RAFT_NEVER_MS UINT64_MAX

/* ---- log.c ---- */

/* Entries snapshot_index + 1 .. last_index, dense in memory at entries[head .. head + count). */
struct raft_log {
    struct raft_entry *entries;
    uint64_t head;
    uint64_t count;
    uint64_t capacity;
    uint64_t snapshot_index; /* the compaction point: everything up to here is committed */
    uint64_t snapshot_term;
};

void raft_log_deinit(struct raft_log *log);
uint64_t raft_log_first_index(const struct raft_log *log);
uint64_t raft_log_last_index(const struct raft_log *log);
uint64_t raft_log_last_term(const struct raft_log *log);
/* The term at snapshot_index <= index <= last_index. */
uint64_t raft_log_term_at(const struct raft_log *log, uint64_t index);
/* Borrows entries from index on, contiguous up to the last; until the log changes. */
const struct raft_entry *raft_log_at(const struct raft_log *log, uint64_t index);
/* Appends the entry at last_index + 1 and retains its payload. */
void raft_log_append(struct raft_log *log, const struct raft_entry *entry);
/* Drops the entries from index on. */
void raft_log_truncate(struct raft_log *log, uint64_t index);
/* Drops the entries up to index, which becomes the compaction point. */
void raft_log_compact(struct raft_log *log, uint64_t index);
/* Drops all; index, of term, becomes the compaction point. */
void raft_log_reset(struct raft_log *log, uint64_t index, uint64_t term);
/* The lowest index in memory whose term is not below term; last_index + 1 when there is none. */
uint64_t raft_log_lower_bound(const struct raft_log *log, uint64_t term);

/* ---- persistence.c ---- */

/* A persist handed out and not yet durable. When it completes, the log is durable up to
 * last_index, which truncation lowers: a completion never speaks for an overwritten entry (C28). */
struct raft_pending_persist {
    uint64_t id;
    uint64_t last_index;
};

struct raft_held_message {
    uint64_t wait_id; /* the persist it depends on */
    struct raft_message message;
};

struct raft_persistence {
    uint64_t last_id;                  /* handed out */
    uint64_t completed_id;             /* durable */
    uint64_t hard_state_id;            /* the newest persist that carried a hard state */
    struct raft_hard_state hard_state; /* as last handed out */
    uint64_t next_index;               /* the first entry not yet handed out */
    uint64_t truncate_from;            /* to hand out with this step's persist; 0: none */
    uint64_t reset_index;              /* the same; 0: none */
    uint64_t reset_term;
    uint64_t persisted_index; /* the log in memory is durable up to here */
    struct raft_pending_persist *pending;
    uint32_t pending_head;
    uint32_t pending_count;
    uint32_t pending_capacity;
    struct raft_held_message held[LIMIT_MESSAGES_HELD];
    uint32_t held_count;
};

/* ---- configuration.c ---- */

struct raft_membership {
    struct raft_configuration base; /* as of the compaction point */
    uint64_t base_index;
    struct raft_configuration latest; /* in force */
    uint64_t latest_index;
    uint64_t *indexes; /* of the configuration entries in the log, ascending */
    uint32_t indexes_count;
    uint32_t indexes_capacity;
    uint64_t version; /* counts the changes of latest */
};

/* ---- progress.c ---- */

struct raft_peer {
    uint64_t id;
    bool is_voter;
    uint64_t recorded_disk_id; /* by the configuration in force; 0: none */
    uint64_t disk_id;          /* that match_index is about; 0: not known yet */
    bool has_lost;             /* what it had acknowledged: a voter that does not count */
    uint64_t heard_sequence;   /* of our newest append when it last acknowledged */
    uint64_t first_sequence;   /* replies to earlier ones are void; 0: none is */
    uint64_t link_sequence;    /* replies to earlier ones came over a link that broke since */
    bool is_leaving;           /* no member any more, but to hear of it */
    uint64_t leaving_index;    /* of the entry that removed it */
    uint64_t leaving_until_ms; /* RAFT_NEVER_MS: as long as that is not committed */
    enum raft_progress_state state;
    uint64_t match_index;
    uint64_t next_index; /* optimistic in RAFT_REPLICATE: counts what is in flight */
    uint64_t last_contact_ms;
    uint64_t quorum_contact_ms; /* the same, with the recorded disk */
    uint64_t disk_contact_ms;   /* the same, with disk_id */
    bool probe_sent;            /* RAFT_PROBE: wait for an answer before the next */
    uint64_t probe_last_index;  /* the last entry that went with it; 0: none did */
    bool moved;                 /* the stream began or match_index rose since the last heartbeat */
    bool stalled;               /* it did not: ask what became of it */
    uint64_t read_round;        /* newest one acknowledged */
    uint64_t round_asked;       /* newest one sent */
    uint64_t slow_until_ms;     /* it kept a read round waiting */
    uint64_t announce_index;    /* tell of its commit at once; 0: nothing asked */
    uint64_t commit_told;       /* the highest commit index sent that it can act upon */
    uint64_t in_flight[LIMIT_APPENDS_IN_FLIGHT]; /* last index of each append, oldest first */
    uint32_t in_flight_head;
    uint32_t in_flight_count;
};

/* ---- remember.c ---- */

struct raft_memory_row {
    uint64_t peer;
    struct raft_memory memory;
};

/* ---- read_index.c ---- */

/* Leader: round 0 waits for a commit in this term. Follower: forwarded, round is not used. */
struct raft_pending_read {
    uint64_t context;
    uint64_t from; /* the asker; the own id for a local read */
    uint64_t round;
    uint64_t index;
    uint64_t since_ms; /* the asking; leader: that of the round */
};

struct raft_reads {
    uint64_t round; /* newest one started; never reused, not even in a later term (D3) */
    uint64_t round_asked_of_all; /* newest one that every voter was asked for */
    struct raft_pending_read *pending;
    uint32_t pending_head;
    uint32_t pending_count;
    uint32_t pending_capacity;
    struct raft_read_result *results; /* of this step */
    uint32_t results_count;
    uint32_t results_capacity;
};

/* ---- The node ---- */

struct raft {
    uint64_t id;
    uint64_t disk_id;
    struct raft_timers timers;
    struct prng prng;
    uint64_t now_ms;
    uint64_t clock_ms;
    uint8_t bootstrap_cluster_id[RAFT_CLUSTER_ID_BYTES]; /* all zero: none */
    bool waits_for_leader;                               /* while the log is empty */

    /* Figure 2, state on all servers. */
    struct raft_hard_state hard_state;
    struct raft_log log;
    uint64_t commit_index;
    struct raft_persistence persistence;
    struct raft_membership membership;

    enum raft_role role;
    uint64_t leader;
    uint64_t election_deadline_ms;

    /* Candidates: bit i is the vote of member i of the configuration. */
    uint32_t votes;

    /* Followers. */
    uint64_t leader_contact_ms;
    uint64_t leader_clock_ms; /* of a message of this step */
    uint64_t verified_index;  /* the log matches that of this term's leader up to here */
    uint64_t acked_index;     /* the highest match_index told to it */
    uint64_t append_sequence; /* the newest one handled of its appends */
    bool append_reply_owed;

    /* Leaders. */
    struct raft_peer peers[RAFT_PEERS_MAX]; /* every member but this one, ascending id */
    uint32_t peers_count;
    uint64_t sent_sequence;    /* of the newest append, to whomever */
    uint64_t term_start_index; /* of the first entry of this term */
    uint64_t heartbeat_deadline_ms;
    uint64_t uncommitted_bytes;
    uint64_t transfer_to;
    uint64_t transfer_deadline_ms;

    struct raft_reads reads;

    /* Of the peers, from when this node led; and of this node. */
    struct raft_memory_row memories[RAFT_PEERS_MAX];
    uint32_t memories_count;
    uint64_t start_term; /* what the disk had at the start */
    uint64_t start_index;
    uint64_t first_acked_term; /* since the start; 0: none yet */
    struct raft_memory lost;   /* what the disk once had beyond that; all 0: nothing */
    uint64_t withhold_until_ms;
    uint64_t heard[RAFT_PEERS_MAX]; /* peers that said what they remember */
    uint32_t heard_count;

    struct raft_message *outbox;
    uint32_t outbox_count;
    uint32_t outbox_capacity;
};

/* Makes room for one more in an array that doubles; the array may move. */
void *raft_grow(void *array, uint32_t count, uint32_t *capacity, size_t item_size);

/* Stamps and queues a message; PRE_VOTE and a granted PRE_VOTE_REPLY carry their own term. */
void raft_send(struct raft *raft, const struct raft_message *message);

/* Appends an entry to the log, with what follows from it for the configuration. */
void raft_append_entry(struct raft *raft, const struct raft_entry *entry);
/* A leader's own next entry; takes over payload. */
void raft_append_own(struct raft *raft, enum raft_entry_type type, struct blob *payload);
/* Drops the entries from index on, with what follows for persistence and configuration. */
void raft_truncate_from(struct raft *raft, uint64_t index);

/* dispatch.c */
MUST_CHECK enum result raft_handle_message(struct raft *raft, const struct raft_message *message);

/* persistence.c */
void raft_persistence_deinit(struct raft *raft);
bool raft_hard_state_is_durable(const struct raft *raft);
/* The persist that the present hard state, or everything up to now, becomes durable with. */
uint64_t raft_hard_state_wait_id(const struct raft *raft);
uint64_t raft_everything_wait_id(const struct raft *raft);
/* Sends the message when the persist is durable, at once if it is. */
void raft_send_when_durable(struct raft *raft, const struct raft_message *message,
                            uint64_t wait_id);
void raft_drop_held(struct raft *raft);
void raft_persistence_truncate(struct raft *raft, uint64_t index);
/* The log was dropped for a durable snapshot, its compaction point. */
void raft_persistence_reset(struct raft *raft);
void raft_persist_collect(struct raft *raft, struct raft_persist *out);
void raft_handle_persisted(struct raft *raft, uint64_t id);

/* configuration.c */
void raft_membership_init(struct raft *raft, const struct raft_configuration *base, uint64_t index);
void raft_membership_deinit(struct raft *raft);
/* The log was dropped: base, as of index, is in force. */
void raft_membership_reset(struct raft *raft, const struct raft_configuration *base,
                           uint64_t index);
void raft_membership_append(struct raft *raft, const struct raft_entry *entry);
void raft_membership_truncate(struct raft *raft, uint64_t index);
void raft_membership_compact(struct raft *raft, uint64_t index);
bool raft_is_voter(const struct raft *raft, uint64_t id);
bool raft_is_member(const struct raft *raft, uint64_t id);
uint32_t raft_voters_count(const struct raft *raft);
/* Whether this node is a voter, and with this disk. */
bool raft_is_voter_itself(const struct raft *raft);
/* The same by the configuration before the one in force. */
bool raft_was_voter_itself(const struct raft *raft);
bool raft_is_sole_voter(const struct raft *raft);
bool raft_configuration_is_named(const struct raft_configuration *configuration);
bool raft_configuration_is_committed(const struct raft *raft);
/* A leader's next entry: the configuration, in force from now on. */
void raft_append_configuration(struct raft *raft, const struct raft_configuration *configuration);

/* change.c */
MUST_CHECK enum result raft_handle_change(struct raft *raft, const struct raft_change *change);
/* What a leader does by itself, once a step: records disks, demotes, promotes, leaves. */
void raft_change_continue(struct raft *raft);

/* snapshot.c */
void raft_handle_snapshot_saved(struct raft *raft, uint64_t index);
MUST_CHECK enum result raft_handle_snapshot_installed(struct raft *raft,
                                                      const struct raft_snapshot *snapshot);

/* election.c */
void raft_draw_election_deadline(struct raft *raft);
void raft_become_follower(struct raft *raft, uint64_t term, uint64_t leader);
void raft_campaign(struct raft *raft, bool leadership_transfer);
void raft_on_election_deadline(struct raft *raft);
void raft_count_own_vote(struct raft *raft);
/* False: a learner, no member (once that is committed), another disk than the recorded one, waiting
 * for a leader, or not to vote either. */
bool raft_may_campaign(const struct raft *raft);
/* Blank, and the cluster exists: waits for a leader. */
bool raft_is_waiting(const struct raft *raft);
bool raft_has_live_leader(const struct raft *raft);
void raft_handle_pre_vote(struct raft *raft, const struct raft_message *message);
void raft_handle_pre_vote_reply(struct raft *raft, const struct raft_message *message);
void raft_handle_vote(struct raft *raft, const struct raft_message *message);
void raft_handle_vote_reply(struct raft *raft, const struct raft_message *message);

/* replication.c */
void raft_replicate_to(struct raft *raft, struct raft_peer *peer);
void raft_replicate_to_all(struct raft *raft);
void raft_send_heartbeat(struct raft *raft, struct raft_peer *peer);
void raft_send_heartbeats(struct raft *raft);
void raft_send_append_reply(struct raft *raft);
void raft_send_announcements(struct raft *raft);
MUST_CHECK enum result raft_handle_append(struct raft *raft, const struct raft_message *message);
void raft_handle_append_reply(struct raft *raft, const struct raft_message *message);
void raft_handle_heartbeat(struct raft *raft, const struct raft_message *message);
void raft_handle_heartbeat_reply(struct raft *raft, const struct raft_message *message);

/* progress.c */
void raft_progress_reset(struct raft *raft);
/* Takes the members of a new configuration over, keeping what is known of those that stay. */
void raft_progress_reconfigure(struct raft *raft);
struct raft_peer *raft_progress_find(struct raft *raft, uint64_t id);
void raft_progress_become_probe(struct raft_peer *peer, uint64_t next_index);
void raft_progress_become_replicate(struct raft_peer *peer);
void raft_progress_become_snapshot(struct raft *raft, struct raft_peer *peer);
bool raft_progress_is_paused(const struct raft_peer *peer);
void raft_progress_sent(struct raft_peer *peer, uint64_t last_index);
void raft_progress_acked(struct raft_peer *peer, uint64_t match_index);
/* Whether what a disk of this peer says counts towards a majority; the one that match_index is
 * about. */
bool raft_progress_counts_from(const struct raft_peer *peer, uint64_t disk_id);
bool raft_progress_counts(const struct raft_peer *peer);
/* A reply came from a disk of this peer. */
void raft_progress_contact(const struct raft *raft, struct raft_peer *peer, uint64_t disk_id);
/* Its disk was heard from within an election timeout. */
bool raft_progress_is_active(const struct raft *raft, const struct raft_peer *peer);
bool raft_progress_has_caught_up(const struct raft *raft, const struct raft_peer *peer);
enum raft_reply_worth {
    RAFT_REPLY_STALE,      /* proves nothing */
    RAFT_REPLY_CURRENT,    /* for the usual rules */
    RAFT_REPLY_OTHER_DISK, /* made after the last acknowledgement, by another disk */
    RAFT_REPLY_LOST,       /* ... without what was acknowledged */
};
enum raft_reply_worth raft_progress_judge(const struct raft_peer *peer,
                                          const struct raft_append_reply *reply);
/* An acknowledgement was taken, or the first word of a disk. */
void raft_progress_heard(const struct raft *raft, struct raft_peer *peer, uint64_t disk_id);
/* All that is known of its log is void: what there is now is on disk_id. */
void raft_progress_forget(struct raft *raft, struct raft_peer *peer, uint64_t disk_id);
/* Drops those that had the time to hear of their removal. */
void raft_progress_expire_leaving(struct raft *raft);
/* Once a heartbeat: marks the peers whose stream did not move since the one before. */
void raft_progress_note_stalls(struct raft *raft);
/* When a majority was last known to be there; RAFT_NEVER_MS when this node is the majority. */
uint64_t raft_progress_quorum_contact_ms(const struct raft *raft);

/* commit.c */
/* The highest value that a majority of the values reaches; 0 when there are none. */
uint64_t raft_quorum_value(const uint64_t *values, uint32_t count);
void raft_commit_to(struct raft *raft, uint64_t index);
/* Follower: commits up to index what is known to match the leader's log. */
void raft_commit_verified(struct raft *raft, uint64_t index);
/* Leader: commits what a majority has, if it may; true when the commit index moved. */
bool raft_advance_commit(struct raft *raft);
bool raft_own_term_is_committed(const struct raft *raft);

/* read_index.c */
void raft_reads_deinit(struct raft *raft);
void raft_handle_read_event(struct raft *raft, uint64_t context);
void raft_handle_read(struct raft *raft, const struct raft_message *message);
void raft_handle_read_reply(struct raft *raft, const struct raft_message *message);
void raft_reads_start_waiting(struct raft *raft);
void raft_reads_confirm(struct raft *raft);
void raft_reads_fail_all(struct raft *raft);
void raft_reads_on_deadline(struct raft *raft);
uint64_t raft_reads_deadline_ms(const struct raft *raft);

/* transfer.c */
MUST_CHECK enum result raft_handle_transfer(struct raft *raft, uint64_t peer);
void raft_transfer_continue(struct raft *raft, const struct raft_peer *peer);
void raft_transfer_clear(struct raft *raft);
/* The voter whose log is the furthest of those that were heard from lately; NULL: there is none. */
struct raft_peer *raft_transfer_find_heir(struct raft *raft);
void raft_send_timeout_now(struct raft *raft, const struct raft_peer *peer);
void raft_handle_timeout_now(struct raft *raft, const struct raft_message *message);

/* remember.c */
/* The log was taken from the disk. */
void raft_remember_start(struct raft *raft, uint32_t withhold_ms);
/* A leader is about to forget what it knows of a peer, or of all. */
void raft_remember(struct raft *raft, const struct raft_peer *peer);
void raft_remember_all(struct raft *raft);
void raft_handle_remembered(struct raft *raft, uint64_t peer, const struct raft_memory *memory);
/* What this disk acknowledged is not all here again. */
bool raft_has_lost(const struct raft *raft);
/* Just started: may yet hear that it has lost something. */
bool raft_withholds_votes(const struct raft *raft);

#endif
