/* config_table.c -- every directive there is. A new one: a field in config.h, a row here, an entry
 * in conf/quorum.conf (a test compares them). */
#include <strings.h>

#include "base/assert.h"
#include "base/limits.h"
#include "server/config_internal.h"

#define FIELD(name) .offset = offsetof(struct config, name)
#define KIND(kind) .type = CONFIG_TYPE_##kind
#define RANGE(low, high) .min = (low), .max = (high)
/* A row of section accepted: for CONFIG SET, without a word in --help. */
#define ACCEPTED(word, kind, field, text, ...)                                                     \
    {                                                                                              \
        .name = (word), .type = CONFIG_TYPE_##kind,                                                \
        .offset = offsetof(struct config, accepted.field), .flags = CONFIG_MUTABLE,                \
        .default_text = (text), .section = accepted, __VA_ARGS__                                   \
    }
#define KB UINT64_C(1024)
#define MB (1024 * KB)
#define GB (1024 * MB)

/* In the order of enum logger_level. */
static const char *const loglevels[] = {"debug", "verbose", "notice", "warning", NULL};

/* In the order of enum replica_debug_access. */
static const char *const debug_accesses[] = {"local", "no", "yes", NULL};

/* In the order of enum config_damaged_data. */
static const char *const sanitizations[] = {"no", "yes", "clients", NULL};
static const char *const damaged_datas[] = {"refetch", "stop", NULL};

static const char node[] = "This node";
static const char cluster[] = "The cluster";
static const char clients[] = "Clients";
static const char raft[] = "Raft and its log";
static const char snapshots[] = "Snapshots and the disk";
static const char diagnostics[] = "Diagnostics";
static const char accepted[] =
    "Accepted (programs made for Redis set them; nothing here depends on "
    "them)";
static const char facts[] = "Facts (shown by CONFIG GET, cannot be changed)";

const struct config_directive config_table[] = {
    {.name = "id",
     KIND(STRING),
     FIELD(id),
     .default_text = "node-1",
     .check = config_check_name,
     .section = node,
     .argument = "NAME",
     .summary = "name of this node, unique in the cluster"},
    {.name = "data",
     .alias = "dir",
     KIND(STRING),
     FIELD(data),
     .check = config_check_not_empty,
     .section = node,
     .argument = "DIRECTORY",
     .summary = "where Raft's log lives (./data/ID)"},
    {.name = "port",
     KIND(PORT),
     FIELD(port),
     RANGE(1, 65535),
     .section = node,
     .argument = "PORT",
     .summary = "peer port, for the other nodes (9001)"},
    {.name = "http",
     KIND(PORT),
     FIELD(http),
     RANGE(1, 65535),
     .section = node,
     .argument = "PORT",
     .summary = "port of the HTTP API (8001)"},
    {.name = "redis",
     KIND(PORT),
     FIELD(redis),
     RANGE(1, 65535),
     .section = node,
     .argument = "PORT",
     .summary = "port for Redis clients (6379)"},
    {.name = "bind",
     KIND(WORDS),
     FIELD(bind),
     .default_text = "127.0.0.1 -::1",
     .check = config_check_bind,
     .section = node,
     .argument = "ADDRESS...",
     .summary = "addresses that redis and http listen on; -ADDRESS: if there is one"},
    {.name = "raft-bind",
     KIND(WORDS),
     FIELD(raft_bind),
     .check = config_check_bind,
     .section = node,
     .argument = "ADDRESS...",
     .summary = "addresses that the peer port listens on (those of bind)"},

    {.name = "peers",
     KIND(ADDRESSES),
     FIELD(peers),
     .section = cluster,
     .argument = "LIST",
     .summary = "all nodes: host:port or id=host:port, with commas; \"\": a cluster of one"},
    {.name = "peer-http",
     KIND(ADDRESSES),
     FIELD(peer_http),
     .section = cluster,
     .argument = "LIST",
     .summary = "their HTTP addresses, by id or in the order of peers"},
    {.name = "join",
     KIND(STRING),
     FIELD(join),
     .default_text = "",
     .check = config_check_join,
     .section = cluster,
     .argument = "ADDRESS",
     .summary = "host:port of a member: a new node asks there to be added"},
    {.name = "announce-raft",
     KIND(STRING),
     FIELD(announce_raft),
     .check = config_check_announced,
     .section = cluster,
     .argument = "ADDRESS",
     .summary = "host:port by which the other nodes reach this one"},
    {.name = "announce-http",
     KIND(STRING),
     FIELD(announce_http),
     .check = config_check_announced,
     .section = cluster,
     .argument = "ADDRESS",
     .summary = "host:port by which HTTP clients reach this node"},
    {.name = "announce-redis",
     KIND(STRING),
     FIELD(announce_redis),
     .check = config_check_announced,
     .section = cluster,
     .argument = "ADDRESS",
     .summary = "host:port by which Redis clients reach this node"},

    {.name = "protected-mode",
     KIND(BOOLEAN),
     FIELD(protected_mode),
     .flags = CONFIG_MUTABLE,
     .default_text = "yes",
     .section = clients,
     .argument = "yes|no",
     .summary = "without a password, serve only clients of this machine"},
    {.name = "enable-debug-command",
     KIND(WORD),
     FIELD(enable_debug_command),
     .default_text = "local",
     .words = debug_accesses,
     .section = clients,
     .argument = "local|no|yes",
     .summary = "who may use DEBUG"},
    {.name = "requirepass",
     KIND(STRING),
     FIELD(requirepass),
     .flags = CONFIG_MUTABLE | CONFIG_SECRET,
     .default_text = "",
     .section = clients,
     .argument = "PASSWORD",
     .summary = "password of AUTH and of HTTP"},
    {.name = "maxclients",
     KIND(INTEGER),
     FIELD(maxclients),
     .flags = CONFIG_MUTABLE,
     .default_text = "10000",
     RANGE(1, UINT32_MAX),
     .section = clients,
     .argument = "N",
     .summary = "Redis connections at a time"},
    {.name = "timeout",
     KIND(SECONDS),
     FIELD(timeout_seconds),
     .flags = CONFIG_MUTABLE,
     .default_text = "0",
     RANGE(0, INT32_MAX),
     .section = clients,
     .argument = "SECONDS",
     .summary = "close Redis connections idle for this long; 0: never"},
    {.name = "tcp-backlog",
     KIND(INTEGER),
     FIELD(tcp_backlog),
     .default_text = "511",
     RANGE(1, INT32_MAX),
     .section = clients,
     .argument = "N",
     .summary = "connections that may wait to be accepted"},
    {.name = "tcp-keepalive",
     KIND(SECONDS),
     FIELD(tcp_keepalive_seconds),
     .flags = CONFIG_MUTABLE,
     .default_text = "300",
     RANGE(0, INT32_MAX),
     .section = clients,
     .argument = "SECONDS",
     .summary = "between probes of a silent connection; 0: off"},
    {.name = "proto-max-bulk-len",
     KIND(BYTES),
     FIELD(proto_max_bulk_bytes),
     .flags = CONFIG_MUTABLE,
     .default_text = "64mb",
     RANGE(1 * MB, LIMIT_BULK_BYTES),
     .section = clients,
     .argument = "BYTES",
     .summary = "largest argument of a command, so largest value"},
    {.name = "client-query-buffer-limit",
     KIND(BYTES),
     FIELD(client_query_buffer_bytes),
     .flags = CONFIG_MUTABLE,
     .default_text = "1gb",
     RANGE(1 * MB, INT64_MAX),
     .section = clients,
     .argument = "BYTES",
     .summary = "a client whose unread input grows beyond it is closed"},
    {.name = "client-output-buffer-limit",
     KIND(OUTPUT_LIMITS),
     FIELD(output_limits),
     .flags = CONFIG_MUTABLE,
     .default_text = "normal 1gb 256mb 60 replica 256mb 64mb 60 pubsub 32mb 8mb 60",
     .section = clients,
     .argument = "CLASS HARD SOFT SECONDS...",
     .summary = "a client that does not read its replies is closed beyond it"},
    {.name = "notify-keyspace-events",
     KIND(EVENTS),
     FIELD(notify_keyspace_events),
     .flags = CONFIG_MUTABLE,
     .default_text = "",
     .section = clients,
     .argument = "LETTERS",
     .summary = "events of keys that this node publishes, e.g. AKE; \"\": none"},
    {.name = "http-max-body",
     KIND(BYTES),
     FIELD(http_max_body_bytes),
     .default_text = "96mb",
     RANGE(1 * KB, 1 * GB),
     .section = clients,
     .argument = "BYTES",
     .summary = "largest body of an HTTP request"},
    {.name = "http-timeout",
     KIND(SECONDS),
     FIELD(http_timeout_seconds),
     .default_text = "60",
     RANGE(1, 86400),
     .section = clients,
     .argument = "SECONDS",
     .summary = "close HTTP connections idle for this long"},
    {.name = "http-max-connections",
     KIND(INTEGER),
     FIELD(http_max_connections),
     .default_text = "1000",
     RANGE(1, UINT32_MAX),
     .section = clients,
     .argument = "N",
     .summary = "HTTP connections at a time"},
    {.name = "request-timeout",
     KIND(MILLISECONDS),
     FIELD(request_timeout_ms),
     .flags = CONFIG_MUTABLE,
     .default_text = "5000",
     RANGE(100, 3600000),
     .section = clients,
     .argument = "MS",
     .summary = "a request is answered or given up within this"},

    {.name = "election-timeout-min",
     KIND(MILLISECONDS),
     FIELD(election_timeout_ms_min),
     .default_text = "150",
     RANGE(10, 600000),
     .section = raft,
     .argument = "MS",
     .summary = "a follower that hears nothing for min to max ms stands for election"},
    {.name = "election-timeout-max",
     KIND(MILLISECONDS),
     FIELD(election_timeout_ms_max),
     .default_text = "300",
     RANGE(11, 600000),
     .section = raft,
     .argument = "MS",
     .summary = "see election-timeout-min"},
    {.name = "heartbeat-interval",
     KIND(MILLISECONDS),
     FIELD(heartbeat_interval_ms),
     .default_text = "50",
     RANGE(1, 300000),
     .section = raft,
     .argument = "MS",
     .summary = "a leader is heard at least this often"},
    {.name = "wal-max-bytes",
     KIND(BYTES),
     FIELD(wal_max_bytes),
     .default_text = "4mb",
     RANGE(64 * KB, 1 * GB),
     .section = raft,
     .argument = "BYTES",
     .summary = "raft.db's write-ahead log is folded in when it reaches this"},

    {.name = "snapshot-log-bytes",
     KIND(BYTES),
     FIELD(snapshot_log_bytes),
     .flags = CONFIG_MUTABLE,
     .default_text = "64mb",
     RANGE(64 * KB, 1024 * GB),
     .section = snapshots,
     .argument = "BYTES",
     .summary = "the state is saved when the log has grown by this"},
    {.name = "snapshot-entries",
     KIND(INTEGER),
     FIELD(snapshot_entries),
     .flags = CONFIG_MUTABLE,
     .default_text = "100000",
     RANGE(1, UINT32_MAX),
     .section = snapshots,
     .argument = "N",
     .summary = "or by so many entries"},
    {.name = "snapshot-trailing-bytes",
     KIND(BYTES),
     FIELD(snapshot_trailing_bytes),
     .flags = CONFIG_MUTABLE,
     .default_text = "0",
     RANGE(0, 1024 * GB),
     .section = snapshots,
     .argument = "BYTES",
     .summary = "log kept behind that for slow followers; 0: half of snapshot-log-bytes"},
    {.name = "disk-reserve",
     KIND(BYTES),
     FIELD(disk_reserve_bytes),
     .default_text = "64mb",
     RANGE(0, 1024 * GB),
     .section = snapshots,
     .argument = "BYTES",
     .summary = "file that is given up when the disk is full; 0: none"},
    {.name = "disk-free-min",
     KIND(BYTES),
     FIELD(disk_free_bytes_min),
     .flags = CONFIG_MUTABLE,
     .default_text = "64mb",
     RANGE(0, 1024 * GB),
     .section = snapshots,
     .argument = "BYTES",
     .summary = "with less than this free, writes that need room are refused"},
    {.name = "slow-disk-ms",
     KIND(MILLISECONDS),
     FIELD(slow_disk_ms),
     .flags = CONFIG_MUTABLE,
     .default_text = "1000",
     RANGE(0, 3600000),
     .section = snapshots,
     .argument = "MS",
     .summary = "a leader whose disk takes longer hands leadership over; 0: never"},
    {.name = "damaged-data",
     KIND(WORD),
     FIELD(damaged_data),
     .default_text = "refetch",
     .words = damaged_datas,
     .section = snapshots,
     .argument = "refetch|stop",
     .summary = "what to do about a data directory that cannot be trusted"},

    {.name = "latency-monitor-threshold",
     KIND(LONG),
     FIELD(latency_threshold_ms),
     RANGE(0, INT64_MAX),
     .flags = CONFIG_MUTABLE,
     .default_text = "0",
     .section = diagnostics,
     .argument = "MS",
     .summary = "LATENCY notes what takes that long; 0: nothing"},
    {.name = "slowlog-log-slower-than",
     KIND(SIGNED),
     FIELD(slowlog_threshold_us),
     RANGE((uint64_t)-1, INT64_MAX),
     .flags = CONFIG_MUTABLE,
     .default_text = "10000",
     .section = diagnostics,
     .argument = "US",
     .summary = "SLOWLOG keeps commands that take longer to execute; -1: none"},
    {.name = "slowlog-max-len",
     KIND(LONG),
     FIELD(slowlog_entries_max),
     RANGE(0, 1000000),
     .flags = CONFIG_MUTABLE,
     .default_text = "128",
     .section = diagnostics,
     .argument = "N",
     .summary = "and so many of them"},
    {.name = "loglevel",
     KIND(WORD),
     FIELD(loglevel),
     .flags = CONFIG_MUTABLE,
     .default_text = "notice",
     .words = loglevels,
     .section = diagnostics,
     .argument = "LEVEL",
     .summary = "debug, verbose, notice or warning"},
    {.name = "logfile",
     KIND(STRING),
     FIELD(logfile),
     .default_text = "",
     .section = diagnostics,
     .argument = "FILE",
     .summary = "where log lines go; \"\": standard output"},

    ACCEPTED("hash-max-listpack-entries", LONG, hash_max_listpack_entries, "512",
             .alias = "hash-max-ziplist-entries", RANGE(0, INT64_MAX)),
    ACCEPTED("hash-max-listpack-value", BYTES, hash_max_listpack_value, "64",
             .alias = "hash-max-ziplist-value", RANGE(0, INT64_MAX)),
    ACCEPTED("zset-max-listpack-entries", LONG, zset_max_listpack_entries, "128",
             .alias = "zset-max-ziplist-entries", RANGE(0, INT64_MAX)),
    ACCEPTED("zset-max-listpack-value", BYTES, zset_max_listpack_value, "64",
             .alias = "zset-max-ziplist-value", RANGE(0, INT64_MAX)),
    ACCEPTED("set-max-intset-entries", LONG, set_max_intset_entries, "512", RANGE(0, INT64_MAX)),
    ACCEPTED("list-max-listpack-size", SIGNED, list_max_listpack_size, "-2",
             .alias = "list-max-ziplist-size", RANGE((uint64_t)INT32_MIN, INT32_MAX)),
    ACCEPTED("list-compress-depth", LONG, list_compress_depth, "0", RANGE(0, INT32_MAX)),
    ACCEPTED("hll-sparse-max-bytes", BYTES, hll_sparse_max_bytes, "3000", RANGE(0, INT64_MAX)),
    ACCEPTED("stream-node-max-bytes", BYTES, stream_node_max_bytes, "4096", RANGE(0, INT64_MAX)),
    ACCEPTED("stream-node-max-entries", LONG, stream_node_max_entries, "100", RANGE(0, INT64_MAX)),
    ACCEPTED("sanitize-dump-payload", WORD, sanitize_dump_payload, "no", .words = sanitizations),
    ACCEPTED("activedefrag", BOOLEAN, activedefrag, "no", .words = NULL),
    ACCEPTED("activerehashing", BOOLEAN, activerehashing, "yes", .words = NULL),
    ACCEPTED("lazyfree-lazy-eviction", BOOLEAN, lazyfree_lazy_eviction, "no", .words = NULL),
    ACCEPTED("lazyfree-lazy-expire", BOOLEAN, lazyfree_lazy_expire, "no", .words = NULL),
    ACCEPTED("lazyfree-lazy-server-del", BOOLEAN, lazyfree_lazy_server_del, "no", .words = NULL),
    ACCEPTED("lazyfree-lazy-user-del", BOOLEAN, lazyfree_lazy_user_del, "no", .words = NULL),
    ACCEPTED("lazyfree-lazy-user-flush", BOOLEAN, lazyfree_lazy_user_flush, "no", .words = NULL),
    ACCEPTED("busy-reply-threshold", LONG, busy_reply_threshold, "5000", .alias = "lua-time-limit",
             RANGE(0, INT64_MAX)),
    ACCEPTED("tracking-table-max-keys", LONG, tracking_table_max_keys, "1000000",
             RANGE(0, INT64_MAX)),
    ACCEPTED("min-replicas-to-write", LONG, min_replicas_to_write, "0",
             .alias = "min-slaves-to-write", RANGE(0, INT32_MAX)),
    ACCEPTED("min-replicas-max-lag", LONG, min_replicas_max_lag, "10",
             .alias = "min-slaves-max-lag", RANGE(0, INT32_MAX)),
    ACCEPTED("rdb-key-save-delay", SIGNED, rdb_key_save_delay, "0",
             RANGE((uint64_t)INT32_MIN, INT32_MAX)),

    {.name = "databases", KIND(FACT), .default_text = "16", .section = facts},
    {.name = "appendonly", KIND(FACT), .default_text = "yes", .section = facts},
    {.name = "appendfsync", KIND(FACT), .default_text = "always", .section = facts},
    {.name = "save", KIND(FACT), .default_text = "", .section = facts},
    {.name = "maxmemory", KIND(FACT), .default_text = "0", .section = facts},
    {.name = "maxmemory-policy", KIND(FACT), .default_text = "noeviction", .section = facts},
    {.name = "cluster-enabled", KIND(FACT), .default_text = "no", .section = facts},
};
const uint32_t config_table_count = sizeof(config_table) / sizeof(config_table[0]);
_Static_assert(sizeof(config_table) / sizeof(config_table[0]) <= CONFIG_DIRECTIVES_MAX,
               "origins and the set of changes have room for every row");

static bool is_name(const char *name, struct slice text)
{
    return name != NULL && strlen(name) == text.size &&
           strncasecmp(name, (const char *)text.bytes, text.size) == 0;
}

const struct config_directive *config_table_find(struct slice name)
{
    for (uint32_t i = 0; name.size > 0 && i < config_table_count; i++) {
        if (is_name(config_table[i].name, name) || is_name(config_table[i].alias, name)) {
            return &config_table[i];
        }
    }
    return NULL;
}

uint32_t config_table_index(const struct config_directive *directive)
{
    ASSERT(directive >= config_table);
    ASSERT(directive < config_table + config_table_count);
    return (uint32_t)(directive - config_table);
}

enum { NAME_BYTES_MAX = 48 };

static char lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn one word into the other:
 * the restricted Damerau-Levenshtein distance, three rows at a time. */
static uint32_t distance(struct slice a, const char *b)
{
    uint32_t width = (uint32_t)strlen(b);
    uint32_t rows[3][NAME_BYTES_MAX + 1];
    uint32_t *before = rows[0];
    uint32_t *above = rows[1];
    uint32_t *row = rows[2];
    ASSERT(width <= NAME_BYTES_MAX);
    for (uint32_t j = 0; j <= width; j++) {
        above[j] = j;
        before[j] = j;
    }
    for (uint32_t i = 1; i <= a.size; i++) {
        row[0] = i;
        for (uint32_t j = 1; j <= width; j++) {
            char c = lower(a.bytes[i - 1]);
            uint32_t replaced = above[j - 1] + (c == b[j - 1] ? 0 : 1);
            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && c == b[j - 2] && lower(a.bytes[i - 2]) == b[j - 1]) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
        uint32_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[width];
}

const char *config_table_nearest(struct slice name)
{
    if (name.size == 0 || name.size > NAME_BYTES_MAX) {
        return NULL;
    }
    /* A third of the letters may be wrong; beyond that a guess misleads. */
    uint32_t best = (uint32_t)name.size / 3 + 1;
    const char *nearest = NULL;
    for (uint32_t i = 0; i < config_table_count; i++) {
        uint32_t steps = distance(name, config_table[i].name);
        if (steps < best || (steps == best && nearest == NULL)) {
            best = steps;
            nearest = config_table[i].name;
        }
    }
    return nearest;
}
