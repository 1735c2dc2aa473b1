/* values.c -- interned texts: a table of numbers, hashed by text. */
#include "linear/values.h"

#include "base/hash.h"
#include "base/mem.h"

enum { TABLE_SIZE_MIN = 1024 };

void values_init(struct values *values)
{
    *values = (struct values){.count = 1, .table_size = TABLE_SIZE_MIN};
    values->capacity = TABLE_SIZE_MIN;
    values->texts = mem_alloc_zeroed(values->capacity, sizeof(*values->texts));
    values->table = mem_alloc_zeroed(values->table_size, sizeof(*values->table));
}

void values_deinit(struct values *values)
{
    for (uint32_t i = 1; i < values->count; i++) {
        mem_free((void *)(uintptr_t)values->texts[i].bytes);
    }
    mem_free(values->texts);
    mem_free(values->table);
    *values = (struct values){0};
}

/* The place of a text, or the free one that it belongs into. */
static uint32_t find(const struct values *values, struct slice text)
{
    uint32_t at = (uint32_t)(hash_bytes(0, text) % values->table_size);
    while (values->table[at] != 0 && !slice_equals(values->texts[values->table[at]], text)) {
        at = (at + 1) % values->table_size;
    }
    return at;
}

static void grow(struct values *values)
{
    values->capacity *= 2;
    values->texts = mem_realloc(values->texts, values->capacity * sizeof(*values->texts));
    mem_free(values->table);
    values->table_size = values->capacity * 2;
    values->table = mem_alloc_zeroed(values->table_size, sizeof(*values->table));
    for (uint32_t i = 1; i < values->count; i++) {
        values->table[find(values, values->texts[i])] = i;
    }
}

uint32_t values_number(struct values *values, struct slice text)
{
    uint32_t at = find(values, text);
    if (values->table[at] != 0) {
        return values->table[at];
    }
    if (values->count == values->capacity) {
        grow(values);
        at = find(values, text);
    }
    const uint8_t *bytes = text.size == 0 ? (const uint8_t *)"" : text.bytes;
    values->texts[values->count] = slice_of(mem_copy_bytes(bytes, text.size), text.size);
    values->table[at] = values->count;
    return values->count++;
}

struct slice values_text(const struct values *values, uint32_t number)
{
    return values->texts[number];
}
