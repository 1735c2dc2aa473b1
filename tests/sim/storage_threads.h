/* storage_threads.h -- the storage code's threads in step: one runs at a time, and what it finds
 * queued is decided by the simulation.
 *
 * The linker wraps the calls by which worker.c waits and wakes. The main thread (the first caller
 * of storage_threads_init) queues what it likes while wake-ups are held back, lets go, and waits
 * until every worker waits again. Pauses on a full disk take no time: they last until tick.
 */
#ifndef QUORUM_TESTS_SIM_STORAGE_THREADS_H
#define QUORUM_TESTS_SIM_STORAGE_THREADS_H

#include <stdbool.h>

void storage_threads_init(void);

/* Wake-ups of workers wait until release. */
void storage_threads_hold(void);
void storage_threads_release(void);

/* Waits until every worker waits for work, or pauses. */
void storage_threads_settle(void);

/* Whether a worker pauses. */
bool storage_threads_are_stalled(void);

/* Ends the pauses, as their time is up. */
void storage_threads_tick(void);

#endif
