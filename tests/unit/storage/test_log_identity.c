/* test_log_identity.c -- one directory, one node, one cluster, one format. */
#include <string.h>

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
