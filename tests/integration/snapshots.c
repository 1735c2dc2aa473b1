/* snapshots.c -- state.db: saved when asked and by itself, the log cut behind it, and a node that
 * starts from it the same as one that never stopped (faults X3, X8, X10, S20).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/load.h"
#include "integration/suite.h"
#include "integration/writers.h"
#include "lib/check.h"
#include "lib/files.h"
#include "lib/redis_client.h"

enum { POLL_MS = 10, LASTSAVE_STEP_MS = 1100 };

/* ---- Asked for ---- */

static void wait_saved(struct cluster *cluster, uint32_t node)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (cluster_get_number(cluster, node, "rdb_bgsave_in_progress") != 0) {
        CHECK(check_now_ms() < end_ms);
        check_sleep_ms(POLL_MS);
    }
}

/* BGSAVE and SAVE on a node that has something to save, and what LASTSAVE and INFO say of it. */
static void try_saving(struct cluster *cluster, uint32_t node, bool in_background)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    int64_t before = redis_client_integer(client, "LASTSAVE");
    check_sleep_ms(LASTSAVE_STEP_MS);
    expect(client, "+OK", "SET saved:%u %d", node, in_background);
    expect(client, "+OK", "SET saved:also %d", in_background);
    CHECK(redis_client_integer(client, "LASTSAVE") == before);
    CHECK(cluster_get_number(cluster, node, "rdb_changes_since_last_save") >= 2);
    if (in_background) {
        expect(client, "+Background saving started", "BGSAVE");
    } else {
        expect(client, "+OK", "SAVE");
    }
    wait_saved(cluster, node);
    CHECK(redis_client_integer(client, "LASTSAVE") > before);
    CHECK(cluster_get_number(cluster, node, "rdb_changes_since_last_save") == 0);
    CHECK(cluster_get_number(cluster, node, "rdb_last_save_time") ==
          (uint64_t)redis_client_integer(client, "LASTSAVE"));
    redisReply *reply = redis_client_call(client, "INFO persistence");
    CHECK(strstr(reply->str, "rdb_last_bgsave_status:ok\r\n") != NULL);
    freeReplyObject(reply);
    redisFree(client);
}

void test_saving(struct cluster *cluster)
{
    struct load load = {"saving", 1, 2000, 100};
    char path[CLUSTER_PATH_BYTES + 64];
    cluster_start(cluster);
    load_write(cluster, 0, &load);
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        try_saving(cluster, node, node % 2 == 0);
        cluster_path(cluster, node, "state.db", path);
        CHECK(files_size(path) > 2000 * 100);
    }
    try_saving(cluster, 0, false);
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        cluster_kill(cluster, node);
        cluster_restart(cluster, node);
        (void)cluster_wait_leader(cluster);
        load_check(cluster, node, &load);
    }
    cluster_check_agreement(cluster);
}

/* ---- By itself ---- */

static void check_sizes(const struct cluster *cluster, uint64_t bytes_max, uint64_t *seen)
{
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        char path[CLUSTER_PATH_BYTES + 64];
        cluster_path(cluster, node, "raft.db", path);
        uint64_t bytes = files_size(path);
        cluster_path(cluster, node, "raft.db-wal", path);
        bytes += files_size(path);
        if (bytes > bytes_max) {
            FAIL("raft.db and its write-ahead log have %llu bytes on node-%u",
                 (unsigned long long)bytes, node + 1);
        }
        *seen = bytes > *seen ? bytes : *seen;
    }
}

/* Ten times more than fits is written, and nobody restarts. */
void test_log_is_bounded(struct cluster *cluster)
{
    enum { ROUNDS = 30, MEBIBYTE = 1024 * 1024, BYTES_MAX = 24 * MEBIBYTE };
    struct load load = {"bounded", 0, 400, 10000};
    uint64_t seen = 0;
    cluster_add_option(cluster, "--snapshot-log-bytes=2mb");
    cluster_add_option(cluster, "--wal-max-bytes=1mb");
    cluster_start(cluster);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        load.generation = i;
        load_write(cluster, i % 3, &load);
        check_sizes(cluster, BYTES_MAX, &seen);
    }
    for (uint32_t node = 0; node < 3; node++) {
        CHECK(cluster_get_number(cluster, node, "raft_first_index") > 1);
        load_check(cluster, node, &load);
    }
    cluster_check_agreement(cluster);
    cluster_kill_all(cluster);
    cluster_start(cluster);
    for (uint32_t node = 0; node < 3; node++) {
        load_check(cluster, node, &load);
    }
    cluster_check_agreement(cluster);
    check_note("%u MB written, at most %llu KB of log on disk", ROUNDS * 4,
               (unsigned long long)seen / 1024);
}

/* ---- Started from ---- */

/* All kinds of things that a state holds besides plain values. */
static void write_variety(struct cluster *cluster, uint32_t node, uint32_t round)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    expect(client, "+OK", "SELECT %u", round % 4 * 5);
    expect(client, "+OK", "SET variety:lasting:%u v PX 10000000", round);
    expect(client, "+OK", "SET variety:passing:%u v PX %u", round, 1 + round % 3 * 400);
    expect(client, "+OK", "SET variety:deleted v");
    expect(client, ":1", "DEL variety:deleted");
    expect(client, "+OK", "SET variety:renamed %u", round);
    expect(client, "+OK", "RENAME variety:renamed variety:name:%u", round);
    CHECK(redis_client_integer(client, "INCR variety:counter") > 0);
    CHECK(redis_client_integer(client, "APPEND variety:long:%u %u", round % 3, round) > 0);
    CHECK(redis_client_integer(client, "SETRANGE variety:wide %u x", 200000 + round) > 0);
    expect(client, "+OK", "SELECT 0");
    if (round % 7 == 6) {
        expect(client, "+OK", "SWAPDB 5 10");
        expect(client, "+OK", "SELECT 15");
        expect(client, "+OK", "FLUSHDB");
    }
    redisFree(client);
}

/* Node by node: what starts from state.db and the log behind it has to have the state, to the
 * hash, of those that stayed. */
void test_start_equals_live(struct cluster *cluster)
{
    enum { ROUNDS = 12, WRITES = 40 };
    uint32_t round = 0;
    cluster_add_option(cluster, "--snapshot-entries=50");
    cluster_add_option(cluster, "--snapshot-log-bytes=1mb");
    cluster_start(cluster);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t node = i % cluster->nodes_count;
        for (uint32_t j = 0; j < WRITES; j++) {
            write_variety(cluster, j % cluster->nodes_count, round++);
        }
        if (i % 3 == 1) {
            redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
            expect(client, "+OK", "SAVE");
            redisFree(client);
        }
        if (i % 2 == 0) {
            cluster_kill(cluster, node);
        } else {
            cluster_stop(cluster, node);
        }
        cluster_restart(cluster, node);
        (void)cluster_wait_leader(cluster);
        cluster_check_agreement(cluster);
    }
    cluster_kill_all(cluster);
    cluster_start(cluster);
    cluster_check_agreement(cluster);
}

/* ---- kill -9 while state is saved ---- */

/* Snapshots follow each other all the time; any node goes at any moment. */
void test_kills_while_saving(struct cluster *cluster)
{
    enum { KILLS_DEFAULT = 6, PAUSE_MS_MAX = 400 };
    uint64_t random = check_now_ms();
    const char *text = getenv("KILLS");
    uint32_t kills = text == NULL ? KILLS_DEFAULT : (uint32_t)strtoul(text, NULL, 10);
    struct load load = {"killed", 0, 1000, 1000};
    cluster_add_option(cluster, "--snapshot-entries=20");
    cluster_add_option(cluster, "--snapshot-log-bytes=1mb");
    cluster_add_option(cluster, "--request-timeout=15000");
    cluster_start(cluster);
    struct writers *writers = writers_start(cluster);
    for (uint32_t i = 0; i < kills; i++) {
        uint32_t node = check_random(&random, cluster->nodes_count);
        load.generation = i;
        load_write(cluster, cluster_other(cluster, node), &load);
        check_sleep_ms(check_random(&random, PAUSE_MS_MAX));
        writers_expect_loss(writers, node);
        cluster_kill(cluster, node);
        cluster_restart(cluster, node);
        writers_expect_service(writers, node);
        (void)cluster_wait_leader(cluster);
        load_check(cluster, node, &load);
    }
    writers_wait_rounds(writers, 10);
    uint64_t acknowledged = writers_finish(writers);
    cluster_check_agreement(cluster);
    check_note("%u kills, %llu writes acknowledged", kills, (unsigned long long)acknowledged);
}
