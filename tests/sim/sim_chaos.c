/* sim_chaos.c -- the faults of a run. */
#include "sim/sim_chaos.h"

#include "replica/disk_state.h"
#include "sim/sim_damage.h"

enum {
    WEIGHT_MAX = 10,
    DOWN_MS_MAX = 1500,
    /* How far ahead a crash between orders may lie. */
    ORDERS_AHEAD_MAX = 8,
    CLOG_MS_MAX = 1500,
    STALL_MS_MAX = 3000,
    CLOCK_STEP_MS_MAX = 3600000,
};

static uint64_t below(struct sim *sim, uint64_t bound)
{
    return prng_below(&sim->prng, bound);
}

static struct lab_node *draw_node(struct sim *sim)
{
    return &sim->lab.nodes[below(sim, sim->lab.nodes_count)];
}

static void count(struct sim *sim, enum lab_fault fault)
{
    sim->lab.faults.counts[fault]++;
}

void sim_chaos_init(struct sim_chaos *chaos, struct sim *sim)
{
    *chaos = (struct sim_chaos){.sim = sim, .wanted = SIM_FAULTS, .pause_ms = 20 + below(sim, 500)};
    sim_damage_init(chaos);
    for (int i = 0; i < SIM_FAULTS; i++) {
        chaos->weights[i] = below(sim, 3) == 0 ? 0 : 1 + (uint32_t)below(sim, WEIGHT_MAX);
    }
    /* What is cut must have an end. */
    chaos->weights[SIM_HEAL] += 2;
    /* Mostly there is no disk that may be lost. */
    chaos->weights[SIM_LOSE_DISK] *= 2;
    chaos->weights[SIM_ROT_DISK] *= 2;
    /* With everybody down at once all the time nothing is ever done. */
    chaos->weights[SIM_CRASH_ALL] = (chaos->weights[SIM_CRASH_ALL] + 2) / 4;
    for (int i = 0; i < SIM_FAULTS; i++) {
        chaos->weights_sum += chaos->weights[i];
    }
}

/* ---- Nodes ---- */

static void come_back_later(struct sim_chaos *chaos, const struct lab_node *node)
{
    chaos->back_at_ms[node->number] = chaos->sim->lab.now_ms + below(chaos->sim, DOWN_MS_MAX);
}

void sim_chaos_crash(struct sim_chaos *chaos, struct lab_node *node)
{
    lab_crash(node);
    come_back_later(chaos, node);
}

static void crash_all(struct sim_chaos *chaos)
{
    count(chaos->sim, LAB_CLUSTER_CRASHED);
    for (uint32_t i = 0; i < chaos->sim->lab.nodes_count; i++) {
        sim_chaos_crash(chaos, &chaos->sim->lab.nodes[i]);
    }
}

/* At the end of the next turn, at an order, or at the end of the next fsync. */
static void crash_soon(struct sim_chaos *chaos, struct lab_node *node, enum sim_fault fault)
{
    if (!lab_is_live(node)) {
        return;
    }
    come_back_later(chaos, node);
    if (fault == SIM_CRASH_IN_TURN) {
        node->crashes_in_turn = true;
    } else if (fault == SIM_CRASH_IN_PERSIST) {
        node->disk.fails_next = true;
    } else {
        node->state.crash_at =
            node->state.operations_done + 1 + below(chaos->sim, ORDERS_AHEAD_MAX);
        node->state.is_crash_after = below(chaos->sim, 2) == 0;
    }
}

/* ---- Links ---- */

static void cut_random_link(struct sim *sim, bool both_ways)
{
    uint32_t from = draw_node(sim)->number;
    uint32_t to = draw_node(sim)->number;
    if (from == to) {
        return;
    }
    lab_network_cut(&sim->lab.network, from, to, true);
    if (both_ways) {
        lab_network_cut(&sim->lab.network, to, from, true);
    }
    count(sim, both_ways ? LAB_LINK_CUT : LAB_LINK_CUT_ONE_WAY);
}

/* Two sides that do not hear each other. */
static void split(struct sim *sim)
{
    uint64_t side = below(sim, UINT64_C(1) << sim->lab.nodes_count);
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        for (uint32_t j = 0; j < sim->lab.nodes_count; j++) {
            bool is_cut = ((side >> i) & 1) != ((side >> j) & 1);
            lab_network_cut(&sim->lab.network, i, j, is_cut);
        }
    }
    count(sim, LAB_NETWORK_SPLIT);
}

static void clog_link(struct sim *sim)
{
    uint32_t from = draw_node(sim)->number;
    uint32_t to = draw_node(sim)->number;
    lab_network_clog(&sim->lab.network, from, to, sim->lab.now_ms + below(sim, CLOG_MS_MAX));
    count(sim, LAB_LINK_CLOGGED);
}

/* Links that carry again; as over TCP, mostly with a new connection. */
static void heal_links(struct sim *sim, bool has_new_connections)
{
    lab_network_heal(&sim->lab.network);
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        struct lab_node *node = &sim->lab.nodes[i];
        for (uint32_t j = 0; lab_is_live(node) && j < sim->lab.nodes_count; j++) {
            if (j != i && (has_new_connections || below(sim, 2) == 0)) {
                lab_begin_turn(node);
                replica_on_peer_connected(node->replica, lab_id(j));
                disk_state_tell(node->replica, lab_id(j)); /* a hello does */
            }
        }
    }
}

void sim_chaos_heal(struct sim *sim)
{
    heal_links(sim, false);
}

static void draw_network(struct sim *sim)
{
    struct lab_network *network = &sim->lab.network;
    network->drop_per_mille = below(sim, 3) == 0 ? below(sim, 200) : 0;
    network->repeat_per_mille = below(sim, 3) == 0 ? below(sim, 100) : 0;
    network->corrupt_per_mille = below(sim, 3) == 0 ? below(sim, 40) : 0;
    network->truncate_per_mille = below(sim, 3) == 0 ? below(sim, 40) : 0;
    network->delay_ms_min = below(sim, 5);
    network->delay_ms_max = network->delay_ms_min + below(sim, below(sim, 4) == 0 ? 150 : 10);
    network->reorders = below(sim, 3) == 0;
}

static void reset_link(struct sim *sim)
{
    struct lab_node *node = draw_node(sim);
    uint32_t peer = draw_node(sim)->number;
    if (lab_is_live(node) && peer != node->number) {
        lab_network_reset(&sim->lab.network, node->number, peer);
        lab_begin_turn(node);
        replica_on_peer_unreachable(node->replica, lab_id(peer));
        replica_on_peer_connected(node->replica, lab_id(peer));
        count(sim, LAB_LINK_RESET);
    }
}

/* ---- Disks ---- */

/* Whether all nodes are up, agree on the members, durably, and every member has the disk that is
 * recorded: a minority of the disks may be lost then. */
bool sim_chaos_is_whole(struct sim *sim)
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
        bool agrees = (i == 0 || status.raft.configuration_index == configuration_index) &&
                      status.raft.configuration_index <= status.raft.persisted_index;
        configuration_index = status.raft.configuration_index;
        bool is_learner = member != NULL && member->role == RAFT_LEARNER;
        if (!agrees || sim->lab.nodes[i].alteration != LAB_SOUND ||
            sim->lab.nodes[i].is_state_missing ||
            (member != NULL && !status.raft.is_voter && !is_learner) ||
            (member != NULL && member->disk_id == 0 && !is_learner)) {
            return false;
        }
        voters += status.raft.is_voter;
    }
    return voters >= 3;
}

/* One disk is lost or rotten, and its node comes back with a blank one; but not while another one
 * has an older disk, and may not know it yet: a cluster of three that lost two stays without a
 * leader, rightly. */
static void lose_disk(struct sim_chaos *chaos, struct lab_node *node, bool is_rotten)
{
    if (!sim_chaos_is_whole(chaos->sim) || chaos->put_back != NULL || chaos->oper.is_waiting) {
        return;
    }
    sim_chaos_crash(chaos, node);
    if (!is_rotten) {
        lab_wipe(node);
        chaos->sim->is_mending = true;
    } else {
        chaos->sim->is_mending = lab_rot(node);
    }
}

static void slow_disk(struct sim *sim, struct lab_node *node)
{
    node->disk.delay_ms_max = below(sim, 2) == 0 ? below(sim, 400) : below(sim, 10);
    node->state.delay_ms_max = below(sim, 2) == 0 ? below(sim, 400) : below(sim, 10);
    count(sim, LAB_DISK_SLOW);
}

static void set_disk_low(struct lab_node *node, enum replica_disk_state state)
{
    if (lab_is_live(node)) {
        lab_begin_turn(node);
        replica_set_disk_state(node->replica, state);
    }
}

static void strike_disk(struct sim_chaos *chaos, struct lab_node *node, enum sim_fault fault)
{
    struct sim *sim = chaos->sim;
    if (fault == SIM_SLOW_DISK) {
        slow_disk(sim, node);
    } else if (fault == SIM_STALL_DISK) {
        node->disk.stalls_until_ms = sim->lab.now_ms + below(sim, STALL_MS_MAX);
        count(sim, LAB_DISK_STALLED);
    } else if (fault == SIM_FULL_DISK) {
        node->state.fails_per_mille = below(sim, 2) * below(sim, 1000);
    } else if (fault == SIM_LOW_DISK) {
        set_disk_low(node, REPLICA_DISK_LOW);
        count(sim, LAB_DISK_LOW);
    } else if (fault == SIM_DAMAGE_COPY) {
        node->state.corrupts_copy = true;
    } else {
        lose_disk(chaos, node, fault == SIM_ROT_DISK);
    }
}

/* What heals by itself sooner or later. */
static void mend_disks(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        set_disk_low(&sim->lab.nodes[i], REPLICA_DISK_OK);
        sim->lab.nodes[i].state.corrupts_copy = false;
    }
}

/* ---- Strikes ---- */

static void strike_network(struct sim *sim, enum sim_fault fault)
{
    if (fault == SIM_CUT || fault == SIM_CUT_ONE_WAY) {
        cut_random_link(sim, fault == SIM_CUT);
    } else if (fault == SIM_ISOLATE) {
        lab_isolate(draw_node(sim));
    } else if (fault == SIM_SPLIT) {
        split(sim);
    } else if (fault == SIM_CLOG) {
        clog_link(sim);
    } else if (fault == SIM_RESET_LINK) {
        reset_link(sim);
    } else if (fault == SIM_NETWORK) {
        draw_network(sim);
    } else {
        sim_chaos_heal(sim);
        mend_disks(sim);
    }
}

static void strike(struct sim_chaos *chaos, enum sim_fault fault)
{
    struct sim *sim = chaos->sim;
    struct lab_node *node = draw_node(sim);
    switch (fault) {
    case SIM_CRASH:
        sim_chaos_crash(chaos, node);
        break;
    case SIM_CRASH_ALL:
        crash_all(chaos);
        break;
    case SIM_CRASH_IN_TURN:
    case SIM_CRASH_IN_ORDERS:
    case SIM_CRASH_IN_PERSIST:
        crash_soon(chaos, node, fault);
        break;
    case SIM_PAUSE:
        lab_pause(node);
        come_back_later(chaos, node);
        break;
    case SIM_CUT:
    case SIM_CUT_ONE_WAY:
    case SIM_ISOLATE:
    case SIM_SPLIT:
    case SIM_CLOG:
    case SIM_RESET_LINK:
    case SIM_NETWORK:
    case SIM_HEAL:
        strike_network(sim, fault);
        break;
    case SIM_CLOCK:
        node->wall_offset_ms = (int64_t)below(sim, 2 * CLOCK_STEP_MS_MAX) - CLOCK_STEP_MS_MAX;
        count(sim, LAB_CLOCK_STEPPED);
        break;
    case SIM_SLOW_DISK:
    case SIM_STALL_DISK:
    case SIM_FULL_DISK:
    case SIM_LOW_DISK:
    case SIM_LOSE_DISK:
    case SIM_ROT_DISK:
    case SIM_DAMAGE_COPY:
        strike_disk(chaos, node, fault);
        break;
    case SIM_ALTER:
    case SIM_FLIP:
    case SIM_PUT_BACK:
        chaos->wanted = fault;
        break;
    case SIM_TRANSFER:
        node = lab_leader(&sim->lab);
        if (node != NULL) {
            lab_begin_turn(node);
            replica_transfer_leadership(node->replica);
            count(sim, LAB_LEADER_TRANSFERRED);
        }
        break;
    case SIM_FAULTS:
        break;
    }
}

static enum sim_fault draw_fault(struct sim_chaos *chaos)
{
    uint64_t at = below(chaos->sim, chaos->weights_sum);
    int fault = 0;
    while (at >= chaos->weights[fault]) {
        at -= chaos->weights[fault++];
    }
    return (enum sim_fault)fault;
}

/* The others' connections to a node that restarted broke: they notice, and have new ones. */
void sim_chaos_start(struct lab_node *node)
{
    lab_start(node);
    for (uint32_t i = 0; i < node->lab->nodes_count; i++) {
        struct lab_node *other = &node->lab->nodes[i];
        if (other != node && lab_is_live(other)) {
            lab_begin_turn(other);
            replica_on_peer_unreachable(other->replica, lab_id(node->number));
            replica_on_peer_connected(other->replica, lab_id(node->number));
        }
    }
}

static void bring_back(struct sim_chaos *chaos, bool all)
{
    struct lab *lab = &chaos->sim->lab;
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        struct lab_node *node = &lab->nodes[i];
        if (lab_is_live(node) || node->has_diverged || /* sim_chaos_tend starts it */
            (!all && lab->now_ms < chaos->back_at_ms[i])) {
            continue;
        }
        if (node->replica == NULL) {
            sim_chaos_start(node);
        } else {
            lab_resume(node);
        }
    }
}

void sim_chaos_act(struct sim_chaos *chaos)
{
    struct sim *sim = chaos->sim;
    bring_back(chaos, false);
    if (sim->lab.now_ms >= chaos->next_ms && !chaos->is_quiet) {
        strike(chaos, draw_fault(chaos));
        chaos->next_ms = sim->lab.now_ms + below(sim, chaos->pause_ms);
    }
    sim_damage_act(chaos);
}

void sim_chaos_operate(struct sim_chaos *chaos)
{
    struct sim *sim = chaos->sim;
    sim->is_mending = sim->is_mending && (chaos->put_back != NULL || !sim_chaos_is_whole(sim));
    sim_operator_act(&chaos->oper);
}

void sim_chaos_end(struct sim_chaos *chaos)
{
    struct sim *sim = chaos->sim;
    struct lab_network *network = &sim->lab.network;
    sim_chaos_heal(sim);
    memset(network->clogged_until_ms, 0, sizeof(network->clogged_until_ms));
    network->drop_per_mille = 0;
    network->repeat_per_mille = 0;
    network->corrupt_per_mille = 0;
    network->truncate_per_mille = 0;
    network->delay_ms_min = 0;
    network->delay_ms_max = 2;
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        struct lab_node *node = &sim->lab.nodes[i];
        node->disk.delay_ms_max = 3;
        node->disk.stalls_until_ms = 0;
        node->disk.fails_next = false;
        node->crashes_in_turn = false;
        node->state.delay_ms_max = 3;
        node->state.fails_per_mille = 0;
        node->state.crash_at = 0;
    }
    chaos->is_quiet = false;
    chaos->calm_ms = sim->lab.now_ms;
    bring_back(chaos, true);
    mend_disks(sim);
    /* What was said into a cut link is lost: nobody else says again that a disk has room. */
    heal_links(sim, true);
}
