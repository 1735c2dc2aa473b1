/* test_state_faults.c -- what is left of a snapshot after kill -9, and how a failing disk is met.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "lib/unit.h"
#include "storage/storage_fatal.h"
#include "unit/storage/state_fixture.h"

enum { ROUNDS = 20, KILL_MICROSECONDS_MAX = 60000, BYTES_MAX = 256 * 1024 };

static void wait_for_install(struct state_fixture *fixture)
{
    struct pollfd descriptor = {.fd = state_store_descriptor(fixture->store), .events = POLLIN};
    do {
        (void)poll(&descriptor, 1, -1);
        state_store_completed(fixture->store, &fixture->outcome);
    } while (!fixture->outcome.is_install_done);
    if (fixture->outcome.install_result != RESULT_OK) {
        _exit(4);
    }
}

/* Snapshots after snapshots, a copy behind each, and the copy put in place at times; reports each
 * index once it is durable. */
static void work_until_killed(struct state_fixture *fixture, int descriptor)
{
    if (state_fixture_open(fixture) != RESULT_OK) {
        _exit(1);
    }
    for (uint64_t index = fixture->found.index + 1;; index++) {
        state_fixture_work(fixture, index);
        state_fixture_commit(fixture, index);
        if (write(descriptor, &index, sizeof(index)) < 0) {
            _exit(1);
        }
        (void)unlink(fixture_path(&fixture->base, "copy"));
        if (state_fixture_copy(fixture, "copy") != RESULT_OK) {
            _exit(2);
        }
        if (index % 6 == 0) {
            state_store_install(fixture->store, fixture_path(&fixture->base, "copy"));
            wait_for_install(fixture);
        } else if (index % 3 == 0) {
            state_fixture_close(fixture);
            if (state_file_install(&fixture->options, fixture_path(&fixture->base, "copy")) !=
                    RESULT_OK ||
                state_fixture_open(fixture) != RESULT_OK) {
                _exit(3);
            }
        }
    }
}

/* Kills after a time, which begins at once or with the first snapshot that is durable. Returns the
 * highest index that was reported durable. */
static uint64_t run_and_kill(struct state_fixture *fixture, uint64_t microseconds,
                             bool is_to_progress)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        work_until_killed(fixture, ends[1]);
    }
    (void)close(ends[1]);
    uint64_t durable_index = 0;
    uint64_t reported;
    if (is_to_progress) {
        CU_ASSERT_EQUAL(read(ends[0], &durable_index, sizeof(durable_index)), sizeof(reported));
    }
    struct timespec pause = {.tv_nsec = (long)microseconds * 1000};
    (void)nanosleep(&pause, NULL);
    CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
    while (read(ends[0], &reported, sizeof(reported)) == sizeof(reported)) {
        durable_index = reported;
    }
    (void)close(ends[0]);
    int status = 0;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return durable_index;
}

/* Whatever stands at a copy's final name is whole, unless it was just being given its new owner. */
static void check_copy(struct state_fixture *fixture)
{
    struct state_meta meta;
    uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    if (access(fixture_path(&fixture->base, "copy"), F_OK) != 0) {
        return;
    }
    enum result result =
        state_file_verify(fixture_path(&fixture->base, "copy"), &meta, replica_state);
    bool is_half_adopted = fixture_file_size(&fixture->base, "copy-journal") > 0;
    CU_ASSERT_EQUAL(result, is_half_adopted ? RESULT_CORRUPT : RESULT_OK);
    (void)unlink(fixture_path(&fixture->base, "copy-journal"));
}

/* Faults S19, S20, X4: begin, put, commit, checkpoint, copy and install, killed at any moment. */
UNIT_TEST(state_faults, a_killed_process_leaves_the_old_or_the_new_snapshot_whole)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    struct prng prng;
    prng_init(&prng, 20240607);
    uint64_t before = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t microseconds = prng_below(&prng, KILL_MICROSECONDS_MAX);
        uint64_t durable_index = run_and_kill(&fixture, microseconds, round % 2 == 1);
        CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
        CU_ASSERT(fixture.found.index >= before);
        CU_ASSERT(fixture.found.index >= durable_index);
        CU_ASSERT(durable_index == 0 || fixture.found.index <= durable_index + 1);
        CU_ASSERT_EQUAL_FATAL(state_fixture_load(&fixture), RESULT_OK);
        CU_ASSERT_FATAL(state_fixture_worked(&fixture, fixture.found.index));
        CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "copy.part"), -1);
        before = fixture.found.index;
        state_fixture_close(&fixture);
        check_copy(&fixture);
    }
    CU_ASSERT(before > 0);
    state_fixture_deinit(&fixture);
}

/* Files may not grow beyond a size from here on: a write fails as it would on a full disk. */
static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        _exit(1);
    }
}

static struct state_fixture *of_base(struct fixture *base)
{
    return (struct state_fixture *)base;
}

static void copy_on_a_full_disk(struct fixture *base)
{
    struct state_fixture *fixture = of_base(base);
    if (state_fixture_open(fixture) != RESULT_OK) {
        _exit(1);
    }
    limit_file_size(BYTES_MAX);
    if (state_fixture_copy(fixture, "copy") != RESULT_IO ||
        access(fixture_path(base, "copy"), F_OK) == 0 ||
        access(fixture_path(base, "copy.part"), F_OK) == 0) {
        _exit(2);
    }
    limit_file_size(RLIM_INFINITY);
    if (state_fixture_copy(fixture, "copy") != RESULT_OK) {
        _exit(3);
    }
    state_fixture_work(fixture, 2);
    state_fixture_commit(fixture, 2);
    state_fixture_close(fixture);
}

/* Fault S12: a copy that cannot be written is reported, and nothing else suffers. */
UNIT_TEST(state_faults, a_copy_that_fails_does_not_end_the_process)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 1);
    state_fixture_close(&fixture);
    char messages[2048];
    CU_ASSERT_EQUAL(
        fixture_in_child(&fixture.base, copy_on_a_full_disk, messages, sizeof(messages)), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, "cannot copy the data to"));
    state_fixture_reload(&fixture);
    CU_ASSERT(state_fixture_worked(&fixture, 2));
    state_fixture_deinit(&fixture);
}

static void commit_on_a_full_disk(struct fixture *base)
{
    struct state_fixture *fixture = of_base(base);
    if (state_fixture_open(fixture) != RESULT_OK) {
        _exit(1);
    }
    limit_file_size(BYTES_MAX);
    state_fixture_work(fixture, 3); /* Has a value that is longer than what a file may hold. */
    state_fixture_commit(fixture, 3);
}

UNIT_TEST(state_faults, a_snapshot_that_cannot_be_written_ends_the_process)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 1);
    state_fixture_close(&fixture);
    char messages[2048];
    CU_ASSERT_EQUAL(
        fixture_in_child(&fixture.base, commit_on_a_full_disk, messages, sizeof(messages)),
        STORAGE_FATAL_EXIT_CODE);
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, "state.db"));
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, "stopping"));
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.found.index, 1);
    CU_ASSERT(state_fixture_worked(&fixture, 1));
    state_fixture_deinit(&fixture);
}
