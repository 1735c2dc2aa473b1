/* full_disk.h -- a disk with so many bytes left, as SQLite sees it: an SQLite VFS over the real
 * one.
 *
 * Growing a file takes from what is left, shrinking gives back, overwriting is free. What does not
 * fit fails with SQLITE_FULL, as the real VFS does on ENOSPC. May be set from any thread.
 */
#ifndef QUORUM_TESTS_UNIT_STORAGE_FULL_DISK_H
#define QUORUM_TESTS_UNIT_STORAGE_FULL_DISK_H

#include <stdint.h>

/* Puts the VFS in front, with endless room. Files opened from now on go through it. */
void full_disk_install(void);
void full_disk_uninstall(void);

void full_disk_set_left(int64_t bytes);

/* A file that is given up when there is no room: once it is gone, that much more is left. */
void full_disk_set_reserve(const char *path, int64_t bytes);

/* Every flush fails from now on, as on a disk that lost its cable. */
void full_disk_fail_flushes(void);

#endif
