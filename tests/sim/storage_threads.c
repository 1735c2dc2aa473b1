/* storage_threads.c -- wrapped pthread calls and the table of who waits where. */
#include "sim/storage_threads.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/assert.h"

enum { WAITS_MAX = 16 };

/* A condition that a worker has waited on. */
struct wait {
    pthread_cond_t *condition;
    bool is_waiting;
    bool is_pausing;
    bool is_ticked;
    bool is_held; /* to be woken at release */
};

static pthread_t main_thread;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct wait waits[WAITS_MAX];
static int threads_count;
static bool is_holding;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *), void *context);
int __real_pthread_join(pthread_t thread, void **out);
int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *with);
int __real_pthread_cond_signal(pthread_cond_t *condition);
int __real_pthread_cond_broadcast(pthread_cond_t *condition);
int __real_pthread_cond_destroy(pthread_cond_t *condition);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *), void *context);
int __wrap_pthread_join(pthread_t thread, void **out);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *with);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *with,
                                  const struct timespec *end);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_cond_broadcast(pthread_cond_t *condition);
int __wrap_pthread_cond_destroy(pthread_cond_t *condition);

static void lock(void)
{
    int code = pthread_mutex_lock(&mutex);
    ASSERT(code == 0);
}

static void unlock(void)
{
    int code = pthread_mutex_unlock(&mutex);
    ASSERT(code == 0);
}

static bool is_main(void)
{
    return pthread_equal(pthread_self(), main_thread) != 0;
}

void storage_threads_init(void)
{
    main_thread = pthread_self();
}

/* With the mutex held. */
static struct wait *wait_on(pthread_cond_t *condition)
{
    struct wait *unused = NULL;
    for (int i = 0; i < WAITS_MAX; i++) {
        if (waits[i].condition == condition) {
            return &waits[i];
        }
        if (waits[i].condition == NULL && unused == NULL) {
            unused = &waits[i];
        }
    }
    ASSERT(unused != NULL);
    *unused = (struct wait){.condition = condition};
    return unused;
}

static void note_waiting(pthread_cond_t *condition, bool is_pausing)
{
    lock();
    struct wait *wait = wait_on(condition);
    wait->is_waiting = true;
    wait->is_pausing = is_pausing;
    (void)__real_pthread_cond_signal(&changed);
    unlock();
}

/* The waiting thread holds the mutex of its condition until it really waits, and who wakes it
 * holds that mutex too: no wake-up comes in between. */
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *with)
{
    if (!is_main()) {
        note_waiting(condition, false);
    }
    return __real_pthread_cond_wait(condition, with);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *with,
                                  const struct timespec *end)
{
    (void)end;
    ASSERT(!is_main());
    note_waiting(condition, true);
    int code = __real_pthread_cond_wait(condition, with);
    lock();
    struct wait *wait = wait_on(condition);
    code = code == 0 && wait->is_ticked ? ETIMEDOUT : code;
    wait->is_ticked = false;
    wait->is_pausing = false;
    unlock();
    return code;
}

/* Returns whether to wake now. */
static bool note_woken(pthread_cond_t *condition)
{
    if (!is_main()) {
        return true;
    }
    lock();
    struct wait *wait = wait_on(condition);
    bool is_now = !is_holding || !wait->is_waiting;
    wait->is_held = !is_now;
    if (is_now) {
        wait->is_waiting = false;
    }
    unlock();
    return is_now;
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    return note_woken(condition) ? __real_pthread_cond_signal(condition) : 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *condition)
{
    (void)note_woken(condition);
    return __real_pthread_cond_broadcast(condition);
}

int __wrap_pthread_cond_destroy(pthread_cond_t *condition)
{
    lock();
    *wait_on(condition) = (struct wait){.condition = NULL};
    unlock();
    return __real_pthread_cond_destroy(condition);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *), void *context)
{
    lock();
    threads_count++;
    unlock();
    return __real_pthread_create(thread, attributes, body, context);
}

int __wrap_pthread_join(pthread_t thread, void **out)
{
    int code = __real_pthread_join(thread, out);
    lock();
    threads_count--;
    unlock();
    return code;
}

void storage_threads_hold(void)
{
    lock();
    is_holding = true;
    unlock();
}

void storage_threads_release(void)
{
    lock();
    is_holding = false;
    for (int i = 0; i < WAITS_MAX; i++) {
        if (waits[i].is_held) {
            waits[i].is_held = false;
            waits[i].is_waiting = false;
            (void)__real_pthread_cond_signal(waits[i].condition);
        }
    }
    unlock();
}

/* With the mutex held. */
static int waiting_count(bool only_pausing)
{
    int count = 0;
    for (int i = 0; i < WAITS_MAX; i++) {
        count += waits[i].is_waiting && (waits[i].is_pausing || !only_pausing);
    }
    return count;
}

void storage_threads_settle(void)
{
    lock();
    while (waiting_count(false) < threads_count) {
        (void)__real_pthread_cond_wait(&changed, &mutex);
    }
    unlock();
}

bool storage_threads_are_stalled(void)
{
    lock();
    bool are_stalled = waiting_count(true) > 0;
    unlock();
    return are_stalled;
}

void storage_threads_tick(void)
{
    lock();
    for (int i = 0; i < WAITS_MAX; i++) {
        if (waits[i].is_waiting && waits[i].is_pausing) {
            waits[i].is_ticked = true;
            waits[i].is_waiting = false;
            (void)__real_pthread_cond_signal(waits[i].condition);
        }
    }
    unlock();
}
