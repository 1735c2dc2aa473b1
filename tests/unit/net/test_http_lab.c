/* test_http_lab.c -- an HTTP server on a cluster of one, and a client, in one thread. */
#include "test_http_lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"

enum { TURNS_MAX = 20000 };

static uint64_t host_monotonic_us(void *context)
{
    (void)context;
    return loop_monotonic_us();
}

static int64_t host_wall_us(void *context)
{
    (void)context;
    return loop_wall_us();
}

static const struct replica_host HOST = {.monotonic_us = host_monotonic_us,
                                         .wall_us = host_wall_us};

/* One turn: what came in, what got durable, and the answers. */
void http_lab_turn(struct http_lab *node)
{
    int failed = event_base_loop(node->loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    ASSERT(failed >= 0);
    loop_wake(&node->loop);
    if (!node->is_held && node->persist_id > 0) {
        replica_on_persisted(node->loop.replica, node->persist_id);
        node->persist_id = 0;
    }
    struct replica_ready ready;
    enum result result = replica_end_turn(node->loop.replica, &ready);
    ASSERT(result == RESULT_OK);
    for (uint32_t i = 0; i < ready.persists_count; i++) {
        node->persist_id = ready.persists[i].id;
    }
    struct session *session;
    while ((session = executor_next_touched(replica_executor(node->loop.replica))) != NULL) {
        http_server_serve(node->server, session);
    }
    loop_sleep(&node->loop);
}

static void open_replica(struct http_lab *node, const char *password)
{
    struct replica_options *options = mem_alloc_zeroed(1, sizeof(*options));
    options->raft.id = 7;
    options->raft.seed = 1;
    options->raft.timers.election_ms_min = 2;
    options->raft.timers.election_ms_max = 4;
    options->raft.timers.heartbeat_ms = 1;
    options->raft.configuration.members_count = 1;
    struct raft_member *self = &options->raft.configuration.members[0];
    self->id = 7;
    self->role = RAFT_VOTER;
    (void)snprintf(self->name, sizeof(self->name), "node-1");
    (void)snprintf(self->http_address, sizeof(self->http_address), "own.example:8001");
    memset(options->new_cluster_id, 1, sizeof(options->new_cluster_id));
    options->incarnation = 1;
    options->password = password;
    options->host = &HOST;
    enum result result = replica_create(options, loop_monotonic_us() / 1000, loop_wall_us() / 1000,
                                        &node->loop.replica);
    ASSERT(result == RESULT_OK);
    mem_free(options);
}

void http_lab_open(struct http_lab *node, const char *password, bool is_protected)
{
    const struct http_server_options options = {
        .is_protected = is_protected,
        .timeout_seconds = 30,
    };
    http_lab_open_with(node, password, &options);
}

void http_lab_open_with(struct http_lab *node, const char *password,
                        const struct http_server_options *wanted)
{
    (void)signal(SIGPIPE, SIG_IGN);
    memset(node, 0, sizeof(*node));
    node->loop.base = event_base_new();
    open_replica(node, password);
    static const char *const ADDRESSES[] = {"127.0.0.1"};
    const struct http_server_options options = {
        .bind_addresses = ADDRESSES,
        .bind_addresses_count = 1,
        .connections_max = 4,
        .body_bytes_max = 1 << 20,
        .header_bytes_max = 8192,
        .timeout_seconds = wanted->timeout_seconds,
        .grace_ms = wanted->grace_ms,
        .is_protected = wanted->is_protected,
    };
    enum result result = http_server_open(&node->loop, &options, &node->server);
    ASSERT(result == RESULT_OK);
    struct replica_status status;
    for (int i = 0; i < TURNS_MAX; i++) {
        http_lab_turn(node);
        replica_get_status(node->loop.replica, &status);
        if (status.raft.role == RAFT_LEADER && status.raft.own_term_committed) {
            return;
        }
        (void)usleep(100);
    }
    ASSERT(!"the node leads");
}

void http_lab_close(struct http_lab *node)
{
    http_server_close(node->server);
    replica_destroy(node->loop.replica);
    event_base_free(node->loop.base);
}

int http_lab_connect(const struct http_lab *node)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(node->server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    ASSERT(client >= 0);
    int failed = connect(client, (const struct sockaddr *)&address, sizeof(address));
    ASSERT(failed == 0);
    return client;
}

void http_lab_send(int client, struct slice bytes)
{
    ssize_t sent = send(client, bytes.bytes, bytes.size, 0);
    ASSERT(sent == (ssize_t)bytes.size);
}

/* Runs turns until the connection ends or wanted is among what was received; text has a NUL. */
void http_lab_receive(struct http_lab *node, int client, struct buf *text, const char *wanted)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        http_lab_turn(node);
        uint8_t *at = buf_reserve(text, 65536);
        ssize_t got = recv(client, at, 65535, MSG_DONTWAIT);
        if (got > 0) {
            buf_commit(text, (size_t)got);
        }
        *buf_reserve(text, 1) = '\0';
        bool is_over = got == 0 || (got < 0 && errno != EAGAIN);
        bool is_found = wanted != NULL && strstr((const char *)buf_slice(text).bytes, wanted);
        if (is_over || is_found) {
            return;
        }
        (void)usleep(50);
    }
}

/* Sends one request, with "Connection: close" added, and returns the whole answer; freed by the
 * next call. */
const char *http_lab_ask(struct http_lab *node, const char *head, const char *body)
{
    static struct buf answer;
    struct buf message;
    buf_init(&message);
    buf_append_format(&message, "%s\r\nConnection: close\r\n", head);
    if (body != NULL) {
        buf_append_format(&message, "Content-Length: %zu\r\n", strlen(body));
    }
    buf_append_format(&message, "\r\n%s", body == NULL ? "" : body);
    int client = http_lab_connect(node);
    http_lab_send(client, buf_slice(&message));
    buf_deinit(&message);
    buf_deinit(&answer);
    http_lab_receive(node, client, &answer, NULL);
    (void)close(client);
    return (const char *)buf_slice(&answer).bytes;
}

/* Whether answer has this status and exactly this body. */
bool http_lab_is_answer(const char *answer, int status, const char *body)
{
    char line[32];
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    const char *found = strstr(answer, "\r\n\r\n");
    bool is_right = strncmp(answer, line, strlen(line)) == 0 && found != NULL &&
                    strncmp(found + 4, body, strlen(body)) == 0 &&
                    strcmp(found + 4 + strlen(body), "\n") == 0;
    if (!is_right) {
        (void)fprintf(stderr, "wanted %d %s, got: %s\n", status, body, answer);
    }
    return is_right;
}

/* Whether the answer has this status and holds this text. */
bool http_lab_is_like(const char *answer, int status, const char *text)
{
    char line[32];
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    bool is_right = strncmp(answer, line, strlen(line)) == 0 && strstr(answer, text) != NULL;
    if (!is_right) {
        (void)fprintf(stderr, "wanted %d %s, got: %s\n", status, text, answer);
    }
    return is_right;
}
