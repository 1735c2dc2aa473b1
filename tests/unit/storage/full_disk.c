/* full_disk.c -- the VFS: each file holds the real one behind its own head. */
#include "unit/storage/full_disk.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* right behind this struct */
};

static sqlite3_vfs vfs;
static sqlite3_vfs *real_vfs;
static _Atomic int64_t left;
static _Atomic int64_t reserve_bytes;
static _Atomic bool flushes_fail;
static char reserve_path[512];

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct file *)file)->real;
}

static int on_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int on_read(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), out, size, offset);
}

static void take_in_reserve(void)
{
    int64_t bytes = atomic_load(&reserve_bytes);
    if (bytes > 0 && access(reserve_path, F_OK) != 0 &&
        atomic_compare_exchange_strong(&reserve_bytes, &bytes, 0)) {
        (void)atomic_fetch_add(&left, bytes);
    }
}

static int on_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    sqlite3_int64 now = 0;
    int code = real_of(file)->pMethods->xFileSize(real_of(file), &now);
    int64_t growth = offset + size > now ? offset + size - now : 0;
    take_in_reserve();
    if (code != SQLITE_OK || growth > atomic_load(&left)) {
        return code != SQLITE_OK ? code : SQLITE_FULL;
    }
    (void)atomic_fetch_sub(&left, growth);
    return real_of(file)->pMethods->xWrite(real_of(file), bytes, size, offset);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_int64 now = 0;
    if (real_of(file)->pMethods->xFileSize(real_of(file), &now) == SQLITE_OK && now > size) {
        (void)atomic_fetch_add(&left, now - size);
    }
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int on_sync(sqlite3_file *file, int flags)
{
    return atomic_load(&flushes_fail) ? SQLITE_IOERR_FSYNC
                                      : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), out);
}

static int on_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int on_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int on_check_lock(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int on_control(sqlite3_file *file, int what, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}

static int on_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int on_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
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
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_lock,
    .xFileControl = on_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_characteristics,
};

static int on_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                   int *out_flags)
{
    (void)self;
    struct file *ours = (struct file *)file;
    ours->real = (sqlite3_file *)(ours + 1);
    int code = real_vfs->xOpen(real_vfs, name, ours->real, flags, out_flags);
    ours->base.pMethods = ours->real->pMethods == NULL ? NULL : &methods;
    return code;
}

void full_disk_install(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "full-disk";
    vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    vfs.pNext = NULL;
    vfs.xOpen = on_open;
    full_disk_set_left(INT64_MAX / 2);
    full_disk_set_reserve("", 0);
    atomic_store(&flushes_fail, false);
    (void)sqlite3_vfs_register(&vfs, 1);
}

void full_disk_uninstall(void)
{
    (void)sqlite3_vfs_unregister(&vfs);
    (void)sqlite3_vfs_register(real_vfs, 1);
}

void full_disk_set_left(int64_t bytes)
{
    atomic_store(&left, bytes);
}

void full_disk_set_reserve(const char *path, int64_t bytes)
{
    (void)snprintf(reserve_path, sizeof(reserve_path), "%s", path);
    atomic_store(&reserve_bytes, bytes);
}

void full_disk_fail_flushes(void)
{
    atomic_store(&flushes_fail, true);
}
