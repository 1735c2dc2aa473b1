/* host.h -- what the replica asks of the program around it: the few things that are not pure.
 *
 * The server implements this over the operating system and its options; the simulator over its own
 * clock. Every function is called on the loop thread and must not wait.
 */
#ifndef QUORUM_REPLICA_HOST_H
#define QUORUM_REPLICA_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/reply.h"

/* Facts about the process for INFO and the like; the replica knows the rest. */
struct host_facts {
    const char *version; /* of Quorum */
    const char *os;      /* as uname: system, release, machine */
    const char *executable;
    const char *config_file; /* "" when none */
    const char *data_directory;
    const char *malloc_name;
    const char *run_id; /* 40 hexadecimal digits, new at every start */
    uint32_t process_id;
    uint16_t redis_port;
    uint16_t http_port;
    uint16_t raft_port;
    int64_t started_wall_ms;
    uint64_t uptime_ms;
    uint64_t memory_resident_bytes; /* RSS */
    uint64_t memory_system_bytes;   /* of the machine */
    double cpu_user_seconds, cpu_system_seconds;
    uint64_t connections_received;
    uint64_t connections_rejected;
    uint64_t net_input_bytes, net_output_bytes;   /* clients */
    uint64_t peer_input_bytes, peer_output_bytes; /* other nodes */
    uint32_t clients_max;
    /* The log store. */
    uint64_t storage_commits, storage_units;
    uint64_t storage_fsync_us_total, storage_fsync_us_max;
    uint64_t storage_wal_bytes, storage_database_bytes, storage_checkpoints;
    uint64_t storage_waiting_us; /* how long the oldest of what is not on disk yet has waited */
    /* The file system of the data directory. */
    uint64_t disk_free_bytes;
    bool disk_has_reserve; /* a file that is given up when the disk is full */
    bool disk_is_low;      /* too little room for writes that need some */
};

struct replica_host {
    void *context; /* first argument of each */
    uint64_t (*monotonic_us)(void *context);
    int64_t (*wall_us)(void *context); /* Unix time; only for TIME, never for data */
    void (*get_facts)(void *context, struct host_facts *facts);
    /* Replies with the map of CONFIG GET for the patterns. */
    void (*config_get)(void *context, const struct slice *patterns, uint32_t count,
                       struct reply *reply);
    /* CONFIG SET of pairs, all or none. Replies "+OK" or an error in Redis's form. */
    void (*config_set)(void *context, const struct slice *pairs, uint32_t pairs_count,
                       struct reply *reply);
    void (*config_resetstat)(void *context); /* its own counters */
    /* DEBUG SLEEP: the one call that does wait, on purpose. */
    void (*sleep)(void *context, uint64_t microseconds);
    /* SHUTDOWN: asks for an orderly stop as by SIGTERM. */
    void (*shutdown)(void *context);
};

#endif
