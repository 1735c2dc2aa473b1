/* wal_scan.h -- looks for damage in the middle of an SQLite write-ahead log, before SQLite does.
 *
 * SQLite's recovery takes the frames up to the first one that does not verify and silently drops
 * the rest: right for the torn end of an unfinished write, a loss of acknowledged transactions when
 * the damage is older. With synchronous=FULL every transaction is flushed before the next begins,
 * so a good frame of a later transaction proves that the bad frame was once good (fault D10).
 * What stays ambiguous is damage to the last transaction alone: that looks like a torn write.
 */
#ifndef QUORUM_STORAGE_WAL_SCAN_H
#define QUORUM_STORAGE_WAL_SCAN_H

#include <stdint.h>

#include "base/result.h"

struct wal_scan_report {
    uint64_t frames;        /* good ones before the first bad one, or in all */
    uint64_t damaged_frame; /* from 1; 0: the file's header */
    uint64_t later_frame;   /* the good frame that proves the damage */
};

/* Reads the whole file. RESULT_OK: sound, or torn only at its end; RESULT_CORRUPT: report says
 * where; RESULT_IO: logged. */
MUST_CHECK enum result wal_scan(const char *path, struct wal_scan_report *report);

#endif
