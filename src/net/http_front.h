/* http_front.h -- the strict check that stands before evhttp: bytes in, what to do with them out.
 *
 * evhttp 2.1 repairs what it reads: it takes the first of two Content-Lengths, signs in numbers,
 * bare line feeds, folded lines, versions that there are none of. Two parties that read the end of
 * a message differently can be made to see different requests (request smuggling; RFC 9112, section
 * 11.2). So a message gets to evhttp only when it is whole and can be read in one way only, and
 * then in the plainest form: without chunk extensions, trailers, Expect and the origin in front of
 * the path, which evhttp merges, refuses or answers in its own way. A message that is refused never
 * gets there, nor does any byte behind it.
 *
 * Pure: no sockets, no clock, no allocation. The state is this struct; bytes not told to be kept or
 * dropped are to be shown again, with more behind them. What is passed on does not depend on how
 * the bytes were split.
 *
 * Covers lines H1-H16 and H19 of the catalogue of faults: the tests carry the numbers.
 */
#ifndef QUORUM_NET_HTTP_FRONT_H
#define QUORUM_NET_HTTP_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* A Host, or what stands for it in a target. */
#define HTTP_AUTHORITY_BYTES_MAX 260

/* Of each element of a message, with its line end. */
struct http_front_limits {
    uint32_t line_bytes_max;       /* the request line (414), one header line (431) */
    uint32_t head_bytes_max;       /* all of them (431) */
    uint32_t headers_max;          /* header lines (431) */
    uint32_t chunk_line_bytes_max; /* a chunk's size with its extensions (400) */
    uint32_t framing_bytes_max;    /* of a chunked body: all that is no content (400) */
    uint64_t body_bytes_max;       /* content (413) */
    /* A longer body is read to its end before the 413, so that its sender gets to see that: up to
     * this size. */
    uint64_t discard_bytes_max;
    uint32_t requests_max; /* of one connection; the last one's answer closes it */
};

enum http_front_kind {
    HTTP_FRONT_MORE,     /* nothing can be said before there is more */
    HTTP_FRONT_KEEP,     /* the first bytes_count bytes are part of the request */
    HTTP_FRONT_DROP,     /* the first bytes_count bytes are of no interest */
    HTTP_FRONT_INSERT,   /* text is part of the request here; takes no bytes */
    HTTP_FRONT_CONTINUE, /* the client waits for "100 Continue" before it sends the body */
    HTTP_FRONT_REFUSE,   /* the answer is status and text, and the end of the connection */
};

struct http_front_step {
    enum http_front_kind kind;
    bool ends_request; /* a KEEP after which all that was kept and inserted is one whole request */
    int status;
    size_t bytes_count;
    const char *text; /* static */
};

enum http_front_phase {
    HTTP_FRONT_BETWEEN, /* nothing of a request yet, or its first line */
    HTTP_FRONT_HEADERS,
    HTTP_FRONT_BODY,
    HTTP_FRONT_CHUNK_SIZE,
    HTTP_FRONT_CHUNK_DATA,
    HTTP_FRONT_CHUNK_END,
    HTTP_FRONT_TRAILERS,
    HTTP_FRONT_DISCARD, /* the body of a request that is going to be refused */
    HTTP_FRONT_CLOSED,  /* whatever comes is dropped */
};

/* What the lines of one head have said. */
struct http_front_head {
    uint32_t bytes;
    uint32_t headers_count;
    uint32_t hosts_count;
    uint32_t lengths_count;
    uint32_t encodings_count;
    uint64_t length;
    bool is_old; /* HTTP/1.0 */
    bool may_have_body;
    bool wants_close;
    bool wants_keep_alive;
    bool expects_continue;
};

struct http_front {
    const struct http_front_limits *limits; /* borrowed */
    enum http_front_phase phase;
    bool has_skipped_line; /* one empty line before the request */
    bool is_last;          /* nothing is read behind this request */
    uint32_t requests_count;
    size_t searched_bytes; /* of a line whose end has not come */
    uint64_t left_bytes;   /* of a body, a chunk, or what is discarded */
    uint64_t body_bytes;
    uint32_t framing_bytes;
    struct http_front_head head;
    /* Decided on and not handed out yet; they concern bytes that were shown. */
    struct http_front_step steps[4];
    uint32_t steps_count;
    uint32_t steps_next;
    uint32_t authority_bytes; /* of "http://authority/path"; 0: none */
    uint8_t authority[HTTP_AUTHORITY_BYTES_MAX];
};

void http_front_init(struct http_front *front, const struct http_front_limits *limits);

/* The next thing to do about bytes, which begin at the first byte not kept or dropped so far. To be
 * called until it says MORE. */
struct http_front_step http_front_step(struct http_front *front, struct slice bytes);

/* Whether a request has begun to come in. */
bool http_front_is_amid(const struct http_front *front);

/* Whether it is the head that comes in. */
bool http_front_is_in_head(const struct http_front *front);

/* Refuses what comes in now, for a reason outside of the bytes. */
struct http_front_step http_front_refuse(struct http_front *front, int status, const char *text);

#endif
