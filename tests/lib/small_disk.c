/* small_disk.c -- see small_disk.h. */
#include "lib/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/check.h"

enum { PATH_BYTES = 1024, BLOCK_BYTES = 4096 };

void small_disk_begin(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        check_skip("mounting small file systems takes root: %s", strerror(errno));
    }
}

void small_disk_mount(const char *path, uint64_t bytes)
{
    char options[64];
    (void)snprintf(options, sizeof(options), "size=%llu,mode=0700", (unsigned long long)bytes);
    CHECK(mkdir(path, 0700) == 0 || errno == EEXIST);
    if (mount("tmpfs", path, "tmpfs", 0, options) != 0) {
        check_skip("cannot mount a file system in memory: %s", strerror(errno));
    }
}

uint64_t small_disk_free(const char *path)
{
    struct statvfs status;
    CHECK(statvfs(path, &status) == 0);
    return (uint64_t)status.f_bavail * status.f_frsize;
}

static void ballast_path(const char *path, char out[PATH_BYTES])
{
    (void)snprintf(out, PATH_BYTES, "%s/ballast-of-the-test", path);
}

void small_disk_fill(const char *path, uint64_t bytes_left)
{
    static const char zeros[BLOCK_BYTES];
    char ballast[PATH_BYTES];
    ballast_path(path, ballast);
    int descriptor = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    CHECK(descriptor >= 0);
    while (small_disk_free(path) > bytes_left &&
           write(descriptor, zeros, sizeof(zeros)) == (ssize_t)sizeof(zeros)) {
        continue;
    }
    (void)close(descriptor);
}

void small_disk_empty(const char *path)
{
    char ballast[PATH_BYTES];
    ballast_path(path, ballast);
    CHECK(unlink(ballast) == 0);
}
