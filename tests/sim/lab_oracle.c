/* lab_oracle.c -- the checks over a whole cluster of replicas. */
#include "sim/lab_oracle.h"

#include <inttypes.h>

#include "base/hash.h"
#include "base/mem.h"
#include "replica/replica_internal.h"
#include "sim/lab.h"
#include "sim/lab_bounds.h"

static struct raft_status status_of(const struct lab_node *node)
{
    struct raft_status status;
    raft_get_status(node->replica->raft, &status);
    return status;
}

static uint64_t hash_entry(const struct raft_entry *entry)
{
    return hash_bytes((uint64_t)entry->type, blob_slice(entry->payload));
}

/* Zeroed room for an item of that number. */
static void *grow(void *array, uint64_t number, uint64_t *capacity, size_t item_bytes)
{
    if (number < *capacity) {
        return array;
    }
    uint64_t before = *capacity;
    *capacity = number * 2 + 256;
    uint8_t *bytes = mem_realloc(array, *capacity * item_bytes);
    memset(bytes + before * item_bytes, 0, (*capacity - before) * item_bytes);
    return bytes;
}

void lab_oracle_deinit(struct lab_oracle *oracle)
{
    mem_free(oracle->leaders);
    mem_free(oracle->committed);
    *oracle = (struct lab_oracle){0};
}

void lab_oracle_started(struct lab_node *node)
{
    struct lab_seen *seen = &node->lab->oracle.seen[node->number];
    struct raft_status status = status_of(node);
    if (status.term < seen->durable_term) {
        lab_fail(node->lab, "node %u starts with an earlier term", node->number + 1);
    }
    if (!node->is_state_missing && node->replica->applied_index < node->state.saved.meta.index) {
        lab_fail(node->lab, "node %u starts before its snapshot", node->number + 1);
    }
    seen->term = status.term;
    seen->commit_index = status.commit_index;
    seen->applied_index = node->replica->applied_index;
    seen->led_term = 0;
    seen->configuration = *raft_configuration_latest(node->replica->raft);
}

void lab_oracle_wiped(struct lab_node *node)
{
    node->lab->oracle.seen[node->number] = (struct lab_seen){0};
}

/* ---- Leaders ---- */

/* Leader Completeness: what is committed is in the log of the leader of the highest term, unless it
 * is of an earlier term and does not know yet. */
static void check_complete(struct lab *lab, uint64_t from)
{
    const struct lab_oracle *oracle = &lab->oracle;
    const struct lab_node *leader = lab_leader(lab);
    if (leader == NULL) {
        return;
    }
    struct raft_status status = status_of(leader);
    from = from < status.first_index ? status.first_index : from;
    for (uint64_t index = from; index <= oracle->committed_count; index++) {
        const struct lab_committed *known = &oracle->committed[index];
        if (known->committed_term > status.term) {
            return; /* those behind it were not committed earlier */
        }
        const struct raft_entry *entry =
            index > status.last_index ? NULL : raft_entry_at(leader->replica->raft, index);
        if (entry == NULL || entry->term != known->term || hash_entry(entry) != known->hash) {
            lab_fail(lab, "leader %u of term %" PRIu64 " lacks committed entry %" PRIu64,
                     leader->number + 1, status.term, index);
            return;
        }
    }
}

/* Election Safety and Leader Append-Only. */
static void check_leader(struct lab_node *node, const struct raft_status *status)
{
    struct lab *lab = node->lab;
    struct lab_oracle *oracle = &lab->oracle;
    struct lab_seen *seen = &oracle->seen[node->number];
    if (status->role != RAFT_LEADER) {
        return;
    }
    oracle->leaders =
        grow(oracle->leaders, status->term, &oracle->terms_capacity, sizeof(*oracle->leaders));
    uint64_t *leader = &oracle->leaders[status->term];
    if (*leader != RAFT_ID_NONE && *leader != status->id) {
        lab_fail(lab, "two leaders in term %" PRIu64, status->term);
    }
    if (seen->led_term == status->term && status->last_index < seen->led_last_index) {
        lab_fail(lab, "leader %u took entries back", node->number + 1);
    }
    if (!status->is_voter && status->configuration_index <= status->commit_index) {
        lab_fail(lab, "node %u leads without a vote of its own", node->number + 1);
    }
    bool is_new = *leader == RAFT_ID_NONE;
    *leader = status->id;
    seen->led_term = status->term;
    seen->led_last_index = status->last_index;
    if (is_new) {
        check_complete(lab, 1);
    }
}

/* ---- What is committed ---- */

/* Whether a node's disk holds the entry, or held it until that was lost. */
static bool holds(const struct lab_node *node, uint64_t index, uint64_t term)
{
    return lab_disk_has(&node->disk, index, term) || node->state.saved.meta.index >= index ||
           node->disk.lost_index >= index;
}

static bool is_on_majority(const struct lab *lab, const struct raft_configuration *configuration,
                           uint64_t index, uint64_t term)
{
    uint32_t voters = 0;
    uint32_t holders = 0;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        voters += member->role == RAFT_VOTER;
        for (uint32_t n = 0; member->role == RAFT_VOTER && n < lab->nodes_count; n++) {
            holders += lab_id(n) == member->id && holds(&lab->nodes[n], index, term);
        }
    }
    return holders > voters / 2;
}

/* The first to know of a commit is a leader: a majority of the voters then has it durably, by the
 * configuration in force now, or by the one that was in force when the turn began. */
static void check_durable(struct lab_node *node, uint64_t index, uint64_t term)
{
    const struct lab *lab = node->lab;
    const struct raft_configuration *latest = raft_configuration_latest(node->replica->raft);
    if (!is_on_majority(lab, latest, index, term) &&
        !is_on_majority(lab, &lab->oracle.seen[node->number].configuration, index, term)) {
        lab_fail(node->lab,
                 "node %u takes entry %" PRIu64
                 " for committed, which no majority has on its disks",
                 node->number + 1, index);
    }
}

/* State Machine Safety: what a node commits is what the first node to commit it had there. */
static void check_commit(struct lab_node *node, const struct raft_status *status)
{
    struct lab *lab = node->lab;
    struct lab_oracle *oracle = &lab->oracle;
    struct lab_seen *seen = &oracle->seen[node->number];
    uint64_t before = oracle->committed_count;
    if (status->commit_index < seen->commit_index) {
        lab_fail(lab, "commit index of node %u fell", node->number + 1);
    }
    if (status->first_index - 1 > oracle->committed_count) {
        lab_fail(lab, "node %u has a snapshot of more than is committed", node->number + 1);
        return;
    }
    uint64_t from = seen->commit_index + 1;
    from = from < status->first_index ? status->first_index : from;
    oracle->committed = grow(oracle->committed, status->commit_index, &oracle->committed_capacity,
                             sizeof(*oracle->committed));
    for (uint64_t index = from; index <= status->commit_index; index++) {
        const struct raft_entry *entry = raft_entry_at(node->replica->raft, index);
        struct lab_committed *known = &oracle->committed[index];
        if (index > oracle->committed_count) {
            *known = (struct lab_committed){entry->term, status->term, hash_entry(entry)};
            oracle->committed_count = index;
        } else if (known->term != entry->term || known->hash != hash_entry(entry)) {
            lab_fail(lab, "node %u commits another entry %" PRIu64, node->number + 1, index);
        }
    }
    seen->commit_index = status->commit_index;
    if (oracle->committed_count > before) {
        check_durable(node, oracle->committed_count,
                      oracle->committed[oracle->committed_count].term);
        check_complete(lab, before + 1);
    }
}

/* ---- Promises ---- */

/* Everything that a message promises must be on the sender's disk when it leaves. */
static void check_promise(struct lab_node *node, const struct raft_message *message)
{
    const struct raft_hard_state *durable = &node->disk.hard_state;
    bool is_promise =
        message->type != RAFT_MESSAGE_PRE_VOTE && message->type != RAFT_MESSAGE_PRE_VOTE_REPLY &&
        message->type != RAFT_MESSAGE_READ && message->type != RAFT_MESSAGE_READ_REPLY;
    if (is_promise && durable->term < message->term) {
        lab_fail(node->lab, "node %u states a term that is not durable", node->number + 1);
    }
    if (message->type == RAFT_MESSAGE_VOTE &&
        (durable->term != message->term || durable->vote != lab_id(node->number))) {
        lab_fail(node->lab, "node %u asks for votes before its own is durable", node->number + 1);
    }
    if (message->type == RAFT_MESSAGE_VOTE_REPLY && message->vote_reply.granted &&
        (durable->term != message->term || durable->vote != message->to)) {
        lab_fail(node->lab, "vote of node %u left before it was durable", node->number + 1);
    }
    bool is_vote = message->type == RAFT_MESSAGE_VOTE ||
                   (message->type == RAFT_MESSAGE_VOTE_REPLY && message->vote_reply.granted);
    if (is_vote && lab_lacks_what_it_knows_of(node)) {
        lab_fail(node->lab, "node %u votes without what it knows to have lost", node->number + 1);
    }
    if (message->type == RAFT_MESSAGE_APPEND_REPLY && !message->append_reply.rejected) {
        uint64_t index = message->append_reply.match_index;
        const struct lab_disk *disk = &node->disk;
        if (index > disk->base_index + disk->entries_count &&
            index > node->state.saved.meta.index) {
            lab_fail(node->lab, "node %u acknowledges entry %" PRIu64 " before it is durable",
                     node->number + 1, index);
        }
    }
}

/* ---- A turn ---- */

void lab_oracle_observe(struct lab_node *node, const struct replica_ready *ready)
{
    struct lab *lab = node->lab;
    struct lab_seen *seen = &lab->oracle.seen[node->number];
    struct raft_status status = status_of(node);
    if (status.term < seen->term) {
        lab_fail(lab, "term of node %u fell", node->number + 1);
    }
    seen->term = status.term;
    seen->durable_term = node->disk.hard_state.term;
    uint64_t applied_index = node->replica->applied_index;
    if (applied_index < seen->applied_index || applied_index > status.commit_index) {
        lab_fail(lab, "node %u has applied up to %" PRIu64 ", before that up to %" PRIu64,
                 node->number + 1, applied_index, seen->applied_index);
    }
    seen->applied_index = applied_index;
    check_leader(node, &status);
    check_commit(node, &status);
    for (uint32_t i = 0; i < ready->messages_count; i++) {
        if (ready->messages[i].type == PEER_MESSAGE_RAFT) {
            check_promise(node, &ready->messages[i].raft);
        }
    }
    lab_check_bounds(node, ready);
    if (ready->configuration_changed) {
        seen->configuration = *raft_configuration_latest(node->replica->raft);
    }
}

/* ---- Logs ---- */

/* Log Matching: same index and term, then the same in all that goes before. */
static void check_pair(struct lab *lab, uint32_t a, uint32_t b)
{
    const struct raft *left = lab->nodes[a].replica->raft;
    const struct raft *right = lab->nodes[b].replica->raft;
    struct raft_status left_status = status_of(&lab->nodes[a]);
    struct raft_status right_status = status_of(&lab->nodes[b]);
    uint64_t first = left_status.first_index > right_status.first_index ? left_status.first_index
                                                                        : right_status.first_index;
    uint64_t last = left_status.last_index < right_status.last_index ? left_status.last_index
                                                                     : right_status.last_index;
    bool matching = false;
    for (uint64_t index = last; index >= first; index--) {
        const struct raft_entry *x = raft_entry_at(left, index);
        const struct raft_entry *y = raft_entry_at(right, index);
        bool same = x->term == y->term;
        if (matching && !same) {
            lab_fail(lab, "logs of %u and %u part before a match, at %" PRIu64, a + 1, b + 1,
                     index);
            return;
        }
        if (same &&
            (x->type != y->type || !slice_equals(blob_slice(x->payload), blob_slice(y->payload)))) {
            lab_fail(lab, "logs of %u and %u differ in entry %" PRIu64 " of the same term", a + 1,
                     b + 1, index);
            return;
        }
        matching = matching || same;
    }
}

void lab_oracle_check_logs(struct lab *lab)
{
    for (uint32_t a = 0; a < lab->nodes_count; a++) {
        if (lab->nodes[a].replica != NULL) {
            lab_check_memory(&lab->nodes[a]);
        }
        for (uint32_t b = a + 1; b < lab->nodes_count; b++) {
            if (lab->nodes[a].replica != NULL && lab->nodes[b].replica != NULL) {
                check_pair(lab, a, b);
            }
        }
    }
}
