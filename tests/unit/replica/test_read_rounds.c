/* test_read_rounds.c -- reads gather into rounds, in order, through refusals and lost answers.
 * Covers C3, C6.
 */
#include "lib/unit.h"
#include "replica/read_rounds.h"

static void open_and_ask(struct read_rounds *rounds, uint64_t now_ms, struct read_round **asked)
{
    (void)read_rounds_open(rounds, now_ms);
    *asked = read_rounds_ask(rounds, now_ms);
    CU_ASSERT_PTR_NOT_NULL_FATAL(*asked);
}

UNIT_TEST(replica_read_rounds, gather_while_one_is_asked)
{
    struct read_rounds rounds;
    struct read_round *asked;
    read_rounds_init(&rounds, 100);
    CU_ASSERT_PTR_NULL(read_rounds_ask(&rounds, 5));
    CU_ASSERT_EQUAL(read_rounds_oldest_ms(&rounds), 0);
    open_and_ask(&rounds, 10, &asked);
    CU_ASSERT_EQUAL(asked->id, 1);
    CU_ASSERT_EQUAL(read_rounds_open(&rounds, 11), 2);
    CU_ASSERT_EQUAL(read_rounds_open(&rounds, 12), 2);
    CU_ASSERT_PTR_NULL(read_rounds_ask(&rounds, 12));
    CU_ASSERT_EQUAL(read_rounds_oldest_ms(&rounds), 10);
    read_rounds_confirm(&rounds, asked->context, 7);
    struct read_round *second = read_rounds_ask(&rounds, 13);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT_EQUAL(second->id, 2);
    CU_ASSERT_PTR_NULL(read_rounds_take(&rounds, 6)); /* not applied yet */
    CU_ASSERT_PTR_EQUAL(read_rounds_take(&rounds, 7), asked);
    CU_ASSERT_EQUAL(rounds.completed, 1);
    read_rounds_recycle(&rounds, asked);
    read_rounds_deinit(&rounds);
}

UNIT_TEST(replica_read_rounds, ask_again_after_a_refusal_under_another_number)
{
    struct read_rounds rounds;
    struct read_round *asked;
    read_rounds_init(&rounds, 100);
    open_and_ask(&rounds, 10, &asked);
    uint64_t context = asked->context;
    read_rounds_refuse(&rounds, context + 1000, 20); /* nobody's */
    CU_ASSERT_TRUE(read_rounds_deadline_ms(&rounds) > 20);
    read_rounds_refuse(&rounds, context, 20);
    CU_ASSERT_EQUAL(read_rounds_deadline_ms(&rounds), 20);
    CU_ASSERT_PTR_NULL(read_rounds_ask(&rounds, 19));
    CU_ASSERT_PTR_EQUAL(read_rounds_ask(&rounds, 20), asked);
    CU_ASSERT_NOT_EQUAL(asked->context, context);
    read_rounds_ask_anew(&rounds);
    CU_ASSERT_EQUAL(read_rounds_deadline_ms(&rounds), 0);
    CU_ASSERT_PTR_EQUAL(read_rounds_ask(&rounds, 20), asked);
    read_rounds_deinit(&rounds);
}

/* On a link slower than the patience, the answer to the first asking must count, or no read ever
 * completes: each answer would come after the next asking. */
UNIT_TEST(replica_read_rounds, take_a_late_answer_to_an_earlier_asking_of_the_same_round)
{
    struct read_rounds rounds;
    struct read_round *asked;
    read_rounds_init(&rounds, 100);
    open_and_ask(&rounds, 10, &asked);
    uint64_t first = asked->context;
    uint64_t again_ms = read_rounds_deadline_ms(&rounds);
    CU_ASSERT_PTR_EQUAL(read_rounds_ask(&rounds, again_ms), asked);
    CU_ASSERT_NOT_EQUAL(asked->context, first);
    read_rounds_confirm(&rounds, first, 3);
    CU_ASSERT_PTR_EQUAL(read_rounds_take(&rounds, 3), asked);
    read_rounds_recycle(&rounds, asked);
    /* But never for a later round (C3). */
    open_and_ask(&rounds, 1000, &asked);
    read_rounds_confirm(&rounds, first, 3);
    read_rounds_confirm(&rounds, first + 1, 3);
    CU_ASSERT_PTR_NULL(read_rounds_take(&rounds, 3));
    read_rounds_deinit(&rounds);
}

UNIT_TEST(replica_read_rounds, fail_the_oldest_first)
{
    struct read_rounds rounds;
    struct read_round *asked;
    read_rounds_init(&rounds, 100);
    open_and_ask(&rounds, 10, &asked);
    (void)read_rounds_open(&rounds, 20);
    CU_ASSERT_PTR_NULL(read_rounds_take_overdue(&rounds, 9));
    struct read_round *failed = read_rounds_take_overdue(&rounds, 15);
    CU_ASSERT_PTR_EQUAL(failed, asked);
    CU_ASSERT_EQUAL(rounds.failed, 1);
    read_rounds_recycle(&rounds, failed);
    CU_ASSERT_PTR_NULL(read_rounds_take_overdue(&rounds, 15));
    failed = read_rounds_take_overdue(&rounds, 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(failed);
    CU_ASSERT_EQUAL(rounds.failed, 2);
    read_rounds_recycle(&rounds, failed);
    CU_ASSERT_EQUAL(read_rounds_oldest_ms(&rounds), 0);
    read_rounds_deinit(&rounds);
}

/* A follower may know the index and be cut off before it gets there. */
UNIT_TEST(replica_read_rounds, fail_a_confirmed_one_that_is_never_applied)
{
    struct read_rounds rounds;
    struct read_round *asked;
    read_rounds_init(&rounds, 100);
    open_and_ask(&rounds, 10, &asked);
    read_rounds_confirm(&rounds, asked->context, 7);
    CU_ASSERT_EQUAL(read_rounds_oldest_ms(&rounds), 10);
    CU_ASSERT_PTR_NULL(read_rounds_take_overdue(&rounds, 9));
    CU_ASSERT_PTR_EQUAL(read_rounds_take_overdue(&rounds, 10), asked);
    CU_ASSERT_EQUAL(rounds.failed, 1);
    CU_ASSERT_PTR_NULL(read_rounds_take(&rounds, 7));
    read_rounds_recycle(&rounds, asked);
    read_rounds_deinit(&rounds);
}
