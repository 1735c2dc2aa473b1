/* hash_support.h -- what the handlers of hashes share. Private to this directory. */
#ifndef QUORUM_COMMAND_HASH_SUPPORT_H
#define QUORUM_COMMAND_HASH_SUPPORT_H

#include "command/command_support.h"
#include "kv/hash_table.h"

/* Looks the first key up: NULL when it is not there; false: has replied with WRONGTYPE. */
MUST_CHECK bool command_find_hash(struct command_context *context, const struct hash_table **out);

/* Sets one field of the first key, which is a hash or not there, and tells of it. Returns whether
 * the field was new. */
bool command_set_field(struct command_context *context, struct slice field, struct slice value,
                       const char *event);

#endif
