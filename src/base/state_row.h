/* state_row.h -- one key of a snapshot as bytes: what the keyspace encodes, state.db stores, and a
 * restart gives back. The keyspace and the storage share this format and nothing else.
 *
 * Row, in a buffer of many:
 *   varint  slot: the storage place of a database, see kv/keyspace_snapshot.h
 *   u8      0: the key is gone; else its value's type
 *   slice   key (varint size, bytes)
 * and, unless it is gone:
 *   u64     expiry_ms, INT64_MAX: never
 *   varint  modified_index
 *   slice   value, encoded as its type says
 */
#ifndef QUORUM_BASE_STATE_ROW_H
#define QUORUM_BASE_STATE_ROW_H

#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/slice.h"

/* Types of values; numbers are for ever. */
enum state_row_type {
    STATE_ROW_REMOVED = 0,
    STATE_ROW_STRING = 1,  /* the bytes */
    STATE_ROW_INTEGER = 2, /* a string that is an int64 in decimal: 8 bytes little-endian */
    STATE_ROW_RAW = 3,     /* the bytes; short, but OBJECT ENCODING answers raw, as after APPEND */
    /* Values with elements: kv/container.h, container_encode. */
    STATE_ROW_LIST = 4,
    STATE_ROW_HASH = 5,
    STATE_ROW_SET = 6,
    STATE_ROW_ZSET = 7,
};

struct state_row {
    uint32_t slot;
    enum state_row_type type;
    int64_t expiry_ms;
    uint64_t modified_index;
    struct slice key;   /* borrowed */
    struct slice value; /* borrowed */
};

/* Appends a row. */
void state_row_encode(const struct state_row *row, struct buf *out);

/* Reads the next row, borrowing from the reader's bytes. RESULT_CORRUPT, with the reader left bad,
 * when it is malformed or of an unknown type. */
MUST_CHECK enum result state_row_decode(struct bytes_reader *reader, struct state_row *out);

#endif
