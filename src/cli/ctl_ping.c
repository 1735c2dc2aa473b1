/* ctl_ping.c -- quorumctl ping: does the node answer, and with --ready, does it know a leader? */
#include <stdio.h>
#include <string.h>

#include "cli/ctl_commands.h"
#include "cli/ctl_info.h"

enum { ANSWER_SECONDS = 2 };

static enum ctl_exit check_leader(const struct ctl_target *target, redisContext *context)
{
    static const char *arguments[] = {"INFO", "raft"};
    char error[CTL_ERROR_BYTES];
    char leader[LIMIT_NODE_NAME_BYTES] = "";
    redisReply *info = ctl_call(context, ANSWER_SECONDS, 2, arguments, error);
    if (info == NULL) {
        return ctl_complain(target, error);
    }
    if (info->type == REDIS_REPLY_STRING) {
        (void)ctl_info_value(info->str, "raft_leader_id", leader, sizeof(leader));
    }
    freeReplyObject(info);
    if (leader[0] == '\0') {
        return ctl_complain(target, "answers, but knows no leader");
    }
    printf("PONG, the leader is %s\n", leader);
    return CTL_OK;
}

static enum ctl_exit ping(const struct ctl_target *target, redisContext *context,
                          bool must_be_ready)
{
    static const char *arguments[] = {"PING"};
    char error[CTL_ERROR_BYTES];
    redisReply *reply = ctl_call(context, ANSWER_SECONDS, 1, arguments, error);
    if (reply == NULL) {
        return ctl_complain(target, error);
    }
    bool is_pong = reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "PONG") == 0;
    freeReplyObject(reply);
    if (!is_pong) {
        return ctl_complain(target, "answers PING as no server of this kind does");
    }
    if (must_be_ready) {
        return check_leader(target, context);
    }
    puts("PONG");
    return CTL_OK;
}

static enum ctl_exit run(const struct ctl_options *options)
{
    char error[CTL_ERROR_BYTES];
    redisContext *context = ctl_connect(&options->target, error, sizeof(error));
    if (context == NULL) {
        return ctl_complain(&options->target, error);
    }
    enum ctl_exit answer =
        ping(&options->target, context, ctl_options_has(options, CTL_OPTION_READY));
    redisFree(context);
    return answer;
}

const struct ctl_command ctl_command_ping = {
    .name = "ping",
    .summary = "does the node answer; with --ready, does it know a leader",
    .usage = "[-h HOST] [-p PORT] [-a PASSWORD] [--ready]",
    .help =
        "Exits 0 when the node answers PONG; with --ready, when it knows a leader too, so that\n"
        "reads and writes will work on it.\n",
    .exits = "0 yes; 1 no, or not reachable; 2 the command line makes no sense.",
    .options = CTL_OPTIONS_NODE | CTL_BIT(CTL_OPTION_READY),
    .run = run,
};
