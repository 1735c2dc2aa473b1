/* members.c -- the membership changes while everything goes on (faults, group M). */
#include <stdio.h>
#include <string.h>

#include "integration/membership.h"
#include "integration/suite.h"
#include "integration/writers.h"
#include "lib/check.h"
#include "lib/files.h"
#include "lib/http_client.h"
#include "lib/redis_client.h"

/* ---- Growing, shrinking, replacing ---- */

/* Every change is one step: clients are moved by what they are told, nothing else. */
struct journey {
    struct cluster *cluster;
    struct writers *writers;
    uint64_t longest_gap_ms;
};

static void end_step(struct journey *journey, const char *what, uint32_t node)
{
    (void)writers_wait_acknowledged(journey->writers);
    uint64_t gap_ms = writers_take_longest_gap(journey->writers);
    check_note("%s node-%u: at most %llu ms without a write", what, node + 1,
               (unsigned long long)gap_ms);
    journey->longest_gap_ms = gap_ms > journey->longest_gap_ms ? gap_ms : journey->longest_gap_ms;
    writers_wait_rounds(journey->writers, 5);
    (void)writers_take_longest_gap(journey->writers);
}

static void grow(struct journey *journey, bool asks_itself)
{
    uint32_t through = cluster_wait_leader(journey->cluster);
    /* Any node does, not only the leader. */
    for (uint32_t i = 0; i < journey->cluster->nodes_count; i++) {
        through = cluster_is_serving(journey->cluster, i) ? i : through;
    }
    uint32_t node = member_grow(journey->cluster, through, asks_itself);
    writers_expect_new(journey->writers, node);
    end_step(journey, "added", node);
}

static void shrink(struct journey *journey, uint32_t node)
{
    struct cluster *cluster = journey->cluster;
    writers_leave(journey->writers, node);
    member_remove(cluster, cluster_other(cluster, node), node);
    (void)cluster_wait_leader(cluster);
    end_step(journey, "removed", node);
    member_wait_removed(cluster, node);
    cluster_stop(cluster, node);
}

void test_grow_shrink_replace(struct cluster *cluster)
{
    cluster->nodes_count = 1;
    cluster->peers[0] = '\0';
    cluster_start(cluster);
    struct journey journey = {cluster, writers_start(cluster), 0};
    for (uint32_t i = 0; i < 4; i++) { /* 1 -> 3 -> 5 */
        grow(&journey, i % 2 == 1);
    }
    shrink(&journey, 3); /* 5 -> 3 */
    shrink(&journey, 4);
    for (uint32_t original = 0; original < 3; original++) {
        grow(&journey, original % 2 == 1);
        shrink(&journey, original);
    }
    writers_wait_rounds(journey.writers, 20);
    uint64_t acknowledged = writers_finish(journey.writers);
    cluster_check_agreement(cluster);
    for (uint32_t i = 5; i < 8; i++) {
        expect_get_like(cluster->nodes[i].http_port, "/cluster/members", 200,
                        "{\"members\":[\"node-6\",\"node-7\",\"node-8\"]");
    }
    check_note("%llu writes acknowledged, at most %llu ms without one",
               (unsigned long long)acknowledged, (unsigned long long)journey.longest_gap_ms);
}

/* ---- A leader that goes ---- */

void test_leader_removes_itself(struct cluster *cluster)
{
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    struct writers *writers = writers_start(cluster);
    writers_wait_rounds(writers, 10);
    writers_leave(writers, leader);
    (void)writers_take_longest_gap(writers);
    member_remove(cluster, leader, leader);
    uint32_t next = cluster_wait_leader(cluster);
    CHECK(next != leader);
    (void)writers_wait_acknowledged(writers);
    check_note("at most %llu ms without a write",
               (unsigned long long)writers_take_longest_gap(writers));
    member_wait_removed(cluster, leader);
    writers_wait_rounds(writers, 20);
    (void)writers_finish(writers);
    cluster_check_agreement(cluster);
    char text[64];
    CHECK(cluster_get_raft_field(cluster, leader, "raft_role", text));
    CHECK(strcmp(text, "leader") != 0);
}

/* ---- Nodes that are members no more ---- */

/* A while in which a node that disturbs would have done it many times over. */
static void check_quiet(struct cluster *cluster, uint64_t ms)
{
    char before[64], after[64];
    uint32_t leader = cluster_wait_leader(cluster);
    CHECK(cluster_get_raft_field(cluster, leader, "raft_term", before));
    redisContext *client = redis_client_open(cluster->nodes[leader].redis_port);
    uint64_t end_ms = check_now_ms() + ms;
    do {
        CHECK(redis_client_integer(client, "INCR quiet") > 0);
        check_sleep_ms(5);
    } while (check_now_ms() < end_ms);
    redisFree(client);
    CHECK(cluster_wait_leader(cluster) == leader);
    CHECK(cluster_get_raft_field(cluster, leader, "raft_term", after));
    if (strcmp(before, after) != 0) {
        FAIL("the term went from %s to %s", before, after);
    }
}

/* It sleeps through its removal, wakes up, restarts, and comes back with an empty disk. */
void test_removed_node(struct cluster *cluster)
{
    enum { QUIET_MS = 2000 };
    cluster_add_option(cluster, "--request-timeout=2000");
    cluster_add_option(cluster, "--election-timeout-min=500");
    cluster_add_option(cluster, "--election-timeout-max=1000");
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t gone = cluster_other(cluster, leader);
    struct cluster_node *node = &cluster->nodes[gone];
    redisContext *client = redis_client_open(node->redis_port);
    expect(client, "+OK", "SET removed no"); /* so it knows whose member it is */
    redisFree(client);
    cluster_pause(cluster, gone);
    member_remove(cluster, leader, gone);
    cluster_resume(cluster, gone);
    member_wait_removed(cluster, gone);
    check_quiet(cluster, QUIET_MS);
    cluster_wait_raft_field(cluster, gone, "raft_leader_id", "");
    client = redis_client_open(node->redis_port);
    expect_error(client, "CLUSTERDOWN", "SET removed yes");
    expect_error(client, "CLUSTERDOWN", "GET quiet");
    redisFree(client);

    cluster_stop(cluster, gone);
    cluster_launch(cluster, gone);
    member_wait_removed(cluster, gone);
    check_quiet(cluster, QUIET_MS);
    client = redis_client_open(node->redis_port);
    expect_error(client, "CLUSTERDOWN", "SET removed yes");
    redisFree(client);
    cluster_stop(cluster, gone);

    char old[CLUSTER_PATH_BYTES + 64];
    cluster_path(cluster, gone, "../old", old);
    CHECK(rename(node->data, old) == 0);
    (void)snprintf(node->join, sizeof(node->join), "127.0.0.1:%u",
                   cluster->nodes[leader].raft_port);
    member_add(cluster, leader, gone);
    cluster_launch(cluster, gone);
    member_wait_voter(cluster, leader, gone);
    cluster_check_agreement(cluster);
}

/* ---- Changes that would take the majority away ---- */

/* A node that nobody can reach: it never counts, and goes again. */
static void add_unreachable(struct cluster *cluster, uint32_t through)
{
    char role[MEMBER_ROLE_BYTES];
    redisContext *client = redis_client_open(cluster->nodes[through].redis_port);
    CHECK(redis_client_integer(client, "QUORUM ADD node-9 127.0.0.1:%u", cluster_free_port()) > 0);
    for (int i = 0; i < 50; i++) {
        expect(client, "+OK", "SET unreachable %d", i);
    }
    expect_error(client, "NOTCAUGHTUP", "QUORUM PROMOTE node-9");
    struct cluster_node shown = {.name = "node-9"};
    struct cluster other = *cluster;
    other.nodes[CLUSTER_NODES_MAX - 1] = shown;
    member_role(&other, through, CLUSTER_NODES_MAX - 1, role);
    CHECK(role[0] != '\0' && strcmp(role, "voter") != 0);
    CHECK(redis_client_integer(client, "QUORUM REMOVE node-9") > 0);
    redisFree(client);
}

void test_majority_is_kept(struct cluster *cluster)
{
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t dead = cluster_other(cluster, leader);
    uint32_t third = 0 + 1 + 2 - leader - dead;
    cluster_kill(cluster, dead);
    add_unreachable(cluster, leader);

    /* Two voters left, of which one is dead: refused, unless it is insisted on. */
    char json[64];
    (void)snprintf(json, sizeof(json), "{\"nodeId\":\"%s\"}", cluster->nodes[third].name);
    redisContext *client = redis_client_open(cluster->nodes[third].redis_port);
    member_wait_unreachable(cluster, leader, dead);
    expect_error(client, "NOQUORUM ", "QUORUM REMOVE %s", cluster->nodes[third].name);
    expect_post_like(cluster->nodes[third].http_port, "/cluster/remove", json, 409,
                     "{\"ok\":false,\"error\":\"NOQUORUM");
    int is_sent = 0;
    CHECK(redisAppendCommand(client, "QUORUM REMOVE %s FORCE", cluster->nodes[third].name) ==
          REDIS_OK);
    CHECK(redisBufferWrite(client, &is_sent) == REDIS_OK && is_sent != 0);
    cluster->nodes[third].is_outside = true;
    cluster_restart(cluster, dead);
    (void)cluster_wait_leader(cluster);
    redisContext *other = redis_client_open(cluster->nodes[dead].redis_port);
    expect(other, "+OK", "SET forced done");
    redisFree(other);
    member_wait_removed(cluster, third);
    redisFree(client);
    cluster_check_agreement(cluster);
}

/* A cluster of one whose second never comes goes on alone. */
void test_second_never_comes(struct cluster *cluster)
{
    cluster->nodes_count = 1;
    cluster->peers[0] = '\0';
    cluster_start(cluster);
    add_unreachable(cluster, 0);
    redisContext *client = redis_client_open(cluster->nodes[0].redis_port);
    expect_error(client, "LASTVOTER", "QUORUM REMOVE node-1");
    expect_post_like(cluster->nodes[0].http_port, "/cluster/remove", "{\"nodeId\":\"node-1\"}", 409,
                     "{\"ok\":false,\"error\":\"LASTVOTER");
    expect(client, "\"49\"", "GET unreachable");
    redisFree(client);
    cluster_kill(cluster, 0);
    cluster_start(cluster);
    expect_get_like(cluster->nodes[0].http_port, "/cluster/members", 200,
                    "{\"members\":[\"node-1\"]");
}

/* ---- The same node again and again ---- */

void test_rapid_add_and_remove(struct cluster *cluster)
{
    enum { ROUNDS = 8 };
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t fourth = cluster_add_node(cluster, leader);
    struct writers *writers = writers_start(cluster);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        if (i == ROUNDS / 2) {
            cluster_launch(cluster, fourth); /* from here on it hears of it */
        }
        member_add(cluster, i % 3, fourth);
        member_remove(cluster, (i + 1) % 3, fourth);
    }
    member_add(cluster, 0, fourth);
    member_wait_voter(cluster, 0, fourth);
    writers_expect_new(writers, fourth);
    writers_wait_rounds(writers, 10);
    (void)writers_finish(writers);
    cluster_check_agreement(cluster);
}

/* ---- kill -9 while members come and go ---- */

/* A fourth node comes, with an empty disk each time, and goes, and any node dies at any moment. */
void test_kills_in_changes(struct cluster *cluster)
{
    enum { KILLS_DEFAULT = 6, PAUSE_MS_MAX = 150 };
    uint64_t random = check_now_ms();
    uint32_t kills = kills_wanted(KILLS_DEFAULT);
    cluster_add_option(cluster, "--snapshot-entries=100");
    cluster_add_option(cluster, "--snapshot-trailing-bytes=1");
    cluster_add_option(cluster, "--request-timeout=15000");
    cluster_start(cluster);
    uint32_t fourth = cluster_add_node(cluster, 0);
    struct writers *writers = writers_start(cluster);
    for (uint32_t i = 0; i < kills; i++) {
        uint32_t node = check_random(&random, 4);
        member_add(cluster, i % 3, fourth);
        cluster_launch(cluster, fourth);
        check_sleep_ms(check_random(&random, PAUSE_MS_MAX));
        if (node != fourth) {
            writers_expect_loss(writers, node);
        }
        cluster_kill(cluster, node);
        cluster_restart(cluster, node);
        member_wait_voter(cluster, (i + 1) % 3, fourth);
        (void)cluster_wait_leader(cluster);
        member_remove(cluster, (i + 2) % 3, fourth);
        member_wait_removed(cluster, fourth);
        cluster_kill(cluster, fourth);
        files_remove_tree(cluster->nodes[fourth].data);
        writers_expect_service(writers, node);
        writers_wait_rounds(writers, 3);
    }
    uint64_t acknowledged = writers_finish(writers);
    cluster_check_agreement(cluster);
    check_note("%u kills, %llu writes acknowledged", kills, (unsigned long long)acknowledged);
}

/* ---- Nodes that ask for it themselves ---- */

/* Two at once, and a third by way of one of them. */
void test_join(struct cluster *cluster)
{
    cluster->nodes_count = 1;
    cluster->peers[0] = '\0';
    cluster_start(cluster);
    redisContext *client = redis_client_open(cluster->nodes[0].redis_port);
    expect(client, "+OK", "SET joined before");
    uint32_t second = cluster_add_node(cluster, 0);
    uint32_t third = cluster_add_node(cluster, 0);
    cluster_launch(cluster, second);
    cluster_launch(cluster, third);
    member_wait_voter(cluster, 0, second);
    member_wait_voter(cluster, 0, third);
    uint32_t fourth = cluster_add_node(cluster, second);
    cluster_launch(cluster, fourth);
    member_wait_voter(cluster, third, fourth);
    redisFree(client);
    /* What was learned lasts: the address to ask is of no use any more. */
    cluster_kill_all(cluster);
    for (uint32_t i = 1; i < cluster->nodes_count; i++) {
        (void)snprintf(cluster->nodes[i].join, sizeof(cluster->nodes[i].join), "127.0.0.1:%u",
                       cluster_free_port());
    }
    cluster_start(cluster);
    client = redis_client_open(cluster->nodes[fourth].redis_port);
    expect(client, "\"before\"", "GET joined");
    redisFree(client);
    cluster_check_agreement(cluster);
}
