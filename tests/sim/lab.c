/* lab.c -- a cluster of real replicas in one thread. */
#include "sim/lab.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sim/lab_client.h"
#include "sim/lab_host.h"

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
    if (node->alteration == LAB_ALTERED && *known == status.state_hash) {
        node->alteration = LAB_SOUND; /* it started from what was not */
    }
    if (*known != 0 && *known != status.state_hash && node->alteration == LAB_SOUND &&
        !lab->allows_divergence) {
        lab_fail(lab, "node %u has another state hash at index %" PRIu64, node->number + 1,
                 status.applied_index);
    }
    *known = node->alteration == LAB_SOUND ? status.state_hash : *known;
    lab->trace = hash_mix(hash_mix(lab->trace, lab->now_ms ^ ((uint64_t)node->number << 56)),
                          hash_mix(status.applied_index, status.state_hash));
}

/* A frame that is damaged ends the connection it came over, at both ends. */
static void give_up_link(struct lab_node *node, uint32_t from)
{
    struct lab *lab = node->lab;
    struct lab_node *sender = &lab->nodes[from];
    lab->faults.counts[LAB_LINK_RESET]++;
    lab_network_reset(&lab->network, from, node->number);
    lab_network_reset(&lab->network, node->number, from);
    replica_on_peer_unreachable(node->replica, lab_id(from));
    replica_on_peer_connected(node->replica, lab_id(from));
    if (lab_is_live(sender)) {
        lab_begin_turn(sender);
        replica_on_peer_unreachable(sender->replica, lab_id(node->number));
        replica_on_peer_connected(sender->replica, lab_id(node->number));
    }
}

/* As the reader of a connection does: header, then as many bytes as that says, then the rest. */
static enum result decode(struct lab_node *node, struct slice frame, struct peer_message *out)
{
    struct peer_frame_header header;
    if (frame.size < PEER_FRAME_HEADER_BYTES) {
        return RESULT_CORRUPT;
    }
    enum result result = peer_frame_header_decode(frame.bytes, &header);
    if (result != RESULT_OK) {
        return result;
    }
    struct slice body =
        slice_of(frame.bytes + PEER_FRAME_HEADER_BYTES, frame.size - PEER_FRAME_HEADER_BYTES);
    if (header.body_bytes != body.size) {
        return RESULT_CORRUPT; /* it would wait for more, or read on into what follows */
    }
    return peer_frame_decode(&header, body, &node->scratch, out);
}

static void deliver(struct lab_node *node, const struct lab_packet *packet)
{
    struct lab *lab = node->lab;
    struct peer_message message;
    enum result result = decode(node, buf_slice(&packet->frame), &message);
    if ((result == RESULT_OK) == packet->is_damaged) {
        lab_fail(lab, "node %u: a frame that was %s decodes as: %s", node->number + 1,
                 packet->is_damaged ? "damaged" : "whole", result_text(result));
    }
    if (result != RESULT_OK) {
        give_up_link(node, packet->from);
    } else if (replica_on_message(node->replica, &message) != RESULT_OK) {
        lab_fail(lab, "node %u found its log corrupt", node->number + 1);
    }
}

static void deliver_packets(struct lab_node *node)
{
    struct lab_packet packet;
    while (lab_network_take(&node->lab->network, node->number, node->lab->now_ms, &packet)) {
        deliver(node, &packet);
        buf_deinit(&packet.frame);
    }
}

/* How many of those things are done before a node that crashes in its turn does. */
static uint32_t draw_part(struct lab_node *node, uint32_t count)
{
    return node->crashes_in_turn ? (uint32_t)prng_below(&node->lab->prng, count + 1) : count;
}

static void carry_out(struct lab_node *node, const struct replica_ready *ready)
{
    struct lab *lab = node->lab;
    uint32_t orders = draw_part(node, ready->orders_count);
    for (uint32_t i = 0; i < orders; i++) {
        lab_state_submit(node, &ready->orders[i]);
    }
    uint32_t persists = draw_part(node, ready->persists_count);
    for (uint32_t i = 0; i < persists; i++) {
        lab_disk_submit(&node->disk, &ready->persists[i], lab->now_ms, &lab->prng);
    }
    uint32_t messages = draw_part(node, ready->messages_count);
    for (uint32_t i = 0; i < messages; i++) {
        uint32_t to = lab_number_of(lab, ready->messages[i].to);
        if (to < lab->nodes_count) {
            lab_network_send(&lab->network, node->number, to, &ready->messages[i], lab->now_ms,
                             &lab->prng);
        }
    }
}

/* When the node's monotonic clock shows that, or has shown it. */
static uint64_t time_of(const struct lab_node *node, uint64_t node_ms)
{
    if (node_ms == UINT64_MAX) {
        return UINT64_MAX;
    }
    uint64_t passed_ms = node_ms > node->monotonic_base_ms ? node_ms - node->monotonic_base_ms : 0;
    return (passed_ms * 1000 + node->clock_per_mille - 1) / node->clock_per_mille;
}

static void end_turn(struct lab_node *node)
{
    struct lab *lab = node->lab;
    struct replica_ready ready;
    if (replica_end_turn(node->replica, &ready) != RESULT_OK) {
        lab_fail(lab, "node %u found its log corrupt", node->number + 1);
    }
    node->is_in_turn = false;
    lab_oracle_observe(node, &ready);
    carry_out(node, &ready);
    node->deadline_ms = time_of(node, ready.deadline_ms);
    if (ready.has_diverged || node->crashes_in_turn) {
        lab->faults.counts[LAB_NODE_CRASHED_IN_TURN] += node->crashes_in_turn;
        node->has_diverged = ready.has_diverged;
        lab_crash(node); /* as the server does, before a client hears anything */
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
    if (node->disk.fails_next && lab_disk_due_ms(&node->disk) <= lab->now_ms) {
        lab->faults.counts[LAB_NODE_CRASHED_IN_PERSIST]++;
        lab_crash(node);
        return;
    }
    uint64_t persist_id = lab_disk_complete(&node->disk, lab->now_ms);
    if (node->disk.violation != NULL) {
        lab_fail(lab, "node %u %s", node->number + 1, node->disk.violation);
    }
    if (persist_id != 0) {
        replica_on_persisted(node->replica, persist_id);
    }
    lab_state_complete(node);
    if (node->state.has_crashed) {
        lab->faults.counts[LAB_NODE_CRASHED_IN_ORDERS]++;
        node->state.crash_at = 0;
        lab_crash(node);
        return;
    }
    replica_note_state_backlog(node->replica,
                               lab_state_backlog(&node->state, REPLICA_ORDER_STATE_PUT));
    replica_note_receive_backlog(node->replica,
                                 lab_state_backlog(&node->state, REPLICA_ORDER_RECEIVE_WRITE));
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
    lab->network.faults = &lab->faults;
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        struct lab_node *node = &lab->nodes[i];
        node->lab = lab;
        node->number = i;
        node->clock_per_mille = options->clocks_drift ? 500 + prng_below(&lab->prng, 1001) : 1000;
        node->monotonic_base_ms = 1000 + prng_below(&lab->prng, 1000000);
        node->disk.delay_ms_max = 2;
        node->state.delay_ms_max = 2;
        node->disk.faults = &lab->faults;
        node->disk.incarnation = 1000;
        node->disk.disk_id = lab_id(i) ^ options->seed;
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
        lab_backup_deinit(&node->backup);
        peer_frame_scratch_deinit(&node->scratch);
    }
    lab_network_deinit(&lab->network);
    lab_oracle_deinit(&lab->oracle);
    mem_free(lab->state_hashes);
}
