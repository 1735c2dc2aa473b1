/* reply.c -- replies as bytes.
 *
 * Every command passes through here, so the common replies are one reserve, digits by hand and one
 * commit; formatted printing is left to errors.
 */
#include "wire/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/number.h"

/* A type byte, a number and CR LF. */
enum { HEADER_BYTES_MAX = 1 + NUMBER_INT64_BYTES + 2, VERBATIM_FORMAT_BYTES = 3 };

static uint8_t *put_crlf(uint8_t *at)
{
    at[0] = '\r';
    at[1] = '\n';
    return at + 2;
}

/* Writes "<type><number>\r\n" into HEADER_BYTES_MAX reserved bytes; returns the place behind it. */
static uint8_t *put_header(uint8_t *at, char type, uint64_t number)
{
    at[0] = (uint8_t)type;
    if (number < 10) {
        at[1] = (uint8_t)('0' + number);
        return put_crlf(at + 2);
    }
    return put_crlf(at + 1 + number_format_uint64(number, (char *)at + 1));
}

static void append_header(struct reply *reply, char type, uint64_t number)
{
    uint8_t *at = buf_reserve(reply->out, HEADER_BYTES_MAX);
    buf_commit(reply->out, (size_t)(put_header(at, type, number) - at));
}

void reply_status(struct reply *reply, const char *text)
{
    size_t size = strlen(text);
    DEBUG_ASSERT(strpbrk(text, "\r\n") == NULL);
    uint8_t *at = buf_reserve(reply->out, size + 3);
    at[0] = '+';
    memcpy(at + 1, text, size);
    (void)put_crlf(at + 1 + size);
    buf_commit(reply->out, size + 3);
}

void reply_ok(struct reply *reply)
{
    buf_append_slice(reply->out, SLICE_LITERAL("+OK\r\n"));
}

/* A line break inside an error would end the reply early and desynchronise the client. */
static void blank_line_breaks(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\r' || bytes[i] == '\n') {
            bytes[i] = ' ';
        }
    }
}

void reply_error(struct reply *reply, const char *text)
{
    size_t size = strlen(text);
    uint8_t *at = buf_reserve(reply->out, size + 3);
    at[0] = '-';
    memcpy(at + 1, text, size);
    blank_line_breaks(at + 1, size);
    (void)put_crlf(at + 1 + size);
    buf_commit(reply->out, size + 3);
}

void reply_error_format(struct reply *reply, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int printed = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ASSERT(printed >= 0);
    size_t size = (size_t)printed;
    /* The text's NUL is overwritten by CR. */
    uint8_t *at = buf_reserve(reply->out, size + 3);
    at[0] = '-';
    (void)vsnprintf((char *)at + 1, size + 1, format, again);
    va_end(again);
    blank_line_breaks(at + 1, size);
    (void)put_crlf(at + 1 + size);
    buf_commit(reply->out, size + 3);
}

void reply_integer(struct reply *reply, int64_t value)
{
    uint8_t *at = buf_reserve(reply->out, HEADER_BYTES_MAX);
    uint8_t *end;
    if (value >= 0) {
        end = put_header(at, ':', (uint64_t)value);
    } else {
        at[0] = ':';
        end = put_crlf(at + 1 + number_format_int64(value, (char *)at + 1));
    }
    buf_commit(reply->out, (size_t)(end - at));
}

void reply_bulk(struct reply *reply, struct slice bytes)
{
    uint8_t *start = buf_reserve(reply->out, HEADER_BYTES_MAX + bytes.size + 2);
    uint8_t *at = put_header(start, '$', bytes.size);
    if (bytes.size > 0) {
        memcpy(at, bytes.bytes, bytes.size);
        at += bytes.size;
    }
    buf_commit(reply->out, (size_t)(put_crlf(at) - start));
}

void reply_bulk_string(struct reply *reply, const char *text)
{
    reply_bulk(reply, slice_of_string(text));
}

void reply_bulk_integer(struct reply *reply, int64_t value)
{
    char text[NUMBER_INT64_BYTES];
    reply_bulk(reply, slice_of(text, number_format_int64(value, text)));
}

static void reply_decimal(struct reply *reply, struct slice digits)
{
    if (reply->protocol == REPLY_RESP2) {
        reply_bulk(reply, digits);
        return;
    }
    buf_append_byte(reply->out, ',');
    buf_append_slice(reply->out, digits);
    buf_append_slice(reply->out, SLICE_LITERAL("\r\n"));
}

void reply_double(struct reply *reply, double value)
{
    char text[NUMBER_DOUBLE_BYTES];
    reply_decimal(reply, slice_of(text, number_format_double(value, text)));
}

void reply_long_double(struct reply *reply, long double value)
{
    char text[NUMBER_LONG_DOUBLE_BYTES];
    reply_decimal(reply, slice_of(text, number_format_long_double(value, text)));
}

void reply_boolean(struct reply *reply, bool value)
{
    if (reply->protocol == REPLY_RESP2) {
        append_header(reply, ':', value ? 1 : 0);
    } else {
        buf_append(reply->out, value ? "#t\r\n" : "#f\r\n", 4);
    }
}

void reply_verbatim(struct reply *reply, const char *format, struct slice bytes)
{
    if (reply->protocol == REPLY_RESP2) {
        reply_bulk(reply, bytes);
        return;
    }
    ASSERT(strlen(format) == VERBATIM_FORMAT_BYTES);
    append_header(reply, '=', bytes.size + VERBATIM_FORMAT_BYTES + 1);
    buf_append(reply->out, format, VERBATIM_FORMAT_BYTES);
    buf_append_byte(reply->out, ':');
    buf_append_slice(reply->out, bytes);
    buf_append_slice(reply->out, SLICE_LITERAL("\r\n"));
}

void reply_null(struct reply *reply)
{
    struct slice null =
        reply->protocol == REPLY_RESP2 ? SLICE_LITERAL("$-1\r\n") : SLICE_LITERAL("_\r\n");
    buf_append_slice(reply->out, null);
}

void reply_null_array(struct reply *reply)
{
    struct slice null =
        reply->protocol == REPLY_RESP2 ? SLICE_LITERAL("*-1\r\n") : SLICE_LITERAL("_\r\n");
    buf_append_slice(reply->out, null);
}

void reply_array(struct reply *reply, uint64_t count)
{
    append_header(reply, '*', count);
}

/* RESP2 knows only arrays; a map is one of keys and values in turn. */
static char map_type(const struct reply *reply, uint64_t *count)
{
    if (reply->protocol == REPLY_RESP2) {
        ASSERT(*count <= UINT64_MAX / 2);
        *count *= 2;
        return '*';
    }
    return '%';
}

void reply_map(struct reply *reply, uint64_t count)
{
    char type = map_type(reply, &count);
    append_header(reply, type, count);
}

void reply_set(struct reply *reply, uint64_t count)
{
    append_header(reply, reply->protocol == REPLY_RESP2 ? '*' : '~', count);
}

void reply_push(struct reply *reply, uint64_t count)
{
    append_header(reply, reply->protocol == REPLY_RESP2 ? '*' : '>', count);
}

size_t reply_deferred_begin(const struct reply *reply)
{
    return buf_size(reply->out);
}

static void insert_header(struct reply *reply, size_t begin, char type, uint64_t count)
{
    uint8_t header[HEADER_BYTES_MAX];
    const uint8_t *end = put_header(header, type, count);
    buf_insert(reply->out, begin, header, (size_t)(end - header));
}

void reply_deferred_array(struct reply *reply, size_t begin, uint64_t count)
{
    insert_header(reply, begin, '*', count);
}

void reply_deferred_map(struct reply *reply, size_t begin, uint64_t count)
{
    char type = map_type(reply, &count);
    insert_header(reply, begin, type, count);
}

void reply_deferred_set(struct reply *reply, size_t begin, uint64_t count)
{
    insert_header(reply, begin, reply->protocol == REPLY_RESP2 ? '*' : '~', count);
}
