/* test_http_intake.c -- the strict front at work before evhttp, over real sockets. H1 and so on:
 * lines of the catalogue of faults. */
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "lib/unit.h"
#include "net/http_internal.h"
#include "test_http_lab.h"

#define PUT(key) POST("/put") "\r\nContent-Length: 23\r\n\r\n{\"key\":\"" key "\",\"value\":\"1\"}"
#define HEALTH GET("/health") "\r\n\r\n"
#define NOT_FOUND "{\"ok\":false,\"error\":\"key not found\"}"

/* Sends bytes as they are and returns all that comes until the connection ends; freed by the next
 * call. */
static const char *talk(struct http_lab *node, struct slice bytes)
{
    static struct buf answer;
    int client = http_lab_connect(node);
    http_lab_send(client, bytes);
    buf_deinit(&answer);
    http_lab_receive(node, client, &answer, NULL);
    (void)close(client);
    return (const char *)buf_slice(&answer).bytes;
}

static uint32_t count_of(const char *text, const char *part)
{
    uint32_t count = 0;
    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}

static bool is_refusal(const char *answer, int status, const char *error)
{
    char body[256];
    (void)snprintf(body, sizeof(body), "{\"ok\":false,\"error\":\"%s\"}", error);
    return http_lab_is_answer(answer, status, body) && count_of(answer, "HTTP/1.1 ") == 1 &&
           strstr(answer, "\r\nConnection: close\r\n") != NULL &&
           strstr(answer, "\r\nContent-Type: application/json\r\n") != NULL;
}

/* ---- Refusals ---- */

UNIT_TEST(http_intake, h1_to_h11_are_refused_in_json_and_nothing_behind_is_executed)
{
    static const struct {
        const char *head;
        int status;
        const char *error;
    } CASES[] = {
        {POST("/put") "\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400,
         "repeated Content-Length or Transfer-Encoding"},
        {POST("/put") "\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
         "both Content-Length and Transfer-Encoding"},
        {POST("/put") "\r\nTransfer-Encoding: xchunked\r\n\r\n", 400,
         "unsupported Transfer-Encoding"},
        {POST("/put") "\r\nContent-Length: +0\r\n\r\n", 400, "malformed Content-Length"},
        {POST("/put") "\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n", 400,
         "malformed chunk size"},
        {"GET /health HTTP/1.1\nHost: localhost\n\n", 400, "malformed line end"},
        {GET("/health") "\r\nX : y\r\n\r\n", 400, "malformed header name"},
        {GET("/health") "\r\nX: y\r\n z\r\n\r\n", 400, "folded header line"},
        {GET("/health") "\r\nX: \x01\r\n\r\n", 400, "malformed header value"},
        {"GET /health HTTP/1.1\r\n\r\n", 400, "missing Host"},
        {"GET /health HTTP/1.9\r\nHost: localhost\r\n\r\n", 505, "HTTP version not supported"},
        {"BREW /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, "unknown method"},
        {"\x01\x02", 400, "malformed request line"},
    };
    struct http_lab node;
    http_lab_open(&node, NULL, true);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char stream[512];
        int size = snprintf(stream, sizeof(stream), "%s" PUT("x"), CASES[i].head);
        CU_ASSERT_TRUE(is_refusal(talk(&node, slice_of(stream, (size_t)size)), CASES[i].status,
                                  CASES[i].error));
    }
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, GET("/get?key=x"), NULL), 404, NOT_FOUND));
    http_lab_close(&node);
}

UNIT_TEST(http_intake, a_refusal_waits_for_the_answers_before_it)
{
    struct http_lab node;
    struct buf text = {0};
    http_lab_open(&node, NULL, true);
    node.is_held = true;
    int client = http_lab_connect(&node);
    http_lab_send(client, slice_of_string(PUT("a") HEALTH "garbage\r\n" PUT("b")));
    for (int i = 0; i < 100; i++) {
        http_lab_turn(&node);
    }
    CU_ASSERT_EQUAL(recv(client, buf_reserve(&text, 1), 1, MSG_DONTWAIT), -1);
    node.is_held = false;
    http_lab_receive(&node, client, &text, NULL);
    const char *answers = (const char *)buf_slice(&text).bytes;
    CU_ASSERT_EQUAL(count_of(answers, "HTTP/1.1 "), 3);
    CU_ASSERT_EQUAL(count_of(answers, "HTTP/1.1 200 OK"), 2);
    const char *last = strstr(answers, "HTTP/1.1 400 ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(last);
    CU_ASSERT_TRUE(is_refusal(last, 400, "malformed request line"));
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, GET("/get?key=b"), NULL), 404, NOT_FOUND));
    (void)close(client);
    buf_deinit(&text);
    http_lab_close(&node);
}

UNIT_TEST(http_intake, a_request_may_come_in_any_pieces)
{
    static const char CHUNKED[] =
        POST("/put") "\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n{\"k\r\n"
                     "14\r\ney\":\"a\",\"value\":\"2\"}\r\n0\r\nHost: evil\r\n\r\n";
    struct http_lab node;
    struct buf text = {0};
    http_lab_open(&node, NULL, true);
    int client = http_lab_connect(&node);
    for (size_t i = 0; i < sizeof(CHUNKED) - 1; i++) {
        http_lab_send(client, slice_of(CHUNKED + i, 1));
        http_lab_turn(&node);
    }
    http_lab_receive(&node, client, &text, "{\"ok\":true}\n");
    CU_ASSERT_TRUE(http_lab_is_answer((const char *)buf_slice(&text).bytes, 200, "{\"ok\":true}"));
    (void)close(client);
    CU_ASSERT_TRUE(http_lab_is_answer(http_lab_ask(&node, GET("/get?key=a"), NULL), 200,
                                      "{\"ok\":true,\"value\":\"2\"}"));
    buf_deinit(&text);
    http_lab_close(&node);
}

UNIT_TEST(http_intake, a_large_body_in_one_go_is_whole)
{
    struct http_lab node;
    struct buf body = {0};
    http_lab_open(&node, NULL, true);
    buf_append_format(&body, "{\"key\":\"large\",\"value\":\"");
    for (int i = 0; i < 40000; i++) {
        buf_append_format(&body, "%07d,", i);
    }
    buf_append_format(&body, "\"}%c", 0);
    const char *json = (const char *)buf_slice(&body).bytes;
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, POST("/put"), json), 200, "{\"ok\":true}"));
    const char *answer = http_lab_ask(&node, GET("/get?key=large"), NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(answer, "\"value\":\"0000000,0000001,"));
    CU_ASSERT_PTR_NOT_NULL(strstr(answer, ",0039999,\"}\n"));
    buf_deinit(&body);
    http_lab_close(&node);
}

/* ---- H13, H16: sizes ---- */

UNIT_TEST(http_intake, h13_what_is_too_long_is_answered_in_json)
{
    struct http_lab node;
    struct buf stream = {0};
    http_lab_open(&node, NULL, true);
    buf_append_format(&stream, "GET /%0*d", 9000, 0);
    CU_ASSERT_TRUE(is_refusal(talk(&node, buf_slice(&stream)), 414, "request line too long"));
    buf_clear(&stream);
    buf_append_format(&stream, GET("/health") "\r\nX: %0*d", 9000, 0);
    CU_ASSERT_TRUE(is_refusal(talk(&node, buf_slice(&stream)), 431, "headers too long"));
    buf_clear(&stream);
    buf_append_format(&stream, GET("/health"));
    for (int i = 0; i < HTTP_HEADERS_MAX; i++) {
        buf_append_format(&stream, "\r\nX: %d", i);
    }
    CU_ASSERT_TRUE((buf_append_format(&stream, "\r\n\r\n"),
                    is_refusal(talk(&node, buf_slice(&stream)), 431, "too many headers")));
    /* A body over the limit is read to its end first. */
    buf_clear(&stream);
    buf_append_format(&stream, POST("/put") "\r\nContent-Length: 1100000\r\n\r\n%0*d", 1100000, 0);
    CU_ASSERT_TRUE(is_refusal(talk(&node, buf_slice(&stream)), 413, "body too large"));
    buf_clear(&stream);
    buf_append_format(&stream, POST("/put") "\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n");
    CU_ASSERT_TRUE(is_refusal(talk(&node, buf_slice(&stream)), 413, "body too large"));
    buf_deinit(&stream);
    http_lab_close(&node);
}

UNIT_TEST(http_intake, h16_expect_gets_its_word_or_the_413_before_the_body)
{
    struct http_lab node;
    struct buf text = {0};
    http_lab_open(&node, NULL, true);
    CU_ASSERT_TRUE(
        is_refusal(talk(&node, SLICE_LITERAL(POST("/put") "\r\nExpect: 100-continue\r\n"
                                                          "Content-Length: 1048577\r\n\r\n")),
                   413, "body too large"));
    int client = http_lab_connect(&node);
    http_lab_send(client, SLICE_LITERAL(POST("/put") "\r\nExpect: 100-continue\r\n"
                                                     "Content-Length: 23\r\n\r\n"));
    http_lab_receive(&node, client, &text, "\r\n\r\n");
    CU_ASSERT_STRING_EQUAL((const char *)buf_slice(&text).bytes, "HTTP/1.1 100 Continue\r\n\r\n");
    http_lab_send(client, SLICE_LITERAL("{\"key\":\"e\",\"value\":\"1\"}"));
    buf_clear(&text);
    http_lab_receive(&node, client, &text, "{\"ok\":true}\n");
    CU_ASSERT_TRUE(http_lab_is_answer((const char *)buf_slice(&text).bytes, 200, "{\"ok\":true}"));
    (void)close(client);
    buf_deinit(&text);
    http_lab_close(&node);
}

/* ---- H14: time ---- */

/* Runs turns until the connection ends; what came is in text. False after ten seconds. */
static bool ends_in_time(struct http_lab *node, int client, struct buf *text, const char *drip)
{
    uint64_t end_us = loop_monotonic_us() + 10000000;
    while (loop_monotonic_us() < end_us) {
        http_lab_turn(node);
        if (drip != NULL) {
            (void)send(client, drip, strlen(drip), MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        uint8_t *at = buf_reserve(text, 4096);
        ssize_t got = recv(client, at, 4095, MSG_DONTWAIT);
        buf_commit(text, got > 0 ? (size_t)got : 0);
        *buf_reserve(text, 1) = '\0';
        if (got == 0) {
            return true;
        }
        (void)usleep(20000);
    }
    return false;
}

static const struct http_server_options IMPATIENT = {
    .timeout_seconds = 1,
    .grace_ms = 300,
};

UNIT_TEST(http_intake, h14_a_head_and_a_body_that_drip_are_refused)
{
    static const struct {
        const char *begin;
        const char *drip;
    } CASES[] = {
        {"GE", NULL},
        {GET("/health") "\r\nX: ", "x"},
        {HEALTH "GET /", "x"},
        {POST("/put") "\r\nContent-Length: 100000\r\n\r\n", "x"},
        {POST("/put") "\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
        {POST("/put") "\r\nContent-Length: 2000000\r\n\r\n", "x"},
    };
    struct http_lab node;
    http_lab_open_with(&node, NULL, &IMPATIENT);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buf text = {0};
        int client = http_lab_connect(&node);
        http_lab_send(client, slice_of_string(CASES[i].begin));
        CU_ASSERT_TRUE(ends_in_time(&node, client, &text, CASES[i].drip));
        const char *answer = strstr((const char *)buf_slice(&text).bytes, "HTTP/1.1 408 ");
        CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
        CU_ASSERT_TRUE(is_refusal(answer, 408, "the request is too slow"));
        (void)close(client);
        buf_deinit(&text);
    }
    http_lab_close(&node);
}

UNIT_TEST(http_intake, h14_a_silent_connection_ends_without_a_word)
{
    static const char *const BEGINS[] = {"", HEALTH, "\r\n"};
    struct http_lab node;
    http_lab_open_with(&node, NULL, &IMPATIENT);
    for (size_t i = 0; i < sizeof(BEGINS) / sizeof(BEGINS[0]); i++) {
        struct buf text = {0};
        int client = http_lab_connect(&node);
        http_lab_send(client, slice_of_string(BEGINS[i]));
        CU_ASSERT_TRUE(ends_in_time(&node, client, &text, NULL));
        CU_ASSERT_EQUAL(
            buf_size(&text) == 0 ? 0 : count_of((const char *)buf_slice(&text).bytes, "HTTP/1.1 "),
            i == 1);
        (void)close(client);
        buf_deinit(&text);
    }
    http_lab_close(&node);
}

UNIT_TEST(http_intake, h14_who_does_not_take_an_answer_is_given_up)
{
    struct http_lab node;
    struct buf body = {0};
    int size = 4096;
    http_lab_open_with(&node, NULL, &IMPATIENT);
    buf_append_format(&body, "{\"key\":\"large\",\"value\":\"%0*d\"}%c", 1000000, 0, 0);
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, POST("/put"), (const char *)buf_slice(&body).bytes),
                           200, "{\"ok\":true}"));
    int client = http_lab_connect(&node);
    (void)setsockopt(client, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    for (int i = 0; i < 20; i++) {
        http_lab_send(client, SLICE_LITERAL(GET("/get?key=large") "\r\n\r\n"));
    }
    uint64_t end_us = loop_monotonic_us() + 10000000;
    bool was_seen = false;
    while (loop_monotonic_us() < end_us) {
        http_lab_turn(&node);
        was_seen = was_seen || http_server_unanswered(node.server) == 1;
        if (was_seen && list_is_empty(&node.server->connections)) {
            break;
        }
        (void)usleep(1000);
    }
    CU_ASSERT_TRUE(was_seen);
    CU_ASSERT_TRUE(list_is_empty(&node.server->connections));
    (void)close(client);
    buf_deinit(&body);
    http_lab_close(&node);
}

/* Pieces of memory that a buffer is made of. */
static size_t pieces_of(struct evbuffer *buffer)
{
    return (size_t)evbuffer_peek(buffer, -1, NULL, NULL, 0);
}

/* One byte read is not one allocation kept. */
UNIT_TEST(http_intake, h14_a_drip_costs_no_more_memory_than_its_bytes)
{
    static const struct {
        const char *begin;
        bool is_held;
    } CASES[] = {
        {POST("/put") "\r\nContent-Length: 9000\r\n\r\n", false},
        {GET("/health") "\r\nX: ", false},
        {GET("/get?key=large") "\r\n\r\n" HEALTH HEALTH, true},
    };
    struct http_lab node;
    struct buf body = {0};
    http_lab_open(&node, NULL, true);
    buf_append_format(&body, "{\"key\":\"large\",\"value\":\"%0*d\"}%c", 1000000, 0, 0);
    (void)http_lab_ask(&node, POST("/put"), (const char *)buf_slice(&body).bytes);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        http_connections_sweep(node.server);
        int client = http_lab_connect(&node);
        for (int repeats = CASES[i].is_held ? 20 : 1; repeats > 0; repeats--) {
            http_lab_send(client, slice_of_string(CASES[i].begin));
        }
        for (int j = 0; j < 4000; j++) {
            (void)send(client, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
            http_lab_turn(&node);
        }
        const struct http_connection *connection =
            LIST_MEMBER(node.server->connections.previous, struct http_connection, link);
        size_t bytes =
            evbuffer_get_length(connection->raw) + evbuffer_get_length(connection->staged);
        CU_ASSERT_TRUE(bytes > 2000);
        CU_ASSERT_TRUE(pieces_of(connection->raw) + pieces_of(connection->staged) < 20);
        (void)close(client);
    }
    buf_deinit(&body);
    http_lab_close(&node);
}

/* ---- H15: pipelines ---- */

UNIT_TEST(http_intake, h15_forty_requests_in_one_go_are_answered_in_order)
{
    struct http_lab node;
    struct buf stream = {0};
    http_lab_open(&node, NULL, true);
    for (int i = 0; i < 40; i++) {
        buf_append_format(&stream, GET("/get?key=k%d"), i);
        buf_append_format(&stream, "%s\r\n\r\n", i == 39 ? "\r\nConnection: close" : "");
        char put[128];
        (void)snprintf(put, sizeof(put), "{\"key\":\"k%d\",\"value\":\"v%d\"}", i, i);
        (void)http_lab_ask(&node, POST("/put"), put);
    }
    const char *answers = talk(&node, buf_slice(&stream));
    for (int i = 0; i < 40 && answers != NULL; i++) {
        char value[32];
        (void)snprintf(value, sizeof(value), "\"value\":\"v%d\"}", i);
        answers = strstr(answers, value);
    }
    CU_ASSERT_PTR_NOT_NULL(answers);
    buf_deinit(&stream);
    http_lab_close(&node);
}

UNIT_TEST(http_intake, h15_a_flood_behind_an_answer_that_is_owed_stays_in_the_socket)
{
    struct http_lab node;
    struct buf flood = {0};
    struct buf text = {0};
    http_lab_open(&node, NULL, true);
    for (int i = 0; i < 1000; i++) {
        buf_append_format(&flood, HEALTH);
    }
    node.is_held = true;
    int client = http_lab_connect(&node);
    http_lab_send(client, slice_of_string(PUT("a")));
    size_t sent_bytes = 0;
    size_t held_bytes = 0;
    for (int i = 0; i < 3000; i++) {
        size_t at = sent_bytes % buf_size(&flood);
        ssize_t sent = send(client, buf_slice(&flood).bytes + at, buf_size(&flood) - at,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        sent_bytes += sent > 0 ? (size_t)sent : 0;
        http_lab_turn(&node);
        /* The answers to begin with are let out in between, each for a moment. */
        node.is_held = i < 1000 || i % 2 == 0;
        const struct http_connection *connection =
            LIST_MEMBER(node.server->connections.next, struct http_connection, link);
        size_t held = evbuffer_get_length(connection->raw) + evbuffer_get_length(connection->input);
        held_bytes = held > held_bytes ? held : held_bytes;
        if (i >= 1000) {
            (void)recv(client, buf_reserve(&text, 65536), 65536, MSG_DONTWAIT);
        }
    }
    CU_ASSERT_TRUE(sent_bytes > 200000);
    CU_ASSERT_TRUE(held_bytes > 0);
    CU_ASSERT_TRUE(held_bytes < 64 * 1024 + 2 * 16384);
    (void)close(client);
    buf_deinit(&flood);
    buf_deinit(&text);
    http_lab_close(&node);
}

/* An answer of a megabyte that the client does not take, the last request behind it, and then what
 * is of no interest. */
UNIT_TEST(http_intake, h15_what_comes_in_behind_a_request_that_waits_leaves_it_alone)
{
    struct http_lab node;
    struct buf body = {0};
    struct buf text = {0};
    int size = 128 * 1024;
    http_lab_open(&node, NULL, true);
    buf_append_format(&body, "{\"key\":\"large\",\"value\":\"%0*d\"}%c", 1000000, 0, 0);
    (void)http_lab_ask(&node, POST("/put"), (const char *)buf_slice(&body).bytes);
    int client = http_lab_connect(&node);
    (void)setsockopt(client, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    for (int i = 0; i < 8; i++) {
        http_lab_send(client, SLICE_LITERAL(GET("/get?key=large") "\r\n\r\n"));
    }
    http_lab_send(client, SLICE_LITERAL(GET("/get?key=last") "\r\nConnection: close\r\n\r\n"));
    uint64_t end_us = loop_monotonic_us() + 20000000;
    for (int i = 0; loop_monotonic_us() < end_us; i++) {
        http_lab_turn(&node);
        /* Bit by bit, so that it meets every stage of the answers. */
        if (i % 4 == 0) {
            (void)send(client, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        ssize_t got = recv(client, buf_reserve(&text, 65536), 65536, MSG_DONTWAIT);
        if (got == 0) {
            break;
        }
        buf_commit(&text, got > 0 ? (size_t)got : 0);
    }
    buf_append_byte(&text, '\0');
    const char *answers = (const char *)buf_slice(&text).bytes;
    CU_ASSERT_EQUAL(count_of(answers, "HTTP/1.1 200 OK"), 8);
    const char *last = strstr(answers, "HTTP/1.1 404 ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(last);
    CU_ASSERT_TRUE(http_lab_is_answer(last, 404, NOT_FOUND));
    (void)close(client);
    buf_deinit(&text);
    buf_deinit(&body);
    http_lab_close(&node);
}

/* ---- Leaving ---- */

/* What this shows, it shows under asan. */
UNIT_TEST(http_intake, a_client_may_leave_in_the_middle_of_anything)
{
    static const char STREAM[] = PUT("a") HEALTH POST("/put") "\r\nContent-Length: 9\r\n\r\nabc";
    struct http_lab node;
    http_lab_open(&node, NULL, true);
    for (size_t size = 1; size < sizeof(STREAM); size += 3) {
        for (int turns = 0; turns < 3; turns++) {
            int client = http_lab_connect(&node);
            http_lab_send(client, slice_of(STREAM, size));
            for (int i = 0; i < turns; i++) {
                http_lab_turn(&node);
            }
            (void)close(client);
            for (int i = 0; i < 4; i++) {
                http_lab_turn(&node);
            }
        }
    }
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, GET("/health"), NULL), 200, "{\"ok\":true}"));
    int left = http_lab_connect(&node);
    http_lab_send(left, SLICE_LITERAL(POST("/put") "\r\nContent-Length: 9\r\n\r\nabc"));
    for (int i = 0; i < 10; i++) {
        http_lab_turn(&node);
    }
    http_lab_close(&node);
    (void)close(left);
}
