/* offline.h -- the data directory of a node that is not running: looked into, verified, recovered
 * from the loss of a majority, restored from a backup; for quorumctl.
 *
 * Every function takes the directory's lock (data_dir.h) for as long as it runs, so that none works
 * under a running node: RESULT_LOCKED. What fails or does not verify is logged with cause and
 * place, once; the caller adds nothing but its exit code. Reading changes nothing in the files.
 */
#ifndef QUORUM_STORAGE_OFFLINE_H
#define QUORUM_STORAGE_OFFLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/result.h"
#include "raft/raft.h"
#include "storage/state_store.h"

/* Whose directory it is, and what the rows of identity and state in raft.db say. */
struct offline_summary {
    char node_name[LIMIT_NODE_NAME_BYTES];
    uint64_t node_id;
    uint64_t disk_id;
    uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES]; /* all zero: not named yet */
    uint64_t cluster_index;                    /* of the entry that named it; 0: the bootstrap */
    struct raft_configuration bootstrap;       /* no members: none recorded */
    struct raft_hard_state hard_state;
    uint64_t commit_index; /* at least this is committed */
    uint64_t base_index;   /* the log begins behind it */
    uint64_t base_term;
    uint64_t last_index;
    uint64_t incarnation;
    bool was_running; /* the node did not end in order */
};

/* Reads and verifies the rows of identity and state. RESULT_NOT_FOUND: there is no raft.db. */
MUST_CHECK enum result offline_read_summary(const char *directory, struct offline_summary *out);

/* Takes one entry, borrowed for the call, retained by blob_retain; anything but RESULT_OK ends the
 * reading with that result. */
typedef enum result offline_on_entry(const struct raft_entry *entry, void *context);

/*
 * Reads all entries of the log in order, each verified (index, checksum, chain, term, cluster)
 * before it is handed over, and at the end that none is missing. summary is filled first.
 *
 * good_index is the last index that verified (base_index when none did), also on failure:
 * RESULT_CORRUPT means that the entry behind it is damaged, missing or left over, as logged.
 * on_entry may be NULL.
 */
MUST_CHECK enum result offline_read_log(const char *directory, struct offline_summary *summary,
                                        uint64_t *good_index, offline_on_entry *on_entry,
                                        void *context);

/* Verifies the directory's state.db, its WAL included: every row, their sum, the meta row. Fills
 * meta (index 0: no snapshot yet); its slice points into replica_state, which has
 * STATE_REPLICA_STATE_BYTES_MAX. RESULT_NOT_FOUND, not logged: there is no state.db. For a state
 * file outside of a data directory: state_file_verify. */
MUST_CHECK enum result offline_verify_state(const char *directory, struct state_meta *meta,
                                            uint8_t *replica_state);

/* Size and XXH3 of a whole file, as state_store_copy reports them. RESULT_IO, logged. */
MUST_CHECK enum result state_file_hash(const char *path, uint64_t *bytes, uint64_t *hash);

struct offline_recovered {
    uint64_t index; /* of the new configuration; all up to it counts as committed */
    uint64_t term;
    uint64_t committed_index;         /* what was known to be committed before */
    struct raft_configuration before; /* the configuration that was in force */
};

/*
 * Makes the directory's node the only member of a cluster with a new id, for when a majority is
 * lost for good: verifies log and state.db whole, then appends, in one transaction, a configuration
 * entry of a new term that names this node (with its recorded addresses and this disk) as the only
 * voter. Everything in the log counts as committed from then on. The new id takes the old one's
 * place in all the log and in the snapshot, so that whoever joins finds one cluster in them.
 *
 * cluster_id must not be all zero. RESULT_NOT_FOUND when no configuration that lists this node is
 * known; RESULT_CORRUPT; nothing was changed then. RESULT_FULL: the log was not changed.
 */
MUST_CHECK enum result offline_recover(const char *directory,
                                       const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES],
                                       struct offline_recovered *out);

struct offline_restore {
    const char *directory;     /* empty or missing: made */
    const char *state_path;    /* the backup; stays as it is */
    struct raft_member member; /* this node: id, name, addresses, and the disk_id it is to have */
    uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES]; /* new, not all zero */
};

/*
 * Makes the data directory of a new cluster of one from a state file: verifies a copy of the file,
 * writes the one-member configuration into it, and makes a raft.db whose log begins behind the
 * file's index. meta is what the backup said.
 *
 * RESULT_EXISTS when the directory holds a raft.db or state.db already; RESULT_INVALID when the
 * file holds no snapshot. A failure half-way leaves files behind, which the next try refuses.
 */
MUST_CHECK enum result offline_restore(const struct offline_restore *options,
                                       struct state_meta *meta);

#endif
