/* cluster.c -- cores, disks and mail. */
#include "unit/raft/cluster_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"

static void *grow(void *array, uint32_t count, uint32_t *capacity, size_t item_size)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    return mem_realloc(array, *capacity * item_size);
}

void cluster_write_disk(struct cluster *cluster, uint64_t id, struct raft_hard_state hard_state,
                        const uint64_t *terms, uint32_t terms_count)
{
    struct cluster_node *node = &cluster->nodes[id];
    ASSERT(node->raft == NULL);
    cluster_disk_truncate(&node->disk, 1);
    node->disk.hard_state = hard_state;
    for (uint32_t i = 0; i < terms_count; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "t%d", (int)terms[i]);
        struct raft_entry entry = {.index = i + 1, .term = terms[i], .type = RAFT_ENTRY_COMMAND};
        entry.payload = blob_copy(slice_of_string(text));
        cluster_disk_append(&node->disk, &entry);
        blob_release(entry.payload);
    }
}

/* ---- Life and death ---- */

void cluster_init(struct cluster *cluster, uint32_t voters_count, uint32_t learners_count,
                  uint64_t seed)
{
    memset(cluster, 0, sizeof(*cluster));
    cluster->seed = seed;
    cluster->now_ms = 1000;
    cluster->nodes_count = voters_count + learners_count;
    ASSERT(cluster->nodes_count <= CLUSTER_NODES_MAX);
    for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
        cluster->nodes[id].disk_id = id * 100;
        struct raft_member member = {.id = id,
                                     .disk_id = cluster->nodes[id].disk_id,
                                     .role = id <= voters_count ? RAFT_VOTER : RAFT_LEARNER};
        (void)snprintf(member.name, sizeof(member.name), "node-%d", (int)id);
        enum result result = raft_configuration_put(&cluster->configuration, &member);
        ASSERT(result == RESULT_OK);
        cluster->nodes[id].id = id;
    }
    for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
        cluster->nodes[id].disk.configuration = cluster->configuration;
    }
}

void cluster_forget_disks(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->configuration.members_count; i++) {
        cluster->configuration.members[i].disk_id = 0;
    }
    for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
        cluster->nodes[id].disk.configuration = cluster->configuration;
    }
}

uint64_t cluster_add_node(struct cluster *cluster)
{
    ASSERT(cluster->nodes_count < CLUSTER_NODES_MAX);
    uint64_t id = ++cluster->nodes_count;
    cluster->nodes[id].id = id;
    cluster->nodes[id].disk_id = id * 100;
    return id;
}

void cluster_wipe(struct cluster *cluster, uint64_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    cluster_crash(cluster, id);
    cluster_disk_reset(&node->disk, 0, 0);
    node->disk.hard_state = (struct raft_hard_state){0};
    node->disk.state_index = 0;
    node->disk.state_term = 0;
    node->disk.configuration = cluster->configuration;
    node->disk.configuration.cluster_id[0] = 1;
    node->disk_id++;
}

void cluster_lose(struct cluster *cluster, uint64_t id, uint32_t count)
{
    struct cluster_disk *disk = &cluster->nodes[id].disk;
    ASSERT(cluster->nodes[id].raft == NULL);
    ASSERT(count <= disk->entries_count);
    cluster_disk_truncate(disk, disk->snapshot_index + disk->entries_count - count + 1);
}

void cluster_take_image(struct cluster *cluster, uint64_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    cluster_disk_copy(&node->image, &node->disk);
    node->has_image = true;
}

void cluster_restore_image(struct cluster *cluster, uint64_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    ASSERT(node->raft == NULL && node->has_image);
    cluster_disk_copy(&node->disk, &node->image);
}

void cluster_swap_disks(struct cluster *cluster, uint64_t a, uint64_t b)
{
    cluster_crash(cluster, a);
    cluster_crash(cluster, b);
    struct cluster_disk disk = cluster->nodes[a].disk;
    uint64_t disk_id = cluster->nodes[a].disk_id;
    cluster->nodes[a].disk = cluster->nodes[b].disk;
    cluster->nodes[a].disk_id = cluster->nodes[b].disk_id;
    cluster->nodes[b].disk = disk;
    cluster->nodes[b].disk_id = disk_id;
}

void cluster_deinit(struct cluster *cluster)
{
    cluster_drop_all(cluster);
    mem_free(cluster->mails);
    for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
        cluster_crash(cluster, id);
        mem_free(cluster->nodes[id].persists);
        cluster_free_entries(cluster->nodes[id].disk.entries,
                             cluster->nodes[id].disk.entries_count);
        cluster_free_entries(cluster->nodes[id].image.entries,
                             cluster->nodes[id].image.entries_count);
    }
}

void cluster_start(struct cluster *cluster, uint64_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    cluster_crash(cluster, id);
    if (!cluster_disk_has(&node->disk, node->disk.state_index, node->disk.state_term)) {
        cluster_disk_reset(&node->disk, node->disk.state_index, node->disk.state_term);
    }
    struct raft_start start = {.id = id,
                               .disk_id = node->disk_id,
                               .seed = hash_mix(cluster->seed, id + cluster->now_ms * 16),
                               .timers = cluster->timers,
                               .hard_state = node->disk.hard_state,
                               .configuration = node->disk.configuration,
                               .snapshot_index = node->disk.snapshot_index,
                               .snapshot_term = node->disk.snapshot_term,
                               .entries = node->disk.entries,
                               .entries_count = node->disk.entries_count,
                               .commit_index = node->disk.state_index,
                               .withhold_ms = cluster->withhold_ms};
    if (start.hard_state.term < node->disk.state_term) {
        start.hard_state = (struct raft_hard_state){node->disk.state_term, RAFT_ID_NONE};
        node->disk.hard_state = start.hard_state;
    }
    enum result result = raft_create(&start, cluster->now_ms, &node->raft);
    ASSERT(result == RESULT_OK);
    node->deadline_ms = cluster->now_ms;
    node->commit_index = node->disk.state_index;
    node->reads_count = 0;
    /* The first step only tells the deadline, except that a cluster of one starts its term. */
    (void)cluster_step(cluster, id, &(struct raft_event){.type = RAFT_EVENT_DEADLINE});
}

void cluster_start_all(struct cluster *cluster)
{
    for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
        cluster_start(cluster, id);
    }
}

void cluster_crash(struct cluster *cluster, uint64_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    raft_destroy(node->raft);
    node->raft = NULL;
    for (uint32_t i = 0; i < node->persists_count; i++) {
        cluster_free_entries(node->persists[i].entries, node->persists[i].persist.entries_count);
    }
    node->persists_count = 0;
}

struct raft_status cluster_status(const struct cluster *cluster, uint64_t id)
{
    struct raft_status status;
    raft_get_status(cluster->nodes[id].raft, &status);
    return status;
}

uint64_t cluster_leader(const struct cluster *cluster)
{
    uint64_t leader = RAFT_ID_NONE;
    uint64_t term = 0;
    for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
        if (cluster->nodes[id].raft == NULL) {
            continue;
        }
        struct raft_status status = cluster_status(cluster, id);
        if (status.role == RAFT_LEADER && status.term > term) {
            leader = id;
            term = status.term;
        }
    }
    return leader;
}

/* ---- Steps ---- */

static void post(struct cluster *cluster, const struct raft_message *message)
{
    cluster->mails = grow(cluster->mails, cluster->mails_count, &cluster->mails_capacity,
                          sizeof(*cluster->mails));
    struct cluster_mail *mail = &cluster->mails[cluster->mails_count++];
    *mail = (struct cluster_mail){.message = *message, .due_ms = cluster->now_ms};
    if (message->type == RAFT_MESSAGE_APPEND) {
        mail->entries =
            cluster_copy_entries(message->append.entries, message->append.entries_count);
        mail->message.append.entries = mail->entries;
    }
}

static void take_ready(struct cluster *cluster, struct cluster_node *node,
                       const struct raft_ready *ready)
{
    if (cluster->observer != NULL) {
        cluster->observer(cluster, node, ready, cluster->observer_context);
    }
    for (uint32_t i = 0; i < ready->messages_count; i++) {
        post(cluster, &ready->messages[i]);
    }
    for (uint32_t i = 0; i < ready->reads_count && node->reads_count < CLUSTER_READS_MAX; i++) {
        node->reads[node->reads_count++] = ready->reads[i];
    }
    if (ready->persist.id != 0) {
        node->persists = grow(node->persists, node->persists_count, &node->persists_capacity,
                              sizeof(*node->persists));
        struct cluster_persist *persist = &node->persists[node->persists_count++];
        persist->persist = ready->persist;
        persist->entries =
            cluster_copy_entries(ready->persist.entries, ready->persist.entries_count);
        persist->persist.entries = persist->entries;
        persist->due_ms = cluster->now_ms;
    }
    ASSERT(ready->commit_index >= node->commit_index);
    node->commit_index = ready->commit_index;
    node->deadline_ms = ready->deadline_ms;
}

enum result cluster_step(struct cluster *cluster, uint64_t id, const struct raft_event *event)
{
    struct cluster_node *node = &cluster->nodes[id];
    ASSERT(node->raft != NULL);
    struct raft_ready ready;
    enum result result = raft_step(node->raft, cluster->now_ms, event, &ready);
    raft_check_invariants(node->raft);
    take_ready(cluster, node, &ready);
    if (!node->persists_by_hand) {
        while (cluster_persist(cluster, id, UINT32_MAX) > 0) {
        }
    }
    return result;
}

uint32_t cluster_persist(struct cluster *cluster, uint64_t id, uint32_t count)
{
    struct cluster_node *node = &cluster->nodes[id];
    if (count > node->persists_count) {
        count = node->persists_count;
    }
    if (count == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        cluster_disk_write(&node->disk, &node->persists[i].persist);
        cluster_free_entries(node->persists[i].entries, node->persists[i].persist.entries_count);
    }
    struct raft_event event = {.type = RAFT_EVENT_PERSISTED,
                               .persist_id = node->persists[count - 1].persist.id};
    node->persists_count -= count;
    memmove(node->persists, node->persists + count, node->persists_count * sizeof(*node->persists));
    (void)cluster_step(cluster, id, &event);
    return count;
}

enum result cluster_receive(struct cluster *cluster, const struct raft_message *message)
{
    struct raft_event event = {.type = RAFT_EVENT_MESSAGE, .message = message};
    return cluster_step(cluster, message->to, &event);
}

enum result cluster_propose(struct cluster *cluster, uint64_t id, const char *text)
{
    struct blob *blob = blob_copy(slice_of_string(text));
    struct raft_event event = {.type = RAFT_EVENT_PROPOSE, .proposal = blob};
    enum result result = cluster_step(cluster, id, &event);
    if (result != RESULT_OK) {
        blob_release(blob);
    }
    return result;
}

void cluster_read(struct cluster *cluster, uint64_t id, uint64_t context)
{
    struct raft_event event = {.type = RAFT_EVENT_READ, .read_context = context};
    (void)cluster_step(cluster, id, &event);
}

enum result cluster_change(struct cluster *cluster, uint64_t id, enum raft_change_kind kind,
                           uint64_t who, bool force)
{
    struct raft_change change = {.kind = kind, .member.id = who, .force = force};
    struct raft_event event = {.type = RAFT_EVENT_CHANGE, .change = &change};
    return cluster_step(cluster, id, &event);
}

enum result cluster_add(struct cluster *cluster, uint64_t id, uint64_t who,
                        enum raft_member_role role)
{
    struct raft_change change = {.kind = RAFT_CHANGE_ADD, .member = {.id = who, .role = role}};
    (void)snprintf(change.member.name, sizeof(change.member.name), "node-%d", (int)who);
    (void)snprintf(change.member.raft_address, sizeof(change.member.raft_address), "host-%d:9001",
                   (int)who);
    struct raft_event event = {.type = RAFT_EVENT_CHANGE, .change = &change};
    return cluster_step(cluster, id, &event);
}

enum result cluster_transfer(struct cluster *cluster, uint64_t id, uint64_t to)
{
    struct raft_event event = {.type = RAFT_EVENT_TRANSFER, .peer = to};
    return cluster_step(cluster, id, &event);
}

void cluster_expire(struct cluster *cluster, uint64_t id)
{
    if (cluster->nodes[id].deadline_ms > cluster->now_ms) {
        cluster->now_ms = cluster->nodes[id].deadline_ms;
    }
    (void)cluster_step(cluster, id, &(struct raft_event){.type = RAFT_EVENT_DEADLINE});
}

/* The configuration as of an index that the node has in memory or compacted to. */
static struct raft_configuration configuration_at(const struct cluster_node *node, uint64_t index)
{
    struct raft_configuration configuration = node->disk.configuration;
    struct raft_status status;
    raft_get_status(node->raft, &status);
    for (uint64_t i = status.first_index; i <= index; i++) {
        const struct raft_entry *entry = raft_entry_at(node->raft, i);
        if (entry->type == RAFT_ENTRY_CONFIGURATION && i > node->disk.state_index) {
            enum result result =
                raft_configuration_decode(blob_slice(entry->payload), &configuration);
            ASSERT(result == RESULT_OK);
        }
    }
    return configuration;
}

void cluster_compact(struct cluster *cluster, uint64_t id, uint64_t index)
{
    struct cluster_node *node = &cluster->nodes[id];
    struct raft_status status = cluster_status(cluster, id);
    ASSERT(index <= status.commit_index);
    ASSERT(index >= status.first_index);
    struct cluster_disk *disk = &node->disk;
    ASSERT(index <= disk->snapshot_index + disk->entries_count);
    uint64_t dropped = index - disk->snapshot_index;
    disk->configuration = configuration_at(node, index);
    disk->snapshot_term = raft_entry_at(node->raft, index)->term;
    disk->state_index = index;
    disk->state_term = disk->snapshot_term;
    for (uint64_t i = 0; i < dropped; i++) {
        blob_release(disk->entries[i].payload);
    }
    disk->entries_count -= dropped;
    memmove(disk->entries, disk->entries + dropped, disk->entries_count * sizeof(*disk->entries));
    disk->snapshot_index = index;
    struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT_SAVED, .snapshot_index = index};
    (void)cluster_step(cluster, id, &event);
}

enum result cluster_install(struct cluster *cluster, uint64_t from, uint64_t to, uint64_t index)
{
    struct cluster_node *sender = &cluster->nodes[from];
    struct cluster_disk *disk = &cluster->nodes[to].disk;
    ASSERT(index <= sender->commit_index);
    ASSERT(index >= sender->disk.state_index);
    if (index <= disk->state_index) {
        return RESULT_OK; /* Storage has a later one. */
    }
    uint64_t term = index == sender->disk.state_index ? sender->disk.state_term
                                                      : raft_entry_at(sender->raft, index)->term;
    disk->configuration = configuration_at(sender, index);
    disk->state_index = index;
    disk->state_term = term;
    struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT_INSTALLED};
    event.snapshot = (struct raft_snapshot){index, term, &disk->configuration};
    return cluster_step(cluster, to, &event);
}

/* ---- Mail ---- */

/* Takes a piece of mail out; the caller owns its entries. */
static struct cluster_mail remove_mail(struct cluster *cluster, uint32_t at)
{
    ASSERT(at < cluster->mails_count);
    struct cluster_mail mail = cluster->mails[at];
    cluster->mails_count--;
    memmove(&cluster->mails[at], &cluster->mails[at + 1],
            (cluster->mails_count - at) * sizeof(*cluster->mails));
    return mail;
}

static void free_mail(struct cluster_mail *mail)
{
    if (mail->message.type == RAFT_MESSAGE_APPEND) {
        cluster_free_entries(mail->entries, mail->message.append.entries_count);
    }
}

enum result cluster_deliver_at(struct cluster *cluster, uint32_t at)
{
    struct cluster_mail mail = remove_mail(cluster, at);
    uint64_t to = mail.message.to;
    enum result result = RESULT_OK;
    if (to <= cluster->nodes_count && cluster->nodes[to].raft != NULL &&
        !cluster->cut[mail.message.from][to]) {
        result = cluster_receive(cluster, &mail.message);
    }
    free_mail(&mail);
    return result;
}

void cluster_deliver_all(struct cluster *cluster)
{
    for (uint32_t i = 0; cluster->mails_count > 0; i++) {
        ASSERT(i < 100000);
        enum result result = cluster_deliver_at(cluster, 0);
        ASSERT(result == RESULT_OK);
    }
}

void cluster_link(struct cluster *cluster, uint64_t from, uint64_t to)
{
    const struct raft *sender = cluster->nodes[from].raft;
    if (from == to || sender == NULL || cluster->nodes[to].raft == NULL || cluster->cut[from][to]) {
        return;
    }
    struct raft_event event = {.type = RAFT_EVENT_REMEMBERED};
    event.remembered = (struct raft_remembered){from, raft_get_memory(sender, to)};
    (void)cluster_step(cluster, to, &event);
}

void cluster_drop_at(struct cluster *cluster, uint32_t at)
{
    struct cluster_mail mail = remove_mail(cluster, at);
    free_mail(&mail);
}

void cluster_drop_mail_of(struct cluster *cluster, uint64_t id)
{
    for (uint32_t at = cluster->mails_count; at > 0; at--) {
        const struct raft_message *message = &cluster->mails[at - 1].message;
        if (message->from == id || message->to == id) {
            cluster_drop_at(cluster, at - 1);
        }
    }
}

void cluster_drop_all(struct cluster *cluster)
{
    while (cluster->mails_count > 0) {
        cluster_drop_at(cluster, cluster->mails_count - 1);
    }
}

void cluster_repeat_at(struct cluster *cluster, uint32_t at)
{
    struct raft_message message = cluster->mails[at].message;
    post(cluster, &message);
}

const struct cluster_mail *cluster_find_mail(const struct cluster *cluster,
                                             enum raft_message_type type, uint64_t from,
                                             uint64_t to)
{
    for (uint32_t i = 0; i < cluster->mails_count; i++) {
        const struct cluster_mail *mail = &cluster->mails[i];
        if (mail->message.type == type && (from == RAFT_ID_NONE || mail->message.from == from) &&
            (to == RAFT_ID_NONE || mail->message.to == to)) {
            return mail;
        }
    }
    return NULL;
}

void cluster_cut(struct cluster *cluster, uint64_t a, uint64_t b, bool cut)
{
    cluster->cut[a][b] = cut;
    cluster->cut[b][a] = cut;
}

void cluster_isolate(struct cluster *cluster, uint64_t id, bool cut)
{
    for (uint64_t other = 1; other <= cluster->nodes_count; other++) {
        cluster_cut(cluster, id, other, cut);
    }
}

void cluster_run(struct cluster *cluster, uint64_t ms)
{
    uint64_t end_ms = cluster->now_ms + ms;
    cluster_deliver_all(cluster);
    for (;;) {
        uint64_t next = RAFT_ID_NONE;
        for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
            const struct cluster_node *node = &cluster->nodes[id];
            if (node->raft != NULL &&
                (next == RAFT_ID_NONE || node->deadline_ms < cluster->nodes[next].deadline_ms)) {
                next = id;
            }
        }
        if (next == RAFT_ID_NONE || cluster->nodes[next].deadline_ms > end_ms) {
            break;
        }
        cluster_expire(cluster, next);
        cluster_deliver_all(cluster);
    }
    cluster->now_ms = end_ms;
}

void cluster_elect(struct cluster *cluster, uint64_t id)
{
    /* Long enough that nobody holds to an earlier leader. */
    cluster->now_ms += 1000;
    (void)cluster_step(cluster, id, &(struct raft_event){.type = RAFT_EVENT_DEADLINE});
    if (cluster_status(cluster, id).role == RAFT_FOLLOWER) {
        (void)cluster_step(cluster, id, &(struct raft_event){.type = RAFT_EVENT_DEADLINE});
    }
    cluster_deliver_all(cluster);
    ASSERT(cluster_leader(cluster) == id);
}
