/* monitor.h -- MONITOR: connections that are shown what this node executes (private to replica).
 *
 * A line leaves when a command of this node's clients has run: a read or a command about the node
 * when it is answered, a write when it is applied here; so the lines of one node are in the order
 * of execution, and another node's clients are not seen. Commands of administrators and QUIT are
 * not shown, passwords neither. As in Redis, a connection that monitors may not touch keys any
 * more.
 *
 * Nothing is kept: a line goes into the output of every monitor, and the network closes one that
 * does not read (client-output-buffer-limit). Source: https://redis.io/commands/monitor/
 */
#ifndef QUORUM_REPLICA_MONITOR_H
#define QUORUM_REPLICA_MONITOR_H

#include "replica/executor_internal.h"

/* Shows a command that session has sent and that ran. arguments are as it was sent; an EXEC's count
 * is 1. Costs nothing when nobody monitors. */
void monitor_show(const struct session *session, const struct command *command, uint32_t database,
                  const struct slice *arguments, uint32_t arguments_count);

/* Whether the session monitors and may therefore not run the command. */
bool monitor_refuses(const struct session *session, const struct command *command);
#define MONITOR_REFUSAL "ERR Replica can't interact with the keyspace"

/* Ends it, at RESET or the connection's end; no effect on other sessions. */
void monitor_end(struct session *session);

#endif
