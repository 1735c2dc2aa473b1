/* lab_damage.c -- damage that no checksum of a node's own shows. */
#include "sim/lab_damage.h"

#include "base/assert.h"
#include "base/mem.h"
#include "kv/item.h"
#include "kv/keyspace_internal.h"
#include "raft/raft_internal.h"
#include "replica/replica_internal.h"
#include "sim/lab.h"

/* ---- A state that differs ---- */

/* A change must not be of the entry that a snapshot begins with: the keyspace's own rule. */
static bool may_alter(const struct lab_node *node)
{
    return lab_is_live(node) && !node->replica->is_state_missing &&
           !save_is_running(&node->replica->save) &&
           node->replica->keyspace->applied_index >= node->replica->keyspace->snapshot.fresh_index;
}

bool lab_alter(struct lab_node *node)
{
    if (!may_alter(node)) {
        return false;
    }
    struct value value = value_of_bytes(SLICE_LITERAL("altered"));
    lab_begin_turn(node);
    (void)keyspace_lookup_write(node->replica->keyspace, 0, SLICE_LITERAL("D:altered"));
    keyspace_set(node->replica->keyspace, 0, SLICE_LITERAL("D:altered"), &value, KEYSPACE_NEVER);
    node->alteration = LAB_ALTERED;
    node->lab->faults.counts[LAB_STATE_ALTERED]++;
    return true;
}

bool lab_flip(struct lab_node *node)
{
    if (!may_alter(node)) {
        return false;
    }
    const struct item *item = keyspace_lookup_read(
        node->replica->keyspace, 0, SLICE_LITERAL(LAB_DAMAGE_COUNTER), KEYSPACE_UNTOUCHED);
    if (item == NULL || keyspace_item_value(item).encoding != VALUE_ENCODING_INT) {
        return false;
    }
    struct value value = value_of_integer(keyspace_item_value(item).integer ^ 1024);
    bool is_written = item_overwrite((struct item *)(uintptr_t)item, &value);
    ASSERT(is_written);
    node->alteration = LAB_FLIPPED;
    node->lab->faults.counts[LAB_STATE_FLIPPED]++;
    return true;
}

/* ---- A disk that goes back ---- */

/* Copies what is durable; settings and what is under way stay behind. */
static void copy_disk(const struct lab_disk *disk, struct lab_disk *out)
{
    *out = (struct lab_disk){.disk_id = disk->disk_id,
                             .was_wiped = disk->was_wiped,
                             .lost_index = disk->lost_index,
                             .known = disk->known,
                             .faults = disk->faults,
                             .hard_state = disk->hard_state,
                             .incarnation = disk->incarnation,
                             .commit_index = disk->commit_index,
                             .base_index = disk->base_index,
                             .base_term = disk->base_term,
                             .entries_count = disk->entries_count,
                             .entries_capacity = disk->entries_count};
    out->entries = mem_alloc((disk->entries_count + 1) * sizeof(*out->entries));
    for (uint64_t i = 0; i < disk->entries_count; i++) {
        out->entries[i] = disk->entries[i];
        if (out->entries[i].payload != NULL) {
            out->entries[i].payload = blob_retain(disk->entries[i].payload);
        }
    }
}

void lab_backup_deinit(struct lab_backup *backup)
{
    lab_disk_deinit(&backup->disk);
    lab_image_deinit(&backup->saved);
    *backup = (struct lab_backup){.is_taken = false};
}

void lab_back_up(struct lab_node *node)
{
    struct replica_status status;
    replica_get_status(node->replica, &status);
    lab_backup_deinit(&node->backup);
    copy_disk(&node->disk, &node->backup.disk);
    lab_image_copy(&node->state.saved, &node->backup.saved);
    node->backup.configuration_index = status.raft.configuration_index;
    node->backup.is_taken = true;
}

void lab_put_back(struct lab_node *node)
{
    ASSERT(node->replica == NULL);
    ASSERT(node->backup.is_taken);
    struct lab_disk old = node->disk;
    uint64_t last_index = lab_disk_last_index(&old);
    node->gone_index = last_index;
    node->gone_term = lab_disk_last_term(&old);
    lab_image_deinit(&node->state.saved);
    lab_disk_deinit(&node->disk);
    node->disk = node->backup.disk;
    node->state.saved = node->backup.saved;
    node->disk.delay_ms_max = old.delay_ms_max;
    node->disk.stalls_until_ms = old.stalls_until_ms;
    node->disk.lost_index = last_index > node->disk.lost_index ? last_index : node->disk.lost_index;
    node->backup = (struct lab_backup){.is_taken = false};
    lab_oracle_wiped(node);
    node->lab->faults.counts[LAB_DISK_WENT_BACK]++;
}

/* Whether the log on a disk ends at that entry or behind it. */
static bool reaches(const struct lab_disk *disk, uint64_t term, uint64_t index)
{
    uint64_t last_term = lab_disk_last_term(disk);
    return last_term > term || (last_term == term && lab_disk_last_index(disk) >= index);
}

bool lab_has_caught_up(const struct lab_node *node)
{
    return reaches(&node->disk, node->gone_term, node->gone_index);
}

bool lab_lacks_what_it_knows_of(const struct lab_node *node)
{
    const struct raft_memory *lost = &node->replica->raft->lost;
    return !reaches(&node->disk, lost->term, lost->index);
}

bool lab_knows_of_loss(const struct lab_node *node)
{
    return node->replica != NULL && node->replica->raft->lost.index > 0;
}
