/* executor_internal.h -- private to the executor's family: its state and what its files share. */
#ifndef QUORUM_REPLICA_EXECUTOR_INTERNAL_H
#define QUORUM_REPLICA_EXECUTOR_INTERNAL_H

#include "base/list.h"
#include "base/prng.h"
#include "command/command.h"
#include "replica/blocked.h"
#include "replica/executor.h"
#include "replica/latency.h"
#include "replica/notify.h"
#include "replica/pubsub.h"
#include "replica/replica.h"
#include "replica/session_internal.h"
#include "replica/slow_log.h"

struct replica;

/* What INFO commandstats shows. */
struct command_stats {
    uint64_t calls;
    uint64_t microseconds;
    uint64_t rejected_calls; /* failed before it ran */
    uint64_t failed_calls;   /* ran and answered an error */
};

enum { ERROR_CODES_MAX = 64, ERROR_CODE_BYTES = 24 };

/* What INFO errorstats shows: the first word of every error reply, counted. */
struct error_stat {
    char code[ERROR_CODE_BYTES];
    uint64_t count;
};

/* Clients' traffic as INFO shows it. */
struct traffic_sample {
    uint64_t sampled_ms;
    uint64_t input_bytes, output_bytes; /* totals then */
    double input_kbps, output_kbps;
};

struct executor {
    struct replica *replica;
    struct list sessions;
    struct list touched;
    uint32_t clients_count;
    uint64_t last_session_id;
    char *password; /* never NULL */
    uint32_t bulk_bytes_max;
    enum replica_debug_access debug_access;
    uint64_t pause_until_ms;  /* CLIENT PAUSE: 0 when not paused */
    bool is_pause_for_all;    /* else for writes alone */
    uint32_t held_back_count; /* sessions whose command a pause holds back, or did until it ended */
    struct list monitors;     /* sessions in MONITOR, oldest first */
    uint32_t waiting_count;   /* sessions in WAIT, SAVE and the like */
    struct blocked blocked;   /* sessions in BLPOP and the like */
    struct pubsub pubsub;
    struct slow_log slow_log;
    struct latency latency;
    uint64_t last_us;             /* what the newest command took */
    struct command_events events; /* of the command being applied */
    uint32_t notify_flags;        /* notify-keyspace-events */
    uint32_t notify_classes;      /* of them those that are sent */
    bool has_stalled_idle;   /* one is stalled by a pause or a bound, not by its own requests */
    struct buf scratch;      /* replies that nobody wants */
    struct slice *arguments; /* decoded from a queue; grows */
    uint32_t arguments_capacity;
    struct prng prng; /* for reads such as RANDOMKEY */
    uint64_t commands_processed;
    uint64_t operations_per_second; /* of the last whole second */
    uint64_t sampled_ms;
    uint64_t sampled_commands;
    struct traffic_sample traffic;
    uint64_t error_replies;
    uint64_t memory_peak_bytes; /* of used_memory, as INFO saw it */
    struct command_stats stats[COMMAND_ID_COUNT];
    struct latency_histogram histograms[COMMAND_ID_COUNT];
    struct error_stat errors[ERROR_CODES_MAX];
    uint32_t errors_count;
};

void executor_init(struct executor *executor, struct replica *replica, const char *password,
                   uint64_t seed);
void executor_deinit(struct executor *executor);

/* Monotonic milliseconds of this turn. */
uint64_t executor_now_ms(const struct executor *executor);

/* A session's command was executed: tells MONITOR and SLOWLOG. */
void executor_show(const struct session *session, const struct command *command, uint32_t database,
                   const struct slice *arguments, uint32_t arguments_count);

/* Runs a data command into reply and counts it. applying: prng is the entry's; else NULL. */
void executor_run(struct executor *executor, struct command_context *context,
                  struct prng *applying);

/* The same for a command that was counted before: another try of a blocked client's. */
void executor_run_again(struct executor *executor, struct command_context *context,
                        struct prng *applying);

/* The arguments of one write may have so many bytes: more fits into no entry. One is cut when it
 * has LIMIT_ENTRY_BYTES_SOFT, the batch before it may have as much, and there are headers. */
#define EXECUTOR_WRITE_BYTES_MAX (LIMIT_ENTRY_BYTES - 3 * LIMIT_ENTRY_BYTES_SOFT)

/* Puts a write, which was checked, into the batch of this turn. */
void executor_send_write(struct session *session, const struct command *command,
                         const struct slice *arguments, uint32_t arguments_count);

/* Answers the reads at the head of the queue that may be answered now. */
enum drain_mode {
    DRAIN_READY,        /* reads whose round completed, and local ones */
    DRAIN_BEHIND_WRITE, /* also attached ones: a write of this session was just applied */
    DRAIN_ALL,          /* all reads up to the next write: that write is about to be applied */
    DRAIN_GIVE_UP,      /* all reads up to the next write: those not ready fail */
    DRAIN_FAIL,         /* attached reads fail: the write before them was given up */
};
void executor_drain(struct session *session, enum drain_mode mode);

/* Answers the write at the head with an error; every read before it must be answered already. */
void executor_fail_write(struct session *session, const char *error);

/* After answers: wakes the network, and the session if it was stalled. */
void executor_answered(struct session *session);

/* Once a second: takes the rate of commands for INFO. */
void executor_sample(struct executor *executor);

/* Wakes sessions that were stalled by something that may have passed: a pause, a bound, WAIT. */
void executor_wake_stalled(struct executor *executor);

/* Counts an error reply by its code. text starts with the code word. */
void executor_count_error(struct executor *executor, struct slice text);

/* What provably was not done, and may be tried again; and what may have been done. */
#define ERROR_NO_LEADER "CLUSTERDOWN No Raft leader"
#define ERROR_UNKNOWN_OUTCOME                                                                      \
    "UNKNOWN The outcome of this write is not known: it was sent to the leader and not confirmed " \
    "in time. Read before you write again"

#define ERROR_REPLY_LOST                                                                           \
    "UNKNOWN The outcome of this write is not known: this node caught up by a snapshot, which "    \
    "does not hold replies. Read before you write again"
/* No write nor read gets further than this, and none was done. */
#define ERROR_STATE_MISSING "CLUSTERDOWN This node has lost its state and waits for a snapshot"

/* A command answered by this node alone. arguments_count was checked. */
typedef enum execute_result node_command(struct session *session, const struct slice *arguments,
                                         uint32_t arguments_count);

/* The node command of a row, or NULL. */
node_command *node_command_find(enum command_id id);

#endif
