/* peer_join.c -- nodes that are not in each other's list: who joins, and who is behind.
 *
 * A guest calls us: it wants to be a member. A visitor calls us: it is a member, but our own log
 * does not say so, because that is behind: it does not list us yet, or those whom it lists are not
 * to be found any more. Whoever calls under our cluster's name and by our id has us in its log.
 * What a visitor tells of itself has the address to call it back at, for we send on links that we
 * dial. Such links last until our list has us, and somebody of it is found.
 */
#include <string.h>

#include "net/peer_internal.h"

bool peer_join_is_guest(const struct peer_net *net, const struct peer_hello *caller)
{
    bool is_joining = (caller->capabilities & PEER_CAPABILITY_JOINING) != 0;
    bool is_member = peer_net_is_peer(net, caller->from) &&
                     peer_cluster_equals(caller->cluster_id, peer_cluster_own(net));
    return is_joining && !is_member;
}

bool peer_join_has_room(const struct peer_net *net)
{
    uint32_t guests_count = 0;
    for (struct list *at = net->conns.next; at != &net->conns; at = at->next) {
        const struct peer_conn *conn = LIST_MEMBER(at, struct peer_conn, in_net);
        guests_count += conn->is_identified && peer_join_is_guest(net, &conn->hello) ? 1 : 0;
    }
    return guests_count < PEER_GUESTS_MAX;
}

bool peer_join_is_behind(const struct peer_net *net)
{
    uint32_t peers_count = 0;
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        const struct peer_link *link = LIST_MEMBER(at, struct peer_link, in_net);
        bool is_peer = peer_net_is_peer(net, link->id);
        if (is_peer && link->state == PEER_LINK_UP) {
            return !net->is_listed;
        }
        peers_count += is_peer ? 1 : 0;
    }
    bool is_lost = peers_count > 0 && net->loop->now_ms >= net->reached_ms + PEER_LOST_MS;
    return !net->is_listed || is_lost;
}

bool peer_join_is_visitor(const struct peer_net *net, const struct peer_hello *caller)
{
    const uint8_t *own = peer_cluster_own(net);
    bool is_ours = peer_cluster_equals(own, caller->cluster_id) ||
                   (net->is_joining && !peer_cluster_is_named(own));
    return caller->to == net->self_id && is_ours && peer_cluster_is_named(caller->cluster_id) &&
           !peer_net_is_peer(net, caller->from) && peer_join_is_behind(net);
}

bool peer_join_may_send(enum peer_frame_type type)
{
    return type == PEER_FRAME_NODE_INFO || type == PEER_FRAME_CHANGE;
}

bool peer_join_may_say(const struct peer_hello *guest, const struct peer_message *message)
{
    if (message->type == PEER_MESSAGE_NODE_INFO) {
        return true; /* kept until it is a member */
    }
    const struct peer_change *change = &message->change;
    return message->type == PEER_MESSAGE_CHANGE && change->kind == PEER_CHANGE_MEMBERS &&
           change->change.kind == RAFT_CHANGE_ADD && change->change.member.id == guest->from &&
           !change->change.force;
}

void peer_join_call_back(struct peer_net *net, const struct peer_hello *caller,
                         const struct peer_node_info *info)
{
    if (peer_join_is_guest(net, caller)) {
        return;
    }
    struct peer_link *link = peer_net_find(net, caller->from);
    if (link != NULL) {
        peer_link_tell_address(link, info->raft_address);
        return;
    }
    uint32_t callbacks_count = 0;
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        callbacks_count += LIST_MEMBER(at, struct peer_link, in_net)->is_callback ? 1 : 0;
    }
    if (!peer_join_is_visitor(net, caller)) {
        return;
    }
    struct peer_link *answered = peer_net_find_answered(net, caller->from);
    if (answered != NULL) {
        /* Dialled by address alone, to join there: it stays when the list comes, which may be of a
         * time before this node was a member. */
        answered->is_callback = true;
        return;
    }
    if (info->raft_address[0] == '\0' || callbacks_count >= LIMIT_MEMBERS) {
        return;
    }
    peer_link_create(net, caller->from, info->raft_address)->is_callback = true;
}

void peer_join_recount(struct peer_net *net)
{
    for (struct list *at = net->conns.next; at != &net->conns; at = at->next) {
        struct peer_conn *conn = LIST_MEMBER(at, struct peer_conn, in_net);
        if (conn->is_identified && !peer_join_is_guest(net, &conn->hello)) {
            /* Should it be removed one day, it does not become a guest by that. */
            conn->hello.capabilities &= ~(uint32_t)PEER_CAPABILITY_JOINING;
        }
    }
}
