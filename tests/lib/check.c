/* check.c -- failing, noting, and time. */
#include "lib/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void check_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    const char *slash = strrchr(file, '/');
    va_start(arguments, format);
    printf("    %s:%d: ", slash == NULL ? file : slash + 1, line);
    vprintf(format, arguments);
    printf("\n");
    (void)fflush(stdout);
    va_end(arguments);
    _exit(1);
}

void check_skip(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("    skipped: ");
    vprintf(format, arguments);
    printf("\n");
    (void)fflush(stdout);
    va_end(arguments);
    _exit(CHECK_SKIPPED);
}

void check_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("    ");
    vprintf(format, arguments);
    printf("\n");
    (void)fflush(stdout);
    va_end(arguments);
}

uint64_t check_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void check_sleep_ms(uint64_t ms)
{
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
        continue;
    }
}

uint32_t check_random(uint64_t *state, uint32_t below)
{
    /* The high bits of a multiplicative generator (Knuth's MMIX constants) are good enough here. */
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % below);
}
