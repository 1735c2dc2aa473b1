/* start.c -- a node from what its disk holds, or from nothing; and its end.
 *
 * Everything that comes from a disk is checked before anything is built of it.
 */
#include "raft/raft_internal.h"

#include <inttypes.h>

#include "base/logger.h"
#include "base/mem.h"

enum { ELECTION_MS_MIN = 150, ELECTION_MS_MAX = 300, HEARTBEAT_MS = 50 };

static bool take_timers(struct raft_timers *timers)
{
    if (timers->election_ms_min == 0) {
        timers->election_ms_min = ELECTION_MS_MIN;
    }
    if (timers->election_ms_max == 0) {
        timers->election_ms_max = ELECTION_MS_MAX;
    }
    if (timers->heartbeat_ms == 0) {
        timers->heartbeat_ms = HEARTBEAT_MS;
    }
    return timers->heartbeat_ms < timers->election_ms_min &&
           timers->election_ms_min <= timers->election_ms_max;
}

static enum result check_entry(const struct raft_entry *entry)
{
    switch (entry->type) {
    case RAFT_ENTRY_NOOP:
    case RAFT_ENTRY_COMMAND:
        return RESULT_OK;
    case RAFT_ENTRY_CONFIGURATION: {
        struct raft_configuration configuration;
        return raft_configuration_decode(blob_slice(entry->payload), &configuration);
    }
    }
    return RESULT_CORRUPT;
}

static enum result check_start(const struct raft_start *start)
{
    if ((start->snapshot_index == 0) != (start->snapshot_term == 0)) {
        return RESULT_CORRUPT;
    }
    uint64_t term = start->snapshot_term;
    for (uint64_t i = 0; i < start->entries_count; i++) {
        const struct raft_entry *entry = &start->entries[i];
        if (entry->index != start->snapshot_index + 1 + i || entry->term < term ||
            entry->term == 0 || entry->term > start->hard_state.term) {
            logger_log(LOGGER_ERROR,
                       "raft: entry %" PRIu64 " of term %" PRIu64 " found where entry %" PRIu64
                       " of a term from %" PRIu64 " to %" PRIu64 " belongs",
                       entry->index, entry->term, start->snapshot_index + 1 + i, term,
                       start->hard_state.term);
            return RESULT_CORRUPT;
        }
        term = entry->term;
        enum result result = check_entry(entry);
        if (result != RESULT_OK) {
            logger_log(LOGGER_ERROR, "raft: entry %" PRIu64 " cannot be read: %s", entry->index,
                       result_text(result));
            return result;
        }
    }
    return RESULT_OK;
}

static void take_log(struct raft *raft, const struct raft_start *start)
{
    raft->log.snapshot_index = start->snapshot_index;
    raft->log.snapshot_term = start->snapshot_term;
    raft_membership_init(raft, &start->configuration, start->snapshot_index);
    for (uint64_t i = 0; i < start->entries_count; i++) {
        raft_append_entry(raft, &start->entries[i]);
    }
    uint64_t last_index = raft_log_last_index(&raft->log);
    uint64_t commit = start->commit_index < last_index ? start->commit_index : last_index;
    raft->commit_index = commit > start->snapshot_index ? commit : start->snapshot_index;
    raft->verified_index = raft->commit_index;
    raft->persistence.persisted_index = last_index;
    raft->persistence.next_index = last_index + 1;
}

enum result raft_create(const struct raft_start *start, uint64_t now_ms, struct raft **out)
{
    struct raft_timers timers = start->timers;
    if (start->id == RAFT_ID_NONE || !take_timers(&timers)) {
        return RESULT_INVALID;
    }
    enum result result = check_start(start);
    if (result != RESULT_OK) {
        return result;
    }
    struct raft *raft = mem_alloc_zeroed(1, sizeof(*raft));
    raft->id = start->id;
    raft->disk_id = start->disk_id;
    raft->timers = timers;
    prng_init(&raft->prng, start->seed);
    raft->now_ms = now_ms;
    raft->hard_state = start->hard_state;
    raft->persistence.hard_state = start->hard_state;
    if (start->snapshot_term > start->hard_state.term) {
        /* A snapshot put in place by hand: never act in a term before it. */
        raft->hard_state = (struct raft_hard_state){start->snapshot_term, RAFT_ID_NONE};
    }
    raft->role = RAFT_FOLLOWER;
    raft->leader = RAFT_ID_NONE;
    raft_transfer_clear(raft);
    take_log(raft, start);
    raft->membership.version = 0;
    raft->waits_for_leader = raft_configuration_is_named(&start->configuration);
    raft_remember_start(raft, start->withhold_ms);
    raft_draw_election_deadline(raft);
    if (raft_is_sole_voter(raft)) {
        raft->election_deadline_ms = now_ms; /* There is nobody to wait for. */
    }
    *out = raft;
    return RESULT_OK;
}

void raft_destroy(struct raft *raft)
{
    if (raft == NULL) {
        return;
    }
    raft_log_deinit(&raft->log);
    raft_persistence_deinit(raft);
    raft_membership_deinit(raft);
    raft_reads_deinit(raft);
    mem_free(raft->outbox);
    mem_free(raft);
}
