/* peer_resolve.h -- "host:port" to socket addresses, never blocking the loop.
 *
 * Numeric addresses and localhost need no files and no server. Other names are looked up through
 * evdns in /etc/hosts and at the servers of /etc/resolv.conf, anew every time: nothing is cached
 * but the two files, which are read again when they change or when a lookup has failed.
 */
#ifndef QUORUM_NET_PEER_RESOLVE_H
#define QUORUM_NET_PEER_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct event_base;
struct peer_resolver;
struct peer_lookup;

/* Addresses taken of one name; further ones are not tried. */
#define PEER_RESOLVED_MAX 8

/* The outcome: count addresses, borrowed; or none and error, half a sentence. */
typedef void peer_on_resolved(const struct sockaddr_storage *addresses, uint32_t count,
                              const char *error, void *context);

struct peer_resolver *peer_resolver_create(struct event_base *base);

/* Lookups under way are cancelled. */
void peer_resolver_destroy(struct peer_resolver *resolver);

/*
 * Looks address up ("host:port" or "[v6]:port").
 *
 * Returns NULL when on_resolved was called already, else a handle that is valid until on_resolved
 * is called or peer_lookup_cancel. Waits without limit: the caller has the deadline. Must not be
 * called from on_resolved.
 */
struct peer_lookup *peer_resolve(struct peer_resolver *resolver, const char *address,
                                 peer_on_resolved *on_resolved, void *context);

/* on_resolved will not be called. NULL is allowed. */
void peer_lookup_cancel(struct peer_lookup *lookup);

#endif
