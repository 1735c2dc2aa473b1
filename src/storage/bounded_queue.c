/* bounded_queue.c -- a list, a mutex, and one condition for both ends: there is one of each. */
#include "storage/bounded_queue.h"

#include <pthread.h>

#include "base/assert.h"
#include "base/mem.h"

struct bounded_queue {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct bounded_item *first;
    struct bounded_item *last;
    uint32_t count;
    uint32_t capacity;
    uint32_t interruptions;
};

static void lock(struct bounded_queue *queue)
{
    int code = pthread_mutex_lock(&queue->mutex);
    ASSERT(code == 0);
}

static void unlock(struct bounded_queue *queue)
{
    int code = pthread_mutex_unlock(&queue->mutex);
    ASSERT(code == 0);
}

static void wait_for_change(struct bounded_queue *queue)
{
    int code = pthread_cond_wait(&queue->changed, &queue->mutex);
    ASSERT(code == 0);
}

static void tell_change(struct bounded_queue *queue)
{
    int code = pthread_cond_broadcast(&queue->changed);
    ASSERT(code == 0);
}

struct bounded_queue *bounded_queue_create(uint32_t capacity)
{
    struct bounded_queue *queue = mem_alloc_zeroed(1, sizeof(*queue));
    queue->capacity = capacity;
    int code = pthread_mutex_init(&queue->mutex, NULL);
    ASSERT(code == 0);
    code = pthread_cond_init(&queue->changed, NULL);
    ASSERT(code == 0);
    return queue;
}

void bounded_queue_destroy(struct bounded_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    ASSERT(queue->first == NULL);
    (void)pthread_cond_destroy(&queue->changed);
    (void)pthread_mutex_destroy(&queue->mutex);
    mem_free(queue);
}

bool bounded_queue_put(struct bounded_queue *queue, struct bounded_item *item)
{
    item->next = NULL;
    lock(queue);
    while (queue->count >= queue->capacity && queue->interruptions == 0) {
        wait_for_change(queue);
    }
    if (queue->first == NULL) {
        queue->first = item;
    } else {
        queue->last->next = item;
    }
    queue->last = item;
    queue->count++;
    bool is_to_go_on = queue->interruptions == 0;
    tell_change(queue);
    unlock(queue);
    return is_to_go_on;
}

/* With the mutex held. */
static struct bounded_item *take_first(struct bounded_queue *queue)
{
    struct bounded_item *item = queue->first;
    if (item != NULL) {
        queue->first = item->next;
        queue->count--;
        tell_change(queue);
    }
    return item;
}

struct bounded_item *bounded_queue_take(struct bounded_queue *queue)
{
    lock(queue);
    while (queue->first == NULL) {
        wait_for_change(queue);
    }
    struct bounded_item *item = take_first(queue);
    unlock(queue);
    return item;
}

struct bounded_item *bounded_queue_try_take(struct bounded_queue *queue)
{
    lock(queue);
    struct bounded_item *item = take_first(queue);
    unlock(queue);
    return item;
}

void bounded_queue_interrupt(struct bounded_queue *queue)
{
    lock(queue);
    queue->interruptions++;
    tell_change(queue);
    unlock(queue);
}

void bounded_queue_resume(struct bounded_queue *queue)
{
    lock(queue);
    ASSERT(queue->interruptions > 0);
    queue->interruptions--;
    unlock(queue);
}
