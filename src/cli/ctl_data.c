/* ctl_data.c -- reads a data directory whole, and says how to start its node. */
#include "cli/ctl_data.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "cli/ctl_text.h"
#include "storage/data_dir.h"

enum { PATH_BYTES = 4096 };

typedef unsigned long long u64;

enum ctl_exit ctl_data_exit(enum result result)
{
    switch (result) {
    case RESULT_OK:
        return CTL_OK;
    case RESULT_CORRUPT:
    case RESULT_CONFLICT:
        return CTL_NO;
    case RESULT_LOCKED:
        return CTL_LOCKED;
    case RESULT_INVALID:
    case RESULT_NOT_FOUND:
    case RESULT_EXISTS:
    case RESULT_NOT_LEADER:
    case RESULT_BUSY:
    case RESULT_LIMIT:
    case RESULT_IDENTITY:
    case RESULT_VERSION:
    case RESULT_IO:
    case RESULT_FULL:
    case RESULT_CLOSED:
    case RESULT_UNREACHABLE:
    case RESULT_COUNT:
        return CTL_FAILED;
    }
    return CTL_FAILED;
}

bool ctl_data_is_directory(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        (void)fprintf(stderr, "quorumctl: %s: %s\n", path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        (void)fprintf(stderr, "quorumctl: %s is not a directory\n", path);
        return false;
    }
    return true;
}

static bool has_file(const char *directory, const char *name)
{
    char path[PATH_BYTES];
    struct stat status;
    int size = snprintf(path, sizeof(path), "%s/%s", directory, name);
    return size > 0 && (size_t)size < sizeof(path) && stat(path, &status) == 0;
}

static enum result on_entry(const struct raft_entry *entry, void *context)
{
    struct ctl_data *data = context;
    if (data->log.entries == 0 && data->log.configuration.members_count == 0) {
        data->log.configuration = data->summary.bootstrap;
    }
    enum result result = ctl_entry_read(&data->log, entry, NULL);
    if (result != RESULT_OK) {
        (void)fprintf(stderr,
                      "quorumctl: the row of index %llu verifies, but its payload cannot be read: "
                      "%s\n",
                      (u64)entry->index, result_text(result));
    }
    if (entry->index == data->state.index) {
        data->state_entry_term = entry->term;
    }
    return result;
}

static enum result damaged(const char *directory, const char *what)
{
    (void)fprintf(stderr, "quorumctl: %s is damaged: %s\n", directory, what);
    return RESULT_CORRUPT;
}

/* The log must go on where the snapshot ends, or earlier. A log that ends before the snapshot, or
 * holds another term there, is dropped by the node at its start: not damage. */
static enum result check_together(const char *directory, const struct ctl_data *data)
{
    char what[256];
    if (data->summary.base_index > data->state.index) {
        (void)snprintf(what, sizeof(what),
                       "the log begins behind index %llu, but %s: what is between is missing",
                       (u64)data->summary.base_index,
                       data->state.index == 0 ? "there is no snapshot" : "the snapshot is older");
        return damaged(directory, what);
    }
    return RESULT_OK;
}

static enum result read_state(const char *directory, struct ctl_data *data)
{
    enum result result = offline_verify_state(directory, &data->state, data->replica_state);
    data->has_state = result == RESULT_OK;
    if (data->has_state) {
        data->log.configuration = data->state.configuration;
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* The state first: reading the log then finds the entry at the snapshot's index. Both are read even
 * when the first is damaged, so that one run names all there is. */
enum result ctl_data_read(const char *directory, struct ctl_data *data)
{
    *data = (struct ctl_data){.has_state = false};
    if (!has_file(directory, "raft.db") && !has_file(directory, "state.db")) {
        (void)fprintf(stderr, "quorumctl: %s is no data directory: it has no raft.db\n", directory);
        return RESULT_NOT_FOUND;
    }
    enum result state_result = read_state(directory, data);
    if (state_result == RESULT_LOCKED) {
        return state_result;
    }
    data->is_diverged = data_dir_has_mark(directory, DATA_DIR_DIVERGED);
    if (!has_file(directory, "raft.db")) {
        return damaged(directory, "there is a state.db, but no raft.db beside it");
    }
    enum result result =
        offline_read_log(directory, &data->summary, &data->good_index, on_entry, data);
    if (result == RESULT_OK) {
        result = state_result;
    }
    return result == RESULT_OK ? check_together(directory, data) : result;
}

bool ctl_data_log_goes_on(const struct ctl_data *data)
{
    const struct offline_summary *summary = &data->summary;
    uint64_t term =
        data->state.index == summary->base_index ? summary->base_term : data->state_entry_term;
    return data->state.index == 0 || term == data->state.term;
}

void ctl_data_last(const struct ctl_data *data, uint64_t *index, uint64_t *term)
{
    bool has_entries = data->log.entries > 0;
    *index = data->good_index;
    *term = has_entries ? data->log.last_term : data->summary.base_term;
    if (!ctl_data_log_goes_on(data)) {
        *index = data->state.index;
        *term = data->state.term;
    }
}

const struct raft_configuration *ctl_data_configuration(const struct ctl_data *data)
{
    if (data->log.configuration_index > 0 && ctl_data_log_goes_on(data)) {
        return &data->log.configuration;
    }
    return data->state.index > 0 ? &data->state.configuration : &data->summary.bootstrap;
}

bool ctl_data_draw(void *out, size_t size)
{
    if (getrandom(out, size, 0) != (ssize_t)size) {
        (void)fprintf(stderr, "quorumctl: cannot draw random numbers: %s\n", strerror(errno));
        return false;
    }
    return true;
}

static void put_port(struct buf *out, const char *option, const char *address)
{
    const char *colon = strrchr(address, ':');
    if (colon != NULL) {
        buf_append_format(out, " --%s %s", option, colon + 1);
    }
}

void ctl_data_put_start(struct buf *out, const char *directory, const struct raft_member *member)
{
    buf_append_format(out, "    quorum --id %s --data ", member->name);
    ctl_text_shell(out, directory);
    put_port(out, "port", member->raft_address);
    put_port(out, "http", member->http_address);
    put_port(out, "redis", member->redis_address);
    buf_append_format(out, " --peers ''\n");
}

void ctl_data_put_join(struct buf *out, const struct raft_member *member)
{
    buf_append_format(out,
                      "Once it runs, add fresh nodes, one at a time, each with a name and an empty "
                      "directory of its own:\n"
                      "    quorum --id NAME --data DIRECTORY --join %s\n"
                      "A directory of the old cluster is refused: move it away first.\n",
                      member->raft_address[0] == '\0' ? "HOST:PORT" : member->raft_address);
}
