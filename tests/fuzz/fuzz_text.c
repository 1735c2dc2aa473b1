/* fuzz_text.c -- glob patterns against the plain definition, numbers against the C library, lines
 * of the configuration and texts of HTTP against their own way back (P11, P12, H18, H19). */
#include <errno.h>
#include <inttypes.h>

#include "base/glob.h"
#include "base/number.h"
#include "fuzz/fuzz.h"
#include "net/http_query.h"
#include "net/http_text.h"
#include "server/config_internal.h"

/* ---- Globs without sets, by the definition ---- */

static uint64_t steps;

static bool matches(struct slice pattern, struct slice text)
{
    if (++steps > 100000) {
        return false;
    }
    if (pattern.size == 0) {
        return text.size == 0;
    }
    struct slice rest = slice_of(pattern.bytes + 1, pattern.size - 1);
    if (pattern.bytes[0] == '*') {
        for (size_t i = 0; i <= text.size; i++) {
            if (matches(rest, slice_of(text.bytes + i, text.size - i))) {
                return true;
            }
        }
        return false;
    }
    if (text.size == 0) {
        return false;
    }
    return (pattern.bytes[0] == '?' || pattern.bytes[0] == text.bytes[0]) &&
           matches(rest, slice_of(text.bytes + 1, text.size - 1));
}

static bool has_special(struct slice pattern)
{
    for (size_t i = 0; i < pattern.size; i++) {
        if (pattern.bytes[i] == '[' || pattern.bytes[i] == '\\') {
            return true;
        }
    }
    return false;
}

static void try_glob(struct slice input)
{
    uint8_t size = fuzz_take_byte(&input);
    struct slice pattern = fuzz_copy(fuzz_take(&input, size));
    struct slice text = fuzz_copy(input);
    bool is_match = glob_matches(pattern, text, false);
    (void)glob_matches(pattern, text, true);
    steps = 0;
    /* Redis's rule for empty text differs; callers know. */
    if (text.size > 0 && !has_special(pattern)) {
        bool is_due = matches(pattern, text);
        FUZZ_CHECK(steps > 100000 || is_due == is_match);
    }
    fuzz_free(pattern);
    fuzz_free(text);
}

/* ---- Numbers ---- */

static void try_number(struct slice input)
{
    int64_t number = 0;
    if (number_parse_int64(input, &number)) {
        char again[32];
        int size = snprintf(again, sizeof(again), "%" PRId64, number);
        FUZZ_CHECK(slice_equals(input, slice_of(again, (size_t)size)));
    } else if (input.size > 0 && input.size < 20) {
        /* What the C library writes is taken. */
        char text[32] = {0};
        memcpy(text, input.bytes, input.size);
        errno = 0;
        char *end = NULL;
        long long value = strtoll(text, &end, 10);
        char again[32];
        int size = snprintf(again, sizeof(again), "%lld", value);
        FUZZ_CHECK(errno != 0 || !slice_equals(input, slice_of(again, (size_t)size)));
    }
    double real = 0;
    if (number_parse_double(input, &real)) {
        char text[NUMBER_DOUBLE_BYTES];
        double second = 0;
        size_t size = number_format_double(real, text);
        FUZZ_CHECK(number_parse_double(slice_of(text, size), &second));
        FUZZ_CHECK(memcmp(&second, &real, sizeof(real)) == 0 || second == real);
    }
    long double large;
    (void)number_parse_long_double(input, &large);
}

/* ---- Configuration ---- */

static void try_words(struct slice input)
{
    struct config_words words;
    struct buf reason = {0};
    struct buf line = {0};
    if (config_words_split(input, &words, &reason)) {
        for (uint32_t i = 0; i < words.count; i++) {
            config_words_quote(words.items[i], &line);
            buf_append_byte(&line, ' ');
        }
        struct config_words second;
        FUZZ_CHECK(config_words_split(buf_slice(&line), &second, &reason));
        FUZZ_CHECK(second.count == words.count);
        for (uint32_t i = 0; i < words.count; i++) {
            FUZZ_CHECK(slice_equals(words.items[i], second.items[i]));
        }
        buf_deinit(&second.bytes);
    } else {
        FUZZ_CHECK(buf_size(&reason) > 0);
    }
    buf_deinit(&words.bytes);
    buf_deinit(&reason);
    buf_deinit(&line);
}

static void try_value(struct slice input)
{
    uint8_t choice = fuzz_take_byte(&input);
    const struct config_directive *directive = &config_table[choice % config_table_count];
    static struct config config;
    struct buf reason = {0};
    config_value_defaults(&config);
    if (config_value_parse(directive, input, &config, &reason)) {
        struct buf shown = {0};
        config_value_format(directive, &config, &shown);
        buf_deinit(&shown);
    } else {
        FUZZ_CHECK(buf_size(&reason) > 0);
    }
    buf_deinit(&reason);
    config_deinit(&config);
}

/* ---- HTTP ---- */

static void try_http(struct slice input)
{
    struct http_query query;
    struct buf text = {0};
    if (http_query_init(&query, input) == NULL) {
        struct http_query second;
        http_query_encode(&query, &text);
        FUZZ_CHECK(http_query_init(&second, buf_slice(&text)) == NULL);
        FUZZ_CHECK(second.parameters_count == query.parameters_count);
        http_query_deinit(&second);
    }
    http_query_deinit(&query);
    buf_clear(&text);
    http_json_string(&text, input);
    FUZZ_CHECK(http_utf8_is_valid(buf_slice(&text)));
    buf_clear(&text);
    struct buf back = {0};
    http_base64_encode(&text, input);
    FUZZ_CHECK(http_base64_decode(&back, buf_slice(&text)));
    FUZZ_CHECK(slice_equals(buf_slice(&back), input));
    buf_clear(&back);
    if (http_base64_decode(&back, input)) {
        buf_clear(&text);
        http_base64_encode(&text, buf_slice(&back));
        FUZZ_CHECK(slice_equals(buf_slice(&text), input));
    }
    buf_deinit(&back);
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_quiet();
    struct slice all = slice_of(data, size);
    uint8_t choice = fuzz_take_byte(&all);
    struct slice input = fuzz_copy(all);
    switch (choice % 5) {
    case 0:
        try_glob(input);
        break;
    case 1:
        try_number(input);
        break;
    case 2:
        try_words(input);
        break;
    case 3:
        try_value(input);
        break;
    case 4:
        try_http(input);
        break;
    }
    fuzz_free(input);
    return 0;
}
