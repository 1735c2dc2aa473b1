/* gentle_vfs.h -- an SQLite VFS whose files reach the disk a little at a time (private to storage).
 *
 * A snapshot writes tens of megabytes, and SQLite flushes them at its end. While the disk takes
 * them, the log's small flushes wait behind, and with them every client. Through this VFS, files
 * are flushed after every GENTLE_VFS_BYTES written, and cut in steps, so the log's flushes get in
 * between.
 *
 * It wraps the default VFS and offers no shared memory, so it is for EXCLUSIVE connections.
 * Source: https://www.sqlite.org/vfs.html, https://www.sqlite.org/wal.html#noshm
 */
#ifndef QUORUM_STORAGE_GENTLE_VFS_H
#define QUORUM_STORAGE_GENTLE_VFS_H

#define GENTLE_VFS_BYTES (512 * 1024)

/* Registers it, if need be, and returns its name for sqlite3_open_v2. Any thread. */
const char *gentle_vfs_name(void);

#endif
