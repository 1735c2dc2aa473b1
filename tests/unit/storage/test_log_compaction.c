/* test_log_compaction.c -- a log that begins later: compacted bit by bit, or reset by a snapshot.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "lib/unit.h"
#include "storage/storage_fatal.h"
#include "unit/storage/fixture.h"

enum { POLL_MICROSECONDS = 500, POLLS_MAX = 60000 };

/* Queues entries up to an index, "entry N" each, the terms growing, and waits for all of them. */
static void fill(struct fixture *fixture, uint64_t upto_index)
{
    while (fixture->last_index < upto_index) {
        char text[32];
        fixture->term = 1 + fixture->last_index / 100;
        (void)snprintf(text, sizeof(text), "entry %llu",
                       (unsigned long long)(fixture->last_index + 1));
        fixture_append(fixture, text);
    }
    fixture_wait(fixture);
}

static void wait_for_base(struct fixture *fixture, uint64_t index)
{
    struct log_store_stats stats = {0};
    struct timespec pause = {.tv_nsec = POLL_MICROSECONDS * 1000};
    for (int i = 0; i < POLLS_MAX && stats.base_index < index; i++) {
        (void)nanosleep(&pause, NULL);
        log_store_get_stats(fixture->store, &stats);
    }
    CU_ASSERT_EQUAL_FATAL(stats.base_index, index);
}

/* Whether the log holds "entry N" from base_index + 1 to last_index and nothing else. */
static bool holds(const struct fixture *fixture, uint64_t base_index, uint64_t last_index)
{
    bool is_right = fixture->recovery.base_index == base_index &&
                    fixture->recovery.entries_count == last_index - base_index;
    for (uint64_t index = base_index + 1; is_right && index <= last_index; index++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "entry %llu", (unsigned long long)index);
        is_right = fixture_payload_is(fixture, index, text);
    }
    return is_right;
}

static void open_filled(struct fixture *fixture, uint64_t upto_index)
{
    fixture_init(fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(fixture), RESULT_OK);
    fill(fixture, upto_index);
}

UNIT_TEST(log_compaction, rows_up_to_the_index_go_and_the_rest_stays)
{
    struct fixture fixture;
    open_filled(&fixture, 3000);
    log_store_compact(fixture.store, 2500);
    wait_for_base(&fixture, 2500);
    fill(&fixture, 3010);
    fixture_reopen(&fixture);
    CU_ASSERT(holds(&fixture, 2500, 3010));
    CU_ASSERT_EQUAL(fixture.recovery.base_term, 1 + 2499 / 100);
    CU_ASSERT_EQUAL(fixture.recovery.commit_index, 2500); /* A snapshot is of what is committed. */
    CU_ASSERT_EQUAL(fixture.recovery.bootstrap.members_count, 3);
    fill(&fixture, 3020);
    fixture_reopen(&fixture);
    CU_ASSERT(holds(&fixture, 2500, 3020));
    fixture_close(&fixture);
    fixture_sql(&fixture, "CREATE TABLE check_count AS SELECT count(*) AS n FROM log;"
                          "CREATE TABLE check_520 (n CHECK (n = 520));"
                          "INSERT INTO check_520 SELECT n FROM check_count");
    fixture_deinit(&fixture);
}

UNIT_TEST(log_compaction, the_whole_log_may_go)
{
    struct fixture fixture;
    open_filled(&fixture, 1000);
    log_store_compact(fixture.store, 1000);
    wait_for_base(&fixture, 1000);
    fixture_reopen(&fixture);
    CU_ASSERT(holds(&fixture, 1000, 1000));
    CU_ASSERT_EQUAL(fixture.recovery.base_term, 10);
    fill(&fixture, 1001);
    fixture_reopen(&fixture);
    CU_ASSERT(holds(&fixture, 1000, 1001));
    fixture_deinit(&fixture);
}

/* A leader's snapshot may be of entries that only its followers have on disk so far. */
UNIT_TEST(log_compaction, an_index_beyond_the_log_waits_for_its_rows)
{
    struct fixture fixture;
    open_filled(&fixture, 10);
    log_store_compact(fixture.store, 20);
    wait_for_base(&fixture, 10);
    fill(&fixture, 30);
    wait_for_base(&fixture, 20);
    fixture_reopen(&fixture);
    CU_ASSERT(holds(&fixture, 20, 30));
    fixture_deinit(&fixture);
}

UNIT_TEST(log_compaction, a_lower_index_changes_nothing)
{
    struct fixture fixture;
    open_filled(&fixture, 100);
    log_store_compact(fixture.store, 50);
    wait_for_base(&fixture, 50);
    log_store_compact(fixture.store, 20);
    log_store_compact(fixture.store, 0);
    fill(&fixture, 101);
    fixture_reopen(&fixture);
    CU_ASSERT(holds(&fixture, 50, 101));
    fixture_deinit(&fixture);
}

/* What comes behind the base may still be cut off, all of it. */
UNIT_TEST(log_compaction, truncation_down_to_the_base_works)
{
    struct fixture fixture;
    open_filled(&fixture, 100);
    log_store_compact(fixture.store, 50);
    wait_for_base(&fixture, 50);
    fixture_overwrite(&fixture, 51, "entry 51");
    fill(&fixture, 60);
    fixture_reopen(&fixture);
    CU_ASSERT(holds(&fixture, 50, 60));
    fixture_deinit(&fixture);
}

/* No transaction deletes much, so no unit waits for more than one small step. */
UNIT_TEST(log_compaction, its_steps_are_small_and_commits_go_on_beside_them)
{
    enum { ROWS = 20000, STEP_ROWS_MAX = 256 };
    struct fixture fixture;
    open_filled(&fixture, ROWS);
    struct log_store_stats before;
    struct log_store_stats stats;
    log_store_get_stats(fixture.store, &before);
    log_store_compact(fixture.store, ROWS);
    do {
        fill(&fixture, fixture.last_index + 1);
        log_store_get_stats(fixture.store, &stats);
    } while (stats.base_index < ROWS);
    CU_ASSERT(stats.commits - before.commits >= ROWS / STEP_ROWS_MAX);
    uint64_t last_index = fixture.last_index;
    fixture_reopen(&fixture);
    CU_ASSERT(holds(&fixture, ROWS, last_index));
    fixture_deinit(&fixture);
}

/* Rows of large payloads go a few at a time. */
UNIT_TEST(log_compaction, large_rows_go_and_their_space_is_used_again)
{
    enum { PAYLOAD_BYTES = 512 * 1024, ROWS = 20, GENERATIONS = 4 };
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    struct blob *payload = blob_create(PAYLOAD_BYTES);
    memset(payload->bytes, 'p', PAYLOAD_BYTES);
    for (uint64_t i = 1; i <= (uint64_t)ROWS * GENERATIONS; i++) {
        struct raft_entry entry = {.index = i, .type = RAFT_ENTRY_COMMAND, .payload = payload};
        struct raft_persist persist = {
            .id = ++fixture.persist_id, .entries = &entry, .entries_count = 1};
        log_store_submit(fixture.store, &persist);
        if (i % ROWS == 0) {
            fixture_wait(&fixture);
            log_store_compact(fixture.store, i);
            wait_for_base(&fixture, i);
        }
    }
    fixture_close(&fixture);
    CU_ASSERT(fixture_file_size(&fixture, "raft.db") < 2 * ROWS * PAYLOAD_BYTES);
    blob_release(payload);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.base_index, (uint64_t)ROWS * GENERATIONS);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_compaction, every_damage_to_the_base_is_noticed)
{
    static const struct {
        const char *sql;
        const char *message;
    } cases[] = {
        {"UPDATE state SET base_index = 4", "table state"},
        {"UPDATE state SET base_term = 9", "table state"},
        {"UPDATE state SET base_chain = base_chain + 1", "table state"},
        {"DELETE FROM log WHERE idx = 6", "index 6 is missing"},
        {"UPDATE log SET idx = 5 WHERE idx = 6", "index 5 is left over"},
        {"UPDATE log SET chain = chain + 1 WHERE idx = 6", "index 6 does not follow"},
        {"DELETE FROM log", "the log ends at index 5"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        open_filled(&fixture, 10);
        log_store_compact(fixture.store, 5);
        wait_for_base(&fixture, 5);
        fixture_close(&fixture);
        fixture_sql(&fixture, cases[i].sql);
        CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_CORRUPT);
        CU_ASSERT(fixture_message_has(cases[i].message));
        fixture_deinit(&fixture);
    }
}

/* ---- Killed in the middle of it ---- */

static void append_and_compact(struct fixture *fixture, int descriptor)
{
    if (fixture_open(fixture) != RESULT_OK) {
        _exit(1);
    }
    for (;;) {
        fill(fixture, fixture->last_index + 600);
        /* The index that must be there, and the highest that may be gone. */
        uint64_t report[2] = {fixture->last_index, fixture->last_index - 50};
        if (write(descriptor, report, sizeof(report)) < 0) {
            _exit(1);
        }
        log_store_compact(fixture->store, report[1]);
    }
}

/* Fault S20. */
UNIT_TEST(log_compaction, a_kill_leaves_a_log_without_a_gap)
{
    enum { ROUNDS = 15, KILL_MICROSECONDS_MAX = 30000 };
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.options.wal_bytes_max = 128 * 1024;
    struct prng prng;
    prng_init(&prng, 77);
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2];
        CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            (void)close(ends[0]);
            append_and_compact(&fixture, ends[1]);
        }
        (void)close(ends[1]);
        uint64_t last[2] = {0, 0};
        uint64_t report[2];
        /* The second report comes behind commits that compacted. */
        CU_ASSERT_EQUAL(read(ends[0], last, sizeof(last)), sizeof(last));
        CU_ASSERT_EQUAL(read(ends[0], last, sizeof(last)), sizeof(last));
        struct timespec pause = {.tv_nsec = (long)prng_below(&prng, KILL_MICROSECONDS_MAX) * 1000};
        (void)nanosleep(&pause, NULL);
        CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
        while (read(ends[0], report, sizeof(report)) == sizeof(report)) {
            memcpy(last, report, sizeof(last));
        }
        (void)close(ends[0]);
        int status;
        CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
        CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
        CU_ASSERT(fixture.last_index >= last[0]);
        CU_ASSERT(fixture.recovery.base_index <= last[1]);
        CU_ASSERT_FATAL(holds(&fixture, fixture.recovery.base_index, fixture.last_index));
        fixture_close(&fixture);
    }
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT(fixture.recovery.base_index > 0);
    fixture_deinit(&fixture);
}

/* ---- Reset ---- */

UNIT_TEST(log_reset, the_log_goes_on_behind_the_snapshot)
{
    struct fixture fixture;
    open_filled(&fixture, 100);
    fixture_put_hard_state(&fixture, 7, 12);
    log_store_reset(fixture.store, 5000, 6);
    fixture.last_index = 5000;
    fixture.term = 7;
    fixture_append(&fixture, "entry 5001");
    fixture_append(&fixture, "entry 5002");
    fixture_wait(&fixture);
    fixture_reopen(&fixture);
    CU_ASSERT(holds(&fixture, 5000, 5002));
    CU_ASSERT_EQUAL(fixture.recovery.base_term, 6);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 7);
    CU_ASSERT_EQUAL(fixture.recovery.commit_index, 5000);
    fixture_deinit(&fixture);
}

/* Fault X2: the snapshot's term is not beyond the node's own, and no vote comes of it. */
UNIT_TEST(log_reset, alone_it_is_kept_with_a_term_as_high_as_the_snapshots)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_put_hard_state(&fixture, 3, 12);
    log_store_reset(fixture.store, 9, 5);
    fixture_reopen(&fixture);
    CU_ASSERT(holds(&fixture, 9, 9));
    CU_ASSERT_EQUAL(fixture.recovery.base_term, 5);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 5);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, RAFT_ID_NONE);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_reset, a_lower_term_leaves_term_and_vote)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_put_hard_state(&fixture, 8, 12);
    log_store_reset(fixture.store, 9, 5);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 8);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, 12);
    fixture_deinit(&fixture);
}

/* X2: the vote of the term is as good behind a snapshot as before it. */
UNIT_TEST(log_reset, the_same_term_leaves_the_vote)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_put_hard_state(&fixture, 8, 12);
    log_store_reset(fixture.store, 9, 8);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 8);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, 12);
    fixture_deinit(&fixture);
}

static void name_another_cluster(struct fixture *fixture)
{
    if (fixture_open(fixture) != RESULT_OK) {
        _exit(1);
    }
    fixture_append_configuration(fixture, 0xc3);
    fixture_wait(fixture);
}

/* An uncommitted entry that named a cluster goes with its row; a committed one counts for good. */
UNIT_TEST(log_reset, an_uncommitted_naming_goes_and_a_committed_one_stays)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_configuration(&fixture, 0xc1);
    log_store_reset(fixture.store, 10, 1);
    fixture.last_index = 10;
    fixture_append_configuration(&fixture, 0xc2);
    struct raft_persist committed = {.id = ++fixture.persist_id, .commit_index = 11};
    log_store_submit(fixture.store, &committed);
    log_store_reset(fixture.store, 20, 1);
    fixture.last_index = 20;
    fixture_append_configuration(&fixture, 0xc2);
    fixture_wait(&fixture);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.base_index, 20);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 1);
    fixture_close(&fixture);
    char messages[1024];
    CU_ASSERT_EQUAL(fixture_in_child(&fixture, name_another_cluster, messages, sizeof(messages)),
                    STORAGE_FATAL_EXIT_CODE);
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, "names another cluster"));
    fixture_deinit(&fixture);
}

UNIT_TEST(log_reset, what_it_dropped_cannot_come_back)
{
    struct fixture fixture;
    open_filled(&fixture, 10);
    fixture_close(&fixture);
    fixture_sql(&fixture, "CREATE TABLE old AS SELECT * FROM log");
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    log_store_reset(fixture.store, 10, 1);
    fixture_close(&fixture);
    fixture_sql(&fixture, "INSERT INTO log SELECT * FROM old");
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_CORRUPT);
    CU_ASSERT(fixture_message_has("index 1 is left over: the log begins behind index 10"));
    fixture_deinit(&fixture);
}

/* As the core asks for it: the reset, and what follows it, in one transaction. */
UNIT_TEST(log_reset, comes_in_one_unit_with_what_follows)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_many(&fixture, 5);
    struct raft_entry entry = {.index = 101,
                               .term = 9,
                               .type = RAFT_ENTRY_COMMAND,
                               .payload = blob_copy(slice_of("x", 1))};
    struct raft_persist persist = {.id = ++fixture.persist_id,
                                   .reset_index = 100,
                                   .reset_term = 8,
                                   .hard_state_changed = true,
                                   .hard_state = {.term = 9, .vote = 12},
                                   .entries = &entry,
                                   .entries_count = 1,
                                   .commit_index = 100};
    log_store_submit(fixture.store, &persist);
    blob_release(entry.payload);
    fixture_wait(&fixture);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.base_index, 100);
    CU_ASSERT_EQUAL(fixture.recovery.base_term, 8);
    CU_ASSERT_EQUAL(fixture.recovery.commit_index, 100);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 1);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 9);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, 12);
    CU_ASSERT(fixture_payload_is(&fixture, 101, "x"));
    fixture_deinit(&fixture);
}
