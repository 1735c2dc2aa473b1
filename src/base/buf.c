/* buf.c -- growable bytes. Growth at least doubles, so appending costs a constant a byte in the
 * long run. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"

enum { BUF_CAPACITY_MIN = 64 };

void buf_init(struct buf *buf)
{
    *buf = (struct buf){0};
}

void buf_deinit(struct buf *buf)
{
    mem_free(buf->bytes);
    buf_init(buf);
}

uint8_t *buf_reserve_slow(struct buf *buf, size_t size)
{
    size_t used = buf_size(buf);
    ASSERT(size <= SIZE_MAX / 4 && used <= SIZE_MAX / 4);
    /* Moving down is worth it only when at least half of the memory is dead at the front. */
    if (buf->bytes != NULL && buf->head >= buf->capacity / 2 && used + size <= buf->capacity) {
        memmove(buf->bytes, buf->bytes + buf->head, used);
        buf->head = 0;
        buf->tail = used;
        return buf->bytes + used;
    }
    size_t capacity = buf->capacity < BUF_CAPACITY_MIN ? BUF_CAPACITY_MIN : buf->capacity * 2;
    if (capacity < used + size) {
        capacity = used + size; /* one large piece: no more than it needs */
    }
    uint8_t *bytes = mem_alloc(capacity);
    if (used > 0) {
        memcpy(bytes, buf->bytes + buf->head, used);
    }
    mem_free(buf->bytes);
    *buf = (struct buf){bytes, 0, used, capacity};
    return bytes + used;
}

void buf_append_format(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ASSERT(size >= 0);
    uint8_t *at = buf_reserve(buf, (size_t)size + 1);
    (void)vsnprintf((char *)at, (size_t)size + 1, format, again);
    va_end(again);
    buf_commit(buf, (size_t)size);
}

void buf_consume(struct buf *buf, size_t size)
{
    ASSERT(size <= buf_size(buf));
    buf->head += size;
    if (buf->head == buf->tail) {
        buf_clear(buf);
    }
}

void buf_truncate(struct buf *buf, size_t size)
{
    ASSERT(size <= buf_size(buf));
    buf->tail = buf->head + size;
}

void buf_clear_and_shrink(struct buf *buf, size_t keep_bytes)
{
    if (buf->capacity > keep_bytes) {
        buf_deinit(buf);
    } else {
        buf_clear(buf);
    }
}

void buf_insert(struct buf *buf, size_t offset, const void *bytes, size_t size)
{
    ASSERT(offset <= buf_size(buf));
    size_t behind = buf_size(buf) - offset;
    (void)buf_reserve(buf, size);
    uint8_t *at = buf->bytes + buf->head + offset;
    memmove(at + size, at, behind);
    memcpy(at, bytes, size);
    buf->tail += size;
}
