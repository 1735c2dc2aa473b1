/* peer_cluster.c -- the cluster's name: which one is ours, and what follows when it changes.
 *
 * The rules are in peer_net.h. Why an acceptor may adopt and a dialler may not: whom we dial is
 * what our configuration says, and a new cluster's may name an address of another cluster, whose
 * nodes would then be heard by us. Who dials us under a name has our membership in its log.
 *
 * A node that adopts a name learns by it that the cluster exists already, and tells its replica: so
 * that blank nodes do not found another one.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/logger.h"
#include "net/peer_internal.h"

bool peer_cluster_equals(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, RAFT_CLUSTER_ID_BYTES) == 0;
}

bool peer_cluster_is_named(const uint8_t *cluster_id)
{
    static const uint8_t none[RAFT_CLUSTER_ID_BYTES];
    return !peer_cluster_equals(cluster_id, none);
}

const uint8_t *peer_cluster_own(const struct peer_net *net)
{
    return peer_cluster_is_named(net->committed_cluster_id) ? net->committed_cluster_id
                                                            : net->tentative_cluster_id;
}

const char *peer_cluster_format(const uint8_t *cluster_id, char *text)
{
    for (uint32_t i = 0; i < RAFT_CLUSTER_ID_BYTES; i++) {
        (void)snprintf(text + 2 * (size_t)i, 3, "%02x", cluster_id[i]);
    }
    return text;
}

/* Our name has changed. Connections that have not said hello are judged under the new one. */
static void start_over(struct peer_net *net)
{
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        peer_link_redial(LIST_MEMBER(at, struct peer_link, in_net));
    }
    for (struct list *at = net->conns.next, *next; at != &net->conns; at = next) {
        next = at->next;
        struct peer_conn *conn = LIST_MEMBER(at, struct peer_conn, in_net);
        if (conn->is_identified &&
            !peer_cluster_equals(conn->hello.cluster_id, peer_cluster_own(net))) {
            peer_conn_close(conn);
        }
    }
}

void peer_cluster_adopt(struct peer_net *net, const struct peer_hello *caller)
{
    if (peer_cluster_is_named(peer_cluster_own(net)) ||
        !peer_cluster_is_named(caller->cluster_id)) {
        return;
    }
    ASSERT(net->is_joining || (net->peers_known && peer_net_is_peer(net, caller->from)));
    char text[PEER_CLUSTER_TEXT_BYTES];
    char name[LIMIT_NODE_NAME_BYTES];
    peer_hello_plain_name(caller, name);
    logger_log(LOGGER_VERBOSE, "node %s of cluster %s calls this node its member", name,
               peer_cluster_format(caller->cluster_id, text));
    memcpy(net->tentative_cluster_id, caller->cluster_id, sizeof(net->tentative_cluster_id));
    start_over(net);
    net->owes_cluster_found = true;
    peer_net_pay_cluster_found(net); /* or later, by the report event */
}

void peer_net_set_cluster_id(struct peer_net *net, const uint8_t *cluster_id)
{
    uint8_t former[RAFT_CLUSTER_ID_BYTES];
    memcpy(former, peer_cluster_own(net), sizeof(former));
    memcpy(net->committed_cluster_id, cluster_id, sizeof(net->committed_cluster_id));
    if (peer_cluster_is_named(cluster_id)) {
        memset(net->tentative_cluster_id, 0, sizeof(net->tentative_cluster_id));
    }
    if (!peer_cluster_equals(former, peer_cluster_own(net))) {
        start_over(net);
    }
}
