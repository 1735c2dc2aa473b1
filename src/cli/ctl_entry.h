/* ctl_entry.h -- an entry of the log as a person reads it.
 *
 *     8 term 3 configuration, 120 bytes, cluster 5f0c... of 2 members
 *         a voter disk 91b2..., raft 10.0.0.1:9001 http 10.0.0.1:8001 redis 10.0.0.1:6379
 *         b learner disk not known, raft 10.0.0.2:9001
 *     9 term 3 noop
 *     10 term 3 command, 87 bytes, 2026-11-25 22:30:01.123Z
 *         from a, incarnation 1764109801000, batch 17: 2 commands
 *             db0 "SET" "hello" "world"
 *             db0 "INCR" "visits"
 */
#ifndef QUORUM_CLI_CTL_ENTRY_H
#define QUORUM_CLI_CTL_ENTRY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "raft/raft.h"

/* Reads entries one behind the other. Zeroed memory, but for shown_max, is one that has read none.
 */
struct ctl_entry_reader {
    size_t shown_max; /* bytes of an argument that are shown, and arguments of a command; 0: all */
    /* The newest configuration: names the nodes that batches are from. May be set beforehand. */
    struct raft_configuration configuration;
    uint64_t configuration_index; /* 0: none was read */
    uint64_t entries;
    uint64_t configurations;
    uint64_t batches;
    uint64_t commands;
    uint64_t checks;
    uint64_t bytes; /* of payloads */
    uint64_t last_term;
};

/* Reads an entry whole, counts what is in it, and appends its lines to out unless that is NULL.
 * RESULT_CORRUPT or RESULT_VERSION when its payload does not decode; the lines then say so. */
MUST_CHECK enum result ctl_entry_read(struct ctl_entry_reader *reader,
                                      const struct raft_entry *entry, struct buf *out);

/* Appends "a voter disk 91b2..., raft ... http ... redis ..." */
void ctl_entry_put_member(struct buf *out, const struct raft_member *member);

#endif
