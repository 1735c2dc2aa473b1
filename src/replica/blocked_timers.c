/* blocked_timers.c -- the deadlines of waiting clients: a binary heap, the earliest one on top. */
#include "base/mem.h"
#include "replica/blocked_client.h"

enum { TIMERS_CAPACITY_MIN = 64 };

static void put(struct blocked *blocked, uint32_t position, struct blocked_client *client)
{
    blocked->timers[position] = client;
    client->timer_position = position;
}

static void rise(struct blocked *blocked, struct blocked_client *client)
{
    uint32_t at = client->timer_position;
    while (at > 0 && blocked->timers[(at - 1) / 2]->deadline_ms > client->deadline_ms) {
        put(blocked, at, blocked->timers[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(blocked, at, client);
}

static void sink(struct blocked *blocked, struct blocked_client *client)
{
    uint32_t at = client->timer_position;
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child + 1 < blocked->timers_count &&
            blocked->timers[child + 1]->deadline_ms < blocked->timers[child]->deadline_ms) {
            child++;
        }
        if (child >= blocked->timers_count ||
            blocked->timers[child]->deadline_ms >= client->deadline_ms) {
            break;
        }
        put(blocked, at, blocked->timers[child]);
        at = child;
    }
    put(blocked, at, client);
}

void blocked_timers_add(struct blocked *blocked, struct blocked_client *client)
{
    if (blocked->timers_count == blocked->timers_capacity) {
        uint32_t capacity = blocked->timers_capacity * 2;
        blocked->timers_capacity = capacity < TIMERS_CAPACITY_MIN ? TIMERS_CAPACITY_MIN : capacity;
        blocked->timers = mem_realloc((void *)blocked->timers,
                                      blocked->timers_capacity * sizeof(*blocked->timers));
    }
    put(blocked, blocked->timers_count++, client);
    rise(blocked, client);
}

void blocked_timers_remove(struct blocked *blocked, struct blocked_client *client)
{
    uint32_t at = client->timer_position;
    if (at == BLOCKED_NO_TIMER) {
        return;
    }
    client->timer_position = BLOCKED_NO_TIMER;
    struct blocked_client *last = blocked->timers[--blocked->timers_count];
    if (last != client) {
        put(blocked, at, last);
        rise(blocked, last);
        sink(blocked, last);
    }
}
