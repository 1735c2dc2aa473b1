/* http_line.h -- the grammar of an HTTP/1 message, a line at a time (RFC 9112, RFC 9110).
 *
 * Every function takes a line without its CRLF and is strict where recipients are known to differ:
 * what one of them would repair, another would read as something else.
 */
#ifndef QUORUM_NET_HTTP_LINE_H
#define QUORUM_NET_HTTP_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct http_request_line {
    struct slice method;
    struct slice target;
    uint32_t major;
    uint32_t minor;
};

/* False: malformed. The version is any of one digit each; the target is not looked into, but for
 * bytes that no target has. */
bool http_line_parse_request(struct slice line, struct http_request_line *out);

/* A name and the value without the blanks around it. NULL, or what is wrong. */
const char *http_line_parse_header(struct slice line, struct slice *name, struct slice *value);

/* The decimal digits of a Content-Length: 18 at most. */
bool http_line_parse_length(struct slice value, uint64_t *length);

/* The line before a chunk: *digits_count hexadecimal digits, 15 at most, then nothing or
 * extensions. */
bool http_line_parse_chunk(struct slice line, uint64_t *chunk_bytes, size_t *digits_count);

/* "name", "name:port", "address:port" or "[address]:port", without user information; or nothing. */
bool http_line_is_authority(struct slice value);

/* Whether a comma-separated list has this lower-case word as a member. */
bool http_line_has_word(struct slice list, const char *lower_case_word);

/* Whether a request line can begin with this byte. */
bool http_line_is_token_byte(uint8_t byte);

#endif
