/* mem.h -- allocation that cannot fail: out of memory is logged and stops the process.
 *
 * Sizes that come from outside are checked against a limit before they get here.
 */
#ifndef QUORUM_BASE_MEM_H
#define QUORUM_BASE_MEM_H

#include <stddef.h>

/* Returns size bytes (at least 1), uninitialised; the caller frees with mem_free. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));

/* As mem_alloc for count * size bytes, zeroed; the product is checked for overflow. */
void *mem_alloc_zeroed(size_t count, size_t size)
    __attribute__((malloc, returns_nonnull, alloc_size(1, 2)));

/* Grows or shrinks; memory may be NULL. The old pointer is gone afterwards. */
void *mem_realloc(void *memory, size_t size) __attribute__((returns_nonnull, alloc_size(2)));

/* Copies a NUL-terminated string; the caller frees with mem_free. */
char *mem_copy_string(const char *text) __attribute__((malloc, returns_nonnull));

/* Copies size bytes and adds a NUL behind them; the caller frees with mem_free. */
char *mem_copy_bytes(const void *bytes, size_t size) __attribute__((malloc, returns_nonnull));

/* Frees; NULL is allowed. */
void mem_free(void *memory);

/* The size the allocator really set aside for memory, in bytes; 0 for NULL. */
size_t mem_usable_size(const void *memory);

#endif
