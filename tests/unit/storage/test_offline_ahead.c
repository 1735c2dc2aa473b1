/* test_offline_ahead.c -- recovery of a directory in which a snapshot was installed and the log not
 * reset yet: what recovery appends must not be what the next start drops. */
#include "lib/unit.h"
#include "storage/offline.h"
#include "unit/storage/state_fixture.h"

static const uint8_t new_id[RAFT_CLUSTER_ID_BYTES] = {0xcd};

/* A log with entries up to 6 of term 1, and a snapshot of an index and term. */
static void prepare(struct state_fixture *fixture, uint64_t index, uint64_t term)
{
    state_fixture_init(fixture);
    fixture_reopen(&fixture->base);
    fixture_append_configuration(&fixture->base, 0xab);
    fixture_append_many(&fixture->base, 5);
    fixture_close(&fixture->base);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(fixture), RESULT_OK);
    fixture->meta.term = term;
    fixture->meta.configuration.cluster_id[0] = 0xab;
    state_fixture_commit(fixture, index);
    state_fixture_close(fixture);
}

UNIT_TEST(offline_ahead, the_log_goes_on_behind_a_snapshot_that_is_beyond_it)
{
    struct state_fixture fixture;
    struct offline_recovered recovered;
    prepare(&fixture, 40, 3);
    CU_ASSERT_EQUAL(offline_recover(fixture.base.directory, new_id, &recovered), RESULT_OK);
    CU_ASSERT_EQUAL(recovered.index, 41);
    CU_ASSERT_EQUAL(recovered.term, 4);
    fixture_reopen(&fixture.base);
    CU_ASSERT_EQUAL(fixture.base.recovery.base_index, 40);
    CU_ASSERT_EQUAL(fixture.base.recovery.base_term, 3);
    CU_ASSERT_EQUAL(fixture.base.recovery.entries_count, 1);
    CU_ASSERT_EQUAL(fixture.base.recovery.commit_index, 41);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(offline_ahead, entries_of_another_term_than_the_snapshot_go)
{
    struct state_fixture fixture;
    struct offline_recovered recovered;
    prepare(&fixture, 4, 3);
    CU_ASSERT_EQUAL(offline_recover(fixture.base.directory, new_id, &recovered), RESULT_OK);
    CU_ASSERT_EQUAL(recovered.index, 5);
    fixture_reopen(&fixture.base);
    CU_ASSERT_EQUAL(fixture.base.recovery.base_index, 4);
    CU_ASSERT_EQUAL(fixture.base.recovery.entries_count, 1);
    state_fixture_deinit(&fixture);
}

UNIT_TEST(offline_ahead, entries_behind_a_snapshot_that_the_log_has_stay)
{
    struct state_fixture fixture;
    struct offline_recovered recovered;
    prepare(&fixture, 4, 1);
    CU_ASSERT_EQUAL(offline_recover(fixture.base.directory, new_id, &recovered), RESULT_OK);
    CU_ASSERT_EQUAL(recovered.index, 7);
    fixture_reopen(&fixture.base);
    CU_ASSERT_EQUAL(fixture.base.recovery.base_index, 0);
    CU_ASSERT_EQUAL(fixture.base.recovery.entries_count, 7);
    state_fixture_deinit(&fixture);
}
