/* listener.c -- listening sockets that survive whatever accept says.
 *
 * Running out of descriptors leaves the listening socket readable for ever, so a loop that only
 * tried again would spin. Instead: the reserve descriptor (of /dev/null) is closed, which lets one
 * connection in; it is closed at once, so its client learns that there is no room; the reserve is
 * opened again. After a bounded number of these the listener sleeps for a moment.
 *
 * Invariant: the read event is pending exactly when the listener is neither paused by its owner
 * nor asleep after an exhaustion.
 */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"
#include "net/listen_socket.h"

enum {
    /* A flood of connections must not starve those that are there. */
    LISTENER_ACCEPTS_PER_TURN = 128,
    LISTENER_SLEEP_MS = 100,
    LISTENER_WARNING_MS = 10000,
};

struct listener {
    struct loop *loop;
    struct event *read_event;
    struct event *sleep_event;
    listener_on_accept *on_accept;
    void *context;
    bool *is_closed_flag; /* set by listener_close within on_accept; NULL outside the accept loop */
    uint64_t next_warning_ms;
    int descriptor;
    int reserve_descriptor; /* -1 when it could not be opened again yet */
    uint16_t port;
    bool is_paused;
    bool is_asleep;
};

/* ---- Accepting ---- */

static void open_reserve(struct listener *listener)
{
    if (listener->reserve_descriptor < 0) {
        listener->reserve_descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
}

/* Exhaustion comes in storms; one line in ten seconds tells enough. */
static void warn(struct listener *listener, const char *what)
{
    if (listener->loop->now_ms >= listener->next_warning_ms) {
        listener->next_warning_ms = listener->loop->now_ms + LISTENER_WARNING_MS;
        logger_log(LOGGER_WARNING, "Cannot accept connections on port %u for now: %s.",
                   (unsigned)listener->port, what);
    }
}

static void update_event(struct listener *listener)
{
    if (listener->is_paused || listener->is_asleep) {
        (void)event_del(listener->read_event);
    } else {
        (void)event_add(listener->read_event, NULL);
    }
}

static void fall_asleep(struct listener *listener)
{
    struct timeval wait = {.tv_sec = 0, .tv_usec = LISTENER_SLEEP_MS * 1000};
    listener->is_asleep = true;
    update_event(listener);
    (void)event_add(listener->sleep_event, &wait);
}

/* Spends the reserve on turning waiting clients away. */
static void turn_away(struct listener *listener)
{
    for (int i = 0; i < LISTENER_ACCEPTS_PER_TURN && listener->reserve_descriptor >= 0; i++) {
        (void)close(listener->reserve_descriptor);
        listener->reserve_descriptor = -1;
        int descriptor = accept4(listener->descriptor, NULL, NULL, SOCK_CLOEXEC);
        if (descriptor >= 0) {
            (void)close(descriptor);
        }
        open_reserve(listener);
        if (descriptor < 0) {
            return;
        }
    }
}

/* Deals with a failed accept; answers whether the next one is worth trying in this turn. */
static bool survive(struct listener *listener, int error)
{
    switch (error) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        warn(listener, strerror(error));
        turn_away(listener);
        fall_asleep(listener);
        return false;
    case ENOBUFS:
    case ENOMEM:
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EFAULT:
    case EOPNOTSUPP:
        warn(listener, strerror(error));
        fall_asleep(listener);
        return false;
    default:
        /* All others are of the one connection that was to be taken (it was aborted, its network
         * went away, a firewall forbids it), see accept(2): the next one may be fine. */
        return true;
    }
}

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct listener *listener = context;
    bool is_closed = false;
    loop_wake(listener->loop);
    listener->is_closed_flag = &is_closed;
    for (int i = 0; i < LISTENER_ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int accepted =
            accept4(descriptor, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) {
            if (!survive(listener, errno)) {
                break;
            }
            continue;
        }
        listener->on_accept(accepted, (const struct sockaddr *)&address, size, listener->context);
        if (is_closed) {
            return;
        }
        if (listener->is_paused) {
            break;
        }
    }
    listener->is_closed_flag = NULL;
}

static void on_awake(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct listener *listener = context;
    loop_wake(listener->loop);
    open_reserve(listener);
    listener->is_asleep = false;
    update_event(listener);
}

/* ---- The interface ---- */

enum result listener_open(struct loop *loop, const struct listener_options *options,
                          struct listener **out)
{
    struct listen_socket socket;
    enum result result =
        listen_socket_open(options->address, options->port, options->backlog, &socket);
    if (result != RESULT_OK) {
        return result;
    }
    struct listener *listener = mem_alloc_zeroed(1, sizeof(*listener));
    listener->loop = loop;
    listener->on_accept = options->on_accept;
    listener->context = options->context;
    listener->descriptor = socket.descriptor;
    listener->reserve_descriptor = -1;
    listener->port = socket.port;
    open_reserve(listener);
    listener->read_event =
        event_new(loop->base, socket.descriptor, EV_READ | EV_PERSIST, on_readable, listener);
    listener->sleep_event = event_new(loop->base, -1, 0, on_awake, listener);
    ASSERT(listener->read_event != NULL);
    ASSERT(listener->sleep_event != NULL);
    update_event(listener);
    *out = listener;
    return RESULT_OK;
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}

void listener_pause(struct listener *listener)
{
    listener->is_paused = true;
    update_event(listener);
}

void listener_resume(struct listener *listener)
{
    listener->is_paused = false;
    update_event(listener);
}

void listener_close(struct listener *listener)
{
    if (listener == NULL) {
        return;
    }
    if (listener->is_closed_flag != NULL) {
        *listener->is_closed_flag = true;
    }
    event_free(listener->read_event);
    event_free(listener->sleep_event);
    (void)close(listener->descriptor);
    if (listener->reserve_descriptor >= 0) {
        (void)close(listener->reserve_descriptor);
    }
    mem_free(listener);
}

static bool is_mapped(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

void listener_format_address(const struct sockaddr *address, char *text)
{
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;
    bool is_bracketed = false;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        port = ntohs(v4->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        is_bracketed = !is_mapped(address);
        const void *bytes = is_bracketed ? &v6->sin6_addr.s6_addr[0] : &v6->sin6_addr.s6_addr[12];
        (void)inet_ntop(is_bracketed ? AF_INET6 : AF_INET, bytes, host, sizeof(host));
        port = ntohs(v6->sin6_port);
    }
    (void)snprintf(text, LISTENER_ADDRESS_TEXT_BYTES, is_bracketed ? "[%s]:%u" : "%s:%u", host,
                   port);
}

bool listener_is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        return is_mapped(address) ? v6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET
                                  : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
    return false;
}
