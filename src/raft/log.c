/* log.c -- Raft's log in memory: a compaction point and the entries behind it, dense in one array
 * so that append messages and persists can borrow any range of it without copying.
 *
 * Invariants: entry i of the array has index snapshot_index + 1 + i; terms never fall, and none is
 * below snapshot_term. Compacting moves head; the space in front is won back when the array must
 * grow, and an array that has become far too large is exchanged for a smaller one.
 */
#include "raft/raft_internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum { CAPACITY_MIN = 64 };

void raft_log_deinit(struct raft_log *log)
{
    for (uint64_t i = 0; i < log->count; i++) {
        blob_release(log->entries[log->head + i].payload);
    }
    mem_free(log->entries);
    log->entries = NULL;
    log->head = 0;
    log->count = 0;
    log->capacity = 0;
}

uint64_t raft_log_first_index(const struct raft_log *log)
{
    return log->snapshot_index + 1;
}

uint64_t raft_log_last_index(const struct raft_log *log)
{
    return log->snapshot_index + log->count;
}

uint64_t raft_log_last_term(const struct raft_log *log)
{
    return raft_log_term_at(log, raft_log_last_index(log));
}

uint64_t raft_log_term_at(const struct raft_log *log, uint64_t index)
{
    ASSERT(index >= log->snapshot_index);
    ASSERT(index <= raft_log_last_index(log));
    return index == log->snapshot_index ? log->snapshot_term : raft_log_at(log, index)->term;
}

const struct raft_entry *raft_log_at(const struct raft_log *log, uint64_t index)
{
    ASSERT(index > log->snapshot_index);
    ASSERT(index <= raft_log_last_index(log));
    return &log->entries[log->head + (index - log->snapshot_index - 1)];
}

static void move_to(struct raft_log *log, uint64_t capacity)
{
    struct raft_entry *entries = mem_alloc(capacity * sizeof(*entries));
    if (log->count > 0) {
        memcpy(entries, log->entries + log->head, log->count * sizeof(*entries));
    }
    mem_free(log->entries);
    log->entries = entries;
    log->head = 0;
    log->capacity = capacity;
}

/* Makes room for one more entry behind the last. */
static void reserve_one(struct raft_log *log)
{
    if (log->head + log->count < log->capacity) {
        return;
    }
    /* Moving costs one copy an entry and wins back at least as many places as it copies, so
     * appending stays cheap on average. */
    if (log->head > log->count) {
        memmove(log->entries, log->entries + log->head, log->count * sizeof(*log->entries));
        log->head = 0;
        return;
    }
    move_to(log, log->capacity == 0 ? CAPACITY_MIN : log->capacity * 2);
}

void raft_log_append(struct raft_log *log, const struct raft_entry *entry)
{
    ASSERT(entry->index == raft_log_last_index(log) + 1);
    ASSERT(entry->term >= raft_log_last_term(log));
    reserve_one(log);
    struct raft_entry *place = &log->entries[log->head + log->count];
    *place = *entry;
    blob_retain(place->payload);
    log->count++;
}

void raft_log_truncate(struct raft_log *log, uint64_t index)
{
    ASSERT(index > log->snapshot_index);
    while (raft_log_last_index(log) >= index) {
        log->count--;
        blob_release(log->entries[log->head + log->count].payload);
    }
}

void raft_log_compact(struct raft_log *log, uint64_t index)
{
    ASSERT(index >= log->snapshot_index);
    uint64_t term = raft_log_term_at(log, index);
    uint64_t dropped = index - log->snapshot_index;
    for (uint64_t i = 0; i < dropped; i++) {
        blob_release(log->entries[log->head + i].payload);
    }
    log->head += dropped;
    log->count -= dropped;
    log->snapshot_index = index;
    log->snapshot_term = term;
    /* Far from where it would grow again, so that this is seldom. */
    if (log->capacity > CAPACITY_MIN && log->count <= log->capacity / 8) {
        move_to(log, log->capacity / 4);
    }
}

void raft_log_reset(struct raft_log *log, uint64_t index, uint64_t term)
{
    raft_log_deinit(log);
    log->snapshot_index = index;
    log->snapshot_term = term;
}

uint64_t raft_log_lower_bound(const struct raft_log *log, uint64_t term)
{
    uint64_t low = 0;
    uint64_t high = log->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (log->entries[log->head + middle].term < term) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return raft_log_first_index(log) + low;
}
