/* test_http_server.c -- the HTTP API over real sockets on a cluster of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "lib/unit.h"
#include "test_http_lab.h"

UNIT_TEST(http_server, data_routes_answer_to_the_field)
{
    struct http_lab node;
    http_lab_open(&node, NULL, true);
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, GET("/get?key=hello"), NULL), 404,
                                      "{\"ok\":false,\"error\":\"key not found\"}"));
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, POST("/put") "\r\nContent-Type: application/json",
                                        "{\"key\": \"hello\", \"value\": \"world\"}"),
                           200, "{\"ok\":true}"));
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, GET("/get?key=hello"), NULL), 200,
                                      "{\"ok\":true,\"value\":\"world\"}"));
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, GET("/get?key=hello&local=true"), NULL),
                                      200, "{\"ok\":true,\"value\":\"world\"}"));
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, GET("/get?key=hello&redirect=true"), NULL), 200,
                           "{\"ok\":true,\"value\":\"world\"}"));
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, POST("/delete?key=hello"), NULL), 200,
                                      "{\"ok\":true}"));
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, POST("/delete?key=hello"), NULL), 200,
                                      "{\"ok\":true}"));
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, GET("/get?key=hello"), NULL), 404,
                                      "{\"ok\":false,\"error\":\"key not found\"}"));
    http_lab_close(&node);
}

UNIT_TEST(http_server, keys_and_values_are_any_bytes)
{
    struct http_lab node;
    http_lab_open(&node, NULL, true);
    (void)http_lab_ask(&node, POST("/put"),
                       "{\"key\":\"k\\u0000\\u00e9\",\"value\":\"a\\u0000\\\"\"}");
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, GET("/get?key=k%00%c3%a9"), NULL), 200,
                                      "{\"ok\":true,\"value\":\"a\\u0000\\\"\"}"));
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, GET("/get?key=k%00%c3%a9&encoding=base64"), NULL),
                           200, "{\"ok\":true,\"value\":\"YQAi\",\"encoding\":\"base64\"}"));
    (void)http_lab_ask(&node, POST("/put"),
                       "{\"key\":\"a b\",\"value\":\"AP/+\",\"encoding\":\"base64\"}");
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, GET("/get?key=a+b"), NULL), 200,
                                      "{\"ok\":true,\"value\":\"AP/+\",\"encoding\":\"base64\"}"));
    (void)http_lab_ask(&node, POST("/put"), "{\"key\":\"empty\"}");
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, GET("/get?key=empty"), NULL), 200,
                                      "{\"ok\":true,\"value\":\"\"}"));
    http_lab_close(&node);
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
    struct http_lab node;
    http_lab_open(&node, NULL, true);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char body[128];
        (void)snprintf(body, sizeof(body), "{\"ok\":false,\"error\":\"%s\"}", CASES[i].error);
        CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, CASES[i].head, CASES[i].body),
                                          CASES[i].status, body));
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(http_lab_ask(&node, GET("/put"), NULL), "\r\nAllow: POST\r\n"));
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, GET("/get?key=a"), NULL), 404,
                                      "{\"ok\":false,\"error\":\"key not found\"}"));
    http_lab_close(&node);
}

UNIT_TEST(http_server, status_and_members_have_the_contracts_fields)
{
    struct http_lab node;
    http_lab_open(&node, NULL, true);
    const char *status = http_lab_ask(&node, GET("/status"), NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(status, "\r\nContent-Type: application/json\r\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(status,
               "\r\n\r\n{\"nodeId\":\"node-1\",\"isLeader\":true,\"leader\":\"node-1\",\"term\":"));
    CU_ASSERT_PTR_NOT_NULL(strstr(status, ",\"state\":\"Leader\",\"peers\":[],"));
    CU_ASSERT_PTR_NOT_NULL(strstr(http_lab_ask(&node, GET("/cluster/members"), NULL),
                                  "\r\n\r\n{\"members\":[\"node-1\"],\"details\":[{\"id\":"));
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, GET("/health"), NULL), 200, "{\"ok\":true}"));
    http_lab_close(&node);
}

UNIT_TEST(http_server, members_are_added_and_removed)
{
    static const char LEARNER[] = "{\"nodeId\":\"node-4\",\"raftAddr\":\"localhost:9004\","
                                  "\"httpAddr\":\"localhost:8004\",\"redisAddr\":null,"
                                  "\"learner\":true}";
    static const char ELSEWHERE[] = "{\"nodeId\":\"node-4\",\"raftAddr\":\"localhost:9005\"}";
    static const char NODE_4[] = "{\"nodeId\":\"node-4\"}";
    struct http_lab node;
    http_lab_open(&node, NULL, true);
    CU_ASSERT_TRUE(http_lab_is_like(http_lab_ask(&node, POST("/cluster/add"), LEARNER), 200,
                                    "\r\n\r\n{\"ok\":true,\"index\":"));
    CU_ASSERT_TRUE(
        http_lab_is_like(http_lab_ask(&node, POST("/cluster/add"), LEARNER), 200, "{\"ok\":true,"));
    CU_ASSERT_TRUE(
        http_lab_is_like(http_lab_ask(&node, GET("/cluster/members"), NULL), 200,
                         "{\"id\":\"node-4\",\"raftAddr\":\"localhost:9004\",\"httpAddr\":"
                         "\"localhost:8004\",\"redisAddr\":\"\",\"role\":\"learner\","));
    CU_ASSERT_TRUE(http_lab_is_like(http_lab_ask(&node, POST("/cluster/add"), ELSEWHERE), 409,
                                    "{\"ok\":false,\"error\":\"MEMBEREXISTS node-4 "));
    CU_ASSERT_TRUE(http_lab_is_like(http_lab_ask(&node, POST("/cluster/add"), ELSEWHERE), 409,
                                    ",\"leader\":\"node-1\"}\n"));
    CU_ASSERT_TRUE(
        http_lab_is_like(http_lab_ask(&node, POST("/cluster/remove"), "{\"nodeId\":\"node-1\"}"),
                         409, "\"LASTVOTER node-1 "));
    CU_ASSERT_TRUE(http_lab_is_like(http_lab_ask(&node, POST("/cluster/remove"), NODE_4), 200,
                                    "\r\n\r\n{\"ok\":true,\"index\":"));
    CU_ASSERT_TRUE(
        http_lab_is_like(http_lab_ask(&node, POST("/cluster/remove"), NODE_4), 404, "\"NOMEMBER "));
    CU_ASSERT_TRUE(
        http_lab_is_like(http_lab_ask(&node, POST("/cluster/add"),
                                      "{\"nodeId\":\"node-4\",\"raftAddr\":\"nonsense\"}"),
                         400, "\"ERR not an address"));
    /* Without "learner" it is to have a vote, once it has caught up. */
    CU_ASSERT_TRUE(http_lab_is_like(http_lab_ask(&node, POST("/cluster/add"), ELSEWHERE), 200,
                                    "{\"ok\":true,"));
    CU_ASSERT_TRUE(http_lab_is_like(http_lab_ask(&node, GET("/cluster/members"), NULL), 200,
                                    "\"redisAddr\":\"\",\"role\":\"joining\","));
    http_lab_close(&node);
}

UNIT_TEST(http_server, a_change_that_is_not_committed_yet_is_waited_for)
{
    struct http_lab node;
    http_lab_open(&node, NULL, true);
    node.is_held = true;
    int client = http_lab_connect(&node);
    http_lab_send(client, SLICE_LITERAL(POST("/cluster/add") "\r\nConnection: close\r\n"
                                                             "Content-Length: 42\r\n\r\n"
                                                             "{\"nodeId\":\"n-2\",\"raftAddr\":"
                                                             "\"localhost:92\"}"));
    struct buf answer = {0};
    for (int i = 0; i < 200; i++) {
        http_lab_turn(&node);
        (void)usleep(100);
    }
    CU_ASSERT_EQUAL(recv(client, buf_reserve(&answer, 1), 1, MSG_DONTWAIT), -1);
    /* Another one meanwhile is told so. */
    CU_ASSERT_TRUE(http_lab_is_like(
        http_lab_ask(&node, POST("/cluster/remove"), "{\"nodeId\":\"n-2\"}"), 409, "\"CHANGING "));
    node.is_held = false;
    http_lab_receive(&node, client, &answer, NULL);
    CU_ASSERT_TRUE(
        http_lab_is_like((const char *)buf_slice(&answer).bytes, 200, "{\"ok\":true,\"index\":"));
    (void)close(client);
    buf_deinit(&answer);
    http_lab_close(&node);
}

UNIT_TEST(http_server, a_password_guards_all_but_health)
{
    static const char REFUSED[] = "{\"ok\":false,\"error\":\"wrong password\"}";
    static const char SERVED[] = "{\"ok\":false,\"error\":\"key not found\"}";
    struct http_lab node;
    http_lab_open(&node, "s3cret", true);
    const char *answer = http_lab_ask(&node, GET("/get?key=a"), NULL);
    CU_ASSERT_TRUE(
        http_lab_is_answer(answer, 401, "{\"ok\":false,\"error\":\"authentication required\"}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(answer, "\r\nWWW-Authenticate: Basic realm=\"quorum\""));
    /* default:s3cret, and default:s3cre */
    CU_ASSERT_TRUE(http_lab_is_answer(
        http_lab_ask(&node,
                     GET("/get?key=a") "\r\nAuthorization: Basic ZGVmYXVsdDpzM2NyZXQ=", NULL),
        404, SERVED));
    CU_ASSERT_TRUE(http_lab_is_answer(
        http_lab_ask(&node,
                     GET("/get?key=a") "\r\nAuthorization: Basic ZGVmYXVsdDpzM2NyZQ==", NULL),
        401, REFUSED));
    CU_ASSERT_TRUE(http_lab_is_answer(
        http_lab_ask(&node, GET("/get?key=a") "\r\nAuthorization: Bearer s3cret", NULL), 404,
        SERVED));
    CU_ASSERT_TRUE(http_lab_is_answer(
        http_lab_ask(&node, GET("/get?key=a") "\r\nAuthorization: Bearer s3cret2", NULL), 401,
        REFUSED));
    CU_ASSERT_TRUE(http_lab_is_answer(
        http_lab_ask(&node, GET("/get?key=a") "\r\nAuthorization: Basic !", NULL), 401, REFUSED));
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, GET("/health"), NULL), 200, "{\"ok\":true}"));
    http_lab_close(&node);
}

UNIT_TEST(http_server, protected_mode_takes_only_names_nobody_else_can_choose)
{
    static const char *const SERVED[] = {"localhost:80", "127.0.0.1:1", "[::1]:2", "10.1.2.3",
                                         "own.example:9"};
    struct http_lab node;
    char head[128];
    http_lab_open(&node, NULL, true);
    for (size_t i = 0; i < sizeof(SERVED) / sizeof(SERVED[0]); i++) {
        (void)snprintf(head, sizeof(head), "GET /health HTTP/1.1\r\nHost: %s", SERVED[i]);
        CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, head, NULL), 200, "{\"ok\":true}"));
    }
    CU_ASSERT_PTR_NOT_NULL(
        strstr(http_lab_ask(&node, "GET /health HTTP/1.1\r\nHost: evil.example:80", NULL),
               "HTTP/1.1 403 "));
    http_lab_close(&node);
    http_lab_open(&node, NULL, false);
    CU_ASSERT_TRUE(http_lab_is_answer(
        http_lab_ask(&node, "GET /health HTTP/1.1\r\nHost: any.example:80", NULL), 200,
        "{\"ok\":true}"));
    http_lab_close(&node);
}

UNIT_TEST(http_server, pipelined_requests_are_answered_in_order)
{
    struct http_lab node;
    struct buf text;
    buf_init(&text);
    http_lab_open(&node, NULL, true);
    int client = http_lab_connect(&node);
    http_lab_send(
        client, slice_of_string(
                    POST("/put") "\r\nContent-Length: 23\r\n\r\n"
                                 "{\"key\":\"a\",\"value\":\"1\"}" GET("/get?key=a") "\r\n\r\n" GET(
                                     "/health") "\r\nConnection: close\r\n\r\n"));
    http_lab_receive(&node, client, &text, NULL);
    const char *first = strstr((const char *)buf_slice(&text).bytes, "\r\n\r\n{\"ok\":true}\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    const char *second = strstr(first, "\r\n\r\n{\"ok\":true,\"value\":\"1\"}\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT_PTR_NOT_NULL(strstr(second, "\r\n\r\n{\"ok\":true}\n"));
    (void)close(client);
    buf_deinit(&text);
    http_lab_close(&node);
}

/* Every way for a client to be gone while its write waits; then the server closes under two more.
 * What this shows, it shows under asan and valgrind. */
UNIT_TEST(http_server, a_client_may_leave_and_the_server_close_while_an_answer_is_owed)
{
    static const char PUT[] =
        POST("/put") "\r\nContent-Length: 23\r\n\r\n{\"key\":\"a\",\"value\":\"1\"}";
    struct http_lab node;
    http_lab_open(&node, NULL, true);
    node.is_held = true;
    int leaving = http_lab_connect(&node);
    int resetting = http_lab_connect(&node);
    http_lab_send(leaving, slice_of_string(PUT));
    http_lab_send(resetting, slice_of_string(PUT));
    for (int i = 0; i < 50; i++) {
        http_lab_turn(&node);
    }
    CU_ASSERT_EQUAL(http_server_unanswered(node.server), 2);
    const struct linger abrupt = {.l_onoff = 1};
    (void)setsockopt(resetting, SOL_SOCKET, SO_LINGER, &abrupt, sizeof(abrupt));
    (void)close(resetting);
    (void)close(leaving);
    for (int i = 0; i < 50; i++) {
        http_lab_turn(&node);
    }
    node.is_held = false;
    for (int i = 0; i < 50; i++) {
        http_lab_turn(&node);
    }
    CU_ASSERT_EQUAL(http_server_unanswered(node.server), 0);
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, GET("/get?key=a"), NULL), 200,
                                      "{\"ok\":true,\"value\":\"1\"}"));
    node.is_held = true;
    int waiting = http_lab_connect(&node);
    http_lab_send(waiting, slice_of_string(PUT));
    for (int i = 0; i < 50; i++) {
        http_lab_turn(&node);
    }
    CU_ASSERT_EQUAL(http_server_unanswered(node.server), 1);
    http_server_close(node.server);
    /* The write goes on without its client; no session is touched for it any more. */
    struct replica_status before;
    struct replica_status after;
    replica_get_status(node.loop.replica, &before);
    node.is_held = false;
    for (int i = 0; i < 50; i++) {
        http_lab_turn(&node);
    }
    replica_get_status(node.loop.replica, &after);
    CU_ASSERT_TRUE(after.applied_index > before.applied_index);
    replica_destroy(node.loop.replica);
    event_base_free(node.loop.base);
    (void)close(waiting);
}

UNIT_TEST(http_server, connections_over_the_limit_are_told_and_closed)
{
    struct http_lab node;
    struct buf text;
    int clients[4];
    buf_init(&text);
    http_lab_open(&node, NULL, true);
    for (int i = 0; i < 4; i++) {
        clients[i] = http_lab_connect(&node);
    }
    http_lab_turn(&node);
    int excess = http_lab_connect(&node);
    http_lab_receive(&node, excess, &text, NULL);
    CU_ASSERT_TRUE(strncmp((const char *)buf_slice(&text).bytes, "HTTP/1.1 503 ", 13) == 0);
    (void)close(excess);
    for (int i = 0; i < 4; i++) {
        (void)close(clients[i]);
    }
    for (int i = 0; i < 20; i++) {
        http_lab_turn(&node);
    }
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, GET("/health"), NULL), 200, "{\"ok\":true}"));
    buf_deinit(&text);
    http_lab_close(&node);
}

UNIT_TEST(http_server, draining_refuses_the_new_and_answers_the_old)
{
    struct http_lab node;
    struct buf text;
    buf_init(&text);
    http_lab_open(&node, NULL, true);
    int client = http_lab_connect(&node);
    for (int i = 0; i < 10; i++) {
        http_lab_turn(&node);
    }
    http_server_drain(node.server);
    http_lab_send(client, slice_of_string(GET("/health") "\r\n\r\n"));
    http_lab_receive(&node, client, &text, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)buf_slice(&text).bytes, "{\"ok\":true}"));
    (void)close(client);
    buf_deinit(&text);
    http_lab_close(&node);
}
