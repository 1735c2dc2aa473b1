/* cluster_disk.c -- the disk of a node of a test. */
#include "unit/raft/cluster_disk.h"

#include "base/assert.h"
#include "base/mem.h"

struct raft_entry *cluster_copy_entries(const struct raft_entry *entries, uint32_t count)
{
    struct raft_entry *copy = mem_alloc_zeroed(count, sizeof(*copy));
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = entries[i];
        blob_retain(copy[i].payload);
    }
    return copy;
}

void cluster_free_entries(struct raft_entry *entries, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        blob_release(entries[i].payload);
    }
    mem_free(entries);
}

void cluster_disk_append(struct cluster_disk *disk, const struct raft_entry *entry)
{
    ASSERT(entry->index == disk->snapshot_index + disk->entries_count + 1);
    if (disk->entries_count == disk->entries_capacity) {
        disk->entries_capacity = disk->entries_capacity == 0 ? 16 : disk->entries_capacity * 2;
        disk->entries = mem_realloc(disk->entries, disk->entries_capacity * sizeof(*disk->entries));
    }
    disk->entries[disk->entries_count] = *entry;
    blob_retain(entry->payload);
    disk->entries_count++;
}

void cluster_disk_truncate(struct cluster_disk *disk, uint64_t index)
{
    while (disk->entries_count > 0 && disk->snapshot_index + disk->entries_count >= index) {
        disk->entries_count--;
        blob_release(disk->entries[disk->entries_count].payload);
    }
}

void cluster_disk_reset(struct cluster_disk *disk, uint64_t index, uint64_t term)
{
    cluster_disk_truncate(disk, 1);
    disk->snapshot_index = index;
    disk->snapshot_term = term;
}

bool cluster_disk_has(const struct cluster_disk *disk, uint64_t index, uint64_t term)
{
    if (index <= disk->snapshot_index || index > disk->snapshot_index + disk->entries_count) {
        return index == disk->snapshot_index && term == disk->snapshot_term;
    }
    return disk->entries[index - disk->snapshot_index - 1].term == term;
}

void cluster_disk_write(struct cluster_disk *disk, const struct raft_persist *persist)
{
    if (persist->hard_state_changed) {
        ASSERT(persist->hard_state.term >= disk->hard_state.term);
        disk->hard_state = persist->hard_state;
    }
    if (persist->reset_index != 0) {
        cluster_disk_reset(disk, persist->reset_index, persist->reset_term);
    }
    if (persist->truncate_from != 0) {
        cluster_disk_truncate(disk, persist->truncate_from);
    }
    for (uint32_t i = 0; i < persist->entries_count; i++) {
        if (persist->entries[i].index > disk->snapshot_index) {
            cluster_disk_append(disk, &persist->entries[i]);
        }
    }
}

void cluster_disk_copy(struct cluster_disk *to, const struct cluster_disk *from)
{
    cluster_free_entries(to->entries, to->entries_count);
    *to = *from;
    to->entries = cluster_copy_entries(from->entries, (uint32_t)from->entries_count);
    to->entries_capacity = from->entries_count;
}
