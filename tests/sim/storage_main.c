/* storage_main.c -- the storage simulation: seeds, the exhaustive runs, and the counts at the end.
 *
 *     sim-storage --seed N [--seeds COUNT] [--exhaustive STRIDE] [--floors] [--verbose]
 *
 * The first line says the seed, the last but the counts how to run a failed one again. --exhaustive
 * adds the fixed scenario with each fault at each STRIDE-th call (1: all; 0: none). --floors fails
 * when a kind of fault was injected too seldom to have been tested.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/hash.h"
#include "sim/storage_sim.h"

enum { LIVES_MIN = 2, LIVES_RANGE = 5, STEPS_MAX = 40, CALLS_TO_CRASH = 1200, FLOOR = 5 };

struct arguments {
    uint64_t seed;
    uint64_t seeds;
    uint64_t stride;
    bool has_floors;
    bool is_verbose;
};

/* Figures of all seeds. */
static struct {
    uint64_t lives;
    uint64_t starts;
    uint64_t checks;
    uint64_t units;
    uint64_t snapshots;
    uint64_t copies;
    uint64_t installs;
    uint64_t given_up;
    uint64_t stalls;
    uint64_t moved_aside;
    uint64_t tails_lost;
    uint64_t pages_stale;
} sums;

static void add_sums(const struct life *life)
{
    sums.starts += life->starts;
    sums.checks += life->model.checks;
    sums.units += life->units_reported;
    sums.snapshots += life->snapshots_reported;
    sums.copies += life->copies;
    sums.installs += life->installs;
    sums.given_up += life->given_up;
    sums.stalls += life->stalls;
    sums.moved_aside += life->moved_aside;
    sums.tails_lost += life->model.tails_lost;
    sums.pages_stale += life->model.pages_stale;
}

/* ---- One seed ---- */

/* The swarm: each kind of fault is off for this seed, or has a rate of its own. */
static struct simvfs_plan draw_plan(struct prng *prng)
{
    struct simvfs_plan plan = sim_quiet_plan();
    if (prng_below(prng, 4) == 0) {
        return plan; /* Crashes alone. */
    }
    for (int i = SIMVFS_READ_EIO; i <= SIMVFS_LATENCY; i++) {
        /* There are far more reads and writes than other calls. */
        bool is_seldom = i >= SIMVFS_DIRECTORY_SYNC_EIO && i <= SIMVFS_TRUNCATE_EIO;
        if (prng_below(prng, is_seldom ? 5 : 3) == 0) {
            uint64_t calls = is_seldom ? 4 + prng_below(prng, 200) : 20 + prng_below(prng, 4000);
            plan.rates[i] = (uint32_t)(SIMVFS_RATE_ONE / calls);
        }
    }
    return plan;
}

/* Damage is bounded: at most once a seed, one file, so that it is known what it may cost. */
static void damage_once(struct prng *prng)
{
    static const char *const names[] = {"raft.db", "raft.db-wal", "state.db", "state.db-wal"};
    char text[128];
    const char *name = simvfs_disk_damage(names[prng_below(prng, 4)], text, sizeof(text));
    if (name != NULL) {
        life_log(sim_life, "== damage to %s: %s", name, text);
    }
}

static void draw_life(struct prng *prng, struct simvfs_plan *plan)
{
    struct life *life = sim_life;
    life->seed = prng_next(prng);
    life->is_quiet = false;
    life->is_fixed = false;
    life->steps = 1 + (uint32_t)prng_below(prng, STEPS_MAX);
    life->ends_clean = prng_below(prng, 3) == 0;
    life->failing_allocation = prng_below(prng, 16) == 0 ? 1 + prng_below(prng, 20000) : 0;
    life->fails_for_ever = prng_below(prng, 2) == 0;
    life->open_result = RESULT_OK;
    plan->crash_at_call = prng_below(prng, 2) == 0 ? 1 + prng_below(prng, CALLS_TO_CRASH) : 0;
}

static bool run_seed(uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    sim_begin(seed);
    struct simvfs_plan plan = draw_plan(&prng);
    uint64_t lives = LIVES_MIN + prng_below(&prng, LIVES_RANGE);
    uint64_t damaged_life = prng_below(&prng, 2) == 0 ? 1 + prng_below(&prng, lives) : 0;
    bool is_damaged_by_write = prng_below(&prng, 2) == 0;
    for (uint64_t i = 1; i <= lives; i++) {
        draw_life(&prng, &plan);
        bool is_damaged_here = i == damaged_life;
        bool by_write = is_damaged_here && is_damaged_by_write;
        plan.at_fault = !by_write                   ? SIMVFS_NO_FAULT
                        : prng_below(&prng, 2) == 0 ? SIMVFS_WRITE_LOST
                                                    : SIMVFS_WRITE_MISDIRECTED;
        plan.at_call = 1 + prng_below(&prng, 60);
        sums.lives++;
        if (!sim_live(&plan)) {
            return false;
        }
        if (prng_below(&prng, 2) == 0) {
            life_log(sim_life, "== power loss");
            simvfs_disk_lose_power();
        }
        if (is_damaged_here && !is_damaged_by_write) {
            damage_once(&prng);
        }
    }
    return sim_heal(prng_next(&prng));
}

/* Runs a seed and returns a hash of what was done, what went wrong, and what came of it. Not of the
 * files' bytes: SQLite leaves some of its pages' as malloc gave them. */
static uint64_t trace_of(uint64_t seed)
{
    const struct simvfs_counts *totals = simvfs_disk_totals();
    struct simvfs_counts before = *totals;
    (void)run_seed(seed);
    const struct model *model = &sim_life->model;
    uint64_t hash = hash_bytes(0, slice_of_string(model->failure));
    hash = hash_mix(hash, model->log.hard_state.term);
    hash = hash_mix(hash, model->log.hard_state.vote);
    hash = hash_mix(hash, model->log.last_index);
    hash = hash_mix(hash, model->log.entries[model->log.last_index].content);
    hash = hash_mix(hash, model->snapshot.index);
    hash = hash_mix(
        hash, hash_bytes(1, slice_of(model->snapshot.versions, sizeof(model->snapshot.versions))));
    hash = hash_mix(hash, totals->calls - before.calls);
    for (int i = 0; i < SIMVFS_FAULTS_COUNT; i++) {
        hash = hash_mix(hash, totals->faults[i] - before.faults[i]);
    }
    return hash;
}

/* Chance comes from the seed alone. */
static bool is_repeatable(uint64_t seed)
{
    uint64_t first = trace_of(seed);
    return first == trace_of(seed);
}

/* ---- All of them ---- */

static uint64_t run_seeds(const struct arguments *arguments, uint64_t *failed)
{
    uint64_t passed = 0;
    for (uint64_t i = 0; i < arguments->seeds; i++) {
        uint64_t seed = arguments->seed + i;
        if (run_seed(seed)) {
            passed++;
        } else {
            (*failed)++;
            sim_print_failure();
            (void)printf("again: make sim-storage SEED=%" PRIu64 " SEEDS=1\n", seed);
        }
        add_sums(sim_life);
        if (arguments->is_verbose && i % 1000 == 999) {
            (void)printf("%" PRIu64 " seeds\n", i + 1);
        }
        (void)fflush(stdout);
    }
    return passed;
}

static uint64_t check_repeatable(const struct arguments *arguments, uint64_t *failed)
{
    uint64_t passed = 0;
    for (uint64_t i = 0; i < arguments->seeds; i += 20) {
        if (is_repeatable(arguments->seed + i)) {
            passed++;
        } else {
            (*failed)++;
            (void)printf("FAILED: seed %" PRIu64 " ran differently the second time\n",
                         arguments->seed + i);
        }
    }
    return passed;
}

static uint64_t print_counts(bool has_floors)
{
    const struct simvfs_counts *totals = simvfs_disk_totals();
    uint64_t failed = 0;
    (void)printf("%-40s %12s\n", "fault", "injected");
    for (int i = 0; i < SIMVFS_FAULTS_COUNT; i++) {
        (void)printf("%-40s %12" PRIu64 "\n", simvfs_fault_text((enum simvfs_fault)i),
                     totals->faults[i]);
        if (has_floors && totals->faults[i] < FLOOR) {
            failed++;
            (void)printf("FAILED: that is below %d\n", FLOOR);
        }
    }
    (void)printf("%" PRIu64 " lives, %" PRIu64 " starts, %" PRIu64 " calls, %" PRIu64
                 " s of simulated latency\n",
                 sums.lives, sums.starts, totals->calls, totals->latency_us / 1000000);
    (void)printf("%" PRIu64 " units and %" PRIu64 " snapshots reported durable, %" PRIu64
                 " comparisons, %" PRIu64 " copies, %" PRIu64 " installed\n",
                 sums.units, sums.snapshots, sums.checks, sums.copies, sums.installs);
    (void)printf("%" PRIu64 " snapshots given up on a full disk, %" PRIu64
                 " steps while the log waited for room\n",
                 sums.given_up, sums.stalls);
    (void)printf("%" PRIu64 " damaged directories set aside; not told from a torn write: %" PRIu64
                 " last transactions; not noticed: %" PRIu64 " stale pages\n",
                 sums.moved_aside, sums.tails_lost, sums.pages_stale);
    return failed;
}

static bool parse(int count, char **words, struct arguments *out)
{
    *out = (struct arguments){.seed = 1, .seeds = 100};
    for (int i = 1; i < count; i++) {
        uint64_t *number = strcmp(words[i], "--seed") == 0         ? &out->seed
                           : strcmp(words[i], "--seeds") == 0      ? &out->seeds
                           : strcmp(words[i], "--exhaustive") == 0 ? &out->stride
                                                                   : NULL;
        if (number != NULL && i + 1 < count) {
            *number = strtoull(words[++i], NULL, 10);
        } else if (strcmp(words[i], "--floors") == 0) {
            out->has_floors = true;
        } else if (strcmp(words[i], "--verbose") == 0) {
            out->is_verbose = true;
        } else {
            return false;
        }
    }
    return true;
}

int main(int count, char **words)
{
    struct arguments arguments;
    if (!parse(count, words, &arguments)) {
        (void)fprintf(stderr,
                      "usage: %s [--seed N] [--seeds COUNT] [--exhaustive STRIDE] "
                      "[--floors] [--verbose]\n",
                      words[0]);
        return 2;
    }
    (void)printf("seed %" PRIu64 ", %" PRIu64 " seeds\n", arguments.seed, arguments.seeds);
    simvfs_disk_create();
    sim_life =
        mmap(NULL, sizeof(*sim_life), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(sim_life != MAP_FAILED);
    uint64_t failed = 0;
    uint64_t passed = run_seeds(&arguments, &failed);
    passed += check_repeatable(&arguments, &failed);
    if (arguments.stride > 0) {
        uint64_t runs = 0;
        uint64_t wrong = sim_exhaustive(arguments.stride, &runs);
        (void)printf("%" PRIu64 " runs of the fixed scenario\n", runs);
        failed += wrong;
        passed += runs - wrong;
    }
    failed += print_counts(arguments.has_floors);
    (void)printf("again: make sim-storage SEED=%" PRIu64 " SEEDS=%" PRIu64 "\n", arguments.seed,
                 arguments.seeds);
    (void)printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
