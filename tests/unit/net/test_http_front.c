/* test_http_front.c -- what gets past the strict check before evhttp, as bytes; each case in every
 * split. H1 and so on: lines of the catalogue of faults. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "lib/unit.h"
#include "net/http_front.h"

static const struct http_front_limits LIMITS = {
    .line_bytes_max = 128,
    .head_bytes_max = 400,
    .headers_max = 8,
    .chunk_line_bytes_max = 32,
    .framing_bytes_max = 100,
    .body_bytes_max = 50,
    .discard_bytes_max = 100,
    .requests_max = 20,
};

/* ---- A stream and what comes of it ---- */

/* Writes into out: [request] for one that is passed on, ~ for "100 Continue", !status text. */
struct outcome {
    struct buf out;
    struct buf kept; /* of a request that is not whole */
};

static void apply(struct outcome *outcome, const struct http_front_step *step, struct slice bytes)
{
    switch (step->kind) {
    case HTTP_FRONT_KEEP:
        buf_append(&outcome->kept, bytes.bytes, step->bytes_count);
        break;
    case HTTP_FRONT_INSERT:
        buf_append_slice(&outcome->kept, slice_of_string(step->text));
        break;
    case HTTP_FRONT_CONTINUE:
        buf_append_byte(&outcome->out, '~');
        break;
    case HTTP_FRONT_REFUSE:
        buf_append_format(&outcome->out, "!%d %s", step->status, step->text);
        break;
    case HTTP_FRONT_DROP:
    case HTTP_FRONT_MORE:
        break;
    }
    if (step->ends_request) {
        buf_append_byte(&outcome->out, '[');
        buf_append_slice(&outcome->out, buf_slice(&outcome->kept));
        buf_append_byte(&outcome->out, ']');
        buf_clear(&outcome->kept);
    }
}

/* Shows stream[*begin..end) and moves begin over what was used up. The bytes are a copy of their
 * own, so that asan sees a look beyond them. */
static void show(struct http_front *front, struct slice stream, size_t *begin, size_t end,
                 struct outcome *outcome)
{
    struct http_front_step step;
    do {
        size_t size = end - *begin;
        uint8_t *copy = mem_alloc(size);
        memcpy(copy, stream.bytes + *begin, size);
        step = http_front_step(front, slice_of(copy, size));
        CU_ASSERT_TRUE(step.bytes_count <= size);
        apply(outcome, &step, slice_of(copy, size));
        *begin += step.bytes_count;
        mem_free(copy);
    } while (step.kind != HTTP_FRONT_MORE);
}

/* What comes of a stream that is cut behind first_bytes and then every piece_bytes. */
static char *outcome_of(struct slice stream, size_t first_bytes, size_t piece_bytes)
{
    struct http_front front;
    struct outcome outcome = {0};
    size_t begin = 0;
    size_t end = 0;
    http_front_init(&front, &LIMITS);
    while (end < stream.size) {
        size_t piece = end == 0 ? first_bytes : piece_bytes;
        end = stream.size - end < piece ? stream.size : end + piece;
        show(&front, stream, &begin, end, &outcome);
    }
    buf_append_byte(&outcome.out, '\0');
    char *text = mem_copy_bytes(buf_slice(&outcome.out).bytes, buf_size(&outcome.out));
    buf_deinit(&outcome.out);
    buf_deinit(&outcome.kept);
    return text;
}

static void expect_bytes(struct slice stream, const char *wanted)
{
    for (size_t first = 1; first <= stream.size; first++) {
        for (int is_dripping = 0; is_dripping < 2; is_dripping++) {
            char *got = outcome_of(stream, first, is_dripping ? 1 : stream.size);
            bool is_right = strcmp(got, wanted) == 0;
            CU_ASSERT_TRUE(is_right);
            if (!is_right) {
                (void)fprintf(stderr, "cut at %zu, of %.60s\n wanted %s\n got    %s\n", first,
                              (const char *)stream.bytes, wanted, got);
                first = stream.size;
            }
            mem_free(got);
        }
    }
}

static void expect(const char *stream, const char *wanted)
{
    expect_bytes(slice_of_string(stream), wanted);
}

#define GET "GET /get?key=a HTTP/1.1\r\nHost: h\r\n"
#define POST "POST /put HTTP/1.1\r\nHost: h\r\n"

/* ---- What passes ---- */

UNIT_TEST(http_front, requests_pass_as_they_are)
{
    expect(GET "\r\n", "[" GET "\r\n]");
    expect(POST "Content-Length: 3\r\n\r\nabc", "[" POST "Content-Length: 3\r\n\r\nabc]");
    expect(POST "Content-Length: 0\r\n\r\n", "[" POST "Content-Length: 0\r\n\r\n]");
    expect(POST "transfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n00a\r\n0123456789\r\n0\r\n\r\n",
           "[" POST
           "transfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n00a\r\n0123456789\r\n0\r\n\r\n]");
    expect("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
           "[GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n]");
    expect("OPTIONS /x HTTP/1.1\r\nhOST:[::1]:80\r\nX:\t a\tb \xff \r\nY:\r\n\r\n",
           "[OPTIONS /x HTTP/1.1\r\nhOST:[::1]:80\r\nX:\t a\tb \xff \r\nY:\r\n\r\n]");
}

UNIT_TEST(http_front, a_request_that_is_not_whole_is_not_passed_on)
{
    expect(GET, "");
    expect(POST "Content-Length: 4\r\n\r\nabc", "");
    expect(POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", "");
}

/* ---- What is refused ---- */

UNIT_TEST(http_front, h1_repeated_content_length)
{
    const char *wanted = "!400 repeated Content-Length or Transfer-Encoding";
    expect(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na" GET "\r\n", wanted);
    expect(POST "Content-Length: 1\r\ncontent-length: 40\r\n\r\na" GET "\r\n", wanted);
    expect(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", wanted);
    expect(POST "Content-Length: 1, 1\r\n\r\na", "!400 malformed Content-Length");
}

UNIT_TEST(http_front, h2_content_length_and_transfer_encoding)
{
    const char *wanted = "!400 both Content-Length and Transfer-Encoding";
    expect(POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", wanted);
    expect(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", wanted);
}

UNIT_TEST(http_front, h3_other_transfer_encodings)
{
    static const char *const VALUES[] = {"xchunked",
                                         "chunked, chunked",
                                         "gzip, chunked",
                                         "chunked;a",
                                         "identity",
                                         "",
                                         "\x0b"
                                         "chunked",
                                         "chunked\x01"};
    for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
        char stream[256];
        (void)snprintf(stream, sizeof(stream), POST "Transfer-Encoding: %s\r\n\r\n0\r\n\r\n",
                       VALUES[i]);
        expect(stream,
               i < 6 ? "!400 unsupported Transfer-Encoding" : "!400 malformed header value");
    }
    expect("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "!400 Transfer-Encoding in HTTP/1.0");
}

UNIT_TEST(http_front, h4_numbers_of_lengths_and_chunks)
{
    static const char *const LENGTHS[] = {
        "+5", "-5", "0x5", "5 5", "5;", "", "5a", "1000000000000000000", "5,5"};
    static const char *const CHUNKS[] = {
        "+5", "-5", "0x5", " 5", "5 ", "", "g", "5 a", "0000000000000005", "\t5", "5\x01"};
    char stream[256];
    for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
        (void)snprintf(stream, sizeof(stream), POST "Content-Length: %s\r\n\r\nabcde", LENGTHS[i]);
        expect(stream, "!400 malformed Content-Length");
    }
    for (size_t i = 0; i < sizeof(CHUNKS) / sizeof(CHUNKS[0]); i++) {
        (void)snprintf(stream, sizeof(stream),
                       POST "Transfer-Encoding: chunked\r\n\r\n%s\r\nabcde\r\n0\r\n\r\n",
                       CHUNKS[i]);
        expect(stream, "!400 malformed chunk size");
    }
}

UNIT_TEST(http_front, h5_bare_line_feeds_and_returns)
{
    const char *wanted = "!400 malformed line end";
    expect("GET / HTTP/1.1\nHost: h\r\n\r\n", wanted);
    expect("GET / HTTP/1.1\r\nHost: h\n\r\n", wanted);
    expect("GET / HTTP/1.1\r\nHost: h\r\n\n", wanted);
    expect("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", "!400 malformed header value");
    expect("GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", "!400 malformed request line");
    expect(POST "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", wanted);
    expect(POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
           "!400 a chunk is longer than its size");
    expect(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\n", wanted);
    expect("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request line");
}

UNIT_TEST(http_front, h6_header_names)
{
    static const char *const LINES[] = {"Host : h", ": v",  "a b: v", "a\x01: v",
                                        "\xff: v",  "@: v", "a(b: v"};
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        char stream[256];
        (void)snprintf(stream, sizeof(stream), GET "%s\r\n\r\n", LINES[i]);
        expect(stream, "!400 malformed header name");
    }
    expect(GET "no colon\r\n\r\n", "!400 malformed header line");
}

UNIT_TEST(http_front, h7_folded_lines)
{
    expect(GET "X: a\r\n b\r\n\r\n", "!400 folded header line");
    expect(GET "X: a\r\n\tb\r\n\r\n", "!400 folded header line");
    expect("GET / HTTP/1.1\r\n Host: h\r\n\r\n", "!400 folded header line");
    expect(POST "Content-Length:\r\n 5\r\n\r\nabcde", "!400 malformed Content-Length");
}

UNIT_TEST(http_front, h8_control_bytes)
{
    expect_bytes(SLICE_LITERAL(GET "X: a\0b\r\n\r\n"), "!400 malformed header value");
    expect_bytes(SLICE_LITERAL(GET "X: a\x7f\r\n\r\n"), "!400 malformed header value");
    expect_bytes(SLICE_LITERAL(GET "Ho\0st: a\r\n\r\n"), "!400 malformed header name");
    expect_bytes(SLICE_LITERAL("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"),
                 "!400 malformed request line");
    expect("GET /\x1f HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request line");
    expect("GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request line");
    expect("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request line");
    expect("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request line");
    expect("GET /\tHTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request line");
}

UNIT_TEST(http_front, h9_host)
{
    expect("GET / HTTP/1.1\r\n\r\n", "!400 missing Host");
    expect("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "!400 repeated Host");
    expect("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "!400 repeated Host");
    expect("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "!400 malformed Host");
    expect("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", "!400 malformed Host");
    expect("GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", "!400 malformed Host");
    expect("GET / HTTP/1.0\r\n\r\n", "[GET / HTTP/1.0\r\nConnection: close\r\n\r\n]");
}

UNIT_TEST(http_front, h10_versions_and_methods)
{
    expect("GET / HTTP/1.2\r\nHost: h\r\n\r\n", "!505 HTTP version not supported");
    expect("GET / HTTP/2.0\r\nHost: h\r\n\r\n", "!505 HTTP version not supported");
    expect("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!505 HTTP version not supported");
    expect("GET / HTTP/1.99\r\nHost: h\r\n\r\n", "!400 malformed request line");
    expect("GET / http/1.1\r\nHost: h\r\n\r\n", "!400 malformed request line");
    expect("GET /\r\n", "!400 malformed request line");
    expect("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "!400 malformed request line");
    expect("get / HTTP/1.1\r\nHost: h\r\n\r\n", "!501 unknown method");
    expect("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", "!501 unknown method");
    expect("*1\r\n$4\r\nPING\r\n", "!400 malformed request line");
    expect("\x16\x03\x01", "!400 malformed request line");
}

UNIT_TEST(http_front, h11_nothing_behind_a_body_or_a_malformed_byte_is_a_request)
{
    expect(POST "Content-Length: 1\r\n\r\nabc", "[" POST "Content-Length: 1\r\n\r\na]");
    expect(POST "Content-Length: 1\r\n\r\na;" GET "\r\n",
           "[" POST "Content-Length: 1\r\n\r\na]!400 malformed request line");
    expect(GET "\r\n\x01" GET "\r\n", "[" GET "\r\n]!400 malformed request line");
    expect(GET "\r\n" GET "bad\r\n\r\n" GET "\r\n", "[" GET "\r\n]!400 malformed header line");
    expect(GET "Content-Length: 2\r\n\r\nab", "!400 this method takes no body");
    expect("DELETE / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "!400 this method takes no body");
    expect(POST "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" GET "\r\n",
           "!400 a chunk is longer than its size");
    /* One empty line between requests is read over, two are not. */
    expect(GET "\r\n\r\n" GET "\r\n", "[" GET "\r\n][" GET "\r\n]");
    expect(GET "\r\n\r\n\r\n" GET "\r\n", "[" GET "\r\n]!400 malformed request line");
    /* Nor is what comes behind the last request. */
    expect(GET "Connection: close\r\n\r\n" GET "\r\n", "[" GET "Connection: close\r\n\r\n]");
    expect(GET "Connection: keep-alive\r\nConnection: x , CLOSE\r\n\r\n" GET "\r\n",
           "[" GET "Connection: close\r\n\r\n]");
    expect("GET / HTTP/1.0\r\n\r\n" GET "\r\n", "[GET / HTTP/1.0\r\nConnection: close\r\n\r\n]");
}

UNIT_TEST(http_front, h12_chunk_extensions_and_trailers_are_bounded_and_read_over)
{
    expect(POST "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0 ;c\r\nHost: evil\r\n"
                "Content-Length: 9\r\n\r\n" GET "\r\n",
           "[" POST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n][" GET "\r\n]");
    expect(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n folded\r\n\r\n",
           "!400 folded header line");
    expect(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
           "!400 malformed header line");
    expect(POST "Transfer-Encoding: chunked\r\n\r\n1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
           "!400 too much between the chunks of the body");
    expect(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n"
                "X: 45678901234567890123456789012345678901234567890\r\n"
                "X: 45678901234567890123456789012345678901234567890\r\n",
           "!400 too much between the chunks of the body");
    expect(POST "Transfer-Encoding: chunked\r\n\r\n"
                "1;x34567890123\r\na\r\n1;x34567890123\r\na\r\n1;x34567890123\r\na\r\n"
                "1;x34567890123\r\na\r\n1;x34567890123\r\na\r\n1;x34567890123\r\na\r\n",
           "!400 too much between the chunks of the body");
}

static void fill(char *out, const char *begin, size_t size, const char *end)
{
    size_t begin_bytes = strlen(begin);
    memcpy(out, begin, begin_bytes);
    memset(out + begin_bytes, 'a', size - begin_bytes - strlen(end));
    memcpy(out + size - strlen(end), end, strlen(end) + 1);
}

UNIT_TEST(http_front, h13_every_element_has_a_cap_to_the_byte)
{
    char line[256];
    char stream[1024];
    char wanted[1032];
    fill(line, "GET /", LIMITS.line_bytes_max, " HTTP/1.1\r\n");
    (void)snprintf(stream, sizeof(stream), "%sHost: h\r\n\r\n", line);
    (void)snprintf(wanted, sizeof(wanted), "[%s]", stream);
    expect(stream, wanted);
    fill(line, "GET /", LIMITS.line_bytes_max + 1, " HTTP/1.1\r\n");
    expect(line, "!414 request line too long");
    fill(line, "X: ", LIMITS.line_bytes_max, "\r\n");
    (void)snprintf(stream, sizeof(stream), GET "%s\r\n", line);
    (void)snprintf(wanted, sizeof(wanted), "[%s]", stream);
    expect(stream, wanted);
    (void)snprintf(stream, sizeof(stream), GET "%s%s%s\r\n", line, line, line);
    expect(stream, "!431 headers too long");
    fill(line, "X: ", LIMITS.line_bytes_max + 1, "\r\n");
    (void)snprintf(stream, sizeof(stream), GET "%s\r\n", line);
    expect(stream, "!431 headers too long");
    expect(GET "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n",
           "[" GET "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n]");
    expect(GET "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n", "!431 too many headers");
    expect(POST "Transfer-Encoding: chunked\r\n\r\n32\r\n"
                "01234567890123456789012345678901234567890123456789\r\n1\r\n",
           "!413 body too large");
    expect(POST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", "!413 body too large");
}

UNIT_TEST(http_front, h14_knows_when_a_request_comes_in)
{
    static const char STREAM[] = POST "Content-Length: 2\r\n\r\nab";
    size_t head_bytes = sizeof(STREAM) - 1 - 2;
    struct http_front front;
    struct outcome outcome = {0};
    size_t begin = 0;
    http_front_init(&front, &LIMITS);
    for (size_t end = 0; end < sizeof(STREAM); end++) {
        show(&front, slice_of_string(STREAM), &begin, end, &outcome);
        CU_ASSERT_EQUAL(http_front_is_amid(&front), end > 0 && end < sizeof(STREAM) - 1);
        CU_ASSERT_EQUAL(http_front_is_in_head(&front),
                        end < head_bytes || end == sizeof(STREAM) - 1);
    }
    struct http_front_step step = http_front_refuse(&front, 408, "slow");
    CU_ASSERT_EQUAL(step.kind, HTTP_FRONT_REFUSE);
    CU_ASSERT_EQUAL(step.status, 408);
    step = http_front_step(&front, SLICE_LITERAL("GET"));
    CU_ASSERT_EQUAL(step.kind, HTTP_FRONT_DROP);
    CU_ASSERT_EQUAL(step.bytes_count, 3);
    buf_deinit(&outcome.out);
    buf_deinit(&outcome.kept);
}

UNIT_TEST(http_front, h15_pipelined_requests_stay_apart_and_in_order)
{
    expect(POST "Content-Length: 36\r\n\r\n" GET "\r\n" GET "\r\n",
           "[" POST "Content-Length: 36\r\n\r\n" GET "\r\n][" GET "\r\n]");
    struct buf stream = {0};
    struct buf wanted = {0};
    for (uint32_t i = 1; i <= 25; i++) {
        buf_append_format(&stream, "GET /%u HTTP/1.1\r\nHost: h\r\n\r\n", i);
    }
    for (uint32_t i = 1; i <= LIMITS.requests_max; i++) {
        buf_append_format(&wanted, "[GET /%u HTTP/1.1\r\nHost: h\r\n%s\r\n]", i,
                          i == LIMITS.requests_max ? "Connection: close\r\n" : "");
    }
    buf_append_byte(&wanted, '\0');
    expect_bytes(buf_slice(&stream), (const char *)buf_slice(&wanted).bytes);
    buf_deinit(&stream);
    buf_deinit(&wanted);
}

UNIT_TEST(http_front, h16_a_body_over_the_limit_is_refused_before_it_is_sent)
{
    expect(POST "Expect: 100-continue\r\nContent-Length: 51\r\n\r\n", "!413 body too large");
    expect(POST "Content-Length: 101\r\n\r\n", "!413 body too large");
    expect(POST "Content-Length: 999999999999999999\r\n\r\n", "!413 body too large");
    expect(POST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nab",
           "~[" POST "Content-Length: 2\r\n\r\nab]");
    expect(POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "~[" POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n]");
    expect(POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
           "[" POST "Content-Length: 0\r\n\r\n]");
    expect(POST "Expect: 200-ok\r\nContent-Length: 2\r\n\r\nab", "!417 unsupported Expect");
    /* One who sends it unasked gets to see the answer: it is read to its end. */
    expect(POST "Content-Length: 51\r\n\r\n01234567890123456789012345678901234567890123456789", "");
    expect(POST "Content-Length: 51\r\n\r\n012345678901234567890123456789012345678901234567890",
           "!413 body too large");
}

UNIT_TEST(http_front, h19_tricks_with_the_target)
{
    expect("GET http://h:80/get?key=a HTTP/1.1\r\nHost: h:80\r\n\r\n",
           "[GET /get?key=a HTTP/1.1\r\nHost: h:80\r\n\r\n]");
    expect("GET HTTP://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "[GET / HTTP/1.1\r\nHost: h\r\n\r\n]");
    expect("GET http://evil/get HTTP/1.1\r\nHost: h\r\n\r\n",
           "!400 the Host is not that of the request target");
    expect("GET http://h/get HTTP/1.0\r\n\r\n", "!400 missing Host");
    expect("GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request target");
    expect("GET http:///get HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request target");
    expect("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request target");
    expect("GET https://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request target");
    expect("GET //evil/get HTTP/1.1\r\nHost: h\r\n\r\n",
           "!400 the request target begins with '//'");
    expect("GET http://h//evil/get HTTP/1.1\r\nHost: h\r\n\r\n",
           "!400 the request target begins with '//'");
    expect("GET get HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request target");
    expect("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request target");
    /* The origin of one request is not that of the next. */
    expect("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: i\r\n\r\n",
           "[GET / HTTP/1.1\r\nHost: h\r\n\r\n][GET / HTTP/1.1\r\nHost: i\r\n\r\n]");
}

UNIT_TEST(http_front, h20_a_line_break_gets_into_no_part_of_a_request)
{
    expect("GET /get?key=a\r\nLocation: x HTTP/1.1\r\nHost: h\r\n\r\n",
           "!400 malformed request line");
    expect("GET /get?key=a\rLocation: HTTP/1.1\r\nHost: h\r\n\r\n", "!400 malformed request line");
    expect("GET / HTTP/1.1\r\nHost: h\rX:y\r\n\r\n", "!400 malformed header value");
}
