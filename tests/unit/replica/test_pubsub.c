/* test_pubsub.c -- messages and keyspace notifications: one order on all nodes, whole replies, and
 * nothing for who left.
 */
#include <stdio.h>
#include <string.h>

#include "lib/unit.h"
#include "replica/replica_internal.h"
#include "sim/lab_client.h"

enum { CLIENTS = 4 };

static struct lab lab;
static struct lab_node *leader;
static struct lab_client clients[CLIENTS];

static void open_three(uint64_t seed)
{
    lab_open(&lab, &(struct lab_options){.nodes_count = 3, .seed = seed});
    memset(clients, 0, sizeof(clients));
    leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    lab_run_for(&lab, 100);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        lab_client_open(&clients[i], &lab.nodes[i % 3], NULL);
    }
}

static void close_three(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        lab_client_deinit(&clients[i]);
    }
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

static const char *ask(uint32_t client, const char *words)
{
    lab_client_say(&clients[client], words);
    return lab_client_hear(&clients[client], 100);
}

#define EXPECT(client, words, reply) CU_ASSERT_STRING_EQUAL(ask(client, words), reply)
#define EXPECT_HEARD(client, reply)                                                                \
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[client], 100), reply)
#define SUBSCRIBED(word, name, count) "*3\r\n" word "\r\n" name "\r\n:" count "\r\n"

/* Publishers on all nodes at once: whatever the order is, it is one. */
UNIT_TEST(replica_pubsub, subscribers_of_all_nodes_hear_one_order)
{
    open_three(3);
    char heard[3][4096];
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT(i, "SUBSCRIBE c", SUBSCRIBED("$9\r\nsubscribe", "$1\r\nc", "1"));
    }
    struct lab_client publishers[3];
    memset(publishers, 0, sizeof(publishers));
    for (uint32_t i = 0; i < 3; i++) {
        lab_client_open(&publishers[i], &lab.nodes[i], NULL);
    }
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < 3; i++) {
            char words[64];
            (void)snprintf(words, sizeof(words), "PUBLISH c %u-%u", i, round);
            lab_client_say(&publishers[i], words);
        }
    }
    for (uint32_t i = 0; i < 3; i++) {
        (void)snprintf(heard[i], sizeof(heard[i]), "%s", lab_client_hear(&clients[i], 300));
    }
    CU_ASSERT_EQUAL(strlen(heard[0]),
                    30 * strlen("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\n0-0\r\n"));
    CU_ASSERT_STRING_EQUAL(heard[0], heard[1]);
    CU_ASSERT_STRING_EQUAL(heard[0], heard[2]);
    for (uint32_t i = 0; i < 3; i++) {
        lab_client_deinit(&publishers[i]);
    }
    close_three();
}

UNIT_TEST(replica_pubsub, who_publishes_is_told_of_receivers_on_its_own_node)
{
    open_three(4);
    EXPECT(0, "SUBSCRIBE c", SUBSCRIBED("$9\r\nsubscribe", "$1\r\nc", "1"));
    EXPECT(3, "PUBLISH c m", ":1\r\n"); /* clients 0 and 3 are on one node */
    EXPECT(1, "PUBLISH c m", ":0\r\n");
    EXPECT_HEARD(0, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
                    "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
    close_three();
}

UNIT_TEST(replica_pubsub, a_connection_gets_its_own_message_behind_the_reply)
{
    open_three(5);
    (void)ask(0, "HELLO 3");
    (void)ask(0, "SUBSCRIBE c");
    EXPECT(0, "PUBLISH c m", ":1\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
    lab_client_say(&clients[0], "MULTI");
    lab_client_say(&clients[0], "PUBLISH c in");
    lab_client_say(&clients[0], "INCR n");
    EXPECT(0, "EXEC",
           "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n"
           ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nin\r\n");
    close_three();
}

UNIT_TEST(replica_pubsub, subscribed_in_resp2_only_listens)
{
    open_three(6);
    EXPECT(0, "SUBSCRIBE c", SUBSCRIBED("$9\r\nsubscribe", "$1\r\nc", "1"));
    EXPECT(0, "GET k",
           "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
           "are allowed in this context\r\n");
    EXPECT(0, "PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    EXPECT(0, "UNSUBSCRIBE", SUBSCRIBED("$11\r\nunsubscribe", "$1\r\nc", "0"));
    EXPECT(0, "GET k", "$-1\r\n");
    close_three();
}

UNIT_TEST(replica_pubsub, nothing_is_left_of_who_leaves)
{
    open_three(7);
    (void)ask(0, "SUBSCRIBE a b");
    (void)ask(0, "PSUBSCRIBE a*");
    (void)ask(0, "SSUBSCRIBE s");
    const struct pubsub *pubsub = &lab.nodes[0].replica->executor.pubsub;
    CU_ASSERT_EQUAL(pubsub->subscriptions_count, 4);
    lab_client_close(&clients[0]);
    CU_ASSERT_EQUAL(pubsub->subscriptions_count, 0);
    CU_ASSERT_EQUAL(pubsub->bytes, 0);
    EXPECT(3, "PUBLISH a m", ":0\r\n");
    (void)ask(3, "SUBSCRIBE a");
    EXPECT(3, "RESET", "+RESET\r\n");
    CU_ASSERT_EQUAL(pubsub->bytes, 0);
    close_three();
}

/* On a follower, whose entries say when a key is due. */
UNIT_TEST(replica_pubsub, notifications_are_told_on_every_node)
{
    open_three(8);
    for (uint32_t i = 0; i < 3; i++) {
        replica_set_notify_classes(lab.nodes[i].replica,
                                   NOTIFY_KEYEVENT | NOTIFY_STRING | NOTIFY_EXPIRED);
        EXPECT(i, "PSUBSCRIBE *", SUBSCRIBED("$10\r\npsubscribe", "$1\r\n*", "1"));
    }
    EXPECT(3, "SUBSCRIBE unheard", SUBSCRIBED("$9\r\nsubscribe", "$7\r\nunheard", "1"));
    struct lab_client writer = {0};
    lab_client_open(&writer, leader, NULL);
    lab_client_say(&writer, "SET k v PX 50");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&writer, 300), "+OK\r\n");
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT_HEARD(i,
                     "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$18\r\n__keyevent@0__:set\r\n$1\r\nk\r\n"
                     "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$22\r\n__keyevent@0__:expired\r\n$1\r\nk"
                     "\r\n");
    }
    EXPECT_HEARD(3, "");
    lab_client_deinit(&writer);
    close_three();
}
