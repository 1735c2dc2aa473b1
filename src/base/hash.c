/* hash.c -- XXH3, compiled in from libxxhash's header so that short inputs cost no call. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(uint64_t seed, struct slice bytes)
{
    return XXH3_64bits_withSeed(bytes.bytes, bytes.size, seed);
}

uint64_t hash_mix(uint64_t a, uint64_t b)
{
    uint64_t mixed = a ^ (b * 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93u;
    mixed = (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93u;
    return mixed ^ (mixed >> 32);
}
