/* worker.c -- the thread, the two lists, the eventfd. */
#include "storage/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"

/* First in, first out. */
struct jobs {
    struct worker_job *first;
    struct worker_job **end; /* where the next one is linked */
};

struct worker {
    struct worker_calls calls;
    pthread_t thread;
    int descriptor;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    struct jobs pending;
    struct jobs done;
    bool is_stopping;
};

static void jobs_init(struct jobs *jobs)
{
    jobs->first = NULL;
    jobs->end = &jobs->first;
}

static void jobs_append(struct jobs *jobs, struct worker_job *first, struct worker_job *last)
{
    last->next = NULL;
    *jobs->end = first;
    jobs->end = &last->next;
}

static struct worker_job *jobs_take(struct jobs *jobs)
{
    struct worker_job *first = jobs->first;
    jobs_init(jobs);
    return first;
}

void worker_lock(struct worker *worker)
{
    int code = pthread_mutex_lock(&worker->mutex);
    ASSERT(code == 0);
}

void worker_unlock(struct worker *worker)
{
    int code = pthread_mutex_unlock(&worker->mutex);
    ASSERT(code == 0);
}

static void *run(void *context)
{
    struct worker *worker = context;
    (void)pthread_setname_np(pthread_self(), worker->calls.name);
    if (worker->calls.niceness != 0) {
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), worker->calls.niceness);
    }
    bool may_idle = worker->calls.on_idle != NULL;
    for (;;) {
        worker_lock(worker);
        while (worker->pending.first == NULL && !worker->is_stopping && !may_idle) {
            int code = pthread_cond_wait(&worker->work, &worker->mutex);
            ASSERT(code == 0);
        }
        struct worker_job *first = jobs_take(&worker->pending);
        bool is_stopping = worker->is_stopping;
        worker_unlock(worker);
        if (first != NULL) {
            worker->calls.on_jobs(first, worker->calls.context);
            may_idle = worker->calls.on_idle != NULL;
        } else if (is_stopping) {
            return NULL;
        } else {
            may_idle = worker->calls.on_idle(worker->calls.context);
        }
    }
}

static struct worker *create(const struct worker_calls *calls)
{
    struct worker *worker = mem_alloc_zeroed(1, sizeof(*worker));
    worker->calls = *calls;
    int code = pthread_mutex_init(&worker->mutex, NULL);
    ASSERT(code == 0);
    pthread_condattr_t attributes;
    code = pthread_condattr_init(&attributes);
    ASSERT(code == 0);
    code = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    ASSERT(code == 0);
    code = pthread_cond_init(&worker->work, &attributes);
    ASSERT(code == 0);
    (void)pthread_condattr_destroy(&attributes);
    jobs_init(&worker->pending);
    jobs_init(&worker->done);
    worker->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return worker;
}

/* Signals are the loop thread's: the new thread inherits a mask that blocks them all. */
static int start_thread(struct worker *worker)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&worker->thread, NULL, run, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

enum result worker_start(const struct worker_calls *calls, const char *path, struct worker **out)
{
    struct worker *worker = create(calls);
    int code = worker->descriptor < 0 ? errno : start_thread(worker);
    if (code != 0) {
        logger_log(LOGGER_ERROR,
                   "cannot start the thread that writes %s: %s; raise the limits on "
                   "processes and open files",
                   path, strerror(code));
        worker_destroy(worker);
        return RESULT_IO;
    }
    *out = worker;
    return RESULT_OK;
}

void worker_submit(struct worker *worker, struct worker_job *job)
{
    worker_lock(worker);
    ASSERT(!worker->is_stopping);
    jobs_append(&worker->pending, job, job);
    worker_unlock(worker);
    /* Outside the lock, or the thread wakes only to wait for that. */
    int code = pthread_cond_signal(&worker->work);
    ASSERT(code == 0);
}

void worker_hand_back(struct worker *worker, struct worker_job *first, struct worker_job *last)
{
    jobs_append(&worker->done, first, last);
}

struct worker_job *worker_collect(struct worker *worker)
{
    return jobs_take(&worker->done);
}

int worker_descriptor(const struct worker *worker)
{
    return worker->descriptor;
}

void worker_wake(struct worker *worker)
{
    uint64_t one = 1;
    ssize_t size = write(worker->descriptor, &one, sizeof(one));
    /* EAGAIN: the counter is full, so the descriptor is readable already. */
    ASSERT(size == sizeof(one) || errno == EAGAIN);
}

void worker_clear(struct worker *worker)
{
    uint64_t count;
    ssize_t size = read(worker->descriptor, &count, sizeof(count));
    ASSERT(size == sizeof(count) || errno == EAGAIN || errno == EINTR);
}

bool worker_pause(struct worker *worker, unsigned milliseconds)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    uint64_t nanoseconds = (uint64_t)end.tv_nsec + (uint64_t)milliseconds * 1000000;
    end.tv_sec += (time_t)(nanoseconds / 1000000000);
    end.tv_nsec = (long)(nanoseconds % 1000000000);
    worker_lock(worker);
    int code = 0;
    while (!worker->is_stopping && code == 0) {
        code = pthread_cond_timedwait(&worker->work, &worker->mutex, &end);
        ASSERT(code == 0 || code == ETIMEDOUT);
    }
    bool is_to_go_on = !worker->is_stopping;
    worker_unlock(worker);
    return is_to_go_on;
}

void worker_stop(struct worker *worker)
{
    worker_lock(worker);
    worker->is_stopping = true;
    int code = pthread_cond_signal(&worker->work);
    ASSERT(code == 0);
    worker_unlock(worker);
    code = pthread_join(worker->thread, NULL);
    ASSERT(code == 0);
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    ASSERT(worker->pending.first == NULL);
    ASSERT(worker->done.first == NULL);
    if (worker->descriptor >= 0) {
        (void)close(worker->descriptor);
    }
    (void)pthread_cond_destroy(&worker->work);
    (void)pthread_mutex_destroy(&worker->mutex);
    mem_free(worker);
}
