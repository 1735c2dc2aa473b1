/* bounded_queue.h -- items from a store's thread to the loop thread, a few at most: whoever makes
 * them waits for whoever takes them (private to storage).
 */
#ifndef QUORUM_STORAGE_BOUNDED_QUEUE_H
#define QUORUM_STORAGE_BOUNDED_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* The first member of the owner's own struct. */
struct bounded_item {
    struct bounded_item *next;
};

struct bounded_queue;

struct bounded_queue *bounded_queue_create(uint32_t capacity);
/* The queue must be empty, and nobody waiting. NULL is allowed. */
void bounded_queue_destroy(struct bounded_queue *queue);

/* Appends, waiting for room unless the queue is interrupted. Returns whether the maker is to go on:
 * false while it is interrupted; the item is in the queue all the same. */
bool bounded_queue_put(struct bounded_queue *queue, struct bounded_item *item);

/* Takes the oldest; take waits for one, try_take returns NULL. */
struct bounded_item *bounded_queue_take(struct bounded_queue *queue);
struct bounded_item *bounded_queue_try_take(struct bounded_queue *queue);

/* From interrupt to resume, which are counted, putting neither waits nor wants to go on. */
void bounded_queue_interrupt(struct bounded_queue *queue);
void bounded_queue_resume(struct bounded_queue *queue);

#endif
