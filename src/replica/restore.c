/* restore.c -- a node's state from a snapshot: at start, and again when one was fetched. */
#include <inttypes.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"
#include "kv/keyspace_prefetch.h"
#include "replica/replica_internal.h"

enum result replica_restore_begin(const struct replica_state_meta *meta,
                                  struct replica_restore **out)
{
    struct replicated_state state;
    enum result result = replicated_state_decode(meta->replica_state, &state);
    if (result != RESULT_OK || meta->index == 0) {
        logger_log(LOGGER_ERROR, "the state of the snapshot at index %" PRIu64 " is unreadable: %s",
                   meta->index, result_text(result == RESULT_OK ? RESULT_CORRUPT : result));
        return RESULT_CORRUPT;
    }
    struct replica_restore *restore = mem_alloc_zeroed(1, sizeof(*restore));
    restore->meta = *meta;
    restore->meta.replica_state = slice_of(NULL, 0);
    restore->state = state;
    struct keyspace_meta keyspace = {
        .clock_ms = meta->clock_ms, .state_hash = meta->state_hash, .next_slot = meta->next_slot};
    memcpy(keyspace.slots, meta->slots, sizeof(keyspace.slots));
    restore->keyspace = keyspace_restore(state.hash_seed, &keyspace);
    *out = restore;
    return RESULT_OK;
}

/* Fetches the memory that adding the rows will read. */
static void prefetch_rows(const struct replica_restore *restore, const struct state_row *rows,
                          uint32_t count)
{
    struct keyspace_prefetch prefetch = {.count = 0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = 0;
        while (number < LIMIT_DATABASES && restore->meta.slots[number] != rows[i].slot) {
            number++;
        }
        if (number == LIMIT_DATABASES) {
            break; /* parts of large values: their places are known */
        }
        keyspace_prefetch_add(&prefetch, restore->keyspace, number, rows[i].key);
    }
    keyspace_prefetch_items(&prefetch, restore->keyspace);
}

static bool add_rows(struct replica_restore *restore, const struct state_row *rows, uint32_t count)
{
    bool are_sound = true;
    prefetch_rows(restore, rows, count);
    for (uint32_t i = 0; i < count && are_sound; i++) {
        are_sound = rows[i].modified_index <= restore->meta.index &&
                    keyspace_restore_row(restore->keyspace, &rows[i]) == RESULT_OK;
    }
    return are_sound;
}

enum result replica_restore_rows(struct replica_restore *restore, struct slice rows)
{
    struct bytes_reader reader = bytes_reader_of(rows);
    struct state_row some[KEYSPACE_PREFETCH_MAX];
    bool are_sound = true;
    while (bytes_left(&reader) > 0 && are_sound) {
        uint32_t count = 0;
        while (bytes_left(&reader) > 0 && count < KEYSPACE_PREFETCH_MAX && are_sound) {
            are_sound = state_row_decode(&reader, &some[count++]) == RESULT_OK;
        }
        are_sound = are_sound && add_rows(restore, some, count);
    }
    if (!are_sound) {
        logger_log(LOGGER_ERROR,
                   "a row of the snapshot at index %" PRIu64 " does not fit the others",
                   restore->meta.index);
    }
    return are_sound ? RESULT_OK : RESULT_CORRUPT;
}

enum result replica_restore_end(struct replica_restore *restore)
{
    enum result result = keyspace_restore_end(restore->keyspace);
    if (result != RESULT_OK) {
        logger_log(LOGGER_ERROR,
                   "the snapshot at index %" PRIu64 " lacks elements of a list, set, sorted set or "
                   "hash",
                   restore->meta.index);
    }
    return result;
}

void replica_restore_destroy(struct replica_restore *restore)
{
    if (restore != NULL) {
        if (restore->keyspace != NULL) {
            keyspace_destroy(restore->keyspace);
        }
        mem_free(restore);
    }
}

void restore_take(struct replica *replica, struct replica_restore *restore)
{
    const struct replica_state_meta *meta = &restore->meta;
    if (replica->keyspace != NULL) {
        keyspace_bury(restore->keyspace, replica->keyspace);
    }
    replica->keyspace = restore->keyspace;
    restore->keyspace = NULL;
    keyspace_set_applied_index(replica->keyspace, meta->index);
    replica->hash_seed = restore->state.hash_seed;
    replica->sequences = restore->state.sequences;
    /* The same rows, unless the configuration was changed by hand: then every node that starts from
     * this snapshot does the same. */
    sequences_set_members(&replica->sequences, &meta->configuration);
    struct raft_configuration before = replica->applied_configuration;
    replica->applied_configuration = meta->configuration;
    replica->applied_index = meta->index;
    replica->applied_term = meta->term;
    membership_configuration_applied(replica, &before, meta->index);
    divergence_restart(replica);
    log_clock_saw_stamp(&replica->clock, meta->clock_ms);
    save_start_from(replica, meta->index, meta->term);
    blocked_look_everywhere(replica);
    replica_restore_destroy(restore);
}

enum result restore_check(const struct replica_restore *restore, const struct raft_start *start)
{
    uint64_t index = restore->meta.index;
    uint64_t last_index = start->snapshot_index + start->entries_count;
    if (index < start->snapshot_index || index > last_index) {
        logger_log(LOGGER_ERROR,
                   "the snapshot is of index %" PRIu64 ", the log goes from %" PRIu64 " to %" PRIu64
                   ": they do not belong together",
                   index, start->snapshot_index + 1, last_index);
        return RESULT_CORRUPT;
    }
    uint64_t term = index == start->snapshot_index
                        ? start->snapshot_term
                        : start->entries[index - start->snapshot_index - 1].term;
    if (term != restore->meta.term) {
        logger_log(LOGGER_ERROR,
                   "entry %" PRIu64 " is of term %" PRIu64 " in the snapshot and of term %" PRIu64
                   " in the log: they do not belong together",
                   index, restore->meta.term, term);
        return RESULT_CORRUPT;
    }
    return RESULT_OK;
}
