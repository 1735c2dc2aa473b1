/* files.c -- see files.h. */
#include "lib/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/check.h"

enum { PATH_BYTES = 1024 };

/* ---- Trees ---- */

static void copy_file(const char *from, const char *to)
{
    struct stat status;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (in < 0 || out < 0 || fstat(in, &status) != 0) {
        FAIL("cannot copy %s to %s: %s", from, to, strerror(errno));
    }
    for (off_t done = 0; done < status.st_size;) {
        ssize_t count = sendfile(out, in, &done, (size_t)(status.st_size - done));
        if (count <= 0) {
            FAIL("cannot copy %s: %s", from, strerror(errno));
        }
    }
    (void)close(in);
    CHECK(close(out) == 0);
}

void files_copy_tree(const char *from, const char *to)
{
    DIR *directory = opendir(from);
    const struct dirent *entry;
    CHECK(directory != NULL);
    CHECK(mkdir(to, 0700) == 0);
    while ((entry = readdir(directory)) != NULL) {
        char source[PATH_BYTES], target[PATH_BYTES];
        (void)snprintf(source, sizeof(source), "%s/%s", from, entry->d_name);
        (void)snprintf(target, sizeof(target), "%s/%s", to, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (entry->d_type == DT_DIR) {
            files_copy_tree(source, target);
        } else {
            copy_file(source, target);
        }
    }
    (void)closedir(directory);
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    (void)status;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void files_remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* ---- Single files ---- */

uint64_t files_size(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

bool files_exist(const char *path)
{
    return access(path, F_OK) == 0;
}

void files_cut(const char *path, off_t size)
{
    if (truncate(path, size) != 0) {
        FAIL("cannot cut %s: %s", path, strerror(errno));
    }
}

void files_flip(const char *path, off_t offset)
{
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    char byte;
    CHECK(descriptor >= 0);
    CHECK(pread(descriptor, &byte, 1, offset) == 1);
    byte ^= 1;
    CHECK(pwrite(descriptor, &byte, 1, offset) == 1);
    CHECK(close(descriptor) == 0);
}

void files_replace(const char *path, const char *text, const char *with)
{
    struct stat status;
    size_t length = strlen(text);
    uint32_t count = 0;
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    CHECK(strlen(with) == length);
    CHECK(descriptor >= 0);
    CHECK(fstat(descriptor, &status) == 0);
    size_t size = (size_t)status.st_size;
    char *bytes = malloc(size);
    CHECK(pread(descriptor, bytes, size, 0) == (ssize_t)size);
    for (char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), text, length)) != NULL;) {
        CHECK(pwrite(descriptor, with, length, at - bytes) == (ssize_t)length);
        at += length;
        count++;
    }
    free(bytes);
    CHECK(close(descriptor) == 0);
    if (count == 0) {
        FAIL("%s does not contain '%s'", path, text);
    }
}

uint32_t files_count(const char *directory, const char *beginning)
{
    DIR *opened = opendir(directory);
    const struct dirent *entry;
    uint32_t count = 0;
    CHECK(opened != NULL);
    while ((entry = readdir(opened)) != NULL) {
        count += strncmp(entry->d_name, beginning, strlen(beginning)) == 0;
    }
    (void)closedir(opened);
    return count;
}

void files_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}
