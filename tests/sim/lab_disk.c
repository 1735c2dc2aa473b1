/* lab_disk.c -- a node's simulated disk. */
#include "sim/lab_disk.h"

#include "base/assert.h"
#include "base/mem.h"

static struct blob *copy_payload(const struct blob *payload)
{
    return payload == NULL ? NULL : blob_copy(blob_slice(payload));
}

static void unit_deinit(struct lab_unit *unit)
{
    for (uint32_t i = 0; i < unit->persist.entries_count; i++) {
        blob_release(unit->entries[i].payload);
    }
    mem_free(unit->entries);
}

static void truncate_from(struct lab_disk *disk, uint64_t index)
{
    while (disk->entries_count > 0 && disk->entries[disk->entries_count - 1].index >= index) {
        blob_release(disk->entries[--disk->entries_count].payload);
    }
}

void lab_disk_compact(struct lab_disk *disk, uint64_t index)
{
    uint64_t dropped = index > disk->base_index ? index - disk->base_index : 0;
    ASSERT(dropped <= disk->entries_count);
    if (dropped == 0) {
        return;
    }
    disk->base_term = disk->entries[dropped - 1].term;
    disk->base_index = index;
    for (uint64_t i = 0; i < dropped; i++) {
        blob_release(disk->entries[i].payload);
    }
    disk->entries_count -= dropped;
    memmove(&disk->entries[0], &disk->entries[dropped],
            disk->entries_count * sizeof(disk->entries[0]));
}

void lab_disk_reset(struct lab_disk *disk, uint64_t index, uint64_t term)
{
    truncate_from(disk, 0);
    disk->base_index = index;
    disk->base_term = term;
}

void lab_disk_cut(struct lab_disk *disk, uint64_t index)
{
    ASSERT(index > disk->base_index);
    truncate_from(disk, index);
    disk->commit_index = disk->commit_index < index ? disk->commit_index : index - 1;
}

void lab_disk_deinit(struct lab_disk *disk)
{
    truncate_from(disk, 0);
    for (uint32_t i = 0; i < disk->units_count; i++) {
        unit_deinit(&disk->units[i]);
    }
    mem_free(disk->entries);
    mem_free(disk->units);
    *disk = (struct lab_disk){0};
}

void lab_disk_submit(struct lab_disk *disk, const struct raft_persist *persist, uint64_t now_ms,
                     struct prng *prng)
{
    if (disk->units_count == disk->units_capacity) {
        disk->units_capacity = disk->units_capacity == 0 ? 16 : disk->units_capacity * 2;
        disk->units = mem_realloc(disk->units, disk->units_capacity * sizeof(*disk->units));
    }
    uint64_t due_ms = now_ms + prng_below(prng, disk->delay_ms_max + 1);
    due_ms = due_ms < disk->stalls_until_ms ? disk->stalls_until_ms : due_ms;
    if (disk->units_count > 0) {
        const struct lab_unit *last = &disk->units[disk->units_count - 1];
        ASSERT(persist->id > last->persist.id);
        due_ms = due_ms < last->due_ms ? last->due_ms : due_ms;
    }
    struct lab_unit *unit = &disk->units[disk->units_count++];
    unit->persist = *persist;
    unit->due_ms = due_ms;
    unit->entries = mem_alloc((persist->entries_count + 1) * sizeof(*unit->entries));
    for (uint32_t i = 0; i < persist->entries_count; i++) {
        unit->entries[i] = persist->entries[i];
        unit->entries[i].payload = copy_payload(persist->entries[i].payload);
    }
}

uint64_t lab_disk_due_ms(const struct lab_disk *disk)
{
    return disk->units_count == 0 ? UINT64_MAX : disk->units[0].due_ms;
}

void lab_disk_append(struct lab_disk *disk, const struct raft_entry *entry)
{
    if (disk->entries_count == disk->entries_capacity) {
        disk->entries_capacity = disk->entries_capacity == 0 ? 64 : disk->entries_capacity * 2;
        disk->entries = mem_realloc(disk->entries, disk->entries_capacity * sizeof(*entry));
    }
    ASSERT(entry->index == disk->base_index + disk->entries_count + 1);
    disk->entries[disk->entries_count++] = *entry;
}

/* Terms do not fall, and a term has one vote. */
static void check_hard_state(struct lab_disk *disk, const struct raft_hard_state *next)
{
    const struct raft_hard_state *present = &disk->hard_state;
    if (next->term < present->term) {
        disk->violation = "wrote a term that fell";
    } else if (next->term == present->term && present->vote != RAFT_ID_NONE &&
               next->vote != present->vote) {
        disk->violation = "wrote two votes of one term";
    }
}

/* The first unit becomes part of what is durable. */
static void take_first(struct lab_disk *disk)
{
    struct lab_unit unit = disk->units[0];
    const struct raft_persist *persist = &unit.persist;
    if (persist->reset_index != 0) {
        lab_disk_reset(disk, persist->reset_index, persist->reset_term);
    }
    if (persist->truncate_from != 0) {
        ASSERT(persist->truncate_from > disk->commit_index);
        truncate_from(disk, persist->truncate_from);
    }
    for (uint32_t i = 0; i < persist->entries_count; i++) {
        lab_disk_append(disk, &unit.entries[i]);
    }
    if (persist->hard_state_changed) {
        check_hard_state(disk, &persist->hard_state);
        disk->hard_state = persist->hard_state;
    }
    ASSERT(persist->commit_index <= disk->base_index + disk->entries_count);
    disk->commit_index = persist->commit_index;
    mem_free(unit.entries);
    disk->units_count--;
    memmove(&disk->units[0], &disk->units[1], disk->units_count * sizeof(disk->units[0]));
}

uint64_t lab_disk_last_index(const struct lab_disk *disk)
{
    return disk->base_index + disk->entries_count;
}

uint64_t lab_disk_last_term(const struct lab_disk *disk)
{
    return disk->entries_count == 0 ? disk->base_term : disk->entries[disk->entries_count - 1].term;
}

bool lab_disk_has(const struct lab_disk *disk, uint64_t index, uint64_t term)
{
    if (index <= disk->base_index) {
        return true;
    }
    return index <= disk->base_index + disk->entries_count &&
           disk->entries[index - disk->base_index - 1].term == term;
}

bool lab_disk_configuration(const struct lab_disk *disk, struct raft_configuration *out)
{
    for (uint64_t i = disk->entries_count; i-- > 0;) {
        const struct raft_entry *entry = &disk->entries[i];
        if (entry->type == RAFT_ENTRY_CONFIGURATION) {
            return raft_configuration_decode(blob_slice(entry->payload), out) == RESULT_OK;
        }
    }
    return false;
}

uint64_t lab_disk_complete(struct lab_disk *disk, uint64_t now_ms)
{
    uint64_t id = 0;
    while (lab_disk_due_ms(disk) <= now_ms) {
        id = disk->units[0].persist.id;
        take_first(disk);
    }
    return id;
}

void lab_disk_crash(struct lab_disk *disk, struct prng *prng)
{
    uint64_t kept = prng_below(prng, disk->units_count + 1);
    for (uint64_t i = 0; i < kept; i++) {
        take_first(disk);
    }
    if (disk->faults != NULL) {
        disk->faults->counts[LAB_UNIT_TORN] += kept;
        disk->faults->counts[LAB_UNIT_LOST] += disk->units_count;
    }
    for (uint32_t i = 0; i < disk->units_count; i++) {
        unit_deinit(&disk->units[i]);
    }
    disk->units_count = 0;
    disk->fails_next = false;
}
