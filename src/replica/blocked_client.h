/* blocked_client.h -- private to blocked*.c: one client that waits, and the heap of their
 * deadlines.
 */
#ifndef QUORUM_REPLICA_BLOCKED_CLIENT_H
#define QUORUM_REPLICA_BLOCKED_CLIENT_H

#include "command/command_wait.h"
#include "replica/blocked.h"

enum blocked_state { BLOCKED_TRYING, BLOCKED_PARKED, BLOCKED_TRYING_AGAIN };

/* What a client is answered if the try under way pops nothing. */
enum blocked_ending { BLOCKED_STAYS, BLOCKED_TIMED_OUT, BLOCKED_UNBLOCKED };

struct blocked_client {
    struct session *session;
    const struct command *command;
    const struct slice *arguments; /* in the same allocation */
    uint32_t arguments_count;
    size_t bytes;
    enum blocked_state state;
    enum blocked_ending ending;
    uint64_t since_ms;
    uint64_t deadline_ms;    /* UINT64_MAX: never */
    uint32_t timer_position; /* in the heap; UINT32_MAX: not in it */
    struct command_wait wait;
    struct blocked_place *places; /* NULL until it is parked */
    uint32_t places_count;
    struct blocked_key *tried; /* BLOCKED_TRYING_AGAIN */
};

#define BLOCKED_NO_TIMER UINT32_MAX

void blocked_timers_add(struct blocked *blocked, struct blocked_client *client);
/* No effect on a client that is not there. */
void blocked_timers_remove(struct blocked *blocked, struct blocked_client *client);

#endif
