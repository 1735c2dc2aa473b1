/* dump_block.h -- the blocks of bytes that Redis packs small containers into: listpacks, ziplists,
 * intsets and zipmaps, read element by element. Private to this directory.
 *
 * Untrusted: whatever the bytes, nothing is read outside of them. The first malformed element ends
 * the walk and sets bad; only after a walk to its end without bad was the block whole.
 * Source: the formats as found in dumps of redis-server 7.0.15.
 */
#ifndef QUORUM_COMMAND_DUMP_BLOCK_H
#define QUORUM_COMMAND_DUMP_BLOCK_H

#include "base/bytes.h"
#include "base/number.h"

enum dump_block_kind {
    DUMP_BLOCK_LISTPACK,
    DUMP_BLOCK_ZIPLIST,
    DUMP_BLOCK_INTSET,
    DUMP_BLOCK_ZIPMAP,
};

struct dump_block {
    enum dump_block_kind kind;
    struct bytes_reader reader;
    uint64_t done;  /* elements so far */
    uint64_t count; /* as the block says; DUMP_BLOCK_UNCOUNTED: it does not */
    uint64_t width; /* bytes of the numbers of an intset; of the last entry of a ziplist */
    uint64_t tail;  /* where the last entry of a ziplist begins, as it says */
    uint64_t last;  /* and where that of the walk did */
    int64_t integer;
    bool bad;
    const uint8_t *begin;
    char scratch[NUMBER_INT64_BYTES];
};

#define DUMP_BLOCK_UNCOUNTED UINT64_MAX

void dump_block_begin(struct dump_block *block, enum dump_block_kind kind, struct slice bytes);

/* The next element: borrowed from the block's bytes, or from block until the next call. False at
 * the end, or when bad was set. */
bool dump_block_next(struct dump_block *block, struct slice *out);

#endif
