/* diagnostics.h -- where log lines go: standard output or a file, one line each, in Redis's form:
 *
 *     1234:L 23 Nov 2026 03:15:33.368 * became leader, term=7
 *
 * process id, role (L leader, F follower, C candidate, - not running yet), local time, level
 * (. debug, - verbose, * notice, # warning, ! error), text.
 */
#ifndef QUORUM_SERVER_DIAGNOSTICS_H
#define QUORUM_SERVER_DIAGNOSTICS_H

#include "base/logger.h"
#include "base/result.h"

/* Becomes the logger's sink. path "": standard output. RESULT_IO, with a line on standard error,
 * when the file cannot be opened. */
MUST_CHECK enum result diagnostics_open(const char *path, enum logger_level level);

/* Opens the file of the same path anew, after it was rotated (SIGHUP). */
void diagnostics_reopen(void);

void diagnostics_set_role(char role);

void diagnostics_close(void);

#endif
