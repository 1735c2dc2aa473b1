/* test_entry_payload.c -- entries and batches: round trips, and hostile bytes. */
#include "base/mem.h"
#include "base/prng.h"
#include "lib/unit.h"
#include "wire/entry_payload.h"

/* A batch of "SET key value" in database 3 and "GET" with an empty key in database 0. */
static struct batch_header put_batch(struct buf *commands)
{
    struct slice set[] = {SLICE_LITERAL("SET"), SLICE_LITERAL("key"), SLICE_LITERAL("value")};
    struct slice get[] = {SLICE_LITERAL("GET"), slice_of(NULL, 0)};
    batch_put_command(commands, 3, set, 3);
    batch_put_command(commands, 0, get, 2);
    return (struct batch_header){.origin = 7,
                                 .incarnation = 0x1122334455667788,
                                 .sequence = 99,
                                 .commands_count = 2,
                                 .commands_bytes = (uint32_t)buf_size(commands)};
}

static void put_payload(struct buf *out)
{
    struct buf commands = {0};
    struct batch_header header = put_batch(&commands);
    entry_payload_set_header(buf_reserve(out, ENTRY_PAYLOAD_HEADER_BYTES),
                             &(struct entry_header){.batches_count = 2, .stamp_ms = -5, .seed = 6});
    buf_commit(out, ENTRY_PAYLOAD_HEADER_BYTES);
    for (int i = 0; i < 2; i++) {
        batch_put_header(out, &header);
        buf_append_slice(out, buf_slice(&commands));
    }
    buf_deinit(&commands);
}

/* Reads a whole payload; RESULT_OK when everything in it is well formed to the last byte. */
static enum result read_payload(struct slice payload, struct command_arguments *arguments)
{
    struct bytes_reader reader = bytes_reader_of(payload);
    struct entry_header entry;
    enum result result = entry_payload_get_header(&reader, &entry);
    for (uint32_t i = 0; result == RESULT_OK && i < entry.batches_count; i++) {
        struct batch_header batch;
        struct slice commands;
        result = batch_get_header(&reader, &batch, &commands);
        if (result != RESULT_OK) {
            return result;
        }
        enum result valid = batch_validate(&batch, commands);
        struct bytes_reader command_reader = bytes_reader_of(commands);
        for (uint32_t j = 0; result == RESULT_OK && j < batch.commands_count; j++) {
            result = batch_get_command(&command_reader, arguments);
        }
        if (result == RESULT_OK && bytes_left(&command_reader) > 0) {
            result = RESULT_CORRUPT;
        }
        /* The check before proposing and the reading at apply must be of one mind. */
        CU_ASSERT_EQUAL(result, valid);
    }
    if (result == RESULT_OK && bytes_left(&reader) > 0) {
        result = RESULT_CORRUPT;
    }
    return result;
}

UNIT_TEST(entry_payload, round_trip)
{
    struct buf out = {0};
    put_payload(&out);
    struct bytes_reader reader = bytes_reader_of(buf_slice(&out));
    struct entry_header entry;
    CU_ASSERT_EQUAL_FATAL(entry_payload_get_header(&reader, &entry), RESULT_OK);
    CU_ASSERT_FALSE(entry.is_check);
    CU_ASSERT_EQUAL(entry.batches_count, 2);
    CU_ASSERT_EQUAL(entry.stamp_ms, -5);
    CU_ASSERT_EQUAL(entry.seed, 6);
    struct command_arguments arguments = {0};
    for (int i = 0; i < 2; i++) {
        struct batch_header batch;
        struct slice commands;
        CU_ASSERT_EQUAL_FATAL(batch_get_header(&reader, &batch, &commands), RESULT_OK);
        CU_ASSERT_EQUAL(batch.origin, 7);
        CU_ASSERT_EQUAL(batch.incarnation, 0x1122334455667788);
        CU_ASSERT_EQUAL(batch.sequence, 99);
        CU_ASSERT_EQUAL(batch.commands_count, 2);
        CU_ASSERT_EQUAL(batch_validate(&batch, commands), RESULT_OK);
        struct bytes_reader command_reader = bytes_reader_of(commands);
        CU_ASSERT_EQUAL_FATAL(batch_get_command(&command_reader, &arguments), RESULT_OK);
        CU_ASSERT_EQUAL(arguments.database, 3);
        CU_ASSERT_EQUAL_FATAL(arguments.count, 3);
        CU_ASSERT_TRUE(slice_equals(arguments.slices[2], SLICE_LITERAL("value")));
        CU_ASSERT_EQUAL_FATAL(batch_get_command(&command_reader, &arguments), RESULT_OK);
        CU_ASSERT_EQUAL(arguments.database, 0);
        CU_ASSERT_EQUAL_FATAL(arguments.count, 2);
        CU_ASSERT_TRUE(slice_equals(arguments.slices[0], SLICE_LITERAL("GET")));
        CU_ASSERT_EQUAL(arguments.slices[1].size, 0);
        CU_ASSERT_EQUAL(bytes_left(&command_reader), 0);
    }
    CU_ASSERT_EQUAL(bytes_left(&reader), 0);
    command_arguments_deinit(&arguments);
    buf_deinit(&out);
}

UNIT_TEST(entry_payload, layout_is_as_documented)
{
    uint8_t at[ENTRY_PAYLOAD_HEADER_BYTES];
    memset(at, 0xff, sizeof(at));
    entry_payload_set_header(at, &(struct entry_header){.batches_count = 0x01020304,
                                                        .stamp_ms = 0x1112131415161718,
                                                        .seed = 0x2122232425262728});
    static const uint8_t expected[] = {1,    0,    0,    0,    4,    3,    2,    1,
                                       0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
                                       0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21};
    CU_ASSERT_EQUAL(memcmp(at, expected, sizeof(expected)), 0);
    struct buf out = {0};
    struct slice ping = SLICE_LITERAL("PING");
    batch_put_command(&out, 2, &ping, 1);
    CU_ASSERT_TRUE(slice_equals(buf_slice(&out), SLICE_LITERAL("\x02\x01\x04PING")));
    buf_deinit(&out);
}

UNIT_TEST(entry_payload, many_arguments)
{
    enum { COUNT = 100000 };
    struct slice *slices = mem_alloc(COUNT * sizeof(*slices));
    for (uint32_t i = 0; i < COUNT; i++) {
        slices[i] = slice_of("abcdefgh", i % 9);
    }
    struct buf commands = {0};
    batch_put_command(&commands, 0, slices, COUNT);
    struct bytes_reader reader = bytes_reader_of(buf_slice(&commands));
    struct command_arguments arguments = {0};
    CU_ASSERT_EQUAL_FATAL(batch_get_command(&reader, &arguments), RESULT_OK);
    CU_ASSERT_EQUAL_FATAL(arguments.count, COUNT);
    uint32_t differing = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        differing += !slice_equals(arguments.slices[i], slices[i]);
    }
    CU_ASSERT_EQUAL(differing, 0);
    command_arguments_deinit(&arguments);
    buf_deinit(&commands);
    mem_free(slices);
}

UNIT_TEST(entry_payload, every_truncation_is_corrupt)
{
    struct buf out = {0};
    struct command_arguments arguments = {0};
    put_payload(&out);
    CU_ASSERT_EQUAL(read_payload(buf_slice(&out), &arguments), RESULT_OK);
    for (size_t cut = 0; cut < buf_size(&out); cut++) {
        CU_ASSERT_EQUAL(read_payload(slice_of(buf_slice(&out).bytes, cut), &arguments),
                        RESULT_CORRUPT);
    }
    buf_append_byte(&out, 0);
    CU_ASSERT_EQUAL(read_payload(buf_slice(&out), &arguments), RESULT_CORRUPT);
    command_arguments_deinit(&arguments);
    buf_deinit(&out);
}

UNIT_TEST(entry_payload, refuses_versions_and_padding_it_does_not_know)
{
    struct buf out = {0};
    put_payload(&out);
    struct entry_header entry = {.seed = 42};
    struct bytes_reader reader = bytes_reader_of(buf_slice(&out));
    const uint8_t *before = reader.at;
    out.bytes[0] = 3;
    CU_ASSERT_EQUAL(entry_payload_get_header(&reader, &entry), RESULT_VERSION);
    out.bytes[0] = 2; /* a check has no batches */
    CU_ASSERT_EQUAL(entry_payload_get_header(&reader, &entry), RESULT_CORRUPT);
    out.bytes[0] = 1;
    out.bytes[2] = 1;
    CU_ASSERT_EQUAL(entry_payload_get_header(&reader, &entry), RESULT_CORRUPT);
    out.bytes[2] = 0;
    bytes_set_u32(out.bytes + 4, UINT32_MAX);
    CU_ASSERT_EQUAL(entry_payload_get_header(&reader, &entry), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(entry.seed, 42);
    CU_ASSERT_PTR_EQUAL(reader.at, before);
    buf_deinit(&out);
}

static enum result validate(struct slice commands, uint32_t count)
{
    struct batch_header header = {.commands_count = count,
                                  .commands_bytes = (uint32_t)commands.size};
    return batch_validate(&header, commands);
}

UNIT_TEST(entry_payload, validation_refuses_each_way_to_be_wrong)
{
    CU_ASSERT_EQUAL(validate(slice_of(NULL, 0), 0), RESULT_OK);
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x00\x01\x01X"), 1), RESULT_OK);
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x0f\x01\x00"), 1), RESULT_OK);
    /* A count that is short or over, or left-over bytes. */
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x00\x01\x01X"), 0), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x00\x01\x01X"), 2), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x00\x01\x01XY"), 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(validate(slice_of(NULL, 0), UINT32_MAX), RESULT_CORRUPT);
    /* No such database; no arguments; more arguments than bytes; an argument past the end. */
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x10\x01\x01X"), 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x00\x00"), 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x00\x03\x01X"), 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x00\x01\x02X"), 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01X"), 1),
                    RESULT_CORRUPT);
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01X"), 1),
                    RESULT_CORRUPT);
    CU_ASSERT_EQUAL(validate(SLICE_LITERAL("\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7fX"), 1),
                    RESULT_CORRUPT);
    /* A header that speaks of other bytes. */
    struct batch_header header = {.commands_count = 1, .commands_bytes = 5};
    CU_ASSERT_EQUAL(batch_validate(&header, SLICE_LITERAL("\x00\x01\x01X")), RESULT_CORRUPT);
}

UNIT_TEST(entry_payload, an_announced_count_allocates_nothing)
{
    struct command_arguments arguments = {0};
    struct bytes_reader reader = bytes_reader_of(SLICE_LITERAL("\x00\xff\xff\xff\x7f\x01X"));
    CU_ASSERT_EQUAL(batch_get_command(&reader, &arguments), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(arguments.capacity, 0);
    command_arguments_deinit(&arguments);
}

UNIT_TEST(entry_payload, survives_damage_anywhere)
{
    struct prng prng;
    prng_init(&prng, 4);
    struct buf out = {0};
    put_payload(&out);
    struct command_arguments arguments = {0};
    uint32_t accepted = 0;
    for (int round = 0; round < 20000; round++) {
        struct slice whole = buf_slice(&out);
        uint8_t *damaged = mem_alloc(whole.size);
        memcpy(damaged, whole.bytes, whole.size);
        for (uint64_t i = 0; i <= prng_below(&prng, 3); i++) {
            damaged[prng_below(&prng, whole.size)] = (uint8_t)prng_next(&prng);
        }
        accepted += read_payload(slice_of(damaged, whole.size), &arguments) == RESULT_OK;
        mem_free(damaged);
    }
    /* Stamps, seeds, names may take any value: some damage must pass, and some must not. */
    CU_ASSERT_TRUE(accepted > 0 && accepted < 20000);
    command_arguments_deinit(&arguments);
    buf_deinit(&out);
}

/* ---- Checks ---- */

static void put_check(struct buf *out, uint32_t rows_count)
{
    struct entry_header header = {.is_check = true, .stamp_ms = 77, .seed = 88};
    struct entry_check check = {.index = 1000, .rows_count = rows_count};
    for (uint32_t i = 0; i < rows_count; i++) {
        check.rows[i].member = 10 + i;
        check.rows[i].hash = UINT64_MAX - i;
    }
    buf_clear(out);
    entry_payload_put_check(out, &header, &check);
}

static enum result read_check(struct slice payload, struct entry_check *check)
{
    struct bytes_reader reader = bytes_reader_of(payload);
    struct entry_header header;
    enum result result = entry_payload_get_header(&reader, &header);
    if (result != RESULT_OK) {
        return result;
    }
    CU_ASSERT_TRUE(header.is_check);
    CU_ASSERT_EQUAL(header.batches_count, 0);
    result = entry_payload_get_check(&reader, check);
    CU_ASSERT_TRUE(result != RESULT_OK || bytes_left(&reader) == 0);
    return result;
}

UNIT_TEST(entry_check, round_trips)
{
    struct buf out = {0};
    struct entry_check check;
    for (uint32_t rows_count = 0; rows_count <= LIMIT_MEMBERS; rows_count++) {
        put_check(&out, rows_count);
        CU_ASSERT_EQUAL(buf_size(&out), ENTRY_PAYLOAD_HEADER_BYTES + 16 + 16 * rows_count);
        CU_ASSERT_EQUAL(buf_slice(&out).bytes[0], 2);
        CU_ASSERT_EQUAL_FATAL(read_check(buf_slice(&out), &check), RESULT_OK);
        CU_ASSERT_EQUAL(check.index, 1000);
        CU_ASSERT_EQUAL_FATAL(check.rows_count, rows_count);
        for (uint32_t i = 0; i < rows_count; i++) {
            CU_ASSERT_EQUAL(check.rows[i].member, 10 + i);
            CU_ASSERT_EQUAL(check.rows[i].hash, UINT64_MAX - i);
        }
    }
    buf_deinit(&out);
}

UNIT_TEST(entry_check, every_truncation_and_a_byte_too_many_are_corrupt)
{
    struct buf out = {0};
    struct entry_check check = {.index = 42};
    put_check(&out, 3);
    for (size_t cut = 0; cut < buf_size(&out); cut++) {
        CU_ASSERT_EQUAL(read_check(slice_of(buf_slice(&out).bytes, cut), &check), RESULT_CORRUPT);
    }
    buf_append_byte(&out, 0);
    CU_ASSERT_EQUAL(read_check(buf_slice(&out), &check), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(check.index, 42);
    buf_deinit(&out);
}

/* Reads a check of three rows (members 10, 11, 12) after one byte of it was set. */
static enum result read_changed(size_t offset, uint8_t byte)
{
    struct buf out = {0};
    struct entry_check check;
    put_check(&out, 3);
    out.bytes[offset] = byte;
    enum result result = read_check(buf_slice(&out), &check);
    buf_deinit(&out);
    return result;
}

UNIT_TEST(entry_check, counts_padding_and_order_are_checked)
{
    CU_ASSERT_EQUAL(read_changed(4, 1), RESULT_CORRUPT); /* batches_count */
    CU_ASSERT_EQUAL(read_changed(32, 2), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(read_changed(32, 4), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(read_changed(35, 0x80), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(read_changed(36, 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(read_changed(40, 0), RESULT_CORRUPT); /* member 0 */
    CU_ASSERT_EQUAL(read_changed(40, 11), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(read_changed(40, 9), RESULT_OK);
    CU_ASSERT_EQUAL(read_changed(72, 11), RESULT_CORRUPT); /* the last member */
    CU_ASSERT_EQUAL(read_changed(72, 13), RESULT_OK);
    /* Rows taken at no index. */
    struct buf out = {0};
    struct entry_check check;
    put_check(&out, 1);
    bytes_set_u64(out.bytes + 24, 0);
    CU_ASSERT_EQUAL(read_check(buf_slice(&out), &check), RESULT_CORRUPT);
    put_check(&out, 0);
    bytes_set_u64(out.bytes + 24, 0);
    CU_ASSERT_EQUAL(read_check(buf_slice(&out), &check), RESULT_OK);
    buf_deinit(&out);
}

UNIT_TEST(entry_check, more_rows_than_members_are_corrupt)
{
    struct buf out = {0};
    struct entry_check check;
    put_check(&out, LIMIT_MEMBERS);
    bytes_put_u64(&out, 1000);
    bytes_put_u64(&out, 1);
    bytes_set_u32(out.bytes + 32, LIMIT_MEMBERS + 1);
    CU_ASSERT_EQUAL(read_check(buf_slice(&out), &check), RESULT_CORRUPT);
    buf_deinit(&out);
}
