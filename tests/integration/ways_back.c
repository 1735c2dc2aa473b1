/* ways_back.c -- nodes that lost what they had, all of it or the last of it, and come back (faults
 * O4, O5, N10, S1, S2, S15).
 *
 * What a node acknowledged and has lost must not count: as long as it has not caught up there are
 * only two of three.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "integration/load.h"
#include "integration/membership.h"
#include "integration/suite.h"
#include "integration/writers.h"
#include "lib/check.h"
#include "lib/files.h"
#include "lib/redis_client.h"

static const struct load before = {"before", 1, 1000, 1000};
static const struct load after = {"after", 2, 1000, 1000};

/* A third node is not needed any more: the two that are left can do without. */
static void check_votes_again(struct cluster *cluster, uint32_t node)
{
    uint32_t leader = cluster_wait_leader(cluster);
    member_wait_voter(cluster, leader, node);
    cluster_check_agreement(cluster);
    uint32_t other = leader == node ? cluster_other(cluster, node) : leader;
    cluster_kill(cluster, other);
    (void)cluster_wait_leader(cluster);
    load_check(cluster, node, &before);
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    expect(client, "+OK", "SET back:votes again");
    redisFree(client);
    cluster_restart(cluster, other);
    (void)cluster_wait_leader(cluster);
    cluster_check_agreement(cluster);
}

/* ---- Without anything ---- */

void test_wiped_node(struct cluster *cluster)
{
    cluster_add_option(cluster, "--snapshot-log-bytes=1mb");
    cluster_add_option(cluster, "--election-timeout-min=500");
    cluster_add_option(cluster, "--election-timeout-max=1000");
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t wiped = cluster_other(cluster, leader);
    load_write(cluster, leader, &before);
    struct writers *writers = writers_start(cluster);
    writers_wait_rounds(writers, 5);
    uint64_t term = cluster_get_number(cluster, leader, "raft_term");
    writers_expect_loss(writers, wiped);
    cluster_kill(cluster, wiped);
    files_remove_tree(cluster->nodes[wiped].data);
    load_write(cluster, leader, &after);
    /* So that it cannot come by the log alone. */
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (cluster_get_number(cluster, leader, "raft_first_index") <= 1) {
        CHECK(check_now_ms() < end_ms);
        check_sleep_ms(20);
    }
    cluster_launch(cluster, wiped);
    member_wait_voter(cluster, leader, wiped);
    writers_expect_service(writers, wiped);
    writers_wait_rounds(writers, 10);
    CHECK(cluster_get_number(cluster, leader, "raft_term") == term);
    CHECK(cluster_get_number(cluster, wiped, "raft_first_index") > 1);
    (void)writers_finish(writers);
    load_check(cluster, wiped, &after);
    check_votes_again(cluster, wiped);
}

/* With one node down, what the wiped one acknowledges makes no majority: nothing may be answered
 * OK that only one disk has that is known. */
void test_wiped_node_does_not_count(struct cluster *cluster)
{
    cluster_add_option(cluster, "--request-timeout=1500");
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t down = cluster_other(cluster, leader);
    uint32_t wiped = 0 + 1 + 2 - leader - down;
    load_write(cluster, leader, &before);
    member_wait_acknowledged(cluster, leader);
    cluster_kill(cluster, down);
    cluster_kill(cluster, wiped);
    files_remove_tree(cluster->nodes[wiped].data);
    cluster_launch(cluster, wiped);
    uint64_t end_ms = check_now_ms() + 2000;
    redisContext *client = redis_client_open(cluster->nodes[leader].redis_port);
    do {
        redisReply *reply = redis_client_call(client, "SET back:counted yes");
        if (reply->type != REDIS_REPLY_ERROR) {
            FAIL("a write is answered %s with one disk of three", redis_client_show(reply));
        }
        freeReplyObject(reply);
    } while (check_now_ms() < end_ms);
    redisFree(client);
    cluster_restart(cluster, down);
    (void)cluster_wait_leader(cluster);
    load_check(cluster, wiped, &before);
    check_votes_again(cluster, wiped);
}

/* ---- With an old image ---- */

void test_old_image(struct cluster *cluster)
{
    char image[CLUSTER_PATH_BYTES + 64];
    cluster_add_option(cluster, "--snapshot-log-bytes=1mb");
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t restored = cluster_other(cluster, leader);
    load_write(cluster, leader, &before);
    cluster_check_agreement(cluster);
    struct writers *writers = writers_start(cluster);
    writers_wait_rounds(writers, 5);
    writers_expect_loss(writers, restored);
    cluster_stop(cluster, restored);
    (void)snprintf(image, sizeof(image), "%s/image", cluster->directory);
    files_copy_tree(cluster->nodes[restored].data, image);
    cluster_restart(cluster, restored);
    writers_expect_service(writers, restored);
    load_write(cluster, restored, &after);
    writers_wait_rounds(writers, 20);

    writers_expect_loss(writers, restored);
    cluster_kill(cluster, restored);
    files_remove_tree(cluster->nodes[restored].data);
    CHECK(rename(image, cluster->nodes[restored].data) == 0);
    cluster_restart(cluster, restored);
    (void)cluster_wait_leader(cluster);
    member_wait_voter(cluster, leader, restored);
    writers_expect_service(writers, restored);
    writers_wait_rounds(writers, 20);
    (void)writers_finish(writers);
    load_check(cluster, restored, &after);
    check_votes_again(cluster, restored);
}

/* The old image, and a node that never had what the image lost: those two are a majority without
 * what was acknowledged. That the image is old shows only in what the leader remembers of it, so
 * the leader stays in office for as long as the two take to start. */
void test_old_image_does_not_count(struct cluster *cluster)
{
    char image[CLUSTER_PATH_BYTES + 64];
    cluster_add_option(cluster, "--election-timeout-min=2000");
    cluster_add_option(cluster, "--election-timeout-max=4000");
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t down = cluster_other(cluster, leader);
    uint32_t restored = 0 + 1 + 2 - leader - down;
    load_write(cluster, leader, &before);
    cluster_check_agreement(cluster);
    cluster_stop(cluster, restored);
    (void)snprintf(image, sizeof(image), "%s/image", cluster->directory);
    files_copy_tree(cluster->nodes[restored].data, image);
    cluster_restart(cluster, restored);
    cluster_kill(cluster, down);
    (void)cluster_wait_leader(cluster);
    load_write(cluster, leader, &after); /* on two disks */
    cluster_kill(cluster, restored);
    files_remove_tree(cluster->nodes[restored].data);
    CHECK(rename(image, cluster->nodes[restored].data) == 0);
    cluster_launch(cluster, restored); /* on one */
    cluster_launch(cluster, down);
    (void)cluster_wait_leader(cluster);
    for (uint32_t node = 0; node < 3; node++) {
        load_check(cluster, node, &after);
    }
    check_votes_again(cluster, restored);
}

/* Waits for another leader than that node, which gives leadership away as long as it has it, and
 * for an entry of its term. */
static uint32_t lead_without(struct cluster *cluster, uint32_t node)
{
    uint32_t leader;
    while ((leader = cluster_wait_leader(cluster)) == node) {
        redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
        freeReplyObject(redis_client_call(client, "QUORUM TRANSFER"));
        redisFree(client);
    }
    redisContext *client = redis_client_open(cluster->nodes[leader].redis_port);
    expect(client, "+OK", "SET back:led yes");
    redisFree(client);
    return leader;
}

static void wait_out_of_office(struct cluster *cluster, uint32_t node)
{
    char role[64];
    while (cluster_get_raft_field(cluster, node, "raft_role", role) &&
           strcmp(role, "leader") == 0) {
        check_sleep_ms(10);
    }
}

/* The leader is out of office before the image comes back, and frozen until the other two have had
 * the time to agree without it: only what it remembers keeps them from that. */
void test_old_image_after_the_leader(struct cluster *cluster)
{
    char image[CLUSTER_PATH_BYTES + 64];
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t down = cluster_other(cluster, leader);
    uint32_t restored = 0 + 1 + 2 - leader - down;
    load_write(cluster, leader, &before);
    cluster_check_agreement(cluster);
    cluster_stop(cluster, restored);
    (void)snprintf(image, sizeof(image), "%s/image", cluster->directory);
    files_copy_tree(cluster->nodes[restored].data, image);
    cluster_restart(cluster, restored);
    cluster_kill(cluster, down);
    load_write(cluster, cluster_wait_leader(cluster), &after); /* on two disks */
    leader = lead_without(cluster, restored);
    cluster_kill(cluster, restored);
    wait_out_of_office(cluster, leader);
    files_remove_tree(cluster->nodes[restored].data);
    CHECK(rename(image, cluster->nodes[restored].data) == 0);
    cluster_launch(cluster, down);
    cluster_wait_answer(cluster, down);
    cluster_pause(cluster, leader);
    cluster_launch(cluster, restored);
    cluster_wait_answer(cluster, restored);
    check_sleep_ms(400);
    cluster_resume(cluster, leader);
    (void)cluster_wait_leader(cluster);
    CHECK(cluster_count_in_log(cluster, restored, "this disk has gone back") == 1);
    for (uint32_t node = 0; node < 3; node++) {
        load_check(cluster, node, &after);
    }
    check_votes_again(cluster, restored);
}
