/* peer_net.h -- the links to the other nodes: listener, dialler, hello, frames, queues.
 *
 * Every pair of nodes has one connection for each direction of dialling: each node sends only on
 * connections it dialled and receives only on connections it accepted, so there is nothing to
 * arbitrate when both dial at once. A dialled link that breaks is dialled again with back-off,
 * resolving the name anew (evdns), never blocking the loop.
 *
 * The hello carries cluster and node ids both ways; a wrong one is refused, logged once for each
 * cause and peer, and tried again later. Whoever is connected has proven nothing but these ids.
 *
 * A cluster has no id before its first entry is committed, and then the ids of its nodes, which
 * come from their names, are all that tells it from another cluster. So a node without a cluster id
 * is let in only where nobody has one, and a named node's Raft never hears it:
 *
 *   our name   the committed id; else a tentative one, adopted as below and kept in memory only;
 *              else none. Hellos carry it.
 *   acceptor   named: takes only callers of the same name; one without is refused until it has been
 *              dialled itself. Nameless: takes nameless callers. When a peer (by its id, in the set
 *              of peers) calls that has a name, that is adopted before it is answered: whoever of a
 *              named cluster dials us does so because its log says that we are its member.
 *   dialler    named: the answer has to carry the same name. Nameless: it has to carry none. What
 *              an answer carries is never adopted: our address for that node may be wrong.
 *
 * A node that joins (is_joining) has neither a name nor members. It dials an address by which a
 * member is found, says in its hello that it joins, and is let in there as a guest: it may ask to
 * be added, and nothing else of it is heard. Once the log lists it, members dial it: it adopts the
 * name of the first that calls it by its id. More general, who is not listed by its own log, which
 * is then behind, hears every node of its cluster that calls it by its id, and calls back at the
 * address that one tells of itself, so that its answers get there. When its own log lists it, the
 * members that it lists are the only ones, as for any other node.
 *
 * While the peers' ids are looked for (discovery) nothing is adopted. When our name changes, all
 * that was agreed under the former one is void: own links are dialled anew at once, and accepted
 * connections of another name are closed, for their peers to dial anew.
 *
 * Sending never blocks and never grows without bound: each link has an urgent queue (heartbeats,
 * votes, acknowledgements, read rounds, requests) and a bulk queue (entries, forwarded batches,
 * pieces of a snapshot) cut into fragments between which urgent frames pass. Pieces wait in line
 * with entries: neither starves the other, and there are few, because the receiver of a snapshot
 * asks for them one by one. At the bound a frame is dropped and the replica told that the peer is
 * unreachable; Raft sends again.
 */
#ifndef QUORUM_NET_PEER_NET_H
#define QUORUM_NET_PEER_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "net/loop.h"
#include "wire/peer_message.h"

struct peer_net;

struct peer_net_options {
    const char *const *bind_addresses; /* copied */
    uint32_t bind_addresses_count;
    uint16_t port; /* 0: any free one, see peer_net_port */
    uint64_t self_id;
    uint64_t incarnation;
    uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES]; /* all zero: not known yet */
    struct peer_node_info self;                /* sent behind every hello */
    uint64_t queue_bytes_max;                  /* of each link; 0: 64 MiB plus one entry */
    uint32_t backoff_ms_min, backoff_ms_max;   /* 0: 50 and 2,000 */
    bool is_joining; /* asks to be made a member, until peer_net_set_peers lists self_id */
};

MUST_CHECK enum result peer_net_open(struct loop *loop, const struct peer_net_options *options,
                                     struct peer_net **out);
uint16_t peer_net_port(const struct peer_net *net);

/* Sets whom to be linked with: dials who is new or has another address, and closes who is gone, but
 * for a moment in which it still gets what is sent to it, its removal above all. The members of a
 * configuration include this node, if it is one: that is how it knows that it is. Before the
 * members' ids are known (peer.id RAFT_ID_NONE), links by address only learn who is there, see
 * peer_net_discovered. */
struct peer_net_peer {
    uint64_t id;
    const char *address; /* host:port; copied */
};
void peer_net_set_peers(struct peer_net *net, const struct peer_net_peer *peers, uint32_t count);

/* The committed cluster id, all zero while there is none: sent and required in hellos from now on.
 * Links are dialled anew if that changes our name, and not when a tentative one is confirmed. */
void peer_net_set_cluster_id(struct peer_net *net, const uint8_t *cluster_id);

/* Who answered at an address given without an id: RAFT_ID_NONE until known. self_id: it is us. On
 * an answer, name receives its name (LIMIT_NODE_NAME_BYTES). */
uint64_t peer_net_discovered(const struct peer_net *net, const char *address, char *name);

/* What this node tells of itself has changed, but for its name: told to all who are connected, and
 * to those who will be. */
void peer_net_set_self(struct peer_net *net, const struct peer_node_info *self);

/* Queues one message, also to a node that is known by its address alone and has answered there.
 * Frames to one peer keep their order within their queue. */
void peer_net_send(struct peer_net *net, const struct peer_message *message);

/* Writes out what was queued during the turn: one system call a link where the socket takes it. */
void peer_net_flush(struct peer_net *net);

struct peer_net_stats {
    uint64_t input_bytes;
    uint64_t output_bytes;
    uint64_t frames_dropped;
    uint64_t links_refused;
};
void peer_net_get_stats(const struct peer_net *net, struct peer_net_stats *out);

/* Whether a working dialled link to the peer is up. */
bool peer_net_is_connected(const struct peer_net *net, uint64_t peer);

void peer_net_close(struct peer_net *net);

#endif
