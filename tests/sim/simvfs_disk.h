/* simvfs_disk.h -- one simulated disk with one directory: what was written, what is really on the
 * platter, and everything that can go wrong in between.
 *
 * Each file has two contents: the one that the operating system shows (the page cache), and the one
 * that is durable; and the list of writes since the last flush. A power loss applies a random part
 * of that list to the durable content, sector by sector, and forgets the rest; the directory's
 * entries likewise (faults S5, S23). A flush that fails forgets writes while the cache goes on
 * showing them, as the kernels do (faults S3, S4).
 *
 * The disk lies in memory that is shared with children made by fork: a process of the simulation is
 * a child, its end by _exit is the end of a process, and the disk outlives it.
 *
 * Calls come from one thread at a time (storage_threads.h sees to it). Functions return 0 or an
 * errno. Names are those behind SIMVFS_ROOT, of at most SIMVFS_NAME_BYTES - 1 bytes.
 */
#ifndef QUORUM_TESTS_SIM_SIMVFS_DISK_H
#define QUORUM_TESTS_SIM_SIMVFS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"

#define SIMVFS_ROOT "/simulated"

enum {
    SIMVFS_NAME_BYTES = 96,
    SIMVFS_FILE_BYTES_MAX = 4 * 1024 * 1024,
    SIMVFS_SECTOR_BYTES = 512,
    SIMVFS_BLOCK_BYTES = 4096,
    SIMVFS_CRASH_EXIT_CODE = 99, /* of a process that ended at the call where it was to crash */
};

/* Kinds of faults; the first ones are injected into calls, the others into what lies on the disk.
 * A row: its name here, its name in reports. */
#define SIMVFS_FAULTS(ROW)                                                                         \
    ROW(SIMVFS_READ_EIO, "read fails")                                                             \
    ROW(SIMVFS_READ_SHORT, "read is short")                                                        \
    ROW(SIMVFS_WRITE_EIO, "write fails")                                                           \
    ROW(SIMVFS_WRITE_FULL, "write finds no space")                                                 \
    ROW(SIMVFS_SYNC_EIO, "flush fails, pages count as clean")                                      \
    ROW(SIMVFS_DIRECTORY_SYNC_EIO, "flush of the directory fails")                                 \
    ROW(SIMVFS_OPEN_EMFILE, "open fails")                                                          \
    ROW(SIMVFS_REMOVE_EIO, "removal fails")                                                        \
    ROW(SIMVFS_RENAME_EIO, "rename fails")                                                         \
    ROW(SIMVFS_TRUNCATE_EIO, "truncation fails")                                                   \
    ROW(SIMVFS_LATENCY, "call takes 0.1 to 5 s")                                                   \
    ROW(SIMVFS_WRITE_LOST, "write never reaches the disk")                                         \
    ROW(SIMVFS_WRITE_MISDIRECTED, "write lands elsewhere in the file")                             \
    ROW(SIMVFS_DISK_FULL, "disk is full for a while")                                              \
    ROW(SIMVFS_OUT_OF_MEMORY, "allocation in SQLite fails")                                        \
    ROW(SIMVFS_KILL, "process is killed at a call")                                                \
    ROW(SIMVFS_EVICTION, "lost page is forgotten by the cache")                                    \
    ROW(SIMVFS_POWER_LOSS, "power loss")                                                           \
    ROW(SIMVFS_SECTOR_LOST, "unflushed sector lost")                                               \
    ROW(SIMVFS_SECTOR_KEPT, "unflushed sector kept")                                               \
    ROW(SIMVFS_WRITE_TORN, "write torn at a sector")                                               \
    ROW(SIMVFS_WRITE_REORDERED, "later write kept, earlier one lost")                              \
    ROW(SIMVFS_ENTRY_LOST, "directory entry lost or old")                                          \
    ROW(SIMVFS_BIT_ROT, "bits rot")                                                                \
    ROW(SIMVFS_SECTOR_ZEROED, "sector reads as zeros")                                             \
    ROW(SIMVFS_PAGE_SWAPPED, "page holds another one's content")                                   \
    ROW(SIMVFS_FILE_CUT, "database file is cut short")

#define SIMVFS_FAULT_NAME(name, text) name,
enum simvfs_fault { SIMVFS_FAULTS(SIMVFS_FAULT_NAME) SIMVFS_FAULTS_COUNT };
#undef SIMVFS_FAULT_NAME

const char *simvfs_fault_text(enum simvfs_fault fault);

enum { SIMVFS_RATE_ONE = 1 << 20, SIMVFS_NO_FAULT = -1 };

/* What is to go wrong in the life of one process. */
struct simvfs_plan {
    uint32_t rates[SIMVFS_FAULTS_COUNT]; /* of SIMVFS_RATE_ONE, for each call that it could hit */
    int at_fault;                        /* one fault at a certain call; or SIMVFS_NO_FAULT */
    uint64_t at_call;                    /* the how-manieth call of those it could hit */
    bool for_ever;                       /* and at all such calls behind it */
    uint64_t crash_at_call;              /* of all calls; 0: none */
    uint64_t capacity_bytes;             /* of the disk */
};

struct simvfs_counts {
    uint64_t calls;
    uint64_t faults[SIMVFS_FAULTS_COUNT];
    uint64_t latency_us; /* simulated */
};

/* Makes the one disk; before any fork. */
void simvfs_disk_create(void);

/* Empties it. Everything that chance decides comes from the seed. */
void simvfs_disk_format(uint64_t seed);

/* A process begins: its plan holds, and what it does is counted from 0. */
void simvfs_disk_begin_life(const struct simvfs_plan *plan);
struct simvfs_plan *simvfs_disk_plan(void);

/* Since begin_life; and since create. */
struct simvfs_counts *simvfs_disk_life(void);
struct simvfs_counts *simvfs_disk_totals(void);

/* The simulated time since format, in microseconds: it goes on with calls, and with lives. */
uint64_t simvfs_disk_clock_us(void);

/* Counts a fault. */
void simvfs_disk_count(enum simvfs_fault fault);

/* How many writes and flushes of a database or its WAL failed in this life, and their last cause;
 * what must stop the process. */
uint64_t simvfs_disk_fatal_faults(void);

/* ---- Calls of a process ---- */

int simvfs_disk_open(const char *name, bool may_create, bool must_create, int *file);
void simvfs_disk_close(int file);
int simvfs_disk_read(int file, void *out, size_t size, uint64_t offset, size_t *got);
int simvfs_disk_write(int file, const void *bytes, size_t size, uint64_t offset);
int simvfs_disk_truncate(int file, uint64_t size);
int simvfs_disk_sync(int file);
int simvfs_disk_sync_directory(void);
int simvfs_disk_remove(const char *name);
int simvfs_disk_rename(const char *from, const char *to);
int simvfs_disk_make_directory(const char *name);
bool simvfs_disk_exists(const char *name, uint64_t *size, bool *is_directory);
uint64_t simvfs_disk_size(int file);
/* The name in place at, or NULL; places go from 0 to SIMVFS_NAMES_MAX - 1. */
enum { SIMVFS_NAMES_MAX = 64 };
const char *simvfs_disk_name_at(int at);
uint64_t simvfs_disk_free_bytes(void);

/* ---- What happens to the disk between two processes ---- */

/* The process has ended, the machine goes on: the cache may forget pages that count as clean. */
void simvfs_disk_end_life(void);

/* The machine stops: what was not flushed is kept, lost, torn and reordered at random. */
void simvfs_disk_lose_power(void);

/* Damages a file that holds something, at random, in cache and at rest. Returns its name, and what
 * was done in description; NULL when the file holds nothing. */
const char *simvfs_disk_damage(const char *name, char *description, size_t description_bytes);

/* Whether the file of that name was damaged, or a write of it lost or misdirected. */
bool simvfs_disk_is_damaged(const char *name);

#endif
