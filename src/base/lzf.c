/* lzf.c -- see lzf.h. */
#include "base/lzf.h"

#include "base/bytes.h"

enum {
    LITERALS_END = 32, /* first bytes below it begin a run of literal bytes */
    LENGTH_SHIFT = 5,
    LENGTH_LONG = 7,
    LENGTH_BASE = 2,
    DISTANCE_MASK = 31,
    BYTE_BITS = 8,
};

enum result lzf_unpack(struct slice packed, uint8_t *out, size_t size)
{
    struct bytes_reader reader = bytes_reader_of(packed);
    size_t done = 0;
    while (bytes_left(&reader) > 0) {
        size_t first = bytes_get_u8(&reader);
        if (first < LITERALS_END) {
            struct slice literals = bytes_get_bytes(&reader, first + 1);
            if (reader.bad || literals.size > size - done) {
                return RESULT_CORRUPT;
            }
            memcpy(out + done, literals.bytes, literals.size);
            done += literals.size;
            continue;
        }
        size_t length = first >> LENGTH_SHIFT;
        if (length == LENGTH_LONG) {
            length += bytes_get_u8(&reader);
        }
        length += LENGTH_BASE;
        size_t distance = ((first & DISTANCE_MASK) << BYTE_BITS) + bytes_get_u8(&reader) + 1;
        if (reader.bad || distance > done || length > size - done) {
            return RESULT_CORRUPT;
        }
        for (size_t i = 0; i < length; i++, done++) { /* may overlap what it makes */
            out[done] = out[done - distance];
        }
    }
    return done == size ? RESULT_OK : RESULT_CORRUPT;
}
