/* sim_operator.h -- an operator in the randomized simulation: adds, removes and promotes members
 * and hands leadership on while clients write, and in the end makes every node a
 * voter (those from SIM_VOTERS_MAX on learners).
 *
 * Each request must be answered within the limit, by an integer, +OK, or one of the errors that
 * QUORUM documents; what was acknowledged must be in force (sim_operator_check_end).
 */
#ifndef QUORUM_TESTS_SIM_SIM_OPERATOR_H
#define QUORUM_TESTS_SIM_SIM_OPERATOR_H

#include "sim/sim_client.h"

/* Further nodes become learners at most. */
enum { SIM_VOTERS_MAX = 5 };

struct sim_operator {
    struct sim *sim;
    struct lab_client client;
    bool is_idle; /* changes nothing in this run */
    bool is_waiting;
    uint64_t sent_ms;
    uint64_t sent_paused_ms; /* of its node, in all, by then */
    char words[128];         /* the request that waits */
    uint64_t next_ms;
    uint64_t done;
    uint64_t refused;
    uint64_t unknown;
};

/* The operator's turn: connects, or asks for something. */
void sim_operator_act(struct sim_operator *oper);

/* At the end: all nodes must be voters (or learners) by now. */
void sim_operator_check_end(struct sim_operator *oper);

#endif
