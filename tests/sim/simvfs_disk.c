/* simvfs_disk.c -- the calls: contents, pending writes, the directory, faults in calls. */
#include "sim/simvfs_disk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "sim/simvfs_disk_internal.h"

enum { LATENCY_US_MIN = 100000, LATENCY_US_RANGE = 4900000, CALL_US = 10, LIFE_US = 1000000 };

struct simvfs_disk *simvfs_disk;

#define FAULT_TEXT(name, text) text,
static const char *const fault_texts[] = {SIMVFS_FAULTS(FAULT_TEXT)};
#undef FAULT_TEXT

const char *simvfs_fault_text(enum simvfs_fault fault)
{
    return fault_texts[fault];
}

void simvfs_disk_create(void)
{
    void *memory = mmap(NULL, sizeof(*simvfs_disk), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT(memory != MAP_FAILED);
    simvfs_disk = memory;
}

/* Only what was used is cleared: the contents are far larger than what a seed touches. */
static void clear_file(struct simvfs_file *file)
{
    memset(file->cache, 0, file->bytes_used);
    memset(file->durable, 0, file->bytes_used);
    file->is_used = false;
    file->opens = 0;
    file->bytes_used = 0;
    file->size = 0;
    file->durable_size = 0;
    file->pending_count = 0;
    file->pending_bytes = 0;
    file->has_lost_writes = false;
    file->is_damaged = false;
}

void simvfs_disk_format(uint64_t seed)
{
    struct simvfs_disk *disk = simvfs_disk;
    for (int i = 0; i < SIMVFS_FILES_MAX; i++) {
        clear_file(&disk->files[i]);
    }
    memset(&disk->names, 0, sizeof(disk->names));
    memset(&disk->durable_names, 0, sizeof(disk->durable_names));
    disk->entry_changes_count = 0;
    disk->clock_us = 0;
    prng_init(&disk->prng, seed);
}

void simvfs_disk_begin_life(const struct simvfs_plan *plan)
{
    struct simvfs_disk *disk = simvfs_disk;
    disk->plan = *plan;
    disk->life = (struct simvfs_counts){0};
    disk->fatal_faults = 0;
    disk->clock_us += LIFE_US;
    memset(disk->could_hit, 0, sizeof(disk->could_hit));
}

struct simvfs_plan *simvfs_disk_plan(void)
{
    return &simvfs_disk->plan;
}

struct simvfs_counts *simvfs_disk_life(void)
{
    return &simvfs_disk->life;
}

struct simvfs_counts *simvfs_disk_totals(void)
{
    return &simvfs_disk->totals;
}

uint64_t simvfs_disk_clock_us(void)
{
    return simvfs_disk->clock_us;
}

bool simvfs_disk_is_damaged(const char *name)
{
    const struct simvfs_entry *entry = simvfs_find_entry(&simvfs_disk->names, name);
    return entry != NULL && entry->file != SIMVFS_DIRECTORY &&
           simvfs_disk->files[entry->file].is_damaged;
}

uint64_t simvfs_disk_fatal_faults(void)
{
    return simvfs_disk->fatal_faults;
}

void simvfs_disk_count(enum simvfs_fault fault)
{
    simvfs_disk->life.faults[fault]++;
    simvfs_disk->totals.faults[fault]++;
}

/* ---- Faults in calls ---- */

static uint64_t below(uint64_t bound)
{
    return prng_below(&simvfs_disk->prng, bound);
}

/* Whether the fault hits this call, which it could. */
static bool is_hit(enum simvfs_fault fault)
{
    struct simvfs_disk *disk = simvfs_disk;
    const struct simvfs_plan *plan = &disk->plan;
    uint64_t nth = ++disk->could_hit[fault];
    bool hit = plan->at_fault == (int)fault &&
               (nth == plan->at_call || (plan->for_ever && nth > plan->at_call));
    if (!hit && plan->rates[fault] > 0) {
        hit = below(SIMVFS_RATE_ONE) < plan->rates[fault];
    }
    if (hit) {
        simvfs_disk_count(fault);
    }
    return hit;
}

static void begin_call(void)
{
    struct simvfs_disk *disk = simvfs_disk;
    disk->life.calls++;
    disk->totals.calls++;
    disk->clock_us += CALL_US;
    if (disk->life.calls == disk->plan.crash_at_call) {
        simvfs_disk_count(SIMVFS_KILL);
        _exit(SIMVFS_CRASH_EXIT_CODE);
    }
    if (is_hit(SIMVFS_LATENCY)) {
        uint64_t latency_us = LATENCY_US_MIN + below(LATENCY_US_RANGE);
        disk->life.latency_us += latency_us;
        disk->totals.latency_us += latency_us;
        disk->clock_us += latency_us;
    }
}

/* ---- Names ---- */

struct simvfs_entry *simvfs_find_entry(struct simvfs_names *names, const char *name)
{
    for (int i = 0; i < SIMVFS_NAMES_MAX; i++) {
        struct simvfs_entry *entry = &names->entries[i];
        if (entry->is_used && strcmp(entry->name, name) == 0) {
            return entry;
        }
    }
    return NULL;
}

void simvfs_put_entry(struct simvfs_names *names, const char *name, int file)
{
    struct simvfs_entry *entry = simvfs_find_entry(names, name);
    for (int i = 0; i < SIMVFS_NAMES_MAX && entry == NULL; i++) {
        entry = names->entries[i].is_used ? NULL : &names->entries[i];
    }
    ASSERT(entry != NULL);
    ASSERT(strlen(name) < sizeof(entry->name));
    entry->is_used = true;
    entry->file = file;
    (void)snprintf(entry->name, sizeof(entry->name), "%s", name);
}

static void note_change(enum simvfs_change_kind kind, const char *name, const char *to, int file)
{
    struct simvfs_disk *disk = simvfs_disk;
    if (disk->entry_changes_count == SIMVFS_ENTRY_CHANGES_MAX) {
        simvfs_settle_directory(); /* The kernel writes back at some time by itself. */
    }
    struct simvfs_entry_change *change = &disk->entry_changes[disk->entry_changes_count++];
    change->kind = kind;
    change->file = file;
    (void)snprintf(change->name, sizeof(change->name), "%s", name);
    (void)snprintf(change->to, sizeof(change->to), "%s", to);
}

static bool is_named(const struct simvfs_names *names, int file)
{
    for (int i = 0; i < SIMVFS_NAMES_MAX; i++) {
        if (names->entries[i].is_used && names->entries[i].file == file) {
            return true;
        }
    }
    return false;
}

/* A file may also come back under a name whose removal is not durable. */
void simvfs_free_unnamed(void)
{
    struct simvfs_disk *disk = simvfs_disk;
    for (int i = 0; i < SIMVFS_FILES_MAX; i++) {
        struct simvfs_file *file = &disk->files[i];
        bool is_pending = false;
        for (uint32_t j = 0; j < disk->entry_changes_count; j++) {
            is_pending = is_pending || disk->entry_changes[j].file == i;
        }
        if (file->is_used && file->opens == 0 && !is_pending && !is_named(&disk->names, i) &&
            !is_named(&disk->durable_names, i)) {
            clear_file(file);
        }
    }
}

static int new_file(void)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        for (int i = 0; i < SIMVFS_FILES_MAX; i++) {
            if (!simvfs_disk->files[i].is_used) {
                simvfs_disk->files[i].is_used = true;
                return i;
            }
        }
        simvfs_settle_directory();
    }
    ASSERT(!"a free file of the simulated disk");
    return -1;
}

bool simvfs_disk_exists(const char *name, uint64_t *size, bool *is_directory)
{
    const struct simvfs_entry *entry = simvfs_find_entry(&simvfs_disk->names, name);
    if (entry == NULL) {
        return false;
    }
    *is_directory = entry->file == SIMVFS_DIRECTORY;
    *size = *is_directory ? 0 : simvfs_disk->files[entry->file].size;
    return true;
}

const char *simvfs_disk_name_at(int at)
{
    const struct simvfs_entry *entry = &simvfs_disk->names.entries[at];
    return entry->is_used ? entry->name : NULL;
}

int simvfs_disk_open(const char *name, bool may_create, bool must_create, int *file)
{
    begin_call();
    const struct simvfs_entry *entry =
        name == NULL ? NULL : simvfs_find_entry(&simvfs_disk->names, name);
    if (entry != NULL && must_create) {
        return EEXIST;
    }
    if (entry == NULL && !may_create) {
        return ENOENT;
    }
    if (is_hit(SIMVFS_OPEN_EMFILE)) {
        return EMFILE;
    }
    if (entry == NULL) {
        *file = new_file();
        if (name != NULL) {
            simvfs_put_entry(&simvfs_disk->names, name, *file);
            note_change(SIMVFS_CREATED, name, "", *file);
        }
    } else {
        *file = entry->file;
    }
    simvfs_disk->files[*file].opens++;
    return 0;
}

void simvfs_disk_close(int file)
{
    ASSERT(simvfs_disk->files[file].opens > 0);
    simvfs_disk->files[file].opens--;
    simvfs_free_unnamed();
}

int simvfs_disk_remove(const char *name)
{
    begin_call();
    struct simvfs_entry *entry = simvfs_find_entry(&simvfs_disk->names, name);
    if (entry == NULL) {
        return ENOENT;
    }
    if (is_hit(SIMVFS_REMOVE_EIO)) {
        return EIO;
    }
    note_change(SIMVFS_REMOVED, name, "", entry->file);
    entry->is_used = false;
    simvfs_free_unnamed();
    return 0;
}

int simvfs_disk_rename(const char *from, const char *to)
{
    begin_call();
    struct simvfs_entry *entry = simvfs_find_entry(&simvfs_disk->names, from);
    if (entry == NULL) {
        return ENOENT;
    }
    if (is_hit(SIMVFS_RENAME_EIO)) {
        return EIO;
    }
    int file = entry->file;
    note_change(SIMVFS_RENAMED, from, to, file);
    entry->is_used = false;
    simvfs_put_entry(&simvfs_disk->names, to, file);
    simvfs_free_unnamed();
    return 0;
}

int simvfs_disk_make_directory(const char *name)
{
    begin_call();
    if (simvfs_find_entry(&simvfs_disk->names, name) != NULL) {
        return EEXIST;
    }
    simvfs_put_entry(&simvfs_disk->names, name, SIMVFS_DIRECTORY);
    note_change(SIMVFS_CREATED, name, "", SIMVFS_DIRECTORY);
    return 0;
}

int simvfs_disk_sync_directory(void)
{
    begin_call();
    if (is_hit(SIMVFS_DIRECTORY_SYNC_EIO)) {
        return EIO;
    }
    simvfs_settle_directory();
    return 0;
}

/* ---- Contents ---- */

uint64_t simvfs_disk_size(int file)
{
    return simvfs_disk->files[file].size;
}

uint64_t simvfs_disk_free_bytes(void)
{
    uint64_t used = 0;
    for (int i = 0; i < SIMVFS_FILES_MAX; i++) {
        const struct simvfs_file *file = &simvfs_disk->files[i];
        /* What only a removal that is not durable keeps, takes no room. */
        if (file->is_used && (file->opens > 0 || is_named(&simvfs_disk->names, i))) {
            used += file->size;
        }
    }
    uint64_t capacity = simvfs_disk->plan.capacity_bytes;
    return used < capacity ? capacity - used : 0;
}

int simvfs_disk_read(int at, void *out, size_t size, uint64_t offset, size_t *got)
{
    begin_call();
    const struct simvfs_file *file = &simvfs_disk->files[at];
    *got = 0;
    if (is_hit(SIMVFS_READ_EIO)) {
        return EIO;
    }
    if (offset < file->size) {
        *got = size < file->size - offset ? size : (size_t)(file->size - offset);
    }
    if (*got > 1 && is_hit(SIMVFS_READ_SHORT)) {
        *got = 1 + (size_t)below(*got - 1);
    }
    memcpy(out, file->cache + offset, *got);
    return 0;
}

/* A failure that must stop the process: of a write or a flush of a database in use, or its WAL. */
static void note_fatal(int at)
{
    static const char *const names[] = {"raft.db", "raft.db-wal", "state.db", "state.db-wal"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct simvfs_entry *entry = simvfs_find_entry(&simvfs_disk->names, names[i]);
        if (entry != NULL && entry->file == at) {
            simvfs_disk->fatal_faults++;
        }
    }
}

void simvfs_note_used(struct simvfs_file *file, uint64_t end)
{
    if (end > file->bytes_used) {
        file->bytes_used = (uint32_t)end;
    }
}

static void put_in_cache(struct simvfs_file *file, const void *bytes, size_t size, uint64_t offset)
{
    memcpy(file->cache + offset, bytes, size);
    simvfs_note_used(file, offset + size);
    if (offset + size > file->size) {
        file->size = (uint32_t)(offset + size);
    }
}

static struct simvfs_write *new_pending(struct simvfs_file *file, size_t size)
{
    if (file->pending_count == SIMVFS_WRITES_MAX ||
        file->pending_bytes + size > SIMVFS_PENDING_BYTES_MAX) {
        simvfs_settle_file(file); /* The kernel writes back at some time by itself. */
    }
    return &file->pending[file->pending_count++];
}

static void put_in_pending(struct simvfs_file *file, const void *bytes, size_t size,
                           uint64_t offset)
{
    struct simvfs_write *write = new_pending(file, size);
    *write = (struct simvfs_write){
        .offset = (uint32_t)offset, .size = (uint32_t)size, .at = file->pending_bytes};
    memcpy(file->pending_content + write->at, bytes, size);
    file->pending_bytes += (uint32_t)size;
}

/* Takes part of a write, or all of it. A lost or misdirected one shows in the cache as it should
 * be, until the process ends. */
static void take_write(struct simvfs_file *file, const void *bytes, size_t size, uint64_t offset)
{
    put_in_cache(file, bytes, size, offset);
    /* Only whole pages: of databases. A part of the disk's own making is never hit. */
    bool is_page = size == SIMVFS_BLOCK_BYTES;
    bool is_aligned = offset % SIMVFS_BLOCK_BYTES == 0; /* Not so in a WAL, where it hits two. */
    if (is_page && is_hit(SIMVFS_WRITE_LOST)) {
        file->has_lost_writes = true;
        file->is_damaged = true;
        return;
    }
    if (is_page && is_aligned && file->size >= 4 * SIMVFS_BLOCK_BYTES &&
        is_hit(SIMVFS_WRITE_MISDIRECTED)) {
        uint64_t pages = file->size / SIMVFS_BLOCK_BYTES;
        offset =
            (offset + SIMVFS_BLOCK_BYTES * (1 + below(pages - 1))) % (pages * SIMVFS_BLOCK_BYTES);
        file->has_lost_writes = true;
        file->is_damaged = true;
    }
    put_in_pending(file, bytes, size, offset);
}

int simvfs_disk_write(int at, const void *bytes, size_t size, uint64_t offset)
{
    begin_call();
    struct simvfs_file *file = &simvfs_disk->files[at];
    uint64_t growth = offset + size > file->size ? offset + size - file->size : 0;
    bool is_full = growth > simvfs_disk_free_bytes() || offset + size > SIMVFS_FILE_BYTES_MAX;
    if (is_full) {
        simvfs_disk_count(SIMVFS_DISK_FULL);
    }
    if (is_full || (growth > 0 && is_hit(SIMVFS_WRITE_FULL))) {
        return ENOSPC;
    }
    if (is_hit(SIMVFS_WRITE_EIO)) {
        note_fatal(at);
        /* Whole sectors got through, or none: what lies in one sector does not tear. */
        uint64_t end = offset + below(size);
        end -= end % SIMVFS_SECTOR_BYTES;
        if (end > offset) {
            take_write(file, bytes, (size_t)(end - offset), offset);
        }
        return EIO;
    }
    take_write(file, bytes, size, offset);
    return 0;
}

int simvfs_disk_truncate(int at, uint64_t size)
{
    begin_call();
    struct simvfs_file *file = &simvfs_disk->files[at];
    uint64_t growth = size > file->size ? size - file->size : 0;
    if (growth > simvfs_disk_free_bytes() || size > SIMVFS_FILE_BYTES_MAX) {
        simvfs_disk_count(SIMVFS_DISK_FULL);
        return ENOSPC;
    }
    if (is_hit(SIMVFS_TRUNCATE_EIO)) {
        return EIO;
    }
    if (size < file->size) {
        memset(file->cache + size, 0, file->size - size);
    }
    simvfs_note_used(file, size);
    file->size = (uint32_t)size;
    struct simvfs_write *write = new_pending(file, 0);
    *write = (struct simvfs_write){.offset = (uint32_t)size, .is_truncation = true};
    return 0;
}

int simvfs_disk_sync(int at)
{
    begin_call();
    struct simvfs_file *file = &simvfs_disk->files[at];
    if (is_hit(SIMVFS_SYNC_EIO)) {
        note_fatal(at);
        simvfs_settle_part(file);
        return EIO;
    }
    simvfs_settle_file(file);
    return 0;
}
