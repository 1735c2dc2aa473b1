/* http_listen.c -- the listening sockets of the HTTP API.
 *
 * The sockets are made here and accepted on by evhttp: TCP_NODELAY and keep-alive are set on the
 * listening socket, from which Linux hands them down to each accepted one, without a system call
 * of its own. When the process runs out of descriptors the listener rests until the next tick
 * instead of spinning on a socket that stays readable.
 */
#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/logger.h"
#include "net/http_internal.h"

/* Opens a bound, listening socket; -1 with errno otherwise. */
static int open_socket(const struct addrinfo *address)
{
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int descriptor = socket(address->ai_family, type, 0);
    if (descriptor < 0) {
        return -1;
    }
    int on = 1;
    bool failed = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
                  setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0 ||
                  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0;
    if (!failed && address->ai_family == AF_INET6) {
        failed = setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0;
    }
    if (failed || bind(descriptor, address->ai_addr, address->ai_addrlen) < 0 ||
        listen(descriptor, SOMAXCONN) < 0) {
        int error = errno;
        (void)close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

static uint16_t port_of(int descriptor)
{
    struct sockaddr_storage address;
    socklen_t address_bytes = sizeof(address);
    memset(&address, 0, sizeof(address));
    if (getsockname(descriptor, (struct sockaddr *)&address, &address_bytes) < 0) {
        return 0;
    }
    if (address.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    }
    return ntohs(((const struct sockaddr_in *)&address)->sin_port);
}

/* Resolves "*", "::*", a numeric address or a name (IPv4 first); NULL with the resolver's code. */
static struct addrinfo *resolve(const char *address, uint16_t port, int *code)
{
    bool is_any = strcmp(address, "*") == 0;
    const char *host = is_any ? "0.0.0.0" : strcmp(address, "::*") == 0 ? "::" : address;
    char port_text[8];
    (void)snprintf(port_text, sizeof(port_text), "%u", (unsigned)port);
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
    struct addrinfo *found = NULL;
    *code = getaddrinfo(host, port_text, &hints, &found);
    if (*code != 0 && !is_any) {
        hints.ai_family = AF_INET6;
        *code = getaddrinfo(host, port_text, &hints, &found);
    }
    return *code == 0 ? found : NULL;
}

/* The context is evhttp's own, so nothing of ours is touched here but the listener. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
    (void)context;
    logger_log(LOGGER_WARNING, "HTTP: cannot take a connection: %s; resting for a second.",
               strerror(errno));
    (void)evconnlistener_disable(listener);
}

static enum result accept_on(struct http_server *server, int descriptor)
{
    struct evhttp_bound_socket *bound =
        evhttp_accept_socket_with_handle(server->evhttp, descriptor);
    if (bound == NULL) {
        (void)close(descriptor);
        return RESULT_IO;
    }
    server->listeners[server->listeners_count++] = bound;
    evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(bound), on_accept_error);
    return RESULT_OK;
}

enum result http_listen(struct http_server *server, const char *address)
{
    /* A leading '-' marks an address that may be missing, as in redis.conf. */
    bool is_optional = address[0] == '-';
    address += is_optional;
    int code = 0;
    struct addrinfo *found = resolve(address, server->port, &code);
    int descriptor = found == NULL ? -1 : open_socket(found);
    int error = errno;
    if (found != NULL) {
        freeaddrinfo(found);
    }
    if (descriptor < 0) {
        const char *why = code != 0 ? gai_strerror(code) : strerror(error);
        bool is_missing = code != 0 || error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
        bool is_tolerated = is_optional && is_missing;
        logger_log(is_tolerated ? LOGGER_NOTICE : LOGGER_ERROR,
                   "HTTP: cannot listen on %s port %u: %s.", address, (unsigned)server->port, why);
        return is_tolerated ? RESULT_OK : RESULT_IO;
    }
    server->port = server->port == 0 ? port_of(descriptor) : server->port;
    return accept_on(server, descriptor);
}

void http_listeners_close(struct http_server *server)
{
    while (server->listeners_count > 0) {
        evhttp_del_accept_socket(server->evhttp, server->listeners[--server->listeners_count]);
    }
}

void http_listeners_resume(struct http_server *server)
{
    for (uint32_t i = 0; i < server->listeners_count; i++) {
        (void)evconnlistener_enable(evhttp_bound_socket_get_listener(server->listeners[i]));
    }
}
