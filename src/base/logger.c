/* logger.c -- formats diagnostics and hands them to the program's sink. */
#include "base/logger.h"

#include <stdarg.h>
#include <stdio.h>

enum { LOGGER_LINE_BYTES = 1024 };

static struct {
    logger_sink *sink;
    void *context;
    enum logger_level level;
} logger = {NULL, NULL, LOGGER_NOTICE};

void logger_set_sink(logger_sink *sink, void *context)
{
    logger.sink = sink;
    logger.context = context;
}

void logger_set_level(enum logger_level level)
{
    logger.level = level;
}

enum logger_level logger_level(void)
{
    return logger.level;
}

void logger_log(enum logger_level level, const char *format, ...)
{
    if (logger.sink == NULL || level < logger.level) {
        return;
    }
    char line[LOGGER_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    logger.sink(level, line, logger.context);
}
