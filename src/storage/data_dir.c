/* data_dir.c -- makes the data directory, checks who may enter it, and locks it by flock.
 *
 * The lock belongs to the open file, so it ends with the process however that ends; the file
 * itself stays, because removing it would let two processes lock two files of one name.
 */
#include "storage/data_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/logger.h"

enum { DIRECTORY_MODE = 0700, FOREIGN_ACCESS_MASK = 0077, LOCK_FILE_MODE = 0600 };

static enum result failed(const char *what, const char *path)
{
    logger_log(LOGGER_ERROR, "cannot %s %s: %s", what, path, strerror(errno));
    return RESULT_IO;
}

/* Makes one directory of the path. A new one is durable only when its parent is flushed. */
static enum result make_one(const char *path)
{
    if (mkdir(path, DIRECTORY_MODE) == 0) {
        return data_dir_sync_parent(path);
    }
    if (errno == EEXIST) {
        return RESULT_OK;
    }
    return failed("create directory", path);
}

static enum result make_all(const char *directory)
{
    char path[PATH_MAX];
    size_t length = strlen(directory);
    if (length == 0 || length >= sizeof(path)) {
        logger_log(LOGGER_ERROR, "the data directory's path is empty or too long");
        return RESULT_IO;
    }
    memcpy(path, directory, length + 1);
    while (length > 1 && path[length - 1] == '/') {
        path[--length] = '\0';
    }
    for (size_t i = 1; i < length; i++) {
        if (path[i] != '/' || path[i - 1] == '/') {
            continue;
        }
        path[i] = '\0';
        enum result result = make_one(path);
        path[i] = '/';
        if (result != RESULT_OK) {
            return result;
        }
    }
    return make_one(path);
}

static bool is_empty(int descriptor)
{
    int copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    if (stream == NULL) {
        if (copy >= 0) {
            (void)close(copy);
        }
        return false;
    }
    bool empty = true;
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    }
    (void)closedir(stream);
    return empty;
}

/* An empty directory of ours (a fresh mount, a mkdir by hand) is closed to others; one that holds
 * files others may have read or changed already is for the operator to judge. */
static enum result check_access(int descriptor, const char *directory)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        return failed("examine", directory);
    }
    if (status.st_uid != geteuid()) {
        logger_log(LOGGER_ERROR,
                   "data directory %s belongs to user %u, this process runs as user %u; "
                   "run as its owner, or change it with: chown %u %s",
                   directory, (unsigned)status.st_uid, (unsigned)geteuid(), (unsigned)geteuid(),
                   directory);
        return RESULT_IO;
    }
    bool is_open = (status.st_mode & FOREIGN_ACCESS_MASK) != 0;
    if (is_open && is_empty(descriptor) && fchmod(descriptor, DIRECTORY_MODE) == 0) {
        logger_log(LOGGER_NOTICE, "data directory %s was open to other users; now mode 0700",
                   directory);
        is_open = false;
    }
    if (is_open) {
        logger_log(LOGGER_ERROR,
                   "data directory %s is open to other users (mode %04o); "
                   "make sure nobody changed it, then: chmod 700 %s",
                   directory, (unsigned)(status.st_mode & 07777), directory);
        return RESULT_IO;
    }
    if (faccessat(descriptor, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
        return failed("write to", directory);
    }
    return RESULT_OK;
}

static enum result report_holder(int descriptor, const char *directory)
{
    char text[32] = "";
    ssize_t size = pread(descriptor, text, sizeof(text) - 1, 0);
    text[size > 0 ? (size_t)size : 0] = '\0';
    text[strspn(text, "0123456789")] = '\0';
    logger_log(LOGGER_ERROR,
               "data directory %s is in use by process %s; stop that one, or give this one a "
               "directory of its own",
               directory, text[0] == '\0' ? "(pid not known)" : text);
    return RESULT_LOCKED;
}

static enum result take_lock(int descriptor, const char *directory)
{
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? report_holder(descriptor, directory)
                                    : failed("lock", directory);
    }
    char text[32];
    int size = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    /* In this order an earlier start's block is used again. On a full disk the lock has to do
     * without the pid, which only makes another process's message better. */
    if (pwrite(descriptor, text, (size_t)size, 0) != size && errno != ENOSPC && errno != EDQUOT) {
        return failed("write the lock file in", directory);
    }
    return ftruncate(descriptor, size) == 0 ? RESULT_OK
                                            : failed("write the lock file in", directory);
}

static enum result open_and_lock(int directory_descriptor, const char *directory,
                                 struct data_dir_lock *lock)
{
    int descriptor = openat(directory_descriptor, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                            LOCK_FILE_MODE);
    if (descriptor < 0) {
        return failed("open the lock file in", directory);
    }
    enum result result = take_lock(descriptor, directory);
    if (result != RESULT_OK) {
        (void)close(descriptor);
        return result;
    }
    lock->descriptor = descriptor;
    return RESULT_OK;
}

enum result data_dir_lock(const char *directory, struct data_dir_lock *lock)
{
    enum result result = make_all(directory);
    if (result != RESULT_OK) {
        return result;
    }
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return failed("open data directory", directory);
    }
    result = check_access(descriptor, directory);
    if (result == RESULT_OK) {
        result = open_and_lock(descriptor, directory, lock);
    }
    (void)close(descriptor);
    return result;
}

void data_dir_unlock(struct data_dir_lock *lock)
{
    if (lock->descriptor >= 0) {
        /* Closing ends the lock: nobody else has this open file (O_CLOEXEC, no fork). */
        (void)close(lock->descriptor);
        lock->descriptor = -1;
    }
}

enum result data_dir_sync(const char *directory)
{
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return failed("open directory", directory);
    }
    enum result result = RESULT_OK;
    if (fsync(descriptor) != 0) {
        result = failed("flush directory", directory);
    }
    (void)close(descriptor);
    return result;
}

enum result data_dir_sync_parent(const char *path)
{
    char parent[PATH_MAX];
    (void)snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        return data_dir_sync(".");
    }
    slash[slash == parent ? 1 : 0] = '\0';
    return data_dir_sync(parent);
}

/* ---- Marks ---- */

static bool mark_path(const char *directory, const char *name, char path[PATH_MAX])
{
    int size = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return size > 0 && size < PATH_MAX;
}

enum result data_dir_set_mark(const char *directory, const char *name)
{
    char path[PATH_MAX];
    if (!mark_path(directory, name, path)) {
        errno = ENAMETOOLONG;
        return failed("create", directory);
    }
    int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_FILE_MODE);
    if (descriptor < 0) {
        bool is_full = errno == ENOSPC || errno == EDQUOT;
        enum result result = failed("create", path);
        return is_full ? RESULT_FULL : result;
    }
    enum result result = fsync(descriptor) == 0 ? RESULT_OK : failed("flush", path);
    (void)close(descriptor);
    return result == RESULT_OK ? data_dir_sync(directory) : result;
}

enum result data_dir_clear_mark(const char *directory, const char *name)
{
    char path[PATH_MAX];
    if (!mark_path(directory, name, path) || (unlink(path) != 0 && errno != ENOENT)) {
        return failed("remove", path);
    }
    return data_dir_sync(directory);
}

bool data_dir_has_mark(const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    return mark_path(directory, name, path) && lstat(path, &status) == 0;
}
