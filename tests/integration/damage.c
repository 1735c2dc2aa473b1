/* damage.c -- raft.db is changed behind a node's back; the node must notice before it takes part.
 *
 * A file is only ever opened while its node is down, and by SQLite only after an orderly stop: a
 * write-ahead log that is still there belongs to the node.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/redis_client.h"

#define MARK "this-value-will-be-damaged"

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

static void path_of(const struct cluster *cluster, uint32_t node, const char *file,
                    char path[CLUSTER_PATH_BYTES + 64])
{
    (void)snprintf(path, CLUSTER_PATH_BYTES + 64, "%s/%s", cluster->nodes[node].data, file);
}

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

static void flip_at(const char *path, off_t offset)
{
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    char byte;
    CHECK(descriptor >= 0);
    CHECK(pread(descriptor, &byte, 1, offset) == 1);
    byte ^= 1;
    CHECK(pwrite(descriptor, &byte, 1, offset) == 1);
    CHECK(close(descriptor) == 0);
}

static off_t find_mark(const char *path)
{
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(descriptor >= 0);
    CHECK(fstat(descriptor, &status) == 0);
    size_t size = (size_t)status.st_size;
    char *bytes = malloc(size);
    CHECK(pread(descriptor, bytes, size, 0) == (ssize_t)size);
    CHECK(close(descriptor) == 0);
    const char *mark = memmem(bytes, size, MARK, strlen(MARK));
    CHECK(mark != NULL);
    off_t offset = mark - bytes;
    free(bytes);
    return offset;
}

/* Starts a node whose file is damaged: it must refuse, and say where. */
static void expect_refusal_to_start(struct cluster *cluster, uint32_t node, const char *reason)
{
    uint32_t before = cluster_count_in_log(cluster, node, reason);
    cluster_launch(cluster, node);
    int status = cluster_wait_end(cluster, node);
    CHECK(status > 0);
    CHECK(status < 128); /* it ends by itself and in order, not by a signal */
    if (cluster_count_in_log(cluster, node, reason) == before) {
        FAIL("it ends with status %d, but does not log '%s'", status, reason);
    }
}

void test_damaged_row(struct cluster *cluster)
{
    char path[CLUSTER_PATH_BYTES + 64], reason[64];
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t victim = cluster_other(cluster, leader);
    write_some(cluster, leader);
    path_of(cluster, victim, "raft.db", path);
    cluster_stop(cluster, victim);
    (void)snprintf(reason, sizeof(reason), "log row of index %lld ", (long long)flip_in_row(path));
    expect_refusal_to_start(cluster, victim, reason);
    check_served(cluster, leader);
    (void)flip_in_row(path);
    cluster_restart(cluster, victim);
    check_served(cluster, victim);

    /* The same without SQLite's help, as a disk would do it. */
    cluster_stop(cluster, victim);
    off_t offset = find_mark(path);
    flip_at(path, offset);
    expect_refusal_to_start(cluster, victim, reason);
    check_served(cluster, leader);
    flip_at(path, offset);
    cluster_restart(cluster, victim);
    check_served(cluster, victim);
    cluster_check_agreement(cluster);
}

void test_damaged_wal(struct cluster *cluster)
{
    char path[CLUSTER_PATH_BYTES + 64];
    struct stat status;
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t victim = cluster_other(cluster, leader);
    write_some(cluster, leader);
    cluster_check_agreement(cluster);
    cluster_kill(cluster, victim);
    path_of(cluster, victim, "raft.db-wal", path);
    CHECK(stat(path, &status) == 0);
    off_t frames = (status.st_size - WAL_HEADER_BYTES) / FRAME_BYTES;
    CHECK(frames > 100);
    off_t offset = WAL_HEADER_BYTES + frames / 2 * FRAME_BYTES + 1000;
    flip_at(path, offset);
    expect_refusal_to_start(cluster, victim, "raft.db");
    check_served(cluster, leader);
    flip_at(path, offset);
    cluster_restart(cluster, victim);
    check_served(cluster, victim);
    cluster_check_agreement(cluster);
}
