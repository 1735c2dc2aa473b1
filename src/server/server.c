/* server.c -- a node from start to stop. */
#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/logger.h"
#include "base/node_id.h"
#include "base/version.h"
#include "server/diagnostics.h"
#include "server/server_internal.h"

enum {
    /* Descriptors besides clients': listeners, peers, files. Redis reserves 32. */
    DESCRIPTORS_RESERVED = 128,
    /* So long a node that starts waits for what the other voters remember of its disk. Those that
     * run dial it within some 100 ms of hearing from it; a leader that fails while one of three
     * has just started and another is down is replaced that much later at worst. */
    VOTE_GRACE_MS = 1000,
};

void server_fill_random(void *bytes, size_t size)
{
    /* Blocks only until the machine has gathered entropy once, early at boot. */
    ssize_t got = getrandom(bytes, size, 0);
    if (got != (ssize_t)size) {
        logger_log(LOGGER_ERROR, "getrandom failed: %s", strerror(errno));
        _Exit(1);
    }
}

/* Lifts the limit of open files for the clients that are allowed, and lowers the clients else. */
static void raise_descriptor_limit(struct config *config)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    rlim_t wanted =
        (rlim_t)config->maxclients + config->http_max_connections + DESCRIPTORS_RESERVED;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < wanted) {
        rlim_t others = (rlim_t)config->http_max_connections + DESCRIPTORS_RESERVED;
        rlim_t left = limit.rlim_cur > others + 32 ? limit.rlim_cur - others : 32;
        logger_log(LOGGER_WARNING,
                   "maxclients lowered from %u to %llu: this process may open %llu files (ulimit "
                   "-n)",
                   config->maxclients, (unsigned long long)left,
                   (unsigned long long)limit.rlim_cur);
        config->maxclients = (uint32_t)left;
    }
}

static void init_identity(struct server *server)
{
    const struct config *config = server->config;
    struct peer_node_info *info = &server->self_info;
    (void)snprintf(info->name, sizeof(info->name), "%s", config->id);
    (void)snprintf(info->raft_address, sizeof(info->raft_address), "%s", config->announce_raft);
    (void)snprintf(info->http_address, sizeof(info->http_address), "%s", config->announce_http);
    (void)snprintf(info->redis_address, sizeof(info->redis_address), "%s", config->announce_redis);
    (void)snprintf(info->version, sizeof(info->version), "%s", QUORUM_VERSION);
    server->self_id = node_id_of_name(config->id);
    uint8_t random[SERVER_RUN_ID_BYTES / 2];
    server_fill_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        (void)snprintf(server->run_id + 2 * i, 3, "%02x", random[i]);
    }
    struct utsname name;
    if (uname(&name) == 0) {
        (void)snprintf(server->os, sizeof(server->os), "%s %s %s", name.sysname, name.release,
                       name.machine);
    }
    server->started_ms = loop_monotonic_us() / 1000;
    server->started_wall_ms = loop_wall_us() / 1000;
}

static void log_line(const char *line, void *context)
{
    (void)context;
    logger_log(LOGGER_NOTICE, "option %s", line);
}

static bool open_peers(struct server *server)
{
    const struct config *config = server->config;
    struct peer_net_options options = {
        .bind_addresses = (const char *const *)config->raft_bind.items,
        .bind_addresses_count = config->raft_bind.count,
        .port = config->port,
        .self_id = server->self_id,
        /* Tells two runs of a node apart; the log's own incarnation is not open yet. */
        .incarnation = (uint64_t)server->started_wall_ms,
        .self = server->self_info,
        .is_joining = config->join[0] != '\0',
    };
    return peer_net_open(&server->loop, &options, &server->peers) == RESULT_OK;
}

static struct raft_start raft_start_of(const struct server *server, const struct server_data *data)
{
    const struct config *config = server->config;
    const struct log_recovery *log = &data->log;
    bool has_state = data->state.index > 0;
    struct raft_start start = {
        .id = server->self_id,
        .disk_id = log->disk_id,
        .timers = {config->election_timeout_ms_min, config->election_timeout_ms_max,
                   config->heartbeat_interval_ms},
        .hard_state = log->hard_state,
        .configuration = has_state ? data->state.configuration : log->bootstrap,
        .snapshot_index = log->base_index,
        .snapshot_term = log->base_term,
        .entries = log->entries,
        .entries_count = log->entries_count,
        /* What is in state.db was committed. */
        .commit_index =
            log->commit_index > data->state.index ? log->commit_index : data->state.index,
        .withhold_ms = VOTE_GRACE_MS,
    };
    server_fill_random(&start.seed, sizeof(start.seed));
    return start;
}

struct replica_snapshot_options server_snapshot_options(const struct config *config)
{
    return (struct replica_snapshot_options){.log_bytes = config->snapshot_log_bytes,
                                             .log_entries = config->snapshot_entries,
                                             .trailing_bytes = config->snapshot_trailing_bytes};
}

static bool create_replica(struct server *server, struct server_data *data)
{
    const struct config *config = server->config;
    struct replica_options options = {
        .raft = raft_start_of(server, data),
        .incarnation = data->log.incarnation,
        .request_timeout_ms = config->request_timeout_ms,
        .password = config->requirepass,
        .self = server->self_info,
        .host = &server->host,
        .restore = data->restore,
        .is_state_missing = data->is_state_missing,
        .snapshot = server_snapshot_options(config),
    };
    server_fill_random(options.new_cluster_id, sizeof(options.new_cluster_id));
    uint64_t now_ms = loop_monotonic_us() / 1000;
    enum result result =
        replica_create(&options, now_ms, loop_wall_us() / 1000, &server->loop.replica);
    if (result != RESULT_OK) {
        logger_log(LOGGER_ERROR, "cannot start from the data in '%s': %s", config->data,
                   result_text(result));
        return false;
    }
    data->restore = NULL; /* taken over */
    server->state_saved_index = data->state.index;
    replica_set_debug_access(server->loop.replica,
                             (enum replica_debug_access)config->enable_debug_command);
    replica_set_notify_classes(server->loop.replica, config->notify_keyspace_events);
    replica_set_latency_threshold(server->loop.replica, config->latency_threshold_ms);
    replica_set_slow_log(server->loop.replica, config->slowlog_threshold_us,
                         config->slowlog_entries_max);
    replica_set_bulk_bytes_max(server->loop.replica, (uint32_t)config->proto_max_bulk_bytes);
    server->loop.is_awake = true; /* replica_create began a turn */
    server->loop.woken_us = loop_monotonic_us();
    return true;
}

static bool open_clients(struct server *server)
{
    const struct config *config = server->config;
    struct resp_server_options resp = server_resp_options(server);
    struct http_server_options http = {
        .bind_addresses = resp.bind_addresses,
        .bind_addresses_count = resp.bind_addresses_count,
        .port = config->http,
        .connections_max = config->http_max_connections,
        .body_bytes_max = config->http_max_body_bytes,
        .header_bytes_max = 32 * 1024,
        .timeout_seconds = config->http_timeout_seconds,
        .is_protected = config->protected_mode,
    };
    return resp_server_open(&server->loop, &resp, &server->resp) == RESULT_OK &&
           http_server_open(&server->loop, &http, &server->http) == RESULT_OK;
}

/* What the operator asked for at a start that has its own answer on disk. */
static void greet_members(const struct server *server, const struct server_data *data)
{
    const struct config *config = server->config;
    const struct raft_member *members[LIMIT_MEMBERS];
    uint32_t members_count = replica_members_by_name(server->loop.replica, members);
    for (uint32_t i = 0; i < members_count; i++) {
        const struct raft_member *member = members[i];
        logger_log(LOGGER_NOTICE, "member %s at %s%s", member->name, member->raft_address,
                   member->id == server->self_id ? " (this node)" : "");
    }
    bool is_member = false;
    for (uint32_t i = 0; i < members_count; i++) {
        is_member |= members[i]->id == server->self_id;
    }
    if (members_count > 0 && !is_member) {
        logger_log(LOGGER_WARNING, "by its log this node is no member of its cluster any more; to "
                                   "be added again it needs an empty data directory");
    }
    bool is_told = config->peers.count > 0 || config->join[0] != '\0';
    if (!data->log.created && is_told && members_count > 0) {
        logger_log(LOGGER_NOTICE, "the data directory is not new: its members count, --%s does not",
                   config->join[0] != '\0' ? "join" : "peers");
    }
    if (members_count == 0 && config->join[0] == '\0') {
        logger_log(LOGGER_WARNING, "this node has not been added to a cluster yet, and --join does "
                                   "not say where to ask: it waits for someone to add it");
    }
}

static void greet(const struct server *server, const struct server_data *data)
{
    greet_members(server, data);
    logger_log(LOGGER_NOTICE,
               "ready in %llu ms: redis on port %u, http on port %u, raft on port %u",
               (unsigned long long)(loop_monotonic_us() / 1000 - server->started_ms),
               resp_server_port(server->resp), http_server_port(server->http),
               peer_net_port(server->peers));
}

/* Everything in order; false leaves what was opened to be closed. */
static bool start(struct server *server, struct server_data *data)
{
    const struct config *config = server->config;
    if (data_dir_lock(config->data, &server->lock) != RESULT_OK) {
        return false;
    }
    server->loop.base = event_base_new();
    if (server->loop.base == NULL) {
        logger_log(LOGGER_ERROR, "cannot create the event loop");
        return false;
    }
    server_host_init(server);
    if (!open_peers(server) || !server_data_open(server, data) || !server_state_open(server) ||
        !create_replica(server, data) || !open_clients(server) || !server_loop_open(server)) {
        return false;
    }
    server_sync_peers(server);
    server_disk_watch_room(server);
    greet(server, data);
    return true;
}

static void stop(struct server *server)
{
    server_loop_close(server);
    if (server->resp != NULL) {
        resp_server_close(server->resp);
    }
    if (server->http != NULL) {
        http_server_close(server->http);
    }
    server_state_close(server);
    server_data_close(server);
    if (server->peers != NULL) {
        peer_net_close(server->peers);
    }
    if (server->loop.replica != NULL) {
        replica_destroy(server->loop.replica);
    }
    if (server->loop.base != NULL) {
        event_base_free(server->loop.base);
    }
    data_dir_unlock(&server->lock);
}

int server_run(struct config *config, const char *executable)
{
    struct server server = {.config = config, .executable = executable, .lock = {-1}};
    if (diagnostics_open(config->logfile, (enum logger_level)config->loglevel) != RESULT_OK) {
        return 1;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    init_identity(&server);
    logger_log(LOGGER_NOTICE, "Quorum %s, node %s, data in %s, process %d", QUORUM_VERSION,
               config->id, config->data, (int)getpid());
    config_describe_sources(config, log_line, NULL);
    raise_descriptor_limit(config);
    struct server_data data = {.restore = NULL};
    bool is_started = start(&server, &data);
    server_data_deinit(&data);
    if (is_started) {
        server_loop_run(&server);
    }
    stop(&server);
    if (is_started) {
        logger_log(LOGGER_NOTICE, "stopped in order");
    }
    diagnostics_close();
    return is_started ? 0 : 1;
}
