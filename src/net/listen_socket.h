/* listen_socket.h -- opens one listening TCP socket; what listener.h and evhttp accept on. */
#ifndef QUORUM_NET_LISTEN_SOCKET_H
#define QUORUM_NET_LISTEN_SOCKET_H

#include <stdint.h>

#include "base/result.h"

struct listen_socket {
    int descriptor; /* non-blocking, close-on-exec; the caller closes it */
    uint16_t port;  /* the one in use */
};

/*
 * Resolves, binds and listens.
 *
 * address: numeric, a name (its first IPv4 address, else IPv6), "*" (every IPv4 address) or "::*"
 * (every IPv6 address); a '-' before it, as in redis.conf, means: only if this machine has it.
 * port 0: any free one. backlog 0: the system's limit. Every failure is logged, naming the address:
 * RESULT_NOT_FOUND when the machine lacks an address that it may lack, RESULT_IO else.
 */
MUST_CHECK enum result listen_socket_open(const char *address, uint16_t port, uint32_t backlog,
                                          struct listen_socket *out);

#endif
