/* slice.h -- borrowed bytes: a pointer and a length, never owned, never NUL-terminated. */
#ifndef QUORUM_BASE_SLICE_H
#define QUORUM_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *bytes; /* may be NULL only when size is 0 */
    size_t size;
};

/* A slice over a string literal, without its NUL. */
#define SLICE_LITERAL(text) ((struct slice){(const uint8_t *)(text), sizeof(text) - 1})

static inline struct slice slice_of(const void *bytes, size_t size)
{
    return (struct slice){bytes, size};
}

/* Borrows a NUL-terminated string, without its NUL. */
static inline struct slice slice_of_string(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static inline bool slice_equals(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

/* Orders by bytes, then by length: negative, 0 or positive as memcmp. */
int slice_compare(struct slice a, struct slice b);

/* Compares with a lower-case ASCII word, ignoring the case of the slice's A-Z. No locale. */
bool slice_is_word(struct slice slice, const char *lower_case_word);

#endif
