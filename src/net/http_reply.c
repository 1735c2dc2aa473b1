/* http_reply.c -- answers: a JSON body, the headers around it, and the request's end. */
#include <event2/buffer.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "net/http_internal.h"
#include "net/http_text.h"

/* Larger bodies are handed to evhttp as they are instead of being copied. */
enum { COPY_BYTES_MAX = 16 * 1024 };

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } REASONS[] = {
        {200, "OK"},
        {307, "Temporary Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++) {
        if (REASONS[i].status == status) {
            return REASONS[i].reason;
        }
    }
    return "Error";
}

void http_reply_header(struct http_request *request, const char *name, const char *value)
{
    /* evhttp refuses values with a line break in them. */
    (void)evhttp_add_header(evhttp_request_get_output_headers(request->evhttp_request), name,
                            value);
}

static void free_body(const void *bytes, size_t size, void *context)
{
    (void)bytes;
    (void)size;
    mem_free(context);
}

/* Moves the scratch buffer's content into the answer. */
static void put_body(struct buf *scratch, struct evbuffer *body)
{
    struct slice bytes = buf_slice(scratch);
    int failed;
    if (bytes.size <= COPY_BYTES_MAX) {
        failed = evbuffer_add(body, bytes.bytes, bytes.size);
        buf_clear(scratch);
    } else {
        failed = evbuffer_add_reference(body, bytes.bytes, bytes.size, free_body, scratch->bytes);
        buf_init(scratch);
    }
    ASSERT(failed == 0);
}

void http_reply_scratch(struct http_request *request, int status)
{
    struct http_server *server = request->server;
    struct evhttp_request *evhttp_request = request->evhttp_request;
    buf_append_byte(&server->scratch, '\n');
    put_body(&server->scratch, evhttp_request_get_output_buffer(evhttp_request));
    http_reply_header(request, "Content-Type", "application/json");
    http_reply_header(request, "X-Content-Type-Options", "nosniff");
    http_reply_header(request, "Cache-Control", "no-store");
    if (server->is_draining) {
        http_reply_header(request, "Connection", "close");
    }
    /* First ours, with the close callback: from here on the request is evhttp's alone. */
    http_request_destroy(request);
    evhttp_send_reply(evhttp_request, status, reason_of(status), NULL);
}

static void begin_error(struct http_server *server, struct slice text)
{
    buf_clear(&server->scratch);
    buf_append(&server->scratch, "{\"ok\":false,\"error\":", 20);
    http_json_string(&server->scratch, text);
}

void http_reply_error(struct http_request *request, int status, const char *text)
{
    begin_error(request->server, slice_of_string(text));
    buf_append_byte(&request->server->scratch, '}');
    http_reply_scratch(request, status);
}

void http_reply_error_with_leader(struct http_request *request, int status, struct slice text)
{
    struct http_server *server = request->server;
    struct replica_status replica;
    replica_get_status(server->loop->replica, &replica);
    begin_error(server, text);
    if (replica.leader_name[0] != '\0') {
        buf_append(&server->scratch, ",\"leader\":", 10);
        http_json_string(&server->scratch, slice_of_string(replica.leader_name));
    }
    buf_append_byte(&server->scratch, '}');
    http_reply_scratch(request, status);
}

void http_reply_bad_message(struct http_request *request, int status, const char *text)
{
    http_reply_header(request, "Connection", "close");
    http_reply_error(request, status, text);
}
