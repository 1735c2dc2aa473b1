/* wires.c -- see wires.h.
 *
 * DESIGN. One thread polls everything: listeners, both ends of each connection, and a pipe that
 * wakes it when a wire changes. Each direction of a connection has one buffer; it is read into when
 * it is empty and the wire lets it, and written out once due. So a silent wire stops reading, the
 * kernel's buffers fill, and the sender sees what it would see of a dead network.
 */
#include "chaos/wires.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "lib/check.h"
#include "wire/peer_frame.h"

enum {
    CONNECTIONS_MAX = 128,
    PIECE_BYTES = 64 * 1024,
    POLL_MS_MAX = 50,
    /* Delays of a slow wire. */
    SLOW_MS_MAX = 40,
    SLOW_LONG_MS_MAX = 400,
    SLOW_LONG_OF = 50,
    FROM_AT = 32, /* of the hello: see wire/peer_frame.h */
};

struct flow {
    uint8_t bytes[PIECE_BYTES];
    size_t size, sent;
    uint64_t due_ms;
    bool is_ended; /* no more will come */
};

struct connection {
    int caller, target; /* descriptors; -1: free place */
    uint32_t from, to;
    bool is_known; /* the hello has come, so from is right */
    struct flow forth, back;
};

struct wires {
    uint32_t count;
    uint64_t ids[WIRES_NODES_MAX];
    uint16_t targets[WIRES_NODES_MAX];
    uint16_t ports[WIRES_NODES_MAX];
    int listeners[WIRES_NODES_MAX];
    int wake[2];
    pthread_mutex_t mutex; /* over the following, which other threads change */
    enum wire_state states[WIRES_NODES_MAX][WIRES_NODES_MAX];
    bool spoils[WIRES_NODES_MAX][WIRES_NODES_MAX];
    bool breaks_all;
    uint64_t random; /* the thread's own from here on */
    struct connection *connections[CONNECTIONS_MAX];
};

/* The id that a node derives from its name. */
static uint64_t id_of(const char *name)
{
    return hash_bytes(0x71756f72756d6964u, slice_of_string(name));
}

static void set_up_socket(int descriptor)
{
    int one = 1;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    CHECK(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0);
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* ---- The thread ---- */

static enum wire_state state_of(struct wires *wires, const struct connection *connection)
{
    if (!connection->is_known) {
        return WIRE_WHOLE;
    }
    CHECK(pthread_mutex_lock(&wires->mutex) == 0);
    enum wire_state state = wires->states[connection->from][connection->to];
    CHECK(pthread_mutex_unlock(&wires->mutex) == 0);
    return state;
}

static void drop(struct wires *wires, uint32_t i)
{
    struct connection *connection = wires->connections[i];
    struct linger reset = {1, 0};
    (void)setsockopt(connection->caller, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    (void)setsockopt(connection->target, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    (void)close(connection->caller);
    (void)close(connection->target);
    free(connection);
    wires->connections[i] = NULL;
}

static void take_call(struct wires *wires, uint32_t node)
{
    int caller = accept4(wires->listeners[node], NULL, NULL, SOCK_CLOEXEC);
    uint32_t free_place = 0;
    while (free_place < CONNECTIONS_MAX && wires->connections[free_place] != NULL) {
        free_place++;
    }
    if (caller < 0) {
        return;
    }
    int target = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(wires->targets[node]);
    if (free_place == CONNECTIONS_MAX || target < 0 ||
        connect(target, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(caller);
        (void)close(target);
        return;
    }
    set_up_socket(caller);
    set_up_socket(target);
    struct connection *connection = calloc(1, sizeof(*connection));
    CHECK(connection != NULL);
    connection->caller = caller;
    connection->target = target;
    connection->to = node;
    wires->connections[free_place] = connection;
}

/* Reads the caller's id from its hello; false when it is nobody of ours. */
static bool learn_caller(const struct wires *wires, struct connection *connection)
{
    if (connection->forth.size < FROM_AT + 8) {
        return true; /* later */
    }
    uint64_t id = bytes_read_u64(connection->forth.bytes + FROM_AT);
    for (uint32_t i = 0; i < wires->count; i++) {
        if (wires->ids[i] == id) {
            connection->from = i;
            connection->is_known = true;
            return true;
        }
    }
    return false;
}

static void spoil(struct wires *wires, const struct connection *connection, struct flow *flow)
{
    CHECK(pthread_mutex_lock(&wires->mutex) == 0);
    bool *spoils = &wires->spoils[connection->from][connection->to];
    if (*spoils) {
        flow->bytes[check_random(&wires->random, (uint32_t)flow->size)] ^= 0x10;
        *spoils = false;
    }
    CHECK(pthread_mutex_unlock(&wires->mutex) == 0);
}

static uint64_t delay_of(struct wires *wires, enum wire_state state)
{
    if (state != WIRE_SLOW) {
        return 0;
    }
    bool is_long = check_random(&wires->random, SLOW_LONG_OF) == 0;
    return check_random(&wires->random, is_long ? SLOW_LONG_MS_MAX : SLOW_MS_MAX);
}

/* Moves bytes one way; false when the connection is over. */
static bool pump(struct wires *wires, struct connection *connection, struct flow *flow, int from,
                 int to)
{
    enum wire_state state = state_of(wires, connection);
    if (state == WIRE_BROKEN) {
        return false;
    }
    if (state == WIRE_SILENT) {
        return true;
    }
    if (flow->size == 0 && !flow->is_ended) {
        ssize_t got = read(from, flow->bytes, sizeof(flow->bytes));
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            flow->is_ended = true;
            return false;
        }
        flow->size = got < 0 ? 0 : (size_t)got;
        flow->due_ms = check_now_ms() + delay_of(wires, state);
        if (flow->size > 0 && !connection->is_known && flow == &connection->forth &&
            !learn_caller(wires, connection)) {
            return false;
        }
        if (flow->size > 0 && flow == &connection->forth) {
            spoil(wires, connection, flow);
        }
    }
    if (flow->size > flow->sent && check_now_ms() >= flow->due_ms) {
        ssize_t put = send(to, flow->bytes + flow->sent, flow->size - flow->sent, MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        flow->sent += put < 0 ? 0 : (size_t)put;
        if (flow->sent == flow->size) {
            flow->size = 0;
            flow->sent = 0;
        }
    }
    return true;
}

/* What a connection waits for. */
static void watch(struct wires *wires, const struct connection *connection, struct pollfd *polls,
                  int *wait_ms)
{
    enum wire_state state = state_of(wires, connection);
    const struct flow *flows[2] = {&connection->forth, &connection->back};
    polls[0] = (struct pollfd){.fd = connection->caller};
    polls[1] = (struct pollfd){.fd = connection->target};
    if (state == WIRE_SILENT) {
        polls[0].fd = -1; /* not even its end is seen */
        polls[1].fd = -1;
        return;
    }
    uint64_t now_ms = check_now_ms();
    for (int i = 0; i < 2; i++) {
        if (flows[i]->size == 0) {
            polls[i].events |= POLLIN;
        } else if (flows[i]->due_ms <= now_ms) {
            polls[1 - i].events |= POLLOUT;
        } else if ((uint64_t)*wait_ms > flows[i]->due_ms - now_ms) {
            *wait_ms = (int)(flows[i]->due_ms - now_ms);
        }
    }
}

static void turn(struct wires *wires)
{
    static struct pollfd polls[WIRES_NODES_MAX + 1 + 2 * CONNECTIONS_MAX];
    int wait_ms = POLL_MS_MAX;
    nfds_t used = 0;
    for (uint32_t i = 0; i < wires->count; i++) {
        polls[used++] = (struct pollfd){.fd = wires->listeners[i], .events = POLLIN};
    }
    polls[used++] = (struct pollfd){.fd = wires->wake[0], .events = POLLIN};
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (wires->connections[i] != NULL) {
            watch(wires, wires->connections[i], &polls[used], &wait_ms);
            used += 2;
        }
    }
    (void)poll(polls, used, wait_ms);
    char byte[64];
    (void)!read(wires->wake[0], byte, sizeof(byte));
    CHECK(pthread_mutex_lock(&wires->mutex) == 0);
    bool breaks_all = wires->breaks_all;
    wires->breaks_all = false;
    CHECK(pthread_mutex_unlock(&wires->mutex) == 0);
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = wires->connections[i];
        if (connection != NULL &&
            (breaks_all ||
             !pump(wires, connection, &connection->forth, connection->caller, connection->target) ||
             !pump(wires, connection, &connection->back, connection->target, connection->caller))) {
            drop(wires, i);
        }
    }
    for (uint32_t i = 0; i < wires->count; i++) {
        if ((polls[i].revents & POLLIN) != 0) {
            take_call(wires, i);
        }
    }
}

static void *run(void *context)
{
    for (;;) { /* it ends with the process */
        turn(context);
    }
    return NULL;
}

/* ---- From other threads ---- */

static void wake(struct wires *wires)
{
    (void)!write(wires->wake[1], "", 1);
}

struct wires *wires_start(uint32_t count, const char *const *names, const uint16_t *ports)
{
    struct wires *wires = calloc(1, sizeof(*wires));
    CHECK(wires != NULL);
    CHECK(count <= WIRES_NODES_MAX);
    wires->count = count;
    wires->random = 88172645463325252u;
    CHECK(pthread_mutex_init(&wires->mutex, NULL) == 0);
    CHECK(pipe2(wires->wake, O_NONBLOCK | O_CLOEXEC) == 0);
    for (uint32_t i = 0; i < count; i++) {
        struct sockaddr_in address = loopback(0);
        socklen_t size = sizeof(address);
        wires->ids[i] = id_of(names[i]);
        wires->targets[i] = ports[i];
        wires->listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        CHECK(bind(wires->listeners[i], (const struct sockaddr *)&address, size) == 0);
        CHECK(listen(wires->listeners[i], 64) == 0);
        CHECK(getsockname(wires->listeners[i], (struct sockaddr *)&address, &size) == 0);
        wires->ports[i] = ntohs(address.sin_port);
    }
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run, wires) == 0);
    CHECK(pthread_detach(thread) == 0);
    return wires;
}

uint16_t wires_port(const struct wires *wires, uint32_t node)
{
    return wires->ports[node];
}

void wires_set(struct wires *wires, uint32_t from, uint32_t to, enum wire_state state)
{
    CHECK(pthread_mutex_lock(&wires->mutex) == 0);
    wires->states[from][to] = state;
    CHECK(pthread_mutex_unlock(&wires->mutex) == 0);
    wake(wires);
}

void wires_heal(struct wires *wires)
{
    CHECK(pthread_mutex_lock(&wires->mutex) == 0);
    memset(wires->states, 0, sizeof(wires->states));
    CHECK(pthread_mutex_unlock(&wires->mutex) == 0);
    wake(wires);
}

void wires_break_all(struct wires *wires)
{
    CHECK(pthread_mutex_lock(&wires->mutex) == 0);
    wires->breaks_all = true;
    CHECK(pthread_mutex_unlock(&wires->mutex) == 0);
    wake(wires);
}

void wires_spoil(struct wires *wires, uint32_t from, uint32_t to)
{
    CHECK(pthread_mutex_lock(&wires->mutex) == 0);
    wires->spoils[from][to] = true;
    CHECK(pthread_mutex_unlock(&wires->mutex) == 0);
}
