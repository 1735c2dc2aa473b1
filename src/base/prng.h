/* prng.h -- the only source of chance in pure code: xoshiro256** seeded through splitmix64.
 *
 * Same seed, same numbers, on every machine. Not for secrets.
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2018).
 */
#ifndef QUORUM_BASE_PRNG_H
#define QUORUM_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *prng, uint64_t seed);

/* Returns 64 random bits. */
uint64_t prng_next(struct prng *prng);

/* Returns a number in [0, bound), without bias; bound must not be 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);

#endif
