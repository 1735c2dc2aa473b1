/* test_state_file.c -- copies of the state, and putting one in place. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/state_db.h"
#include "unit/storage/state_fixture.h"

static void open_with_snapshot(struct state_fixture *fixture, uint64_t index)
{
    state_fixture_init(fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(fixture), RESULT_OK);
    for (uint64_t i = 1; i <= index; i++) {
        state_fixture_work(fixture, i);
        state_fixture_commit(fixture, i);
    }
}

static enum result verify(struct state_fixture *fixture, const char *name, struct state_meta *meta)
{
    static uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    return state_file_verify(fixture_path(&fixture->base, name), meta, replica_state);
}

UNIT_TEST(state_file, a_copy_verifies_and_says_what_it_is_of)
{
    struct state_fixture fixture;
    open_with_snapshot(&fixture, 2);
    fixture.meta.replica_state = SLICE_LITERAL("replica_state");
    state_fixture_commit(&fixture, 3);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "copy"), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.outcome.copy_index, 3);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "copy.part"), -1);
    struct state_meta meta;
    CU_ASSERT_EQUAL_FATAL(verify(&fixture, "copy", &meta), RESULT_OK);
    CU_ASSERT_EQUAL(meta.index, 3);
    CU_ASSERT_EQUAL(meta.term, 3);
    CU_ASSERT_EQUAL(meta.configuration.members_count, 3);
    CU_ASSERT(slice_equals(meta.replica_state, SLICE_LITERAL("replica_state")));
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "copy-wal"), -1);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "copy-journal"), -1);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_file, a_copy_of_nothing_verifies)
{
    struct state_fixture fixture;
    open_with_snapshot(&fixture, 0);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "copy"), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.outcome.copy_index, 0);
    struct state_meta meta = {.index = 9};
    CU_ASSERT_EQUAL_FATAL(verify(&fixture, "copy", &meta), RESULT_OK);
    CU_ASSERT_EQUAL(meta.index, 0);
    state_fixture_deinit(&fixture);
}

/* A copy asked for in the middle of a snapshot is of that snapshot, once it is committed. */
UNIT_TEST(state_file, a_copy_waits_for_the_snapshot_under_way)
{
    struct state_fixture fixture;
    open_with_snapshot(&fixture, 1);
    state_store_begin(fixture.store);
    state_store_copy(fixture.store, fixture_path(&fixture.base, "copy"));
    state_fixture_work(&fixture, 2);
    state_fixture_put(&fixture);
    fixture.meta.index = 2;
    state_store_commit(fixture.store, &fixture.meta);
    state_fixture_wait(&fixture, 2);
    state_fixture_close(&fixture);
    struct state_meta meta;
    CU_ASSERT_EQUAL_FATAL(verify(&fixture, "copy", &meta), RESULT_OK);
    CU_ASSERT_EQUAL(meta.index, 2);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_file, a_copy_asked_for_in_a_snapshot_that_is_given_up_is_of_the_one_before)
{
    struct state_fixture fixture;
    open_with_snapshot(&fixture, 1);
    state_store_begin(fixture.store);
    state_fixture_work(&fixture, 2);
    state_fixture_put(&fixture);
    state_store_copy(fixture.store, fixture_path(&fixture.base, "copy"));
    state_fixture_close(&fixture);
    struct state_meta meta;
    CU_ASSERT_EQUAL_FATAL(verify(&fixture, "copy", &meta), RESULT_OK);
    CU_ASSERT_EQUAL(meta.index, 1);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_file, a_copy_does_not_replace_a_file)
{
    struct state_fixture fixture;
    open_with_snapshot(&fixture, 1);
    CU_ASSERT_EQUAL(state_fixture_copy(&fixture, "copy"), RESULT_OK);
    CU_ASSERT_EQUAL(state_fixture_copy(&fixture, "copy"), RESULT_EXISTS);
    CU_ASSERT_EQUAL(state_fixture_copy(&fixture, "no-such-directory/copy"), RESULT_IO);
    CU_ASSERT(fixture_message_has("no-such-directory/copy"));
    CU_ASSERT_EQUAL(state_fixture_copy(&fixture, "copy2"), RESULT_OK);
    state_fixture_deinit(&fixture);
}

/* What a follower does: another node's copy becomes its own state. */
UNIT_TEST(state_file, a_copy_takes_the_place_of_another_nodes_state)
{
    struct state_fixture leader;
    struct state_fixture follower;
    open_with_snapshot(&leader, 4);
    open_with_snapshot(&follower, 1);
    follower.options.node_name = "node-2";
    follower.options.node_id = 12;
    state_fixture_close(&follower);
    CU_ASSERT_EQUAL(unlink(fixture_path(&follower.base, "state.db")), 0);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&follower), RESULT_OK);
    state_fixture_work(&follower, 1);
    state_fixture_commit(&follower, 1);
    state_fixture_close(&follower);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&leader, "copy"), RESULT_OK);
    char received[FIXTURE_PATH_BYTES + 64];
    (void)snprintf(received, sizeof(received), "%s", fixture_path(&follower.base, "received.part"));
    CU_ASSERT_EQUAL_FATAL(rename(fixture_path(&leader.base, "copy"), received), 0);
    CU_ASSERT_EQUAL_FATAL(state_file_install(&follower.options, received), RESULT_OK);
    CU_ASSERT_EQUAL(access(received, F_OK), -1);
    state_fixture_reload(&follower);
    CU_ASSERT_EQUAL(follower.found.index, 4);
    CU_ASSERT(state_fixture_worked(&follower, 4));
    state_fixture_work(&follower, 5);
    state_fixture_commit(&follower, 5);
    state_fixture_reload(&follower);
    CU_ASSERT(state_fixture_worked(&follower, 5));
    state_fixture_deinit(&follower);
    state_fixture_deinit(&leader);
}

/* Commits a snapshot and dies before it is moved into the database. */
static void leave_a_wal(struct fixture *fixture)
{
    const struct state_fixture *state = (const struct state_fixture *)fixture;
    struct state_row row = {.slot = 1,
                            .type = STATE_ROW_STRING,
                            .expiry_ms = INT64_MAX,
                            .modified_index = 3,
                            .key = SLICE_LITERAL("left in the log"),
                            .value = SLICE_LITERAL("value")};
    struct state_meta meta = state->meta;
    meta.index = 3;
    struct state_db db;
    bool is_done = state_db_open(&db, &state->options) == RESULT_OK &&
                   state_db_begin(&db) == RESULT_OK &&
                   state_db_put_rows(&db, &row, 1) == RESULT_OK &&
                   state_db_put_meta(&db, &meta) == RESULT_OK &&
                   sqlite_file_run(&db.file, "COMMIT", "commit") == RESULT_OK;
    if (is_done) {
        (void)raise(SIGKILL);
    }
    _exit(1);
}

/* X4, S15: what the old file's write-ahead log holds is no part of the new one. */
UNIT_TEST(state_file, the_old_states_log_goes_with_it)
{
    struct state_fixture fixture;
    open_with_snapshot(&fixture, 1);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "copy"), RESULT_OK);
    state_fixture_work(&fixture, 2);
    state_fixture_commit(&fixture, 2);
    state_fixture_close(&fixture);
    char messages[512];
    CU_ASSERT_EQUAL_FATAL(fixture_in_child(&fixture.base, leave_a_wal, messages, sizeof(messages)),
                          128 + SIGKILL);
    CU_ASSERT(fixture_file_size(&fixture.base, "state.db-wal") > 0);
    CU_ASSERT_EQUAL(state_file_install(&fixture.options, fixture_path(&fixture.base, "copy")),
                    RESULT_OK);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.found.index, 1);
    CU_ASSERT_EQUAL(state_fixture_load(&fixture), RESULT_OK);
    CU_ASSERT(state_fixture_worked(&fixture, 1));
    state_fixture_deinit(&fixture);
}

/* A restore into an empty directory. */
UNIT_TEST(state_file, a_copy_is_installed_where_there_was_nothing)
{
    struct state_fixture fixture;
    open_with_snapshot(&fixture, 2);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "copy"), RESULT_OK);
    state_fixture_close(&fixture);
    CU_ASSERT_EQUAL(unlink(fixture_path(&fixture.base, "state.db")), 0);
    CU_ASSERT_EQUAL_FATAL(state_file_install(&fixture.options, fixture_path(&fixture.base, "copy")),
                          RESULT_OK);
    state_fixture_reload(&fixture);
    CU_ASSERT(state_fixture_worked(&fixture, 2));
    state_fixture_deinit(&fixture);
}

/* A closed store's own file serves as well: it is in WAL mode. */
UNIT_TEST(state_file, a_closed_stores_file_verifies_and_installs)
{
    struct state_fixture fixture;
    open_with_snapshot(&fixture, 2);
    state_fixture_close(&fixture);
    char from[FIXTURE_PATH_BYTES + 64];
    (void)snprintf(from, sizeof(from), "%s", fixture_path(&fixture.base, "state.db"));
    CU_ASSERT_EQUAL_FATAL(rename(from, fixture_path(&fixture.base, "moved")), 0);
    struct state_meta meta;
    CU_ASSERT_EQUAL(verify(&fixture, "moved", &meta), RESULT_OK);
    CU_ASSERT_EQUAL_FATAL(
        state_file_install(&fixture.options, fixture_path(&fixture.base, "moved")), RESULT_OK);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "moved-wal"), -1);
    state_fixture_reload(&fixture);
    CU_ASSERT(state_fixture_worked(&fixture, 2));
    state_fixture_deinit(&fixture);
}

/* Fault X9. */
UNIT_TEST(state_file, temporary_files_are_removed_when_the_store_is_opened)
{
    struct state_fixture fixture;
    open_with_snapshot(&fixture, 1);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "a.part"), RESULT_OK);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "b.part-journal"), RESULT_OK);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "backup"), RESULT_OK);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "a.part"), -1);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "b.part-journal"), -1);
    CU_ASSERT(fixture_file_size(&fixture.base, "backup") > 0);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_file, what_is_no_state_file_is_not_verified)
{
    struct state_fixture fixture;
    open_with_snapshot(&fixture, 1);
    state_fixture_close(&fixture);
    struct state_meta meta;
    CU_ASSERT_EQUAL(verify(&fixture, "missing", &meta), RESULT_IO);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "missing"), -1);
    fixture_sql_on(&fixture.base, "other", "CREATE TABLE t (x)");
    CU_ASSERT_EQUAL(verify(&fixture, "other", &meta), RESULT_CORRUPT);
    CU_ASSERT(fixture_message_has("says no format version"));
    CU_ASSERT_EQUAL(state_file_install(&fixture.options, fixture_path(&fixture.base, "other")),
                    RESULT_CORRUPT);
    fixture_flip_byte(&fixture.base, "other", 3);
    fixture_clear_messages();
    CU_ASSERT_EQUAL(verify(&fixture, "other", &meta), RESULT_CORRUPT);
    CU_ASSERT(fixture_message_has("not a database"));
    CU_ASSERT_EQUAL(truncate(fixture_path(&fixture.base, "other"), 0), 0);
    CU_ASSERT_EQUAL(verify(&fixture, "other", &meta), RESULT_CORRUPT);
    state_fixture_reload(&fixture); /* The refused install left it alone. */
    CU_ASSERT(state_fixture_worked(&fixture, 1));
    state_fixture_deinit(&fixture);
}

/* Whether the copy verifies although the byte at an offset is another. */
static bool verifies_with_damage_at(struct state_fixture *fixture, off_t offset)
{
    struct state_meta meta;
    fixture_flip_byte(&fixture->base, "copy", offset);
    bool verifies = verify(fixture, "copy", &meta) == RESULT_OK;
    fixture_flip_byte(&fixture->base, "copy", offset);
    return verifies;
}

/* Fault X6: every page of a copy matters, whichever was damaged on its way. */
UNIT_TEST(state_file, a_copy_damaged_anywhere_is_not_verified)
{
    enum { PAGE_BYTES = 4096 };
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    for (int i = 0; i < 400; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key-%d", i);
        state_fixture_set(&fixture, 1, key, "a value of some length, to fill a page or two");
    }
    state_fixture_commit(&fixture, 1);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "copy"), RESULT_OK);
    struct state_meta meta;
    CU_ASSERT_EQUAL(verify(&fixture, "copy", &meta), RESULT_OK);
    off_t size = fixture_file_size(&fixture.base, "copy");
    int missed = 0;
    for (off_t page = 1; page < size / PAGE_BYTES; page++) {
        /* Where cells lie: near the end of every page, unless one was just freed there; in the
         * middle of a full one. */
        missed += verifies_with_damage_at(&fixture, page * PAGE_BYTES + PAGE_BYTES - 10) &&
                  verifies_with_damage_at(&fixture, page * PAGE_BYTES + PAGE_BYTES / 2);
    }
    CU_ASSERT(size / PAGE_BYTES > 8);
    CU_ASSERT_EQUAL(missed, 1); /* Table parts is empty: its page holds nothing to damage. */
    CU_ASSERT_EQUAL(truncate(fixture_path(&fixture.base, "copy"), size - PAGE_BYTES), 0);
    CU_ASSERT_EQUAL(verify(&fixture, "copy", &meta), RESULT_CORRUPT);
    state_fixture_deinit(&fixture);
}
