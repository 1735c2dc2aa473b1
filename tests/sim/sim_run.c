/* sim_run.c -- one run of the simulator.
 *
 * First comes chaos (sim_chaos.h), while clients that judge every reply themselves (sim_client.h),
 * recorders (sim_recorder.h) and an operator (sim_operator.h) work. After every turn of a node the
 * oracle checks the whole cluster (lab_oracle.h). Three runs of four then have a second part: all
 * faults end, and within bounded time everything must be answered, all nodes agree, what was
 * acknowledged be there, and the cluster come to rest. The others end in the middle of it all. The
 * checker judges what was recorded in either case.
 *
 * Covers faults.md C1-C4, C6, C7, C13, C16, C20-C25, C28, C31, K1-K3, P7, P8, P10.
 */
#include "sim/sim_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "linear/checker.h"
#include "replica/replica_internal.h"
#include "sim/sim_damage.h"
#include "sim/sim_ledger.h"
#include "sim/sim_recorder.h"
#include "sim/sim_typed.h"

enum {
    STEP_MS = 5,
    CALM_STEP_MS = 20,
    CHAOS_MS_MIN = 2000,
    CHAOS_MS_MAX = 8000,
    CALM_MS = 9000,
    /* More when members come back, one after the other. */
    CALM_OPERATED_MS = 20000,
    /* By then every node must be a member again. */
    OPERATED_MS = 15000,
    /* The last change is followed by a check entry a second later, by the leader's clock, which may
     * run at half speed (divergence.c); the change itself may be a key that expires late. */
    LAST_CHECK_MS = 2200,
    SETTLE_MS_MAX = 6000,
    REST_MS = 1000,
    /* A leader's heartbeats and their answers, and a few wake-ups. */
    REST_TURNS_MAX = 1000,
    /* A snapshot that is spread over time is looked after every 2 ms. */
    REST_SAVE_TURNS_MAX = REST_MS,
    LOOK_MS_MAX = 2000,
    CONFIGURATIONS_MAX = 5 * 1000 * 1000,
};

struct run {
    struct sim sim;
    struct sim_chaos chaos;
    struct sim_record record;
    struct sim_recorder recorders[SIM_RECORDERS_MAX];
    struct sim_draw draw;
    struct sim_typed typed[SIM_TYPED_MAX];
    uint32_t typed_count;
    struct sim_tally tally;
    struct sim_ledger ledgers[SIM_LEDGERS_MAX];
    uint32_t ledgers_count;
    uint64_t look_ms; /* when logs are compared, and a replay is checked */
};

static uint64_t below(struct run *run, uint64_t bound)
{
    return prng_below(&run->sim.prng, bound);
}

static bool is_well(const struct run *run)
{
    return run->sim.lab.failures == 0;
}

/* Whether all is well so far, and all nodes have to agree in the end. */
static bool is_judged(const struct run *run)
{
    return is_well(run) && !run->chaos.is_widely_altered;
}

/* ---- Drawing ---- */

/* How often nodes save their state, from never to all the time, in how many turns, how much of the
 * log stays, and how large the files are. */
static void draw_snapshots(struct run *run, struct lab_options *options)
{
    options->snapshot.log_entries = 3 + below(run, below(run, 2) == 0 ? 30 : 1000);
    options->snapshot.log_bytes = 1000 + below(run, 1000000);
    options->snapshot.trailing_bytes = 1 + below(run, below(run, 2) == 0 ? 500 : 20000);
    options->snapshot.step_items = 1 + (uint32_t)below(run, below(run, 3) == 0 ? 6 : 300);
}

/* In half of the runs members come and go; the cluster then begins with one to five of the nodes.
 */
static void draw_members(struct run *run, struct lab_options *options)
{
    static const uint32_t sizes[] = {1, 2, 3, 3, 3, 4, 5};
    options->nodes_count = sizes[below(run, sizeof(sizes) / sizeof(sizes[0]))];
    run->chaos.oper = (struct sim_operator){.sim = &run->sim, .is_idle = below(run, 2) == 0};
    if (!run->chaos.oper.is_idle) {
        options->nodes_count = 2 + (uint32_t)below(run, LAB_NODES_MAX - 1);
        uint32_t most =
            options->nodes_count < SIM_VOTERS_MAX ? options->nodes_count : SIM_VOTERS_MAX;
        options->members_count = 1 + (uint32_t)below(run, most);
    }
}

static void draw_clients(struct run *run)
{
    struct sim *sim = &run->sim;
    sim->clients_count = (uint32_t)below(run, SIM_CLIENTS_MAX + 1);
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        sim->clients[i].sim = sim;
        sim->clients[i].number = i;
    }
    struct sim_record *record = &run->record;
    record->sim = sim;
    record->keys_count = 1 + (uint32_t)below(run, 6);
    uint32_t writers_count = 1 + (uint32_t)below(run, SIM_WRITERS_MAX);
    uint32_t readers_count = (uint32_t)below(run, SIM_RECORDERS_MAX - SIM_WRITERS_MAX + 1);
    record->recorders_count = writers_count + readers_count;
    record->pace_ms = 2 + below(run, 120);
    record->joint_per_mille = below(run, 2) * below(run, 400);
    record->container_per_mille = below(run, 2) * below(run, 900);
    record->retry_per_mille = below(run, 2) * below(run, 1000);
    record->hangup_per_mille = below(run, 2) * below(run, 30);
    for (uint32_t i = 0; i < record->recorders_count; i++) {
        run->recorders[i].record = record;
        run->recorders[i].number = i;
        run->recorders[i].only_reads = i >= writers_count;
    }
}

/* Clients of all types, in most runs; in one of four of those, with large containers. */
static void draw_typed(struct run *run)
{
    struct sim *sim = &run->sim;
    run->draw = (struct sim_draw){.prng = &sim->prng,
                                  .keys_count = 1 + (uint32_t)below(run, SIM_DRAW_KEYS_MAX),
                                  .many_per_mille = below(run, 4) == 0 ? below(run, 30) : 0};
    run->typed_count = below(run, 3) == 0 ? 0 : (uint32_t)below(run, SIM_TYPED_MAX + 1);
    for (uint32_t i = 0; i < run->typed_count; i++) {
        sim_typed_init(&run->typed[i], sim, i, &run->draw);
    }
    run->ledgers_count = below(run, 2) == 0 ? 0 : (uint32_t)below(run, SIM_LEDGERS_MAX + 1);
    for (uint32_t i = 0; i < run->ledgers_count; i++) {
        sim_ledger_init(&run->ledgers[i], sim, i, &run->tally);
    }
}

static void draw(struct run *run, uint64_t seed)
{
    struct sim *sim = &run->sim;
    prng_init(&sim->prng, seed);
    sim->request_timeout_ms = 500 + below(run, 1500);
    struct lab_options options = {.seed = seed,
                                  .request_timeout_ms = (uint32_t)sim->request_timeout_ms};
    if (below(run, 3) == 0) {
        options.timers.election_ms_min = 60 + (uint32_t)below(run, 200);
        options.timers.election_ms_max =
            options.timers.election_ms_min * 2 + (uint32_t)below(run, 100);
        options.timers.heartbeat_ms = options.timers.election_ms_min / 3;
    }
    /* As the server does. */
    options.withhold_ms = 1000;
    options.incarnation_step_max = 1 << 20;
    sim_chaos_init(&run->chaos, sim);
    draw_members(run, &options);
    draw_snapshots(run, &options);
    bool has_drift = below(run, 3) == 0;
    uint64_t padding_bytes = below(run, 4) == 0 ? below(run, 500000) : 0;
    draw_clients(run);
    draw_typed(run);
    options.clocks_drift = has_drift;
    lab_open(&sim->lab, &options);
    sim->lab.faults.counts[LAB_CLOCK_DRIFTED] += has_drift ? sim->lab.nodes_count : 0;
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        sim->lab.nodes[i].state.padding_bytes = padding_bytes;
    }
}

/* ---- Chaos ---- */

/* Compares logs, and replays what a node has on its disks. */
static void look(struct run *run)
{
    struct lab *lab = &run->sim.lab;
    if (lab->now_ms < run->look_ms) {
        return;
    }
    run->look_ms = lab->now_ms + below(run, LOOK_MS_MAX);
    lab_oracle_check_logs(lab);
    struct lab_node *node = &lab->nodes[below(run, lab->nodes_count)];
    if (node->replica != NULL) {
        lab_check_replay(node);
    }
}

static void act_typed(struct run *run)
{
    struct sim *sim = &run->sim;
    for (uint32_t i = 0; i < run->typed_count; i++) {
        sim_line_check_waits(&run->typed[i].line);
        if (!sim->is_calm && sim->lab.now_ms >= run->typed[i].next_ms) {
            sim_typed_act(&run->typed[i]);
        }
    }
    for (uint32_t i = 0; i < run->ledgers_count; i++) {
        sim_line_check_waits(&run->ledgers[i].line);
        if (!sim->is_calm && sim->lab.now_ms >= run->ledgers[i].next_ms) {
            sim_ledger_act(&run->ledgers[i]);
        }
    }
}

static void act(struct run *run)
{
    struct sim *sim = &run->sim;
    sim_chaos_operate(&run->chaos);
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        sim_client_check_waits(&sim->clients[i]);
        if (!sim->is_calm && sim->lab.now_ms >= sim->clients[i].next_ms) {
            sim_client_act(&sim->clients[i]);
        }
    }
    for (uint32_t i = 0; i < run->record.recorders_count; i++) {
        sim_recorder_check_waits(&run->recorders[i]);
        if (!sim->is_calm && sim->lab.now_ms >= run->recorders[i].next_ms) {
            sim_recorder_act(&run->recorders[i]);
        }
    }
    act_typed(run);
    sim_damage_tend(&run->chaos);
    look(run);
}

static void run_chaos(struct run *run)
{
    struct lab *lab = &run->sim.lab;
    uint64_t end_ms = lab->now_ms + CHAOS_MS_MIN + below(run, CHAOS_MS_MAX - CHAOS_MS_MIN);
    while (lab->now_ms < end_ms && is_well(run)) {
        lab_run_for(lab, 1 + below(run, STEP_MS));
        sim_chaos_act(&run->chaos);
        act(run);
    }
}

/* ---- Calm ---- */

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

/* Lets what is owed to the last requests happen: after that, and soon, the log must stay as it is
 * for longer than anything is put off. */
static void settle(struct sim *sim)
{
    struct lab *lab = &sim->lab;
    struct replica_status status;
    replica_get_status(lab->nodes[0].replica, &status);
    uint64_t last_index = status.raft.last_index;
    uint64_t begin_ms = lab->now_ms;
    uint64_t grown_ms = lab->now_ms;
    while (lab->now_ms < grown_ms + LAST_CHECK_MS && lab->failures == 0) {
        lab_run_for(lab, CALM_STEP_MS);
        replica_get_status(lab->nodes[0].replica, &status);
        if (status.raft.last_index != last_index) {
            last_index = status.raft.last_index;
            grown_ms = lab->now_ms;
        }
        if (grown_ms > begin_ms + SETTLE_MS_MAX) {
            lab_fail(lab, "the log does not stop growing: it is at %" PRIu64, last_index);
        }
    }
}

/* With nothing to do, nothing is done: no turns in circles, no entries. */
static void check_rest(struct sim *sim)
{
    struct replica_status before;
    struct replica_status after;
    uint64_t turns = 0;
    uint64_t turns_max = REST_TURNS_MAX;
    replica_get_status(sim->lab.nodes[0].replica, &before);
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        turns -= sim->lab.nodes[i].turns;
        turns_max += save_is_running(&sim->lab.nodes[i].replica->save) ? REST_SAVE_TURNS_MAX : 0;
    }
    lab_run_for(&sim->lab, REST_MS);
    for (uint32_t i = 0; i < sim->lab.nodes_count; i++) {
        turns += sim->lab.nodes[i].turns;
    }
    replica_get_status(sim->lab.nodes[0].replica, &after);
    if (after.raft.last_index != before.raft.last_index || after.raft.term != before.raft.term) {
        lab_fail(&sim->lab,
                 "at rest the log grows from %" PRIu64 " to %" PRIu64 ", the term from %" PRIu64
                 " to %" PRIu64,
                 before.raft.last_index, after.raft.last_index, before.raft.term, after.raft.term);
    }
    if (turns > turns_max) {
        lab_fail(&sim->lab, "%" PRIu64 " turns at rest", turns);
    }
}

static void check_clients(struct run *run)
{
    struct sim *sim = &run->sim;
    struct lab_node *node = &sim->lab.nodes[below(run, sim->lab.nodes_count)];
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        sim_client_check_end(&sim->clients[i], node);
    }
    for (uint32_t i = 0; i < run->typed_count; i++) {
        sim_line_check_end(&run->typed[i].line);
    }
    for (uint32_t i = 0; i < run->ledgers_count && is_well(run); i++) {
        sim_ledger_check_end(&run->ledgers[i], node);
    }
    sim_tally_check_end(&run->tally, node);
    for (uint32_t i = 0; i < run->record.recorders_count && is_well(run); i++) {
        if (run->recorders[i].requests_count > 0 || i == 0) {
            sim_recorder_check_end(&run->recorders[i], node);
        }
    }
}

static void run_calm(struct run *run)
{
    struct sim *sim = &run->sim;
    sim->is_calm = true;
    sim_chaos_end(&run->chaos);
    bool is_operated = !run->chaos.oper.is_idle;
    uint64_t begin_ms = sim->lab.now_ms;
    uint64_t end_ms = begin_ms + (is_operated ? CALM_OPERATED_MS : CALM_MS);
    while ((sim->lab.now_ms < end_ms || sim_damage_is_open(&run->chaos)) && is_judged(run)) {
        lab_run_for(&sim->lab, CALM_STEP_MS);
        act(run);
        if (is_operated && sim->lab.now_ms >= begin_ms + OPERATED_MS) {
            sim_operator_check_end(&run->chaos.oper);
            run->chaos.oper.is_idle = true;
            is_operated = false;
        }
    }
    if (is_judged(run)) {
        settle(sim);
    }
    if (is_judged(run)) {
        check_agreement(sim);
        check_rest(sim);
        check_clients(run);
    }
}

/* ---- The end ---- */

static void judge(struct run *run, struct sim_totals *totals)
{
    struct checker_report report;
    checker_check(&run->record.history, CONFIGURATIONS_MAX, &report);
    if (report.verdict != CHECKER_LINEARIZABLE) {
        lab_fail(&run->sim.lab, "the history is %s:\n%.*s",
                 report.verdict == CHECKER_UNDECIDED ? "undecided" : "not linearizable",
                 (int)buf_size(&report.explanation),
                 (const char *)buf_slice(&report.explanation).bytes);
    }
    totals->judged += report.operations;
    if (report.configurations > totals->configurations_max) {
        totals->configurations_max = report.configurations;
    }
    buf_deinit(&report.explanation);
}

static void finish(struct run *run, struct sim_totals *totals)
{
    struct lab *lab = &run->sim.lab;
    lab_client_deinit(&run->chaos.oper.client);
    lab_client_deinit(&run->chaos.stirrer.client);
    for (uint32_t i = 0; i < run->sim.clients_count; i++) {
        lab_client_deinit(&run->sim.clients[i].client);
    }
    for (uint32_t i = 0; i < run->record.recorders_count; i++) {
        sim_recorder_close(&run->recorders[i]);
    }
    for (uint32_t i = 0; i < run->typed_count; i++) {
        sim_typed_close(&run->typed[i]);
    }
    for (uint32_t i = 0; i < run->ledgers_count; i++) {
        lab_client_deinit(&run->ledgers[i].line.client);
    }
    lab_oracle_check_logs(lab);
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        if (lab->nodes[i].replica != NULL) {
            lab_check_replay(&lab->nodes[i]);
        }
    }
    judge(run, totals);
}

static void count(struct sim_totals *totals, const struct run *run)
{
    const struct lab *lab = &run->sim.lab;
    totals->runs++;
    totals->failed += lab->failures > 0;
    totals->calm_runs += run->sim.is_calm;
    totals->replies += run->sim.replies;
    totals->unknowns += run->sim.unknowns;
    totals->refusals += run->sim.refusals;
    totals->packets += lab->network.packets_sent;
    totals->simulated_ms += lab->now_ms;
    totals->replays += lab->replays;
    totals->changes += run->chaos.oper.done;
    totals->entries += lab->oracle.committed_count;
    for (uint32_t i = 0; i < run->typed_count; i++) {
        totals->typed += run->typed[i].done;
    }
    for (uint32_t i = 0; i < run->ledgers_count; i++) {
        totals->entered += run->ledgers[i].done;
    }
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        totals->turns += lab->nodes[i].turns;
        totals->snapshots += lab->nodes[i].state.commits;
        totals->installs += lab->nodes[i].state.installs;
    }
    for (int i = 0; i < LAB_FAULTS; i++) {
        totals->faults.counts[i] += lab->faults.counts[i];
    }
}

uint64_t sim_run(uint64_t seed, struct sim_totals *totals, struct buf *history)
{
    static struct run run;
    run = (struct run){.look_ms = 0};
    draw(&run, seed);
    bool ends_calm = below(&run, 4) > 0;
    run_chaos(&run);
    if (is_judged(&run) && ends_calm) {
        run_calm(&run);
    }
    finish(&run, totals);
    count(totals, &run);
    uint64_t trace = hash_mix(run.sim.lab.trace, run.sim.lab.network.trace);
    struct buf text = {0};
    for (uint32_t i = 0; i < run.record.history.count; i++) {
        history_print(&run.record.history.operations[i], &text);
    }
    trace = hash_bytes(trace, buf_slice(&text));
    if (history != NULL) {
        buf_append_slice(history, buf_slice(&text));
    }
    buf_deinit(&text);
    history_deinit(&run.record.history);
    lab_close(&run.sim.lab);
    return trace;
}
