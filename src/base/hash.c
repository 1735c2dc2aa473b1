/* hash.c -- XXH3, compiled in from libxxhash's header so that short inputs cost no call. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"
#include "base/mem.h"

uint64_t hash_bytes(uint64_t seed, struct slice bytes)
{
    return XXH3_64bits_withSeed(bytes.bytes, bytes.size, seed);
}

/* XXH3's state wants an alignment of its own, which its allocator gives. */
struct hash_stream {
    XXH3_state_t *state;
};

struct hash_stream *hash_stream_create(uint64_t seed)
{
    struct hash_stream *stream = mem_alloc(sizeof(*stream));
    stream->state = XXH3_createState();
    ASSERT(stream->state != NULL);
    (void)XXH3_64bits_reset_withSeed(stream->state, seed);
    return stream;
}

void hash_stream_add(struct hash_stream *stream, struct slice bytes)
{
    (void)XXH3_64bits_update(stream->state, bytes.bytes, bytes.size);
}

uint64_t hash_stream_finish(struct hash_stream *stream)
{
    uint64_t hash = XXH3_64bits_digest(stream->state);
    (void)XXH3_freeState(stream->state);
    mem_free(stream);
    return hash;
}

uint64_t hash_mix(uint64_t a, uint64_t b)
{
    uint64_t mixed = a ^ (b * 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93u;
    mixed = (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93u;
    return mixed ^ (mixed >> 32);
}
