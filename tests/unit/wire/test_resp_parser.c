/* test_resp_parser.c -- commands from raw bytes, malformed ones too, however the stream is split.
 *
 * Every stream here goes through the parser whole, byte by byte and in random pieces, each time in
 * memory of exactly its size that moves between calls; what comes out must be the same. Error texts
 * are those of redis-server 7.0.15 for the same bytes.
 */
#include <stdio.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/prng.h"
#include "lib/unit.h"
#include "wire/resp_parser.h"

static const struct resp_limits normal = {
    .arguments_max = LIMIT_COMMAND_ARGUMENTS,
    .bulk_bytes_max = LIMIT_BULK_BYTES,
    .inline_bytes_max = LIMIT_INLINE_BYTES,
};
static const struct resp_limits unauthenticated = {
    .arguments_max = LIMIT_UNAUTHENTICATED_ARGUMENTS,
    .bulk_bytes_max = LIMIT_UNAUTHENTICATED_BULK_BYTES,
    .inline_bytes_max = LIMIT_INLINE_BYTES,
    .unauthenticated = true,
};

/* Appends a command as text: "<count:bytes|bytes|...>". */
static void describe(const struct resp_command *command, struct buf *text)
{
    buf_append_format(text, "<%u:", command->arguments_count);
    for (uint32_t i = 0; i < command->arguments_count; i++) {
        buf_append_slice(text, command->arguments[i]);
        buf_append_byte(text, '|');
    }
    buf_append_byte(text, '>');
}

/* Parses what is in memory of its own, so that one byte too far is seen by the sanitizer. */
static enum parse parse_copy(struct resp_parser *parser, struct slice bytes,
                             const struct resp_limits *limits, struct buf *text, size_t *consumed)
{
    uint8_t *copy = mem_alloc(bytes.size);
    if (bytes.size > 0) {
        memcpy(copy, bytes.bytes, bytes.size);
    }
    struct resp_command command = {0};
    const char *error = NULL;
    enum parse parsed = resp_parse(parser, slice_of(copy, bytes.size), limits, &command, &error);
    if (parsed == PARSE_DONE) {
        describe(&command, text);
        *consumed = command.consumed;
    } else if (parsed == PARSE_BAD) {
        buf_append_format(text, "!%s", error);
    } else {
        CU_ASSERT_TRUE(resp_parser_missing_bytes(parser) >= 1);
        CU_ASSERT_TRUE(resp_parser_missing_bytes(parser) <= (size_t)limits->bulk_bytes_max + 2);
    }
    mem_free(copy);
    return parsed;
}

/* Feeds stream in pieces of 1..piece_bytes_max bytes and describes all that came out. */
static struct buf feed(struct slice stream, const struct resp_limits *limits, struct prng *prng,
                       size_t piece_bytes_max)
{
    struct buf text = {0};
    struct resp_parser *parser = resp_parser_create();
    size_t start = 0;
    size_t end = 0;
    while (end < stream.size) {
        size_t piece = piece_bytes_max == 1 ? 1 : 1 + prng_below(prng, piece_bytes_max);
        end = piece > stream.size - end ? stream.size : end + piece;
        size_t consumed;
        enum parse parsed;
        do {
            consumed = 0;
            parsed = parse_copy(parser, slice_of(stream.bytes + start, end - start), limits, &text,
                                &consumed);
            start += consumed;
        } while (parsed == PARSE_DONE && start < end);
        if (parsed == PARSE_BAD) {
            break;
        }
    }
    resp_parser_destroy(parser);
    return text;
}

static void check_stream(struct slice stream, const struct resp_limits *limits,
                         const char *expected)
{
    struct prng prng;
    prng_init(&prng, stream.size);
    for (int round = 0; round < 10; round++) {
        size_t piece = round == 0 ? stream.size : round == 1 ? 1 : stream.size / (size_t)round + 1;
        struct buf text = feed(stream, limits, &prng, piece);
        bool same = slice_equals(buf_slice(&text), slice_of_string(expected));
        CU_ASSERT_TRUE(same);
        if (!same) {
            buf_append_byte(&text, '\0');
            printf("    got %s\n    not %s\n", (const char *)buf_slice(&text).bytes, expected);
        }
        buf_deinit(&text);
    }
}

#define CHECK(stream, expected) check_stream(SLICE_LITERAL(stream), &normal, expected)
#define CHECK_BEFORE_AUTH(stream, expected)                                                        \
    check_stream(SLICE_LITERAL(stream), &unauthenticated, expected)

UNIT_TEST(resp_parser, multibulk)
{
    CHECK("*1\r\n$4\r\nPING\r\n", "<1:PING|>");
    CHECK("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
          "<3:SET|k|hello|><2:GET|k|>");
    CHECK("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", "<2:ECHO||>");
    CHECK("*2\r\n$4\r\nECHO\r\n$6\r\n\r\n$1\r\n\r\n", "<2:ECHO|\r\n$1\r\n|>");
    CHECK("*12\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n$1\r\n7\r\n"
          "$1\r\n8\r\n$1\r\n9\r\n$2\r\n10\r\n$2\r\n11\r\n$2\r\n12\r\n",
          "<12:1|2|3|4|5|6|7|8|9|10|11|12|>");
}

UNIT_TEST(resp_parser, empty_commands)
{
    CHECK("*0\r\n*1\r\n$4\r\nPING\r\n", "<0:><1:PING|>");
    CHECK("*-1\r\n*-9223372036854775808\r\nPING\r\n", "<0:><0:><1:PING|>");
    CHECK("\r\n\n   \t\r\nPING\n", "<0:><0:><0:><1:PING|>");
}

UNIT_TEST(resp_parser, passes_over_line_ends_as_redis_does)
{
    CHECK("*1\rX$4\rYPINGZZ", "<1:PING|>");
    CHECK("*1\r\n$3\r\nPING\r\n", "<1:PIN|><0:>");
}

UNIT_TEST(resp_parser, malformed_counts)
{
    static const char error[] = "!Protocol error: invalid multibulk length";
    CHECK("*\r\n", error);
    CHECK("*a\r\n", error);
    CHECK("*+1\r\n", error);
    CHECK("*01\r\n", error);
    CHECK("*-0\r\n", error);
    CHECK("* 1\r\n", error);
    CHECK("*1 \r\n", error);
    CHECK("*1x\r\n", error);
    CHECK("*1048577\r\n", error);
    CHECK("*2147483647\r\n", error);
    CHECK("*2147483648\r\n", error);
    CHECK("*3000000000\r\n", error);
    CHECK("*-9223372036854775809\r\n", error);
    CHECK("*99999999999999999999999999\r\n", error);
    CHECK("*1048576\r\n", "");
}

UNIT_TEST(resp_parser, malformed_bulk_lengths)
{
    static const char error[] = "!Protocol error: invalid bulk length";
    CHECK("*1\r\n$\r\n", error);
    CHECK("*1\r\n$-1\r\n", error);
    CHECK("*1\r\n$-0\r\n", error);
    CHECK("*1\r\n$+5\r\n", error);
    CHECK("*1\r\n$05\r\n", error);
    CHECK("*1\r\n$a\r\n", error);
    CHECK("*1\r\n$5 \r\n", error);
    CHECK("*1\r\n$536870913\r\n", error);
    CHECK("*1\r\n$9999999999\r\n", error);
    CHECK("*1\r\n$18446744073709551617\r\n", error);
    CHECK("*1\r\n$536870912\r\n", "");
    CHECK("*2\r\n$3\r\nGET\r\n$x\r\n", error);
}

UNIT_TEST(resp_parser, something_else_than_a_bulk)
{
    CHECK("*1\r\nx\r\n", "!Protocol error: expected '$', got 'x'");
    CHECK("*1\r\n:5\r\n", "!Protocol error: expected '$', got ':'");
    CHECK("*1\r\n\r\n", "!Protocol error: expected '$', got ' '");
    CHECK("*1\r\n\n\r\n", "!Protocol error: expected '$', got ' '");
    CHECK("*1\r\n\xff\r\n", "!Protocol error: expected '$', got '\xff'");
    CHECK("*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", "!Protocol error: expected '$', got 'f'");
    /* Judged when the line is there, as Redis does. */
    CHECK("*1\r\nxyz", "");
}

UNIT_TEST(resp_parser, limits_before_auth)
{
    CHECK_BEFORE_AUTH("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n", "<2:AUTH|x|>");
    CHECK_BEFORE_AUTH("*10\r\n", "");
    CHECK_BEFORE_AUTH("*11\r\n", "!Protocol error: unauthenticated multibulk length");
    CHECK_BEFORE_AUTH("*2147483647\r\n", "!Protocol error: unauthenticated multibulk length");
    CHECK_BEFORE_AUTH("*2147483648\r\n", "!Protocol error: invalid multibulk length");
    CHECK_BEFORE_AUTH("*-3\r\n", "<0:>");
    CHECK_BEFORE_AUTH("*1\r\n$16384\r\n", "");
    CHECK_BEFORE_AUTH("*1\r\n$16385\r\n", "!Protocol error: unauthenticated bulk length");
    CHECK_BEFORE_AUTH("*1\r\n$9999999999\r\n", "!Protocol error: invalid bulk length");
    CHECK_BEFORE_AUTH("*1\r\n$-1\r\n", "!Protocol error: invalid bulk length");
}

UNIT_TEST(resp_parser, inline_words)
{
    CHECK("PING\r\n", "<1:PING|>");
    CHECK("PING\n", "<1:PING|>");
    CHECK("  SET\tkey   value \r\n", "<3:SET|key|value|>");
    CHECK("ECHO a\rb\r\n", "<3:ECHO|a|b|>");
    CHECK("ECHO a\r\r\n", "<2:ECHO|a|>");
    CHECK("\vECHO \fa\vb\r\n", "<2:ECHO|a\vb|>");
    CHECK("ECHO a\\b\r\n", "<2:ECHO|a\\b|>");
    CHECK("GET \xc3\xa4\r\n", "<2:GET|\xc3\xa4|>");
}

UNIT_TEST(resp_parser, inline_quotes)
{
    CHECK("\"PING\"\r\n", "<1:PING|>");
    CHECK("ECHO \"\"\r\n", "<2:ECHO||>");
    CHECK("ECHO ''\r\n", "<2:ECHO||>");
    CHECK("ECHO \"a b\" 'c d'\r\n", "<3:ECHO|a b|c d|>");
    CHECK("ECHO foo\"bar\"\r\n", "<2:ECHO|foobar|>");
    CHECK("ECHO a'b c'\r\n", "<2:ECHO|ab c|>");
    CHECK("ECHO \"\\x41\\n\\r\\t\\b\\a\\q\\xZ\\\"\\\\\"\r\n", "<2:ECHO|A\n\r\t\b\aqxZ\"\\|>");
    CHECK("ECHO \"\\x4\" \"\\x\" \"\\xfF\"\r\n", "<4:ECHO|x4|x|\xff|>");
    CHECK("ECHO 'a\\'b\\n\\\\ '\r\n", "<2:ECHO|a'b\\n\\\\ |>");
    CHECK("ECHO \"a\"\v\r\n", "<2:ECHO|a|>");
    CHECK("ECHO \"'\" '\"'\r\n", "<3:ECHO|'|\"|>");
    CHECK("SET \"k\" plain 'v'\nGET \"k\"\n", "<4:SET|k|plain|v|><2:GET|k|>");
}

UNIT_TEST(resp_parser, inline_quotes_that_do_not_balance)
{
    static const char error[] = "!Protocol error: unbalanced quotes in request";
    CHECK("PING \"a\r\n", error);
    CHECK("PING 'a\r\n", error);
    CHECK("PING \"\r\n", error);
    CHECK("PING \"a\"b\r\n", error);
    CHECK("PING 'a'b\r\n", error);
    CHECK("PING \"a\"\"b\"\r\n", error);
    CHECK("PING \"a\\\r\n", error);
    CHECK("PING \"a\\\"\r\n", error);
    CHECK("PING 'a\\'\r\n", error);
    CHECK("EC\"H\"O x\r\n", error);
    CHECK("PING \"\\x4\r\n", error);
}

/* Appends so many bytes, then text. */
static struct buf long_stream(const char *front, char fill, size_t fill_count, const char *back)
{
    struct buf stream = {0};
    buf_append(&stream, front, strlen(front));
    for (size_t i = 0; i < fill_count; i++) {
        buf_append_byte(&stream, (uint8_t)fill);
    }
    buf_append(&stream, back, strlen(back));
    return stream;
}

static void check_long(struct buf stream, const char *expected)
{
    struct prng prng;
    prng_init(&prng, 5);
    static const size_t pieces[] = {1u << 20, 16384, 700};
    for (size_t i = 0; i < 3; i++) {
        struct buf text = feed(buf_slice(&stream), &normal, &prng, pieces[i]);
        CU_ASSERT_TRUE(slice_equals(buf_slice(&text), slice_of_string(expected)));
        buf_deinit(&text);
    }
    buf_deinit(&stream);
}

UNIT_TEST(resp_parser, lines_that_are_too_long)
{
    check_long(long_stream("", 'A', 65537, ""), "!Protocol error: too big inline request");
    check_long(long_stream("", 'A', 65537, "\n"), "!Protocol error: too big inline request");
    check_long(long_stream("", 'A', 65536, ""), "");
    check_long(long_stream("", ' ', 65530, "A\r\n"), "<1:A|>");
    check_long(long_stream("*", '1', 65536, ""), "!Protocol error: too big mbulk count string");
    check_long(long_stream("*", '1', 65536, "\r\n"), "!Protocol error: too big mbulk count string");
    check_long(long_stream("*", '1', 65535, "\r\n"), "!Protocol error: invalid multibulk length");
    check_long(long_stream("*", '1', 65535, ""), "");
    check_long(long_stream("*1\r\n$", '1', 65536, ""),
               "!Protocol error: too big bulk count string");
    check_long(long_stream("*1\r\n$", '1', 65535, "\r\n"), "!Protocol error: invalid bulk length");
    check_long(long_stream("*1\r\n", 'x', 65537, ""), "!Protocol error: too big bulk count string");
}

UNIT_TEST(resp_parser, a_nul_hides_the_end_of_its_line)
{
    check_stream(slice_of("ECHO \0a\r\nPING\r\n", 15), &normal, "");
    check_stream(slice_of("*1\0\r\n", 5), &normal, "");
    check_stream(slice_of("*1\r\n\0\r\n", 7), &normal, "");
    check_stream(slice_of("*1\r\n$3\0\r\nabc\r\n", 14), &normal, "");
    struct buf hidden = {0};
    buf_append(&hidden, "\0", 1);
    for (int i = 0; i < 66; i++) {
        buf_append_format(&hidden, "%01000d\r\n", 0);
    }
    check_long(hidden, "!Protocol error: too big inline request");
    /* In an argument it is a byte like any other. */
    struct buf text = feed(slice_of("*1\r\n$3\r\na\0b\r\n", 13), &normal, NULL, 1);
    CU_ASSERT_TRUE(slice_equals(buf_slice(&text), slice_of("<1:a\0b|>", 8)));
    buf_deinit(&text);
}

UNIT_TEST(resp_parser, nothing_is_allocated_from_what_is_announced)
{
    struct resp_parser *parser = resp_parser_create();
    struct resp_command command;
    const char *error;
    CU_ASSERT_EQUAL(resp_parse(parser, SLICE_LITERAL("*1048576\r\n$536870912\r\nabc"), &normal,
                               &command, &error),
                    PARSE_MORE);
    CU_ASSERT_TRUE(resp_parser_memory(parser) < 1024);
    CU_ASSERT_EQUAL(resp_parser_missing_bytes(parser), 536870912u + 2 - 3);
    resp_parser_destroy(parser);
}

UNIT_TEST(resp_parser, gives_back_what_a_large_command_took)
{
    enum { COUNT = 100000 };
    struct buf stream = {0};
    buf_append_format(&stream, "*%d\r\n", COUNT);
    for (int i = 0; i < COUNT; i++) {
        buf_append(&stream, "$1\r\nx\r\n", 7);
    }
    struct resp_parser *parser = resp_parser_create();
    struct resp_command command = {0};
    const char *error;
    struct slice whole = buf_slice(&stream);
    CU_ASSERT_EQUAL(
        resp_parse(parser, slice_of(whole.bytes, whole.size - 1), &normal, &command, &error),
        PARSE_MORE);
    CU_ASSERT_EQUAL(resp_parse(parser, whole, &normal, &command, &error), PARSE_DONE);
    CU_ASSERT_EQUAL(command.arguments_count, COUNT);
    CU_ASSERT_EQUAL(command.consumed, whole.size);
    CU_ASSERT_TRUE(resp_parser_memory(parser) > COUNT * sizeof(struct slice));
    CU_ASSERT_EQUAL(resp_parse(parser, slice_of(NULL, 0), &normal, &command, &error), PARSE_MORE);
    CU_ASSERT_TRUE(resp_parser_memory(parser) < 1024);
    resp_parser_destroy(parser);
    buf_deinit(&stream);
}

/* Quadratic work would show as minutes here: 300,000 calls, each with all bytes so far. */
UNIT_TEST(resp_parser, byte_by_byte_costs_no_more_than_the_bytes)
{
    enum { COUNT = 20000, VALUE_BYTES = 100000 };
    struct buf stream = {0};
    buf_append_format(&stream, "*%d\r\n", COUNT + 1);
    for (int i = 0; i < COUNT; i++) {
        buf_append(&stream, "$3\r\nabc\r\n", 9);
    }
    buf_append_format(&stream, "$%d\r\n%0*d\r\n", VALUE_BYTES, VALUE_BYTES, 0);
    struct resp_parser *parser = resp_parser_create();
    struct resp_command command = {0};
    const char *error;
    struct slice whole = buf_slice(&stream);
    uint32_t early = 0;
    for (size_t size = 1; size < whole.size; size++) {
        early += resp_parse(parser, slice_of(whole.bytes, size), &normal, &command, &error) !=
                 PARSE_MORE;
    }
    CU_ASSERT_EQUAL(early, 0);
    CU_ASSERT_EQUAL_FATAL(resp_parse(parser, whole, &normal, &command, &error), PARSE_DONE);
    CU_ASSERT_EQUAL_FATAL(command.arguments_count, COUNT + 1);
    CU_ASSERT_TRUE(slice_equals(command.arguments[COUNT - 1], SLICE_LITERAL("abc")));
    CU_ASSERT_EQUAL(command.arguments[COUNT].size, VALUE_BYTES);
    resp_parser_destroy(parser);
    buf_deinit(&stream);
}

/* Appends a well-formed command of random words. */
static void put_random_command(struct buf *stream, struct prng *prng)
{
    uint64_t count = prng_below(prng, 20);
    buf_append_format(stream, "*%d\r\n", (int)count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t size = prng_below(prng, prng_below(prng, 10) == 0 ? 300 : 12);
        buf_append_format(stream, "$%d\r\n", (int)size);
        for (uint64_t j = 0; j < size; j++) {
            buf_append_byte(stream, (uint8_t)prng_next(prng));
        }
        buf_append(stream, "\r\n", 2);
    }
}

UNIT_TEST(resp_parser, any_split_gives_the_same)
{
    struct prng prng;
    prng_init(&prng, 6);
    static const char alphabet[] = "**$$0123-\r\n\r\n\r\n \"'\\xPING";
    for (int round = 0; round < 400; round++) {
        struct buf stream = {0};
        for (int i = 0; i < 5; i++) {
            put_random_command(&stream, &prng);
        }
        uint64_t garbage = prng_below(&prng, 60);
        for (uint64_t i = 0; i < garbage; i++) {
            buf_append_byte(&stream, (uint8_t)alphabet[prng_below(&prng, sizeof(alphabet) - 1)]);
        }
        struct slice bytes = buf_slice(&stream);
        struct buf whole = feed(bytes, &normal, &prng, bytes.size);
        struct buf single = feed(bytes, &normal, &prng, 1);
        struct buf random = feed(bytes, &normal, &prng, 1 + prng_below(&prng, 64));
        CU_ASSERT_TRUE(slice_equals(buf_slice(&whole), buf_slice(&single)));
        CU_ASSERT_TRUE(slice_equals(buf_slice(&whole), buf_slice(&random)));
        buf_deinit(&whole);
        buf_deinit(&single);
        buf_deinit(&random);
        buf_deinit(&stream);
    }
}

UNIT_TEST(resp_parser, survives_garbage)
{
    struct prng prng;
    prng_init(&prng, 8);
    static const char alphabet[] = "**$$0123456789-+\r\n\r\n\r\n\0 \"'\\x";
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[80];
        size_t size = 1 + prng_below(&prng, sizeof(bytes));
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)alphabet[prng_below(&prng, sizeof(alphabet))];
        }
        struct buf whole = feed(slice_of(bytes, size), &normal, &prng, size);
        struct buf split = feed(slice_of(bytes, size), &normal, &prng, 8);
        CU_ASSERT_TRUE(slice_equals(buf_slice(&whole), buf_slice(&split)));
        buf_deinit(&whole);
        buf_deinit(&split);
    }
}
