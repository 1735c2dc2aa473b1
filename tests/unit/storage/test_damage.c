/* test_damage.c -- what is learned from a damaged raft.db, setting files aside, and the mark. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/damage.h"
#include "unit/storage/fixture.h"

static bool has_cluster_id(const struct raft_configuration *configuration, uint8_t byte)
{
    uint8_t expected[RAFT_CLUSTER_ID_BYTES];
    memset(expected, byte, sizeof(expected));
    return memcmp(configuration->cluster_id, expected, sizeof(expected)) == 0;
}

UNIT_TEST(damage, finds_the_newest_configuration_that_is_whole)
{
    struct fixture fixture;
    struct raft_configuration found = {0};
    fixture_init(&fixture);
    CU_ASSERT_FALSE(damage_find_configuration(fixture.directory, &found)); /* no file */
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append(&fixture, "before the cluster has a name");
    fixture_wait(&fixture);
    fixture_close(&fixture);
    CU_ASSERT_FALSE(damage_find_configuration(fixture.directory, &found));
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_configuration(&fixture, 7);
    fixture_append_configuration(&fixture, 7);
    fixture_append(&fixture, "a command");
    fixture_wait(&fixture);
    fixture_close(&fixture);
    fixture_sql(&fixture, "DELETE FROM log WHERE idx = 4");
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_CORRUPT);
    CU_ASSERT_TRUE_FATAL(damage_find_configuration(fixture.directory, &found));
    CU_ASSERT_TRUE(has_cluster_id(&found, 7));
    CU_ASSERT_EQUAL(found.members_count, fixture.bootstrap.members_count);

    memset(&found, 0, sizeof(found));
    fixture_sql(&fixture, "UPDATE log SET payload = x'00' WHERE idx = 3");
    CU_ASSERT_TRUE(damage_find_configuration(fixture.directory, &found));
    memset(&found, 0, sizeof(found));
    fixture_sql(&fixture, "UPDATE log SET checksum = 1 WHERE idx = 2");
    CU_ASSERT_TRUE_FATAL(damage_find_configuration(fixture.directory, &found)); /* the state row */
    CU_ASSERT_TRUE(has_cluster_id(&found, 7));
    CU_ASSERT_EQUAL(found.members_count, fixture.bootstrap.members_count);
    fixture_sql(&fixture, "DROP TABLE state");
    CU_ASSERT_FALSE(damage_find_configuration(fixture.directory, &found));
    fixture_deinit(&fixture);
}

/* The only directory in the fixture's whose name begins so; static memory. */
static const char *find_aside(const struct fixture *fixture)
{
    static char name[FIXTURE_PATH_BYTES];
    name[0] = '\0';
    DIR *stream = opendir(fixture->directory);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (strncmp(entry->d_name, "damaged-", strlen("damaged-")) == 0) {
            (void)snprintf(name, sizeof(name), "%.100s", entry->d_name);
        }
    }
    (void)closedir(stream);
    return name;
}

UNIT_TEST(damage, sets_aside_so_that_the_next_start_finds_a_new_directory)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_many(&fixture, 3);
    fixture_close(&fixture);
    fixture_sql(&fixture, "UPDATE log SET term = 0 WHERE idx = 2");
    fixture_sql_on(&fixture, "state.db", "CREATE TABLE t (x)");
    CU_ASSERT_EQUAL_FATAL(damage_set_state_aside(fixture.directory, 55), RESULT_OK);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "state.db"), -1);
    CU_ASSERT(fixture_file_size(&fixture, "raft.db") > 0);
    CU_ASSERT(unlink(fixture_path(&fixture, "damaged-55/state.db")) == 0);
    CU_ASSERT(rmdir(fixture_path(&fixture, "damaged-55")) == 0);
    fixture_sql_on(&fixture, "state.db", "CREATE TABLE t (x)");
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(damage_put_mark(fixture.directory), RESULT_OK);

    CU_ASSERT_EQUAL_FATAL(damage_set_aside(fixture.directory, 1234), RESULT_OK);
    CU_ASSERT_STRING_EQUAL(find_aside(&fixture), "damaged-1234");
    CU_ASSERT(fixture_file_size(&fixture, "damaged-1234/raft.db") > 0);
    CU_ASSERT(fixture_file_size(&fixture, "damaged-1234/state.db") > 0);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "state.db"), -1);
    CU_ASSERT_FALSE(damage_has_mark(fixture.directory));
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_TRUE(fixture.recovery.created);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 0);
    fixture_close(&fixture);
    CU_ASSERT_EQUAL(damage_set_aside(fixture.directory, 1234), RESULT_IO); /* that one is taken */
    CU_ASSERT(unlink(fixture_path(&fixture, "damaged-1234/raft.db")) == 0);
    CU_ASSERT(unlink(fixture_path(&fixture, "damaged-1234/state.db")) == 0);
    (void)unlink(fixture_path(&fixture, "damaged-1234/raft.db-wal"));
    CU_ASSERT(rmdir(fixture_path(&fixture, "damaged-1234")) == 0);
    fixture_deinit(&fixture);
}

UNIT_TEST(damage, a_mark_stays_until_it_is_removed)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_FALSE(damage_has_mark(fixture.directory));
    CU_ASSERT_EQUAL(damage_remove_mark(fixture.directory), RESULT_OK);
    CU_ASSERT_EQUAL(damage_put_mark(fixture.directory), RESULT_OK);
    CU_ASSERT_EQUAL(damage_put_mark(fixture.directory), RESULT_OK);
    CU_ASSERT_TRUE(damage_has_mark(fixture.directory));
    CU_ASSERT_EQUAL(damage_remove_mark(fixture.directory), RESULT_OK);
    CU_ASSERT_FALSE(damage_has_mark(fixture.directory));
    CU_ASSERT_EQUAL(damage_put_mark("/nonexistent"), RESULT_IO);
    fixture_deinit(&fixture);
}
