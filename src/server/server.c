/* server.c -- a node from start to stop. */
#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
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
};

static void fill_random(void *bytes, size_t size)
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
    fill_random(random, sizeof(random));
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

static bool has_raft_db(const struct config *config)
{
    char path[4096];
    struct stat unused;
    (void)snprintf(path, sizeof(path), "%s/raft.db", config->data);
    return stat(path, &unused) == 0;
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
    };
    return peer_net_open(&server->loop, &options, &server->peers) == RESULT_OK;
}

static bool open_store(struct server *server, bool is_new, struct log_recovery *recovery)
{
    const struct config *config = server->config;
    struct log_store_options options = {.directory = config->data,
                                        .node_name = config->id,
                                        .node_id = server->self_id,
                                        .bootstrap = is_new ? &server->bootstrap : NULL,
                                        .wal_bytes_max = (uint32_t)config->wal_max_bytes};
    return log_store_open(&options, recovery, &server->store) == RESULT_OK;
}

static bool create_replica(struct server *server, const struct log_recovery *recovery)
{
    const struct config *config = server->config;
    struct replica_options options = {
        .raft = {.id = server->self_id,
                 .timers = {config->election_timeout_ms_min, config->election_timeout_ms_max,
                            config->heartbeat_interval_ms},
                 .hard_state = recovery->hard_state,
                 .configuration = recovery->bootstrap,
                 .entries = recovery->entries,
                 .entries_count = recovery->entries_count,
                 .commit_index = recovery->commit_index},
        .incarnation = recovery->incarnation,
        .request_timeout_ms = config->request_timeout_ms,
        .password = config->requirepass,
        .self = server->self_info,
        .host = &server->host,
    };
    fill_random(&options.raft.seed, sizeof(options.raft.seed));
    fill_random(options.new_cluster_id, sizeof(options.new_cluster_id));
    uint64_t now_ms = loop_monotonic_us() / 1000;
    enum result result =
        replica_create(&options, now_ms, loop_wall_us() / 1000, &server->loop.replica);
    if (result != RESULT_OK) {
        logger_log(LOGGER_ERROR, "cannot start from the log in '%s': %s", config->data,
                   result_text(result));
        return false;
    }
    replica_set_debug_access(server->loop.replica,
                             (enum replica_debug_access)config->enable_debug_command);
    replica_set_bulk_bytes_max(server->loop.replica, (uint32_t)config->proto_max_bulk_bytes);
    server->loop.is_awake = true; /* replica_create began a turn */
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

static void greet(const struct server *server, const struct log_recovery *recovery)
{
    const struct raft_member *members[LIMIT_MEMBERS];
    uint32_t members_count = replica_members_by_name(server->loop.replica, members);
    logger_log(LOGGER_NOTICE, "log: %llu entries, term %llu, known committed up to %llu%s",
               (unsigned long long)recovery->entries_count,
               (unsigned long long)recovery->hard_state.term,
               (unsigned long long)recovery->commit_index, recovery->created ? " (new)" : "");
    for (uint32_t i = 0; i < members_count; i++) {
        const struct raft_member *member = members[i];
        logger_log(LOGGER_NOTICE, "member %s at %s%s", member->name, member->raft_address,
                   member->id == server->self_id ? " (this node)" : "");
    }
    if (!recovery->created && server->config->peers.count > 0) {
        logger_log(LOGGER_NOTICE, "the data directory is not new: its members count, --peers does "
                                  "not");
    }
    logger_log(LOGGER_NOTICE,
               "ready in %llu ms: redis on port %u, http on port %u, raft on port %u",
               (unsigned long long)(loop_monotonic_us() / 1000 - server->started_ms),
               resp_server_port(server->resp), http_server_port(server->http),
               peer_net_port(server->peers));
}

/* Everything in order; false leaves what was opened to be closed. */
static bool start(struct server *server)
{
    const struct config *config = server->config;
    struct log_recovery recovery = {0};
    if (data_dir_lock(config->data, &server->lock) != RESULT_OK) {
        return false;
    }
    server->loop.base = event_base_new();
    if (server->loop.base == NULL) {
        logger_log(LOGGER_ERROR, "cannot create the event loop");
        return false;
    }
    server_host_init(server);
    bool is_new = !has_raft_db(config);
    if (!open_peers(server) || !server_bootstrap(server, is_new) ||
        !open_store(server, is_new, &recovery)) {
        return false;
    }
    bool is_started =
        create_replica(server, &recovery) && open_clients(server) && server_loop_open(server);
    if (is_started) {
        server_sync_peers(server);
        greet(server, &recovery);
    }
    log_recovery_deinit(&recovery);
    return is_started;
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
    if (server->store != NULL) {
        log_store_close(server->store);
    }
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
    bool is_started = start(&server);
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
