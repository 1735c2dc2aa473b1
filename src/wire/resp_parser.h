/* resp_parser.h -- reads one command from a client's bytes: multibulk or inline.
 *
 * Fed the same growing bytes again and again from the start of the command, it remembers how far
 * it came, so a large command is scanned once however it is split. Arguments are slices of the
 * caller's bytes; nothing is copied and nothing is allocated from an announced size.
 * Source: Redis documentation, "Redis serialization protocol specification"; the error texts are
 * Redis 7.0's ("Protocol error: invalid multibulk length" and so on).
 */
#ifndef QUORUM_WIRE_RESP_PARSER_H
#define QUORUM_WIRE_RESP_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/slice.h"

/* What a client may send; the caller narrows it before AUTH. */
struct resp_limits {
    uint32_t arguments_max;    /* "invalid multibulk length", unauthenticated: see Redis 7.0 */
    uint32_t bulk_bytes_max;   /* "invalid bulk length" (proto-max-bulk-len) */
    uint32_t inline_bytes_max; /* "too big inline request" */
    bool unauthenticated;      /* picks the "unauthenticated ..." texts */
};

struct resp_parser;

struct resp_parser *resp_parser_create(void);
void resp_parser_destroy(struct resp_parser *parser);

/* One parsed command. An empty line or "*0" gives arguments_count 0: nothing to execute. */
struct resp_command {
    const struct slice *arguments; /* owned by the parser, valid until its next call */
    uint32_t arguments_count;
    size_t consumed; /* bytes of this command, to be dropped by the caller before the next one */
};

/*
 * bytes starts at the first byte of a command and must begin with the bytes of the previous call
 * as long as that returned PARSE_MORE (it may have moved in memory).
 *
 * PARSE_DONE fills command. PARSE_MORE: call again with more; needed_bytes_hint below says how
 * much makes sense to read. PARSE_BAD sets error to the text behind "-ERR ", for the client; the
 * connection is then closed. A first argument of "POST" or "Host:" is not special here.
 */
MUST_CHECK enum parse resp_parse(struct resp_parser *parser, struct slice bytes,
                                 const struct resp_limits *limits, struct resp_command *command,
                                 const char **error);

/* After PARSE_MORE: how many bytes are certainly missing still (at least 1), so that a large bulk
 * can be read in one go. Never more than bulk_bytes_max + 2. */
size_t resp_parser_missing_bytes(const struct resp_parser *parser);

/* Memory held by the parser, in bytes. */
size_t resp_parser_memory(const struct resp_parser *parser);

#endif
