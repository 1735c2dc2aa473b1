/* hash.h -- 64-bit hashes and checksums: XXH3 of libxxhash, the same on every machine. */
#ifndef QUORUM_BASE_HASH_H
#define QUORUM_BASE_HASH_H

#include <stdint.h>

#include "base/slice.h"

/* Hashes bytes under a seed. With a secret seed, an outsider cannot aim at collisions by chance
 * alone; as a checksum, use a fixed seed. */
uint64_t hash_bytes(uint64_t seed, struct slice bytes);

/* The same hash over bytes that come in pieces: create, add, ..., finish, which frees. */
struct hash_stream;
struct hash_stream *hash_stream_create(uint64_t seed);
void hash_stream_add(struct hash_stream *stream, struct slice bytes);
uint64_t hash_stream_finish(struct hash_stream *stream);

/* Mixes two 64-bit numbers into one; not symmetric. */
uint64_t hash_mix(uint64_t a, uint64_t b);

#endif
