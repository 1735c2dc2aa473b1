/* slow_log.h -- SLOWLOG: the last commands of this node's clients that took long to execute. What
 * waited for the log or a majority does not count, nor do bytes on their way.
 *
 * Source: https://redis.io/docs/latest/commands/slowlog/
 */
#ifndef QUORUM_REPLICA_SLOW_LOG_H
#define QUORUM_REPLICA_SLOW_LOG_H

#include <stdint.h>

#include "base/list.h"
#include "command/command.h"

struct executor;
struct session;

#define SLOW_LOG_THRESHOLD_US 10000
#define SLOW_LOG_ENTRIES_MAX 128

/* Zeroed memory, then slow_log_init. */
struct slow_log {
    struct list entries; /* newest first */
    uint64_t count;
    uint64_t next_id;
    int64_t threshold_us; /* from so many on; negative: none */
    uint64_t count_max;
};

void slow_log_init(struct slow_log *log);
void slow_log_deinit(struct slow_log *log);

/* slowlog-log-slower-than, slowlog-max-len. */
void slow_log_configure(struct slow_log *log, int64_t threshold_us, uint64_t count_max);

/* A session's command was executed in the time that the executor counted last. Arguments are cut as
 * Redis does, and passwords are not kept. */
void slow_log_note(const struct session *session, const struct command *command,
                   const struct slice *arguments, uint32_t arguments_count);

#endif
