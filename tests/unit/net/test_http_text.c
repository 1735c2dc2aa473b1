/* test_http_text.c -- UTF-8, JSON strings, base64 and percent-encoding. */
#include <string.h>

#include "base/mem.h"
#include "lib/unit.h"
#include "net/http_text.h"

static bool holds(const struct buf *buf, struct slice wanted)
{
    return slice_equals(buf_slice(buf), wanted);
}

UNIT_TEST(http_text, utf8_takes_every_length_and_its_bounds)
{
    CU_ASSERT_TRUE(http_utf8_is_valid(slice_of(NULL, 0)));
    CU_ASSERT_TRUE(http_utf8_is_valid(SLICE_LITERAL("plain ascii of more than eight bytes")));
    CU_ASSERT_TRUE(http_utf8_is_valid(SLICE_LITERAL("a\0b")));
    CU_ASSERT_TRUE(http_utf8_is_valid(SLICE_LITERAL("\xc2\x80\xdf\xbf")));
    CU_ASSERT_TRUE(http_utf8_is_valid(SLICE_LITERAL("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80")));
    CU_ASSERT_TRUE(http_utf8_is_valid(SLICE_LITERAL("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
}

UNIT_TEST(http_text, utf8_refuses_what_the_table_leaves_out)
{
    static const char *const WRONG[] = {
        "\x80",             /* a continuation alone */
        "\xc0\xaf",         /* overlong, two bytes */
        "\xc1\xbf",         /* overlong, two bytes */
        "\xe0\x9f\xbf",     /* overlong, three bytes */
        "\xf0\x8f\xbf\xbf", /* overlong, four bytes */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* past U+10FFFF */
        "\xf5\x80\x80\x80", /* never a lead byte */
        "\xff",
        "\xc3",         /* cut short */
        "\xe2\x82",     /* cut short */
        "\xf0\x9f\x98", /* cut short */
        "\xe2\x82 ",    /* broken off */
        "eight by\xff", /* behind a run that is looked at in one go */
        "abc\xff"
        "defghijklm",
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        CU_ASSERT_FALSE(http_utf8_is_valid(slice_of_string(WRONG[i])));
    }
}

static void check_json(struct slice text, const char *wanted)
{
    struct buf out;
    buf_init(&out);
    http_json_string(&out, text);
    CU_ASSERT_TRUE(holds(&out, slice_of_string(wanted)));
    buf_deinit(&out);
}

UNIT_TEST(http_text, json_escapes_what_rfc_8259_says_must_be)
{
    check_json(slice_of(NULL, 0), "\"\"");
    check_json(SLICE_LITERAL("plain /"), "\"plain /\"");
    check_json(SLICE_LITERAL("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    check_json(SLICE_LITERAL("a\0b\x1f\x7f"), "\"a\\u0000b\\u001f\x7f\"");
    check_json(SLICE_LITERAL("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
               "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

UNIT_TEST(http_text, json_never_carries_malformed_utf8)
{
    check_json(SLICE_LITERAL("a\xff"
                             "b"),
               "\"a\xef\xbf\xbd"
               "b\"");
    check_json(SLICE_LITERAL("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

UNIT_TEST(http_text, base64_gives_rfc_4648s_vectors_both_ways)
{
    static const char *const VECTORS[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
        struct buf out;
        buf_init(&out);
        http_base64_encode(&out, slice_of_string(VECTORS[i][0]));
        CU_ASSERT_TRUE(holds(&out, slice_of_string(VECTORS[i][1])));
        buf_clear(&out);
        CU_ASSERT_TRUE(http_base64_decode(&out, slice_of_string(VECTORS[i][1])));
        CU_ASSERT_TRUE(holds(&out, slice_of_string(VECTORS[i][0])));
        buf_deinit(&out);
    }
}

UNIT_TEST(http_text, base64_round_trips_every_byte)
{
    uint8_t bytes[257];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        struct buf text;
        struct buf back;
        buf_init(&text);
        buf_init(&back);
        http_base64_encode(&text, slice_of(bytes, size));
        CU_ASSERT_TRUE(http_base64_decode(&back, buf_slice(&text)));
        CU_ASSERT_TRUE(holds(&back, slice_of(bytes, size)));
        buf_deinit(&text);
        buf_deinit(&back);
    }
}

UNIT_TEST(http_text, base64_refuses_what_is_not_canonical)
{
    static const char *const WRONG[] = {
        "Z",    "Zg",   "Zg=",  "====",     "=Zg=",     "Z===",       "Zm9v\n", "Zm 9",
        "Zh==", "Zm9=", "Zm-_", "Zg==Zg==", "Zm9v====", "Z\xc3\xa9g", "Zg=A",
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct buf out;
        buf_init(&out);
        buf_append(&out, "kept", 4);
        CU_ASSERT_FALSE(http_base64_decode(&out, slice_of_string(WRONG[i])));
        CU_ASSERT_TRUE(holds(&out, SLICE_LITERAL("kept")));
        buf_deinit(&out);
    }
}

UNIT_TEST(http_text, percent_decoding_keeps_nul_and_turns_plus_into_space)
{
    struct buf out;
    buf_init(&out);
    CU_ASSERT_TRUE(http_percent_decode(&out, SLICE_LITERAL("a%00b+c%2B%2b%ff%25")));
    CU_ASSERT_TRUE(holds(&out, SLICE_LITERAL("a\0b c++\xff%")));
    buf_deinit(&out);
}

UNIT_TEST(http_text, percent_decoding_refuses_broken_escapes)
{
    static const char *const WRONG[] = {"%", "%4", "a%", "a%4", "%g0", "%0g", "%%41", "%-1", "% 1"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct buf out;
        buf_init(&out);
        CU_ASSERT_FALSE(http_percent_decode(&out, slice_of_string(WRONG[i])));
        buf_deinit(&out);
    }
}

UNIT_TEST(http_text, percent_encoding_round_trips_every_byte_and_leaves_no_separator)
{
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    struct buf text;
    struct buf back;
    buf_init(&text);
    buf_init(&back);
    http_percent_encode(&text, slice_of(bytes, sizeof(bytes)));
    CU_ASSERT_TRUE(http_percent_decode(&back, buf_slice(&text)));
    CU_ASSERT_TRUE(holds(&back, slice_of(bytes, sizeof(bytes))));
    CU_ASSERT_PTR_NULL(memchr(text.bytes, '&', buf_size(&text)));
    CU_ASSERT_PTR_NULL(memchr(text.bytes, '\r', buf_size(&text)));
    CU_ASSERT_PTR_NULL(memchr(text.bytes, '\n', buf_size(&text)));
    buf_deinit(&text);
    buf_deinit(&back);
}
