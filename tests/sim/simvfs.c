/* simvfs.c -- the SQLite VFS over the simulated disk: what os_unix.c does, call by call.
 *
 * As there: a short read goes on; one beyond the end is filled with zeros and says so; a file of no
 * bytes does not exist; a new journal's or WAL's directory is flushed with the file's first flush,
 * and whether that fails is not asked.
 */
#include "sim/simvfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"
#include "sim/simvfs_disk.h"

struct file {
    sqlite3_file base;
    int at;
    int last_errno;
    bool owes_directory_sync;
    bool is_deleted_on_close;
    char name[SIMVFS_NAME_BYTES];
};

static struct prng prng;
static int vfs_errno;

const char *simvfs_name_of(const char *path)
{
    size_t size = strlen(SIMVFS_ROOT);
    if (strncmp(path, SIMVFS_ROOT, size) != 0) {
        return NULL;
    }
    return path[size] == '/' ? path + size + 1 : path[size] == '\0' ? path + size : NULL;
}

static struct file *file_of(sqlite3_file *file)
{
    return (struct file *)file;
}

static int failed(sqlite3_file *file, int code, int sqlite_code)
{
    file_of(file)->last_errno = code;
    return sqlite_code;
}

static int on_close(sqlite3_file *file)
{
    simvfs_disk_close(file_of(file)->at);
    if (file_of(file)->is_deleted_on_close) {
        (void)simvfs_disk_remove(file_of(file)->name);
    }
    return SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    size_t done = 0;
    size_t got = 1;
    while (done < (size_t)size && got > 0) {
        int code = simvfs_disk_read(file_of(file)->at, (char *)out + done, (size_t)size - done,
                                    (uint64_t)offset + done, &got);
        if (code != 0) {
            return failed(file, code, SQLITE_IOERR_READ);
        }
        done += got;
    }
    if (done < (size_t)size) {
        memset((char *)out + done, 0, (size_t)size - done);
        return failed(file, 0, SQLITE_IOERR_SHORT_READ);
    }
    return SQLITE_OK;
}

static int on_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    int code = simvfs_disk_write(file_of(file)->at, bytes, (size_t)size, (uint64_t)offset);
    if (code == ENOSPC) {
        return failed(file, 0, SQLITE_FULL);
    }
    return code == 0 ? SQLITE_OK : failed(file, code, SQLITE_IOERR_WRITE);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = simvfs_disk_truncate(file_of(file)->at, (uint64_t)size);
    return code == 0 ? SQLITE_OK : failed(file, code, SQLITE_IOERR_TRUNCATE);
}

static int on_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    int code = simvfs_disk_sync(file_of(file)->at);
    if (code != 0) {
        return failed(file, code, SQLITE_IOERR_FSYNC);
    }
    if (file_of(file)->owes_directory_sync) {
        (void)simvfs_disk_sync_directory();
        file_of(file)->owes_directory_sync = false;
    }
    return SQLITE_OK;
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)simvfs_disk_size(file_of(file)->at);
    return SQLITE_OK;
}

static int on_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int on_check_lock(sqlite3_file *file, int *is_reserved)
{
    (void)file;
    *is_reserved = 0;
    return SQLITE_OK;
}

static int on_file_control(sqlite3_file *file, int operation, void *argument)
{
    if (operation == SQLITE_FCNTL_LAST_ERRNO) {
        *(int *)argument = file_of(file)->last_errno;
        return SQLITE_OK;
    }
    if (operation == SQLITE_FCNTL_MMAP_SIZE) {
        *(sqlite3_int64 *)argument = 0; /* Nothing is ever mapped. */
        return SQLITE_OK;
    }
    return SQLITE_NOTFOUND;
}

static int on_sector_size(sqlite3_file *file)
{
    (void)file;
    return SIMVFS_BLOCK_BYTES;
}

static int on_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_file_size,
    .xLock = on_lock,
    .xUnlock = on_lock,
    .xCheckReservedLock = on_check_lock,
    .xFileControl = on_file_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_characteristics,
};

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *out, int flags, int *out_flags)
{
    (void)vfs;
    struct file *file = file_of(out);
    *file = (struct file){.base = {.pMethods = NULL}};
    const char *name = path == NULL ? NULL : simvfs_name_of(path);
    ASSERT(path == NULL || name != NULL);
    bool may_create = (flags & SQLITE_OPEN_CREATE) != 0;
    int code = simvfs_disk_open(name, may_create, (flags & SQLITE_OPEN_EXCLUSIVE) != 0, &file->at);
    if (code != 0) {
        vfs_errno = code;
        return SQLITE_CANTOPEN;
    }
    int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    file->owes_directory_sync = may_create && (flags & journals) != 0;
    file->is_deleted_on_close = name != NULL && (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    (void)snprintf(file->name, sizeof(file->name), "%s", name == NULL ? "" : name);
    file->base.pMethods = &methods;
    if (out_flags != NULL) {
        *out_flags = flags;
    }
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int is_directory_synced)
{
    (void)vfs;
    int code = simvfs_disk_remove(simvfs_name_of(path));
    if (code != 0) {
        vfs_errno = code;
        return code == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    }
    if (is_directory_synced != 0) {
        code = simvfs_disk_sync_directory();
    }
    return code == 0 ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

static int on_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    (void)vfs;
    uint64_t size = 0;
    bool is_directory = false;
    bool exists = simvfs_disk_exists(simvfs_name_of(path), &size, &is_directory);
    *out = exists && (flags != SQLITE_ACCESS_EXISTS || size > 0);
    return SQLITE_OK;
}

static int on_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    (void)snprintf(out, (size_t)size, "%s", path);
    return SQLITE_OK;
}

static int on_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    for (int i = 0; i < size; i++) {
        out[i] = (char)prng_next(&prng);
    }
    return size;
}

static int on_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return microseconds;
}

static int on_time(sqlite3_vfs *vfs, double *julian_day)
{
    (void)vfs;
    *julian_day = 2460000.5;
    return SQLITE_OK;
}

static int on_last_error(sqlite3_vfs *vfs, int size, char *text)
{
    (void)vfs;
    (void)size;
    (void)text;
    return vfs_errno;
}

/* ---- Memory ---- */

static sqlite3_mem_methods real_memory;
static uint64_t allocations;
static uint64_t failing_allocation;
static int fails_for_ever;
static bool is_counting; /* from the registration on */

uint64_t simvfs_allocations(void)
{
    return allocations;
}

static bool allocation_fails(void)
{
    if (!is_counting) {
        return false;
    }
    uint64_t nth = ++allocations;
    bool fails = failing_allocation != 0 &&
                 (fails_for_ever != 0 ? nth >= failing_allocation : nth == failing_allocation);
    if (fails) {
        simvfs_disk_count(SIMVFS_OUT_OF_MEMORY);
    }
    return fails;
}

static void *on_malloc(int size)
{
    return allocation_fails() ? NULL : real_memory.xMalloc(size);
}

static void *on_realloc(void *memory, int size)
{
    return allocation_fails() ? NULL : real_memory.xRealloc(memory, size);
}

void simvfs_fail_allocation(uint64_t k, int for_ever)
{
    failing_allocation = k;
    fails_for_ever = for_ever;
}

static void configure_memory(void)
{
    int code = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    ASSERT(code == SQLITE_OK);
    sqlite3_mem_methods counting = real_memory;
    counting.xMalloc = on_malloc;
    counting.xRealloc = on_realloc;
    code = sqlite3_config(SQLITE_CONFIG_MALLOC, &counting);
    ASSERT(code == SQLITE_OK);
    /* Each allocation is to be one of its own, not a piece of a pool. */
    code = sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    ASSERT(code == SQLITE_OK);
}

void simvfs_register(uint64_t seed)
{
    static sqlite3_vfs vfs = {.iVersion = 1,
                              .szOsFile = sizeof(struct file),
                              .mxPathname = 512,
                              .zName = "simulated",
                              .xOpen = on_open,
                              .xDelete = on_delete,
                              .xAccess = on_access,
                              .xFullPathname = on_full_path,
                              .xRandomness = on_randomness,
                              .xSleep = on_sleep,
                              .xCurrentTime = on_time,
                              .xGetLastError = on_last_error};
    prng_init(&prng, seed);
    if (failing_allocation != 0) {
        configure_memory();
    }
    int code = sqlite3_vfs_register(&vfs, 1);
    ASSERT(code == SQLITE_OK);
    is_counting = true;
}
