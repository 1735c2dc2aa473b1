/* ctl_entry.c -- decodes entries of the log, and lays them out as text. */
#include "cli/ctl_entry.h"

#include "cli/ctl_text.h"
#include "wire/entry_payload.h"

typedef unsigned long long u64;

static void put_address(struct buf *out, const char *what, const char *address)
{
    if (address[0] != '\0') {
        buf_append_format(out, " %s %s", what, address);
    }
}

void ctl_entry_put_member(struct buf *out, const struct raft_member *member)
{
    buf_append_format(out, "%s %s disk ", member->name[0] == '\0' ? "(no name)" : member->name,
                      raft_member_role_text(member->role));
    if (member->disk_id == 0) {
        buf_append_format(out, "not known,");
    } else {
        buf_append_format(out, "%016llx,", (u64)member->disk_id);
    }
    put_address(out, "raft", member->raft_address);
    put_address(out, "http", member->http_address);
    put_address(out, "redis", member->redis_address);
}

static enum result read_configuration(struct ctl_entry_reader *reader,
                                      const struct raft_entry *entry, struct buf *out)
{
    struct raft_configuration *configuration = &reader->configuration;
    enum result result = raft_configuration_decode(blob_slice(entry->payload), configuration);
    if (result != RESULT_OK) {
        return result;
    }
    reader->configurations++;
    reader->configuration_index = entry->index;
    if (out != NULL) {
        buf_append_format(out, ", cluster ");
        ctl_text_hex(out, slice_of(configuration->cluster_id, RAFT_CLUSTER_ID_BYTES));
        buf_append_format(out, " of %u members", configuration->members_count);
        for (uint32_t i = 0; i < configuration->members_count; i++) {
            buf_append_format(out, "\n    ");
            ctl_entry_put_member(out, &configuration->members[i]);
        }
    }
    return RESULT_OK;
}

static void put_node(struct buf *out, const struct raft_configuration *configuration, uint64_t id)
{
    const struct raft_member *member = raft_configuration_find(configuration, id);
    if (member != NULL && member->name[0] != '\0') {
        buf_append_format(out, "%s", member->name);
    } else {
        buf_append_format(out, "node %016llx", (u64)id);
    }
}

static void put_command(const struct ctl_entry_reader *reader,
                        const struct command_arguments *command, struct buf *out)
{
    bool is_cut = reader->shown_max != 0 && command->count > reader->shown_max;
    uint32_t shown = is_cut ? (uint32_t)reader->shown_max : command->count;
    buf_append_format(out, "\n        db%u", command->database);
    for (uint32_t i = 0; i < shown; i++) {
        buf_append_byte(out, ' ');
        ctl_text_quote(out, command->slices[i], reader->shown_max);
    }
    if (is_cut) {
        buf_append_format(out, " ... (%u arguments)", command->count);
    }
}

static enum result read_commands(struct ctl_entry_reader *reader, const struct batch_header *batch,
                                 struct slice commands, struct buf *out)
{
    struct bytes_reader bytes = bytes_reader_of(commands);
    struct command_arguments command = {0};
    enum result result = RESULT_OK;
    for (uint32_t i = 0; i < batch->commands_count && result == RESULT_OK; i++) {
        result = batch_get_command(&bytes, &command);
        if (result == RESULT_OK) {
            reader->commands++;
        }
        if (result == RESULT_OK && out != NULL) {
            put_command(reader, &command, out);
        }
    }
    command_arguments_deinit(&command);
    return result == RESULT_OK && bytes_left(&bytes) > 0 ? RESULT_CORRUPT : result;
}

static enum result read_batch(struct ctl_entry_reader *reader, struct bytes_reader *bytes,
                              struct buf *out)
{
    struct batch_header batch;
    struct slice commands;
    enum result result = batch_get_header(bytes, &batch, &commands);
    if (result != RESULT_OK) {
        return result;
    }
    reader->batches++;
    if (out != NULL) {
        buf_append_format(out, "\n    from ");
        put_node(out, &reader->configuration, batch.origin);
        buf_append_format(out, ", incarnation %llu, batch %llu: %u command%s",
                          (u64)batch.incarnation, (u64)batch.sequence, batch.commands_count,
                          batch.commands_count == 1 ? "" : "s");
    }
    return read_commands(reader, &batch, commands, out);
}

static enum result read_check(struct ctl_entry_reader *reader, struct bytes_reader *bytes,
                              struct buf *out)
{
    struct entry_check check;
    enum result result = entry_payload_get_check(bytes, &check);
    if (result != RESULT_OK) {
        return result;
    }
    reader->checks++;
    if (out != NULL) {
        buf_append_format(out, ", state hashes at %llu:%s", (u64)check.index,
                          check.rows_count == 0 ? " none" : "");
        for (uint32_t i = 0; i < check.rows_count; i++) {
            buf_append_format(out, "\n    ");
            put_node(out, &reader->configuration, check.rows[i].member);
            buf_append_format(out, " %016llx", (u64)check.rows[i].hash);
        }
    }
    return RESULT_OK;
}

static enum result read_command(struct ctl_entry_reader *reader, const struct raft_entry *entry,
                                struct buf *out)
{
    struct bytes_reader bytes = bytes_reader_of(blob_slice(entry->payload));
    struct entry_header header = {0};
    enum result result = entry_payload_get_header(&bytes, &header);
    if (result == RESULT_OK && out != NULL) {
        buf_append_format(out, ", ");
        ctl_text_time(out, header.stamp_ms);
    }
    if (result == RESULT_OK && header.is_check) {
        return read_check(reader, &bytes, out);
    }
    for (uint32_t i = 0; i < header.batches_count && result == RESULT_OK; i++) {
        result = read_batch(reader, &bytes, out);
    }
    return result == RESULT_OK && bytes_left(&bytes) > 0 ? RESULT_CORRUPT : result;
}

static enum result read_payload(struct ctl_entry_reader *reader, const struct raft_entry *entry,
                                struct buf *out)
{
    switch (entry->type) {
    case RAFT_ENTRY_NOOP:
        return entry->payload == NULL ? RESULT_OK : RESULT_CORRUPT;
    case RAFT_ENTRY_COMMAND:
        return read_command(reader, entry, out);
    case RAFT_ENTRY_CONFIGURATION:
        return read_configuration(reader, entry, out);
    }
    return RESULT_CORRUPT;
}

static const char *type_text(enum raft_entry_type type)
{
    switch (type) {
    case RAFT_ENTRY_NOOP:
        return "noop";
    case RAFT_ENTRY_COMMAND:
        return "command";
    case RAFT_ENTRY_CONFIGURATION:
        return "configuration";
    }
    return "of unknown type";
}

enum result ctl_entry_read(struct ctl_entry_reader *reader, const struct raft_entry *entry,
                           struct buf *out)
{
    size_t size = blob_slice(entry->payload).size;
    reader->entries++;
    reader->bytes += size;
    reader->last_term = entry->term;
    if (out != NULL) {
        buf_append_format(out, "%llu term %llu %s", (u64)entry->index, (u64)entry->term,
                          type_text(entry->type));
    }
    if (out != NULL && size > 0) {
        buf_append_format(out, ", ");
        ctl_text_bytes(out, size);
    }
    enum result result = read_payload(reader, entry, out);
    if (out != NULL && result != RESULT_OK) {
        buf_append_format(out, "\n    the payload cannot be read further: %s", result_text(result));
    }
    if (out != NULL) {
        buf_append_byte(out, '\n');
    }
    return result;
}
