/* peer_body_fields.c -- the fields that several bodies share: flags, zeros, padded text. */
#include "wire/peer_body.h"

#include <string.h>

void peer_body_put_zeros(struct buf *out, size_t count)
{
    memset(buf_reserve(out, count), 0, count);
    buf_commit(out, count);
}

void peer_body_put_flag(struct buf *out, bool flag)
{
    bytes_put_u64(out, flag ? 1 : 0);
}

void peer_body_put_text(struct buf *out, const char *text, size_t field_bytes)
{
    uint8_t *at = buf_reserve(out, field_bytes);
    memset(at, 0, field_bytes);
    memcpy(at, text, strnlen(text, field_bytes - 1));
    buf_commit(out, field_bytes);
}

void peer_body_get_zeros(struct bytes_reader *reader, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        reader->bad |= bytes_get_u8(reader) != 0;
    }
}

bool peer_body_get_flag(struct bytes_reader *reader)
{
    uint64_t value = bytes_get_u64(reader);
    reader->bad |= value > 1;
    return value == 1;
}

void peer_body_get_text(struct bytes_reader *reader, char *text, size_t field_bytes)
{
    struct slice field = bytes_get_bytes(reader, field_bytes);
    if (reader->bad) {
        return;
    }
    size_t text_bytes = strnlen((const char *)field.bytes, field_bytes);
    uint8_t padding = text_bytes == field_bytes; /* no NUL: as bad as one that is followed */
    for (size_t i = text_bytes; i < field_bytes; i++) {
        padding |= field.bytes[i];
    }
    if (padding != 0) {
        reader->bad = true;
        return;
    }
    memcpy(text, field.bytes, field_bytes);
}
