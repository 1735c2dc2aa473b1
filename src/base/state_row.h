/* state_row.h -- one key of a snapshot as bytes: what the keyspace encodes, state.db stores, and a
 * restart gives back. The keyspace and the storage share this format and nothing else.
 *
 * Row, in a buffer of many:
 *   varint  slot: the storage place of a database, see kv/keyspace_snapshot.h
 *   u8      0: the key is gone; 13: the slot is; else its value's type
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

/* Slots below are of databases, the others of large values: kv/container_parts.h. */
#define STATE_ROW_PARTS_SLOT_MIN 0x80000000u

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
    /* Those of which each part is a row of its own: encoding (u8), count (varint), slot of these
     * rows (varint, STATE_ROW_PARTS_SLOT_MIN at least). */
    STATE_ROW_LARGE_LIST = 8,
    STATE_ROW_LARGE_HASH = 9,
    STATE_ROW_LARGE_SET = 10,
    STATE_ROW_LARGE_ZSET = 11,
    STATE_ROW_PART = 12,         /* some elements; the key is the part's number (u64, big-endian) */
    STATE_ROW_SLOT_REMOVED = 13, /* no row of the slot is needed any more; the key is empty */
};

#define STATE_ROW_TYPE_MAX STATE_ROW_SLOT_REMOVED

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

/* The order of rows: by slot, then key. Below, at or above 0, as qsort wants it. */
int state_row_compare(const struct state_row *a, const struct state_row *b);

/* Reads the next row, borrowing from the reader's bytes. RESULT_CORRUPT, with the reader left bad,
 * when it is malformed or of an unknown type. */
MUST_CHECK enum result state_row_decode(struct bytes_reader *reader, struct state_row *out);

#endif
