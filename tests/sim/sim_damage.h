/* sim_damage.h -- damage in the randomized simulation that no checksum shows: a node's state
 * differs from the others', or its disk is as it was some time ago.
 *
 * A state that differs has to be noticed by the check (replica/divergence.h): that node, and no
 * other, stops, and is started again without its state; in the calm all agree. Two nodes may become
 * altered, when one has a snapshot from the other: such a run has no calm end, for who is right
 * cannot be told.
 *
 * A disk goes back only if no majority of the others is without what it had (then nothing may come
 * of it), or a leader is there that knows what it acknowledged (then it has to be told, and must
 * not vote: lab_oracle.c).
 */
#ifndef QUORUM_TESTS_SIM_SIM_DAMAGE_H
#define QUORUM_TESTS_SIM_SIM_DAMAGE_H

#include "sim/sim_chaos.h"

/* Makes nothing happen yet. */
void sim_damage_init(struct sim_chaos *chaos);

/* Does the damage that is wanted as soon as it may be. */
void sim_damage_act(struct sim_chaos *chaos);

/* In the calm: whether a state that was altered may still have to be noticed, or mended. */
bool sim_damage_is_open(const struct sim_chaos *chaos);

/* Sees to nodes that were damaged: restarts those that stopped, follows those that recover. */
void sim_damage_tend(struct sim_chaos *chaos);

#endif
