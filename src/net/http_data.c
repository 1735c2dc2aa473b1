/* http_data.c -- /put, /get and /delete: what is asked for as a command, its reply as JSON. */
#include "net/http_internal.h"
#include "net/http_text.h"
#include "wire/reply_reader.h"

/* ---- Answers ---- */

static void answer_value(struct http_request *request, struct slice value)
{
    struct buf *body = &request->server->scratch;
    buf_clear(body);
    if (request->wants_base64 || !http_utf8_is_valid(value)) {
        buf_append(body, "{\"ok\":true,\"value\":\"", 20);
        http_base64_encode(body, value);
        buf_append(body, "\",\"encoding\":\"base64\"}", 22);
    } else {
        buf_append(body, "{\"ok\":true,\"value\":", 19);
        http_json_string(body, value);
        buf_append_byte(body, '}');
    }
    http_reply_scratch(request, 200);
}

static void answer_ok(struct http_request *request)
{
    struct buf *body = &request->server->scratch;
    buf_clear(body);
    buf_append(body, "{\"ok\":true}", 11);
    http_reply_scratch(request, 200);
}

static void on_reply(struct http_request *request, const struct reply_element *reply)
{
    if (reply->kind == REPLY_KIND_ERROR) {
        http_command_answer_error(request, reply->text);
    } else if (reply->kind == REPLY_KIND_NULL) {
        http_reply_error(request, 404, "key not found");
    } else if (reply->kind == REPLY_KIND_BULK) {
        answer_value(request, reply->text);
    } else {
        answer_ok(request);
    }
}

/* ---- The routes ---- */

static void set_command(struct http_request *request, const char *name, struct slice key)
{
    request->arguments[0] = slice_of_string(name);
    request->arguments[1] = key;
    request->arguments_count = 2;
    request->on_reply = on_reply;
}

/* The value as bytes; NULL, or what is wrong. */
static const char *read_value(struct http_request *request, struct slice *value)
{
    struct slice encoding;
    if (!http_request_member(request, "value", value)) {
        return "invalid JSON: value must be a string";
    }
    if (!http_request_member(request, "encoding", &encoding)) {
        return "invalid JSON: encoding must be a string";
    }
    if (encoding.size == 0 || slice_equals(encoding, SLICE_LITERAL("utf-8"))) {
        return NULL;
    }
    if (!slice_equals(encoding, SLICE_LITERAL("base64"))) {
        return "unknown encoding: use base64 or none";
    }
    if (!http_base64_decode(&request->value, *value)) {
        return "value is not valid base64";
    }
    *value = buf_slice(&request->value);
    return NULL;
}

void http_data_put(struct http_request *request)
{
    struct slice key;
    struct slice value;
    if (!http_request_parse_body(request)) {
        return;
    }
    if (!http_request_member(request, "key", &key)) {
        http_reply_error(request, 400, "invalid JSON: key must be a string");
        return;
    }
    if (key.size == 0) {
        http_reply_error(request, 400, "missing key");
        return;
    }
    const char *error = read_value(request, &value);
    if (error != NULL) {
        http_reply_error(request, 400, error);
        return;
    }
    set_command(request, "SET", key);
    request->arguments[2] = value;
    request->arguments_count = 3;
    http_command_execute(request);
}

void http_data_get(struct http_request *request)
{
    struct slice key;
    struct slice encoding = slice_of(NULL, 0);
    if (!http_request_query_key(request, &key)) {
        return;
    }
    (void)http_query_find(&request->query, "encoding", &encoding);
    request->wants_base64 = slice_equals(encoding, SLICE_LITERAL("base64"));
    if (encoding.size > 0 && !request->wants_base64 &&
        !slice_equals(encoding, SLICE_LITERAL("utf-8"))) {
        http_reply_error(request, 400, "unknown encoding: use base64 or none");
        return;
    }
    request->is_local = http_query_is_true(&request->query, "local");
    set_command(request, "GET", key);
    http_command_execute(request);
}

void http_data_delete(struct http_request *request)
{
    struct slice key;
    if (!http_request_query_key(request, &key)) {
        return;
    }
    set_command(request, "DEL", key);
    http_command_execute(request);
}
