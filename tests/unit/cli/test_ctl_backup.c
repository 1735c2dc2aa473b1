/* test_ctl_backup.c -- quorumctl backup and a node that is played by a thread: what is whole is
 * kept, and what is not leaves nothing behind and replaces nothing.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/hash.h"
#include "cli/ctl_commands.h"
#include "lib/unit.h"
#include "storage/state_store.h"

enum { WAIT_MS_MAX = 30000, PATH_BYTES = 128, FILE_BYTES_MAX = 1 << 18, INDEX = 42, TERM = 3 };

static char directory[64];

/* The node: how it answers, and what it was asked. */
static struct {
    pthread_t thread;
    int listener;
    uint8_t bytes[FILE_BYTES_MAX];
    size_t size;
    uint64_t hash;    /* as it states it */
    uint64_t index;   /* likewise */
    size_t piece_max; /* gives no more than this at a time */
    size_t fail_from; /* answers reads from here on with an error; 0: none */
    bool has_no_quorum;
    bool was_ended;
} node;

static const char *path_of(const char *name)
{
    static char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

/* ---- The node ---- */

static void answer_read(int client, size_t offset, size_t count)
{
    char head[32];
    if (node.fail_from != 0 && offset >= node.fail_from) {
        (void)dprintf(client, "-ERR the copy is gone\r\n");
        return;
    }
    size_t left = offset < node.size ? node.size - offset : 0;
    size_t size = count < left ? count : left;
    size = size < node.piece_max ? size : node.piece_max;
    int head_size = snprintf(head, sizeof(head), "$%zu\r\n", size);
    (void)send(client, head, (size_t)head_size, MSG_NOSIGNAL);
    (void)send(client, node.bytes + offset, size, MSG_NOSIGNAL);
    (void)send(client, "\r\n", 2, MSG_NOSIGNAL);
}

static void answer(int client, const redisReply *command)
{
    const char *last = command->element[command->elements - 1]->str;
    if (command->elements == 2) {
        (void)dprintf(client, node.has_no_quorum ? "-CLUSTERDOWN No Raft leader\r\n" : "$-1\r\n");
    } else if (command->elements == 5) {
        answer_read(client, strtoul(command->element[3]->str, NULL, 10), strtoul(last, NULL, 10));
    } else if (strcmp(last, "BEGIN") == 0) {
        (void)dprintf(client,
                      "*8\r\n$5\r\nindex\r\n:%llu\r\n$4\r\nterm\r\n:%d\r\n$5\r\nbytes\r\n:%zu\r\n"
                      "$4\r\nhash\r\n$16\r\n%016llx\r\n",
                      (unsigned long long)node.index, TERM, node.size,
                      (unsigned long long)node.hash);
    } else {
        node.was_ended = strcmp(last, "END") == 0;
        (void)dprintf(client, "+OK\r\n");
    }
}

static void *serve(void *unused)
{
    (void)unused;
    int client = accept(node.listener, NULL, NULL);
    redisReader *reader = redisReaderCreate();
    char bytes[4096];
    ssize_t size = read(client, bytes, sizeof(bytes));
    for (; size > 0; size = read(client, bytes, sizeof(bytes))) {
        void *command = NULL;
        (void)redisReaderFeed(reader, bytes, (size_t)size);
        while (redisReaderGetReply(reader, &command) == REDIS_OK && command != NULL) {
            answer(client, command);
            freeReplyObject(command);
        }
    }
    redisReaderFree(reader);
    (void)close(client);
    return NULL;
}

/* ---- A state file, made as a node makes it ---- */

static void wait_for_copy(struct state_store *store)
{
    struct state_store_outcome outcome = {.is_copy_done = false};
    while (!outcome.is_copy_done) {
        struct pollfd waited = {state_store_descriptor(store), POLLIN, 0};
        CU_ASSERT_EQUAL_FATAL(poll(&waited, 1, WAIT_MS_MAX), 1);
        state_store_completed(store, &outcome);
    }
    CU_ASSERT_EQUAL_FATAL(outcome.copy_result, RESULT_OK);
    node.hash = outcome.copy_hash;
}

static void make_state_file(void)
{
    struct state_store_options options = {.directory = directory, .node_name = "a", .node_id = 11};
    struct state_meta meta;
    struct state_store *store;
    struct buf rows = {0};
    CU_ASSERT_EQUAL_FATAL(state_store_open(&options, &meta, &store), RESULT_OK);
    for (int i = 0; i < 500; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key:%d", i);
        state_row_encode(&(struct state_row){.slot = 1,
                                             .type = STATE_ROW_STRING,
                                             .expiry_ms = INT64_MAX,
                                             .modified_index = 1,
                                             .key = slice_of_string(key),
                                             .value = slice_of_string(key)},
                         &rows);
    }
    meta = (struct state_meta){.index = INDEX, .term = TERM, .next_slot = LIMIT_DATABASES + 1};
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        meta.slots[i] = i + 1;
    }
    meta.configuration.cluster_id[0] = 0xab;
    struct raft_member member = {.id = 11, .role = RAFT_VOTER, .name = "a"};
    CU_ASSERT_EQUAL(raft_configuration_put(&meta.configuration, &member), RESULT_OK);
    struct blob *blob = blob_copy(buf_slice(&rows));
    state_store_begin(store);
    state_store_put(store, blob);
    state_store_commit(store, &meta);
    state_store_copy(store, path_of("copy"));
    wait_for_copy(store);
    state_store_close(store);
    blob_release(blob);
    buf_deinit(&rows);
}

/* A directory with a state file, and a node that serves it. */
static uint16_t start(void)
{
    memset(&node, 0, sizeof(node));
    (void)snprintf(directory, sizeof(directory), "/tmp/quorum-cli-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    make_state_file();
    int file = open(path_of("copy"), O_RDONLY);
    ssize_t size = read(file, node.bytes, sizeof(node.bytes));
    CU_ASSERT_FATAL(size > 0 && size < FILE_BYTES_MAX);
    (void)close(file);
    node.size = (size_t)size;
    node.piece_max = SIZE_MAX;
    node.index = INDEX;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_size = sizeof(address);
    node.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(node.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    CU_ASSERT_EQUAL_FATAL(listen(node.listener, 1), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(node.listener, (struct sockaddr *)&address, &address_size),
                          0);
    return ntohs(address.sin_port);
}

/* Runs the command against the node; options are as on the command line. */
static enum ctl_exit backup(uint16_t port, bool force)
{
    struct ctl_options options = {.target = {"127.0.0.1", port, NULL},
                                  .given = force ? CTL_BIT(CTL_OPTION_FORCE) : 0,
                                  .arguments_count = 1};
    char file[PATH_BYTES];
    (void)snprintf(file, sizeof(file), "%s", path_of("file"));
    options.arguments[0] = file;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&node.thread, NULL, serve, NULL), 0);
    enum ctl_exit answer = ctl_command_backup.run(&options);
    (void)shutdown(node.listener, SHUT_RDWR); /* Whom nobody called need not wait. */
    (void)pthread_join(node.thread, NULL);
    return answer;
}

static void stop(void)
{
    static const char *const names[] = {"copy", "file", "file.part", "state.db", "state.db-wal"};
    (void)close(node.listener);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unlink(path_of(names[i]));
    }
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

static bool exists(const char *name)
{
    struct stat status;
    return stat(path_of(name), &status) == 0;
}

UNIT_TEST(ctl_backup, what_is_whole_is_kept)
{
    struct stat status;
    uint16_t port = start();
    CU_ASSERT_EQUAL(backup(port, false), CTL_OK);
    CU_ASSERT_TRUE(node.was_ended);
    CU_ASSERT_EQUAL(stat(path_of("file"), &status), 0);
    CU_ASSERT_EQUAL(status.st_size, (off_t)node.size);
    CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
    CU_ASSERT_FALSE(exists("file.part"));
    stop();
}

UNIT_TEST(ctl_backup, pieces_may_be_smaller_than_asked_for)
{
    uint16_t port = start();
    node.piece_max = 1000;
    CU_ASSERT_EQUAL(backup(port, false), CTL_OK);
    CU_ASSERT_TRUE(exists("file"));
    stop();
}

UNIT_TEST(ctl_backup, a_copy_is_taken_without_a_quorum_too)
{
    uint16_t port = start();
    node.has_no_quorum = true;
    CU_ASSERT_EQUAL(backup(port, false), CTL_OK);
    stop();
}

UNIT_TEST(ctl_backup, bytes_that_changed_on_their_way_are_not_kept)
{
    uint16_t port = start();
    node.bytes[node.size / 2] ^= 1;
    CU_ASSERT_EQUAL(backup(port, false), CTL_NO);
    CU_ASSERT_FALSE(exists("file"));
    CU_ASSERT_FALSE(exists("file.part"));
    stop();
}

/* The hash says what was sent, not that it is sound. */
UNIT_TEST(ctl_backup, a_damaged_row_is_not_kept_although_the_hash_is_right)
{
    uint16_t port = start();
    for (size_t i = 0; i + 7 < node.size; i++) { /* Pages keep remains of rows that moved. */
        if (memcmp(node.bytes + i, "key:123", 7) == 0) {
            node.bytes[i] = 'K';
        }
    }
    node.hash = hash_bytes(0, slice_of(node.bytes, node.size));
    CU_ASSERT_EQUAL(backup(port, false), CTL_NO);
    CU_ASSERT_FALSE(exists("file"));
    stop();
}

UNIT_TEST(ctl_backup, a_copy_of_another_index_than_stated_is_not_kept)
{
    uint16_t port = start();
    node.index = INDEX + 1;
    CU_ASSERT_EQUAL(backup(port, false), CTL_NO);
    CU_ASSERT_FALSE(exists("file"));
    stop();
}

UNIT_TEST(ctl_backup, an_error_half_way_leaves_nothing)
{
    uint16_t port = start();
    node.piece_max = 4096;
    node.fail_from = 8192;
    CU_ASSERT_EQUAL(backup(port, false), CTL_NO);
    CU_ASSERT_FALSE(exists("file"));
    CU_ASSERT_FALSE(exists("file.part"));
    stop();
}

UNIT_TEST(ctl_backup, a_file_is_replaced_by_force_alone_and_only_by_a_whole_one)
{
    struct stat status;
    uint16_t port = start();
    int file = open(path_of("file"), O_WRONLY | O_CREAT, 0600);
    CU_ASSERT_EQUAL(write(file, "old", 3), 3);
    (void)close(file);
    CU_ASSERT_EQUAL(backup(port, false), CTL_FAILED);
    stop();

    port = start();
    file = open(path_of("file"), O_WRONLY | O_CREAT, 0600);
    CU_ASSERT_EQUAL(write(file, "old", 3), 3);
    (void)close(file);
    node.bytes[100] ^= 1;
    CU_ASSERT_EQUAL(backup(port, true), CTL_NO);
    CU_ASSERT_EQUAL(stat(path_of("file"), &status), 0);
    CU_ASSERT_EQUAL(status.st_size, 3);
    stop();

    port = start();
    file = open(path_of("file"), O_WRONLY | O_CREAT, 0600);
    (void)close(file);
    CU_ASSERT_EQUAL(backup(port, true), CTL_OK);
    CU_ASSERT_EQUAL(stat(path_of("file"), &status), 0);
    CU_ASSERT_EQUAL(status.st_size, (off_t)node.size);
    stop();
}
