/* test_quote.c -- quoted bytes. The long one was recorded from MONITOR of redis-server 7.0.15. */
#include "base/quote.h"

#include "lib/unit.h"

static bool quotes_to(struct slice bytes, const char *expected)
{
    struct buf out = {0};
    quote_append(&out, bytes);
    bool is_equal = slice_equals(buf_slice(&out), slice_of_string(expected));
    buf_deinit(&out);
    return is_equal;
}

UNIT_TEST(quote, escapes_what_is_not_printable)
{
    CU_ASSERT_TRUE(quotes_to(slice_of(NULL, 0), "\"\""));
    CU_ASSERT_TRUE(quotes_to(SLICE_LITERAL("plain ~!'"), "\"plain ~!'\""));
    CU_ASSERT_TRUE(quotes_to(SLICE_LITERAL("v\r\n\"\0\xc3\xbf\\\a\b\t"),
                             "\"v\\r\\n\\\"\\x00\\xc3\\xbf\\\\\\a\\b\\t\""));
    CU_ASSERT_TRUE(quotes_to(SLICE_LITERAL("\x1f\x7f\n"), "\"\\x1f\\x7f\\n\""));
}

UNIT_TEST(quote, knows_every_byte)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t raw = (uint8_t)byte;
        struct buf out = {0};
        quote_append(&out, slice_of(&raw, 1));
        struct slice text = buf_slice(&out);
        size_t shown = byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\' ? 1 : 4;
        if (byte != 0 && strchr("\n\r\t\a\b\"\\", (int)byte) != NULL) {
            shown = 2;
        }
        CU_ASSERT_EQUAL(text.size, shown + 2);
        for (size_t i = 0; i < text.size; i++) {
            CU_ASSERT_TRUE(text.bytes[i] >= ' ' && text.bytes[i] <= '~');
        }
        buf_deinit(&out);
    }
}
