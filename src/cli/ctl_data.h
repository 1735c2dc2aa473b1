/* ctl_data.h -- what the commands on data directories share. */
#ifndef QUORUM_CLI_CTL_DATA_H
#define QUORUM_CLI_CTL_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/ctl.h"
#include "cli/ctl_entry.h"
#include "raft/raft.h"
#include "storage/offline.h"

/* What a failure of the storage layer, which has said why, makes quorumctl exit with. */
enum ctl_exit ctl_data_exit(enum result result);

/* Whether path is a directory; one that is missing must not be made by looking into it. Says what
 * it is instead on standard error. */
bool ctl_data_is_directory(const char *path);

/* All that is in a data directory, verified. */
struct ctl_data {
    struct offline_summary summary;
    uint64_t good_index; /* the last entry that verified */
    struct ctl_entry_reader log;
    uint64_t state_entry_term; /* of the log's entry at the snapshot's index; 0: it has none */
    bool has_state;            /* there is a state.db */
    struct state_meta state;   /* index 0: no snapshot */
    uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    bool is_diverged; /* marked as differing from the majority */
};

/* Reads and verifies log and state, that payloads decode, and that the two belong together. What is
 * wrong is said on standard error; data then holds what was read before. */
MUST_CHECK enum result ctl_data_read(const char *directory, struct ctl_data *data);

/* Whether the log goes on from the snapshot. If not, the snapshot was installed right before the
 * end, and the log, which lacks its last entry, is dropped at the node's next start. */
bool ctl_data_log_goes_on(const struct ctl_data *data);

/* The last index that the node has, of its log or of the snapshot, and that entry's term. */
void ctl_data_last(const struct ctl_data *data, uint64_t *index, uint64_t *term);

/* The configuration in force: the newest of the log, else that of the snapshot, else the one the
 * node was made with. */
const struct raft_configuration *ctl_data_configuration(const struct ctl_data *data);

/* Draws random bytes; false, said on standard error, when the system has none. */
bool ctl_data_draw(void *out, size_t size);

/* Appends the command that starts the node of that directory at its recorded addresses. */
void ctl_data_put_start(struct buf *out, const char *directory, const struct raft_member *member);

/* Appends how a fresh node joins that one. */
void ctl_data_put_join(struct buf *out, const struct raft_member *member);

#endif
