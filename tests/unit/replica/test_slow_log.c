/* test_slow_log.c -- SLOWLOG: what it keeps, how it cuts, and that passwords are not in it. */
#include <stdio.h>
#include <string.h>

#include "lib/unit.h"
#include "replica/replica_internal.h"
#include "sim/lab_client.h"

static struct lab lab;
static struct lab_client client;

static struct lab_node *open_one(void)
{
    lab_open(&lab, &(struct lab_options){.nodes_count = 1, .seed = 9});
    struct lab_node *node = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    client = (struct lab_client){0};
    lab_client_open(&client, node, NULL);
    return node;
}

static void close_one(void)
{
    lab_client_deinit(&client);
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

static const char *ask(const char *words)
{
    lab_client_say(&client, words);
    return lab_client_hear(&client, 100);
}

UNIT_TEST(replica_slow_log, keeps_the_newest_of_this_nodes_clients)
{
    struct lab_node *node = open_one();
    replica_set_slow_log(node->replica, 0, 3);
    (void)ask("SET k v");
    (void)ask("GET k");
    (void)ask("PING");
    (void)ask("MULTI");
    (void)ask("INCR n");
    (void)ask("EXEC");
    const char *heard = ask("SLOWLOG GET -1");
    CU_ASSERT_PTR_NULL(strstr(heard, "$3\r\nGET\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"));
    CU_ASSERT_PTR_NULL(strstr(heard, "exec")); /* its commands are there */
    CU_ASSERT_STRING_EQUAL(ask("SLOWLOG LEN"), ":3\r\n");
    replica_set_slow_log(node->replica, -1, 3);
    CU_ASSERT_STRING_EQUAL(ask("SLOWLOG RESET"), "+OK\r\n");
    CU_ASSERT_STRING_EQUAL(ask("SLOWLOG LEN"), ":0\r\n");
    close_one();
}

UNIT_TEST(replica_slow_log, cuts_arguments_and_hides_passwords)
{
    struct lab_node *node = open_one();
    replica_set_slow_log(node->replica, 0, 10);
    (void)ask("AUTH secret");
    (void)ask("HELLO 2 AUTH default secret");
    (void)ask("CONFIG SET requirepass secret");
    struct slice arguments[42] = {SLICE_LITERAL("DEL")};
    char names[42][16];
    char long_name[141];
    memset(long_name, 'l', 140);
    arguments[1] = slice_of(long_name, 140);
    for (int i = 2; i < 42; i++) {
        arguments[i] = slice_of(names[i], (size_t)snprintf(names[i], sizeof(names[i]), "k%d", i));
    }
    lab_client_send(&client, arguments, 42);
    (void)lab_client_hear(&client, 100);
    const char *heard = ask("SLOWLOG GET 10");
    CU_ASSERT_PTR_NULL(strstr(heard, "secret"));
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "(redacted)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "... (12 more bytes)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "k30"));
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "... (11 more arguments)"));
    CU_ASSERT_PTR_NULL(strstr(heard, "k31"));
    close_one();
}
