/* test_backup.c -- QUORUM BACKUP: a client copies a node's state piece by piece. Covers O6. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "lib/unit.h"
#include "unit/replica/snapshot_lab.h"

static struct lab lab;
static struct lab_client client;

static struct lab_node *open_one(uint64_t seed)
{
    struct lab_node *node = snapshot_lab_open(&lab, 1, seed, 1000000);
    client = (struct lab_client){0};
    lab_client_open(&client, node, NULL);
    snapshot_lab_write(&client, 1, 30);
    (void)lab_client_hear(&client, 0);
    return node;
}

static void close_one(void)
{
    lab_client_deinit(&client);
    snapshot_lab_close(&lab);
}

static const char *ask(const char *words, uint64_t ms)
{
    lab_client_say(&client, words);
    return lab_client_hear(&client, ms);
}

/* The value behind a key in a flat array of bulk strings and integers. */
static uint64_t number_of(const char *reply, const char *key)
{
    char line[32];
    (void)snprintf(line, sizeof(line), "\r\n%s\r\n:", key);
    const char *at = strstr(reply, line);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    return strtoull(at + strlen(line), NULL, 10);
}

/* Reads a piece and adds it to out; returns its size. */
static size_t read_piece(uint64_t offset, uint64_t count, struct buf *out)
{
    char words[80];
    (void)snprintf(words, sizeof(words), "QUORUM BACKUP READ %llu %llu", (unsigned long long)offset,
                   (unsigned long long)count);
    (void)ask(words, 50);
    struct slice reply = buf_slice(&client.heard);
    CU_ASSERT_EQUAL_FATAL(reply.bytes[0], '$');
    size_t size = strtoull((const char *)reply.bytes + 1, NULL, 10);
    const uint8_t *bytes = memchr(reply.bytes, '\n', reply.size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    buf_append(out, bytes + 1, size);
    return size;
}

UNIT_TEST(replica_backup, gives_the_state_as_a_file)
{
    struct lab_node *node = open_one(1);
    node->state.padding_bytes = 2500000;
    const char *begun = ask("QUORUM BACKUP BEGIN", 200);
    CU_ASSERT_TRUE(unit_begins(begun, "*8\r\n$5\r\nindex\r\n:"));
    /* It shows everything that was written. */
    CU_ASSERT_EQUAL(number_of(begun, "index"), snapshot_lab_status(node).applied_index);
    CU_ASSERT_EQUAL(number_of(begun, "term"), snapshot_lab_status(node).raft.term);
    uint64_t bytes = number_of(begun, "bytes");
    CU_ASSERT_TRUE(bytes > 2500000);
    const char *hash_at = strstr(begun, "\r\nhash\r\n$16\r\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(hash_at);
    uint64_t hash = strtoull(hash_at + strlen("\r\nhash\r\n$16\r\n"), NULL, 16);
    struct buf file = {0};
    size_t size;
    while ((size = read_piece(buf_size(&file), 1048576, &file)) > 0) {
        CU_ASSERT_EQUAL(size, buf_size(&file) == bytes ? bytes % 1048576 : 1048576);
    }
    CU_ASSERT_EQUAL(buf_size(&file), bytes);
    CU_ASSERT_EQUAL(hash_bytes(0, buf_slice(&file)), hash);
    buf_deinit(&file);
    CU_ASSERT_STRING_EQUAL(ask("QUORUM BACKUP END", 10), "+OK\r\n");
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP READ 0 1", 10), "-ERR this client has begun no"));
    lab_run_for(&lab, 40000);
    CU_ASSERT_EQUAL(buf_size(&node->state.copy), 0);
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP BEGIN", 200), "*8\r\n"));
    /* Nothing was written meanwhile: no further snapshot is made. */
    uint64_t commits = node->state.commits;
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP BEGIN", 200), "*8\r\n"));
    CU_ASSERT_EQUAL(node->state.commits, commits);
    close_one();
}

UNIT_TEST(replica_backup, refuses_what_makes_no_sense)
{
    (void)open_one(2);
    CU_ASSERT_STRING_EQUAL(ask("QUORUM BACKUP", 10),
                           "-ERR wrong number of arguments for 'quorum|backup' command\r\n");
    CU_ASSERT_STRING_EQUAL(ask("QUORUM BACKUP FOO", 10), "-ERR syntax error\r\n");
    CU_ASSERT_STRING_EQUAL(ask("QUORUM BACKUP BEGIN x", 10), "-ERR syntax error\r\n");
    CU_ASSERT_STRING_EQUAL(ask("QUORUM BACKUP READ 0", 10), "-ERR syntax error\r\n");
    CU_ASSERT_STRING_EQUAL(ask("QUORUM BACKUP END", 10), "+OK\r\n");
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP READ 0 10", 10), "-ERR this client has begun"));
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP BEGIN", 200), "*8\r\n"));
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP READ x 10", 10), "-ERR offset and count"));
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP READ -1 10", 10), "-ERR offset and count"));
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP READ 0 1048577", 10), "-ERR offset and count"));
    CU_ASSERT_STRING_EQUAL(ask("QUORUM BACKUP READ 0 0", 10), "$0\r\n\r\n");
    CU_ASSERT_STRING_EQUAL(ask("QUORUM BACKUP READ 999999999999 10", 10), "$0\r\n\r\n");
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP READ 0 10", 10), "$10\r\n"));
    close_one();
}

UNIT_TEST(replica_backup, is_one_clients_at_a_time)
{
    struct lab_node *node = open_one(3);
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP BEGIN", 200), "*8\r\n"));
    CU_ASSERT_TRUE(unit_begins(snapshot_lab_ask(node, "QUORUM BACKUP BEGIN", 200),
                               "-ERR another client is taking a backup"));
    CU_ASSERT_TRUE(unit_begins(snapshot_lab_ask(node, "QUORUM BACKUP READ 0 1", 200),
                               "-ERR this client has begun no"));
    lab_client_close(&client);
    CU_ASSERT_TRUE(unit_begins(snapshot_lab_ask(node, "QUORUM BACKUP BEGIN", 200), "*8\r\n"));
    lab_client_deinit(&client);
    lab_client_open(&client, node, NULL);
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP BEGIN", 200), "*8\r\n"));
    lab_run_for(&lab, 61000);
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP READ 0 1", 10), "-ERR this client has begun no"));
    close_one();
}

UNIT_TEST(replica_backup, fails_when_the_disk_has_no_room)
{
    struct lab_node *node = open_one(4);
    node->state.fails_per_mille = 1000;
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP BEGIN", 500), "-ERR the snapshot could not"));
    node->state.fails_per_mille = 0;
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP BEGIN", 5000), "*8\r\n"));
    /* The disk forgets what it had: that is said, too. */
    buf_clear(&node->state.copy);
    CU_ASSERT_TRUE(unit_begins(ask("QUORUM BACKUP READ 0 100", 100), "-ERR the copy is gone"));
    close_one();
}

/* A follower gives what it has; members that fetch the copy meanwhile are not disturbed. */
UNIT_TEST(replica_backup, any_node_will_do)
{
    struct lab_node *leader = snapshot_lab_open(&lab, 3, 5, 50);
    client = (struct lab_client){0};
    lab_client_open(&client, leader, NULL);
    struct lab_node *behind = snapshot_lab_leave_behind(&lab, &client);
    (void)lab_client_hear(&client, 0);
    for (uint32_t i = 0; i < 3; i++) {
        lab.nodes[i].state.padding_bytes = 3000000;
        if (&lab.nodes[i] != leader && &lab.nodes[i] != behind) {
            CU_ASSERT_TRUE(
                unit_begins(snapshot_lab_ask(&lab.nodes[i], "QUORUM BACKUP BEGIN", 300), "*8\r\n"));
        }
    }
    lab_network_heal(&lab.network);
    leader->state.delay_ms_max = 50;
    lab_run_for(&lab, 300);
    snapshot_lab_write(&client, 1, 3);
    (void)lab_client_hear(&client, 0);
    lab_client_say(&client, "QUORUM BACKUP BEGIN");
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 10000));
    CU_ASSERT_EQUAL(behind->state.installs, 1);
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(&client, 10000), "*8\r\n"));
    CU_ASSERT_EQUAL(leader->state.copies, 2);
    close_one();
}
