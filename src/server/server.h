/* server.h -- the whole node: everything is created in one order and taken down in reverse. */
#ifndef QUORUM_SERVER_SERVER_H
#define QUORUM_SERVER_SERVER_H

#include "server/config.h"

/*
 * Runs a node until it is told to stop (SIGTERM, SIGINT, SHUTDOWN). Returns the process's exit
 * code: 0 after an orderly stop, 1 when it could not start (the cause is logged).
 */
int server_run(struct config *config, const char *executable);

#endif
