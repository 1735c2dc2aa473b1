/* number.c -- numbers and their text. Integers by hand, since every reply holds one; floating point
 * through libc, which rounds correctly and alike everywhere. */
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

/* Up to this many digits no product of a digit-wise parse can overflow 64 bits. */
enum { DIGITS_SAFE = 19, DIGITS_MAX = 20 };

/* Below this, "%.17g" prints a whole number as its plain digits. */
#define WHOLE_NUMBER_LIMIT 1e17

/* The two digits of 0..99, one pair after the other: halves the divisions of a number's text. */
static const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324"
                                     "25262728293031323334353637383940414243444546474849"
                                     "50515253545556575859606162636465666768697071727374"
                                     "75767778798081828384858687888990919293949596979899";

bool number_parse_uint64(struct slice text, uint64_t *out)
{
    if (text.size == 0 || text.size > DIGITS_MAX) {
        return false;
    }
    unsigned digit = (unsigned)text.bytes[0] - '0';
    if (digit > 9 || (digit == 0 && text.size > 1)) {
        return false;
    }
    uint64_t value = digit;
    for (size_t i = 1; i < text.size; i++) {
        digit = (unsigned)text.bytes[i] - '0';
        if (digit > 9) {
            return false;
        }
        if (i >= DIGITS_SAFE && value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool number_parse_int64(struct slice text, int64_t *out)
{
    bool negative = text.size > 1 && text.bytes[0] == '-';
    struct slice digits = negative ? slice_of(text.bytes + 1, text.size - 1) : text;
    uint64_t magnitude;
    if (!number_parse_uint64(digits, &magnitude)) {
        return false;
    }
    if (negative) {
        /* "-0" is refused: it would not come back as the text it was. */
        if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1) {
            return false;
        }
        *out = (int64_t)(0 - magnitude);
        return true;
    }
    if (magnitude > INT64_MAX) {
        return false;
    }
    *out = (int64_t)magnitude;
    return true;
}

/* strtod needs a NUL behind the text, and skips spaces that are to be refused. */
static bool copy_float_text(struct slice text, char *copy)
{
    if (text.size == 0 || text.size >= NUMBER_LONG_DOUBLE_BYTES) {
        return false;
    }
    uint8_t first = text.bytes[0];
    if (first == ' ' || (first >= '\t' && first <= '\r')) {
        return false;
    }
    memcpy(copy, text.bytes, text.size);
    copy[text.size] = '\0';
    return true;
}

bool number_parse_double(struct slice text, double *out)
{
    char copy[NUMBER_LONG_DOUBLE_BYTES];
    if (!copy_float_text(text, copy)) {
        return false;
    }
    char *end;
    errno = 0;
    double value = strtod(copy, &end);
    /* A range error with a value between is a denormal: kept, as in Redis. */
    bool out_of_range = errno == ERANGE && (isinf(value) || fpclassify(value) == FP_ZERO);
    if ((size_t)(end - copy) != text.size || out_of_range || isnan(value)) {
        return false;
    }
    *out = value;
    return true;
}

bool number_parse_double_loosely(struct slice text, double *out, bool *in_range)
{
    char small[NUMBER_DOUBLE_BYTES];
    char *copy = text.size < sizeof(small) ? small : mem_alloc(text.size + 1);
    if (text.size > 0) {
        memcpy(copy, text.bytes, text.size);
    }
    copy[text.size] = '\0';
    char *end;
    errno = 0;
    double value = strtod(copy, &end);
    bool is_range_error = errno == ERANGE;
    bool is_good = *end == '\0' && !isnan(value);
    if (copy != small) {
        mem_free(copy);
    }
    if (!is_good) {
        return false;
    }
    *out = value;
    *in_range = !is_range_error;
    return true;
}

bool number_parse_long_double(struct slice text, long double *out)
{
    char copy[NUMBER_LONG_DOUBLE_BYTES];
    if (!copy_float_text(text, copy)) {
        return false;
    }
    char *end;
    errno = 0;
    long double value = strtold(copy, &end);
    bool out_of_range = errno == ERANGE && (isinf(value) || fpclassify(value) == FP_ZERO);
    if ((size_t)(end - copy) != text.size || out_of_range || isnan(value)) {
        return false;
    }
    *out = value;
    return true;
}

size_t number_format_uint64(uint64_t value, char out[NUMBER_INT64_BYTES])
{
    if (value < 10) {
        out[0] = (char)('0' + value);
        return 1;
    }
    char digits[DIGITS_MAX];
    size_t at = DIGITS_MAX;
    while (value >= 100) {
        at -= 2;
        memcpy(digits + at, digit_pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(digits + at, digit_pairs + 2 * value, 2);
    } else {
        digits[--at] = (char)('0' + value);
    }
    memcpy(out, digits + at, DIGITS_MAX - at);
    return DIGITS_MAX - at;
}

size_t number_format_int64(int64_t value, char out[NUMBER_INT64_BYTES])
{
    if (value >= 0) {
        return number_format_uint64((uint64_t)value, out);
    }
    /* Negated as unsigned, where the smallest int64 has a negative. */
    char magnitude[NUMBER_INT64_BYTES];
    size_t size = number_format_uint64(0 - (uint64_t)value, magnitude);
    out[0] = '-';
    memcpy(out + 1, magnitude, size);
    return size + 1;
}

static size_t format_word(const char *word, char *out)
{
    size_t size = strlen(word);
    memcpy(out, word, size + 1);
    return size;
}

size_t number_format_double(double value, char out[NUMBER_DOUBLE_BYTES])
{
    if (isinf(value)) {
        return format_word(value > 0 ? "inf" : "-inf", out);
    }
    if (isnan(value)) {
        return format_word("nan", out);
    }
    /* Scores are mostly whole numbers; not the negative zero, whose sign is printed. */
    bool in_range = value > -WHOLE_NUMBER_LIMIT && value < WHOLE_NUMBER_LIMIT;
    if (in_range && value == (double)(int64_t)value && !(value == 0 && signbit(value))) {
        size_t size = number_format_int64((int64_t)value, out);
        out[size] = '\0';
        return size;
    }
    int size = snprintf(out, NUMBER_DOUBLE_BYTES, "%.17g", value);
    ASSERT(size > 0 && size < NUMBER_DOUBLE_BYTES);
    return (size_t)size;
}

size_t number_format_long_double(long double value, char out[NUMBER_LONG_DOUBLE_BYTES])
{
    if (isinf(value)) {
        return format_word(value > 0 ? "inf" : "-inf", out);
    }
    if (isnan(value)) {
        return format_word("nan", out);
    }
    int printed = snprintf(out, NUMBER_LONG_DOUBLE_BYTES, "%.17Lf", value);
    ASSERT(printed > 0 && printed < NUMBER_LONG_DOUBLE_BYTES);
    size_t size = (size_t)printed;
    /* The point is always there, 17 decimals before the end. */
    while (out[size - 1] == '0') {
        size--;
    }
    if (out[size - 1] == '.') {
        size--;
    }
    out[size] = '\0';
    return strcmp(out, "-0") == 0 ? format_word("0", out) : size;
}
