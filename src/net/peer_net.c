/* peer_net.c -- the set of links: opening, whom to be linked with, sending to them, closing. */
#include "net/peer_net.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/logger.h"
#include "base/mem.h"
#include "net/peer_internal.h"

enum { BACKOFF_MS_MIN = 50, BACKOFF_MS_MAX = 2000 };

/* Room for what a leader has in flight to one follower, and for one entry of the largest size. */
static const uint64_t queue_bytes_default = 64u * 1024 * 1024 + (uint64_t)LIMIT_ENTRY_BYTES;

#define LINK_OF(link) LIST_MEMBER(link, struct peer_link, in_net)
#define CONN_OF(link) LIST_MEMBER(link, struct peer_conn, in_net)

/* ---- What is owed to the replica ---- */

static bool is_there(const struct peer_net *net)
{
    return net->loop->replica != NULL;
}

static enum result on_message(struct peer_net *net, const struct peer_message *message)
{
    return replica_on_message(net->loop->replica, message);
}

static void on_connected(struct peer_net *net, uint64_t peer)
{
    replica_on_peer_connected(net->loop->replica, peer);
}

static void on_unreachable(struct peer_net *net, uint64_t peer)
{
    replica_on_peer_unreachable(net->loop->replica, peer);
}

static void on_cluster_found(struct peer_net *net)
{
    replica_on_cluster_found(net->loop->replica);
}

static const struct peer_receiver replica_receiver = {is_there, on_message, on_connected,
                                                      on_unreachable, on_cluster_found};

void peer_net_pay_cluster_found(struct peer_net *net)
{
    if (net->owes_cluster_found && net->receiver->is_there(net)) {
        net->owes_cluster_found = false;
        net->receiver->on_cluster_found(net);
    }
}

static void on_report(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct peer_net *net = context;
    loop_wake(net->loop);
    if (net->owes_review) {
        net->owes_review = false;
        peer_net_review(net);
    }
    if (!net->receiver->is_there(net)) {
        return; /* Kept; peer_net_set_peers, which follows the replica's birth, reports again. */
    }
    peer_net_pay_cluster_found(net);
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        struct peer_link *link = LINK_OF(at);
        bool owes_unreachable = link->owes_unreachable && link->id != RAFT_ID_NONE;
        bool owes_connected = link->owes_connected && link->id != RAFT_ID_NONE;
        link->owes_unreachable = link->owes_unreachable && !owes_unreachable;
        link->owes_connected = link->owes_connected && !owes_connected;
        if (owes_unreachable) {
            net->receiver->on_unreachable(net, link->id);
        }
        if (owes_connected) {
            net->receiver->on_connected(net, link->id);
        }
    }
    for (struct list *at = net->conns.next; at != &net->conns; at = at->next) {
        peer_conn_pay_info(CONN_OF(at));
    }
}

void peer_net_report_soon(struct peer_net *net)
{
    event_active(&net->report, EV_TIMEOUT, 0);
}

/* ---- Opening and closing ---- */

/* Opens one listener on every address; the first one picks the port when that is 0. */
static enum result listen_on_all(struct peer_net *net, const struct peer_net_options *options)
{
    struct listener_options listening = {
        .port = options->port, .on_accept = peer_conn_on_accept, .context = net};
    net->listeners = mem_alloc_zeroed(options->bind_addresses_count, sizeof(struct listener *));
    for (uint32_t i = 0; i < options->bind_addresses_count; i++) {
        listening.address = options->bind_addresses[i];
        struct listener **listener = &net->listeners[net->listeners_count];
        enum result result = listener_open(net->loop, &listening, listener);
        if (result == RESULT_NOT_FOUND) {
            continue; /* an optional address that this machine lacks */
        }
        if (result != RESULT_OK) {
            return RESULT_IO;
        }
        listening.port = listener_port(*listener);
        net->listeners_count++;
    }
    return net->listeners_count > 0 ? RESULT_OK : RESULT_IO;
}

enum result peer_net_open(struct loop *loop, const struct peer_net_options *options,
                          struct peer_net **out)
{
    ASSERT(options->self_id != RAFT_ID_NONE);
    struct peer_net *net = mem_alloc_zeroed(1, sizeof(*net));
    net->loop = loop;
    net->receiver = &replica_receiver;
    net->self_id = options->self_id;
    net->incarnation = options->incarnation;
    memcpy(net->committed_cluster_id, options->cluster_id, sizeof(net->committed_cluster_id));
    net->self = options->self;
    net->is_joining = options->is_joining;
    net->reached_ms = loop_monotonic_us() / 1000;
    net->queue_bytes_max =
        options->queue_bytes_max == 0 ? queue_bytes_default : options->queue_bytes_max;
    net->backoff_ms_min = options->backoff_ms_min == 0 ? BACKOFF_MS_MIN : options->backoff_ms_min;
    net->backoff_ms_max = options->backoff_ms_max == 0 ? BACKOFF_MS_MAX : options->backoff_ms_max;
    list_init(&net->links);
    list_init(&net->conns);
    prng_init(&net->prng, hash_mix(options->self_id, options->incarnation));
    net->resolver = peer_resolver_create(loop->base);
    (void)event_assign(&net->report, loop->base, -1, 0, on_report, net);
    if (listen_on_all(net, options) != RESULT_OK) {
        peer_net_close(net);
        return RESULT_IO;
    }
    *out = net;
    return RESULT_OK;
}

uint16_t peer_net_port(const struct peer_net *net)
{
    return listener_port(net->listeners[0]);
}

void peer_net_close(struct peer_net *net)
{
    for (uint32_t i = 0; i < net->listeners_count; i++) {
        listener_close(net->listeners[i]);
    }
    mem_free(net->listeners);
    while (!list_is_empty(&net->links)) {
        peer_link_destroy(LINK_OF(net->links.next));
    }
    while (!list_is_empty(&net->conns)) {
        peer_conn_close(CONN_OF(net->conns.next));
    }
    (void)event_del(&net->report);
    peer_resolver_destroy(net->resolver);
    peer_frame_scratch_deinit(&net->scratch);
    mem_free(net);
}

/* ---- Whom to be linked with ---- */

struct peer_link *peer_net_find(const struct peer_net *net, uint64_t id)
{
    for (struct list *at = net->links.next; id != RAFT_ID_NONE && at != &net->links;
         at = at->next) {
        if (LINK_OF(at)->id == id) {
            return LINK_OF(at);
        }
    }
    return NULL;
}

struct peer_link *peer_net_find_answered(const struct peer_net *net, uint64_t id)
{
    struct peer_link *link = peer_net_find(net, id);
    for (struct list *at = net->links.next; link == NULL && at != &net->links; at = at->next) {
        bool is_its = LINK_OF(at)->id == RAFT_ID_NONE && LINK_OF(at)->answered_id == id;
        link = is_its ? LINK_OF(at) : NULL;
    }
    return link;
}

bool peer_net_is_peer(const struct peer_net *net, uint64_t id)
{
    const struct peer_link *link = peer_net_find(net, id);
    return link != NULL && !link->is_leaving && !link->is_callback;
}

/* The link by address alone, or NULL. */
static struct peer_link *find_unnamed(const struct peer_net *net, const char *address)
{
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        if (LINK_OF(at)->id == RAFT_ID_NONE && strcmp(LINK_OF(at)->address, address) == 0) {
            return LINK_OF(at);
        }
    }
    return NULL;
}

/* A link by address has learned, or is told, whose it is: it goes on under that id, unless another
 * node has answered there. */
static struct peer_link *adopt_unnamed(struct peer_net *net, uint64_t id, const char *address)
{
    struct peer_link *link = find_unnamed(net, address);
    if (link == NULL || link->state == PEER_LINK_IDLE ||
        (link->answered_id != RAFT_ID_NONE && link->answered_id != id)) {
        return NULL;
    }
    link->id = id;
    return link;
}

static void want_peer(struct peer_net *net, const struct peer_net_peer *peer)
{
    struct peer_link *link = peer_net_find(net, peer->id);
    if (link != NULL) {
        peer_link_stay(link);
        link->is_callback = false;
    }
    if (link != NULL && strcmp(link->address, peer->address) != 0) {
        peer_link_set_address(link, peer->address);
    }
    if (link == NULL) {
        link = peer->id == RAFT_ID_NONE ? find_unnamed(net, peer->address)
                                        : adopt_unnamed(net, peer->id, peer->address);
    }
    if (link == NULL) {
        link = peer_link_create(net, peer->id, peer->address);
    }
    link->is_wanted = true;
}

void peer_net_review(struct peer_net *net)
{
    bool is_behind = peer_join_is_behind(net);
    for (struct list *at = net->links.next, *next; at != &net->links; at = next) {
        next = at->next;
        struct peer_link *link = LINK_OF(at);
        if (!link->is_wanted && !(link->is_callback && is_behind)) {
            peer_link_leave(link);
        }
    }
    for (struct list *at = net->conns.next, *next; at != &net->conns; at = next) {
        next = at->next;
        struct peer_conn *conn = CONN_OF(at);
        if (!net->peers_known || !conn->is_identified) {
            continue;
        }
        bool is_wanted = peer_net_is_peer(net, conn->hello.from) ||
                         peer_join_is_guest(net, &conn->hello) ||
                         peer_join_is_visitor(net, &conn->hello);
        if (is_wanted) {
            peer_conn_stay(conn);
        } else {
            peer_conn_leave(conn);
        }
    }
}

void peer_net_set_peers(struct peer_net *net, const struct peer_net_peer *peers, uint32_t count)
{
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        LINK_OF(at)->is_wanted = false;
    }
    net->peers_known = true;
    net->is_listed = false;
    for (uint32_t i = 0; i < count; i++) {
        if (peers[i].id == net->self_id) {
            net->is_listed = true;
            net->is_joining = false;
        } else {
            net->peers_known = net->peers_known && peers[i].id != RAFT_ID_NONE;
            want_peer(net, &peers[i]);
        }
    }
    peer_join_recount(net);
    peer_net_review(net);
    peer_net_report_soon(net);
}

uint64_t peer_net_discovered(const struct peer_net *net, const char *address, char *name)
{
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        const struct peer_link *link = LINK_OF(at);
        if (link->answered_id != RAFT_ID_NONE && strcmp(link->address, address) == 0) {
            memcpy(name, link->answered_name, LIMIT_NODE_NAME_BYTES);
            return link->answered_id;
        }
    }
    return RAFT_ID_NONE;
}

void peer_net_set_self(struct peer_net *net, const struct peer_node_info *self)
{
    ASSERT(strcmp(self->name, net->self.name) == 0);
    net->self = *self;
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        if (LINK_OF(at)->state == PEER_LINK_UP) {
            peer_link_introduce(LINK_OF(at));
        }
    }
}

/* ---- Sending ---- */

void peer_net_send(struct peer_net *net, const struct peer_message *message)
{
    struct peer_link *link = peer_net_find_answered(net, message->to);
    if (link == NULL || link->state != PEER_LINK_UP) {
        /* Not kept for later: Raft sends again what still matters then. That the link is down was
         * told when it broke. */
        net->stats.frames_dropped++;
        return;
    }
    peer_link_send(link, message);
}

void peer_net_flush(struct peer_net *net)
{
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        peer_link_flush(LINK_OF(at));
    }
}

void peer_net_get_stats(const struct peer_net *net, struct peer_net_stats *out)
{
    *out = net->stats;
}

bool peer_net_is_connected(const struct peer_net *net, uint64_t peer)
{
    const struct peer_link *link = peer_net_find_answered(net, peer);
    return link != NULL && link->state == PEER_LINK_UP;
}
