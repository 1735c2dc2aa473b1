/* fuzz_entry.c -- payloads of log entries and configurations, and rows of snapshots: strict, and
 * what decodes encodes to the same bytes. */
#include "base/bytes.h"
#include "base/state_row.h"
#include "fuzz/fuzz.h"
#include "raft/raft.h"
#include "wire/entry_payload.h"

static void decode_commands(const struct batch_header *header, struct slice commands)
{
    struct bytes_reader reader = bytes_reader_of(commands);
    struct command_arguments arguments = {0};
    struct buf again = {0};
    bool is_valid = batch_validate(header, commands) == RESULT_OK;
    uint32_t count = 0;
    while (bytes_left(&reader) > 0 && batch_get_command(&reader, &arguments) == RESULT_OK) {
        batch_put_command(&again, arguments.database, arguments.slices, arguments.count);
        count++;
    }
    if (is_valid) {
        FUZZ_CHECK(count == header->commands_count);
        FUZZ_CHECK(bytes_left(&reader) == 0);
        FUZZ_CHECK(slice_equals(buf_slice(&again), commands));
    }
    buf_deinit(&again);
    command_arguments_deinit(&arguments);
}

static void decode_payload(struct slice input)
{
    struct bytes_reader reader = bytes_reader_of(input);
    struct entry_header header = {0};
    if (entry_payload_get_header(&reader, &header) != RESULT_OK) {
        return;
    }
    if (header.is_check) {
        struct entry_check check;
        if (entry_payload_get_check(&reader, &check) == RESULT_OK) {
            struct buf again = {0};
            entry_payload_put_check(&again, &header, &check);
            FUZZ_CHECK(slice_equals(buf_slice(&again), input));
            buf_deinit(&again);
        }
        return;
    }
    for (uint32_t i = 0; i < header.batches_count; i++) {
        struct batch_header batch;
        struct slice commands;
        if (batch_get_header(&reader, &batch, &commands) != RESULT_OK) {
            return;
        }
        decode_commands(&batch, commands);
    }
}

static void decode_configuration(struct slice input)
{
    static struct raft_configuration configuration;
    struct buf again = {0};
    if (raft_configuration_decode(input, &configuration) == RESULT_OK) {
        FUZZ_CHECK(configuration.members_count <= LIMIT_MEMBERS);
        raft_configuration_encode(&configuration, &again);
        static struct raft_configuration second;
        FUZZ_CHECK(raft_configuration_decode(buf_slice(&again), &second) == RESULT_OK);
        FUZZ_CHECK(second.members_count == configuration.members_count);
    }
    buf_deinit(&again);
}

static void decode_rows(struct slice input)
{
    struct bytes_reader reader = bytes_reader_of(input);
    struct state_row row;
    while (bytes_left(&reader) > 0 && state_row_decode(&reader, &row) == RESULT_OK) {
        struct buf encoded = {0};
        state_row_encode(&row, &encoded);
        struct bytes_reader back = bytes_reader_of(buf_slice(&encoded));
        struct state_row second;
        FUZZ_CHECK(state_row_decode(&back, &second) == RESULT_OK);
        FUZZ_CHECK(bytes_left(&back) == 0);
        FUZZ_CHECK(second.type == row.type && slice_equals(second.key, row.key));
        buf_deinit(&encoded);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_quiet();
    struct slice all = slice_of(data, size);
    uint8_t choice = fuzz_take_byte(&all);
    struct slice input = fuzz_copy(all);
    switch (choice % 3) {
    case 0:
        decode_payload(input);
        break;
    case 1:
        decode_configuration(input);
        break;
    case 2:
        decode_rows(input);
        break;
    }
    fuzz_free(input);
    return 0;
}
