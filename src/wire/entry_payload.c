/* entry_payload.c -- the payload of COMMAND entries; the layout is in the header.
 *
 * Reading trusts nothing: forwarded batches come from the network, entries from disks.
 */
#include "wire/entry_payload.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"

enum { FORMAT_VERSION = 1, FORMAT_VERSION_CHECK = 2, ARGUMENTS_CAPACITY_MIN = 8 };

/* Offsets of the entry header's fields. */
enum { HEADER_BATCHES_AT = 4, HEADER_STAMP_AT = 8, HEADER_SEED_AT = 16 };

void batch_put_command(struct buf *commands, uint32_t database, const struct slice *arguments,
                       uint32_t arguments_count)
{
    ASSERT(arguments_count > 0);
    ASSERT(database < LIMIT_DATABASES);
    bytes_put_varint(commands, database);
    bytes_put_varint(commands, arguments_count);
    for (uint32_t i = 0; i < arguments_count; i++) {
        bytes_put_slice(commands, arguments[i]);
    }
}

void batch_put_header(struct buf *out, const struct batch_header *header)
{
    bytes_put_u64(out, header->origin);
    bytes_put_u64(out, header->incarnation);
    bytes_put_u64(out, header->sequence);
    bytes_put_u32(out, header->commands_count);
    bytes_put_u32(out, header->commands_bytes);
}

void entry_payload_set_header(uint8_t *at, const struct entry_header *header)
{
    memset(at, 0, ENTRY_PAYLOAD_HEADER_BYTES);
    at[0] = header->is_check ? FORMAT_VERSION_CHECK : FORMAT_VERSION;
    bytes_set_u32(at + HEADER_BATCHES_AT, header->batches_count);
    bytes_set_u64(at + HEADER_STAMP_AT, (uint64_t)header->stamp_ms);
    bytes_set_u64(at + HEADER_SEED_AT, header->seed);
}

void entry_payload_put_check(struct buf *out, const struct entry_header *header,
                             const struct entry_check *check)
{
    ASSERT(header->is_check);
    ASSERT(header->batches_count == 0);
    ASSERT(check->rows_count <= LIMIT_MEMBERS);
    ASSERT(check->index > 0 || check->rows_count == 0);
    entry_payload_set_header(buf_reserve(out, ENTRY_PAYLOAD_HEADER_BYTES), header);
    buf_commit(out, ENTRY_PAYLOAD_HEADER_BYTES);
    bytes_put_u64(out, check->index);
    bytes_put_u32(out, check->rows_count);
    bytes_put_u32(out, 0);
    for (uint32_t i = 0; i < check->rows_count; i++) {
        ASSERT(check->rows[i].member > (i == 0 ? 0 : check->rows[i - 1].member));
        bytes_put_u64(out, check->rows[i].member);
        bytes_put_u64(out, check->rows[i].hash);
    }
}

enum result entry_payload_get_header(struct bytes_reader *reader, struct entry_header *out)
{
    struct bytes_reader copy = *reader;
    struct slice header = bytes_get_bytes(&copy, ENTRY_PAYLOAD_HEADER_BYTES);
    if (copy.bad) {
        return RESULT_CORRUPT;
    }
    const uint8_t *at = header.bytes;
    if (at[0] != FORMAT_VERSION && at[0] != FORMAT_VERSION_CHECK) {
        return RESULT_VERSION;
    }
    bool is_check = at[0] == FORMAT_VERSION_CHECK;
    uint32_t batches_count = bytes_read_u32(at + HEADER_BATCHES_AT);
    if ((at[1] | at[2] | at[3]) != 0 || batches_count > bytes_left(&copy) / BATCH_HEADER_BYTES ||
        (is_check && batches_count > 0)) {
        return RESULT_CORRUPT;
    }
    out->is_check = is_check;
    out->batches_count = batches_count;
    out->stamp_ms = (int64_t)bytes_read_u64(at + HEADER_STAMP_AT);
    out->seed = bytes_read_u64(at + HEADER_SEED_AT);
    *reader = copy;
    return RESULT_OK;
}

enum result entry_payload_get_check(struct bytes_reader *reader, struct entry_check *out)
{
    struct bytes_reader copy = *reader;
    struct entry_check check = {.index = bytes_get_u64(&copy), .rows_count = bytes_get_u32(&copy)};
    uint32_t zero = bytes_get_u32(&copy);
    if (copy.bad || zero != 0 || check.rows_count > LIMIT_MEMBERS ||
        (check.index == 0 && check.rows_count > 0)) {
        return RESULT_CORRUPT;
    }
    uint64_t member_before = 0;
    for (uint32_t i = 0; i < check.rows_count; i++) {
        check.rows[i].member = bytes_get_u64(&copy);
        check.rows[i].hash = bytes_get_u64(&copy);
        if (copy.bad || check.rows[i].member <= member_before) {
            return RESULT_CORRUPT;
        }
        member_before = check.rows[i].member;
    }
    if (bytes_left(&copy) > 0) {
        return RESULT_CORRUPT;
    }
    *out = check;
    *reader = copy;
    return RESULT_OK;
}

enum result batch_get_header(struct bytes_reader *reader, struct batch_header *out,
                             struct slice *commands)
{
    struct bytes_reader copy = *reader;
    struct batch_header header = {0};
    header.origin = bytes_get_u64(&copy);
    header.incarnation = bytes_get_u64(&copy);
    header.sequence = bytes_get_u64(&copy);
    header.commands_count = bytes_get_u32(&copy);
    header.commands_bytes = bytes_get_u32(&copy);
    struct slice bytes = bytes_get_bytes(&copy, header.commands_bytes);
    if (copy.bad) {
        return RESULT_CORRUPT;
    }
    *out = header;
    *commands = bytes;
    *reader = copy;
    return RESULT_OK;
}

void command_arguments_deinit(struct command_arguments *arguments)
{
    mem_free(arguments->slices);
    *arguments = (struct command_arguments){0};
}

/* Reads the numbers in front of a command's arguments. */
static bool get_command_header(struct bytes_reader *reader, uint32_t *database, uint32_t *count)
{
    uint64_t read_database = bytes_get_varint(reader);
    uint64_t read_count = bytes_get_varint(reader);
    /* An argument takes a byte at least, so a count over the bytes left is a lie. */
    if (reader->bad || read_database >= LIMIT_DATABASES || read_count == 0 ||
        read_count > bytes_left(reader) || read_count > UINT32_MAX) {
        return false;
    }
    *database = (uint32_t)read_database;
    *count = (uint32_t)read_count;
    return true;
}

/* Grows with the arguments that were found, not with the count that was announced. */
static void grow_arguments(struct command_arguments *arguments)
{
    uint32_t capacity = arguments->capacity;
    ASSERT(capacity <= UINT32_MAX / 2);
    capacity = capacity < ARGUMENTS_CAPACITY_MIN ? ARGUMENTS_CAPACITY_MIN : capacity * 2;
    arguments->slices = mem_realloc(arguments->slices, capacity * sizeof(*arguments->slices));
    arguments->capacity = capacity;
}

enum result batch_get_command(struct bytes_reader *commands, struct command_arguments *arguments)
{
    struct bytes_reader copy = *commands;
    uint32_t database;
    uint32_t count;
    if (!get_command_header(&copy, &database, &count)) {
        return RESULT_CORRUPT;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slice argument = bytes_get_slice(&copy);
        if (copy.bad) {
            return RESULT_CORRUPT;
        }
        if (i == arguments->capacity) {
            grow_arguments(arguments);
        }
        arguments->slices[i] = argument;
    }
    arguments->database = database;
    arguments->count = count;
    *commands = copy;
    return RESULT_OK;
}

enum result batch_validate(const struct batch_header *header, struct slice commands)
{
    if (header->commands_bytes != commands.size) {
        return RESULT_CORRUPT;
    }
    struct bytes_reader reader = bytes_reader_of(commands);
    for (uint32_t i = 0; i < header->commands_count; i++) {
        uint32_t database;
        uint32_t count;
        if (!get_command_header(&reader, &database, &count)) {
            return RESULT_CORRUPT;
        }
        for (uint32_t j = 0; j < count; j++) {
            (void)bytes_get_slice(&reader);
        }
        if (reader.bad) {
            return RESULT_CORRUPT;
        }
    }
    return bytes_left(&reader) == 0 ? RESULT_OK : RESULT_CORRUPT;
}
