/* test_state_damage.c -- every way of damaging state.db at rest is noticed, named and refused. */
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "lib/unit.h"
#include "unit/storage/state_fixture.h"

/* Leaves a closed store with some rows, one of them in parts. */
static void prepare(struct state_fixture *fixture)
{
    static char large[3 * 1024 * 1024];
    memset(large, 'L', sizeof(large) - 1);
    state_fixture_init(fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(fixture), RESULT_OK);
    state_fixture_set(fixture, 1, "a", "one");
    state_fixture_set(fixture, 1, "b\n'", "two");
    state_fixture_set(fixture, 2, "a", "three");
    state_fixture_set(fixture, 3, "large", large);
    fixture->meta.replica_state = SLICE_LITERAL("replica_state");
    state_fixture_commit(fixture, 1);
    state_fixture_set(fixture, 1, "c", "new");
    state_fixture_commit(fixture, 2);
    state_fixture_close(fixture);
}

/* Whether opening or loading, and verifying, refuse the file as corrupt with that message. */
static bool refuses(struct state_fixture *fixture, const char *part)
{
    enum result result = state_fixture_open(fixture);
    if (result == RESULT_OK) {
        result = state_fixture_load(fixture);
    }
    state_fixture_close(fixture);
    bool is_refused = result == RESULT_CORRUPT && fixture_message_has(part) &&
                      fixture_message_has("restore it from its peers");
    static uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    struct state_meta meta;
    fixture_clear_messages();
    result = state_file_verify(fixture_path(&fixture->base, "state.db"), &meta, replica_state);
    return is_refused && result == RESULT_CORRUPT && fixture_message_has(part);
}

static const struct {
    const char *sql;
    const char *message;
} cases[] = {
    {"UPDATE rows SET value = x'00' WHERE slot = 1 AND key = x'61'",
     "key 'a' in slot 1 does not match its checksum"},
    {"UPDATE rows SET value = x'' WHERE slot = 1 AND key = x'61'", "key 'a' in slot 1"},
    {"UPDATE rows SET value = NULL WHERE slot = 1 AND key = x'61'", "key 'a' in slot 1"},
    {"UPDATE rows SET type = 2 WHERE slot = 2", "key 'a' in slot 2 does not match"},
    {"UPDATE rows SET type = 0 WHERE slot = 2", "key 'a' in slot 2 has a type"},
    {"UPDATE rows SET expiry = 5 WHERE slot = 2", "key 'a' in slot 2 does not match"},
    {"UPDATE rows SET modified = 5 WHERE slot = 2", "key 'a' in slot 2 does not match"},
    {"UPDATE rows SET checksum = checksum + 1 WHERE slot = 2", "key 'a' in slot 2 does not"},
    {"UPDATE rows SET slot = 4 WHERE slot = 2", "key 'a' in slot 4 does not match"},
    {"UPDATE rows SET key = x'620a28' WHERE key = x'620a27'", "key 'b\\x0a(' in slot 1 does"},
    {"DELETE FROM rows WHERE slot = 2", "it has 4 rows and must have 5"},
    {"DELETE FROM rows", "it has 0 rows"},
    {"UPDATE parts SET value = x'00' WHERE part = 1", "key 'large' in slot 3 does not match"},
    {"DELETE FROM parts WHERE part = 1", "key 'large' in slot 3 lacks a part"},
    {"DELETE FROM parts WHERE part = 2", "key 'large' in slot 3 does not match"},
    {"INSERT INTO parts VALUES (1, x'61', 0, x'00')", "it has 4 parts of values and must"},
    {"UPDATE parts SET key = x'61' WHERE part = 2", "key 'large' in slot 3 does not match"},
    {"UPDATE meta SET idx = 3", "table meta"},
    {"UPDATE meta SET term = 4", "table meta"},
    {"UPDATE meta SET clock_ms = 4", "table meta"},
    {"UPDATE meta SET state_hash = 4", "table meta"},
    {"UPDATE meta SET rows_count = 4", "table meta"},
    {"UPDATE meta SET rows_sum = rows_sum + 1", "table meta"},
    {"UPDATE meta SET next_slot = 4", "table meta"},
    {"UPDATE meta SET slots = x'00'", "table meta"},
    {"UPDATE meta SET configuration = x''", "table meta"},
    {"UPDATE meta SET replica_state = x'00'", "table meta"},
    {"UPDATE meta SET replica_state = zeroblob(5000)", "table meta"},
    {"UPDATE meta SET checksum = 4", "table meta"},
    {"DELETE FROM meta", "the row of table meta is missing"},
    {"UPDATE identity SET node_id = 12", "table identity"},
    {"UPDATE identity SET node_name = x'00'", "table identity"},
    {"DELETE FROM identity", "no format version"},
    {"DROP TABLE parts", "its tables are not those of a state file"},
    {"CREATE TABLE more (x)", "its tables are not those of a state file"},
    {"CREATE TRIGGER t AFTER DELETE ON rows BEGIN DELETE FROM meta; END", "its tables are not"},
    {"ALTER TABLE rows ADD COLUMN x ANY", "its tables are not"},
};

UNIT_TEST(state_damage, every_change_is_named)
{
    struct state_fixture fixture;
    prepare(&fixture);
    char sql[1024];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(sql, sizeof(sql), "VACUUM INTO '%s/kept'", fixture.base.directory);
        fixture_sql_on(&fixture.base, "state.db", sql);
        fixture_sql_on(&fixture.base, "state.db", cases[i].sql);
        bool is_refused = refuses(&fixture, cases[i].message);
        if (!is_refused) {
            (void)fprintf(stderr, "not refused: %s: %s\n", cases[i].sql, fixture_messages());
        }
        CU_ASSERT(is_refused);
        char kept[FIXTURE_PATH_BYTES + 64];
        (void)snprintf(kept, sizeof(kept), "%s", fixture_path(&fixture.base, "kept"));
        CU_ASSERT_EQUAL_FATAL(rename(kept, fixture_path(&fixture.base, "state.db")), 0);
    }
    state_fixture_reload(&fixture); /* What was put back is good: each case stood alone. */
    CU_ASSERT_EQUAL(fixture.kept_count, 5);
    state_fixture_deinit(&fixture);
}

/* Fault S14: a lost write leaves an old row, whose own checksum is right. */
UNIT_TEST(state_damage, a_stale_row_is_noticed)
{
    struct state_fixture fixture;
    prepare(&fixture);
    fixture_sql_on(&fixture.base, "other",
                   "CREATE TABLE old (slot, key, type, expiry, modified, checksum, value)");
    char sql[1024];
    (void)snprintf(sql, sizeof(sql),
                   "ATTACH '%s' AS other; INSERT INTO other.old SELECT * FROM rows WHERE slot = 2",
                   fixture_path(&fixture.base, "other"));
    fixture_sql_on(&fixture.base, "state.db", sql);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    state_fixture_set(&fixture, 2, "a", "newer");
    state_fixture_commit(&fixture, 3);
    state_fixture_close(&fixture);
    (void)snprintf(sql, sizeof(sql),
                   "ATTACH '%s' AS other; REPLACE INTO rows SELECT * FROM other.old",
                   fixture_path(&fixture.base, "other"));
    fixture_sql_on(&fixture.base, "state.db", sql);
    CU_ASSERT(refuses(&fixture, "one of them is old"));
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_damage, another_nodes_file_is_refused)
{
    struct state_fixture fixture;
    prepare(&fixture);
    fixture.options.node_name = "node-2";
    CU_ASSERT_EQUAL(state_fixture_open(&fixture), RESULT_IDENTITY);
    CU_ASSERT(fixture_message_has("belongs to node 'node-1' (id 11), this is node 'node-2'"));
    fixture.options.node_name = "node-1";
    fixture.options.node_id = 12;
    CU_ASSERT_EQUAL(state_fixture_open(&fixture), RESULT_IDENTITY);
    fixture.options.node_id = 11;
    CU_ASSERT_EQUAL(state_fixture_open(&fixture), RESULT_OK);
    state_fixture_deinit(&fixture);
}

/* Whatever else a later version changes, this comes first. */
UNIT_TEST(state_damage, another_version_is_refused)
{
    struct state_fixture fixture;
    prepare(&fixture);
    fixture_sql_on(&fixture.base, "state.db",
                   "UPDATE identity SET format_version = 3; ALTER TABLE rows ADD COLUMN x ANY");
    CU_ASSERT_EQUAL(state_fixture_open(&fixture), RESULT_VERSION);
    CU_ASSERT(fixture_message_has("has format version 3, this program writes 2"));
    state_fixture_deinit(&fixture);
}

/* The identity row as the program wrote it before there were large values in slots of their own. */
static void make_version_1(const struct state_fixture *fixture)
{
    uint8_t numbers[16];
    bytes_set_u64(numbers, 1);
    bytes_set_u64(numbers + 8, fixture->options.node_id);
    uint64_t sum = hash_bytes(UINT64_C(0x7175737461746964), slice_of(numbers, sizeof(numbers)));
    sum = hash_bytes(sum, slice_of_string(fixture->options.node_name));
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "UPDATE identity SET format_version = 1, checksum = %" PRId64,
                   (int64_t)sum);
    fixture_sql_on(&fixture->base, "state.db", sql);
}

static int64_t version_of(const struct state_fixture *fixture)
{
    sqlite3 *connection = NULL;
    sqlite3_stmt *statement = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(fixture_path(&fixture->base, "state.db"), &connection),
                          SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_prepare_v2(connection, "SELECT format_version FROM identity", -1, &statement, NULL),
        SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_step(statement), SQLITE_ROW);
    int64_t version = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(connection);
    return version;
}

UNIT_TEST(state_damage, version_1_is_read_and_becomes_version_2)
{
    struct state_fixture fixture;
    prepare(&fixture);
    make_version_1(&fixture);
    CU_ASSERT_EQUAL(version_of(&fixture), 1);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(state_fixture_load(&fixture), RESULT_OK);
    CU_ASSERT(fixture.kept_count > 0);
    state_fixture_close(&fixture);
    CU_ASSERT_EQUAL(version_of(&fixture), 2);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_damage, a_lost_database_beside_its_wal_is_noticed)
{
    struct state_fixture fixture;
    prepare(&fixture);
    int wal = open(fixture_path(&fixture.base, "state.db-wal"), O_WRONLY | O_CREAT, 0600);
    CU_ASSERT_FATAL(wal >= 0);
    CU_ASSERT_EQUAL(write(wal, "some bytes", 10), 10);
    (void)close(wal);
    CU_ASSERT_EQUAL(unlink(fixture_path(&fixture.base, "state.db")), 0);
    CU_ASSERT_EQUAL(state_fixture_open(&fixture), RESULT_CORRUPT);
    CU_ASSERT(fixture_message_has("the file is missing, but"));
    state_fixture_deinit(&fixture);
}
