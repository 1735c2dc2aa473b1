/* gentle_vfs.c -- an SQLite VFS that flushes as it writes: see gentle_vfs.h.
 *
 * The default VFS is asked for at every open, for tests put their own in its place.
 */
#include "storage/gentle_vfs.h"

#include <pthread.h>
#include <sqlite3.h>

#include "base/assert.h"

enum { TRUNCATE_BYTES = 4 * GENTLE_VFS_BYTES };

struct gentle_file {
    sqlite3_file file;
    sqlite3_file *real;
    sqlite3_int64 unsynced_bytes;
};

static struct gentle_file *gentle_of(sqlite3_file *file)
{
    return (struct gentle_file *)(void *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return gentle_of(file)->real;
}

/* ---- Files ---- */

static int file_close(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    int code = real->pMethods->xClose(real);
    sqlite3_free(real);
    gentle_of(file)->real = NULL;
    return code;
}

static int file_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), bytes, size, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    struct gentle_file *gentle = gentle_of(file);
    int code = gentle->real->pMethods->xWrite(gentle->real, bytes, size, offset);
    gentle->unsynced_bytes += size;
    if (code == SQLITE_OK && gentle->unsynced_bytes >= GENTLE_VFS_BYTES) {
        gentle->unsynced_bytes = 0;
        code = gentle->real->pMethods->xSync(gentle->real, SQLITE_SYNC_NORMAL);
    }
    return code;
}

/* Giving back the blocks of a large file at once also holds up every flush meanwhile. */
static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);
    sqlite3_int64 left = 0;
    int code = real->pMethods->xFileSize(real, &left);
    while (code == SQLITE_OK && left - size > TRUNCATE_BYTES) {
        left -= TRUNCATE_BYTES;
        code = real->pMethods->xTruncate(real, left);
        if (code == SQLITE_OK) {
            code = real->pMethods->xSync(real, SQLITE_SYNC_NORMAL);
        }
    }
    return code == SQLITE_OK ? real->pMethods->xTruncate(real, size) : code;
}

static int file_sync(sqlite3_file *file, int flags)
{
    gentle_of(file)->unsynced_bytes = 0;
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_reserved_lock(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_device_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 1, /* no shared memory, no mapping */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_device_characteristics,
};

/* ---- The VFS ---- */

static sqlite3_vfs *real_vfs(void)
{
    return sqlite3_vfs_find(NULL);
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    (void)vfs;
    struct gentle_file *gentle = gentle_of(file);
    sqlite3_vfs *real = real_vfs();
    gentle->file.pMethods = NULL; /* nothing to close, unless it is opened */
    gentle->unsynced_bytes = 0;
    gentle->real = sqlite3_malloc(real->szOsFile);
    if (gentle->real == NULL) {
        return SQLITE_NOMEM;
    }
    int code = real->xOpen(real, name, gentle->real, flags, out_flags);
    if (code != SQLITE_OK) {
        if (gentle->real->pMethods != NULL) {
            (void)gentle->real->pMethods->xClose(gentle->real);
        }
        sqlite3_free(gentle->real);
        return code;
    }
    gentle->file.pMethods = &file_methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    return real_vfs()->xDelete(real_vfs(), name, sync_directory);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    (void)vfs;
    return real_vfs()->xAccess(real_vfs(), name, flags, result);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    return real_vfs()->xFullPathname(real_vfs(), name, size, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    return real_vfs()->xRandomness(real_vfs(), size, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return real_vfs()->xSleep(real_vfs(), microseconds);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *out)
{
    (void)vfs;
    return real_vfs()->xCurrentTime(real_vfs(), out);
}

static int vfs_get_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    return real_vfs()->xGetLastError(real_vfs(), size, out);
}

static sqlite3_vfs gentle_vfs = {
    .iVersion = 1,
    .szOsFile = sizeof(struct gentle_file),
    .mxPathname = 4096,
    .zName = "quorum-gentle",
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_pathname,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_current_time,
    .xGetLastError = vfs_get_last_error,
};

static void register_once(void)
{
    int code = sqlite3_vfs_register(&gentle_vfs, 0);
    ASSERT(code == SQLITE_OK);
}

const char *gentle_vfs_name(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, register_once);
    return gentle_vfs.zName;
}
