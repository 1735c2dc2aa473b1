/* diagnostics.c -- writing log lines. Each is one write(2) to a file opened for appending, so lines
 * of several threads, and of a file that is rotated, never mix. */
#include "server/diagnostics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { DIAGNOSTICS_LINE_BYTES = 1200, DIAGNOSTICS_FILE_MODE = 0640 };

static struct {
    int descriptor;
    char *path; /* NULL: standard output */
    volatile char role;
} diagnostics = {STDOUT_FILENO, NULL, '-'};

static void write_line(enum logger_level level, const char *line, void *context)
{
    (void)context;
    static const char levels[] = ".-*#!";
    struct timespec now;
    struct tm local;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &local);
    char when[64];
    (void)strftime(when, sizeof(when), "%d %b %Y %H:%M:%S", &local);
    char text[DIAGNOSTICS_LINE_BYTES];
    int size = snprintf(text, sizeof(text), "%d:%c %s.%03ld %c %s\n", (int)getpid(),
                        diagnostics.role, when, now.tv_nsec / 1000000, levels[level], line);
    size_t bytes = (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1;
    /* There is nobody to tell when the line cannot be written. */
    ssize_t written = write(diagnostics.descriptor, text, bytes);
    (void)written;
}

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, DIAGNOSTICS_FILE_MODE);
}

enum result diagnostics_open(const char *path, enum logger_level level)
{
    if (path[0] != '\0') {
        int descriptor = open_file(path);
        if (descriptor < 0) {
            (void)fprintf(stderr, "quorum: cannot open logfile '%s': %s\n", path, strerror(errno));
            return RESULT_IO;
        }
        diagnostics.descriptor = descriptor;
        diagnostics.path = mem_copy_string(path);
    }
    logger_set_level(level);
    logger_set_sink(write_line, NULL);
    return RESULT_OK;
}

void diagnostics_reopen(void)
{
    if (diagnostics.path == NULL) {
        return;
    }
    int descriptor = open_file(diagnostics.path);
    if (descriptor < 0) {
        logger_log(LOGGER_WARNING, "cannot open logfile '%s' anew: %s; keeping the old one",
                   diagnostics.path, strerror(errno));
        return;
    }
    /* dup2 swaps in one step: another thread may be writing. */
    (void)dup2(descriptor, diagnostics.descriptor);
    (void)close(descriptor);
}

void diagnostics_set_role(char role)
{
    diagnostics.role = role;
}

void diagnostics_close(void)
{
    logger_set_sink(NULL, NULL);
    if (diagnostics.path != NULL) {
        (void)close(diagnostics.descriptor);
        mem_free(diagnostics.path);
        diagnostics.path = NULL;
        diagnostics.descriptor = STDOUT_FILENO;
    }
}
