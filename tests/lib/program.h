/* program.h -- runs a program to its end: what it is given, what it says, what it exits with.
 */
#ifndef QUORUM_TESTS_LIB_PROGRAM_H
#define QUORUM_TESTS_LIB_PROGRAM_H

#include <stdbool.h>

enum { PROGRAM_ARGUMENTS_MAX = 16, PROGRAM_OUTPUT_BYTES = 64 * 1024 };

struct program_result {
    int status;                        /* exit status, or 128 and the signal */
    char output[PROGRAM_OUTPUT_BYTES]; /* standard output and error as they came, NUL-terminated */
};

/*
 * Runs arguments[0] with the arguments up to NULL and gives it input (NULL: none). A program that
 * takes longer than a test's patience fails the test. The result lasts until the next run.
 */
const struct program_result *program_run(const char *const *arguments, const char *input);

/* Runs it, checks that it exits with this status, and returns its output. */
const char *program_expect(int status, const char *const *arguments, const char *input);

#endif
