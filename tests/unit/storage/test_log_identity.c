/* test_log_identity.c -- one directory, one node, one cluster, one format. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "lib/unit.h"
#include "storage/storage_fatal.h"
#include "unit/storage/fixture.h"

/* Leaves a closed store with three entries. */
static void prepare(struct fixture *fixture)
{
    fixture_init(fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(fixture), RESULT_OK);
    fixture_append_many(fixture, 3);
    fixture_close(fixture);
}

UNIT_TEST(log_identity, refuses_another_nodes_directory)
{
    struct fixture fixture;
    prepare(&fixture);
    fixture.options.node_name = "node-2";
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_IDENTITY);
    CU_ASSERT(fixture_message_has("belongs to node 'node-1' (id 11), this is node 'node-2'"));
    fixture.options.node_name = "node-1";
    fixture.options.node_id = 12;
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_IDENTITY);
    fixture.options.node_id = 11;
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 3);
    CU_ASSERT_EQUAL(fixture.recovery.incarnation, 2); /* Refusals do not count. */
    fixture_deinit(&fixture);
}

UNIT_TEST(log_identity, refuses_another_format_version)
{
    struct fixture fixture;
    prepare(&fixture);
    fixture_sql(&fixture, "UPDATE meta SET value = 4 WHERE name = 'format_version'");
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_VERSION);
    CU_ASSERT(fixture_message_has("format version 4"));
    fixture_deinit(&fixture);
}

UNIT_TEST(log_identity, refuses_a_foreign_database)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_sql(&fixture, "CREATE TABLE addresses (name)");
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_CORRUPT);
    CU_ASSERT(fixture_message_has("no log of this program"));
    fixture_deinit(&fixture);
}

UNIT_TEST(log_identity, keeps_its_bootstrap_whatever_it_is_started_with)
{
    struct fixture fixture;
    prepare(&fixture);
    fixture.bootstrap.members_count = 1;
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.bootstrap.members_count, 3);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_identity, takes_the_cluster_of_the_first_configuration)
{
    struct fixture fixture;
    prepare(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_configuration(&fixture, 0xa1);
    fixture_append_configuration(&fixture, 0xa1);
    fixture_wait(&fixture);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 5);
    fixture_deinit(&fixture);
}

static void append_other_cluster(struct fixture *fixture)
{
    if (fixture_open(fixture) == RESULT_OK) {
        fixture_append_configuration(fixture, 0xb2);
        fixture_wait(fixture);
    }
}

UNIT_TEST(log_identity, stops_at_an_entry_of_another_cluster)
{
    struct fixture fixture;
    prepare(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_configuration(&fixture, 0xa1);
    fixture_close(&fixture);
    char messages[2048];
    CU_ASSERT_EQUAL(fixture_in_child(&fixture, append_other_cluster, messages, sizeof(messages)),
                    STORAGE_FATAL_EXIT_CODE);
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, "index 5 names another cluster"));
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 4);
    fixture_deinit(&fixture);
}

/* Two leaders may each name a cluster in their first entry; the one that is truncated never was. */
UNIT_TEST(log_identity, a_truncated_configuration_names_nothing)
{
    struct fixture fixture;
    prepare(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_configuration(&fixture, 0xa1);
    fixture_overwrite(&fixture, 4, "of the next leader");
    fixture_append_configuration(&fixture, 0xb2);
    fixture_wait(&fixture);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 5);
    fixture_deinit(&fixture);
}

/* The disk's id is the directory's, whatever a later start brings along. */
UNIT_TEST(log_identity, keeps_its_disk_id_and_never_counts_back)
{
    struct fixture fixture;
    prepare(&fixture);
    fixture.options.new_disk_id = 5;
    fixture.options.incarnation_min = 1000;
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.disk_id, FIXTURE_DISK_ID);
    CU_ASSERT_EQUAL(fixture.recovery.incarnation, 1000);
    fixture.options.incarnation_min = 10;
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.incarnation, 1001);
    fixture.options.incarnation_step = 500;
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.incarnation, 1501);
    fixture_close(&fixture);
    fixture_sql(&fixture, "UPDATE state SET disk_id = 5");
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_CORRUPT);
    fixture_deinit(&fixture);
}

/* ---- Format version 2 ---- */

/* Version 2's checksum of table meta, of a node without bootstrap; written down here for good. */
static uint64_t meta_checksum_of_version_2(void)
{
    uint8_t numbers[16];
    bytes_set_u64(numbers, 2);
    bytes_set_u64(numbers + 8, 11);
    uint64_t sum = hash_bytes(UINT64_C(0x71756f72756d6d65), slice_of(numbers, sizeof(numbers)));
    return hash_bytes(hash_bytes(sum, slice_of_string("node-1")), slice_of(NULL, 0));
}

/* And of a state row: term 4, vote 12, and nothing else of a new node but its first start. */
static uint64_t state_checksum_of_version_2(void)
{
    const uint64_t chain = UINT64_C(0x51756f72756d4c67);
    const uint64_t numbers[11] = {4, 12, 0, 0, chain, 0, 0, chain, 1, 0, 0};
    uint8_t bytes[sizeof(numbers) + RAFT_CLUSTER_ID_BYTES] = {0};
    for (size_t i = 0; i < 11; i++) {
        bytes_set_u64(bytes + i * 8, numbers[i]);
    }
    return hash_bytes(UINT64_C(0x71756f72756d7374), slice_of(bytes, sizeof(bytes)));
}

/* A directory as the program before left it. */
static void prepare_version_2(struct fixture *fixture)
{
    fixture_init(fixture);
    fixture->options.bootstrap = NULL;
    CU_ASSERT_EQUAL_FATAL(fixture_open(fixture), RESULT_OK);
    fixture_put_hard_state(fixture, 4, 12);
    fixture_close(fixture);
    char sql[512];
    (void)snprintf(sql, sizeof(sql),
                   "ALTER TABLE state DROP COLUMN disk_id; UPDATE state SET checksum = %lld;"
                   "UPDATE meta SET value = 2 WHERE name = 'format_version';"
                   "UPDATE meta SET value = %lld WHERE name = 'checksum'",
                   (long long)state_checksum_of_version_2(),
                   (long long)meta_checksum_of_version_2());
    fixture_sql(fixture, sql);
}

UNIT_TEST(log_identity, upgrades_the_format_before_in_place)
{
    struct fixture fixture;
    prepare_version_2(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.disk_id, FIXTURE_DISK_ID);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 4);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, 12);
    CU_ASSERT_EQUAL(fixture.recovery.incarnation, 2);
    CU_ASSERT_FALSE(fixture.recovery.created);
    fixture_append_many(&fixture, 3);
    fixture.options.new_disk_id = 5;
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.disk_id, FIXTURE_DISK_ID);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 3);
    fixture_deinit(&fixture);
}

UNIT_TEST(log_identity, does_not_upgrade_what_does_not_verify)
{
    struct fixture fixture;
    prepare_version_2(&fixture);
    fixture_sql(&fixture, "UPDATE state SET vote = 13");
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_CORRUPT);
    fixture_sql(&fixture, "UPDATE state SET vote = 12");
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_OK);
    fixture_deinit(&fixture);
}
