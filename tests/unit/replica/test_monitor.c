/* test_monitor.c -- MONITOR: what is shown, to whom, in which order.
 *
 * The expected lines were recorded from redis-server 7.0.15, their times and addresses aside.
 */
#include <stdio.h>
#include <string.h>

#include "lib/unit.h"
#include "sim/lab_client.h"

static struct lab lab;
static struct lab_client monitor;
static struct lab_client client;
static char lines[8192];

static struct lab_node *open_lab(uint32_t nodes_count, uint64_t seed)
{
    lab_open(&lab, &(struct lab_options){.nodes_count = nodes_count, .seed = seed});
    monitor = (struct lab_client){0};
    client = (struct lab_client){0};
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    lab_run_for(&lab, 100);
    return leader;
}

static void open_both(struct lab_node *node)
{
    lab_client_open(&client, node, NULL);
    lab_client_open(&monitor, node, NULL);
    lab_client_say(&monitor, "MONITOR");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&monitor, 0), "+OK\r\n");
}

static void close_lab(void)
{
    lab_client_deinit(&monitor);
    lab_client_deinit(&client);
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

/* What the monitor heard in ms, each line without its time and its address, which are checked. */
static const char *shown(uint64_t ms)
{
    const char *heard = lab_client_hear(&monitor, ms);
    char *to = lines;
    while (*heard != '\0') {
        unsigned long long seconds;
        unsigned microseconds, database;
        int begin = 0;
        int got = sscanf(heard, "+%llu.%6u [%u 10.1.1.1:5000]%n", &seconds, &microseconds,
                         &database, &begin);
        const char *end = strchr(heard, '\n');
        CU_ASSERT_PTR_NOT_NULL_FATAL(end);
        if (got == 3 && begin > 0) {
            unsigned long long now_ms = (unsigned long long)LAB_EPOCH_WALL_MS + lab.now_ms;
            unsigned long long line_ms = seconds * 1000 + microseconds / 1000;
            CU_ASSERT_TRUE(line_ms <= now_ms);
            CU_ASSERT_TRUE(now_ms - line_ms <= ms);
            to += sprintf(to, "%u", database);
            heard += begin;
        }
        memcpy(to, heard, (size_t)(end - heard));
        to += end - heard;
        to[-1] = '|';
        heard = end + 1;
    }
    *to = '\0';
    return lines;
}

struct exchange {
    const char *say;
    const char *shown;
};

static void expect(const struct exchange *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lab_client_say(&client, table[i].say);
        const char *lines_now = shown(100);
        if (strcmp(lines_now, table[i].shown) != 0) {
            (void)fprintf(stderr, "%s\n  showed   %s\n  expected %s\n", table[i].say, lines_now,
                          table[i].shown);
        }
        CU_ASSERT_STRING_EQUAL(lines_now, table[i].shown);
    }
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

UNIT_TEST(replica_monitor, shows_what_was_executed_as_it_was_sent)
{
    static const struct exchange table[] = {
        {"SET k v", "0 \"SET\" \"k\" \"v\"|"},
        {"GeT k", "0 \"GeT\" \"k\"|"},
        {"ping", "0 \"ping\"|"},
        {"client setname q", "0 \"client\" \"setname\" \"q\"|"},
        {"lpush k 1", "0 \"lpush\" \"k\" \"1\"|"},
        {"select 3", "3 \"select\" \"3\"|"},
        {"set x ''", "3 \"set\" \"x\" \"\"|"},
        {"select 0", "0 \"select\" \"0\"|"},
        {"wait 0 0", "0 \"wait\" \"0\" \"0\"|"},
        {"sort nosuch", "0 \"sort\" \"nosuch\"|"},
        {"watch a", "0 \"watch\" \"a\"|"},
        {"client reply skip", "0 \"client\" \"reply\" \"skip\"|"},
        {"echo zz", "0 \"echo\" \"zz\"|"},
        /* Not shown: of administrators, or not executed. */
        {"config get port", ""},
        {"client list", ""},
        {"nosuch a", ""},
        {"get", ""},
        {"monitor x", ""},
        {"reset", "0 \"reset\"|"},
        {"quit", ""},
    };
    open_both(open_lab(1, 1));
    expect(table, COUNT(table));
    close_lab();
}

UNIT_TEST(replica_monitor, shows_a_transaction_when_it_is_executed)
{
    static const struct exchange table[] = {
        {"multi", "0 \"multi\"|"},
        {"set a 1", ""},
        {"client list", ""},
        {"get a", ""},
        {"select 2", ""},
        {"get a", ""},
        {"ping", ""},
        {"exec", "0 \"set\" \"a\" \"1\"|0 \"get\" \"a\"|2 \"select\" \"2\"|2 \"get\" \"a\"|"
                 "2 \"ping\"|2 \"exec\"|"},
        {"multi", "2 \"multi\"|"},
        {"set a 1", ""},
        {"discard", "2 \"discard\"|"},
        {"multi", "2 \"multi\"|"},
        {"nosuch", ""},
        {"exec", "2 \"exec\"|"}, /* EXECABORT */
        {"exec", "2 \"exec\"|"}, /* without MULTI */
        {"watch a", "2 \"watch\" \"a\"|"},
        {"set a 5", "2 \"set\" \"a\" \"5\"|"},
        {"multi", "2 \"multi\"|"},
        {"get a", ""},
        {"exec", "2 \"exec\"|"}, /* a was changed */
    };
    open_both(open_lab(1, 2));
    expect(table, COUNT(table));
    close_lab();
}

UNIT_TEST(replica_monitor, hides_passwords)
{
    static const struct exchange table[] = {
        {"auth x", "0 \"auth\" \"(redacted)\"|"},
        {"auth default y", "0 \"auth\" \"(redacted)\" \"(redacted)\"|"},
        {"hello 3 auth u p setname n",
         "0 \"hello\" \"3\" \"auth\" \"(redacted)\" \"(redacted)\" \"setname\" \"n\"|"},
        {"hello 2 setname n", "0 \"hello\" \"2\" \"setname\" \"n\"|"},
        {"hello 3 AUTH u", "0 \"hello\" \"3\" \"AUTH\" \"(redacted)\"|"},
        {"AUTH a b secret", "0 \"AUTH\" \"(redacted)\" \"(redacted)\" \"(redacted)\"|"},
        {"config set requirepass secret", ""},
    };
    open_both(open_lab(1, 3));
    expect(table, COUNT(table));
    close_lab();
}

UNIT_TEST(replica_monitor, shows_a_pipeline_in_the_order_of_execution_and_only_of_its_own_node)
{
    struct lab_node *leader = open_lab(3, 4);
    struct lab_node *follower = &lab.nodes[leader == &lab.nodes[0] ? 1 : 0];
    struct lab_client other = {0};
    open_both(follower);
    lab_client_open(&other, leader, NULL);
    lab_client_say(&other, "SET elsewhere 1");
    static const char *const words[] = {"get p", "set p 1", "get p", "incr p", "ping", "get p"};
    for (size_t i = 0; i < COUNT(words); i++) {
        lab_client_say(&client, words[i]);
    }
    CU_ASSERT_STRING_EQUAL(shown(500),
                           "0 \"get\" \"p\"|0 \"set\" \"p\" \"1\"|0 \"get\" \"p\"|0 \"incr\" "
                           "\"p\"|0 \"ping\"|0 \"get\" \"p\"|");
    lab_client_deinit(&other);
    close_lab();
}

UNIT_TEST(replica_monitor, shows_a_blocking_command_once)
{
    struct lab_node *leader = open_lab(1, 8);
    struct lab_client pusher = {0};
    open_both(leader);
    lab_client_open(&pusher, leader, NULL);
    lab_client_say(&client, "BLPOP q 0");
    CU_ASSERT_STRING_EQUAL(shown(100), "0 \"BLPOP\" \"q\" \"0\"|");
    lab_client_say(&pusher, "RPUSH q 1");
    CU_ASSERT_STRING_EQUAL(shown(100), "0 \"RPUSH\" \"q\" \"1\"|");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 0), "*2\r\n$1\r\nq\r\n$1\r\n1\r\n");
    lab_client_deinit(&pusher);
    close_lab();
}

UNIT_TEST(replica_monitor, has_its_reply_before_its_own_line_and_may_not_touch_keys)
{
    static const struct exchange table[] = {
        {"ping", "+PONG|0 \"ping\"|"},
        {"monitor", ""},
        {"get a", "-ERR Replica can't interact with the keyspace|"},
        {"set a 1", "-ERR Replica can't interact with the keyspace|"},
        {"pfcount a", "-ERR Replica can't interact with the keyspace|"},
        {"multi", "+OK|0 \"multi\"|"},
        {"get a", "-ERR Replica can't interact with the keyspace|"},
        {"exec", "-EXECABORT Transaction discarded because of previous errors.|0 \"exec\"|"},
        {"multi", "+OK|0 \"multi\"|"},
        {"ping", "+QUEUED|"},
        {"exec", "*1|+PONG|0 \"ping\"|0 \"exec\"|"},
        {"select 4", "+OK|4 \"select\" \"4\"|"},
        {"watch a", "+OK|4 \"watch\" \"a\"|"},
        {"client reply off", ""},
        {"ping", ""},
        {"client reply on", "+OK|4 \"client\" \"reply\" \"on\"|"},
        {"client kill type replica", ":0|"},
        {"reset", "+RESET|"},
        {"get a", "$-1|"},
        {"multi", "+OK|"},
        {"monitor", "+QUEUED|"},
        {"exec", "*1|-ERR MONITOR isn't allowed for DENY BLOCKING client|"},
        {"ping", "+PONG|"},
    };
    open_both(open_lab(1, 5));
    for (size_t i = 0; i < COUNT(table); i++) {
        lab_client_say(&monitor, table[i].say);
        CU_ASSERT_STRING_EQUAL(shown(100), table[i].shown);
    }
    close_lab();
}

UNIT_TEST(replica_monitor, cuts_what_is_long)
{
    enum { BYTES = 1000 * 1000, SHOWN = 64 * 1024 };
    static char value[BYTES + 1];
    memset(value, 'v', BYTES);
    open_both(open_lab(1, 6));
    const struct slice arguments[] = {SLICE_LITERAL("mset"), SLICE_LITERAL("k"),
                                      slice_of_string(value), SLICE_LITERAL("l"),
                                      SLICE_LITERAL("end")};
    lab_client_send(&client, arguments, COUNT(arguments));
    const char *heard = lab_client_hear(&monitor, 100);
    /* "mset" and "k" have taken five of the bytes. */
    const char *end = strstr(heard, "\"... (934469 more bytes) \"\"... (1 more bytes) \"\"... (3 "
                                    "more bytes)\r\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(end);
    const char *begin = strchr(heard, 'v');
    CU_ASSERT_EQUAL(end - begin, SHOWN - 5);
    close_lab();
}

UNIT_TEST(replica_monitor, shows_the_writes_of_a_client_that_is_gone_and_outlives_it)
{
    open_both(open_lab(3, 7));
    lab_client_say(&client, "MULTI");
    lab_client_say(&client, "SET a 1");
    lab_client_say(&client, "GET a");
    lab_client_say(&client, "EXEC");
    lab_client_say(&client, "SET b 1");
    lab_client_close(&client);
    CU_ASSERT_STRING_EQUAL(shown(300),
                           "0 \"MULTI\"|0 \"SET\" \"a\" \"1\"|0 \"GET\" \"a\"|0 \"exec\"|"
                           "0 \"SET\" \"b\" \"1\"|");
    lab_client_close(&monitor); /* linked nowhere any more */
    lab_client_deinit(&client);
    lab_client_open(&client, lab_leader(&lab), NULL);
    lab_client_say(&client, "PING");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 0), "+PONG\r\n");
    close_lab();
}
