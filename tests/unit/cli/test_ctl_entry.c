/* test_ctl_entry.c -- entries of the log as text: whole, cut, and malformed. */
#include "cli/ctl_entry.h"

#include <stdio.h>
#include <string.h>

#include "lib/unit.h"
#include "wire/entry_payload.h"

enum { STAMP_MS = 1000 };

static struct buf text;
static struct buf payload;

/* Reads an entry that has payload, which is emptied; text has its lines, NUL-terminated. */
static enum result read_entry(struct ctl_entry_reader *reader, uint64_t index,
                              enum raft_entry_type type)
{
    struct blob *blob = buf_size(&payload) > 0 ? blob_copy(buf_slice(&payload)) : NULL;
    struct raft_entry entry = {index, 3, type, blob};
    buf_clear(&text);
    enum result result = ctl_entry_read(reader, &entry, &text);
    buf_append_byte(&text, '\0');
    blob_release(blob);
    buf_deinit(&payload);
    return result;
}

static const char *lines(void)
{
    return (const char *)buf_slice(&text).bytes;
}

static void put_header(uint32_t batches_count)
{
    uint8_t bytes[ENTRY_PAYLOAD_HEADER_BYTES];
    struct entry_header header = {.batches_count = batches_count, .stamp_ms = STAMP_MS};
    entry_payload_set_header(bytes, &header);
    buf_append(&payload, bytes, sizeof(bytes));
}

/* A batch of node 5 with one command. */
static void put_batch(const struct slice *arguments, uint32_t count)
{
    struct buf commands = {0};
    batch_put_command(&commands, 2, arguments, count);
    struct batch_header header = {5, 10, 17, 1, (uint32_t)buf_size(&commands)};
    batch_put_header(&payload, &header);
    buf_append_slice(&payload, buf_slice(&commands));
    buf_deinit(&commands);
}

static void put_configuration(void)
{
    struct raft_configuration configuration = {.cluster_id = {0xab}, .members_count = 2};
    configuration.members[0] = (struct raft_member){.id = 5,
                                                    .disk_id = 0x91,
                                                    .role = RAFT_VOTER,
                                                    .name = "a",
                                                    .raft_address = "h:1",
                                                    .http_address = "h:2",
                                                    .redis_address = "h:3"};
    configuration.members[1] =
        (struct raft_member){.id = 6, .role = RAFT_JOINING, .name = "b", .raft_address = "h:4"};
    raft_configuration_encode(&configuration, &payload);
}

UNIT_TEST(ctl_entry, shows_a_noop)
{
    struct ctl_entry_reader reader = {.shown_max = 64};
    CU_ASSERT_EQUAL(read_entry(&reader, 9, RAFT_ENTRY_NOOP), RESULT_OK);
    CU_ASSERT_STRING_EQUAL(lines(), "9 term 3 noop\n");
    CU_ASSERT_EQUAL(reader.entries, 1);
    CU_ASSERT_EQUAL(reader.last_term, 3);
    buf_deinit(&text);
}

UNIT_TEST(ctl_entry, shows_members_and_then_names_the_origins_of_batches)
{
    const struct slice arguments[] = {SLICE_LITERAL("SET"), SLICE_LITERAL("a\n"),
                                      SLICE_LITERAL("world")};
    struct ctl_entry_reader reader = {.shown_max = 4};
    put_configuration();
    CU_ASSERT_EQUAL(read_entry(&reader, 1, RAFT_ENTRY_CONFIGURATION), RESULT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(lines(),
                                  ", cluster ab000000000000000000000000000000 of 2 members\n"
                                  "    a voter disk 0000000000000091, raft h:1 http h:2 redis h:3\n"
                                  "    b joining disk not known, raft h:4\n"));
    put_header(1);
    put_batch(arguments, 3);
    CU_ASSERT_EQUAL(read_entry(&reader, 2, RAFT_ENTRY_COMMAND), RESULT_OK);
    CU_ASSERT_STRING_EQUAL(lines(), "2 term 3 command, 71 bytes, 1970-01-01 00:00:01.000Z\n"
                                    "    from a, incarnation 10, batch 17: 1 command\n"
                                    "        db2 \"SET\" \"a\\n\" \"worl\"... (5 bytes)\n");
    CU_ASSERT_EQUAL(reader.configurations, 1);
    CU_ASSERT_EQUAL(reader.configuration_index, 1);
    CU_ASSERT_EQUAL(reader.batches, 1);
    CU_ASSERT_EQUAL(reader.commands, 1);
    buf_deinit(&text);
}

UNIT_TEST(ctl_entry, shows_a_node_without_a_name_by_its_number_and_cuts_long_commands)
{
    const struct slice arguments[] = {SLICE_LITERAL("DEL"), SLICE_LITERAL("a"), SLICE_LITERAL("b")};
    struct ctl_entry_reader reader = {.shown_max = 2};
    put_header(1);
    put_batch(arguments, 3);
    CU_ASSERT_EQUAL(read_entry(&reader, 2, RAFT_ENTRY_COMMAND), RESULT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(lines(), "from node 0000000000000005, "));
    CU_ASSERT_PTR_NOT_NULL(strstr(lines(), "\"DE\"... (3 bytes) \"a\" ... (3 arguments)\n"));
    buf_deinit(&text);
}

UNIT_TEST(ctl_entry, shows_the_hashes_of_a_check)
{
    struct ctl_entry_reader reader = {.shown_max = 64};
    struct entry_header header = {.is_check = true, .stamp_ms = STAMP_MS};
    struct entry_check check = {.index = 40, .rows_count = 1, .rows = {{5, 0xbeef}}};
    entry_payload_put_check(&payload, &header, &check);
    CU_ASSERT_EQUAL(read_entry(&reader, 50, RAFT_ENTRY_COMMAND), RESULT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(lines(), ", state hashes at 40:\n"
                                           "    node 0000000000000005 000000000000beef\n"));
    CU_ASSERT_EQUAL(reader.checks, 1);
    buf_deinit(&text);
}

UNIT_TEST(ctl_entry, says_so_when_a_payload_does_not_decode)
{
    const struct slice arguments[] = {SLICE_LITERAL("PING")};
    struct ctl_entry_reader reader = {.shown_max = 64};
    put_header(2); /* one batch is missing */
    put_batch(arguments, 1);
    CU_ASSERT_EQUAL(read_entry(&reader, 2, RAFT_ENTRY_COMMAND), RESULT_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(lines(), "the payload cannot be read further: corrupt data"));
    put_header(1); /* a byte is left over */
    put_batch(arguments, 1);
    buf_append_byte(&payload, 0);
    CU_ASSERT_EQUAL(read_entry(&reader, 3, RAFT_ENTRY_COMMAND), RESULT_CORRUPT);
    buf_append_byte(&payload, 1);
    CU_ASSERT_EQUAL(read_entry(&reader, 4, RAFT_ENTRY_NOOP), RESULT_CORRUPT);
    buf_append_byte(&payload, 1);
    CU_ASSERT_NOT_EQUAL(read_entry(&reader, 5, RAFT_ENTRY_CONFIGURATION), RESULT_OK);
    buf_append_byte(&payload, 1);
    CU_ASSERT_EQUAL(read_entry(&reader, 6, (enum raft_entry_type)9), RESULT_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(lines(), "6 term 3 of unknown type"));
    buf_deinit(&text);
}

UNIT_TEST(ctl_entry, counts_without_writing_anything)
{
    const struct slice arguments[] = {SLICE_LITERAL("PING")};
    struct ctl_entry_reader reader = {.shown_max = 64};
    put_header(1);
    put_batch(arguments, 1);
    struct blob *blob = blob_copy(buf_slice(&payload));
    struct raft_entry entry = {2, 3, RAFT_ENTRY_COMMAND, blob};
    CU_ASSERT_EQUAL(ctl_entry_read(&reader, &entry, NULL), RESULT_OK);
    CU_ASSERT_EQUAL(reader.commands, 1);
    CU_ASSERT_EQUAL(reader.bytes, buf_size(&payload));
    blob_release(blob);
    buf_deinit(&payload);
}
