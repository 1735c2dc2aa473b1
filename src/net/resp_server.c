/* resp_server.c -- the listeners for Redis clients, who is let in, and what concerns all of them.
 *
 * What a single connection does is in resp_conn.c.
 */
#include "net/resp_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/logger.h"
#include "base/mem.h"
#include "net/listener.h"
#include "net/resp_conn.h"
#include "replica/executor.h"
#include "replica/session.h"

enum { RESP_KEEPALIVE_PROBES = 3 };

struct resp_server {
    struct resp_common common;
    struct listener **listeners;
    uint32_t listeners_count;
    uint16_t port;
};

/* ---- Letting in ---- */

static const char text_too_many[] = "-ERR max number of clients reached\r\n";

static const char text_denied[] =
    "-DENIED Quorum is running in protected mode: no password is set, so only clients on the "
    "machine it runs on are let in. To let others in, set a password (requirepass in the "
    "configuration file, or CONFIG SET requirepass from a client on that machine). Setting "
    "protected-mode to no instead opens the data to everyone who can reach this port.\r\n";

static void refuse(struct resp_server *server, int descriptor, const char *text, size_t text_bytes)
{
    server->common.stats.connections_rejected++;
    /* The socket is new and its buffer empty; if even so it does not go out, nothing is owed. */
    (void)send(descriptor, text, text_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(descriptor);
}

/* Options that a connection works without: a failure is of the connection and shows soon. */
static void set_socket_options(int descriptor, uint32_t keepalive_seconds)
{
    int on = 1;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (keepalive_seconds == 0) {
        return;
    }
    int idle = keepalive_seconds > INT16_MAX ? INT16_MAX : (int)keepalive_seconds;
    int interval = idle < RESP_KEEPALIVE_PROBES ? 1 : idle / RESP_KEEPALIVE_PROBES;
    int probes = RESP_KEEPALIVE_PROBES;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static void format_local_address(int descriptor, char *text)
{
    struct sockaddr_storage local = {0};
    socklen_t size = sizeof(local);
    /* On failure the family stays 0, which is written as unknown. */
    (void)getsockname(descriptor, (struct sockaddr *)&local, &size);
    listener_format_address((const struct sockaddr *)&local, text);
}

static void on_accept(int descriptor, const struct sockaddr *address, socklen_t address_bytes,
                      void *context)
{
    (void)address_bytes;
    struct resp_server *server = context;
    struct resp_common *common = &server->common;
    struct executor *executor = replica_executor(common->loop->replica);
    char address_text[LISTENER_ADDRESS_TEXT_BYTES];
    listener_format_address(address, address_text);
    common->stats.connections_received++;
    if (executor_clients_count(executor) >= common->options.clients_max) {
        resp_warn(common, "refused, maxclients is reached", address_text);
        refuse(server, descriptor, text_too_many, sizeof(text_too_many) - 1);
        return;
    }
    if (common->options.is_protected && !listener_is_loopback(address) &&
        executor_password(executor)[0] == '\0') {
        resp_warn(common, "refused by protected-mode", address_text);
        refuse(server, descriptor, text_denied, sizeof(text_denied) - 1);
        return;
    }
    set_socket_options(descriptor, common->options.keepalive_seconds);
    char local_text[LISTENER_ADDRESS_TEXT_BYTES];
    format_local_address(descriptor, local_text);
    resp_conn_open(common, descriptor, address_text, local_text);
}

/* ---- The interface ---- */

/* Opens the listener of one address; an optional one that the machine lacks is none. */
static enum result open_listener(struct resp_server *server, const char *address, uint32_t backlog)
{
    struct listener_options options = {
        .address = address,
        .port = server->port,
        .backlog = backlog,
        .on_accept = on_accept,
        .context = server,
    };
    struct listener *listener = NULL;
    enum result result = listener_open(server->common.loop, &options, &listener);
    if (result == RESULT_OK) {
        server->listeners[server->listeners_count++] = listener;
        server->port = listener_port(listener);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static enum result open_listeners(struct resp_server *server,
                                  const struct resp_server_options *options)
{
    for (uint32_t i = 0; i < options->bind_addresses_count; i++) {
        if (open_listener(server, options->bind_addresses[i], options->backlog) != RESULT_OK) {
            return RESULT_IO;
        }
    }
    if (server->listeners_count == 0) {
        logger_log(LOGGER_ERROR, "No address to listen on for Redis clients on port %u.",
                   (unsigned)options->port);
        return RESULT_IO;
    }
    return RESULT_OK;
}

static void close_listeners(struct resp_server *server)
{
    for (uint32_t i = 0; i < server->listeners_count; i++) {
        listener_close(server->listeners[i]);
    }
    server->listeners_count = 0;
}

enum result resp_server_open(struct loop *loop, const struct resp_server_options *options,
                             struct resp_server **out)
{
    struct resp_server *server = mem_alloc_zeroed(1, sizeof(*server));
    server->common.loop = loop;
    server->common.scratch = mem_alloc(RESP_SCRATCH_BYTES);
    list_init(&server->common.conns);
    resp_server_set_options(server, options);
    server->port = options->port;
    server->listeners =
        mem_alloc_zeroed(options->bind_addresses_count + 1, sizeof(struct listener *));
    enum result result = open_listeners(server, options);
    if (result != RESULT_OK) {
        resp_server_close(server);
        return result;
    }
    *out = server;
    return RESULT_OK;
}

void resp_server_set_options(struct resp_server *server, const struct resp_server_options *options)
{
    server->common.options = *options;
    /* Borrowed for the call only. */
    server->common.options.bind_addresses = NULL;
    server->common.options.bind_addresses_count = 0;
}

uint16_t resp_server_port(const struct resp_server *server)
{
    return server->port;
}

void resp_server_serve(struct resp_server *server, struct session *session)
{
    (void)server;
    resp_conn_serve(session_owner(session));
}

/* Calls visit for every connection; it may close the one it is given. */
static void for_each_conn(struct resp_server *server, void (*visit)(struct resp_conn *conn))
{
    struct list *end = &server->common.conns;
    struct list *next = NULL;
    for (struct list *link = end->next; link != end; link = next) {
        next = link->next;
        visit(resp_conn_of(link));
    }
}

void resp_server_tick(struct resp_server *server)
{
    for_each_conn(server, resp_conn_tick);
}

void resp_server_drain(struct resp_server *server)
{
    server->common.is_draining = true;
    close_listeners(server);
    for_each_conn(server, resp_conn_drain);
}

void resp_server_get_stats(const struct resp_server *server, struct resp_server_stats *out)
{
    *out = server->common.stats;
}

void resp_server_reset_stats(struct resp_server *server)
{
    server->common.stats = (struct resp_server_stats){0};
}

void resp_server_close(struct resp_server *server)
{
    if (server == NULL) {
        return;
    }
    close_listeners(server);
    for_each_conn(server, resp_conn_close);
    mem_free(server->listeners);
    mem_free(server->common.scratch);
    mem_free(server);
}
