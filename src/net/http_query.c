/* http_query.c -- parses and writes the query of a request target. */
#include "net/http_query.h"

#include <string.h>

#include "net/http_text.h"

/* Decodes text to the end of the query's bytes, which have room for it: slices stay valid. */
static bool decode_part(struct http_query *query, struct slice text, struct slice *out)
{
    size_t begin = buf_size(&query->bytes);
    if (!http_percent_decode(&query->bytes, text)) {
        return false;
    }
    struct slice all = buf_slice(&query->bytes);
    *out = slice_of(all.bytes + begin, all.size - begin);
    return true;
}

static const char *parse_parameter(struct http_query *query, struct slice part)
{
    if (query->parameters_count == HTTP_QUERY_PARAMETERS_MAX) {
        return "too many query parameters";
    }
    struct http_parameter *parameter = &query->parameters[query->parameters_count++];
    const uint8_t *equals = memchr(part.bytes, '=', part.size);
    size_t name_bytes = equals == NULL ? part.size : (size_t)(equals - part.bytes);
    size_t value_at = equals == NULL ? part.size : name_bytes + 1;
    if (!decode_part(query, slice_of(part.bytes, name_bytes), &parameter->name) ||
        !decode_part(query, slice_of(part.bytes + value_at, part.size - value_at),
                     &parameter->value)) {
        return "invalid percent-encoding in the query";
    }
    return NULL;
}

const char *http_query_init(struct http_query *query, struct slice text)
{
    buf_init(&query->bytes);
    query->parameters_count = 0;
    if (text.size == 0) {
        return NULL;
    }
    /* Decoding never makes it longer, so nothing moves while slices are taken. */
    (void)buf_reserve(&query->bytes, text.size);
    size_t begin = 0;
    while (begin < text.size) {
        const uint8_t *ampersand = memchr(text.bytes + begin, '&', text.size - begin);
        size_t end = ampersand == NULL ? text.size : (size_t)(ampersand - text.bytes);
        if (end > begin) {
            const char *error = parse_parameter(query, slice_of(text.bytes + begin, end - begin));
            if (error != NULL) {
                return error;
            }
        }
        begin = end + 1;
    }
    return NULL;
}

void http_query_deinit(struct http_query *query)
{
    buf_deinit(&query->bytes);
    query->parameters_count = 0;
}

uint32_t http_query_find(const struct http_query *query, const char *name, struct slice *value)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < query->parameters_count; i++) {
        if (slice_equals(query->parameters[i].name, slice_of_string(name))) {
            if (found++ == 0) {
                *value = query->parameters[i].value;
            }
        }
    }
    return found;
}

bool http_query_is_true(const struct http_query *query, const char *name)
{
    struct slice value;
    return http_query_find(query, name, &value) > 0 &&
           (slice_equals(value, SLICE_LITERAL("true")) || slice_equals(value, SLICE_LITERAL("1")));
}

void http_query_encode(const struct http_query *query, struct buf *out)
{
    for (uint32_t i = 0; i < query->parameters_count; i++) {
        if (i > 0) {
            buf_append_byte(out, '&');
        }
        http_percent_encode(out, query->parameters[i].name);
        buf_append_byte(out, '=');
        http_percent_encode(out, query->parameters[i].value);
    }
}
