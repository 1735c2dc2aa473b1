/* test_http_query.c -- the query of a request target. */
#include <stdio.h>
#include <string.h>

#include "lib/unit.h"
#include "net/http_query.h"

static bool finds(const struct http_query *query, const char *name, struct slice wanted)
{
    struct slice value = slice_of(NULL, 0);
    return http_query_find(query, name, &value) == 1 && slice_equals(value, wanted);
}

UNIT_TEST(http_query, parses_names_and_values)
{
    struct http_query query;
    CU_ASSERT_PTR_NULL(http_query_init(&query, SLICE_LITERAL("key=a%00b&local=true&x&=y&z==")));
    CU_ASSERT_EQUAL(query.parameters_count, 5);
    CU_ASSERT_TRUE(finds(&query, "key", SLICE_LITERAL("a\0b")));
    CU_ASSERT_TRUE(finds(&query, "local", SLICE_LITERAL("true")));
    CU_ASSERT_TRUE(finds(&query, "x", slice_of(NULL, 0)));
    CU_ASSERT_TRUE(finds(&query, "", SLICE_LITERAL("y")));
    CU_ASSERT_TRUE(finds(&query, "z", SLICE_LITERAL("=")));
    CU_ASSERT_TRUE(http_query_is_true(&query, "local"));
    CU_ASSERT_FALSE(http_query_is_true(&query, "x"));
    CU_ASSERT_FALSE(http_query_is_true(&query, "redirect"));
    http_query_deinit(&query);
}

UNIT_TEST(http_query, empty_parts_are_passed_over)
{
    struct http_query query;
    CU_ASSERT_PTR_NULL(http_query_init(&query, SLICE_LITERAL("&&a=1&&&b=2&")));
    CU_ASSERT_EQUAL(query.parameters_count, 2);
    http_query_deinit(&query);
    CU_ASSERT_PTR_NULL(http_query_init(&query, slice_of(NULL, 0)));
    CU_ASSERT_EQUAL(query.parameters_count, 0);
    http_query_deinit(&query);
}

UNIT_TEST(http_query, an_escaped_separator_separates_nothing)
{
    struct http_query query;
    CU_ASSERT_PTR_NULL(http_query_init(&query, SLICE_LITERAL("key=a%26key%3Db")));
    CU_ASSERT_TRUE(finds(&query, "key", SLICE_LITERAL("a&key=b")));
    http_query_deinit(&query);
}

UNIT_TEST(http_query, a_name_is_decoded_before_it_is_compared_and_repeats_are_counted)
{
    struct http_query query;
    struct slice value;
    CU_ASSERT_PTR_NULL(http_query_init(&query, SLICE_LITERAL("key=1&%6bey=2")));
    CU_ASSERT_EQUAL(http_query_find(&query, "key", &value), 2);
    CU_ASSERT_TRUE(slice_equals(value, SLICE_LITERAL("1")));
    http_query_deinit(&query);
}

UNIT_TEST(http_query, broken_escapes_are_an_error_in_names_and_values)
{
    static const char *const WRONG[] = {"key=%", "key=%zz", "%4=1", "a=1&b=%f"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct http_query query;
        CU_ASSERT_PTR_NOT_NULL(http_query_init(&query, slice_of_string(WRONG[i])));
        http_query_deinit(&query);
    }
}

UNIT_TEST(http_query, the_number_of_parameters_is_bounded)
{
    char text[256] = "";
    struct http_query query;
    for (int i = 0; i < HTTP_QUERY_PARAMETERS_MAX; i++) {
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "a%d=&", i);
    }
    CU_ASSERT_PTR_NULL(http_query_init(&query, slice_of_string(text)));
    CU_ASSERT_EQUAL(query.parameters_count, HTTP_QUERY_PARAMETERS_MAX);
    http_query_deinit(&query);
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "b=1");
    CU_ASSERT_PTR_NOT_NULL(http_query_init(&query, slice_of_string(text)));
    http_query_deinit(&query);
}

UNIT_TEST(http_query, encoding_gives_a_query_of_the_same_parameters)
{
    struct http_query query;
    struct http_query again;
    struct buf text;
    buf_init(&text);
    CU_ASSERT_PTR_NULL(
        http_query_init(&query, SLICE_LITERAL("key=%0d%0aHost%3a+evil&redirect=true&n%00=%ff")));
    http_query_encode(&query, &text);
    CU_ASSERT_TRUE(slice_equals(buf_slice(&text),
                                SLICE_LITERAL("key=%0D%0AHost%3A%20evil&redirect=true&n%00=%FF")));
    CU_ASSERT_PTR_NULL(http_query_init(&again, buf_slice(&text)));
    CU_ASSERT_EQUAL(again.parameters_count, 3);
    CU_ASSERT_TRUE(finds(&again, "key", SLICE_LITERAL("\r\nHost: evil")));
    http_query_deinit(&again);
    http_query_deinit(&query);
    buf_deinit(&text);
}
