/* sim_damage.c -- damage in the randomized simulation that no checksum shows. */
#include "sim/sim_damage.h"

enum {
    STIR_MS_MAX = 600,
    BACK_UP_MS_MAX = 400,
    /* In the calm: by then two checks have been, by the slowest clock, and a snapshot fetched. */
    OPEN_MS_MAX = 14000,
};

static uint64_t below(struct sim *sim, uint64_t bound)
{
    return prng_below(&sim->prng, bound);
}

/* Whether nothing is being mended, and all is well but for what strikes now. */
static bool may_damage(struct sim_chaos *chaos)
{
    return !chaos->sim->is_mending && chaos->put_back == NULL && !chaos->oper.is_waiting &&
           sim_chaos_is_whole(chaos->sim);
}

/* Whether the node is no loss: so many others that no majority is without one of them have all that
 * it has on its disk, and no other voter can be elected in a term that it has voted in. */
static bool is_covered(struct sim *sim, const struct lab_node *node)
{
    const struct raft_configuration *members = replica_configuration(node->replica);
    const struct lab_disk *disk = &node->disk;
    uint32_t voters = 0;
    uint32_t holders = 0;
    for (uint32_t i = 0; i < members->members_count; i++) {
        const struct lab_node *other =
            &sim->lab.nodes[lab_number_of(&sim->lab, members->members[i].id)];
        voters += members->members[i].role == RAFT_VOTER;
        if (members->members[i].role != RAFT_VOTER || other == node) {
            continue;
        }
        holders += lab_disk_has(&other->disk, lab_disk_last_index(disk), lab_disk_last_term(disk));
        if (other->disk.hard_state.term < disk->hard_state.term) {
            return false;
        }
    }
    return holders > voters / 2;
}

/* Nothing that was ordered happens any more, and all links carry. */
static void quieten(struct sim_chaos *chaos)
{
    struct sim *sim = chaos->sim;
    struct lab_network *network = &sim->lab.network;
    sim_chaos_heal(sim);
    memset(network->clogged_until_ms, 0, sizeof(network->clogged_until_ms));
    network->drop_per_mille = 0;
    network->corrupt_per_mille = 0;
    network->truncate_per_mille = 0;
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        sim->lab.nodes[i].crashes_in_turn = false;
        sim->lab.nodes[i].disk.fails_next = false;
        sim->lab.nodes[i].disk.stalls_until_ms = 0;
        sim->lab.nodes[i].state.crash_at = 0;
    }
    chaos->is_quiet = true;
}

/* The node has its older disk, if that is of the same members and somebody knows better. */
static void put_back(struct sim_chaos *chaos, struct lab_node *node)
{
    struct sim *sim = chaos->sim;
    struct replica_status status;
    if (!node->backup.is_taken) {
        return;
    }
    replica_get_status(node->replica, &status);
    bool is_covered_now = is_covered(sim, node);
    bool has_leader = status.raft.leader != RAFT_ID_NONE && status.raft.role != RAFT_LEADER &&
                      lab_leader(&sim->lab) != NULL &&
                      lab_id(lab_leader(&sim->lab)->number) == status.raft.leader;
    if (node->backup.configuration_index != status.raft.configuration_index ||
        (!is_covered_now && !has_leader)) {
        return;
    }
    if (!is_covered_now) {
        quieten(chaos);
    }
    sim_chaos_crash(chaos, node);
    lab_put_back(node);
    chaos->put_back = node;
    chaos->was_told = false;
    sim->is_mending = true;
}

/* All is seldom well, and then it is done to the first node that it can be done to. */
static void damage(struct sim_chaos *chaos)
{
    struct sim *sim = chaos->sim;
    uint32_t begin = (uint32_t)below(sim, sim->lab.nodes_count);
    for (uint32_t i = 0; i < sim->lab.nodes_count && may_damage(chaos); i++) {
        struct lab_node *node = &sim->lab.nodes[(begin + i) % sim->lab.nodes_count];
        if (chaos->wanted == SIM_PUT_BACK) {
            put_back(chaos, node);
        } else {
            sim->is_mending = chaos->wanted == SIM_ALTER ? lab_alter(node) : lab_flip(node);
        }
    }
    if (sim->is_mending) {
        chaos->wanted = SIM_FAULTS;
    }
}

static void back_up(struct sim_chaos *chaos)
{
    struct sim *sim = chaos->sim;
    struct lab_node *node = &sim->lab.nodes[below(sim, sim->lab.nodes_count)];
    if (lab_is_live(node)) {
        lab_back_up(node);
    }
    chaos->backs_up_ms = sim->lab.now_ms + below(sim, BACK_UP_MS_MAX);
}

/* A node stopped because of its state: its supervisor starts it again. */
static void restart_diverged(struct sim_chaos *chaos, struct lab_node *node)
{
    if (node->alteration == LAB_SOUND && !chaos->is_widely_altered) {
        lab_fail(&chaos->sim->lab, "node %u says that its state differs from the others'",
                 node->number + 1);
    }
    chaos->sim->lab.faults.counts[LAB_STATE_NOTICED]++;
    node->is_state_missing = true;
    sim_chaos_start(node);
}

bool sim_damage_is_open(const struct sim_chaos *chaos)
{
    const struct lab *lab = &chaos->sim->lab;
    bool is_open = false;
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        is_open = is_open || lab->nodes[i].alteration != LAB_SOUND ||
                  lab->nodes[i].is_state_missing || lab->nodes[i].has_diverged;
    }
    return is_open && lab->now_ms < chaos->calm_ms + OPEN_MS_MAX;
}

static void stir(struct sim_chaos *chaos)
{
    struct sim *sim = chaos->sim;
    bool is_over = sim->is_calm && !sim_damage_is_open(chaos);
    if (chaos->weights[SIM_FLIP] + chaos->weights[SIM_ALTER] == 0 || is_over ||
        sim->lab.now_ms < chaos->stirs_ms) {
        return;
    }
    chaos->stirs_ms = sim->lab.now_ms + below(sim, STIR_MS_MAX);
    if (sim_line_connect(&chaos->stirrer) && chaos->stirrer.commands_count == 0) {
        sim_line_say(&chaos->stirrer, 0, "INCR " LAB_DAMAGE_COUNTER);
    }
}

static void follow_put_back(struct sim_chaos *chaos)
{
    const struct lab_node *node = chaos->put_back;
    if (node == NULL) {
        return;
    }
    if (!chaos->was_told && lab_knows_of_loss(node)) {
        chaos->was_told = true;
        chaos->sim->lab.faults.counts[LAB_DISK_LOSS_NOTICED]++;
    }
    if (lab_has_caught_up(node)) {
        chaos->put_back = NULL;
        chaos->is_quiet = false;
    }
}

void sim_damage_tend(struct sim_chaos *chaos)
{
    struct lab *lab = &chaos->sim->lab;
    uint32_t altered = 0;
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        altered += lab->nodes[i].alteration != LAB_SOUND;
    }
    if (altered > 1 && !chaos->is_widely_altered) {
        chaos->is_widely_altered = true;
        lab->faults.counts[LAB_STATE_SPREAD]++;
    }
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        if (lab->nodes[i].has_diverged) {
            restart_diverged(chaos, &lab->nodes[i]);
        }
    }
    follow_put_back(chaos);
    stir(chaos);
}

static void on_stirred(struct sim_line *line, uint32_t tag, struct slice reply)
{
    (void)tag;
    if (reply.bytes[0] == '-') {
        (void)sim_line_take_error(line, reply);
    }
}

static void on_stirrer_lost(struct sim_line *line, uint32_t tag, bool was_taken)
{
    (void)tag;
    line->sim->unknowns += was_taken;
}

void sim_damage_init(struct sim_chaos *chaos)
{
    static const struct sim_line_hooks hooks = {on_stirred, on_stirrer_lost};
    chaos->wanted = SIM_FAULTS;
    chaos->stirrer = (struct sim_line){.sim = chaos->sim, .name = "stirrer", .hooks = &hooks};
}

void sim_damage_act(struct sim_chaos *chaos)
{
    if (chaos->wanted != SIM_FAULTS) {
        damage(chaos);
    }
    if (chaos->weights[SIM_PUT_BACK] > 0 && chaos->sim->lab.now_ms >= chaos->backs_up_ms) {
        back_up(chaos);
    }
}
