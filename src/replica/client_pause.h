/* client_pause.h -- CLIENT PAUSE: this node holds its clients' commands back (private to replica).
 *
 * WRITE holds back what may change data; ALL everything but what an operator needs to see what is
 * going on and to end it: commands of administrators (CLIENT UNPAUSE among them, which Redis holds
 * back, too), AUTH and HELLO. Other nodes' clients and the expiry of keys go on: they are the
 * cluster's.
 */
#ifndef QUORUM_REPLICA_CLIENT_PAUSE_H
#define QUORUM_REPLICA_CLIENT_PAUSE_H

#include "replica/executor_internal.h"

/* Whether the session's next command is to be held back; counts it as blocked if so. To be asked
 * whenever a command is offered. */
bool client_pause_holds(struct session *session, const struct command *command);

/* The session ends: it is not counted any more. */
void client_pause_forget(struct session *session);

/* Sessions that are held back now. */
uint32_t client_pause_count(const struct executor *executor);
/* Whether this one is. */
bool client_pause_is_holding(const struct session *session);

#endif
