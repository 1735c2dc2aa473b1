/* faults.h -- what goes wrong in a campaign, drawn from a seed: one fault after another, some of
 * them at the same time, each over after a while.
 *
 * At most a minority of the nodes is down, paused or without its disk at any time, but for the
 * faults that say "all": those lose nothing that was synced.
 */
#ifndef QUORUM_TESTS_CHAOS_FAULTS_H
#define QUORUM_TESTS_CHAOS_FAULTS_H

#include <stdint.h>

#include "chaos/wires.h"
#include "lib/cluster.h"

#define FAULTS_TABLE(X)                                                                            \
    X(FAULT_KILL, "kill -9")                                                                       \
    X(FAULT_KILL_ALL, "kill -9 of all")                                                            \
    X(FAULT_RESTART, "SIGTERM and start")                                                          \
    X(FAULT_PAUSE, "SIGSTOP")                                                                      \
    X(FAULT_PAUSE_ALL, "SIGSTOP of all")                                                           \
    X(FAULT_ISOLATE, "node cut off")                                                               \
    X(FAULT_ONE_WAY, "node not heard")                                                             \
    X(FAULT_DEAF, "node hears nothing")                                                            \
    X(FAULT_PAIR, "one pair cut")                                                                  \
    X(FAULT_SPLIT, "network in halves")                                                            \
    X(FAULT_SLOW, "slow wires")                                                                    \
    X(FAULT_BREAK, "all connections reset")                                                        \
    X(FAULT_REFUSE, "node's connections refused")                                                  \
    X(FAULT_SPOIL, "a bit turned over")                                                            \
    X(FAULT_TRANSFER, "leadership handed over")                                                    \
    X(FAULT_SNAPSHOT, "BGSAVE")                                                                    \
    X(FAULT_WIPE, "disk lost")                                                                     \
    X(FAULT_CLOCK, "wall clock stepped")

#define FAULTS_ENUM_ROW(name, text) name,
enum fault { FAULTS_TABLE(FAULTS_ENUM_ROW) FAULTS_COUNT };
#undef FAULTS_ENUM_ROW

struct faults {
    struct cluster *cluster;
    struct wires *wires;
    uint64_t random;
    uint64_t counts[FAULTS_COUNT];
    uint32_t weights[FAULTS_COUNT]; /* of this run; 0: does not happen */
};

/* Draws the weights: about a third of the faults do not happen in a run. */
void faults_init(struct faults *faults, struct cluster *cluster, struct wires *wires,
                 uint64_t seed);

/* Lets one fault begin, last and end; takes up to a few seconds. */
void faults_one(struct faults *faults);

/* Ends all that may still go on: every node runs, every wire is whole. */
void faults_heal(struct faults *faults);

const char *faults_text(enum fault fault);

#endif
