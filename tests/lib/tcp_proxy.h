/* tcp_proxy.h -- a wire between two nodes that a test can slow down, cut, and spoil.
 *
 * Listens on a port of its own on loopback and passes every connection on to another port. A
 * thread of this process does it, so the wire ends with the test. Towards the target bytes are
 * counted, and may be limited in rate or damaged; what comes back passes as it is.
 */
#ifndef QUORUM_TESTS_LIB_TCP_PROXY_H
#define QUORUM_TESTS_LIB_TCP_PROXY_H

#include <stdint.h>

#include "lib/cluster.h"

struct tcp_proxy;

struct tcp_proxy *tcp_proxy_start(uint16_t target_port);

/* Makes the nodes of a cluster that is not started yet reach each other by way of proxies: the one
 * of a node's number is before that node. */
void tcp_proxy_start_all(struct cluster *cluster, struct tcp_proxy *proxies[CLUSTER_NODES_MAX]);
uint16_t tcp_proxy_port(const struct tcp_proxy *proxy);

/* Bytes a second towards the target over all connections; 0: as fast as it goes. */
void tcp_proxy_set_rate(struct tcp_proxy *proxy, uint64_t bytes_per_second);

/* Closes every connection there is. New ones are accepted. */
void tcp_proxy_cut(struct tcp_proxy *proxy);

/* Turns a bit over in the last byte of the next piece of at least so many bytes. */
void tcp_proxy_spoil(struct tcp_proxy *proxy, uint64_t piece_bytes_min);

/* How many pieces were spoilt, and how many bytes have been passed on to the target. */
uint64_t tcp_proxy_spoilt(const struct tcp_proxy *proxy);
uint64_t tcp_proxy_bytes(const struct tcp_proxy *proxy);

#endif
