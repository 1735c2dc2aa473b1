/* config.h -- the options of a node: where they come from, what they are, how they change.
 *
 * One table (config_table.c) describes every directive; the configuration file, flags, environment,
 * CONFIG GET and SET, --help, --print-config and the start-up lines all read it. Precedence: flag,
 * then QUORUM_DIRECTIVE in the environment, then file, then default; for each value it is
 * remembered which it was. conf/quorum.conf is the manual.
 *
 * After config_load everything is resolved: what the operator left open has its derived value
 * (data, ports of the local cluster, members, announced addresses). Fields are read freely; only
 * the functions here change them. Loop thread only.
 */
#ifndef QUORUM_SERVER_CONFIG_H
#define QUORUM_SERVER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/slice.h"

/* Rows of the table at most; a bit each in the set of changed directives. */
#define CONFIG_DIRECTIVES_MAX 128

/* Owned strings. An item of bind may begin with '-': listen there if this machine has it. */
struct config_list {
    char **items;
    uint32_t count;
};

enum config_client_class { CONFIG_NORMAL, CONFIG_REPLICA, CONFIG_PUBSUB, CONFIG_CLASSES };

struct config_output_limit {
    uint64_t hard_bytes; /* 0: no limit */
    uint64_t soft_bytes; /* 0: no limit */
    uint32_t soft_seconds;
};

/* What a start does about data that cannot be trusted. */
enum config_damaged_data {
    CONFIG_REFETCH, /* sets it aside and fetches the state from the other nodes */
    CONFIG_STOP,    /* says so and ends */
};

/* A node of the cluster as the operator named it. */
struct config_member {
    char name[LIMIT_NODE_NAME_BYTES];        /* "" when not told: learned from its hello */
    char raft_address[LIMIT_ADDRESS_BYTES];  /* host:port */
    char http_address[LIMIT_ADDRESS_BYTES];  /* "" when not told */
    char redis_address[LIMIT_ADDRESS_BYTES]; /* "" when not told */
};

enum config_source {
    CONFIG_FROM_DEFAULT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENVIRONMENT,
    CONFIG_FROM_FLAG,
    CONFIG_FROM_COMMAND, /* CONFIG SET */
};

struct config_origin {
    enum config_source source;
    uint32_t line; /* of the file; 0 otherwise */
};

/* What programs made for Redis set, and what changes nothing here: kept and shown. */
struct config_accepted {
    uint64_t hash_max_listpack_entries;
    uint64_t hash_max_listpack_value;
    uint64_t zset_max_listpack_entries;
    uint64_t zset_max_listpack_value;
    uint64_t set_max_intset_entries;
    int64_t list_max_listpack_size;
    uint64_t list_compress_depth;
    uint64_t hll_sparse_max_bytes;
    uint64_t stream_node_max_bytes;
    uint64_t stream_node_max_entries;
    uint32_t sanitize_dump_payload;
    bool activedefrag;
    bool activerehashing;
    bool lazyfree_lazy_eviction;
    bool lazyfree_lazy_expire;
    bool lazyfree_lazy_server_del;
    bool lazyfree_lazy_user_del;
    bool lazyfree_lazy_user_flush;
    uint64_t busy_reply_threshold;
    uint64_t tracking_table_max_keys;
    uint64_t min_replicas_to_write;
    uint64_t min_replicas_max_lag;
    int64_t rdb_key_save_delay;
};

struct config {
    struct config_accepted accepted;
    /* This node. */
    char *id;
    char *data; /* directory */
    uint16_t port;
    uint16_t http;
    uint16_t redis;
    struct config_list bind;      /* of redis and http */
    struct config_list raft_bind; /* of port */
    /* The cluster. */
    struct config_list peers;
    struct config_list peer_http;
    char *join;          /* host:port; "": not told */
    char *announce_raft; /* host:port, what the others are told */
    char *announce_http;
    char *announce_redis;
    /* Clients. */
    bool protected_mode;
    uint32_t enable_debug_command; /* enum replica_debug_access */
    char *requirepass;             /* "": none */
    uint32_t maxclients;
    uint32_t timeout_seconds; /* 0: never */
    uint32_t tcp_backlog;
    uint32_t tcp_keepalive_seconds; /* 0: off */
    uint64_t proto_max_bulk_bytes;
    uint64_t client_query_buffer_bytes;
    struct config_output_limit output_limits[CONFIG_CLASSES];
    uint32_t notify_keyspace_events;
    uint64_t latency_threshold_ms;
    int64_t slowlog_threshold_us;
    uint64_t slowlog_entries_max;
    uint64_t http_max_body_bytes;
    uint32_t http_timeout_seconds;
    uint32_t http_max_connections;
    uint32_t request_timeout_ms;
    /* Raft and its log. */
    uint32_t election_timeout_ms_min;
    uint32_t election_timeout_ms_max;
    uint32_t heartbeat_interval_ms;
    uint64_t wal_max_bytes;
    /* Snapshots and the disk. */
    uint64_t snapshot_log_bytes;
    uint32_t snapshot_entries;
    uint64_t snapshot_trailing_bytes; /* 0: half of snapshot_log_bytes */
    uint64_t disk_reserve_bytes;      /* 0: none */
    uint64_t disk_free_bytes_min;
    uint32_t slow_disk_ms; /* 0: never */
    uint32_t damaged_data; /* enum config_damaged_data */
    /* Diagnostics. */
    uint32_t loglevel; /* enum logger_level, LOGGER_DEBUG to LOGGER_WARNING */
    char *logfile;     /* "": standard output */

    /* Derived: every member, this node among them, in the order of peers; with join, this node. */
    struct config_member members[LIMIT_MEMBERS];
    uint32_t members_count;
    uint32_t self_index;
    /* No entry of peers could be told to be this node, so one was added. If peers has unnamed
     * entries, one of them may still turn out to be this node when it answers its own hello. */
    bool self_is_implied;

    char *file; /* absolute path of the configuration file; "" when none, "-" for standard input */
    struct config_origin origins[CONFIG_DIRECTIVES_MAX];
};

enum config_outcome {
    CONFIG_RUN,        /* start; text holds warnings for the log, one a line */
    CONFIG_EXIT_OK,    /* print text on standard output and exit 0: --help and the like */
    CONFIG_EXIT_ERROR, /* print text on standard error and exit 1 */
};

/*
 * Reads file, environment and command line, and checks and resolves all options.
 *
 * argv[0] is skipped; environment is as environ. The first argument that is no flag names the file,
 * "-" is standard input. text is appended to, with a newline behind every line. Whatever the
 * outcome, out is to be freed with config_deinit.
 */
MUST_CHECK enum config_outcome config_load(int argc, char *const *argv, char *const *environment,
                                           struct config *out, struct buf *text);

/* Frees all that config holds. */
void config_deinit(struct config *config);

/* ---- CONFIG GET and SET ---- */

typedef void config_visitor(struct slice name, struct slice value, void *context);

/* Visits each directive (and alias) whose name matches one of the glob patterns, once, in the
 * table's order, with its value as CONFIG GET shows it. Slices are borrowed for the call. */
void config_get(const struct config *config, const struct slice *patterns, uint32_t patterns_count,
                config_visitor *visit, void *context);

/*
 * Sets name, value, name, value...; all or, with RESULT_INVALID, none.
 *
 * error receives one line in Redis 7.0's words, with its "ERR " and without line breaks.
 */
MUST_CHECK enum result config_set_pairs(struct config *config, const struct slice *pairs,
                                        uint32_t pairs_count, struct buf *error);

/* ---- Saying what is in force ---- */

/* Calls on_line for each value that is not the default, e.g. "port 9101 (command line)". Secrets
 * are masked. */
void config_describe_sources(const struct config *config, void (*on_line)(const char *, void *),
                             void *context);

/* Appends a configuration file that says the same as config, secrets included. */
void config_print(const struct config *config, struct buf *out);

#endif
