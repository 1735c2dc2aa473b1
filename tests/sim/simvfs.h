/* simvfs.h -- the simulated disk as SQLite and the C library see it.
 *
 * SQLite gets a VFS, the default one. The storage code's own calls (open, pread, rename, ...) are
 * wrapped by the linker (-Wl,--wrap) in the simulation's binary alone: a path below SIMVFS_ROOT, or
 * a descriptor of such a file, goes to the simulated disk, everything else to the system.
 *
 * Not covered: file locks (one process at a time), owner and mode of files, so data_dir_lock does
 * not run here.
 */
#ifndef QUORUM_TESTS_SIM_SIMVFS_H
#define QUORUM_TESTS_SIM_SIMVFS_H

#include <stdint.h>

/* Registers the VFS; in a process that has not used SQLite yet, so that the seed decides what
 * SQLite draws at random as well. */
void simvfs_register(uint64_t seed);

/* Makes the k-th allocation of SQLite fail, and all behind it if for_ever. Before simvfs_register.
 * The number of allocations so far. */
void simvfs_fail_allocation(uint64_t k, int for_ever);
uint64_t simvfs_allocations(void);

/* The name of a path behind SIMVFS_ROOT: "" for the root itself; NULL: another path. */
const char *simvfs_name_of(const char *path);

#endif
