/* fuzz.c -- what fuzz targets share. */
#include "fuzz/fuzz.h"

#include "base/logger.h"
#include "base/mem.h"

static void drop_line(enum logger_level level, const char *line, void *context)
{
    (void)level;
    (void)line;
    (void)context;
}

void fuzz_quiet(void)
{
    logger_set_sink(drop_line, NULL);
}

struct slice fuzz_copy(struct slice bytes)
{
    uint8_t *copy = mem_alloc(bytes.size);
    if (bytes.size > 0) {
        memcpy(copy, bytes.bytes, bytes.size);
    }
    return slice_of(copy, bytes.size);
}

void fuzz_free(struct slice bytes)
{
    mem_free((void *)(uintptr_t)bytes.bytes);
}

struct slice fuzz_take(struct slice *input, size_t size)
{
    size = size < input->size ? size : input->size;
    struct slice taken = slice_of(input->bytes, size);
    *input = slice_of(input->bytes + size, input->size - size);
    return taken;
}

uint8_t fuzz_take_byte(struct slice *input)
{
    struct slice one = fuzz_take(input, 1);
    return one.size == 0 ? 0 : one.bytes[0];
}
