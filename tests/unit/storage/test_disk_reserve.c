/* test_disk_reserve.c -- the reserve is really there, is given up once, and comes back. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/disk_reserve.h"
#include "unit/storage/fixture.h"

enum { RESERVE_BYTES = 2 * 1024 * 1024 };

static struct disk_reserve *open_reserve(struct fixture *fixture, uint64_t bytes, uint64_t least)
{
    struct disk_reserve_options options = {
        .directory = fixture->directory, .reserve_bytes = bytes, .free_bytes_min = least};
    struct disk_reserve *reserve = NULL;
    CU_ASSERT_EQUAL_FATAL(disk_reserve_open(&options, &reserve), RESULT_OK);
    return reserve;
}

static struct disk_space space_of(struct disk_reserve *reserve)
{
    struct disk_space space;
    disk_reserve_check(reserve, &space);
    return space;
}

UNIT_TEST(disk_reserve, is_allocated_given_up_once_and_made_again)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct disk_reserve *reserve = open_reserve(&fixture, RESERVE_BYTES, 1);
    struct stat status;
    CU_ASSERT_EQUAL_FATAL(stat(fixture_path(&fixture, "reserve"), &status), 0);
    CU_ASSERT_EQUAL(status.st_size, RESERVE_BYTES);
    CU_ASSERT(status.st_blocks * 512 >= RESERVE_BYTES);
    CU_ASSERT_TRUE(space_of(reserve).has_reserve);
    CU_ASSERT_FALSE(space_of(reserve).is_low);
    CU_ASSERT_TRUE(disk_reserve_release(reserve));
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "reserve"), -1);
    CU_ASSERT_FALSE(disk_reserve_release(reserve));
    CU_ASSERT_TRUE(space_of(reserve).has_reserve); /* There is room: at once. */
    CU_ASSERT_FALSE(space_of(reserve).is_low);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "reserve"), RESERVE_BYTES);
    disk_reserve_close(reserve);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "reserve"), RESERVE_BYTES);
    reserve = open_reserve(&fixture, RESERVE_BYTES / 2, 1);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "reserve"), RESERVE_BYTES / 2);
    disk_reserve_close(reserve);
    fixture_deinit(&fixture);
}

/* With the threshold where the file system cannot be, low stays until it is a quarter away. */
UNIT_TEST(disk_reserve, low_begins_at_the_threshold_and_ends_a_quarter_above)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct disk_reserve *reserve = open_reserve(&fixture, 0, 1);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "reserve"), -1);
    uint64_t free_bytes = space_of(reserve).free_bytes;
    CU_ASSERT_FALSE(space_of(reserve).is_low);
    disk_reserve_set_free_bytes_min(reserve, free_bytes * 2);
    CU_ASSERT_TRUE(space_of(reserve).is_low);
    disk_reserve_set_free_bytes_min(reserve, free_bytes - free_bytes / 10);
    CU_ASSERT_TRUE(space_of(reserve).is_low);
    disk_reserve_set_free_bytes_min(reserve, free_bytes / 2);
    CU_ASSERT_FALSE(space_of(reserve).is_low);
    disk_reserve_close(reserve);
    fixture_deinit(&fixture);
}

UNIT_TEST(disk_reserve, does_not_come_back_while_there_is_no_room_for_it)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct disk_reserve *reserve = open_reserve(&fixture, RESERVE_BYTES, 1);
    uint64_t free_bytes = space_of(reserve).free_bytes;
    disk_reserve_set_free_bytes_min(reserve, free_bytes * 2);
    CU_ASSERT_TRUE(disk_reserve_release(reserve));
    CU_ASSERT_FALSE(space_of(reserve).has_reserve);
    CU_ASSERT_TRUE(space_of(reserve).is_low);
    disk_reserve_set_free_bytes_min(reserve, 1);
    CU_ASSERT_TRUE(space_of(reserve).has_reserve);
    disk_reserve_close(reserve);
    fixture_deinit(&fixture);
}

UNIT_TEST(disk_reserve, a_missing_directory_is_an_error)
{
    struct disk_reserve_options options = {.directory = "/nonexistent/quorum", .reserve_bytes = 1};
    struct fixture fixture;
    fixture_init(&fixture);
    struct disk_reserve *reserve = NULL;
    CU_ASSERT_EQUAL(disk_reserve_open(&options, &reserve), RESULT_IO);
    CU_ASSERT(fixture_message_has("/nonexistent/quorum"));
    fixture_deinit(&fixture);
}
