/* snapshot.h -- private: a node's snapshots, made (snapshot_save.c), sent (snapshot_send.c) and
 * received (snapshot_receive.c), and the backups that clients take (node_snapshot.c).
 *
 * All three work by turns: replica_end_turn calls the *_turn functions after it applied what is
 * committed, so between entries; what they want done with files goes into replica.orders.
 */
#ifndef QUORUM_REPLICA_SNAPSHOT_H
#define QUORUM_REPLICA_SNAPSHOT_H

#include "base/buf.h"
#include "kv/keyspace_snapshot.h"
#include "replica/replica.h"
#include "replica/replicated_state.h"

/* ---- Restoring: restore.c ---- */

struct replica_restore {
    struct replica_state_meta meta; /* but for its replica_state, which is decoded: */
    struct replicated_state state;
    struct keyspace *keyspace;
};

/* Whether the state belongs to the log that the node starts with; logs why not. */
MUST_CHECK enum result restore_check(const struct replica_restore *restore,
                                     const struct raft_start *start);

/* Makes it the replica's state, in the place of what it had; frees the rest of restore. */
void restore_take(struct replica *replica, struct replica_restore *restore);

/* ---- Making: snapshot_save.c ---- */

enum save_phase {
    SAVE_IDLE,
    SAVE_ENCODING,   /* rows are put, bit by bit */
    SAVE_ENCODED,    /* waits until the log is durable up to its index */
    SAVE_COMMITTING, /* waits for replica_on_state_saved */
};

/* The newest entries applied: those behind index hold bytes, about as many as are asked for. */
struct trail {
    uint64_t index;
    uint64_t bytes;
};

struct snapshot_save {
    struct replica_snapshot_options options; /* defaults filled in */
    enum save_phase phase;
    bool is_wanted;                 /* somebody asked for one */
    struct replica_state_meta meta; /* of the one under way */
    struct buf replica_state;       /* its bytes */
    struct buf rows;
    uint64_t begun_ms;
    uint64_t steps; /* of encoding, done and expected, and the time they shall take */
    uint64_t steps_expected;
    uint64_t pace_ms;
    uint64_t begun_mutations;
    uint64_t begun_log_bytes;
    uint64_t backlog_bytes; /* told this turn: rows put and not written */
    bool is_held_back;      /* by that, or by the pace */

    /* The newest durable one; index 0: there is none. */
    uint64_t index;
    uint64_t term;
    int64_t saved_wall_ms;
    int64_t took_ms; /* -1: none was made since the start */
    uint64_t saved_mutations;
    uint64_t saved_log_bytes;

    uint64_t saves;    /* since the start */
    uint64_t failures; /* likewise */
    bool has_failed;   /* the last try */
    uint64_t retry_wait_ms;
    uint64_t retry_at_ms;

    uint64_t log_bytes;    /* of all entries applied since the start */
    struct trail trailing; /* stays in the log for followers that are a little behind */
    struct trail held;     /* at most this stays for one that is further behind, or is fetching */
    uint64_t compact_to;   /* the log is being compacted up to here */
};

void save_init(struct replica *replica, const struct replica_snapshot_options *options);
void save_deinit(struct replica *replica);

/* The state is that of a durable snapshot of this index. */
void save_start_from(struct replica *replica, uint64_t index, uint64_t term);

/* Counts entries that the log holds and the state has, at the start of the node. */
void save_count_log(struct replica *replica);

/* An entry was applied. */
void save_note_applied(struct replica *replica, const struct raft_entry *entry);

/* Goes on with what is under way; returns whether there is more to do at once. */
bool save_turn(struct replica *replica);

/* Has a snapshot of the present state made, when none is under way that shows it. */
void save_request(struct replica *replica);

/* The same for a client, who need not wait for the end of a back-off. */
void save_request_now(struct replica *replica);

/* Whether one is under way, or asked for. */
static inline bool save_is_running(const struct snapshot_save *save)
{
    return save->phase != SAVE_IDLE || save->is_wanted;
}

/* state.db was to be replaced, and was not: but what was begun there is given up. */
void save_not_replaced(struct replica *replica);

/* When save_turn has something to do, or UINT64_MAX. */
uint64_t save_deadline_ms(const struct replica *replica);

/* ---- Sending: snapshot_send.c ---- */

enum copy_phase { COPY_NONE, COPY_MAKING, COPY_READY };

/* A member that cannot go on from the log, as its leader sees it. */
struct snapshot_receiver {
    uint64_t peer;
    uint64_t index;     /* the copy has to be of this index or a later one */
    uint64_t wanted_ms; /* when it said last that its state is gone; 0: it did not */
    bool is_behind;     /* it needs entries that are compacted */
    /* Of the copy that there is: */
    uint64_t offered_ms;   /* 0: never */
    uint64_t asked_ms;     /* 0: never */
    bool has_ended;        /* it asked for the last piece */
    bool is_offered_again; /* after that */
};

struct snapshot_read {
    uint64_t number;
    uint64_t peer; /* RAFT_ID_NONE: for the backup */
    uint64_t offset;
    uint32_t bytes;
};

enum { SNAPSHOT_READS_MAX = 64 };

enum backup_read { BACKUP_READ_NONE, BACKUP_READ_WAITS, BACKUP_READ_DONE, BACKUP_READ_FAILED };

/* A client that copies the state of this node, one at a time. */
struct backup {
    uint64_t session; /* its id; 0: nobody */
    uint64_t index;   /* the copy has to be of this index or a later one */
    uint64_t used_ms;
    bool is_begun;                 /* it was told what the copy is: */
    struct peer_snapshot snapshot; /* of that */
    enum backup_read read;
    uint64_t read_offset;
    uint32_t read_bytes;
    struct buf bytes; /* what was read */
};

struct snapshot_send {
    enum copy_phase phase;
    struct peer_snapshot snapshot; /* the copy, when it is ready */
    uint64_t asked_ms;             /* when a piece of it was asked for last, or it was made */
    uint64_t needed_ms;            /* when somebody needed it last */
    uint64_t failures;             /* of making a copy, since the start */
    uint64_t retry_wait_ms;
    uint64_t retry_at_ms;
    bool is_awaited; /* somebody needs a copy that is not there */
    struct snapshot_receiver receivers[LIMIT_MEMBERS];
    uint32_t receivers_count;
    struct snapshot_read reads[SNAPSHOT_READS_MAX];
    uint32_t reads_count;
    uint64_t reads_numbered;
    struct backup backup;
};

void send_deinit(struct replica *replica);

/* A member without its state wants a snapshot of that index or a later one: its log goes on from
 * there. */
void send_wanted(struct replica *replica, uint64_t from, uint64_t index);
void send_asked(struct replica *replica, uint64_t from, const struct peer_snapshot_ask *ask);

void send_turn(struct replica *replica);
uint64_t send_deadline_ms(const struct replica *replica);

/* Whether there is a copy of that index or a later one. */
bool send_has_copy(const struct replica *replica, uint64_t index);

/* The size of the copy, while members that are behind can use it; else 0. */
uint64_t send_bytes_under_way(const struct replica *replica);

/* The index that the log should go on from for those who are being sent a snapshot, or UINT64_MAX.
 */
uint64_t send_log_needed_from(const struct replica *replica);

/* Asks for bytes of the copy, for the backup. */
void send_read_for_backup(struct replica *replica, uint64_t offset, uint32_t bytes);

/* ---- Receiving: snapshot_receive.c ---- */

enum receive_phase {
    RECEIVE_NONE,
    RECEIVE_FETCHING,
    RECEIVE_VERIFYING,
    RECEIVE_LOADING,
    RECEIVE_INSTALLING,
};

/* Pieces asked for and not written yet. */
enum { RECEIVE_WINDOW = 8 };

struct receive_slot {
    struct blob *bytes; /* came before one that is missing */
    uint64_t asked_ms;  /* 0: not asked */
};

struct snapshot_receive {
    enum receive_phase phase;
    uint64_t source; /* who is asked */
    struct peer_snapshot snapshot;
    uint64_t written;       /* bytes, without gaps; a whole number of pieces until the end */
    uint64_t backlog_bytes; /* told this turn: pieces given to be written and not written */
    struct receive_slot slots[RECEIVE_WINDOW]; /* by number of piece */
    uint64_t heard_ms;                         /* when a piece came last */
    uint64_t wanted_ms;                        /* when it was last said that the state is gone */
    struct replica_restore *restore;           /* while loading and installing */
    bool is_unsound;                           /* a row does not fit: what comes is passed over */
    uint64_t turn_bytes;                       /* of rows taken in this turn */
    uint64_t installs;                         /* since the start */
};

void receive_deinit(struct replica *replica);

void receive_offer(struct replica *replica, uint64_t from, const struct peer_snapshot *snapshot);
void receive_piece(struct replica *replica, uint64_t from, const struct peer_snapshot_piece *piece);
/* The link to a peer is new or gone: what was asked of it is asked again. */
void receive_link_changed(struct replica *replica, uint64_t peer);

void receive_turn(struct replica *replica);
uint64_t receive_deadline_ms(const struct replica *replica);

/* Whether nothing may be applied: there is no state, or another is about to take its place. */
bool receive_holds_apply(const struct replica *replica);

/* Forgets what was taken in the turn before. */
static inline void receive_begin_turn(struct snapshot_receive *receive)
{
    receive->turn_bytes = 0;
}

#endif
