/* http_internal.h -- what the files of the HTTP API share; nobody else includes it.
 *
 * A request lives from http_route until its answer is handed to evhttp, or its client is gone, or
 * the server closes: one of http_reply_*, http_request_abandon. Most are answered within
 * http_route; a route that is a command defers: the request then waits in server->deferred with an
 * open session.
 *
 * Ownership against evhttp 2.1: a request of a live connection is evhttp's and is freed by it after
 * the reply, or with the connection. When the client is lost while an answer is owed, evhttp calls
 * the close callback first; if it has cut the request from the connection by then
 * (evhttp_request_get_connection is NULL), the request has become ours to free.
 */
#ifndef QUORUM_NET_HTTP_INTERNAL_H
#define QUORUM_NET_HTTP_INTERNAL_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"
#include "net/http_front.h"
#include "net/http_pace.h"
#include "net/http_query.h"
#include "net/http_server.h"
#include "replica/replica.h"
#include "wire/reply_reader.h"

/* The last resort for a request that the executor never answers; its own limit is far below. */
#define HTTP_ANSWER_MS_MAX 60000
/* Header lines of one request: more are answered 431. */
#define HTTP_HEADERS_MAX 64
/* Words of the longest command that a route turns into: QUORUM ADD with all there is to say. */
#define HTTP_ARGUMENTS_MAX 10
/* The header of a request that stands for one that was refused: no name that a client can send. */
#define HTTP_REFUSAL_NAME "@"
/* Nesting of a body's JSON. */
#define HTTP_JSON_DEPTH_MAX 64
/* Listening sockets. */
#define HTTP_LISTENERS_MAX 16

/* One TCP connection, known from the moment evhttp asks for its bufferevent. */
struct http_connection {
    struct list link;
    struct http_server *server;
    struct bufferevent
        *bev;       /* with a reference of ours, so that it can be asked whether it lives */
    bool is_excess; /* over connections_max: turned away */

    /* What came in and is not evhttp's yet; http_intake.c. */
    struct http_front front;
    struct evbuffer *input;  /* the bufferevent's: what evhttp reads from */
    struct evbuffer *staged; /* of a request that is not whole */
    struct evbuffer *raw;    /* behind it, not looked at */
    bool is_moving;          /* changes of input are our own */
    bool is_held;            /* the socket is not read from: raw is too large */
    bool owes_continue;      /* a "100 Continue" */
    uint64_t active_ms;      /* when something came in last */
    struct http_pace asking; /* the request that comes in */
    struct http_pace taking; /* the answer that goes out, as seen once a second */
    size_t answer_bytes;     /* of it, not sent when last seen */
};

struct http_server {
    struct loop *loop;
    struct evhttp *evhttp;
    struct http_front_limits front_limits;
    uint64_t grace_ms;  /* before a client can be too slow */
    struct event *tick; /* once a second */
    struct http_server_options options;
    char **bind_names; /* options.bind_addresses, for the Host check */
    struct evhttp_bound_socket *listeners[HTTP_LISTENERS_MAX];
    uint32_t listeners_count;
    uint16_t port;
    bool is_draining;
    uint64_t opened_ms;
    struct list connections;
    uint32_t connections_count; /* dead ones not swept yet included */
    uint32_t excess_count;
    uint32_t sweep_at_count; /* sweep when connections_count gets here */
    struct event *turn_away; /* runs once after connections over the limit came in */
    struct list deferred;    /* requests, oldest first */
    uint32_t deferred_count;
    struct buf scratch; /* the body being written */
};

struct http_request {
    struct http_server *server;
    struct evhttp_request *evhttp_request; /* see above; never NULL */
    unsigned method;                       /* enum evhttp_cmd_type */
    struct slice path;                     /* raw; borrowed from evhttp_request */
    struct http_query query;

    /* The command of a route that is one, until the executor has taken it. */
    struct slice arguments[HTTP_ARGUMENTS_MAX];
    uint32_t arguments_count;
    json_t *body;      /* what arguments point into; NULL when none */
    struct buf value;  /* a decoded value, the same way */
    bool wants_base64; /* of the value in the answer */
    bool is_local;     /* the client asked for this node's own state */
    bool is_taken;     /* by the executor: it may be carried out from here on */
    /* The command may be carried out from its first offer on, taken or not: it stalls until it is
     * done. */
    bool acts_when_offered;
    /* Answers and destroys the request; reply is the command's, or the head of it. */
    void (*on_reply)(struct http_request *request, const struct reply_element *reply);
    struct session *session;
    struct list link; /* in server->deferred while session is open */
    uint64_t deadline_ms;
};

/* ---- http_connection.c ---- */

/* Makes the bufferevent of a new connection and takes it into account; for evhttp_set_bevcb. */
struct bufferevent *http_connection_create(struct event_base *base, void *server);
/* Forgets connections that evhttp has freed. */
void http_connections_sweep(struct http_server *server);
/* Connections with bytes that the kernel has not taken yet. */
uint32_t http_connections_unsent(const struct http_server *server);
/* Whether the request came in on a connection over the limit. */
bool http_connection_is_excess(const struct http_request *request);
/* For the event server->turn_away. */
void http_connections_turn_away(evutil_socket_t unused, short events, void *server);
/* After evhttp_free: drops what is left. */
void http_connections_release(struct http_server *server);

/* Once a second: who is too slow. */
void http_connections_check(struct http_server *server);

/* ---- http_intake.c ---- */

void http_intake_set_limits(struct http_server *server);
/* From here on evhttp sees only what the front lets through. */
void http_intake_open(struct http_connection *connection);
void http_intake_close(struct http_connection *connection);
/* Refuses a request that comes in too slowly, ends a connection that is silent or does not take
 * its answer. */
void http_intake_check(struct http_connection *connection);
/* True, after having answered, if the request stands for one that the front refused. */
bool http_intake_answer_refusal(struct http_request *request);

/* ---- http_listen.c ---- */

/* Listens on one address; server->port, when not 0, is the port, else receives it. Logs. */
MUST_CHECK enum result http_listen(struct http_server *server, const char *address);
void http_listeners_close(struct http_server *server);
/* Takes connections again after the process ran out of descriptors. */
void http_listeners_resume(struct http_server *server);

/* ---- http_router.c ---- */

/* Takes every request that evhttp has parsed; for evhttp_set_gencb. */
void http_route(struct evhttp_request *evhttp_request, void *server);

/* ---- http_request.c ---- */

struct http_request *http_request_create(struct http_server *server,
                                         struct evhttp_request *evhttp_request);
/* Frees everything but evhttp's request: session, body, place in the list. */
void http_request_destroy(struct http_request *request);
/* Keeps the request until its session has the answer; the client's leaving is noticed. */
void http_request_defer(struct http_request *request);
/* The value of a header, or NULL; borrowed. */
const char *http_request_header(const struct http_request *request, const char *name);
/* The only value of the query's "key" into *key; false after having answered 400. */
bool http_request_query_key(struct http_request *request, struct slice *key);
/* The body as a JSON object into request->body; false after having answered 4xx. */
bool http_request_parse_body(struct http_request *request);
/* A string member of the body: empty when missing or null, false when it is no string. */
bool http_request_member(const struct http_request *request, const char *name, struct slice *text);
/* A boolean member of the body: false when missing or null; returns false when it is no boolean. */
bool http_request_flag(const struct http_request *request, const char *name, bool *flag);
/* "host:port" of the client and whether it is this machine. */
void http_request_peer(const struct http_request *request, char *text, size_t text_bytes);
bool http_request_is_from_loopback(const struct http_request *request);

/* ---- http_check.c: what HTTP lets pass and prudence does not ---- */

/* Each returns true, or false after having answered. */
bool http_check_protected_mode(struct http_request *request);
bool http_check_origin(struct http_request *request);

/* ---- http_auth.c ---- */

/* True when no password is set or the request carries it; else false after a 401. */
bool http_auth_check(struct http_request *request);

/* ---- http_reply.c: each answers and destroys the request ---- */

/* Sends what is in server->scratch as the body. */
void http_reply_scratch(struct http_request *request, int status);
/* {"ok":false,"error":text}. */
void http_reply_error(struct http_request *request, int status, const char *text);
/* The same, with "leader" when one is known; for refusals that another node may not share. */
void http_reply_error_with_leader(struct http_request *request, int status, struct slice text);
/* An answer after which the connection is closed: its next bytes cannot be trusted. */
void http_reply_bad_message(struct http_request *request, int status, const char *text);
/* A header of the answer, before it; a value that would break the line is left out. */
void http_reply_header(struct http_request *request, const char *name, const char *value);

/* ---- http_command.c ---- */

/* Opens a session and offers request->arguments; request->on_reply gets the reply. Where the
 * client asked to be redirected, that is the answer instead. */
void http_command_execute(struct http_request *request);
/* The session of a deferred request was touched. */
void http_command_serve(struct http_request *request);
/* The deadline of a deferred request has come. */
void http_command_expire(struct http_request *request);
/* The HTTP status that an error reply stands for: by its code, the first word. */
int http_command_status(struct slice error);
/* Answers with an error reply. */
void http_command_answer_error(struct http_request *request, struct slice error);

/* ---- The routes ---- */

void http_data_put(struct http_request *request);
void http_data_get(struct http_request *request);
void http_data_delete(struct http_request *request);

void http_status_status(struct http_request *request);
void http_status_health(struct http_request *request);
void http_members_list(struct http_request *request);
void http_members_add(struct http_request *request);
void http_members_remove(struct http_request *request);

/* What a member is called in answers: its name, else what the peer says, else address, else id in
 * digits (into spare, of LIMIT_NODE_NAME_BYTES). */
const char *http_member_name(const struct http_server *server, const struct raft_member *member,
                             char *spare);

#endif
