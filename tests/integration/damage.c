/* damage.c -- a node's files are changed behind its back; it must notice before it takes part.
 *
 * A node alone refuses to start: nobody has what it lost. One of three sets the files aside, starts
 * with nothing, and fetches what it had (faults S1, S2, S15).
 *
 * A file is only ever opened while its node is down, and by SQLite only after an orderly stop: a
 * write-ahead log that is still there belongs to the node.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "integration/membership.h"
#include "integration/suite.h"
#include "lib/check.h"
#include "lib/files.h"
#include "lib/redis_client.h"

#define MARK "this-value-will-be-damaged"
#define SPOILT "uhis-value-will-be-damaged"

enum { WRITES = 300, WAL_HEADER_BYTES = 32, FRAME_BYTES = 24 + 4096 };

static void write_some(struct cluster *cluster, uint32_t node)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    for (int i = 0; i < WRITES; i++) {
        expect(client, "+OK", "SET damage:%d %s", i, i == WRITES / 2 ? MARK : "sound");
    }
    redisFree(client);
}

static void check_served(struct cluster *cluster, uint32_t node)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    expect(client, "\"" MARK "\"", "GET damage:%d", WRITES / 2);
    expect(client, "+OK", "SET damage:0 served");
    redisFree(client);
}

static void save(const struct cluster *cluster, uint32_t node)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    expect(client, "+OK", "SAVE");
    redisFree(client);
}

/* ---- Ways to damage ---- */

/* Turns a bit of the mark over, or back, in the row that has it; returns the row's index. */
static int64_t flip_in_row(const char *path)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *row = NULL;
    sqlite3_blob *payload = NULL;
    CHECK(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(database,
                             "SELECT idx, instr(payload, CAST(?1 AS BLOB)) AS place FROM log"
                             " WHERE place > 0",
                             -1, &row, NULL) == SQLITE_OK);
    CHECK(sqlite3_bind_text(row, 1, MARK + 1, -1, SQLITE_STATIC) == SQLITE_OK);
    CHECK(sqlite3_step(row) == SQLITE_ROW);
    int64_t index = sqlite3_column_int64(row, 0);
    int place = sqlite3_column_int(row, 1) - 2; /* of the mark's first letter, which is flipped */
    CHECK(sqlite3_finalize(row) == SQLITE_OK);
    CHECK(sqlite3_blob_open(database, "main", "log", "payload", index, 1, &payload) == SQLITE_OK);
    char byte;
    CHECK(sqlite3_blob_read(payload, &byte, 1, place) == SQLITE_OK);
    byte ^= 1;
    CHECK(sqlite3_blob_write(payload, &byte, 1, place) == SQLITE_OK);
    CHECK(sqlite3_blob_close(payload) == SQLITE_OK);
    CHECK(sqlite3_close(database) == SQLITE_OK);
    return index;
}

static off_t middle_of_wal(const char *path)
{
    off_t frames = ((off_t)files_size(path) - WAL_HEADER_BYTES) / FRAME_BYTES;
    CHECK(frames > 100);
    return WAL_HEADER_BYTES + frames / 2 * FRAME_BYTES;
}

/* ---- A node alone ---- */

/* Starts a node whose file is damaged: it must refuse, and say where. */
static void expect_refusal_to_start(struct cluster *cluster, uint32_t node, const char *reason)
{
    uint32_t refusals = cluster_count_in_log(cluster, node, reason);
    cluster_launch(cluster, node);
    int status = cluster_wait_end(cluster, node);
    CHECK(status > 0);
    CHECK(status < 128); /* it ends by itself and in order, not by a signal */
    if (cluster_count_in_log(cluster, node, reason) == refusals) {
        FAIL("it ends with status %d, but does not log '%s'", status, reason);
    }
    CHECK(files_count(cluster->nodes[node].data, "damaged-") == 0);
}

/* So that what is in state.db is not in the log as well. */
static void keep_short_log(struct cluster *cluster)
{
    cluster_add_option(cluster, "--snapshot-entries=50");
    cluster_add_option(cluster, "--snapshot-trailing-bytes=1");
}

static void start_alone(struct cluster *cluster)
{
    cluster->nodes_count = 1;
    cluster->peers[0] = '\0';
    cluster_start(cluster);
    write_some(cluster, 0);
}

void test_damaged_row_alone(struct cluster *cluster)
{
    char path[CLUSTER_PATH_BYTES + 64], reason[64];
    start_alone(cluster);
    cluster_path(cluster, 0, "raft.db", path);
    cluster_stop(cluster, 0);
    (void)snprintf(reason, sizeof(reason), "log row of index %lld ", (long long)flip_in_row(path));
    expect_refusal_to_start(cluster, 0, reason);
    (void)flip_in_row(path);
    cluster_restart(cluster, 0);
    check_served(cluster, 0);

    /* The same without SQLite's help, as a disk would do it. */
    cluster_stop(cluster, 0);
    files_replace(path, MARK, SPOILT);
    expect_refusal_to_start(cluster, 0, reason);
    files_replace(path, SPOILT, MARK);
    cluster_restart(cluster, 0);
    check_served(cluster, 0);
}

void test_damaged_files_alone(struct cluster *cluster)
{
    char path[CLUSTER_PATH_BYTES + 64], away[CLUSTER_PATH_BYTES + 64];
    keep_short_log(cluster);
    start_alone(cluster);
    cluster_kill(cluster, 0);
    cluster_path(cluster, 0, "raft.db-wal", path);
    off_t offset = middle_of_wal(path) + 1000;
    files_flip(path, offset);
    expect_refusal_to_start(cluster, 0, "raft.db");
    files_flip(path, offset);
    cluster_restart(cluster, 0);
    check_served(cluster, 0);

    save(cluster, 0);
    cluster_stop(cluster, 0);
    cluster_path(cluster, 0, "state.db", path);
    files_replace(path, MARK, SPOILT);
    expect_refusal_to_start(cluster, 0, "state.db");
    files_replace(path, SPOILT, MARK);
    cluster_restart(cluster, 0);
    check_served(cluster, 0);

    cluster_stop(cluster, 0);
    cluster_path(cluster, 0, "raft.db", path);
    cluster_path(cluster, 0, "../raft.db-away", away);
    CHECK(rename(path, away) == 0);
    expect_refusal_to_start(cluster, 0, "raft.db");
    (void)unlink(path); /* whatever it made in its place */
    CHECK(rename(away, path) == 0);
    cluster_restart(cluster, 0);
    check_served(cluster, 0);
}

/* ---- One of three ---- */

/* Starts a node that cannot use what it has: it goes on without, and has everything in the end. */
static void expect_way_back(struct cluster *cluster, uint32_t node, uint32_t set_aside)
{
    cluster_launch(cluster, node);
    (void)cluster_wait_leader(cluster);
    member_wait_voter(cluster, cluster_other(cluster, node), node);
    cluster_wait_served(cluster, node);
    check_served(cluster, node);
    cluster_check_agreement(cluster);
    uint32_t count = files_count(cluster->nodes[node].data, "damaged-");
    if (count != set_aside) {
        FAIL("%u sets of files were set aside instead of %u", count, set_aside);
    }
}

void test_damaged_row(struct cluster *cluster)
{
    char path[CLUSTER_PATH_BYTES + 64];
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t victim = cluster_other(cluster, leader);
    write_some(cluster, leader);
    cluster_path(cluster, victim, "raft.db", path);
    cluster_stop(cluster, victim);
    (void)flip_in_row(path);
    check_served(cluster, leader);
    expect_way_back(cluster, victim, 1);
    CHECK(cluster_count_in_log(cluster, victim, "log row of index") > 0);

    save(cluster, victim);
    cluster_stop(cluster, victim);
    cluster_path(cluster, victim, "state.db", path);
    files_replace(path, MARK, SPOILT);
    expect_way_back(cluster, victim, 2);
    CHECK(cluster_count_in_log(cluster, victim, "state.db") > 0);
}

void test_damaged_wal(struct cluster *cluster)
{
    char path[CLUSTER_PATH_BYTES + 64];
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t victim = cluster_other(cluster, leader);
    write_some(cluster, leader);
    cluster_check_agreement(cluster);
    cluster_kill(cluster, victim);
    cluster_path(cluster, victim, "raft.db-wal", path);
    files_flip(path, middle_of_wal(path) + 1000);
    check_served(cluster, leader);
    expect_way_back(cluster, victim, 1);
}

/* What is left reads well and is only shorter than what was acknowledged, and the third node never
 * had it. The leader, which remembers, stays in office for as long as the two take to start. */
void test_cut_wal(struct cluster *cluster)
{
    char path[CLUSTER_PATH_BYTES + 64];
    cluster_add_option(cluster, "--election-timeout-min=2000");
    cluster_add_option(cluster, "--election-timeout-max=4000");
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t victim = cluster_other(cluster, leader);
    uint32_t down = 0 + 1 + 2 - leader - victim;
    cluster_kill(cluster, down);
    (void)cluster_wait_leader(cluster);
    write_some(cluster, leader); /* on two disks */
    cluster_kill(cluster, victim);
    cluster_path(cluster, victim, "raft.db-wal", path);
    files_cut(path, middle_of_wal(path));
    cluster_launch(cluster, victim); /* on one */
    cluster_launch(cluster, down);
    (void)cluster_wait_leader(cluster);
    member_wait_voter(cluster, leader, victim);
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        check_served(cluster, node);
    }
    cluster_check_agreement(cluster);
}

void test_removed_files(struct cluster *cluster)
{
    static const char *const files[] = {"raft.db", "state.db"};
    keep_short_log(cluster);
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t victim = cluster_other(cluster, leader);
    write_some(cluster, leader);
    for (uint32_t i = 0; i < 2; i++) {
        char path[CLUSTER_PATH_BYTES + 64];
        save(cluster, victim);
        check_served(cluster, leader);
        save(cluster, victim);
        cluster_stop(cluster, victim);
        cluster_path(cluster, victim, files[i], path);
        CHECK(unlink(path) == 0);
        expect_way_back(cluster, victim, i + 1);
    }
}
