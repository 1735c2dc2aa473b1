/* server_join.c -- a node that belongs to no cluster yet: it looks who is at the address of --join,
 * and has itself added there, until its own log says that it is a member.
 *
 * What makes it one is the log that the cluster's leader sends it, as for every member; whoever
 * added it (this node's request, or somebody's /cluster/add before it) makes no difference.
 */
#include <stdio.h>

#include "base/logger.h"
#include "server/server_internal.h"

enum { JOIN_AGAIN_MS = 1000 };

bool server_is_joining(const struct server *server)
{
    return server->config->join[0] != '\0' &&
           replica_configuration(server->loop.replica)->members_count == 0;
}

void server_join_begin(struct server *server)
{
    struct peer_net_peer peer = {RAFT_ID_NONE, server->config->join};
    peer_net_set_peers(server->peers, &peer, 1);
    logger_log(LOGGER_NOTICE, "joining: asking the node at %s to be added", server->config->join);
}

void server_join_turn(struct server *server)
{
    if (!server_is_joining(server) || server->loop.now_ms < server->join_at_ms) {
        return;
    }
    char name[LIMIT_NODE_NAME_BYTES];
    uint64_t peer = peer_net_discovered(server->peers, server->config->join, name);
    if (peer == RAFT_ID_NONE) {
        return;
    }
    server->join_at_ms = server->loop.now_ms + JOIN_AGAIN_MS;
    if (peer == server->self_id) {
        logger_log(LOGGER_ERROR, "joining: %s is this node itself; --join wants another one",
                   server->config->join);
        return;
    }
    if (server->join_peer != peer) {
        server->join_peer = peer;
        logger_log(LOGGER_NOTICE, "joining: %s is at %s", name, server->config->join);
    }
    replica_join(server->loop.replica, peer);
}
