/* offline_internal.h -- what the files of offline.h share (private to them). */
#ifndef QUORUM_STORAGE_OFFLINE_INTERNAL_H
#define QUORUM_STORAGE_OFFLINE_INTERNAL_H

#include "storage/data_dir.h"
#include "storage/offline.h"

/* data_dir_lock on a directory that must exist: RESULT_NOT_FOUND, logged. */
MUST_CHECK enum result offline_lock(const char *directory, struct data_dir_lock *lock);

/* offline_verify_state, with the lock held. */
MUST_CHECK enum result offline_check_state(const char *directory, struct state_meta *meta,
                                           uint8_t *replica_state);

#endif
