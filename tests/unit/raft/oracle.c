/* oracle.c -- the checks over a whole cluster. */
#include "unit/raft/oracle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

static void PRINTF_LIKE(2, 3) fail(struct oracle *oracle, const char *format, ...)
{
    if (oracle->failure[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(oracle->failure, sizeof(oracle->failure), format, arguments);
        va_end(arguments);
    }
}

static uint64_t hash_entry(const struct raft_entry *entry)
{
    return hash_bytes((uint64_t)entry->type, blob_slice(entry->payload));
}

/* Leader Completeness: what is committed is in the log of the leader of the highest term, unless it
 * is of an earlier term and does not know yet. */
static void check_complete(struct oracle *oracle, const struct cluster *cluster, uint64_t from)
{
    uint64_t leader = cluster_leader(cluster);
    if (leader == RAFT_ID_NONE) {
        return;
    }
    struct raft_status status = cluster_status(cluster, leader);
    from = from < status.first_index ? status.first_index : from;
    for (uint64_t index = from; index <= oracle->committed_count; index++) {
        if (oracle->committed[index].committed_term > status.term) {
            return; /* Those behind it were not committed earlier. */
        }
        if (index > status.last_index) {
            fail(oracle, "leader %" PRIu64 " of term %" PRIu64 " lacks committed entry %" PRIu64,
                 leader, status.term, index);
            return;
        }
        const struct raft_entry *entry = raft_entry_at(cluster->nodes[leader].raft, index);
        if (entry->term != oracle->committed[index].term ||
            hash_entry(entry) != oracle->committed[index].hash) {
            fail(oracle, "leader %" PRIu64 " of term %" PRIu64 " has another entry %" PRIu64,
                 leader, status.term, index);
        }
    }
}

/* State Machine Safety: what a node commits is what the first node to commit it had there. */
static void check_commit(struct oracle *oracle, const struct cluster *cluster,
                         const struct cluster_node *node, uint64_t commit_index)
{
    uint64_t before = oracle->committed_count;
    uint64_t first_index = cluster_status(cluster, node->id).first_index;
    if (commit_index >= first_index - 1 && first_index - 1 > oracle->committed_count) {
        fail(oracle, "node %" PRIu64 " has a snapshot of more than is committed", node->id);
    }
    uint64_t next = oracle->checked[node->id] + 1;
    for (uint64_t index = next < first_index ? first_index : next; index <= commit_index; index++) {
        const struct raft_entry *entry = raft_entry_at(node->raft, index);
        struct oracle_entry *known = &oracle->committed[index];
        if (index >= ORACLE_ENTRIES_MAX) {
            fail(oracle, "too many entries for the oracle");
            return;
        }
        if (index > oracle->committed_count) {
            uint64_t term = cluster_status(cluster, node->id).term;
            *known = (struct oracle_entry){entry->term, term, hash_entry(entry)};
            oracle->committed_count = index;
        } else if (known->term != entry->term || known->hash != hash_entry(entry)) {
            fail(oracle, "node %" PRIu64 " commits another entry %" PRIu64, node->id, index);
        }
    }
    if (commit_index < oracle->checked[node->id]) {
        fail(oracle, "commit index of node %" PRIu64 " fell", node->id);
    }
    oracle->checked[node->id] = commit_index;
    if (oracle->committed_count > before) {
        check_complete(oracle, cluster, before + 1);
    }
}

static void check_role(struct oracle *oracle, const struct cluster *cluster,
                       const struct cluster_node *node)
{
    struct raft_status status = cluster_status(cluster, node->id);
    if (status.term < oracle->terms[node->id]) {
        fail(oracle, "term of node %" PRIu64 " fell", node->id);
    }
    if (status.role != RAFT_LEADER) {
        return;
    }
    if (status.term >= ORACLE_TERMS_MAX) {
        fail(oracle, "too many terms for the oracle");
    } else if (oracle->leaders[status.term] == RAFT_ID_NONE) {
        oracle->leaders[status.term] = node->id;
        check_complete(oracle, cluster, 1);
    } else if (oracle->leaders[status.term] != node->id) {
        fail(oracle, "two leaders in term %" PRIu64, status.term);
    }
    /* Thesis 4.2.2: it leads without a vote only until its own removal is committed. */
    if (!status.is_voter && status.configuration_index <= status.commit_index) {
        fail(oracle, "node %" PRIu64 " leads without a vote of its own", node->id);
    }
}

static const struct raft_entry *disk_entry(const struct cluster_disk *disk, uint64_t index)
{
    if (index <= disk->snapshot_index || index > disk->snapshot_index + disk->entries_count) {
        return NULL;
    }
    return &disk->entries[index - disk->snapshot_index - 1];
}

/* Everything that a message promises must be on the sender's disk when it leaves. */
static void check_promise(struct oracle *oracle, const struct cluster_node *node,
                          const struct raft_message *message)
{
    const struct cluster_disk *disk = &node->disk;
    bool is_durable_term = disk->hard_state.term >= message->term;
    switch (message->type) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
    case RAFT_MESSAGE_READ_REPLY:
        return;
    case RAFT_MESSAGE_READ:
        if (message->read.disk_id == 0) {
            return;
        }
        break;
    case RAFT_MESSAGE_VOTE:
        if (disk->hard_state.term != message->term || disk->hard_state.vote != node->id) {
            fail(oracle, "node %" PRIu64 " asks for votes before its own is durable", node->id);
        }
        return;
    case RAFT_MESSAGE_VOTE_REPLY:
        if (message->vote_reply.granted &&
            (disk->hard_state.term != message->term || disk->hard_state.vote != message->to)) {
            fail(oracle, "vote of node %" PRIu64 " left before it was durable", node->id);
        }
        break;
    case RAFT_MESSAGE_APPEND_REPLY: {
        uint64_t match_index = message->append_reply.match_index;
        if (message->append_reply.rejected || match_index <= disk->state_index) {
            break;
        }
        const struct raft_entry *written = disk_entry(disk, match_index);
        if (written == NULL || written->term != raft_entry_at(node->raft, match_index)->term) {
            fail(oracle, "node %" PRIu64 " acknowledges entry %" PRIu64 " before it is durable",
                 node->id, match_index);
        }
        break;
    }
    case RAFT_MESSAGE_APPEND:
    case RAFT_MESSAGE_HEARTBEAT:
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
    case RAFT_MESSAGE_TIMEOUT_NOW:
        break;
    }
    if (!is_durable_term) {
        fail(oracle, "node %" PRIu64 " states a term that is not durable", node->id);
    }
}

/* A read may not miss what was committed, anywhere, before it began. */
static void check_read(struct oracle *oracle, const struct raft_read_result *read)
{
    for (uint32_t i = 0; i < oracle->reads_count; i++) {
        if (oracle->reads[i].context != read->context) {
            continue;
        }
        if (read->confirmed && read->index < oracle->reads[i].floor) {
            fail(oracle,
                 "read %" PRIu64 " confirmed at %" PRIu64 ", but %" PRIu64
                 " was committed before it began",
                 read->context, read->index, oracle->reads[i].floor);
        }
        oracle->reads_confirmed += read->confirmed ? 1 : 0;
        oracle->reads[i] = oracle->reads[--oracle->reads_count];
        return;
    }
    fail(oracle, "read %" PRIu64 " answered twice, or never asked", read->context);
}

static void observe(struct cluster *cluster, struct cluster_node *node,
                    const struct raft_ready *ready, void *context)
{
    struct oracle *oracle = context;
    check_role(oracle, cluster, node);
    check_commit(oracle, cluster, node, ready->commit_index);
    for (uint32_t i = 0; i < ready->messages_count; i++) {
        check_promise(oracle, node, &ready->messages[i]);
    }
    for (uint32_t i = 0; i < ready->reads_count; i++) {
        check_read(oracle, &ready->reads[i]);
    }
    oracle->terms[node->id] = node->disk.hard_state.term;
}

void oracle_init(struct oracle *oracle, struct cluster *cluster)
{
    memset(oracle, 0, sizeof(*oracle));
    cluster->observer = observe;
    cluster->observer_context = oracle;
}

void oracle_read_begins(struct oracle *oracle, uint64_t context)
{
    if (oracle->reads_count == sizeof(oracle->reads) / sizeof(oracle->reads[0])) {
        fail(oracle, "reads are never answered");
        return;
    }
    oracle->reads[oracle->reads_count++] = (struct oracle_read){context, oracle->committed_count};
}

void oracle_node_crashed(struct oracle *oracle, const struct cluster *cluster, uint64_t id)
{
    oracle->checked[id] = cluster->nodes[id].disk.state_index;
}

void oracle_node_wiped(struct oracle *oracle, uint64_t id)
{
    oracle->checked[id] = 0;
    oracle->terms[id] = 0;
}

/* Whether the voters on their recorded disks are a majority without node id. */
static bool is_sound_without(const struct cluster *cluster,
                             const struct raft_configuration *configuration, uint64_t id)
{
    uint32_t voters = 0;
    uint32_t sound = 0;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        if (member->role != RAFT_VOTER) {
            continue;
        }
        voters++;
        sound += member->id != id && member->disk_id == cluster->nodes[member->id].disk_id ? 1 : 0;
    }
    return sound > voters / 2;
}

/* Whether a voter has no recorded disk: any disk of it would count. */
static bool lacks_disks(const struct raft_configuration *configuration)
{
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        if (configuration->members[i].role == RAFT_VOTER &&
            configuration->members[i].disk_id == 0) {
            return true;
        }
    }
    return false;
}

bool oracle_may_wipe(const struct oracle *oracle, const struct cluster *cluster, uint64_t id)
{
    uint64_t committed = 0;
    for (uint64_t other = 1; other <= cluster->nodes_count; other++) {
        if (other == id) {
            continue;
        }
        if (cluster->nodes[other].raft == NULL) {
            return false;
        }
        struct raft_status status = cluster_status(cluster, other);
        if (status.configuration_index > status.persisted_index ||
            lacks_disks(raft_configuration_latest(cluster->nodes[other].raft))) {
            return false;
        }
        if (status.configuration_index <= oracle->committed_count &&
            status.configuration_index > committed) {
            committed = status.configuration_index;
        }
    }
    for (uint64_t other = 1; other <= cluster->nodes_count; other++) {
        if (other != id && cluster_status(cluster, other).configuration_index >= committed &&
            !is_sound_without(cluster, raft_configuration_latest(cluster->nodes[other].raft), id)) {
            return false;
        }
    }
    return committed > 0;
}

/* Log Matching: same index and term, then the same in all that goes before. */
static void check_pair(struct oracle *oracle, const struct cluster *cluster, uint64_t a, uint64_t b)
{
    const struct raft *left = cluster->nodes[a].raft;
    const struct raft *right = cluster->nodes[b].raft;
    struct raft_status left_status = cluster_status(cluster, a);
    struct raft_status right_status = cluster_status(cluster, b);
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
            fail(oracle, "logs of %" PRIu64 " and %" PRIu64 " part before a match, at %" PRIu64, a,
                 b, index);
        }
        if (same && hash_entry(x) != hash_entry(y)) {
            fail(oracle,
                 "logs of %" PRIu64 " and %" PRIu64 " differ in entry %" PRIu64 " of the same term",
                 a, b, index);
        }
        matching = matching || same;
    }
}

void oracle_check_logs(struct oracle *oracle, const struct cluster *cluster)
{
    for (uint64_t a = 1; a <= cluster->nodes_count; a++) {
        for (uint64_t b = a + 1; b <= cluster->nodes_count; b++) {
            if (cluster->nodes[a].raft != NULL && cluster->nodes[b].raft != NULL) {
                check_pair(oracle, cluster, a, b);
            }
        }
    }
}
