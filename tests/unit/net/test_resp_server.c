/* test_resp_server.c -- Redis clients' connections over the loopback device, with a real replica
 * of one node behind them whose disk is instant.
 *
 * Client and server run on one thread: a client only ever waits by running turns of the server.
 */
#include "net/resp_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "lib/unit.h"
#include "replica/executor.h"

enum {
    TURNS_MAX = 4000,
    TURNS_QUIET = 50, /* so many in a row with nothing new: it has come to rest */
    TURN_MS = 1,
    RECEIVE_BYTES = 64 * 1024,
};

struct fixture {
    struct loop loop;
    struct replica *replica;
    struct resp_server *server;
    struct event *timer; /* so that no turn waits for long */
    struct resp_server_options options;
};

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

static const struct replica_host host = {.monotonic_us = host_monotonic_us,
                                         .wall_us = host_wall_us};

static void on_timer(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    loop_wake(context);
}

static struct replica *create_replica(const struct loop *loop, const char *password)
{
    struct replica_options options = {
        .raft = {.id = 1,
                 .seed = 7,
                 .timers = {.election_ms_min = 20, .election_ms_max = 40, .heartbeat_ms = 5}},
        .incarnation = 1,
        .new_cluster_id = {1},
        .password = password,
        .host = &host,
    };
    struct raft_member member = {.id = 1, .role = RAFT_VOTER, .name = "node-1"};
    struct replica *replica = NULL;
    CU_ASSERT_EQUAL_FATAL(raft_configuration_put(&options.raft.configuration, &member), RESULT_OK);
    CU_ASSERT_EQUAL_FATAL(replica_create(&options, loop->now_ms, loop->wall_ms, &replica),
                          RESULT_OK);
    return replica;
}

static void begin(struct fixture *fixture, const struct resp_server_options *options,
                  const char *password)
{
    static const char *const addresses[] = {"127.0.0.1"};
    *fixture = (struct fixture){.loop = {.base = event_base_new()}, .options = *options};
    fixture->loop.now_ms = loop_monotonic_us() / 1000;
    fixture->loop.wall_ms = loop_wall_us() / 1000;
    fixture->replica = create_replica(&fixture->loop, password);
    fixture->loop.replica = fixture->replica;
    fixture->options.bind_addresses = addresses;
    fixture->options.bind_addresses_count = 1;
    CU_ASSERT_EQUAL_FATAL(resp_server_open(&fixture->loop, &fixture->options, &fixture->server),
                          RESULT_OK);
    struct timeval every = {.tv_sec = 0, .tv_usec = TURN_MS * 1000};
    fixture->timer = event_new(fixture->loop.base, -1, EV_PERSIST, on_timer, &fixture->loop);
    CU_ASSERT_EQUAL_FATAL(event_add(fixture->timer, &every), 0);
}

static const struct resp_server_options plain = {
    .clients_max = 100, .bulk_bytes_max = 64 * 1024 * 1024, .is_protected = true};

static void end(struct fixture *fixture)
{
    resp_server_close(fixture->server);
    replica_destroy(fixture->replica);
    event_free(fixture->timer);
    event_base_free(fixture->loop.base);
}

/* What the program does with a turn, with a disk that is done at once. */
static void run_turn(struct fixture *fixture)
{
    (void)event_base_loop(fixture->loop.base, EVLOOP_ONCE);
    loop_wake(&fixture->loop);
    struct replica_ready ready;
    CU_ASSERT_EQUAL_FATAL(replica_end_turn(fixture->replica, &ready), RESULT_OK);
    struct session *session = NULL;
    while ((session = executor_next_touched(replica_executor(fixture->replica))) != NULL) {
        resp_server_serve(fixture->server, session);
    }
    uint64_t persist_id = 0;
    for (uint32_t i = 0; i < ready.persists_count; i++) {
        persist_id = ready.persists[i].id;
    }
    loop_sleep(&fixture->loop);
    if (persist_id != 0) {
        loop_wake(&fixture->loop);
        replica_on_persisted(fixture->replica, persist_id);
    }
}

/* ---- A client ---- */

static int connect_client(const struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(resp_server_port(fixture->server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_TRUE_FATAL(client >= 0);
    if (connect(client, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(client);
        return -1;
    }
    return client;
}

/* Sends everything, running turns while the server's side is full. A server that closed is left
 * for the reading to find. */
static void say_bytes(struct fixture *fixture, int client, struct slice bytes)
{
    for (int i = 0; i < TURNS_MAX && bytes.size > 0; i++) {
        ssize_t sent = send(client, bytes.bytes, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            return;
        }
        size_t moved = sent < 0 ? 0 : (size_t)sent;
        bytes = slice_of(bytes.bytes + moved, bytes.size - moved);
        if (bytes.size > 0) {
            run_turn(fixture);
        }
    }
}

static void say(struct fixture *fixture, int client, const char *text)
{
    say_bytes(fixture, client, slice_of_string(text));
}

/* Runs turns until size bytes are there or the server closed; answers whether it closed. */
static bool hear_bytes(struct fixture *fixture, int client, size_t size, struct buf *heard)
{
    for (int i = 0; i < TURNS_MAX && buf_size(heard) < size; i++) {
        size_t left = size - buf_size(heard);
        left = left > RECEIVE_BYTES ? RECEIVE_BYTES : left;
        ssize_t got = recv(client, buf_reserve(heard, left), left, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            return true;
        }
        buf_commit(heard, got > 0 ? (size_t)got : 0);
        if (got < 0) {
            run_turn(fixture);
        }
    }
    return false;
}

/* The next bytes the client hears are these. */
static void check_hears(struct fixture *fixture, int client, const char *text)
{
    struct buf heard = {0};
    (void)hear_bytes(fixture, client, strlen(text), &heard);
    buf_append_byte(&heard, 0);
    CU_ASSERT_STRING_EQUAL((const char *)buf_slice(&heard).bytes, text);
    buf_deinit(&heard);
}

/* The client hears these bytes and then that the connection is closed. */
static void check_hears_last(struct fixture *fixture, int client, const char *text)
{
    struct buf heard = {0};
    bool is_closed = hear_bytes(fixture, client, SIZE_MAX, &heard);
    CU_ASSERT_TRUE(is_closed);
    buf_append_byte(&heard, 0);
    CU_ASSERT_STRING_EQUAL((const char *)buf_slice(&heard).bytes, text);
    buf_deinit(&heard);
    (void)close(client);
}

/* ---- Bytes in, bytes out ---- */

static const char pipeline[] = "*1\r\n$4\r\nPING\r\n"
                               "\r\n*0\r\n"
                               "*2\r\n$4\r\nECHO\r\n$3\r\n\r\n\r\r\n"
                               "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n1\r\n"
                               "INCR k\r\n"
                               "ECHO \"a b\"\n"
                               "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
                               "PING\r\n";
static const char pipeline_answer[] = "+PONG\r\n$3\r\n\r\n\r\r\n+OK\r\n:2\r\n$3\r\na b\r\n"
                                      "$1\r\n2\r\n+PONG\r\n";

UNIT_TEST(resp_server, answers_alike_however_the_bytes_are_split)
{
    struct fixture fixture;
    begin(&fixture, &plain, NULL);
    int client = connect_client(&fixture);
    size_t size = sizeof(pipeline) - 1;
    for (size_t cut = 0; cut <= size; cut++) {
        say_bytes(&fixture, client, slice_of(pipeline, cut));
        run_turn(&fixture);
        say_bytes(&fixture, client, slice_of(pipeline + cut, size - cut));
        check_hears(&fixture, client, pipeline_answer);
    }
    for (size_t i = 0; i < size; i++) {
        say_bytes(&fixture, client, slice_of(pipeline + i, 1));
        run_turn(&fixture);
    }
    check_hears(&fixture, client, pipeline_answer);
    (void)close(client);
    end(&fixture);
}

UNIT_TEST(resp_server, carries_large_arguments_and_replies)
{
    struct fixture fixture;
    begin(&fixture, &plain, NULL);
    int client = connect_client(&fixture);
    size_t size = 20 * 1024 * 1024;
    struct buf value = {0};
    struct buf heard = {0};
    buf_append_format(&value, "$%zu\r\n", size);
    memset(buf_reserve(&value, size), 'v', size);
    buf_commit(&value, size);
    buf_append(&value, "\r\n", 2);
    say(&fixture, client, "*2\r\n$4\r\nECHO\r\n");
    say_bytes(&fixture, client, buf_slice(&value));
    CU_ASSERT_FALSE(hear_bytes(&fixture, client, buf_size(&value), &heard));
    CU_ASSERT_TRUE(slice_equals(buf_slice(&heard), buf_slice(&value)));
    buf_deinit(&value);
    buf_deinit(&heard);
    (void)close(client);
    end(&fixture);
}

UNIT_TEST(resp_server, answers_a_client_that_has_sent_its_last_byte)
{
    struct fixture fixture;
    begin(&fixture, &plain, NULL);
    int client = connect_client(&fixture);
    say(&fixture, client, "SET k v\r\n");
    CU_ASSERT_EQUAL_FATAL(shutdown(client, SHUT_WR), 0);
    check_hears_last(&fixture, client, "+OK\r\n");
    client = connect_client(&fixture);
    say(&fixture, client, "SET k w\r\nGET k\r\nPING\r\n");
    CU_ASSERT_EQUAL_FATAL(shutdown(client, SHUT_WR), 0);
    check_hears_last(&fixture, client, "+OK\r\n$1\r\nw\r\n+PONG\r\n");
    end(&fixture);
}

UNIT_TEST(resp_server, forgets_a_client_that_leaves_with_a_command_half_sent)
{
    struct fixture fixture;
    begin(&fixture, &plain, NULL);
    int client = connect_client(&fixture);
    say(&fixture, client, "PING\r\n*2\r\n$4\r\nECHO\r\n$10\r\nab");
    check_hears(&fixture, client, "+PONG\r\n");
    CU_ASSERT_EQUAL(executor_clients_count(replica_executor(fixture.replica)), 1);
    (void)close(client);
    for (int i = 0; i < TURNS_MAX && executor_clients_count(replica_executor(fixture.replica)) > 0;
         i++) {
        run_turn(&fixture);
    }
    CU_ASSERT_EQUAL(executor_clients_count(replica_executor(fixture.replica)), 0);
    end(&fixture);
}

/* ---- Closing ---- */

UNIT_TEST(resp_server, answers_quit_and_ignores_what_follows)
{
    struct fixture fixture;
    begin(&fixture, &plain, NULL);
    int client = connect_client(&fixture);
    say(&fixture, client, "SET k v\r\nQUIT\r\nSET k w\r\nPING\r\n");
    check_hears_last(&fixture, client, "+OK\r\n+OK\r\n");
    client = connect_client(&fixture);
    say(&fixture, client, "GET k\r\n");
    check_hears(&fixture, client, "$1\r\nv\r\n");
    (void)close(client);
    end(&fixture);
}

UNIT_TEST(resp_server, says_what_was_malformed_behind_the_earlier_replies)
{
    struct fixture fixture;
    begin(&fixture, &plain, NULL);
    int client = connect_client(&fixture);
    say(&fixture, client, "SET k v\r\nGET k\r\n*1\r\n$x\r\nPING\r\nSET k w\r\n");
    check_hears_last(&fixture, client,
                     "+OK\r\n$1\r\nv\r\n-ERR Protocol error: invalid bulk length\r\n");
    end(&fixture);
}

static void check_is_http(struct fixture *fixture, const char *request)
{
    int client = connect_client(fixture);
    say(fixture, client, request);
    check_hears_last(fixture, client, "");
}

UNIT_TEST(resp_server, closes_on_http_without_executing_what_follows)
{
    struct fixture fixture;
    begin(&fixture, &plain, NULL);
    check_is_http(&fixture, "POST / HTTP/1.1\r\nHost: here\r\n\r\nSET k evil\r\n");
    check_is_http(&fixture, "pOsT /\r\nSET k evil\r\n");
    check_is_http(&fixture, "hOST: here\r\nSET k evil\r\n");
    check_is_http(&fixture, "GET / HTTP/1.1\r\nSET k evil\r\n");
    check_is_http(&fixture, "put /k HTTP/1.0\r\nSET k evil\r\n");
    check_is_http(&fixture, "HEAD / HTTP/1.1\r\nSET k evil\r\n");
    check_is_http(&fixture, "OPTIONS * HTTP/1.1\r\nSET k evil\r\n");
    check_is_http(&fixture, "*2\r\n$4\r\nPOST\r\n$1\r\n/\r\nSET k evil\r\n");
    int client = connect_client(&fixture);
    say(&fixture, client, "GET k\r\nGET HTTP/1.1\r\nSET k HTTP/1.1\r\nECHO POST\r\n");
    check_hears(&fixture, client, "$-1\r\n$-1\r\n+OK\r\n$4\r\nPOST\r\n");
    (void)close(client);
    end(&fixture);
}

UNIT_TEST(resp_server, lets_no_more_clients_in_than_allowed)
{
    struct resp_server_options options = plain;
    options.clients_max = 1;
    struct fixture fixture;
    begin(&fixture, &options, NULL);
    int first = connect_client(&fixture);
    int second = connect_client(&fixture);
    say(&fixture, first, "PING\r\n");
    check_hears(&fixture, first, "+PONG\r\n");
    check_hears_last(&fixture, second, "-ERR max number of clients reached\r\n");
    struct resp_server_stats stats;
    resp_server_get_stats(fixture.server, &stats);
    CU_ASSERT_EQUAL(stats.connections_received, 2);
    CU_ASSERT_EQUAL(stats.connections_rejected, 1);
    (void)close(first);
    end(&fixture);
}

UNIT_TEST(resp_server, drains_the_idle_at_once_and_the_others_when_answered)
{
    struct fixture fixture;
    begin(&fixture, &plain, NULL);
    int idle = connect_client(&fixture);
    int busy = connect_client(&fixture);
    say(&fixture, idle, "PING\r\n");
    check_hears(&fixture, idle, "+PONG\r\n");
    say(&fixture, busy, "SET k v\r\n");
    struct resp_server_stats stats = {0};
    for (int i = 0; i < TURNS_MAX && stats.input_bytes < 15; i++) {
        (void)event_base_loop(fixture.loop.base, EVLOOP_ONCE);
        resp_server_get_stats(fixture.server, &stats);
    }
    resp_server_drain(fixture.server);
    CU_ASSERT_EQUAL(connect_client(&fixture), -1);
    check_hears_last(&fixture, idle, "");
    check_hears_last(&fixture, busy, "+OK\r\n");
    end(&fixture);
}

/* ---- Limits ---- */

UNIT_TEST(resp_server, is_narrow_to_strangers)
{
    struct fixture fixture;
    begin(&fixture, &plain, "secret");
    struct buf large = {0};
    buf_append_format(&large, "*2\r\n$4\r\nECHO\r\n$%d\r\n%020000d\r\n", 20000, 7);
    int client = connect_client(&fixture);
    say_bytes(&fixture, client, buf_slice(&large));
    check_hears_last(&fixture, client, "-ERR Protocol error: unauthenticated bulk length\r\n");
    client = connect_client(&fixture);
    say(&fixture, client, "*11\r\n");
    check_hears_last(&fixture, client, "-ERR Protocol error: unauthenticated multibulk length\r\n");
    client = connect_client(&fixture);
    say(&fixture, client, "PING\r\nAUTH secret\r\n");
    say_bytes(&fixture, client, buf_slice(&large));
    check_hears(&fixture, client, "-NOAUTH Authentication required.\r\n+OK\r\n$20000\r\n0000");
    (void)close(client);
    buf_deinit(&large);
    end(&fixture);
}

UNIT_TEST(resp_server, does_not_read_from_a_client_that_does_not_read)
{
    struct resp_server_options options = plain;
    options.output_bytes_hard = 256 * 1024;
    struct fixture fixture;
    begin(&fixture, &options, NULL);
    int client = connect_client(&fixture);
    char command[1024];
    int size = snprintf(command, sizeof(command), "ECHO %0900d\r\n", 7);
    int reply_size = snprintf(NULL, 0, "$900\r\n%0900d\r\n", 7);
    struct slice rest = slice_of(command, (size_t)size);
    uint64_t sent_bytes = 0;
    for (int quiet = 0; quiet < TURNS_QUIET; quiet++) {
        ssize_t sent = send(client, rest.bytes, rest.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        CU_ASSERT_TRUE_FATAL(sent >= 0 || errno == EAGAIN);
        if (sent < 0) {
            run_turn(&fixture);
            continue;
        }
        quiet = 0;
        sent_bytes += (uint64_t)sent;
        CU_ASSERT_TRUE_FATAL(sent_bytes < UINT64_C(512) * 1024 * 1024);
        rest = slice_of(rest.bytes + sent, rest.size - (size_t)sent);
        rest = rest.size == 0 ? slice_of(command, (size_t)size) : rest;
    }
    struct buf heard = {0};
    size_t whole = sent_bytes / (size_t)size;
    CU_ASSERT_FALSE(hear_bytes(&fixture, client, whole * (size_t)reply_size, &heard));
    CU_ASSERT_EQUAL(buf_size(&heard), whole * (size_t)reply_size);
    buf_deinit(&heard);
    (void)close(client);
    end(&fixture);
}

UNIT_TEST(resp_server, closes_a_client_whose_unread_reply_is_over_the_hard_limit)
{
    struct resp_server_options options = plain;
    options.output_bytes_hard = 256 * 1024;
    struct fixture fixture;
    begin(&fixture, &options, NULL);
    int client = connect_client(&fixture);
    size_t size = 24 * 1024 * 1024;
    struct buf command = {0};
    struct buf heard = {0};
    buf_append_format(&command, "*2\r\n$4\r\nECHO\r\n$%zu\r\n", size);
    memset(buf_reserve(&command, size), 'v', size);
    buf_commit(&command, size);
    buf_append(&command, "\r\n", 2);
    say_bytes(&fixture, client, buf_slice(&command));
    for (int i = 0; i < TURNS_QUIET; i++) {
        run_turn(&fixture);
    }
    CU_ASSERT_EQUAL(executor_clients_count(replica_executor(fixture.replica)), 0);
    CU_ASSERT_TRUE(hear_bytes(&fixture, client, SIZE_MAX, &heard));
    CU_ASSERT_TRUE(buf_size(&heard) < size);
    buf_deinit(&command);
    buf_deinit(&heard);
    (void)close(client);
    end(&fixture);
}

UNIT_TEST(resp_server, closes_a_client_whose_command_is_over_the_query_limit)
{
    struct resp_server_options options = plain;
    options.query_buffer_bytes_max = 100 * 1000;
    struct fixture fixture;
    begin(&fixture, &options, NULL);
    int client = connect_client(&fixture);
    struct buf command = {0};
    buf_append_format(&command, "*2\r\n$4\r\nECHO\r\n$%d\r\n%0150000d", 200000, 7);
    say_bytes(&fixture, client, buf_slice(&command));
    check_hears_last(&fixture, client, "");
    buf_deinit(&command);
    end(&fixture);
}

UNIT_TEST(resp_server, closes_the_idle_after_the_timeout)
{
    struct resp_server_options options = plain;
    options.idle_timeout_seconds = 60;
    struct fixture fixture;
    begin(&fixture, &options, NULL);
    int client = connect_client(&fixture);
    say(&fixture, client, "PING\r\n");
    check_hears(&fixture, client, "+PONG\r\n");
    loop_wake(&fixture.loop);
    fixture.loop.now_ms += 59 * 1000;
    resp_server_tick(fixture.server);
    CU_ASSERT_EQUAL(executor_clients_count(replica_executor(fixture.replica)), 1);
    fixture.loop.now_ms += 2 * 1000;
    resp_server_tick(fixture.server);
    CU_ASSERT_EQUAL(executor_clients_count(replica_executor(fixture.replica)), 0);
    check_hears_last(&fixture, client, "");
    end(&fixture);
}
