/* random_positions.h -- random picks by position, for SRANDMEMBER, HRANDFIELD and ZRANDMEMBER.
 * Private to this directory.
 */
#ifndef QUORUM_COMMAND_RANDOM_POSITIONS_H
#define QUORUM_COMMAND_RANDOM_POSITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "base/result.h"
#include "command/command.h"

/* Chooses count different positions below size (count <= size), each set of them equally likely,
 * in no particular order. Returns an array of count; the caller frees with mem_free. */
uint32_t *random_positions(struct prng *prng, uint32_t size, uint32_t count);

/* Whether a reply may have count elements picked with repetition; else replies with an error. */
MUST_CHECK bool random_picks_allowed(struct command_context *context, uint64_t count);

/* Behind each pick of a reply that began at an offset of its buffer: false when it has become too
 * long, and an error has taken its place. */
MUST_CHECK bool random_picks_fit(struct command_context *context, size_t begin);

#endif
