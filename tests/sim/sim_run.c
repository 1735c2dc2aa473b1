/* test_simulation.c -- many clusters of whole replicas under random faults, each from one seed.
 *
 * Every seed draws its own cluster size and which faults there are (swarm testing). First comes
 * chaos: crashes, pauses, cut links, lost and late packets, slow disks, stepped clocks, clients
 * that come and go; every reply is judged when it comes (sim_client.h), and every node's state hash
 * after every turn (lab.h). Then all faults end: everything must be answered, all nodes agree, what
 * was acknowledged be there, and the cluster come to rest.
 *
 * SEED=n runs one seed, SEEDS=n that many from 1. Covers faults.md C1-C4, C6, C7, C13, C16,
 * C20-C25, C28, C31, K1-K3, P7, P8, P10.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/unit.h"
#include "sim/sim_operator.h"

enum {
    SEEDS_DEFAULT = 300,
    CHAOS_MS = 6000,
    CALM_MS = 6000,
    /* More when members come back, one after the other. */
    CALM_OPERATED_MS = 12000,
    /* By then every node must be a member again. */
    OPERATED_MS = 8000,
    REST_MS = 1000,
    /* A leader's heartbeats and their answers, and a few wake-ups. */
    REST_TURNS_MAX = 400,
};

enum fault {
    FAULT_CRASH,
    FAULT_CRASH_ALL,
    FAULT_PAUSE,
    FAULT_CUT,
    FAULT_CUT_ONE_WAY,
    FAULT_HEAL,
    FAULT_CLOCK,
    FAULT_SLOW_DISK,
    FAULT_NETWORK,
    FAULT_TRANSFER,
    FAULT_UNREACHABLE,
    FAULT_WIPE,
    FAULTS,
};

struct chaos {
    struct sim *sim;
    struct sim_operator oper;
    bool has[FAULTS];
    uint64_t next_ms;
    uint64_t pause_ms; /* between faults, on average half of it */
    uint64_t wipes;
    uint64_t back_at_ms[LAB_NODES_MAX]; /* when a crashed or paused node goes on */
};

static uint64_t below(struct sim *sim, uint64_t bound)
{
    return prng_below(&sim->prng, bound);
}

static struct lab_node *draw_node(struct sim *sim)
{
    return &sim->lab.nodes[below(sim, sim->lab.nodes_count)];
}

static void crash(struct chaos *chaos, struct lab_node *node)
{
    struct sim *sim = chaos->sim;
    lab_crash(node);
    chaos->back_at_ms[node->number] = sim->lab.now_ms + below(sim, 1500);
}

static void cut_random_link(struct sim *sim, bool both_ways)
{
    uint32_t from = draw_node(sim)->number;
    uint32_t to = draw_node(sim)->number;
    lab_network_cut(&sim->lab.network, from, to, true);
    if (both_ways) {
        lab_network_cut(&sim->lab.network, to, from, true);
    }
}

/* Links that carry again; as over TCP, mostly with a new connection. */
static void heal(struct sim *sim)
{
    lab_network_heal(&sim->lab.network);
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        struct lab_node *node = &sim->lab.nodes[i];
        for (uint32_t j = 0; lab_is_live(node) && j < sim->lab.nodes_count; j++) {
            if (j != i && below(sim, 2) == 0) {
                lab_begin_turn(node);
                replica_on_peer_connected(node->replica, lab_id(j));
            }
        }
    }
}

static void draw_network(struct sim *sim)
{
    struct lab_network *network = &sim->lab.network;
    network->drop_per_mille = below(sim, 3) == 0 ? below(sim, 200) : 0;
    network->repeat_per_mille = below(sim, 3) == 0 ? below(sim, 100) : 0;
    network->delay_ms_min = below(sim, 5);
    network->delay_ms_max = network->delay_ms_min + below(sim, below(sim, 4) == 0 ? 150 : 10);
    network->reorders = below(sim, 3) == 0;
}

static void lose_link(struct sim *sim)
{
    struct lab_node *node = draw_node(sim);
    uint32_t peer = draw_node(sim)->number;
    if (lab_is_live(node) && peer != node->number) {
        lab_begin_turn(node);
        replica_on_peer_unreachable(node->replica, lab_id(peer));
        replica_on_peer_connected(node->replica, lab_id(peer));
    }
}

/* Whether all nodes are up, agree on the members, and every member has the disk that is recorded: a
 * minority of the disks may be lost then. */
static bool is_whole(struct sim *sim)
{
    uint64_t configuration_index = 0;
    uint32_t voters = 0;
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        struct replica_status status;
        if (!lab_is_live(&sim->lab.nodes[i])) {
            return false;
        }
        replica_get_status(sim->lab.nodes[i].replica, &status);
        const struct raft_member *member =
            raft_configuration_find(replica_configuration(sim->lab.nodes[i].replica), lab_id(i));
        bool agrees = i == 0 || status.raft.configuration_index == configuration_index;
        configuration_index = status.raft.configuration_index;
        if (!agrees || (member != NULL && !status.raft.is_voter) ||
            (member != NULL && member->disk_id == 0)) {
            return false;
        }
        voters += status.raft.is_voter;
    }
    return voters >= 3;
}

/* One disk is lost, and its node comes back with a blank one. */
static void wipe(struct chaos *chaos, struct lab_node *node)
{
    if (is_whole(chaos->sim) && !chaos->oper.is_waiting) {
        chaos->sim->is_mending = true;
        crash(chaos, node);
        lab_wipe(node);
        chaos->wipes++;
    }
}

static void inflict(struct chaos *chaos, enum fault fault)
{
    struct sim *sim = chaos->sim;
    struct lab_node *node = draw_node(sim);
    switch (fault) {
    case FAULT_CRASH:
        crash(chaos, node);
        break;
    case FAULT_CRASH_ALL:
        for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
            crash(chaos, &sim->lab.nodes[i]);
        }
        break;
    case FAULT_PAUSE:
        lab_pause(node);
        chaos->back_at_ms[node->number] = sim->lab.now_ms + below(sim, 1500);
        break;
    case FAULT_CUT:
        if (below(sim, 2) == 0) {
            lab_isolate(node);
        } else {
            cut_random_link(sim, true);
        }
        break;
    case FAULT_CUT_ONE_WAY:
        cut_random_link(sim, false);
        break;
    case FAULT_HEAL:
        heal(sim);
        break;
    case FAULT_CLOCK:
        node->wall_offset_ms = (int64_t)below(sim, 7200000) - 3600000;
        break;
    case FAULT_SLOW_DISK:
        node->disk.delay_ms_max = below(sim, 2) == 0 ? below(sim, 400) : below(sim, 10);
        node->state.delay_ms_max = below(sim, 2) == 0 ? below(sim, 400) : below(sim, 10);
        break;
    case FAULT_NETWORK:
        draw_network(sim);
        break;
    case FAULT_TRANSFER:
        if (lab_is_live(node)) {
            lab_begin_turn(node);
            replica_transfer_leadership(node->replica);
        }
        break;
    case FAULT_UNREACHABLE:
        lose_link(sim);
        break;
    case FAULT_WIPE:
        wipe(chaos, node);
        break;
    case FAULTS:
        break;
    }
}

static void bring_back(struct chaos *chaos, bool all)
{
    struct lab *lab = &chaos->sim->lab;
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        struct lab_node *node = &lab->nodes[i];
        if (lab_is_live(node) || (!all && lab->now_ms < chaos->back_at_ms[i])) {
            continue;
        }
        if (node->replica == NULL) {
            lab_start(node);
        } else {
            lab_resume(node);
        }
    }
}

static void act(struct chaos *chaos)
{
    struct sim *sim = chaos->sim;
    sim->is_mending = sim->is_mending && !is_whole(sim);
    sim_operator_act(&chaos->oper);
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        sim_client_check_waits(&sim->clients[i]);
        if (!sim->is_calm && sim->lab.now_ms >= sim->clients[i].next_ms) {
            sim_client_act(&sim->clients[i]);
        }
    }
}

static void run_chaos(struct chaos *chaos)
{
    struct sim *sim = chaos->sim;
    uint64_t end_ms = sim->lab.now_ms + CHAOS_MS;
    while (sim->lab.now_ms < end_ms && sim->lab.failures == 0) {
        lab_run_for(&sim->lab, 5);
        bring_back(chaos, false);
        act(chaos);
        if (sim->lab.now_ms >= chaos->next_ms) {
            enum fault fault = (enum fault)below(sim, FAULTS);
            if (chaos->has[fault] || fault == FAULT_HEAL) {
                inflict(chaos, fault);
            }
            chaos->next_ms = sim->lab.now_ms + below(sim, chaos->pause_ms);
        }
    }
}

static void end_faults(struct chaos *chaos)
{
    struct sim *sim = chaos->sim;
    heal(sim);
    sim->lab.network.drop_per_mille = 0;
    sim->lab.network.repeat_per_mille = 0;
    sim->lab.network.delay_ms_min = 0;
    sim->lab.network.delay_ms_max = 2;
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        sim->lab.nodes[i].disk.delay_ms_max = 3;
        sim->lab.nodes[i].state.delay_ms_max = 3;
        sim->lab.nodes[i].state.fails_per_mille = 0;
    }
    bring_back(chaos, true);
}

/* All nodes have applied the same and hold the same. */
static void check_agreement(struct sim *sim)
{
    struct replica_status first;
    uint64_t first_digest = 0;
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        struct replica_status status;
        replica_get_status(sim->lab.nodes[i].replica, &status);
        struct lab_client asker = {0};
        lab_client_open(&asker, &sim->lab.nodes[i], NULL);
        lab_client_say(&asker, "DEBUG DIGEST");
        uint64_t digest = strtoull(lab_client_hear(&asker, 0) + 1, NULL, 16);
        lab_client_deinit(&asker);
        if (i == 0) {
            first = status;
            first_digest = digest;
        }
        if (status.applied_index != first.applied_index || status.state_hash != first.state_hash ||
            digest != first_digest || status.unanswered_bytes != 0) {
            lab_fail(&sim->lab,
                     "node %u ends at index %" PRIu64 " with %" PRIu64
                     " bytes unanswered; node 1 ends at index %" PRIu64
                     "; or their contents differ",
                     i + 1, status.applied_index, status.unanswered_bytes, first.applied_index);
        }
    }
}

/* With nothing to do, nothing is done: no turns in circles, no entries. */
static void check_rest(struct sim *sim)
{
    struct replica_status before;
    struct replica_status after;
    uint64_t turns = 0;
    replica_get_status(sim->lab.nodes[0].replica, &before);
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        turns -= sim->lab.nodes[i].turns;
    }
    lab_run_for(&sim->lab, REST_MS);
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        turns += sim->lab.nodes[i].turns;
    }
    replica_get_status(sim->lab.nodes[0].replica, &after);
    if (after.raft.last_index != before.raft.last_index || after.raft.term != before.raft.term) {
        lab_fail(&sim->lab, "the log grows at rest");
    }
    if (turns > REST_TURNS_MAX) {
        lab_fail(&sim->lab, "%" PRIu64 " turns at rest", turns);
    }
}

static void run_calm(struct chaos *chaos)
{
    struct sim *sim = chaos->sim;
    sim->is_calm = true;
    end_faults(chaos);
    bool is_operated = !chaos->oper.is_idle;
    uint64_t begin_ms = sim->lab.now_ms;
    uint64_t end_ms = begin_ms + (is_operated ? CALM_OPERATED_MS : CALM_MS);
    while (sim->lab.now_ms < end_ms && sim->lab.failures == 0) {
        lab_run_for(&sim->lab, 20);
        act(chaos);
        if (is_operated && sim->lab.now_ms >= begin_ms + OPERATED_MS) {
            sim_operator_check_end(&chaos->oper);
            chaos->oper.is_idle = true;
            is_operated = false;
        }
    }
    if (sim->lab.failures > 0) {
        return;
    }
    check_agreement(sim);
    check_rest(sim);
    struct lab_node *node = draw_node(sim);
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        sim_client_check_end(&sim->clients[i], node);
    }
}

/* How often nodes save their state, how much of the log stays, how large the files are, and how
 * often the disk has no room: from never to all the time. */
static void draw_snapshots(struct sim *sim, struct lab_options *options, uint64_t *padding_bytes,
                           uint64_t *fails_per_mille)
{
    options->snapshot.log_entries = 3 + below(sim, below(sim, 2) == 0 ? 30 : 1000);
    options->snapshot.log_bytes = 1000 + below(sim, 1000000);
    options->snapshot.trailing_bytes = 1 + below(sim, below(sim, 2) == 0 ? 500 : 20000);
    *padding_bytes = below(sim, 3) == 0 ? below(sim, 2000000) : 0;
    *fails_per_mille = below(sim, 3) == 0 ? below(sim, 300) : 0;
}

/* In half of the runs members come and go; the cluster then begins with one to all of the nodes. */
static void draw_members(struct chaos *chaos, struct lab_options *options)
{
    struct sim *sim = chaos->sim;
    chaos->oper = (struct sim_operator){.sim = sim, .is_idle = below(sim, 2) == 0};
    if (!chaos->oper.is_idle) {
        options->nodes_count = 2 + (uint32_t)below(sim, LAB_NODES_MAX - 1);
        options->members_count = 1 + (uint32_t)below(sim, options->nodes_count);
    }
}

struct totals {
    uint64_t seeds, failed, snapshots, installs, replies, unknowns, refusals, entries, packets,
        simulated_ms, changes, wipes;
};

static void count(struct totals *totals, struct sim *sim)
{
    struct replica_status status;
    totals->seeds++;
    totals->failed += sim->lab.failures > 0;
    totals->replies += sim->replies;
    totals->unknowns += sim->unknowns;
    totals->refusals += sim->refusals;
    totals->packets += sim->lab.network.packets_sent;
    totals->simulated_ms += sim->lab.now_ms;
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        totals->snapshots += sim->lab.nodes[i].state.commits;
        totals->installs += sim->lab.nodes[i].state.installs;
    }
    if (sim->lab.nodes[0].replica != NULL) {
        replica_get_status(sim->lab.nodes[0].replica, &status);
        totals->entries += status.raft.last_index;
    }
}

static void run_seed(uint64_t seed, struct totals *totals)
{
    static const uint32_t sizes[] = {1, 3, 3, 3, 5};
    static struct sim sim;
    sim = (struct sim){.clients_count = SIM_CLIENTS_MAX};
    prng_init(&sim.prng, seed);
    sim.request_timeout_ms = 500 + below(&sim, 1500);
    struct lab_options options = {.nodes_count = sizes[below(&sim, 5)],
                                  .seed = seed,
                                  .request_timeout_ms = (uint32_t)sim.request_timeout_ms};
    struct chaos chaos = {.sim = &sim, .pause_ms = 20 + below(&sim, 800)};
    draw_members(&chaos, &options);
    for (int i = 0; i < FAULTS; i++) {
        chaos.has[i] = below(&sim, 3) > 0;
    }
    uint64_t padding_bytes;
    uint64_t fails_per_mille;
    draw_snapshots(&sim, &options, &padding_bytes, &fails_per_mille);
    lab_open(&sim.lab, &options);
    for (uint32_t i = 0; i < sim.lab.nodes_count; i++) {
        sim.lab.nodes[i].state.padding_bytes = padding_bytes;
        sim.lab.nodes[i].state.fails_per_mille = fails_per_mille;
    }
    for (uint32_t i = 0; i < sim.clients_count; i++) {
        sim.clients[i].sim = &sim;
        sim.clients[i].number = i;
    }
    run_chaos(&chaos);
    if (sim.lab.failures == 0) {
        run_calm(&chaos);
    }
    count(totals, &sim);
    totals->changes += chaos.oper.done;
    totals->wipes += chaos.wipes;
    lab_client_deinit(&chaos.oper.client);
    for (uint32_t i = 0; i < sim.clients_count; i++) {
        lab_client_deinit(&sim.clients[i].client);
    }
    lab_close(&sim.lab);
}

UNIT_TEST(replica_simulation, keeps_its_promises_under_random_faults)
{
    const char *one = getenv("SEED");
    const char *many = getenv("SEEDS");
    uint64_t first = one == NULL ? 1 : strtoull(one, NULL, 10);
    uint64_t number = many == NULL ? SEEDS_DEFAULT : strtoull(many, NULL, 10);
    number = one == NULL ? number : 1;
    struct totals totals = {0};
    for (uint64_t i = 0; i < number; i++) {
        run_seed(first + i, &totals);
    }
    printf("  simulation: %" PRIu64 " seeds, %" PRIu64 " failed, %" PRIu64 " s simulated, %" PRIu64
           " replies (%" PRIu64 " unknown, %" PRIu64 " refused), %" PRIu64 " entries, %" PRIu64
           " snapshots, %" PRIu64 " fetched, %" PRIu64 " packets, %" PRIu64
           " changes of members, %" PRIu64 " disks lost\n",
           totals.seeds, totals.failed, totals.simulated_ms / 1000, totals.replies, totals.unknowns,
           totals.refusals, totals.entries, totals.snapshots, totals.installs, totals.packets,
           totals.changes, totals.wipes);
    CU_ASSERT_EQUAL(totals.failed, 0);
    /* The simulation must have done something, or it proves nothing. */
    CU_ASSERT_TRUE(totals.replies >= number);
    CU_ASSERT_TRUE(number < 20 || totals.changes >= number);
}
