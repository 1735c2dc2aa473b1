/* resp_server.h -- Redis clients: listeners, connections, the bytes in and out.
 *
 * One connection is one session of the executor. Own buffers on plain libevent events: read what is
 * there (bounded a turn, so that one client cannot starve the rest), parse, execute; at the end of
 * the turn one write a connection. A client that does not read its replies is not read from either,
 * and is closed at the output limit.
 */
#ifndef QUORUM_NET_RESP_SERVER_H
#define QUORUM_NET_RESP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "net/loop.h"

struct resp_server;

struct resp_server_options {
    const char *const *bind_addresses; /* numeric or names; copied */
    uint32_t bind_addresses_count;
    uint16_t port; /* 0: any free one, see resp_server_port */
    uint32_t backlog;
    uint32_t clients_max;            /* "ERR max number of clients reached" beyond it */
    uint32_t bulk_bytes_max;         /* proto-max-bulk-len */
    uint64_t query_buffer_bytes_max; /* client-query-buffer-limit: closed beyond it */
    uint64_t output_bytes_hard;      /* closed beyond it; 0: no limit */
    uint64_t output_bytes_soft;      /* closed when over it for output_soft_seconds */
    uint32_t output_soft_seconds;
    /* The same for those who are subscribed to channels. */
    uint64_t subscriber_bytes_hard;
    uint64_t subscriber_bytes_soft;
    uint32_t subscriber_soft_seconds;
    uint32_t idle_timeout_seconds; /* timeout; 0: never */
    uint32_t keepalive_seconds;    /* tcp-keepalive; 0: off */
    bool is_protected;             /* protected-mode with no password: loopback only */
};

/* Listens on every address. Logs and returns RESULT_IO when one cannot be bound (naming it). */
MUST_CHECK enum result resp_server_open(struct loop *loop,
                                        const struct resp_server_options *options,
                                        struct resp_server **out);

/* Takes options changed by CONFIG SET; addresses and port stay as they are. */
void resp_server_set_options(struct resp_server *server, const struct resp_server_options *options);

uint16_t resp_server_port(const struct resp_server *server);

/* A session of a RESP connection was touched: continue executing what it has sent, write out what
 * it is owed, or close it. Called for every touched session at the end of a turn. */
void resp_server_serve(struct resp_server *server, struct session *session);

/* Housekeeping about once a second: idle clients, soft output limits, listeners after EMFILE. */
void resp_server_tick(struct resp_server *server);

/* No further connections; closes those that are idle and unanswered ones as they are answered. */
void resp_server_drain(struct resp_server *server);

struct resp_server_stats {
    uint64_t connections_received;
    uint64_t connections_rejected;
    uint64_t input_bytes;
    uint64_t output_bytes;
};
void resp_server_get_stats(const struct resp_server *server, struct resp_server_stats *out);
void resp_server_reset_stats(struct resp_server *server);

/* Closes everything at once. */
void resp_server_close(struct resp_server *server);

#endif
