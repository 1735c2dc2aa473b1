/* test_history.c -- the text form of histories: what is read is what is written. */
#include "lib/unit.h"
#include "linear/history.h"

static bool reads(const char *text, struct history *history)
{
    uint32_t line = 0;
    return history_parse(history, slice_of_string(text), &line) == RESULT_OK;
}

UNIT_TEST(history, text_is_read_and_written_alike)
{
    static const char TEXT[] = "1 0 10 SET k \"a b\\\"\\\\\\x00\" => +OK\n"
                               "2 5 ? INCR n\n"
                               "3 7 9 MGET a b => [ \"x\" nil ]\n"
                               "3 10 11 MGET => [ ]\n"
                               "4 12 13 EXISTS a => :-1\n"
                               "4 14 15 GET \"=>\" => \"\"\n";
    struct history history = {0};
    struct buf out = {0};
    CU_ASSERT_TRUE_FATAL(reads(TEXT, &history));
    CU_ASSERT_EQUAL(history.count, 6);
    CU_ASSERT_EQUAL(history.operations[1].end, HISTORY_NEVER);
    CU_ASSERT_EQUAL(history.operations[0].arguments[2].size, 6);
    for (uint32_t i = 0; i < history.count; i++) {
        history_print(&history.operations[i], &out);
    }
    CU_ASSERT(slice_equals(buf_slice(&out), slice_of_string(TEXT)));
    buf_deinit(&out);
    history_deinit(&history);
}

UNIT_TEST(history, comments_and_empty_lines_are_passed_over)
{
    struct history history = {0};
    CU_ASSERT_TRUE(reads("# a comment\n\n1 0 1 GET k => nil", &history));
    CU_ASSERT_EQUAL(history.count, 1);
    CU_ASSERT_EQUAL(history.operations[0].line, 3);
    history_deinit(&history);
}

UNIT_TEST(history, lines_that_are_no_operation_are_named)
{
    static const char *const bad[] = {
        "1 0 10 SET k v",            /* answered, but no reply */
        "1 0 ? SET k v => +OK",      /* unknown, but a reply */
        "1 0 10 => +OK",             /* no command */
        "x 0 10 GET k => nil",       /* no client */
        "1 10 0 GET k => nil",       /* ends before it begins */
        "1 0 10 GET k => 5",         /* not a reply */
        "1 0 10 GET k => [ nil",     /* an array without its end */
        "1 0 10 GET k => \"x",       /* a quote without its end */
        "1 0 10 GET \"\\q\" => nil", /* no such escape */
        "1 0 10 GET k => nil nil",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct history history = {0};
        struct buf text = {0};
        uint32_t line = 0;
        buf_append_format(&text, "1 0 1 GET k => nil\n%s\n", bad[i]);
        CU_ASSERT_EQUAL(history_parse(&history, buf_slice(&text), &line), RESULT_INVALID);
        CU_ASSERT_EQUAL(line, 2);
        buf_deinit(&text);
        history_deinit(&history);
    }
}
