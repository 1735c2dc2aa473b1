/* ctl_text.h -- bytes and numbers as a person reads them. */
#ifndef QUORUM_CLI_CTL_TEXT_H
#define QUORUM_CLI_CTL_TEXT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Appends bytes in quotes, as quote_append. Those beyond the first shown_max are left out, and
 * "... (N bytes)" follows; shown_max 0: no limit. */
void ctl_text_quote(struct buf *out, struct slice bytes, size_t shown_max);

/* Appends bytes in hexadecimal. */
void ctl_text_hex(struct buf *out, struct slice bytes);

/* Appends Unix milliseconds as "2026-11-25 22:30:01.123Z"; the bare number when it is no year that
 * has four digits. */
void ctl_text_time(struct buf *out, int64_t unix_ms);

/* Appends a size as "17 bytes", "1.5 MiB". */
void ctl_text_bytes(struct buf *out, uint64_t bytes);

/* Appends text as one word of a shell's command line: as it is, or in single quotes. */
void ctl_text_shell(struct buf *out, const char *text);

/* Writes what is in out to standard output, and empties it. */
void ctl_text_flush(struct buf *out);

#endif
