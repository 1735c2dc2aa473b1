/* lab.c -- a cluster of real replicas in one thread. */
#include "unit/replica/lab.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/node_id.h"
#include "unit/replica/lab_client.h"
#include "unit/replica/lab_host.h"

enum {
    /* A node that takes more turns than this without time passing does not come to rest. */
    TURNS_AT_ONCE_MAX = 2000,
};

void lab_fail(struct lab *lab, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    lab->failures++;
    if (lab->failures <= 10) {
        (void)fprintf(stderr, "SEED=%" PRIu64 " at %" PRIu64 " ms: %s\n", lab->options.seed,
                      lab->now_ms, text);
    }
}

/* ---- Nodes ---- */

uint64_t lab_id(uint32_t number)
{
    char name[LIMIT_NODE_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "node-%u", number + 1);
    return node_id_of_name(name);
}

static uint32_t number_of(const struct lab *lab, uint64_t id)
{
    uint32_t number = 0;
    while (number < lab->nodes_count && lab_id(number) != id) {
        number++;
    }
    ASSERT(number < lab->nodes_count);
    return number;
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

void lab_start(struct lab_node *node)
{
    struct lab *lab = node->lab;
    ASSERT(node->replica == NULL);
    struct replica_host host;
    lab_host_init(&host, node);
    struct replica_options options = {.incarnation = ++node->disk.incarnation,
                                      .request_timeout_ms = lab->options.request_timeout_ms,
                                      .password = lab->options.password,
                                      .host = &host,
                                      .is_state_missing = node->is_state_missing,
                                      .snapshot = lab->options.snapshot};
    settle_disks(node);
    options.raft.id = lab_id(node->number);
    options.raft.disk_id = node->disk.disk_id;
    options.raft.seed = prng_next(&lab->prng);
    options.raft.timers = lab->options.timers;
    options.raft.hard_state = node->disk.hard_state;
    options.raft.snapshot_index = node->disk.base_index;
    options.raft.snapshot_term = node->disk.base_term;
    options.raft.entries = node->disk.entries;
    options.raft.entries_count = node->disk.entries_count;
    /* The hint may be lost with its database: both starts must do. */
    options.raft.commit_index = prng_below(&lab->prng, 2) == 0 ? 0 : node->disk.commit_index;
    if (node->state.saved.meta.index > 0) {
        options.raft.configuration = node->state.saved.meta.configuration;
    } else if (node->number < lab->options.members_count && !node->disk.was_wiped) {
        put_members(lab, &options.raft.configuration);
    }
    options.restore = node->is_state_missing ? NULL : lab_state_restore(node);
    uint64_t name[2] = {prng_next(&lab->prng), node->number};
    memcpy(options.new_cluster_id, name, sizeof(options.new_cluster_id));
    (void)snprintf(options.self.name, sizeof(options.self.name), "node-%u", node->number + 1);
    (void)snprintf(options.self.raft_address, sizeof(options.self.raft_address), "10.0.0.%u:9000",
                   node->number + 1);
    enum result result = replica_create(&options, lab->now_ms + node->monotonic_base_ms,
                                        lab_host_wall_ms(node), &node->replica);
    ASSERT(result == RESULT_OK);
    if (node->disk.was_wiped) {
        replica_on_cluster_found(node->replica);
    }
    replica_set_debug_access(node->replica, REPLICA_DEBUG_YES);
    node->has_diverged = false;
    node->is_in_turn = true;
    node->has_work = true;
    node->is_paused = false;
}

void lab_begin_turn(struct lab_node *node)
{
    ASSERT(node->replica != NULL);
    if (!node->is_in_turn) {
        replica_begin_turn(node->replica, node->lab->now_ms + node->monotonic_base_ms,
                           lab_host_wall_ms(node));
        node->is_in_turn = true;
    }
    node->has_work = true;
}

void lab_crash(struct lab_node *node)
{
    if (node->replica == NULL) {
        return;
    }
    lab_resume(node);
    lab_clients_lose(node);
    replica_destroy(node->replica);
    node->replica = NULL;
    node->is_in_turn = false;
    node->has_work = false;
    lab_disk_crash(&node->disk, &node->lab->prng);
    lab_state_crash(&node->state);
    lab_network_drop_for(&node->lab->network, node->number);
}

void lab_wipe(struct lab_node *node)
{
    ASSERT(node->replica == NULL);
    uint64_t incarnation = node->disk.incarnation;
    uint64_t delay_ms_max = node->disk.delay_ms_max;
    lab_disk_deinit(&node->disk);
    node->disk.incarnation = incarnation;
    node->disk.delay_ms_max = delay_ms_max;
    node->disk.disk_id = prng_next(&node->lab->prng) | 1;
    node->disk.was_wiped = true;
}

void lab_pause(struct lab_node *node)
{
    if (lab_is_live(node)) {
        node->is_paused = true;
        node->paused_since_ms = node->lab->now_ms;
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
    for (uint32_t i = 0; i < node->lab->nodes_count; i++) {
        lab_network_cut(&node->lab->network, node->number, i, true);
        lab_network_cut(&node->lab->network, i, node->number, true);
    }
}

/* ---- A turn ---- */

/* Every node must have the same hash at the same index. */
static void check_state_hash(struct lab_node *node)
{
    struct lab *lab = node->lab;
    struct replica_status status;
    replica_get_status(node->replica, &status);
    if (status.applied_index >= lab->hashes_capacity) {
        uint64_t capacity = status.applied_index * 2 + 1024;
        lab->state_hashes = mem_realloc(lab->state_hashes, capacity * sizeof(uint64_t));
        memset(lab->state_hashes + lab->hashes_capacity, 0,
               (capacity - lab->hashes_capacity) * sizeof(uint64_t));
        lab->hashes_capacity = capacity;
    }
    uint64_t *known = &lab->state_hashes[status.applied_index];
    if (*known != 0 && *known != status.state_hash && !lab->allows_divergence) {
        lab_fail(lab, "node %u has another state hash at index %" PRIu64, node->number + 1,
                 status.applied_index);
    }
    *known = status.state_hash;
}

static void deliver_packets(struct lab_node *node)
{
    struct lab *lab = node->lab;
    struct lab_packet packet;
    while (lab_network_take(&lab->network, node->number, lab->now_ms, &packet)) {
        struct slice frame = buf_slice(&packet.frame);
        struct peer_frame_header header;
        struct peer_message message;
        enum result result = peer_frame_header_decode(frame.bytes, &header);
        ASSERT(result == RESULT_OK);
        struct slice body =
            slice_of(frame.bytes + PEER_FRAME_HEADER_BYTES, frame.size - PEER_FRAME_HEADER_BYTES);
        ASSERT(header.body_bytes == body.size);
        result = peer_frame_decode(&header, body, &node->scratch, &message);
        ASSERT(result == RESULT_OK);
        if (replica_on_message(node->replica, &message) != RESULT_OK) {
            lab_fail(lab, "node %u found its log corrupt", node->number + 1);
        }
        buf_deinit(&packet.frame);
    }
}

static void end_turn(struct lab_node *node)
{
    struct lab *lab = node->lab;
    struct replica_ready ready;
    if (replica_end_turn(node->replica, &ready) != RESULT_OK) {
        lab_fail(lab, "node %u found its log corrupt", node->number + 1);
    }
    node->is_in_turn = false;
    for (uint32_t i = 0; i < ready.orders_count; i++) {
        lab_state_submit(node, &ready.orders[i]);
    }
    for (uint32_t i = 0; i < ready.persists_count; i++) {
        lab_disk_submit(&node->disk, &ready.persists[i], lab->now_ms, &lab->prng);
    }
    for (uint32_t i = 0; i < ready.messages_count; i++) {
        uint32_t to = number_of(lab, ready.messages[i].to);
        lab_network_send(&lab->network, node->number, to, &ready.messages[i], lab->now_ms,
                         &lab->prng);
    }
    uint64_t base_ms = node->monotonic_base_ms;
    node->deadline_ms = ready.deadline_ms > base_ms ? ready.deadline_ms - base_ms : 0;
    if (ready.has_diverged) {
        lab_crash(node); /* as the server does, before a client hears anything */
        node->has_diverged = true;
        return;
    }
    check_state_hash(node);
    lab_clients_serve(node);
    node->has_work = ready.has_more_work || replica_has_new_requests(node->replica);
}

static void take_turn(struct lab_node *node)
{
    struct lab *lab = node->lab;
    if (node->turns_at_ms != lab->now_ms) {
        node->turns_at_ms = lab->now_ms;
        node->turns_at = 0;
    }
    node->turns++;
    if (++node->turns_at == TURNS_AT_ONCE_MAX) {
        lab_fail(lab, "node %u does not come to rest", node->number + 1);
        abort();
    }
    lab_begin_turn(node);
    deliver_packets(node);
    uint64_t persist_id = lab_disk_complete(&node->disk, lab->now_ms);
    if (persist_id != 0) {
        replica_on_persisted(node->replica, persist_id);
    }
    lab_state_complete(node);
    if (node->state.has_crashed) {
        lab_crash(node);
        return;
    }
    replica_note_state_backlog(node->replica, lab_state_backlog(&node->state));
    end_turn(node);
}

/* ---- Time ---- */

static uint64_t due_ms(const struct lab_node *node)
{
    const struct lab *lab = node->lab;
    if (!lab_is_live(node)) {
        return UINT64_MAX;
    }
    if (node->has_work) {
        return lab->now_ms;
    }
    uint64_t due = node->deadline_ms;
    uint64_t disk_ms = lab_disk_due_ms(&node->disk);
    uint64_t state_ms = lab_state_due_ms(&node->state);
    due = state_ms < due ? state_ms : due;
    uint64_t packet_ms = lab_network_due_ms(&lab->network, node->number);
    due = disk_ms < due ? disk_ms : due;
    return packet_ms < due ? packet_ms : due;
}

void lab_run_until(struct lab *lab, uint64_t until_ms)
{
    for (;;) {
        uint64_t next_ms = UINT64_MAX;
        uint32_t first = 0;
        uint32_t begin = (uint32_t)prng_below(&lab->prng, lab->nodes_count);
        for (uint32_t i = 0; i < lab->nodes_count; i++) {
            uint32_t number = (begin + i) % lab->nodes_count;
            uint64_t node_ms = due_ms(&lab->nodes[number]);
            if (node_ms < next_ms) {
                next_ms = node_ms;
                first = number;
            }
        }
        if (next_ms > until_ms) {
            lab->now_ms = until_ms > lab->now_ms ? until_ms : lab->now_ms;
            return;
        }
        lab->now_ms = next_ms > lab->now_ms ? next_ms : lab->now_ms;
        take_turn(&lab->nodes[first]);
    }
}

void lab_run_for(struct lab *lab, uint64_t ms)
{
    lab_run_until(lab, lab->now_ms + ms);
}

struct lab_node *lab_leader(struct lab *lab)
{
    struct lab_node *leader = NULL;
    uint64_t term = 0;
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        struct replica_status status;
        if (!lab_is_live(&lab->nodes[i])) {
            continue;
        }
        replica_get_status(lab->nodes[i].replica, &status);
        if (status.raft.role == RAFT_LEADER && status.raft.term > term) {
            leader = &lab->nodes[i];
            term = status.raft.term;
        }
    }
    return leader;
}

struct lab_node *lab_follower(struct lab *lab)
{
    const struct lab_node *leader = lab_leader(lab);
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        if (lab_is_live(&lab->nodes[i]) && &lab->nodes[i] != leader) {
            return &lab->nodes[i];
        }
    }
    return NULL;
}

struct lab_node *lab_run_to_leader(struct lab *lab, uint64_t max_ms)
{
    uint64_t until_ms = lab->now_ms + max_ms;
    while (lab->now_ms < until_ms) {
        lab_run_for(lab, 10);
        struct lab_node *leader = lab_leader(lab);
        if (leader != NULL) {
            struct replica_status status;
            replica_get_status(leader->replica, &status);
            if (status.raft.own_term_committed &&
                status.raft.commit_index == status.applied_index &&
                status.raft.commit_index == status.raft.last_index) {
                return leader;
            }
        }
    }
    return NULL;
}

void lab_open(struct lab *lab, const struct lab_options *options)
{
    ASSERT(options->nodes_count <= LAB_NODES_MAX);
    *lab = (struct lab){.options = *options, .nodes_count = options->nodes_count, .now_ms = 1000};
    if (options->members_count == 0) {
        lab->options.members_count = options->nodes_count;
    }
    prng_init(&lab->prng, options->seed);
    list_init(&lab->clients);
    lab->network.delay_ms_max = 1;
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        struct lab_node *node = &lab->nodes[i];
        node->lab = lab;
        node->number = i;
        node->monotonic_base_ms = 1000 + prng_below(&lab->prng, 1000000);
        node->disk.delay_ms_max = 2;
        node->disk.disk_id = lab_id(i) ^ options->seed;
        node->state.delay_ms_max = 2;
        if (i < lab->options.members_count) {
            lab_start(node);
        }
    }
}

void lab_close(struct lab *lab)
{
    lab_clients_close(lab);
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        struct lab_node *node = &lab->nodes[i];
        if (node->replica != NULL) {
            replica_destroy(node->replica);
        }
        lab_disk_deinit(&node->disk);
        lab_state_deinit(&node->state);
        peer_frame_scratch_deinit(&node->scratch);
    }
    lab_network_deinit(&lab->network);
    mem_free(lab->state_hashes);
}
