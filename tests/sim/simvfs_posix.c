/* simvfs_posix.c -- the storage code's own file calls, led to the simulated disk.
 *
 * The linker replaces each call of NAME by __wrap_NAME (Makefile: SIM_WRAPPED), and knows the
 * system's as __real_NAME. Descriptors of simulated files begin at DESCRIPTORS_FIRST, where the
 * system has none.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/assert.h"
#include "sim/simvfs.h"
#include "sim/simvfs_disk.h"

enum { DESCRIPTORS_FIRST = 1 << 24, DESCRIPTORS_MAX = 32, ROOT = -3 };

struct descriptor {
    bool is_used;
    int at; /* or ROOT */
    uint64_t offset;
};

static struct descriptor descriptors[DESCRIPTORS_MAX];

int __real_open(const char *path, int flags, ...);
int __real_close(int descriptor);
ssize_t __real_read(int descriptor, void *out, size_t size);
ssize_t __real_write(int descriptor, const void *bytes, size_t size);
ssize_t __real_pread(int descriptor, void *out, size_t size, off_t offset);
ssize_t __real_pwrite(int descriptor, const void *bytes, size_t size, off_t offset);
int __real_fsync(int descriptor);
int __real_ftruncate(int descriptor, off_t size);
int __real_posix_fallocate(int descriptor, off_t offset, off_t size);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_mkdir(const char *path, mode_t mode);
int __real_access(const char *path, int mode);
int __real_stat(const char *path, struct stat *out);
int __real_lstat(const char *path, struct stat *out);
int __real_statvfs(const char *path, struct statvfs *out);

int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int descriptor);
ssize_t __wrap_read(int descriptor, void *out, size_t size);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t size);
ssize_t __wrap_pread(int descriptor, void *out, size_t size, off_t offset);
ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t size, off_t offset);
int __wrap_fsync(int descriptor);
int __wrap_ftruncate(int descriptor, off_t size);
int __wrap_posix_fallocate(int descriptor, off_t offset, off_t size);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_unlinkat(int descriptor, const char *path, int flags);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_access(const char *path, int mode);
int __wrap_stat(const char *path, struct stat *out);
int __wrap_lstat(const char *path, struct stat *out);
int __wrap_statvfs(const char *path, struct statvfs *out);
DIR *__wrap_opendir(const char *path);
struct dirent *__wrap_readdir(DIR *stream);
int __wrap_closedir(DIR *stream);
int __wrap_dirfd(DIR *stream);

static struct descriptor *find(int number)
{
    int at = number - DESCRIPTORS_FIRST;
    if (at < 0 || at >= DESCRIPTORS_MAX) {
        return NULL;
    }
    ASSERT(descriptors[at].is_used);
    return &descriptors[at];
}

static int answer(int code)
{
    if (code == 0) {
        return 0;
    }
    errno = code;
    return -1;
}

/* ---- Files ---- */

static int new_descriptor(int at)
{
    int i = 0;
    while (i < DESCRIPTORS_MAX && descriptors[i].is_used) {
        i++;
    }
    ASSERT(i < DESCRIPTORS_MAX);
    descriptors[i] = (struct descriptor){.is_used = true, .at = at};
    return DESCRIPTORS_FIRST + i;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    const char *name = simvfs_name_of(path);
    if (name == NULL) {
        return __real_open(path, flags, mode);
    }
    if ((flags & O_DIRECTORY) != 0) {
        return new_descriptor(ROOT);
    }
    int at = 0;
    int code = simvfs_disk_open(name, (flags & O_CREAT) != 0, (flags & O_EXCL) != 0, &at);
    return code == 0 ? new_descriptor(at) : answer(code);
}

int __wrap_close(int number)
{
    struct descriptor *descriptor = find(number);
    if (descriptor == NULL) {
        return __real_close(number);
    }
    if (descriptor->at != ROOT) {
        simvfs_disk_close(descriptor->at);
    }
    descriptor->is_used = false;
    return 0;
}

ssize_t __wrap_pread(int number, void *out, size_t size, off_t offset)
{
    const struct descriptor *descriptor = find(number);
    if (descriptor == NULL) {
        return __real_pread(number, out, size, offset);
    }
    size_t got = 0;
    int code = simvfs_disk_read(descriptor->at, out, size, (uint64_t)offset, &got);
    return code == 0 ? (ssize_t)got : answer(code);
}

ssize_t __wrap_read(int number, void *out, size_t size)
{
    struct descriptor *descriptor = find(number);
    if (descriptor == NULL) {
        return __real_read(number, out, size);
    }
    ssize_t got = __wrap_pread(number, out, size, (off_t)descriptor->offset);
    descriptor->offset += got > 0 ? (uint64_t)got : 0;
    return got;
}

ssize_t __wrap_pwrite(int number, const void *bytes, size_t size, off_t offset)
{
    const struct descriptor *descriptor = find(number);
    if (descriptor == NULL) {
        return __real_pwrite(number, bytes, size, offset);
    }
    int code = simvfs_disk_write(descriptor->at, bytes, size, (uint64_t)offset);
    return code == 0 ? (ssize_t)size : answer(code);
}

ssize_t __wrap_write(int number, const void *bytes, size_t size)
{
    struct descriptor *descriptor = find(number);
    if (descriptor == NULL) {
        return __real_write(number, bytes, size);
    }
    ssize_t put = __wrap_pwrite(number, bytes, size, (off_t)descriptor->offset);
    descriptor->offset += put > 0 ? (uint64_t)put : 0;
    return put;
}

int __wrap_fsync(int number)
{
    const struct descriptor *descriptor = find(number);
    if (descriptor == NULL) {
        return __real_fsync(number);
    }
    return answer(descriptor->at == ROOT ? simvfs_disk_sync_directory()
                                         : simvfs_disk_sync(descriptor->at));
}

int __wrap_ftruncate(int number, off_t size)
{
    const struct descriptor *descriptor = find(number);
    return descriptor == NULL ? __real_ftruncate(number, size)
                              : answer(simvfs_disk_truncate(descriptor->at, (uint64_t)size));
}

/* A simulated file has no holes. */
int __wrap_posix_fallocate(int number, off_t offset, off_t size)
{
    const struct descriptor *descriptor = find(number);
    if (descriptor == NULL) {
        return __real_posix_fallocate(number, offset, size);
    }
    uint64_t end = (uint64_t)(offset + size);
    return end <= simvfs_disk_size(descriptor->at) ? 0 : simvfs_disk_truncate(descriptor->at, end);
}

/* ---- Names ---- */

int __wrap_rename(const char *from, const char *to)
{
    const char *name = simvfs_name_of(from);
    return name == NULL ? __real_rename(from, to)
                        : answer(simvfs_disk_rename(name, simvfs_name_of(to)));
}

int __wrap_unlink(const char *path)
{
    const char *name = simvfs_name_of(path);
    return name == NULL ? __real_unlink(path) : answer(simvfs_disk_remove(name));
}

/* Only ever called on the open directory stream. */
int __wrap_unlinkat(int number, const char *path, int flags)
{
    (void)number;
    (void)flags;
    return answer(simvfs_disk_remove(path));
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    const char *name = simvfs_name_of(path);
    return name == NULL ? __real_mkdir(path, mode) : answer(simvfs_disk_make_directory(name));
}

int __wrap_stat(const char *path, struct stat *out)
{
    const char *name = simvfs_name_of(path);
    if (name == NULL) {
        return __real_stat(path, out);
    }
    uint64_t size = 0;
    bool is_directory = name[0] == '\0';
    if (!is_directory && !simvfs_disk_exists(name, &size, &is_directory)) {
        return answer(ENOENT);
    }
    *out = (struct stat){.st_mode = is_directory ? S_IFDIR | 0700 : S_IFREG | 0600,
                         .st_size = (off_t)size};
    return 0;
}

int __wrap_lstat(const char *path, struct stat *out)
{
    return simvfs_name_of(path) == NULL ? __real_lstat(path, out) : __wrap_stat(path, out);
}

int __wrap_access(const char *path, int mode)
{
    struct stat status;
    return simvfs_name_of(path) == NULL ? __real_access(path, mode) : __wrap_stat(path, &status);
}

int __wrap_statvfs(const char *path, struct statvfs *out)
{
    if (simvfs_name_of(path) == NULL) {
        return __real_statvfs(path, out);
    }
    *out = (struct statvfs){.f_frsize = 1,
                            .f_bavail = simvfs_disk_free_bytes(),
                            .f_blocks = simvfs_disk_plan()->capacity_bytes};
    return 0;
}

/* ---- The directory, read by one reader at a time ---- */

static struct {
    int next;
    struct dirent entry;
} stream;

DIR *__wrap_opendir(const char *path)
{
    ASSERT(simvfs_name_of(path) != NULL);
    stream.next = 0;
    return (DIR *)&stream;
}

struct dirent *__wrap_readdir(DIR *directory)
{
    (void)directory;
    while (stream.next < SIMVFS_NAMES_MAX) {
        const char *name = simvfs_disk_name_at(stream.next++);
        if (name != NULL && strchr(name, '/') == NULL) {
            (void)snprintf(stream.entry.d_name, sizeof(stream.entry.d_name), "%s", name);
            return &stream.entry;
        }
    }
    return NULL;
}

int __wrap_closedir(DIR *directory)
{
    (void)directory;
    return 0;
}

int __wrap_dirfd(DIR *directory)
{
    (void)directory;
    return DESCRIPTORS_FIRST + DESCRIPTORS_MAX;
}
