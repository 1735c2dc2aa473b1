/* reply_reader.h -- reads RESP2 and RESP3 replies back: for HTTP answers, tools and tests.
 *
 * Works on borrowed bytes without allocation: a cursor that steps from element to element. An
 * aggregate is yielded as its header; its elements follow as further steps.
 */
#ifndef QUORUM_WIRE_REPLY_READER_H
#define QUORUM_WIRE_REPLY_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/slice.h"

enum reply_kind {
    REPLY_KIND_STATUS,
    REPLY_KIND_ERROR,
    REPLY_KIND_INTEGER,
    REPLY_KIND_BULK,
    REPLY_KIND_NULL, /* all three nulls */
    REPLY_KIND_DOUBLE,
    REPLY_KIND_BOOLEAN,
    REPLY_KIND_VERBATIM,
    REPLY_KIND_BIG_NUMBER,
    REPLY_KIND_ARRAY,
    REPLY_KIND_MAP,
    REPLY_KIND_SET,
    REPLY_KIND_PUSH,
};

struct reply_element {
    enum reply_kind kind;
    struct slice text; /* status, error, bulk, verbatim (without "txt:"), double, big number */
    int64_t integer;   /* integer; boolean as 0 or 1 */
    uint64_t count;    /* aggregates: elements that follow, pairs counted twice for a map */
};

/* Reads one element at the start of bytes and sets consumed. PARSE_MORE when bytes end early. */
MUST_CHECK enum parse reply_read(struct slice bytes, struct reply_element *out, size_t *consumed);

/* Finds the end of one whole reply, nested elements included. */
MUST_CHECK enum parse reply_skip(struct slice bytes, size_t *consumed);

#endif
