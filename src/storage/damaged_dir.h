/* damaged_dir.h -- a data directory that cannot be trusted: set aside, so that the node can come
 * back blank and be caught up by its peers.
 *
 * A node that lost what it had acknowledged must not vote with what is left. It starts over with a
 * new disk id and a bootstrap that carries the cluster's id, and waits for a leader (raft.h,
 * raft_start.configuration). Nothing is deleted: the files move to DIR/damaged-<unix ms>/.
 */
#ifndef QUORUM_STORAGE_DAMAGED_DIR_H
#define QUORUM_STORAGE_DAMAGED_DIR_H

#include "base/result.h"
#include "raft/raft.h"
#include "storage/log_store.h"

/*
 * For a directory, locked by this process, both of whose stores are closed, after an open failed
 * with RESULT_CORRUPT: finds the newest membership with a cluster id
 * that still verifies (state.db's meta; raft.db's bootstrap and single configuration entries), and
 * then moves the stores' files aside, synced. bootstrap is what log_store_options.bootstrap has to
 * be for the next log_store_open; options are those of the open that failed.
 *
 * Every refusal is logged with a remedy and moves nothing: RESULT_NOT_FOUND: no membership with a
 * cluster id can be read; RESULT_CONFLICT: this node is the only voter, nobody could catch it up;
 * RESULT_IDENTITY: the files are another node's. RESULT_IO: moving failed half-way; call it again.
 */
MUST_CHECK enum result damaged_dir_recover(const struct log_store_options *options,
                                           struct raft_configuration *bootstrap);

/* Moves state.db alone aside, likewise: for a log that holds everything from the first entry on,
 * which makes the state again. Its store must be closed. RESULT_IO, logged. */
MUST_CHECK enum result damaged_dir_move_state(const char *directory);

#endif
