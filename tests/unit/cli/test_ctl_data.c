/* test_ctl_data.c -- a data directory read whole: what is found, what is damaged, what is missing.
 */
#include "cli/ctl_data.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/log_store.h"
#include "wire/entry_payload.h"

enum { WAIT_MS_MAX = 30000, NODE_ID = 11, DISK_ID = 77, PATH_BYTES = 128 };

static char directory[64];
static struct ctl_data data;
static struct log_store *store;
static uint64_t persist_id;

static const char *path_of(const char *name)
{
    static char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void remove_file(const char *name)
{
    (void)unlink(path_of(name));
}

static void make_directory(void)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/quorum-cli-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
}

static void remove_directory(void)
{
    static const char *const names[] = {"raft.db", "raft.db-wal", "raft.db-shm", "state.db",
                                        "lock"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        remove_file(names[i]);
    }
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

static struct raft_configuration members(void)
{
    struct raft_configuration configuration = {.cluster_id = {0xab}};
    for (uint64_t id = NODE_ID; id < NODE_ID + 2; id++) {
        struct raft_member member = {.id = id, .role = RAFT_VOTER};
        (void)snprintf(member.name, sizeof(member.name), "node-%d", (int)(id - NODE_ID + 1));
        (void)snprintf(member.raft_address, sizeof(member.raft_address), "host:%d", (int)id);
        (void)snprintf(member.redis_address, sizeof(member.redis_address), "host:6%d", (int)id);
        CU_ASSERT_EQUAL(raft_configuration_put(&configuration, &member), RESULT_OK);
    }
    return configuration;
}

static void open_store(void)
{
    struct raft_configuration bootstrap = members();
    memset(bootstrap.cluster_id, 0, sizeof(bootstrap.cluster_id));
    struct log_store_options options = {.directory = directory,
                                        .node_name = "node-1",
                                        .node_id = NODE_ID,
                                        .bootstrap = &bootstrap,
                                        .new_disk_id = DISK_ID};
    struct log_recovery recovery;
    CU_ASSERT_EQUAL_FATAL(log_store_open(&options, &recovery, &store), RESULT_OK);
    log_recovery_deinit(&recovery);
    persist_id = 0;
}

static void submit(const struct raft_entry *entry, uint64_t reset_index)
{
    struct raft_persist persist = {.id = ++persist_id,
                                   .reset_index = reset_index,
                                   .reset_term = reset_index == 0 ? 0 : 1,
                                   .hard_state_changed = true,
                                   .hard_state = {.term = 3},
                                   .entries = entry,
                                   .entries_count = entry == NULL ? 0 : 1};
    log_store_submit(store, &persist);
    while (log_store_completed(store) < persist_id) {
        struct pollfd waited = {log_store_descriptor(store), POLLIN, 0};
        CU_ASSERT_EQUAL_FATAL(poll(&waited, 1, WAIT_MS_MAX), 1);
    }
}

static void append(uint64_t index, enum raft_entry_type type, struct buf *payload)
{
    struct blob *blob = buf_size(payload) == 0 ? NULL : blob_copy(buf_slice(payload));
    struct raft_entry entry = {index, 3, type, blob};
    submit(&entry, 0);
    blob_release(blob);
    buf_deinit(payload);
}

/* A configuration, a noop, and a batch of node-2's with two commands. */
static void append_three(void)
{
    struct raft_configuration configuration = members();
    struct buf payload = {0};
    raft_configuration_encode(&configuration, &payload);
    append(1, RAFT_ENTRY_CONFIGURATION, &payload);
    append(2, RAFT_ENTRY_NOOP, &payload);
    struct buf commands = {0};
    const struct slice words[] = {SLICE_LITERAL("INCR"), SLICE_LITERAL("visits")};
    batch_put_command(&commands, 0, words, 2);
    batch_put_command(&commands, 0, words, 2);
    struct batch_header batch = {NODE_ID + 1, 1, 1, 2, (uint32_t)buf_size(&commands)};
    uint8_t header[ENTRY_PAYLOAD_HEADER_BYTES];
    entry_payload_set_header(header, &(struct entry_header){.batches_count = 1});
    buf_append(&payload, header, sizeof(header));
    batch_put_header(&payload, &batch);
    buf_append_slice(&payload, buf_slice(&commands));
    buf_deinit(&commands);
    append(3, RAFT_ENTRY_COMMAND, &payload);
}

static void close_store(void)
{
    log_store_close(store);
}

UNIT_TEST(ctl_data, reads_and_counts_all_there_is)
{
    make_directory();
    open_store();
    append_three();
    close_store();
    CU_ASSERT_EQUAL(ctl_data_read(directory, &data), RESULT_OK);
    CU_ASSERT_STRING_EQUAL(data.summary.node_name, "node-1");
    CU_ASSERT_EQUAL(data.summary.disk_id, DISK_ID);
    CU_ASSERT_EQUAL(data.good_index, 3);
    CU_ASSERT_EQUAL(data.log.entries, 3);
    CU_ASSERT_EQUAL(data.log.batches, 1);
    CU_ASSERT_EQUAL(data.log.commands, 2);
    CU_ASSERT_EQUAL(data.log.last_term, 3);
    CU_ASSERT_FALSE(data.has_state);
    CU_ASSERT_FALSE(data.is_diverged);
    CU_ASSERT_EQUAL(ctl_data_configuration(&data)->members_count, 2);
    CU_ASSERT_EQUAL(ctl_data_configuration(&data)->cluster_id[0], 0xab);
    remove_directory();
}

UNIT_TEST(ctl_data, without_entries_the_bootstrap_is_in_force)
{
    make_directory();
    open_store();
    close_store();
    CU_ASSERT_EQUAL(ctl_data_read(directory, &data), RESULT_OK);
    CU_ASSERT_EQUAL(data.log.entries, 0);
    CU_ASSERT_EQUAL(ctl_data_configuration(&data)->members_count, 2);
    CU_ASSERT_STRING_EQUAL(ctl_data_configuration(&data)->members[1].name, "node-2");
    remove_directory();
}

UNIT_TEST(ctl_data, a_row_that_verifies_and_does_not_decode_is_damage)
{
    make_directory();
    open_store();
    append_three();
    struct buf payload = {0};
    buf_append_format(&payload, "no payload of ours, and long enough to have a header");
    append(4, RAFT_ENTRY_COMMAND, &payload);
    close_store();
    CU_ASSERT_NOT_EQUAL(ctl_data_read(directory, &data), RESULT_OK);
    CU_ASSERT_EQUAL(data.log.commands, 2);
    remove_directory();
}

UNIT_TEST(ctl_data, a_flipped_bit_is_damage)
{
    make_directory();
    open_store();
    append_three();
    close_store();
    char bytes[1 << 16];
    int file = open(path_of("raft.db"), O_RDWR);
    ssize_t size = read(file, bytes, sizeof(bytes));
    CU_ASSERT_FATAL(size > 0);
    char *found = memmem(bytes, (size_t)size, "visits", 6);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_EQUAL(pwrite(file, "w", 1, found - bytes), 1);
    (void)close(file);
    CU_ASSERT_EQUAL(ctl_data_read(directory, &data), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(data.good_index, 2);
    CU_ASSERT_EQUAL(ctl_data_exit(RESULT_CORRUPT), CTL_NO);
    remove_directory();
}

UNIT_TEST(ctl_data, a_log_that_begins_behind_a_snapshot_that_is_not_there_is_damage)
{
    make_directory();
    open_store();
    append_three();
    submit(NULL, 10);
    close_store();
    CU_ASSERT_EQUAL(ctl_data_read(directory, &data), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(data.summary.base_index, 10);
    remove_directory();
}

UNIT_TEST(ctl_data, tells_a_lost_log_from_a_directory_of_something_else)
{
    make_directory();
    CU_ASSERT_EQUAL(ctl_data_read(directory, &data), RESULT_NOT_FOUND);
    CU_ASSERT_EQUAL(ctl_data_exit(RESULT_NOT_FOUND), CTL_FAILED);
    open_store();
    append_three();
    close_store();
    remove_file("raft.db");
    int file = open(path_of("state.db"), O_WRONLY | O_CREAT, 0600);
    (void)close(file);
    CU_ASSERT_EQUAL(ctl_data_read(directory, &data), RESULT_CORRUPT);
    remove_directory();
}

UNIT_TEST(ctl_data, looking_for_a_directory_does_not_make_it)
{
    struct stat status;
    CU_ASSERT_FALSE(ctl_data_is_directory("/tmp/quorum-cli-none"));
    CU_ASSERT_NOT_EQUAL(stat("/tmp/quorum-cli-none", &status), 0);
    CU_ASSERT_TRUE(ctl_data_is_directory("/tmp"));
}

UNIT_TEST(ctl_data, a_recovered_directory_reads_as_a_cluster_of_one)
{
    const uint8_t new_id[RAFT_CLUSTER_ID_BYTES] = {0xcd};
    struct offline_recovered recovered;
    make_directory();
    open_store();
    append_three();
    close_store();
    CU_ASSERT_EQUAL(offline_recover(directory, new_id, &recovered), RESULT_OK);
    CU_ASSERT_EQUAL(recovered.index, 4);
    CU_ASSERT_EQUAL(ctl_data_read(directory, &data), RESULT_OK);
    const struct raft_configuration *configuration = ctl_data_configuration(&data);
    CU_ASSERT_EQUAL(configuration->members_count, 1);
    CU_ASSERT_EQUAL(configuration->members[0].id, NODE_ID);
    CU_ASSERT_EQUAL(configuration->members[0].disk_id, DISK_ID);
    CU_ASSERT_EQUAL(configuration->cluster_id[0], 0xcd);
    CU_ASSERT_EQUAL(data.summary.commit_index, 4);
    remove_directory();
}

UNIT_TEST(ctl_data, says_how_to_start_a_node_and_to_join_it)
{
    struct raft_member member = {.role = RAFT_VOTER,
                                 .name = "a",
                                 .raft_address = "10.0.0.1:9001",
                                 .redis_address = "[::1]:6380"};
    struct buf out = {0};
    ctl_data_put_start(&out, "/var/my data", &member);
    ctl_data_put_join(&out, &member);
    buf_append_byte(&out, '\0');
    const char *text = (const char *)buf_slice(&out).bytes;
    CU_ASSERT_PTR_NOT_NULL(strstr(
        text, "    quorum --id a --data '/var/my data' --port 9001 --redis 6380 --peers ''\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, " --join 10.0.0.1:9001\n"));
    buf_deinit(&out);
}
