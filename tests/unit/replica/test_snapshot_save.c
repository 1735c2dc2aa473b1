/* test_snapshot_save.c -- snapshots of a node's own state: when, what is in them, what becomes of
 * the log. Covers X3, X4, X10, and D15's order of things. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/unit.h"
#include "unit/replica/snapshot_lab.h"

static struct lab lab;
static struct lab_client client;

static bool says(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void open_one(uint64_t seed, uint64_t log_entries)
{
    client = (struct lab_client){0};
    lab_client_open(&client, snapshot_lab_open(&lab, 1, seed, log_entries), NULL);
}

static void close_all(void)
{
    lab_client_deinit(&client);
    snapshot_lab_close(&lab);
}

UNIT_TEST(replica_snapshot_save, the_log_gives_way_and_the_state_comes_back)
{
    open_one(1, 50);
    struct lab_node *node = &lab.nodes[0];
    snapshot_lab_write(&client, 1, 500);
    lab_run_for(&lab, 100);
    struct replica_status status = snapshot_lab_status(node);
    uint64_t digest = snapshot_lab_digest(node);
    CU_ASSERT_TRUE(node->state.commits >= 9);
    CU_ASSERT_TRUE(node->state.commits <= 11);
    /* Entries of some 180 bytes: fifty since the newest snapshot, and 1,000 bytes of them behind.
     */
    CU_ASSERT_TRUE(status.raft.last_index - status.raft.first_index < 60);
    CU_ASSERT_TRUE(node->disk.entries_count < 60);
    CU_ASSERT_TRUE(node->disk.base_index > 400);
    snapshot_lab_restart(node);
    CU_ASSERT_PTR_NOT_NULL(lab_run_to_leader(&lab, 1000));
    CU_ASSERT_EQUAL(snapshot_lab_digest(node), digest);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "DBSIZE", 50), ":500\r\n");
    close_all();
}

UNIT_TEST(replica_snapshot_save, bytes_of_the_log_are_a_reason_too)
{
    open_one(2, 1000000);
    char words[10100];
    for (int i = 0; i < 60; i++) {
        (void)snprintf(words, sizeof(words), "SET key:%d %010000d", i, i);
        lab_client_say(&client, words);
        lab_run_for(&lab, 10);
    }
    CU_ASSERT_TRUE(lab.nodes[0].state.commits >= 4);
    CU_ASSERT_TRUE(lab.nodes[0].state.commits <= 6);
    CU_ASSERT_TRUE(lab.nodes[0].disk.entries_count < 12);
    close_all();
}

/* However much is written, and though a member is away: what is held of the log is bounded. */
UNIT_TEST(replica_snapshot_save, memory_of_the_log_is_bounded)
{
    struct lab_node *leader = snapshot_lab_open(&lab, 3, 3, 50);
    client = (struct lab_client){0};
    lab_client_open(&client, leader, NULL);
    lab_isolate(lab_follower(&lab));
    for (uint32_t i = 0; i < 40; i++) {
        snapshot_lab_write(&client, i * 50, i * 50 + 49);
        struct replica_status status = snapshot_lab_status(leader);
        /* 4 times 100,000 bytes at most for the sake of others, of some 180 bytes each. */
        CU_ASSERT_TRUE(status.raft.last_index - status.raft.first_index < 400000 / 150);
    }
    CU_ASSERT_TRUE(snapshot_lab_status(leader).raft.first_index > 1000);
    close_all();
}

/* A trailing part of more than what is held for others: it wins. */
UNIT_TEST(replica_snapshot_save, the_trailing_part_may_be_larger_than_the_log_before_a_snapshot)
{
    open_one(31, 50);
    struct replica_snapshot_options options = {
        .log_bytes = 2000, .log_entries = 1000000, .trailing_bytes = 20000};
    replica_set_snapshot_options(lab.nodes[0].replica, &options);
    snapshot_lab_write(&client, 1, 500);
    lab_run_for(&lab, 100);
    CU_ASSERT_TRUE(lab.nodes[0].state.commits >= 9);
    CU_ASSERT_TRUE(lab.nodes[0].disk.entries_count > 80);
    CU_ASSERT_TRUE(lab.nodes[0].disk.entries_count < 200);
    close_all();
}

/* A live follower that lags a little keeps what it needs, and catches up without a snapshot. */
UNIT_TEST(replica_snapshot_save, a_follower_that_lags_a_little_goes_on_from_the_log)
{
    struct lab_node *leader = snapshot_lab_open(&lab, 3, 4, 50);
    client = (struct lab_client){0};
    lab_client_open(&client, leader, NULL);
    struct lab_node *follower = lab_follower(&lab);
    follower->disk.stalls_until_ms = lab.now_ms + 2000; /* it hears, and acknowledges nothing */
    snapshot_lab_write(&client, 1, 200);
    CU_ASSERT_TRUE(leader->state.commits >= 3);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 10000));
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        CU_ASSERT_EQUAL(lab.nodes[i].state.installs, 0);
    }
    close_all();
}

/* The state never gets ahead of the log on disk. */
UNIT_TEST(replica_snapshot_save, commits_when_the_log_is_durable)
{
    struct lab_node *leader = snapshot_lab_open(&lab, 3, 5, 20);
    client = (struct lab_client){0};
    lab_client_open(&client, leader, NULL);
    struct lab_node *follower = lab_follower(&lab);
    snapshot_lab_write(&client, 1, 30);
    follower->disk.stalls_until_ms = lab.now_ms + 1000;
    uint64_t commits = follower->state.commits;
    snapshot_lab_write(&client, 31, 100);
    CU_ASSERT_TRUE(snapshot_lab_status(follower).applied_index > 60);
    CU_ASSERT_TRUE(follower->state.commits <= commits + 1);
    CU_ASSERT_TRUE(follower->state.saved.meta.index <=
                   follower->disk.base_index + follower->disk.entries_count);
    snapshot_lab_restart(follower);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    close_all();
}

/* X3, S19: much is committed at once and takes several turns to be applied; a snapshot that begins
 * in between is of what was applied. */
UNIT_TEST(replica_snapshot_save, is_of_what_was_applied_not_of_what_is_committed)
{
    enum { WRITES = 12, BYTES = 1000000, MS_MAX = 4000 };
    struct lab_node *leader = snapshot_lab_open(&lab, 3, 32, 1000000);
    client = (struct lab_client){0};
    lab_client_open(&client, leader, NULL);
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        lab.nodes[i].disk.stalls_until_ms = &lab.nodes[i] == leader ? 0 : lab.now_ms + 1000;
    }
    static char value[BYTES];
    memset(value, 'v', sizeof(value));
    for (int i = 0; i < WRITES; i++) {
        struct slice words[] = {SLICE_LITERAL("SET"), SLICE_LITERAL("key"),
                                slice_of(value, sizeof(value) - (size_t)i)};
        lab_client_send(&client, words, 3);
        lab_run_for(&lab, 20);
    }
    CU_ASSERT_EQUAL(client.replies_count, 0);
    uint64_t commits = leader->state.commits;
    for (int ms = 0; ms < MS_MAX; ms++) {
        lab_run_for(&lab, 1);
        if (leader->state.commits > commits) {
            const struct replica_state_meta *meta = &leader->state.saved.meta;
            commits = leader->state.commits;
            CU_ASSERT_TRUE(lab.state_hashes[meta->index] == 0 ||
                           lab.state_hashes[meta->index] == meta->state_hash);
        }
    }
    CU_ASSERT_EQUAL(client.replies_count, WRITES);
    CU_ASSERT_TRUE(commits > 0);
    snapshot_lab_restart(leader);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    close_all();
}

UNIT_TEST(replica_snapshot_save, bgsave_answers_as_redis_does)
{
    open_one(6, 1000000);
    struct lab_node *node = &lab.nodes[0];
    node->state.delay_ms_max = 0;
    snapshot_lab_write(&client, 1, 10);
    (void)lab_client_hear(&client, 0);
    long before = strtol(snapshot_lab_ask(node, "LASTSAVE", 10) + 1, NULL, 10);
    lab_run_for(&lab, 5000);
    CU_ASSERT_EQUAL(strtol(snapshot_lab_ask(node, "LASTSAVE", 10) + 1, NULL, 10), before);
    CU_ASSERT_TRUE(says(snapshot_lab_ask(node, "INFO persistence", 10),
                        "rdb_changes_since_last_save:10\r\nrdb_bgsave_in_progress:0\r\n"));
    lab_client_say(&client, "BGSAVE x");
    lab_client_say(&client, "BGSAVE SCHEDULE x");
    lab_client_say(&client, "BGSAVE");
    lab_client_say(&client, "BGSAVE");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100),
                           "-ERR syntax error\r\n-ERR syntax error\r\n"
                           "+Background saving started\r\n"
                           "-ERR Background save already in progress\r\n");
    CU_ASSERT_EQUAL(node->state.commits, 1);
    CU_ASSERT_TRUE(strtol(snapshot_lab_ask(node, "LASTSAVE", 10) + 1, NULL, 10) >= before + 5);
    const char *info = snapshot_lab_ask(node, "INFO persistence", 10);
    CU_ASSERT_TRUE(says(info, "rdb_changes_since_last_save:0\r\n"));
    CU_ASSERT_TRUE(says(info, "rdb_last_bgsave_status:ok\r\nrdb_last_bgsave_time_sec:0\r\n"));
    CU_ASSERT_TRUE(says(info, "aof_enabled:0\r\n"));
    char index[64];
    (void)snprintf(index, sizeof(index), "snapshot_index:%llu\r\n",
                   (unsigned long long)snapshot_lab_status(node).applied_index);
    CU_ASSERT_TRUE(says(info, index));
    /* With nothing new there is nothing to write; it is as good as saved. */
    lab_run_for(&lab, 3000);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "BGSAVE schedule", 10),
                           "+Background saving started\r\n");
    CU_ASSERT_EQUAL(node->state.commits, 1);
    CU_ASSERT_TRUE(strtol(snapshot_lab_ask(node, "LASTSAVE", 10) + 1, NULL, 10) >= before + 8);
    close_all();
}

UNIT_TEST(replica_snapshot_save, save_answers_when_it_is_durable)
{
    open_one(7, 1000000);
    struct lab_node *node = &lab.nodes[0];
    snapshot_lab_write(&client, 1, 10);
    (void)lab_client_hear(&client, 0);
    node->state.delay_ms_max = 500;
    lab_client_say(&client, "SAVE");
    lab_client_say(&client, "PING");
    const char *heard = lab_client_hear(&client, 0);
    for (uint32_t ms = 0; ms < 3000 && heard[0] == '\0'; ms++) {
        CU_ASSERT_EQUAL(node->state.commits, 0);
        heard = lab_client_hear(&client, 1);
    }
    CU_ASSERT_EQUAL(node->state.commits, 1);
    CU_ASSERT_STRING_EQUAL(heard, "+OK\r\n+PONG\r\n");
    CU_ASSERT_EQUAL(node->state.saved.meta.index, snapshot_lab_status(node).applied_index);
    /* One that runs is waited for, and if it is too old, another one is made. */
    snapshot_lab_write(&client, 11, 12);
    lab_client_say(&client, "BGSAVE");
    (void)lab_client_hear(&client, 1);
    snapshot_lab_write(&client, 13, 14);
    (void)lab_client_hear(&client, 0);
    lab_client_say(&client, "SAVE");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 5000), "+OK\r\n");
    CU_ASSERT_EQUAL(node->state.saved.meta.index, snapshot_lab_status(node).applied_index);
    /* Whoever goes away while he waits is not waited for. */
    snapshot_lab_write(&client, 15, 15);
    lab_client_say(&client, "SAVE");
    lab_client_close(&client);
    lab_run_for(&lab, 5000);
    CU_ASSERT_TRUE(says(snapshot_lab_ask(node, "INFO clients", 10), "blocked_clients:0\r\n"));
    close_all();
}

UNIT_TEST(replica_snapshot_save, without_room_it_is_tried_again_later)
{
    open_one(8, 50);
    struct lab_node *node = &lab.nodes[0];
    node->state.fails_per_mille = 1000;
    snapshot_lab_write(&client, 1, 20);
    CU_ASSERT_TRUE(says(snapshot_lab_ask(node, "SAVE", 100), "-ERR the snapshot could not be"));
    CU_ASSERT_TRUE(
        says(snapshot_lab_ask(node, "INFO persistence", 10), "rdb_last_bgsave_status:err\r\n"));
    snapshot_lab_write(&client, 21, 200);
    lab_run_for(&lab, 20000);
    CU_ASSERT_TRUE(node->state.given_up >= 3);
    CU_ASSERT_TRUE(node->state.given_up <= 6); /* later each time */
    CU_ASSERT_EQUAL(node->disk.base_index, 0); /* and until then, the log is all there is */
    lab_client_say(&client, "DEL key:5 key:6");
    lab_client_say(&client, "SWAPDB 0 3");
    lab_run_for(&lab, 100);
    node->state.fails_per_mille = 0;
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "SAVE", 100), "+OK\r\n");
    CU_ASSERT_EQUAL(node->state.commits, 1);
    CU_ASSERT_TRUE(node->disk.base_index > 150);
    uint64_t digest = snapshot_lab_digest(node);
    snapshot_lab_restart(node);
    CU_ASSERT_PTR_NOT_NULL(lab_run_to_leader(&lab, 1000));
    CU_ASSERT_EQUAL(snapshot_lab_digest(node), digest);
    close_all();
}

/* A large state is encoded over many turns, while it changes under the walk. */
UNIT_TEST(replica_snapshot_save, shows_the_state_as_of_its_begin)
{
    open_one(9, 1000000);
    struct lab_node *node = &lab.nodes[0];
    struct replica_snapshot_options seldom = {.log_entries = 1000000};
    replica_set_snapshot_options(node->replica, &seldom);
    struct slice words[2001];
    static char keys[1000][16];
    words[0] = SLICE_LITERAL("MSET");
    for (uint32_t batch = 0; batch < 10; batch++) {
        for (uint32_t i = 0; i < 1000; i++) {
            (void)snprintf(keys[i], sizeof(keys[i]), "k%u", batch * 1000 + i);
            words[1 + 2 * i] = slice_of_string(keys[i]);
            words[2 + 2 * i] = SLICE_LITERAL("value");
        }
        lab_client_send(&client, words, 2001);
        lab_run_for(&lab, 20);
    }
    uint64_t turns = node->turns;
    lab_client_say(&client, "BGSAVE");
    for (uint32_t i = 0; i < 20; i++) {
        lab_client_say(&client, i % 2 == 0 ? "FLUSHDB" : "MSET k1 a k5000 b");
        lab_client_say(&client, "SWAPDB 0 1");
        lab_run_for(&lab, 1);
    }
    lab_run_for(&lab, 200);
    CU_ASSERT_EQUAL(node->state.commits, 1);
    CU_ASSERT_TRUE(node->turns - turns > 10);
    CU_ASSERT_TRUE(node->state.saved.rows_count == 10000);
    uint64_t digest = snapshot_lab_digest(node);
    snapshot_lab_restart(node); /* the lab compares what was saved with what was there */
    CU_ASSERT_PTR_NOT_NULL(lab_run_to_leader(&lab, 1000));
    CU_ASSERT_EQUAL(snapshot_lab_digest(node), digest);
    close_all();
}

UNIT_TEST(replica_snapshot_save, writes_only_what_changed)
{
    open_one(11, 1000000);
    struct lab_node *node = &lab.nodes[0];
    snapshot_lab_write(&client, 1, 100);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "SAVE", 100), "+OK\r\n");
    CU_ASSERT_TRUE(node->state.put_bytes > 100 * 100);
    node->state.put_bytes = 0;
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "DEL key:7", 100), ":1\r\n");
    snapshot_lab_write(&client, 50, 50);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "SAVE", 100), "+OK\r\n");
    CU_ASSERT_TRUE(node->state.put_bytes > 100);
    CU_ASSERT_TRUE(node->state.put_bytes < 200);
    snapshot_lab_restart(node);
    CU_ASSERT_PTR_NOT_NULL(lab_run_to_leader(&lab, 1000));
    node->state.put_bytes = 0;
    snapshot_lab_ask(node, "SET a 1", 100);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "SAVE", 100), "+OK\r\n");
    CU_ASSERT_TRUE(node->state.put_bytes < 100);
    close_all();
}

/* K2: the clock goes on from the snapshot, though no entry is left and the wall clock is back. */
UNIT_TEST(replica_snapshot_save, the_clock_does_not_go_back)
{
    open_one(12, 1000000);
    struct lab_node *node = &lab.nodes[0];
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "SET a 1 PX 1000", 100), "+OK\r\n");
    lab_run_for(&lab, 2000);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "SET b 1", 100), "+OK\r\n");
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "SAVE", 100), "+OK\r\n");
    int64_t clock_ms = node->state.saved.meta.clock_ms;
    lab_crash(node);
    lab_disk_reset(&node->disk, node->state.saved.meta.index, node->state.saved.meta.term);
    node->disk.commit_index = node->state.saved.meta.index;
    node->wall_offset_ms = -3600000;
    lab_start(node);
    CU_ASSERT_TRUE(snapshot_lab_status(node).clock_ms >= clock_ms);
    CU_ASSERT_PTR_NOT_NULL(lab_run_to_leader(&lab, 1000));
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "SET c 1 PX 500", 10), "+OK\r\n");
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "EXISTS a b c", 10), ":2\r\n");
    CU_ASSERT_TRUE(snapshot_lab_status(node).clock_ms > clock_ms);
    close_all();
}

/* Rows wait in the keyspace, not in memory of their own, when the disk is slow. */
UNIT_TEST(replica_snapshot_save, is_held_back_by_a_slow_disk)
{
    open_one(10, 1000000);
    struct lab_node *node = &lab.nodes[0];
    struct replica_snapshot_options seldom = {.log_entries = 1000000};
    replica_set_snapshot_options(node->replica, &seldom);
    static char value[200000];
    memset(value, 'v', sizeof(value));
    for (int i = 0; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key:%d", i);
        struct slice words[] = {SLICE_LITERAL("SET"), slice_of_string(key),
                                slice_of(value, sizeof(value))};
        lab_client_send(&client, words, 3);
        lab_run_for(&lab, 10);
    }
    node->state.delay_ms_max = 100;
    lab_client_say(&client, "BGSAVE");
    uint64_t backlog_max = 0;
    for (int ms = 0; ms < 20000 && node->state.commits == 0; ms++) {
        lab_run_for(&lab, 1);
        uint64_t backlog = lab_state_backlog(&node->state, REPLICA_ORDER_STATE_PUT);
        backlog_max = backlog > backlog_max ? backlog : backlog_max;
    }
    CU_ASSERT_EQUAL(node->state.commits, 1);
    CU_ASSERT_TRUE(backlog_max > 8 * 1024 * 1024 - 1000000);
    CU_ASSERT_TRUE(backlog_max < 8 * 1024 * 1024 + 1000000);
    snapshot_lab_restart(node);
    CU_ASSERT_PTR_NOT_NULL(lab_run_to_leader(&lab, 1000));
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(node, "DBSIZE", 100), ":100\r\n");
    close_all();
}

/* One command by chance; the first EXPIRING_FORMS_AT of them let nothing expire. */
static void say_something(struct prng *prng, bool lets_expire)
{
    enum { EXPIRING_FORMS_AT = 10, FORMS = 13 };
    uint32_t a = (uint32_t)prng_below(prng, 40);
    uint32_t b = (uint32_t)prng_below(prng, 40) + 1;
    char forms[FORMS][64];
    (void)snprintf(forms[0], sizeof(forms[0]), "SET k%u %u", a, b);
    (void)snprintf(forms[1], sizeof(forms[1]), "APPEND k%u %u", a, b);
    (void)snprintf(forms[2], sizeof(forms[2]), "INCRBY n%u %u", a, b);
    (void)snprintf(forms[3], sizeof(forms[3]), "DEL k%u n%u", a, b);
    (void)snprintf(forms[4], sizeof(forms[4]), "RENAME k%u k%u", a, b);
    (void)snprintf(forms[5], sizeof(forms[5]), "COPY k%u r%u", a, b);
    (void)snprintf(forms[6], sizeof(forms[6]), "MSET k%u 1 x %u", a, b);
    (void)snprintf(forms[7], sizeof(forms[7]), "SWAPDB %u %u", a % 4, b % 4);
    (void)snprintf(forms[8], sizeof(forms[8]), "SELECT %u", a % 4);
    (void)snprintf(forms[9], sizeof(forms[9]), a < 4 ? "FLUSHALL" : "FLUSHDB");
    (void)snprintf(forms[10], sizeof(forms[10]), "PEXPIRE k%u %u", a, b * 10);
    (void)snprintf(forms[11], sizeof(forms[11]), "SET e%u 1 PX %u", a, b);
    (void)snprintf(forms[12], sizeof(forms[12]), "PERSIST k%u", a);
    lab_client_say(&client, forms[prng_below(prng, lets_expire ? FORMS : EXPIRING_FORMS_AT)]);
}

/* X3: at random points, a snapshot and the log behind it are what the node had. */
UNIT_TEST(replica_snapshot_save, a_snapshot_and_the_log_are_the_state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        open_one(100 + seed, 10 + seed * 3);
        struct lab_node *node = &lab.nodes[0];
        struct prng prng;
        prng_init(&prng, seed);
        node->state.fails_per_mille = seed % 4 == 0 ? 300 : 0;
        for (uint32_t round = 0; round < 8; round++) {
            node->state.delay_ms_max = prng_below(&prng, 30);
            for (uint64_t i = prng_below(&prng, 120); i > 0; i--) {
                say_something(&prng, seed % 2 == 0);
                lab_run_for(&lab, prng_below(&prng, 4));
            }
            lab_run_for(&lab, 20);
            struct replica_status before = snapshot_lab_status(node);
            uint64_t digest = snapshot_lab_digest(node);
            snapshot_lab_restart(node);
            struct replica_status after = snapshot_lab_status(node);
            CU_ASSERT_TRUE(after.applied_index != before.applied_index ||
                           after.state_hash == before.state_hash);
            CU_ASSERT_PTR_NOT_NULL(lab_run_to_leader(&lab, 1000));
            CU_ASSERT_TRUE(seed % 2 == 0 || snapshot_lab_digest(node) == digest);
            lab_client_deinit(&client);
            lab_client_open(&client, node, NULL);
        }
        CU_ASSERT_TRUE(node->state.commits > 0);
        close_all();
    }
}
