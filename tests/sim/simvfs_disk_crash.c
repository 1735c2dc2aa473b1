/* simvfs_disk_crash.c -- what a power loss leaves, and damage at rest.
 *
 * DESIGN. Of the writes pending in a file, each sector keeps those up to a point of its own: none,
 * all, or some first ones, so that a sector is always as it was at some time. One rule draws these
 * points for a whole crash: nothing is kept, everything, everything up to one moment with the write
 * of that moment torn, or each unit of 512 or 4096 bytes by itself (reordered).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "sim/simvfs_disk_internal.h"

enum { WAL_HEADER_BYTES = 32, WAL_FRAME_BYTES = 24 + SIMVFS_BLOCK_BYTES };

enum keeping { KEEP_NOTHING, KEEP_ALL, KEEP_UP_TO, KEEP_SECTORS, KEEP_BLOCKS, KEEPINGS_COUNT };

/* How one file comes out of a crash. */
struct crash {
    enum keeping keeping;
    uint32_t cut;          /* KEEP_UP_TO: the write that is torn */
    uint32_t torn_sectors; /* of it, kept */
    uint64_t seed;         /* KEEP_SECTORS, KEEP_BLOCKS */
    uint32_t percent;      /* how likely a unit keeps everything */
    bool keeps_size;       /* the file grows even where its bytes are lost: they read as zeros */
    bool has_lost;
    bool has_reordered;
};

static uint64_t below(uint64_t bound)
{
    return prng_below(&simvfs_disk->prng, bound);
}

static void truncate_durable(struct simvfs_file *file, uint32_t size)
{
    if (size < file->durable_size) {
        memset(file->durable + size, 0, file->durable_size - size);
    }
    file->durable_size = size;
}

static void apply(struct simvfs_file *file, const struct simvfs_write *write, uint32_t from,
                  uint32_t size)
{
    memcpy(file->durable + from, file->pending_content + write->at + (from - write->offset), size);
    simvfs_note_used(file, (uint64_t)from + size);
    if (from + size > file->durable_size) {
        file->durable_size = from + size;
    }
}

void simvfs_settle_file(struct simvfs_file *file)
{
    for (uint32_t i = 0; i < file->pending_count; i++) {
        const struct simvfs_write *write = &file->pending[i];
        if (write->is_truncation) {
            truncate_durable(file, write->offset);
        } else {
            apply(file, write, write->offset, write->size);
        }
    }
    file->pending_count = 0;
    file->pending_bytes = 0;
}

/* How many of the pending writes the unit (sector or block) keeps. */
static uint32_t kept_by_unit(const struct crash *crash, uint32_t unit, uint32_t count)
{
    uint64_t drawn = hash_mix(crash->seed, unit);
    if (drawn % 100 < crash->percent) {
        return count;
    }
    return (drawn >> 8) % 3 == 0 ? (uint32_t)((drawn >> 16) % (count + 1)) : 0;
}

static bool keeps_sector(const struct crash *crash, const struct simvfs_file *file, uint32_t at,
                         uint32_t sector)
{
    switch (crash->keeping) {
    case KEEP_NOTHING:
        return false;
    case KEEP_ALL:
        return true;
    case KEEP_UP_TO:
        return at < crash->cut ||
               (at == crash->cut &&
                sector - file->pending[at].offset / SIMVFS_SECTOR_BYTES < crash->torn_sectors);
    case KEEP_SECTORS:
        return at < kept_by_unit(crash, sector, file->pending_count);
    case KEEP_BLOCKS:
    case KEEPINGS_COUNT:
        break;
    }
    uint32_t block = sector / (SIMVFS_BLOCK_BYTES / SIMVFS_SECTOR_BYTES);
    return at < kept_by_unit(crash, block, file->pending_count);
}

static void crash_write(struct simvfs_file *file, struct crash *crash, uint32_t at)
{
    const struct simvfs_write *write = &file->pending[at];
    uint32_t end = write->offset + write->size;
    uint32_t kept = 0;
    uint32_t sectors = 0;
    for (uint32_t from = write->offset; from < end; sectors++) {
        uint32_t sector = from / SIMVFS_SECTOR_BYTES;
        uint32_t to =
            (sector + 1) * SIMVFS_SECTOR_BYTES < end ? (sector + 1) * SIMVFS_SECTOR_BYTES : end;
        bool is_kept = keeps_sector(crash, file, at, sector);
        if (is_kept) {
            apply(file, write, from, to - from);
            kept++;
        }
        simvfs_disk_count(is_kept ? SIMVFS_SECTOR_KEPT : SIMVFS_SECTOR_LOST);
        from = to;
    }
    if (kept > 0 && kept < sectors) {
        simvfs_disk_count(SIMVFS_WRITE_TORN);
    }
    if (kept > 0 && crash->has_lost && !crash->has_reordered) {
        crash->has_reordered = true;
        simvfs_disk_count(SIMVFS_WRITE_REORDERED);
    }
    crash->has_lost = crash->has_lost || kept < sectors;
    if (crash->keeps_size && end > file->durable_size) {
        file->durable_size = end;
        simvfs_note_used(file, end);
    }
}

static struct crash draw_crash(const struct simvfs_file *file, enum keeping keeping)
{
    return (struct crash){.keeping = keeping,
                          .cut = (uint32_t)below(file->pending_count + 1U),
                          .torn_sectors = (uint32_t)below(9),
                          .seed = prng_next(&simvfs_disk->prng),
                          .percent = (uint32_t)(5 + below(91)),
                          .keeps_size = below(4) == 0};
}

static void crash_file(struct simvfs_file *file, enum keeping keeping)
{
    struct crash crash = draw_crash(file, keeping);
    for (uint32_t i = 0; i < file->pending_count; i++) {
        if (!file->pending[i].is_truncation) {
            crash_write(file, &crash, i);
        } else if (keeps_sector(&crash, file, i, file->pending[i].offset / SIMVFS_SECTOR_BYTES)) {
            truncate_durable(file, file->pending[i].offset);
        }
    }
    file->pending_count = 0;
    file->pending_bytes = 0;
}

void simvfs_settle_part(struct simvfs_file *file)
{
    crash_file(file, (enum keeping)below(KEEPINGS_COUNT));
    file->has_lost_writes = true;
}

static void show_durable(struct simvfs_file *file)
{
    memcpy(file->cache, file->durable, file->bytes_used);
    file->size = file->durable_size;
    file->has_lost_writes = false;
}

/* ---- The directory ---- */

static void apply_change(const struct simvfs_entry_change *change)
{
    struct simvfs_names *names = &simvfs_disk->durable_names;
    struct simvfs_entry *entry = simvfs_find_entry(names, change->name);
    switch (change->kind) {
    case SIMVFS_CREATED:
        simvfs_put_entry(names, change->name, change->file);
        break;
    case SIMVFS_REMOVED:
        if (entry != NULL) {
            entry->is_used = false;
        }
        break;
    case SIMVFS_RENAMED:
        if (entry != NULL && entry->file == change->file) {
            entry->is_used = false;
        }
        simvfs_put_entry(names, change->to, change->file);
        break;
    }
}

void simvfs_settle_directory(void)
{
    for (uint32_t i = 0; i < simvfs_disk->entry_changes_count; i++) {
        apply_change(&simvfs_disk->entry_changes[i]);
    }
    simvfs_disk->entry_changes_count = 0;
    simvfs_free_unnamed();
}

/* Mostly the first changes up to a moment, as a journal keeps them; sometimes any of them. */
static void crash_directory(void)
{
    struct simvfs_disk *disk = simvfs_disk;
    uint32_t count = disk->entry_changes_count;
    bool is_ordered = below(4) != 0;
    uint32_t cut = (uint32_t)below(count + 1U);
    for (uint32_t i = 0; i < count; i++) {
        if (is_ordered ? i < cut : below(2) == 0) {
            apply_change(&disk->entry_changes[i]);
        } else {
            simvfs_disk_count(SIMVFS_ENTRY_LOST);
        }
    }
    disk->entry_changes_count = 0;
    disk->names = disk->durable_names;
}

/* ---- Between two processes ---- */

void simvfs_disk_end_life(void)
{
    for (int i = 0; i < SIMVFS_FILES_MAX; i++) {
        struct simvfs_file *file = &simvfs_disk->files[i];
        file->opens = 0;
        if (file->is_used && file->has_lost_writes && below(2) == 0) {
            simvfs_settle_file(file);
            show_durable(file);
            simvfs_disk_count(SIMVFS_EVICTION);
        }
    }
    simvfs_free_unnamed();
}

void simvfs_disk_lose_power(void)
{
    simvfs_disk_count(SIMVFS_POWER_LOSS);
    enum keeping keeping = (enum keeping)below(KEEPINGS_COUNT);
    for (int i = 0; i < SIMVFS_FILES_MAX; i++) {
        struct simvfs_file *file = &simvfs_disk->files[i];
        file->opens = 0;
        if (file->is_used) {
            crash_file(file, keeping);
            show_durable(file);
        }
    }
    crash_directory();
    simvfs_free_unnamed();
}

/* ---- Damage at rest ---- */

/* A sector, or what of it lies within one frame of a WAL: damage that reaches over two
 * transactions there cannot be told from a torn write any more. */
static void zero_sector(struct simvfs_file *file, uint32_t offset, bool is_wal)
{
    uint32_t from = offset - offset % SIMVFS_SECTOR_BYTES;
    uint32_t to = from + SIMVFS_SECTOR_BYTES < file->size ? from + SIMVFS_SECTOR_BYTES : file->size;
    if (is_wal && offset >= WAL_HEADER_BYTES) {
        uint32_t frame = offset - (offset - WAL_HEADER_BYTES) % WAL_FRAME_BYTES;
        from = from < frame ? frame : from;
        to = to > frame + WAL_FRAME_BYTES ? frame + WAL_FRAME_BYTES : to;
    } else if (is_wal) {
        to = WAL_HEADER_BYTES;
    }
    memset(file->durable + from, 0, to - from);
}

static void damage_file(struct simvfs_file *file, bool is_wal, char *text, size_t text_bytes)
{
    uint32_t page_bytes = SIMVFS_BLOCK_BYTES;
    uint32_t pages = file->size / page_bytes;
    uint32_t offset = (uint32_t)below(file->size);
    uint8_t *bytes = file->durable;
    switch (pages > 2 && !is_wal ? below(4) : below(2)) {
    case 0:
        simvfs_disk_count(SIMVFS_BIT_ROT);
        bytes[offset] = (uint8_t)(bytes[offset] ^ (1U << below(8)));
        (void)snprintf(text, text_bytes, "bit rot at %u", offset);
        break;
    case 1:
        simvfs_disk_count(SIMVFS_SECTOR_ZEROED);
        zero_sector(file, offset, is_wal);
        (void)snprintf(text, text_bytes, "zeros at %u", offset);
        break;
    case 2:
        simvfs_disk_count(SIMVFS_FILE_CUT);
        truncate_durable(file, offset);
        (void)snprintf(text, text_bytes, "cut at %u", offset);
        break;
    default: {
        simvfs_disk_count(SIMVFS_PAGE_SWAPPED);
        uint32_t from = (uint32_t)below(pages);
        uint32_t to = (uint32_t)((from + 1 + below(pages - 1)) % pages);
        memcpy(bytes + (size_t)to * page_bytes, bytes + (size_t)from * page_bytes, page_bytes);
        (void)snprintf(text, text_bytes, "page %u over page %u", from, to);
        break;
    }
    }
}

const char *simvfs_disk_damage(const char *name, char *description, size_t description_bytes)
{
    const struct simvfs_entry *entry = simvfs_find_entry(&simvfs_disk->names, name);
    if (entry == NULL || entry->file == SIMVFS_DIRECTORY ||
        simvfs_disk->files[entry->file].size == 0) {
        return NULL;
    }
    struct simvfs_file *file = &simvfs_disk->files[entry->file];
    simvfs_settle_file(file);
    show_durable(file);
    size_t length = strlen(name);
    bool is_wal = length > 4 && strcmp(name + length - 4, "-wal") == 0;
    damage_file(file, is_wal, description, description_bytes);
    file->is_damaged = true;
    show_durable(file);
    return entry->name;
}
