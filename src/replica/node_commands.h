/* node_commands.h -- private: the commands that this node answers by itself, by file. */
#ifndef QUORUM_REPLICA_NODE_COMMANDS_H
#define QUORUM_REPLICA_NODE_COMMANDS_H

#include "replica/executor_internal.h"

/* node_connection.c */
node_command node_auth, node_hello, node_ping, node_quit, node_readonly, node_readwrite, node_reset,
    node_select;

/* transaction.c */
node_command node_discard, node_multi, node_unwatch;

/* node_client.c */
node_command node_client_getname, node_client_help, node_client_id, node_client_no_evict,
    node_client_reply, node_client_setinfo, node_client_setname;

/* client_pause.c */
node_command node_client_pause, node_client_unpause;

/* monitor.c */
node_command node_monitor;

/* latency.c */
node_command node_latency_doctor, node_latency_graph, node_latency_histogram, node_latency_history,
    node_latency_latest, node_latency_reset;

/* slow_log.c */
node_command node_slowlog_get, node_slowlog_len, node_slowlog_reset;

/* node_pubsub.c */
node_command node_psubscribe, node_pubsub_channels, node_pubsub_numpat, node_pubsub_numsub,
    node_pubsub_shardchannels, node_pubsub_shardnumsub, node_punsubscribe, node_ssubscribe,
    node_subscribe, node_sunsubscribe, node_unsubscribe;

/* node_client_list.c */
node_command node_client_info, node_client_kill, node_client_list, node_client_unblock;

/* node_server.c */
node_command node_config_get, node_config_help, node_config_resetstat, node_config_set, node_debug,
    node_info, node_role, node_shutdown, node_time, node_wait;

/* node_snapshot.c */
node_command node_bgsave, node_lastsave, node_quorum_backup, node_save;

/* Stalls a session: its command is offered again after every turn, until it is taken. Returns
 * EXECUTE_STALLED. until_ms is the command's own affair; UINT64_MAX: for ever. */
enum execute_result node_wait_begin(struct session *session, uint64_t until_ms);
/* Before the command is answered; no effect on a session that does not wait. */
void node_wait_end(struct session *session);
/* Whether the command was offered before. */
bool node_waits(const struct session *session);

/* node_membership.c */
node_command node_quorum_add, node_quorum_addresses, node_quorum_members, node_quorum_promote,
    node_quorum_remove, node_quorum_transfer;

/* Replies that a container has no such subcommand, or not with so many arguments. */
void node_refuse_subcommand(struct session *session, const char *container,
                            struct slice subcommand);

/* Replies with the lines of a HELP subcommand, as Redis does: header and footer are added. */
void node_reply_help(struct session *session, const char *command, const char *const *lines,
                     uint32_t lines_count);

/* Sets a client's name. False, with an error replied, when it holds anything but printable ASCII
 * without spaces. */
bool node_set_name(struct session *session, struct slice name);

#endif
