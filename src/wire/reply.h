/* reply.h -- writes one reply as RESP2 or RESP3 bytes at the end of a buffer.
 *
 * The only way a command answers. RESP3 bytes double as the neutral form: what HTTP needs is read
 * back from them with reply_reader.h. Where the protocols differ (maps, sets, doubles, nulls,
 * booleans, verbatim strings, pushes) the RESP2 form is the one that Redis 7.0 gives.
 * Source: Redis documentation, "Redis serialization protocol specification".
 */
#ifndef QUORUM_WIRE_REPLY_H
#define QUORUM_WIRE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/slice.h"

enum reply_protocol { REPLY_RESP2 = 2, REPLY_RESP3 = 3 };

struct reply {
    struct buf *out; /* borrowed; replies are appended */
    enum reply_protocol protocol;
};

/* "+text"; text must hold no CR or LF. */
void reply_status(struct reply *reply, const char *text);
void reply_ok(struct reply *reply);

/* "-text", text with its code word first, as "ERR syntax error". CR and LF become spaces. */
void reply_error(struct reply *reply, const char *text);
void reply_error_format(struct reply *reply, const char *format, ...) PRINTF_LIKE(2, 3);

void reply_integer(struct reply *reply, int64_t value);
void reply_bulk(struct reply *reply, struct slice bytes);
void reply_bulk_string(struct reply *reply, const char *text);
void reply_bulk_integer(struct reply *reply, int64_t value);

/* A double as Redis 7.0 prints it: RESP3 ",x", RESP2 a bulk string of the same digits. */
void reply_double(struct reply *reply, double value);
/* The same with 17 decimals at most and no exponent, as coordinates. */
void reply_long_double(struct reply *reply, long double value);
/* RESP3 "#t"/"#f", RESP2 :1/:0. */
void reply_boolean(struct reply *reply, bool value);
/* RESP3 "=", RESP2 a bulk string; format is three characters, as "txt". */
void reply_verbatim(struct reply *reply, const char *format, struct slice bytes);

/* Nothing there: RESP3 "_", RESP2 "$-1". */
void reply_null(struct reply *reply);
/* No list there: RESP3 "_", RESP2 "*-1". */
void reply_null_array(struct reply *reply);

/* Headers of aggregates; the caller then writes count elements (2 * count for a map). */
void reply_array(struct reply *reply, uint64_t count);
void reply_map(struct reply *reply, uint64_t count);
void reply_set(struct reply *reply, uint64_t count);
void reply_push(struct reply *reply, uint64_t count);

/* For an aggregate whose count is known only at its end: remember where it starts, write the
 * elements, then put the header in front of them. */
size_t reply_deferred_begin(const struct reply *reply);
void reply_deferred_array(struct reply *reply, size_t begin, uint64_t count);
void reply_deferred_map(struct reply *reply, size_t begin, uint64_t count);
void reply_deferred_set(struct reply *reply, size_t begin, uint64_t count);

#endif
