/* test_blocked.c -- clients that wait for elements: who is served, in which order, and what becomes
 * of what was popped for one that is gone.
 */
#include <stdio.h>
#include <string.h>

#include "lib/unit.h"
#include "replica/replica_internal.h"
#include "sim/lab_client.h"

enum { TIMEOUT_MS = 1000, CLIENTS = 4 };

static struct lab lab;
static struct lab_node *leader;
static struct lab_node *follower;
static struct lab_client writer;
static struct lab_client clients[CLIENTS];

static void open_three(uint64_t seed)
{
    lab_open(&lab, &(struct lab_options){
                       .nodes_count = 3, .seed = seed, .request_timeout_ms = TIMEOUT_MS});
    writer = (struct lab_client){0};
    memset(clients, 0, sizeof(clients));
    leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    lab_run_for(&lab, 100);
    follower = lab_follower(&lab);
    lab_client_open(&writer, leader, NULL);
}

/* Every message takes a while from now on, so that a test can come between. */
static void slow_down(void)
{
    lab.network.delay_ms_min = 5;
    lab.network.delay_ms_max = 5;
}

static void close_three(void)
{
    lab_client_deinit(&writer);
    for (int i = 0; i < CLIENTS; i++) {
        lab_client_deinit(&clients[i]);
    }
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

/* Opens a client of a node and lets it wait. */
static void wait_in(int i, struct lab_node *node, const char *words)
{
    lab_client_open(&clients[i], node, NULL);
    lab_client_say(&clients[i], words);
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[i], 50), "");
}

static const char *write_words(const char *words)
{
    lab_client_say(&writer, words);
    return lab_client_hear(&writer, 50);
}

#define EXPECT_WRITE(words, reply) CU_ASSERT_STRING_EQUAL(write_words(words), reply)
#define EXPECT_HEARD(i, reply) CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[i], 50), reply)

UNIT_TEST(replica_blocked, a_push_on_another_node_serves_a_follower_s_client)
{
    open_three(1);
    wait_in(0, follower, "BLPOP a b 0");
    EXPECT_WRITE("RPUSH b x y", ":2\r\n");
    EXPECT_HEARD(0, "*2\r\n$1\r\nb\r\n$1\r\nx\r\n");
    EXPECT_WRITE("LRANGE b 0 -1", "*1\r\n$1\r\ny\r\n");
    close_three();
}

/* Tries under way at a key. */
static uint32_t tries_at(const struct lab_node *node, const char *name)
{
    const struct blocked_key *key =
        blocked_keys_find(&node->replica->executor.blocked.keys, 0, slice_of_string(name));
    return key == NULL ? 0 : key->tries;
}

/* The most that were under way at once within 50 ms. */
static uint32_t most_tries(const struct lab_node *node, const char *name)
{
    uint32_t most = 0;
    for (int i = 0; i < 50; i++) {
        lab_run_for(&lab, 1);
        uint32_t tries = tries_at(node, name);
        most = tries > most ? tries : most;
    }
    return most;
}

/* Each element is tried for by one client, whoever else waits. */
UNIT_TEST(replica_blocked, the_first_come_of_a_node_is_served_first)
{
    open_three(2);
    wait_in(0, follower, "BLPOP a 0");
    wait_in(1, follower, "BRPOP a 0");
    wait_in(2, follower, "BLPOP z a 0");
    slow_down();
    lab_client_say(&writer, "RPUSH a 1 2");
    CU_ASSERT_EQUAL(most_tries(follower, "a"), 2);
    EXPECT_HEARD(0, "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
    EXPECT_HEARD(1, "*2\r\n$1\r\na\r\n$1\r\n2\r\n");
    EXPECT_HEARD(2, "");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&writer, 50), ":2\r\n");
    EXPECT_WRITE("RPUSH a 3", ":1\r\n");
    EXPECT_HEARD(2, "*2\r\n$1\r\na\r\n$1\r\n3\r\n");
    close_three();
}

UNIT_TEST(replica_blocked, one_element_serves_one_of_two_nodes_clients)
{
    open_three(3);
    wait_in(0, leader, "BLPOP a 0");
    wait_in(1, follower, "BLPOP a 0");
    EXPECT_WRITE("RPUSH a 1", ":1\r\n");
    EXPECT_WRITE("RPUSH a 2", ":1\r\n");
    char both[128];
    (void)snprintf(both, sizeof(both), "%s", lab_client_hear(&clients[0], 50));
    const char *other = lab_client_hear(&clients[1], 50);
    CU_ASSERT_EQUAL(strlen(both), strlen("*2\r\n$1\r\na\r\n$1\r\n1\r\n"));
    CU_ASSERT_EQUAL(strlen(other), strlen(both));
    CU_ASSERT_STRING_NOT_EQUAL(other, both);
    EXPECT_WRITE("EXISTS a", ":0\r\n");
    close_three();
}

/* As in Redis, where they are served before the push is answered; a chain of moves included. */
UNIT_TEST(replica_blocked, who_pushed_and_reads_sees_the_waiting_served)
{
    for (uint64_t seed = 300; seed < 320; seed++) {
        open_three(seed);
        wait_in(0, leader, "BLMOVE a b RIGHT LEFT 0");
        wait_in(1, leader, "BLMOVE b c LEFT RIGHT 0");
        lab_client_say(&writer, "RPUSH a x");
        while (lab_client_hear(&writer, 1)[0] == '\0') {
            continue;
        }
        EXPECT_WRITE("LLEN a", ":0\r\n");
        EXPECT_WRITE("LRANGE c 0 -1", "*1\r\n$1\r\nx\r\n");
        close_three();
    }
}

/* Where the tries do not come back, reads do not wait for them. */
UNIT_TEST(replica_blocked, a_read_is_not_held_for_long)
{
    open_three(330);
    wait_in(0, follower, "BLPOP a 0");
    struct lab_client pusher = {0};
    lab_client_open(&pusher, follower, NULL);
    lab_client_say(&pusher, "RPUSH a x");
    while (tries_at(follower, "a") == 0) {
        lab_run_for(&lab, 1);
    }
    lab.network.lost_type = PEER_FRAME_APPEND;
    lab_client_say(&pusher, "LLEN a");
    CU_ASSERT_PTR_NOT_NULL(strstr(lab_client_hear(&pusher, 40), ":1\r\n"));
    lab.network.lost_type = 0;
    EXPECT_HEARD(0, "*2\r\n$1\r\na\r\n$1\r\nx\r\n");
    lab_client_deinit(&pusher);
    close_three();
}

/* The push is in the log, but its node does not know when the newcomer asks. */
UNIT_TEST(replica_blocked, a_newcomer_takes_nothing_from_who_waits)
{
    for (uint64_t ms = 0; ms < 40; ms += 2) {
        open_three(200 + ms);
        wait_in(0, follower, "BLPOP a 0");
        lab_client_open(&clients[1], follower, NULL);
        slow_down();
        lab_client_say(&writer, "RPUSH a 1");
        lab_run_for(&lab, ms);
        lab_client_say(&clients[1], "BLPOP b a 0");
        CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[0], 150), "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
        EXPECT_HEARD(1, "");
        (void)lab_client_hear(&writer, 0);
        EXPECT_WRITE("RPUSH a 2", ":1\r\n");
        CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[1], 150), "*2\r\n$1\r\na\r\n$1\r\n2\r\n");
        close_three();
    }
}

/* The writer pushes to a; the follower's try for it is under way, but does not arrive for clog_ms.
 */
static void push_to_a_slow_try(uint64_t clog_ms)
{
    lab_network_clog(&lab.network, follower->number, leader->number, lab.now_ms + clog_ms);
    lab_client_say(&writer, "RPUSH a 1");
    while (tries_at(follower, "a") == 0) {
        lab_run_for(&lab, 1);
    }
}

/* While its try for one key is under way, another one fills; the try comes too late. */
UNIT_TEST(replica_blocked, a_try_that_comes_too_late_is_followed_by_one_at_another_key)
{
    open_three(31);
    wait_in(0, follower, "BLPOP a b 0");
    push_to_a_slow_try(100);
    static const char *const words[] = {"MULTI", "LPOP a", "RPUSH b 2", "EXEC"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        lab_client_say(&writer, words[i]);
    }
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[0], 150), "*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&writer, 0),
                           ":1\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\n1\r\n:1\r\n");
    close_three();
}

/* A transaction's elements are there for others only when it is over. */
UNIT_TEST(replica_blocked, a_transaction_serves_at_its_end)
{
    open_three(4);
    wait_in(0, follower, "BLPOP a b 0");
    EXPECT_WRITE("MULTI", "+OK\r\n");
    EXPECT_WRITE("LPUSH a 1", "+QUEUED\r\n");
    EXPECT_WRITE("DEL a", "+QUEUED\r\n");
    EXPECT_WRITE("BLPOP a 0", "+QUEUED\r\n");
    EXPECT_WRITE("EXEC", "*3\r\n:1\r\n:1\r\n*-1\r\n");
    EXPECT_HEARD(0, "");
    EXPECT_WRITE("MULTI", "+OK\r\n");
    EXPECT_WRITE("LPUSH b 1", "+QUEUED\r\n");
    EXPECT_WRITE("LPUSH a 2", "+QUEUED\r\n");
    EXPECT_WRITE("EXEC", "*2\r\n:1\r\n:1\r\n");
    EXPECT_HEARD(0, "*2\r\n$1\r\nb\r\n$1\r\n1\r\n"); /* the key that was written first */
    close_three();
}

UNIT_TEST(replica_blocked, a_move_wakes_who_waits_at_its_destination)
{
    open_three(5);
    wait_in(0, follower, "BLMOVE a b LEFT RIGHT 0");
    wait_in(1, leader, "BLMPOP 0 2 x b LEFT COUNT 5");
    wait_in(2, follower, "BLMOVE d e LEFT RIGHT 0");
    EXPECT_WRITE("RPUSH a 1", ":1\r\n");
    EXPECT_HEARD(0, "$1\r\n1\r\n");
    EXPECT_HEARD(1, "*2\r\n$1\r\nb\r\n*1\r\n$1\r\n1\r\n");
    EXPECT_WRITE("SET e text", "+OK\r\n");
    EXPECT_WRITE("RPUSH d 1", ":1\r\n");
    EXPECT_HEARD(2, "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
    EXPECT_WRITE("LLEN d", ":1\r\n");
    close_three();
}

/* Only what makes a key a list is of interest, however it comes to be one. */
UNIT_TEST(replica_blocked, a_key_of_another_type_is_passed_over)
{
    open_three(6);
    wait_in(0, follower, "BLPOP a 0");
    wait_in(1, follower, "BZPOPMIN a 0");
    wait_in(2, leader, "BLPOP b 0");
    EXPECT_WRITE("SET a text", "+OK\r\n");
    EXPECT_WRITE("DEL a", ":1\r\n");
    EXPECT_WRITE("ZADD a 2 m", ":1\r\n");
    EXPECT_HEARD(0, "");
    EXPECT_HEARD(1, "*3\r\n$1\r\na\r\n$1\r\nm\r\n$1\r\n2\r\n");
    EXPECT_WRITE("RPUSH c 1", ":1\r\n");
    EXPECT_WRITE("COPY c a", ":1\r\n");
    EXPECT_HEARD(0, "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
    EXPECT_WRITE("RENAME c b", "+OK\r\n");
    EXPECT_HEARD(2, "*2\r\n$1\r\nb\r\n$1\r\n1\r\n");
    wait_in(3, follower, "BLPOP q 0");
    EXPECT_WRITE("SELECT 1", "+OK\r\n");
    EXPECT_WRITE("RPUSH q 1", ":1\r\n");
    EXPECT_HEARD(3, "");
    EXPECT_WRITE("SWAPDB 0 1", "+OK\r\n");
    EXPECT_HEARD(3, "*2\r\n$1\r\nq\r\n$1\r\n1\r\n");
    close_three();
}

UNIT_TEST(replica_blocked, a_wait_ends_with_its_time_and_the_pipeline_goes_on)
{
    open_three(7);
    lab_client_open(&clients[0], follower, NULL);
    lab_client_say(&clients[0], "BLPOP a 0.5");
    lab_client_say(&clients[0], "PING");
    lab_client_say(&clients[0], "BLMOVE a b LEFT LEFT 0.5");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[0], 490), "");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[0], 20), "*-1\r\n+PONG\r\n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[0], 520), "*-1\r\n");
    EXPECT_WRITE("RPUSH a 1", ":1\r\n");
    EXPECT_WRITE("LLEN a", ":1\r\n");
    close_three();
}

/* make sim SEED=1329: the answer was taken for the void reply of the try, and dropped. */
UNIT_TEST(replica_blocked, a_wait_whose_time_ends_in_a_vain_try_is_answered)
{
    open_three(72);
    wait_in(0, follower, "BLPOP a 0.1");
    push_to_a_slow_try(200);
    lab_client_say(&writer, "LPOP a");
    lab_client_say(&clients[0], "PING");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[0], 100), "");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[0], 200), "*-1\r\n+PONG\r\n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&writer, 0), ":1\r\n$1\r\n1\r\n");
    close_three();
}

UNIT_TEST(replica_blocked, unblock_ends_a_wait)
{
    open_three(8);
    lab_client_open(&clients[0], leader, NULL);
    lab_client_say(&clients[0], "CLIENT ID");
    int id = 0;
    CU_ASSERT_EQUAL_FATAL(sscanf(lab_client_hear(&clients[0], 50), ":%d", &id), 1);
    char unblock[64];
    (void)snprintf(unblock, sizeof(unblock), "CLIENT UNBLOCK %d", id);
    char unblock_error[96];
    (void)snprintf(unblock_error, sizeof(unblock_error), "%s ERROR", unblock);
    EXPECT_WRITE(unblock, ":0\r\n");
    lab_client_say(&clients[0], "BLPOP a 0");
    EXPECT_HEARD(0, "");
    CU_ASSERT_PTR_NOT_NULL(strstr(write_words("INFO clients"), "\r\nblocked_clients:1\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(write_words("CLIENT LIST"), " flags=b "));
    EXPECT_WRITE(unblock, ":1\r\n");
    EXPECT_HEARD(0, "*-1\r\n");
    lab_client_say(&clients[0], "BZPOPMIN a 0");
    EXPECT_HEARD(0, "");
    EXPECT_WRITE(unblock_error, ":1\r\n");
    EXPECT_HEARD(0, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(write_words("INFO clients"), "\r\nblocked_clients:0\r\n"));
    close_three();
}

UNIT_TEST(replica_blocked, nothing_is_popped_for_a_client_that_left)
{
    open_three(9);
    wait_in(0, follower, "BLPOP a 0");
    wait_in(1, follower, "BLPOP a 0");
    lab_client_close(&clients[0]);
    EXPECT_WRITE("RPUSH a 1", ":1\r\n");
    EXPECT_HEARD(1, "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
    wait_in(2, follower, "BLPOP a 0");
    lab_client_close(&clients[2]);
    EXPECT_WRITE("RPUSH a 2", ":1\r\n");
    EXPECT_WRITE("LRANGE a 0 -1", "*1\r\n$1\r\n2\r\n");
    close_three();
}

/* The try is in the log when its client goes: what it pops goes back, in its order, and to the next
 * in the queue if there is one. */
UNIT_TEST(replica_blocked, what_was_popped_for_a_client_that_left_goes_back)
{
    static const char *const waits[] = {"BLPOP a 0", "BRPOP a 0", "BLMPOP 0 1 a LEFT COUNT 2",
                                        "BLMPOP 0 2 left a RIGHT COUNT 2"};
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        uint32_t left = 0;
        for (uint64_t ms = 0; ms < 40; ms += 2) {
            open_three(10 + ms);
            wait_in(0, follower, waits[i]);
            slow_down();
            lab_client_say(&writer, "RPUSH a 1 2 3");
            lab_run_for(&lab, ms);
            bool is_served = lab_client_hear(&clients[0], 0)[0] != '\0';
            left += tries_at(follower, "a") > 0;
            lab_client_close(&clients[0]);
            lab_run_for(&lab, 100);
            (void)lab_client_hear(&writer, 0);
            if (!is_served) {
                EXPECT_WRITE("LRANGE a 0 -1", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
            }
            close_three();
        }
        CU_ASSERT_TRUE(left > 2); /* with a try under way */
    }
}

UNIT_TEST(replica_blocked, members_popped_for_a_client_that_left_go_back)
{
    for (uint64_t ms = 0; ms < 40; ms += 2) {
        open_three(30 + ms);
        slow_down();
        wait_in(0, follower, "BZMPOP 0 1 z MIN COUNT 2");
        lab_client_say(&writer, "ZADD z 1.5 a 2 b 3 c");
        lab_run_for(&lab, ms);
        bool is_served = lab_client_hear(&clients[0], 0)[0] != '\0';
        lab_client_close(&clients[0]);
        lab_run_for(&lab, 100);
        (void)lab_client_hear(&writer, 0);
        if (!is_served) {
            EXPECT_WRITE(
                "ZRANGE z 0 -1 WITHSCORES",
                "*6\r\n$1\r\na\r\n$3\r\n1.5\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\nc\r\n$1\r\n3\r\n");
        }
        close_three();
    }
}

/* Nothing can be put back when nothing was popped, or when it has its place. */
UNIT_TEST(replica_blocked, a_client_that_left_in_its_first_try_changes_nothing_else)
{
    static const char *const tries[] = {"BLPOP a nonsense", "BLMPOP 0 x a LEFT", "BLPOP text 0",
                                        "BLPOP none 0", "BLMOVE a b LEFT RIGHT 0"};
    open_three(90);
    EXPECT_WRITE("SET text x", "+OK\r\n");
    EXPECT_WRITE("RPUSH a 1 2", ":2\r\n");
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        lab_client_open(&clients[0], follower, NULL);
        lab_client_say(&clients[0], tries[i]);
        lab_client_deinit(&clients[0]);
        lab_run_for(&lab, 50);
    }
    EXPECT_WRITE("LRANGE a 0 -1", "*1\r\n$1\r\n2\r\n");
    EXPECT_WRITE("LRANGE b 0 -1", "*1\r\n$1\r\n1\r\n");
    lab_client_open(&clients[0], follower, NULL);
    lab_client_say(&clients[0], "BLPOP a 0");
    lab_client_close(&clients[0]);
    lab_run_for(&lab, 50);
    EXPECT_WRITE("LRANGE a 0 -1", "*1\r\n$1\r\n2\r\n");
    close_three();
}

/* The leader dies while a client of another node waits, before a push or with its try under way. */
UNIT_TEST(replica_blocked, a_change_of_leader_only_makes_the_wait_longer)
{
    for (uint64_t ms = 0; ms < 40; ms += 2) {
        open_three(50 + ms);
        slow_down();
        wait_in(0, follower, "BLPOP a 0");
        struct lab_client pusher = {0};
        lab_client_open(&pusher, follower, NULL);
        lab_client_say(&pusher, "RPUSH a 1");
        lab_run_for(&lab, ms);
        lab_crash(leader);
        CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[0], TIMEOUT_MS - 100),
                               "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
        lab_client_say(&pusher, "LLEN a");
        (void)lab_client_hear(&pusher, 500);
        lab_client_say(&pusher, "LLEN a");
        CU_ASSERT_STRING_EQUAL(lab_client_hear(&pusher, 500), ":0\r\n");
        lab_client_deinit(&pusher);
        close_three();
    }
}

/* Without a majority a parked client waits on; it is served when there is one again. */
UNIT_TEST(replica_blocked, a_wait_outlasts_the_loss_of_the_majority)
{
    open_three(70);
    wait_in(0, follower, "BLPOP a 0");
    lab_isolate(follower);
    EXPECT_WRITE("RPUSH a 1", ":1\r\n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[0], 5 * TIMEOUT_MS), "");
    lab_network_heal(&lab.network);
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[0], 2000), "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
    close_three();
}
