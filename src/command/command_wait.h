/* command_wait.h -- commands that wait until a key has elements: BLPOP and its kin.
 *
 * The handler of each is one try: it pops, or it says with command_context.miss that there is
 * nothing to pop, which is all that a transaction or an entry of the log ever does. Waiting is the
 * matter of the node that has the client (replica/blocked.h); here is what it has to know of the
 * arguments.
 */
#ifndef QUORUM_COMMAND_COMMAND_WAIT_H
#define QUORUM_COMMAND_COMMAND_WAIT_H

#include "base/result.h"
#include "command/command.h"
#include "kv/value.h"

/* What a client waits for. */
struct command_wait {
    uint32_t keys_first; /* argument */
    uint32_t keys_count;
    enum value_type type; /* of the keys to be popped from */
    int64_t timeout_ms;   /* 0: none */
};

/* Reads a timeout in seconds, with a fraction: "ERR timeout is not a float or out of range", "ERR
 * timeout is negative" (also for one that is too large, as in Redis 7.0). */
MUST_CHECK bool command_read_timeout(struct command_context *context, uint32_t argument,
                                     int64_t *timeout_ms);

/* Reads the arguments of a command with COMMAND_FLAG_BLOCKING; false: its handler refuses them. It
 * may refuse others, too: what comes behind the keys is not looked at. */
MUST_CHECK bool command_wait_read(const struct command *command, const struct slice *arguments,
                                  uint32_t arguments_count, struct command_wait *out);

/* Makes the arguments of another try that pops from one key alone, into room for arguments_count
 * slices; returns how many there are. All are borrowed. */
uint32_t command_wait_narrow(const struct command *command, const struct slice *arguments,
                             uint32_t arguments_count, struct slice key, struct slice *out);

/* Where what a command popped came from. The arguments are good, and not those of BLMOVE, which
 * gives what it pops a place itself. */
enum command_undo { COMMAND_UNDO_HEAD, COMMAND_UNDO_TAIL, COMMAND_UNDO_MEMBERS };
enum command_undo command_wait_undo(const struct command *command, const struct slice *arguments,
                                    uint32_t arguments_count);

#endif
