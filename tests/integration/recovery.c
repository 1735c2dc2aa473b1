/* recovery.c -- quorumctl on data directories and backups: a cluster out of one survivor, a backup
 * that is restored, and what verify says of either (faults M13, O6).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "integration/load.h"
#include "integration/membership.h"
#include "integration/suite.h"
#include "lib/check.h"
#include "lib/files.h"
#include "lib/program.h"
#include "lib/redis_client.h"

static const struct load load = {"recovery", 1, 1000, 500};

/* quorumctl lies beside the program that is tested. */
static const char *quorumctl(const struct cluster *cluster)
{
    static char path[CLUSTER_PATH_BYTES + 16];
    (void)snprintf(path, sizeof(path), "%s", cluster->binary);
    char *slash = strrchr(path, '/');
    CHECK(slash != NULL);
    (void)snprintf(slash, 16, "/quorumctl");
    CHECK(access(path, X_OK) == 0);
    return path;
}

static void expect_in(const char *output, const char *part)
{
    if (strstr(output, part) == NULL) {
        FAIL("'%s' is not in what quorumctl says: %s", part, output);
    }
}

static void cluster_id(struct cluster *cluster, uint32_t node, char id[64])
{
    CHECK(cluster_get_raft_field(cluster, node, "raft_cluster_id", id));
}

/* A node whose directory was made by quorumctl starts without any word about others. */
static void launch_alone(struct cluster *cluster, uint32_t node)
{
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        cluster->nodes[i].is_outside = i != node;
    }
    cluster->peers[0] = '\0';
    cluster_restart(cluster, node);
}

/* ---- Lost quorum ---- */

/* Two disks of three are gone; one of them only seems to be, and is kept in away. */
static void lose_quorum(struct cluster *cluster, uint32_t survivor, const char *away)
{
    bool is_kept = false;
    cluster_kill_all(cluster);
    for (uint32_t i = 0; i < 3; i++) {
        if (i != survivor && !is_kept) {
            CHECK(rename(cluster->nodes[i].data, away) == 0);
            is_kept = true;
        } else if (i != survivor) {
            files_remove_tree(cluster->nodes[i].data);
        }
    }
    /* Never by itself. */
    cluster_launch(cluster, survivor);
    cluster_wait_answer(cluster, survivor);
    check_sleep_ms(1500);
    redisContext *client = redis_client_open(cluster->nodes[survivor].redis_port);
    expect_error(client, "CLUSTERDOWN", "GET recovery:0");
    redisFree(client);
    cluster_stop(cluster, survivor);
}

/* As the README says. */
static void recover_survivor(struct cluster *cluster, uint32_t survivor, const char *old_id)
{
    const char *directory = cluster->nodes[survivor].data;
    const char *const recover[] = {quorumctl(cluster), "recover", directory, NULL};
    const char *const verify[] = {quorumctl(cluster), "verify", directory, NULL};
    char new_id[64];
    (void)program_expect(0, verify, NULL);
    const char *said = program_expect(1, recover, "no\n");
    expect_in(said, old_id);
    expect_in(said, "What may be lost");
    expect_in(said, "nothing was changed");
    said = program_expect(0, recover, "recover\n");
    expect_in(said, old_id);
    expect_in(said, "--join");
    (void)program_expect(0, verify, NULL);
    CHECK(program_run(recover, "recover\n")->status == 1); /* done already */
    launch_alone(cluster, survivor);
    cluster_id(cluster, survivor, new_id);
    CHECK(strcmp(old_id, new_id) != 0);
    load_check(cluster, survivor, &load);
}

/* The disk that was lost turns up again, and with it a member of a cluster that is no more. */
static void start_lost_one(struct cluster *cluster, const char *away, const char *peers)
{
    uint32_t leader = cluster_wait_leader(cluster);
    uint64_t term = cluster_get_number(cluster, leader, "raft_term");
    uint32_t lost = cluster->nodes[0].pid == 0 ? 0 : 1;
    CHECK(rename(away, cluster->nodes[lost].data) == 0);
    (void)snprintf(cluster->peers, sizeof(cluster->peers), "%s", peers);
    cluster_launch(cluster, lost);
    cluster_wait_answer(cluster, lost);
    check_sleep_ms(1500);
    redisContext *client = redis_client_open(cluster->nodes[lost].redis_port);
    expect_error(client, "CLUSTERDOWN", "GET recovery:0");
    redisFree(client);
    CHECK(cluster_count_in_log(cluster, lost, "belongs to another cluster") > 0);
    CHECK(cluster_wait_leader(cluster) == leader);
    CHECK(cluster_get_number(cluster, leader, "raft_term") == term);
}

void test_recover(struct cluster *cluster)
{
    char old_id[64], peers[sizeof(cluster->peers)], away[CLUSTER_PATH_BYTES + 64];
    cluster_add_option(cluster, "--request-timeout=1500");
    cluster_add_option(cluster, "--snapshot-log-bytes=256kb");
    (void)snprintf(away, sizeof(away), "%s/away", cluster->directory);
    memcpy(peers, cluster->peers, sizeof(peers));
    cluster_start(cluster);
    uint32_t survivor = cluster_other(cluster, cluster_wait_leader(cluster));
    load_write(cluster, survivor, &load);
    cluster_check_agreement(cluster);
    cluster_id(cluster, survivor, old_id);
    const char *const recover[] = {quorumctl(cluster), "recover", cluster->nodes[survivor].data,
                                   NULL};
    CHECK(program_run(recover, "recover\n")->status == 3); /* it runs */
    lose_quorum(cluster, survivor, away);
    recover_survivor(cluster, survivor, old_id);
    uint32_t fresh = member_grow(cluster, survivor, true);
    (void)member_grow(cluster, survivor, true);
    load_check(cluster, fresh, &load);
    cluster_check_agreement(cluster);
    start_lost_one(cluster, away, peers);
    cluster_check_agreement(cluster);
}

/* ---- Backups ---- */

/* An online copy from each node in turn, while it is written to, into a new cluster. */
void test_backup_and_restore(struct cluster *cluster)
{
    cluster_start(cluster);
    load_write(cluster, 0, &load);
    for (uint32_t node = 0; node < 3; node++) {
        struct cluster other;
        char directory[CLUSTER_PATH_BYTES + 64], file[CLUSTER_PATH_BYTES + 64], port[16];
        struct load meanwhile = {"meanwhile", node, 300, 100};
        (void)snprintf(directory, sizeof(directory), "%s/restored-%u", cluster->directory, node);
        (void)snprintf(file, sizeof(file), "%s/backup-%u", cluster->directory, node);
        (void)snprintf(port, sizeof(port), "%u", cluster->nodes[node].redis_port);
        load_write(cluster, node, &meanwhile);
        const char *const backup[] = {quorumctl(cluster), "backup", file, "-p", port, NULL};
        (void)program_expect(0, backup, NULL);
        CHECK(files_size(file) > (uint64_t)load.keys_count * load.value_bytes);
        CHECK(program_run(backup, NULL)->status != 0); /* it overwrites nothing */

        cluster_init(&other, cluster->binary, directory, 1);
        const char *data = other.nodes[0].data;
        char address[64];
        (void)snprintf(address, sizeof(address), "127.0.0.1:%u", other.nodes[0].raft_port);
        const char *const restore[] = {quorumctl(cluster), "restore", file,    data, "--id",
                                       "node-1",           "--raft",  address, NULL};
        const char *const verify[] = {quorumctl(cluster), "verify", data, NULL};
        (void)program_expect(0, restore, NULL);
        (void)program_expect(0, verify, NULL);
        CHECK(program_run(restore, NULL)->status != 0); /* nor does this */
        launch_alone(&other, 0);
        load_check(&other, 0, &load);
        load_check(&other, 0, &meanwhile);
        (void)member_grow(&other, 0, true);
        cluster_check_agreement(&other);
        cluster_kill_all(&other);

        /* A backup that is damaged is not restored. */
        files_replace(file, "meanwhile:7", "meanwhile:6");
        files_remove_tree(data);
        CHECK(program_run(restore, NULL)->status == 1);
    }
    cluster_check_agreement(cluster);
}

/* ---- verify ---- */

void test_verify(struct cluster *cluster)
{
    char path[CLUSTER_PATH_BYTES + 64];
    cluster_start(cluster);
    load_write(cluster, 0, &load);
    redisContext *client = redis_client_open(cluster->nodes[0].redis_port);
    expect(client, "+OK", "SAVE");
    redisFree(client);
    const char *const verify[] = {quorumctl(cluster), "verify", cluster->nodes[0].data, NULL};
    const char *const log[] = {quorumctl(cluster), "log", cluster->nodes[0].data, NULL};
    CHECK(program_run(verify, NULL)->status != 0); /* it runs */
    cluster_stop(cluster, 0);
    (void)program_expect(0, verify, NULL);
    expect_in(program_expect(0, log, NULL), "recovery:0");
    static const char *const files[] = {"raft.db", "state.db"};
    for (uint32_t i = 0; i < 2; i++) {
        cluster_path(cluster, 0, files[i], path);
        files_replace(path, "1-500-", "2-500-");
        expect_in(program_expect(1, verify, NULL), files[i]);
        files_replace(path, "2-500-", "1-500-");
    }
    (void)program_expect(0, verify, NULL);
    cluster_restart(cluster, 0);
    (void)cluster_wait_leader(cluster);
    load_check(cluster, 0, &load);
    cluster_check_agreement(cluster);
}

static const char *status_of(const struct cluster *cluster, uint32_t node, int status)
{
    char port[16];
    (void)snprintf(port, sizeof(port), "%u", cluster->nodes[node].redis_port);
    const char *const arguments[] = {quorumctl(cluster), "status", "-p", port, NULL};
    return program_expect(status, arguments, NULL);
}

/* All nodes, whichever is asked; it exits with 1 when a majority does not answer. */
void test_status(struct cluster *cluster)
{
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t gone = cluster_other(cluster, leader);
    for (uint32_t node = 0; node < 3; node++) {
        const char *said = status_of(cluster, node, 0);
        expect_in(said, "node-1");
        expect_in(said, "node-2");
        expect_in(said, "node-3");
        expect_in(said, "leader");
        CHECK(strstr(said, "refused") == NULL);
    }
    cluster_kill(cluster, gone);
    expect_in(status_of(cluster, leader, 0), "refused");
    cluster_kill(cluster, leader);
    (void)status_of(cluster, 0 + 1 + 2 - leader - gone, 1);
}
