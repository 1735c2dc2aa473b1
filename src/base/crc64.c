/* crc64.c -- byte by byte, with a table of half bytes: see crc64.h. */
#include "base/crc64.h"

enum { NIBBLE_BITS = 4, NIBBLES = 16, NIBBLE_MASK = 15 };

/* The polynomial 0xad93d23594c935a9 with its bits in reverse. */
#define POLYNOMIAL_REFLECTED 0x95ac9329ac4bc9b5u

static uint64_t shift_nibble(uint64_t crc)
{
    for (uint32_t bit = 0; bit < NIBBLE_BITS; bit++) {
        crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL_REFLECTED : 0);
    }
    return crc;
}

uint64_t crc64(struct slice bytes)
{
    uint64_t table[NIBBLES];
    for (uint32_t i = 0; i < NIBBLES; i++) {
        table[i] = shift_nibble(i);
    }
    uint64_t crc = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.bytes[i];
        crc = (crc >> NIBBLE_BITS) ^ table[crc & NIBBLE_MASK];
        crc = (crc >> NIBBLE_BITS) ^ table[crc & NIBBLE_MASK];
    }
    return crc;
}
