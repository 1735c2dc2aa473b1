/* test_data_dir.c -- who may use a data directory, and how many at once. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/data_dir.h"
#include "unit/storage/fixture.h"

static mode_t mode_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (status.st_mode & 07777) : 0;
}

UNIT_TEST(data_dir, creates_parents_closed_to_others)
{
    struct fixture fixture;
    fixture_init(&fixture);
    char path[FIXTURE_PATH_BYTES + 16];
    (void)snprintf(path, sizeof(path), "%s/a//b/", fixture.directory);
    struct data_dir_lock lock;
    CU_ASSERT_EQUAL(data_dir_lock(path, &lock), RESULT_OK);
    CU_ASSERT_EQUAL(mode_of(path), 0700);
    CU_ASSERT_EQUAL(mode_of(fixture_path(&fixture, "a")), 0700);
    CU_ASSERT_EQUAL(mode_of(fixture_path(&fixture, "a/b/lock")), 0600);
    data_dir_unlock(&lock);
    CU_ASSERT_EQUAL(unlink(fixture_path(&fixture, "a/b/lock")), 0);
    CU_ASSERT_EQUAL(rmdir(fixture_path(&fixture, "a/b")), 0);
    fixture_deinit(&fixture);
}

UNIT_TEST(data_dir, lock_file_holds_our_pid)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct data_dir_lock lock;
    CU_ASSERT_EQUAL_FATAL(data_dir_lock(fixture.directory, &lock), RESULT_OK);
    long pid = 0;
    FILE *file = fopen(fixture_path(&fixture, "lock"), "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fscanf(file, "%ld", &pid), 1);
    (void)fclose(file);
    CU_ASSERT_EQUAL(pid, (long)getpid());
    data_dir_unlock(&lock);
    fixture_deinit(&fixture);
}

static void lock_in_child(struct fixture *fixture)
{
    struct data_dir_lock lock;
    enum result result = data_dir_lock(fixture->directory, &lock);
    _exit(result == RESULT_LOCKED ? 3 : result == RESULT_OK ? 4 : 5);
}

UNIT_TEST(data_dir, refuses_a_second_process_and_names_the_first)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct data_dir_lock lock;
    CU_ASSERT_EQUAL_FATAL(data_dir_lock(fixture.directory, &lock), RESULT_OK);
    char messages[1024];
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "in use by process %ld;", (long)getpid());
    CU_ASSERT_EQUAL(fixture_in_child(&fixture, lock_in_child, messages, sizeof(messages)), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, expected));
    data_dir_unlock(&lock);
    CU_ASSERT_EQUAL(fixture_in_child(&fixture, lock_in_child, messages, sizeof(messages)), 4);
    /* The child has ended without unlocking, which ends its lock. */
    CU_ASSERT_EQUAL(data_dir_lock(fixture.directory, &lock), RESULT_OK);
    data_dir_unlock(&lock);
    fixture_deinit(&fixture);
}

UNIT_TEST(data_dir, refuses_a_used_directory_open_to_others)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct data_dir_lock lock;
    CU_ASSERT_EQUAL_FATAL(data_dir_lock(fixture.directory, &lock), RESULT_OK);
    data_dir_unlock(&lock);
    CU_ASSERT_EQUAL(chmod(fixture.directory, 0755), 0);
    fixture_clear_messages();
    CU_ASSERT_EQUAL(data_dir_lock(fixture.directory, &lock), RESULT_IO);
    CU_ASSERT(fixture_message_has("chmod 700"));
    CU_ASSERT_EQUAL(mode_of(fixture.directory), 0755);
    fixture_deinit(&fixture);
}

UNIT_TEST(data_dir, closes_an_empty_directory_to_others)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct data_dir_lock lock;
    CU_ASSERT_EQUAL(chmod(fixture.directory, 0755), 0);
    CU_ASSERT_EQUAL_FATAL(data_dir_lock(fixture.directory, &lock), RESULT_OK);
    CU_ASSERT_EQUAL(mode_of(fixture.directory), 0700);
    data_dir_unlock(&lock);
    fixture_deinit(&fixture);
}

UNIT_TEST(data_dir, refuses_a_file_in_its_place)
{
    struct fixture fixture;
    fixture_init(&fixture);
    FILE *file = fopen(fixture_path(&fixture, "file"), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    (void)fclose(file);
    struct data_dir_lock lock;
    CU_ASSERT_EQUAL(data_dir_lock(fixture_path(&fixture, "file"), &lock), RESULT_IO);
    CU_ASSERT_EQUAL(data_dir_lock(fixture_path(&fixture, "file/below"), &lock), RESULT_IO);
    fixture_deinit(&fixture);
}

UNIT_TEST(data_dir, sync_reports_a_missing_directory)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL(data_dir_sync(fixture.directory), RESULT_OK);
    CU_ASSERT_EQUAL(data_dir_sync(fixture_path(&fixture, "missing")), RESULT_IO);
    fixture_deinit(&fixture);
}
