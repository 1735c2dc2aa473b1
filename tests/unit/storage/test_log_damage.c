/* test_log_damage.c -- every way of damaging raft.db at rest is noticed, named and refused. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/raft_db.h"
#include "storage/wal_scan.h"
#include "unit/storage/fixture.h"

enum {
    WAL_HEADER_BYTES = 32,
    WAL_FRAME_BYTES = 24 + 4096,
    ENTRIES = 10,
};

/* Leaves a closed store with ENTRIES entries. */
static void prepare(struct fixture *fixture)
{
    fixture_init(fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(fixture), RESULT_OK);
    fixture_append_many(fixture, ENTRIES);
    fixture_close(fixture);
}

/* Whether the store refuses to open as corrupt, with a message that has both parts. */
static bool refuses(struct fixture *fixture, const char *part)
{
    if (fixture_open(fixture) != RESULT_CORRUPT) {
        return false;
    }
    return fixture_message_has(part) && fixture_message_has("restore it from its peers");
}

UNIT_TEST(log_damage, every_change_to_a_row_is_named)
{
    static const struct {
        const char *sql;
        const char *message;
    } cases[] = {
        {"UPDATE log SET payload = x'00' WHERE idx = 5", "index 5 does not match its checksum"},
        {"UPDATE log SET payload = NULL WHERE idx = 5", "index 5 does not match its checksum"},
        {"UPDATE log SET term = 0 WHERE idx = 5", "index 5 does not match its checksum"},
        {"UPDATE log SET type = 1 WHERE idx = 5", "index 5 does not match its checksum"},
        {"UPDATE log SET type = 9 WHERE idx = 5", "index 5 has type 9"},
        {"UPDATE log SET checksum = checksum + 1 WHERE idx = 5", "index 5 does not match"},
        {"UPDATE log SET chain = chain + 1 WHERE idx = 5", "index 5 does not follow"},
        {"DELETE FROM log WHERE idx = 5", "index 5 is missing"},
        {"DELETE FROM log WHERE idx = 1", "index 1 is missing"},
        {"DELETE FROM log WHERE idx >= 9", "the log ends at index 8"},
        {"DELETE FROM log", "index 1 is missing"},
        {"INSERT INTO log SELECT 11, term, type, checksum, chain, payload FROM log WHERE idx = 10",
         "index 11 does not match its checksum"},
        {"UPDATE log SET idx = 11 WHERE idx = 10", "index 10 is missing"},
        {"UPDATE state SET term = 0", "table state"},
        {"UPDATE state SET vote = 12", "table state"},
        {"UPDATE state SET last_index = 9", "table state"},
        {"UPDATE state SET cluster_id = x''; UPDATE state SET incarnation = 0", "table state"},
        {"DELETE FROM state", "table state"},
        {"UPDATE meta SET value = 12 WHERE name = 'node_id'", "table meta"},
        {"UPDATE meta SET value = x'00' WHERE name = 'bootstrap'", "table meta"},
        {"DELETE FROM meta WHERE name = 'checksum'", "table meta"},
        {"DROP TABLE meta", "no table meta"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        prepare(&fixture);
        fixture_sql(&fixture, cases[i].sql);
        bool is_refused = refuses(&fixture, cases[i].message);
        if (!is_refused) {
            (void)fprintf(stderr, "not refused: %s: %s\n", cases[i].sql, fixture_messages());
        }
        CU_ASSERT(is_refused);
        fixture_deinit(&fixture);
    }
}

/* Fault S14: a lost write leaves an old row, whose own checksum is right. */
UNIT_TEST(log_damage, a_stale_row_breaks_the_chain)
{
    struct fixture fixture;
    prepare(&fixture);
    fixture_sql(&fixture, "CREATE TABLE old AS SELECT * FROM log WHERE idx = 5");
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_overwrite(&fixture, 5, "new fifth");
    fixture_append(&fixture, "new sixth");
    fixture_close(&fixture);
    fixture_sql(&fixture, "REPLACE INTO log SELECT * FROM old");
    CU_ASSERT(refuses(&fixture, "index 6 does not follow"));
    fixture_sql(&fixture, "DELETE FROM log WHERE idx = 6");
    CU_ASSERT(refuses(&fixture, "the log ends at index 5, but was written up to index 6"));
    fixture_deinit(&fixture);
}

UNIT_TEST(log_damage, a_stale_last_row_is_noticed)
{
    struct fixture fixture;
    prepare(&fixture);
    fixture_sql(&fixture, "CREATE TABLE old AS SELECT * FROM log WHERE idx = 10");
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_overwrite(&fixture, 10, "new tenth");
    fixture_close(&fixture);
    fixture_sql(&fixture, "REPLACE INTO log SELECT * FROM old");
    CU_ASSERT(refuses(&fixture, "index 10, the last, is not the one"));
    fixture_deinit(&fixture);
}

UNIT_TEST(log_damage, swapped_rows_are_noticed)
{
    struct fixture fixture;
    prepare(&fixture);
    fixture_sql(&fixture, "UPDATE log SET idx = -1 WHERE idx = 3;"
                          "UPDATE log SET idx = 3 WHERE idx = 4;"
                          "UPDATE log SET idx = 4 WHERE idx = -1");
    CU_ASSERT(refuses(&fixture, "index 3 does not match its checksum"));
    fixture_deinit(&fixture);
}

UNIT_TEST(log_damage, a_file_that_is_no_database_is_refused)
{
    struct fixture fixture;
    prepare(&fixture);
    fixture_flip_byte(&fixture, "raft.db", 3);
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_CORRUPT);
    CU_ASSERT(fixture_message_has("not a database"));
    fixture_deinit(&fixture);
}

/* Fault S2: pages of the database carry no checksum of SQLite's. */
UNIT_TEST(log_damage, a_flipped_payload_byte_in_the_file_is_noticed)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    struct blob *payload = blob_create(64 * 1024);
    memset(payload->bytes, 'p', payload->size);
    struct raft_entry entry = {.index = 1, .type = RAFT_ENTRY_COMMAND, .payload = payload};
    struct raft_persist persist = {.id = 1, .entries = &entry, .entries_count = 1};
    log_store_submit(fixture.store, &persist);
    fixture_close(&fixture);
    blob_release(payload);
    off_t size = fixture_file_size(&fixture, "raft.db");
    fixture_flip_byte(&fixture, "raft.db", size - 8 * 4096 + 2000);
    CU_ASSERT(refuses(&fixture, "index 1 does not match its checksum"));
    fixture_deinit(&fixture);
}

/* ---- The write-ahead log of a process that was killed ---- */

static void append_and_die(struct fixture *fixture)
{
    if (fixture_open(fixture) != RESULT_OK) {
        _exit(1);
    }
    fixture_append_many(fixture, ENTRIES);
    _exit(0);
}

/* Leaves what a killed process leaves after ENTRIES commits of two pages each. */
static void prepare_killed(struct fixture *fixture)
{
    char messages[1024];
    fixture_init(fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_in_child(fixture, append_and_die, messages, sizeof(messages)), 0);
    CU_ASSERT(fixture_file_size(fixture, "raft.db-wal") >=
              WAL_HEADER_BYTES + 2 * ENTRIES * WAL_FRAME_BYTES);
}

static off_t frame_offset(int frame)
{
    return WAL_HEADER_BYTES + (off_t)(frame - 1) * WAL_FRAME_BYTES;
}

UNIT_TEST(wal_damage, an_undamaged_wal_is_read)
{
    struct fixture fixture;
    prepare_killed(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, ENTRIES);
    CU_ASSERT_EQUAL(fixture.recovery.incarnation, 2);
    fixture_deinit(&fixture);
}

/* A start that fails half-way leaves everything as it was found. */
UNIT_TEST(wal_damage, an_unclean_close_writes_nothing)
{
    struct fixture fixture;
    prepare_killed(&fixture);
    off_t database_bytes = fixture_file_size(&fixture, "raft.db");
    off_t wal_bytes = fixture_file_size(&fixture, "raft.db-wal");
    struct log_store_options options = fixture.options;
    options.wal_bytes_max = 65536;
    struct raft_db db;
    bool created = true;
    CU_ASSERT_EQUAL_FATAL(raft_db_open(&db, &options, &created), RESULT_OK);
    raft_db_close(&db, false);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "raft.db"), database_bytes);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "raft.db-wal"), wal_bytes);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, ENTRIES);
    fixture_deinit(&fixture);
}

/* Fault S1: SQLite would drop frame 5 and all behind it, acknowledged or not. */
UNIT_TEST(wal_damage, damage_in_the_middle_is_refused)
{
    static const int offsets[] = {24 + 100, 0, 8, 16};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct fixture fixture;
        prepare_killed(&fixture);
        fixture_flip_byte(&fixture, "raft.db-wal", frame_offset(5) + offsets[i]);
        CU_ASSERT(refuses(&fixture, "frame 5 of"));
        fixture_deinit(&fixture);
    }
}

UNIT_TEST(wal_damage, damage_to_the_header_is_refused)
{
    struct fixture fixture;
    prepare_killed(&fixture);
    fixture_flip_byte(&fixture, "raft.db-wal", 17);
    CU_ASSERT(refuses(&fixture, "the header of"));
    fixture_deinit(&fixture);
}

/* The end may be torn by the crash itself; nothing behind it shows that it was ever whole. */
UNIT_TEST(wal_damage, a_torn_end_is_cut_off)
{
    struct fixture fixture;
    prepare_killed(&fixture);
    off_t size = fixture_file_size(&fixture, "raft.db-wal");
    CU_ASSERT_EQUAL(truncate(fixture_path(&fixture, "raft.db-wal"), size - 100), 0);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, ENTRIES - 1);
    fixture_deinit(&fixture);
}

/* Fault S15. */
UNIT_TEST(wal_damage, a_deleted_wal_is_noticed)
{
    struct fixture fixture;
    prepare_killed(&fixture);
    CU_ASSERT_EQUAL(unlink(fixture_path(&fixture, "raft.db-wal")), 0);
    CU_ASSERT(refuses(&fixture, "did not stop cleanly"));
    CU_ASSERT(refuses(&fixture, "did not stop cleanly")); /* Looking has not made an empty one. */
    fixture_deinit(&fixture);
}

/* Fault S15: SQLite itself would delete the WAL and begin anew. */
UNIT_TEST(wal_damage, a_lost_database_beside_its_wal_is_noticed)
{
    struct fixture fixture;
    prepare_killed(&fixture);
    CU_ASSERT_EQUAL(truncate(fixture_path(&fixture, "raft.db"), 0), 0);
    CU_ASSERT(refuses(&fixture, "the file is empty, but"));
    CU_ASSERT_EQUAL(unlink(fixture_path(&fixture, "raft.db")), 0);
    CU_ASSERT(refuses(&fixture, "the file is missing, but"));
    CU_ASSERT(fixture_file_size(&fixture, "raft.db-wal") > 0);
    fixture_deinit(&fixture);
}

UNIT_TEST(wal_damage, frames_from_before_a_restart_are_no_damage)
{
    struct fixture fixture;
    char messages[1024];
    fixture_init(&fixture);
    /* Room for seven commits: the third begins the WAL anew over old frames. */
    fixture.options.wal_bytes_max = 14 * WAL_FRAME_BYTES;
    CU_ASSERT_EQUAL_FATAL(fixture_in_child(&fixture, append_and_die, messages, sizeof(messages)),
                          0);
    struct wal_scan_report report;
    CU_ASSERT_EQUAL(wal_scan(fixture_path(&fixture, "raft.db-wal"), &report), RESULT_OK);
    CU_ASSERT(report.damaged_frame > 1);
    CU_ASSERT_EQUAL(report.frames, report.damaged_frame - 1);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, ENTRIES);
    fixture_deinit(&fixture);
}

static void start_and_die(struct fixture *fixture)
{
    _exit(fixture_open(fixture) == RESULT_OK ? 0 : 1);
}

/* A start that cannot even read the WAL leaves it where it is: without it, the next start would
 * take a sound log for a damaged one. */
UNIT_TEST(wal_damage, a_start_without_descriptors_leaves_an_empty_wal)
{
    struct fixture fixture;
    char messages[1024];
    struct rlimit before;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_in_child(&fixture, start_and_die, messages, sizeof(messages)), 0);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "raft.db-wal"), 0);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum result result = fixture_open(&fixture);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    CU_ASSERT_EQUAL(result, RESULT_IO);
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_OK);
    fixture_deinit(&fixture);
}

/* A first page from before the tables were made, as a lost write leaves it. */
UNIT_TEST(log_damage, a_file_that_lost_its_tables_is_not_taken_for_a_new_one)
{
    struct fixture fixture;
    prepare(&fixture);
    fixture_sql(&fixture, "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema");
    CU_ASSERT(refuses(&fixture, "its first page lists no table"));
    fixture_deinit(&fixture);
}
