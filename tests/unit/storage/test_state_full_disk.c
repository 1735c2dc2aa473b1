/* test_state_full_disk.c -- a snapshot that finds the disk full is given up, and nothing else. */
#include <string.h>
#include <unistd.h>

#include <poll.h>

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
