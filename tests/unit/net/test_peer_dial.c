/* test_peer_dial.c -- learning who is there, forms of addresses, and a wire that lies. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/unit.h"
#include "net/peer_internal.h"
#include "test_peer_lab.h"

/* Question: the node knows who is at each of the addresses of the first count nodes. */
struct discovery {
    const struct lab_node *node;
    uint32_t count;
};

static bool has_discovered(struct lab *lab, void *context)
{
    const struct discovery *discovery = context;
    char name[LIMIT_NODE_NAME_BYTES];
    for (uint32_t i = 0; i < discovery->count; i++) {
        if (peer_net_discovered(discovery->node->net, lab->nodes[i].address, name) ==
            RAFT_ID_NONE) {
            return false;
        }
    }
    return true;
}

UNIT_TEST(peer_dial, addresses_alone_tell_who_is_there_ourselves_included)
{
    enum { NODES = 3 };
    struct lab *lab = lab_open(NODES);
    struct peer_net_peer peers[NODES];
    for (uint32_t i = 0; i < NODES; i++) {
        peers[i] = (struct peer_net_peer){RAFT_ID_NONE, lab->nodes[i].address};
        lab->nodes[i].recorder.is_absent = true; /* There is none before the members are known. */
    }
    for (uint32_t i = 0; i < NODES; i++) {
        peer_net_set_peers(lab->nodes[i].net, peers, NODES);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        struct discovery discovery = {&lab->nodes[i], NODES};
        CU_ASSERT_FATAL(lab_run_until(lab, has_discovered, &discovery));
        for (uint32_t k = 0; k < NODES; k++) {
            char name[LIMIT_NODE_NAME_BYTES] = "";
            CU_ASSERT_EQUAL(peer_net_discovered(lab->nodes[i].net, lab->nodes[k].address, name),
                            k + 1);
            CU_ASSERT_STRING_EQUAL(name, lab->nodes[k].options.self.name);
        }
    }
    lab_run(lab, 50); /* NODE_INFO is on its way, to replicas that are not there yet. */
    uint64_t refused = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        lab->nodes[i].recorder.is_absent = false;
        struct peer_net_stats stats;
        peer_net_get_stats(lab->nodes[i].net, &stats);
        refused += stats.links_refused;
    }
    CU_ASSERT_EQUAL(refused, 0);
    lab_introduce(lab, NODES);
    for (uint32_t i = 0; i < NODES; i++) {
        const struct lab_recorder *recorder = &lab->nodes[i].recorder;
        CU_ASSERT(lab_wait_count(lab, &recorder->connected_count, NODES - 1));
        CU_ASSERT(lab_wait_count(lab, &recorder->records_count, NODES - 1));
        CU_ASSERT_EQUAL(recorder->records[0].message.type, PEER_MESSAGE_NODE_INFO);
        CU_ASSERT_EQUAL(recorder->unreachable_count, 0); /* The links went on under their ids. */
    }
    lab_close(lab);
}

static bool knows_the_second(struct lab *lab, void *context)
{
    const struct lab_node *node = context;
    char name[LIMIT_NODE_NAME_BYTES];
    return peer_net_discovered(node->net, lab->nodes[1].address, name) == 2;
}

static bool has_refused(struct lab *lab, void *context)
{
    (void)lab;
    struct peer_net_stats stats;
    peer_net_get_stats(((const struct lab_node *)context)->net, &stats);
    return stats.links_refused > 0;
}

UNIT_TEST(peer_dial, an_address_where_another_node_answered_is_dialled_for_the_right_one)
{
    struct lab *lab = lab_open(3);
    lab_introduce_one(&lab->nodes[0], RAFT_ID_NONE, lab->nodes[1].address);
    CU_ASSERT(lab_run_until(lab, knows_the_second, &lab->nodes[0]));
    lab_introduce_one(&lab->nodes[0], 3, lab->nodes[1].address);
    CU_ASSERT(lab_run_until(lab, has_refused, &lab->nodes[0]));
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[0].net, 3));
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.connected_count, 0);
    lab_introduce_one(&lab->nodes[0], 3, lab->nodes[2].address);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.connected_count, 1));
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.connected_last, 3);
    lab_close(lab);
}

UNIT_TEST(peer_dial, localhost_is_dialled_by_name)
{
    static const char *const names[] = {"localhost", "LOCALHOST", "node.localhost", "localhost."};
    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct lab *lab = lab_open(2);
        char address[64];
        (void)snprintf(address, sizeof(address), "%s:%u", names[i], lab->nodes[1].options.port);
        lab_introduce_one(&lab->nodes[0], 2, address);
        CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.connected_count, 1));
        lab_close(lab);
    }
}

static bool are_all_bad(struct lab *lab, void *context)
{
    uint32_t lines = lab_lines_with(lab, "its address is not of the form host:port");
    return lines == *(const uint32_t *)context;
}

UNIT_TEST(peer_dial, what_is_no_address_is_never_connected)
{
    static const char *const addresses[] = {"",     ":",         "host",     "http://127.0.0.1:1",
                                            ":1",   "[::1]",     "::1:9001", "127.0.0.1:0",
                                            "a:-1", "a:65536",   "[]:1",     "127.0.0.1:1x",
                                            "a:",   "[::1]9001", "127.0.0.1"};
    struct lab *lab = lab_open(1);
    enum { COUNT = sizeof(addresses) / sizeof(addresses[0]) };
    struct peer_net_peer peers[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        peers[i] = (struct peer_net_peer){i + 10, addresses[i]};
    }
    peer_net_set_peers(lab->nodes[0].net, peers, COUNT);
    /* Said of each, once, when it has lasted. */
    uint32_t count = COUNT;
    CU_ASSERT(lab_run_until(lab, are_all_bad, &count));
    lab_run(lab, 200);
    CU_ASSERT(are_all_bad(lab, &count));
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.connected_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_dial, a_net_closes_while_names_are_looked_up)
{
    struct lab *lab = lab_open(1);
    lab_introduce_one(&lab->nodes[0], 2, "no-such-name.invalid:9001");
    lab_run(lab, 100);
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[0].net, 2));
    lab_close(lab);
}

/* ---- A wire that lies ---- */

/* Forwards what one dialler sends to a node, and back, and flips one bit once. */
struct proxy {
    struct lab *lab;
    int listener;
    struct event *acceptable;
    const struct lab_node *to;
    size_t flip_at; /* the offset in the first connection's bytes; 0: none, or done */
    struct bufferevent *near, *far;
    uint32_t accepted_count;
};

static void proxy_hang_up(struct proxy *proxy)
{
    if (proxy->near != NULL) {
        bufferevent_free(proxy->near);
        bufferevent_free(proxy->far);
    }
    proxy->near = NULL;
    proxy->far = NULL;
}

static void proxy_forward(struct bufferevent *from, void *context)
{
    struct proxy *proxy = context;
    struct evbuffer *input = bufferevent_get_input(from);
    bool is_outward = from == proxy->near;
    size_t size = evbuffer_get_length(input);
    if (is_outward && proxy->flip_at > 0 && proxy->flip_at < size) {
        evbuffer_pullup(input, -1)[proxy->flip_at] ^= 0x10;
        proxy->flip_at = 0;
    } else if (is_outward && proxy->flip_at > 0) {
        proxy->flip_at -= size;
    }
    (void)bufferevent_write_buffer(is_outward ? proxy->far : proxy->near, input);
}

static void proxy_event(struct bufferevent *of, short what, void *context)
{
    (void)of;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) {
        proxy_hang_up(context);
    }
}

static void proxy_accept(evutil_socket_t listener, short what, void *context)
{
    (void)what;
    struct proxy *proxy = context;
    int near = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (near < 0) {
        return;
    }
    proxy_hang_up(proxy);
    proxy->accepted_count++;
    struct event_base *base = proxy->lab->base;
    proxy->near = bufferevent_socket_new(base, near, BEV_OPT_CLOSE_ON_FREE);
    proxy->far = bufferevent_socket_new(base, lab_raw_connect(proxy->to), BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(proxy->near, proxy_forward, NULL, proxy_event, proxy);
    bufferevent_setcb(proxy->far, proxy_forward, NULL, proxy_event, proxy);
    (void)bufferevent_enable(proxy->near, EV_READ | EV_WRITE);
    (void)bufferevent_enable(proxy->far, EV_READ | EV_WRITE);
}

UNIT_TEST(peer_dial, after_a_corrupted_byte_the_link_is_dialled_anew)
{
    struct lab *lab = lab_open(2);
    char address[64];
    /* Into the third frame's body: hello, NODE_INFO, then heartbeats. */
    struct proxy proxy = {.lab = lab, .to = &lab->nodes[1], .flip_at = SIZE_MAX};
    proxy.listener = lab_raw_listen(address);
    proxy.acceptable =
        event_new(lab->base, proxy.listener, EV_READ | EV_PERSIST, proxy_accept, &proxy);
    (void)event_add(proxy.acceptable, NULL);
    lab_introduce_one(&lab->nodes[0], 2, address);
    const struct lab_recorder *receiver = &lab->nodes[1].recorder;
    CU_ASSERT_FATAL(lab_wait_count(lab, &receiver->records_count, 1));
    proxy.flip_at = PEER_FRAME_HEADER_BYTES + 5; /* Of what comes from now on. */
    struct peer_message message = {
        .type = PEER_MESSAGE_RAFT,
        .from = 1,
        .to = 2,
        .raft = {.type = RAFT_MESSAGE_HEARTBEAT, .from = 1, .to = 2, .term = 8},
    };
    peer_net_send(lab->nodes[0].net, &message);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.unreachable_count, 1));
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.connected_count, 2));
    CU_ASSERT_EQUAL(proxy.accepted_count, 2);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "a frame with a wrong checksum or body"), 1);
    CU_ASSERT_EQUAL(lab_count_raft(receiver, RAFT_MESSAGE_HEARTBEAT), 0);
    peer_net_send(lab->nodes[0].net, &message);
    CU_ASSERT(lab_wait_count(lab, &receiver->records_count, 3)); /* NODE_INFO twice, heartbeat. */
    CU_ASSERT_EQUAL(lab_count_raft(receiver, RAFT_MESSAGE_HEARTBEAT), 1);
    proxy_hang_up(&proxy);
    event_free(proxy.acceptable);
    (void)close(proxy.listener);
    lab_close(lab);
}
