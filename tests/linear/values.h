/* values.h -- texts as small numbers, so that states can be compared and copied cheaply. */
#ifndef QUORUM_TESTS_LINEAR_VALUES_H
#define QUORUM_TESTS_LINEAR_VALUES_H

#include <stdint.h>

#include "base/slice.h"

/* No value: the key is not there. */
#define VALUE_NONE 0

struct values {
    struct slice *texts; /* [0] is not used */
    uint32_t count;
    uint32_t capacity;
    uint32_t *table; /* open addressing; 0: free */
    uint32_t table_size;
};

void values_init(struct values *values);
void values_deinit(struct values *values);

/* The number of a text, the same for equal ones, never VALUE_NONE. The text is copied. */
uint32_t values_number(struct values *values, struct slice text);

/* Borrows the text of a number until values_deinit; empty for VALUE_NONE. */
struct slice values_text(const struct values *values, uint32_t number);

#endif
