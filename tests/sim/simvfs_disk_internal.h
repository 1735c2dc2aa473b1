/* simvfs_disk_internal.h -- the simulated disk's memory; for simvfs_disk*.c alone. */
#ifndef QUORUM_TESTS_SIM_SIMVFS_DISK_INTERNAL_H
#define QUORUM_TESTS_SIM_SIMVFS_DISK_INTERNAL_H

#include "sim/simvfs_disk.h"

enum {
    SIMVFS_FILES_MAX = 64,
    SIMVFS_WRITES_MAX = 4096,
    SIMVFS_PENDING_BYTES_MAX = 2 * SIMVFS_FILE_BYTES_MAX,
    SIMVFS_ENTRY_CHANGES_MAX = 64,
    SIMVFS_DIRECTORY = -2, /* in the place of a file */
};

/* A write that is not flushed, or a truncation to offset. */
struct simvfs_write {
    uint32_t offset;
    uint32_t size;
    uint32_t at; /* of its bytes in pending_content */
    bool is_truncation;
};

struct simvfs_file {
    bool is_used;
    bool has_lost_writes; /* the cache shows what the disk never got */
    bool is_damaged;      /* by something no flush would have reported */
    uint32_t opens;
    uint32_t bytes_used; /* of cache and durable, ever: behind it all is zero */
    uint32_t size;
    uint32_t durable_size;
    uint32_t pending_count;
    uint32_t pending_bytes;
    struct simvfs_write pending[SIMVFS_WRITES_MAX];
    uint8_t pending_content[SIMVFS_PENDING_BYTES_MAX];
    uint8_t cache[SIMVFS_FILE_BYTES_MAX];
    uint8_t durable[SIMVFS_FILE_BYTES_MAX];
};

struct simvfs_entry {
    bool is_used;
    int file; /* or SIMVFS_DIRECTORY */
    char name[SIMVFS_NAME_BYTES];
};

struct simvfs_names {
    struct simvfs_entry entries[SIMVFS_NAMES_MAX];
};

enum simvfs_change_kind { SIMVFS_CREATED, SIMVFS_REMOVED, SIMVFS_RENAMED };

struct simvfs_entry_change {
    enum simvfs_change_kind kind;
    int file;
    char name[SIMVFS_NAME_BYTES];
    char to[SIMVFS_NAME_BYTES];
};

struct simvfs_disk {
    struct prng prng;
    struct simvfs_plan plan;
    struct simvfs_counts life;
    struct simvfs_counts totals;
    uint64_t fatal_faults;
    uint64_t clock_us;
    uint64_t could_hit[SIMVFS_FAULTS_COUNT]; /* calls of this life that each fault could hit */
    struct simvfs_names names;
    struct simvfs_names durable_names;
    uint32_t entry_changes_count; /* not durable */
    struct simvfs_entry_change entry_changes[SIMVFS_ENTRY_CHANGES_MAX];
    struct simvfs_file files[SIMVFS_FILES_MAX];
};

extern struct simvfs_disk *simvfs_disk;

struct simvfs_entry *simvfs_find_entry(struct simvfs_names *names, const char *name);
void simvfs_put_entry(struct simvfs_names *names, const char *name, int file);

/* Forgets files that no name, durable or not, and no descriptor leads to. */
void simvfs_free_unnamed(void);

void simvfs_note_used(struct simvfs_file *file, uint64_t end);

/* Everything pending becomes durable. */
void simvfs_settle_file(struct simvfs_file *file);
void simvfs_settle_directory(void);

/* A random part of what is pending becomes durable, the rest never will. */
void simvfs_settle_part(struct simvfs_file *file);

#endif
