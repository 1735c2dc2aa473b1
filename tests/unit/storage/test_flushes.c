/* test_flushes.c -- what is flushed before a name counts, and the name after it (S23, X9).
 *
 * The calls that flush and rename are taken over for this binary, SQLite's among them: they do what
 * they always do, and while a test records, each leaves a line "flush NAME" or "rename NAME".
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/data_dir.h"
#include "unit/storage/state_fixture.h"

enum { RECORD_BYTES = 16 * 1024, LINK_BYTES = 64, PATH_BYTES = 1024 };

static struct {
    pthread_mutex_t mutex;
    bool is_on;
    char text[RECORD_BYTES];
} record = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void add(const char *what, const char *path)
{
    const char *slash = strrchr(path, '/');
    (void)pthread_mutex_lock(&record.mutex);
    size_t used = strlen(record.text);
    if (record.is_on) {
        (void)snprintf(record.text + used, sizeof(record.text) - used, "%s %s\n", what,
                       slash == NULL ? path : slash + 1);
    }
    (void)pthread_mutex_unlock(&record.mutex);
}

static void add_descriptor(int descriptor)
{
    char link[LINK_BYTES];
    char path[PATH_BYTES];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof(path) - 1);
    path[size > 0 ? size : 0] = '\0';
    add("flush", path);
}

int fsync(int descriptor)
{
    add_descriptor(descriptor);
    return (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor)
{
    add_descriptor(descriptor);
    return (int)syscall(SYS_fdatasync, descriptor);
}

int rename(const char *from, const char *to)
{
    add("rename", from);
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static void record_from_here(void)
{
    (void)pthread_mutex_lock(&record.mutex);
    record.is_on = true;
    record.text[0] = '\0';
    (void)pthread_mutex_unlock(&record.mutex);
}

static void record_to_here(void)
{
    (void)pthread_mutex_lock(&record.mutex);
    record.is_on = false;
    (void)pthread_mutex_unlock(&record.mutex);
}

/* The place of a line in what was recorded, from an earlier line on; NULL: none there. */
static const char *find(const char *from, const char *what, const char *name)
{
    char line[PATH_BYTES];
    (void)snprintf(line, sizeof(line), "%s %s\n", what, name);
    return from == NULL ? NULL : strstr(from, line);
}

static const char *directory_name(const struct fixture *fixture)
{
    return strrchr(fixture->directory, '/') + 1;
}

UNIT_TEST(flushes, a_new_data_directory_is_flushed_in_its_parent)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct data_dir_lock lock = {.descriptor = -1};
    char path[FIXTURE_PATH_BYTES + 16];
    (void)snprintf(path, sizeof(path), "%s/a/b", fixture.directory);
    record_from_here();
    CU_ASSERT_EQUAL(data_dir_lock(path, &lock), RESULT_OK);
    record_to_here();
    const char *outer = find(record.text, "flush", directory_name(&fixture));
    CU_ASSERT_PTR_NOT_NULL(outer);
    CU_ASSERT_PTR_NOT_NULL(find(outer, "flush", "a"));
    data_dir_unlock(&lock);
    CU_ASSERT_EQUAL(unlink(fixture_path(&fixture, "a/b/lock")), 0);
    CU_ASSERT_EQUAL(rmdir(fixture_path(&fixture, "a/b")), 0);
    fixture_deinit(&fixture);
}

/* A name that a crash leaves in the directory is that of a whole file, and it stays. */
UNIT_TEST(flushes, a_copy_is_flushed_before_it_has_its_name_and_its_name_after)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 1);
    record_from_here();
    CU_ASSERT_EQUAL(state_fixture_copy(&fixture, "copy"), RESULT_OK);
    record_to_here();
    const char *flushed = find(record.text, "flush", "copy" STATE_FILE_TEMPORARY);
    const char *renamed = find(flushed, "rename", "copy" STATE_FILE_TEMPORARY);
    CU_ASSERT_PTR_NOT_NULL(flushed);
    CU_ASSERT_PTR_NOT_NULL(renamed);
    CU_ASSERT_PTR_NOT_NULL(find(renamed, "flush", directory_name(&fixture.base)));
    state_fixture_deinit(&fixture);
}

UNIT_TEST(flushes, an_installed_state_is_flushed_before_it_is_in_place_and_its_place_after)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 1);
    CU_ASSERT_EQUAL(state_fixture_copy(&fixture, "copy"), RESULT_OK);
    state_fixture_close(&fixture);
    record_from_here();
    CU_ASSERT_EQUAL(state_file_install(&fixture.options, fixture_path(&fixture.base, "copy")),
                    RESULT_OK);
    record_to_here();
    const char *flushed = find(record.text, "flush", "copy");
    const char *renamed = find(flushed, "rename", "copy");
    CU_ASSERT_PTR_NOT_NULL(flushed);
    CU_ASSERT_PTR_NOT_NULL(renamed);
    CU_ASSERT_PTR_NOT_NULL(find(renamed, "flush", directory_name(&fixture.base)));
    state_fixture_deinit(&fixture);
}
