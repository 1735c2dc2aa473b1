/* log_rows.h -- what guards each row of raft.db: a checksum of its own and a chain over all.
 *
 * checksum = XXH3 over index, term and type, which seeds XXH3 over the payload.
 * chain    = mix(chain of the row before, checksum); the chain before index 1 is
 *            LOG_ROWS_CHAIN_START. So a row that is damaged, missing, swapped, or left over from
 *            an earlier write does not verify. Equal logs have equal chains on all nodes.
 */
#ifndef QUORUM_STORAGE_LOG_ROWS_H
#define QUORUM_STORAGE_LOG_ROWS_H

#include <stdint.h>

#include "raft/raft.h"

#define LOG_ROWS_CHAIN_START UINT64_C(0x51756f72756d4c67)

uint64_t log_rows_checksum(const struct raft_entry *entry);
uint64_t log_rows_chain(uint64_t previous_chain, uint64_t checksum);

#endif
