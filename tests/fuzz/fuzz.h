/* fuzz.h -- what a fuzz target needs.
 *
 * A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput. Linked with libFuzzer it searches
 * (make fuzz TARGET=NAME SECONDS=60); linked with replay.c it runs every file of its corpus, which
 * is part of make test. What must hold beside "no crash" is said with FUZZ_CHECK.
 */
#ifndef QUORUM_TESTS_FUZZ_FUZZ_H
#define QUORUM_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Copies bytes into memory of exactly their size, so that the sanitizer sees one byte too far; to
 * be freed with fuzz_free. */
struct slice fuzz_copy(struct slice bytes);
void fuzz_free(struct slice bytes);

/* Takes size bytes, or what is left, off the front of an input. */
struct slice fuzz_take(struct slice *input, size_t size);

/* Takes one byte off; 0 when there is none. */
uint8_t fuzz_take_byte(struct slice *input);

/* The logger says nothing while fuzzing. To be called first in every target. */
void fuzz_quiet(void);

#endif
