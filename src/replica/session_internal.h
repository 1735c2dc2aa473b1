/* session_internal.h -- private to the executor's family: the inside of a session.
 *
 * DESIGN. A session's requests queue holds what was taken and not answered, oldest first: reads
 * with their arguments, writes as bare marks (their arguments are in a batch). Replies leave in
 * that order because only the head is ever answered:
 *   - a write is answered when its batch is applied here (apply.c), after every read before it;
 *   - a read is answered when its round completed, or together with the write before it when that
 *     write had not left this node yet when the read came: the state right behind that write
 *     contains everything that was committed when the read began, because the write's entry was
 *     appended later than that. So a client that mixes reads and writes in a pipeline needs no
 *     round trip between them.
 * Node commands wait until the queue is empty (the session stalls), so they need no place in it.
 * Behind an EXEC with a node command in it everything waits: its SELECT goes for what comes next;
 * behind WATCH, too, and WATCH itself waits: see needs_empty_queue in executor.c.
 */
#ifndef QUORUM_REPLICA_SESSION_INTERNAL_H
#define QUORUM_REPLICA_SESSION_INTERNAL_H

#include "base/limits.h"
#include "base/list.h"
#include "command/command.h"
#include "replica/pubsub.h"
#include "replica/session.h"
#include "replica/transaction.h"

enum { SESSION_ADDRESS_BYTES = 80 };

enum request_kind {
    REQUEST_WRITE,         /* waits for its batch */
    REQUEST_READ,          /* waits for a round */
    REQUEST_READ_ATTACHED, /* runs right behind the write before it */
    REQUEST_READ_LOCAL,    /* runs when its turn comes, from whatever state there is */
};

/* In the queue, followed by arguments_count times {uint32 size, bytes}, bytes in all. */
struct request {
    const struct command *command;
    uint64_t round;
    uint32_t bytes;
    uint32_t arguments_count;
    uint32_t database;
    enum request_kind kind;
    bool is_silent; /* CLIENT REPLY OFF or SKIP was in force */
};

/* CLIENT REPLY. */
enum session_reply_mode { SESSION_REPLY_ON, SESSION_REPLY_OFF, SESSION_REPLY_SKIP };

struct blocked_client;

struct session {
    struct executor *executor;
    struct list link;         /* of all sessions */
    struct list touched_link; /* of those the network has to look at */
    struct list monitor_link; /* of those in MONITOR */
    void *owner;
    enum session_kind kind;
    uint32_t references; /* its being open, one a write in a batch, one a round */
    bool is_open;
    bool is_closing;
    bool is_killed;
    bool is_stalled;
    bool is_authenticated;
    bool is_local_reader; /* READONLY */
    bool is_no_evict;
    bool is_held_back; /* counted in held_back_count: client_pause.h */
    enum session_reply_mode reply_mode;
    struct reply reply; /* protocol, and output below */
    struct buf output;
    struct buf requests;
    uint32_t requests_count;
    uint32_t writes_count;     /* of them */
    uint64_t write_generation; /* batch of the newest write */
    uint64_t round_joined;     /* newest round this session is in */
    bool is_unsettled; /* until all requests are answered, of which the last is WATCH, or EXEC of
                        * commands that may change the session itself: what comes next waits */
    uint32_t database;
    uint64_t write_index;   /* entry of the newest write that was answered; 0: none */
    uint64_t wait_until_ms; /* WAIT, QUORUM and the like: 0 when not waiting; UINT64_MAX for ever */
    uint64_t awaited_index; /* SAVE waits for a snapshot of this index */
    uint64_t awaited_failures; /* and failures that happened before it do not count */
    uint64_t change_ticket;    /* QUORUM ADD and the like: membership_request's; 0: none */
    uint64_t id;
    uint64_t created_ms;
    uint64_t last_used_ms;
    uint64_t input_buffered_bytes;
    uint64_t input_capacity_bytes;
    const struct command *last_command;
    struct transaction transaction;
    struct session_subscriptions subscriptions;
    bool has_pushed; /* the command being executed wrote messages, which silence lets through */
    struct list held_link;          /* of those whose reads blocked_reads.c holds back */
    struct blocked_client *blocked; /* its last request may wait for elements: blocked.h */
    char *closing_error; /* a protocol error to be said behind the last reply; NULL: none */
    char *name;          /* CLIENT SETNAME; NULL: none */
    char *library_name;
    char *library_version;
    int descriptor;
    char address[SESSION_ADDRESS_BYTES];
    char local_address[SESSION_ADDRESS_BYTES];
};

/* Queues a request behind the others. */
void session_push_write(struct session *session, const struct command *command);
void session_push_read(struct session *session, const struct request *request,
                       const struct slice *arguments);

/* The head of the queue, copied to out; false when it is empty. */
bool session_peek(const struct session *session, struct request *out);

/* The arguments of the head, decoded into slices of capacity request->arguments_count or more. */
void session_peek_arguments(const struct session *session, const struct request *request,
                            struct slice *slices);

/* Fetches the memory that the first reads of the queue will look at, by their first arguments;
 * returns how many requests it looked at. */
uint32_t session_prefetch(const struct session *session, const struct keyspace *keyspace);

/* Drops the head. */
void session_pop(struct session *session, const struct request *request);

void session_reference(struct session *session);
/* Drops a reference; the last one of a closed session frees it. */
void session_release(struct session *session);

/* Whether MONITOR is in force. */
static inline bool session_monitors(const struct session *session)
{
    return !list_is_empty(&session->monitor_link);
}

/* Puts the session on the list that executor_next_touched walks. */
void session_touch(struct session *session);

/* Whether replies of the command that comes next are to be dropped; SKIP then ends. */
bool session_take_silence(struct session *session);

#endif
