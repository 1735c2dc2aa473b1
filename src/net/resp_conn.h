/* resp_conn.h -- one Redis client's connection; private to resp_server.c and resp_conn.c.
 *
 * What all connections have in common is in struct resp_common, which the server owns and which
 * outlives them.
 */
#ifndef QUORUM_NET_RESP_CONN_H
#define QUORUM_NET_RESP_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/loop.h"
#include "net/resp_server.h"

struct resp_conn;

struct resp_common {
    struct loop *loop;
    struct resp_server_options options; /* its addresses are not to be looked at */
    struct resp_server_stats stats;
    struct list conns;
    uint8_t *scratch; /* where bytes land that need not be kept, RESP_SCRATCH_BYTES */
    bool is_draining;
    uint64_t next_warning_ms;
    uint32_t warnings_suppressed;
};

/* What one turn reads from one client. */
enum { RESP_SCRATCH_BYTES = 64 * 1024 };

/* Logs a warning about a client, at most one a second for all of them together. */
void resp_warn(struct resp_common *common, const char *what, const char *address);

/* Takes over a connected socket and opens its session. Addresses are "host:port" texts. */
void resp_conn_open(struct resp_common *common, int descriptor, const char *address,
                    const char *local_address);

/* As resp_server_serve; the connection may be gone afterwards. */
void resp_conn_serve(struct resp_conn *conn);

/* Once a second: time limits, memory to give back. The connection may be gone afterwards. */
void resp_conn_tick(struct resp_conn *conn);

/* Closes a connection of which nothing is owed any more; others close as they are answered. */
void resp_conn_drain(struct resp_conn *conn);

/* Closes at once. */
void resp_conn_close(struct resp_conn *conn);

/* The connection whose link in resp_common's list this is. */
struct resp_conn *resp_conn_of(struct list *link);

#endif
