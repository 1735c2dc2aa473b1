/* tcp_proxy.c -- see tcp_proxy.h. One thread with poll; what is shared with the test is atomic.
 *
 * Each connection has a buffer in each direction; reading waits until the buffer is empty, so a
 * slow wire is felt by the sender as soon as the small socket buffers are full.
 */
#include "lib/tcp_proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/cluster.h"

enum {
    CONNECTIONS_MAX = 64,
    BUFFER_BYTES = 64 * 1024,
    SOCKET_BUFFER_BYTES = 64 * 1024,
    TURN_MS = 5,
};

/* One direction of a connection. */
struct flow {
    int from, to;
    bool is_limited;
    size_t begin, end; /* of what is in bytes */
    char bytes[BUFFER_BYTES];
};

struct connection {
    bool is_open;
    struct flow there, back;
};

struct tcp_proxy {
    uint16_t port, target_port;
    int listener;
    pthread_t thread;
    struct connection connections[CONNECTIONS_MAX];
    uint64_t budget_bytes, budget_ms; /* what the rate allows still, and when that was counted */
    atomic_uint_fast64_t rate, bytes, spoilt, spoil_bytes_min;
    atomic_bool is_to_be_cut;
};

static int open_socket(void)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int bytes = SOCKET_BUFFER_BYTES;
    CHECK(descriptor >= 0);
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    (void)setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    return descriptor;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void prepare(int descriptor)
{
    int one = 1;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    CHECK(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0);
}

/* ---- Connections ---- */

static void accept_one(struct tcp_proxy *proxy)
{
    struct sockaddr_in address = loopback(proxy->target_port);
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    int target = open_socket();
    struct connection *free_one = NULL;
    for (int i = 0; i < CONNECTIONS_MAX && free_one == NULL; i++) {
        free_one = proxy->connections[i].is_open ? NULL : &proxy->connections[i];
    }
    /* A target that does not listen is seen by the client as a connection that breaks at once. */
    if (client < 0 || free_one == NULL ||
        connect(target, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(client);
        (void)close(target);
        return;
    }
    prepare(client);
    prepare(target);
    free_one->is_open = true;
    free_one->there.from = free_one->back.to = client;
    free_one->there.to = free_one->back.from = target;
    free_one->there.is_limited = true;
    free_one->there.begin = free_one->there.end = 0;
    free_one->back.begin = free_one->back.end = 0;
}

static void close_one(struct connection *connection)
{
    (void)close(connection->there.from);
    (void)close(connection->there.to);
    connection->is_open = false;
}

/* Fills an empty buffer; false when the connection has ended. */
static bool fill(struct tcp_proxy *proxy, struct flow *flow)
{
    if (flow->begin < flow->end) {
        return true;
    }
    ssize_t count = recv(flow->from, flow->bytes, sizeof(flow->bytes), 0);
    if (count <= 0) {
        return count < 0 && errno == EAGAIN;
    }
    flow->begin = 0;
    flow->end = (size_t)count;
    uint64_t bytes_min = atomic_load(&proxy->spoil_bytes_min);
    if (flow->is_limited && bytes_min > 0 && flow->end >= bytes_min) {
        flow->bytes[flow->end - 1] ^= 1;
        atomic_store(&proxy->spoil_bytes_min, 0);
        atomic_fetch_add(&proxy->spoilt, 1);
    }
    return true;
}

/* Passes on what there is and what the rate allows; false when the connection has ended. */
static bool drain(struct tcp_proxy *proxy, struct flow *flow)
{
    size_t size = flow->end - flow->begin;
    if (flow->is_limited && atomic_load(&proxy->rate) > 0 && size > proxy->budget_bytes) {
        size = (size_t)proxy->budget_bytes;
    }
    if (size == 0) {
        return true;
    }
    ssize_t count = send(flow->to, flow->bytes + flow->begin, size, MSG_NOSIGNAL);
    if (count < 0) {
        return errno == EAGAIN;
    }
    flow->begin += (size_t)count;
    if (flow->is_limited) {
        atomic_fetch_add(&proxy->bytes, (uint64_t)count);
        proxy->budget_bytes -= atomic_load(&proxy->rate) > 0 ? (uint64_t)count : 0;
    }
    return true;
}

static bool pass(struct tcp_proxy *proxy, struct flow *flow)
{
    return fill(proxy, flow) && drain(proxy, flow);
}

/* ---- The thread ---- */

static void count_budget(struct tcp_proxy *proxy)
{
    uint64_t rate = atomic_load(&proxy->rate);
    uint64_t now_ms = check_now_ms();
    uint64_t most = rate / 10 + 1; /* so much at once after a rest */
    proxy->budget_bytes += rate * (now_ms - proxy->budget_ms) / 1000;
    proxy->budget_bytes = proxy->budget_bytes < most ? proxy->budget_bytes : most;
    proxy->budget_ms = now_ms;
}

/* Waits for bytes of a direction that has room; returns how many entries of waited it filled. */
static nfds_t collect(const struct tcp_proxy *proxy, struct pollfd *waited)
{
    nfds_t count = 0;
    waited[count++] = (struct pollfd){proxy->listener, POLLIN, 0};
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        const struct connection *connection = &proxy->connections[i];
        const struct flow *flows[] = {&connection->there, &connection->back};
        for (int j = 0; connection->is_open && j < 2; j++) {
            if (flows[j]->begin == flows[j]->end) {
                waited[count++] = (struct pollfd){flows[j]->from, POLLIN, 0};
            }
        }
    }
    return count;
}

static void *run(void *context)
{
    struct tcp_proxy *proxy = context;
    for (;;) {
        struct pollfd waited[1 + 2 * CONNECTIONS_MAX];
        (void)poll(waited, collect(proxy, waited), TURN_MS);
        if ((waited[0].revents & POLLIN) != 0) {
            accept_one(proxy);
        }
        count_budget(proxy);
        bool is_cut = atomic_exchange(&proxy->is_to_be_cut, false);
        for (int i = 0; i < CONNECTIONS_MAX; i++) {
            struct connection *connection = &proxy->connections[i];
            if (connection->is_open &&
                (is_cut || !pass(proxy, &connection->there) || !pass(proxy, &connection->back))) {
                close_one(connection);
            }
        }
    }
    return NULL;
}

struct tcp_proxy *tcp_proxy_start(uint16_t target_port)
{
    struct tcp_proxy *proxy = calloc(1, sizeof(*proxy));
    int one = 1;
    proxy->target_port = target_port;
    proxy->port = cluster_free_port();
    proxy->budget_ms = check_now_ms();
    proxy->listener = open_socket();
    struct sockaddr_in address = loopback(proxy->port);
    (void)setsockopt(proxy->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    CHECK(bind(proxy->listener, (const struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(proxy->listener, CONNECTIONS_MAX) == 0);
    CHECK(pthread_create(&proxy->thread, NULL, run, proxy) == 0);
    return proxy;
}

void tcp_proxy_start_all(struct cluster *cluster, struct tcp_proxy *proxies[CLUSTER_NODES_MAX])
{
    size_t used = 0;
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        proxies[i] = tcp_proxy_start(cluster->nodes[i].raft_port);
        used += (size_t)snprintf(cluster->peers + used, sizeof(cluster->peers) - used,
                                 "%s%s=127.0.0.1:%u", i == 0 ? "" : ",", cluster->nodes[i].name,
                                 proxies[i]->port);
    }
}

uint16_t tcp_proxy_port(const struct tcp_proxy *proxy)
{
    return proxy->port;
}

void tcp_proxy_set_rate(struct tcp_proxy *proxy, uint64_t bytes_per_second)
{
    atomic_store(&proxy->rate, bytes_per_second);
}

void tcp_proxy_cut(struct tcp_proxy *proxy)
{
    atomic_store(&proxy->is_to_be_cut, true);
}

void tcp_proxy_spoil(struct tcp_proxy *proxy, uint64_t piece_bytes_min)
{
    atomic_store(&proxy->spoil_bytes_min, piece_bytes_min);
}

uint64_t tcp_proxy_spoilt(const struct tcp_proxy *proxy)
{
    return atomic_load(&proxy->spoilt);
}

uint64_t tcp_proxy_bytes(const struct tcp_proxy *proxy)
{
    return atomic_load(&proxy->bytes);
}
