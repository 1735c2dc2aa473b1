/* worker.h -- a store's thread, its queue, and the way back to the loop (private to storage).
 *
 * DESIGN
 *
 *   loop thread                     worker's thread
 *   worker_submit -> pending ---->  on_jobs gets all that is queued, in order
 *   worker_collect <- done <------  worker_hand_back, then worker_wake (an eventfd)
 *                                   on_idle, between queues: work that can wait, a bit at a time
 *
 * The mutex guards the two lists and whatever figures the owner keeps beside them; nobody holds it
 * over I/O. Jobs come back whole because only the loop thread may release payloads (blob.h).
 */
#ifndef QUORUM_STORAGE_WORKER_H
#define QUORUM_STORAGE_WORKER_H

#include <stdbool.h>

#include "base/result.h"

/* The first member of the owner's own struct. */
struct worker_job {
    struct worker_job *next;
};

/* Called in the worker's thread, without the mutex. */
struct worker_calls {
    const char *name; /* of the thread; at most 15 characters */
    int niceness;     /* of the thread, beside that of the process: what can wait gives way */
    /* Works a chain off; every job goes back by worker_hand_back. */
    void (*on_jobs)(struct worker_job *first, void *context);
    /* NULL, or does a bounded piece of work and returns whether there may be more. Not called any
     * more once the worker is to stop. */
    bool (*on_idle)(void *context);
    void *context;
};

struct worker;

/* Starts the thread with every signal blocked. Logs what fails, naming path: RESULT_IO. */
MUST_CHECK enum result worker_start(const struct worker_calls *calls, const char *path,
                                    struct worker **worker);

/* Queues a job, which is the worker's until it was handed back. */
void worker_submit(struct worker *worker, struct worker_job *job);

void worker_lock(struct worker *worker);
void worker_unlock(struct worker *worker);

/* With the mutex held: gives the chain first..last back. */
void worker_hand_back(struct worker *worker, struct worker_job *first, struct worker_job *last);

/* With the mutex held: takes all that was given back; the caller owns the chain. */
struct worker_job *worker_collect(struct worker *worker);

/* An eventfd; makes it readable; clears it. */
int worker_descriptor(const struct worker *worker);
void worker_wake(struct worker *worker);
void worker_clear(struct worker *worker);

/* In the worker's thread: waits that long, or until the worker is to stop; returns whether it is to
 * go on. */
bool worker_pause(struct worker *worker, unsigned milliseconds);

/* Waits until all that is queued was worked off, and ends the thread. */
void worker_stop(struct worker *worker);

/* Frees a stopped worker; everything given back must have been collected. NULL is allowed. */
void worker_destroy(struct worker *worker);

#endif
