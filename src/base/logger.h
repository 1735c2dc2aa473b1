/* logger.h -- diagnostics as lines of text ("log" alone always means Raft's log).
 *
 * The pure layers do no I/O: they format a line and hand it to the sink that the program set.
 * Without a sink, lines are dropped.
 */
#ifndef QUORUM_BASE_LOGGER_H
#define QUORUM_BASE_LOGGER_H

#include <stddef.h>

#include "base/result.h"

enum logger_level { LOGGER_DEBUG, LOGGER_VERBOSE, LOGGER_NOTICE, LOGGER_WARNING, LOGGER_ERROR };

/* Takes one formatted line without a newline, NUL-terminated. May be called from any thread. */
typedef void logger_sink(enum logger_level level, const char *line, void *context);

/* Sets the sink and the lowest level that reaches it. Call before other threads start. */
void logger_set_sink(logger_sink *sink, void *context);
void logger_set_level(enum logger_level level);
enum logger_level logger_level(void);

/* Formats a line (cut at 1,023 bytes) and hands it to the sink. */
void logger_log(enum logger_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
