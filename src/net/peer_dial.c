/* peer_dial.c -- how a link comes up, and what happens when it does not: the states in
 * peer_internal.h, one function an arrow.
 *
 * One timer serves them all: when to dial (WAITING), or when to give the step up (the others).
 * The name is resolved anew at every dial, because a peer that was moved has a new address.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"
#include "net/peer_internal.h"

static void on_timer(evutil_socket_t descriptor, short what, void *context);
static void on_readable(evutil_socket_t descriptor, short what, void *context);
static void on_writable(evutil_socket_t descriptor, short what, void *context);

static void set_timer(struct peer_link *link, uint32_t delay_ms)
{
    struct timeval delay = {(time_t)(delay_ms / 1000), (suseconds_t)(delay_ms % 1000) * 1000};
    (void)event_add(&link->timer, &delay);
}

static void copy_address(char *out, const char *address)
{
    /* A longer one was refused by configuration; cut, it is merely not found. */
    size_t bytes = strnlen(address, LIMIT_ADDRESS_BYTES - 1);
    memcpy(out, address, bytes);
    out[bytes] = '\0';
}

/* The address that is being dialled, or is connected to. */
static const char *address_of(const struct peer_link *link)
{
    return link->is_told_next ? link->told_address : link->address;
}

static void take_turns(struct peer_link *link)
{
    link->is_told_next = !link->is_told_next && link->told_address[0] != '\0' &&
                         strcmp(link->told_address, link->address) != 0;
}

struct peer_link *peer_link_create(struct peer_net *net, uint64_t id, const char *address)
{
    struct peer_link *link = mem_alloc_zeroed(1, sizeof(*link));
    link->net = net;
    link->id = id;
    copy_address(link->address, address);
    link->descriptor = -1;
    link->backoff_ms = net->backoff_ms_min;
    list_init(&link->in_net);
    list_push_back(&net->links, &link->in_net);
    (void)event_assign(&link->timer, net->loop->base, -1, 0, on_timer, link);
    link->state = PEER_LINK_WAITING;
    set_timer(link, 0);
    return link;
}

/* Back to IDLE: no descriptor, no lookup, no timer, nothing queued. */
static void disconnect(struct peer_link *link)
{
    peer_lookup_cancel(link->lookup);
    link->lookup = NULL;
    (void)event_del(&link->timer);
    if (link->descriptor >= 0) {
        (void)event_del(&link->readable);
        (void)event_del(&link->writable);
        (void)close(link->descriptor);
        link->descriptor = -1;
    }
    peer_link_clear(link);
    link->hello_bytes = 0;
    link->state = PEER_LINK_IDLE;
}

void peer_link_destroy(struct peer_link *link)
{
    disconnect(link);
    list_remove(&link->in_net);
    mem_free(link);
}

/* ---- Down ---- */

/* Half of the delay is chance, so that nodes that lost each other do not dial in step. */
static uint32_t with_jitter(struct peer_link *link, uint32_t delay_ms)
{
    return delay_ms / 2 + (uint32_t)prng_below(&link->net->prng, delay_ms / 2 + 1);
}

static void wait_to_dial(struct peer_link *link, uint32_t delay_ms)
{
    link->state = PEER_LINK_WAITING;
    set_timer(link, with_jitter(link, delay_ms));
}

/* A link that was up is missed at once. One that never came up, as while the nodes of a cluster
 * start one after the other, is worth a line only when its back-off has run up to the end. */
static void log_failure(struct peer_link *link, bool was_up, const char *reason)
{
    bool is_long = link->backoff_ms >= link->net->backoff_ms_max && !link->is_outage_logged;
    enum logger_level level = was_up || is_long ? LOGGER_NOTICE : LOGGER_VERBOSE;
    link->is_outage_logged = link->is_outage_logged || is_long;
    logger_log(level, "peer %s: %s: %s; dialling again", address_of(link),
               was_up ? "connection lost" : "no connection", reason);
}

static void owe_unreachable(struct peer_link *link)
{
    if (peer_net_is_peer(link->net, link->id)) {
        link->net->reached_ms = link->net->loop->now_ms;
    }
    link->owes_unreachable = true;
    link->owes_connected = false;
    peer_net_report_soon(link->net);
}

void peer_link_fail(struct peer_link *link, const char *reason)
{
    const struct peer_net *net = link->net;
    bool was_up = link->state == PEER_LINK_UP;
    if (was_up && net->loop->now_ms - link->up_since_ms >= PEER_STABLE_MS) {
        link->backoff_ms = net->backoff_ms_min;
    }
    if (link->is_leaving) {
        disconnect(link);
        set_timer(link, 0); /* Destroyed then: who called us may not have expected that. */
        return;
    }
    log_failure(link, was_up, reason);
    if (was_up) {
        owe_unreachable(link);
    }
    disconnect(link);
    take_turns(link);
    wait_to_dial(link, link->backoff_ms);
    link->backoff_ms =
        link->backoff_ms > net->backoff_ms_max / 2 ? net->backoff_ms_max : link->backoff_ms * 2;
}

void peer_link_set_address(struct peer_link *link, const char *address)
{
    /* The list may say at last what the node has told before. */
    bool is_there = link->state == PEER_LINK_UP && strcmp(address_of(link), address) == 0;
    if (!is_there) {
        peer_link_fail(link, "its address has changed");
        set_timer(link, 0);
    }
    copy_address(link->address, address);
    link->is_told_next = false;
    link->backoff_ms = link->net->backoff_ms_min;
}

void peer_link_tell_address(struct peer_link *link, const char *address)
{
    copy_address(link->told_address, address);
    link->is_told_next = link->is_told_next && address[0] != '\0';
    peer_link_nudge(link);
}

void peer_link_redial(struct peer_link *link)
{
    switch (link->state) {
    case PEER_LINK_IDLE: /* ourselves */
    case PEER_LINK_RESOLVING:
    case PEER_LINK_CONNECTING: /* no hello has been said */
        return;
    case PEER_LINK_UP:
        owe_unreachable(link);
        break;
    case PEER_LINK_WAITING:
    case PEER_LINK_GREETING:
        break;
    }
    disconnect(link);
    link->backoff_ms = link->net->backoff_ms_min;
    link->state = PEER_LINK_WAITING;
    set_timer(link, 0);
}

void peer_link_leave(struct peer_link *link)
{
    if (link->state != PEER_LINK_UP || link->id == RAFT_ID_NONE) {
        peer_link_destroy(link);
    } else if (!link->is_leaving) {
        link->is_leaving = true;
        set_timer(link, PEER_LEAVE_MS);
    }
}

void peer_link_stay(struct peer_link *link)
{
    if (!link->is_leaving) {
        return;
    }
    link->is_leaving = false;
    (void)event_del(&link->timer);
    if (link->state != PEER_LINK_UP) {
        link->state = PEER_LINK_WAITING;
        set_timer(link, 0);
    }
}

void peer_link_nudge(struct peer_link *link)
{
    struct timeval due;
    struct timeval now;
    if (link->state != PEER_LINK_WAITING || !event_pending(&link->timer, EV_TIMEOUT, &due)) {
        return;
    }
    (void)evutil_gettimeofday(&now, NULL);
    uint32_t delay_ms = with_jitter(link, link->net->backoff_ms_min);
    int64_t left_ms =
        (due.tv_sec - now.tv_sec) * INT64_C(1000) + (due.tv_usec - now.tv_usec) / 1000;
    if (left_ms > (int64_t)delay_ms) {
        set_timer(link, delay_ms);
    }
}

/* ---- Up ---- */

/* Dials the next address of the name, or fails with the reason the last one gave. */
static void connect_next(struct peer_link *link, const char *reason)
{
    if (link->descriptor >= 0) {
        (void)event_del(&link->readable);
        (void)event_del(&link->writable);
        (void)close(link->descriptor);
        link->descriptor = -1;
    }
    struct event_base *base = link->net->loop->base;
    while (link->addresses_next < link->addresses_count) {
        const struct sockaddr_storage *address = &link->addresses[link->addresses_next];
        link->addresses_next++;
        int descriptor =
            socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
        if (descriptor < 0) {
            reason = strerror(errno);
            continue;
        }
        socklen_t bytes = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                         : sizeof(struct sockaddr_in);
        if (connect(descriptor, (const struct sockaddr *)address, bytes) != 0 &&
            errno != EINPROGRESS) {
            reason = strerror(errno);
            (void)close(descriptor);
            continue;
        }
        link->descriptor = descriptor;
        (void)event_assign(&link->readable, base, descriptor, EV_READ | EV_PERSIST, on_readable,
                           link);
        (void)event_assign(&link->writable, base, descriptor, EV_WRITE, on_writable, link);
        (void)event_add(&link->writable, NULL);
        link->state = PEER_LINK_CONNECTING;
        set_timer(link, PEER_CONNECT_MS);
        return;
    }
    peer_link_fail(link, reason);
}

static void on_resolved(const struct sockaddr_storage *addresses, uint32_t count, const char *error,
                        void *context)
{
    struct peer_link *link = context;
    loop_wake(link->net->loop);
    ASSERT(link->state == PEER_LINK_RESOLVING);
    link->lookup = NULL;
    if (count == 0) {
        peer_link_fail(link, error);
        return;
    }
    memcpy(link->addresses, addresses, count * sizeof(addresses[0]));
    link->addresses_count = count;
    link->addresses_next = 0;
    connect_next(link, "no address");
}

static void dial(struct peer_link *link)
{
    link->state = PEER_LINK_RESOLVING;
    set_timer(link, PEER_RESOLVE_MS);
    struct peer_lookup *lookup =
        peer_resolve(link->net->resolver, address_of(link), on_resolved, link);
    if (lookup != NULL) {
        link->lookup = lookup;
    }
}

static void on_timer(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct peer_link *link = context;
    loop_wake(link->net->loop);
    if (link->is_leaving) {
        peer_link_destroy(link);
        return;
    }
    switch (link->state) {
    case PEER_LINK_WAITING:
        dial(link);
        break;
    case PEER_LINK_RESOLVING:
        peer_link_fail(link, "its name was not resolved in time");
        break;
    case PEER_LINK_CONNECTING:
        connect_next(link, "it did not answer in time");
        break;
    case PEER_LINK_GREETING:
        peer_link_fail(link, "it accepted, but did not say hello in time");
        break;
    case PEER_LINK_IDLE:
    case PEER_LINK_UP:
        break;
    }
}

/* Our hello, and nothing behind it before the answer is here: an acceptor that refuses closes, and
 * unread bytes would turn that into a reset that could overtake its answer. */
static void say_hello(struct peer_link *link)
{
    int error = 0;
    socklen_t error_bytes = sizeof(error);
    if (getsockopt(link->descriptor, SOL_SOCKET, SO_ERROR, &error, &error_bytes) != 0) {
        error = errno;
    }
    if (error != 0) {
        connect_next(link, strerror(error));
        return;
    }
    if (peer_socket_is_own_echo(link->descriptor)) {
        connect_next(link, "nothing listens there");
        return;
    }
    peer_socket_tune_dialled(link->descriptor);
    uint8_t hello[PEER_HELLO_BYTES];
    peer_hello_make(link->net, link->id, hello);
    ssize_t sent = send(link->descriptor, hello, sizeof(hello), MSG_NOSIGNAL);
    if (sent != (ssize_t)sizeof(hello)) { /* A fresh socket has room for it. */
        connect_next(link, sent < 0 ? strerror(errno) : "its socket took no hello");
        return;
    }
    link->net->stats.output_bytes += sizeof(hello);
    link->state = PEER_LINK_GREETING;
    (void)event_add(&link->readable, NULL);
    set_timer(link, PEER_HELLO_MS);
}

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct peer_link *link = context;
    loop_wake(link->net->loop);
    if (link->state == PEER_LINK_CONNECTING) {
        say_hello(link);
    } else if (link->state == PEER_LINK_UP) {
        link->is_socket_full = false;
        peer_link_flush(link);
    }
}

void peer_link_introduce(struct peer_link *link)
{
    struct peer_message message = {.type = PEER_MESSAGE_NODE_INFO,
                                   .from = link->net->self_id,
                                   .to = link->answered_id,
                                   .node_info = link->net->self};
    peer_link_send(link, &message);
}

static void come_up(struct peer_link *link)
{
    struct peer_net *net = link->net;
    (void)event_del(&link->timer);
    link->state = PEER_LINK_UP;
    link->up_since_ms = net->loop->now_ms;
    link->is_outage_logged = false;
    link->owes_connected = true;
    logger_log(LOGGER_NOTICE, "peer %s: connected to node %s (id %" PRIu64 ")", address_of(link),
               link->answered_name, link->answered_id);
    peer_link_introduce(link);
    peer_link_flush(link);
    peer_net_report_soon(net);
    net->owes_review = net->owes_review || peer_net_is_peer(net, link->id);
}

/* The answer to our hello is here. */
static void greet(struct peer_link *link)
{
    struct peer_net *net = link->net;
    struct peer_hello hello;
    enum peer_verdict verdict = peer_hello_judge_answer(net, link->hello, link->id, &hello);
    /* Whoever looks for the peers' ids learns them also from those of a cluster that has a name
     * already, to which it gets access only when they dial it. */
    bool is_found = verdict == PEER_NAMED && link->id == RAFT_ID_NONE;
    if (verdict == PEER_ACCEPTED || is_found) {
        link->answered_id = hello.from;
        peer_hello_plain_name(&hello, link->answered_name);
    }
    if (verdict != PEER_ACCEPTED) {
        struct peer_refusal refusal = {.verdict = verdict,
                                       .address = address_of(link),
                                       .expected_id = link->id,
                                       .hello = &hello};
        /* Where a node says it is, unlike our list, there may be anybody. */
        if (!link->is_told_next || verdict == PEER_DISOWNS_US) {
            peer_refusal_log(net, &refusal);
        }
        link->is_outage_logged = true; /* That line says more than a further one would. */
        peer_link_fail(link, "refused");
        return;
    }
    /* Our own address, or that of a node that we are linked with by its id: now known, and one link
     * is enough. */
    bool is_second = link->id == RAFT_ID_NONE && peer_net_find(net, hello.from) != NULL;
    if (hello.from == net->self_id || is_second) {
        disconnect(link);
        return;
    }
    come_up(link);
}

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct peer_link *link = context;
    loop_wake(link->net->loop);
    uint8_t surplus;
    bool is_greeting = link->state == PEER_LINK_GREETING;
    uint8_t *at = is_greeting ? link->hello + link->hello_bytes : &surplus;
    size_t room = is_greeting ? sizeof(link->hello) - link->hello_bytes : 1;
    ssize_t count = recv(descriptor, at, room, 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    }
    if (count <= 0) {
        peer_link_fail(link, count == 0 ? "it closed the connection" : strerror(errno));
        return;
    }
    if (!is_greeting) {
        peer_link_fail(link, "it sent bytes behind its hello");
        return;
    }
    link->net->stats.input_bytes += (uint64_t)count;
    link->hello_bytes += (uint32_t)count;
    if (link->hello_bytes == sizeof(link->hello)) {
        greet(link);
    }
}
