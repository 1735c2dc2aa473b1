/* transfer.c -- a follower that is too far behind gets a snapshot: while writes go on, over a wire
 * that is slow, breaks and lies, and through kill -9 at both ends (faults X1, X4-X6, X10, N4).
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
#include "lib/tcp_proxy.h"

enum {
    VICTIM = 2,
    POLL_MS = 5,
    MEBIBYTE = 1024 * 1024,
    STATE_BYTES = 24 * MEBIBYTE,
    RATE = 8 * MEBIBYTE,
};

static const struct load bulk = {"bulk", 1, 2400, STATE_BYTES / 2400};

/* Starts a cluster whose nodes reach each other by way of proxies. */
static void start(struct cluster *cluster, struct tcp_proxy *proxies[CLUSTER_NODES_MAX])
{
    cluster_add_option(cluster, "--snapshot-log-bytes=1mb");
    cluster_add_option(cluster, "--request-timeout=15000");
    /* So that a machine that is busy with other things unseats no leader. */
    cluster_add_option(cluster, "--election-timeout-min=500");
    cluster_add_option(cluster, "--election-timeout-max=1000");
    tcp_proxy_start_all(cluster, proxies);
    cluster_start(cluster);
}

/* What a state holds besides many small values in the first database. */
static void write_others(struct cluster *cluster, uint32_t node)
{
    static const struct load large = {"large", 1, 3, 5 * MEBIBYTE};
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    load_write(cluster, node, &large);
    for (uint32_t database = 1; database < 16; database++) {
        expect(client, "+OK", "SELECT %u", database);
        expect(client, "+OK", "SET others:%u v PX 10000000", database);
        expect(client, "+OK", "SET others:empty:%u %s", database, "");
    }
    redisFree(client);
}

/* Kills the third node and writes until the others' logs begin behind what it has. */
static void leave_behind(struct cluster *cluster, const struct load *load)
{
    uint64_t last = cluster_get_number(cluster, VICTIM, "raft_last_index");
    cluster_kill(cluster, VICTIM);
    uint32_t leader = cluster_wait_leader(cluster);
    load_write(cluster, leader, load);
    for (uint32_t node = 0; node < VICTIM; node++) {
        uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
        while (cluster_get_number(cluster, node, "raft_first_index") <= last + 1) {
            CHECK(check_now_ms() < end_ms);
            check_sleep_ms(POLL_MS);
        }
    }
}

static void wait_applied(struct cluster *cluster, uint32_t node, uint64_t index)
{
    uint64_t end_ms = check_now_ms() + 2 * (uint64_t)CLUSTER_PATIENCE_MS;
    char text[64] = "0";
    while (!cluster_get_raft_field(cluster, node, "raft_applied_index", text) ||
           strtoull(text, NULL, 10) < index) {
        if (check_now_ms() > end_ms) {
            FAIL("node-%u has applied %s and not %llu", node + 1, text, (unsigned long long)index);
        }
        check_sleep_ms(POLL_MS);
    }
}

static void wait_bytes(const struct tcp_proxy *proxy, uint64_t bytes)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (tcp_proxy_bytes(proxy) < bytes) {
        if (check_now_ms() > end_ms) {
            FAIL("the transfer stays at %llu bytes", (unsigned long long)tcp_proxy_bytes(proxy));
        }
        check_sleep_ms(POLL_MS);
    }
}

/* The leader and its term must be the same all through: a transfer disturbs no heartbeats. */
struct peace {
    uint32_t leader;
    uint64_t term;
};

static struct peace get_peace(struct cluster *cluster)
{
    struct peace peace = {cluster_wait_leader(cluster), 0};
    peace.term = cluster_get_number(cluster, peace.leader, "raft_term");
    return peace;
}

static void check_peace(struct cluster *cluster, const struct peace *before)
{
    struct peace now = get_peace(cluster);
    if (now.leader != before->leader || now.term != before->term) {
        FAIL("node-%u led in term %llu, now node-%u leads in term %llu", before->leader + 1,
             (unsigned long long)before->term, now.leader + 1, (unsigned long long)now.term);
    }
}

/* ---- While writes go on ---- */

void test_far_behind_under_writers(struct cluster *cluster)
{
    struct tcp_proxy *proxies[CLUSTER_NODES_MAX];
    start(cluster, proxies);
    struct writers *writers = writers_start(cluster);
    writers_wait_rounds(writers, 5);
    writers_expect_loss(writers, VICTIM);
    write_others(cluster, 0);
    leave_behind(cluster, &bulk);
    struct peace peace = get_peace(cluster);
    uint64_t begun_ms = check_now_ms();
    uint64_t index = cluster_get_number(cluster, peace.leader, "raft_commit_index");
    (void)writers_take_longest_gap(writers);
    cluster_launch(cluster, VICTIM);
    wait_applied(cluster, VICTIM, index);
    check_note("%u MB caught up in %llu ms; at most %llu ms without a write",
               STATE_BYTES / MEBIBYTE, (unsigned long long)(check_now_ms() - begun_ms),
               (unsigned long long)writers_take_longest_gap(writers));
    /* By a snapshot: its own log begins behind what it had. */
    CHECK(cluster_get_number(cluster, VICTIM, "raft_first_index") > 1);
    writers_expect_service(writers, VICTIM);
    writers_wait_rounds(writers, 20);
    check_peace(cluster, &peace);
    (void)writers_finish(writers);
    load_check(cluster, VICTIM, &bulk);
    cluster_check_agreement(cluster);
    /* And what it was given it keeps. */
    cluster_kill(cluster, VICTIM);
    cluster_restart(cluster, VICTIM);
    load_check(cluster, VICTIM, &bulk);
    cluster_check_agreement(cluster);
}

/* While the snapshot is on its way the log goes on by several times what is else kept of it: what
 * the receiver needs next must still be there when it has it, or it would begin again for ever. */
void test_slow_transfer_under_load(struct cluster *cluster)
{
    enum { TRANSFERS_MAX = 3 };
    static const char fetching[] = "fetching the snapshot";
    struct tcp_proxy *proxies[CLUSTER_NODES_MAX];
    struct load more = {"more", 0, 50, 10000};
    uint64_t end_ms = check_now_ms() + 2 * (uint64_t)CLUSTER_PATIENCE_MS;
    start(cluster, proxies);
    leave_behind(cluster, &bulk);
    struct peace peace = get_peace(cluster);
    uint64_t index = cluster_get_number(cluster, peace.leader, "raft_commit_index");
    tcp_proxy_set_rate(proxies[VICTIM], RATE);
    cluster_launch(cluster, VICTIM);
    cluster_wait_answer(cluster, VICTIM);
    while (cluster_get_number(cluster, VICTIM, "raft_applied_index") < index) {
        CHECK(check_now_ms() < end_ms);
        more.generation++;
        load_write(cluster, peace.leader, &more);
        check_sleep_ms(300);
    }
    CHECK(more.generation >= 3);
    CHECK(cluster_count_in_log(cluster, VICTIM, fetching) <= TRANSFERS_MAX);
    check_peace(cluster, &peace);
    load_check(cluster, VICTIM, &more);
    cluster_check_agreement(cluster);
}

/* Two of five at once, by way of the same leader. */
void test_two_far_behind(struct cluster *cluster)
{
    struct cluster five;
    char directory[CLUSTER_PATH_BYTES + 16];
    (void)snprintf(directory, sizeof(directory), "%s/five", cluster->directory);
    cluster_init(&five, cluster->binary, directory, 5);
    cluster_add_option(&five, "--snapshot-log-bytes=1mb");
    cluster_start(&five);
    cluster_kill(&five, 4);
    leave_behind(&five, &bulk); /* the third */
    uint32_t leader = cluster_wait_leader(&five);
    uint64_t index = cluster_get_number(&five, leader, "raft_commit_index");
    cluster_launch(&five, 4);
    cluster_launch(&five, VICTIM);
    wait_applied(&five, 4, index);
    wait_applied(&five, VICTIM, index);
    CHECK(cluster_get_number(&five, 4, "raft_first_index") > 1);
    load_check(&five, 4, &bulk);
    load_check(&five, VICTIM, &bulk);
    cluster_check_agreement(&five);
}

/* ---- Over a bad wire ---- */

void test_transfer_resumes(struct cluster *cluster)
{
    struct tcp_proxy *proxies[CLUSTER_NODES_MAX];
    start(cluster, proxies);
    struct tcp_proxy *proxy = proxies[VICTIM];
    leave_behind(cluster, &bulk);
    struct peace peace = get_peace(cluster);
    uint64_t index = cluster_get_number(cluster, peace.leader, "raft_commit_index");
    uint64_t begin = tcp_proxy_bytes(proxy);
    tcp_proxy_set_rate(proxy, RATE);
    cluster_launch(cluster, VICTIM);
    for (uint32_t part = 1; part <= 3; part++) {
        wait_bytes(proxy, begin + part * (STATE_BYTES / 4));
        tcp_proxy_cut(proxy);
        tcp_proxy_cut(proxies[peace.leader]);
    }
    wait_applied(cluster, VICTIM, index);
    uint64_t bytes = tcp_proxy_bytes(proxy) - begin;
    /* Begun anew each time it would be well over twice the state. */
    if (bytes > STATE_BYTES + STATE_BYTES / 2) {
        FAIL("%llu bytes passed for a state of %u", (unsigned long long)bytes, STATE_BYTES);
    }
    check_peace(cluster, &peace);
    load_check(cluster, VICTIM, &bulk);
    cluster_check_agreement(cluster);
}

/* A bit that turns over on the way is noticed where it comes in. */
void test_transfer_over_spoilt_wire(struct cluster *cluster)
{
    enum { SPOILT = 4 };
    struct tcp_proxy *proxies[CLUSTER_NODES_MAX];
    start(cluster, proxies);
    struct tcp_proxy *proxy = proxies[VICTIM];
    leave_behind(cluster, &bulk);
    struct peace peace = get_peace(cluster);
    uint64_t index = cluster_get_number(cluster, peace.leader, "raft_commit_index");
    uint64_t begin = tcp_proxy_bytes(proxy);
    tcp_proxy_set_rate(proxy, 2 * RATE);
    cluster_launch(cluster, VICTIM);
    for (uint64_t i = 1; i <= SPOILT; i++) {
        wait_bytes(proxy, begin + i * (STATE_BYTES / (SPOILT + 1)));
        tcp_proxy_spoil(proxy, 16384);
        uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
        while (tcp_proxy_spoilt(proxy) < i) {
            CHECK(check_now_ms() < end_ms);
            check_sleep_ms(1);
        }
    }
    wait_applied(cluster, VICTIM, index);
    check_peace(cluster, &peace);
    load_check(cluster, VICTIM, &bulk);
    cluster_check_agreement(cluster);
}

/* The file that is sent is not what its sender thinks it is: the receiver compares the whole of it
 * with the hash from when it was made, and the sender makes another. */
void test_spoilt_copy(struct cluster *cluster)
{
    char path[CLUSTER_PATH_BYTES + 64], state[CLUSTER_PATH_BYTES + 64];
    struct tcp_proxy *proxies[CLUSTER_NODES_MAX];
    start(cluster, proxies);
    struct tcp_proxy *proxy = proxies[VICTIM];
    leave_behind(cluster, &bulk);
    struct peace peace = get_peace(cluster);
    uint64_t index = cluster_get_number(cluster, peace.leader, "raft_commit_index");
    uint64_t begin = tcp_proxy_bytes(proxy);
    tcp_proxy_set_rate(proxy, RATE);
    cluster_launch(cluster, VICTIM);
    wait_bytes(proxy, begin + STATE_BYTES / 4);
    cluster_path(cluster, peace.leader, "snapshot.copy", path);
    files_flip(path, (off_t)files_size(path) * 3 / 4);
    tcp_proxy_set_rate(proxy, 4 * RATE);
    wait_applied(cluster, VICTIM, index);
    if (tcp_proxy_bytes(proxy) - begin < STATE_BYTES + STATE_BYTES / 2) {
        FAIL("the spoilt copy was taken: only %llu bytes passed",
             (unsigned long long)(tcp_proxy_bytes(proxy) - begin));
    }
    check_peace(cluster, &peace);
    load_check(cluster, VICTIM, &bulk);
    cluster_check_agreement(cluster);
    cluster_path(cluster, VICTIM, "state.db", state);
    CHECK(files_size(state) > STATE_BYTES);
}

/* ---- kill -9 ---- */

/* Any node, while the third is behind and being helped. */
void test_kills_in_transfer(struct cluster *cluster)
{
    enum { KILLS_DEFAULT = 6, PAUSE_MS_MAX = 500 };
    uint64_t random = check_now_ms();
    uint32_t kills = kills_wanted(KILLS_DEFAULT);
    struct load load = {"helped", 0, 1000, 6000};
    struct tcp_proxy *proxies[CLUSTER_NODES_MAX];
    start(cluster, proxies);
    struct writers *writers = writers_start(cluster);
    for (uint32_t i = 0; i < kills; i++) {
        load.generation = i;
        writers_expect_loss(writers, VICTIM);
        leave_behind(cluster, &load);
        cluster_launch(cluster, VICTIM);
        check_sleep_ms(check_random(&random, PAUSE_MS_MAX));
        uint32_t node = i % 2 == 0 ? VICTIM : check_random(&random, 3);
        if (node != VICTIM) {
            writers_expect_loss(writers, node);
        }
        cluster_kill(cluster, node);
        cluster_launch(cluster, node);
        uint32_t leader = cluster_wait_leader(cluster);
        wait_applied(cluster, VICTIM, cluster_get_number(cluster, leader, "raft_commit_index"));
        writers_expect_service(writers, node);
        writers_expect_service(writers, VICTIM);
        load_check(cluster, VICTIM, &load);
        writers_wait_rounds(writers, 3);
    }
    uint64_t acknowledged = writers_finish(writers);
    cluster_check_agreement(cluster);
    check_note("%u kills, %llu writes acknowledged", kills, (unsigned long long)acknowledged);

    /* What was unfinished anywhere is cleared away at the latest at the next start. */
    cluster_kill_all(cluster);
    cluster_start(cluster);
    cluster_check_agreement(cluster);
    for (uint32_t node = 0; node < 3; node++) {
        CHECK(files_count(cluster->nodes[node].data, "snapshot.") == 0);
    }
}

/* ---- SIGTERM ---- */

/* A node that is being helped is told to stop: it does, in order, wherever the snapshot is. */
void test_stops_in_transfer(struct cluster *cluster)
{
    enum { STOPS_DEFAULT = 8, PAUSE_MS_MAX = 300 };
    uint64_t random = check_now_ms();
    uint32_t stops = kills_wanted(STOPS_DEFAULT);
    struct load load = {"stopped", 0, 4000, 6000};
    struct tcp_proxy *proxies[CLUSTER_NODES_MAX];
    start(cluster, proxies);
    for (uint32_t i = 0; i < stops; i++) {
        load.generation = i;
        leave_behind(cluster, &load);
        cluster_launch(cluster, VICTIM);
        cluster_wait_answer(cluster, VICTIM);
        check_sleep_ms(check_random(&random, PAUSE_MS_MAX));
        cluster_stop(cluster, VICTIM);
        CHECK(files_count(cluster->nodes[VICTIM].data, "snapshot.") == 0);
        cluster_launch(cluster, VICTIM);
        uint32_t leader = cluster_wait_leader(cluster);
        wait_applied(cluster, VICTIM, cluster_get_number(cluster, leader, "raft_commit_index"));
        load_check(cluster, VICTIM, &load);
    }
    cluster_check_agreement(cluster);
}
