/* test_restore.c -- a node starts only from a snapshot and a log that belong together (X1, X4,
 * S13).
 */
#include <string.h>

#include "lib/unit.h"
#include "replica/replicated_state.h"
#include "sim/lab_host.h"

enum { ENTRIES = 4 };

/* A log behind an index, of entries that do nothing, and the snapshot beside it. */
struct start {
    uint64_t log_behind;
    uint64_t log_term;
    uint64_t snapshot_index; /* 0: there is none */
    uint64_t snapshot_term;
    bool is_state_missing;
};

static struct replica_restore *restore_of(const struct start *start)
{
    struct replicated_state state = {.hash_seed = 1};
    struct buf bytes = {0};
    replicated_state_encode(&state, &bytes);
    struct replica_state_meta meta = {.index = start->snapshot_index,
                                      .term = start->snapshot_term,
                                      .next_slot = LIMIT_DATABASES,
                                      .replica_state = buf_slice(&bytes)};
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        meta.slots[i] = i;
    }
    struct replica_restore *restore = NULL;
    CU_ASSERT_EQUAL_FATAL(replica_restore_begin(&meta, &restore), RESULT_OK);
    buf_deinit(&bytes);
    return restore;
}

static enum result start(struct start start)
{
    static struct lab lab;
    static struct lab_node node;
    node.lab = &lab;
    struct raft_entry entries[ENTRIES];
    for (uint64_t i = 0; i < ENTRIES; i++) {
        entries[i] = (struct raft_entry){
            .index = start.log_behind + 1 + i, .term = start.log_term, .type = RAFT_ENTRY_NOOP};
    }
    struct replica_host host;
    lab_host_init(&host, &node);
    struct replica_options options = {.incarnation = 1, .host = &host};
    options.raft.id = lab_id(0);
    options.raft.seed = 1;
    options.raft.hard_state = (struct raft_hard_state){.term = 9};
    options.raft.snapshot_index = start.log_behind;
    options.raft.snapshot_term = start.log_behind == 0 ? 0 : start.log_term;
    options.raft.entries = entries;
    options.raft.entries_count = ENTRIES;
    options.is_state_missing = start.is_state_missing;
    options.restore = start.snapshot_index == 0 ? NULL : restore_of(&start);
    struct replica *replica = NULL;
    enum result result = replica_create(&options, 1000, LAB_EPOCH_WALL_MS, &replica);
    if (result == RESULT_OK) {
        replica_destroy(replica);
    } else {
        replica_restore_destroy(options.restore);
    }
    return result;
}

UNIT_TEST(replica_restore, starts_from_a_snapshot_that_the_log_reaches)
{
    CU_ASSERT_EQUAL(start((struct start){5, 3, 5, 3, false}), RESULT_OK);
    CU_ASSERT_EQUAL(start((struct start){5, 3, 7, 3, false}), RESULT_OK);
    CU_ASSERT_EQUAL(start((struct start){5, 3, 9, 3, false}), RESULT_OK);
}

UNIT_TEST(replica_restore, refuses_a_snapshot_with_a_gap_to_the_log)
{
    CU_ASSERT_EQUAL(start((struct start){5, 3, 4, 3, false}), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(start((struct start){5, 3, 10, 3, false}), RESULT_CORRUPT);
}

UNIT_TEST(replica_restore, refuses_a_snapshot_of_another_term_than_the_logs)
{
    CU_ASSERT_EQUAL(start((struct start){5, 3, 5, 2, false}), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(start((struct start){5, 3, 7, 4, false}), RESULT_CORRUPT);
}

UNIT_TEST(replica_restore, refuses_a_compacted_log_without_its_snapshot)
{
    CU_ASSERT_EQUAL(start((struct start){0, 3, 0, 0, false}), RESULT_OK);
    CU_ASSERT_EQUAL(start((struct start){5, 3, 0, 0, false}), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(start((struct start){5, 3, 0, 0, true}), RESULT_OK);
}
