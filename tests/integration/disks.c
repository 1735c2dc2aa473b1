/* disks.c -- disks that are full, and disks that are slow (faults S11, S12, S18).
 *
 * Each node has a small file system of its own. What a node's own disk cannot hold is refused where
 * the client is, with DISKFULL; nothing else stops, and nobody has to be started again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "integration/load.h"
#include "integration/membership.h"
#include "integration/suite.h"
#include "lib/check.h"
#include "lib/files.h"
#include "lib/http_client.h"
#include "lib/redis_client.h"
#include "lib/small_disk.h"

enum {
    POLL_MS = 20,
    MEBIBYTE = 1024 * 1024,
    DISK_BYTES = 48 * MEBIBYTE,
    FREE_MIN_BYTES = 8 * MEBIBYTE,
};

static const struct load load = {"disk", 1, 2000, 500};

static void start_on_small_disks(struct cluster *cluster)
{
    small_disk_begin();
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        small_disk_mount(cluster->nodes[node].data, DISK_BYTES);
    }
    cluster_add_option(cluster, "--disk-reserve=4mb");
    cluster_add_option(cluster, "--disk-free-min=8mb");
    cluster_add_option(cluster, "--snapshot-log-bytes=2mb");
    cluster_add_option(cluster, "--wal-max-bytes=1mb");
    cluster_start(cluster);
    load_write(cluster, cluster_wait_leader(cluster), &load);
}

/* ---- Full ---- */

static void wait_write(struct cluster *cluster, uint32_t node, bool is_refused)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    for (bool is_right = false; !is_right;) {
        redisReply *reply = redis_client_call(client, "SET disk:probe v");
        is_right = is_refused ? reply->type == REDIS_REPLY_ERROR &&
                                    strncmp(reply->str, "DISKFULL ", 9) == 0
                              : reply->type == REDIS_REPLY_STATUS;
        if (!is_right && check_now_ms() > end_ms) {
            FAIL("node-%u answers a write with %s", node + 1, redis_client_show(reply));
        }
        freeReplyObject(reply);
        check_sleep_ms(POLL_MS);
    }
    redisFree(client);
}

/* What a node with a full disk does still: all but take new bytes in. */
static void check_refuses(struct cluster *cluster, uint32_t node)
{
    uint16_t http = cluster->nodes[node].http_port;
    wait_write(cluster, node, true);
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    expect_error(client, "DISKFULL ", "APPEND disk:0 more");
    expect_error(client, "DISKFULL ", "INCR disk:count");
    expect(client, "(nil)", "GET disk:count");
    expect_post_like(http, "/put", "{\"key\":\"disk:http\",\"value\":\"v\"}", 503,
                     "{\"ok\":false,\"error\":\"DISKFULL ");
    expect_get(http, "/get?key=disk:http", 404, "{\"ok\":false,\"error\":\"key not found\"}");
    expect_get(http, "/health", 200, "{\"ok\":true}");
    load_check(cluster, node, &load);
    CHECK(redis_client_integer(client, "DEL disk:probe") >= 0);
    expect(client, "+PONG", "PING");
    expect_post(http, "/delete?key=disk:probe", NULL, 200, "{\"ok\":true}");
    redisFree(client);
}

/* The others lead and take writes, all along. */
static void check_others_serve(struct cluster *cluster, uint32_t full)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (cluster_wait_leader(cluster) == full) {
        CHECK(check_now_ms() < end_ms);
        check_sleep_ms(POLL_MS);
    }
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        if (node != full) {
            wait_write(cluster, node, false);
        }
    }
}

static void check_membership_works(struct cluster *cluster, uint32_t full)
{
    redisContext *client = redis_client_open(cluster->nodes[full].redis_port);
    CHECK(redis_client_integer(client, "QUORUM ADD node-9 127.0.0.1:%u LEARNER",
                               cluster_free_port()) > 0);
    CHECK(redis_client_integer(client, "QUORUM REMOVE node-9") > 0);
    redisFree(client);
}

void test_nearly_full_disk(struct cluster *cluster)
{
    start_on_small_disks(cluster);
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        /* First the leader, wherever that is by then. */
        uint32_t full = i == 0 ? cluster_wait_leader(cluster) : i - 1;
        const char *path = cluster->nodes[full].data;
        small_disk_fill(path, FREE_MIN_BYTES / 2);
        check_refuses(cluster, full);
        check_others_serve(cluster, full);
        check_membership_works(cluster, full);
        small_disk_empty(path);
        wait_write(cluster, full, false);
        load_check(cluster, full, &load);
    }
    cluster_check_agreement(cluster);
}

/* All of them at once: nobody has room to lead, and still all but new bytes is served. */
void test_all_disks_nearly_full(struct cluster *cluster)
{
    start_on_small_disks(cluster);
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        small_disk_fill(cluster->nodes[node].data, FREE_MIN_BYTES / 2);
    }
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        check_refuses(cluster, node);
        check_membership_works(cluster, node);
    }
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        small_disk_empty(cluster->nodes[node].data);
    }
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        wait_write(cluster, node, false);
    }
    load_check(cluster, 0, &load);
    cluster_check_agreement(cluster);
}

/* Not a byte is left, and entries keep coming from the others. The node may fall behind, and must
 * neither end nor lose anything; when there is room again it catches up by itself. */
void test_full_disk(struct cluster *cluster)
{
    enum { ROUNDS = 3 };
    start_on_small_disks(cluster);
    for (uint32_t full = 0; full < cluster->nodes_count; full++) {
        const char *path = cluster->nodes[full].data;
        pid_t pid = cluster->nodes[full].pid;
        struct load meanwhile = {"meanwhile", full, 1000, 2000};
        small_disk_fill(path, 0);
        check_others_serve(cluster, full);
        for (uint32_t round = 0; round < ROUNDS; round++) {
            meanwhile.generation = full * ROUNDS + round;
            load_write(cluster, (full + 1) % 3, &meanwhile);
            small_disk_fill(path, 0); /* what it gave up of its own goes too */
        }
        check_others_serve(cluster, full);
        small_disk_empty(path);
        wait_write(cluster, full, false);
        cluster_check_agreement(cluster);
        load_check(cluster, full, &meanwhile);
        CHECK(cluster->nodes[full].pid == pid);
    }
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        cluster_kill(cluster, node);
        cluster_restart(cluster, node);
    }
    (void)cluster_wait_leader(cluster);
    load_check(cluster, 0, &load);
    cluster_check_agreement(cluster);
}

/* A node that is started on a full disk waits for room, or says so; it does not lose anything. */
void test_start_on_full_disk(struct cluster *cluster)
{
    start_on_small_disks(cluster);
    uint32_t full = cluster_other(cluster, cluster_wait_leader(cluster));
    const char *path = cluster->nodes[full].data;
    cluster_kill(cluster, full);
    small_disk_fill(path, 0);
    cluster_restart(cluster, full);
    load_check(cluster, full, &load);
    wait_write(cluster, full, true);
    small_disk_empty(path);
    wait_write(cluster, full, false);
    cluster_check_agreement(cluster);
}

/* ---- Slow ---- */

/* Starts every node with a library before libc that makes its disk as slow as a file says. */
static void start_with_slow_disks(struct cluster *cluster)
{
    char library[CLUSTER_PATH_BYTES + 32];
    (void)snprintf(library, sizeof(library), "%s", cluster->binary);
    char *slash = strrchr(library, '/');
    CHECK(slash != NULL);
    (void)snprintf(slash, 32, "/slow_disk_preload.so");
    CHECK(access(library, R_OK) == 0);
    CHECK(setenv("LD_PRELOAD", library, 1) == 0);
    CHECK(setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1) == 0);
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        char file[CLUSTER_PATH_BYTES + 64];
        cluster_path(cluster, node, "../slow", file);
        (void)snprintf(file + strlen(file), 16, "-%u", node);
        CHECK(setenv("SLOW_DISK_FILE", file, 1) == 0);
        cluster_launch(cluster, node);
    }
    CHECK(unsetenv("LD_PRELOAD") == 0);
    (void)cluster_wait_leader(cluster);
}

static void set_slow(const struct cluster *cluster, uint32_t node, const char *ms)
{
    char file[CLUSTER_PATH_BYTES + 64];
    (void)snprintf(file, sizeof(file), "%s/slow-%u", cluster->directory, node);
    files_write(file, ms);
}

void test_slow_disk(struct cluster *cluster)
{
    enum { TERMS_MAX = 6 };
    start_with_slow_disks(cluster);
    uint32_t slow = cluster_wait_leader(cluster);
    uint64_t term = cluster_get_number(cluster, slow, "raft_term");
    redisContext *client =
        redis_client_open(cluster->nodes[cluster_other(cluster, slow)].redis_port);
    expect(client, ":1", "INCR slow");
    set_slow(cluster, slow, "2500");
    uint64_t begun_ms = check_now_ms();
    uint64_t end_ms = begun_ms + CLUSTER_PATIENCE_MS;
    int64_t count = 1;
    do { /* Each must be answered, be it late. */
        CHECK(redis_client_integer(client, "INCR slow") == ++count);
        CHECK(check_now_ms() < end_ms);
    } while (cluster_wait_leader(cluster) == slow);
    check_note("leadership handed over after %llu ms",
               (unsigned long long)(check_now_ms() - begun_ms));
    uint64_t quick_ms = check_now_ms();
    for (int i = 0; i < 100; i++) {
        CHECK(redis_client_integer(client, "INCR slow") == ++count);
    }
    check_note("then 100 writes in %llu ms", (unsigned long long)(check_now_ms() - quick_ms));
    /* It stays where it is, slow as the one may be. */
    uint32_t leader = cluster_wait_leader(cluster);
    CHECK(leader != slow);
    CHECK(cluster_get_number(cluster, leader, "raft_term") <= term + TERMS_MAX);
    set_slow(cluster, slow, "0");
    redisFree(client);
    cluster_check_agreement(cluster);
}
