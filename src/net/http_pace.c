/* http_pace.c -- whether a client that sends or takes something is too slow about it. */
#include "net/http_pace.h"

enum { BYTES_MIN_PER_SECOND = 1024, TOTAL_MS_MAX = 600000 };

void http_pace_begin(struct http_pace *pace, uint64_t now_ms)
{
    *pace = (struct http_pace){.is_on = true, .begun_ms = now_ms, .window_ms = now_ms};
}

void http_pace_end(struct http_pace *pace)
{
    pace->is_on = false;
}

void http_pace_note(struct http_pace *pace, uint64_t bytes_count)
{
    pace->window_bytes += bytes_count;
}

bool http_pace_is_too_slow(struct http_pace *pace, bool is_head, uint64_t now_ms,
                           uint64_t window_ms)
{
    uint64_t total_ms = now_ms - pace->begun_ms;
    uint64_t passed_ms = now_ms - pace->window_ms;
    if (!pace->is_on) {
        return false;
    }
    if (total_ms > (is_head ? window_ms : TOTAL_MS_MAX)) {
        return true;
    }
    if (passed_ms < window_ms) {
        return false;
    }
    if (pace->window_bytes < passed_ms * BYTES_MIN_PER_SECOND / 1000) {
        return !is_head;
    }
    pace->window_ms = now_ms;
    pace->window_bytes = 0;
    return false;
}
