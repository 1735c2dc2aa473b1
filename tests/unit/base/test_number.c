/* test_number.c -- numbers and their text, at the edges; expectations from redis-server 7.0.15. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/number.h"
#include "base/prng.h"
#include "lib/unit.h"

UNIT_TEST(number, parses_int64_over_the_full_range)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"7", 7},
        {"-1", -1},
        {"10", 10},
        {"1234567890123456789", 1234567890123456789},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t value = 42;
        CU_ASSERT_TRUE(number_parse_int64(slice_of_string(good[i].text), &value));
        CU_ASSERT_EQUAL(value, good[i].value);
    }
}

UNIT_TEST(number, refuses_what_is_not_an_int64)
{
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        "01",
        "-01",
        "-0",
        " 1",
        "1 ",
        "1a",
        "a",
        "--1",
        "1.0",
        "0x1",
        "00",
        "/",
        ":",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999",
        "100000000000000000000",
        "123456789012345678901234567890",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t value = 42;
        CU_ASSERT_FALSE(number_parse_int64(slice_of_string(bad[i]), &value));
        CU_ASSERT_EQUAL(value, 42);
    }
    int64_t value;
    CU_ASSERT_FALSE(number_parse_int64(slice_of("1\0", 2), &value));
    CU_ASSERT_FALSE(number_parse_int64(slice_of(NULL, 0), &value));
}

UNIT_TEST(number, parses_uint64_up_to_its_largest)
{
    uint64_t value = 42;
    CU_ASSERT_TRUE(number_parse_uint64(SLICE_LITERAL("18446744073709551615"), &value));
    CU_ASSERT_EQUAL(value, UINT64_MAX);
    CU_ASSERT_TRUE(number_parse_uint64(SLICE_LITERAL("0"), &value));
    CU_ASSERT_EQUAL(value, 0);
    CU_ASSERT_FALSE(number_parse_uint64(SLICE_LITERAL("18446744073709551616"), &value));
    CU_ASSERT_FALSE(number_parse_uint64(SLICE_LITERAL("18446744073709551620"), &value));
    CU_ASSERT_FALSE(number_parse_uint64(SLICE_LITERAL("28446744073709551615"), &value));
    CU_ASSERT_FALSE(number_parse_uint64(SLICE_LITERAL("-1"), &value));
    CU_ASSERT_FALSE(number_parse_uint64(SLICE_LITERAL("00"), &value));
    CU_ASSERT_EQUAL(value, 0);
}

static void check_int64_text(int64_t value)
{
    char expected[32];
    char text[NUMBER_INT64_BYTES];
    int size = snprintf(expected, sizeof(expected), "%" PRId64, value);
    CU_ASSERT_EQUAL_FATAL(number_format_int64(value, text), (size_t)size);
    CU_ASSERT_EQUAL(memcmp(text, expected, (size_t)size), 0);
    int64_t back;
    CU_ASSERT_TRUE(number_parse_int64(slice_of(text, (size_t)size), &back));
    CU_ASSERT_EQUAL(back, value);
}

UNIT_TEST(number, formats_every_length_of_int64)
{
    check_int64_text(0);
    check_int64_text(INT64_MIN);
    check_int64_text(INT64_MAX);
    int64_t power = 1;
    for (int digits = 1; digits < 19; digits++) {
        check_int64_text(power - 1);
        check_int64_text(power);
        check_int64_text(-power);
        check_int64_text(1 - power == 0 ? 1 : 1 - power);
        power *= 10;
    }
    struct prng prng;
    prng_init(&prng, 1);
    for (int i = 0; i < 10000; i++) {
        check_int64_text((int64_t)(prng_next(&prng) >> prng_below(&prng, 64)));
    }
    char text[NUMBER_INT64_BYTES];
    CU_ASSERT_EQUAL(number_format_uint64(UINT64_MAX, text), 20);
    CU_ASSERT_EQUAL(memcmp(text, "18446744073709551615", 20), 0);
}

UNIT_TEST(number, parses_doubles_as_redis_does)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {
        {"0", 0},           {"-0", -0.0},
        {"+5", 5},          {"1.5", 1.5},
        {".5", 0.5},        {"5.", 5},
        {"1e3", 1000},      {"0x10", 16},
        {"inf", INFINITY},  {"-inf", -INFINITY},
        {"+INF", INFINITY}, {"Infinity", INFINITY},
        {"1e-310", 1e-310}, {"1.7976931348623157e308", 1.7976931348623157e308},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        double value = 42;
        CU_ASSERT_TRUE(number_parse_double(slice_of_string(good[i].text), &value));
        CU_ASSERT_EQUAL(value, good[i].value);
        CU_ASSERT_EQUAL(signbit(value) != 0, signbit(good[i].value) != 0);
        long double wide = 42;
        CU_ASSERT_TRUE(number_parse_long_double(slice_of_string(good[i].text), &wide));
        CU_ASSERT_EQUAL((double)wide, good[i].value);
    }
}

UNIT_TEST(number, refuses_what_is_not_a_double)
{
    static const char *const bad[] = {
        "",   " 1",   "\t1", "\v1", "1 ",      "nan",     "-nan",     "1,5",      "abc",
        "1e", "1.5x", "--1", "0x",  "infinit", "1e99999", "-1e99999", "1e-99999", "1.0.0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        double value = 42;
        long double wide = 42;
        CU_ASSERT_FALSE(number_parse_double(slice_of_string(bad[i]), &value));
        CU_ASSERT_FALSE(number_parse_long_double(slice_of_string(bad[i]), &wide));
        CU_ASSERT_TRUE(value == 42 && wide == 42);
    }
    double value = 42;
    CU_ASSERT_FALSE(number_parse_double(SLICE_LITERAL("1e400"), &value));
    CU_ASSERT_FALSE(number_parse_double(SLICE_LITERAL("1e-400"), &value));
    CU_ASSERT_FALSE(number_parse_double(slice_of("1\0", 2), &value));
    CU_ASSERT_FALSE(number_parse_double(slice_of("1\0002", 3), &value));
    long double wide;
    CU_ASSERT_TRUE(number_parse_long_double(SLICE_LITERAL("1e400"), &wide));
}

UNIT_TEST(number, bounds_the_text_of_a_double)
{
    static uint8_t text[NUMBER_LONG_DOUBLE_BYTES];
    memset(text, '0', sizeof(text));
    text[1] = '.';
    double value = 42;
    CU_ASSERT_FALSE(number_parse_double(slice_of(text, sizeof(text)), &value));
    CU_ASSERT_TRUE(number_parse_double(slice_of(text, sizeof(text) - 1), &value));
    CU_ASSERT_EQUAL(value, 0);
}

UNIT_TEST(number, formats_doubles_as_redis_does)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {3, "3"},
        {-7, "-7"},
        {0.1, "0.10000000000000001"},
        {1.5, "1.5"},
        {12345.678, "12345.678"},
        {3.0e-5, "3.0000000000000001e-05"},
        {1e16, "10000000000000000"},
        {99999999999999984.0, "99999999999999984"},
        {1e17, "1e+17"},
        {-1e17, "-1e+17"},
        {123456789012345678.0, "1.2345678901234568e+17"},
        {5e-324, "4.9406564584124654e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[NUMBER_DOUBLE_BYTES];
        CU_ASSERT_EQUAL(number_format_double(cases[i].value, text), strlen(cases[i].text));
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
}

UNIT_TEST(number, text_of_a_double_reads_back_the_same)
{
    struct prng prng;
    prng_init(&prng, 2);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = prng_next(&prng);
        double value;
        memcpy(&value, &bits, sizeof(value));
        /* Half of them whole numbers, for the path that prints those. */
        value = i % 2 == 0 ? value : (double)(int64_t)(bits >> prng_below(&prng, 60));
        if (!isfinite(value)) {
            continue;
        }
        char text[NUMBER_DOUBLE_BYTES];
        char expected[64];
        size_t size = number_format_double(value, text);
        (void)snprintf(expected, sizeof(expected), "%.17g", value);
        CU_ASSERT_STRING_EQUAL(text, expected);
        double back = 0;
        CU_ASSERT_TRUE(number_parse_double(slice_of(text, size), &back));
        CU_ASSERT_EQUAL(memcmp(&back, &value, sizeof(value)), 0);
    }
}

UNIT_TEST(number, formats_long_doubles_without_exponent)
{
    static const struct {
        long double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0L, "0"},
        {3, "3"},
        {10.50L, "10.5"},
        {0.1L, "0.1"},
        {-2.5L, "-2.5"},
        {100, "100"},
        {1e17L, "100000000000000000"},
        {1e-17L, "0.00000000000000001"},
        {4e-18L, "0"},
        {-4e-18L, "0"},
        {3.14159265358979323846264L, "3.14159265358979324"},
        {(long double)INFINITY, "inf"},
        {-(long double)INFINITY, "-inf"},
        {(long double)NAN, "nan"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[NUMBER_LONG_DOUBLE_BYTES];
        CU_ASSERT_EQUAL(number_format_long_double(cases[i].value, text), strlen(cases[i].text));
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
    char text[NUMBER_LONG_DOUBLE_BYTES];
    long double largest = 0;
    CU_ASSERT_TRUE(number_parse_long_double(SLICE_LITERAL("-1.1e4932"), &largest));
    CU_ASSERT_EQUAL(number_format_long_double(largest, text), 4934);
}

UNIT_TEST(number, loosely_reads_what_a_c_string_holds)
{
    const struct {
        struct slice text;
        double value;
        bool in_range;
    } good[] = {
        {SLICE_LITERAL(""), 0, true},
        {SLICE_LITERAL(" 2"), 2, true},
        {SLICE_LITERAL("5\0abc"), 5, true},
        {SLICE_LITERAL("0x10"), 16, true},
        {SLICE_LITERAL("1e400"), HUGE_VAL, false},
        {SLICE_LITERAL("1e-400"), 0, false},
        {SLICE_LITERAL("-inf"), -HUGE_VAL, true},
        {SLICE_LITERAL("000000000000000000000000000000000000000000000001"), 1, true},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        double value = 7;
        bool in_range = !good[i].in_range;
        CU_ASSERT_TRUE(number_parse_double_loosely(good[i].text, &value, &in_range));
        CU_ASSERT_EQUAL(value, good[i].value);
        CU_ASSERT_EQUAL(in_range, good[i].in_range);
    }
    static const char *const bad[] = {"abc", "1 ", "nan", "1x", " "};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        double value = 7;
        bool in_range = true;
        CU_ASSERT_FALSE(number_parse_double_loosely(slice_of_string(bad[i]), &value, &in_range));
        CU_ASSERT_EQUAL(value, 7);
    }
}
