/* http_pace.h -- whether a client that sends or takes something is too slow about it.
 *
 * Pure: time is a number that is handed in. A head has a deadline; a body or an answer must move on
 * by 1 KiB/s in every window of time, whatever it did before, and has ten minutes in all.
 */
#ifndef QUORUM_NET_HTTP_PACE_H
#define QUORUM_NET_HTTP_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct http_pace {
    bool is_on;
    uint64_t begun_ms;
    uint64_t window_ms;    /* when the window began */
    uint64_t window_bytes; /* what has moved in it */
};

void http_pace_begin(struct http_pace *pace, uint64_t now_ms);
void http_pace_end(struct http_pace *pace);

/* So many bytes have moved; nothing if it has not begun. */
void http_pace_note(struct http_pace *pace, uint64_t bytes_count);

/* window_ms is the deadline of a head too. To be asked about once a second. */
bool http_pace_is_too_slow(struct http_pace *pace, bool is_head, uint64_t now_ms,
                           uint64_t window_ms);

#endif
