/* transaction.h -- MULTI, EXEC, DISCARD, WATCH and UNWATCH of a session (private to replica).
 *
 * DESIGN. Between MULTI and EXEC commands are checked and gathered with the session. EXEC sends
 * them all as one command of this node's batch: one unit in one entry, which is forwarded, sent
 * again and applied exactly once as any write is. Its arguments are "exec", the watches, and the
 * commands as a batch has them. At apply every node compares the watches with its keyspace and runs
 * the commands, reads too, because they may draw from the entry's random numbers; the session's
 * own node has the replies.
 *
 * WATCH is a linearizable read that notes the modification index of each key, 0 if it is not there.
 * Source: https://redis.io/docs/manual/transactions/
 */
#ifndef QUORUM_REPLICA_TRANSACTION_H
#define QUORUM_REPLICA_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "command/command.h"

struct replica;
struct session;
struct command_arguments;

/* Zeroed memory is none. */
struct transaction {
    bool is_open;          /* behind MULTI */
    bool is_aborted;       /* a command of it was refused: EXEC will be, too */
    bool has_node_command; /* SELECT or another that changes the session itself */
    uint32_t database;     /* of the next command, SELECTs among the gathered considered */
    uint32_t flags;        /* of the gathered commands, together */
    uint32_t commands_count;
    struct buf commands; /* as batch_put_command writes them */
    uint32_t watches_count;
    struct buf watches; /* for each: u32 database, u64 modification index, slice key */
};

/* Ends the transaction and forgets the watches; frees the memory. */
void transaction_reset(struct transaction *transaction);

/* Whether a command that was resolved is to be gathered instead of executed. */
bool transaction_takes(const struct session *session, const struct command *command);

/* Gathers a command and replies QUEUED, or with an error, which aborts the transaction. */
void transaction_queue(struct session *session, const struct command *command,
                       const struct slice *arguments, uint32_t arguments_count);

/* Discards the transaction for an EXEC that was refused, and says so in the error that stands in
 * the output from start to its end. */
void transaction_refuse_exec(struct session *session, size_t start);

/* Whether EXEC has something to send; else has replied. No request is waiting. */
bool transaction_begin_exec(struct session *session);

/* Hands the transaction to the batch of this turn, and ends it. */
void transaction_send(struct session *session, const struct command *exec);

/* WATCH was read: notes the keys of its arguments. False: they would be more than an entry has room
 * for beside commands, and none was noted. */
bool transaction_watch(struct session *session, uint32_t database, const struct slice *arguments,
                       uint32_t arguments_count);

/* Whether a command of an entry is a transaction. */
bool transaction_is_entry(const struct command_arguments *arguments);

/* Runs the transaction that replica->arguments hold, with exactly one reply. session is the one
 * that sent it, if it is of this node; else NULL. It may be closed. */
void transaction_apply(struct replica *replica, struct session *session, struct reply *reply,
                       struct prng *prng);

#endif
