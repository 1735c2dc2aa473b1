/* test_http_server.c -- the HTTP API over real sockets on a cluster of one.
 *
 * Node, loop and client share one thread: a request is sent, then turns of the loop run until its
 * answer is whole. Persisting takes one turn and no disk.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "lib/unit.h"
#include "net/http_server.h"
#include "net/loop.h"

enum { TURNS_MAX = 20000 };

struct node {
    struct loop loop;
    struct http_server *server;
    uint64_t persist_id; /* handed out and not reported yet */
    bool is_held;        /* report nothing as durable: writes wait */
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

static const struct replica_host HOST = {.monotonic_us = host_monotonic_us,
                                         .wall_us = host_wall_us};

/* One turn: what came in, what got durable, and the answers. */
static void turn(struct node *node)
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

static void open_replica(struct node *node, const char *password)
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

static void open_node(struct node *node, const char *password, bool is_protected)
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
        .timeout_seconds = 30,
        .is_protected = is_protected,
    };
    enum result result = http_server_open(&node->loop, &options, &node->server);
    ASSERT(result == RESULT_OK);
    struct replica_status status;
    for (int i = 0; i < TURNS_MAX; i++) {
        turn(node);
        replica_get_status(node->loop.replica, &status);
        if (status.raft.role == RAFT_LEADER && status.raft.own_term_committed) {
            return;
        }
        (void)usleep(100);
    }
    ASSERT(!"the node leads");
}

static void close_node(struct node *node)
{
    http_server_close(node->server);
    replica_destroy(node->loop.replica);
    event_base_free(node->loop.base);
}

static int connect_client(const struct node *node)
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

static void send_all(int client, struct slice bytes)
{
    ssize_t sent = send(client, bytes.bytes, bytes.size, 0);
    ASSERT(sent == (ssize_t)bytes.size);
}

/* Runs turns until the connection ends or wanted is among what was received; text has a NUL. */
static void receive(struct node *node, int client, struct buf *text, const char *wanted)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        turn(node);
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
static const char *ask(struct node *node, const char *head, const char *body)
{
    static struct buf answer;
    struct buf message;
    buf_init(&message);
    buf_append_format(&message, "%s\r\nConnection: close\r\n", head);
    if (body != NULL) {
        buf_append_format(&message, "Content-Length: %zu\r\n", strlen(body));
    }
    buf_append_format(&message, "\r\n%s", body == NULL ? "" : body);
    int client = connect_client(node);
    send_all(client, buf_slice(&message));
    buf_deinit(&message);
    buf_deinit(&answer);
    receive(node, client, &answer, NULL);
    (void)close(client);
    return (const char *)buf_slice(&answer).bytes;
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: localhost"
#define POST(target) "POST " target " HTTP/1.1\r\nHost: localhost"

/* Whether answer has this status and exactly this body. */
static bool is_answer(const char *answer, int status, const char *body)
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

UNIT_TEST(http_server, data_routes_answer_to_the_field)
{
    struct node node;
    open_node(&node, NULL, true);
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/get?key=hello"), NULL), 404,
                             "{\"ok\":false,\"error\":\"key not found\"}"));
    CU_ASSERT_TRUE(is_answer(ask(&node, POST("/put") "\r\nContent-Type: application/json",
                                 "{\"key\": \"hello\", \"value\": \"world\"}"),
                             200, "{\"ok\":true}"));
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/get?key=hello"), NULL), 200,
                             "{\"ok\":true,\"value\":\"world\"}"));
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/get?key=hello&local=true"), NULL), 200,
                             "{\"ok\":true,\"value\":\"world\"}"));
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/get?key=hello&redirect=true"), NULL), 200,
                             "{\"ok\":true,\"value\":\"world\"}"));
    CU_ASSERT_TRUE(is_answer(ask(&node, POST("/delete?key=hello"), NULL), 200, "{\"ok\":true}"));
    CU_ASSERT_TRUE(is_answer(ask(&node, POST("/delete?key=hello"), NULL), 200, "{\"ok\":true}"));
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/get?key=hello"), NULL), 404,
                             "{\"ok\":false,\"error\":\"key not found\"}"));
    close_node(&node);
}

UNIT_TEST(http_server, keys_and_values_are_any_bytes)
{
    struct node node;
    open_node(&node, NULL, true);
    (void)ask(&node, POST("/put"), "{\"key\":\"k\\u0000\\u00e9\",\"value\":\"a\\u0000\\\"\"}");
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/get?key=k%00%c3%a9"), NULL), 200,
                             "{\"ok\":true,\"value\":\"a\\u0000\\\"\"}"));
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/get?key=k%00%c3%a9&encoding=base64"), NULL), 200,
                             "{\"ok\":true,\"value\":\"YQAi\",\"encoding\":\"base64\"}"));
    (void)ask(&node, POST("/put"), "{\"key\":\"a b\",\"value\":\"AP/+\",\"encoding\":\"base64\"}");
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/get?key=a+b"), NULL), 200,
                             "{\"ok\":true,\"value\":\"AP/+\",\"encoding\":\"base64\"}"));
    (void)ask(&node, POST("/put"), "{\"key\":\"empty\"}");
    CU_ASSERT_TRUE(
        is_answer(ask(&node, GET("/get?key=empty"), NULL), 200, "{\"ok\":true,\"value\":\"\"}"));
    close_node(&node);
}

UNIT_TEST(http_server, bad_input_is_answered_with_what_is_wrong)
{
    static const struct {
        const char *head;
        const char *body;
        int status;
        const char *error;
    } CASES[] = {
        {GET("/nope"), NULL, 404, "not found"},
        {GET("/get/"), NULL, 404, "not found"},
        {GET("/put"), NULL, 405, "use POST"},
        {GET("/delete?key=a"), NULL, 405, "use POST"},
        {POST("/get?key=a"), NULL, 405, "use GET"},
        {"DELETE /delete?key=a HTTP/1.1\r\nHost: localhost", NULL, 405, "use POST"},
        {GET("/get"), NULL, 400, "missing key"},
        {GET("/get?key="), NULL, 400, "missing key"},
        {GET("/get?key=a&key=b"), NULL, 400, "repeated key"},
        {GET("/get?key=%zz"), NULL, 400, "invalid percent-encoding in the query"},
        {POST("/delete"), NULL, 400, "missing key"},
        {POST("/put"), NULL, 400, "invalid JSON"},
        {POST("/put"), "{", 400, "invalid JSON"},
        {POST("/put"), "[]", 400, "invalid JSON"},
        {POST("/put"), "{\"key\":\"a\",\"key\":\"b\"}", 400, "invalid JSON"},
        {POST("/put"), "{\"key\":\"\\ud800\"}", 400, "invalid JSON"},
        {POST("/put"), "{\"key\":\"\xff\"}", 400, "invalid JSON"},
        {POST("/put"), "{\"value\":\"v\"}", 400, "missing key"},
        {POST("/put"), "{\"key\":\"\",\"value\":\"v\"}", 400, "missing key"},
        {POST("/put"), "{\"key\":\"a\",\"value\":\"A\",\"encoding\":\"base64\"}", 400,
         "value is not valid base64"},
        {POST("/cluster/add"), "{", 400, "invalid JSON"},
        {POST("/cluster/add"), "{\"nodeId\":\"n\"}", 400, "nodeId and raftAddr required"},
        {POST("/cluster/remove"), "{}", 400, "nodeId required"},
        {POST("/cluster/add"), "{\"nodeId\":\"n\",\"raftAddr\":1}", 400, "invalid JSON"},
        {POST("/cluster/add"), "{\"nodeId\":\"n\",\"raftAddr\":\"h:1\",\"learner\":1}", 400,
         "invalid JSON"},
        {POST("/cluster/add"), "{\"nodeId\":\"n\",\"raftAddr\":\"h:1\",\"redisAddr\":[]}", 400,
         "invalid JSON"},
        {POST("/cluster/remove"), "{\"nodeId\":[]}", 400, "invalid JSON"},
        {POST("/cluster/remove"), "{\"nodeId\":\"n\",\"force\":\"yes\"}", 400, "invalid JSON"},
        {GET("/health") "\r\nHost: again", NULL, 400, "repeated Host"},
        {"GET /health HTTP/1.1", NULL, 400, "missing Host"},
        {GET("/health"), "body", 400, "this method takes no body"},
        {POST("/put") "\r\nContent-Length: 2", "{}", 400,
         "repeated Content-Length or Transfer-Encoding"},
        {POST("/put") "\r\nTransfer-Encoding: xchunked", NULL, 400,
         "unsupported Transfer-Encoding"},
        {POST("/put") "\r\nOrigin: http://evil.example", "{\"key\":\"a\"}", 403,
         "requests from other web sites are refused"},
        {POST("/put") "\r\nContent-Type: text/plain", "{\"key\":\"a\"}", 415,
         "use Content-Type: application/json"},
    };
    struct node node;
    open_node(&node, NULL, true);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char body[128];
        (void)snprintf(body, sizeof(body), "{\"ok\":false,\"error\":\"%s\"}", CASES[i].error);
        CU_ASSERT_TRUE(is_answer(ask(&node, CASES[i].head, CASES[i].body), CASES[i].status, body));
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(ask(&node, GET("/put"), NULL), "\r\nAllow: POST\r\n"));
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/get?key=a"), NULL), 404,
                             "{\"ok\":false,\"error\":\"key not found\"}"));
    close_node(&node);
}

UNIT_TEST(http_server, status_and_members_have_the_contracts_fields)
{
    struct node node;
    open_node(&node, NULL, true);
    const char *status = ask(&node, GET("/status"), NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(status, "\r\nContent-Type: application/json\r\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(status,
               "\r\n\r\n{\"nodeId\":\"node-1\",\"isLeader\":true,\"leader\":\"node-1\",\"term\":"));
    CU_ASSERT_PTR_NOT_NULL(strstr(status, ",\"state\":\"Leader\",\"peers\":[],"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ask(&node, GET("/cluster/members"), NULL),
                                  "\r\n\r\n{\"members\":[\"node-1\"],\"details\":[{\"id\":"));
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/health"), NULL), 200, "{\"ok\":true}"));
    close_node(&node);
}

UNIT_TEST(http_server, a_password_guards_all_but_health)
{
    static const char REFUSED[] = "{\"ok\":false,\"error\":\"wrong password\"}";
    static const char SERVED[] = "{\"ok\":false,\"error\":\"key not found\"}";
    struct node node;
    open_node(&node, "s3cret", true);
    const char *answer = ask(&node, GET("/get?key=a"), NULL);
    CU_ASSERT_TRUE(is_answer(answer, 401, "{\"ok\":false,\"error\":\"authentication required\"}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(answer, "\r\nWWW-Authenticate: Basic realm=\"quorum\""));
    /* default:s3cret, and default:s3cre */
    CU_ASSERT_TRUE(is_answer(
        ask(&node, GET("/get?key=a") "\r\nAuthorization: Basic ZGVmYXVsdDpzM2NyZXQ=", NULL), 404,
        SERVED));
    CU_ASSERT_TRUE(is_answer(
        ask(&node, GET("/get?key=a") "\r\nAuthorization: Basic ZGVmYXVsdDpzM2NyZQ==", NULL), 401,
        REFUSED));
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/get?key=a") "\r\nAuthorization: Bearer s3cret", NULL),
                             404, SERVED));
    CU_ASSERT_TRUE(is_answer(
        ask(&node, GET("/get?key=a") "\r\nAuthorization: Bearer s3cret2", NULL), 401, REFUSED));
    CU_ASSERT_TRUE(
        is_answer(ask(&node, GET("/get?key=a") "\r\nAuthorization: Basic !", NULL), 401, REFUSED));
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/health"), NULL), 200, "{\"ok\":true}"));
    close_node(&node);
}

UNIT_TEST(http_server, protected_mode_takes_only_names_nobody_else_can_choose)
{
    static const char *const SERVED[] = {"localhost:80", "127.0.0.1:1", "[::1]:2", "10.1.2.3",
                                         "own.example:9"};
    struct node node;
    char head[128];
    open_node(&node, NULL, true);
    for (size_t i = 0; i < sizeof(SERVED) / sizeof(SERVED[0]); i++) {
        (void)snprintf(head, sizeof(head), "GET /health HTTP/1.1\r\nHost: %s", SERVED[i]);
        CU_ASSERT_TRUE(is_answer(ask(&node, head, NULL), 200, "{\"ok\":true}"));
    }
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ask(&node, "GET /health HTTP/1.1\r\nHost: evil.example:80", NULL), "HTTP/1.1 403 "));
    close_node(&node);
    open_node(&node, NULL, false);
    CU_ASSERT_TRUE(is_answer(ask(&node, "GET /health HTTP/1.1\r\nHost: any.example:80", NULL), 200,
                             "{\"ok\":true}"));
    close_node(&node);
}

UNIT_TEST(http_server, pipelined_requests_are_answered_in_order)
{
    struct node node;
    struct buf text;
    buf_init(&text);
    open_node(&node, NULL, true);
    int client = connect_client(&node);
    send_all(client, slice_of_string(POST(
                         "/put") "\r\nContent-Length: 23\r\n\r\n"
                                 "{\"key\":\"a\",\"value\":\"1\"}" GET("/get?key=a") "\r\n\r\n" GET(
                                     "/health") "\r\nConnection: close\r\n\r\n"));
    receive(&node, client, &text, NULL);
    const char *first = strstr((const char *)buf_slice(&text).bytes, "\r\n\r\n{\"ok\":true}\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    const char *second = strstr(first, "\r\n\r\n{\"ok\":true,\"value\":\"1\"}\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT_PTR_NOT_NULL(strstr(second, "\r\n\r\n{\"ok\":true}\n"));
    (void)close(client);
    buf_deinit(&text);
    close_node(&node);
}

/* Every way for a client to be gone while its write waits; then the server closes under two more.
 * What this shows, it shows under asan and valgrind. */
UNIT_TEST(http_server, a_client_may_leave_and_the_server_close_while_an_answer_is_owed)
{
    static const char PUT[] =
        POST("/put") "\r\nContent-Length: 23\r\n\r\n{\"key\":\"a\",\"value\":\"1\"}";
    struct node node;
    open_node(&node, NULL, true);
    node.is_held = true;
    int leaving = connect_client(&node);
    int resetting = connect_client(&node);
    send_all(leaving, slice_of_string(PUT));
    send_all(resetting, slice_of_string(PUT));
    for (int i = 0; i < 50; i++) {
        turn(&node);
    }
    CU_ASSERT_EQUAL(http_server_unanswered(node.server), 2);
    const struct linger abrupt = {.l_onoff = 1};
    (void)setsockopt(resetting, SOL_SOCKET, SO_LINGER, &abrupt, sizeof(abrupt));
    (void)close(resetting);
    (void)close(leaving);
    for (int i = 0; i < 50; i++) {
        turn(&node);
    }
    node.is_held = false;
    for (int i = 0; i < 50; i++) {
        turn(&node);
    }
    CU_ASSERT_EQUAL(http_server_unanswered(node.server), 0);
    CU_ASSERT_TRUE(
        is_answer(ask(&node, GET("/get?key=a"), NULL), 200, "{\"ok\":true,\"value\":\"1\"}"));
    node.is_held = true;
    int waiting = connect_client(&node);
    send_all(waiting, slice_of_string(PUT));
    for (int i = 0; i < 50; i++) {
        turn(&node);
    }
    CU_ASSERT_EQUAL(http_server_unanswered(node.server), 1);
    http_server_close(node.server);
    /* The write goes on without its client; no session is touched for it any more. */
    struct replica_status before;
    struct replica_status after;
    replica_get_status(node.loop.replica, &before);
    node.is_held = false;
    for (int i = 0; i < 50; i++) {
        turn(&node);
    }
    replica_get_status(node.loop.replica, &after);
    CU_ASSERT_TRUE(after.applied_index > before.applied_index);
    replica_destroy(node.loop.replica);
    event_base_free(node.loop.base);
    (void)close(waiting);
}

UNIT_TEST(http_server, connections_over_the_limit_are_told_and_closed)
{
    struct node node;
    struct buf text;
    int clients[4];
    buf_init(&text);
    open_node(&node, NULL, true);
    for (int i = 0; i < 4; i++) {
        clients[i] = connect_client(&node);
    }
    turn(&node);
    int excess = connect_client(&node);
    receive(&node, excess, &text, NULL);
    CU_ASSERT_TRUE(strncmp((const char *)buf_slice(&text).bytes, "HTTP/1.1 503 ", 13) == 0);
    (void)close(excess);
    for (int i = 0; i < 4; i++) {
        (void)close(clients[i]);
    }
    for (int i = 0; i < 20; i++) {
        turn(&node);
    }
    CU_ASSERT_TRUE(is_answer(ask(&node, GET("/health"), NULL), 200, "{\"ok\":true}"));
    buf_deinit(&text);
    close_node(&node);
}

UNIT_TEST(http_server, draining_refuses_the_new_and_answers_the_old)
{
    struct node node;
    struct buf text;
    buf_init(&text);
    open_node(&node, NULL, true);
    int client = connect_client(&node);
    for (int i = 0; i < 10; i++) {
        turn(&node);
    }
    http_server_drain(node.server);
    send_all(client, slice_of_string(GET("/health") "\r\n\r\n"));
    receive(&node, client, &text, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)buf_slice(&text).bytes, "{\"ok\":true}"));
    (void)close(client);
    buf_deinit(&text);
    close_node(&node);
}
