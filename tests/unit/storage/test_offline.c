/* test_offline.c -- looking into, recovering and restoring the directory of a node that is down. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/data_dir.h"
#include "storage/offline.h"
#include "unit/storage/state_fixture.h"

static const uint8_t new_cluster_id[RAFT_CLUSTER_ID_BYTES] = {0xcc, 1, 2, 3};

struct seen {
    uint64_t count;
    uint64_t last_index;
    uint64_t last_term;
    uint32_t configurations;
    struct raft_configuration configuration; /* the last */
    bool is_of_new_cluster;                  /* every configuration is */
};

static enum result see(const struct raft_entry *entry, void *context)
{
    struct seen *seen = context;
    seen->count++;
    seen->last_index = entry->index;
    seen->last_term = entry->term;
    if (entry->type != RAFT_ENTRY_CONFIGURATION) {
        return RESULT_OK;
    }
    enum result result =
        raft_configuration_decode(blob_slice(entry->payload), &seen->configuration);
    bool is_new = memcmp(seen->configuration.cluster_id, new_cluster_id, 16) == 0;
    seen->is_of_new_cluster = is_new && (seen->configurations == 0 || seen->is_of_new_cluster);
    seen->configurations++;
    return result;
}

/* A configuration, then seven commands, in term 4. */
static void prepare(struct state_fixture *fixture)
{
    state_fixture_init(fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture->base), RESULT_OK);
    fixture_put_hard_state(&fixture->base, 4, 12);
    fixture_append_configuration(&fixture->base, 0xa1);
    fixture_append_many(&fixture->base, 7);
    fixture_close(&fixture->base);
}

UNIT_TEST(offline, reads_what_a_stopped_node_left_and_changes_nothing)
{
    struct state_fixture fixture;
    prepare(&fixture);
    const char *directory = fixture.base.directory;
    off_t size = fixture_file_size(&fixture.base, "raft.db");
    struct offline_summary summary;
    struct seen seen = {.count = 0};
    uint64_t good_index = 0;
    CU_ASSERT_EQUAL_FATAL(offline_read_log(directory, &summary, &good_index, see, &seen),
                          RESULT_OK);
    CU_ASSERT_STRING_EQUAL(summary.node_name, "node-1");
    CU_ASSERT_EQUAL(summary.node_id, 11);
    CU_ASSERT_EQUAL(summary.disk_id, FIXTURE_DISK_ID);
    CU_ASSERT_EQUAL(summary.cluster_id[0], 0xa1);
    CU_ASSERT_EQUAL(summary.cluster_index, 1);
    CU_ASSERT_EQUAL(summary.hard_state.term, 4);
    CU_ASSERT_EQUAL(summary.bootstrap.members_count, 3);
    CU_ASSERT_EQUAL(summary.last_index, 8);
    CU_ASSERT_EQUAL(summary.incarnation, 1);
    CU_ASSERT_FALSE(summary.was_running);
    CU_ASSERT_EQUAL(seen.count, 8);
    CU_ASSERT_EQUAL(seen.configurations, 1);
    CU_ASSERT_EQUAL(good_index, 8);
    struct offline_summary again;
    CU_ASSERT_EQUAL_FATAL(offline_read_summary(directory, &again), RESULT_OK);
    CU_ASSERT_EQUAL(again.last_index, 8);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "raft.db"), size);
    fixture_reopen(&fixture.base);
    CU_ASSERT_EQUAL(fixture.base.recovery.incarnation, 2);
    state_fixture_deinit(&fixture);
}

static void die_with_a_log(struct fixture *fixture)
{
    if (fixture_open(fixture) == RESULT_OK) {
        fixture_append_many(fixture, 5);
    }
    _exit(3);
}

/* What was durable of a killed node lies in its WAL, and stays there. */
UNIT_TEST(offline, reads_what_a_killed_node_left)
{
    struct state_fixture fixture;
    prepare(&fixture);
    char messages[2048];
    CU_ASSERT_EQUAL(fixture_in_child(&fixture.base, die_with_a_log, messages, sizeof(messages)), 3);
    off_t size = fixture_file_size(&fixture.base, "raft.db-wal");
    CU_ASSERT(size > 0);
    struct offline_summary summary;
    struct seen seen = {.count = 0};
    uint64_t good_index = 0;
    CU_ASSERT_EQUAL_FATAL(
        offline_read_log(fixture.base.directory, &summary, &good_index, see, &seen), RESULT_OK);
    CU_ASSERT_TRUE(summary.was_running);
    CU_ASSERT_EQUAL(seen.last_index, 13);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture.base, "raft.db-wal"), size);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(offline, names_the_first_damaged_row)
{
    struct state_fixture fixture;
    prepare(&fixture);
    fixture_sql(&fixture.base, "UPDATE log SET payload = x'00' WHERE idx IN (5, 7)");
    fixture_clear_messages();
    struct offline_summary summary;
    struct seen seen = {.count = 0};
    uint64_t good_index = 0;
    CU_ASSERT_EQUAL(offline_read_log(fixture.base.directory, &summary, &good_index, see, &seen),
                    RESULT_CORRUPT);
    CU_ASSERT_EQUAL(good_index, 4);
    CU_ASSERT_EQUAL(seen.last_index, 4);
    CU_ASSERT(fixture_message_has("log row of index 5 does not match its checksum"));
    struct offline_recovered recovered;
    CU_ASSERT_EQUAL(offline_recover(fixture.base.directory, new_cluster_id, &recovered),
                    RESULT_CORRUPT);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(offline, keeps_away_from_a_running_node_and_makes_no_directory)
{
    struct state_fixture fixture;
    prepare(&fixture);
    struct data_dir_lock lock;
    struct offline_summary summary;
    CU_ASSERT_EQUAL_FATAL(data_dir_lock(fixture.base.directory, &lock), RESULT_OK);
    CU_ASSERT_EQUAL(offline_read_summary(fixture.base.directory, &summary), RESULT_LOCKED);
    data_dir_unlock(&lock);
    CU_ASSERT_EQUAL(offline_read_summary("/dev/shm/quorum-not-there", &summary), RESULT_NOT_FOUND);
    CU_ASSERT_EQUAL(access("/dev/shm/quorum-not-there", F_OK), -1);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(offline, verifies_a_state_with_its_wal)
{
    struct state_fixture fixture;
    prepare(&fixture);
    struct state_meta meta;
    uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    const char *directory = fixture.base.directory;
    CU_ASSERT_EQUAL(offline_verify_state(directory, &meta, replica_state), RESULT_NOT_FOUND);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 1);
    state_fixture_close(&fixture);
    CU_ASSERT_EQUAL(offline_verify_state(directory, &meta, replica_state), RESULT_OK);
    CU_ASSERT_EQUAL(meta.index, 1);
    fixture_sql_on(&fixture.base, "state.db", "UPDATE rows SET expiry = 1");
    CU_ASSERT_EQUAL(offline_verify_state(directory, &meta, replica_state), RESULT_CORRUPT);
    state_fixture_deinit(&fixture);
}

/* ---- Recover ---- */

UNIT_TEST(offline, recover_leaves_one_voter_of_a_new_cluster_and_the_whole_log)
{
    struct state_fixture fixture;
    prepare(&fixture);
    struct offline_recovered recovered;
    CU_ASSERT_EQUAL_FATAL(offline_recover(fixture.base.directory, new_cluster_id, &recovered),
                          RESULT_OK);
    CU_ASSERT_EQUAL(recovered.index, 9);
    CU_ASSERT_EQUAL(recovered.term, 5);
    CU_ASSERT_EQUAL(recovered.before.members_count, 3);
    struct offline_summary summary;
    struct seen seen = {.count = 0};
    uint64_t good_index = 0;
    CU_ASSERT_EQUAL_FATAL(
        offline_read_log(fixture.base.directory, &summary, &good_index, see, &seen), RESULT_OK);
    CU_ASSERT_EQUAL(summary.hard_state.term, 5);
    CU_ASSERT_EQUAL(summary.hard_state.vote, RAFT_ID_NONE);
    CU_ASSERT_EQUAL(summary.commit_index, 9);
    CU_ASSERT_EQUAL(memcmp(summary.cluster_id, new_cluster_id, 16), 0);
    CU_ASSERT_EQUAL(seen.count, 9);
    CU_ASSERT_EQUAL(seen.configurations, 2);
    CU_ASSERT_TRUE(seen.is_of_new_cluster);
    CU_ASSERT_EQUAL(seen.configuration.members_count, 1);
    CU_ASSERT_EQUAL(seen.configuration.members[0].id, 11);
    CU_ASSERT_EQUAL(seen.configuration.members[0].disk_id, FIXTURE_DISK_ID);
    CU_ASSERT_EQUAL(seen.configuration.members[0].role, RAFT_VOTER);
    CU_ASSERT_STRING_EQUAL(seen.configuration.members[0].raft_address, "host:11");
    fixture_reopen(&fixture.base);
    CU_ASSERT_EQUAL(fixture.base.recovery.entries_count, 9);
    CU_ASSERT_EQUAL(fixture.base.recovery.commit_index, 9);
    CU_ASSERT(fixture_payload_is(&fixture.base, 8, "entry 8"));
    fixture_append_many(&fixture.base, 2);
    fixture_reopen(&fixture.base);
    CU_ASSERT_EQUAL(fixture.base.recovery.entries_count, 11);
    state_fixture_deinit(&fixture);
}

/* Whoever joins the new cluster is sent the log from its beginning. */
UNIT_TEST(offline, a_joiner_takes_the_recovered_log)
{
    struct state_fixture fixture;
    prepare(&fixture);
    struct offline_recovered recovered;
    CU_ASSERT_EQUAL_FATAL(offline_recover(fixture.base.directory, new_cluster_id, &recovered),
                          RESULT_OK);
    fixture_reopen(&fixture.base);
    struct fixture joiner;
    fixture_init(&joiner);
    memcpy(joiner.bootstrap.cluster_id, new_cluster_id, sizeof(new_cluster_id));
    CU_ASSERT_EQUAL_FATAL(fixture_open(&joiner), RESULT_OK);
    struct raft_persist persist = {.id = ++joiner.persist_id,
                                   .hard_state_changed = true,
                                   .hard_state = {.term = 6},
                                   .entries = fixture.base.recovery.entries,
                                   .entries_count = (uint32_t)fixture.base.recovery.entries_count};
    log_store_submit(joiner.store, &persist);
    fixture_wait(&joiner);
    fixture_reopen(&joiner);
    CU_ASSERT_EQUAL(joiner.recovery.entries_count, 9);
    fixture_deinit(&joiner);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(offline, recover_takes_the_membership_of_the_snapshot_and_renames_it)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    fixture.meta.configuration = fixture.base.bootstrap;
    fixture.meta.configuration.cluster_id[0] = 0xa1;
    fixture.meta.term = 1;
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 1);
    state_fixture_close(&fixture);
    fixture.base.bootstrap.members_count = 0;
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture.base), RESULT_OK);
    fixture_append_many(&fixture.base, 3);
    fixture_close(&fixture.base);
    struct offline_recovered recovered;
    CU_ASSERT_EQUAL_FATAL(offline_recover(fixture.base.directory, new_cluster_id, &recovered),
                          RESULT_OK);
    state_fixture_reload(&fixture);
    CU_ASSERT(state_fixture_worked(&fixture, 1));
    CU_ASSERT_EQUAL(memcmp(fixture.found.configuration.cluster_id, new_cluster_id, 16), 0);
    CU_ASSERT_EQUAL(fixture.found.configuration.members_count, 3);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(offline, recover_refuses_a_node_that_is_no_member)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    raft_configuration_remove(&fixture.base.bootstrap, 11);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture.base), RESULT_OK);
    fixture_append_many(&fixture.base, 3);
    fixture_close(&fixture.base);
    struct offline_recovered recovered;
    CU_ASSERT_EQUAL(offline_recover(fixture.base.directory, new_cluster_id, &recovered),
                    RESULT_NOT_FOUND);
    CU_ASSERT(fixture_message_has("no member of its own cluster"));
    fixture_reopen(&fixture.base);
    CU_ASSERT_EQUAL(fixture.base.recovery.entries_count, 3);
    state_fixture_deinit(&fixture);
}

/* ---- Restore ---- */

static struct offline_restore restore_of(const char *directory, const char *state_path)
{
    struct offline_restore options = {.directory = directory,
                                      .state_path = state_path,
                                      .member = {.id = 21,
                                                 .disk_id = 99,
                                                 .role = RAFT_VOTER,
                                                 .name = "again",
                                                 .raft_address = "here:1"}};
    memcpy(options.cluster_id, new_cluster_id, sizeof(new_cluster_id));
    return options;
}

UNIT_TEST(offline, restore_makes_a_cluster_of_one_from_a_copy)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    fixture.meta.configuration = fixture.base.bootstrap;
    fixture.meta.term = 6;
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 5);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "backup"), RESULT_OK);
    char backup[FIXTURE_PATH_BYTES + 64];
    (void)snprintf(backup, sizeof(backup), "%s", fixture_path(&fixture.base, "backup"));
    uint64_t bytes = 0;
    uint64_t hash = 0;
    CU_ASSERT_EQUAL(state_file_hash(backup, &bytes, &hash), RESULT_OK);

    struct state_fixture restored;
    state_fixture_init(&restored);
    struct offline_restore options = restore_of(restored.base.directory, backup);
    struct state_meta meta;
    CU_ASSERT_EQUAL_FATAL(offline_restore(&options, &meta), RESULT_OK);
    CU_ASSERT_EQUAL(meta.index, 5);
    CU_ASSERT_EQUAL(meta.configuration.members_count, 3);
    CU_ASSERT_EQUAL(offline_restore(&options, &meta), RESULT_EXISTS);

    restored.options.node_name = "again";
    restored.options.node_id = 21;
    state_fixture_reload(&restored);
    CU_ASSERT(state_fixture_worked(&restored, 1));
    CU_ASSERT_EQUAL(restored.found.configuration.members_count, 1);
    CU_ASSERT_EQUAL(memcmp(restored.found.configuration.cluster_id, new_cluster_id, 16), 0);
    restored.base.options.node_name = "again";
    restored.base.options.node_id = 21;
    CU_ASSERT_EQUAL_FATAL(fixture_open(&restored.base), RESULT_OK);
    CU_ASSERT_FALSE(restored.base.recovery.created);
    CU_ASSERT_EQUAL(restored.base.recovery.base_index, 5);
    CU_ASSERT_EQUAL(restored.base.recovery.base_term, 6);
    CU_ASSERT_EQUAL(restored.base.recovery.commit_index, 5);
    CU_ASSERT_EQUAL(restored.base.recovery.disk_id, 99);
    CU_ASSERT_EQUAL(restored.base.recovery.hard_state.term, 6);
    CU_ASSERT_EQUAL(restored.base.recovery.bootstrap.members[0].disk_id, 99);
    uint64_t bytes_now = 0;
    uint64_t hash_now = 0;
    CU_ASSERT_EQUAL(state_file_hash(backup, &bytes_now, &hash_now), RESULT_OK);
    CU_ASSERT_EQUAL(hash_now, hash);
    state_fixture_deinit(&restored);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(offline, restore_refuses_a_damaged_backup_and_leaves_the_directory_empty)
{
    struct state_fixture fixture;
    state_fixture_init(&fixture);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&fixture), RESULT_OK);
    state_fixture_work(&fixture, 1);
    state_fixture_commit(&fixture, 1);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&fixture, "backup"), RESULT_OK);
    fixture_flip_byte(&fixture.base, "backup", fixture_file_size(&fixture.base, "backup") - 100);
    char backup[FIXTURE_PATH_BYTES + 64];
    (void)snprintf(backup, sizeof(backup), "%s", fixture_path(&fixture.base, "backup"));
    struct fixture target;
    fixture_init(&target);
    struct offline_restore options = restore_of(target.directory, backup);
    struct state_meta meta;
    CU_ASSERT_EQUAL(offline_restore(&options, &meta), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(fixture_file_size(&target, "raft.db"), -1);
    CU_ASSERT_EQUAL(fixture_file_size(&target, "state.db"), -1);
    CU_ASSERT_EQUAL(fixture_file_size(&target, "restored.part"), -1);
    fixture_deinit(&target);
    state_fixture_deinit(&fixture);
}
