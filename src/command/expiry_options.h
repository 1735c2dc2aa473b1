/* expiry_options.h -- EX, PX, EXAT, PXAT and one word beside them, as SET and GETEX take them.
 * Private to this directory.
 */
#ifndef QUORUM_COMMAND_EXPIRY_OPTIONS_H
#define QUORUM_COMMAND_EXPIRY_OPTIONS_H

#include "command/command.h"

enum expiry_unit { EXPIRY_SECONDS, EXPIRY_MILLISECONDS };

enum expiry_kind {
    EXPIRY_NONE,     /* no option given */
    EXPIRY_WORD,     /* KEEPTTL or PERSIST */
    EXPIRY_RELATIVE, /* EX, PX */
    EXPIRY_ABSOLUTE, /* EXAT, PXAT */
};

/* Zeroed: nothing given yet. */
struct expiry_options {
    enum expiry_kind kind;
    enum expiry_unit unit;
    uint32_t argument; /* that holds the number */
};

/* Takes the option at argument *i if it is one of the four, with its number (*i moves on to that),
 * or the given word. False, with no reply, when it is something else or contradicts an option taken
 * before; the same option twice is fine and the last one counts, as in Redis. */
bool expiry_options_take(struct expiry_options *options, const struct command_context *context,
                         uint32_t *i, const char *word);

/* The expiry time that the options mean: KEYSPACE_NEVER for none, KEYSPACE_KEEP_EXPIRY for the
 * word. False with an error reply for a number that is not one, not positive or too large. */
MUST_CHECK bool expiry_options_resolve(const struct expiry_options *options,
                                       struct command_context *context, int64_t *expiry_ms);

#endif
