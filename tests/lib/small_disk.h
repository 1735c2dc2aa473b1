/* small_disk.h -- file systems of a chosen size for data directories, in memory.
 *
 * They live in a mount namespace of the test's own process: the rest of the machine does not see
 * them, and they are gone with the test and its nodes.
 */
#ifndef QUORUM_TESTS_LIB_SMALL_DISK_H
#define QUORUM_TESTS_LIB_SMALL_DISK_H

#include <stdint.h>

/* Gives this process and those it starts mounts of their own. A process that may not do that skips
 * its test (check_skip). To be called before anything is started. */
void small_disk_begin(void);

/* Mounts a file system of so many bytes at path, which is made. */
void small_disk_mount(const char *path, uint64_t bytes);

/* What is free there. */
uint64_t small_disk_free(const char *path);

/* Takes all room but so many bytes away by a file beside the node's own, and gives it back. */
void small_disk_fill(const char *path, uint64_t bytes_left);
void small_disk_empty(const char *path);

#endif
