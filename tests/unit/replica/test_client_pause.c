/* test_client_pause.c -- CLIENT PAUSE: what is held back, how long, and what is not. */
#include <stdio.h>
#include <string.h>

#include "lib/unit.h"
#include "sim/lab_client.h"

static struct lab lab;
static struct lab_client client;
static struct lab_client other;

static void open_lab(uint64_t seed)
{
    lab_open(&lab, &(struct lab_options){.nodes_count = 1, .seed = seed});
    CU_ASSERT_PTR_NOT_NULL_FATAL(lab_run_to_leader(&lab, 3000));
    client = (struct lab_client){0};
    other = (struct lab_client){0};
    lab_client_open(&client, &lab.nodes[0], NULL);
    lab_client_open(&other, &lab.nodes[0], NULL);
}

static void close_lab(void)
{
    lab_client_deinit(&client);
    lab_client_deinit(&other);
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

static const char *ask(struct lab_client *asking, const char *words)
{
    lab_client_say(asking, words);
    return lab_client_hear(asking, 100);
}

static bool says(struct lab_client *asking, const char *words, const char *part)
{
    return strstr(ask(asking, words), part) != NULL;
}

UNIT_TEST(replica_client_pause, of_writes_lets_reads_and_the_node_go_on)
{
    open_lab(1);
    CU_ASSERT_STRING_EQUAL(ask(&other, "CLIENT PAUSE 100000 WRITE"), "+OK\r\n");
    CU_ASSERT_STRING_EQUAL(ask(&client, "GET a"), "$-1\r\n");
    CU_ASSERT_STRING_EQUAL(ask(&client, "PING"), "+PONG\r\n");
    CU_ASSERT_STRING_EQUAL(ask(&client, "SET a"),
                           "-ERR wrong number of arguments for 'set' command\r\n");
    CU_ASSERT_TRUE(says(&other, "INFO clients", "blocked_clients:0\r\n"));
    CU_ASSERT_STRING_EQUAL(ask(&client, "SET a 1"), "");
    CU_ASSERT_TRUE(says(&other, "INFO clients", "blocked_clients:1\r\n"));
    CU_ASSERT_TRUE(says(&other, "CLIENT LIST", "flags=b "));
    CU_ASSERT_TRUE(says(&other, "CLIENT LIST", "cmd=set ")); /* what it waits with */
    CU_ASSERT_STRING_EQUAL(ask(&client, "PING"), "");        /* it waits behind */
    CU_ASSERT_STRING_EQUAL(ask(&other, "CLIENT UNPAUSE"), "+OK\r\n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "+OK\r\n+PONG\r\n");
    CU_ASSERT_TRUE(says(&other, "INFO clients", "blocked_clients:0\r\n"));
    CU_ASSERT_FALSE(says(&other, "CLIENT LIST", "flags=b "));
    close_lab();
}

/* As Redis decides: by the flags of the command, not by whether it would change anything. */
UNIT_TEST(replica_client_pause, of_writes_goes_by_what_may_write)
{
    static const char *const held[] = {"PFCOUNT a", "SORT a", "BITFIELD a GET u8 0", "FLUSHALL"};
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
        open_lab(2);
        (void)ask(&other, "CLIENT PAUSE 100000 WRITE");
        CU_ASSERT_STRING_EQUAL(ask(&client, held[i]), "");
        (void)ask(&other, "CLIENT UNPAUSE");
        CU_ASSERT_STRING_NOT_EQUAL(lab_client_hear(&client, 100), "");
        close_lab();
    }
}

UNIT_TEST(replica_client_pause, of_writes_lets_transactions_go_on_that_only_read)
{
    open_lab(3);
    (void)ask(&client, "MULTI");
    CU_ASSERT_STRING_EQUAL(ask(&client, "SET a 1"), "+QUEUED\r\n");
    (void)ask(&other, "CLIENT PAUSE 100000 WRITE");
    CU_ASSERT_STRING_EQUAL(ask(&client, "EXEC"), "");
    (void)ask(&other, "MULTI");
    (void)ask(&other, "GET a");
    (void)ask(&other, "PING");
    CU_ASSERT_STRING_EQUAL(ask(&other, "EXEC"), "*2\r\n$-1\r\n+PONG\r\n");
    (void)ask(&other, "CLIENT UNPAUSE");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "*1\r\n+OK\r\n");
    (void)ask(&other, "CLIENT PAUSE 100000 WRITE");
    (void)ask(&client, "MULTI");
    CU_ASSERT_STRING_EQUAL(ask(&client, "SET a 2"), ""); /* is not even queued */
    (void)ask(&other, "CLIENT UNPAUSE");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "+QUEUED\r\n");
    close_lab();
}

UNIT_TEST(replica_client_pause, within_a_transaction_begins_behind_it)
{
    open_lab(4);
    (void)ask(&client, "MULTI");
    (void)ask(&client, "SET a 1");
    (void)ask(&client, "CLIENT PAUSE 1000 WRITE");
    (void)ask(&client, "SET b 1");
    CU_ASSERT_STRING_EQUAL(ask(&client, "EXEC"), "*3\r\n+OK\r\n+OK\r\n+OK\r\n");
    CU_ASSERT_STRING_EQUAL(ask(&other, "SET c 1"), "");
    CU_ASSERT_STRING_EQUAL(ask(&client, "MGET a b c"), "*3\r\n$1\r\n1\r\n$1\r\n1\r\n$-1\r\n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&other, 1000), "+OK\r\n");
    close_lab();
}

UNIT_TEST(replica_client_pause, of_all_leaves_only_what_an_operator_needs)
{
    open_lab(5);
    struct lab_client monitor = {0};
    lab_client_open(&monitor, &lab.nodes[0], NULL);
    (void)ask(&monitor, "MONITOR");
    CU_ASSERT_STRING_EQUAL(ask(&client, "CLIENT PAUSE 100000"), "+OK\r\n");
    CU_ASSERT_STRING_EQUAL(ask(&client, "PING"), "");
    CU_ASSERT_TRUE(says(&monitor, "PING", "+PONG\r\n")); /* as in Redis */
    CU_ASSERT_TRUE(says(&other, "AUTH default x", "+OK\r\n"));
    CU_ASSERT_TRUE(says(&other, "HELLO 2", "proto"));
    CU_ASSERT_TRUE(says(&other, "CLIENT LIST", "flags=b "));
    CU_ASSERT_STRING_EQUAL(ask(&other, "CLIENT UNPAUSE"), "+OK\r\n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "+PONG\r\n");
    lab_client_deinit(&monitor);
    close_lab();
}

UNIT_TEST(replica_client_pause, is_neither_shortened_nor_narrowed_by_a_second_one)
{
    open_lab(6);
    (void)ask(&other, "CLIENT PAUSE 2000 ALL");
    (void)ask(&other, "CLIENT PAUSE 100 WRITE");
    lab_client_say(&client, "PING");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 1500), "");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 500), "+PONG\r\n");
    close_lab();
}

UNIT_TEST(replica_client_pause, forgets_a_client_that_goes)
{
    open_lab(7);
    (void)ask(&other, "CLIENT PAUSE 100000 WRITE");
    CU_ASSERT_STRING_EQUAL(ask(&client, "SET a 1"), "");
    CU_ASSERT_TRUE(says(&other, "INFO clients", "blocked_clients:1\r\n"));
    lab_client_close(&client);
    CU_ASSERT_TRUE(says(&other, "INFO clients", "blocked_clients:0\r\n"));
    (void)ask(&other, "CLIENT UNPAUSE");
    CU_ASSERT_STRING_EQUAL(ask(&other, "GET a"), "$-1\r\n");
    close_lab();
}
