/* resp_guard.h -- what a Redis client may send before anything is known of it; private to
 * resp_conn.c.
 */
#ifndef QUORUM_NET_RESP_GUARD_H
#define QUORUM_NET_RESP_GUARD_H

#include <stdbool.h>

#include "net/resp_server.h"
#include "wire/resp_parser.h"

/* The parser's limits for a client; a stranger is one who still has to send the password. */
struct resp_limits resp_guard_limits(const struct resp_server_options *options, bool is_stranger);

/* Bytes of an unfinished command beyond which the client is closed; 0: no limit. */
uint64_t resp_guard_query_bytes_max(const struct resp_server_options *options, bool is_stranger);

/* Bytes of unsent replies from which on nothing more is read or executed; at least 1. */
uint64_t resp_guard_output_hold_bytes(const struct resp_server_options *options, bool is_stranger);

/*
 * Whether a command of at least one argument is a line of an HTTP request: a browser that a web
 * page made to talk to this port, and behind this line may stand commands that the page chose.
 * is_inline: it did not come as a RESP array.
 */
bool resp_guard_is_http(const struct resp_command *command, bool is_inline);

#endif
