/* http_request.c -- one request: its parts, its body as JSON, its life while the answer is owed. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "net/http_internal.h"
#include "net/http_text.h"

struct http_request *http_request_create(struct http_server *server,
                                         struct evhttp_request *evhttp_request)
{
    struct http_request *request = mem_alloc_zeroed(1, sizeof(*request));
    request->server = server;
    request->evhttp_request = evhttp_request;
    request->method = (unsigned)evhttp_request_get_command(evhttp_request);
    list_init(&request->link);
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(evhttp_request);
    const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
    request->path = slice_of_string(path == NULL ? "" : path);
    return request;
}

void http_request_destroy(struct http_request *request)
{
    struct http_server *server = request->server;
    if (request->session != NULL) {
        struct evhttp_connection *connection =
            evhttp_request_get_connection(request->evhttp_request);
        if (connection != NULL) {
            evhttp_connection_set_closecb(connection, NULL, NULL);
        }
        list_remove(&request->link);
        server->deferred_count--;
        session_close(request->session);
    }
    json_decref(request->body);
    buf_deinit(&request->value);
    http_query_deinit(&request->query);
    mem_free(request);
}

/* The client left while its answer was owed. What it asked for goes on. */
static void on_close(struct evhttp_connection *connection, void *context)
{
    (void)connection;
    struct http_request *request = context;
    loop_wake(request->server->loop);
    struct evhttp_request *evhttp_request = request->evhttp_request;
    bool is_ours = evhttp_request_get_connection(evhttp_request) == NULL;
    http_request_destroy(request);
    if (is_ours) {
        evhttp_request_free(evhttp_request);
    }
}

void http_request_defer(struct http_request *request)
{
    struct http_server *server = request->server;
    request->deadline_ms = server->loop->now_ms + HTTP_ANSWER_MS_MAX;
    list_push_back(&server->deferred, &request->link);
    server->deferred_count++;
    struct evhttp_connection *connection = evhttp_request_get_connection(request->evhttp_request);
    evhttp_connection_set_closecb(connection, on_close, request);
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(request->evhttp_request), name);
}

bool http_request_query_key(struct http_request *request, struct slice *key)
{
    struct slice found = slice_of(NULL, 0);
    uint32_t count = http_query_find(&request->query, "key", &found);
    if (count > 1) {
        http_reply_error(request, 400, "repeated key");
        return false;
    }
    if (found.size == 0) {
        http_reply_error(request, 400, "missing key");
        return false;
    }
    *key = found;
    return true;
}

bool http_request_parse_body(struct http_request *request)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request->evhttp_request);
    size_t size = evbuffer_get_length(body);
    const char *text = size == 0 ? NULL : (const char *)evbuffer_pullup(body, -1);
    bool is_readable =
        text != NULL && http_json_is_shallow(slice_of(text, size), HTTP_JSON_DEPTH_MAX);
    json_t *root =
        is_readable ? json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL) : NULL;
    if (!json_is_object(root)) {
        json_decref(root);
        http_reply_error(request, 400, "invalid JSON");
        return false;
    }
    (void)evbuffer_drain(body, size);
    request->body = root;
    return true;
}

bool http_request_member(const struct http_request *request, const char *name, struct slice *text)
{
    const json_t *member = json_object_get(request->body, name);
    *text = slice_of(NULL, 0);
    if (member == NULL || json_is_null(member)) {
        return true;
    }
    if (!json_is_string(member)) {
        return false;
    }
    *text = slice_of(json_string_value(member), json_string_length(member));
    return true;
}

bool http_request_flag(const struct http_request *request, const char *name, bool *flag)
{
    const json_t *member = json_object_get(request->body, name);
    *flag = json_is_true(member);
    return member == NULL || json_is_null(member) || json_is_boolean(member);
}

void http_request_peer(const struct http_request *request, char *text, size_t text_bytes)
{
    char *host = NULL;
    ev_uint16_t port = 0;
    evhttp_connection_get_peer(evhttp_request_get_connection(request->evhttp_request), &host,
                               &port);
    const char *format = host != NULL && strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u";
    (void)snprintf(text, text_bytes, format, host == NULL ? "?" : host, (unsigned)port);
}

bool http_request_is_from_loopback(const struct http_request *request)
{
    char *host = NULL;
    ev_uint16_t port = 0;
    evhttp_connection_get_peer(evhttp_request_get_connection(request->evhttp_request), &host,
                               &port);
    if (host == NULL) {
        return false;
    }
    struct in_addr ipv4;
    const char *digits = strncmp(host, "::ffff:", 7) == 0 ? host + 7 : host;
    if (inet_pton(AF_INET, digits, &ipv4) == 1) {
        return ntohl(ipv4.s_addr) >> 24 == 127;
    }
    return strcmp(host, "::1") == 0;
}
