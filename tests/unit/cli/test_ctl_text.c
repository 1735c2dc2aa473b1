/* test_ctl_text.c -- bytes, times, sizes, shell words and tables as a person reads them. */
#include "cli/ctl_text.h"

#include <string.h>

#include "cli/ctl_table.h"
#include "lib/unit.h"

static struct buf out;

/* Whether out says exactly that; empties it. */
static bool says(const char *expected)
{
    bool is_equal = slice_equals(buf_slice(&out), slice_of_string(expected));
    buf_deinit(&out);
    return is_equal;
}

UNIT_TEST(ctl_text, quotes_as_redis_cli_does)
{
    ctl_text_quote(&out, SLICE_LITERAL("plain ~!"), 0);
    CU_ASSERT_TRUE(says("\"plain ~!\""));
    ctl_text_quote(&out, SLICE_LITERAL("\"\\\n\r\t\a\b"), 0);
    CU_ASSERT_TRUE(says("\"\\\"\\\\\\n\\r\\t\\a\\b\""));
    ctl_text_quote(&out, SLICE_LITERAL("\0\x1f\x7f\xff'"), 0);
    CU_ASSERT_TRUE(says("\"\\x00\\x1f\\x7f\\xff'\""));
    ctl_text_quote(&out, slice_of(NULL, 0), 0);
    CU_ASSERT_TRUE(says("\"\""));
}

UNIT_TEST(ctl_text, cuts_what_is_long_and_says_how_long_it_is)
{
    ctl_text_quote(&out, SLICE_LITERAL("12345"), 5);
    CU_ASSERT_TRUE(says("\"12345\""));
    ctl_text_quote(&out, SLICE_LITERAL("123456"), 5);
    CU_ASSERT_TRUE(says("\"12345\"... (6 bytes)"));
}

UNIT_TEST(ctl_text, times_are_utc_and_nonsense_stays_a_number)
{
    ctl_text_time(&out, 0);
    CU_ASSERT_TRUE(says("1970-01-01 00:00:00.000Z"));
    ctl_text_time(&out, 1764109801023);
    CU_ASSERT_TRUE(says("2025-11-25 22:30:01.023Z"));
    ctl_text_time(&out, -5);
    CU_ASSERT_TRUE(says("-5"));
    ctl_text_time(&out, INT64_MAX);
    CU_ASSERT_TRUE(says("9223372036854775807"));
}

UNIT_TEST(ctl_text, sizes_have_the_unit_that_keeps_them_short)
{
    ctl_text_bytes(&out, 1);
    CU_ASSERT_TRUE(says("1 byte"));
    ctl_text_bytes(&out, 1023);
    CU_ASSERT_TRUE(says("1023 bytes"));
    ctl_text_bytes(&out, 1536);
    CU_ASSERT_TRUE(says("1.5 KiB"));
    ctl_text_bytes(&out, UINT64_C(5) << 40);
    CU_ASSERT_TRUE(says("5.0 TiB"));
}

UNIT_TEST(ctl_text, words_for_a_shell_are_quoted_when_they_must_be)
{
    ctl_text_shell(&out, "/var/lib/quorum-1");
    CU_ASSERT_TRUE(says("/var/lib/quorum-1"));
    ctl_text_shell(&out, "");
    CU_ASSERT_TRUE(says("''"));
    ctl_text_shell(&out, "it's $HOME");
    CU_ASSERT_TRUE(says("'it'\\''s $HOME'"));
}

UNIT_TEST(ctl_table, columns_are_as_wide_as_they_must_be)
{
    static const struct ctl_column columns[] = {{"NODE", false}, {"TERM", true}, {"WHERE", false}};
    struct ctl_table *table = ctl_table_create(columns, 3);
    ctl_table_add(table, (const char *const[]){"a", "7", "here"});
    ctl_table_add(table, (const char *const[]){"longer", "12345", "there, and more"});
    ctl_table_write(table, &out);
    ctl_table_destroy(table);
    CU_ASSERT_TRUE(says("NODE     TERM  WHERE\n"
                        "a           7  here\n"
                        "longer  12345  there, and more\n"));
}
