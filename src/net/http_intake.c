/* http_intake.c -- between the socket and evhttp: passes on what http_front.h lets through.
 *
 * A callback of the bufferevent's input buffer sees what was read before evhttp does. Bytes that
 * are not a whole request yet are moved aside: into raw (not looked at) and staged (kept, of the
 * request that comes in). A request goes into the input once it is whole and evhttp has taken the
 * one before, so evhttp has at most one that it works on and one that waits; the rest is held here,
 * and when that is too much the socket is not read from. A bufferevent filter is no way to do this:
 * evhttp would take an answer for sent, and close, when only the filter has it.
 *
 * A refusal takes its turn like a request: evhttp gets a stand-in that no client can send, with the
 * answer in a header whose name is no token, and http_route gives that answer.
 *
 * Too slow clients are met once a second: a head, a body, an answer not taken, or silence. evhttp
 * has no deadlines of its own here, as it would not see bytes that are held.
 */
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "net/http_internal.h"

enum {
    /* Held behind a request that waits; more is left in the socket. */
    HELD_BYTES_MAX = 64 * 1024,
    LINE_BYTES_MAX = 8 * 1024,
    CHUNK_LINE_BYTES_MAX = 256,
    /* And a 64th of the largest body: chunks may well be small, but not all of a large one. */
    FRAMING_BYTES_MAX = 1024 * 1024,
    REQUESTS_MAX = 1000000,
    STAND_IN_BYTES_MAX = 256,
    COPY_BYTES_MAX = 1024,
    GRACE_MS = 10000,
};

/* ---- What evhttp is at, as far as a bufferevent tells ---- */

enum stage { STAGE_READING, STAGE_WORKING, STAGE_ANSWERING, STAGE_GONE };

static enum stage stage_of(const struct http_connection *connection)
{
    bufferevent_data_cb on_read = NULL;
    bufferevent_event_cb on_event = NULL;
    bufferevent_getcb(connection->bev, &on_read, NULL, &on_event, NULL);
    if (on_event == NULL) {
        return STAGE_GONE;
    }
    if (on_read == NULL) {
        return STAGE_ANSWERING;
    }
    return (bufferevent_get_enabled(connection->bev) & EV_READ) != 0 ? STAGE_READING
                                                                     : STAGE_WORKING;
}

/* ---- Moving bytes ---- */

/* All calls of libevent here fail only for want of memory. */
static void must(int failed)
{
    ASSERT(failed >= 0);
}

/* The beginning of a buffer in one piece: what is so anyway, or as much as a line may have. */
static struct slice peek(struct evbuffer *buffer, size_t size_min)
{
    size_t size = evbuffer_get_contiguous_space(buffer);
    size_t total = evbuffer_get_length(buffer);
    if (size < size_min) {
        size = size_min < total ? size_min : total;
    }
    return slice_of(size == 0 ? NULL : evbuffer_pullup(buffer, (ev_ssize_t)size), size);
}

/* Moving hands over pieces of memory, of which each read makes one, however little it brought: so
 * little is copied. */
static void move(struct evbuffer *from, struct evbuffer *to, size_t size)
{
    if (size > COPY_BYTES_MAX) {
        must(evbuffer_remove_buffer(from, to, size));
        return;
    }
    must(evbuffer_add(to, peek(from, size).bytes, size));
    must(evbuffer_drain(from, size));
}

static void refuse(struct http_connection *connection, const struct http_front_step *step)
{
    char stand_in[STAND_IN_BYTES_MAX];
    int size =
        snprintf(stand_in, sizeof(stand_in),
                 "GET / HTTP/1.1\r\nConnection: close\r\n" HTTP_REFUSAL_NAME ": %d %s\r\n\r\n",
                 step->status, step->text);
    ASSERT(size > 0 && (size_t)size < sizeof(stand_in));
    must(evbuffer_drain(connection->staged, evbuffer_get_length(connection->staged)));
    must(evbuffer_drain(connection->raw, evbuffer_get_length(connection->raw)));
    must(evbuffer_add(connection->input, stand_in, (size_t)size));
}

static void keep(struct http_connection *connection, const struct http_front_step *step)
{
    bool is_whole_here = step->ends_request && evbuffer_get_length(connection->staged) == 0;
    struct evbuffer *target = is_whole_here ? connection->input : connection->staged;
    move(connection->raw, target, step->bytes_count);
    if (step->ends_request && !is_whole_here) {
        must(evbuffer_add_buffer(connection->input, connection->staged));
    }
}

static void apply(struct http_connection *connection, const struct http_front_step *step)
{
    switch (step->kind) {
    case HTTP_FRONT_KEEP:
        keep(connection, step);
        break;
    case HTTP_FRONT_DROP:
        must(evbuffer_drain(connection->raw, step->bytes_count));
        break;
    case HTTP_FRONT_INSERT:
        must(evbuffer_add(connection->staged, step->text, strlen(step->text)));
        break;
    case HTTP_FRONT_CONTINUE:
        connection->owes_continue = true;
        break;
    case HTTP_FRONT_REFUSE:
        refuse(connection, step);
        break;
    case HTTP_FRONT_MORE:
        break;
    }
}

static struct http_front_step next_step(struct http_connection *connection)
{
    struct slice bytes = peek(connection->raw, 0);
    struct http_front_step step = http_front_step(&connection->front, bytes);
    if (step.kind == HTTP_FRONT_MORE && bytes.size < evbuffer_get_length(connection->raw)) {
        step = http_front_step(&connection->front, peek(connection->raw, LINE_BYTES_MAX));
    }
    return step;
}

/* Stops reading while too much is held behind a request that waits. */
static void limit_held(struct http_connection *connection)
{
    bool is_full = evbuffer_get_length(connection->input) > 0 &&
                   evbuffer_get_length(connection->raw) > HELD_BYTES_MAX;
    if (is_full != connection->is_held) {
        connection->is_held = is_full;
        bufferevent_setwatermark(connection->bev, EV_READ, 0, is_full ? 1 : 0);
    }
}

/* From raw to where it belongs, until evhttp has a request or nothing is left to be said. first is
 * a step that was taken already. */
static void advance(struct http_connection *connection, struct http_front_step step)
{
    connection->is_moving = true;
    must(evbuffer_unfreeze(connection->input, 0));
    for (;;) {
        apply(connection, &step);
        if (evbuffer_get_length(connection->input) > 0) {
            break;
        }
        step = next_step(connection);
        if (step.kind == HTTP_FRONT_MORE) {
            break;
        }
    }
    must(evbuffer_freeze(connection->input, 0));
    connection->is_moving = false;
    limit_held(connection);
}

/* Moves what was read to raw; waiting_bytes of the input were let through before. */
static void set_aside(struct http_connection *connection, size_t waiting_bytes)
{
    connection->is_moving = true;
    must(evbuffer_unfreeze(connection->input, 0));
    struct evbuffer *waiting = NULL;
    if (waiting_bytes > 0) {
        waiting = evbuffer_new();
        ASSERT(waiting != NULL);
        must(evbuffer_remove_buffer(connection->input, waiting, waiting_bytes));
    }
    move(connection->input, connection->raw, evbuffer_get_length(connection->input));
    if (waiting != NULL) {
        must(evbuffer_add_buffer(connection->input, waiting));
        evbuffer_free(waiting);
    }
    must(evbuffer_freeze(connection->input, 0));
    connection->is_moving = false;
}

/* ---- "100 Continue" ---- */

/* Past evhttp, whose callbacks for what is written are about answers: when nothing else is on its
 * way, and only if the socket takes it at once. A client does not wait for ever. */
static void send_continue(struct http_connection *connection)
{
    static const char LINE[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (connection->owes_continue && stage_of(connection) == STAGE_READING) {
        connection->owes_continue = false;
        (void)send(bufferevent_getfd(connection->bev), LINE, sizeof(LINE) - 1,
                   MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

/* ---- Input ---- */

static void note_progress(struct http_connection *connection, size_t read_bytes)
{
    uint64_t now_ms = connection->server->loop->now_ms;
    connection->active_ms = now_ms;
    if (!http_front_is_amid(&connection->front)) {
        http_pace_end(&connection->asking);
        return;
    }
    if (!connection->asking.is_on) {
        http_pace_begin(&connection->asking, now_ms);
    }
    http_pace_note(&connection->asking, read_bytes);
}

static void on_read(struct http_connection *connection, size_t waiting_bytes, size_t read_bytes)
{
    loop_wake(connection->server->loop);
    struct http_front_step step = {.kind = HTTP_FRONT_MORE};
    if (waiting_bytes == 0 && evbuffer_get_length(connection->raw) == 0 &&
        evbuffer_get_length(connection->staged) == 0) {
        /* Nearly always: one request, whole. It may stay where it is. */
        step = http_front_step(&connection->front, peek(connection->input, 0));
        if (step.ends_request && step.bytes_count == evbuffer_get_length(connection->input)) {
            note_progress(connection, read_bytes);
            return;
        }
    }
    set_aside(connection, waiting_bytes);
    if (waiting_bytes == 0) {
        advance(connection, step);
    }
    limit_held(connection);
    note_progress(connection, read_bytes);
    send_continue(connection);
}

/* Bytes came in, or evhttp took some. It may be in the middle of reading: only the end of the
 * buffer is touched, and only when it has read it empty. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *context)
{
    struct http_connection *connection = context;
    if (connection->is_moving) {
        return;
    }
    if (info->n_added > 0) {
        if (stage_of(connection) == STAGE_GONE) {
            connection->is_moving = true;
            must(evbuffer_drain(input, evbuffer_get_length(input)));
            connection->is_moving = false;
            return;
        }
        on_read(connection, info->orig_size, info->n_added);
    } else if (evbuffer_get_length(input) == 0 && evbuffer_get_length(connection->raw) > 0) {
        loop_wake(connection->server->loop);
        advance(connection, (struct http_front_step){.kind = HTTP_FRONT_MORE});
        note_progress(connection, 0);
    }
}

/* ---- Too slow ---- */

/* The socket's other side is given up; evhttp frees the connection. */
static void give_up(struct http_connection *connection)
{
    bufferevent_trigger_event(connection->bev, BEV_EVENT_TIMEOUT | BEV_EVENT_READING, 0);
}

static void check_answering(struct http_connection *connection, uint64_t now_ms)
{
    size_t left = evbuffer_get_length(bufferevent_get_output(connection->bev));
    if (!connection->taking.is_on || left > connection->answer_bytes) {
        http_pace_begin(&connection->taking, now_ms);
    } else {
        http_pace_note(&connection->taking, connection->answer_bytes - left);
    }
    connection->answer_bytes = left;
    if (http_pace_is_too_slow(&connection->taking, false, now_ms, connection->server->grace_ms)) {
        give_up(connection);
    }
}

static void check_asking(struct http_connection *connection, uint64_t now_ms)
{
    const struct http_server *server = connection->server;
    uint64_t idle_ms = server->options.timeout_seconds * UINT64_C(1000);
    if (!connection->asking.is_on) {
        if (idle_ms > 0 && now_ms - connection->active_ms > idle_ms) {
            give_up(connection);
        }
        return;
    }
    bool is_head = http_front_is_in_head(&connection->front);
    if (evbuffer_get_length(connection->input) == 0 &&
        http_pace_is_too_slow(&connection->asking, is_head, now_ms, server->grace_ms)) {
        http_pace_end(&connection->asking);
        advance(connection, http_front_refuse(&connection->front, 408, "the request is too slow"));
        bufferevent_trigger(connection->bev, EV_READ, 0);
    }
}

void http_intake_check(struct http_connection *connection)
{
    uint64_t now_ms = connection->server->loop->now_ms;
    enum stage stage = stage_of(connection);
    if (stage == STAGE_READING) {
        http_pace_end(&connection->taking);
        send_continue(connection);
        check_asking(connection, now_ms);
        return;
    }
    /* It waits for us, not we for it. */
    connection->active_ms = now_ms;
    if (connection->asking.is_on) {
        http_pace_begin(&connection->asking, now_ms);
    }
    if (stage == STAGE_ANSWERING) {
        check_answering(connection, now_ms);
    } else {
        http_pace_end(&connection->taking);
    }
}

/* ---- Life ---- */

void http_intake_set_limits(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    server->grace_ms = options->grace_ms == 0 ? GRACE_MS : options->grace_ms;
    server->front_limits = (struct http_front_limits){
        .line_bytes_max = LINE_BYTES_MAX,
        .head_bytes_max = options->header_bytes_max,
        .headers_max = HTTP_HEADERS_MAX,
        .chunk_line_bytes_max = CHUNK_LINE_BYTES_MAX,
        .framing_bytes_max = FRAMING_BYTES_MAX + (uint32_t)(options->body_bytes_max / 64),
        .body_bytes_max = options->body_bytes_max,
        .discard_bytes_max = options->body_bytes_max * 2,
        .requests_max = REQUESTS_MAX,
    };
}

void http_intake_open(struct http_connection *connection)
{
    connection->input = bufferevent_get_input(connection->bev);
    connection->raw = evbuffer_new();
    connection->staged = evbuffer_new();
    ASSERT(connection->raw != NULL);
    ASSERT(connection->staged != NULL);
    connection->active_ms = connection->server->loop->now_ms;
    http_front_init(&connection->front, &connection->server->front_limits);
    struct evbuffer_cb_entry *callback = evbuffer_add_cb(connection->input, on_input, connection);
    ASSERT(callback != NULL);
}

void http_intake_close(struct http_connection *connection)
{
    evbuffer_free(connection->raw);
    evbuffer_free(connection->staged);
}

bool http_intake_answer_refusal(struct http_request *request)
{
    const char *refusal = http_request_header(request, HTTP_REFUSAL_NAME);
    if (refusal == NULL) {
        return false;
    }
    char *text = NULL;
    long status = strtol(refusal, &text, 10);
    http_reply_bad_message(request, (int)status, text + 1);
    return true;
}
