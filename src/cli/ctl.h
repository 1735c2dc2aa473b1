/* ctl.h -- what quorumctl's commands share: whom to ask, and asking. */
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
    CTL_NO = 1,    /* asked, and the answer is no: unreachable, refused, no leader */
    CTL_USAGE = 2, /* not asked: the command line makes no sense */
};

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

/* Asks for a section of INFO. NULL on failure, with the cause in error. The caller frees with
 * freeReplyObject; the reply is a string. */
redisReply *ctl_info(redisContext *context, const char *section, char *error, size_t error_bytes);

/* Copies the value of a "key:value" line of INFO, cut at out_bytes; "" and false when there is no
 * such line. */
bool ctl_info_value(const char *info, const char *key, char *out, size_t out_bytes);

/* The commands. Each prints its answer on standard output. */
enum ctl_exit ctl_ping(const struct ctl_target *target, bool must_be_ready);
enum ctl_exit ctl_status(const struct ctl_target *targets, int targets_count);

#endif
