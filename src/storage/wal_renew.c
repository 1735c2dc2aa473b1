/* wal_renew.c -- reads a piece, writes it back where it was, to the end; then flushes. */
#include "storage/wal_renew.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/logger.h"
#include "base/mem.h"
#include "storage/data_dir.h"

enum { PIECE_BYTES = 256 * 1024 };

static enum result failed(const char *what, const char *path)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    logger_log(LOGGER_ERROR, "cannot %s %s: %s; %s", what, path, strerror(errno),
               is_full ? "free space on that file system, then start again"
                       : "check the disk and the kernel's messages (dmesg) before starting again");
    return is_full ? RESULT_FULL : RESULT_IO;
}

static enum result write_back(int descriptor, const char *path, const uint8_t *bytes, size_t size,
                              off_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t put = pwrite(descriptor, bytes + done, size - done, offset + (off_t)done);
        if (put < 0 && errno != EINTR) {
            return failed("write", path);
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return RESULT_OK;
}

static enum result renew_content(int descriptor, const char *path)
{
    uint8_t *piece = mem_alloc(PIECE_BYTES);
    enum result result = RESULT_OK;
    for (off_t offset = 0; result == RESULT_OK;) {
        ssize_t got = pread(descriptor, piece, PIECE_BYTES, offset);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            result = write_back(descriptor, path, piece, (size_t)got, offset);
            offset += got;
        } else if (errno != EINTR) {
            result = failed("read", path);
        }
    }
    mem_free(piece);
    return result == RESULT_OK && fsync(descriptor) != 0 ? failed("flush", path) : result;
}

enum result wal_renew(const char *path)
{
    int descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) {
        return errno == ENOENT ? RESULT_OK : failed("open", path);
    }
    enum result result = renew_content(descriptor, path);
    (void)close(descriptor);
    return result == RESULT_OK ? data_dir_sync_parent(path) : result;
}
