/* test_http_check.c -- well-formed requests that a careful server refuses or takes to the letter:
 * lines H17 to H20 of the catalogue of faults. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "lib/unit.h"
#include "net/http_internal.h"
#include "test_http_lab.h"

UNIT_TEST(http_check, h17_no_page_of_another_site_writes)
{
    static const struct {
        const char *head;
        int status;
    } CASES[] = {
        {POST("/put") "\r\nOrigin: http://localhost", 200},
        {POST("/put") "\r\nSec-Fetch-Site: same-origin", 200},
        {POST("/put") "\r\nOrigin: http://localhost:1", 403},
        {POST("/put") "\r\nOrigin: null", 403},
        {POST("/put") "\r\nOrigin: http://localhost.evil.example", 403},
        {POST("/put") "\r\nSec-Fetch-Site: cross-site", 403},
        {POST("/put") "\r\nSec-Fetch-Site: same-site", 403},
        {POST("/put") "\r\nContent-Type: text/plain;charset=utf-8", 415},
        {POST("/put") "\r\nContent-Type: multipart/form-data; boundary=x", 415},
        {POST("/delete?key=x") "\r\nOrigin: http://evil.example", 403},
        {POST("/cluster/remove") "\r\nOrigin: http://evil.example", 403},
        {"POST /put HTTP/1.1\r\nHost: evil.example", 403},
        {"POST /put HTTP/1.1\r\nHost: localhost.evil.example", 403},
        {"POST /put HTTP/1.1\r\nHost:", 403},
    };
    struct http_lab node;
    http_lab_open(&node, NULL, true);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const char *answer = http_lab_ask(&node, CASES[i].head, "{\"key\":\"x\",\"value\":\"1\"}");
        CU_ASSERT_TRUE(http_lab_is_like(answer, CASES[i].status, "\"ok\":"));
        CU_ASSERT_PTR_NULL(strstr(answer, "Access-Control"));
        CU_ASSERT_PTR_NULL(strstr(answer, "evil"));
    }
    http_lab_close(&node);
}

/* A value nested so deep in others. */
static void nest(struct buf *out, int depth)
{
    buf_clear(out);
    buf_append_format(out, "{\"key\":\"x\",\"value\":\"[[[[\\\"{{{{\",\"more\":");
    for (int i = 1; i < depth; i++) {
        buf_append_byte(out, '[');
    }
    for (int i = 1; i < depth; i++) {
        buf_append_byte(out, ']');
    }
    buf_append_format(out, "}%c", 0);
}

UNIT_TEST(http_check, h18_json_that_parsers_read_differently_is_refused)
{
    static const char *const WRONG[] = {
        "{\"key\":\"x\",\"value\":\"\\udc00\"}",
        "{\"key\":\"x\",\"value\":\"\\ud800\\u0041\"}",
        "{\"key\":\"x\",\"value\":\"\xc0\xaf\"}",
        "{\"key\":\"x\",\"value\":\"\xed\xa0\x80\"}",
        "{\"key\":\"x\",\"value\":\"1\",\"value\":\"2\"}",
        "{\"key\":\"x\",\"value\":\"1\",\"k\\u0065y\":\"y\"}",
        "{\"key\":\"x\",\"value\":1e400}",
        "{\"key\":\"x\",\"value\":\"1\",\"more\":1e400}",
        "{\"key\":\"x\",\"value\":\"1\",\"more\":99999999999999999999}",
        "{\"key\":\"x\",\"value\":\"1\",\"more\":NaN}",
        "{\"key\":\"x\",\"value\":\"1\",\"more\":01}",
        "{\"key\":\"x\",\"value\":\"1\"} {}",
        "{\"key\":\"x\",\"value\":\"1\",}",
        "{\"key\":\"x\",\"value\":\"\t\"}",
        "\xef\xbb\xbf{\"key\":\"x\",\"value\":\"1\"}",
    };
    struct http_lab node;
    struct buf body = {0};
    http_lab_open(&node, NULL, true);
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        CU_ASSERT_TRUE(http_lab_is_like(http_lab_ask(&node, POST("/put"), WRONG[i]), 400,
                                        "{\"ok\":false,\"error\":\"invalid JSON"));
    }
    nest(&body, HTTP_JSON_DEPTH_MAX);
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, POST("/put"), (const char *)buf_slice(&body).bytes),
                           200, "{\"ok\":true}"));
    nest(&body, HTTP_JSON_DEPTH_MAX + 1);
    CU_ASSERT_TRUE(
        http_lab_is_answer(http_lab_ask(&node, POST("/put"), (const char *)buf_slice(&body).bytes),
                           400, "{\"ok\":false,\"error\":\"invalid JSON\"}"));
    buf_deinit(&body);
    http_lab_close(&node);
}

UNIT_TEST(http_check, h19_a_path_is_one_of_ours_to_the_byte_or_none)
{
    static const struct {
        const char *target;
        int status;
    } CASES[] = {
        {"/health%00", 404},
        {"/%68ealth", 404},
        {"/get%2F?key=a", 404},
        {"/x/../health", 404},
        {"/./health", 404},
        {"/health/", 404},
        {"//evil/health", 400},
        {"//localhost/health", 400},
        {"/HEALTH", 404},
        {"/get;x?key=a", 404},
        {"/\\health", 404},
        {"http://localhost/health", 200},
        {"http://evil/health", 400},
        {"health", 400},
        {"/get?key=%2561", 200},
        {"/health#x", 400},
        {"/health?", 200},
    };
    struct http_lab node;
    char head[256];
    http_lab_open(&node, NULL, true);
    (void)http_lab_ask(&node, POST("/put"), "{\"key\":\"%61\",\"value\":\"once\"}");
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: localhost", CASES[i].target);
        CU_ASSERT_TRUE(
            http_lab_is_like(http_lab_ask(&node, head, NULL), CASES[i].status, "{\"ok\":"));
    }
    http_lab_close(&node);
}

UNIT_TEST(http_check, h20_an_answer_repeats_nothing_that_splits_it)
{
    struct http_lab node;
    http_lab_open(&node, NULL, false);
    const char *answer =
        http_lab_ask(&node,
                     "GET /get?key=%0d%0aX-Split:%20y&redirect=true&x=%0d%0aX-Split:y HTTP/1.1\r\n"
                     "Host: evil.example",
                     NULL);
    CU_ASSERT_TRUE(http_lab_is_answer(answer, 404, "{\"ok\":false,\"error\":\"key not found\"}"));
    CU_ASSERT_PTR_NULL(strstr(answer, "X-Split"));
    CU_ASSERT_PTR_NULL(strstr(answer, "evil"));
    http_lab_close(&node);
}
