/* lab_node.c -- a node of the lab: how it starts from its disks, and all that can happen to it. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/node_id.h"
#include "replica/replica_internal.h"
#include "sim/lab.h"
#include "sim/lab_client.h"
#include "sim/lab_host.h"

enum {
    /* A replay that takes more turns than this does not end. */
    REPLAY_TURNS_MAX = 100000,
};

uint64_t lab_id(uint32_t number)
{
    static uint64_t ids[LAB_NODES_MAX];
    ASSERT(number < LAB_NODES_MAX);
    if (ids[number] == 0) {
        char name[LIMIT_NODE_NAME_BYTES];
        (void)snprintf(name, sizeof(name), "node-%u", number + 1);
        ids[number] = node_id_of_name(name);
    }
    return ids[number];
}

uint32_t lab_number_of(const struct lab *lab, uint64_t id)
{
    uint32_t number = 0;
    while (number < lab->nodes_count && lab_id(number) != id) {
        number++;
    }
    return number;
}

uint64_t lab_node_ms(const struct lab_node *node)
{
    return node->monotonic_base_ms + lab_by_clock_of(node, node->lab->now_ms);
}

/* What the nodes that found the cluster are told; one that comes later is told nothing. */
static void put_members(const struct lab *lab, struct raft_configuration *configuration)
{
    for (uint32_t i = 0; i < lab->options.members_count; i++) {
        struct raft_member member = {.id = lab_id(i), .role = RAFT_VOTER};
        (void)snprintf(member.name, sizeof(member.name), "node-%u", i + 1);
        (void)snprintf(member.raft_address, sizeof(member.raft_address), "10.0.0.%u:9000", i + 1);
        (void)snprintf(member.http_address, sizeof(member.http_address), "10.0.0.%u:8000", i + 1);
        (void)snprintf(member.redis_address, sizeof(member.redis_address), "10.0.0.%u:6379", i + 1);
        enum result result = raft_configuration_put(configuration, &member);
        ASSERT(result == RESULT_OK);
    }
}

/* What is on the disks goes together, or is made to: as a node does when it starts. */
static void settle_disks(struct lab_node *node)
{
    struct lab_disk *disk = &node->disk;
    const struct replica_state_meta *meta = &node->state.saved.meta;
    uint64_t last_index = disk->base_index + disk->entries_count;
    if (node->is_state_missing) {
        return;
    }
    if (disk->base_index > meta->index) {
        lab_fail(node->lab, "node %u dropped entries that are in no snapshot", node->number + 1);
    }
    bool is_there = meta->index >= disk->base_index && meta->index <= last_index;
    uint64_t term = !is_there ? 0
                    : meta->index == disk->base_index
                        ? disk->base_term
                        : disk->entries[meta->index - disk->base_index - 1].term;
    if (!is_there || term != meta->term) {
        lab_disk_reset(disk, meta->index, meta->term);
        disk->commit_index = meta->index;
    }
}

/* Creates a replica from what is on the node's disks, knowing of so much that it is committed. */
static struct replica *create_replica(struct lab_node *node, uint64_t incarnation,
                                      uint64_t commit_index)
{
    struct lab *lab = node->lab;
    struct lab_disk *disk = &node->disk;
    struct replica_host host;
    lab_host_init(&host, node);
    struct replica_options options = {.incarnation = incarnation,
                                      .request_timeout_ms = lab->options.request_timeout_ms,
                                      .password = lab->options.password,
                                      .host = &host,
                                      .is_state_missing = node->is_state_missing,
                                      .snapshot = lab->options.snapshot};
    options.raft.id = lab_id(node->number);
    options.raft.disk_id = disk->disk_id;
    options.raft.seed = prng_next(&lab->prng);
    options.raft.timers = lab->options.timers;
    options.raft.hard_state = disk->hard_state;
    options.raft.snapshot_index = disk->base_index;
    options.raft.snapshot_term = disk->base_term;
    options.raft.entries = disk->entries;
    options.raft.entries_count = disk->entries_count;
    options.raft.commit_index = commit_index;
    options.raft.withhold_ms = lab->options.withhold_ms;
    if (node->state.saved.meta.index > 0) {
        options.raft.configuration = node->state.saved.meta.configuration;
    } else if (disk->known.members_count > 0) {
        options.raft.configuration = disk->known;
    } else if (node->number < lab->options.members_count && !disk->was_wiped) {
        put_members(lab, &options.raft.configuration);
    }
    options.restore = node->is_state_missing ? NULL : lab_state_restore(node);
    uint64_t name[2] = {prng_next(&lab->prng), node->number};
    memcpy(options.new_cluster_id, name, sizeof(options.new_cluster_id));
    (void)snprintf(options.self.name, sizeof(options.self.name), "node-%u", node->number + 1);
    (void)snprintf(options.self.raft_address, sizeof(options.self.raft_address), "10.0.0.%u:9000",
                   node->number + 1);
    struct replica *replica = NULL;
    enum result result =
        replica_create(&options, lab_node_ms(node), lab_host_wall_ms(node), &replica);
    ASSERT(result == RESULT_OK);
    return replica;
}

static uint64_t draw_incarnation_step(struct lab_node *node)
{
    uint64_t max = node->lab->options.incarnation_step_max;
    return max == 0 ? 1 : 1 + prng_below(&node->lab->prng, max);
}

void lab_start(struct lab_node *node)
{
    struct lab *lab = node->lab;
    ASSERT(node->replica == NULL);
    settle_disks(node);
    /* The hint may be lost with its database: both starts must do. */
    uint64_t commit_index = prng_below(&lab->prng, 2) == 0 ? 0 : node->disk.commit_index;
    node->disk.incarnation += draw_incarnation_step(node);
    node->replica = create_replica(node, node->disk.incarnation, commit_index);
    if (node->disk.was_wiped && node->disk.known.members_count == 0) {
        replica_on_cluster_found(node->replica);
    }
    replica_set_debug_access(node->replica, REPLICA_DEBUG_YES);
    lab_oracle_started(node);
    node->has_diverged = false;
    node->alteration = node->is_state_missing ? LAB_SOUND : node->state.saved.alteration;
    node->is_in_turn = true;
    node->has_work = true;
    node->is_paused = false;
}

void lab_check_replay(struct lab_node *node)
{
    struct lab *lab = node->lab;
    const struct lab_disk *disk = &node->disk;
    const struct replica_state_meta *meta = &node->state.saved.meta;
    uint64_t applied_index = node->replica->applied_index;
    uint64_t last_index = disk->base_index + disk->entries_count;
    if (node->alteration != LAB_SOUND || node->is_state_missing ||
        node->replica->is_state_missing || meta->index < disk->base_index ||
        meta->index > last_index || !lab_disk_has(disk, meta->index, meta->term)) {
        return; /* the disks are on their way from one snapshot to another */
    }
    /* Behind that, its disk may still have entries that are overwritten only in memory. */
    struct raft_status status;
    raft_get_status(node->replica->raft, &status);
    uint64_t index =
        applied_index < status.persisted_index ? applied_index : status.persisted_index;
    if (index < meta->index) {
        return;
    }
    struct replica *replica = create_replica(node, disk->incarnation + 1, index);
    uint64_t now_ms = lab_node_ms(node);
    for (uint32_t i = 0; i < REPLAY_TURNS_MAX && replica->applied_index < index; i++) {
        struct replica_ready ready;
        replica_begin_turn(replica, now_ms, lab_host_wall_ms(node));
        enum result result = replica_end_turn(replica, &ready);
        ASSERT(result == RESULT_OK);
    }
    uint64_t known = index < lab->hashes_capacity ? lab->state_hashes[index] : 0;
    bool is_same = replica->applied_index == index &&
                   (known == 0 || keyspace_state_hash(replica->keyspace) == known) &&
                   (index != applied_index || keyspace_content_hash(replica->keyspace) ==
                                                  keyspace_content_hash(node->replica->keyspace));
    if (!is_same && !lab->allows_divergence) {
        lab_fail(lab, "node %u: snapshot and log give another state at index %" PRIu64,
                 node->number + 1, index);
    }
    replica_destroy(replica);
    lab->replays++;
}

void lab_begin_turn(struct lab_node *node)
{
    ASSERT(node->replica != NULL);
    if (!node->is_in_turn) {
        replica_begin_turn(node->replica, lab_node_ms(node), lab_host_wall_ms(node));
        node->is_in_turn = true;
    }
    node->has_work = true;
}

/* What a node wrote keeps the rules. */
static void check_disk(struct lab_node *node)
{
    if (node->disk.violation != NULL) {
        lab_fail(node->lab, "node %u %s", node->number + 1, node->disk.violation);
        node->disk.violation = NULL;
    }
}

void lab_crash(struct lab_node *node)
{
    struct lab *lab = node->lab;
    if (node->replica == NULL) {
        return;
    }
    lab_resume(node);
    lab->faults.counts[LAB_NODE_CRASHED]++;
    lab_clients_lose(node);
    replica_destroy(node->replica);
    node->replica = NULL;
    node->is_in_turn = false;
    node->has_work = false;
    node->crashes_in_turn = false;
    lab_disk_crash(&node->disk, &lab->prng);
    check_disk(node);
    lab_state_crash(&node->state);
    lab_network_drop_for(&lab->network, node->number);
}

/* The disk of a node that is down is gone; another takes its place. */
static void replace_disk(struct lab_node *node)
{
    struct lab_disk old = node->disk;
    struct lab_state old_state = node->state;
    lab_disk_deinit(&node->disk);
    lab_state_deinit(&node->state);
    lab_backup_deinit(&node->backup);
    node->state.delay_ms_max = old_state.delay_ms_max;
    node->state.padding_bytes = old_state.padding_bytes;
    node->state.fails_per_mille = old_state.fails_per_mille;
    node->is_state_missing = false;
    node->gone_index = 0;
    node->gone_term = 0;
    node->disk.incarnation = old.incarnation;
    node->disk.delay_ms_max = old.delay_ms_max;
    node->disk.faults = old.faults;
    node->disk.lost_index = old.base_index + old.entries_count;
    node->disk.disk_id = prng_next(&node->lab->prng) | 1;
    node->disk.was_wiped = true;
    lab_oracle_wiped(node);
}

void lab_wipe(struct lab_node *node)
{
    ASSERT(node->replica == NULL);
    replace_disk(node);
    node->lab->faults.counts[LAB_DISK_LOST]++;
}

bool lab_rot(struct lab_node *node)
{
    ASSERT(node->replica == NULL);
    static const uint8_t nameless[RAFT_CLUSTER_ID_BYTES];
    struct raft_configuration known = {.members_count = 0};
    if (!lab_disk_configuration(&node->disk, &known) && node->state.saved.meta.index > 0) {
        known = node->state.saved.meta.configuration;
    }
    if (memcmp(known.cluster_id, nameless, sizeof(nameless)) == 0) {
        return false;
    }
    replace_disk(node);
    node->disk.known = known;
    node->lab->faults.counts[LAB_DISK_ROTTEN]++;
    return true;
}

void lab_pause(struct lab_node *node)
{
    if (lab_is_live(node)) {
        node->is_paused = true;
        node->paused_since_ms = node->lab->now_ms;
        node->lab->faults.counts[LAB_NODE_PAUSED]++;
    }
}

void lab_resume(struct lab_node *node)
{
    if (node->is_paused) {
        node->is_paused = false;
        node->paused_ms += node->lab->now_ms - node->paused_since_ms;
        lab_begin_turn(node);
        lab_clients_offer(node);
    }
}

void lab_isolate(struct lab_node *node)
{
    node->lab->faults.counts[LAB_NODE_ISOLATED]++;
    for (uint32_t i = 0; i < node->lab->nodes_count; i++) {
        lab_network_cut(&node->lab->network, node->number, i, true);
        lab_network_cut(&node->lab->network, i, node->number, true);
    }
}
