/* fuzz_exec.c -- what an EXEC puts into an entry, watches and commands, as a damaged or forged
 * entry would have it: a node applies it, twice from its log, to the same state, and goes on. */
#include "fuzz/fuzz.h"
#include "replica/replica_internal.h"
#include "sim/lab_client.h"
#include "wire/entry_payload.h"

enum { SEED = 7, RUN_MS = 200 };

/* The log's next entry: one batch of this node, of one command. */
static struct raft_entry make_entry(const struct lab_node *node, struct slice watches,
                                    struct slice commands)
{
    struct buf text = {0};
    struct buf payload = {0};
    struct slice words[] = {SLICE_LITERAL("exec"), watches, commands};
    batch_put_command(&text, 0, words, 3);
    struct entry_header header = {
        .batches_count = 1, .stamp_ms = LAB_EPOCH_WALL_MS + 5000, .seed = SEED};
    struct batch_header batch = {.origin = lab_id(node->number),
                                 .incarnation = node->disk.incarnation + 1000,
                                 .sequence = 1,
                                 .commands_count = 1,
                                 .commands_bytes = (uint32_t)buf_size(&text)};
    entry_payload_set_header(buf_reserve(&payload, ENTRY_PAYLOAD_HEADER_BYTES), &header);
    buf_commit(&payload, ENTRY_PAYLOAD_HEADER_BYTES);
    batch_put_header(&payload, &batch);
    buf_append_slice(&payload, buf_slice(&text));
    struct raft_entry entry = {.index = lab_disk_last_index(&node->disk) + 1,
                               .term = lab_disk_last_term(&node->disk),
                               .type = RAFT_ENTRY_COMMAND,
                               .payload = blob_copy(buf_slice(&payload))};
    buf_deinit(&text);
    buf_deinit(&payload);
    return entry;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lab lab;
    struct lab_options options = {.nodes_count = 1, .seed = SEED};
    struct slice input = slice_of(data, size);
    fuzz_quiet();
    lab_open(&lab, &options);
    FUZZ_CHECK(lab_run_to_leader(&lab, 5000) != NULL);
    struct lab_node *node = &lab.nodes[0];
    struct lab_client client = {0};
    lab_client_open(&client, node, NULL);
    lab_client_say(&client, "SADD s 1 2 3 4 5");
    lab_client_say(&client, "RPUSH l a b c");
    (void)lab_client_hear(&client, RUN_MS);
    lab_crash(node);
    size_t watches_size = fuzz_take_byte(&input);
    struct slice watches = fuzz_take(&input, watches_size);
    struct raft_entry entry = make_entry(node, watches, input);
    lab_disk_append(&node->disk, &entry);
    lab_start(node);
    FUZZ_CHECK(lab_run_to_leader(&lab, 5000) != NULL);
    FUZZ_CHECK(node->replica->applied_index > entry.index);
    /* Another replica, from the same disks, comes to the same state. */
    uint64_t replays = lab.replays;
    lab_run_for(&lab, RUN_MS);
    lab_check_replay(node);
    FUZZ_CHECK(lab.replays == replays + 1);
    lab_client_deinit(&client);
    lab_client_open(&client, node, NULL);
    lab_client_say(&client, "SET after 1");
    FUZZ_CHECK(strcmp(lab_client_hear(&client, RUN_MS), "+OK\r\n") == 0);
    lab_client_deinit(&client);
    FUZZ_CHECK(lab.failures == 0);
    lab_close(&lab);
    return 0;
}
