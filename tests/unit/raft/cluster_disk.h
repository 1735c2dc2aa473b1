/* cluster_disk.h -- the disk of a node of a test: what cluster.c does to it. */
#ifndef QUORUM_TESTS_UNIT_RAFT_CLUSTER_DISK_H
#define QUORUM_TESTS_UNIT_RAFT_CLUSTER_DISK_H

#include "unit/raft/cluster.h"

/* Entries of one's own, with their payloads. */
struct raft_entry *cluster_copy_entries(const struct raft_entry *entries, uint32_t count);
void cluster_free_entries(struct raft_entry *entries, uint64_t count);

void cluster_disk_append(struct cluster_disk *disk, const struct raft_entry *entry);
/* Drops the entries from index on. */
void cluster_disk_truncate(struct cluster_disk *disk, uint64_t index);
/* Drops all; the log goes on behind index. */
void cluster_disk_reset(struct cluster_disk *disk, uint64_t index, uint64_t term);
/* Whether that entry is in the log, or where it begins. */
bool cluster_disk_has(const struct cluster_disk *disk, uint64_t index, uint64_t term);
void cluster_disk_write(struct cluster_disk *disk, const struct raft_persist *persist);
/* Puts a copy of one in the place of another. */
void cluster_disk_copy(struct cluster_disk *to, const struct cluster_disk *from);

#endif
