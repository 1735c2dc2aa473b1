/* command_support.h -- what several handlers need: arguments, look-ups, errors. Private to this
 * directory.
 *
 * Functions that return bool have replied with the error when they return false.
 */
#ifndef QUORUM_COMMAND_COMMAND_SUPPORT_H
#define QUORUM_COMMAND_COMMAND_SUPPORT_H

#include "command/command.h"
#include "kv/container.h"
#include "kv/keyspace_change.h"
#include "kv/value.h"

/* The table: subcommands of a row (0: not a container), and one of them by its own name. */
uint32_t command_subcommands_count(const struct command *container);
const struct command *command_lookup_subcommand(const struct command *container, struct slice name);
/* Finds "get" or "client|id". */
const struct command *command_lookup_full(struct slice name);

/* Whether the arity allows this many arguments, and the error when it does not. */
bool command_accepts_count(const struct command *command, uint32_t arguments_count);
void command_refuse_count(const struct command *command, struct reply *reply);

/* "ERR syntax error". */
void command_refuse_syntax(struct command_context *context);
/* "ERR invalid expire time in '...' command". */
void command_refuse_expiry(struct command_context *context);

/* INT64_MAX stands for "never" in the keyspace: a key that shall expire then does so 1 ms before.
 */
static inline int64_t command_clamp_expiry(int64_t expiry_ms)
{
    return expiry_ms == KEYSPACE_NEVER ? KEYSPACE_NEVER - 1 : expiry_ms;
}

/* Reads an argument as a 64-bit integer: "ERR value is not an integer or out of range". */
MUST_CHECK bool command_read_int64(struct command_context *context, uint32_t argument,
                                   int64_t *out);

/* As command_read_int64, for the range of an int. */
MUST_CHECK bool command_read_int32(struct command_context *context, uint32_t argument,
                                   int32_t *out);

/* As command_read_int64, for values from min to max. */
MUST_CHECK bool command_read_range(struct command_context *context, uint32_t argument, int64_t min,
                                   int64_t max, int64_t *out);

/* Reads numkeys, behind which so many keys come: "ERR numkeys should be greater than 0", "ERR
 * Number of keys can't be greater than number of args". */
MUST_CHECK bool command_read_keys_count(struct command_context *context, uint32_t argument,
                                        uint32_t *out);

/* Cuts a range as LRANGE and ZRANGE take it, negative positions counting from the end, to count
 * elements: returns how many are in it, the first of which is *first. */
uint64_t command_clip_range(int64_t start, int64_t stop, uint64_t count, uint64_t *first);

/* Reads a database number: also "ERR DB index is out of range". */
MUST_CHECK bool command_read_database(struct command_context *context, uint32_t argument,
                                      uint32_t *out);

/* Looks a key argument up, as a read or a write, whatever the command is; NULL: not there. */
const struct item *command_find(struct command_context *context, uint32_t argument);
/* As command_find, without counting as an access for OBJECT IDLETIME. */
const struct item *command_find_untouched(struct command_context *context, uint32_t argument);

/* A string that was looked up. */
struct command_string {
    const struct item *item; /* NULL: not there; value is the empty string then */
    struct value value;
    struct slice text; /* borrowed from the item or from scratch: do not copy the struct */
    char scratch[NUMBER_INT64_BYTES];
};

/* As command_find, for strings: WRONGTYPE. */
MUST_CHECK bool command_find_string(struct command_context *context, uint32_t argument,
                                    struct command_string *out);

/* As command_find, for containers of one type: WRONGTYPE. *out is NULL when the key is not there.
 */
MUST_CHECK bool command_find_container(struct command_context *context, uint32_t argument,
                                       enum value_type type, const struct container **out);

/* "WRONGTYPE Operation against a key holding the wrong kind of value". */
void command_refuse_type(struct command_context *context);

/* Begins a change of the container at a key argument, which command_find_container has found to be
 * of this type or absent: keyspace_change.h. */
struct container *command_change_begin(struct command_context *context, uint32_t argument,
                                       enum value_type type, struct keyspace_change *change);

/* Replies with the string, or with null when it is not there. */
void command_reply_string(struct command_context *context, const struct command_string *string);

/* Sets the expiry of a key that is there, or deletes it if that time has come; tells of it. */
void command_expire(struct command_context *context, struct slice key, int64_t expiry_ms);

/* Sets the argument's key to a value. expiry_ms may be KEYSPACE_NEVER or KEYSPACE_KEEP_EXPIRY. */
void command_store(struct command_context *context, uint32_t argument, const struct value *value,
                   int64_t expiry_ms);

#endif
