/* random_positions.c -- random picks by position: see random_positions.h. */
#include "command/random_positions.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"

/* A bit a position. Sets count bits by chance; at most half of them, so two tries each on average
 * at most. */
static void mark(struct prng *prng, uint64_t *bits, uint32_t size, uint32_t count)
{
    while (count > 0) {
        uint64_t position = prng_below(prng, size);
        uint64_t bit = UINT64_C(1) << (position % 64);
        if ((bits[position / 64] & bit) == 0) {
            bits[position / 64] |= bit;
            count--;
        }
    }
}

uint32_t *random_positions(struct prng *prng, uint32_t size, uint32_t count)
{
    ASSERT(count <= size);
    uint64_t *bits = mem_alloc_zeroed((size_t)size / 64 + 1, sizeof(*bits));
    uint32_t *positions = mem_alloc((count + (size_t)1) * sizeof(*positions));
    bool marks_left_out = count > size / 2;
    mark(prng, bits, size, marks_left_out ? size - count : count);
    uint32_t found = 0;
    for (uint32_t i = 0; i < size; i++) {
        bool is_marked = (bits[i / 64] >> (i % 64) & 1) != 0;
        if (is_marked != marks_left_out) {
            positions[found++] = i;
        }
    }
    ASSERT(found == count);
    mem_free(bits);
    return positions;
}

bool random_picks_allowed(struct command_context *context, uint64_t count)
{
    if (count > LIMIT_RANDOM_PICKS) {
        reply_error_format(context->reply,
                           "ERR count is out of range: at most %d elements are picked with "
                           "repetition at once",
                           LIMIT_RANDOM_PICKS);
        return false;
    }
    return true;
}

bool random_picks_fit(struct command_context *context, size_t begin)
{
    struct buf *out = context->reply->out;
    if (buf_size(out) - begin > LIMIT_BULK_BYTES) {
        buf_truncate(out, begin);
        reply_error_format(context->reply,
                           "ERR the elements picked are more than %u bytes: ask for fewer at once",
                           LIMIT_BULK_BYTES);
        return false;
    }
    return true;
}
