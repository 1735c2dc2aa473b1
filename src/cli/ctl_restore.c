/* ctl_restore.c -- quorumctl restore: a new cluster of one from a backup. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/node_id.h"
#include "cli/ctl_commands.h"
#include "cli/ctl_data.h"
#include "cli/ctl_text.h"

typedef unsigned long long u64;

static enum ctl_exit complain(const char *path, const char *what)
{
    (void)fprintf(stderr, "quorumctl: %s %s\n", path, what);
    return CTL_FAILED;
}

/* What a mount point has from the start is not in the way, nor is a lock nobody holds. */
static bool is_in_the_way(const char *name)
{
    static const char *const harmless[] = {".", "..", "lock", "lost+found"};
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        if (strcmp(name, harmless[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* Whether the directory is missing or empty; says so otherwise. */
static bool is_free(const char *directory)
{
    DIR *stream = opendir(directory);
    if (stream == NULL && errno == ENOENT) {
        return true;
    }
    if (stream == NULL) {
        (void)complain(directory, strerror(errno));
        return false;
    }
    bool is_empty = true;
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        is_empty = is_empty && !is_in_the_way(entry->d_name);
    }
    (void)closedir(stream);
    if (!is_empty) {
        (void)complain(directory, "is not empty; name a new directory, or move this one away");
    }
    return is_empty;
}

/* The names a node takes for its --id. */
static bool is_node_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    size_t size = strlen(name);
    return size > 0 && size < LIMIT_NODE_NAME_BYTES && strspn(name, allowed) == size;
}

static void set_address(char out[LIMIT_ADDRESS_BYTES], const char *given, const char *otherwise)
{
    (void)snprintf(out, LIMIT_ADDRESS_BYTES, "%s", given == NULL ? otherwise : given);
}

static bool prepare(const struct ctl_options *options, struct offline_restore *out)
{
    *out = (struct offline_restore){.state_path = options->arguments[0],
                                    .directory = options->arguments[1]};
    struct raft_member *member = &out->member;
    member->id = node_id_of_name(options->id);
    member->role = RAFT_VOTER;
    (void)snprintf(member->name, sizeof(member->name), "%s", options->id);
    set_address(member->raft_address, options->raft, "localhost:9001");
    set_address(member->http_address, options->http, "localhost:8001");
    set_address(member->redis_address, options->redis, "localhost:6379");
    return ctl_data_draw(&member->disk_id, sizeof(member->disk_id)) &&
           ctl_data_draw(out->cluster_id, sizeof(out->cluster_id));
}

static void print_done(const struct offline_restore *restore, const struct state_meta *meta)
{
    struct buf out = {0};
    buf_append_format(&out, "Restored %s into %s: data as of index %llu, ", restore->state_path,
                      restore->directory, (u64)meta->index);
    ctl_text_time(&out, meta->clock_ms);
    buf_append_format(&out, ".\nOld cluster ");
    ctl_text_hex(&out, slice_of(meta->configuration.cluster_id, RAFT_CLUSTER_ID_BYTES));
    buf_append_format(&out, ", new cluster ");
    ctl_text_hex(&out, slice_of(restore->cluster_id, RAFT_CLUSTER_ID_BYTES));
    buf_append_format(&out,
                      ", of one member: %s.\n\nStart it, with its other options (bind, "
                      "requirepass, ...):\n",
                      restore->member.name);
    ctl_data_put_start(&out, restore->directory, &restore->member);
    ctl_data_put_join(&out, &restore->member);
    ctl_text_flush(&out);
    buf_deinit(&out);
}

/* The file first: a bad one must not leave half a directory. */
static enum ctl_exit restore(const struct ctl_options *options)
{
    uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    struct offline_restore restore;
    struct state_meta meta = {0};
    enum result result = state_file_verify(options->arguments[0], &meta, replica_state);
    if (result != RESULT_OK) {
        return ctl_data_exit(result);
    }
    if (!prepare(options, &restore)) {
        return CTL_FAILED;
    }
    result = offline_restore(&restore, &meta);
    if (result == RESULT_OK) {
        print_done(&restore, &meta);
    }
    return ctl_data_exit(result);
}

static enum ctl_exit run(const struct ctl_options *options)
{
    if (options->id == NULL) {
        return ctl_usage("restore", "--id NAME is missing: the name of the new cluster's node");
    }
    if (!is_node_name(options->id)) {
        return ctl_usage("restore", "--id takes 1 to 63 letters, digits, '-', '_' or '.'");
    }
    return is_free(options->arguments[1]) ? restore(options) : CTL_FAILED;
}

const struct ctl_command ctl_command_restore = {
    .name = "restore",
    .summary = "makes a new cluster of one from a backup",
    .usage = "FILE DIR --id NAME [--raft ADDRESS] [--http ADDRESS] [--redis ADDRESS]",
    .help =
        "Verifies FILE (made by quorumctl backup) row by row, and makes the data directory DIR\n"
        "of a node that is the only member of a new cluster, with a new cluster id, so that\n"
        "nodes of the old one cannot mix with it. FILE stays as it is. DIR must be empty or\n"
        "missing. Then start the node, and let others join it with --join: the command is\n"
        "printed.\n"
        "\n"
        "  --id NAME        of the node; its --id from then on\n"
        "  --raft ADDRESS   host:port by which the others will reach it; localhost:9001\n"
        "  --http ADDRESS   host:port for HTTP clients; localhost:8001\n"
        "  --redis ADDRESS  host:port for Redis clients; localhost:6379\n"
        "\n"
        "If it fails half-way, remove what it left in DIR and try again.\n",
    .exits =
        "0 done; 1 FILE is damaged, the message names the row; 2 the command line makes no\n"
        "sense; 3 a node runs on DIR; 4 DIR is not empty, or a file cannot be read or written.",
    .options = CTL_BIT(CTL_OPTION_ID) | CTL_BIT(CTL_OPTION_RAFT) | CTL_BIT(CTL_OPTION_HTTP) |
               CTL_BIT(CTL_OPTION_REDIS),
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run,
};
