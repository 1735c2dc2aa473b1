/* test_node_commands.c -- what this node answers by itself, byte for byte as Redis 7.0.15 does.
 *
 * The expected replies were recorded from redis-server 7.0.15; where Quorum differs on purpose
 * (DEBUG is allowed, READONLY means something, CLIENT SETINFO is known) the tests are further down.
 */
#include <stdio.h>
#include <string.h>

#include "lib/unit.h"
#include "replica/executor_internal.h"
#include "sim/lab_client.h"

struct exchange {
    const char *say;
    const char *hear;
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct exchange connection_table[] = {
    {"PING", "+PONG\r\n"},
    {"PING hello", "$5\r\nhello\r\n"},
    {"PING a b", "-ERR wrong number of arguments for 'ping' command\r\n"},
    {"ping", "+PONG\r\n"},
    {"SELECT 1", "+OK\r\n"},
    {"SELECT 16", "-ERR DB index is out of range\r\n"},
    {"SELECT -1", "-ERR DB index is out of range\r\n"},
    {"SELECT x", "-ERR value is not an integer or out of range\r\n"},
    {"SELECT 99999999999",
     "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"},
    {"SELECT", "-ERR wrong number of arguments for 'select' command\r\n"},
    {"AUTH x", "-ERR AUTH <password> called without any password configured for the default user. "
               "Are you sure your configuration is correct?\r\n"},
    {"AUTH default x", "+OK\r\n"},
    {"AUTH nobody x", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
    {"AUTH a b c", "-ERR syntax error\r\n"},
    {"AUTH", "-ERR wrong number of arguments for 'auth' command\r\n"},
};

static const struct exchange hello_table[] = {
    {"HELLO", "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$"
              "5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$"
              "4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"},
    {"HELLO 2", "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$"
                "5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$"
                "4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"},
    {"HELLO x", "-ERR Protocol version is not an integer or out of range\r\n"},
    {"HELLO 4", "-NOPROTO unsupported protocol version\r\n"},
    {"HELLO 3 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'\r\n"},
    {"HELLO 3 SETNAME a@b",
     "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$"
     "2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
     "7\r\nmodules\r\n*0\r\n"},
    {"HELLO 2 FOO", "-ERR Syntax error in HELLO option 'FOO'\r\n"},
    {"HELLO 2 AUTH nobody x", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
    {"HELLO 3 AUTH default x SETNAME me",
     "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$"
     "2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
     "7\r\nmodules\r\n*0\r\n"},
    {"CLIENT GETNAME", "$2\r\nme\r\n"},
    {"HELLO 2", "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$"
                "5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$"
                "4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"},
    {"CLIENT GETNAME", "$2\r\nme\r\n"},
    {"HELLO 99999999999999999999", "-ERR Protocol version is not an integer or out of range\r\n"},
    {"HELLO 1", "-NOPROTO unsupported protocol version\r\n"},
};

static const struct exchange reply_table[] = {
    {"CLIENT GETNAME", "$-1\r\n"},
    {"CLIENT SETNAME foo", "+OK\r\n"},
    {"CLIENT GETNAME", "$3\r\nfoo\r\n"},
    {"CLIENT SETNAME ''", "+OK\r\n"},
    {"CLIENT GETNAME", "$-1\r\n"},
    {"CLIENT SETNAME a b", "-ERR wrong number of arguments for 'client|setname' command\r\n"},
    {"CLIENT", "-ERR wrong number of arguments for 'client' command\r\n"},
    {"CLIENT FOO", "-ERR unknown subcommand 'FOO'. Try CLIENT HELP.\r\n"},
    {"CLIENT ID x", "-ERR wrong number of arguments for 'client|id' command\r\n"},
    {"CLIENT REPLY ON", "+OK\r\n"},
    {"CLIENT REPLY FOO", "-ERR syntax error\r\n"},
    {"CLIENT REPLY SKIP", ""},
    {"PING 1", ""},
    {"PING 2", "$1\r\n2\r\n"},
    {"CLIENT REPLY SKIP", ""},
    {"CLIENT REPLY ON", "+OK\r\n"},
    {"PING 3", "$1\r\n3\r\n"},
    {"CLIENT REPLY SKIP", ""},
    {"CLIENT REPLY SKIP", ""},
    {"PING 4", ""},
    {"PING 5", "$1\r\n5\r\n"},
    {"CLIENT REPLY OFF", ""},
    {"PING 6", ""},
    {"NOSUCH", ""},
    {"CLIENT REPLY SKIP", ""},
    {"PING 7", ""},
    {"CLIENT REPLY ON", "+OK\r\n"},
    {"PING 8", "$1\r\n8\r\n"},
    {"CLIENT REPLY OFF", ""},
    {"RESET", "+RESET\r\n"},
    {"PING 9", "$1\r\n9\r\n"},
    {"CLIENT REPLY SKIP", ""},
    {"RESET", ""},
    {"PING 10", "$2\r\n10\r\n"},
    {"CLIENT REPLY SKIP", ""},
    {"NOSUCH", ""},
    {"PING 11", "$2\r\n11\r\n"},
    {"CLIENT REPLY SKIP", ""},
    {"CLIENT REPLY OFF", ""},
    {"PING 12", ""},
    {"CLIENT REPLY ON", "+OK\r\n"},
};

static const struct exchange client_table[] = {
    {"CLIENT NO-EVICT maybe", "-ERR syntax error\r\n"},
    {"CLIENT KILL", "-ERR wrong number of arguments for 'client|kill' command\r\n"},
    {"CLIENT KILL 1.2.3.4:5", "-ERR No such client\r\n"},
    {"CLIENT KILL ID 0", "-ERR client-id should be greater than 0\r\n"},
    {"CLIENT KILL ID x", "-ERR client-id should be greater than 0\r\n"},
    {"CLIENT KILL ID 12345678", ":0\r\n"},
    {"CLIENT KILL TYPE foo", "-ERR Unknown client type 'foo'\r\n"},
    {"CLIENT KILL USER nobody", "-ERR No such user 'nobody'\r\n"},
    {"CLIENT KILL SKIPME maybe", "-ERR syntax error\r\n"},
    {"CLIENT KILL ADDR", "-ERR No such client\r\n"},
    {"CLIENT KILL FOO bar", "-ERR syntax error\r\n"},
    {"CLIENT KILL ADDR 1.2.3.4:5 TYPE normal", ":0\r\n"},
    {"CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo'\r\n"},
    {"CLIENT LIST TYPE pubsub", "$0\r\n\r\n"},
    {"CLIENT LIST FOO", "-ERR syntax error\r\n"},
    {"CLIENT LIST ID x", "-ERR Invalid client ID\r\n"},
    {"CLIENT LIST ID 0", "$0\r\n\r\n"},
    {"CLIENT LIST ID 12345678", "$0\r\n\r\n"},
    {"CLIENT LIST TYPE", "-ERR syntax error\r\n"},
    {"CLIENT LIST ID", "-ERR syntax error\r\n"},
    {"CLIENT PAUSE x", "-ERR timeout is not an integer or out of range\r\n"},
    {"CLIENT PAUSE -1", "-ERR timeout is negative\r\n"},
    {"CLIENT PAUSE 0 FOO", "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n"},
    {"CLIENT PAUSE 0 WRITE", "+OK\r\n"},
    {"CLIENT PAUSE 99999999999999999999", "-ERR timeout is not an integer or out of range\r\n"},
    {"CLIENT UNPAUSE", "+OK\r\n"},
    {"CLIENT PAUSE 1 WRITE x",
     "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.\r\n"},
    {"CLIENT UNPAUSE x", "-ERR wrong number of arguments for 'client|unpause' command\r\n"},
};

static const struct exchange server_table[] = {
    {"CONFIG", "-ERR wrong number of arguments for 'config' command\r\n"},
    {"CONFIG FOO", "-ERR unknown subcommand 'FOO'. Try CONFIG HELP.\r\n"},
    {"CONFIG GET", "-ERR wrong number of arguments for 'config|get' command\r\n"},
    {"CONFIG SET a", "-ERR wrong number of arguments for 'config|set' command\r\n"},
    {"CONFIG SET a b c", "-ERR syntax error\r\n"},
    {"CONFIG RESETSTAT x", "-ERR wrong number of arguments for 'config|resetstat' command\r\n"},
    {"WAIT 0 0", ":0\r\n"},
    {"WAIT x 0", "-ERR value is not an integer or out of range\r\n"},
    {"WAIT 0 x", "-ERR timeout is not an integer or out of range\r\n"},
    {"WAIT 0 -1", "-ERR timeout is negative\r\n"},
    {"WAIT 1", "-ERR wrong number of arguments for 'wait' command\r\n"},
    {"ROLE x", "-ERR wrong number of arguments for 'role' command\r\n"},
    {"TIME x", "-ERR wrong number of arguments for 'time' command\r\n"},
    {"LASTSAVE x", "-ERR wrong number of arguments for 'lastsave' command\r\n"},
    {"SHUTDOWN FOO", "-ERR syntax error\r\n"},
    {"SHUTDOWN NOSAVE SAVE", "-ERR syntax error\r\n"},
    {"INFO nosuchsection", "$0\r\n\r\n"},
    {"NOSUCH a b", "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' \r\n"},
    {"GET", "-ERR wrong number of arguments for 'get' command\r\n"},
};

static const struct exchange password_table[] = {
    {"PING", "-NOAUTH Authentication required.\r\n"},
    {"GET a", "-NOAUTH Authentication required.\r\n"},
    {"AUTH bad", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
    {"AUTH secret", "+OK\r\n"},
    {"PING", "+PONG\r\n"},
    {"RESET", "+RESET\r\n"},
    {"PING", "-NOAUTH Authentication required.\r\n"},
    {"HELLO 3", "-NOAUTH HELLO must be called with the client already authenticated, otherwise the "
                "HELLO AUTH <user> <pass> option can be used to authenticate the client and select "
                "the RESP protocol version at the same time\r\n"},
    {"HELLO 3 AUTH default secret",
     "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$"
     "2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
     "7\r\nmodules\r\n*0\r\n"},
};

static const struct exchange stranger_table[] = {
    {"GET a", "-NOAUTH Authentication required.\r\n"},
    {"SELECT 1", "-NOAUTH Authentication required.\r\n"},
    {"NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n"},
    {"CLIENT ID", "-NOAUTH Authentication required.\r\n"},
    {"HELLO", "-NOAUTH HELLO must be called with the client already authenticated, otherwise the "
              "HELLO AUTH <user> <pass> option can be used to authenticate the client and select "
              "the RESP protocol version at the same time\r\n"},
};

static void expect(struct lab_client *client, const struct exchange *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lab_client_say(client, table[i].say);
        const char *heard = lab_client_hear(client, 0);
        if (strcmp(heard, table[i].hear) != 0) {
            (void)fprintf(stderr, "%s\n  gave     %s\n  expected %s\n", table[i].say, heard,
                          table[i].hear);
        }
        CU_ASSERT_STRING_EQUAL(heard, table[i].hear);
    }
}

/* A fresh cluster of one, so that the client's id is 1. */
static void expect_fresh(const struct exchange *table, size_t count, const char *password)
{
    struct lab lab;
    struct lab_client client = {0};
    lab_open(&lab, &(struct lab_options){.nodes_count = 1, .seed = 1, .password = password});
    (void)lab_run_to_leader(&lab, 1000);
    lab_client_open(&client, &lab.nodes[0], NULL);
    expect(&client, table, count);
    lab_client_deinit(&client);
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

UNIT_TEST(replica_node_commands, answer_about_the_connection)
{
    expect_fresh(connection_table, COUNT(connection_table), NULL);
}

UNIT_TEST(replica_node_commands, answer_hello)
{
    expect_fresh(hello_table, COUNT(hello_table), NULL);
}

UNIT_TEST(replica_node_commands, obey_client_reply)
{
    expect_fresh(reply_table, COUNT(reply_table), NULL);
}

UNIT_TEST(replica_node_commands, answer_client_subcommands)
{
    expect_fresh(client_table, COUNT(client_table), NULL);
}

UNIT_TEST(replica_node_commands, answer_about_the_server)
{
    expect_fresh(server_table, COUNT(server_table), NULL);
}

UNIT_TEST(replica_node_commands, ask_for_the_password)
{
    expect_fresh(password_table, COUNT(password_table), "secret");
    expect_fresh(stranger_table, COUNT(stranger_table), "secret");
}

static const struct exchange own_table[] = {
    {"READONLY", "+OK\r\n"},
    {"READWRITE", "+OK\r\n"},
    {"CLIENT SETINFO lib-name jedis", "+OK\r\n"},
    {"CLIENT SETINFO lib-ver 5.0.1", "+OK\r\n"},
    {"CLIENT SETINFO lib-foo 5", "-ERR Unrecognized option 'lib-foo'\r\n"},
    {"CONFIG SET a b", "+OK\r\n"},
    {"CONFIG GET maxmemory", "*2\r\n$9\r\nmaxmemory\r\n$5\r\nvalue\r\n"},
    {"CONFIG RESETSTAT", "+OK\r\n"},
};

/* The error text is Redis 7.0.15's. */
static const char debug_refused[] =
    "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
    "can "
    "run it from a local connection, otherwise you need to set this option in the configuration "
    "file, and then restart the server.\r\n";

static const struct exchange debug_table[] = {
    {"DEBUG SLEEP 0.5", "+OK\r\n"},
    {"DEBUG SLEEP x", "-ERR value is not a valid float\r\n"},
    {"DEBUG LOG hello", "+OK\r\n"},
    {"DEBUG DIGEST", "+0000000000000000000000000000000000000000\r\n"},
};

UNIT_TEST(replica_node_commands, debug_is_for_whom_the_option_says)
{
    struct lab lab;
    struct lab_client client = {0};
    static const struct exchange refused[] = {{"DEBUG SLEEP 0.5", debug_refused}};
    lab_open(&lab, &(struct lab_options){.nodes_count = 1, .seed = 1});
    (void)lab_run_to_leader(&lab, 1000);
    lab_client_open(&client, &lab.nodes[0], NULL); /* from another machine's address */
    replica_set_debug_access(lab.nodes[0].replica, REPLICA_DEBUG_LOCAL);
    expect(&client, refused, COUNT(refused));
    replica_set_debug_access(lab.nodes[0].replica, REPLICA_DEBUG_NO);
    expect(&client, refused, COUNT(refused));
    CU_ASSERT_EQUAL(lab.nodes[0].slept_us, 0);
    replica_set_debug_access(lab.nodes[0].replica, REPLICA_DEBUG_YES);
    expect(&client, debug_table, COUNT(debug_table));
    CU_ASSERT_EQUAL(lab.nodes[0].slept_us, 500000);
    lab_client_deinit(&client);
    lab_close(&lab);
}

UNIT_TEST(replica_node_commands, answer_what_is_our_own)
{
    struct lab lab;
    struct lab_client client = {0};
    lab_open(&lab, &(struct lab_options){.nodes_count = 1, .seed = 1});
    (void)lab_run_to_leader(&lab, 1000);
    lab_client_open(&client, &lab.nodes[0], NULL);
    expect(&client, own_table, COUNT(own_table));
    lab_client_say(&client, "CLIENT INFO");
    const char *info = lab_client_hear(&client, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(info, "lib-name=jedis lib-ver=5.0.1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(info, "cmd=client|info user=default"));
    lab_client_say(&client, "TIME");
    char expected[64];
    unsigned long long wall_ms = (unsigned long long)LAB_EPOCH_WALL_MS + lab.now_ms;
    char microseconds[16];
    int size = snprintf(microseconds, sizeof(microseconds), "%llu", wall_ms % 1000 * 1000);
    (void)snprintf(expected, sizeof(expected), "*2\r\n$10\r\n%llu\r\n$%d\r\n%s\r\n", wall_ms / 1000,
                   size, microseconds);
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 0), expected);
    lab_client_say(&client, "SHUTDOWN");
    (void)lab_client_hear(&client, 0);
    CU_ASSERT_EQUAL(lab.nodes[0].shutdowns, 1);
    CU_ASSERT_PTR_NULL(client.session);
    lab_client_deinit(&client);
    lab_close(&lab);
}

UNIT_TEST(replica_node_commands, tell_the_role_of_each_node)
{
    struct lab lab;
    struct lab_client client = {0};
    lab_open(&lab, &(struct lab_options){.nodes_count = 3, .seed = 5});
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    lab_run_for(&lab, 200);
    struct replica_status status;
    replica_get_status(leader->replica, &status);
    unsigned index = (unsigned)status.applied_index;
    char expected[128];
    lab_client_open(&client, leader, NULL);
    lab_client_say(&client, "ROLE");
    (void)snprintf(expected, sizeof(expected), "*3\r\n$6\r\nmaster\r\n:%u\r\n*2\r\n*3\r\n$8\r\n",
                   index);
    const char *role = lab_client_hear(&client, 0);
    CU_ASSERT_PTR_EQUAL(strstr(role, expected), role);
    (void)snprintf(expected, sizeof(expected), "$4\r\n6379\r\n$1\r\n%u\r\n", index);
    CU_ASSERT_PTR_NOT_NULL(strstr(role, expected));
    lab_client_deinit(&client);
    lab_client_open(&client, lab_follower(&lab), NULL);
    lab_client_say(&client, "ROLE");
    (void)snprintf(expected, sizeof(expected),
                   "*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.%u\r\n:6379\r\n$9\r\nconnected\r\n:%u\r\n",
                   leader->number + 1, index);
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 0), expected);
    lab_client_deinit(&client);
    lab_close(&lab);
}

UNIT_TEST(replica_node_commands, close_behind_the_last_reply)
{
    struct lab lab;
    struct lab_client client = {0};
    struct lab_client other = {0};
    lab_open(&lab, &(struct lab_options){.nodes_count = 1, .seed = 1});
    (void)lab_run_to_leader(&lab, 1000);
    lab_client_open(&client, &lab.nodes[0], NULL);
    lab_client_open(&other, &lab.nodes[0], NULL);
    lab_client_say(&client, "SET a 1");
    lab_client_say(&client, "GET a");
    lab_client_say(&client, "QUIT");
    lab_client_say(&client, "SET a 2"); /* behind QUIT: never executed */
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "+OK\r\n$1\r\n1\r\n+OK\r\n");
    CU_ASSERT_PTR_NULL(client.session);
    lab_client_say(&other, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&other, 100), "$1\r\n1\r\n");
    lab_client_deinit(&client);
    lab_client_open(&client, &lab.nodes[0], NULL);
    lab_client_say(&client, "CLIENT KILL ID 2");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 0), ":1\r\n");
    CU_ASSERT_PTR_NULL(other.session);
    lab_client_say(&client, "CLIENT KILL ID 3 SKIPME no");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 0), ":1\r\n");
    CU_ASSERT_PTR_NULL(client.session);
    lab_client_deinit(&client);
    lab_client_deinit(&other);
    lab_close(&lab);
}

/* The protocol error comes behind the replies that are owed, unless the client wants none. */
UNIT_TEST(replica_node_commands, say_a_protocol_error_last)
{
    struct lab lab;
    struct lab_client client = {0};
    lab_open(&lab, &(struct lab_options){.nodes_count = 1, .seed = 1});
    (void)lab_run_to_leader(&lab, 1000);
    lab_client_open(&client, &lab.nodes[0], NULL);
    lab_client_say(&client, "SET a 1");
    executor_protocol_error(replica_executor(lab.nodes[0].replica), client.session,
                            "Protocol error: invalid bulk length");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100),
                           "+OK\r\n-ERR Protocol error: invalid bulk length\r\n");
    CU_ASSERT_PTR_NULL(client.session);
    lab_client_deinit(&client);
    lab_client_open(&client, &lab.nodes[0], NULL);
    lab_client_say(&client, "CLIENT REPLY OFF");
    executor_protocol_error(replica_executor(lab.nodes[0].replica), client.session,
                            "Protocol error: invalid bulk length");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "");
    CU_ASSERT_PTR_NULL(client.session);
    lab_client_deinit(&client);
    lab_close(&lab);
}

static bool is_container(const struct command *command)
{
    for (enum command_id id = 0; id < COMMAND_ID_COUNT; id++) {
        const char *container = command_by_id(id)->container;
        if (container != NULL && strcmp(container, command->name) == 0) {
            return true;
        }
    }
    return false;
}

/* A row of the table that nobody answers would stop the node. */
UNIT_TEST(replica_node_commands, every_row_has_somebody_who_answers)
{
    for (enum command_id id = 0; id < COMMAND_ID_COUNT; id++) {
        const struct command *command = command_by_id(id);
        /* EXEC is answered by the commands that it executes. */
        bool is_answered =
            command->handler != NULL || node_command_find(id) != NULL || id == COMMAND_EXEC;
        CU_ASSERT_TRUE(is_answered || is_container(command));
    }
}
