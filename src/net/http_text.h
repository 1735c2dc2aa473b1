/* http_text.h -- the text forms HTTP needs: UTF-8, JSON strings, base64, percent-encoding.
 *
 * Pure functions over borrowed bytes; keys and values are any bytes, an embedded NUL included.
 */
#ifndef QUORUM_NET_HTTP_TEXT_H
#define QUORUM_NET_HTTP_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Answers whether text is well-formed UTF-8: no overlong form, no surrogate, nothing over U+10FFFF.
 * Unicode 15, table 3-7. */
bool http_utf8_is_valid(struct slice text);

/* Appends text as a JSON string with its quotes. A byte that is not part of well-formed UTF-8
 * becomes U+FFFD; whoever must not lose it asks http_utf8_is_valid first. RFC 8259, section 7. */
void http_json_string(struct buf *out, struct slice text);

/* Answers whether no value of the JSON in text lies in more than depth_max others: a parser that
 * recurses needs as much stack as its input is deep. Text that is no JSON may be either. */
bool http_json_is_shallow(struct slice text, uint32_t depth_max);

/* Appends the base64 form with padding, on one line. RFC 4648, section 4. */
void http_base64_encode(struct buf *out, struct slice bytes);

/* Appends what text encodes. Returns false, and leaves out untouched, for anything that
 * http_base64_encode does not write: other letters, white space, missing padding, stray bits. */
bool http_base64_decode(struct buf *out, struct slice text);

/* Appends text of a query with "%41" and '+' resolved. Returns false for a '%' without two
 * hexadecimal digits behind it; out then holds a part. */
bool http_percent_decode(struct buf *out, struct slice text);

/* Appends bytes with all but RFC 3986's unreserved characters as "%41". */
void http_percent_encode(struct buf *out, struct slice bytes);

#endif
