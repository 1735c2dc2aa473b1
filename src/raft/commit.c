/* commit.c -- which entries are committed.
 *
 * Paper, Figure 2, Rules for Servers, Leaders: "If there exists an N such that N > commitIndex, a
 * majority of matchIndex[i] >= N, and log[N].term == currentTerm: set commitIndex = N". The leader
 * counts itself by what is durable here, not by what it has in memory (C31). Learners do not count.
 */
#include "raft/raft_internal.h"

#include "base/assert.h"

uint64_t raft_quorum_value(const uint64_t *values, uint32_t count)
{
    uint64_t sorted[LIMIT_MEMBERS]; /* highest first */
    ASSERT(count <= LIMIT_MEMBERS);
    if (count == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        while (at > 0 && sorted[at - 1] < values[i]) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = values[i];
    }
    /* A majority is count / 2 + 1 values, and the last of the highest so many is what all of them
     * reach. */
    return sorted[count / 2];
}

void raft_commit_to(struct raft *raft, uint64_t index)
{
    ASSERT(index >= raft->commit_index);
    ASSERT(index <= raft_log_last_index(&raft->log));
    if (raft->role == RAFT_LEADER) {
        for (uint64_t i = raft->commit_index + 1; i <= index; i++) {
            uint64_t bytes =
                blob_slice(raft_log_at(&raft->log, i)->payload).size + RAFT_ENTRY_OVERHEAD_BYTES;
            ASSERT(raft->uncommitted_bytes >= bytes);
            raft->uncommitted_bytes -= bytes;
        }
    }
    bool was_committed = raft_own_term_is_committed(raft);
    raft->commit_index = index;
    if (!was_committed && raft_own_term_is_committed(raft)) {
        raft_reads_start_waiting(raft);
    }
}

void raft_commit_verified(struct raft *raft, uint64_t index)
{
    /* Not merely up to the last entry: a log that lost its end may hold others there. */
    index = index < raft->verified_index ? index : raft->verified_index;
    if (index > raft->commit_index) {
        raft_commit_to(raft, index);
    }
}

bool raft_own_term_is_committed(const struct raft *raft)
{
    return raft->role == RAFT_LEADER && raft->commit_index >= raft->term_start_index;
}

bool raft_advance_commit(struct raft *raft)
{
    ASSERT(raft->role == RAFT_LEADER);
    uint64_t matches[LIMIT_MEMBERS];
    uint32_t count = 0;
    if (raft_is_voter_itself(raft)) {
        matches[count++] = raft->persistence.persisted_index;
    }
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        if (raft->peers[i].is_voter) {
            matches[count++] =
                raft_progress_counts(&raft->peers[i]) ? raft->peers[i].match_index : 0;
        }
    }
    uint64_t index = raft_quorum_value(matches, count);
    /* Paper 5.4.2: "Only log entries from the leader's current term are committed by counting
     * replicas"; all before term_start_index then are, too (C1). */
    if (index <= raft->commit_index || index < raft->term_start_index) {
        return false;
    }
    raft_commit_to(raft, index);
    return true;
}
