/* http_server.c -- the HTTP API's life: evhttp with every limit set, deferred requests, the end.
 *
 * What evhttp 2.1 would answer itself, with a small HTML body, does not get there (http_intake.c):
 * everything reaches http_route and is answered in JSON.
 */
#include "net/http_server.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "net/http_internal.h"

/* The scratch buffer keeps at most this much between answers. */
enum { SCRATCH_KEEP_BYTES = 256 * 1024 };

/* Every method evhttp can name, so that the router answers 405 in JSON and with Allow. */
static const unsigned METHODS_ALLOWED = EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                        EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                                        EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH;

static void on_tick(evutil_socket_t unused, short events, void *context)
{
    (void)unused;
    (void)events;
    struct http_server *server = context;
    loop_wake(server->loop);
    while (!list_is_empty(&server->deferred)) {
        struct http_request *oldest = LIST_MEMBER(server->deferred.next, struct http_request, link);
        if (oldest->deadline_ms > server->loop->now_ms) {
            break;
        }
        http_command_expire(oldest);
    }
    http_connections_check(server);
    http_connections_sweep(server);
    http_listeners_resume(server);
    buf_clear_and_shrink(&server->scratch, SCRATCH_KEEP_BYTES);
}

static void set_limits(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    struct evhttp *evhttp = server->evhttp;
    evhttp_set_gencb(evhttp, http_route, server);
    evhttp_set_bevcb(evhttp, http_connection_create, server);
    /* The front holds to narrower ones; these are for the day when it does not. */
    evhttp_set_max_headers_size(evhttp, (ev_ssize_t)options->header_bytes_max + 1024);
    evhttp_set_max_body_size(evhttp, (ev_ssize_t)options->body_bytes_max);
    evhttp_set_allowed_methods(evhttp, (ev_uint16_t)METHODS_ALLOWED);
    evhttp_set_default_content_type(evhttp, "application/json");
    http_intake_set_limits(server);
}

static enum result listen_everywhere(struct http_server *server)
{
    uint32_t count = server->options.bind_addresses_count;
    if (count > HTTP_LISTENERS_MAX) {
        return RESULT_LIMIT;
    }
    for (uint32_t i = 0; i < count; i++) {
        enum result result = http_listen(server, server->bind_names[i]);
        if (result != RESULT_OK) {
            return result;
        }
    }
    return server->listeners_count > 0 ? RESULT_OK : RESULT_IO;
}

enum result http_server_open(struct loop *loop, const struct http_server_options *options,
                             struct http_server **out)
{
    struct http_server *server = mem_alloc_zeroed(1, sizeof(*server));
    server->loop = loop;
    server->options = *options;
    server->port = options->port;
    server->opened_ms = loop_monotonic_us() / 1000;
    list_init(&server->connections);
    list_init(&server->deferred);
    server->bind_names = mem_alloc_zeroed(options->bind_addresses_count, sizeof(char *));
    for (uint32_t i = 0; i < options->bind_addresses_count; i++) {
        server->bind_names[i] = mem_copy_string(options->bind_addresses[i]);
    }
    server->options.bind_addresses = NULL;
    server->evhttp = evhttp_new(loop->base);
    server->tick = event_new(loop->base, -1, EV_PERSIST, on_tick, server);
    server->turn_away = event_new(loop->base, -1, 0, http_connections_turn_away, server);
    ASSERT(server->evhttp != NULL);
    ASSERT(server->tick != NULL);
    ASSERT(server->turn_away != NULL);
    set_limits(server);
    const struct timeval second = {.tv_sec = 1};
    (void)event_add(server->tick, &second);
    enum result result = listen_everywhere(server);
    if (result != RESULT_OK) {
        http_server_close(server);
        return result;
    }
    *out = server;
    return RESULT_OK;
}

void http_server_set_protected(struct http_server *server, bool is_protected)
{
    server->options.is_protected = is_protected;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_serve(struct http_server *server, struct session *session)
{
    struct http_request *request = session_owner(session);
    ASSERT(request->server == server);
    http_command_serve(request);
}

void http_server_drain(struct http_server *server)
{
    server->is_draining = true;
    http_listeners_close(server);
}

uint32_t http_server_unanswered(const struct http_server *server)
{
    return server->deferred_count + http_connections_unsent(server);
}

void http_server_close(struct http_server *server)
{
    while (!list_is_empty(&server->deferred)) {
        struct http_request *request =
            LIST_MEMBER(server->deferred.next, struct http_request, link);
        /* evhttp_free frees its request with the connection; its close callback must not come. */
        http_request_destroy(request);
    }
    http_listeners_close(server);
    evhttp_free(server->evhttp);
    http_connections_release(server);
    event_free(server->tick);
    event_free(server->turn_away);
    for (uint32_t i = 0; i < server->options.bind_addresses_count; i++) {
        mem_free(server->bind_names[i]);
    }
    mem_free(server->bind_names);
    buf_deinit(&server->scratch);
    mem_free(server);
}
