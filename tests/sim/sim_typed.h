/* sim_typed.h -- a client of the simulation that uses every type of value: commands drawn over a
 * few keys that all such clients share, alone, in pipelines and in transactions (sim_draw.h).
 *
 * No model says what each reply should be: such a command's outcome depends on what others do. That
 * it is the same on every node, in every replay and in every snapshot is what is judged: state
 * hashes at equal index and contents at the end (lab.h), contents of snapshots taken while keys
 * change (lab_state.h), replay == live state (lab_check_replay). A reply must be a value or one of
 * the errors that the command has, and an ECHO now and then shows that each had one, in its place.
 * Exactly-once of all types is sim_ledger.h's.
 */
#ifndef QUORUM_TESTS_SIM_SIM_TYPED_H
#define QUORUM_TESTS_SIM_SIM_TYPED_H

#include "sim/sim_draw.h"
#include "sim/sim_line.h"

enum { SIM_TYPED_MAX = 4 };

struct sim_typed {
    struct sim_line line;
    const struct sim_draw *draw;
    uint64_t pace_ms; /* between turns, on average half of it */
    uint64_t next_ms;
    uint64_t done; /* commands that were not refused */
    bool is_fresh; /* the connection has not selected its database yet */
    struct sim_drawn drawn;
};

void sim_typed_init(struct sim_typed *typed, struct sim *sim, uint32_t number,
                    const struct sim_draw *draw);

/* The client's turn has come: connects, sends something, or breaks its connection. */
void sim_typed_act(struct sim_typed *typed);

void sim_typed_close(struct sim_typed *typed);

#endif
