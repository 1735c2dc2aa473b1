/* ctl.h -- what quorumctl's commands share: exit codes, whom to ask, and asking. */
#ifndef QUORUM_CLI_CTL_H
#define QUORUM_CLI_CTL_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"
#include "base/result.h"

/* What quorumctl exits with. */
enum ctl_exit {
    CTL_OK = 0,
    CTL_NO = 1,     /* asked, and the answer is no: unreachable, refused, no leader, damaged */
    CTL_USAGE = 2,  /* not asked: the command line makes no sense */
    CTL_LOCKED = 3, /* a node runs on the data directory */
    CTL_FAILED = 4, /* could not be found out or done: a file cannot be read or written */
};

/* Room for the cause of a failure, with its NUL. */
enum { CTL_ERROR_BYTES = 256 };

/* A node as the command line names it. Strings are borrowed from it. */
struct ctl_target {
    char host[LIMIT_ADDRESS_BYTES];
    int port;
    const char *password; /* NULL: none */
};

/* Reads "host:port" or "[v6]:port" into target's host and port; false when it is neither. */
bool ctl_target_set_address(struct ctl_target *target, const char *address);

/* Connects within two seconds and gives the password if there is one. NULL when that fails, with
 * the cause in error (error_bytes, NUL-terminated). The caller frees with redisFree. */
redisContext *ctl_connect(const struct ctl_target *target, char *error, size_t error_bytes);

/* Says on standard error that the node answers with an error or not at all, and what may help. */
enum ctl_exit ctl_complain(const struct ctl_target *target, const char *error);

/* Sends a command of argc arguments and waits up to timeout_seconds. NULL when there is no answer,
 * or when it is an error, with the cause in error (CTL_ERROR_BYTES). The caller frees with
 * freeReplyObject. */
redisReply *ctl_call(redisContext *context, int timeout_seconds, int argc, const char **argv,
                     char *error);

/* Prints a question on standard error and reads a line from standard input: whether it is word. */
bool ctl_confirm(const char *question, const char *word);

#endif
