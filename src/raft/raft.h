/* raft.h -- Raft as a pure function of events: the only public header of this directory.
 *
 * Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)"
 * (2014), called "paper" here; Ongaro's dissertation (2014), called "thesis".
 *
 * raft_step takes the state, the time and one event, and says in struct raft_ready what has to be
 * done: what to persist, what to send, what is committed, which reads are confirmed, when to come
 * back. It does no I/O, reads no clock, and draws chance only from the seed it was given.
 *
 * The caller's duties:
 *  1. Hand each ready.persist to storage in the order of its id; when it is durable (fsync done),
 *     report its id with RAFT_EVENT_PERSISTED. Ids complete in order; reporting id N reports all
 *     below. A persist that fails never comes back: the process stops.
 *  2. Send ready.messages, in order. They may be lost, repeated, delayed and reordered. A member
 *     that was removed is sent to for two election timeouts more, so that it hears of it. Messages
 *     that depend on something not yet durable are held back here and come out of the step that
 *     reports it durable, so everything in ready.messages may go at once.
 *  3. Apply the entries up to ready.commit_index in order, with raft_entry_at.
 *  4. Step with RAFT_EVENT_DEADLINE no later than ready.deadline_ms (earlier is harmless).
 *
 * Departures from the paper, and why: PreVote and CheckQuorum (thesis 9.6, 6.2) so that a returning
 * or partly cut off node cannot unseat a leader; a leader replicates while its own write is in
 * flight and counts itself when it is done (thesis 10.2.1); heartbeats are messages of their own,
 * so that a read round never waits for a disk; membership changes one server at a time (thesis 4).
 *
 * Ids are 64-bit numbers other than RAFT_ID_NONE. Times are monotonic milliseconds.
 */
#ifndef QUORUM_RAFT_RAFT_H
#define QUORUM_RAFT_RAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/slice.h"

#define RAFT_ID_NONE 0
#define RAFT_CLUSTER_ID_BYTES 16

/* ---- Membership ---- */

enum raft_member_role {
    RAFT_VOTER = 1,
    RAFT_LEARNER = 2, /* receives the log, has no vote, is in no majority (thesis 4.2.1) */
    RAFT_JOINING = 3, /* a learner that the leader makes a voter as soon as it has caught up */
};

/*
 * A member as the log records it. Strings are NUL-terminated; empty when not known.
 *
 * disk_id is drawn at random when a data directory is made (0: not known yet). A vote or an
 * acknowledgement is a promise that a disk keeps, so it counts only when it comes from the disk
 * that the configuration names: a member that lost its disk is no voter until the log says so
 * again. A leader records the disk of a member that has none recorded; one that answers with
 * another disk, or no longer has what it had acknowledged, is made RAFT_JOINING first.
 */
struct raft_member {
    uint64_t id;
    uint64_t disk_id;
    enum raft_member_role role;
    char name[LIMIT_NODE_NAME_BYTES];
    char raft_address[LIMIT_ADDRESS_BYTES]; /* host:port */
    char http_address[LIMIT_ADDRESS_BYTES];
    char redis_address[LIMIT_ADDRESS_BYTES];
};

/* The latest configuration in a log is the one in force, committed or not (thesis 4.1). */
struct raft_configuration {
    uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES]; /* all zero: not named yet, before the first entry */
    uint32_t members_count;
    struct raft_member members[LIMIT_MEMBERS]; /* ascending id */
};

/* Encodes a configuration as the payload of a RAFT_ENTRY_CONFIGURATION, appending to out. */
void raft_configuration_encode(const struct raft_configuration *configuration, struct buf *out);

/* Decodes and validates. Returns RESULT_CORRUPT, and leaves out untouched, when the bytes are not
 * exactly one well-formed configuration, RESULT_VERSION when they are of a later format. */
MUST_CHECK enum result raft_configuration_decode(struct slice payload,
                                                 struct raft_configuration *out);

/* Returns the member of that id, or NULL. */
const struct raft_member *raft_configuration_find(const struct raft_configuration *configuration,
                                                  uint64_t id);

/* The role in one word, for people and programs: "voter", "learner", "joining". */
const char *raft_member_role_text(enum raft_member_role role);

/* Inserts a member in id order, or replaces the one of that id. RESULT_LIMIT when full. */
MUST_CHECK enum result raft_configuration_put(struct raft_configuration *configuration,
                                              const struct raft_member *member);

/* Removes the member of that id if there is one. */
void raft_configuration_remove(struct raft_configuration *configuration, uint64_t id);

/* ---- The log ---- */

enum raft_entry_type {
    RAFT_ENTRY_NOOP = 1,          /* start of a term (paper section 8); no payload */
    RAFT_ENTRY_COMMAND = 2,       /* opaque here */
    RAFT_ENTRY_CONFIGURATION = 3, /* raft_configuration_encode */
};

struct raft_entry {
    uint64_t index; /* from 1, without gaps */
    uint64_t term;
    enum raft_entry_type type;
    struct blob *payload; /* NULL when empty */
};

/* Figure 2, "Persistent state on all servers", but for the log. */
struct raft_hard_state {
    uint64_t term;
    uint64_t vote; /* RAFT_ID_NONE: none in this term */
};

/* ---- Messages: one struct for each RPC ---- */

enum raft_message_type {
    RAFT_MESSAGE_PRE_VOTE = 1, /* thesis 9.6; header.term is the term that would be campaigned in */
    RAFT_MESSAGE_PRE_VOTE_REPLY,
    RAFT_MESSAGE_VOTE,
    RAFT_MESSAGE_VOTE_REPLY,
    RAFT_MESSAGE_APPEND,
    RAFT_MESSAGE_APPEND_REPLY,
    RAFT_MESSAGE_HEARTBEAT,
    RAFT_MESSAGE_HEARTBEAT_REPLY,
    RAFT_MESSAGE_READ,       /* a follower asks the leader for a read index (thesis 6.4) */
    RAFT_MESSAGE_READ_REPLY, /* the answer */
    RAFT_MESSAGE_TIMEOUT_NOW,
};

struct raft_vote { /* PRE_VOTE and VOTE */
    uint64_t last_log_index;
    uint64_t last_log_term;
    bool leadership_transfer; /* set only by TIMEOUT_NOW: voters then ignore a live leader */
};

struct raft_vote_reply { /* PRE_VOTE_REPLY and VOTE_REPLY */
    bool granted;
    uint64_t disk_id; /* the voter's */
};

struct raft_append {
    uint64_t previous_index;
    uint64_t previous_term;
    uint64_t commit_index;
    uint64_t clock_ms; /* the leader's raft_set_clock value, opaque here */
    uint64_t sequence; /* of the leader's appends, never reused by it; echoed */
    uint32_t entries_count;
    const struct raft_entry *entries; /* contiguous from previous_index + 1; borrowed */
};

struct raft_append_reply {
    bool rejected;
    uint64_t disk_id;     /* the follower's */
    uint64_t sequence;    /* of the newest append of this leader that it had handled by then */
    uint64_t match_index; /* accepted: the log is known to match, durably, up to here */
    /* Rejected: the fast back-up of the paper's section 5.3, end. */
    uint64_t rejected_index; /* the previous_index that did not match */
    uint64_t conflict_term;  /* the follower's term there, 0 when its log is shorter */
    uint64_t conflict_index; /* first index of that term, or the follower's last index + 1 */
};

struct raft_heartbeat {
    uint64_t commit_index; /* at most what the follower is known to match */
    uint64_t read_round;   /* newest round of the leader, 0 for none; never reused (D3) */
    uint64_t clock_ms;
};

struct raft_heartbeat_reply {
    uint64_t read_round; /* echoed */
    uint64_t disk_id;    /* the follower's */
};

struct raft_read {
    uint64_t context; /* the asker's own number, echoed */
    /* The asker's, if its term is durable: then the question is also its word, as a heartbeat reply
     * is, that it was in this term after the read came in. 0: it is not. */
    uint64_t disk_id;
};

struct raft_read_reply {
    uint64_t context;
    bool confirmed;        /* false: not the leader, or lost it: ask again elsewhere */
    uint64_t index;        /* answer when applied >= index */
    uint64_t commit_index; /* as in a heartbeat */
};

struct raft_message {
    enum raft_message_type type;
    uint64_t from;
    uint64_t to;
    uint64_t term; /* the sender's term, but see RAFT_MESSAGE_PRE_VOTE */
    union {
        struct raft_vote vote;
        struct raft_vote_reply vote_reply;
        struct raft_append append;
        struct raft_append_reply append_reply;
        struct raft_heartbeat heartbeat;
        struct raft_heartbeat_reply heartbeat_reply;
        struct raft_read read;
        struct raft_read_reply read_reply;
    };
};

/* ---- Events in ---- */

enum raft_event_type {
    RAFT_EVENT_DEADLINE = 1,       /* the time of ready.deadline_ms may have come */
    RAFT_EVENT_MESSAGE,            /* from a peer; the core retains what it keeps of the payloads */
    RAFT_EVENT_PROPOSE,            /* append one COMMAND entry; leader only */
    RAFT_EVENT_READ,               /* confirm a read index, on any node; answered in ready.reads */
    RAFT_EVENT_PERSISTED,          /* everything up to persist id is durable */
    RAFT_EVENT_SNAPSHOT_SAVED,     /* a durable snapshot covers the log up to index: compact it */
    RAFT_EVENT_SNAPSHOT_INSTALLED, /* this node's state is now that of a durable snapshot */
    RAFT_EVENT_UNREACHABLE,        /* a send to a peer failed, or its connection broke */
    RAFT_EVENT_TRANSFER,           /* hand leadership to a peer (RAFT_ID_NONE: the best one) */
    RAFT_EVENT_CHANGE,             /* change the membership by one server; leader only */
    RAFT_EVENT_REMEMBERED,         /* a peer's raft_get_memory of this node; may come again */
};

/* A snapshot that was put in place of this node's state (paper, Figure 13). A log that has the
 * entry (index, term) keeps what follows it; any other is dropped whole, and storage told so by
 * raft_persist.reset_index. */
struct raft_snapshot {
    uint64_t index; /* above the index of the snapshot before it */
    uint64_t term;
    const struct raft_configuration *configuration; /* as of index; copied */
};

/*
 * The furthest acknowledgement that a node has from a peer, of a time when it led; all 0: none. A
 * disk that was put back to an earlier state is known by it only. So whenever a link to a peer
 * comes up, raft_get_memory goes to it as the first thing, and in there as RAFT_EVENT_REMEMBERED.
 * A node that finds that it has lost what it acknowledged neither campaigns nor votes until it has
 * everything again.
 */
struct raft_memory {
    uint64_t disk_id; /* the peer's */
    uint64_t term;    /* that the node led */
    uint64_t index;   /* the match_index acknowledged in it */
};

struct raft_remembered {
    uint64_t peer; /* who remembers */
    struct raft_memory memory;
};

enum raft_change_kind {
    /* Adds a member with its addresses, as RAFT_JOINING or RAFT_LEARNER. A member that is there
     * already with the same addresses: nothing to do, RESULT_OK. */
    RAFT_CHANGE_ADD = 1,
    RAFT_CHANGE_REMOVE,
    RAFT_CHANGE_PROMOTE,   /* a learner becomes a voter; must have caught up */
    RAFT_CHANGE_ADDRESSES, /* name stays; empty addresses of member leave what is recorded */
};

/* One change of the membership (thesis 4.1: one server at a time). */
struct raft_change {
    enum raft_change_kind kind;
    struct raft_member member; /* its id says whom; the rest as the kind says */
    /* Do it although too few voters of the new configuration were heard from lately for it to be
     * committed. */
    bool force;
};

struct raft_event {
    enum raft_event_type type;
    union {
        const struct raft_message *message;
        struct blob *proposal;   /* PROPOSE: taken over on RESULT_OK, else left to the caller */
        uint64_t read_context;   /* READ: the caller's own number, not 0 */
        uint64_t persist_id;     /* PERSISTED */
        uint64_t snapshot_index; /* SNAPSHOT_SAVED */
        struct raft_snapshot snapshot;     /* SNAPSHOT_INSTALLED */
        uint64_t peer;                     /* UNREACHABLE, TRANSFER */
        const struct raft_change *change;  /* CHANGE */
        struct raft_remembered remembered; /* REMEMBERED */
    };
};

/* ---- What is to be done ---- */

/* One unit of persistence: reset or truncate first, then append, with the hard state, in one
 * transaction. */
struct raft_persist {
    uint64_t id;          /* 0: nothing to persist */
    uint64_t reset_index; /* drop every row, the log goes on behind this index; 0: no reset */
    uint64_t reset_term;
    bool hard_state_changed;
    struct raft_hard_state hard_state;
    uint64_t truncate_from;           /* delete rows from this index on; 0: none */
    const struct raft_entry *entries; /* contiguous; the receiver retains payloads it keeps */
    uint32_t entries_count;
    /* What was known to be committed at this step: a hint to record beside the log. Never beyond
     * the log as this unit leaves it, which the commit index of a later step may be. */
    uint64_t commit_index;
};

/* The answer to one RAFT_EVENT_READ. */
struct raft_read_result {
    uint64_t context;
    bool confirmed; /* false: leadership changed or is not known; ask again */
    uint64_t index; /* confirmed: serve the read once this index is applied */
};

/* Everything borrowed here is valid until the next raft_step. */
struct raft_ready {
    struct raft_persist persist;
    const struct raft_message *messages;
    uint32_t messages_count;
    const struct raft_read_result *reads;
    uint32_t reads_count;
    uint64_t commit_index;
    uint64_t deadline_ms;
    uint64_t
        leader_clock_ms; /* clock_ms of a current leader's message handled in this step, or 0 */
    bool role_or_leader_changed; /* role, term or known leader differ from before the step */
    bool configuration_changed;  /* raft_configuration_latest differs from before the step */
};

/* ---- The node ---- */

enum raft_role { RAFT_FOLLOWER, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

/* Milliseconds; 0 takes the default. heartbeat < election_min <= election_max. */
struct raft_timers {
    uint32_t election_ms_min; /* default 150 */
    uint32_t election_ms_max; /* default 300; drawn anew for every wait */
    uint32_t heartbeat_ms;    /* default 50 */
};

/* What a node starts from: recovered from disk, or the bootstrap of a new cluster. */
struct raft_start {
    uint64_t id;
    uint64_t disk_id; /* of this data directory, not 0 */
    uint64_t seed;    /* of this node's own random numbers */
    struct raft_timers timers;
    struct raft_hard_state hard_state;
    /*
     * The configuration as of snapshot_index, or of a later committed index: of the snapshot, or
     * the bootstrap when 0. One that carries a cluster id while there is neither a snapshot nor an
     * entry says that this node lost what it had: it waits for a leader (raft_wait_for_leader).
     */
    struct raft_configuration configuration;
    uint64_t snapshot_index; /* entries up to here are in the snapshot; 0: there is none */
    uint64_t snapshot_term;
    const struct raft_entry *entries; /* contiguous from snapshot_index + 1, durable; retained */
    uint64_t entries_count;
    uint64_t commit_index; /* known committed at least; 0 or snapshot_index when nothing is known */
    /* A node that has a term or a log, and other voters beside it, neither campaigns nor votes
     * before each of these was heard with RAFT_EVENT_REMEMBERED; but so long at most. 0: at once */
    uint32_t withhold_ms;
};

struct raft;

/* Creates a follower. Returns RESULT_CORRUPT when entries have gaps, terms that fall, or a
 * configuration that does not decode; RESULT_INVALID for timers that contradict each other. */
MUST_CHECK enum result raft_create(const struct raft_start *start, uint64_t now_ms,
                                   struct raft **out);
void raft_destroy(struct raft *raft);

/*
 * Handles one event and fills ready.
 *
 * now_ms must not go back (an earlier time is taken as the last one). Returns RESULT_OK, or a
 * refusal that changed nothing: PROPOSE: RESULT_NOT_LEADER, RESULT_BUSY (LIMIT_UNCOMMITTED_BYTES,
 * or a transfer under way), RESULT_LIMIT (payload over LIMIT_ENTRY_BYTES); TRANSFER:
 * RESULT_NOT_LEADER, RESULT_NOT_FOUND (no such voter), RESULT_BUSY (one is under way); CHANGE:
 * RESULT_NOT_LEADER, RESULT_BUSY (a change is not committed yet, a transfer is under way, or this
 * leader has not committed an entry of its own term: M1), RESULT_NOT_FOUND (no such member),
 * RESULT_EXISTS (a member at other addresses, or another member at one of these), RESULT_LIMIT
 * (LIMIT_MEMBERS), RESULT_INVALID (the last voter cannot go), RESULT_CONFLICT (PROMOTE: it has not
 * caught up), RESULT_UNREACHABLE (the new configuration's voters that were heard from lately are no
 * majority of it, and force is not set). On RESULT_OK the change is in force, and committed once
 * raft_status.configuration_index is. A leader also makes changes of its own in any step: it
 * records disks, takes a voter that lost its disk out of the voters, and makes RAFT_JOINING members
 * voters. ready is filled in either case. RESULT_CORRUPT: a peer's message contradicts what this
 * node knows to be committed; the caller must stop the process.
 */
MUST_CHECK enum result raft_step(struct raft *raft, uint64_t now_ms, const struct raft_event *event,
                                 struct raft_ready *ready);

/* Sets the value that append and heartbeat messages carry as clock_ms. Opaque to raft. */
void raft_set_clock(struct raft *raft, uint64_t clock_ms);

/* Asks a leader to tell peer of the commit of index at once, not with the next message: that node
 * has a client waiting for it. No effect when not the leader. */
void raft_announce_commit(struct raft *raft, uint64_t peer, uint64_t index);

/* Asks the leader to name cluster_id in the first configuration entry it appends to an empty log
 * (static bootstrap). Call right after raft_create; no effect on a log that has entries. */
void raft_bootstrap_cluster_id(struct raft *raft, const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES]);

/* Tells a node without snapshot and entries that the cluster exists already: until it has an entry
 * or a snapshot it never campaigns and votes for nobody whose log is empty, so that blank nodes do
 * not found a second cluster under the same name. No effect on a node that has either. */
void raft_wait_for_leader(struct raft *raft);

struct raft_status {
    uint64_t id;
    enum raft_role role;
    /* By the latest configuration, with this disk, not waiting for a leader, and with all that it
     * is known to have acknowledged. */
    bool is_voter;
    bool is_member; /* by the latest configuration */
    uint64_t term;
    uint64_t vote;
    uint64_t leader;      /* RAFT_ID_NONE: not known */
    uint64_t transfer_to; /* RAFT_ID_NONE: no transfer under way */
    uint64_t first_index; /* of the log in memory; last_index + 1 when it is empty */
    uint64_t last_index;
    uint64_t persisted_index; /* durable here */
    uint64_t commit_index;
    uint64_t configuration_index; /* of the configuration in force */
    bool own_term_committed;      /* leader: an entry of this term is committed */
    bool needs_snapshots;         /* leader: some member's progress is RAFT_SNAPSHOT */
};

enum raft_progress_state { RAFT_PROBE, RAFT_REPLICATE, RAFT_SNAPSHOT };

/* A leader's view of one other member. */
struct raft_progress {
    uint64_t id;
    enum raft_progress_state state;
    uint64_t match_index;
    uint64_t next_index;
    uint64_t last_contact_ms; /* when it was last heard from */
    bool recently_active;     /* heard from within an election timeout */
};

void raft_get_status(const struct raft *raft, struct raft_status *out);

/* What this node remembers of a peer, whether it leads now or not. */
struct raft_memory raft_get_memory(const struct raft *raft, uint64_t peer);

/* Fills up to capacity rows, one a peer in id order; returns their number; 0 when not the leader.
 */
uint32_t raft_get_progress(const struct raft *raft, struct raft_progress *out, uint32_t capacity);

/* The configuration in force; borrowed until the next raft_step. */
const struct raft_configuration *raft_configuration_latest(const struct raft *raft);

/* Borrows the entry at first_index <= index <= last_index until the next raft_step. */
const struct raft_entry *raft_entry_at(const struct raft *raft, uint64_t index);

/* The role as the status route says it: "Leader", "Follower", "Candidate". */
const char *raft_role_text(enum raft_role role);

/* ASSERTs every invariant that one node can check of itself; debug builds call it in raft_step. */
void raft_check_invariants(const struct raft *raft);

#endif
