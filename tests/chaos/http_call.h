/* http_call.h -- one HTTP request that may fail: for clients of nodes that die. */
#ifndef QUORUM_TESTS_CHAOS_HTTP_CALL_H
#define QUORUM_TESTS_CHAOS_HTTP_CALL_H

#include <stdint.h>

/* GETs path, or POSTs the JSON body when it is not empty. Returns the status and the body (to be
 * freed); 0 when no whole answer came within ms, so that the outcome is unknown; -1 when nobody
 * listened, so that nothing was asked. */
int chaos_http_call(uint16_t port, const char *path, const char *json, uint64_t ms, char **body);

#endif
