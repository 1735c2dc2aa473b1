/* storage_exhaustive.c -- as SQLite's own tests do it: a short fixed scenario, again and again,
 * with each kind of fault at each call it could hit, once and for ever, and with a crash at each
 * call.
 *
 * The scenario runs on a directory that an earlier life left by a kill, so that starts with
 * something to recover are in it as well as a whole life. Behind each run the power may fail; then
 * the stores must open again and hold what they reported.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "sim/storage_sim.h"

enum {
    STEPS_BEFORE = 12,
    STEPS = 12,
    AFTERS_COUNT = 4,
    CALLS_MAX = 20000,
    CALLS_OF_START = 80, /* about how many a start makes on what the scenario leaves */
};

struct run {
    int fault; /* SIMVFS_NO_FAULT: a crash */
    uint64_t at;
    bool for_ever;
    uint64_t after;       /* 0: nothing; else the power fails, with this seed */
    uint64_t crash_start; /* the start behind it is killed at this call as well; 0: it is not */
};

static void draw_fixed(uint64_t seed, uint32_t steps)
{
    struct life *life = sim_life;
    life->seed = seed;
    life->is_fixed = true;
    life->is_quiet = true;
    life->steps = steps;
    life->ends_clean = false;
    life->failing_allocation = 0;
    life->open_result = RESULT_OK;
}

/* Whether the fault still hit something. */
static bool was_hit(const struct run *run)
{
    const struct simvfs_counts *counts = simvfs_disk_life();
    return run->fault == SIMVFS_NO_FAULT ? counts->calls >= run->at
                                         : counts->faults[run->fault] > 0;
}

static bool live_with(const struct run *run)
{
    struct simvfs_plan plan = sim_quiet_plan();
    draw_fixed(2, STEPS);
    sim_life->ends_clean = true;
    if (run->fault == SIMVFS_OUT_OF_MEMORY) {
        sim_life->failing_allocation = run->at;
        sim_life->fails_for_ever = run->for_ever;
    } else if (run->fault == SIMVFS_NO_FAULT) {
        plan.crash_at_call = run->at;
    } else {
        plan.at_fault = run->fault;
        plan.at_call = run->at;
        plan.for_ever = run->for_ever;
    }
    return sim_live(&plan);
}

/* Returns whether it was right; *was_reached: the scenario has that many calls. */
static bool run_one(const struct run *run, bool *was_reached)
{
    struct simvfs_plan plan = sim_quiet_plan();
    sim_begin(1 + run->after);
    draw_fixed(1, STEPS_BEFORE);
    sim_life->ends_clean = run->after % 2 == 1;
    bool is_right = sim_live(&plan) && live_with(run);
    *was_reached = was_hit(run);
    if (is_right && run->crash_start != 0) {
        draw_fixed(3, 1);
        plan.crash_at_call = run->crash_start;
        is_right = sim_live(&plan);
    }
    if (!is_right) {
        return false;
    }
    if (run->after != 0) {
        simvfs_disk_lose_power();
    }
    return sim_heal(hash_mix(run->at, run->after));
}

static void print_run(const struct run *run)
{
    sim_print_failure();
    (void)printf("in the fixed scenario: %s at call %" PRIu64 "%s, start killed at call %" PRIu64
                 ", %s %" PRIu64 "\n",
                 run->fault == SIMVFS_NO_FAULT ? "crash"
                                               : simvfs_fault_text((enum simvfs_fault)run->fault),
                 run->at, run->for_ever ? " and all behind it" : "", run->crash_start,
                 run->after == 0 ? "no power loss" : "power loss", run->after);
}

static uint64_t run_fault(struct run run, uint64_t stride, uint64_t *runs)
{
    uint64_t failed = 0;
    bool was_reached = true;
    for (run.at = 1; was_reached && run.at < CALLS_MAX; run.at += stride) {
        (*runs)++;
        if (!run_one(&run, &was_reached)) {
            failed++;
            print_run(&run);
        }
    }
    return failed;
}

/* What a failed flush left in the cache alone must not be built upon: each flush fails, the start
 * behind it is killed at each of its calls, and then the power fails (fault S4). */
static uint64_t run_failed_flushes(uint64_t stride, uint64_t *runs)
{
    uint64_t failed = 0;
    for (uint64_t after = 1; after < AFTERS_COUNT; after++) {
        for (uint64_t call = 1 + after % stride; call < CALLS_OF_START; call += stride) {
            struct run run = {.fault = SIMVFS_SYNC_EIO, .after = after, .crash_start = call};
            failed += run_fault(run, stride < 3 ? 1 : stride / 3, runs);
        }
    }
    return failed;
}

uint64_t sim_exhaustive(uint64_t stride, uint64_t *runs)
{
    uint64_t failed = 0;
    for (uint64_t after = 0; after < AFTERS_COUNT; after++) {
        for (int fault = SIMVFS_READ_EIO; fault <= SIMVFS_TRUNCATE_EIO; fault++) {
            struct run run = {.fault = fault, .after = after};
            failed += run_fault(run, stride, runs);
            run.for_ever = true;
            failed += run_fault(run, stride, runs);
        }
        struct run crash = {.fault = SIMVFS_NO_FAULT, .after = after};
        failed += run_fault(crash, stride, runs);
    }
    failed += run_failed_flushes(stride, runs);
    /* There are many more allocations than calls. */
    struct run once = {.fault = SIMVFS_OUT_OF_MEMORY};
    struct run ever = {.fault = SIMVFS_OUT_OF_MEMORY, .for_ever = true};
    return failed + run_fault(once, stride * 7, runs) + run_fault(ever, stride * 7, runs);
}
