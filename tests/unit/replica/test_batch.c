/* test_batch.c -- batches: gathered, cut, numbered at the first sending; and the outbox. */
#include "lib/unit.h"
#include "replica/batch.h"
#include "replica/outbox.h"
#include "replica/session_internal.h"
#include "wire/entry_payload.h"

static struct session *waiting_session(void)
{
    static struct session session;
    session = (struct session){.references = 1000, .is_open = true};
    return &session;
}

static uint64_t add(struct batches *batches, const char *key)
{
    struct slice arguments[2] = {SLICE_LITERAL("INCR"), slice_of_string(key)};
    return batches_add(batches, waiting_session(), 3, arguments, 2);
}

static void answer(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->commands_count; i++) {
        batch->sessions[i] = NULL;
    }
}

UNIT_TEST(replica_batch, gathers_commands_until_it_is_taken)
{
    struct batches batches;
    batches_init(&batches);
    batches.now_ms = 17;
    CU_ASSERT_PTR_NULL(batches_peek_unsent(&batches));
    CU_ASSERT_PTR_NULL(batches_first_unsent(&batches));
    uint64_t generation = add(&batches, "a");
    batches.now_ms = 18;
    CU_ASSERT_EQUAL(add(&batches, "b"), generation);
    CU_ASSERT_EQUAL(batches_peek_unsent(&batches)->opened_ms, 17);
    struct batch *batch = batches_first_unsent(&batches);
    CU_ASSERT_EQUAL(batch->commands_count, 2);
    CU_ASSERT_EQUAL(batches.bytes, buf_size(&batch->commands));
    struct batch_header header = {1, 1, 1, 2, (uint32_t)buf_size(&batch->commands)};
    CU_ASSERT_EQUAL(batch_validate(&header, buf_slice(&batch->commands)), RESULT_OK);
    CU_ASSERT_EQUAL(add(&batches, "c"), generation + 1);
    answer(batch);
    batches_remove(&batches, batch);
    batch = batches_first_unsent(&batches);
    CU_ASSERT_EQUAL(batch->commands_count, 1);
    answer(batch);
    batches_remove(&batches, batch);
    CU_ASSERT_EQUAL(batches.bytes, 0);
    batches_deinit(&batches);
}

UNIT_TEST(replica_batch, is_numbered_without_gaps_when_it_is_sent)
{
    struct batches batches;
    batches_init(&batches);
    uint64_t dropped = add(&batches, "dropped");
    struct batch *batch = batches_first_unsent(&batches);
    answer(batch);
    batches_remove(&batches, batch);
    CU_ASSERT_FALSE(batches_is_sent(&batches, dropped));
    for (uint64_t sequence = 1; sequence <= 3; sequence++) {
        uint64_t generation = add(&batches, "k");
        CU_ASSERT_FALSE(batches_is_sent(&batches, generation));
        batch = batches_first_unsent(&batches);
        batches_mark_sent(&batches, batch);
        CU_ASSERT_EQUAL(batch->sequence, sequence);
        CU_ASSERT_TRUE(batches_is_sent(&batches, generation));
    }
    CU_ASSERT_EQUAL(batches.sent_count, 3);
    batch = batches_first_sent(&batches);
    CU_ASSERT_FALSE(batches_are_stuck(&batches));
    batch->is_given_up = true;
    CU_ASSERT_TRUE(batches_are_stuck(&batches));
    CU_ASSERT_EQUAL(batches_next_sent(&batches, batch)->sequence, 2);
    answer(batch);
    batches_remove(&batches, batch);
    CU_ASSERT_EQUAL(batches_first_sent(&batches)->sequence, 2);
    /* The memory comes back as a batch that nobody has given up or numbered. */
    (void)add(&batches, "again");
    batch = batches_first_unsent(&batches);
    CU_ASSERT_EQUAL(batch->sequence, 0);
    CU_ASSERT_FALSE(batch->is_given_up);
    batches_deinit(&batches);
}

UNIT_TEST(replica_batch, is_cut_at_the_size_of_an_entry)
{
    static uint8_t value[400 * 1024];
    struct batches batches;
    batches_init(&batches);
    struct slice arguments[2] = {SLICE_LITERAL("SET"), slice_of(value, sizeof(value))};
    uint64_t first = 0;
    uint64_t last = 0;
    for (int i = 0; i < 7; i++) {
        last = batches_add(&batches, waiting_session(), 0, arguments, 2);
        first = i == 0 ? last : first;
    }
    CU_ASSERT_EQUAL(last, first + 2);
    struct batch *batch = batches_first_unsent(&batches);
    CU_ASSERT_EQUAL(batch->commands_count, 3);
    CU_ASSERT_EQUAL(batches_next_unsent(&batches, batch)->commands_count, 3);
    batches_deinit(&batches);
}

/* What raft lends is void at its next step; the outbox must not be. */
UNIT_TEST(replica_outbox, keeps_entries_beyond_the_step)
{
    struct outbox outbox = {0};
    struct blob *payload = blob_copy(SLICE_LITERAL("payload"));
    struct raft_entry entries[2] = {{.index = 1, .term = 1, .type = RAFT_ENTRY_COMMAND},
                                    {.index = 2, .term = 1, .type = RAFT_ENTRY_COMMAND}};
    entries[0].payload = payload;
    struct raft_message messages[2] = {{.type = RAFT_MESSAGE_HEARTBEAT, .to = 2},
                                       {.type = RAFT_MESSAGE_APPEND, .to = 3}};
    messages[1].append.entries = entries;
    messages[1].append.entries_count = 2;
    struct raft_ready ready = {.messages = messages, .messages_count = 2};
    ready.persist = (struct raft_persist){.id = 4, .entries = entries, .entries_count = 1};
    for (int i = 0; i < 40; i++) {
        outbox_take_raft(&outbox, &ready);
    }
    CU_ASSERT_EQUAL(payload->references, 1 + 80);
    entries[0] = (struct raft_entry){0};
    CU_ASSERT_EQUAL(outbox.messages_count, 80);
    CU_ASSERT_EQUAL(outbox.persists_count, 40);
    const struct raft_append *append = &outbox.messages[79].raft.append;
    CU_ASSERT_PTR_EQUAL(append->entries[0].payload, payload);
    CU_ASSERT_EQUAL(append->entries[1].index, 2);
    CU_ASSERT_PTR_EQUAL(outbox.persists[39].entries[0].payload, payload);
    outbox_clear(&outbox);
    CU_ASSERT_EQUAL(payload->references, 1);
    CU_ASSERT_EQUAL(outbox.messages_count, 0);
    outbox_deinit(&outbox);
    blob_release(payload);
}
