/* bytes.h -- explicit little-endian numbers and varints: structs are never written to disk or wire.
 *
 * A varint is LEB128: seven bits a byte, least significant first, high bit set on all but the last;
 * only the shortest form of a number is taken.
 */
#ifndef QUORUM_BASE_BYTES_H
#define QUORUM_BASE_BYTES_H

#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/slice.h"

/* Appends a number in little-endian order. */
void bytes_put_u8(struct buf *buf, uint8_t value);
void bytes_put_u16(struct buf *buf, uint16_t value);
void bytes_put_u32(struct buf *buf, uint32_t value);
void bytes_put_u64(struct buf *buf, uint64_t value);
void bytes_put_varint(struct buf *buf, uint64_t value);

/* Appends a varint length and the bytes. */
void bytes_put_slice(struct buf *buf, struct slice slice);

/* Writes a number at a place of at least 4 or 8 bytes. */
void bytes_set_u32(uint8_t *at, uint32_t value);
void bytes_set_u64(uint8_t *at, uint64_t value);
uint32_t bytes_read_u32(const uint8_t *at);
uint64_t bytes_read_u64(const uint8_t *at);

/* The same with the highest byte first, so that comparing bytes compares numbers. */
void bytes_set_u64_big_endian(uint8_t *at, uint64_t value);
uint64_t bytes_read_u64_big_endian(const uint8_t *at);

/* A reader over borrowed bytes. The first read past the end, or a malformed varint, sets bad and
 * yields zeros from then on, so a decoder checks once, at its end. */
struct bytes_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct bytes_reader bytes_reader_of(struct slice slice)
{
    return (struct bytes_reader){slice.bytes,
                                 slice.size == 0 ? slice.bytes : slice.bytes + slice.size, false};
}

static inline size_t bytes_left(const struct bytes_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

uint8_t bytes_get_u8(struct bytes_reader *reader);
uint16_t bytes_get_u16(struct bytes_reader *reader);
uint32_t bytes_get_u32(struct bytes_reader *reader);
uint64_t bytes_get_u64(struct bytes_reader *reader);
uint64_t bytes_get_varint(struct bytes_reader *reader);

/* Borrows size bytes; an empty slice and bad when there are fewer. */
struct slice bytes_get_bytes(struct bytes_reader *reader, size_t size);

/* Reads a varint length and borrows that many bytes. */
struct slice bytes_get_slice(struct bytes_reader *reader);

#endif
