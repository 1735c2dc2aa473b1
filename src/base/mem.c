/* mem.c -- allocation that cannot fail. */
#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/logger.h"

static void *check(void *memory, size_t size)
{
    if (memory == NULL) {
        logger_log(LOGGER_ERROR,
                   "out of memory asking for %zu bytes; stopping. Give the process more memory or "
                   "lower its limits (maxclients, proto-max-bulk-len)",
                   size);
        abort();
    }
    return memory;
}

void *mem_alloc(size_t size)
{
    size = size == 0 ? 1 : size;
    return check(malloc(size), size);
}

void *mem_alloc_zeroed(size_t count, size_t size)
{
    count = count == 0 ? 1 : count;
    return check(calloc(count, size), count * size);
}

void *mem_realloc(void *memory, size_t size)
{
    size = size == 0 ? 1 : size;
    return check(realloc(memory, size), size);
}

char *mem_copy_string(const char *text)
{
    return mem_copy_bytes(text, strlen(text));
}

char *mem_copy_bytes(const void *bytes, size_t size)
{
    char *copy = mem_alloc(size + 1);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    copy[size] = '\0';
    return copy;
}

void mem_free(void *memory)
{
    free(memory);
}

size_t mem_usable_size(const void *memory)
{
    /* glibc and jemalloc both only read; the cast is for their old prototype. */
    return malloc_usable_size((void *)(uintptr_t)memory);
}
