/* storage_sim.c -- one life in a child of its own, and whether its end was as it must be.
 *
 * A process may stop, or refuse to start, only for a cause: a fault that was injected into its
 * life, or damage to the files. Whatever the cause, the next start without faults must succeed,
 * but for damage, which must have been noticed (RESULT_CORRUPT) and is then set aside.
 */
#include "sim/storage_sim.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "storage/storage_fatal.h"

enum { HEALING_STARTS_MAX = 5, HEALING_STEPS = 6 };

struct life *sim_life;

struct simvfs_plan sim_quiet_plan(void)
{
    return (struct simvfs_plan){.at_fault = SIMVFS_NO_FAULT, .capacity_bytes = SIM_CAPACITY_BYTES};
}

void sim_begin(uint64_t seed)
{
    simvfs_disk_format(hash_mix(seed, 2));
    memset(sim_life, 0, sizeof(*sim_life));
    model_init(&sim_life->model, 77);
}

static bool is_damaged(void)
{
    return simvfs_disk_is_damaged("raft.db") || simvfs_disk_is_damaged("raft.db-wal") ||
           simvfs_disk_is_damaged("state.db") || simvfs_disk_is_damaged("state.db-wal");
}

/* Of faults that may stop a process. A full disk may only keep it from starting. */
static uint64_t causes(bool with_full)
{
    const struct simvfs_counts *counts = simvfs_disk_life();
    uint64_t count = counts->faults[SIMVFS_OUT_OF_MEMORY];
    for (int i = SIMVFS_READ_EIO; i <= SIMVFS_TRUNCATE_EIO; i++) {
        count += i == SIMVFS_WRITE_FULL && !with_full ? 0 : counts->faults[i];
    }
    return count + (with_full ? counts->faults[SIMVFS_DISK_FULL] : 0);
}

/* A damaged directory that no longer says whose it is, is for the operator: wiped, begun anew. */
static bool is_lost(const struct life *life)
{
    return life->is_moving && life->open_result != RESULT_OK && life->open_result != RESULT_IO &&
           life->open_result != RESULT_FULL;
}

static bool judge_not_opened(struct life *life)
{
    /* A version or an owner that damage changed is refused as such: for the operator. */
    bool is_noticed = (life->open_result == RESULT_CORRUPT || life->open_result == RESULT_VERSION ||
                       life->open_result == RESULT_IDENTITY) &&
                      is_damaged();
    uint64_t reads =
        simvfs_disk_life()->faults[SIMVFS_READ_EIO] + simvfs_disk_life()->faults[SIMVFS_READ_SHORT];
    if (is_noticed && reads == 0) {
        bool is_log = strcmp(life->opened, "raft.db") == 0;
        life->is_log_damaged = life->is_log_damaged || is_log;
        life->is_state_damaged = life->is_state_damaged || !is_log;
        return true;
    }
    if (life->open_result == RESULT_CORRUPT && reads == 0 && !is_noticed) {
        model_fail(&life->model, "%s does not open as damaged, and was not damaged", life->opened);
    } else if (causes(true) == 0 && !is_damaged() && !life->had_full_disk && !is_lost(life)) {
        model_fail(&life->model, "%s does not open (%s) without a cause", life->opened,
                   result_text(life->open_result));
    }
    return life->model.failure[0] == '\0';
}

static bool judge(struct life *life, int status)
{
    if (WIFSIGNALED(status)) {
        model_fail(&life->model, "the process ended by signal %d", WTERMSIG(status));
        return false;
    }
    switch (WEXITSTATUS(status)) {
    case LIFE_CLOSED:
    case LIFE_KILLED:
    case SIMVFS_CRASH_EXIT_CODE:
        return life->model.failure[0] == '\0';
    case STORAGE_FATAL_EXIT_CODE:
        if (causes(life->is_installing) == 0 && !is_damaged()) {
            model_fail(&life->model, "the process stopped itself without a cause");
        }
        return life->model.failure[0] == '\0';
    case LIFE_NOT_OPENED:
        return judge_not_opened(life);
    default:
        model_fail(&life->model, "the process ended with %d", WEXITSTATUS(status));
        return false;
    }
}

bool sim_live(const struct simvfs_plan *plan)
{
    simvfs_disk_begin_life(plan);
    (void)fflush(stdout);
    pid_t child = fork();
    ASSERT(child >= 0);
    if (child == 0) {
        life_run(sim_life);
    }
    int status = 0;
    pid_t ended = waitpid(child, &status, 0);
    ASSERT(ended == child);
    bool is_right = judge(sim_life, status);
    life_log(sim_life, "== the life ended with %d after %llu calls",
             WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
             (unsigned long long)simvfs_disk_life()->calls);
    simvfs_disk_end_life();
    return is_right;
}

bool sim_heal(uint64_t seed)
{
    struct life *life = sim_life;
    struct simvfs_plan plan = sim_quiet_plan();
    uint64_t starts = life->starts;
    for (int i = 0; i < HEALING_STARTS_MAX && life->starts < starts + 2; i++) {
        life->seed = hash_mix(seed, (uint64_t)i);
        life->is_quiet = true;
        life->is_fixed = false;
        life->steps = HEALING_STEPS;
        life->ends_clean = true;
        life->failing_allocation = 0;
        life->open_result = RESULT_OK;
        if (!sim_live(&plan)) {
            return false;
        }
        if (is_lost(life)) {
            sim_begin(seed);
            starts = 0;
        }
    }
    if (life->starts < starts + 2) {
        model_fail(&life->model, "the stores do not open any more (%s)",
                   result_text(life->open_result));
        return false;
    }
    return true;
}

void sim_print_failure(void)
{
    const struct life *life = sim_life;
    (void)printf("FAILED: %s\n", life->model.failure);
    uint32_t from = life->lines_count > LIFE_LINES ? life->lines_count - LIFE_LINES : 0;
    for (uint32_t i = from; i < life->lines_count; i++) {
        (void)printf("  %s\n", life->lines[i % LIFE_LINES]);
    }
}
