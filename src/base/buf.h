/* buf.h -- owned, growable bytes that are appended at the end and consumed at the front.
 *
 * Invariant: head <= tail <= capacity. The readable bytes are bytes[head..tail). Consuming moves
 * head; space at the front is won back when the buffer runs empty or must grow.
 */
#ifndef QUORUM_BASE_BUF_H
#define QUORUM_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/result.h"
#include "base/slice.h"

struct buf {
    uint8_t *bytes;
    size_t head;
    size_t tail;
    size_t capacity;
};

/* An empty buffer without memory; the same as zeroed memory. */
void buf_init(struct buf *buf);

/* Frees the memory; the buffer is empty and usable again. */
void buf_deinit(struct buf *buf);

static inline size_t buf_size(const struct buf *buf)
{
    return buf->tail - buf->head;
}

/* Borrows the readable bytes until the next call that changes buf. */
static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_of(buf->bytes == NULL ? NULL : buf->bytes + buf->head, buf_size(buf));
}

/* Makes room for at least size more bytes behind the tail and returns where they go. The caller
 * writes there and then calls buf_commit. Any borrowed slice is void afterwards. */
uint8_t *buf_reserve_slow(struct buf *buf, size_t size);

static inline uint8_t *buf_reserve(struct buf *buf, size_t size)
{
    if (buf->capacity - buf->tail < size || buf->bytes == NULL) {
        return buf_reserve_slow(buf, size);
    }
    return buf->bytes + buf->tail;
}

/* Makes the first size reserved bytes part of the buffer. */
static inline void buf_commit(struct buf *buf, size_t size)
{
    buf->tail += size;
}

static inline void buf_append(struct buf *buf, const void *bytes, size_t size)
{
    if (size > 0) {
        memcpy(buf_reserve(buf, size), bytes, size);
        buf->tail += size;
    }
}

static inline void buf_append_slice(struct buf *buf, struct slice slice)
{
    buf_append(buf, slice.bytes, slice.size);
}

static inline void buf_append_byte(struct buf *buf, uint8_t byte)
{
    *buf_reserve(buf, 1) = byte;
    buf->tail += 1;
}

/* Appends formatted text without a NUL. */
void buf_append_format(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Drops size readable bytes from the front; size must not be over buf_size. */
void buf_consume(struct buf *buf, size_t size);

/* Cuts the readable bytes down to size, from the end; size must not be over buf_size. */
void buf_truncate(struct buf *buf, size_t size);

/* Empties the buffer and keeps its memory. */
static inline void buf_clear(struct buf *buf)
{
    buf->head = 0;
    buf->tail = 0;
}

/* Empties the buffer and frees its memory if that is more than keep_bytes. */
void buf_clear_and_shrink(struct buf *buf, size_t keep_bytes);

/* Inserts size bytes before the readable byte at offset, moving what follows. */
void buf_insert(struct buf *buf, size_t offset, const void *bytes, size_t size);

#endif
