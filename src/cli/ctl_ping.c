/* ctl_ping.c -- quorumctl ping: does the node answer, and with --ready, does it know a leader? */
#include <stdio.h>
#include <string.h>

#include "cli/ctl.h"

enum { ERROR_BYTES = 256 };

static enum ctl_exit fail(const struct ctl_target *target, const char *error)
{
    printf("%s:%d: %s\n", target->host, target->port, error);
    return CTL_NO;
}

static enum ctl_exit check_leader(const struct ctl_target *target, redisContext *context)
{
    char error[ERROR_BYTES];
    char leader[LIMIT_NODE_NAME_BYTES];
    redisReply *info = ctl_info(context, "raft", error, sizeof(error));
    if (info == NULL) {
        return fail(target, error);
    }
    (void)ctl_info_value(info->str, "raft_leader_id", leader, sizeof(leader));
    freeReplyObject(info);
    if (leader[0] == '\0') {
        return fail(target, "answers, but knows no leader");
    }
    printf("PONG, the leader is %s\n", leader);
    return CTL_OK;
}

enum ctl_exit ctl_ping(const struct ctl_target *target, bool must_be_ready)
{
    char error[ERROR_BYTES];
    redisContext *context = ctl_connect(target, error, sizeof(error));
    if (context == NULL) {
        return fail(target, error);
    }
    redisReply *reply = redisCommand(context, "PING");
    enum ctl_exit answer = CTL_NO;
    if (reply == NULL) {
        (void)fail(target, context->errstr);
    } else if (reply->type != REDIS_REPLY_STATUS || strcmp(reply->str, "PONG") != 0) {
        (void)fail(target, reply->str == NULL ? "unexpected answer" : reply->str);
    } else if (must_be_ready) {
        answer = check_leader(target, context);
    } else {
        puts("PONG");
        answer = CTL_OK;
    }
    freeReplyObject(reply);
    redisFree(context);
    return answer;
}
