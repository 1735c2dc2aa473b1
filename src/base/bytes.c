/* bytes.c -- little-endian numbers and varints. */
#include "base/bytes.h"

enum { VARINT_BYTES_MAX = 10 };

void bytes_put_u8(struct buf *buf, uint8_t value)
{
    buf_append_byte(buf, value);
}

void bytes_put_u16(struct buf *buf, uint16_t value)
{
    uint8_t *at = buf_reserve(buf, 2);
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    buf_commit(buf, 2);
}

void bytes_put_u32(struct buf *buf, uint32_t value)
{
    bytes_set_u32(buf_reserve(buf, 4), value);
    buf_commit(buf, 4);
}

void bytes_put_u64(struct buf *buf, uint64_t value)
{
    bytes_set_u64(buf_reserve(buf, 8), value);
    buf_commit(buf, 8);
}

void bytes_put_varint(struct buf *buf, uint64_t value)
{
    uint8_t *at = buf_reserve(buf, VARINT_BYTES_MAX);
    size_t size = 0;
    while (value >= 0x80) {
        at[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[size++] = (uint8_t)value;
    buf_commit(buf, size);
}

void bytes_put_slice(struct buf *buf, struct slice slice)
{
    bytes_put_varint(buf, slice.size);
    buf_append_slice(buf, slice);
}

void bytes_set_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

void bytes_set_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

uint32_t bytes_read_u32(const uint8_t *at)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        value |= (uint32_t)at[i] << (8 * i);
    }
    return value;
}

uint64_t bytes_read_u64(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

void bytes_set_u64_big_endian(uint8_t *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--) {
        at[i] = (uint8_t)value;
        value >>= 8;
    }
}

uint64_t bytes_read_u64_big_endian(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = (value << 8) | at[i];
    }
    return value;
}

struct slice bytes_get_bytes(struct bytes_reader *reader, size_t size)
{
    if (reader->bad || bytes_left(reader) < size) {
        reader->bad = true;
        return slice_of(NULL, 0);
    }
    struct slice slice = slice_of(reader->at, size);
    reader->at += size;
    return slice;
}

uint8_t bytes_get_u8(struct bytes_reader *reader)
{
    struct slice slice = bytes_get_bytes(reader, 1);
    return slice.size == 0 ? 0 : slice.bytes[0];
}

uint16_t bytes_get_u16(struct bytes_reader *reader)
{
    struct slice slice = bytes_get_bytes(reader, 2);
    return slice.size == 0 ? 0 : (uint16_t)(slice.bytes[0] | (unsigned)slice.bytes[1] << 8);
}

uint32_t bytes_get_u32(struct bytes_reader *reader)
{
    struct slice slice = bytes_get_bytes(reader, 4);
    return slice.size == 0 ? 0 : bytes_read_u32(slice.bytes);
}

uint64_t bytes_get_u64(struct bytes_reader *reader)
{
    struct slice slice = bytes_get_bytes(reader, 8);
    return slice.size == 0 ? 0 : bytes_read_u64(slice.bytes);
}

uint64_t bytes_get_varint(struct bytes_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = bytes_get_u8(reader);
        if (reader->bad || (shift == 63 && byte > 1)) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte == 0 && shift > 0) {
            break; /* longer than need be: a number has one form */
        }
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    reader->bad = true;
    return 0;
}

struct slice bytes_get_slice(struct bytes_reader *reader)
{
    uint64_t size = bytes_get_varint(reader);
    if (size > bytes_left(reader)) {
        reader->bad = true;
        return slice_of(NULL, 0);
    }
    return bytes_get_bytes(reader, (size_t)size);
}
