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

#endif
