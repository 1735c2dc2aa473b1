/* damage.h -- what is left to be done about a data directory that cannot be trusted: to learn from
 * it whom to ask for the state, to put it aside, and to remember that a state is of no use.
 */
#ifndef QUORUM_STORAGE_DAMAGE_H
#define QUORUM_STORAGE_DAMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "raft/raft.h"

/*
 * Reads from raft.db, whatever its state, the newest configuration that is whole in itself and
 * names the cluster. Only whom to ask may follow from it: it may be an old one. The file is not
 * written to, and must not be open. False, and out untouched, when there is none.
 */
bool damage_find_configuration(const char *directory, struct raft_configuration *out);

/* Moves raft.db and state.db, with what belongs to them, into damaged-<wall_ms> in the directory,
 * so that the next start finds a new one. RESULT_IO, logged. */
MUST_CHECK enum result damage_set_aside(const char *directory, int64_t wall_ms);

/* The same with state.db alone, for a log that holds everything from the first entry on. */
MUST_CHECK enum result damage_set_state_aside(const char *directory, int64_t wall_ms);

/* The mark: a file that says that state.db is of no use, although it may look whole. Durable when
 * these return. RESULT_IO, logged; removing one that is not there is no failure. */
MUST_CHECK enum result damage_put_mark(const char *directory);
MUST_CHECK enum result damage_remove_mark(const char *directory);
bool damage_has_mark(const char *directory);

#endif
