/* disk_reserve.h -- room kept free for what must still be written when the disk is full.
 *
 * A file of fixed size, really allocated, lies in the data directory. When a store finds no room,
 * it gives the file up, so that votes, terms and what has been accepted still fit; when there is
 * room enough again, the file is made anew. Above that are thresholds on what the file system has
 * free, which tell when to refuse writes long before (faults S11, S12, D17).
 *
 * Functions may be called from any thread.
 */
#ifndef QUORUM_STORAGE_DISK_RESERVE_H
#define QUORUM_STORAGE_DISK_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"

struct disk_reserve;

struct disk_reserve_options {
    const char *directory;
    uint64_t reserve_bytes; /* size of the file; 0: no file. At most an eighth of the file system */
    uint64_t free_bytes_min; /* less free than this (the file not counted): low */
};

/* Makes the file if there is room for it; otherwise goes on without and says so in the log. A file
 * that an earlier start left is used again. Never fails for want of room. RESULT_IO, logged. */
MUST_CHECK enum result disk_reserve_open(const struct disk_reserve_options *options,
                                         struct disk_reserve **out);

/* Gives the room to whoever writes next; true when there was any to give. Logged. */
bool disk_reserve_release(struct disk_reserve *reserve);

struct disk_space {
    uint64_t free_bytes; /* available to this process, the reserve not counted */
    bool has_reserve;
    bool is_low; /* stays until there is a quarter more than the threshold free, and the reserve */
};

/* Looks, and makes the reserve anew if there is room for it and the threshold. To be called about
 * once a second. */
void disk_reserve_check(struct disk_reserve *reserve, struct disk_space *out);

void disk_reserve_set_free_bytes_min(struct disk_reserve *reserve, uint64_t free_bytes_min);

/* Leaves the file where it is. */
void disk_reserve_close(struct disk_reserve *reserve);

#endif
