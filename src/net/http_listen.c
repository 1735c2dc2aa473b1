/* http_listen.c -- the listening sockets of the HTTP API.
 *
 * The sockets are made here and accepted on by evhttp: TCP_NODELAY and keep-alive are set on the
 * listening socket, from which Linux hands them down to each accepted one, without a system call
 * of its own. When the process runs out of descriptors the listener rests until the next tick
 * instead of spinning on a socket that stays readable.
 */
#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/logger.h"
#include "net/http_internal.h"
#include "net/listen_socket.h"

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

/* Accepted sockets inherit these. */
static void set_options(int descriptor)
{
    int on = 1;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

enum result http_listen(struct http_server *server, const char *address)
{
    struct listen_socket socket;
    enum result result = listen_socket_open(address, server->port, 0, &socket);
    if (result != RESULT_OK) {
        /* An optional address that this machine lacks is none. */
        return result == RESULT_NOT_FOUND ? RESULT_OK : result;
    }
    set_options(socket.descriptor);
    server->port = socket.port;
    return accept_on(server, socket.descriptor);
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
