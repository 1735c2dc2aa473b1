/* session.h -- one client of this node, whatever it speaks: RESP connection or HTTP request.
 *
 * A session keeps its requests in order: they are answered one after the other into its output
 * buffer, whichever of them waits for the log, for a read round or for nothing. The network side
 * opens a session, hands it commands through executor_execute, writes out what gathers in its
 * output, and closes it.
 */
#ifndef QUORUM_REPLICA_SESSION_H
#define QUORUM_REPLICA_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "wire/reply.h"

struct executor;
struct session;

enum session_kind {
    SESSION_RESP, /* a connection; counted against maxclients, listed by CLIENT LIST */
    SESSION_HTTP, /* one HTTP request; replies are RESP3 for the HTTP side to translate */
};

struct session_options {
    enum session_kind kind;
    void *owner;               /* the network's own connection; session_owner gives it back */
    const char *address;       /* "host:port" of the client, copied */
    const char *local_address; /* "host:port" of our end, copied */
    int descriptor;            /* only shown by CLIENT LIST */
    bool is_authenticated;     /* HTTP checks the password itself */
    bool is_local_reader;      /* starts with READONLY in force */
};

/* Opens a session; closed with session_close. */
struct session *session_open(struct executor *executor, const struct session_options *options);

/* The client is gone: unanswered requests go on without it, nothing more is written for it, and
 * the owner is not called for again. The pointer is void afterwards. */
void session_close(struct session *session);

void *session_owner(const struct session *session);
enum session_kind session_kind(const struct session *session);

/* The replies not sent yet. The network consumes from the front; nobody else does. */
struct buf *session_output(struct session *session);

/* Requests taken and not answered. */
uint32_t session_unanswered(const struct session *session);

/* Whether its last request waits for an element (BLPOP and the like) that may never come. If the
 * client goes now, nothing is popped for it. */
bool session_is_blocked(const struct session *session);

/* Whether it is subscribed to channels: it has output limits of its own. */
bool session_is_subscriber(const struct session *session);

/* Close the connection once the output is written (QUIT, CLIENT KILL of oneself, a fatal error). */
bool session_is_closing(const struct session *session);

/* Close the connection now (CLIENT KILL by another). */
bool session_is_killed(const struct session *session);

/* Whether AUTH is still needed: the network then keeps the narrow limits for strangers. */
bool session_needs_auth(const struct session *session);

/* Whether the client is there to be told what others do (MONITOR, SUBSCRIBE): it may be silent for
 * ever. */
bool session_is_listener(const struct session *session);

/* The network reports the sizes that CLIENT LIST shows. */
void session_note_input(struct session *session, uint64_t buffered_bytes, uint64_t capacity_bytes);

#endif
