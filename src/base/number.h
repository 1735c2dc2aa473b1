/* number.h -- decimal text <-> numbers, as strictly as Redis 7.0 does it.
 *
 * No function here depends on the machine's hash seeds or pointers. Those on doubles go through
 * strtod and snprintf and assume the "C" numeric locale, which a program has as long as it never
 * calls setlocale; the house never does. Long doubles are x87 80-bit on x86-64 and something else
 * on other machines: a cluster whose nodes differ in that must not replicate their text as
 * computed.
 */
#ifndef QUORUM_BASE_NUMBER_H
#define QUORUM_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Room for the text of an int64 or uint64: 20 characters and one to spare. */
#define NUMBER_INT64_BYTES 21
/* Room for number_format_double's text with its NUL: sign, 17 digits, point, "e-308". */
#define NUMBER_DOUBLE_BYTES 32
/* Room for number_format_long_double's text with its NUL: 4,933 digits, point, 17 decimals; and the
 * longest text that the floating-point parsers take (shorter than this). */
#define NUMBER_LONG_DOUBLE_BYTES 5120

/* Parses an optional '-' and decimal digits, nothing else: no '+', no leading zero, no space, no
 * "-0". Returns false, and leaves out untouched, for anything else or outside int64. */
bool number_parse_int64(struct slice text, int64_t *out);

/* As number_parse_int64, without a sign, up to the largest uint64. */
bool number_parse_uint64(struct slice text, uint64_t *out);

/*
 * Parses all of text as strtod does: decimal or hexadecimal floating point, "inf", "infinity" in
 * any case, an optional sign.
 *
 * Returns false, and leaves out untouched, for empty text, leading space, bytes left over (a NUL
 * too), NaN, a value too large for a double or one that vanishes to zero, and for texts of
 * NUMBER_LONG_DOUBLE_BYTES or more. Source: behaviour of ZADD in Redis 7.0.15.
 */
bool number_parse_double(struct slice text, double *out);

/*
 * Parses text as strtod reads a C string, as far as a NUL if there is one: leading space is
 * skipped, empty text is 0.
 *
 * *in_range is false when the value is too large for a double (out is an infinity) or so small that
 * digits were lost. Returns false, and leaves out untouched, for bytes left over and for NaN.
 * Source: behaviour of SORT and ZRANGEBYSCORE in Redis 7.0.15.
 */
bool number_parse_double_loosely(struct slice text, double *out, bool *in_range);

/* As number_parse_double in long double. Source: behaviour of INCRBYFLOAT in Redis 7.0.15. */
bool number_parse_long_double(struct slice text, long double *out);

/* Writes the decimal text without a NUL; returns its length. */
size_t number_format_int64(int64_t value, char out[NUMBER_INT64_BYTES]);
size_t number_format_uint64(uint64_t value, char out[NUMBER_INT64_BYTES]);

/*
 * Writes value as Redis 7.0 answers doubles: 17 significant digits without trailing zeros
 * ("%.17g"), which always reads back as the same double; "inf", "-inf", "nan".
 *
 * Adds a NUL; returns the length without it.
 */
size_t number_format_double(double value, char out[NUMBER_DOUBLE_BYTES]);

/*
 * Writes value as INCRBYFLOAT answers: 17 decimals, never an exponent, without trailing zeros and
 * without the sign of a zero; "inf", "-inf", "nan".
 *
 * Adds a NUL; returns the length without it.
 */
size_t number_format_long_double(long double value, char out[NUMBER_LONG_DOUBLE_BYTES]);

#endif
