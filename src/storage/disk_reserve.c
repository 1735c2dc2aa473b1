/* disk_reserve.c -- the reserve file, and the watch on what the file system has free.
 *
 * DESIGN. Low begins when less than the threshold is free, or when somebody needed the reserve; it
 * ends when the reserve is back and a quarter more than the threshold is free, so that a disk at
 * the edge does not make the node change its mind every second.
 */
#include "storage/disk_reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"

enum { FILE_MODE = 0600, FILE_SYSTEM_PART = 8 };

struct disk_reserve {
    char *directory;
    char *path;
    pthread_mutex_t mutex; /* guards what follows, and the file */
    uint64_t reserve_bytes;
    uint64_t free_bytes_min;
    bool has_reserve;
    bool is_low;
};

static void lock(struct disk_reserve *reserve)
{
    int code = pthread_mutex_lock(&reserve->mutex);
    ASSERT(code == 0);
}

static void unlock(struct disk_reserve *reserve)
{
    int code = pthread_mutex_unlock(&reserve->mutex);
    ASSERT(code == 0);
}

/* Free for this process, and in all. */
static bool measure(const char *directory, uint64_t *free_bytes, uint64_t *total_bytes)
{
    struct statvfs status;
    if (statvfs(directory, &status) != 0) {
        return false;
    }
    *free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
    *total_bytes = (uint64_t)status.f_blocks * status.f_frsize;
    return true;
}

/* Makes the file, or makes an earlier one the right size. Returns an errno; 0: it is there. */
static int allocate(const struct disk_reserve *reserve)
{
    int descriptor = open(reserve->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (descriptor < 0) {
        return errno;
    }
    int code = ftruncate(descriptor, (off_t)reserve->reserve_bytes) == 0 ? 0 : errno;
    if (code == 0) {
        code = posix_fallocate(descriptor, 0, (off_t)reserve->reserve_bytes);
    }
    /* Not flushed: nothing in it is ever read, and after a crash it is made again. */
    (void)close(descriptor);
    if (code != 0) {
        (void)unlink(reserve->path);
    }
    return code;
}

static enum result bound_size(struct disk_reserve *reserve)
{
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    if (!measure(reserve->directory, &free_bytes, &total_bytes)) {
        logger_log(LOGGER_ERROR, "cannot tell what is free on the file system of %s: %s",
                   reserve->directory, strerror(errno));
        return RESULT_IO;
    }
    if (reserve->reserve_bytes > total_bytes / FILE_SYSTEM_PART) {
        reserve->reserve_bytes = total_bytes / FILE_SYSTEM_PART;
    }
    reserve->is_low = free_bytes < reserve->free_bytes_min;
    return RESULT_OK;
}

static enum result make_first(struct disk_reserve *reserve)
{
    if (reserve->reserve_bytes == 0) {
        (void)unlink(reserve->path); /* Of a start with other settings. */
        return RESULT_OK;
    }
    int code = allocate(reserve);
    reserve->has_reserve = code == 0;
    if (code == ENOSPC || code == EDQUOT) {
        logger_log(LOGGER_WARNING,
                   "no room for the reserve of %llu bytes in %s: going on without; free space on "
                   "that file system",
                   (unsigned long long)reserve->reserve_bytes, reserve->directory);
        reserve->is_low = true;
    } else if (code != 0) {
        logger_log(LOGGER_ERROR, "cannot make %s: %s", reserve->path, strerror(code));
        return RESULT_IO;
    }
    return RESULT_OK;
}

enum result disk_reserve_open(const struct disk_reserve_options *options, struct disk_reserve **out)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/reserve", options->directory);
    struct disk_reserve *reserve = mem_alloc_zeroed(1, sizeof(*reserve));
    reserve->directory = mem_copy_string(options->directory);
    reserve->path = mem_copy_string(path);
    reserve->reserve_bytes = options->reserve_bytes;
    reserve->free_bytes_min = options->free_bytes_min;
    int code = pthread_mutex_init(&reserve->mutex, NULL);
    ASSERT(code == 0);
    enum result result = bound_size(reserve);
    if (result == RESULT_OK) {
        result = make_first(reserve);
    }
    if (result != RESULT_OK) {
        disk_reserve_close(reserve);
        return result;
    }
    *out = reserve;
    return RESULT_OK;
}

bool disk_reserve_release(struct disk_reserve *reserve)
{
    lock(reserve);
    reserve->is_low = true;
    bool is_given = reserve->has_reserve && unlink(reserve->path) == 0;
    if (is_given) {
        reserve->has_reserve = false;
    }
    uint64_t bytes = reserve->reserve_bytes;
    unlock(reserve);
    if (is_given) {
        logger_log(LOGGER_WARNING,
                   "the disk of %s is full: gave up the reserve of %llu bytes, so that what was "
                   "accepted still fits; free space on that file system",
                   reserve->directory, (unsigned long long)bytes);
    }
    return is_given;
}

static void make_anew(struct disk_reserve *reserve, uint64_t *free_bytes)
{
    uint64_t wanted = reserve->free_bytes_min + reserve->free_bytes_min / 4;
    if (reserve->has_reserve || reserve->reserve_bytes == 0 ||
        *free_bytes < wanted + reserve->reserve_bytes) {
        return;
    }
    reserve->has_reserve = allocate(reserve) == 0;
    if (reserve->has_reserve) {
        *free_bytes -= reserve->reserve_bytes;
        logger_log(LOGGER_NOTICE, "made the reserve of %llu bytes in %s again",
                   (unsigned long long)reserve->reserve_bytes, reserve->directory);
    }
}

/* A file system that cannot be asked leaves things as they were: writing to it will tell. */
void disk_reserve_check(struct disk_reserve *reserve, struct disk_space *out)
{
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    lock(reserve);
    bool is_known = measure(reserve->directory, &free_bytes, &total_bytes);
    if (is_known) {
        make_anew(reserve, &free_bytes);
    }
    bool lacks_reserve = reserve->reserve_bytes > 0 && !reserve->has_reserve;
    uint64_t least = reserve->free_bytes_min;
    if (is_known && free_bytes < least) {
        reserve->is_low = true;
    } else if (is_known && free_bytes >= least + least / 4 && !lacks_reserve) {
        reserve->is_low = false;
    }
    *out = (struct disk_space){.free_bytes = is_known ? free_bytes : UINT64_MAX,
                               .has_reserve = reserve->has_reserve,
                               .is_low = reserve->is_low};
    unlock(reserve);
}

void disk_reserve_set_free_bytes_min(struct disk_reserve *reserve, uint64_t free_bytes_min)
{
    lock(reserve);
    reserve->free_bytes_min = free_bytes_min;
    unlock(reserve);
}

void disk_reserve_close(struct disk_reserve *reserve)
{
    (void)pthread_mutex_destroy(&reserve->mutex);
    mem_free(reserve->directory);
    mem_free(reserve->path);
    mem_free(reserve);
}
