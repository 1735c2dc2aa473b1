/* clients.h -- clients of a campaign: they read and write through all nodes, over RESP and HTTP,
 * whatever happens to the nodes, and write down what they asked, heard and when.
 *
 * Keys change every few seconds, so that the histories of single keys stay short enough to be
 * judged. Every value written is unique. What was answered with an error that says "not done" is no
 * part of the history: if it was done after all, some read will not fit.
 */
#ifndef QUORUM_TESTS_CHAOS_CLIENTS_H
#define QUORUM_TESTS_CHAOS_CLIENTS_H

#include <stdint.h>

#include "lib/cluster.h"
#include "linear/history.h"

struct clients;

struct clients_counts {
    uint64_t done;      /* answered with what was asked for */
    uint64_t refused;   /* provably not done */
    uint64_t unknown;   /* writes whose outcome is not known */
    uint64_t lost;      /* reads that got no answer */
    uint64_t over_http; /* of those done */
};

/* Starts so many threads. The cluster's nodes may come and go. */
struct clients *clients_start(const struct cluster *cluster, uint32_t count, uint64_t seed);

/* Operations done so far; may be called while they run. */
uint64_t clients_done(struct clients *clients);

/* Stops the threads, moves all they have written down into history, and frees. */
void clients_finish(struct clients *clients, struct history *history,
                    struct clients_counts *counts);

#endif
