/* info.c -- the text of INFO: Redis 7.0's sections and field names, and "# Raft" of ours.
 *
 * Fields that tools read are all here with their true values; a field that has no meaning in
 * Quorum is left out rather than invented, unless clients insist on it being there.
 */
#include <stdio.h>

#include "base/version.h"
#include "replica/client_pause.h"
#include "replica/node_commands.h"
#include "replica/replica_internal.h"

struct info {
    struct buf *out;
    struct replica *replica;
    struct executor *executor;
    const struct host_facts *facts;
    bool is_first;
};

typedef unsigned long long u64; /* what %llu takes */

#define LINE(...) buf_append_format(info->out, __VA_ARGS__)

static void human(char *text, size_t size, uint64_t bytes)
{
    static const char units[] = "BKMGT";
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 1024 && unit + 1 < sizeof(units) - 1) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(text, size, unit == 0 ? "%.0f%c" : "%.2f%c", value, units[unit]);
}

static void server(struct info *info)
{
    const struct host_facts *facts = info->facts;
    LINE("redis_version:%s\r\nredis_mode:standalone\r\nquorum_version:%s\r\n", QUORUM_REDIS_VERSION,
         facts->version);
    LINE("redis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:0\r\n");
    LINE("os:%s\r\narch_bits:%zu\r\nmultiplexing_api:libevent\r\n", facts->os, sizeof(void *) * 8);
    LINE("process_id:%u\r\nrun_id:%s\r\ntcp_port:%u\r\n", facts->process_id, facts->run_id,
         facts->redis_port);
    LINE("http_port:%u\r\nraft_port:%u\r\n", facts->http_port, facts->raft_port);
    LINE("server_time_usec:%lld\r\n",
         (long long)info->replica->host.wall_us(info->replica->host.context));
    LINE("uptime_in_seconds:%llu\r\nuptime_in_days:%llu\r\n", (u64)facts->uptime_ms / 1000,
         (u64)facts->uptime_ms / 86400000);
    LINE("hz:10\r\nexecutable:%s\r\nconfig_file:%s\r\n", facts->executable, facts->config_file);
}

static void clients(struct info *info)
{
    LINE("connected_clients:%u\r\ncluster_connections:%u\r\nmaxclients:%u\r\n",
         info->executor->clients_count, info->replica->peers_count, info->facts->clients_max);
    LINE("blocked_clients:%u\r\ntracking_clients:0\r\nclients_in_timeout_table:%u\r\n",
         info->executor->waiting_count + info->executor->blocked.clients_count +
             client_pause_count(info->executor),
         info->executor->blocked.timers_count);
}

/* used_memory is what the keyspace takes, which is kept up to date: asking the allocator would mean
 * a walk over all that is free, 0.1 s after a million small values went. */
static void memory(struct info *info)
{
    const struct host_facts *facts = info->facts;
    struct keyspace_stats stats;
    keyspace_get_stats(info->replica->keyspace, &stats);
    uint64_t *peak_bytes = &info->executor->memory_peak_bytes;
    *peak_bytes = stats.memory_bytes > *peak_bytes ? stats.memory_bytes : *peak_bytes;
    char text[32];
    human(text, sizeof(text), stats.memory_bytes);
    LINE("used_memory:%llu\r\nused_memory_human:%s\r\n", (u64)stats.memory_bytes, text);
    human(text, sizeof(text), facts->memory_resident_bytes);
    LINE("used_memory_rss:%llu\r\nused_memory_rss_human:%s\r\n", (u64)facts->memory_resident_bytes,
         text);
    human(text, sizeof(text), *peak_bytes);
    LINE("used_memory_peak:%llu\r\nused_memory_peak_human:%s\r\n", (u64)*peak_bytes, text);
    LINE("used_memory_dataset:%llu\r\n", (u64)stats.memory_bytes);
    human(text, sizeof(text), facts->memory_system_bytes);
    LINE("total_system_memory:%llu\r\ntotal_system_memory_human:%s\r\n",
         (u64)facts->memory_system_bytes, text);
    LINE(
        "used_memory_lua:0\r\nnumber_of_cached_scripts:0\r\nmaxmemory:0\r\nmaxmemory_human:0B\r\n");
    double used = stats.memory_bytes == 0 ? 1 : (double)stats.memory_bytes;
    LINE("maxmemory_policy:noeviction\r\nmem_fragmentation_ratio:%.2f\r\n",
         (double)facts->memory_resident_bytes / used);
    LINE("mem_allocator:%s\r\nlazyfree_pending_objects:0\r\nlazyfreed_objects:0\r\n",
         facts->malloc_name);
}

static void snapshots(struct info *info)
{
    const struct replica *replica = info->replica;
    const struct snapshot_save *save = &replica->save;
    bool is_running = save_is_running(save);
    int64_t running_ms = save->phase == SAVE_IDLE ? 0 : (int64_t)(replica->now_ms - save->begun_ms);
    LINE("rdb_bgsave_in_progress:%d\r\nrdb_last_save_time:%lld\r\nrdb_last_bgsave_status:%s\r\n",
         is_running, (long long)(save->saved_wall_ms / 1000), save->has_failed ? "err" : "ok");
    LINE("rdb_last_bgsave_time_sec:%lld\r\nrdb_current_bgsave_time_sec:%lld\r\nrdb_saves:%llu\r\n",
         (long long)(save->took_ms < 0 ? -1 : save->took_ms / 1000),
         (long long)(is_running ? running_ms / 1000 : -1), (u64)save->saves);
    LINE("snapshot_index:%llu\r\nsnapshot_term:%llu\r\nsnapshot_failures:%llu\r\n",
         (u64)save->index, (u64)save->term, (u64)save->failures);
    LINE("snapshot_log_bytes:%llu\r\nsnapshot_log_entries:%llu\r\n",
         (u64)(save->log_bytes - save->saved_log_bytes),
         (u64)(replica->applied_index - save->index));
    LINE("snapshot_memory_bytes:%llu\r\n", (u64)keyspace_snapshot_memory(replica->keyspace));
    LINE("snapshots_installed:%llu\r\nsnapshot_receivers:%u\r\n", (u64)replica->receive.installs,
         replica->send.receivers_count);
}

static void persistence(struct info *info)
{
    const struct host_facts *facts = info->facts;
    struct keyspace_stats stats;
    keyspace_get_stats(info->replica->keyspace, &stats);
    LINE("loading:0\r\nasync_loading:0\r\nrdb_changes_since_last_save:%llu\r\n",
         (u64)(stats.mutations - info->replica->save.saved_mutations));
    snapshots(info);
    LINE("aof_enabled:0\r\naof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n");
    LINE("aof_last_rewrite_time_sec:-1\r\naof_current_rewrite_time_sec:-1\r\n");
    LINE("aof_last_bgrewrite_status:ok\r\naof_last_write_status:ok\r\n");
    LINE("raft_db_bytes:%llu\r\nraft_db_wal_bytes:%llu\r\nraft_db_commits:%llu\r\n",
         (u64)facts->storage_database_bytes, (u64)facts->storage_wal_bytes,
         (u64)facts->storage_commits);
    LINE("raft_db_units:%llu\r\nraft_db_checkpoints:%llu\r\n", (u64)facts->storage_units,
         (u64)facts->storage_checkpoints);
    LINE("raft_db_fsync_usec:%llu\r\nraft_db_fsync_usec_max:%llu\r\n",
         (u64)facts->storage_fsync_us_total, (u64)facts->storage_fsync_us_max);
    LINE("raft_db_waiting_usec:%llu\r\n", (u64)facts->storage_waiting_us);
    LINE("disk_free_bytes:%llu\r\ndisk_is_low:%d\r\ndisk_has_reserve:%d\r\n",
         (u64)facts->disk_free_bytes, facts->disk_is_low, facts->disk_has_reserve);
}

/* Kilobytes a second of clients' traffic, over the time since INFO was last asked for (at least a
 * second ago). */
static void sample_traffic(struct info *info)
{
    struct traffic_sample *sample = &info->executor->traffic;
    uint64_t elapsed_ms = info->replica->now_ms - sample->sampled_ms;
    if (elapsed_ms < 1000) {
        return;
    }
    uint64_t input = info->facts->net_input_bytes;
    uint64_t output = info->facts->net_output_bytes;
    /* RESETSTAT sets the counters back. */
    double input_bytes = input < sample->input_bytes ? 0 : (double)(input - sample->input_bytes);
    double output_bytes =
        output < sample->output_bytes ? 0 : (double)(output - sample->output_bytes);
    sample->input_kbps = input_bytes * 1000 / 1024 / (double)elapsed_ms;
    sample->output_kbps = output_bytes * 1000 / 1024 / (double)elapsed_ms;
    sample->sampled_ms = info->replica->now_ms;
    sample->input_bytes = input;
    sample->output_bytes = output;
}

static void stats_section(struct info *info)
{
    sample_traffic(info);
    const struct host_facts *facts = info->facts;
    struct keyspace_stats stats;
    keyspace_get_stats(info->replica->keyspace, &stats);
    LINE("total_connections_received:%llu\r\ntotal_commands_processed:%llu\r\n",
         (u64)facts->connections_received, (u64)info->executor->commands_processed);
    LINE("instantaneous_ops_per_sec:%llu\r\n", (u64)info->executor->operations_per_second);
    LINE("total_net_input_bytes:%llu\r\ntotal_net_output_bytes:%llu\r\n",
         (u64)facts->net_input_bytes, (u64)facts->net_output_bytes);
    LINE("total_net_repl_input_bytes:%llu\r\ntotal_net_repl_output_bytes:%llu\r\n",
         (u64)facts->peer_input_bytes, (u64)facts->peer_output_bytes);
    LINE("instantaneous_input_kbps:%.2f\r\ninstantaneous_output_kbps:%.2f\r\n",
         info->executor->traffic.input_kbps, info->executor->traffic.output_kbps);
    LINE("rejected_connections:%llu\r\nsync_full:0\r\nsync_partial_ok:0\r\nsync_partial_err:0\r\n",
         (u64)facts->connections_rejected);
    LINE("expired_keys:%llu\r\nevicted_keys:0\r\nevicted_clients:0\r\n", (u64)stats.expired_keys);
    LINE("keyspace_hits:%llu\r\nkeyspace_misses:%llu\r\n", (u64)stats.hits, (u64)stats.misses);
    const struct pubsub_topics *topics = info->executor->pubsub.kinds;
    LINE("pubsub_channels:%u\r\npubsub_patterns:%u\r\npubsubshard_channels:%u\r\n",
         topics[PUBSUB_CHANNEL].count, topics[PUBSUB_PATTERN].count, topics[PUBSUB_SHARD].count);
    LINE("latest_fork_usec:0\r\ntotal_forks:0\r\nmigrate_cached_sockets:0\r\n");
    const struct latency *latency = &info->executor->latency;
    LINE("loop_turns:%llu\r\nloop_turns_over_5ms:%llu\r\nloop_turn_longest_us:%llu\r\n",
         (u64)latency->turns, (u64)latency->turns_over_5ms, (u64)latency->longest_turn_us);
    LINE("tracking_total_keys:0\r\ntracking_total_items:0\r\ntracking_total_prefixes:0\r\n");
    LINE("total_error_replies:%llu\r\n", (u64)info->executor->error_replies);
}

static void replication(struct info *info)
{
    struct replica *replica = info->replica;
    struct raft_progress progress[LIMIT_MEMBERS];
    uint32_t count = replica_get_progress(replica, progress, LIMIT_MEMBERS);
    if (replica->status.role == RAFT_LEADER) {
        LINE("role:master\r\nconnected_slaves:%u\r\n", count);
        for (uint32_t i = 0; i < count; i++) {
            const char *redis = replica_node_redis_address(replica, progress[i].id);
            const char *colon = strrchr(redis, ':');
            LINE("slave%u:ip=%.*s,port=%s,state=%s,offset=%llu,lag=%llu\r\n", i,
                 colon == NULL ? 0 : (int)(colon - redis), redis, colon == NULL ? "0" : colon + 1,
                 progress[i].recently_active ? "online" : "unreachable",
                 (u64)progress[i].match_index,
                 (u64)((replica->now_ms - progress[i].last_contact_ms) / 1000));
        }
    } else {
        const char *redis = replica_node_redis_address(replica, replica->status.leader);
        const char *colon = strrchr(redis, ':');
        LINE("role:slave\r\nmaster_host:%.*s\r\nmaster_port:%s\r\n",
             colon == NULL ? 0 : (int)(colon - redis), redis, colon == NULL ? "0" : colon + 1);
        LINE("master_link_status:%s\r\nmaster_sync_in_progress:0\r\n",
             replica->status.leader == RAFT_ID_NONE ? "down" : "up");
        LINE("slave_repl_offset:%llu\r\nslave_read_only:0\r\nconnected_slaves:0\r\n",
             (u64)replica->applied_index);
    }
    LINE("master_replid:");
    for (int i = 0; i < RAFT_CLUSTER_ID_BYTES; i++) {
        LINE("%02x", replica->applied_configuration.cluster_id[i]);
    }
    LINE("00000000\r\n"); /* Redis's has 40 digits */
    LINE("master_repl_offset:%llu\r\nsecond_repl_offset:-1\r\n", (u64)replica->commit_index);
}

static void cpu(struct info *info)
{
    LINE("used_cpu_sys:%.6f\r\nused_cpu_user:%.6f\r\n", info->facts->cpu_system_seconds,
         info->facts->cpu_user_seconds);
}

static void modules(struct info *info)
{
    (void)info;
}

static void commandstats(struct info *info)
{
    for (int id = 0; id < COMMAND_ID_COUNT; id++) {
        const struct command_stats *stats = &info->executor->stats[id];
        if (stats->calls + stats->rejected_calls + stats->failed_calls > 0) {
            double per_call =
                stats->calls == 0 ? 0 : (double)stats->microseconds / (double)stats->calls;
            LINE("cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,"
                 "failed_calls=%llu\r\n",
                 command_by_id((enum command_id)id)->name, (u64)stats->calls,
                 (u64)stats->microseconds, per_call, (u64)stats->rejected_calls,
                 (u64)stats->failed_calls);
        }
    }
}

static void errorstats(struct info *info)
{
    for (uint32_t i = 0; i < info->executor->errors_count; i++) {
        const struct error_stat *stat = &info->executor->errors[i];
        LINE("errorstat_%s:count=%llu\r\n", stat->code, (u64)stat->count);
    }
}

static void cluster(struct info *info)
{
    LINE("cluster_enabled:0\r\n");
}

static void keyspace(struct info *info)
{
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        uint64_t keys = keyspace_keys_count(info->replica->keyspace, i);
        if (keys > 0) {
            LINE("db%u:keys=%llu,expires=%llu,avg_ttl=0\r\n", i, (u64)keys,
                 (u64)keyspace_expiring_count(info->replica->keyspace, i));
        }
    }
}

static const char *role_word(enum raft_role role)
{
    switch (role) {
    case RAFT_FOLLOWER:
        return "follower";
    case RAFT_PRE_CANDIDATE:
    case RAFT_CANDIDATE:
        return "candidate";
    case RAFT_LEADER:
        return "leader";
    }
    return "";
}

static void raft_nodes(struct info *info)
{
    struct replica *replica = info->replica;
    const struct raft_member *members[LIMIT_MEMBERS];
    uint32_t members_count = replica_members_by_name(replica, members);
    struct raft_progress progress[LIMIT_MEMBERS];
    uint32_t count = replica_get_progress(replica, progress, LIMIT_MEMBERS);
    LINE("raft_nodes:%u\r\n", members_count);
    for (uint32_t i = 0; i < members_count; i++) {
        const struct raft_member *member = members[i];
        LINE("node%u:id=%s,role=%s,raft=%s,http=%s,redis=%s", i,
             replica_node_name(replica, member->id), raft_member_role_text(member->role),
             member->raft_address, replica_node_http_address(replica, member->id),
             replica_node_redis_address(replica, member->id));
        for (uint32_t j = 0; j < count; j++) {
            if (progress[j].id == member->id) {
                LINE(",match=%llu,reachable=%d", (u64)progress[j].match_index,
                     progress[j].recently_active);
            }
        }
        LINE("\r\n");
    }
}

static void raft(struct info *info)
{
    struct replica_status status;
    replica_get_status(info->replica, &status);
    LINE("raft_node_id:%s\r\nraft_cluster_id:", replica_node_name(info->replica, status.raft.id));
    for (int i = 0; i < RAFT_CLUSTER_ID_BYTES; i++) {
        LINE("%02x", status.cluster_id[i]);
    }
    LINE("\r\nraft_role:%s\r\nraft_is_voting:%s\r\nraft_leader_id:%s\r\nraft_term:%llu\r\n",
         role_word(status.raft.role), status.raft.is_voter ? "yes" : "no", status.leader_name,
         (u64)status.raft.term);
    LINE("raft_commit_index:%llu\r\nraft_applied_index:%llu\r\nraft_last_index:%llu\r\n",
         (u64)status.raft.commit_index, (u64)status.applied_index, (u64)status.raft.last_index);
    LINE("raft_persisted_index:%llu\r\nraft_first_index:%llu\r\nraft_leader_changes:%llu\r\n",
         (u64)status.raft.persisted_index, (u64)status.raft.first_index,
         (u64)status.leader_changes);
    LINE("raft_clock_ms:%lld\r\nraft_state_hash:%016llx\r\nraft_unanswered_bytes:%llu\r\n",
         (long long)status.clock_ms, (u64)status.state_hash, (u64)status.unanswered_bytes);
    const struct raft_member *self =
        raft_configuration_find(replica_configuration(info->replica), status.raft.id);
    LINE("raft_member_role:%s\r\nraft_configuration_index:%llu\r\nraft_disk_state:%s\r\n",
         self == NULL ? "none" : raft_member_role_text(self->role),
         (u64)status.raft.configuration_index, info->replica->self_info.is_disk_low ? "low" : "ok");
    LINE("raft_check_index:%llu\r\nraft_check_hash:%016llx\r\n",
         (u64)info->replica->divergence.check_index, (u64)info->replica->divergence.check_hash);
    raft_nodes(info);
}

static const struct section {
    const char *name; /* lower case, as clients ask for it */
    const char *title;
    void (*write)(struct info *info);
    bool is_default;
} sections_table[] = {
    {"server", "Server", server, true},
    {"clients", "Clients", clients, true},
    {"memory", "Memory", memory, true},
    {"persistence", "Persistence", persistence, true},
    {"stats", "Stats", stats_section, true},
    {"replication", "Replication", replication, true},
    {"cpu", "CPU", cpu, true},
    {"modules", "Modules", modules, true},
    {"commandstats", "Commandstats", commandstats, false},
    {"errorstats", "Errorstats", errorstats, true},
    {"cluster", "Cluster", cluster, true},
    {"raft", "Raft", raft, true},
    {"keyspace", "Keyspace", keyspace, true},
};

static bool is_wanted(const struct section *section, const struct slice *wanted, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bool is_all = slice_is_word(wanted[i], "all") || slice_is_word(wanted[i], "everything");
        bool is_default = slice_is_word(wanted[i], "default") && section->is_default;
        if (is_all || is_default || slice_is_word(wanted[i], section->name)) {
            return true;
        }
    }
    return count == 0 && section->is_default;
}

void info_write(struct session *session, const struct slice *sections, uint32_t sections_count,
                struct buf *out)
{
    struct replica *replica = session->executor->replica;
    struct host_facts facts = {0};
    replica->host.get_facts(replica->host.context, &facts);
    struct info info = {out, replica, session->executor, &facts, true};
    for (size_t i = 0; i < sizeof(sections_table) / sizeof(sections_table[0]); i++) {
        const struct section *section = &sections_table[i];
        if (is_wanted(section, sections, sections_count)) {
            buf_append_format(out, "%s# %s\r\n", info.is_first ? "" : "\r\n", section->title);
            section->write(&info);
            info.is_first = false;
        }
    }
}
