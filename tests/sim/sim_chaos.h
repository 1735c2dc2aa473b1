/* sim_chaos.h -- the faults of a run: the seed draws which there are and how often, from never on
 * (swarm testing); every so often one of them strikes.
 *
 * Bounded so that a good copy survives: no disk is lost unless every node is up and agrees on the
 * members, and no second one before the first is mended. The same goes for a state that is altered,
 * and for a disk that goes back to an older image: besides, either the others have all that it had,
 * or a leader is there that knows what it lacks, and nothing more strikes before the node has it.
 */
#ifndef QUORUM_TESTS_SIM_SIM_CHAOS_H
#define QUORUM_TESTS_SIM_SIM_CHAOS_H

#include "sim/sim_line.h"
#include "sim/sim_operator.h"

enum sim_fault {
    SIM_CRASH,
    SIM_CRASH_IN_TURN,
    SIM_CRASH_IN_ORDERS,
    SIM_CRASH_IN_PERSIST,
    SIM_CRASH_ALL,
    SIM_PAUSE,
    SIM_CUT,
    SIM_CUT_ONE_WAY,
    SIM_ISOLATE,
    SIM_SPLIT,
    SIM_CLOG,
    SIM_RESET_LINK,
    SIM_NETWORK,
    SIM_HEAL,
    SIM_CLOCK,
    SIM_SLOW_DISK,
    SIM_STALL_DISK,
    SIM_FULL_DISK,
    SIM_LOW_DISK,
    SIM_LOSE_DISK,
    SIM_ROT_DISK,
    SIM_DAMAGE_COPY,
    SIM_ALTER,
    SIM_FLIP,
    SIM_PUT_BACK,
    SIM_TRANSFER,
    SIM_FAULTS,
};

struct sim_chaos {
    struct sim *sim;
    struct sim_operator oper;
    uint32_t weights[SIM_FAULTS];
    uint32_t weights_sum;
    uint64_t pause_ms; /* between faults, on average half of it */
    uint64_t next_ms;
    uint64_t back_at_ms[LAB_NODES_MAX]; /* when a crashed or paused node goes on */
    struct lab_node *put_back;          /* had its disk put back and is not up to date; or NULL */
    bool was_told;                      /* of its loss */
    bool is_quiet;                      /* nothing strikes until it is */
    bool is_widely_altered;             /* two nodes were at once: who is right cannot be told */
    struct sim_line stirrer;            /* changes the counter that bits are flipped in */
    enum sim_fault wanted;              /* damage, as soon as it may be; SIM_FAULTS: none */
    uint64_t backs_up_ms;               /* when the next image of a disk is taken */
    uint64_t stirs_ms;                  /* when it does it next */
    uint64_t calm_ms;                   /* when all faults ended */
};

/* Draws what there is to be. */
void sim_chaos_init(struct sim_chaos *chaos, struct sim *sim);

/* Nodes come back whose time has come, and the next fault strikes if it is time for it. */
void sim_chaos_act(struct sim_chaos *chaos);

/* The operator's turn. */
void sim_chaos_operate(struct sim_chaos *chaos);

/* All faults end, and all nodes come back. */
void sim_chaos_end(struct sim_chaos *chaos);

/* For sim_damage.c: a node crashes and comes back later; it is started, and the others have new
 * connections to it; all links carry again; all nodes are up, sound and agree on the members. */
void sim_chaos_crash(struct sim_chaos *chaos, struct lab_node *node);
void sim_chaos_start(struct lab_node *node);
void sim_chaos_heal(struct sim *sim);
bool sim_chaos_is_whole(struct sim *sim);

#endif
