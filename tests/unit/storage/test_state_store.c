/* test_state_store.c -- what a snapshot keeps, what it drops, and when it counts. */
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "lib/unit.h"
#include "storage/state_db.h"
#include "unit/storage/state_fixture.h"

static void open_new(struct state_fixture *fixture)
{
    state_fixture_init(fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(fixture), RESULT_OK);
}

UNIT_TEST(state_store, a_new_directory_holds_no_snapshot)
{
    struct state_fixture fixture;
    open_new(&fixture);
    CU_ASSERT_EQUAL(fixture.found.index, 0);
    CU_ASSERT_EQUAL(fixture.found.configuration.members_count, 0);
    CU_ASSERT_EQUAL(fixture.found.replica_state.size, 0);
    CU_ASSERT_EQUAL(state_fixture_load(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.kept_count, 0);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.found.index, 0);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_store, rows_of_every_kind_come_back_as_they_were)
{
    static const uint8_t number[8] = {1, 2, 3, 4, 5, 6, 7, 0x80};
    const struct state_row rows[] = {
        {.slot = 1, .type = STATE_ROW_STRING, .expiry_ms = INT64_MAX, .modified_index = 1},
        {1, STATE_ROW_STRING, 12345, 2, SLICE_LITERAL("a"), SLICE_LITERAL("")},
        {1, STATE_ROW_STRING, -1, 3, SLICE_LITERAL("a\0b"), SLICE_LITERAL("\0\0")},
        {1, STATE_ROW_STRING, INT64_MIN, UINT64_MAX, SLICE_LITERAL("a\0"), SLICE_LITERAL("x")},
        {1, STATE_ROW_INTEGER, 7, 4, SLICE_LITERAL("\xff\xfe"), slice_of(number, 8)},
        {2, STATE_ROW_STRING, 8, 5, SLICE_LITERAL("a"), SLICE_LITERAL("of another slot")},
        {16, STATE_ROW_STRING, 9, 6, SLICE_LITERAL(""), SLICE_LITERAL("of an empty key")},
    };
    enum { COUNT = sizeof(rows) / sizeof(rows[0]) };
    struct state_fixture fixture;
    open_new(&fixture);
    for (size_t i = 0; i < COUNT; i++) {
        state_fixture_add(&fixture, &rows[i]);
    }
    state_fixture_commit(&fixture, 10);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.kept_count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const struct state_row *row = state_fixture_find(&fixture, rows[i].slot, rows[i].key);
        CU_ASSERT_PTR_NOT_NULL_FATAL(row);
        CU_ASSERT_EQUAL(row->type, rows[i].type);
        CU_ASSERT_EQUAL(row->expiry_ms, rows[i].expiry_ms);
        CU_ASSERT_EQUAL(row->modified_index, rows[i].modified_index);
        CU_ASSERT(slice_equals(row->value, rows[i].value));
    }
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_store, meta_comes_back_as_it_was)
{
    struct state_fixture fixture;
    open_new(&fixture);
    uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    memset(replica_state, 0x5e, sizeof(replica_state));
    struct state_meta *meta = &fixture.meta;
    meta->term = UINT64_MAX;
    meta->clock_ms = -5;
    meta->state_hash = UINT64_C(0xfedcba9876543210);
    meta->next_slot = UINT32_MAX;
    meta->slots[15] = UINT32_MAX - 1;
    memset(meta->configuration.cluster_id, 0xc1, sizeof(meta->configuration.cluster_id));
    meta->replica_state = slice_of(replica_state, sizeof(replica_state));
    state_fixture_commit(&fixture, UINT64_C(1) << 63);
    CU_ASSERT_EQUAL(fixture.outcome.index, UINT64_C(1) << 63);
    state_fixture_reload(&fixture);
    const struct state_meta *found = &fixture.found;
    CU_ASSERT_EQUAL(found->index, UINT64_C(1) << 63);
    CU_ASSERT_EQUAL(found->term, UINT64_MAX);
    CU_ASSERT_EQUAL(found->clock_ms, -5);
    CU_ASSERT_EQUAL(found->state_hash, UINT64_C(0xfedcba9876543210));
    CU_ASSERT_EQUAL(found->next_slot, UINT32_MAX);
    CU_ASSERT_EQUAL(memcmp(found->slots, meta->slots, sizeof(meta->slots)), 0);
    CU_ASSERT_EQUAL(found->configuration.members_count, 3);
    CU_ASSERT_EQUAL(found->configuration.cluster_id[15], 0xc1);
    CU_ASSERT_STRING_EQUAL(found->configuration.members[2].raft_address, "host:13");
    CU_ASSERT(slice_equals(found->replica_state, meta->replica_state));
    state_store_completed(fixture.store, &fixture.outcome);
    CU_ASSERT_EQUAL(fixture.outcome.index, UINT64_C(1) << 63);
    state_fixture_deinit(&fixture);
}

/* The same bytes for every size, cut to it. */
static struct slice large_value(uint32_t size)
{
    enum { LARGEST = 20 * 1024 * 1024 };
    static uint8_t bytes[LARGEST];
    for (uint32_t i = 0; i < LARGEST && bytes[1] == 0; i++) {
        /* From the end, so that the second byte comes last but one. */
        uint32_t at = LARGEST - 1 - i;
        bytes[at] = (uint8_t)(at * 2654435761u >> 24);
    }
    CU_ASSERT_FATAL(size <= LARGEST);
    return slice_of(bytes, size);
}

static void add_large(struct state_fixture *fixture, struct slice key, uint32_t size)
{
    struct state_row row = {.slot = 1,
                            .type = STATE_ROW_STRING,
                            .expiry_ms = INT64_MAX,
                            .modified_index = size,
                            .key = key,
                            .value = large_value(size)};
    state_fixture_add(fixture, &row);
}

static bool large_is(const struct state_fixture *fixture, struct slice key, uint32_t size)
{
    const struct state_row *row = state_fixture_find(fixture, 1, key);
    return row != NULL && row->modified_index == size &&
           slice_equals(row->value, large_value(size));
}

/* Values grow into parts, change within them, shrink out of them, and go. */
UNIT_TEST(state_store, large_values_lie_in_parts)
{
    enum { MEGABYTE = 1024 * 1024 };
    static const uint32_t sizes[] = {MEGABYTE, MEGABYTE + 1, 20 * MEGABYTE, 2 * MEGABYTE, 5};
    struct slice key = SLICE_LITERAL("large");
    struct state_fixture fixture;
    open_new(&fixture);
    add_large(&fixture, SLICE_LITERAL("large-neighbour"), 3 * MEGABYTE + 17);
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        add_large(&fixture, key, sizes[i]);
        state_fixture_commit(&fixture, i + 1);
        state_fixture_reload(&fixture);
        CU_ASSERT(large_is(&fixture, key, sizes[i]));
        CU_ASSERT(large_is(&fixture, SLICE_LITERAL("large-neighbour"), 3 * MEGABYTE + 17));
    }
    state_fixture_remove(&fixture, 1, "large-neighbour");
    state_fixture_commit(&fixture, 10);
    state_fixture_reload(&fixture); /* Parts left over would be found. */
    CU_ASSERT_EQUAL(fixture.kept_count, 1);
    state_fixture_deinit(&fixture);
}

/* The parts of a long key's value are as long as it, so that they repeat it no more than once. */
UNIT_TEST(state_store, a_large_key_with_a_large_value_is_kept)
{
    enum { KEY_BYTES = 3 * 1024 * 1024, VALUE_BYTES = 7 * 1024 * 1024 };
    struct state_fixture fixture;
    open_new(&fixture);
    char *key = mem_alloc_zeroed(1, KEY_BYTES);
    add_large(&fixture, slice_of(key, KEY_BYTES), VALUE_BYTES);
    state_fixture_commit(&fixture, 1);
    state_fixture_close(&fixture);
    CU_ASSERT(fixture_file_size(&fixture.base, "state.db") < 4 * KEY_BYTES + VALUE_BYTES + 1000000);
    state_fixture_reload(&fixture);
    CU_ASSERT(large_is(&fixture, slice_of(key, KEY_BYTES), VALUE_BYTES));
    mem_free(key);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_store, each_snapshot_changes_what_it_names_and_no_more)
{
    struct state_fixture fixture;
    open_new(&fixture);
    for (uint64_t index = 1; index <= 8; index++) {
        state_fixture_work(&fixture, index);
        state_fixture_commit(&fixture, index);
        state_fixture_reload(&fixture);
        CU_ASSERT_EQUAL(fixture.found.index, index);
        CU_ASSERT(state_fixture_worked(&fixture, index));
    }
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_store, a_snapshot_without_rows_moves_the_index)
{
    struct state_fixture fixture;
    open_new(&fixture);
    state_fixture_set(&fixture, 1, "k", "v");
    state_fixture_commit(&fixture, 1);
    state_store_begin(fixture.store);
    fixture.meta.index = 2;
    state_store_commit(fixture.store, &fixture.meta);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.found.index, 2);
    CU_ASSERT(state_fixture_has(&fixture, 1, "k", "v"));
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_store, removing_what_is_not_there_is_nothing)
{
    struct state_fixture fixture;
    open_new(&fixture);
    state_fixture_set(&fixture, 1, "kept", "v");
    state_fixture_remove(&fixture, 1, "never");
    state_fixture_remove(&fixture, 2, "kept");
    state_fixture_commit(&fixture, 1);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.kept_count, 1);
    state_fixture_deinit(&fixture);
}

/* FLUSHDB and SWAPDB touch no row: rows of slots that nobody has go with the next commit. */
UNIT_TEST(state_store, rows_of_dead_slots_go)
{
    struct state_fixture fixture;
    open_new(&fixture);
    for (uint32_t slot = 1; slot <= 5; slot++) {
        state_fixture_set(&fixture, slot, "k", "v");
        state_fixture_set(&fixture, slot, "l", "v");
    }
    add_large(&fixture, SLICE_LITERAL("large"), 5000000);
    state_fixture_commit(&fixture, 1);
    fixture.meta.slots[0] = 100;
    fixture.meta.slots[2] = STATE_ROW_PARTS_SLOT_MIN - 1;
    fixture.meta.slots[1] = 5;
    fixture.meta.slots[4] = 2;
    state_fixture_set(&fixture, 100, "new", "v");
    state_fixture_set(&fixture, STATE_ROW_PARTS_SLOT_MIN - 1, "new", "v");
    state_fixture_commit(&fixture, 2);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.kept_count, 8);
    CU_ASSERT_FALSE(state_fixture_has(&fixture, 1, "k", "v"));
    CU_ASSERT_FALSE(state_fixture_has(&fixture, 3, "k", "v"));
    CU_ASSERT(state_fixture_has(&fixture, 5, "l", "v"));
    CU_ASSERT(state_fixture_has(&fixture, STATE_ROW_PARTS_SLOT_MIN - 1, "new", "v"));
    state_fixture_deinit(&fixture);
}

/* Slots of large values are in no meta: they stay until a row says that they go. */
UNIT_TEST(state_store, slots_of_large_values_go_when_told)
{
    const uint32_t first = STATE_ROW_PARTS_SLOT_MIN;
    struct state_fixture fixture;
    open_new(&fixture);
    state_fixture_set(&fixture, 1, "k", "v");
    for (uint32_t slot = 0; slot < 3; slot++) {
        state_fixture_set(&fixture, first + slot, "part-1", "v");
        state_fixture_set(&fixture, first + slot, "part-2", "v");
    }
    state_fixture_commit(&fixture, 1);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.kept_count, 7);
    struct state_row gone = {.slot = first + 1, .type = STATE_ROW_SLOT_REMOVED};
    state_fixture_add(&fixture, &gone);
    state_fixture_remove(&fixture, first + 2, "part-1");
    state_fixture_commit(&fixture, 2);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.kept_count, 4);
    CU_ASSERT(state_fixture_has(&fixture, 1, "k", "v"));
    CU_ASSERT(state_fixture_has(&fixture, first, "part-1", "v"));
    CU_ASSERT(state_fixture_has(&fixture, first, "part-2", "v"));
    CU_ASSERT(state_fixture_has(&fixture, first + 2, "part-2", "v"));
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_store, a_second_begin_gives_up_the_first)
{
    struct state_fixture fixture;
    open_new(&fixture);
    state_fixture_set(&fixture, 1, "k", "old");
    state_fixture_commit(&fixture, 1);
    state_store_begin(fixture.store);
    state_fixture_set(&fixture, 1, "k", "given up");
    state_fixture_set(&fixture, 1, "l", "given up");
    state_fixture_put(&fixture);
    state_fixture_set(&fixture, 1, "m", "new");
    state_fixture_commit(&fixture, 2);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.kept_count, 2);
    CU_ASSERT(state_fixture_has(&fixture, 1, "k", "old"));
    CU_ASSERT(state_fixture_has(&fixture, 1, "m", "new"));
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_store, what_was_not_committed_is_gone_after_a_close)
{
    struct state_fixture fixture;
    open_new(&fixture);
    state_fixture_set(&fixture, 1, "k", "old");
    state_fixture_commit(&fixture, 1);
    state_store_begin(fixture.store);
    state_fixture_set(&fixture, 1, "k", "new");
    state_fixture_put(&fixture);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.found.index, 1);
    CU_ASSERT(state_fixture_has(&fixture, 1, "k", "old"));
    state_fixture_deinit(&fixture);
}

/* A stop is not to take as long as a snapshot: O2. */
UNIT_TEST(state_store, a_close_gives_up_what_is_queued)
{
    enum { BLOBS = 48, KEYS = 8000 };
    struct state_fixture fixture;
    open_new(&fixture);
    state_fixture_set(&fixture, 1, "k", "old");
    state_fixture_commit(&fixture, 1);
    state_store_begin(fixture.store);
    for (int i = 0; i < KEYS; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key %d", i);
        state_fixture_set(&fixture, 1, key, "a value of some hundred bytes would take as long");
    }
    struct blob *rows = blob_copy(buf_slice(&fixture.rows));
    buf_clear(&fixture.rows);
    for (int i = 0; i < BLOBS; i++) {
        state_store_put(fixture.store, rows);
    }
    fixture.meta.index = 2;
    state_store_commit(fixture.store, &fixture.meta);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.found.index, 1);
    CU_ASSERT_EQUAL(fixture.kept_count, 1);
    CU_ASSERT_EQUAL(rows->references, 1);
    blob_release(rows);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_store, rows_are_released_and_the_backlog_falls)
{
    struct state_fixture fixture;
    open_new(&fixture);
    state_fixture_set(&fixture, 1, "k", "v");
    struct blob *rows = blob_copy(buf_slice(&fixture.rows));
    buf_clear(&fixture.rows);
    CU_ASSERT_EQUAL(state_store_backlog(fixture.store), 0);
    state_store_begin(fixture.store);
    state_store_put(fixture.store, rows);
    CU_ASSERT_EQUAL(rows->references, 2);
    CU_ASSERT(state_store_backlog(fixture.store) <= rows->size);
    fixture.meta.index = 1;
    state_store_commit(fixture.store, &fixture.meta);
    state_fixture_wait(&fixture, 1);
    CU_ASSERT_EQUAL(state_store_backlog(fixture.store), 0);
    state_fixture_copy(&fixture, "copy"); /* What was before it was handed back. */
    CU_ASSERT_EQUAL(rows->references, 1);
    blob_release(rows);
    state_fixture_deinit(&fixture);
}

/* Between snapshots the main file alone is the state. */
UNIT_TEST(state_store, the_wal_is_empty_once_a_snapshot_is_durable)
{
    struct state_fixture fixture;
    open_new(&fixture);
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 1);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "state.db-wal"), 0);
    state_fixture_close(&fixture);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "state.db-wal"), -1);
    state_fixture_deinit(&fixture);
}

/* Faults S6 and S7: the settings hold on the connection, and it is the only one. */
UNIT_TEST(state_store, its_connection_is_durable_and_the_only_one)
{
    static const struct {
        const char *sql;
        uint64_t expected;
    } numbers[] = {
        {"PRAGMA synchronous", 2},     {"PRAGMA wal_autocheckpoint", 0}, {"PRAGMA mmap_size", 0},
        {"PRAGMA cell_size_check", 1}, {"PRAGMA trusted_schema", 0},     {"PRAGMA page_size", 4096},
    };
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    struct state_db db;
    CU_ASSERT_EQUAL_FATAL(state_db_open(&db, &fixture.options), RESULT_OK);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint64_t value = UINT64_MAX;
        CU_ASSERT_EQUAL(sqlite_file_read_number(&db.file, numbers[i].sql, &value), RESULT_OK);
        CU_ASSERT_EQUAL(value, numbers[i].expected);
    }
    sqlite3 *second = NULL;
    CU_ASSERT_EQUAL(sqlite3_open(fixture_path(&fixture.base, "state.db"), &second), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(second, "SELECT * FROM rows", NULL, NULL, NULL), SQLITE_BUSY);
    (void)sqlite3_close(second);
    state_db_close(&db, true);
    state_fixture_deinit(&fixture);
}

static int count_commit(void *context)
{
    (*(int *)context)++;
    return 0;
}

/* S19: in two, a crash between them would leave rows that are not those of the index. */
UNIT_TEST(state_store, rows_and_index_of_a_snapshot_are_one_transaction)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    struct state_db db;
    CU_ASSERT_EQUAL_FATAL(state_db_open(&db, &fixture.options), RESULT_OK);
    int commits = 0;
    (void)sqlite3_commit_hook(db.file.connection, count_commit, &commits);
    struct state_row row = {.slot = 1,
                            .type = STATE_ROW_STRING,
                            .expiry_ms = INT64_MAX,
                            .modified_index = 7,
                            .key = SLICE_LITERAL("key"),
                            .value = SLICE_LITERAL("value")};
    fixture.meta.index = 7;
    CU_ASSERT_EQUAL(state_db_begin(&db), RESULT_OK);
    CU_ASSERT_EQUAL(state_db_put_rows(&db, &row, 1), RESULT_OK);
    CU_ASSERT_EQUAL(state_db_commit(&db, &fixture.meta), RESULT_OK);
    CU_ASSERT_EQUAL(commits, 1);
    state_db_close(&db, true);
    state_fixture_deinit(&fixture);
}

/* Rows for many blobs: more than may wait, so the reading waits for the taking. */
static void commit_many(struct state_fixture *fixture)
{
    char value[4000];
    memset(value, 'v', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    for (int i = 0; i < 2000; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "many-%d", i);
        state_fixture_set(fixture, 1, key, value);
    }
    state_fixture_commit(fixture, 1);
}

UNIT_TEST(state_load, gives_every_row)
{
    struct state_fixture fixture;
    open_new(&fixture);
    commit_many(&fixture);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.kept_count, 2000);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_load, may_be_left_half_way)
{
    struct state_fixture fixture;
    open_new(&fixture);
    commit_many(&fixture);
    state_fixture_close(&fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    state_store_load_begin(fixture.store);
    struct blob *rows = NULL;
    CU_ASSERT_EQUAL(state_store_load_next(fixture.store, &rows), RESULT_OK);
    CU_ASSERT_PTR_NOT_NULL(rows);
    blob_release(rows);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_load, a_bad_row_in_the_middle_ends_it)
{
    struct state_fixture fixture;
    open_new(&fixture);
    commit_many(&fixture);
    state_fixture_close(&fixture);
    fixture_sql_on(&fixture.base, "state.db",
                   "UPDATE rows SET expiry = 1 WHERE key = x'"
                   "6d616e792d3939'"); /* many-99 */
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(state_fixture_load(&fixture), RESULT_CORRUPT);
    CU_ASSERT(fixture.kept_count < 2000);
    CU_ASSERT(fixture_message_has("many-99"));
    state_fixture_deinit(&fixture);
}

static void wait_for_install(struct state_fixture *fixture)
{
    struct pollfd descriptor = {.fd = state_store_descriptor(fixture->store), .events = POLLIN};
    do {
        CU_ASSERT_EQUAL_FATAL(poll(&descriptor, 1, 30000), 1);
        state_store_completed(fixture->store, &fixture->outcome);
    } while (!fixture->outcome.is_install_done);
}

/* Fault X8: what is under way when a snapshot is installed goes, and a copy comes before it. */
UNIT_TEST(state_install, replaces_the_file_and_gives_up_what_was_begun)
{
    struct state_fixture fixture;
    open_new(&fixture);
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 1);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "other"), RESULT_OK);
    state_fixture_work(&fixture, 2);
    state_fixture_commit(&fixture, 2);
    state_store_begin(fixture.store);
    state_fixture_work(&fixture, 3);
    state_fixture_put(&fixture);
    state_store_install(fixture.store, fixture_path(&fixture.base, "other"));
    wait_for_install(&fixture);
    CU_ASSERT_EQUAL(fixture.outcome.install_result, RESULT_OK);
    CU_ASSERT_EQUAL(fixture.outcome.index, 1);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "other"), -1);
    state_fixture_work(&fixture, 2);
    state_fixture_commit(&fixture, 2);
    state_fixture_reload(&fixture);
    CU_ASSERT(state_fixture_worked(&fixture, 2));
    state_fixture_deinit(&fixture);
}

UNIT_TEST(state_install, that_fails_leaves_the_old_file_in_use)
{
    struct state_fixture fixture;
    open_new(&fixture);
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 1);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "other"), RESULT_OK);
    fixture_flip_byte(&fixture.base, "other", 40);
    fixture_flip_byte(&fixture.base, "other", 5000);
    CU_ASSERT_EQUAL(truncate(fixture_path(&fixture.base, "other"), 3000), 0);
    state_store_install(fixture.store, fixture_path(&fixture.base, "other"));
    wait_for_install(&fixture);
    CU_ASSERT_NOT_EQUAL(fixture.outcome.install_result, RESULT_OK);
    CU_ASSERT_EQUAL(fixture.outcome.index, 1);
    state_fixture_work(&fixture, 2);
    state_fixture_commit(&fixture, 2);
    state_fixture_reload(&fixture);
    CU_ASSERT(state_fixture_worked(&fixture, 2));
    state_fixture_deinit(&fixture);
}
