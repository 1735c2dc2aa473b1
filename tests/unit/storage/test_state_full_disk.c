/* test_state_full_disk.c -- a snapshot that finds the disk full is given up, and nothing else. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "lib/unit.h"
#include "unit/storage/full_disk.h"
#include "unit/storage/state_fixture.h"

static void prepare(struct state_fixture *fixture)
{
    full_disk_install();
    state_fixture_init(fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(fixture), RESULT_OK);
    state_fixture_work(fixture, 1);
    state_fixture_commit(fixture, 1);
}

static void finish(struct state_fixture *fixture)
{
    full_disk_set_left(INT64_MAX / 2);
    state_fixture_deinit(fixture);
    full_disk_uninstall();
}

static void begin_and_commit(struct state_fixture *fixture, uint64_t index)
{
    state_fixture_work(fixture, index);
    state_store_begin(fixture->store);
    state_fixture_put(fixture);
    fixture->meta.index = index;
    state_store_commit(fixture->store, &fixture->meta);
}

/* Waits until one was given up or is durable. */
static void wait_for_outcome(struct state_fixture *fixture, uint64_t index)
{
    struct pollfd descriptor = {.fd = state_store_descriptor(fixture->store), .events = POLLIN};
    do {
        CU_ASSERT_EQUAL_FATAL(poll(&descriptor, 1, 30000), 1);
        state_store_completed(fixture->store, &fixture->outcome);
    } while (fixture->outcome.index < index && !fixture->outcome.is_given_up);
}

/* Fault S12. */
UNIT_TEST(state_full_disk, a_snapshot_without_room_is_given_up_and_the_next_one_succeeds)
{
    struct state_fixture fixture;
    prepare(&fixture);
    full_disk_set_left(10000);
    begin_and_commit(&fixture, 2);
    wait_for_outcome(&fixture, 2);
    CU_ASSERT_TRUE(fixture.outcome.is_given_up);
    CU_ASSERT_EQUAL(fixture.outcome.index, 1);
    CU_ASSERT(fixture_file_size(&fixture.base, "state.db-wal") <= 0);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.found.index, 1);
    CU_ASSERT(state_fixture_worked(&fixture, 1));
    full_disk_set_left(INT64_MAX / 2);
    begin_and_commit(&fixture, 2);
    wait_for_outcome(&fixture, 2);
    CU_ASSERT_EQUAL(fixture.outcome.index, 2);
    CU_ASSERT_FALSE(fixture.outcome.is_given_up);
    state_fixture_reload(&fixture);
    CU_ASSERT(state_fixture_worked(&fixture, 2));
    finish(&fixture);
}

/* More than the store gathers before it writes, so that the disk is full before the commit. */
static void put_much(struct state_fixture *fixture)
{
    enum { ROWS = 66, ROW_BYTES = 1024 * 1024 };
    char *value = mem_alloc(ROW_BYTES);
    memset(value, 'x', ROW_BYTES);
    for (int i = 0; i < ROWS; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "much-%d", i);
        struct state_row row = {.slot = 1,
                                .type = STATE_ROW_STRING,
                                .expiry_ms = INT64_MAX,
                                .modified_index = 1,
                                .key = slice_of_string(key),
                                .value = slice_of(value, ROW_BYTES)};
        state_fixture_add(fixture, &row);
    }
    state_fixture_put(fixture);
    mem_free(value);
}

/* S11, S12: what comes behind is of that snapshot, and no part of it is ever seen, although there
 * is room again; the next snapshot is as if there had been none. */
UNIT_TEST(state_full_disk, what_is_left_of_a_given_up_snapshot_is_passed_over)
{
    struct state_fixture fixture;
    prepare(&fixture);
    full_disk_set_left(3 * 1024 * 1024);
    state_store_begin(fixture.store);
    put_much(&fixture);
    wait_for_outcome(&fixture, 2);
    CU_ASSERT_TRUE(fixture.outcome.is_given_up);
    full_disk_set_left(INT64_MAX / 2);
    state_fixture_set(&fixture, 1, "late", "of the one given up");
    state_fixture_put(&fixture);
    fixture.meta.index = 2;
    state_store_commit(fixture.store, &fixture.meta);
    state_fixture_set(&fixture, 1, "next", "of the next one");
    state_fixture_commit(&fixture, 3);
    state_fixture_reload(&fixture);
    CU_ASSERT_EQUAL(fixture.found.index, 3);
    CU_ASSERT(state_fixture_has(&fixture, 1, "next", "of the next one"));
    CU_ASSERT_PTR_NULL(state_fixture_find(&fixture, 1, SLICE_LITERAL("late")));
    CU_ASSERT_PTR_NULL(state_fixture_find(&fixture, 1, SLICE_LITERAL("much-0")));
    finish(&fixture);
}

/* Wherever the room ends: in the WAL, or when it is moved into the database. */
UNIT_TEST(state_full_disk, whatever_is_left_one_of_the_two_snapshots_is_whole)
{
    struct state_fixture fixture;
    prepare(&fixture);
    uint64_t index = 1;
    uint32_t given_up = 0;
    uint32_t committed = 0;
    for (int64_t left = 0; left <= 1200 * 1024; left += 80 * 1024) {
        full_disk_set_left(left);
        begin_and_commit(&fixture, index + 1);
        wait_for_outcome(&fixture, index + 1);
        given_up += fixture.outcome.is_given_up;
        committed += fixture.outcome.index == index + 1;
        index = fixture.outcome.index;
        full_disk_set_left(INT64_MAX / 2);
        state_fixture_reload(&fixture);
        CU_ASSERT_EQUAL_FATAL(fixture.found.index, index);
        CU_ASSERT_FATAL(state_fixture_worked(&fixture, index));
    }
    CU_ASSERT(given_up > 0);
    CU_ASSERT(committed > 0);
    finish(&fixture);
}

UNIT_TEST(state_full_disk, a_copy_without_room_is_an_outcome)
{
    struct state_fixture fixture;
    prepare(&fixture);
    full_disk_set_left(8192);
    CU_ASSERT_EQUAL(state_fixture_copy(&fixture, "copy"), RESULT_FULL);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "copy"), -1);
    full_disk_set_left(INT64_MAX / 2);
    CU_ASSERT_EQUAL(state_fixture_copy(&fixture, "copy"), RESULT_OK);
    finish(&fixture);
}
