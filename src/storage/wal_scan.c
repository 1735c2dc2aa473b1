/* wal_scan.c -- walks the frames of a WAL file and their cumulative checksums.
 *
 * WAL header, 32 bytes, and frame header, 24 bytes; all numbers are 32-bit big-endian:
 *
 *   offset  header                          offset  frame
 *   0       magic 0x377f0682, or ..83 when  0       page number
 *           checksums read big-endian       4       pages of the database after a commit, else 0
 *   4       version 3007000                 8, 12   salts, copied from the header
 *   8       page size                       16, 20  checksum over the header's salts-free first 8
 *   12      checkpoint number                       bytes and the page, going on from the frame
 *   16, 20  salts, new at each restart              (or header) before
 *   24, 28  checksum over bytes 0..23       24      the page
 *
 * Because each checksum goes on from the one stored before it, a frame behind a damaged one can
 * still be verified on its own. Frames with other salts are leftovers from before a restart.
 * Source: sqlite.org, "WAL-mode File Format".
 */
#include "storage/wal_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/logger.h"
#include "base/mem.h"

enum {
    HEADER_BYTES = 32,
    FRAME_HEADER_BYTES = 24,
    PAGE_BYTES_MIN = 512,
    PAGE_BYTES_MAX = 65536,
    MAGIC_LITTLE = 0x377f0682,
    MAGIC_BIG = 0x377f0683,
    VERSION = 3007000,
};

struct checksum {
    uint32_t first;
    uint32_t second;
};

struct scan {
    int descriptor;
    bool is_big_endian; /* how the checksums read their input */
    uint32_t page_bytes;
    uint8_t salts[8];
    uint8_t *frame;           /* FRAME_HEADER_BYTES + page_bytes */
    struct checksum previous; /* as stored in the frame, or header, before */
    bool previous_is_ours;    /* its salts were the current ones */
    bool commit_seen;         /* behind the damaged frame, or in it */
};

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t read_word(const uint8_t *at, bool is_big_endian)
{
    return is_big_endian ? read_u32(at) : __builtin_bswap32(read_u32(at));
}

/* size is a multiple of 8. */
static struct checksum checksum_of(const uint8_t *bytes, size_t size, bool is_big_endian,
                                   struct checksum sum)
{
    for (size_t i = 0; i < size; i += 8) {
        sum.first += read_word(bytes + i, is_big_endian) + sum.second;
        sum.second += read_word(bytes + i + 4, is_big_endian) + sum.first;
    }
    return sum;
}

static struct checksum stored_checksum(const uint8_t *at)
{
    return (struct checksum){read_u32(at), read_u32(at + 4)};
}

static bool are_equal(struct checksum a, struct checksum b)
{
    return a.first == b.first && a.second == b.second;
}

/* Reads up to size bytes; returns how many there were, or -1 with errno. */
static ssize_t read_up_to(int descriptor, uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(descriptor, bytes + done, size - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static bool header_verifies(const uint8_t *header, struct scan *scan)
{
    uint32_t magic = read_u32(header);
    if (magic != MAGIC_LITTLE && magic != MAGIC_BIG) {
        return false;
    }
    scan->is_big_endian = magic == MAGIC_BIG;
    scan->page_bytes = read_u32(header + 8);
    if (scan->page_bytes < PAGE_BYTES_MIN || scan->page_bytes > PAGE_BYTES_MAX ||
        (scan->page_bytes & (scan->page_bytes - 1)) != 0 || read_u32(header + 4) != VERSION) {
        return false;
    }
    memcpy(scan->salts, header + 16, sizeof(scan->salts));
    scan->previous = stored_checksum(header + 24);
    scan->previous_is_ours = true;
    struct checksum sum = checksum_of(header, 24, scan->is_big_endian, (struct checksum){0, 0});
    return are_equal(sum, scan->previous);
}

static bool frame_verifies(const struct scan *scan)
{
    struct checksum sum = checksum_of(scan->frame, 8, scan->is_big_endian, scan->previous);
    sum = checksum_of(scan->frame + FRAME_HEADER_BYTES, scan->page_bytes, scan->is_big_endian, sum);
    return are_equal(sum, stored_checksum(scan->frame + 16));
}

/* Takes one frame into account; RESULT_CORRUPT once damage is proved. */
static enum result take_frame(struct scan *scan, uint64_t number, struct wal_scan_report *report)
{
    bool is_ours = memcmp(scan->frame + 8, scan->salts, sizeof(scan->salts)) == 0;
    bool is_good = is_ours && scan->previous_is_ours && frame_verifies(scan);
    bool is_behind_damage = report->damaged_frame != 0;
    if (is_good && !is_behind_damage) {
        report->frames = number;
    } else if (is_good && scan->commit_seen) {
        report->later_frame = number;
        return RESULT_CORRUPT;
    } else if (!is_good && !is_behind_damage) {
        report->damaged_frame = number;
    }
    /* The commit mark counts only with the current salts; in the damaged frame itself it may be
     * what was damaged, and then the damage goes unproved until the next commit. */
    scan->commit_seen = report->damaged_frame != 0 &&
                        (scan->commit_seen || (is_ours && read_u32(scan->frame + 4) != 0));
    scan->previous = stored_checksum(scan->frame + 16);
    scan->previous_is_ours = is_ours;
    return RESULT_OK;
}

static enum result read_failed(const char *path)
{
    logger_log(LOGGER_ERROR, "cannot read %s: %s; check the disk before starting again", path,
               strerror(errno));
    return RESULT_IO;
}

static enum result scan_frames(struct scan *scan, const char *path, struct wal_scan_report *report)
{
    size_t frame_bytes = FRAME_HEADER_BYTES + (size_t)scan->page_bytes;
    scan->frame = mem_alloc(frame_bytes);
    enum result result = RESULT_OK;
    for (uint64_t number = 1; result == RESULT_OK; number++) {
        ssize_t size = read_up_to(scan->descriptor, scan->frame, frame_bytes);
        if (size < 0) {
            result = read_failed(path);
        } else if ((size_t)size < frame_bytes) {
            break;
        } else {
            result = take_frame(scan, number, report);
        }
    }
    mem_free(scan->frame);
    return result;
}

/* The header is flushed before the first frame is written, and lies in one sector, so behind a bad
 * one there may be nothing but zeros. */
static enum result check_rest_is_zero(const struct scan *scan, const char *path)
{
    uint8_t bytes[4096];
    for (;;) {
        ssize_t size = read_up_to(scan->descriptor, bytes, sizeof(bytes));
        if (size < 0) {
            return read_failed(path);
        }
        for (ssize_t i = 0; i < size; i++) {
            if (bytes[i] != 0) {
                return RESULT_CORRUPT;
            }
        }
        if ((size_t)size < sizeof(bytes)) {
            return RESULT_OK;
        }
    }
}

enum result wal_scan(const char *path, struct wal_scan_report *report)
{
    *report = (struct wal_scan_report){0};
    struct scan scan = {.descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (scan.descriptor < 0) {
        return read_failed(path);
    }
    uint8_t header[HEADER_BYTES];
    ssize_t size = read_up_to(scan.descriptor, header, sizeof(header));
    enum result result = RESULT_OK;
    if (size < 0) {
        result = read_failed(path);
    } else if ((size_t)size < sizeof(header)) {
        result = RESULT_OK; /* Empty, or torn while it was made: it holds no transaction. */
    } else if (header_verifies(header, &scan)) {
        result = scan_frames(&scan, path, report);
    } else {
        result = check_rest_is_zero(&scan, path);
    }
    (void)close(scan.descriptor);
    return result;
}
