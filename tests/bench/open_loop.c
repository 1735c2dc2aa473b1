/* open_loop.c -- see open_loop.h. One thread, poll, and a queue of due times for each connection.
 */
#include "bench/open_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "lib/check.h"
#include "lib/redis_client.h"

enum {
    CONNECTIONS_MAX = 256,
    PENDING_MAX = 1 << 16, /* of a connection */
    OUTPUT_BYTES = 1 << 22,
    CLOSED_LOOP_PENDING = 16,
    REQUEST_BYTES_MAX = 256,
    SILENCE_US_MAX = 10 * 1000 * 1000,
};

struct pending {
    uint64_t due_us;
    bool is_marked;
};

struct connection {
    int socket;
    struct pending *pending; /* a ring */
    uint32_t first, pending_count;
    char *output;
    size_t output_begin, output_end;
    char line[2]; /* how the line that is being read begins */
    size_t line_bytes;
    bool is_in_value; /* it is the value that the line before announced */
};

struct loop {
    const struct open_loop_options *options;
    struct open_loop_result *result;
    struct connection *connections;
    uint64_t begun_us, end_us;
    uint64_t sent, answered, answered_us;
    uint64_t random;
    char *value;
};

static uint64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- Sending ---- */

/* Puts a request into a connection's output; false when it has no room for more. */
static bool put_request(struct loop *loop, struct connection *connection, uint64_t due_us)
{
    const struct open_loop_options *options = loop->options;
    if (connection->pending_count == PENDING_MAX ||
        connection->output_end + REQUEST_BYTES_MAX + options->value_bytes > OUTPUT_BYTES) {
        return false;
    }
    char *output = connection->output + connection->output_end;
    size_t room = REQUEST_BYTES_MAX + options->value_bytes;
    uint32_t key = check_random(&loop->random, options->keys_count);
    int size =
        options->is_reading
            ? snprintf(output, room, "*2\r\n$3\r\nGET\r\n$16\r\n" BENCH_KEY_FORMAT "\r\n", key)
            : snprintf(output, room,
                       "*3\r\n$3\r\nSET\r\n$16\r\n" BENCH_KEY_FORMAT "\r\n$%u\r\n%s\r\n", key,
                       options->value_bytes, loop->value);
    connection->output_end += (size_t)size;
    uint32_t place = (connection->first + connection->pending_count) % PENDING_MAX;
    bool is_marked = options->is_marked != NULL && atomic_load(options->is_marked);
    connection->pending[place] = (struct pending){due_us, is_marked};
    connection->pending_count++;
    loop->sent++;
    return true;
}

/* All that is due by now, spread over the connections. */
static void put_due(struct loop *loop, uint64_t at_us)
{
    const struct open_loop_options *options = loop->options;
    uint64_t until_us = at_us < loop->end_us ? at_us : loop->end_us;
    if (options->rate == 0) {
        for (uint32_t i = 0; at_us < loop->end_us && i < options->connections_count; i++) {
            struct connection *connection = &loop->connections[i];
            while (connection->pending_count < CLOSED_LOOP_PENDING &&
                   put_request(loop, connection, at_us)) {
                continue;
            }
        }
        return;
    }
    for (;;) {
        uint64_t due_us = loop->begun_us + loop->sent * 1000000 / options->rate;
        struct connection *next = &loop->connections[loop->sent % options->connections_count];
        if (due_us >= until_us || !put_request(loop, next, due_us)) {
            return; /* or it is late: its latency counts from when it was due */
        }
    }
}

static void flush(struct connection *connection)
{
    while (connection->output_begin < connection->output_end) {
        ssize_t count = send(connection->socket, connection->output + connection->output_begin,
                             connection->output_end - connection->output_begin, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        if (count < 0) {
            FAIL("cannot send: %s", strerror(errno));
        }
        connection->output_begin += (size_t)count;
    }
    connection->output_begin = connection->output_end = 0;
}

/* ---- Receiving ---- */

static void take_reply(struct loop *loop, struct connection *connection, uint64_t at_us)
{
    CHECK(connection->pending_count > 0);
    struct pending *pending = &connection->pending[connection->first];
    uint64_t us = at_us > pending->due_us ? at_us - pending->due_us : 0;
    histogram_add(pending->is_marked ? &loop->result->marked : &loop->result->plain, us);
    loop->result->errors += connection->line[0] == '-' && !connection->is_in_value;
    connection->first = (connection->first + 1) % PENDING_MAX;
    connection->pending_count--;
    loop->answered++;
    loop->answered_us = at_us;
}

/* A reply is one line, or a line "$bytes" and one for the value. */
static void end_line(struct loop *loop, struct connection *connection, uint64_t at_us)
{
    bool is_announced =
        !connection->is_in_value && connection->line[0] == '$' && connection->line[1] != '-';
    if (!is_announced) {
        take_reply(loop, connection, at_us);
    }
    connection->is_in_value = is_announced;
    connection->line_bytes = 0;
}

static void receive(struct loop *loop, struct connection *connection)
{
    char bytes[65536];
    ssize_t count = recv(connection->socket, bytes, sizeof(bytes), 0);
    uint64_t at_us = now_us();
    if (count == 0 || (count < 0 && errno != EAGAIN)) {
        FAIL("a connection broke");
    }
    for (ssize_t i = 0; i < count; i++) {
        if (connection->line_bytes < sizeof(connection->line)) {
            connection->line[connection->line_bytes++] = bytes[i];
        }
        if (bytes[i] == '\n') {
            end_line(loop, connection, at_us);
        }
    }
}

/* ---- The loop ---- */

static void turn(struct loop *loop)
{
    const struct open_loop_options *options = loop->options;
    struct pollfd waited[CONNECTIONS_MAX];
    put_due(loop, now_us());
    for (uint32_t i = 0; i < options->connections_count; i++) {
        struct connection *connection = &loop->connections[i];
        flush(connection);
        bool has_output = connection->output_begin < connection->output_end;
        waited[i] = (struct pollfd){connection->socket, POLLIN, 0};
        waited[i].events = (short)(POLLIN | (has_output ? POLLOUT : 0));
    }
    /* A fraction of a millisecond, as requests fall due all the time. */
    struct timespec rest = {0, 100000};
    if (ppoll(waited, options->connections_count, &rest, NULL) <= 0) {
        return;
    }
    for (uint32_t i = 0; i < options->connections_count; i++) {
        if ((waited[i].revents & ~POLLOUT) != 0) {
            receive(loop, &loop->connections[i]);
        }
    }
}

static void open_connections(struct loop *loop)
{
    uint32_t count = loop->options->connections_count;
    CHECK(count > 0 && count <= CONNECTIONS_MAX);
    loop->connections = calloc(count, sizeof(loop->connections[0]));
    for (uint32_t i = 0; i < count; i++) {
        struct connection *connection = &loop->connections[i];
        connection->socket = raw_open(loop->options->port);
        CHECK(fcntl(connection->socket, F_SETFL, O_NONBLOCK) == 0);
        connection->pending = calloc(PENDING_MAX, sizeof(connection->pending[0]));
        connection->output = malloc(OUTPUT_BYTES);
    }
}

static void close_connections(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->options->connections_count; i++) {
        (void)close(loop->connections[i].socket);
        free(loop->connections[i].pending);
        free(loop->connections[i].output);
    }
    free(loop->connections);
    free(loop->value);
}

void open_loop_run(const struct open_loop_options *options, struct open_loop_result *out)
{
    struct loop loop = {.options = options, .result = out};
    memset(out, 0, sizeof(*out));
    loop.value = malloc(options->value_bytes + 1);
    memset(loop.value, 'v', options->value_bytes);
    loop.value[options->value_bytes] = '\0';
    open_connections(&loop);
    loop.begun_us = loop.answered_us = now_us();
    loop.random = loop.begun_us;
    loop.end_us = loop.begun_us + (uint64_t)options->seconds * 1000000;
    while (now_us() < loop.end_us || loop.answered < loop.sent) {
        turn(&loop);
        if (loop.answered < loop.sent && now_us() > loop.answered_us + SILENCE_US_MAX) {
            FAIL("nothing is answered");
        }
    }
    out->answered_per_second =
        (double)loop.answered * 1000000 / (double)(loop.answered_us - loop.begun_us);
    close_connections(&loop);
}
