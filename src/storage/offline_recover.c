/* offline_recover.c -- a node goes on alone, as a new cluster: the way back from the loss of a
 * majority.
 *
 * What counts is one transaction on raft.db, so a crash leaves the old log or the new one. Before
 * it the snapshot's membership is given the new cluster's name, which alone means nothing. Every
 * entry of the log counts as committed afterwards: some may not have been, but none that was is
 * missing, as far as this node has it.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/logger.h"
#include "storage/log_recovery.h"
#include "storage/offline_internal.h"
#include "storage/raft_db.h"
#include "storage/state_db.h"

enum { WAL_BYTES_MAX = 4 * 1024 * 1024 };

struct recovery {
    const char *directory;
    bool has_state;     /* a snapshot */
    bool has_its_entry; /* the log has the snapshot's last entry: it goes on from there */
    uint64_t snapshot_index;
    uint64_t snapshot_term;
    struct raft_db db;
    struct raft_db_owner owner;
    struct raft_configuration configuration; /* the newest; no members: none found */
};

static enum result take_entry(const struct raft_entry *entry, void *context)
{
    struct recovery *recovery = context;
    if (entry->index == recovery->snapshot_index && entry->term == recovery->snapshot_term) {
        recovery->has_its_entry = true;
    }
    return entry->type == RAFT_ENTRY_CONFIGURATION
               ? raft_configuration_decode(blob_slice(entry->payload), &recovery->configuration)
               : RESULT_OK;
}

/* The snapshot must be one that this log goes on from, as at a start. */
static enum result check_snapshot(const struct recovery *recovery, const struct state_meta *meta)
{
    uint64_t base_index = recovery->db.state.base_index;
    if (meta->index >= base_index) {
        return RESULT_OK;
    }
    logger_log(LOGGER_ERROR,
               "the log in %s begins behind index %llu, and there is no snapshot of that index or "
               "a later one beside it",
               recovery->directory, (unsigned long long)base_index);
    return RESULT_CORRUPT;
}

/* A snapshot was installed, and the end came before the log was reset to go on from it: the node
 * does that at its next start, so what is appended to the log as it is would be dropped there. */
static enum result check_reset(struct recovery *recovery, const struct state_meta *meta)
{
    const struct raft_db_state *state = &recovery->db.state;
    if (!recovery->has_state || recovery->has_its_entry) {
        return RESULT_OK;
    }
    if (state->commit_index > meta->index) {
        logger_log(LOGGER_ERROR,
                   "the log in %s is committed up to index %llu and has another entry than the "
                   "snapshot at index %llu",
                   recovery->directory, (unsigned long long)state->commit_index,
                   (unsigned long long)meta->index);
        return RESULT_CORRUPT;
    }
    recovery->configuration = meta->configuration;
    return RESULT_OK;
}

/* The membership in force: of the log, else of the snapshot, else the bootstrap. */
static enum result read_all(struct recovery *recovery)
{
    struct state_meta meta = {.index = 0};
    uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    enum result found = offline_check_state(recovery->directory, &meta, replica_state);
    enum result result = found == RESULT_NOT_FOUND ? RESULT_OK : found;
    if (result == RESULT_OK) {
        result = raft_db_open_as_is(&recovery->db, recovery->directory, &recovery->owner);
    }
    if (result == RESULT_OK) {
        result = check_snapshot(recovery, &meta);
    }
    if (result == RESULT_OK) {
        result = log_recovery_read_bootstrap(&recovery->db, &recovery->configuration);
    }
    recovery->has_state = result == RESULT_OK && meta.configuration.members_count > 0;
    if (recovery->has_state) {
        recovery->configuration = meta.configuration;
        recovery->snapshot_index = meta.index;
        recovery->snapshot_term = meta.term;
        recovery->has_its_entry = meta.index == recovery->db.state.base_index &&
                                  meta.term == recovery->db.state.base_term;
    }
    uint64_t good_index;
    if (result == RESULT_OK) {
        result = log_recovery_read(&recovery->db, &good_index, take_entry, recovery);
    }
    return result == RESULT_OK ? check_reset(recovery, &meta) : result;
}

static enum result configure_alone(const struct recovery *recovery,
                                   const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES],
                                   struct raft_configuration *out)
{
    const struct raft_member *self =
        raft_configuration_find(&recovery->configuration, recovery->owner.node_id);
    if (self == NULL) {
        logger_log(LOGGER_ERROR,
                   "%s: node '%s' is no member of its own cluster any more, so it "
                   "cannot go on alone",
                   recovery->db.file.path, recovery->owner.node_name);
        return RESULT_NOT_FOUND;
    }
    struct raft_member member = *self;
    member.role = RAFT_VOTER;
    member.disk_id = recovery->db.state.disk_id;
    *out = (struct raft_configuration){.members_count = 0};
    memcpy(out->cluster_id, cluster_id, RAFT_CLUSTER_ID_BYTES);
    return raft_configuration_put(out, &member);
}

static enum result append(struct recovery *recovery, const struct raft_configuration *alone,
                          const struct offline_recovered *recovered)
{
    struct buf encoded;
    buf_init(&encoded);
    raft_configuration_encode(alone, &encoded);
    struct raft_entry entry = {.index = recovered->index,
                               .term = recovered->term,
                               .type = RAFT_ENTRY_CONFIGURATION,
                               .payload = blob_copy(buf_slice(&encoded))};
    buf_deinit(&encoded);
    struct raft_persist persist = {.id = 1,
                                   .hard_state_changed = true,
                                   .hard_state = {.term = recovered->term},
                                   .entries = &entry,
                                   .entries_count = 1,
                                   .commit_index = recovered->index};
    enum result result = raft_db_put_unit(&recovery->db, &persist);
    blob_release(entry.payload);
    return result;
}

static enum result rename_in_snapshot(const struct recovery *recovery,
                                      const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES])
{
    struct state_store_options options = {.directory = recovery->directory,
                                          .node_name = recovery->owner.node_name,
                                          .node_id = recovery->owner.node_id};
    struct state_db db;
    enum result result = state_db_open(&db, &options);
    if (result == RESULT_OK) {
        result = state_db_begin(&db);
    }
    if (result == RESULT_OK) {
        struct state_meta meta = db.meta;
        memcpy(meta.configuration.cluster_id, cluster_id, RAFT_CLUSTER_ID_BYTES);
        result = state_db_commit(&db, &meta);
    }
    state_db_close(&db, result == RESULT_OK && !db.owes_checkpoint);
    return result;
}

/* The bootstrap names the old cluster no more either: it counts while there is no snapshot. */
static enum result write_all(struct recovery *recovery, const struct raft_configuration *alone,
                             const struct offline_recovered *recovered)
{
    struct raft_db *db = &recovery->db;
    enum result result = raft_db_prepare(db, WAL_BYTES_MAX);
    if (result == RESULT_OK) {
        result = raft_db_begin(db);
    }
    if (result == RESULT_OK && recovery->has_state && !recovery->has_its_entry) {
        result = raft_db_reset(db, recovery->snapshot_index, recovery->snapshot_term);
    }
    if (result == RESULT_OK) {
        result = raft_db_rename_cluster(db, alone->cluster_id);
    }
    struct raft_configuration bootstrap = {.members_count = 0};
    if (result == RESULT_OK) {
        result = log_recovery_read_bootstrap(db, &bootstrap);
    }
    if (result == RESULT_OK && raft_db_cluster_id_is_set(bootstrap.cluster_id)) {
        memcpy(bootstrap.cluster_id, alone->cluster_id, RAFT_CLUSTER_ID_BYTES);
        result = raft_db_put_bootstrap(db, &recovery->owner, &bootstrap);
    }
    if (result == RESULT_OK) {
        result = append(recovery, alone, recovered);
    }
    if (result == RESULT_OK) {
        result = raft_db_commit(db);
    }
    return result == RESULT_OK ? sqlite_file_checkpoint(&db->file, SQLITE_CHECKPOINT_TRUNCATE)
                               : result;
}

/* Behind all there is, in a term that is new. */
static void place(const struct recovery *recovery, struct offline_recovered *out)
{
    const struct raft_db_state *state = &recovery->db.state;
    bool is_reset = recovery->has_state && !recovery->has_its_entry;
    uint64_t term = state->hard_state.term;
    out->index = (is_reset ? recovery->snapshot_index : state->last_index) + 1;
    out->term = (recovery->snapshot_term > term ? recovery->snapshot_term : term) + 1;
    out->committed_index = state->commit_index;
    out->before = recovery->configuration;
}

static enum result recover(struct recovery *recovery,
                           const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES],
                           struct offline_recovered *out)
{
    enum result result = read_all(recovery);
    struct raft_configuration alone;
    if (result == RESULT_OK) {
        result = configure_alone(recovery, cluster_id, &alone);
    }
    if (result != RESULT_OK) {
        return result;
    }
    struct offline_recovered recovered;
    place(recovery, &recovered);
    if (recovery->has_state) {
        result = rename_in_snapshot(recovery, cluster_id);
    }
    if (result == RESULT_OK) {
        result = write_all(recovery, &alone, &recovered);
    }
    if (result == RESULT_OK) {
        *out = recovered;
    }
    return result;
}

enum result offline_recover(const char *directory, const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES],
                            struct offline_recovered *out)
{
    ASSERT(raft_db_cluster_id_is_set(cluster_id));
    struct data_dir_lock lock;
    enum result result = offline_lock(directory, &lock);
    if (result != RESULT_OK) {
        return result;
    }
    struct recovery recovery = {.directory = directory};
    result = recover(&recovery, cluster_id, out);
    raft_db_close(&recovery.db, false);
    data_dir_unlock(&lock);
    return result;
}
