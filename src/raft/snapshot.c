/* snapshot.c -- the log gives way to snapshots: compaction, and one put in place of this node's
 * state (paper, section 7 and Figure 13).
 *
 * Snapshots themselves are not known here: storage has them, and says up to where. What they cover
 * is committed, so no snapshot ever lowers the commit index, and none touches term and vote but to
 * raise the term (X2). A log never has a hole: it goes on right behind its compaction point (C12).
 */
#include "raft/raft_internal.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/logger.h"

void raft_handle_snapshot_saved(struct raft *raft, uint64_t index)
{
    ASSERT(index <= raft->commit_index);
    if (index <= raft->log.snapshot_index) {
        return;
    }
    raft_membership_compact(raft, index);
    raft_log_compact(&raft->log, index);
    if (raft->persistence.persisted_index < index) {
        raft->persistence.persisted_index = index; /* The snapshot holds it. */
    }
}

/* Figure 13, receiver step 7: "Discard the entire log". */
static void replace_log(struct raft *raft, const struct raft_snapshot *snapshot)
{
    if (raft->role != RAFT_FOLLOWER) {
        /* What it campaigned or led with is gone. */
        raft_become_follower(raft, raft->hard_state.term, RAFT_ID_NONE);
    }
    raft_log_reset(&raft->log, snapshot->index, snapshot->term);
    raft_membership_reset(raft, snapshot->configuration, snapshot->index);
    raft_persistence_reset(raft);
    raft->commit_index = snapshot->index;
    raft->verified_index = snapshot->index;
    raft->acked_index = 0;
}

/* Tells a leader that waits for it, even when the snapshot brought nothing new (X1). */
static void acknowledge(struct raft *raft)
{
    if (raft->role == RAFT_FOLLOWER && raft->leader != RAFT_ID_NONE) {
        raft->append_reply_owed = true;
        raft_send_append_reply(raft);
    }
}

enum result raft_handle_snapshot_installed(struct raft *raft, const struct raft_snapshot *snapshot)
{
    ASSERT(snapshot->index > 0);
    ASSERT(snapshot->term > 0);
    if (snapshot->term > raft->hard_state.term) {
        raft_become_follower(raft, snapshot->term, RAFT_ID_NONE);
    }
    uint64_t last_index = raft_log_last_index(&raft->log);
    if (snapshot->index >= raft->log.snapshot_index && snapshot->index <= last_index &&
        raft_log_term_at(&raft->log, snapshot->index) == snapshot->term) {
        /* Receiver step 6: "If existing log entry has same index and term as snapshot's last
         * included entry, retain log entries following it". */
        if (snapshot->index > raft->commit_index) {
            raft_commit_to(raft, snapshot->index);
        }
        if (raft->verified_index < snapshot->index) {
            raft->verified_index = snapshot->index;
        }
        raft_handle_snapshot_saved(raft, snapshot->index);
    } else if (snapshot->index > raft->commit_index) {
        replace_log(raft, snapshot);
    } else if (snapshot->index >= raft->log.snapshot_index) {
        logger_log(LOGGER_ERROR,
                   "raft: a snapshot ends in entry %" PRIu64 " of term %" PRIu64
                   ", but the one that this node knows as committed is of term %" PRIu64,
                   snapshot->index, snapshot->term, raft_log_term_at(&raft->log, snapshot->index));
        return RESULT_CORRUPT;
    }
    acknowledge(raft);
    return RESULT_OK;
}
