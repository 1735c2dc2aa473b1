/* test_snapshot_refused.c -- what was fetched and is not what it should be does not take its place.
 */
#include "base/mem.h"
#include "lib/unit.h"
#include "replica/replica_internal.h"
#include "unit/replica/snapshot_lab.h"

static struct lab lab;
static struct lab_client client; /* of the leader */

/* X1, X6: a file of another index than the one offered is not put in place as the one offered. */
UNIT_TEST(replica_snapshot_refused, a_copy_of_another_index_is_not_installed)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 9);
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    leader->state.misnames_copy = true;
    lab_network_heal(&lab.network);
    lab_run_for(&lab, 1500);
    CU_ASSERT_TRUE(leader->state.copies >= 1);
    CU_ASSERT_EQUAL(follower->state.installs, 0);
    leader->state.misnames_copy = false;
    snapshot_lab_restart(leader); /* its copy is gone */
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_close_with(&lab, &client);
}

static bool is_about_to_load(const struct lab_state *state)
{
    return state->operations_count > 0 && state->operations[0].type == REPLICA_ORDER_RECEIVE_LOAD &&
           state->loaded == 0;
}

/* X5, X6: the file is whole, and a row in it is of a database that there is not. */
UNIT_TEST(replica_snapshot_refused, rows_that_do_not_load_are_not_installed)
{
    (void)snapshot_lab_open_with(&lab, &client, 3, 10);
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    follower->state.delay_ms_max = 20;
    lab_network_heal(&lab.network);
    for (uint32_t ms = 0; ms < 5000 && !is_about_to_load(&follower->state); ms++) {
        lab_run_for(&lab, 1);
    }
    CU_ASSERT_TRUE_FATAL(is_about_to_load(&follower->state));
    enum { NO_SLOT = 99 };
    follower->state.loading.rows[7]->bytes[0] = NO_SLOT;
    for (uint32_t ms = 0; ms < 5000 && follower->state.loads == 0; ms++) {
        lab_run_for(&lab, 1);
    }
    CU_ASSERT_EQUAL(follower->state.loads, 1);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000)); /* by another try */
    CU_ASSERT_EQUAL(follower->state.loads, 2);
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_close_with(&lab, &client);
}

/* What would be the next pieces, of a snapshot that differs in its hash alone. */
static void bring_pieces_of_another(struct lab_node *follower)
{
    const struct snapshot_receive *receive = &follower->replica->receive;
    struct peer_snapshot other = receive->snapshot;
    other.hash++;
    uint8_t *zeros = mem_alloc_zeroed(1, PEER_SNAPSHOT_PIECE_BYTES);
    uint64_t offset = receive->written;
    lab_begin_turn(follower);
    for (uint32_t i = 0; i < RECEIVE_WINDOW && offset < other.bytes; i++) {
        uint64_t left = other.bytes - offset;
        size_t size = left < PEER_SNAPSHOT_PIECE_BYTES ? left : PEER_SNAPSHOT_PIECE_BYTES;
        struct peer_message message = {.type = PEER_MESSAGE_SNAPSHOT_PIECE,
                                       .from = receive->source,
                                       .to = lab_id(follower->number)};
        message.snapshot_piece = (struct peer_snapshot_piece){
            .snapshot = other, .offset = offset, .bytes = slice_of(zeros, size)};
        CU_ASSERT_EQUAL(replica_on_message(follower->replica, &message), RESULT_OK);
        offset += size;
    }
    mem_free(zeros);
}

/* X5: pieces of another snapshot, of an earlier leader's perhaps, do not get among this one's. */
UNIT_TEST(replica_snapshot_refused, pieces_of_another_snapshot_are_passed_over)
{
    enum { FILE_BYTES = 8 * 1024 * 1024, MS_MAX = 20000 };
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 11);
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    leader->state.padding_bytes = FILE_BYTES;
    lab_network_heal(&lab.network);
    const struct snapshot_receive *receive = &follower->replica->receive;
    for (uint32_t ms = 0; ms < MS_MAX && receive->phase != RECEIVE_FETCHING; ms++) {
        lab_run_for(&lab, 1);
    }
    CU_ASSERT_EQUAL_FATAL(receive->phase, RECEIVE_FETCHING);
    bring_pieces_of_another(follower);
    bool was_given_up = false;
    for (uint32_t ms = 0; ms < MS_MAX && receive->installs == 0; ms++) {
        lab_run_for(&lab, 1);
        was_given_up = was_given_up || (receive->phase == RECEIVE_NONE && receive->installs == 0);
    }
    CU_ASSERT_FALSE(was_given_up);
    CU_ASSERT_EQUAL(receive->installs, 1);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    snapshot_lab_close_with(&lab, &client);
}

static void run_to_phase(const struct lab_node *node, enum receive_phase phase)
{
    for (uint32_t ms = 0; ms < 20000 && node->replica->receive.phase != phase; ms++) {
        lab_run_for(&lab, 1);
    }
    CU_ASSERT_EQUAL_FATAL(node->replica->receive.phase, phase);
}

/* X8: state.db is about to be another; what would be saved now belongs to the one before. */
UNIT_TEST(replica_snapshot_refused, nothing_is_saved_while_the_state_is_replaced)
{
    (void)snapshot_lab_open_with(&lab, &client, 3, 12);
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    lab_network_heal(&lab.network);
    run_to_phase(follower, RECEIVE_LOADING);
    follower->state.delay_ms_max = 200;
    run_to_phase(follower, RECEIVE_INSTALLING);
    follower->state.delay_ms_max = 0;
    follower->state.operations[0].due_ms = lab.now_ms + 200;
    uint64_t commits = follower->state.commits;
    uint64_t index = follower->replica->receive.snapshot.index;
    (void)snapshot_lab_ask(follower, "BGSAVE", 100);
    CU_ASSERT_EQUAL(follower->state.operations_count, 1);
    lab_run_for(&lab, 100);
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    CU_ASSERT_EQUAL(follower->state.commits, commits);
    CU_ASSERT_TRUE(follower->state.saved.meta.index >= index);
    snapshot_lab_restart(follower);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    snapshot_lab_close_with(&lab, &client);
}

/* X1: another leader still had the log, and this node went on from it while it loaded. */
UNIT_TEST(replica_snapshot_refused, what_this_node_has_gone_beyond_is_not_installed)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 13);
    struct replica_snapshot_options seldom = {.log_entries = 1000000};
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        if (&lab.nodes[i] != leader) {
            replica_set_snapshot_options(lab.nodes[i].replica, &seldom);
        }
    }
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    follower->state.delay_ms_max = 20; /* else the phase may be over before anybody looks */
    lab_network_heal(&lab.network);
    run_to_phase(follower, RECEIVE_LOADING);
    uint64_t index = follower->replica->receive.snapshot.index;
    CU_ASSERT_EQUAL_FATAL(follower->state.operations_count, 1);
    follower->state.operations[0].due_ms = lab.now_ms + 3000;
    lab_crash(leader);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lab_run_to_leader(&lab, 2000));
    lab_run_for(&lab, 500);
    CU_ASSERT_TRUE(snapshot_lab_status(follower).applied_index > index);
    lab_run_for(&lab, 3000);
    CU_ASSERT_EQUAL(follower->state.loads, 1);
    CU_ASSERT_EQUAL(follower->state.installs, 0);
    lab_start(leader);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    snapshot_lab_close_with(&lab, &client);
}

/* The follower fetched all of the leader's copy, which is damaged. */
static struct lab_node *fetch_damaged(struct lab_node *leader)
{
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    leader->state.padding_bytes = 3 * PEER_SNAPSHOT_PIECE_BYTES;
    leader->state.corrupts_copy = true;
    lab_network_heal(&lab.network);
    run_to_phase(follower, RECEIVE_VERIFYING);
    run_to_phase(follower, RECEIVE_NONE);
    leader->state.corrupts_copy = false;
    CU_ASSERT_EQUAL(leader->state.copies, 1);
    CU_ASSERT_EQUAL(follower->state.installs, 0);
    return follower;
}

/* X6: the silence that tells a used copy from one in use is waited for once, not twice. */
UNIT_TEST(replica_snapshot_refused, a_copy_made_again_is_offered_at_once)
{
    enum { SILENCE_MS = 2000, FETCH_MS = 500 };
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 14);
    struct lab_node *follower = fetch_damaged(leader);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, SILENCE_MS + FETCH_MS));
    CU_ASSERT_EQUAL(leader->state.copies, 2);
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_close_with(&lab, &client);
}

/* X6: nobody had anything of the copy that took the place of one that could not be read. */
UNIT_TEST(replica_snapshot_refused, a_copy_that_takes_the_place_of_an_unreadable_one_stays)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 15);
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    lab_network_heal(&lab.network);
    for (uint32_t ms = 0; ms < 5000 && leader->state.copies == 0; ms++) {
        lab_run_for(&lab, 1);
    }
    buf_clear(&leader->state.copy);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000));
    CU_ASSERT_EQUAL(leader->state.copies, 2);
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_close_with(&lab, &client);
}

static void ask_for(struct lab_node *leader, const struct lab_node *follower, uint64_t offset)
{
    struct peer_message message = {.type = PEER_MESSAGE_SNAPSHOT_ASK,
                                   .from = lab_id(follower->number),
                                   .to = lab_id(leader->number)};
    struct peer_snapshot snapshot = follower->replica->receive.snapshot;
    uint64_t left = snapshot.bytes - offset;
    uint32_t bytes = left < PEER_SNAPSHOT_PIECE_BYTES ? (uint32_t)left : PEER_SNAPSHOT_PIECE_BYTES;
    message.snapshot_ask = (struct peer_snapshot_ask){snapshot, offset, bytes};
    lab_begin_turn(leader);
    CU_ASSERT_EQUAL(replica_on_message(leader->replica, &message), RESULT_OK);
}

/* X6: what it asks for first may get there last. */
UNIT_TEST(replica_snapshot_refused, a_member_that_begins_again_with_the_last_piece_gets_a_new_copy)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 16);
    struct lab_node *follower = fetch_damaged(leader);
    lab.network.lost_type = PEER_FRAME_SNAPSHOT_ASK;
    run_to_phase(follower, RECEIVE_FETCHING);
    uint64_t bytes = follower->replica->receive.snapshot.bytes;
    ask_for(leader, follower, (bytes - 1) / PEER_SNAPSHOT_PIECE_BYTES * PEER_SNAPSHOT_PIECE_BYTES);
    lab_run_for(&lab, 10);
    ask_for(leader, follower, 0);
    lab_run_for(&lab, 100);
    CU_ASSERT_EQUAL(leader->state.copies, 2);
    lab.network.lost_type = 0;
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_close_with(&lab, &client);
}
