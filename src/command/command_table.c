/* command_table.c -- the command table as data, and how a command is found in it.
 *
 * A new command is a row here (and its id in command_ids.h, its documentation in command_docs.c)
 * and a handler in a t_*.c file. Rows are in the order of command_ids.h, by name; subcommands come
 * right behind their container. Commands without a handler are the executor's.
 */
#include "command/command.h"

#include <string.h>

#include "base/assert.h"
#include "command/command_handlers.h"
#include "command/command_support.h"

#define READ COMMAND_CLASS_READ
#define WRITE COMMAND_CLASS_WRITE
#define NODE COMMAND_CLASS_NODE

#define WR COMMAND_FLAG_WRITE
#define RD COMMAND_FLAG_READONLY
#define OOM COMMAND_FLAG_DENYOOM
#define ADMIN COMMAND_FLAG_ADMIN
#define NOSCRIPT COMMAND_FLAG_NOSCRIPT
#define ANYTIME (COMMAND_FLAG_LOADING | COMMAND_FLAG_STALE)
#define BLOCKING COMMAND_FLAG_BLOCKING
#define FAST COMMAND_FLAG_FAST
#define OPEN (COMMAND_FLAG_NO_AUTH | COMMAND_FLAG_ALLOW_BUSY)
#define BUSY COMMAND_FLAG_ALLOW_BUSY
#define PROTECTED COMMAND_FLAG_PROTECTED
#define NO_MULTI COMMAND_FLAG_NO_MULTI
#define NO_ASYNC COMMAND_FLAG_NO_ASYNC_LOADING
#define MAY_REPLICATE COMMAND_FLAG_MAY_REPLICATE
#define MOVABLE COMMAND_FLAG_MOVABLEKEYS
#define PUBSUB COMMAND_FLAG_PUBSUB
#define LOGGED COMMAND_FLAG_MAY_REPLICATE
#define SKIP_SLOWLOG COMMAND_FLAG_SKIP_SLOWLOG

/* A command: class, handler, arity, first key, last key (negative: from the end), key step, flags.
 * SUB: a subcommand, its container's name before its own. */
#define ROW(id, name, class, handler, arity, first, last, step, flags)                             \
    [COMMAND_##id] = {COMMAND_##id, name, NULL, class, handler, arity, flags, first, last, step}
#define SUB(id, container, name, class, handler, arity, first, last, step, flags)                  \
    [COMMAND_##id] = {                                                                             \
        COMMAND_##id, container "|" name, container, class, handler, arity, flags, first, last,    \
        step}

/* clang-format off */
static const struct command commands[COMMAND_ID_COUNT] = {
    ROW(APPEND, "append", WRITE, handle_append, 3, 1, 1, 1, WR | OOM | FAST),
    ROW(AUTH, "auth", NODE, NULL, -2, 0, 0, 0, NOSCRIPT | ANYTIME | FAST | OPEN),
    ROW(BGSAVE, "bgsave", NODE, NULL, -1, 0, 0, 0, ADMIN | NOSCRIPT | NO_ASYNC),
    ROW(BITCOUNT, "bitcount", READ, handle_bitcount, -2, 1, 1, 1, RD),
    ROW(BITFIELD, "bitfield", WRITE, handle_bitfield, -2, 1, 1, 1, WR | OOM),
    ROW(BITFIELD_RO, "bitfield_ro", READ, handle_bitfield_ro, -2, 1, 1, 1, RD | FAST),
    ROW(BITOP, "bitop", WRITE, handle_bitop, -4, 2, -1, 1, WR | OOM),
    ROW(BITPOS, "bitpos", READ, handle_bitpos, -3, 1, 1, 1, RD),
    ROW(BLMOVE, "blmove", WRITE, handle_blmove, 6, 1, 2, 1, WR | OOM | NOSCRIPT | BLOCKING),
    ROW(BLMPOP, "blmpop", WRITE, handle_blmpop, -5, 0, 0, 0, WR | BLOCKING | MOVABLE),
    ROW(BLPOP, "blpop", WRITE, handle_blpop, -3, 1, -2, 1, WR | NOSCRIPT | BLOCKING),
    ROW(BRPOP, "brpop", WRITE, handle_brpop, -3, 1, -2, 1, WR | NOSCRIPT | BLOCKING),
    ROW(BRPOPLPUSH, "brpoplpush", WRITE,
        handle_brpoplpush, 4, 1, 2, 1, WR | OOM | NOSCRIPT | BLOCKING),
    ROW(BZMPOP, "bzmpop", WRITE, handle_bzmpop, -5, 0, 0, 0, WR | BLOCKING | MOVABLE),
    ROW(BZPOPMAX, "bzpopmax", WRITE,
        handle_bzpopmax, -3, 1, -2, 1, WR | FAST | NOSCRIPT | BLOCKING),
    ROW(BZPOPMIN, "bzpopmin", WRITE,
        handle_bzpopmin, -3, 1, -2, 1, WR | FAST | NOSCRIPT | BLOCKING),
    ROW(CLIENT, "client", NODE, NULL, -2, 0, 0, 0, 0),
    SUB(CLIENT_GETNAME, "client", "getname", NODE, NULL, 2, 0, 0, 0, NOSCRIPT | ANYTIME),
    SUB(CLIENT_HELP, "client", "help", NODE, handle_help, 2, 0, 0, 0, ANYTIME),
    SUB(CLIENT_ID, "client", "id", NODE, NULL, 2, 0, 0, 0, NOSCRIPT | ANYTIME),
    SUB(CLIENT_INFO, "client", "info", NODE, NULL, 2, 0, 0, 0, NOSCRIPT | ANYTIME),
    SUB(CLIENT_KILL, "client", "kill", NODE, NULL, -3, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(CLIENT_LIST, "client", "list", NODE, NULL, -2, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(CLIENT_NO_EVICT, "client", "no-evict", NODE, NULL, 3, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(CLIENT_PAUSE, "client", "pause", NODE, NULL, -3, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(CLIENT_REPLY, "client", "reply", NODE, NULL, 3, 0, 0, 0, NOSCRIPT | ANYTIME),
    SUB(CLIENT_SETINFO, "client", "setinfo", NODE, NULL, 4, 0, 0, 0, NOSCRIPT | ANYTIME),
    SUB(CLIENT_SETNAME, "client", "setname", NODE, NULL, 3, 0, 0, 0, NOSCRIPT | ANYTIME),
    SUB(CLIENT_UNBLOCK, "client", "unblock", NODE, NULL, -3, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(CLIENT_UNPAUSE, "client", "unpause", NODE, NULL, 2, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    ROW(COMMAND, "command", NODE, handle_command, -1, 0, 0, 0, ANYTIME),
    SUB(COMMAND_COUNT, "command", "count", NODE, handle_command_count, 2, 0, 0, 0, ANYTIME),
    SUB(COMMAND_DOCS, "command", "docs", NODE, handle_command_docs, -2, 0, 0, 0, ANYTIME),
    SUB(COMMAND_GETKEYS, "command", "getkeys", NODE, handle_command_getkeys, -4, 0, 0, 0, ANYTIME),
    SUB(COMMAND_GETKEYSANDFLAGS, "command", "getkeysandflags", NODE,
        handle_command_getkeysandflags, -4, 0, 0, 0, ANYTIME),
    SUB(COMMAND_HELP, "command", "help", NODE, handle_help, 2, 0, 0, 0, ANYTIME),
    SUB(COMMAND_INFO, "command", "info", NODE, handle_command_info, -2, 0, 0, 0, ANYTIME),
    SUB(COMMAND_LIST, "command", "list", NODE, handle_command_list, -2, 0, 0, 0, ANYTIME),
    ROW(CONFIG, "config", NODE, NULL, -2, 0, 0, 0, 0),
    SUB(CONFIG_GET, "config", "get", NODE, NULL, -3, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(CONFIG_HELP, "config", "help", NODE, handle_help, 2, 0, 0, 0, ANYTIME),
    SUB(CONFIG_RESETSTAT, "config", "resetstat", NODE,
        NULL, 2, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(CONFIG_SET, "config", "set", NODE, NULL, -4, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    ROW(COPY, "copy", WRITE, handle_copy, -3, 1, 2, 1, WR | OOM),
    ROW(DBSIZE, "dbsize", READ, handle_dbsize, 1, 0, 0, 0, RD | FAST),
    ROW(DEBUG, "debug", NODE, NULL, -2, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME | PROTECTED),
    ROW(DECR, "decr", WRITE, handle_decr, 2, 1, 1, 1, WR | OOM | FAST),
    ROW(DECRBY, "decrby", WRITE, handle_decrby, 3, 1, 1, 1, WR | OOM | FAST),
    ROW(DEL, "del", WRITE, handle_del, -2, 1, -1, 1, WR),
    ROW(DISCARD, "discard", NODE, NULL, 1, 0, 0, 0, NOSCRIPT | ANYTIME | FAST | BUSY),
    ROW(DUMP, "dump", READ, handle_dump, 2, 1, 1, 1, RD),
    ROW(ECHO, "echo", NODE, handle_echo, 2, 0, 0, 0, ANYTIME | FAST),
    ROW(EXEC, "exec", WRITE, NULL, 1, 0, 0, 0, NOSCRIPT | ANYTIME | SKIP_SLOWLOG),
    ROW(EXISTS, "exists", READ, handle_exists, -2, 1, -1, 1, RD | FAST),
    ROW(EXPIRE, "expire", WRITE, handle_expire, -3, 1, 1, 1, WR | FAST),
    ROW(EXPIREAT, "expireat", WRITE, handle_expireat, -3, 1, 1, 1, WR | FAST),
    ROW(EXPIRETIME, "expiretime", READ, handle_expiretime, 2, 1, 1, 1, RD | FAST),
    ROW(FLUSHALL, "flushall", WRITE, handle_flushall, -1, 0, 0, 0, WR),
    ROW(FLUSHDB, "flushdb", WRITE, handle_flushdb, -1, 0, 0, 0, WR),
    ROW(FUNCTION, "function", NODE, NULL, -2, 0, 0, 0, 0),
    SUB(FUNCTION_FLUSH, "function", "flush", NODE,
        handle_function_flush, -2, 0, 0, 0, NOSCRIPT),
    SUB(FUNCTION_HELP, "function", "help", NODE, handle_help, 2, 0, 0, 0, ANYTIME),
    SUB(FUNCTION_LIST, "function", "list", NODE, handle_function_list, -2, 0, 0, 0, NOSCRIPT),
    ROW(GEOADD, "geoadd", WRITE, handle_geoadd, -5, 1, 1, 1, WR | OOM),
    ROW(GEODIST, "geodist", READ, handle_geodist, -4, 1, 1, 1, RD),
    ROW(GEOHASH, "geohash", READ, handle_geohash, -2, 1, 1, 1, RD),
    ROW(GEOPOS, "geopos", READ, handle_geopos, -2, 1, 1, 1, RD),
    ROW(GEORADIUS, "georadius", WRITE, handle_georadius, -6, 1, 1, 1, WR | OOM | MOVABLE),
    ROW(GEORADIUS_RO, "georadius_ro", READ, handle_georadius, -6, 1, 1, 1, RD),
    ROW(GEORADIUSBYMEMBER, "georadiusbymember", WRITE,
        handle_georadiusbymember, -5, 1, 1, 1, WR | OOM | MOVABLE),
    ROW(GEORADIUSBYMEMBER_RO, "georadiusbymember_ro", READ,
        handle_georadiusbymember, -5, 1, 1, 1, RD),
    ROW(GEOSEARCH, "geosearch", READ, handle_geosearch, -7, 1, 1, 1, RD),
    ROW(GEOSEARCHSTORE, "geosearchstore", WRITE, handle_geosearchstore, -8, 1, 2, 1, WR | OOM),
    ROW(GET, "get", READ, handle_get, 2, 1, 1, 1, RD | FAST),
    ROW(GETBIT, "getbit", READ, handle_getbit, 3, 1, 1, 1, RD | FAST),
    ROW(GETDEL, "getdel", WRITE, handle_getdel, 2, 1, 1, 1, WR | FAST),
    ROW(GETEX, "getex", WRITE, handle_getex, -2, 1, 1, 1, WR | FAST),
    ROW(GETRANGE, "getrange", READ, handle_getrange, 4, 1, 1, 1, RD),
    ROW(GETSET, "getset", WRITE, handle_getset, 3, 1, 1, 1, WR | OOM | FAST),
    ROW(HDEL, "hdel", WRITE, handle_hdel, -3, 1, 1, 1, WR | FAST),
    ROW(HELLO, "hello", NODE, NULL, -1, 0, 0, 0, NOSCRIPT | ANYTIME | FAST | OPEN),
    ROW(HEXISTS, "hexists", READ, handle_hexists, 3, 1, 1, 1, RD | FAST),
    ROW(HGET, "hget", READ, handle_hget, 3, 1, 1, 1, RD | FAST),
    ROW(HGETALL, "hgetall", READ, handle_hgetall, 2, 1, 1, 1, RD),
    ROW(HINCRBY, "hincrby", WRITE, handle_hincrby, 4, 1, 1, 1, WR | OOM | FAST),
    ROW(HINCRBYFLOAT, "hincrbyfloat", WRITE, handle_hincrbyfloat, 4, 1, 1, 1, WR | OOM | FAST),
    ROW(HKEYS, "hkeys", READ, handle_hkeys, 2, 1, 1, 1, RD),
    ROW(HLEN, "hlen", READ, handle_hlen, 2, 1, 1, 1, RD | FAST),
    ROW(HMGET, "hmget", READ, handle_hmget, -3, 1, 1, 1, RD | FAST),
    ROW(HMSET, "hmset", WRITE, handle_hmset, -4, 1, 1, 1, WR | OOM | FAST),
    ROW(HRANDFIELD, "hrandfield", READ, handle_hrandfield, -2, 1, 1, 1, RD),
    ROW(HSCAN, "hscan", READ, handle_hscan, -3, 1, 1, 1, RD),
    ROW(HSET, "hset", WRITE, handle_hset, -4, 1, 1, 1, WR | OOM | FAST),
    ROW(HSETNX, "hsetnx", WRITE, handle_hsetnx, 4, 1, 1, 1, WR | OOM | FAST),
    ROW(HSTRLEN, "hstrlen", READ, handle_hstrlen, 3, 1, 1, 1, RD | FAST),
    ROW(HVALS, "hvals", READ, handle_hvals, 2, 1, 1, 1, RD),
    ROW(INCR, "incr", WRITE, handle_incr, 2, 1, 1, 1, WR | OOM | FAST),
    ROW(INCRBY, "incrby", WRITE, handle_incrby, 3, 1, 1, 1, WR | OOM | FAST),
    ROW(INCRBYFLOAT, "incrbyfloat", WRITE, handle_incrbyfloat, 3, 1, 1, 1, WR | OOM | FAST),
    ROW(INFO, "info", NODE, NULL, -1, 0, 0, 0, ANYTIME),
    ROW(KEYS, "keys", READ, handle_keys, 2, 0, 0, 0, RD),
    ROW(LASTSAVE, "lastsave", NODE, NULL, 1, 0, 0, 0, ANYTIME | FAST),
    ROW(LATENCY, "latency", NODE, NULL, -2, 0, 0, 0, 0),
    SUB(LATENCY_DOCTOR, "latency", "doctor", NODE, NULL, 2, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(LATENCY_GRAPH, "latency", "graph", NODE, NULL, 3, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(LATENCY_HELP, "latency", "help", NODE, handle_help, 2, 0, 0, 0, ANYTIME),
    SUB(LATENCY_HISTOGRAM, "latency", "histogram",
        NODE, NULL, -2, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(LATENCY_HISTORY, "latency", "history", NODE, NULL, 3, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(LATENCY_LATEST, "latency", "latest", NODE, NULL, 2, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(LATENCY_RESET, "latency", "reset", NODE, NULL, -2, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    ROW(LCS, "lcs", READ, handle_lcs, -3, 1, 2, 1, RD),
    ROW(LINDEX, "lindex", READ, handle_lindex, 3, 1, 1, 1, RD),
    ROW(LINSERT, "linsert", WRITE, handle_linsert, 5, 1, 1, 1, WR | OOM),
    ROW(LLEN, "llen", READ, handle_llen, 2, 1, 1, 1, RD | FAST),
    ROW(LMOVE, "lmove", WRITE, handle_lmove, 5, 1, 2, 1, WR | OOM),
    ROW(LMPOP, "lmpop", WRITE, handle_lmpop, -4, 0, 0, 0, WR | MOVABLE),
    ROW(LPOP, "lpop", WRITE, handle_lpop, -2, 1, 1, 1, WR | FAST),
    ROW(LPOS, "lpos", READ, handle_lpos, -3, 1, 1, 1, RD),
    ROW(LPUSH, "lpush", WRITE, handle_lpush, -3, 1, 1, 1, WR | OOM | FAST),
    ROW(LPUSHX, "lpushx", WRITE, handle_lpushx, -3, 1, 1, 1, WR | OOM | FAST),
    ROW(LRANGE, "lrange", READ, handle_lrange, 4, 1, 1, 1, RD),
    ROW(LREM, "lrem", WRITE, handle_lrem, 4, 1, 1, 1, WR),
    ROW(LSET, "lset", WRITE, handle_lset, 4, 1, 1, 1, WR | OOM),
    ROW(LTRIM, "ltrim", WRITE, handle_ltrim, 4, 1, 1, 1, WR),
    ROW(MEMORY, "memory", READ, NULL, -2, 0, 0, 0, 0),
    SUB(MEMORY_HELP, "memory", "help", NODE, handle_help, 2, 0, 0, 0, ANYTIME),
    SUB(MEMORY_USAGE, "memory", "usage", READ, handle_memory_usage, -3, 2, 2, 1, RD),
    ROW(MGET, "mget", READ, handle_mget, -2, 1, -1, 1, RD | FAST),
    ROW(MONITOR, "monitor", NODE, NULL, 1, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    ROW(MOVE, "move", WRITE, handle_move, 3, 1, 1, 1, WR | FAST),
    ROW(MSET, "mset", WRITE, handle_mset, -3, 1, -1, 2, WR | OOM),
    ROW(MSETNX, "msetnx", WRITE, handle_msetnx, -3, 1, -1, 2, WR | OOM),
    ROW(MULTI, "multi", NODE, NULL, 1, 0, 0, 0, NOSCRIPT | ANYTIME | FAST | BUSY),
    ROW(OBJECT, "object", READ, NULL, -2, 0, 0, 0, 0),
    SUB(OBJECT_ENCODING, "object", "encoding", READ, handle_object_encoding, 3, 2, 2, 1, RD),
    SUB(OBJECT_FREQ, "object", "freq", READ, handle_object_freq, 3, 2, 2, 1, RD),
    SUB(OBJECT_HELP, "object", "help", NODE, handle_help, 2, 0, 0, 0, ANYTIME),
    SUB(OBJECT_IDLETIME, "object", "idletime", READ, handle_object_idletime, 3, 2, 2, 1, RD),
    SUB(OBJECT_REFCOUNT, "object", "refcount", READ, handle_object_refcount, 3, 2, 2, 1, RD),
    ROW(PERSIST, "persist", WRITE, handle_persist, 2, 1, 1, 1, WR | FAST),
    ROW(PEXPIRE, "pexpire", WRITE, handle_pexpire, -3, 1, 1, 1, WR | FAST),
    ROW(PEXPIREAT, "pexpireat", WRITE, handle_pexpireat, -3, 1, 1, 1, WR | FAST),
    ROW(PEXPIRETIME, "pexpiretime", READ, handle_pexpiretime, 2, 1, 1, 1, RD | FAST),
    ROW(PFADD, "pfadd", WRITE, handle_pfadd, -2, 1, 1, 1, WR | OOM | FAST),
    ROW(PFCOUNT, "pfcount", WRITE, handle_pfcount, -2, 1, -1, 1, RD | MAY_REPLICATE),
    ROW(PFDEBUG, "pfdebug", WRITE, handle_pfdebug, 3, 2, 2, 1, WR | OOM | ADMIN),
    ROW(PFMERGE, "pfmerge", WRITE, handle_pfmerge, -2, 1, -1, 1, WR | OOM),
    ROW(PFSELFTEST, "pfselftest", NODE, handle_pfselftest, 1, 0, 0, 0, ADMIN),
    ROW(PING, "ping", NODE, NULL, -1, 0, 0, 0, FAST),
    ROW(PSETEX, "psetex", WRITE, handle_psetex, 4, 1, 1, 1, WR | OOM),
    ROW(PSUBSCRIBE, "psubscribe", NODE, NULL, -2, 0, 0, 0, PUBSUB | NOSCRIPT | ANYTIME),
    ROW(PTTL, "pttl", READ, handle_pttl, 2, 1, 1, 1, RD | FAST),
    ROW(PUBLISH, "publish", WRITE, handle_publish, 3, 0, 0, 0, PUBSUB | ANYTIME | FAST | LOGGED),
    ROW(PUBSUB, "pubsub", NODE, NULL, -2, 0, 0, 0, 0),
    SUB(PUBSUB_CHANNELS, "pubsub", "channels", NODE, NULL, -2, 0, 0, 0, PUBSUB | ANYTIME),
    SUB(PUBSUB_HELP, "pubsub", "help", NODE, handle_help, 2, 0, 0, 0, ANYTIME),
    SUB(PUBSUB_NUMPAT, "pubsub", "numpat", NODE, NULL, 2, 0, 0, 0, PUBSUB | ANYTIME),
    SUB(PUBSUB_NUMSUB, "pubsub", "numsub", NODE, NULL, -2, 0, 0, 0, PUBSUB | ANYTIME),
    SUB(PUBSUB_SHARDCHANNELS, "pubsub", "shardchannels",
        NODE, NULL, -2, 0, 0, 0, PUBSUB | ANYTIME),
    SUB(PUBSUB_SHARDNUMSUB, "pubsub", "shardnumsub", NODE, NULL, -2, 0, 0, 0, PUBSUB | ANYTIME),
    ROW(PUNSUBSCRIBE, "punsubscribe", NODE, NULL, -1, 0, 0, 0, PUBSUB | NOSCRIPT | ANYTIME),
    ROW(QUIT, "quit", NODE, NULL, -1, 0, 0, 0, NOSCRIPT | ANYTIME | FAST | OPEN),
    ROW(QUORUM, "quorum", NODE, NULL, -2, 0, 0, 0, 0),
    SUB(QUORUM_ADD, "quorum", "add", NODE, NULL, -4, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(QUORUM_ADDRESSES, "quorum", "addresses", NODE,
        NULL, -5, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(QUORUM_BACKUP, "quorum", "backup", NODE, NULL, -3, 0, 0, 0, ADMIN | NOSCRIPT | NO_ASYNC),
    SUB(QUORUM_HELP, "quorum", "help", NODE, handle_help, 2, 0, 0, 0, ANYTIME),
    SUB(QUORUM_MEMBERS, "quorum", "members", NODE, NULL, 2, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(QUORUM_PROMOTE, "quorum", "promote", NODE, NULL, -3, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(QUORUM_REMOVE, "quorum", "remove", NODE, NULL, -3, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    SUB(QUORUM_TRANSFER, "quorum", "transfer", NODE,
        NULL, -2, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME),
    ROW(RANDOMKEY, "randomkey", READ, handle_randomkey, 1, 0, 0, 0, RD),
    ROW(READONLY, "readonly", NODE, NULL, 1, 0, 0, 0, ANYTIME | FAST),
    ROW(READWRITE, "readwrite", NODE, NULL, 1, 0, 0, 0, ANYTIME | FAST),
    ROW(RENAME, "rename", WRITE, handle_rename, 3, 1, 2, 1, WR),
    ROW(RENAMENX, "renamenx", WRITE, handle_renamenx, 3, 1, 2, 1, WR | FAST),
    ROW(RESET, "reset", NODE, NULL, 1, 0, 0, 0, NOSCRIPT | ANYTIME | FAST | OPEN),
    ROW(RESTORE, "restore", WRITE, handle_restore, -4, 1, 1, 1, WR | OOM),
    ROW(ROLE, "role", NODE, NULL, 1, 0, 0, 0, NOSCRIPT | ANYTIME | FAST),
    ROW(RPOP, "rpop", WRITE, handle_rpop, -2, 1, 1, 1, WR | FAST),
    ROW(RPOPLPUSH, "rpoplpush", WRITE, handle_rpoplpush, 3, 1, 2, 1, WR | OOM),
    ROW(RPUSH, "rpush", WRITE, handle_rpush, -3, 1, 1, 1, WR | OOM | FAST),
    ROW(RPUSHX, "rpushx", WRITE, handle_rpushx, -3, 1, 1, 1, WR | OOM | FAST),
    ROW(SADD, "sadd", WRITE, handle_sadd, -3, 1, 1, 1, WR | OOM | FAST),
    ROW(SAVE, "save", NODE, NULL, 1, 0, 0, 0, ADMIN | NOSCRIPT | NO_ASYNC | NO_MULTI),
    ROW(SCAN, "scan", READ, handle_scan, -2, 0, 0, 0, RD),
    ROW(SCARD, "scard", READ, handle_scard, 2, 1, 1, 1, RD | FAST),
    ROW(SDIFF, "sdiff", READ, handle_sdiff, -2, 1, -1, 1, RD),
    ROW(SDIFFSTORE, "sdiffstore", WRITE, handle_sdiffstore, -3, 1, -1, 1, WR | OOM),
    ROW(SELECT, "select", NODE, NULL, 2, 0, 0, 0, ANYTIME | FAST),
    ROW(SET, "set", WRITE, handle_set, -3, 1, 1, 1, WR | OOM),
    ROW(SETBIT, "setbit", WRITE, handle_setbit, 4, 1, 1, 1, WR | OOM),
    ROW(SETEX, "setex", WRITE, handle_setex, 4, 1, 1, 1, WR | OOM),
    ROW(SETNX, "setnx", WRITE, handle_setnx, 3, 1, 1, 1, WR | OOM | FAST),
    ROW(SETRANGE, "setrange", WRITE, handle_setrange, 4, 1, 1, 1, WR | OOM),
    ROW(SHUTDOWN, "shutdown", NODE,
        NULL, -1, 0, 0, 0, ADMIN | NOSCRIPT | ANYTIME | NO_MULTI | BUSY),
    ROW(SINTER, "sinter", READ, handle_sinter, -2, 1, -1, 1, RD),
    ROW(SINTERCARD, "sintercard", READ, handle_sintercard, -3, 0, 0, 0, RD | MOVABLE),
    ROW(SINTERSTORE, "sinterstore", WRITE, handle_sinterstore, -3, 1, -1, 1, WR | OOM),
    ROW(SISMEMBER, "sismember", READ, handle_sismember, 3, 1, 1, 1, RD | FAST),
    ROW(SLOWLOG, "slowlog", NODE, NULL, -2, 0, 0, 0, 0),
    SUB(SLOWLOG_GET, "slowlog", "get", NODE, NULL, -2, 0, 0, 0, ADMIN | ANYTIME),
    SUB(SLOWLOG_HELP, "slowlog", "help", NODE, handle_help, 2, 0, 0, 0, ANYTIME),
    SUB(SLOWLOG_LEN, "slowlog", "len", NODE, NULL, 2, 0, 0, 0, ADMIN | ANYTIME),
    SUB(SLOWLOG_RESET, "slowlog", "reset", NODE, NULL, 2, 0, 0, 0, ADMIN | ANYTIME),
    ROW(SMEMBERS, "smembers", READ, handle_smembers, 2, 1, 1, 1, RD),
    ROW(SMISMEMBER, "smismember", READ, handle_smismember, -3, 1, 1, 1, RD | FAST),
    ROW(SMOVE, "smove", WRITE, handle_smove, 4, 1, 2, 1, WR | FAST),
    ROW(SORT, "sort", WRITE, handle_sort, -2, 1, 1, 1, WR | OOM | MOVABLE),
    ROW(SORT_RO, "sort_ro", READ, handle_sort, -2, 1, 1, 1, RD | MOVABLE),
    ROW(SPOP, "spop", WRITE, handle_spop, -2, 1, 1, 1, WR | FAST),
    ROW(SPUBLISH, "spublish", WRITE, handle_spublish, 3, 1, 1, 1, PUBSUB | ANYTIME | FAST | LOGGED),
    ROW(SRANDMEMBER, "srandmember", READ, handle_srandmember, -2, 1, 1, 1, RD),
    ROW(SREM, "srem", WRITE, handle_srem, -3, 1, 1, 1, WR | FAST),
    ROW(SSCAN, "sscan", READ, handle_sscan, -3, 1, 1, 1, RD),
    ROW(SSUBSCRIBE, "ssubscribe", NODE, NULL, -2, 1, -1, 1, PUBSUB | NOSCRIPT | ANYTIME),
    ROW(STRLEN, "strlen", READ, handle_strlen, 2, 1, 1, 1, RD | FAST),
    ROW(SUBSCRIBE, "subscribe", NODE, NULL, -2, 0, 0, 0, PUBSUB | NOSCRIPT | ANYTIME),
    ROW(SUBSTR, "substr", READ, handle_getrange, 4, 1, 1, 1, RD),
    ROW(SUNION, "sunion", READ, handle_sunion, -2, 1, -1, 1, RD),
    ROW(SUNIONSTORE, "sunionstore", WRITE, handle_sunionstore, -3, 1, -1, 1, WR | OOM),
    ROW(SUNSUBSCRIBE, "sunsubscribe", NODE, NULL, -1, 1, -1, 1, PUBSUB | NOSCRIPT | ANYTIME),
    ROW(SWAPDB, "swapdb", WRITE, handle_swapdb, 3, 0, 0, 0, WR | FAST),
    ROW(TIME, "time", NODE, NULL, 1, 0, 0, 0, ANYTIME | FAST),
    ROW(TOUCH, "touch", READ, handle_touch, -2, 1, -1, 1, RD | FAST),
    ROW(TTL, "ttl", READ, handle_ttl, 2, 1, 1, 1, RD | FAST),
    ROW(TYPE, "type", READ, handle_type, 2, 1, 1, 1, RD | FAST),
    ROW(UNLINK, "unlink", WRITE, handle_del, -2, 1, -1, 1, WR | FAST),
    ROW(UNSUBSCRIBE, "unsubscribe", NODE, NULL, -1, 0, 0, 0, PUBSUB | NOSCRIPT | ANYTIME),
    ROW(UNWATCH, "unwatch", NODE, NULL, 1, 0, 0, 0, NOSCRIPT | ANYTIME | FAST | BUSY),
    ROW(WAIT, "wait", NODE, NULL, 3, 0, 0, 0, NOSCRIPT),
    ROW(WATCH, "watch", READ, handle_watch, -2, 1, -1, 1, NOSCRIPT | ANYTIME | FAST | BUSY),
    ROW(ZADD, "zadd", WRITE, handle_zadd, -4, 1, 1, 1, WR | OOM | FAST),
    ROW(ZCARD, "zcard", READ, handle_zcard, 2, 1, 1, 1, RD | FAST),
    ROW(ZCOUNT, "zcount", READ, handle_zcount, 4, 1, 1, 1, RD | FAST),
    ROW(ZDIFF, "zdiff", READ, handle_zdiff, -3, 0, 0, 0, RD | MOVABLE),
    ROW(ZDIFFSTORE, "zdiffstore", WRITE, handle_zdiffstore, -4, 1, 1, 1, WR | OOM | MOVABLE),
    ROW(ZINCRBY, "zincrby", WRITE, handle_zincrby, 4, 1, 1, 1, WR | OOM | FAST),
    ROW(ZINTER, "zinter", READ, handle_zinter, -3, 0, 0, 0, RD | MOVABLE),
    ROW(ZINTERCARD, "zintercard", READ, handle_zintercard, -3, 0, 0, 0, RD | MOVABLE),
    ROW(ZINTERSTORE, "zinterstore", WRITE, handle_zinterstore, -4, 1, 1, 1, WR | OOM | MOVABLE),
    ROW(ZLEXCOUNT, "zlexcount", READ, handle_zlexcount, 4, 1, 1, 1, RD | FAST),
    ROW(ZMPOP, "zmpop", WRITE, handle_zmpop, -4, 0, 0, 0, WR | MOVABLE),
    ROW(ZMSCORE, "zmscore", READ, handle_zmscore, -3, 1, 1, 1, RD | FAST),
    ROW(ZPOPMAX, "zpopmax", WRITE, handle_zpopmax, -2, 1, 1, 1, WR | FAST),
    ROW(ZPOPMIN, "zpopmin", WRITE, handle_zpopmin, -2, 1, 1, 1, WR | FAST),
    ROW(ZRANDMEMBER, "zrandmember", READ, handle_zrandmember, -2, 1, 1, 1, RD),
    ROW(ZRANGE, "zrange", READ, handle_zrange, -4, 1, 1, 1, RD),
    ROW(ZRANGEBYLEX, "zrangebylex", READ, handle_zrangebylex, -4, 1, 1, 1, RD),
    ROW(ZRANGEBYSCORE, "zrangebyscore", READ, handle_zrangebyscore, -4, 1, 1, 1, RD),
    ROW(ZRANGESTORE, "zrangestore", WRITE, handle_zrangestore, -5, 1, 2, 1, WR | OOM),
    ROW(ZRANK, "zrank", READ, handle_zrank, 3, 1, 1, 1, RD | FAST),
    ROW(ZREM, "zrem", WRITE, handle_zrem, -3, 1, 1, 1, WR | FAST),
    ROW(ZREMRANGEBYLEX, "zremrangebylex", WRITE, handle_zremrangebylex, 4, 1, 1, 1, WR),
    ROW(ZREMRANGEBYRANK, "zremrangebyrank", WRITE, handle_zremrangebyrank, 4, 1, 1, 1, WR),
    ROW(ZREMRANGEBYSCORE, "zremrangebyscore", WRITE, handle_zremrangebyscore, 4, 1, 1, 1, WR),
    ROW(ZREVRANGE, "zrevrange", READ, handle_zrevrange, -4, 1, 1, 1, RD),
    ROW(ZREVRANGEBYLEX, "zrevrangebylex", READ, handle_zrevrangebylex, -4, 1, 1, 1, RD),
    ROW(ZREVRANGEBYSCORE, "zrevrangebyscore", READ, handle_zrevrangebyscore, -4, 1, 1, 1, RD),
    ROW(ZREVRANK, "zrevrank", READ, handle_zrevrank, 3, 1, 1, 1, RD | FAST),
    ROW(ZSCAN, "zscan", READ, handle_zscan, -3, 1, 1, 1, RD),
    ROW(ZSCORE, "zscore", READ, handle_zscore, 3, 1, 1, 1, RD | FAST),
    ROW(ZUNION, "zunion", READ, handle_zunion, -3, 0, 0, 0, RD | MOVABLE),
    ROW(ZUNIONSTORE, "zunionstore", WRITE, handle_zunionstore, -4, 1, 1, 1, WR | OOM | MOVABLE),
};
/* clang-format on */

/*
 * The index from names to rows. A name of at most 24 bytes is folded to lower case by setting bit
 * 5 of every byte and read as three words. Folding makes no other byte a lower-case letter, and the
 * size is compared too, so equal words mean equal names. Open addressing, less than half full;
 * built at the first look-up, the same in every process.
 */
enum { INDEX_SLOTS = 512, NAME_WORDS = 3, NAME_BYTES_MAX = NAME_WORDS * sizeof(uint64_t) };

struct folded_name {
    uint64_t words[NAME_WORDS];
};

struct index_slot {
    struct folded_name name;
    const struct command *command; /* NULL: free */
    size_t name_size;
};

static struct index_slot index_slots[INDEX_SLOTS];
static uint32_t subcommands_count[COMMAND_ID_COUNT];
static uint32_t commands_count;

static struct folded_name fold(const uint8_t *bytes, size_t size)
{
    struct folded_name name = {{0}};
    memcpy(name.words, bytes, size);
    for (uint32_t i = 0; i < NAME_WORDS; i++) {
        name.words[i] |= 0x2020202020202020u;
    }
    return name;
}

static uint32_t slot_of(const struct folded_name *name)
{
    uint64_t mixed = (name->words[0] ^ (name->words[1] >> 3)) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(mixed >> 55);
}

static void add_to_index(const struct command *command)
{
    size_t size = strlen(command->name);
    ASSERT(size <= NAME_BYTES_MAX);
    struct folded_name name = fold((const uint8_t *)command->name, size);
    uint32_t slot = slot_of(&name);
    while (index_slots[slot].command != NULL) {
        slot = (slot + 1) % INDEX_SLOTS;
    }
    index_slots[slot] = (struct index_slot){name, command, size};
}

static void build_index(void)
{
    enum command_id container = COMMAND_ID_COUNT;
    for (uint32_t i = 0; i < COMMAND_ID_COUNT; i++) {
        if (commands[i].container == NULL) {
            container = commands[i].id;
            add_to_index(&commands[i]);
            commands_count++;
        } else {
            ASSERT(container != COMMAND_ID_COUNT);
            subcommands_count[container]++;
        }
    }
}

const struct command *command_lookup(struct slice name)
{
    if (commands_count == 0) {
        build_index();
    }
    if (name.size == 0 || name.size > NAME_BYTES_MAX) {
        return NULL;
    }
    struct folded_name folded = fold(name.bytes, name.size);
    uint32_t slot = slot_of(&folded);
    for (; index_slots[slot].command != NULL; slot = (slot + 1) % INDEX_SLOTS) {
        const struct index_slot *found = &index_slots[slot];
        if (found->name.words[0] == folded.words[0] && found->name.words[1] == folded.words[1] &&
            found->name.words[2] == folded.words[2] && found->name_size == name.size) {
            return found->command;
        }
    }
    return NULL;
}

uint32_t command_count(void)
{
    if (commands_count == 0) {
        build_index();
    }
    return commands_count;
}

const struct command *command_by_id(enum command_id id)
{
    ASSERT(id < COMMAND_ID_COUNT);
    return &commands[id];
}

uint32_t command_subcommands_count(const struct command *container)
{
    (void)command_count();
    return subcommands_count[container->id];
}

const struct command *command_lookup_subcommand(const struct command *container, struct slice name)
{
    size_t prefix = strlen(container->name) + 1;
    for (uint32_t i = 1; i <= command_subcommands_count(container); i++) {
        const struct command *command = &commands[container->id + i];
        if (slice_is_word(name, command->name + prefix)) {
            return command;
        }
    }
    return NULL;
}

const struct command *command_lookup_full(struct slice name)
{
    const uint8_t *bar = name.size == 0 ? NULL : memchr(name.bytes, '|', name.size);
    if (bar == NULL) {
        return command_lookup(name);
    }
    size_t prefix = (size_t)(bar - name.bytes);
    const struct command *container = command_lookup(slice_of(name.bytes, prefix));
    if (container == NULL) {
        return NULL;
    }
    return command_lookup_subcommand(container, slice_of(bar + 1, name.size - prefix - 1));
}
