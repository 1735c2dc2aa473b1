/* log_recovery.h -- reads the log back and believes nothing that does not verify (private). */
#ifndef QUORUM_STORAGE_LOG_RECOVERY_H
#define QUORUM_STORAGE_LOG_RECOVERY_H

#include "storage/raft_db.h"

/*
 * Fills out from an open raft.db: bootstrap, hard state and every entry, each checked for its
 * checksum, its place in the chain, a term that does not fall, and the cluster it names.
 *
 * incarnation and created are left alone. Returns RESULT_CORRUPT, RESULT_VERSION, RESULT_IDENTITY
 * or RESULT_IO, logged; out is then as zeroed.
 */
MUST_CHECK enum result log_recovery_load(struct raft_db *db, struct log_recovery *out);

/* Takes one entry that verified, borrowed for the call, retained by blob_retain; anything but
 * RESULT_OK ends the reading with that result. */
typedef enum result log_recovery_on_entry(const struct raft_entry *entry, void *context);

/* The same without keeping entries. good_index is the last index that verified, also on failure. */
MUST_CHECK enum result log_recovery_read(struct raft_db *db, uint64_t *good_index,
                                         log_recovery_on_entry *on_entry, void *context);

/* The bootstrap configuration; without members when none was recorded. */
MUST_CHECK enum result log_recovery_read_bootstrap(struct raft_db *db,
                                                   struct raft_configuration *out);

#endif
