/* node_commands.c -- which function answers which node command. */
#include "replica/node_commands.h"

static node_command *const handlers[COMMAND_ID_COUNT] = {
    [COMMAND_AUTH] = node_auth,
    [COMMAND_DISCARD] = node_discard,
    [COMMAND_HELLO] = node_hello,
    [COMMAND_MULTI] = node_multi,
    [COMMAND_PING] = node_ping,
    [COMMAND_QUIT] = node_quit,
    [COMMAND_PSUBSCRIBE] = node_psubscribe,
    [COMMAND_PUBSUB_CHANNELS] = node_pubsub_channels,
    [COMMAND_PUBSUB_NUMPAT] = node_pubsub_numpat,
    [COMMAND_PUBSUB_NUMSUB] = node_pubsub_numsub,
    [COMMAND_PUBSUB_SHARDCHANNELS] = node_pubsub_shardchannels,
    [COMMAND_PUBSUB_SHARDNUMSUB] = node_pubsub_shardnumsub,
    [COMMAND_PUNSUBSCRIBE] = node_punsubscribe,
    [COMMAND_SSUBSCRIBE] = node_ssubscribe,
    [COMMAND_SUBSCRIBE] = node_subscribe,
    [COMMAND_SUNSUBSCRIBE] = node_sunsubscribe,
    [COMMAND_UNSUBSCRIBE] = node_unsubscribe,
    [COMMAND_READONLY] = node_readonly,
    [COMMAND_READWRITE] = node_readwrite,
    [COMMAND_RESET] = node_reset,
    [COMMAND_UNWATCH] = node_unwatch,
    [COMMAND_SELECT] = node_select,
    [COMMAND_BGSAVE] = node_bgsave,
    [COMMAND_CLIENT_GETNAME] = node_client_getname,
    [COMMAND_CLIENT_HELP] = node_client_help,
    [COMMAND_CLIENT_ID] = node_client_id,
    [COMMAND_CLIENT_INFO] = node_client_info,
    [COMMAND_CLIENT_KILL] = node_client_kill,
    [COMMAND_CLIENT_LIST] = node_client_list,
    [COMMAND_CLIENT_NO_EVICT] = node_client_no_evict,
    [COMMAND_CLIENT_PAUSE] = node_client_pause,
    [COMMAND_CLIENT_REPLY] = node_client_reply,
    [COMMAND_CLIENT_SETINFO] = node_client_setinfo,
    [COMMAND_CLIENT_SETNAME] = node_client_setname,
    [COMMAND_CLIENT_UNBLOCK] = node_client_unblock,
    [COMMAND_CLIENT_UNPAUSE] = node_client_unpause,
    [COMMAND_CONFIG_GET] = node_config_get,
    [COMMAND_CONFIG_HELP] = node_config_help,
    [COMMAND_CONFIG_RESETSTAT] = node_config_resetstat,
    [COMMAND_CONFIG_SET] = node_config_set,
    [COMMAND_DEBUG] = node_debug,
    [COMMAND_INFO] = node_info,
    [COMMAND_LASTSAVE] = node_lastsave,
    [COMMAND_MONITOR] = node_monitor,
    [COMMAND_QUORUM_ADD] = node_quorum_add,
    [COMMAND_QUORUM_ADDRESSES] = node_quorum_addresses,
    [COMMAND_QUORUM_BACKUP] = node_quorum_backup,
    [COMMAND_QUORUM_MEMBERS] = node_quorum_members,
    [COMMAND_QUORUM_PROMOTE] = node_quorum_promote,
    [COMMAND_QUORUM_REMOVE] = node_quorum_remove,
    [COMMAND_QUORUM_TRANSFER] = node_quorum_transfer,
    [COMMAND_ROLE] = node_role,
    [COMMAND_SAVE] = node_save,
    [COMMAND_SHUTDOWN] = node_shutdown,
    [COMMAND_LATENCY_DOCTOR] = node_latency_doctor,
    [COMMAND_LATENCY_GRAPH] = node_latency_graph,
    [COMMAND_LATENCY_HISTOGRAM] = node_latency_histogram,
    [COMMAND_LATENCY_HISTORY] = node_latency_history,
    [COMMAND_LATENCY_LATEST] = node_latency_latest,
    [COMMAND_LATENCY_RESET] = node_latency_reset,
    [COMMAND_SLOWLOG_GET] = node_slowlog_get,
    [COMMAND_SLOWLOG_LEN] = node_slowlog_len,
    [COMMAND_SLOWLOG_RESET] = node_slowlog_reset,
    [COMMAND_TIME] = node_time,
    [COMMAND_WAIT] = node_wait,
};

node_command *node_command_find(enum command_id id)
{
    return handlers[id];
}

enum execute_result node_wait_begin(struct session *session, uint64_t until_ms)
{
    if (!node_waits(session)) {
        session->wait_until_ms = until_ms;
        session->executor->waiting_count++;
    }
    return EXECUTE_STALLED;
}

void node_wait_end(struct session *session)
{
    if (node_waits(session)) {
        session->wait_until_ms = 0;
        session->executor->waiting_count--;
    }
}

bool node_waits(const struct session *session)
{
    return session->wait_until_ms != 0;
}

void node_refuse_subcommand(struct session *session, const char *container, struct slice subcommand)
{
    reply_error_format(&session->reply,
                       "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s "
                       "HELP.",
                       (int)(subcommand.size < 128 ? subcommand.size : 128),
                       (const char *)subcommand.bytes, container);
}

void node_reply_help(struct session *session, const char *command, const char *const *lines,
                     uint32_t lines_count)
{
    struct reply *reply = &session->reply;
    reply_array(reply, (uint64_t)lines_count + 3);
    struct buf header = {0};
    buf_append_format(&header,
                      "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", command);
    buf_append_byte(&header, '\0');
    reply_status(reply, (const char *)buf_slice(&header).bytes);
    buf_deinit(&header);
    for (uint32_t i = 0; i < lines_count; i++) {
        reply_status(reply, lines[i]);
    }
    reply_status(reply, "HELP");
    reply_status(reply, "    Print this help.");
}
