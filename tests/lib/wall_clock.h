/* wall_clock.h -- the wall clock of nodes that a test starts, stepped while they run: they are
 * started with a library before libc (wall_clock_preload.c) that adds to it what a file says.
 */
#ifndef QUORUM_TESTS_LIB_WALL_CLOCK_H
#define QUORUM_TESTS_LIB_WALL_CLOCK_H

#include <stdint.h>

#include "lib/cluster.h"

/* For the nodes started from here on; the file lies in the cluster's directory. */
void wall_clock_prepare(const struct cluster *cluster);

/* Steps the clock of all of them: so many seconds off the real one. */
void wall_clock_set(const struct cluster *cluster, int64_t seconds);

#endif
