/* test_info.c -- INFO: the sections in Redis's order and the fields that tools read. */
#include <stdio.h>

#include "lib/unit.h"
#include "sim/lab_client.h"

static struct lab lab;
static struct lab_client client;

/* What redis-cli --stat, exporters, GUI tools and client libraries look for. */
static const char *const everywhere[] = {
    "redis_version:7.",
    "quorum_version:",
    "redis_mode:standalone",
    "redis_build_id:",
    "os:",
    "process_id:4242",
    "run_id:",
    "tcp_port:6379",
    "uptime_in_seconds:",
    "uptime_in_days:",
    "connected_clients:1",
    "blocked_clients:0",
    "maxclients:",
    "used_memory:",
    "used_memory_rss:",
    "used_memory_peak:",
    "maxmemory:0",
    "maxmemory_policy:noeviction",
    "loading:0",
    "rdb_changes_since_last_save:",
    "rdb_bgsave_in_progress:0",
    "aof_enabled:",
    "aof_rewrite_in_progress:0",
    "total_connections_received:",
    "total_commands_processed:",
    "instantaneous_ops_per_sec:",
    "instantaneous_input_kbps:",
    "instantaneous_output_kbps:",
    "total_net_input_bytes:",
    "total_net_output_bytes:",
    "rejected_connections:",
    "expired_keys:",
    "evicted_keys:0",
    "keyspace_hits:",
    "keyspace_misses:",
    "pubsub_channels:",
    "total_error_replies:",
    "connected_slaves:",
    "master_replid:",
    "master_repl_offset:",
    "used_cpu_sys:",
    "used_cpu_user:",
    "cluster_enabled:0",
    "number_of_cached_scripts:",
    "lazyfreed_objects:",
    "lazyfree_pending_objects:",
    "tracking_total_keys:",
    "tracking_total_items:",
    "tracking_total_prefixes:",
    "db0:keys=1,expires=0",
    "errorstat_WRONGTYPE",
    "raft_role:",
    "raft_term:",
    "raft_state_hash:",
};

static const char *const sections[] = {"Server",     "Clients",     "Memory",  "Persistence",
                                       "Stats",      "Replication", "CPU",     "Modules",
                                       "Errorstats", "Cluster",     "Keyspace"};

static void expect_field(const char *info, const char *field)
{
    char line[80];
    (void)snprintf(line, sizeof(line), "\r\n%s", field);
    if (strstr(info, line) == NULL) {
        (void)fprintf(stderr, "INFO lacks %s\n", field);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(info, line));
}

static const char *ask_info(struct lab_node *node, const char *words)
{
    lab_client_deinit(&client);
    client = (struct lab_client){0};
    lab_client_open(&client, node, NULL);
    lab_client_say(&client, words);
    return lab_client_hear(&client, 0);
}

UNIT_TEST(replica_info, has_what_tools_read)
{
    lab_open(&lab, &(struct lab_options){.nodes_count = 3, .seed = 1});
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    lab_client_open(&client, leader, NULL);
    lab_client_say(&client, "SET a x");
    lab_client_say(&client, "INCR a");
    lab_client_say(&client, "NOSUCH");
    lab_client_say(&client, "GET a");
    (void)lab_client_hear(&client, 200);
    const char *info = ask_info(leader, "INFO");
    for (size_t i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++) {
        if (strncmp(everywhere[i], "errorstat_W", 11) != 0) {
            expect_field(info, everywhere[i]);
        }
    }
    expect_field(info, "errorstat_ERR:count=2");
    expect_field(info, "role:master");
    expect_field(info, "slave0:ip=10.0.0.");
    const char *at = info;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        char title[32];
        (void)snprintf(title, sizeof(title), "# %s\r\n", sections[i]);
        const char *found = strstr(at, title);
        CU_ASSERT_PTR_NOT_NULL_FATAL(found);
        at = found;
    }
    CU_ASSERT_PTR_NULL(strstr(info, "# Commandstats"));
    CU_ASSERT_PTR_NULL(strstr(info, "# Sentinel"));
    info = ask_info(lab_follower(&lab), "INFO replication");
    expect_field(info, "role:slave");
    expect_field(info, "master_host:10.0.0.");
    expect_field(info, "master_port:6379");
    expect_field(info, "master_link_status:up");
    CU_ASSERT_PTR_NULL(strstr(info, "# Server"));
    info = ask_info(leader, "INFO commandstats keyspace");
    expect_field(info, "cmdstat_set:calls=1,usec=");
    expect_field(info,
                 "cmdstat_incr:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1");
    expect_field(info, "db0:keys=1");
    CU_ASSERT_PTR_NOT_NULL(strstr(ask_info(leader, "INFO all"), "# Commandstats"));
    lab_client_deinit(&client);
    lab_close(&lab);
}
