/* wal_renew.h -- makes sure that a write-ahead log is on the disk as it reads.
 *
 * After a failed flush the kernel may go on showing bytes that never reached the disk, and a later
 * flush does not write them: their pages count as clean (fault S4). SQLite would take such a WAL's
 * transactions for durable and copy them into the database; a power failure half-way through that
 * leaves a database of two times, with nothing to repair it by.
 */
#ifndef QUORUM_STORAGE_WAL_RENEW_H
#define QUORUM_STORAGE_WAL_RENEW_H

#include "base/result.h"

/* Writes every byte of the file over itself, and flushes file and directory. To be called before
 * anything is built upon the file; nothing to do when there is none. Whatever moment it is
 * interrupted at, the file reads the same. RESULT_FULL, RESULT_IO: logged. */
MUST_CHECK enum result wal_renew(const char *path);

#endif
