/* test_log_faults.c -- what is left after kill -9, and how a failing disk ends the process. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/storage_fatal.h"
#include "unit/storage/fixture.h"

enum { PAYLOAD_COUNT_AHEAD = 20, REPORTS_BEFORE_KILL = 50, ROUNDS = 5 };

/* Keeps a few units in flight and writes each id to the pipe once it is reported durable. */
static void append_until_killed(struct fixture *fixture, int descriptor)
{
    if (fixture_open(fixture) != RESULT_OK) {
        _exit(1);
    }
    struct pollfd readable = {.fd = log_store_descriptor(fixture->store), .events = POLLIN};
    uint64_t first_index = fixture->last_index;
    for (;;) {
        while (fixture->persist_id < log_store_completed(fixture->store) + PAYLOAD_COUNT_AHEAD) {
            char text[32];
            (void)snprintf(text, sizeof(text), "entry %llu",
                           (unsigned long long)(fixture->last_index + 1));
            fixture_append(fixture, text);
        }
        (void)poll(&readable, 1, -1);
        uint64_t durable_index = first_index + log_store_completed(fixture->store);
        if (write(descriptor, &durable_index, sizeof(durable_index)) < 0) {
            _exit(1);
        }
    }
}

/* Returns the highest index the child had reported when it was killed. */
static uint64_t run_and_kill(struct fixture *fixture)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        append_until_killed(fixture, ends[1]);
    }
    (void)close(ends[1]);
    uint64_t durable_index = 0;
    uint64_t reported;
    for (int i = 0; read(ends[0], &reported, sizeof(reported)) == sizeof(reported); i++) {
        durable_index = reported;
        if (i == REPORTS_BEFORE_KILL) {
            CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
        }
    }
    (void)close(ends[0]);
    int status = 0;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return durable_index;
}

/* Fault O1, one node: each round starts from what the killed one left. */
UNIT_TEST(log_faults, nothing_reported_durable_is_lost_by_kill)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.options.wal_bytes_max = 128 * 1024;
    for (int round = 1; round <= ROUNDS; round++) {
        uint64_t durable_index = run_and_kill(&fixture);
        CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
        CU_ASSERT(durable_index > 0);
        CU_ASSERT(fixture.recovery.entries_count >= durable_index);
        bool are_right = true;
        for (uint64_t index = 1; index <= fixture.recovery.entries_count; index++) {
            char text[32];
            (void)snprintf(text, sizeof(text), "entry %llu", (unsigned long long)index);
            are_right = are_right && fixture_payload_is(&fixture, index, text);
        }
        CU_ASSERT(are_right);
        CU_ASSERT_EQUAL(fixture.recovery.incarnation, 2 * (uint64_t)round);
        fixture_close(&fixture);
    }
    fixture_deinit(&fixture);
}

static void vote_and_die(struct fixture *fixture)
{
    if (fixture_open(fixture) != RESULT_OK) {
        _exit(1);
    }
    fixture_put_hard_state(fixture, 5, RAFT_ID_NONE);
    fixture_wait(fixture);
    fixture_put_hard_state(fixture, 5, 12);
    fixture_wait(fixture);
    (void)raise(SIGKILL);
}

/* C7, S21: a vote in a term that was durable before is a change like any other. */
UNIT_TEST(log_faults, a_vote_reported_durable_is_not_lost_by_kill)
{
    struct fixture fixture;
    fixture_init(&fixture);
    char messages[2048];
    CU_ASSERT_EQUAL(fixture_in_child(&fixture, vote_and_die, messages, sizeof(messages)),
                    128 + SIGKILL);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 5);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, 12);
    fixture_deinit(&fixture);
}

/* Files may not grow beyond 64 KiB from here on: a write fails as it would on a full disk. */
static void limit_file_size(void)
{
    struct rlimit limit = {.rlim_cur = 64 * 1024, .rlim_max = RLIM_INFINITY};
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        _exit(1);
    }
}

static void append_until_the_disk_fails(struct fixture *fixture)
{
    if (fixture_open(fixture) != RESULT_OK) {
        _exit(1);
    }
    fixture_append(fixture, "durable");
    fixture_wait(fixture);
    limit_file_size();
    for (int i = 0; i < 1000; i++) {
        fixture_append(fixture, "perhaps");
        fixture_wait(fixture);
    }
}

UNIT_TEST(log_faults, a_failed_write_ends_the_process)
{
    struct fixture fixture;
    fixture_init(&fixture);
    char messages[2048];
    CU_ASSERT_EQUAL(
        fixture_in_child(&fixture, append_until_the_disk_fails, messages, sizeof(messages)),
        STORAGE_FATAL_EXIT_CODE);
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, fixture_path(&fixture, "raft.db")));
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, "disk I/O error"));
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, "File too large"));
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, "check the disk"));
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT(fixture.recovery.entries_count >= 1);
    CU_ASSERT(fixture_payload_is(&fixture, 1, "durable"));
    fixture_deinit(&fixture);
}

static void open_on_a_failing_disk(struct fixture *fixture)
{
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
    limit_file_size();
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        _exit(1);
    }
    _exit(fixture_open(fixture) == RESULT_IO ? 3 : 4);
}

UNIT_TEST(log_faults, a_failed_write_while_opening_is_an_error_with_a_message)
{
    struct fixture fixture;
    fixture_init(&fixture);
    char messages[2048];
    CU_ASSERT_EQUAL(fixture_in_child(&fixture, open_on_a_failing_disk, messages, sizeof(messages)),
                    3);
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, "cannot create the tables of"));
    /* What the failed start left behind is no obstacle for the next one. */
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_TRUE(fixture.recovery.created);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_faults, a_missing_directory_is_an_error_with_a_message)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct log_store_options options = fixture.options;
    options.directory = "/nonexistent/quorum";
    CU_ASSERT_EQUAL(log_store_open(&options, &fixture.recovery, &fixture.store), RESULT_IO);
    CU_ASSERT(fixture_message_has("/nonexistent/quorum/raft.db"));
    fixture_deinit(&fixture);
}
