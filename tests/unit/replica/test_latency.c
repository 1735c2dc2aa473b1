/* test_latency.c -- LATENCY: events over the threshold, and how the times of commands lie. */
#include <string.h>

#include "lib/unit.h"
#include "replica/replica_internal.h"
#include "sim/lab_client.h"

static struct lab lab;
static struct lab_client client;

static struct executor *open_one(void)
{
    lab_open(&lab, &(struct lab_options){.nodes_count = 1, .seed = 11});
    struct lab_node *node = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    client = (struct lab_client){0};
    lab_client_open(&client, node, NULL);
    return &node->replica->executor;
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

UNIT_TEST(replica_latency, notes_what_is_over_the_threshold_and_forgets)
{
    struct executor *executor = open_one();
    latency_note_turn(executor, 90000); /* nobody asked for it yet */
    CU_ASSERT_STRING_EQUAL(ask("LATENCY LATEST"), "*0\r\n");
    executor->latency.threshold_ms = 5;
    latency_note_turn(executor, 4999);
    latency_note_turn(executor, 7000);
    latency_note_turn(executor, 6000); /* the same second: the longest counts */
    CU_ASSERT_PTR_NOT_NULL(strstr(ask("LATENCY LATEST"), "*1\r\n*4\r\n$9\r\nloop-turn\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ask("LATENCY LATEST"), ":7\r\n:7\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ask("LATENCY HISTORY loop-turn"), "*1\r\n*2\r\n"));
    CU_ASSERT_STRING_EQUAL(ask("LATENCY HISTORY nosuch"), "*0\r\n");
    CU_ASSERT_STRING_EQUAL(ask("LATENCY GRAPH command"),
                           "-ERR No samples available for event 'command'\r\n");
    CU_ASSERT_STRING_EQUAL(ask("LATENCY RESET nosuch"), ":0\r\n");
    CU_ASSERT_STRING_EQUAL(ask("LATENCY RESET"), ":1\r\n");
    CU_ASSERT_STRING_EQUAL(ask("LATENCY LATEST"), "*0\r\n");
    CU_ASSERT_EQUAL(executor->latency.longest_turn_us, 90000);
    CU_ASSERT_EQUAL(executor->latency.turns_over_5ms, 3);
    close_one();
}

UNIT_TEST(replica_latency, a_histogram_adds_up_to_the_calls)
{
    struct executor *executor = open_one();
    (void)ask("CONFIG RESETSTAT");
    memset(&executor->stats[COMMAND_GET], 0, sizeof(executor->stats[COMMAND_GET]));
    static const uint64_t times_us[] = {0, 1, 9, 16, 17, 33, 100000};
    for (size_t i = 0; i < sizeof(times_us) / sizeof(times_us[0]); i++) {
        executor->stats[COMMAND_GET].calls++;
        latency_note_command(executor, command_by_id(COMMAND_GET), times_us[i]);
    }
    CU_ASSERT_STRING_EQUAL(ask("LATENCY HISTOGRAM nosuch get"),
                           "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:7\r\n$14\r\nhistogram_usec\r\n"
                           "*8\r\n:1\r\n:2\r\n:16\r\n:4\r\n:33\r\n:6\r\n:135266\r\n:7\r\n");
    CU_ASSERT_STRING_EQUAL(ask("LATENCY HISTOGRAM nosuch"), "*0\r\n");
    close_one();
}
