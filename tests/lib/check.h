/* check.h -- what a test with real processes checks by: a failed check says why and ends the test.
 *
 * Every test runs in a process of its own (tests/integration/main.c), so ending the test is ending
 * that process, from whichever thread; its nodes end with it.
 */
#ifndef QUORUM_TESTS_LIB_CHECK_H
#define QUORUM_TESTS_LIB_CHECK_H

#include <stdint.h>

#include "base/result.h"

/* Prints where and why, and ends the process with exit status 1. */
__attribute__((noreturn))
PRINTF_LIKE(3, 4) void check_fail(const char *file, int line, const char *format, ...);

#define FAIL(...) check_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            FAIL("not true: %s", #condition);                                                      \
        }                                                                                          \
    } while (0)

/* Prints why a test cannot be run on this machine, and ends the process with CHECK_SKIPPED. Only
 * for what the machine lacks. */
enum { CHECK_SKIPPED = 77 };
__attribute__((noreturn)) PRINTF_LIKE(1, 2) void check_skip(const char *format, ...);

/* Prints a line about the run of a test: a figure worth knowing. */
PRINTF_LIKE(1, 2) void check_note(const char *format, ...);

/* Monotonic time, and a rest. */
uint64_t check_now_ms(void);
void check_sleep_ms(uint64_t ms);

/* A generator for choices that need not be repeatable; each thread has a state of its own. */
uint32_t check_random(uint64_t *state, uint32_t below);

#endif
