/* node_server.c -- commands about the node: its options, role, time, replication. */
#include <stdio.h>
#include <string.h>

#include "base/logger.h"
#include "base/number.h"
#include "kv/value.h"
#include "replica/node_commands.h"
#include "replica/replica_internal.h"

static struct replica_host *host_of(struct session *session)
{
    return &session->executor->replica->host;
}

enum execute_result node_config_get(struct session *session, const struct slice *arguments,
                                    uint32_t arguments_count)
{
    struct replica_host *host = host_of(session);
    host->config_get(host->context, arguments + 2, arguments_count - 2, &session->reply);
    return EXECUTE_TAKEN;
}

enum execute_result node_config_set(struct session *session, const struct slice *arguments,
                                    uint32_t arguments_count)
{
    struct replica_host *host = host_of(session);
    if (arguments_count % 2 != 0) {
        reply_error(&session->reply, "ERR syntax error");
    } else {
        host->config_set(host->context, arguments + 2, (arguments_count - 2) / 2, &session->reply);
    }
    return EXECUTE_TAKEN;
}

enum execute_result node_config_resetstat(struct session *session, const struct slice *arguments,
                                          uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    struct executor *executor = session->executor;
    memset(executor->stats, 0, sizeof(executor->stats));
    memset(executor->histograms, 0, sizeof(executor->histograms));
    memset(executor->errors, 0, sizeof(executor->errors));
    executor->errors_count = 0;
    executor->error_replies = 0;
    executor->commands_processed = 0;
    keyspace_reset_stats(executor->replica->keyspace);
    executor->memory_peak_bytes = 0;
    struct replica_host *host = host_of(session);
    host->config_resetstat(host->context);
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}

enum execute_result node_config_help(struct session *session, const struct slice *arguments,
                                     uint32_t arguments_count)
{
    static const char *const lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    Give the options whose names match, and their values.",
        "RESETSTAT",
        "    Set the counters of INFO back to 0.",
        "SET <option> <value> [<option> <value> ...]",
        "    Change options, all of them or none.",
    };
    (void)arguments;
    (void)arguments_count;
    node_reply_help(session, "CONFIG", lines, sizeof(lines) / sizeof(lines[0]));
    return EXECUTE_TAKEN;
}

static void debug_sleep(struct session *session, struct slice seconds)
{
    double wanted;
    if (!number_parse_double(seconds, &wanted) || wanted < 0 || wanted > 3600) {
        reply_error(&session->reply, "ERR value is not a valid float");
        return;
    }
    struct replica_host *host = host_of(session);
    host->sleep(host->context, (uint64_t)(wanted * 1e6));
    reply_ok(&session->reply);
}

/* For tests of the divergence check: changes a key on this node alone, behind the log's back. */
static void debug_diverge(struct session *session, struct slice key)
{
    struct keyspace *keyspace = session->executor->replica->keyspace;
    struct value value = value_of_bytes(SLICE_LITERAL("diverged"));
    (void)keyspace_lookup_write(keyspace, session->database, key);
    keyspace_set(keyspace, session->database, key, &value, KEYSPACE_NEVER);
    reply_ok(&session->reply);
}

static void debug_help(struct session *session)
{
    static const char *const lines[] = {
        "DIGEST",
        "    Give a hash of the whole data set, the same on nodes with the same data.",
        "DIVERGE <key>",
        "    Damage this node: set a key on it alone. It stops when it finds out.",
        "LOG <message>",
        "    Write a message to this node's diagnostics.",
        "SLEEP <seconds>",
        "    Stop this node for so long, clients and heartbeats included.",
    };
    node_reply_help(session, "DEBUG", lines, sizeof(lines) / sizeof(lines[0]));
}

static bool is_debug_allowed(const struct session *session)
{
    switch (session->executor->debug_access) {
    case REPLICA_DEBUG_LOCAL:
        return strncmp(session->address, "127.", 4) == 0 ||
               strncmp(session->address, "[::1]", 5) == 0;
    case REPLICA_DEBUG_NO:
        return false;
    case REPLICA_DEBUG_YES:
        return true;
    }
    return false;
}

enum execute_result node_debug(struct session *session, const struct slice *arguments,
                               uint32_t arguments_count)
{
    if (!is_debug_allowed(session)) {
        reply_error(&session->reply,
                    "ERR DEBUG command not allowed. If the enable-debug-command option is set to "
                    "\"local\", you can run it from a local connection, otherwise you need to set "
                    "this option in the configuration file, and then restart the server.");
    } else if (arguments_count == 3 && slice_is_word(arguments[1], "sleep")) {
        debug_sleep(session, arguments[2]);
    } else if (arguments_count == 3 && slice_is_word(arguments[1], "log")) {
        logger_log(LOGGER_WARNING, "DEBUG LOG: %.*s",
                   (int)(arguments[2].size < 512 ? arguments[2].size : 512),
                   (const char *)arguments[2].bytes);
        reply_ok(&session->reply);
    } else if (arguments_count == 3 && slice_is_word(arguments[1], "diverge")) {
        debug_diverge(session, arguments[2]);
    } else if (arguments_count == 2 && slice_is_word(arguments[1], "digest")) {
        char digest[48];
        uint64_t hash = keyspace_content_hash(session->executor->replica->keyspace);
        /* Redis's digest has 40 digits; clients compare it as text. */
        (void)snprintf(digest, sizeof(digest), "%040llx", (unsigned long long)hash);
        reply_status(&session->reply, digest);
    } else if (arguments_count == 2 && slice_is_word(arguments[1], "help")) {
        debug_help(session);
    } else {
        node_refuse_subcommand(session, "DEBUG", arguments[1]);
    }
    return EXECUTE_TAKEN;
}

enum execute_result node_info(struct session *session, const struct slice *arguments,
                              uint32_t arguments_count)
{
    struct buf text = {0};
    info_write(session, arguments + 1, arguments_count - 1, &text);
    reply_verbatim(&session->reply, "txt", buf_slice(&text));
    buf_deinit(&text);
    return EXECUTE_TAKEN;
}

enum execute_result node_time(struct session *session, const struct slice *arguments,
                              uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    struct replica_host *host = host_of(session);
    int64_t now_us = host->wall_us(host->context);
    reply_array(&session->reply, 2);
    reply_bulk_integer(&session->reply, now_us / 1000000);
    reply_bulk_integer(&session->reply, now_us % 1000000);
    return EXECUTE_TAKEN;
}

enum execute_result node_shutdown(struct session *session, const struct slice *arguments,
                                  uint32_t arguments_count)
{
    uint32_t saves = 0;
    uint32_t aborts = 0;
    uint32_t others = 0;
    bool is_sound = true;
    for (uint32_t i = 1; i < arguments_count; i++) {
        if (slice_is_word(arguments[i], "save") || slice_is_word(arguments[i], "nosave")) {
            saves++;
        } else if (slice_is_word(arguments[i], "abort")) {
            aborts++;
        } else if (slice_is_word(arguments[i], "now") || slice_is_word(arguments[i], "force")) {
            others++;
        } else {
            is_sound = false;
        }
    }
    if (!is_sound || saves > 1 || (aborts > 0 && saves + others > 0)) {
        reply_error(&session->reply, "ERR syntax error");
        return EXECUTE_TAKEN;
    }
    if (aborts > 0) {
        reply_error(&session->reply, "ERR No shutdown in progress.");
        return EXECUTE_TAKEN;
    }
    struct replica_host *host = host_of(session);
    host->shutdown(host->context);
    session->is_closing = true;
    return EXECUTE_TAKEN;
}

/* host and port of a redis address, "" and 0 when it is not known. */
static int split_address(const char *address, char *host, size_t host_bytes)
{
    const char *colon = strrchr(address, ':');
    int64_t port = 0;
    host[0] = '\0';
    if (colon != NULL && number_parse_int64(slice_of_string(colon + 1), &port)) {
        (void)snprintf(host, host_bytes, "%.*s", (int)(colon - address), address);
    }
    return (int)port;
}

static void reply_leader_role(struct session *session)
{
    const struct replica *replica = session->executor->replica;
    struct raft_progress progress[LIMIT_MEMBERS];
    uint32_t count = replica_get_progress(replica, progress, LIMIT_MEMBERS);
    struct reply *reply = &session->reply;
    reply_array(reply, 3);
    reply_bulk_string(reply, "master");
    reply_integer(reply, (int64_t)replica->applied_index);
    reply_array(reply, count);
    for (uint32_t i = 0; i < count; i++) {
        char host[LIMIT_ADDRESS_BYTES];
        int port =
            split_address(replica_node_redis_address(replica, progress[i].id), host, sizeof(host));
        reply_array(reply, 3);
        reply_bulk_string(reply, host);
        reply_bulk_integer(reply, port);
        reply_bulk_integer(reply, (int64_t)progress[i].match_index);
    }
}

enum execute_result node_role(struct session *session, const struct slice *arguments,
                              uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    const struct replica *replica = session->executor->replica;
    if (replica->status.role == RAFT_LEADER) {
        reply_leader_role(session);
        return EXECUTE_TAKEN;
    }
    char host[LIMIT_ADDRESS_BYTES];
    uint64_t leader = replica->status.leader;
    int port = split_address(replica_node_redis_address(replica, leader), host, sizeof(host));
    reply_array(&session->reply, 5);
    reply_bulk_string(&session->reply, "slave");
    reply_bulk_string(&session->reply, host);
    reply_integer(&session->reply, port);
    reply_bulk_string(&session->reply, leader == RAFT_ID_NONE ? "connecting" : "connected");
    reply_integer(&session->reply, (int64_t)replica->applied_index);
    return EXECUTE_TAKEN;
}

/* How many other nodes are known to have the session's last write on disk. A follower knows only
 * what being answered proves: a majority has it. */
static int64_t acknowledged_by(const struct session *session)
{
    const struct replica *replica = session->executor->replica;
    if (replica->status.role != RAFT_LEADER) {
        const struct raft_configuration *configuration = replica_configuration(replica);
        uint32_t voters = 0;
        for (uint32_t i = 0; i < configuration->members_count; i++) {
            voters += configuration->members[i].role == RAFT_VOTER;
        }
        return voters / 2;
    }
    struct raft_progress progress[LIMIT_MEMBERS];
    uint32_t count = replica_get_progress(replica, progress, LIMIT_MEMBERS);
    int64_t acknowledged = 0;
    for (uint32_t i = 0; i < count; i++) {
        acknowledged += progress[i].match_index >= session->write_index;
    }
    return acknowledged;
}

static bool parse_wait(struct session *session, const struct slice *arguments, int64_t *wanted,
                       int64_t *timeout_ms)
{
    if (!number_parse_int64(arguments[1], wanted)) {
        reply_error(&session->reply, "ERR value is not an integer or out of range");
        return false;
    }
    if (!number_parse_int64(arguments[2], timeout_ms)) {
        reply_error(&session->reply, "ERR timeout is not an integer or out of range");
        return false;
    }
    if (*timeout_ms < 0) {
        reply_error(&session->reply, "ERR timeout is negative");
        return false;
    }
    return true;
}

/* Stalls the session until enough nodes have its last write, or the time is over; the network
 * offers the command again after every turn. */
enum execute_result node_wait(struct session *session, const struct slice *arguments,
                              uint32_t arguments_count)
{
    (void)arguments_count;
    int64_t wanted;
    int64_t timeout_ms;
    if (!parse_wait(session, arguments, &wanted, &timeout_ms)) {
        return EXECUTE_TAKEN;
    }
    uint64_t now_ms = executor_now_ms(session->executor);
    int64_t acknowledged = acknowledged_by(session);
    bool is_overdue = node_waits(session) && now_ms >= session->wait_until_ms;
    if (acknowledged < wanted && !is_overdue) {
        return node_wait_begin(session,
                               timeout_ms == 0 ? UINT64_MAX : now_ms + (uint64_t)timeout_ms);
    }
    node_wait_end(session);
    reply_integer(&session->reply, acknowledged);
    return EXECUTE_TAKEN;
}
