/* test_glob.c -- glob patterns: a table of cases, each answered alike by redis-server 7.0.15. */
#include "base/glob.h"
#include "base/mem.h"
#include "base/prng.h"
#include "lib/unit.h"

struct glob_case {
    const char *pattern;
    const char *text;
    bool matches;
};

static const struct glob_case cases[] = {
    {"", "", true},
    {"*", "", false},
    {"**", "", false},
    {"?", "", false},
    {"", "a", false},
    {"*", "a", true},
    {"a*", "a", true},
    {"a**", "a", true},
    {"*a", "a", true},
    {"*?", "a", true},
    {"?*", "a", true},
    {"??", "a", false},
    {"h?llo", "hallo", true},
    {"h?llo", "hllo", false},
    {"h*llo", "heeello", true},
    {"h*llo", "hllo", true},
    {"h*llo", "hllox", false},
    {"*foo*", "xxfooyy", true},
    {"*foo*", "xxfoyy", false},
    {"a*b*c", "aXbXbXc", true},
    {"a*b*c", "aXcXb", false},
    {"*ab", "aaab", true},
    {"*aab*b", "aaaabxb", true},
    {"h[ae]llo", "hello", true},
    {"h[ae]llo", "hillo", false},
    {"h[^e]llo", "hallo", true},
    {"h[^e]llo", "hello", false},
    {"h[a-c]llo", "hbllo", true},
    {"h[a-c]llo", "hdllo", false},
    {"[z-a]", "m", true},
    {"[a-c-e]", "-", true},
    {"[a-c-e]", "d", false},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"a\\", "a\\", true},
    {"*\\", "x\\", true},
    {"[\\]]", "]", true},
    {"[\\", "\\", true},
    {"[\\a-c]", "b", false},
    {"[\\a-c]", "-", true},
    {"[a-\\]]", "\\", false},
    {"[a-\\]]", "a]", true},
    {"[", "a", false},
    {"[^", "a", true},
    {"[]", "a", false},
    {"[^]", "a", true},
    {"*[", "a", false},
    {"*[^", "a", true},
    {"a[^", "a", false},
    {"[a-", "a", true},
    {"[a-", "-", true},
    {"[a-]", "_", true},
    {"[a-]", "a", true},
    {"[abc", "b", true},
    {"[^abc", "d", true},
    {"[a]]", "a]", true},
    {"[a]]", "a", false},
    {"[a-\xff]", "B", true},
    {"[a-\xff]", "b", false},
    {"[a-\xff]", "\xf0", false},
    {"A", "a", false},
    {"[A-C]", "b", false},
};

UNIT_TEST(glob, matches_as_redis_does)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool matches =
            glob_matches(slice_of_string(cases[i].pattern), slice_of_string(cases[i].text), false);
        CU_ASSERT_EQUAL(matches, cases[i].matches);
        if (matches != cases[i].matches) {
            CU_FAIL("the case before this line");
        }
    }
}

UNIT_TEST(glob, ignores_case_when_asked)
{
    static const struct glob_case folded[] = {
        {"HELLO", "hello", true}, {"h[A-C]llo", "HBLLO", true},
        {"[b]", "B", true},       {"[^b]", "B", false},
        {"[\\b]", "B", false},    {"[\\b]", "b", true},
        {"\\A", "a", true},       {"[Z-a]", "z", false},
        {"\xc4", "\xe4", false},  {"*O W*", "hello world", true},
    };
    for (size_t i = 0; i < sizeof(folded) / sizeof(folded[0]); i++) {
        CU_ASSERT_EQUAL(
            glob_matches(slice_of_string(folded[i].pattern), slice_of_string(folded[i].text), true),
            folded[i].matches);
    }
}

UNIT_TEST(glob, takes_nul_as_any_byte)
{
    CU_ASSERT_TRUE(glob_matches(slice_of("a\0*", 3), slice_of("a\0bc", 4), false));
    CU_ASSERT_FALSE(glob_matches(slice_of("a\0c", 3), slice_of("a\0b", 3), false));
}

/* With a backtracking matcher these take longer than the machine lasts, or more stack than it has.
 */
UNIT_TEST(glob, pathological_patterns_end)
{
    enum { STARS = 3000, TEXT_BYTES = 20000 };
    uint8_t *pattern = mem_alloc(2 * STARS + 1);
    uint8_t *text = mem_alloc(TEXT_BYTES);
    for (int i = 0; i < STARS; i++) {
        pattern[2 * i] = '*';
        pattern[2 * i + 1] = 'a';
    }
    pattern[2 * STARS] = 'b';
    memset(text, 'a', TEXT_BYTES);
    struct slice hostile = slice_of(pattern, 2 * STARS + 1);
    CU_ASSERT_FALSE(glob_matches(hostile, slice_of(text, TEXT_BYTES), false));
    text[TEXT_BYTES - 1] = 'b';
    CU_ASSERT_TRUE(glob_matches(hostile, slice_of(text, TEXT_BYTES), false));
    memset(pattern, '*', 2 * STARS);
    CU_ASSERT_TRUE(glob_matches(hostile, slice_of(text, TEXT_BYTES), false));
    mem_free(pattern);
    mem_free(text);
}

/* The obvious matcher of '*', '?' and plain bytes, to check the clever one against. */
static bool obvious_match(struct slice pattern, struct slice text)
{
    if (pattern.size == 0) {
        return text.size == 0;
    }
    struct slice rest = slice_of(pattern.bytes + 1, pattern.size - 1);
    if (pattern.bytes[0] == '*') {
        for (size_t i = 0; i <= text.size; i++) {
            if (obvious_match(rest, slice_of(text.bytes + i, text.size - i))) {
                return true;
            }
        }
        return false;
    }
    return text.size > 0 && (pattern.bytes[0] == '?' || pattern.bytes[0] == text.bytes[0]) &&
           obvious_match(rest, slice_of(text.bytes + 1, text.size - 1));
}

UNIT_TEST(glob, agrees_with_the_obvious_matcher)
{
    struct prng prng;
    prng_init(&prng, 7);
    for (int round = 0; round < 20000; round++) {
        uint8_t pattern[8];
        uint8_t text[10];
        size_t pattern_bytes = prng_below(&prng, sizeof(pattern) + 1);
        size_t text_bytes = 1 + prng_below(&prng, sizeof(text));
        for (size_t i = 0; i < pattern_bytes; i++) {
            pattern[i] = (uint8_t) "ab*?*"[prng_below(&prng, 5)];
        }
        for (size_t i = 0; i < text_bytes; i++) {
            text[i] = (uint8_t) "ab"[prng_below(&prng, 2)];
        }
        struct slice p = slice_of(pattern, pattern_bytes);
        struct slice t = slice_of(text, text_bytes);
        CU_ASSERT_EQUAL(glob_matches(p, t, false), obvious_match(p, t));
    }
}
