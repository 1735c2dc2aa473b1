/* test_reply.c -- every reply in both protocols, byte for byte. */
#include <math.h>

#include "base/prng.h"
#include "lib/unit.h"
#include "wire/reply.h"
#include "wire/reply_reader.h"

static struct buf out;

static struct reply *writer(enum reply_protocol protocol)
{
    static struct reply reply;
    buf_deinit(&out);
    reply = (struct reply){&out, protocol};
    return &reply;
}

static void check_out(const char *expected)
{
    bool equal = slice_equals(buf_slice(&out), slice_of_string(expected));
    CU_ASSERT_TRUE(equal);
    if (!equal) {
        CU_FAIL("the reply before this line");
    }
    buf_deinit(&out);
}

/* Checks what call(writer) gives in both protocols. */
#define CHECK_BOTH(call, resp2, resp3)                                                             \
    do {                                                                                           \
        struct reply *w = writer(REPLY_RESP2);                                                     \
        call;                                                                                      \
        check_out(resp2);                                                                          \
        w = writer(REPLY_RESP3);                                                                   \
        call;                                                                                      \
        check_out(resp3);                                                                          \
    } while (0)
#define CHECK_SAME(call, bytes) CHECK_BOTH(call, bytes, bytes)

UNIT_TEST(reply, lines)
{
    CHECK_SAME(reply_ok(w), "+OK\r\n");
    CHECK_SAME(reply_status(w, "QUEUED"), "+QUEUED\r\n");
    CHECK_SAME(reply_status(w, ""), "+\r\n");
    CHECK_SAME(reply_error(w, "ERR syntax error"), "-ERR syntax error\r\n");
    CHECK_SAME(reply_error_format(w, "ERR %s %d", "no", 7), "-ERR no 7\r\n");
}

UNIT_TEST(reply, errors_cannot_break_the_line)
{
    CHECK_SAME(reply_error(w, "ERR a\r\n+OK\r\n"), "-ERR a  +OK  \r\n");
    CHECK_SAME(reply_error_format(w, "ERR '%s'", "a\r\nb"), "-ERR 'a  b'\r\n");
}

UNIT_TEST(reply, integers)
{
    CHECK_SAME(reply_integer(w, 0), ":0\r\n");
    CHECK_SAME(reply_integer(w, 9), ":9\r\n");
    CHECK_SAME(reply_integer(w, 10), ":10\r\n");
    CHECK_SAME(reply_integer(w, -1), ":-1\r\n");
    CHECK_SAME(reply_integer(w, INT64_MAX), ":9223372036854775807\r\n");
    CHECK_SAME(reply_integer(w, INT64_MIN), ":-9223372036854775808\r\n");
    CHECK_SAME(reply_bulk_integer(w, INT64_MIN), "$20\r\n-9223372036854775808\r\n");
    CHECK_SAME(reply_bulk_integer(w, 5), "$1\r\n5\r\n");
}

UNIT_TEST(reply, bulks)
{
    CHECK_SAME(reply_bulk(w, slice_of(NULL, 0)), "$0\r\n\r\n");
    CHECK_SAME(reply_bulk(w, SLICE_LITERAL("a\r\nb")), "$4\r\na\r\nb\r\n");
    CHECK_SAME(reply_bulk_string(w, "hello world"), "$11\r\nhello world\r\n");
    CHECK_BOTH(reply_verbatim(w, "txt", SLICE_LITERAL("hi")), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n");
    CHECK_BOTH(reply_verbatim(w, "mkd", slice_of(NULL, 0)), "$0\r\n\r\n", "=4\r\nmkd:\r\n");
}

UNIT_TEST(reply, types_that_differ_by_protocol)
{
    CHECK_BOTH(reply_double(w, 0.1), "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n");
    CHECK_BOTH(reply_double(w, 3), "$1\r\n3\r\n", ",3\r\n");
    CHECK_BOTH(reply_double(w, INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
    CHECK_BOTH(reply_double(w, -INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    CHECK_BOTH(reply_long_double(w, 0.25), "$4\r\n0.25\r\n", ",0.25\r\n");
    CHECK_BOTH(reply_boolean(w, true), ":1\r\n", "#t\r\n");
    CHECK_BOTH(reply_boolean(w, false), ":0\r\n", "#f\r\n");
    CHECK_BOTH(reply_null(w), "$-1\r\n", "_\r\n");
    CHECK_BOTH(reply_null_array(w), "*-1\r\n", "_\r\n");
}

UNIT_TEST(reply, aggregates)
{
    CHECK_SAME(reply_array(w, 0), "*0\r\n");
    CHECK_SAME(reply_array(w, 12), "*12\r\n");
    CHECK_BOTH(reply_map(w, 2), "*4\r\n", "%2\r\n");
    CHECK_BOTH(reply_set(w, 3), "*3\r\n", "~3\r\n");
    CHECK_BOTH(reply_push(w, 3), "*3\r\n", ">3\r\n");
}

static void put_deferred(struct reply *reply)
{
    reply_integer(reply, 1);
    size_t outer = reply_deferred_begin(reply);
    reply_integer(reply, 2);
    size_t inner = reply_deferred_begin(reply);
    reply_integer(reply, 3);
    reply_integer(reply, 4);
    reply_deferred_map(reply, inner, 1);
    size_t set = reply_deferred_begin(reply);
    reply_deferred_set(reply, set, 0);
    reply_deferred_array(reply, outer, 3);
}

UNIT_TEST(reply, deferred_headers_go_in_front)
{
    CHECK_BOTH(put_deferred(w), ":1\r\n*3\r\n:2\r\n*2\r\n:3\r\n:4\r\n*0\r\n",
               ":1\r\n*3\r\n:2\r\n%1\r\n:3\r\n:4\r\n~0\r\n");
}

UNIT_TEST(reply, deferred_headers_survive_consumed_bytes)
{
    struct reply *w = writer(REPLY_RESP3);
    reply_ok(w);
    reply_ok(w);
    buf_consume(&out, 5);
    size_t begin = reply_deferred_begin(w);
    reply_ok(w);
    reply_deferred_array(w, begin, 1);
    check_out("+OK\r\n*1\r\n+OK\r\n");
}

/* ---- Reading back ---- */

static void check_element(const char *bytes, struct reply_element expected)
{
    struct slice whole = slice_of_string(bytes);
    struct reply_element element;
    size_t consumed = 0;
    CU_ASSERT_EQUAL_FATAL(reply_read(whole, &element, &consumed), PARSE_DONE);
    CU_ASSERT_EQUAL(consumed, whole.size);
    CU_ASSERT_EQUAL(element.kind, expected.kind);
    CU_ASSERT_EQUAL(element.integer, expected.integer);
    CU_ASSERT_EQUAL(element.count, expected.count);
    CU_ASSERT_TRUE(slice_equals(element.text, expected.text));
    for (size_t cut = 0; cut < whole.size; cut++) {
        consumed = 77;
        CU_ASSERT_EQUAL(reply_read(slice_of(bytes, cut), &element, &consumed), PARSE_MORE);
        CU_ASSERT_EQUAL(consumed, 77);
    }
}

#define ELEMENT(...) ((struct reply_element){__VA_ARGS__})
#define TEXT(literal) .text = {(const uint8_t *)(literal), sizeof(literal) - 1}

UNIT_TEST(reply_reader, reads_every_kind)
{
    check_element("+OK\r\n", ELEMENT(.kind = REPLY_KIND_STATUS, TEXT("OK")));
    check_element("+\r\n", ELEMENT(.kind = REPLY_KIND_STATUS));
    check_element("-ERR x\r\n", ELEMENT(.kind = REPLY_KIND_ERROR, TEXT("ERR x")));
    check_element("!5\r\nERR x\r\n", ELEMENT(.kind = REPLY_KIND_ERROR, TEXT("ERR x")));
    check_element(":-12\r\n", ELEMENT(.kind = REPLY_KIND_INTEGER, .integer = -12));
    check_element("$4\r\na\r\nb\r\n", ELEMENT(.kind = REPLY_KIND_BULK, TEXT("a\r\nb")));
    check_element("$0\r\n\r\n", ELEMENT(.kind = REPLY_KIND_BULK));
    check_element("$-1\r\n", ELEMENT(.kind = REPLY_KIND_NULL));
    check_element("*-1\r\n", ELEMENT(.kind = REPLY_KIND_NULL));
    check_element("_\r\n", ELEMENT(.kind = REPLY_KIND_NULL));
    check_element(",1.5\r\n", ELEMENT(.kind = REPLY_KIND_DOUBLE, TEXT("1.5")));
    check_element(",-inf\r\n", ELEMENT(.kind = REPLY_KIND_DOUBLE, TEXT("-inf")));
    check_element(",nan\r\n", ELEMENT(.kind = REPLY_KIND_DOUBLE, TEXT("nan")));
    check_element("#t\r\n", ELEMENT(.kind = REPLY_KIND_BOOLEAN, .integer = 1));
    check_element("#f\r\n", ELEMENT(.kind = REPLY_KIND_BOOLEAN, .integer = 0));
    check_element("=6\r\ntxt:hi\r\n", ELEMENT(.kind = REPLY_KIND_VERBATIM, TEXT("hi")));
    check_element("(-123\r\n", ELEMENT(.kind = REPLY_KIND_BIG_NUMBER, TEXT("-123")));
    check_element("*3\r\n", ELEMENT(.kind = REPLY_KIND_ARRAY, .count = 3));
    check_element("%3\r\n", ELEMENT(.kind = REPLY_KIND_MAP, .count = 6));
    check_element("~0\r\n", ELEMENT(.kind = REPLY_KIND_SET));
    check_element(">2\r\n", ELEMENT(.kind = REPLY_KIND_PUSH, .count = 2));
}

UNIT_TEST(reply_reader, refuses_each_way_to_be_wrong)
{
    static const char *const bad[] = {
        "x\r\n",
        "\r\n",
        "+a\rb\r\n",
        "+a\nb\r\n",
        ":\r\n",
        ":+1\r\n",
        ":01\r\n",
        ":1x\r\n",
        ":9223372036854775808\r\n",
        "$-2\r\n",
        "$+1\r\na\r\n",
        "$\r\n\r\n",
        "$1\r\nabc",
        "$1\r\na\rx",
        "*-2\r\n",
        "%-1\r\n",
        "~-1\r\n",
        ">-1\r\n",
        "=-1\r\n",
        "=3\r\ntxt\r\n",
        "=4\r\ntxtx\r\n",
        "_x\r\n",
        "#x\r\n",
        "#\r\n",
        "#tt\r\n",
        ",\r\n",
        ",abc\r\n",
        ",1 \r\n",
        "(\r\n",
        "(-\r\n",
        "(1a\r\n",
        "$?\r\n",
        "*?\r\n",
        "!-1\r\n",
        ":0000000000000000000000000000000000",
        "$11111111111111111111111111111111111",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reply_element element;
        size_t consumed = 77;
        enum parse parsed = reply_read(slice_of_string(bad[i]), &element, &consumed);
        CU_ASSERT_EQUAL(parsed, PARSE_BAD);
        if (parsed != PARSE_BAD) {
            CU_FAIL(bad[i]);
        }
        CU_ASSERT_EQUAL(consumed, 77);
    }
}

UNIT_TEST(reply_reader, skips_a_nested_reply_and_nothing_more)
{
    static const char nested[] = "*3\r\n:1\r\n%1\r\n$1\r\nk\r\n~2\r\n_\r\n#t\r\n*0\r\n";
    size_t size = sizeof(nested) - 1;
    size_t consumed = 0;
    CU_ASSERT_EQUAL(
        reply_skip(SLICE_LITERAL("*3\r\n:1\r\n%1\r\n$1\r\nk\r\n~2\r\n_\r\n#t\r\n*0\r\n+OK"),
                   &consumed),
        PARSE_DONE);
    CU_ASSERT_EQUAL(consumed, size);
    for (size_t cut = 0; cut < size; cut++) {
        CU_ASSERT_EQUAL(reply_skip(slice_of(nested, cut), &consumed), PARSE_MORE);
    }
    CU_ASSERT_EQUAL(reply_skip(SLICE_LITERAL("*1\r\n*1\r\nx\r\n"), &consumed), PARSE_BAD);
}

UNIT_TEST(reply_reader, bounds_depth_and_count_without_memory)
{
    struct buf deep = {0};
    for (int i = 0; i < 200000; i++) {
        buf_append(&deep, "*1\r\n", 4);
    }
    size_t consumed = 0;
    CU_ASSERT_EQUAL(reply_skip(buf_slice(&deep), &consumed), PARSE_MORE);
    buf_append(&deep, ":1\r\n", 4);
    CU_ASSERT_EQUAL(reply_skip(buf_slice(&deep), &consumed), PARSE_DONE);
    CU_ASSERT_EQUAL(consumed, buf_size(&deep));
    buf_deinit(&deep);
    /* Counts whose sum does not fit are refused, not wrapped around. */
    CU_ASSERT_EQUAL(
        reply_skip(SLICE_LITERAL("%9223372036854775807\r\n%9223372036854775807\r\n"), &consumed),
        PARSE_BAD);
    CU_ASSERT_EQUAL(reply_skip(SLICE_LITERAL("*9223372036854775807\r\n"), &consumed), PARSE_MORE);
}

UNIT_TEST(reply_reader, survives_garbage)
{
    struct prng prng;
    prng_init(&prng, 3);
    static const char alphabet[] = "+-:$*%~>_,#=(!0123456789\r\n\r\n\r\ntxf:";
    for (int round = 0; round < 50000; round++) {
        uint8_t bytes[64];
        size_t size = prng_below(&prng, sizeof(bytes) + 1);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)alphabet[prng_below(&prng, sizeof(alphabet) - 1)];
        }
        size_t consumed = 0;
        if (reply_skip(slice_of(bytes, size), &consumed) == PARSE_DONE) {
            CU_ASSERT_TRUE(consumed > 0 && consumed <= size);
        }
    }
}
