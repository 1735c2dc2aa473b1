/* test_bit_field.c -- BITFIELD changes a string once for each number that it writes. */
#include "command/command.h"
#include "lib/unit.h"

static uint64_t mutations_of(struct keyspace *keyspace, const struct slice *words, uint32_t count)
{
    struct keyspace_stats before;
    struct keyspace_stats after;
    struct buf out = {0};
    struct reply reply = {&out, REPLY_RESP2};
    struct command_context context = {.keyspace = keyspace,
                                      .command = command_lookup(words[0]),
                                      .arguments = words,
                                      .arguments_count = count,
                                      .reply = &reply,
                                      .bulk_bytes_max = LIMIT_BULK_BYTES};
    keyspace_get_stats(keyspace, &before);
    context.command->handler(&context);
    keyspace_get_stats(keyspace, &after);
    buf_deinit(&out);
    return after.mutations - before.mutations;
}

UNIT_TEST(bit_field, counts_a_new_key_as_one_change)
{
    struct keyspace *keyspace = keyspace_create(1);
    const struct slice increment[] = {SLICE_LITERAL("BITFIELD"), SLICE_LITERAL("a"),
                                      SLICE_LITERAL("INCRBY"),   SLICE_LITERAL("i5"),
                                      SLICE_LITERAL("0"),        SLICE_LITERAL("1")};
    const struct slice set_zero[] = {SLICE_LITERAL("BITFIELD"), SLICE_LITERAL("b"),
                                     SLICE_LITERAL("SET"),      SLICE_LITERAL("i5"),
                                     SLICE_LITERAL("90"),       SLICE_LITERAL("0")};
    CU_ASSERT_EQUAL(mutations_of(keyspace, increment, 6), 1);
    CU_ASSERT_EQUAL(mutations_of(keyspace, increment, 6), 1);
    CU_ASSERT_EQUAL(mutations_of(keyspace, set_zero, 6), 1);
    CU_ASSERT_EQUAL(mutations_of(keyspace, set_zero, 6), 0);
    keyspace_destroy(keyspace);
}
