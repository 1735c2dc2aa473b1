/* server_data.c -- from a data directory to what a node goes on from.
 *
 * DESIGN. raft.db holds the log behind its base index B; state.db the state as of index S. What is
 * allowed, and what is made of it:
 *
 *   neither file               a new node
 *   B <= S <= last entry       the state, and the log behind S replayed over it
 *   S > last entry, or the     a snapshot was installed, and the log was not reset before the end:
 *     log has another term     it is reset now
 *     at S
 *   the mark (DIVERGED)        the log alone: votes and acknowledges, and waits for a snapshot
 *   state.db damaged, B = 0    the log alone, replayed: it holds everything
 *   rows of state.db damaged   as with the mark
 *   anything else              damage: an empty node that knows its cluster and waits for a leader,
 *                              with a new disk id, so that its old promises bind nobody
 *
 * What is gone comes only from other voters: a cluster of one keeps what it has, and stops.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/logger.h"
#include "base/mem.h"
#include "server/server_internal.h"
#include "storage/damaged_dir.h"

/* How far the incarnations of two starts lie apart at most, by a clock that is behind. */
enum { INCARNATION_STEP_MAX = 1 << 20 };

static unsigned long long number(uint64_t value)
{
    return (unsigned long long)value;
}

static uint32_t elapsed_ms(uint64_t since_us)
{
    return (uint32_t)((loop_monotonic_us() - since_us) / 1000);
}

static bool has_file(const struct server *server, const char *name)
{
    char path[4096];
    struct stat unused;
    (void)snprintf(path, sizeof(path), "%s/%s", server->config->data, name);
    return stat(path, &unused) == 0;
}

/* ---- Opening ---- */

static bool open_reserve(struct server *server, struct server_data *data)
{
    uint64_t begun_us = loop_monotonic_us();
    struct disk_reserve_options options = {.directory = server->config->data,
                                           .reserve_bytes = server->config->disk_reserve_bytes,
                                           .free_bytes_min = server->config->disk_free_bytes_min};
    bool is_open = disk_reserve_open(&options, &server->reserve) == RESULT_OK;
    data->reserve_ms = elapsed_ms(begun_us);
    return is_open;
}

static enum result open_state(struct server *server, struct server_data *data)
{
    struct state_store_options options = {.directory = server->config->data,
                                          .node_name = server->config->id,
                                          .node_id = server->self_id,
                                          .reserve = server->reserve};
    return state_store_open(&options, &data->state, &server->state);
}

static struct log_store_options log_options(const struct server *server, bool is_new)
{
    struct log_store_options options = {
        .directory = server->config->data,
        .node_name = server->config->id,
        .node_id = server->self_id,
        .bootstrap = is_new ? &server->bootstrap : NULL,
        .wal_bytes_max = (uint32_t)server->config->wal_max_bytes,
        .incarnation_min = (uint64_t)server->started_wall_ms,
        .reserve = server->reserve,
    };
    server_fill_random(&options.incarnation_step, sizeof(options.incarnation_step));
    options.incarnation_step = options.incarnation_step % INCARNATION_STEP_MAX + 1;
    do {
        server_fill_random(&options.new_disk_id, sizeof(options.new_disk_id));
    } while (options.new_disk_id == 0);
    return options;
}

static enum result open_log(struct server *server, bool is_new, struct server_data *data)
{
    struct log_store_options options = log_options(server, is_new);
    uint64_t begun_us = loop_monotonic_us();
    enum result result = log_store_open(&options, &data->log, &server->store);
    data->log_ms = elapsed_ms(begun_us);
    return result;
}

static enum result load_rows(struct server *server, struct server_data *data)
{
    struct blob *rows = NULL;
    enum result result;
    state_store_load_begin(server->state);
    while ((result = state_store_load_next(server->state, &rows)) == RESULT_OK && rows != NULL) {
        data->state_bytes += rows->size;
        result = replica_restore_rows(data->restore, blob_slice(rows));
        blob_release(rows);
        if (result != RESULT_OK) {
            return result;
        }
    }
    return result == RESULT_OK ? replica_restore_end(data->restore) : result;
}

static enum result load_state(struct server *server, struct server_data *data)
{
    uint64_t begun_us = loop_monotonic_us();
    struct replica_state_meta meta = server_state_meta_of(&data->state);
    enum result result = replica_restore_begin(&meta, &data->restore);
    if (result == RESULT_OK) {
        result = load_rows(server, data);
    }
    if (result != RESULT_OK) {
        replica_restore_destroy(data->restore);
        data->restore = NULL;
    }
    data->state_ms = elapsed_ms(begun_us);
    return result;
}

/* ---- Whether the two fit ---- */

static uint64_t last_index(const struct server_data *data)
{
    return data->log.base_index + data->log.entries_count;
}

/* Whether the log has what the state is of. */
static bool log_reaches_state(const struct server_data *data)
{
    const struct log_recovery *log = &data->log;
    uint64_t index = data->state.index;
    if (index > last_index(data)) {
        return false;
    }
    uint64_t term =
        index == log->base_index ? log->base_term : log->entries[index - log->base_index - 1].term;
    return index == 0 || term == data->state.term;
}

static void reset_log(struct server *server, struct server_data *data)
{
    struct log_recovery *log = &data->log;
    logger_log(LOGGER_NOTICE,
               "the log ends at index %llu, before the installed snapshot of index "
               "%llu: it goes on behind that",
               number(last_index(data)), number(data->state.index));
    log_store_reset(server->store, data->state.index, data->state.term);
    for (uint64_t i = 0; i < log->entries_count; i++) {
        blob_release(log->entries[i].payload);
    }
    log->entries_count = 0;
    log->base_index = data->state.index;
    log->base_term = data->state.term;
    log->commit_index = data->state.index;
}

/* The log holds everything from the first entry on: a damaged state.db is not needed. */
static enum result replace_state(struct server *server, struct server_data *data)
{
    if (server->config->damaged_data == CONFIG_STOP) {
        return RESULT_CORRUPT;
    }
    if (server->state != NULL) {
        state_store_close(server->state);
        server->state = NULL;
    }
    enum result result = damaged_dir_move_state(server->config->data);
    if (result != RESULT_OK) {
        return result;
    }
    logger_log(LOGGER_NOTICE, "the log holds everything: it is replayed from its first entry");
    data->is_state_damaged = false;
    data->is_state_missing = false;
    data->state_bytes = 0;
    return open_state(server, data);
}

/* Makes log and state fit, as the table above says. RESULT_CORRUPT, logged, when they cannot. */
static enum result fit(struct server *server, struct server_data *data)
{
    uint64_t base = data->log.base_index;
    if (data->is_state_damaged) {
        return base == 0 ? replace_state(server, data) : RESULT_CORRUPT;
    }
    if (base > data->state.index) {
        logger_log(LOGGER_ERROR,
                   "%s: the log begins behind index %llu, and state.db is %s (index %llu): what "
                   "lies between is gone",
                   server->config->data, number(base),
                   data->state.index == 0 ? "missing or empty" : "older",
                   number(data->state.index));
        return RESULT_CORRUPT;
    }
    if (!log_reaches_state(data)) {
        if (data->log.commit_index >= data->state.index) {
            logger_log(LOGGER_ERROR, "%s: log and state.db contradict each other about index %llu",
                       server->config->data, number(data->state.index));
            return RESULT_CORRUPT;
        }
        data->is_state_missing =
            false; /* Installed behind the mark; the end came before it went. */
        reset_log(server, data);
    }
    return RESULT_OK;
}

/* ---- Damage ---- */

static bool may_refetch(const struct server *server)
{
    if (server->config->damaged_data == CONFIG_STOP) {
        logger_log(LOGGER_ERROR, "damaged-data is 'stop': this node does not start; with 'refetch' "
                                 "it fetches the state from the others");
        return false;
    }
    return true;
}

/* Whether anybody else votes in the cluster that the state is of. */
static bool has_other_voters(const struct server *server, const struct server_data *data)
{
    const struct raft_configuration *known = &data->state.configuration;
    for (uint32_t i = 0; i < known->members_count; i++) {
        const struct raft_member *member = &known->members[i];
        if (member->role == RAFT_VOTER && member->id != server->self_id) {
            return true;
        }
    }
    logger_log(LOGGER_ERROR,
               "there is no other voter to fetch the state from, so this node does not start; "
               "'quorumctl verify %s' says what is whole, 'quorumctl restore' takes a backup",
               server->config->data);
    return false;
}

void server_data_close(struct server *server)
{
    if (server->state != NULL) {
        state_store_close(server->state);
        server->state = NULL;
    }
    if (server->store != NULL) {
        log_store_close(server->store);
        server->store = NULL;
    }
    if (server->reserve != NULL) {
        disk_reserve_close(server->reserve);
        server->reserve = NULL;
    }
}

void server_data_deinit(struct server_data *data)
{
    log_recovery_deinit(&data->log);
    replica_restore_destroy(data->restore);
    *data = (struct server_data){.restore = NULL};
}

/* The whole directory is of no use: an empty node of the same cluster in its place. */
static bool start_empty(struct server *server, struct server_data *data)
{
    server_data_close(server);
    server_data_deinit(data);
    if (!may_refetch(server) || !open_reserve(server, data)) {
        return false;
    }
    struct log_store_options options = log_options(server, false);
    if (damaged_dir_recover(&options, &server->bootstrap) != RESULT_OK ||
        data_dir_clear_mark(server->config->data, DATA_DIR_DIVERGED) != RESULT_OK) {
        return false;
    }
    return open_state(server, data) == RESULT_OK && open_log(server, true, data) == RESULT_OK;
}

/* Rows of the state are damaged, and the log is whole: its promises hold, so it stays. */
static bool do_without_state(struct server *server, struct server_data *data)
{
    if (data->log.base_index == 0) {
        return replace_state(server, data) == RESULT_OK;
    }
    if (!may_refetch(server) || !has_other_voters(server, data) ||
        data_dir_set_mark(server->config->data, DATA_DIR_DIVERGED) != RESULT_OK) {
        return false;
    }
    logger_log(LOGGER_WARNING, "state.db is damaged: this node keeps its log and its vote, answers "
                               "nobody, and fetches the state from the other nodes");
    data->is_state_missing = true;
    return true;
}

/* ---- In order ---- */

static void report(const struct server_data *data)
{
    const struct log_recovery *log = &data->log;
    if (data->state.index > 0) {
        logger_log(LOGGER_NOTICE, "state: index %llu, %llu MB of rows read in %u ms%s",
                   number(data->state.index), number(data->state_bytes >> 20), data->state_ms,
                   data->is_state_missing ? "; of no use, a snapshot is fetched" : "");
    }
    logger_log(
        LOGGER_NOTICE,
        "log: %llu entries behind index %llu read in %u ms, term %llu, known committed up to "
        "%llu%s",
        number(log->entries_count), number(log->base_index), data->log_ms,
        number(log->hard_state.term), number(log->commit_index), log->created ? " (new)" : "");
}

/* Opens both files, or finds that they do not belong together. */
static enum result open_both(struct server *server, struct server_data *data)
{
    bool is_new = !has_file(server, "raft.db");
    enum result of_state = open_state(server, data);
    data->is_state_damaged = of_state == RESULT_CORRUPT;
    if (of_state != RESULT_OK && of_state != RESULT_CORRUPT) {
        return of_state;
    }
    if (is_new && (data->is_state_damaged || data->state.index > 0)) {
        logger_log(LOGGER_ERROR,
                   "%s: there is a state.db and no raft.db: this node's votes, and "
                   "what it acknowledged last, are gone",
                   server->config->data);
        return RESULT_CORRUPT;
    }
    if (!server_bootstrap(server, is_new)) {
        return RESULT_CLOSED;
    }
    return open_log(server, is_new, data);
}

bool server_data_open(struct server *server, struct server_data *data)
{
    if (!open_reserve(server, data)) {
        return false;
    }
    enum result result = open_both(server, data);
    if (result == RESULT_OK) {
        data->is_state_missing = data_dir_has_mark(server->config->data, DATA_DIR_DIVERGED);
        result = fit(server, data);
    }
    if (result == RESULT_CORRUPT && !start_empty(server, data)) {
        return false;
    }
    if (result != RESULT_OK && result != RESULT_CORRUPT) {
        return false;
    }
    if (data->state.index > 0 && !data->is_state_missing) {
        result = load_state(server, data);
        if (result != RESULT_OK && (result != RESULT_CORRUPT || !do_without_state(server, data))) {
            return false;
        }
    }
    report(data);
    return true;
}
