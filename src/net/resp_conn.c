/* resp_conn.c -- one Redis client: bytes in, commands to the executor, replies out.
 *
 * DESIGN
 *
 *   on_readable   one read a turn, of at most RESP_SCRATCH_BYTES (more within a large bulk)
 *     execute     every whole command goes to the executor, until a hold
 *   resp_conn_serve, for every touched session at the end of the turn
 *     execute     if a hold has ended: on from the byte where it began
 *     flush       one send of all that is owed; what the socket does not take waits for
 *   on_writable   flush, and execute if that ends a hold
 *
 * A hold stops executing and reading until its reason has gone:
 *   HOLD_STALLED     the executor does not take the command; ends when the session is touched
 *   HOLD_UNANSWERED  LIMIT_SESSION_REQUESTS are under way; ends when some are answered
 *   HOLD_OUTPUT      the client does not read its replies; ends when it has read enough
 * While there is a hold, input begins with a whole command that waits; so input is bounded by one
 * read behind one command, and a client cannot make us buffer by sending on.
 *
 * Bytes are read into the scratch buffer that all connections share, and only what is left behind
 * the last whole command is kept in the connection's own input: an idle connection holds no buffer.
 * A client whose input holds the begin of a command is read into its own buffer.
 *
 * Nothing here is closed while its own callback still needs it: every function that may close says
 * so by answering whether the connection lives.
 */
#include "net/resp_conn.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/logger.h"
#include "base/mem.h"
#include "net/resp_guard.h"
#include "replica/executor.h"
#include "replica/session.h"
#include "wire/resp_parser.h"

enum {
    RESP_STRANGER_OUTPUT_BYTES = 64 * 1024, /* unsent: closed beyond it */
    RESP_STRANGER_MS = 60 * 1000,           /* to AUTH within, if that is needed */
    /* One read into a connection's own input. Grows with what the client has really sent. */
    RESP_READ_BYTES_MIN = 16 * 1024,
    RESP_READ_BYTES_MAX = 1024 * 1024,
    /* What an idle connection keeps until the next tick. */
    RESP_BUFFER_KEPT_BYTES = 16 * 1024,
    /* A client that sent its last byte and waits for answers; one that died looks the same. */
    RESP_HALF_CLOSED_MS = 30 * 1000,
    /* What a client that waits for an element may send ahead; the end of its connection is not
     * noticed behind more. */
    RESP_BLOCKED_INPUT_BYTES_MAX = 1024 * 1024,
    RESP_WARNING_MS = 1000,
};

enum hold { HOLD_NONE, HOLD_STALLED, HOLD_UNANSWERED, HOLD_OUTPUT };

struct resp_conn {
    struct resp_common *common;
    struct list link;
    struct session *session;
    struct resp_parser *parser;
    struct event *read_event;
    struct event *write_event;
    struct buf input; /* the begin of a command; during a hold, whole ones */
    int descriptor;
    enum hold hold;
    bool is_reading;   /* read_event is pending */
    bool is_writing;   /* write_event is pending: the socket is full */
    bool is_finished;  /* no byte of the client is executed any more */
    bool is_stranger;  /* has not sent the password yet */
    bool has_ended;    /* end of file was read */
    bool is_hostile;   /* to be closed at once */
    bool is_streaming; /* the last read got all it asked for: there is more where that came from */
    uint64_t active_ms;
    uint64_t ended_ms;
    uint64_t stranger_since_ms;  /* 0: is none */
    uint64_t soft_over_since_ms; /* 0: output is under the soft limit */
    char address[];
};

void resp_warn(struct resp_common *common, const char *what, const char *address)
{
    if (common->loop->now_ms < common->next_warning_ms) {
        common->warnings_suppressed++;
        return;
    }
    if (common->warnings_suppressed > 0) {
        logger_log(LOGGER_WARNING, "%u warnings about clients were not shown.",
                   (unsigned)common->warnings_suppressed);
    }
    common->warnings_suppressed = 0;
    common->next_warning_ms = common->loop->now_ms + RESP_WARNING_MS;
    logger_log(LOGGER_WARNING, "Client %s: %s.", address, what);
}

static struct executor *executor_of(const struct resp_conn *conn)
{
    return replica_executor(conn->common->loop->replica);
}

static uint64_t now_ms(const struct resp_conn *conn)
{
    return conn->common->loop->now_ms;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static size_t unsent_bytes(const struct resp_conn *conn)
{
    return buf_size(session_output(conn->session));
}

/* Nothing is owed to the client and nothing it sent waits to be executed. One that waits for an
 * element is owed nothing if it goes. */
static bool is_settled(const struct resp_conn *conn)
{
    if (session_is_blocked(conn->session)) {
        return unsent_bytes(conn) == 0;
    }
    return session_unanswered(conn->session) == 0 && unsent_bytes(conn) == 0 &&
           (conn->hold == HOLD_NONE || conn->is_finished);
}

static bool close_with(struct resp_conn *conn, const char *reason)
{
    resp_warn(conn->common, reason, conn->address);
    resp_conn_close(conn);
    return false;
}

/* ---- Executing ---- */

static enum hold hold_now(const struct resp_conn *conn)
{
    if (session_unanswered(conn->session) >= LIMIT_SESSION_REQUESTS) {
        return HOLD_UNANSWERED;
    }
    uint64_t hold_bytes = resp_guard_output_hold_bytes(&conn->common->options, conn->is_stranger);
    return unsent_bytes(conn) >= hold_bytes ? HOLD_OUTPUT : HOLD_NONE;
}

/* Executes one parsed command; answers whether its bytes are used up. */
static bool execute_command(struct resp_conn *conn, const struct resp_command *command,
                            bool is_inline)
{
    if (command->arguments_count == 0) {
        return true;
    }
    if (resp_guard_is_http(command, is_inline)) {
        conn->is_hostile = true;
        conn->is_finished = true;
        return true;
    }
    conn->hold = hold_now(conn);
    if (conn->hold != HOLD_NONE) {
        return false;
    }
    if (executor_execute(executor_of(conn), conn->session, command->arguments,
                         command->arguments_count) == EXECUTE_STALLED) {
        conn->hold = HOLD_STALLED;
        return false;
    }
    conn->is_finished = session_is_closing(conn->session) || session_is_killed(conn->session);
    return true;
}

/* Executes the whole commands at the front of bytes; answers how many bytes they were. */
static size_t execute(struct resp_conn *conn, struct slice bytes)
{
    size_t done = 0;
    conn->hold = HOLD_NONE;
    conn->is_stranger = session_needs_auth(conn->session);
    const struct resp_server_options *options = &conn->common->options;
    struct resp_limits limits = resp_guard_limits(options, conn->is_stranger);
    while (done < bytes.size && !conn->is_finished) {
        struct resp_command command;
        const char *error = NULL;
        const uint8_t *at = bytes.bytes + done;
        enum parse parsed =
            resp_parse(conn->parser, slice_of(at, bytes.size - done), &limits, &command, &error);
        if (parsed == PARSE_MORE) {
            break;
        }
        if (parsed == PARSE_BAD) {
            executor_protocol_error(executor_of(conn), conn->session, error);
            conn->is_finished = true;
            break;
        }
        if (!execute_command(conn, &command, *at != '*')) {
            break;
        }
        done += command.consumed;
        if (conn->is_stranger) {
            conn->is_stranger = session_needs_auth(conn->session);
            limits = resp_guard_limits(options, conn->is_stranger);
        }
    }
    return conn->is_finished ? bytes.size : done;
}

static void note_input(struct resp_conn *conn, size_t bytes)
{
    session_note_input(conn->session, bytes, conn->input.capacity);
}

/* Executes what is in the connection's own input. */
static void execute_input(struct resp_conn *conn)
{
    note_input(conn, buf_size(&conn->input));
    buf_consume(&conn->input, execute(conn, buf_slice(&conn->input)));
    if (buf_size(&conn->input) == 0) {
        buf_clear_and_shrink(&conn->input, RESP_BUFFER_KEPT_BYTES);
    }
    note_input(conn, buf_size(&conn->input));
}

/* ---- Reading ---- */

static void update_reading(struct resp_conn *conn)
{
    /* One that waits for an element is read on, up to a bound, to learn when it goes. */
    bool is_watched =
        session_is_blocked(conn->session) && buf_size(&conn->input) < RESP_BLOCKED_INPUT_BYTES_MAX;
    bool wanted = (conn->hold == HOLD_NONE || is_watched) && !conn->has_ended &&
                  !conn->is_finished && !conn->common->is_draining;
    if (wanted == conn->is_reading) {
        return;
    }
    int failed = wanted ? event_add(conn->read_event, NULL) : event_del(conn->read_event);
    ASSERT(failed == 0);
    conn->is_reading = wanted;
}

/* How much to read behind the begin of a command: what it certainly lacks, but never more than
 * doubles what the client has sent of it, for a length is only its word. */
static size_t read_bytes_wanted(const struct resp_conn *conn)
{
    uint64_t least = conn->is_streaming ? RESP_SCRATCH_BYTES : RESP_READ_BYTES_MIN;
    uint64_t trusted = max_u64(buf_size(&conn->input), least);
    uint64_t wanted = max_u64(resp_parser_missing_bytes(conn->parser), least);
    return (size_t)min_u64(wanted, min_u64(trusted, RESP_READ_BYTES_MAX));
}

static ssize_t receive(struct resp_conn *conn, void *to, size_t size)
{
    ssize_t got = recv(conn->descriptor, to, size, 0);
    if (got > 0) {
        conn->common->stats.input_bytes += (uint64_t)got;
        conn->active_ms = now_ms(conn);
    }
    conn->is_streaming = got == (ssize_t)size;
    return got;
}

static ssize_t read_to_scratch(struct resp_conn *conn)
{
    uint8_t *scratch = conn->common->scratch;
    ssize_t got = receive(conn, scratch, RESP_SCRATCH_BYTES);
    if (got > 0) {
        struct slice bytes = slice_of(scratch, (size_t)got);
        note_input(conn, bytes.size);
        size_t done = execute(conn, bytes);
        buf_append(&conn->input, bytes.bytes + done, bytes.size - done);
        note_input(conn, buf_size(&conn->input));
    }
    return got;
}

static ssize_t read_to_input(struct resp_conn *conn)
{
    size_t wanted = read_bytes_wanted(conn);
    ssize_t got = receive(conn, buf_reserve(&conn->input, wanted), wanted);
    if (got > 0) {
        buf_commit(&conn->input, (size_t)got);
        execute_input(conn);
    }
    return got;
}

static bool survives_end(struct resp_conn *conn)
{
    if (is_settled(conn)) {
        resp_conn_close(conn);
        return false;
    }
    conn->has_ended = true;
    conn->ended_ms = now_ms(conn);
    return true;
}

/* Holds the input to its limits; answers whether the connection lives. */
static bool survives_input_limits(struct resp_conn *conn)
{
    uint64_t max = resp_guard_query_bytes_max(&conn->common->options, conn->is_stranger);
    if (conn->is_hostile) {
        return close_with(conn,
                          "closed, it speaks HTTP to the Redis port; possibly a web page that "
                          "abuses somebody's browser");
    }
    if (max > 0 && buf_size(&conn->input) > max) {
        return close_with(conn, "closed, its command is larger than client-query-buffer-limit");
    }
    return true;
}

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct resp_conn *conn = context;
    loop_wake(conn->common->loop);
    ssize_t got = buf_size(&conn->input) == 0 ? read_to_scratch(conn) : read_to_input(conn);
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
        /* The client is gone; what it has under way goes on without it. */
        resp_conn_close(conn);
        return;
    }
    if (got == 0 && !survives_end(conn)) {
        return;
    }
    if (survives_input_limits(conn)) {
        update_reading(conn);
    }
}

/* ---- Writing ---- */

/* Sends what is owed, as far as the socket takes it; answers whether the connection lives. */
static bool flush(struct resp_conn *conn)
{
    struct buf *output = session_output(conn->session);
    struct slice bytes = buf_slice(output);
    if (bytes.size == 0) {
        return true;
    }
    ssize_t sent = send(conn->descriptor, bytes.bytes, bytes.size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        resp_conn_close(conn);
        return false;
    }
    if (sent > 0) {
        conn->common->stats.output_bytes += (uint64_t)sent;
        conn->active_ms = now_ms(conn);
        buf_consume(output, (size_t)sent);
    }
    if (buf_size(output) == 0) {
        buf_clear_and_shrink(output, RESP_BUFFER_KEPT_BYTES);
    }
    return true;
}

static void update_writing(struct resp_conn *conn)
{
    bool wanted = unsent_bytes(conn) > 0;
    if (wanted == conn->is_writing) {
        return;
    }
    int failed = wanted ? event_add(conn->write_event, NULL) : event_del(conn->write_event);
    ASSERT(failed == 0);
    conn->is_writing = wanted;
}

/* Holds the output to its limits; answers whether the connection lives. */
static bool survives_output_limits(struct resp_conn *conn)
{
    const struct resp_server_options *options = &conn->common->options;
    size_t unsent = unsent_bytes(conn);
    bool is_subscriber = session_is_subscriber(conn->session);
    uint64_t hard = is_subscriber ? options->subscriber_bytes_hard : options->output_bytes_hard;
    uint64_t soft = is_subscriber ? options->subscriber_bytes_soft : options->output_bytes_soft;
    uint64_t soft_ms = UINT64_C(1000) * (is_subscriber ? options->subscriber_soft_seconds
                                                       : options->output_soft_seconds);
    if (hard > 0 && unsent > hard) {
        return close_with(conn, is_subscriber
                                    ? "closed, the messages it has not read are over the hard "
                                      "output limit of subscribers"
                                    : "closed, its unread replies are over the hard output limit");
    }
    if (conn->is_stranger && unsent > RESP_STRANGER_OUTPUT_BYTES) {
        return close_with(conn, "closed, it reads no replies and has not authenticated");
    }
    if (soft == 0 || unsent <= soft) {
        conn->soft_over_since_ms = 0;
        return true;
    }
    if (conn->soft_over_since_ms == 0) {
        conn->soft_over_since_ms = now_ms(conn);
        return true;
    }
    if (now_ms(conn) - conn->soft_over_since_ms > soft_ms) {
        return close_with(conn, is_subscriber
                                    ? "closed, the messages it has not read are over the soft "
                                      "output limit of subscribers"
                                    : "closed, its unread replies are over the soft output limit");
    }
    return true;
}

/* Whether there is nothing left to do for a client that asked to be closed, sent its last byte, or
 * is here while the server drains. */
static bool is_over(const struct resp_conn *conn)
{
    return (conn->is_finished || conn->has_ended || conn->common->is_draining) && is_settled(conn);
}

/* Closing a socket with unread bytes resets it, and the client may lose the last reply: so take
 * from the kernel what has arrived. */
static void close_politely(struct resp_conn *conn)
{
    (void)recv(conn->descriptor, conn->common->scratch, RESP_SCRATCH_BYTES, MSG_DONTWAIT);
    resp_conn_close(conn);
}

static bool can_execute(const struct resp_conn *conn)
{
    return conn->hold != HOLD_NONE && !conn->is_finished && hold_now(conn) == HOLD_NONE;
}

/* Writes out and executes in turns until neither moves on. The loop ends: every round but the last
 * sends bytes, and what may be executed is bounded by input. */
static bool flush_and_execute(struct resp_conn *conn)
{
    for (;;) {
        if (!flush(conn) || !survives_output_limits(conn)) {
            return false;
        }
        if (conn->hold == HOLD_STALLED || !can_execute(conn) || unsent_bytes(conn) > 0) {
            break;
        }
        execute_input(conn);
        if (!survives_input_limits(conn)) {
            return false;
        }
    }
    update_writing(conn);
    update_reading(conn);
    if (is_over(conn)) {
        close_politely(conn);
        return false;
    }
    return true;
}

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct resp_conn *conn = context;
    loop_wake(conn->common->loop);
    (void)flush_and_execute(conn);
}

void resp_conn_serve(struct resp_conn *conn)
{
    if (session_is_killed(conn->session)) {
        resp_conn_close(conn);
        return;
    }
    conn->is_finished = conn->is_finished || session_is_closing(conn->session);
    if (can_execute(conn)) {
        execute_input(conn);
        if (!survives_input_limits(conn)) {
            return;
        }
    }
    if (conn->is_writing) {
        /* The socket was full a moment ago and will tell when it is not. */
        if (survives_output_limits(conn)) {
            update_reading(conn);
        }
        return;
    }
    (void)flush_and_execute(conn);
}

/* ---- Life ---- */

void resp_conn_open(struct resp_common *common, int descriptor, const char *address,
                    const char *local_address)
{
    size_t address_bytes = strlen(address) + 1;
    struct resp_conn *conn = mem_alloc_zeroed(1, sizeof(*conn) + address_bytes);
    memcpy(conn->address, address, address_bytes);
    conn->common = common;
    conn->descriptor = descriptor;
    conn->parser = resp_parser_create();
    conn->active_ms = common->loop->now_ms;
    buf_init(&conn->input);
    struct session_options options = {
        .kind = SESSION_RESP,
        .owner = conn,
        .address = address,
        .local_address = local_address,
        .descriptor = descriptor,
    };
    conn->session = session_open(executor_of(conn), &options);
    struct event_base *base = common->loop->base;
    conn->read_event = event_new(base, descriptor, EV_READ | EV_PERSIST, on_readable, conn);
    conn->write_event = event_new(base, descriptor, EV_WRITE | EV_PERSIST, on_writable, conn);
    ASSERT(conn->read_event != NULL);
    ASSERT(conn->write_event != NULL);
    list_push_back(&common->conns, &conn->link);
    update_reading(conn);
}

/* Frees what a large command or reply has left behind. */
static void give_back_memory(struct resp_conn *conn)
{
    size_t kept = buf_size(&conn->input);
    if (kept == 0) {
        buf_clear_and_shrink(&conn->input, 0);
    } else if (conn->input.capacity / 4 > kept && conn->input.capacity > RESP_READ_BYTES_MAX) {
        struct buf smaller = {0};
        buf_append_slice(&smaller, buf_slice(&conn->input));
        buf_deinit(&conn->input);
        conn->input = smaller;
    }
    if (unsent_bytes(conn) == 0) {
        buf_clear_and_shrink(session_output(conn->session), 0);
    }
}

/* Whether it has needed AUTH for longer than a stranger may. */
static bool is_late_stranger(struct resp_conn *conn)
{
    conn->is_stranger = session_needs_auth(conn->session);
    if (!conn->is_stranger) {
        conn->stranger_since_ms = 0;
        return false;
    }
    if (conn->stranger_since_ms == 0) {
        conn->stranger_since_ms = now_ms(conn);
    }
    return now_ms(conn) - conn->stranger_since_ms >= RESP_STRANGER_MS;
}

void resp_conn_tick(struct resp_conn *conn)
{
    uint64_t now = now_ms(conn);
    uint64_t idle_ms = conn->common->options.idle_timeout_seconds * UINT64_C(1000);
    bool is_waiting = session_unanswered(conn->session) > 0 || conn->hold == HOLD_STALLED ||
                      session_is_listener(conn->session);
    if (idle_ms > 0 && !is_waiting && now - conn->active_ms >= idle_ms) {
        logger_log(LOGGER_VERBOSE, "Client %s: closed, it was idle.", conn->address);
        resp_conn_close(conn);
        return;
    }
    if (conn->has_ended && now - conn->ended_ms >= RESP_HALF_CLOSED_MS) {
        resp_conn_close(conn);
        return;
    }
    if (is_late_stranger(conn)) {
        (void)close_with(conn, "closed, it did not authenticate in time");
        return;
    }
    if (!survives_output_limits(conn)) {
        return;
    }
    give_back_memory(conn);
}

void resp_conn_drain(struct resp_conn *conn)
{
    if (is_over(conn)) {
        close_politely(conn);
        return;
    }
    update_reading(conn);
}

void resp_conn_close(struct resp_conn *conn)
{
    list_remove(&conn->link);
    event_free(conn->read_event);
    event_free(conn->write_event);
    session_close(conn->session);
    (void)close(conn->descriptor);
    resp_parser_destroy(conn->parser);
    buf_deinit(&conn->input);
    mem_free(conn);
}

struct resp_conn *resp_conn_of(struct list *link)
{
    return LIST_MEMBER(link, struct resp_conn, link);
}
