/* test_damaged_dir.c -- what a damaged directory still tells, and what is moved aside. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/damaged_dir.h"
#include "storage/data_dir.h"
#include "unit/storage/state_fixture.h"

/* A log with a configuration that names cluster 0xa1, and some commands. */
static void prepare(struct state_fixture *fixture)
{
    state_fixture_init(fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture->base), RESULT_OK);
    fixture_append_configuration(&fixture->base, 0xa1);
    fixture_append_many(&fixture->base, 7);
    fixture_close(&fixture->base);
}

static void add_snapshot(struct state_fixture *fixture)
{
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(fixture), RESULT_OK);
    fixture->meta.configuration = fixture->base.bootstrap;
    memset(fixture->meta.configuration.cluster_id, 0xa1, RAFT_CLUSTER_ID_BYTES);
    raft_configuration_remove(&fixture->meta.configuration, 13); /* To be told from the log's. */
    state_fixture_work(fixture, 1);
    state_fixture_commit(fixture, 1);
    state_fixture_close(fixture);
}

/* Overwrites the whole beginning of a file. */
static void destroy_file(const struct state_fixture *fixture, const char *name)
{
    int descriptor = open(fixture_path(&fixture->base, name), O_WRONLY | O_CLOEXEC);
    char garbage[4096];
    memset(garbage, 0x5a, sizeof(garbage));
    CU_ASSERT_EQUAL(write(descriptor, garbage, sizeof(garbage)), sizeof(garbage));
    (void)close(descriptor);
}

/* Empties and removes the directories of what was set aside; returns how many files they held. */
static uint32_t count_set_aside(const struct state_fixture *fixture)
{
    uint32_t count = 0;
    DIR *stream = opendir(fixture->base.directory);
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (strncmp(entry->d_name, "damaged-", 8) != 0) {
            continue;
        }
        char path[FIXTURE_PATH_BYTES * 2 + 32];
        (void)snprintf(path, sizeof(path), "%s/%s", fixture->base.directory, entry->d_name);
        DIR *inner = opendir(path);
        for (struct dirent *file = readdir(inner); file != NULL; file = readdir(inner)) {
            if (file->d_name[0] != '.') {
                count++;
                (void)unlinkat(dirfd(inner), file->d_name, 0);
            }
        }
        (void)closedir(inner);
    }
    (void)closedir(stream);
    return count;
}

/* The node starts blank, with another disk, and waits for a leader of its old cluster. */
static void check_starts_blank(struct state_fixture *fixture,
                               const struct raft_configuration *bootstrap)
{
    CU_ASSERT_EQUAL(bootstrap->cluster_id[0], 0xa1);
    fixture->base.bootstrap = *bootstrap;
    fixture->base.options.new_disk_id = 1234;
    fixture->base.options.incarnation_min = 1000;
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture->base), RESULT_OK);
    CU_ASSERT_TRUE(fixture->base.recovery.created);
    CU_ASSERT_EQUAL(fixture->base.recovery.entries_count, 0);
    CU_ASSERT_EQUAL(fixture->base.recovery.disk_id, 1234);
    CU_ASSERT_EQUAL(fixture->base.recovery.incarnation, 1000);
    CU_ASSERT_EQUAL(fixture->base.recovery.bootstrap.cluster_id[0], 0xa1);
    fixture_append_configuration(&fixture->base, 0xa1);
    fixture_wait(&fixture->base);
    fixture_close(&fixture->base);
}

/* Fault S1, S13. */
UNIT_TEST(damaged_dir, a_damaged_row_leaves_the_membership_of_the_others)
{
    struct state_fixture fixture;
    prepare(&fixture);
    fixture_sql(&fixture.base, "UPDATE log SET payload = x'00' WHERE idx = 5");
    CU_ASSERT_EQUAL(fixture_open(&fixture.base), RESULT_CORRUPT);
    struct raft_configuration bootstrap = {.members_count = 0};
    CU_ASSERT_EQUAL_FATAL(damaged_dir_recover(&fixture.base.options, &bootstrap), RESULT_OK);
    CU_ASSERT_EQUAL(bootstrap.members_count, 3);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "raft.db"), -1);
    check_starts_blank(&fixture, &bootstrap);
    CU_ASSERT(count_set_aside(&fixture) >= 1);
    state_fixture_deinit(&fixture);
}

static void die_with_a_wal(struct fixture *fixture)
{
    if (fixture_open(fixture) == RESULT_OK) {
        fixture_append_many(fixture, 10);
    }
    _exit(3);
}

/* Faults S1, S15: the WAL of a killed node, damaged in its middle or gone. */
UNIT_TEST(damaged_dir, a_damaged_or_missing_wal_leaves_the_membership_of_the_database)
{
    for (int round = 0; round < 2; round++) {
        struct state_fixture fixture;
        prepare(&fixture);
        char messages[2048];
        CU_ASSERT_EQUAL(fixture_in_child(&fixture.base, die_with_a_wal, messages, sizeof(messages)),
                        3);
        CU_ASSERT(fixture_file_size(&fixture.base, "raft.db-wal") > 5 * 4120);
        if (round == 0) {
            fixture_flip_byte(&fixture.base, "raft.db-wal", 32 + 2 * 4120 + 100);
        } else {
            CU_ASSERT_EQUAL(unlink(fixture_path(&fixture.base, "raft.db-wal")), 0);
        }
        CU_ASSERT_EQUAL(fixture_open(&fixture.base), RESULT_CORRUPT);
        struct raft_configuration bootstrap = {.members_count = 0};
        CU_ASSERT_EQUAL_FATAL(damaged_dir_recover(&fixture.base.options, &bootstrap), RESULT_OK);
        CU_ASSERT_EQUAL(bootstrap.members_count, 3);
        CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "raft.db-wal"), -1);
        check_starts_blank(&fixture, &bootstrap);
        CU_ASSERT(count_set_aside(&fixture) >= 1);
        state_fixture_deinit(&fixture);
    }
}

/* A configuration whose own row is damaged is not believed. */
UNIT_TEST(damaged_dir, a_damaged_configuration_is_passed_over)
{
    struct state_fixture fixture;
    prepare(&fixture);
    add_snapshot(&fixture);
    fixture_sql(&fixture.base, "UPDATE log SET term = 9 WHERE idx = 1; UPDATE state SET vote = 3");
    CU_ASSERT_EQUAL(fixture_open(&fixture.base), RESULT_CORRUPT);
    struct raft_configuration bootstrap = {.members_count = 0};
    CU_ASSERT_EQUAL_FATAL(damaged_dir_recover(&fixture.base.options, &bootstrap), RESULT_OK);
    CU_ASSERT_EQUAL(bootstrap.members_count, 2); /* That of the snapshot. */
    check_starts_blank(&fixture, &bootstrap);
    CU_ASSERT(count_set_aside(&fixture) >= 2);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(damaged_dir, a_destroyed_log_is_replaced_on_the_word_of_the_snapshot)
{
    struct state_fixture fixture;
    prepare(&fixture);
    add_snapshot(&fixture);
    destroy_file(&fixture, "raft.db");
    CU_ASSERT_EQUAL(fixture_open(&fixture.base), RESULT_CORRUPT);
    struct raft_configuration bootstrap = {.members_count = 0};
    CU_ASSERT_EQUAL_FATAL(damaged_dir_recover(&fixture.base.options, &bootstrap), RESULT_OK);
    check_starts_blank(&fixture, &bootstrap);
    CU_ASSERT(count_set_aside(&fixture) >= 2);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(damaged_dir, a_destroyed_state_is_replaced_on_the_word_of_the_log)
{
    struct state_fixture fixture;
    prepare(&fixture);
    add_snapshot(&fixture);
    destroy_file(&fixture, "state.db");
    CU_ASSERT_NOT_EQUAL(state_fixture_open(&fixture), RESULT_OK);
    struct raft_configuration bootstrap = {.members_count = 0};
    CU_ASSERT_EQUAL_FATAL(damaged_dir_recover(&fixture.base.options, &bootstrap), RESULT_OK);
    CU_ASSERT_EQUAL(bootstrap.members_count, 3);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "state.db"), -1);
    check_starts_blank(&fixture, &bootstrap);
    CU_ASSERT(count_set_aside(&fixture) >= 2);
    state_fixture_deinit(&fixture);
}

/* Fault S15. */
UNIT_TEST(damaged_dir, without_a_log_the_state_names_the_members)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    state_fixture_close(&fixture);
    add_snapshot(&fixture);
    struct raft_configuration bootstrap = {.members_count = 0};
    CU_ASSERT_EQUAL_FATAL(damaged_dir_recover(&fixture.base.options, &bootstrap), RESULT_OK);
    check_starts_blank(&fixture, &bootstrap);
    CU_ASSERT_EQUAL(count_set_aside(&fixture), 1);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(damaged_dir, refuses_what_nobody_could_catch_up_and_moves_nothing)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    raft_configuration_remove(&fixture.base.bootstrap, 12);
    raft_configuration_remove(&fixture.base.bootstrap, 13);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture.base), RESULT_OK);
    fixture_append_configuration(&fixture.base, 0xa1);
    fixture_append_many(&fixture.base, 7);
    fixture_close(&fixture.base);
    fixture_sql(&fixture.base, "UPDATE log SET payload = x'00' WHERE idx = 5");
    struct raft_configuration bootstrap = {.members_count = 0};
    CU_ASSERT_EQUAL(damaged_dir_recover(&fixture.base.options, &bootstrap), RESULT_CONFLICT);
    CU_ASSERT(fixture_message_has("quorumctl"));
    CU_ASSERT(fixture_file_size(&fixture.base, "raft.db") > 0);
    CU_ASSERT_EQUAL(count_set_aside(&fixture), 0);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(damaged_dir, refuses_when_the_cluster_is_not_known_or_another_nodes)
{
    struct state_fixture fixture;
    prepare(&fixture);
    struct raft_configuration bootstrap = {.members_count = 0};
    fixture.base.options.node_name = "node-2";
    CU_ASSERT_EQUAL(damaged_dir_recover(&fixture.base.options, &bootstrap), RESULT_IDENTITY);
    fixture.base.options.node_name = "node-1";
    destroy_file(&fixture, "raft.db");
    CU_ASSERT_EQUAL(damaged_dir_recover(&fixture.base.options, &bootstrap), RESULT_NOT_FOUND);
    CU_ASSERT(fixture_file_size(&fixture.base, "raft.db") > 0);
    CU_ASSERT_EQUAL(count_set_aside(&fixture), 0);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(damaged_dir, a_mark_stays_until_it_is_cleared)
{
    struct fixture fixture;
    fixture_init(&fixture);
    CU_ASSERT_FALSE(data_dir_has_mark(fixture.directory, DATA_DIR_DIVERGED));
    CU_ASSERT_EQUAL(data_dir_clear_mark(fixture.directory, DATA_DIR_DIVERGED), RESULT_OK);
    CU_ASSERT_EQUAL(data_dir_set_mark(fixture.directory, DATA_DIR_DIVERGED), RESULT_OK);
    CU_ASSERT_EQUAL(data_dir_set_mark(fixture.directory, DATA_DIR_DIVERGED), RESULT_OK);
    CU_ASSERT_TRUE(data_dir_has_mark(fixture.directory, DATA_DIR_DIVERGED));
    CU_ASSERT_EQUAL(data_dir_clear_mark(fixture.directory, DATA_DIR_DIVERGED), RESULT_OK);
    CU_ASSERT_FALSE(data_dir_has_mark(fixture.directory, DATA_DIR_DIVERGED));
    CU_ASSERT_EQUAL(data_dir_set_mark("/nonexistent/quorum", DATA_DIR_DIVERGED), RESULT_IO);
    fixture_deinit(&fixture);
}
