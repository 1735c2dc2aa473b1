/* test_order.c -- a session's replies: in the order of its commands, as a lone Redis gives them. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/unit.h"
#include "sim/lab_client.h"

static struct lab lab;
static struct lab_client client;
static struct lab_client other;

static struct lab_node *open_three(uint64_t seed)
{
    lab_open(&lab, &(struct lab_options){.nodes_count = 3, .seed = seed});
    client = (struct lab_client){0};
    other = (struct lab_client){0};
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    lab_run_for(&lab, 100);
    return leader;
}

static void close_three(void)
{
    lab_client_deinit(&client);
    lab_client_deinit(&other);
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

static void say_all(const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lab_client_say(&client, words[i]);
    }
}

static void mix_pipeline(struct lab_node *node)
{
    static const char *const words[] = {
        "GET a",    "SET a 1", "GET a",    "INCR a", "GET a",      "PING x",   "SELECT 1",
        "GET a",    "SET a 9", "SELECT 0", "GET a",  "APPEND a 0", "STRLEN a", "NOSUCH",
        "MGET a b", "DEL a b", "EXISTS a", "INCR a", "INCR a",     "GET a",    "CLIENT GETNAME",
    };
    lab_client_open(&client, node, NULL);
    say_all(words, sizeof(words) / sizeof(words[0]));
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 500),
                           "$-1\r\n+OK\r\n$1\r\n1\r\n:2\r\n$1\r\n2\r\n$1\r\nx\r\n+OK\r\n"
                           "$-1\r\n+OK\r\n+OK\r\n$1\r\n2\r\n:2\r\n:2\r\n"
                           "-ERR unknown command 'NOSUCH', with args beginning with: \r\n"
                           "*2\r\n$2\r\n20\r\n$-1\r\n:1\r\n:0\r\n:1\r\n:2\r\n$1\r\n2\r\n$-1\r\n");
    CU_ASSERT_EQUAL(session_unanswered(client.session), 0);
}

UNIT_TEST(replica_order, a_mixed_pipeline_on_the_leader)
{
    mix_pipeline(open_three(1));
    close_three();
}

UNIT_TEST(replica_order, a_mixed_pipeline_on_a_follower)
{
    (void)open_three(2);
    mix_pipeline(lab_follower(&lab));
    close_three();
}

/* Reads behind a write that has not left yet need no round; the other node's write is in what they
 * see if it was acknowledged before. */
UNIT_TEST(replica_order, reads_attached_to_a_write_see_what_was_acknowledged_elsewhere)
{
    struct lab_node *leader = open_three(3);
    lab_client_open(&client, lab_follower(&lab), NULL);
    lab_client_open(&other, leader, NULL);
    for (int i = 0; i < 50; i++) {
        char set[32];
        char expected[64];
        (void)snprintf(set, sizeof(set), "SET k %d", 10 + i);
        lab_client_say(&other, set);
        while (lab_client_hear(&other, 1)[0] == '\0') {
            continue;
        }
        uint64_t packets = lab.network.packets_sent;
        lab_client_say(&client, "SET own 1");
        lab_client_say(&client, "GET k");
        lab_client_say(&client, "GET own");
        (void)snprintf(expected, sizeof(expected), "+OK\r\n$2\r\n%d\r\n$1\r\n1\r\n", 10 + i);
        CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 30), expected);
        CU_ASSERT_TRUE(lab.network.packets_sent > packets);
    }
    close_three();
}

/* As a follower that is alone shows, which can serve reads of its own state and nothing else. */
UNIT_TEST(replica_order, forms_that_only_read_are_reads)
{
    struct lab_node *leader = open_three(5);
    struct lab_node *follower = lab_follower(&lab);
    lab_client_open(&other, leader, NULL);
    lab_client_open(&client, follower, NULL);
    lab_client_say(&other, "RPUSH l 2 1");
    lab_client_say(&other, "GEOADD g 1 1 here");
    (void)lab_client_hear(&other, 200);
    lab_isolate(follower);
    lab_client_say(&client, "READONLY");
    lab_client_say(&client, "SORT l");
    lab_client_say(&client, "GEORADIUS g 1 1 1 km");
    lab_client_say(&client, "BITFIELD l2 GET u8 0");
    lab_client_say(&client, "SORT l STORE l");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 1),
                           "+OK\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n*1\r\n$4\r\nhere\r\n*1\r\n:0\r\n");
    close_three();
}

UNIT_TEST(replica_order, readonly_reads_what_this_node_has)
{
    struct lab_node *leader = open_three(4);
    struct lab_node *follower = lab_follower(&lab);
    lab_client_open(&other, leader, NULL);
    lab_client_open(&client, follower, NULL);
    lab_client_say(&other, "SET k 1");
    (void)lab_client_hear(&other, 200);
    lab_isolate(follower);
    lab_client_say(&other, "SET k 2");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&other, 100), "+OK\r\n");
    lab_client_say(&client, "READONLY");
    lab_client_say(&client, "GET k");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 1), "+OK\r\n$1\r\n1\r\n");
    lab_client_say(&client, "READWRITE");
    lab_client_say(&client, "GET k");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "+OK\r\n");
    lab_network_heal(&lab.network);
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 1000), "$1\r\n2\r\n");
    close_three();
}

/* P7: what a closed session had under way goes on, and nobody else gets its replies. */
UNIT_TEST(replica_order, a_closed_session_takes_nobodys_place)
{
    struct lab_node *leader = open_three(5);
    for (uint64_t ms = 0; ms < 12; ms++) {
        lab_client_open(&client, leader, NULL);
        lab_client_open(&other, leader, NULL);
        lab_client_say(&client, "INCR dead");
        lab_client_say(&client, "GET dead");
        lab_client_say(&other, "SET alive x");
        lab_client_say(&client, "INCR dead");
        lab_client_say(&other, "GET alive");
        lab_run_for(&lab, ms);
        lab_client_close(&client);
        (void)lab_client_hear(&other, 100);
        lab_client_say(&other, "GET alive");
        CU_ASSERT_STRING_EQUAL(lab_client_hear(&other, 100), "$1\r\nx\r\n");
        CU_ASSERT_EQUAL(other.replies_count, 3);
        lab_client_deinit(&client);
        lab_client_deinit(&other);
    }
    lab_client_open(&other, leader, NULL);
    lab_client_say(&other, "GET dead");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&other, 100), "$2\r\n24\r\n");
    close_three();
}

UNIT_TEST(replica_order, silence_covers_reads_and_writes_under_way)
{
    lab_client_open(&client, open_three(6), NULL);
    static const char *const words[] = {
        "CLIENT REPLY SKIP",
        "SET a 1",
        "GET a",
        "CLIENT REPLY SKIP",
        "GET a",
        "INCR a",
        "GET a",
        "CLIENT REPLY OFF",
        "INCR a",
        "GET a",
        "NOSUCH",
        "CLIENT REPLY ON",
        "GET a",
    };
    say_all(words, sizeof(words) / sizeof(words[0]));
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 300),
                           "$1\r\n1\r\n:2\r\n$1\r\n2\r\n+OK\r\n$1\r\n3\r\n");
    close_three();
}

/* As in Redis: only the replies are dropped. */
UNIT_TEST(replica_order, silence_does_not_keep_a_transaction_from_changing_the_connection)
{
    lab_client_open(&client, open_three(9), NULL);
    static const char *const words[] = {
        "CLIENT REPLY OFF", "MULTI",    "SELECT 2",        "CLIENT SETNAME silent",
        "SET a 1",          "EXEC",     "CLIENT REPLY ON", "GET a",
        "CLIENT GETNAME",   "SELECT 0", "GET a",
    };
    say_all(words, sizeof(words) / sizeof(words[0]));
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 300),
                           "+OK\r\n$1\r\n1\r\n$6\r\nsilent\r\n+OK\r\n$-1\r\n");
    close_three();
}

UNIT_TEST(replica_order, a_pause_holds_commands_back_and_ends)
{
    struct lab_node *leader = open_three(7);
    lab_client_open(&client, leader, NULL);
    lab_client_open(&other, leader, NULL);
    lab_client_say(&client, "CLIENT PAUSE 500 WRITE");
    lab_client_say(&client, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 50), "+OK\r\n$-1\r\n");
    lab_client_say(&client, "SET a 1");
    lab_client_say(&client, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 400), "");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "+OK\r\n$1\r\n1\r\n");
    lab_client_say(&client, "CLIENT PAUSE 100000");
    lab_client_say(&client, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 1000), "+OK\r\n");
    lab_client_say(&other, "CLIENT UNPAUSE");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&other, 0), "+OK\r\n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "$1\r\n1\r\n");
    close_three();
}

UNIT_TEST(replica_order, wait_counts_the_nodes_that_have_the_last_write)
{
    struct lab_node *leader = open_three(8);
    lab_client_open(&client, leader, NULL);
    lab_client_say(&client, "SET a 1");
    lab_client_say(&client, "WAIT 2 1000");
    lab_client_say(&client, "PING");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 500), "+OK\r\n:2\r\n+PONG\r\n");
    lab_isolate(lab_follower(&lab));
    lab_client_say(&client, "SET a 2");
    lab_client_say(&client, "WAIT 2 300");
    lab_client_say(&client, "PING");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 290), "+OK\r\n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 50), ":1\r\n+PONG\r\n");
    /* The wait goes away with its client. */
    lab_client_say(&client, "WAIT 2 0");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "");
    lab_client_close(&client);
    lab_client_open(&other, leader, NULL);
    lab_client_say(&other, "INFO clients");
    CU_ASSERT_PTR_NOT_NULL(strstr(lab_client_hear(&other, 0), "blocked_clients:0\r\n"));
    close_three();
}

/* A pipeline far over the bound of unanswered requests is answered whole and in order. */
UNIT_TEST(replica_order, a_pipeline_over_the_bound_is_held_back_not_lost)
{
    lab_client_open(&client, open_three(9), NULL);
    enum { COMMANDS = LIMIT_SESSION_REQUESTS + 3000 };
    for (int i = 0; i < COMMANDS; i++) {
        lab_client_say(&client, i % 2 == 0 ? "INCR n" : "GET n");
        CU_ASSERT_TRUE(session_unanswered(client.session) <= LIMIT_SESSION_REQUESTS);
    }
    const char *at = lab_client_hear(&client, 3000);
    CU_ASSERT_EQUAL(client.replies_count, COMMANDS);
    for (long i = 1; i <= COMMANDS / 2; i++) {
        char expected[64];
        int digits = snprintf(expected, sizeof(expected), "%ld", i);
        int size = snprintf(expected, sizeof(expected), ":%ld\r\n$%d\r\n%ld\r\n", i, digits, i);
        if (strncmp(at, expected, (size_t)size) != 0) {
            CU_FAIL("replies out of order");
            break;
        }
        at += size;
    }
    close_three();
}
