/* listener.h -- a listening TCP socket on the event loop, and addresses as text.
 *
 * What is common to every listener of a node: non-blocking, close-on-exec, SO_REUSEADDR, IPv6
 * sockets take IPv6 only. A failed accept never stops the listener. When the process runs out of
 * descriptors, waiting connections are turned away with a descriptor kept in reserve and the
 * listener sleeps for 100 ms, so that neither the loop spins nor a client hangs.
 *
 * Threads: the loop's only. Opening may wait for the resolver when the address is a name.
 */
#ifndef QUORUM_NET_LISTENER_H
#define QUORUM_NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/result.h"
#include "net/loop.h"

struct listener;

/* Room for every text of listener_format_address, with NUL. */
#define LISTENER_ADDRESS_TEXT_BYTES 72

/* A new connection. descriptor is non-blocking and close-on-exec; the callee takes it over.
 * loop_wake has been called. The callee may close the listener. */
typedef void listener_on_accept(int descriptor, const struct sockaddr *address,
                                socklen_t address_bytes, void *context);

/* What to listen on; borrowed for the call. */
struct listener_options {
    const char *address; /* as listen_socket_open */
    uint16_t port;       /* 0: any free one, see listener_port */
    uint32_t backlog;    /* 0: the system's limit */
    listener_on_accept *on_accept;
    void *context;
};

/* Binds and listens. Fails as listen_socket_open does, with its log line. */
MUST_CHECK enum result listener_open(struct loop *loop, const struct listener_options *options,
                                     struct listener **out);

/* The port in use. */
uint16_t listener_port(const struct listener *listener);

/* Stops and resumes taking connections; meanwhile they wait in the kernel's backlog. */
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);

/* Closes the socket: further connections are refused. NULL is allowed. */
void listener_close(struct listener *listener);

/* Writes "host:port" ("[host]:port" for IPv6, "?:0" for what is neither) with NUL. text has room
 * for LISTENER_ADDRESS_TEXT_BYTES. An IPv4 address mapped into IPv6 is written as IPv4. */
void listener_format_address(const struct sockaddr *address, char *text);

/* Whether the address is of this machine's loopback: 127.0.0.0/8, ::1, or the former in IPv6. */
bool listener_is_loopback(const struct sockaddr *address);

#endif
