/* http_connection.c -- how many HTTP connections there are, and turning away those too many.
 *
 * evhttp 2.1 counts no connections and has no callback for their end (the close callback exists
 * only once a request came in). It does ask for the bufferevent of each new one. So every
 * bufferevent gets a second reference here, and a sweep asks each whether ours is the last: then
 * evhttp has freed the connection, and the sweep closes its descriptor. It runs once a second, and
 * when the number of records has doubled or reached the limit, so its cost stays a constant for
 * each connection.
 */
#include <event2/buffer.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/mem.h"
#include "net/http_internal.h"

enum { SWEEP_AT_COUNT_MIN = 64 };

struct bufferevent *http_connection_create(struct event_base *base, void *context)
{
    struct http_server *server = context;
    loop_wake(server->loop);
    uint32_t limit = server->options.connections_max;
    if (server->connections_count >= server->sweep_at_count || server->connections_count >= limit) {
        http_connections_sweep(server);
    }
    /* Without BEV_OPT_CLOSE_ON_FREE evhttp would close the descriptor itself, at once, although the
     * bufferevent lives on here and waits for input on it: libevent would take the next connection
     * of that number for one that epoll knows already, and never hear of it. As it is, evhttp only
     * shuts its side down, which is what the client sees. */
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    ASSERT(bev != NULL);
    bufferevent_incref(bev);
    struct http_connection *connection = mem_alloc_zeroed(1, sizeof(*connection));
    list_init(&connection->link);
    connection->server = server;
    connection->bev = bev;
    http_intake_open(connection);
    connection->is_excess = server->connections_count - server->excess_count >= limit;
    list_push_back(&server->connections, &connection->link);
    server->connections_count++;
    if (connection->is_excess) {
        server->excess_count++;
        event_active(server->turn_away, EV_TIMEOUT, 0); /* its descriptor is set after we return */
    }
    return bev;
}

static void forget(struct http_server *server, struct http_connection *connection)
{
    server->connections_count--;
    if (connection->is_excess) {
        server->excess_count--;
    }
    list_remove(&connection->link);
    http_intake_close(connection);
    mem_free(connection);
}

/* Gives our reference up and takes it back if there was another. */
static bool is_alive(struct http_connection *connection)
{
    if (bufferevent_decref(connection->bev)) {
        return false;
    }
    bufferevent_incref(connection->bev);
    return true;
}

void http_connections_sweep(struct http_server *server)
{
    struct list *next;
    for (struct list *link = server->connections.next; link != &server->connections; link = next) {
        next = link->next;
        struct http_connection *connection = LIST_MEMBER(link, struct http_connection, link);
        if (!is_alive(connection)) {
            forget(server, connection);
        }
    }
    uint32_t twice = server->connections_count * 2;
    server->sweep_at_count = twice < SWEEP_AT_COUNT_MIN ? SWEEP_AT_COUNT_MIN : twice;
}

void http_connections_check(struct http_server *server)
{
    struct list *link = server->connections.next;
    for (; link != &server->connections; link = link->next) {
        http_intake_check(LIST_MEMBER(link, struct http_connection, link));
    }
}

uint32_t http_connections_unsent(const struct http_server *server)
{
    uint32_t count = 0;
    struct list *link = server->connections.next;
    for (; link != &server->connections; link = link->next) {
        struct bufferevent *bev = LIST_MEMBER(link, struct http_connection, link)->bev;
        /* evhttp disables writing before it frees a connection: those are owed nothing. */
        bool is_writing = (bufferevent_get_enabled(bev) & EV_WRITE) != 0;
        count += is_writing && evbuffer_get_length(bufferevent_get_output(bev)) > 0;
    }
    return count;
}

bool http_connection_is_excess(const struct http_request *request)
{
    const struct http_server *server = request->server;
    if (server->excess_count == 0) {
        return false;
    }
    struct evhttp_connection *of = evhttp_request_get_connection(request->evhttp_request);
    const struct bufferevent *bev = evhttp_connection_get_bufferevent(of);
    struct list *link = server->connections.next;
    for (; link != &server->connections; link = link->next) {
        const struct http_connection *connection = LIST_MEMBER(link, struct http_connection, link);
        if (connection->bev == bev) {
            return connection->is_excess;
        }
    }
    return false;
}

/* Answers without waiting for a request and ends both directions: evhttp meets the end of input
 * and frees the connection. A request that got in first is refused by http_route. */
void http_connections_turn_away(evutil_socket_t unused, short events, void *context)
{
    static const char ANSWER[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                 "Content-Type: application/json\r\n"
                                 "Connection: close\r\n"
                                 "Retry-After: 1\r\n"
                                 "Content-Length: 48\r\n\r\n"
                                 "{\"ok\":false,\"error\":\"too many HTTP connections\"}";
    (void)unused;
    (void)events;
    struct http_server *server = context;
    loop_wake(server->loop);
    http_connections_sweep(server);
    struct list *link = server->connections.next;
    for (; link != &server->connections; link = link->next) {
        struct http_connection *connection = LIST_MEMBER(link, struct http_connection, link);
        int descriptor = connection->is_excess ? bufferevent_getfd(connection->bev) : -1;
        if (descriptor >= 0) {
            (void)send(descriptor, ANSWER, sizeof(ANSWER) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
            (void)shutdown(descriptor, SHUT_RDWR);
        }
    }
}

void http_connections_release(struct http_server *server)
{
    struct list *link;
    while ((link = server->connections.next) != &server->connections) {
        struct http_connection *connection = LIST_MEMBER(link, struct http_connection, link);
        (void)bufferevent_decref(connection->bev);
        forget(server, connection);
    }
}
