/* random_positions.h -- random picks by position, for SRANDMEMBER, HRANDFIELD and ZRANDMEMBER.
 * Private to this directory.
 */
#ifndef QUORUM_COMMAND_RANDOM_POSITIONS_H
#define QUORUM_COMMAND_RANDOM_POSITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"

/* Chooses count different positions below size (count <= size), each set of them equally likely,
 * in no particular order. Returns an array of count; the caller frees with mem_free. */
uint32_t *random_positions(struct prng *prng, uint32_t size, uint32_t count);

#endif
