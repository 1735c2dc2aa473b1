/* server_host.c -- what the replica asks of the program: facts about the process, options. */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base/logger.h"
#include "base/version.h"
#include "server/server_internal.h"

static uint64_t host_monotonic_us(void *context)
{
    (void)context;
    return loop_monotonic_us();
}

static int64_t host_wall_us(void *context)
{
    (void)context;
    return loop_wall_us();
}

static uint64_t resident_bytes(void)
{
    unsigned long total = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &total, &resident) != 2) {
            resident = 0;
        }
        (void)fclose(file);
    }
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void fill_process(struct host_facts *facts)
{
    struct rusage usage;
    struct sysinfo machine;
    facts->memory_resident_bytes = resident_bytes();
    if (sysinfo(&machine) == 0) {
        facts->memory_system_bytes = (uint64_t)machine.totalram * machine.mem_unit;
    }
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        facts->cpu_user_seconds =
            (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
        facts->cpu_system_seconds =
            (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
    }
}

static void fill_network(struct server *server, struct host_facts *facts)
{
    struct resp_server_stats clients;
    resp_server_get_stats(server->resp, &clients);
    facts->connections_received = clients.connections_received;
    facts->connections_rejected = clients.connections_rejected;
    facts->net_input_bytes = clients.input_bytes;
    facts->net_output_bytes = clients.output_bytes;
    struct peer_net_stats peers;
    peer_net_get_stats(server->peers, &peers);
    facts->peer_input_bytes = peers.input_bytes;
    facts->peer_output_bytes = peers.output_bytes;
}

static void fill_storage(struct server *server, struct host_facts *facts)
{
    struct log_store_stats stats;
    log_store_get_stats(server->store, &stats);
    facts->storage_commits = stats.commits;
    facts->storage_units = stats.units;
    facts->storage_fsync_us_total = stats.fsync_microseconds;
    facts->storage_fsync_us_max = stats.fsync_microseconds_max;
    facts->storage_wal_bytes = stats.wal_bytes;
    facts->storage_database_bytes = stats.database_bytes;
    facts->storage_checkpoints = stats.checkpoints;
    facts->storage_waiting_us = stats.oldest_unit_us;
    facts->disk_free_bytes = server->disk_space.free_bytes;
    facts->disk_has_reserve = server->disk_space.has_reserve;
    facts->disk_is_low = server->disk_space.is_low;
}

static void host_get_facts(void *context, struct host_facts *facts)
{
    struct server *server = context;
    *facts = (struct host_facts){.version = QUORUM_VERSION,
                                 .os = server->os,
                                 .executable = server->executable,
                                 .config_file = server->config->file,
                                 .data_directory = server->config->data,
                                 .malloc_name = "libc",
                                 .run_id = server->run_id,
                                 .process_id = (uint32_t)getpid(),
                                 .redis_port = resp_server_port(server->resp),
                                 .http_port = http_server_port(server->http),
                                 .raft_port = peer_net_port(server->peers),
                                 .started_wall_ms = server->started_wall_ms,
                                 .uptime_ms = loop_monotonic_us() / 1000 - server->started_ms,
                                 .clients_max = server->config->maxclients};
    fill_process(facts);
    fill_network(server, facts);
    fill_storage(server, facts);
}

struct option_reply {
    struct reply *reply;
    uint64_t count;
};

static void reply_option(struct slice name, struct slice value, void *context)
{
    struct option_reply *options = context;
    reply_bulk(options->reply, name);
    reply_bulk(options->reply, value);
    options->count++;
}

static void host_config_get(void *context, const struct slice *patterns, uint32_t count,
                            struct reply *reply)
{
    struct server *server = context;
    struct option_reply options = {reply, 0};
    size_t begin = reply_deferred_begin(reply);
    config_get(server->config, patterns, count, reply_option, &options);
    reply_deferred_map(reply, begin, options.count);
}

/* Hands changed options to the parts that use them. */
static void apply_changes(struct server *server)
{
    const struct config *config = server->config;
    struct replica *replica = server->loop.replica;
    struct resp_server_options options = server_resp_options(server);
    resp_server_set_options(server->resp, &options);
    http_server_set_protected(server->http, config->protected_mode);
    replica_set_password(replica, config->requirepass);
    replica_set_request_timeout(replica, config->request_timeout_ms);
    replica_set_notify_classes(replica, config->notify_keyspace_events);
    replica_set_latency_threshold(replica, config->latency_threshold_ms);
    replica_set_slow_log(replica, config->slowlog_threshold_us, config->slowlog_entries_max);
    replica_set_bulk_bytes_max(replica, (uint32_t)config->proto_max_bulk_bytes);
    struct replica_snapshot_options snapshot = server_snapshot_options(config);
    replica_set_snapshot_options(replica, &snapshot);
    disk_reserve_set_free_bytes_min(server->reserve, config->disk_free_bytes_min);
    logger_set_level((enum logger_level)config->loglevel);
}

static void host_config_set(void *context, const struct slice *pairs, uint32_t pairs_count,
                            struct reply *reply)
{
    struct server *server = context;
    struct buf error = {0};
    if (config_set_pairs(server->config, pairs, pairs_count, &error) == RESULT_OK) {
        apply_changes(server);
        reply_ok(reply);
    } else {
        buf_append_byte(&error, '\0');
        reply_error(reply, (const char *)buf_slice(&error).bytes);
    }
    buf_deinit(&error);
}

static void host_config_resetstat(void *context)
{
    struct server *server = context;
    resp_server_reset_stats(server->resp);
}

static void host_sleep(void *context, uint64_t microseconds)
{
    (void)context;
    struct timespec left = {(time_t)(microseconds / 1000000),
                            (long)(microseconds % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
        continue;
    }
}

static void host_shutdown(void *context)
{
    server_begin_stop(context, "SHUTDOWN");
}

void server_host_init(struct server *server)
{
    server->host = (struct replica_host){.context = server,
                                         .monotonic_us = host_monotonic_us,
                                         .wall_us = host_wall_us,
                                         .get_facts = host_get_facts,
                                         .config_get = host_config_get,
                                         .config_set = host_config_set,
                                         .config_resetstat = host_config_resetstat,
                                         .sleep = host_sleep,
                                         .shutdown = host_shutdown};
}

struct resp_server_options server_resp_options(const struct server *server)
{
    const struct config *config = server->config;
    const struct config_output_limit *output = &config->output_limits[CONFIG_NORMAL];
    const struct config_output_limit *subscriber = &config->output_limits[CONFIG_PUBSUB];
    return (struct resp_server_options){
        .bind_addresses = (const char *const *)config->bind.items,
        .bind_addresses_count = config->bind.count,
        .port = config->redis,
        .backlog = config->tcp_backlog,
        .clients_max = config->maxclients,
        .bulk_bytes_max = (uint32_t)config->proto_max_bulk_bytes,
        .query_buffer_bytes_max = config->client_query_buffer_bytes,
        .output_bytes_hard = output->hard_bytes,
        .output_bytes_soft = output->soft_bytes,
        .output_soft_seconds = output->soft_seconds,
        .subscriber_bytes_hard = subscriber->hard_bytes,
        .subscriber_bytes_soft = subscriber->soft_bytes,
        .subscriber_soft_seconds = subscriber->soft_seconds,
        .idle_timeout_seconds = config->timeout_seconds,
        .keepalive_seconds = config->tcp_keepalive_seconds,
        .is_protected = config->protected_mode,
    };
}
