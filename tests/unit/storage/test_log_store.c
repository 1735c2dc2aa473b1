/* test_log_store.c -- what the store keeps, in which order, and within which bounds. */
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lib/unit.h"
#include "storage/raft_db.h"
#include "unit/storage/fixture.h"

UNIT_TEST(log_store, new_directory_has_nothing_but_its_bootstrap)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_TRUE(fixture.recovery.created);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 0);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 0);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, RAFT_ID_NONE);
    CU_ASSERT_EQUAL(fixture.recovery.commit_index, 0);
    CU_ASSERT_EQUAL(fixture.recovery.incarnation, 1);
    CU_ASSERT_EQUAL(fixture.recovery.bootstrap.members_count, 3);
    CU_ASSERT_EQUAL(log_store_completed(fixture.store), 0);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, gives_back_what_was_written)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture.term = 7;
    fixture_append(&fixture, "first");
    fixture_append(&fixture, "");
    fixture_append_configuration(&fixture, 0xc1);
    fixture_append(&fixture, "last");
    fixture_wait(&fixture);
    fixture_reopen(&fixture);
    CU_ASSERT_FALSE(fixture.recovery.created);
    CU_ASSERT_EQUAL_FATAL(fixture.recovery.entries_count, 4);
    CU_ASSERT(fixture_payload_is(&fixture, 1, "first"));
    CU_ASSERT_PTR_NULL(fixture.recovery.entries[1].payload);
    CU_ASSERT_EQUAL(fixture.recovery.entries[2].type, RAFT_ENTRY_CONFIGURATION);
    CU_ASSERT(fixture_payload_is(&fixture, 4, "last"));
    CU_ASSERT_EQUAL(fixture.recovery.entries[3].term, 7);
    CU_ASSERT_EQUAL(fixture.recovery.entries[3].type, RAFT_ENTRY_COMMAND);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 7);
    CU_ASSERT_EQUAL(fixture.recovery.bootstrap.members_count, 3);
    CU_ASSERT_STRING_EQUAL(fixture.recovery.bootstrap.members[2].raft_address, "host:13");
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, close_writes_what_is_still_queued)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    for (int i = 0; i < 100; i++) {
        fixture_append(&fixture, "queued");
    }
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 100);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, incarnation_counts_starts)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    for (uint64_t incarnation = 2; incarnation <= 4; incarnation++) {
        fixture_reopen(&fixture);
        CU_ASSERT_EQUAL(fixture.recovery.incarnation, incarnation);
    }
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, keeps_the_latest_term_and_vote)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_put_hard_state(&fixture, 3, RAFT_ID_NONE);
    fixture_put_hard_state(&fixture, 3, UINT64_MAX);
    fixture_wait(&fixture);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 3);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, UINT64_MAX);
    fixture_put_hard_state(&fixture, 4, 12);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 4);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, 12);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, a_unit_without_hard_state_leaves_it_alone)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_put_hard_state(&fixture, 5, 12);
    struct raft_entry entry = {.index = 1, .term = 5, .type = RAFT_ENTRY_NOOP};
    struct raft_persist persist = {
        .id = ++fixture.persist_id, .entries = &entry, .entries_count = 1, .commit_index = 1};
    log_store_submit(fixture.store, &persist);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 5);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, 12);
    CU_ASSERT_EQUAL(fixture.recovery.commit_index, 1);
    CU_ASSERT_EQUAL(fixture.recovery.entries[0].type, RAFT_ENTRY_NOOP);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, truncates_then_appends)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_many(&fixture, 10);
    fixture.term = 2;
    fixture_overwrite(&fixture, 4, "new fourth");
    fixture_append(&fixture, "new fifth");
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 5);
    CU_ASSERT(fixture_payload_is(&fixture, 3, "entry 3"));
    CU_ASSERT(fixture_payload_is(&fixture, 4, "new fourth"));
    CU_ASSERT(fixture_payload_is(&fixture, 5, "new fifth"));
    fixture.term = 3;
    fixture_overwrite(&fixture, 1, "new first");
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 1);
    CU_ASSERT(fixture_payload_is(&fixture, 1, "new first"));
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, truncates_without_appending)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_many(&fixture, 5);
    struct raft_persist persist = {.id = ++fixture.persist_id, .truncate_from = 3};
    log_store_submit(fixture.store, &persist);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 2);
    fixture_deinit(&fixture);
}

/* Units queued behind a running transaction share the next one, and ids complete in order. */
UNIT_TEST(log_store, commits_in_groups_and_in_order)
{
    enum { UNITS = 5000 };
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    uint64_t completed = 0;
    bool is_ascending = true;
    for (int i = 0; i < UNITS; i++) {
        fixture_append(&fixture, "unit");
        uint64_t now = log_store_completed(fixture.store);
        is_ascending = is_ascending && now >= completed && now <= fixture.persist_id;
        completed = now;
    }
    CU_ASSERT(is_ascending);
    fixture_wait(&fixture);
    struct log_store_stats stats;
    log_store_get_stats(fixture.store, &stats);
    CU_ASSERT_EQUAL(stats.units, UNITS);
    CU_ASSERT(stats.commits >= 1);
    CU_ASSERT(stats.commits < UNITS);
    CU_ASSERT(stats.fsync_microseconds >= stats.fsync_microseconds_max);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, UNITS);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, descriptor_is_readable_only_when_ids_are_durable)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    struct pollfd descriptor = {.fd = log_store_descriptor(fixture.store), .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&descriptor, 1, 0), 0);
    fixture_append(&fixture, "one");
    CU_ASSERT_EQUAL(poll(&descriptor, 1, 30000), 1);
    CU_ASSERT_EQUAL(log_store_completed(fixture.store), 1);
    CU_ASSERT_EQUAL(poll(&descriptor, 1, 0), 0);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, releases_payloads_when_they_are_durable)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    struct blob *payload = blob_copy(SLICE_LITERAL("shared"));
    struct raft_entry entry = {
        .index = 1, .term = 0, .type = RAFT_ENTRY_COMMAND, .payload = payload};
    struct raft_persist persist = {
        .id = ++fixture.persist_id, .entries = &entry, .entries_count = 1};
    log_store_submit(fixture.store, &persist);
    CU_ASSERT_EQUAL(payload->references, 2);
    fixture_wait(&fixture);
    CU_ASSERT_EQUAL(payload->references, 1);
    blob_release(payload);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, keeps_a_large_payload)
{
    enum { PAYLOAD_BYTES = 20 * 1024 * 1024 };
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    struct blob *payload = blob_create(PAYLOAD_BYTES);
    for (uint32_t i = 0; i < PAYLOAD_BYTES; i++) {
        payload->bytes[i] = (uint8_t)(i * 2654435761u >> 24);
    }
    struct raft_entry entry = {
        .index = 1, .term = 0, .type = RAFT_ENTRY_COMMAND, .payload = payload};
    struct raft_persist persist = {
        .id = ++fixture.persist_id, .entries = &entry, .entries_count = 1};
    log_store_submit(fixture.store, &persist);
    fixture_wait(&fixture);
    fixture.last_index = 1;
    fixture_append_many(&fixture, 3);
    /* The WAL that held it was cut back by the commits behind it. */
    CU_ASSERT(fixture_file_size(&fixture, "raft.db-wal") <= 4 * 1024 * 1024);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture.recovery.entries_count, 4);
    CU_ASSERT(slice_equals(blob_slice(fixture.recovery.entries[0].payload), blob_slice(payload)));
    blob_release(payload);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, wal_stays_bounded_under_constant_load)
{
    enum { UNITS = 20000, WAL_BYTES_MAX = 256 * 1024, BURST = 16, SLACK_BYTES = 256 * 1024 };
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.options.wal_bytes_max = WAL_BYTES_MAX;
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    off_t longest = 0;
    for (int i = 0; i < UNITS; i++) {
        fixture_append(&fixture, "a small entry of a constant load, one of very many");
        if (i % BURST == 0) {
            fixture_wait(&fixture);
            off_t size = fixture_file_size(&fixture, "raft.db-wal");
            longest = size > longest ? size : longest;
        }
    }
    fixture_wait(&fixture);
    struct log_store_stats stats;
    log_store_get_stats(fixture.store, &stats);
    CU_ASSERT(longest > WAL_BYTES_MAX / 2);
    CU_ASSERT(longest < WAL_BYTES_MAX + SLACK_BYTES);
    CU_ASSERT(stats.checkpoints > 1);
    CU_ASSERT(stats.wal_bytes < WAL_BYTES_MAX + SLACK_BYTES);
    CU_ASSERT(stats.database_bytes > 0);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, UNITS);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, clean_close_leaves_one_whole_file)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "raft.db-shm"), -1);
    fixture_append_many(&fixture, 3);
    fixture_close(&fixture);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "raft.db-wal"), -1);
    fixture_sql(&fixture, "CREATE TABLE three AS SELECT 1 FROM log WHERE payload LIKE 'entry _'");
    fixture_deinit(&fixture);
}

static void read_pragma(sqlite3 *connection, const char *sql, char *out, size_t out_bytes)
{
    sqlite3_stmt *statement = NULL;
    out[0] = '\0';
    if (sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        (void)snprintf(out, out_bytes, "%s", (const char *)sqlite3_column_text(statement, 0));
    }
    (void)sqlite3_finalize(statement);
}

/* Fault S6: a weaker setting than asked for would lose acknowledged writes without a word. */
UNIT_TEST(log_store, every_pragma_holds_on_the_connection)
{
    static const char *const expected[][2] = {
        {"PRAGMA journal_mode", "wal"},
        {"PRAGMA synchronous", "2"},
        {"PRAGMA locking_mode", "exclusive"},
        {"PRAGMA wal_autocheckpoint", "0"},
        {"PRAGMA mmap_size", "0"},
        {"PRAGMA secure_delete", "0"},
        {"PRAGMA cell_size_check", "1"},
        {"PRAGMA trusted_schema", "0"},
        {"PRAGMA temp_store", "2"},
        {"PRAGMA auto_vacuum", "0"},
        {"PRAGMA journal_size_limit", "65536"},
        {"PRAGMA page_size", "4096"},
    };
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.options.wal_bytes_max = 65536;
    struct raft_db db;
    bool created = false;
    CU_ASSERT_EQUAL_FATAL(raft_db_open(&db, &fixture.options, &created), RESULT_OK);
    CU_ASSERT_TRUE(created);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        char text[64];
        read_pragma(db.file.connection, expected[i][0], text, sizeof(text));
        CU_ASSERT_STRING_EQUAL(text, expected[i][1]);
    }
    raft_db_close(&db, false);
    fixture_deinit(&fixture);
}

/* S6: a file that cannot have a write-ahead log is refused, not used without one. */
UNIT_TEST(log_store, a_setting_that_does_not_take_is_refused)
{
    struct sqlite_file file;
    fixture_clear_messages();
    sqlite_file_init(&file, ":memory:", "none");
    CU_ASSERT_EQUAL_FATAL(sqlite_file_connect(&file), RESULT_OK);
    CU_ASSERT_EQUAL(sqlite_file_configure(&file, 65536), RESULT_IO);
    CU_ASSERT(fixture_message_has("PRAGMA journal_mode reads 'memory' and must be 'wal'"));
    sqlite_file_close(&file, false);
}

/* S8: no commit pays for a checkpoint, however long the write-ahead log; SQLite's own limit is 1000
 * pages. */
UNIT_TEST(log_store, no_commit_checkpoints_by_itself)
{
    enum { COUNT = 6, BYTES = 1024 * 1024 };
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.options.wal_bytes_max = 64 * BYTES;
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    off_t before = fixture_file_size(&fixture, "raft.db");
    char *text = mem_alloc_zeroed(1, BYTES + 1);
    memset(text, 'x', BYTES);
    for (int i = 0; i < COUNT; i++) {
        fixture_append(&fixture, text);
        fixture_wait(&fixture);
    }
    mem_free(text);
    struct log_store_stats stats;
    log_store_get_stats(fixture.store, &stats);
    CU_ASSERT(stats.wal_bytes > (uint64_t)COUNT * BYTES);
    CU_ASSERT_EQUAL(stats.checkpoints, 0);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "raft.db"), before);
    fixture_deinit(&fixture);
}

/* Fault S7: with two connections, SQLite 3.40.1 can lose a reset WAL. */
UNIT_TEST(log_store, no_second_connection_gets_in)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    sqlite3 *second = NULL;
    CU_ASSERT_EQUAL(sqlite3_open(fixture_path(&fixture, "raft.db"), &second), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(second, "SELECT * FROM log", NULL, NULL, NULL), SQLITE_BUSY);
    (void)sqlite3_close(second);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_store, refuses_a_file_another_program_holds)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_close(&fixture);
    sqlite3 *other = NULL;
    CU_ASSERT_EQUAL(sqlite3_open(fixture_path(&fixture, "raft.db"), &other), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(other, "BEGIN; SELECT * FROM log", NULL, NULL, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_LOCKED);
    CU_ASSERT(fixture_message_has("another program has the file open"));
    (void)sqlite3_close(other);
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_OK);
    fixture_deinit(&fixture);
}
