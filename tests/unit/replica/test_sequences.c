/* test_sequences.c -- exactly once: repeats, gaps, restarts and strangers. Covers P10. */
#include "lib/unit.h"
#include "replica/sequences.h"

static struct raft_configuration members(uint64_t a, uint64_t b)
{
    struct raft_configuration configuration = {.members_count = 2};
    configuration.members[0].id = a;
    configuration.members[1].id = b;
    return configuration;
}

static struct sequences table(uint64_t a, uint64_t b)
{
    struct sequences sequences = {0};
    struct raft_configuration configuration = members(a, b);
    sequences_set_members(&sequences, &configuration);
    return sequences;
}

UNIT_TEST(replica_sequences, takes_each_number_once_and_in_order)
{
    struct sequences sequences = table(1, 2);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 7, 2), SEQUENCE_GAP);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 7, 1), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 7, 1), SEQUENCE_REPEAT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 7, 3), SEQUENCE_GAP);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 7, 2), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 7, 3), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 7, 0), SEQUENCE_REPEAT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 2, 1, 1), SEQUENCE_NEXT);
}

UNIT_TEST(replica_sequences, begin_anew_with_each_start_of_a_node)
{
    struct sequences sequences = table(1, 2);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 1, 1), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 1, 2), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 2, 3), SEQUENCE_GAP);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 1, 3), SEQUENCE_NEXT); /* of before, late */
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 2, 1), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 1, 4), SEQUENCE_REPEAT); /* too late */
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 2, 2), SEQUENCE_NEXT);
}

UNIT_TEST(replica_sequences, know_only_members)
{
    struct sequences sequences = table(1, 2);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 3, 1, 1), SEQUENCE_STRANGER);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 2, 1, 1), SEQUENCE_NEXT);
    struct raft_configuration configuration = members(2, 3);
    sequences_set_members(&sequences, &configuration);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 1, 1), SEQUENCE_STRANGER);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 3, 1, 1), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 2, 1, 1), SEQUENCE_REPEAT);
}

UNIT_TEST(replica_sequences, raise_to_what_is_further)
{
    struct sequences accepted = table(1, 2);
    struct sequences applied = table(1, 2);
    (void)sequences_take(&accepted, 1, 1, 1);
    (void)sequences_take(&accepted, 1, 1, 2);
    (void)sequences_take(&applied, 1, 1, 1);
    (void)sequences_take(&applied, 2, 4, 1);
    sequences_raise(&accepted, &applied);
    CU_ASSERT_EQUAL(sequences_take(&accepted, 1, 1, 2), SEQUENCE_REPEAT);
    CU_ASSERT_EQUAL(sequences_take(&accepted, 1, 1, 3), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_take(&accepted, 2, 4, 2), SEQUENCE_NEXT);
    /* A later start counts for more than a higher number. */
    (void)sequences_take(&applied, 1, 2, 1);
    sequences_raise(&accepted, &applied);
    CU_ASSERT_EQUAL(sequences_take(&accepted, 1, 2, 2), SEQUENCE_NEXT);
}

/* M12: what was sent before a removal, and comes late, is not taken after the return. */
UNIT_TEST(replica_sequences, take_nothing_of_before_a_removal)
{
    struct sequences sequences = table(1, 2);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 2, 7, 1), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_usable_incarnation(&sequences, 2, 7), 7);
    struct raft_configuration without = members(1, 3);
    sequences_set_members(&sequences, &without);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 2, 7, 2), SEQUENCE_STRANGER);
    struct raft_configuration again = members(1, 2);
    sequences_set_members(&sequences, &again);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 2, 7, 1), SEQUENCE_REPEAT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 2, 7, 2), SEQUENCE_REPEAT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 2, 6, 1), SEQUENCE_REPEAT);
    CU_ASSERT_EQUAL(sequences_usable_incarnation(&sequences, 2, 7), 8);
    CU_ASSERT_EQUAL(sequences_usable_incarnation(&sequences, 2, 9), 9);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 2, 8, 1), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 1, 1), SEQUENCE_NEXT);
}

/* A node that lost its disk and starts with a clock that is behind. */
UNIT_TEST(replica_sequences, tell_an_origin_that_its_incarnation_is_over)
{
    struct sequences sequences = table(1, 2);
    CU_ASSERT_EQUAL(sequences_usable_incarnation(&sequences, 1, 1), 1);
    CU_ASSERT_EQUAL(sequences_take(&sequences, 1, 7, 1), SEQUENCE_NEXT);
    CU_ASSERT_EQUAL(sequences_usable_incarnation(&sequences, 1, 5), 8);
    CU_ASSERT_EQUAL(sequences_usable_incarnation(&sequences, 1, 7), 7);
    CU_ASSERT_EQUAL(sequences_usable_incarnation(&sequences, 3, 5), 5);
}
