/* sim_main.c -- the simulator's command line; what it takes comes from the environment, by way of
 * make:
 *
 *     make sim SEED=n               one run, twice: both must come out the same
 *     make sim SEEDS=n [SEED=base]  n runs from a base that is drawn, or given
 *          JOBS=n                   in so many processes
 *          HISTORY=file             writes down what the clients of the (last) run saw
 *          SIM_LOGGER=1             shows what the nodes log
 *
 * SIGINT ends it after the present run. The first line names seed and commit, the last one says how
 * to do it again. Ends at the first run that fails, with exit status 1; every 20th run is made
 * twice and the two are compared. With at least 500 runs every kind of fault must have struck as
 * often as lab_fault.h says.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/logger.h"
#include "sim/sim_run.h"

enum {
    JOBS_MAX = 64,
    TWICE_EVERY = 20,
    FLOORS_FROM = 500,
    FLOORS_PER = 1000,
    /* Processor time of one run: it hangs. */
    RUN_SECONDS_MAX = 60,
    LINE_BYTES = 80,
};

/* What a process leaves for its parent; shared memory. */
struct job {
    uint64_t seed; /* of the present run */
    bool has_failed;
    uint64_t twice;
    double cpu_seconds;
    struct sim_totals totals;
};

struct plan {
    uint64_t base;
    uint64_t runs;
    uint32_t jobs_count;
    const char *history_file;
    struct job *jobs;
};

static struct job *own_job; /* for signal handlers */
static volatile sig_atomic_t is_stopped;

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL || *text == '\0' ? otherwise : strtoull(text, NULL, 10);
}

static uint64_t draw_seed(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) % 1000000000000u;
}

/* An assertion failed, or the run does not end. */
static void on_fatal(int signal_number)
{
    char line[LINE_BYTES];
    own_job->has_failed = true;
    int size = snprintf(line, sizeof(line), "%s\nreplay: make sim SEED=%" PRIu64 "\n",
                        signal_number == SIGPROF ? "the run does not end" : "the run crashed",
                        own_job->seed);
    (void)!write(STDERR_FILENO, line, (size_t)size);
    _exit(1);
}

/* What the core says when it stops the process; altered states are the run's to judge. */
static void print_error(enum logger_level level, const char *line, void *context)
{
    (void)level;
    (void)context;
    if (strstr(line, "have come apart") == NULL && strstr(line, "has come apart") == NULL) {
        (void)fprintf(stderr, "%s\n", line);
    }
}

/* The present run is the last. */
static void on_stop(int signal_number)
{
    (void)signal_number;
    is_stopped = 1;
}

static void watch_run(void)
{
    struct itimerval limit = {.it_value = {.tv_sec = RUN_SECONDS_MAX}};
    (void)setitimer(ITIMER_PROF, &limit, NULL);
}

static bool run_one(struct job *job, uint64_t seed, bool is_twice, struct buf *history)
{
    job->seed = seed;
    watch_run();
    uint64_t trace = sim_run(seed, &job->totals, history);
    if (is_twice && job->totals.failed == 0) {
        struct sim_totals again = {0};
        if (sim_run(seed, &again, NULL) != trace) {
            (void)fprintf(stderr, "SEED=%" PRIu64 ": a second run took another course\n", seed);
            job->totals.failed++;
        }
        job->twice++;
    }
    job->has_failed = job->totals.failed > 0;
    return !job->has_failed;
}

static bool has_any_failed(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->jobs_count; i++) {
        if (plan->jobs[i].has_failed) {
            return true;
        }
    }
    return false;
}

static bool write_file(const char *name, struct slice text)
{
    FILE *file = fopen(name, "we");
    bool is_written = file != NULL && fwrite(text.bytes, 1, text.size, file) == text.size;
    is_written = file != NULL && fclose(file) == 0 && is_written;
    if (!is_written) {
        (void)fprintf(stderr, "cannot write %s\n", name);
    }
    return is_written;
}

/* Every jobs_count'th seed, from the number'th on. */
static void run_job(const struct plan *plan, uint32_t number)
{
    struct job *job = &plan->jobs[number];
    struct buf history = {0};
    own_job = job;
    logger_set_sink(print_error, NULL);
    logger_set_level(getenv("SIM_LOGGER") == NULL ? LOGGER_ERROR : LOGGER_NOTICE);
    (void)signal(SIGABRT, on_fatal);
    (void)signal(SIGSEGV, on_fatal);
    (void)signal(SIGPROF, on_fatal);
    (void)signal(SIGINT, on_stop);
    (void)signal(SIGTERM, on_stop);
    for (uint64_t i = number; i < plan->runs && !has_any_failed(plan) && !is_stopped;
         i += plan->jobs_count) {
        buf_clear(&history);
        bool is_twice = plan->runs == 1 || i % TWICE_EVERY == 0;
        (void)run_one(job, plan->base + i, is_twice, plan->history_file == NULL ? NULL : &history);
    }
    if (plan->history_file != NULL && !write_file(plan->history_file, buf_slice(&history))) {
        job->has_failed = true;
    }
    buf_deinit(&history);
    job->cpu_seconds = (double)clock() / CLOCKS_PER_SEC;
}

static void run_jobs(const struct plan *plan)
{
    if (plan->jobs_count == 1) {
        run_job(plan, 0);
        return;
    }
    pid_t children[JOBS_MAX];
    (void)fflush(stdout);
    for (uint32_t i = 0; i < plan->jobs_count; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            run_job(plan, i);
            _exit(0);
        }
    }
    for (uint32_t i = 0; i < plan->jobs_count; i++) {
        int status = 0;
        if (children[i] < 0 || waitpid(children[i], &status, 0) < 0 || status != 0) {
            plan->jobs[i].has_failed = true;
        }
    }
}

/* ---- The summary ---- */

static void add(struct sim_totals *sum, const struct sim_totals *one)
{
    sum->runs += one->runs;
    sum->failed += one->failed;
    sum->calm_runs += one->calm_runs;
    sum->simulated_ms += one->simulated_ms;
    sum->replies += one->replies;
    sum->unknowns += one->unknowns;
    sum->refusals += one->refusals;
    sum->entries += one->entries;
    sum->packets += one->packets;
    sum->turns += one->turns;
    sum->snapshots += one->snapshots;
    sum->installs += one->installs;
    sum->replays += one->replays;
    sum->changes += one->changes;
    sum->judged += one->judged;
    sum->typed += one->typed;
    sum->entered += one->entered;
    if (one->configurations_max > sum->configurations_max) {
        sum->configurations_max = one->configurations_max;
    }
    for (int i = 0; i < LAB_FAULTS; i++) {
        sum->faults.counts[i] += one->faults.counts[i];
    }
}

/* Prints the number of each kind of fault; returns how many are under their floor. */
static uint32_t print_faults(const struct sim_totals *totals)
{
#define FAULT_ROW(name, words, floor) {words, floor},
    static const struct {
        const char *words;
        uint64_t floor;
    } kinds[] = {LAB_FAULT_TABLE(FAULT_ROW)};
#undef FAULT_ROW
    uint32_t under = 0;
    uint64_t sum = 0;
    for (int i = 0; i < LAB_FAULTS; i++) {
        uint64_t floor = kinds[i].floor * totals->runs / FLOORS_PER;
        bool is_under = totals->runs >= FLOORS_FROM && totals->faults.counts[i] < floor;
        printf("  %12" PRIu64 " %s", totals->faults.counts[i], kinds[i].words);
        if (is_under) {
            printf(" (at least %" PRIu64 " are wanted)", floor);
        }
        printf("\n");
        under += is_under;
        sum += totals->faults.counts[i];
    }
    printf("  %12" PRIu64 " faults in all\n", sum);
    return under;
}

static uint32_t print_summary(const struct plan *plan)
{
    struct sim_totals totals = {0};
    uint64_t twice = 0;
    double cpu_seconds = 0;
    for (uint32_t i = 0; i < plan->jobs_count; i++) {
        add(&totals, &plan->jobs[i].totals);
        twice += plan->jobs[i].twice;
        cpu_seconds += plan->jobs[i].cpu_seconds;
    }
    double simulated_seconds = (double)totals.simulated_ms / 1000;
    printf("%" PRIu64 " runs (%" PRIu64 " to the calm end, %" PRIu64 " made twice), %.2f hours "
           "simulated in %.1f s of processor time: %.0f times as fast\n",
           totals.runs, totals.calm_runs, twice, simulated_seconds / 3600, cpu_seconds,
           cpu_seconds > 0 ? simulated_seconds / cpu_seconds : 0);
    printf("%" PRIu64 " turns, %" PRIu64 " packets, %" PRIu64 " entries, %" PRIu64
           " replies (%" PRIu64 " unknown, %" PRIu64 " refused), %" PRIu64 " changes of members\n",
           totals.turns, totals.packets, totals.entries, totals.replies, totals.unknowns,
           totals.refusals, totals.changes);
    printf("%" PRIu64 " snapshots, %" PRIu64 " fetched, %" PRIu64 " replays compared, %" PRIu64
           " operations judged (at most %" PRIu64 " configurations a run)\n",
           totals.snapshots, totals.installs, totals.replays, totals.judged,
           totals.configurations_max);
    printf("%" PRIu64 " commands of all types, %" PRIu64 " transactions in ledgers\n", totals.typed,
           totals.entered);
    uint32_t under = print_faults(&totals);
    bool has_failed = has_any_failed(plan);
    printf("%" PRIu64 " passed, %d failed\n", totals.runs - (totals.runs > 0 && has_failed),
           (has_failed || under > 0) ? 1 : 0);
    return under;
}

static void print_replay(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->jobs_count; i++) {
        if (plan->jobs[i].has_failed) {
            printf("replay: make sim SEED=%" PRIu64 "\n", plan->jobs[i].seed);
            return;
        }
    }
    printf("replay: make sim SEED=%" PRIu64, plan->base);
    if (plan->runs > 1) {
        printf(" SEEDS=%" PRIu64, plan->runs);
    }
    printf("\n");
}

int main(void)
{
    struct plan plan = {.runs = number_from("SEEDS", 1)};
    const char *commit = getenv("COMMIT");
    const char *file = getenv("HISTORY");
    plan.base = number_from("SEED", 0);
    plan.base = plan.base == 0 ? draw_seed() : plan.base;
    plan.jobs_count = (uint32_t)number_from("JOBS", 1);
    if (plan.jobs_count == 0 || plan.jobs_count > JOBS_MAX || plan.jobs_count > plan.runs) {
        plan.jobs_count = 1;
    }
    plan.history_file = file == NULL || *file == '\0' ? NULL : file;
    plan.jobs = mmap(NULL, plan.jobs_count * sizeof(*plan.jobs), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (plan.jobs == MAP_FAILED) {
        return 2;
    }
    printf("SEED=%" PRIu64 " SEEDS=%" PRIu64 " commit %s\n", plan.base, plan.runs,
           commit == NULL ? "unknown" : commit);
    run_jobs(&plan);
    uint32_t under = print_summary(&plan);
    print_replay(&plan);
    return has_any_failed(&plan) || under > 0 ? 1 : 0;
}
