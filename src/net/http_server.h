/* http_server.h -- the HTTP API (the shapes are a contract; README, "HTTP API") on evhttp.
 *
 * Every data route becomes a session and a command at the executor's door; the answer is deferred
 * until the session has its reply, so nothing waits inside a callback.
 */
#ifndef QUORUM_NET_HTTP_SERVER_H
#define QUORUM_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "net/loop.h"

struct http_server;

struct http_server_options {
    const char *const *bind_addresses; /* copied */
    uint32_t bind_addresses_count;
    uint16_t port;             /* 0: any free one, see http_server_port */
    uint32_t connections_max;  /* further ones are answered 503 and closed */
    uint64_t body_bytes_max;   /* 413 beyond it */
    uint32_t header_bytes_max; /* 431 beyond it */
    uint32_t timeout_seconds;  /* of a connection between requests; 0: never */
    uint32_t grace_ms;         /* for a head to come in, and before 1 KiB/s is asked; 0: 10 s */
    bool is_protected;         /* protected-mode with no password: loopback only, 403 else */
};

MUST_CHECK enum result http_server_open(struct loop *loop,
                                        const struct http_server_options *options,
                                        struct http_server **out);
/* protected-mode changed (CONFIG SET). */
void http_server_set_protected(struct http_server *server, bool is_protected);

uint16_t http_server_port(const struct http_server *server);

/* A session of an HTTP request was touched: answer if its reply is complete. */
void http_server_serve(struct http_server *server, struct session *session);

/* No further connections. */
void http_server_drain(struct http_server *server);

/* Requests whose answer is still owed. */
uint32_t http_server_unanswered(const struct http_server *server);

void http_server_close(struct http_server *server);

#endif
