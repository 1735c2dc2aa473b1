/* ctl_verify.c -- quorumctl verify: is every row of a data directory, or of a backup, sound? */
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "cli/ctl_commands.h"
#include "cli/ctl_data.h"
#include "cli/ctl_text.h"

typedef unsigned long long u64;

static void put_state(const struct state_meta *meta, struct buf *out)
{
    buf_append_format(out, "snapshot of index %llu, term %llu, ", (u64)meta->index,
                      (u64)meta->term);
    ctl_text_time(out, meta->clock_ms);
    buf_append_format(out, ", state hash %016llx, %u members of cluster ", (u64)meta->state_hash,
                      meta->configuration.members_count);
    ctl_text_hex(out, slice_of(meta->configuration.cluster_id, RAFT_CLUSTER_ID_BYTES));
    buf_append_byte(out, '\n');
}

static void put_log(const struct ctl_data *data, struct buf *out)
{
    const struct offline_summary *summary = &data->summary;
    const struct ctl_entry_reader *log = &data->log;
    buf_append_format(out, "raft.db: node %s, disk %016llx, term %llu, cluster ",
                      summary->node_name, (u64)summary->disk_id, (u64)summary->hard_state.term);
    ctl_text_hex(out, slice_of(summary->cluster_id, RAFT_CLUSTER_ID_BYTES));
    buf_append_format(out,
                      "\n         %llu entries behind index %llu; committed up to %llu at "
                      "least\n",
                      (u64)log->entries, (u64)summary->base_index, (u64)summary->commit_index);
    buf_append_format(out,
                      "         %llu commands in %llu batches, %llu configurations, "
                      "%llu checks, ",
                      (u64)log->commands, (u64)log->batches, (u64)log->configurations,
                      (u64)log->checks);
    ctl_text_bytes(out, log->bytes);
    buf_append_byte(out, '\n');
}

static void put_data(const struct ctl_data *data, struct buf *out)
{
    put_log(data, out);
    uint64_t index;
    uint64_t term;
    ctl_data_last(data, &index, &term);
    buf_append_format(out, "state.db: ");
    if (data->state.index > 0) {
        put_state(&data->state, out);
    } else {
        buf_append_format(out, "no snapshot yet\n");
    }
    if (!ctl_data_log_goes_on(data)) {
        buf_append_format(out, "the snapshot was installed last: the log lacks its entry, and is "
                               "dropped at the next start\n");
    }
    buf_append_format(out, "last index %llu of term %llu\n", (u64)index, (u64)term);
}

static enum ctl_exit verify_directory(const char *directory)
{
    struct ctl_data *data = mem_alloc(sizeof(*data));
    struct buf out = {0};
    enum ctl_exit answer = ctl_data_exit(ctl_data_read(directory, data));
    if (answer == CTL_OK) {
        put_data(data, &out);
        buf_append_format(&out, "%s is sound\n", directory);
    }
    if (answer == CTL_OK && data->is_diverged) {
        (void)fprintf(stderr,
                      "quorumctl: %s is marked: its data differed from the majority's; start the "
                      "node, and it fetches a snapshot from a peer\n",
                      directory);
        answer = CTL_NO;
    }
    ctl_text_flush(&out);
    buf_deinit(&out);
    mem_free(data);
    return answer;
}

static enum ctl_exit verify_file(const char *path)
{
    uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    struct state_meta meta = {0};
    enum ctl_exit answer = ctl_data_exit(state_file_verify(path, &meta, replica_state));
    if (answer != CTL_OK) {
        return answer;
    }
    struct buf out = {0};
    put_state(&meta, &out);
    buf_append_format(&out, "%s is sound\n", path);
    ctl_text_flush(&out);
    buf_deinit(&out);
    return CTL_OK;
}

static enum ctl_exit run(const struct ctl_options *options)
{
    const char *path = options->arguments[0];
    struct stat status;
    bool is_file = stat(path, &status) == 0 && S_ISREG(status.st_mode);
    if (is_file) {
        return verify_file(path);
    }
    return ctl_data_is_directory(path) ? verify_directory(path) : CTL_FAILED;
}

const struct ctl_command ctl_command_verify = {
    .name = "verify",
    .summary = "checks every row of a stopped node's data directory, or of a backup",
    .usage = "DIR|FILE",
    .help = "DIR: the checksum and the chain of every row of raft.db, that its entries decode,\n"
            "every row of state.db and their sum, and that the two belong together.\n"
            "FILE: a backup, every row and their sum. Nothing is changed.\n",
    .exits = "0 sound; 1 damaged, the message names the row; 2 the command line makes no sense;\n"
             "3 a node runs on DIR; 4 it cannot be read, or is of another version.",
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
