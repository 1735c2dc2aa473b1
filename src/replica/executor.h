/* executor.h -- the one door: every command of every client enters here and nowhere else.
 *
 * The executor looks the command up, checks it, and sends it one of three ways: node commands are
 * answered at once; reads join the read round of this turn; writes join the batch of this turn.
 */
#ifndef QUORUM_REPLICA_EXECUTOR_H
#define QUORUM_REPLICA_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "replica/session.h"

enum execute_result {
    EXECUTE_TAKEN,   /* the reply is in the session's output or will be */
    EXECUTE_STALLED, /* not taken: offer the same command again when the session is touched */
};

/* Takes one command of at least one argument. Arguments are borrowed for the call only. */
enum execute_result executor_execute(struct executor *executor, struct session *session,
                                     const struct slice *arguments, uint32_t arguments_count);

/* Replies with a protocol error behind all earlier replies and marks the session as closing. */
void executor_protocol_error(struct executor *executor, struct session *session, const char *error);

/*
 * Takes the next session that needs the network's attention: it has new output, may execute again
 * after a stall, or is to be closed. NULL when there is none. Each touched session is returned once
 * until it is touched again.
 */
struct session *executor_next_touched(struct executor *executor);

/* RESP sessions open now. */
uint32_t executor_clients_count(const struct executor *executor);

/* The password of requirepass for the HTTP side to check; "" when none is set. Borrowed. */
const char *executor_password(const struct executor *executor);

/* Compares a presented password with requirepass in a time that does not tell where they differ;
 * true when none is set. */
bool executor_check_password(const struct executor *executor, struct slice presented);

#endif
