/* strangers.c -- nodes that come to the wrong cluster, twice, or with somebody else's data. */
#include <stdio.h>
#include <string.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/redis_client.h"

/* Long enough for dozens of attempts to connect. */
enum { ATTEMPTS_MS = 2500 };

struct standing {
    uint32_t leader;
    char term[64];
};

static struct standing get_standing(struct cluster *cluster)
{
    struct standing standing = {.leader = cluster_wait_leader(cluster)};
    CHECK(cluster_get_raft_field(cluster, standing.leader, "raft_term", standing.term));
    return standing;
}

static void check_undisturbed(struct cluster *cluster, const struct standing *before)
{
    struct standing now = get_standing(cluster);
    if (now.leader != before->leader || strcmp(now.term, before->term) != 0) {
        FAIL("node-%u led in term %s, now node-%u leads in term %s", before->leader + 1,
             before->term, now.leader + 1, now.term);
    }
}

/* Every node writes and is read from every node, for so long. */
static void use(struct cluster *cluster, uint64_t ms)
{
    redisContext *clients[CLUSTER_NODES_MAX];
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        clients[i] = redis_client_open(cluster->nodes[i].redis_port);
    }
    uint64_t end_ms = check_now_ms() + ms;
    do {
        for (uint32_t i = 0; i < cluster->nodes_count; i++) {
            char value[32];
            int64_t count = redis_client_integer(clients[i], "INCR strangers:used");
            (void)snprintf(value, sizeof(value), "\"%lld\"", (long long)count);
            expect(clients[(i + 1) % cluster->nodes_count], value, "GET strangers:used");
        }
        check_sleep_ms(1);
    } while (check_now_ms() < end_ms);
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        redisFree(clients[i]);
    }
}

/* A second cluster of the same node names, which takes the first one's node-3 for its own. */
static void init_other(struct cluster *other, const struct cluster *cluster, const char *directory)
{
    cluster_init(other, cluster->binary, directory, 2);
    size_t used = strlen(other->peers);
    (void)snprintf(other->peers + used, sizeof(other->peers) - used, ",node-3=127.0.0.1:%u",
                   cluster->nodes[2].raft_port);
}

void test_other_cluster(struct cluster *cluster)
{
    struct cluster other;
    char directory[CLUSTER_PATH_BYTES + 16];
    struct standing before = get_standing(cluster);
    (void)snprintf(directory, sizeof(directory), "%s/other", cluster->directory);
    init_other(&other, cluster, directory);
    cluster_start(&other);
    redisContext *client = redis_client_open(other.nodes[0].redis_port);
    expect(client, "+OK", "SET strangers:other 1");
    use(cluster, ATTEMPTS_MS);
    cluster_wait_for_log(cluster, 2, "belongs to another cluster");
    cluster_wait_for_log(&other, 0, "belongs to another cluster");
    expect(client, "\"1\"", "GET strangers:other");
    redisFree(client);
    /* Said once for each of the two that call, however often they do. */
    CHECK(cluster_count_in_log(cluster, 2, "belongs to another cluster") <= 2);
    CHECK(cluster_count_in_log(&other, 0, "belongs to another cluster") <= 2);
    /* Once more, now that the other cluster has a name from its start on. */
    cluster_kill(&other, 0);
    cluster_kill(&other, 1);
    cluster_start(&other);
    use(cluster, 500);
    client = redis_client_open(cluster->nodes[2].redis_port);
    expect(client, "(nil)", "GET strangers:other");
    redisFree(client);
    check_undisturbed(cluster, &before);
    cluster_check_agreement(cluster);
    cluster_check_agreement(&other);
}

/* A cluster that is only just being made has no name of its own yet, and its first leader is of the
 * same term as the one that is here. Nothing it says may come through to Raft. */
void test_new_cluster_of_same_names(struct cluster *cluster)
{
    enum { STARTS = 4 };
    struct standing before = get_standing(cluster);
    uint32_t losses = cluster_count_in_log(cluster, 2, "lost its leader");
    for (uint32_t i = 0; i < STARTS; i++) {
        struct cluster other;
        char directory[CLUSTER_PATH_BYTES + 16];
        (void)snprintf(directory, sizeof(directory), "%s/new-%u", cluster->directory, i);
        init_other(&other, cluster, directory);
        cluster_start(&other);
        use(cluster, 200);
        cluster_kill_all(&other);
    }
    CHECK(cluster_count_in_log(cluster, 2, "claims to lead term") == 0);
    CHECK(cluster_count_in_log(cluster, 2, "lost its leader") == losses);
    check_undisturbed(cluster, &before);
    cluster_check_agreement(cluster);
}

/* A node that is no member, and a second node-1 with an empty data directory. */
void test_stranger_and_duplicate(struct cluster *cluster)
{
    struct cluster stranger;
    char directory[CLUSTER_PATH_BYTES + 16];
    struct standing before = get_standing(cluster);
    (void)snprintf(directory, sizeof(directory), "%s/stranger", cluster->directory);
    cluster_init(&stranger, cluster->binary, directory, 1);
    (void)snprintf(stranger.nodes[0].name, sizeof(stranger.nodes[0].name), "node-4");
    memcpy(stranger.peers, cluster->peers, sizeof(stranger.peers));
    size_t used = strlen(stranger.peers);
    (void)snprintf(stranger.peers + used, sizeof(stranger.peers) - used, ",node-4=127.0.0.1:%u",
                   stranger.nodes[0].raft_port);
    cluster_launch(&stranger, 0);
    use(cluster, ATTEMPTS_MS);
    cluster_wait_for_log(cluster, 0, "is not a member of this cluster");
    CHECK(cluster_count_in_log(cluster, 0, "is not a member of this cluster") == 1);
    check_undisturbed(cluster, &before);
    char role[64];
    CHECK(cluster_get_raft_field(&stranger, 0, "raft_role", role));
    CHECK(strcmp(role, "leader") != 0);
    cluster_kill(&stranger, 0);

    (void)snprintf(directory, sizeof(directory), "%s/duplicate", cluster->directory);
    cluster_init(&stranger, cluster->binary, directory, 1);
    (void)snprintf(stranger.peers, sizeof(stranger.peers),
                   "node-1=127.0.0.1:%u,node-2=127.0.0.1:%u,node-3=127.0.0.1:%u",
                   stranger.nodes[0].raft_port, cluster->nodes[1].raft_port,
                   cluster->nodes[2].raft_port);
    cluster_launch(&stranger, 0);
    use(cluster, ATTEMPTS_MS);
    CHECK(cluster_get_raft_field(&stranger, 0, "raft_role", role));
    CHECK(strcmp(role, "leader") != 0);
    cluster_kill(&stranger, 0);
    use(cluster, 0);
    cluster_check_agreement(cluster);
}

void test_wrong_data_directory(struct cluster *cluster)
{
    struct cluster second = *cluster;
    cluster->nodes_count = 1;
    cluster->peers[0] = '\0';
    cluster_start(cluster);
    redisContext *client = redis_client_open(cluster->nodes[0].redis_port);
    expect(client, "+OK", "SET owner first");

    /* The same directory while its owner runs. */
    struct cluster_node *intruder = &second.nodes[0];
    second.nodes_count = 1;
    second.peers[0] = '\0';
    intruder->raft_port = cluster_free_port();
    intruder->http_port = cluster_free_port();
    intruder->redis_port = cluster_free_port();
    (void)snprintf(intruder->log, sizeof(intruder->log), "%s/intruder.log", cluster->directory);
    cluster_launch(&second, 0);
    CHECK(cluster_wait_end(&second, 0) == 1);
    CHECK(cluster_count_in_log(&second, 0, "is in use by process") == 1);
    expect(client, "\"first\"", "GET owner");
    expect(client, "+OK", "SET owner still-first");
    redisFree(client);

    /* And under another name when it does not. */
    cluster_stop(cluster, 0);
    (void)snprintf(intruder->name, sizeof(intruder->name), "node-2");
    cluster_launch(&second, 0);
    CHECK(cluster_wait_end(&second, 0) == 1);
    CHECK(cluster_count_in_log(&second, 0, "belongs to node 'node-1'") == 1);
    cluster_start(cluster);
    client = redis_client_open(cluster->nodes[0].redis_port);
    expect(client, "\"still-first\"", "GET owner");
    redisFree(client);
}
