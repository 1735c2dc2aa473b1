/* snapshots.c -- what snapshots and membership changes cost, in one table.
 *
 *     bench-snapshots QUORUM
 *
 * KEYS (1000000), RATE (50000 a second), SECONDS (120, twice) and LOG_BYTES (64mb, what
 * snapshot-log-bytes is the second time) in the environment. A machine that does not take the rate
 * is given six tenths of what it takes. Three nodes, the clients and all
 * their disks are on this machine.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/open_loop.h"
#include "integration/membership.h"
#include "integration/writers.h"
#include "lib/check.h"
#include "lib/cluster.h"
#include "lib/files.h"
#include "lib/redis_client.h"

enum {
    VALUE_BYTES = 64,
    CONNECTIONS = 50,
    LOAD_PIPELINE = 1000,
    CALIBRATION_SECONDS = 5,
    WATCH_MS = 20,
    NODES = 3,
    MEBIBYTE = 1024 * 1024,
};

static uint32_t number_from(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : (uint32_t)strtoul(text, NULL, 10);
}

/* ---- Watching the nodes meanwhile ---- */

struct watch {
    struct cluster *cluster;
    pthread_t thread;
    atomic_bool is_saving; /* any node */
    atomic_bool is_over;
    uint64_t snapshots_count;
    uint64_t raft_bytes_max, wal_bytes_max;
};

static uint64_t info_number(redisContext *client, const char *field)
{
    redisReply *reply = redis_client_call(client, "INFO persistence");
    const char *place = strstr(reply->str, field);
    uint64_t number = place == NULL ? 0 : strtoull(place + strlen(field) + 1, NULL, 10);
    freeReplyObject(reply);
    return number;
}

static void measure_files(struct watch *watch)
{
    for (uint32_t node = 0; node < NODES; node++) {
        char path[CLUSTER_PATH_BYTES + 64];
        cluster_path(watch->cluster, node, "raft.db", path);
        uint64_t raft_bytes = files_size(path);
        cluster_path(watch->cluster, node, "raft.db-wal", path);
        uint64_t wal_bytes = files_size(path);
        watch->raft_bytes_max =
            raft_bytes > watch->raft_bytes_max ? raft_bytes : watch->raft_bytes_max;
        watch->wal_bytes_max = wal_bytes > watch->wal_bytes_max ? wal_bytes : watch->wal_bytes_max;
    }
}

static void *watch_nodes(void *context)
{
    struct watch *watch = context;
    redisContext *clients[NODES];
    bool was_saving[NODES] = {false};
    for (uint32_t node = 0; node < NODES; node++) {
        clients[node] = redis_client_open(watch->cluster->nodes[node].redis_port);
    }
    while (!atomic_load(&watch->is_over)) {
        bool is_any_saving = false;
        for (uint32_t node = 0; node < NODES; node++) {
            bool is_saving = info_number(clients[node], "rdb_bgsave_in_progress") != 0;
            watch->snapshots_count += is_saving && !was_saving[node];
            was_saving[node] = is_saving;
            is_any_saving = is_any_saving || is_saving;
        }
        atomic_store(&watch->is_saving, is_any_saving);
        measure_files(watch);
        check_sleep_ms(WATCH_MS);
    }
    for (uint32_t node = 0; node < NODES; node++) {
        redisFree(clients[node]);
    }
    return NULL;
}

/* ---- Latency with and without ---- */

static void put_row(const char *name, const struct histogram *histogram)
{
    printf("%-36s %10llu %9.2f %9.2f %9.2f %9.2f\n", name, (unsigned long long)histogram->count,
           (double)histogram_permille_us(histogram, 500) / 1000,
           (double)histogram_permille_us(histogram, 990) / 1000,
           (double)histogram_permille_us(histogram, 999) / 1000, (double)histogram->max_us / 1000);
    (void)fflush(stdout);
}

static void load_keys(struct cluster *cluster, uint32_t node, uint32_t keys_count)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    char value[VALUE_BYTES + 1];
    memset(value, 'v', VALUE_BYTES);
    value[VALUE_BYTES] = '\0';
    for (uint32_t i = 0; i < keys_count;) {
        uint32_t end = i + LOAD_PIPELINE < keys_count ? i + LOAD_PIPELINE : keys_count;
        for (uint32_t j = i; j < end; j++) {
            CHECK(redisAppendCommand(client, "SET key:%u %s", j, value) == REDIS_OK);
        }
        for (; i < end; i++) {
            void *reply = NULL;
            CHECK(redisGetReply(client, &reply) == REDIS_OK);
            CHECK(((redisReply *)reply)->type == REDIS_REPLY_STATUS);
            freeReplyObject(reply);
        }
    }
    redisFree(client);
}

static void configure(struct cluster *cluster, const char *option, const char *value)
{
    for (uint32_t node = 0; node < NODES; node++) {
        redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
        expect(client, "+OK", "CONFIG SET %s %s", option, value);
        redisFree(client);
    }
}

static void save_all(struct cluster *cluster)
{
    uint64_t begun_ms = check_now_ms();
    for (uint32_t node = 0; node < NODES; node++) {
        redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
        expect(client, "+OK", "SAVE");
        redisFree(client);
    }
    printf("SAVE on three nodes, one by one, in %.1f s\n",
           (double)(check_now_ms() - begun_ms) / 1000);
}

/* Runs the load under a watch; the leader takes it. */
static void run_watched(struct cluster *cluster, struct open_loop_options *options,
                        struct watch *watch, struct open_loop_result *result)
{
    *watch = (struct watch){.cluster = cluster};
    CHECK(pthread_create(&watch->thread, NULL, watch_nodes, watch) == 0);
    options->port = cluster->nodes[cluster_wait_leader(cluster)].redis_port;
    options->is_marked = &watch->is_saving;
    open_loop_run(options, result);
    atomic_store(&watch->is_over, true);
    CHECK(pthread_join(watch->thread, NULL) == 0);
    if (result->errors > 0) {
        FAIL("%llu writes were answered with an error", (unsigned long long)result->errors);
    }
}

static void calibrate(struct cluster *cluster, struct open_loop_options *options)
{
    struct open_loop_options closed = *options;
    static struct open_loop_result result;
    closed.rate = 0;
    closed.seconds = CALIBRATION_SECONDS;
    closed.port = cluster->nodes[cluster_wait_leader(cluster)].redis_port;
    open_loop_run(&closed, &result);
    uint32_t affordable = (uint32_t)(result.answered_per_second * 0.6);
    printf("this machine takes %.0f SET/s, %u connections with 16 each under way\n",
           result.answered_per_second, CONNECTIONS);
    if (options->rate > affordable) {
        printf("the rate is %u/s and not %u/s\n", affordable, options->rate);
        options->rate = affordable;
    }
}

/* Figures of a machine that does other things besides are worth little; it should show. */
static void put_load(void)
{
    double load = 0;
    if (getloadavg(&load, 1) == 1) {
        printf("load average before: %.1f on %ld processors\n", load,
               sysconf(_SC_NPROCESSORS_ONLN));
    }
}

static void bench_latency(struct cluster *cluster)
{
    static struct open_loop_result without, with;
    static struct histogram all;
    struct watch watch;
    struct open_loop_options options = {
        .connections_count = CONNECTIONS,
        .keys_count = number_from("KEYS", 1000000),
        .value_bytes = VALUE_BYTES,
        .rate = number_from("RATE", 50000),
        .seconds = number_from("SECONDS", 120),
    };
    uint64_t begun_ms = check_now_ms();
    load_keys(cluster, cluster_wait_leader(cluster), options.keys_count);
    printf("%u keys of %u bytes loaded in %.1f s\n", options.keys_count, VALUE_BYTES,
           (double)(check_now_ms() - begun_ms) / 1000);
    calibrate(cluster, &options);
    run_watched(cluster, &options, &watch, &without);
    /* From here on they save by the log's size, as they do by default. */
    const char *log_bytes = getenv("LOG_BYTES");
    configure(cluster, "snapshot-log-bytes", log_bytes == NULL ? "64mb" : log_bytes);
    configure(cluster, "snapshot-entries", "100000");
    save_all(cluster); /* the first one, of all keys, is not what is measured */
    run_watched(cluster, &options, &watch, &with);
    all = with.plain;
    histogram_merge(&all, &with.marked);
    printf("\n%-36s %10s %9s %9s %9s %9s\n", "SET latency in ms", "count", "p50", "p99", "p99.9",
           "max");
    put_row("without snapshots", &without.plain);
    put_row("with snapshots, all", &all);
    put_row("  while a node saves", &with.marked);
    put_row("  while none does", &with.plain);
    printf("\n%-36s %.0f/s, then %.0f/s\n", "answered", without.answered_per_second,
           with.answered_per_second);
    printf("%-36s %llu on three nodes\n", "snapshots", (unsigned long long)watch.snapshots_count);
    printf("%-36s %.1f MB and %.1f MB\n", "raft.db and its WAL at most",
           (double)watch.raft_bytes_max / MEBIBYTE, (double)watch.wal_bytes_max / MEBIBYTE);
}

/* ---- Restart ---- */

/* Until the node answers reads that it confirmed, so with all that was committed. */
static uint64_t restart_ms(struct cluster *cluster, uint32_t node)
{
    uint64_t begun_ms = check_now_ms();
    cluster_launch(cluster, node);
    for (;;) {
        redisContext *client = redis_client_try(cluster->nodes[node].redis_port);
        if (client != NULL) {
            redisReply *reply = redis_client_call(client, "GET key:0");
            bool is_served = reply->type == REDIS_REPLY_STRING;
            freeReplyObject(reply);
            redisFree(client);
            if (is_served) {
                return check_now_ms() - begun_ms;
            }
        }
        check_sleep_ms(5);
    }
}

static void bench_restart(struct cluster *cluster)
{
    uint32_t node = cluster_other(cluster, cluster_wait_leader(cluster));
    cluster_kill(cluster, node);
    uint64_t killed_ms = restart_ms(cluster, node);
    (void)cluster_wait_leader(cluster);
    save_all(cluster);
    cluster_stop(cluster, node);
    printf("%-36s %llu ms after kill -9, %llu ms after SAVE and SIGTERM\n",
           "restart until a read is confirmed", (unsigned long long)killed_ms,
           (unsigned long long)restart_ms(cluster, node));
    (void)cluster_wait_leader(cluster);
    cluster_kill_all(cluster);
}

/* ---- Membership ---- */

static void end_step(struct writers *writers, const char *what, uint32_t node)
{
    (void)writers_wait_acknowledged(writers);
    uint64_t gap_ms = writers_take_longest_gap(writers);
    printf("%-28s node-%-2u %10llu ms\n", what, node + 1, (unsigned long long)gap_ms);
    (void)fflush(stdout);
    writers_wait_rounds(writers, 20);
    (void)writers_take_longest_gap(writers);
}

static void remove_node(struct cluster *cluster, struct writers *writers, uint32_t node)
{
    bool is_leader = cluster_wait_leader(cluster) == node;
    writers_leave(writers, node);
    (void)writers_take_longest_gap(writers);
    member_remove(cluster, cluster_other(cluster, node), node);
    (void)cluster_wait_leader(cluster);
    end_step(writers, is_leader ? "removed, the leader," : "removed", node);
    cluster_stop(cluster, node);
}

static void add_node(struct cluster *cluster, struct writers *writers)
{
    uint32_t node = member_grow(cluster, cluster_wait_leader(cluster), false);
    writers_expect_new(writers, node);
    end_step(writers, "added", node);
}

static void bench_membership(const char *binary, const char *directory)
{
    static struct cluster cluster;
    cluster_init(&cluster, binary, directory, 1);
    cluster.peers[0] = '\0';
    cluster_start(&cluster);
    struct writers *writers = writers_start(&cluster);
    writers_wait_rounds(writers, 20);
    (void)writers_take_longest_gap(writers);
    printf("\n%-36s %s\n", "8 writers on all nodes", "longest time without a write");
    for (int i = 0; i < 4; i++) {
        add_node(&cluster, writers);
    }
    remove_node(&cluster, writers, 3);
    remove_node(&cluster, writers, 4);
    for (uint32_t original = 0; original < 3; original++) {
        add_node(&cluster, writers);
        remove_node(&cluster, writers, original);
    }
    printf("%llu writes acknowledged, none lost\n", (unsigned long long)writers_finish(writers));
    cluster_check_agreement(&cluster);
    cluster_kill_all(&cluster);
}

int main(int argc, char **argv)
{
    static struct cluster cluster;
    char directory[CLUSTER_PATH_BYTES / 2] = "/tmp/quorum-bench-XXXXXX";
    char part[CLUSTER_PATH_BYTES];
    if (argc != 2 || access(argv[1], X_OK) != 0 || mkdtemp(directory) == NULL) {
        fprintf(stderr, "usage: bench-snapshots QUORUM\n");
        return 2;
    }
    put_load();
    (void)snprintf(part, sizeof(part), "%s/latency", directory);
    cluster_init(&cluster, argv[1], part, NODES);
    cluster_add_option(&cluster, "--snapshot-log-bytes=1024gb");
    cluster_add_option(&cluster, "--snapshot-entries=4294967295");
    cluster_start(&cluster);
    bench_latency(&cluster);
    bench_restart(&cluster);
    (void)snprintf(part, sizeof(part), "%s/membership", directory);
    bench_membership(argv[1], part);
    files_remove_tree(directory);
    return 0;
}
