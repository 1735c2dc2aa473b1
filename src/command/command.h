/* command.h -- the command table and how a command runs: implemented once, whoever asks.
 *
 * One row a command or subcommand (command_list.h); data commands have their handler here, in the
 * t_*.c files. Commands about the connection or the node have no handler here: the executor (in
 * replica) answers them, by their id.
 */
#ifndef QUORUM_COMMAND_COMMAND_H
#define QUORUM_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "base/result.h"
#include "base/slice.h"
#include "kv/keyspace.h"
#include "wire/reply.h"

/* Who answers a command. */
enum command_class {
    COMMAND_CLASS_READ,  /* from the keyspace, after a ReadIndex round; changes nothing */
    COMMAND_CLASS_WRITE, /* through the log: every node runs the handler at apply */
    COMMAND_CLASS_NODE,  /* by this node alone, never through Raft; handler may be NULL here */
};

/* Bits of command.flags, named as COMMAND INFO names them. */
#define COMMAND_FLAG_WRITE (1u << 0)
#define COMMAND_FLAG_READONLY (1u << 1)
#define COMMAND_FLAG_DENYOOM (1u << 2)
#define COMMAND_FLAG_ADMIN (1u << 3)
#define COMMAND_FLAG_PUBSUB (1u << 4)
#define COMMAND_FLAG_NOSCRIPT (1u << 5)
#define COMMAND_FLAG_BLOCKING (1u << 6)
#define COMMAND_FLAG_LOADING (1u << 7)
#define COMMAND_FLAG_STALE (1u << 8)
#define COMMAND_FLAG_SKIP_MONITOR (1u << 9)
#define COMMAND_FLAG_SKIP_SLOWLOG (1u << 10)
#define COMMAND_FLAG_ASKING (1u << 11)
#define COMMAND_FLAG_FAST (1u << 12)
#define COMMAND_FLAG_NO_AUTH (1u << 13)
#define COMMAND_FLAG_MAY_REPLICATE (1u << 14)
#define COMMAND_FLAG_NO_MANDATORY_KEYS (1u << 15)
#define COMMAND_FLAG_PROTECTED (1u << 16)
#define COMMAND_FLAG_MOVABLEKEYS (1u << 17)
#define COMMAND_FLAG_ALLOW_BUSY (1u << 18)
#define COMMAND_FLAG_NO_MULTI (1u << 19)
#define COMMAND_FLAG_NO_ASYNC_LOADING (1u << 20)

struct command_events;

/* How a command with COMMAND_FLAG_BLOCKING ended. */
enum command_miss {
    COMMAND_MISS_NONE,       /* it was served, or its arguments were refused */
    COMMAND_MISS_EMPTY,      /* no key had elements: outside a transaction, its client waits */
    COMMAND_MISS_WRONG_TYPE, /* a key to be popped from is of another type */
};

/* What a handler works with. Everything is borrowed. */
struct command_context {
    struct keyspace *keyspace;
    const struct command *command;
    uint32_t database; /* SELECTed, below LIMIT_DATABASES */
    const struct slice *arguments;
    uint32_t arguments_count;
    struct reply *reply;
    struct command_events *events; /* command_events.h; NULL: nobody listens */
    enum command_miss miss;        /* set by the handler; the reply is what a transaction gets */
    int64_t now_ms;      /* the log's clock: decides about expiry; equals keyspace_clock */
    int64_t estimate_ms; /* where that clock probably is by now (>= now_ms): only for what TTL and
                            the like report of a living key; equals now_ms when applying */
    struct prng *prng;   /* when applying: seeded from the entry, so the same on every node */
    uint32_t bulk_bytes_max; /* proto-max-bulk-len: results of APPEND, SETRANGE may not be longer.
                                Applying uses LIMIT_BULK_BYTES, the same on every node. */
};

/* Runs one command and appends exactly one reply. Argument count was checked already. */
typedef void command_handler(struct command_context *context);

#define COMMAND_ID_ROW(id) id,
enum command_id {
#include "command/command_ids.h"
    COMMAND_ID_COUNT
};
#undef COMMAND_ID_ROW

struct command {
    enum command_id id;
    const char *name;      /* lower case; of a subcommand, "client|id" */
    const char *container; /* of a subcommand: "client"; else NULL */
    enum command_class class;
    command_handler *handler; /* NULL: the executor answers, or it only contains subcommands */
    int32_t arity;            /* as in Redis: with the name; negative: at least */
    uint32_t flags;
    int32_t first_key; /* 0: none */
    int32_t last_key;  /* negative: from the end */
    int32_t key_step;
};

/* Finds a command by name, in any case; NULL when there is none. */
const struct command *command_lookup(struct slice name);

/*
 * Resolves the command, or the subcommand of a container, and checks the argument count.
 * arguments_count is at least 1. On failure replies with Redis 7.0's error text ("ERR unknown
 * command ...", "ERR wrong number of arguments for '...' command", "ERR unknown subcommand ...")
 * and returns NULL.
 */
const struct command *command_resolve(const struct slice *arguments, uint32_t arguments_count,
                                      struct reply *reply);

/* The row to run a resolved command by: that of its form that only reads, where these arguments ask
 * for no more (SORT and GEORADIUS without STORE, BITFIELD with nothing but GET), or its own. */
const struct command *command_read_form(const struct command *command,
                                        const struct slice *arguments, uint32_t arguments_count);

/* Number of commands, containers included, subcommands not: COMMAND COUNT. */
uint32_t command_count(void);

/* The row of an id. */
const struct command *command_by_id(enum command_id id);

/* The size check of a value of size bytes that would come to be: replies "ERR string exceeds
 * maximum allowed size (proto-max-bulk-len)" and returns false when it is too large. */
bool command_check_string_size(struct command_context *context, uint64_t size);

#endif
