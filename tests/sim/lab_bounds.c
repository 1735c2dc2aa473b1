/* lab_bounds.c -- what a node holds in memory has limits. */
#include "sim/lab_bounds.h"

#include <inttypes.h>

#include "raft/raft_internal.h"
#include "replica/replica_internal.h"
#include "replica/session_internal.h"
#include "sim/lab.h"

enum {
    /* What one turn of a node may gather at most: messages and orders, and raft's held ones. */
    MESSAGES_MAX = 4096,
    /* As in snapshot_save.c and propose.c. */
    HELD_FACTOR = 4,
    INBOX_BYTES_MAX = 64 * 1024 * 1024,
    /* An order to drop entries may be lost with a crash: then they go with the next one. */
    CYCLES = 2,
};

static void check_raft(struct lab_node *node)
{
    const struct raft *raft = node->replica->raft;
    bool is_bounded = raft->uncommitted_bytes <= LIMIT_UNCOMMITTED_BYTES + LIMIT_ENTRY_BYTES &&
                      raft->reads.pending_count <= LIMIT_READS_PENDING &&
                      raft->persistence.held_count <= LIMIT_MESSAGES_HELD &&
                      raft->memories_count <= RAFT_PEERS_MAX;
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        is_bounded = is_bounded && raft->peers[i].in_flight_count <= LIMIT_APPENDS_IN_FLIGHT;
    }
    if (!is_bounded) {
        lab_fail(node->lab, "node %u: raft holds more than its limits allow", node->number + 1);
    }
}

void lab_check_bounds(struct lab_node *node, const struct replica_ready *ready)
{
    const struct replica *replica = node->replica;
    if (ready->messages_count > MESSAGES_MAX || ready->orders_count > MESSAGES_MAX ||
        ready->persists_count > MESSAGES_MAX) {
        lab_fail(node->lab, "node %u has %u messages, %u orders, %u units in one turn",
                 node->number + 1, ready->messages_count, ready->orders_count,
                 ready->persists_count);
    }
    if (replica->batches.sent_count > LIMIT_BATCHES_IN_FLIGHT ||
        replica->batches.bytes > LIMIT_UNANSWERED_BYTES + LIMIT_ENTRY_BYTES ||
        replica->inbox.bytes > INBOX_BYTES_MAX + LIMIT_ENTRY_BYTES) {
        lab_fail(node->lab,
                 "node %u holds %u batches of %" PRIu64 " bytes, and %" PRIu64 " bytes of others'",
                 node->number + 1, replica->batches.sent_count, replica->batches.bytes,
                 replica->inbox.bytes);
    }
    if (replica->executor.blocked.bytes > LIMIT_BLOCKED_BYTES) {
        lab_fail(node->lab, "node %u holds %" PRIu64 " bytes of clients that wait for elements",
                 node->number + 1, replica->executor.blocked.bytes);
    }
    if (replica->membership.pending_count > LIMIT_CHANGES_PENDING) {
        lab_fail(node->lab, "node %u has %u changes of members waiting", node->number + 1,
                 replica->membership.pending_count);
    }
    check_raft(node);
}

static uint64_t bytes_of(const struct raft_entry *entry)
{
    return blob_slice(entry->payload).size + sizeof(*entry);
}

/* What stays of the log behind the last snapshot, for followers. */
static void check_kept_log(struct lab_node *node)
{
    const struct replica *replica = node->replica;
    const struct replica_snapshot_options *options = &replica->save.options;
    const struct raft_log *log = &replica->raft->log;
    uint64_t last = replica->save.index < raft_log_last_index(log) ? replica->save.index
                                                                   : raft_log_last_index(log);
    uint64_t bytes = 0;
    uint64_t largest = 0;
    for (uint64_t index = raft_log_first_index(log); index <= last; index++) {
        uint64_t size = bytes_of(raft_log_at(log, index));
        bytes += size;
        largest = size > largest ? size : largest;
    }
    uint64_t limit = options->log_bytes * HELD_FACTOR;
    uint64_t copy_bytes = buf_size(&node->state.copy);
    limit = limit > copy_bytes ? limit : copy_bytes;
    limit = limit > options->trailing_bytes ? limit : options->trailing_bytes;
    if (bytes > CYCLES * (limit + largest)) {
        lab_fail(node->lab,
                 "node %u keeps %" PRIu64 " bytes of log behind its snapshot of index %" PRIu64
                 ", not %" PRIu64,
                 node->number + 1, bytes, replica->save.index, limit);
    }
}

static void check_uncommitted(struct lab_node *node)
{
    const struct raft *raft = node->replica->raft;
    uint64_t bytes = 0;
    if (raft->role != RAFT_LEADER) {
        return;
    }
    for (uint64_t index = raft->commit_index + 1; index <= raft_log_last_index(&raft->log);
         index++) {
        bytes +=
            blob_slice(raft_log_at(&raft->log, index)->payload).size + RAFT_ENTRY_OVERHEAD_BYTES;
    }
    if (bytes != raft->uncommitted_bytes) {
        lab_fail(node->lab, "leader %u counts %" PRIu64 " uncommitted bytes, and has %" PRIu64,
                 node->number + 1, raft->uncommitted_bytes, bytes);
    }
}

void lab_check_memory(struct lab_node *node)
{
    struct executor *executor = replica_executor(node->replica);
    check_kept_log(node);
    check_uncommitted(node);
    for (struct list *link = executor->sessions.next; link != &executor->sessions;
         link = link->next) {
        const struct session *session = LIST_MEMBER(link, struct session, link);
        if (session->requests_count > LIMIT_SESSION_REQUESTS ||
            buf_size(&session->transaction.commands) > LIMIT_ENTRY_BYTES) {
            lab_fail(node->lab, "node %u: a session holds %u requests", node->number + 1,
                     session->requests_count);
        }
    }
}
