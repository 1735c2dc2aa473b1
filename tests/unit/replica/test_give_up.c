/* test_give_up.c -- no request waits for ever, and what it is told is true. Covers C20, P8, P10. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "lib/unit.h"
#include "replica/replica_internal.h"
#include "unit/replica/snapshot_lab.h"

#define NO_LEADER "-CLUSTERDOWN No Raft leader\r\n"

enum { TIMEOUT_MS = 1000 };

static struct lab lab;
static struct lab_client client;

static struct lab_node *open_three(uint64_t seed)
{
    lab_open(&lab, &(struct lab_options){
                       .nodes_count = 3, .seed = seed, .request_timeout_ms = TIMEOUT_MS});
    client = (struct lab_client){0};
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    lab_run_for(&lab, 100);
    return leader;
}

static void close_three(void)
{
    lab_client_deinit(&client);
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

static void isolate_all(void)
{
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        lab_isolate(&lab.nodes[i]);
    }
}

UNIT_TEST(replica_give_up, without_a_leader_nothing_was_done)
{
    (void)open_three(1);
    isolate_all();
    lab_run_for(&lab, 1000);
    lab_client_open(&client, &lab.nodes[0], NULL);
    lab_client_say(&client, "GET a");
    lab_client_say(&client, "SET a 1");
    lab_client_say(&client, "GET a");
    lab_client_say(&client, "INCR a");
    lab_client_say(&client, "PING");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, TIMEOUT_MS - 1), "");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 2),
                           NO_LEADER NO_LEADER NO_LEADER NO_LEADER "+PONG\r\n");
    lab_network_heal(&lab.network);
    lab_client_say(&client, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 1000), "$-1\r\n");
    close_three();
}

/* What was popped for a client that is gone waits to go back, however long; make sim SEED=7100528:
 * what clients sent meanwhile waited with it, and the loop ran without a pause. */
UNIT_TEST(replica_give_up, what_waits_behind_a_batch_that_is_owed_is_given_up)
{
    (void)open_three(12);
    isolate_all();
    lab_run_for(&lab, 1000);
    struct lab_node *node = &lab.nodes[0];
    const struct slice push[] = {SLICE_LITERAL("RPUSH"), SLICE_LITERAL("l"), SLICE_LITERAL("x")};
    lab_begin_turn(node);
    batches_add_owed(&node->replica->batches, 0, push, sizeof(push) / sizeof(push[0]));
    batches_close_open(&node->replica->batches);
    lab_client_open(&client, node, NULL);
    lab_client_say(&client, "SET a 1");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, TIMEOUT_MS - 1), "");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 2), NO_LEADER);
    lab_network_heal(&lab.network);
    lab_run_for(&lab, 1000);
    lab_client_say(&client, "LRANGE l 0 -1");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 1000), "*1\r\n$1\r\nx\r\n");
    close_three();
}

/* The leader may have appended it: unknown; it is done in the end, once, and so is what follows. */
UNIT_TEST(replica_give_up, a_write_that_was_sent_is_unknown)
{
    struct lab_node *leader = open_three(2);
    struct lab_node *follower = lab_follower(&lab);
    lab_client_open(&client, follower, NULL);
    lab_client_say(&client, "INCR a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), ":1\r\n");
    (void)leader;
    lab_isolate(follower);
    lab_client_say(&client, "INCR a");
    lab_client_say(&client, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, TIMEOUT_MS - 1), "");
    const char *heard = lab_client_hear(&client, 2);
    CU_ASSERT_TRUE(unit_begins(heard, "-UNKNOWN "));
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "\r\n" NO_LEADER));
    CU_ASSERT_EQUAL(client.replies_count, 3);
    lab_network_heal(&lab.network);
    lab_client_say(&client, "INCR a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 2000), ":3\r\n");
    close_three();
}

/* The leader confirms the read, but the entry that it waits for never comes. */
UNIT_TEST(replica_give_up, a_confirmed_read_that_cannot_be_applied_fails_in_time)
{
    struct lab_node *leader = open_three(3);
    struct lab_node *follower = lab_follower(&lab);
    struct lab_client writer = {0};
    lab_client_open(&client, follower, NULL);
    lab_client_open(&writer, leader, NULL);
    lab_network_cut(&lab.network, leader->number, follower->number, true);
    lab_client_say(&writer, "INCR a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&writer, 50), ":1\r\n");
    lab_network_heal(&lab.network);
    lab.network.lost_type = PEER_FRAME_APPEND;
    lab_client_say(&client, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, TIMEOUT_MS - 1), "");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 2), NO_LEADER);
    lab.network.lost_type = 0;
    lab_client_say(&client, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 500), "$1\r\n1\r\n");
    lab_client_deinit(&writer);
    close_three();
}

/* A change of leader is a short wait, no error, for a client whose own node lives. */
UNIT_TEST(replica_give_up, a_change_of_leader_costs_no_reply)
{
    for (uint64_t seed = 10; seed < 20; seed++) {
        struct lab_node *leader = open_three(seed);
        lab_client_open(&client, lab_follower(&lab), NULL);
        for (int i = 0; i < 20; i++) {
            lab_client_say(&client, "INCR a");
            lab_run_for(&lab, 1);
            if (i == 10) {
                lab_crash(leader);
            }
        }
        const char *at = lab_client_hear(&client, TIMEOUT_MS - 50);
        for (int i = 1; i <= 20; i++) {
            char expected[16];
            (void)snprintf(expected, sizeof(expected), ":%d\r\n", i);
            CU_ASSERT_TRUE_FATAL(unit_begins(at, expected));
            at += strlen(expected);
        }
        close_three();
    }
}

/* P10: what a leader takes from others it takes for its term. When it lost it and leads again, it
 * takes the same batch again, though it bears the same sequence. */
UNIT_TEST(replica_give_up, what_a_leader_took_and_lost_is_taken_when_it_leads_again)
{
    lab_open(&lab,
             &(struct lab_options){.nodes_count = 5, .seed = 6, .request_timeout_ms = TIMEOUT_MS});
    client = (struct lab_client){0};
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    lab_run_for(&lab, 100);
    struct lab_node *follower = lab_follower(&lab);
    lab_client_open(&client, follower, NULL);
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        lab_network_cut(&lab.network, leader->number, i, true);
    }
    lab_client_say(&client, "INCR a");
    lab_run_for(&lab, 20);
    struct replica_status status = snapshot_lab_status(leader);
    CU_ASSERT_EQUAL(status.raft.last_index, status.raft.commit_index + 1);
    lab_pause(follower);
    lab_run_for(&lab, 2000);
    struct lab_node *next = lab_leader(&lab);
    CU_ASSERT_PTR_NOT_NULL_FATAL(next);
    CU_ASSERT_PTR_NOT_EQUAL(next, leader);
    lab_network_heal(&lab.network);
    lab_run_for(&lab, 500);
    char words[64];
    (void)snprintf(words, sizeof(words), "QUORUM TRANSFER node-%u", leader->number + 1);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(next, words, 2000), "+OK\r\n");
    CU_ASSERT_PTR_EQUAL(lab_leader(&lab), leader);
    lab_resume(follower);
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(&client, 500), "-UNKNOWN "));
    lab_client_say(&client, "INCR a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, TIMEOUT_MS - 1), ":2\r\n");
    close_three();
}

/* Of the bytes that a client may make a node hold. */

static struct slice large(size_t size)
{
    /* Untouched pages of zeros cost nothing until somebody copies them. */
    return slice_of(mem_alloc_zeroed(1, size), size);
}

UNIT_TEST(replica_give_up, reads_that_wait_are_bounded_in_bytes)
{
    (void)open_three(4);
    isolate_all();
    lab_run_for(&lab, 1000);
    lab_client_open(&client, &lab.nodes[0], NULL);
    struct slice arguments[2] = {SLICE_LITERAL("GET"), large(1024 * 1024)};
    for (int i = 0; i < 64 && !client.is_stalled; i++) {
        lab_client_send(&client, arguments, 2);
    }
    CU_ASSERT_TRUE(client.is_stalled);
    uint32_t taken = session_unanswered(client.session);
    CU_ASSERT_TRUE(taken < 40);
    mem_free((void *)(uintptr_t)arguments[1].bytes);
    /* The one that was held back is taken when those are answered, and answered in its turn. */
    (void)lab_client_hear(&client, 2 * TIMEOUT_MS + 20);
    CU_ASSERT_EQUAL(client.replies_count, taken + 1);
    close_three();
}

/* A command that no entry can hold is refused before it is in anybody's way. */
UNIT_TEST(replica_give_up, a_command_too_large_for_an_entry_is_refused)
{
    lab_client_open(&client, open_three(5), NULL);
    struct slice value = large(300 * 1024 * 1024);
    struct slice arguments[5] = {SLICE_LITERAL("MSET"), SLICE_LITERAL("a"), value,
                                 SLICE_LITERAL("b"), value};
    lab_begin_turn(client.node);
    CU_ASSERT_EQUAL(
        executor_execute(replica_executor(client.node->replica), client.session, arguments, 5),
        EXECUTE_TAKEN);
    mem_free((void *)(uintptr_t)value.bytes);
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(&client, 10), "-ERR "));
    lab_client_say(&client, "SET a 1");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "+OK\r\n");
    close_three();
}

/* Writes of unknown outcome keep their bytes until a majority is back. At the bound further writes
 * are refused: waiting for room would be waiting for ever. */
UNIT_TEST(replica_give_up, writes_are_refused_while_unknown_ones_fill_the_bound)
{
    (void)open_three(6);
    struct lab_node *follower = lab_follower(&lab);
    struct lab_client late = {0};
    lab_client_open(&client, follower, NULL);
    lab_client_open(&late, follower, NULL);
    lab_isolate(follower);
    size_t size = LIMIT_UNANSWERED_BYTES / 2;
    struct slice arguments[3] = {SLICE_LITERAL("SET"), SLICE_LITERAL("a"), large(size)};
    for (int i = 0; i < 2; i++) {
        lab_client_send(&client, arguments, 3);
        lab_run_for(&lab, 1);
    }
    mem_free((void *)(uintptr_t)arguments[2].bytes);
    lab_client_say(&late, "SET b 1");
    CU_ASSERT_TRUE(late.is_stalled);
    CU_ASSERT_PTR_NOT_NULL(strstr(lab_client_hear(&client, TIMEOUT_MS + 20), "-UNKNOWN "));
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&late, 0), NO_LEADER);
    lab_client_say(&late, "SET b 2");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&late, 10), NO_LEADER);
    lab_network_heal(&lab.network);
    lab_run_for(&lab, 2000);
    lab_client_say(&late, "SET b 3");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&late, 200), "+OK\r\n");
    lab_client_deinit(&late);
    close_three();
}

/* A new leader takes up its own unanswered batches again: in several entries if they are many. */
UNIT_TEST(replica_give_up, a_new_leader_repeats_its_batches_in_entries_of_bounded_size)
{
    struct lab_node *leader = open_three(7);
    struct lab_node *follower = lab_follower(&lab);
    lab_client_open(&client, follower, NULL);
    struct slice arguments[3] = {SLICE_LITERAL("APPEND"), SLICE_LITERAL("a"), large(600 * 1024)};
    lab_isolate(leader);
    for (int i = 0; i < 12; i++) {
        lab_client_send(&client, arguments, 3);
        lab_run_for(&lab, 1);
    }
    mem_free((void *)(uintptr_t)arguments[2].bytes);
    /* The third node may not lead: its disk is too slow. */
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        lab.nodes[i].disk.delay_ms_max = &lab.nodes[i] == follower ? 2 : 60;
    }
    (void)lab_client_hear(&client, TIMEOUT_MS - 20);
    lab_client_say(&client, "STRLEN a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 500), ":7372800\r\n");
    uint64_t largest = 0;
    for (uint64_t i = 0; i < follower->disk.entries_count; i++) {
        uint64_t size = blob_slice(follower->disk.entries[i].payload).size;
        largest = size > largest ? size : largest;
    }
    CU_ASSERT_TRUE(largest <= 2 * LIMIT_ENTRY_BYTES_SOFT);
    close_three();
}

/* A leader that cannot take more for a while is not flooded with the same batches again. */
UNIT_TEST(replica_give_up, refused_batches_come_again_ever_more_seldom)
{
    enum { BATCHES = 36 }; /* of two nodes: more than a leader holds for its next entries */
    struct lab_node *leader = open_three(8);
    struct lab_client clients[3] = {0};
    struct slice arguments[3] = {SLICE_LITERAL("SET"), SLICE_LITERAL("a"), large(1024 * 1024)};
    leader->disk.delay_ms_max = 0;
    leader->disk.stalls_until_ms = lab.now_ms + 900;
    for (uint32_t i = 0; i < 3; i++) {
        lab_client_open(&clients[i], &lab.nodes[i], NULL);
        if (&lab.nodes[i] == leader) {
            lab_client_say(&clients[i], "SET first 1");
            lab_run_for(&lab, 1);
            continue;
        }
        for (uint32_t j = 0; j < BATCHES; j++) {
            lab_client_send(&clients[i], arguments, 3);
        }
    }
    mem_free((void *)(uintptr_t)arguments[2].bytes);
    uint64_t before = lab.network.bytes_sent;
    lab_run_for(&lab, 800);
    CU_ASSERT_PTR_EQUAL(lab_leader(&lab), leader);
    /* Each once, and those of a node that was refused five or six times more. */
    uint64_t once = 2 * BATCHES * UINT64_C(1024 * 1024);
    CU_ASSERT_TRUE(lab.network.bytes_sent - before < 8 * once);
    lab_run_for(&lab, 1500);
    for (uint32_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(session_unanswered(clients[i].session), 0);
        lab_client_deinit(&clients[i]);
    }
    close_three();
}

/* A leader that hears nobody goes on appending, but not without end: its writes gather unsent. The
 * lab checks the limit of batches in flight (simulator, seed 205). */
UNIT_TEST(replica_give_up, a_leader_alone_keeps_few_batches_in_flight)
{
    struct lab_node *leader = open_three(12);
    leader->disk.delay_ms_max = 0;
    isolate_all();
    lab_client_open(&client, leader, NULL);
    for (int i = 0; i < 100; i++) {
        lab_client_say(&client, "INCR counter");
        lab_run_for(&lab, 1);
    }
    CU_ASSERT_PTR_EQUAL(lab_leader(&lab), leader);
    lab_network_heal(&lab.network);
    lab_run_for(&lab, 2000);
    CU_ASSERT_EQUAL(client.replies_count, 100);
    lab_client_say(&client, "GET counter");
    CU_ASSERT_PTR_NOT_NULL(strstr(lab_client_hear(&client, 200), ":100\r\n$3\r\n100\r\n"));
    close_three();
}
