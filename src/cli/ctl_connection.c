/* ctl_connection.c -- quorumctl's side of a Redis connection, through hiredis. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ctl.h"

enum { TIMEOUT_SECONDS = 2 };

bool ctl_target_set_address(struct ctl_target *target, const char *address)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address) {
        return false;
    }
    char *end;
    long port = strtol(colon + 1, &end, 10);
    bool is_bracketed = address[0] == '[' && colon[-1] == ']';
    const char *host = is_bracketed ? address + 1 : address;
    size_t size = (size_t)(colon - host) - (is_bracketed ? 1 : 0);
    if (end == colon + 1 || *end != '\0' || port < 1 || port > 65535) {
        return false;
    }
    if (size == 0 || size >= sizeof(target->host)) {
        return false;
    }
    memcpy(target->host, host, size);
    target->host[size] = '\0';
    target->port = (int)port;
    return true;
}

static bool authenticate(redisContext *context, const char *password, char *error,
                         size_t error_bytes)
{
    redisReply *reply = redisCommand(context, "AUTH %s", password);
    bool is_done = reply != NULL && reply->type != REDIS_REPLY_ERROR;
    if (!is_done) {
        (void)snprintf(error, error_bytes, "%s", reply == NULL ? context->errstr : reply->str);
    }
    freeReplyObject(reply);
    return is_done;
}

redisContext *ctl_connect(const struct ctl_target *target, char *error, size_t error_bytes)
{
    struct timeval timeout = {TIMEOUT_SECONDS, 0};
    redisContext *context = redisConnectWithTimeout(target->host, target->port, timeout);
    if (context == NULL || context->err != 0) {
        (void)snprintf(error, error_bytes, "%s",
                       context == NULL ? "out of memory" : context->errstr);
        redisFree(context);
        return NULL;
    }
    (void)redisSetTimeout(context, timeout);
    if (target->password != NULL && !authenticate(context, target->password, error, error_bytes)) {
        redisFree(context);
        return NULL;
    }
    return context;
}

enum ctl_exit ctl_complain(const struct ctl_target *target, const char *error)
{
    bool is_refused = strncmp(error, "NOAUTH", 6) == 0 || strncmp(error, "WRONGPASS", 9) == 0;
    const char *remedy = is_refused ? "; the password is taken from -a, or from REDISCLI_AUTH or "
                                      "QUORUM_REQUIREPASS of the environment"
                                    : "";
    (void)fprintf(stderr, "quorumctl: %s:%d: %s%s\n", target->host, target->port, error, remedy);
    return CTL_NO;
}

redisReply *ctl_call(redisContext *context, int timeout_seconds, int argc, const char **argv,
                     char *error)
{
    struct timeval timeout = {timeout_seconds, 0};
    (void)redisSetTimeout(context, timeout);
    redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
    if (reply == NULL) {
        bool is_timeout = context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
        (void)snprintf(error, CTL_ERROR_BYTES, "%s",
                       is_timeout ? "no answer in time" : context->errstr);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        (void)snprintf(error, CTL_ERROR_BYTES, "%s", reply->str);
        freeReplyObject(reply);
        reply = NULL;
    }
    return reply;
}

bool ctl_confirm(const char *question, const char *word)
{
    char line[64];
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s", question);
    if (fgets(line, sizeof(line), stdin) == NULL) {
        (void)fputc('\n', stderr);
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return strcmp(line, word) == 0;
}
