/* ctl_connection.c -- quorumctl's side of a Redis connection, through hiredis. */
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

redisReply *ctl_info(redisContext *context, const char *section, char *error, size_t error_bytes)
{
    redisReply *reply = redisCommand(context, "INFO %s", section);
    if (reply != NULL && reply->type == REDIS_REPLY_STRING) {
        return reply;
    }
    if (reply == NULL) {
        (void)snprintf(error, error_bytes, "%s", context->errstr);
    } else {
        bool is_error = reply->type == REDIS_REPLY_ERROR;
        (void)snprintf(error, error_bytes, "%s", is_error ? reply->str : "unexpected answer");
    }
    freeReplyObject(reply);
    return NULL;
}

bool ctl_info_value(const char *info, const char *key, char *out, size_t out_bytes)
{
    size_t key_size = strlen(key);
    out[0] = '\0';
    for (const char *line = info; *line != '\0'; line += strspn(line, "\r\n")) {
        size_t size = strcspn(line, "\r\n");
        if (size > key_size && strncmp(line, key, key_size) == 0 && line[key_size] == ':') {
            (void)snprintf(out, out_bytes, "%.*s", (int)(size - key_size - 1), line + key_size + 1);
            return true;
        }
        line += size;
    }
    return false;
}
