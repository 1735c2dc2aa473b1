/* dump_block.c -- see dump_block.h. */
#include "command/dump_block.h"

enum {
    BLOCK_END = 0xff,
    UNCOUNTED_U16 = 0xffff,
    ZIP_LONG = 0xfe, /* instead of a length of one byte: four bytes follow */
    ZIPMAP_UNCOUNTED = 0xfe,
    ZIPLIST_HEADER = 10,
    BYTE_BITS = 8,
    INT24_BYTES = 3,
};

/* A signed little-endian number of up to 8 bytes. */
static int64_t get_signed(struct bytes_reader *reader, uint32_t size)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++) {
        value |= (uint64_t)bytes_get_u8(reader) << (BYTE_BITS * i);
    }
    uint32_t spare = 64 - (BYTE_BITS * size);
    uint64_t sign = (uint64_t)1 << (63 - spare);
    return (int64_t)((value ^ sign) - sign);
}

void dump_block_begin(struct dump_block *block, enum dump_block_kind kind, struct slice bytes)
{
    *block = (struct dump_block){.kind = kind, .reader = bytes_reader_of(bytes)};
    block->begin = bytes.bytes;
    struct bytes_reader *reader = &block->reader;
    if (kind == DUMP_BLOCK_INTSET) {
        block->width = bytes_get_u32(reader);
        block->count = bytes_get_u32(reader);
        bool is_known = block->width == 2 || block->width == 4 || block->width == 8;
        block->bad = !is_known || bytes_left(reader) != block->count * block->width;
    } else if (kind == DUMP_BLOCK_ZIPMAP) {
        uint8_t pairs = bytes_get_u8(reader);
        block->count = pairs >= ZIPMAP_UNCOUNTED ? DUMP_BLOCK_UNCOUNTED : (uint64_t)pairs * 2;
    } else {
        block->bad = bytes_get_u32(reader) != bytes.size;
        block->tail = kind == DUMP_BLOCK_ZIPLIST ? bytes_get_u32(reader) : 0;
        block->last = ZIPLIST_HEADER;
        uint16_t count = bytes_get_u16(reader);
        block->count = count == UNCOUNTED_U16 ? DUMP_BLOCK_UNCOUNTED : count;
    }
    block->bad = block->bad || reader->bad;
}

static struct slice number(struct dump_block *block, int64_t integer)
{
    return slice_of(block->scratch, number_format_int64(integer, block->scratch));
}

static struct slice next_intset(struct dump_block *block)
{
    int64_t integer = get_signed(&block->reader, (uint32_t)block->width);
    block->bad = block->done > 0 && integer <= block->integer;
    block->integer = integer;
    return number(block, integer);
}

/* A length of a zipmap, or BLOCK_END in place of one: bad. */
static size_t get_zipmap_length(struct dump_block *block)
{
    size_t length = bytes_get_u8(&block->reader);
    if (length == BLOCK_END) {
        block->bad = true;
    }
    return length == ZIP_LONG ? bytes_get_u32(&block->reader) : length;
}

static struct slice next_zipmap(struct dump_block *block)
{
    size_t length = get_zipmap_length(block);
    bool is_value = block->done % 2 == 1;
    size_t unused = is_value ? bytes_get_u8(&block->reader) : 0;
    struct slice text = bytes_get_bytes(&block->reader, length);
    (void)bytes_get_bytes(&block->reader, unused);
    return text;
}

static struct slice get_ziplist_content(struct dump_block *block)
{
    struct bytes_reader *reader = &block->reader;
    uint32_t encoding = bytes_get_u8(reader);
    switch (encoding >> 6) {
    case 0:
        return bytes_get_bytes(reader, encoding);
    case 1:
        return bytes_get_bytes(reader, ((encoding & 0x3f) << BYTE_BITS) | bytes_get_u8(reader));
    case 2: {
        size_t length = 0;
        for (uint32_t i = 0; i < sizeof(uint32_t); i++) {
            length = (length << BYTE_BITS) | bytes_get_u8(reader);
        }
        block->bad = encoding != 0x80;
        return bytes_get_bytes(reader, length);
    }
    default:
        break;
    }
    switch (encoding) {
    case 0xc0:
        return number(block, get_signed(reader, sizeof(int16_t)));
    case 0xd0:
        return number(block, get_signed(reader, sizeof(int32_t)));
    case 0xe0:
        return number(block, get_signed(reader, sizeof(int64_t)));
    case 0xf0:
        return number(block, get_signed(reader, INT24_BYTES));
    case 0xfe:
        return number(block, get_signed(reader, sizeof(int8_t)));
    default: /* 0xf1 to 0xfd: 0 to 12 */
        block->bad = encoding < 0xf1 || encoding > 0xfd;
        return number(block, (int64_t)encoding - 0xf1);
    }
}

static struct slice next_ziplist(struct dump_block *block)
{
    const uint8_t *begin = block->reader.at;
    uint64_t previous = bytes_get_u8(&block->reader);
    if (previous == ZIP_LONG) {
        previous = bytes_get_u32(&block->reader);
    }
    struct slice text = get_ziplist_content(block);
    block->bad = block->bad || previous != block->width;
    block->width = (uint64_t)(block->reader.at - begin);
    block->last = (uint64_t)(begin - block->begin);
    return text;
}

static struct slice get_listpack_content(struct dump_block *block)
{
    struct bytes_reader *reader = &block->reader;
    uint32_t encoding = bytes_get_u8(reader);
    if (encoding < 0x80) {
        return number(block, encoding);
    }
    if (encoding < 0xc0) {
        return bytes_get_bytes(reader, encoding & 0x3f);
    }
    if (encoding < 0xe0) {
        int64_t value = ((encoding & 0x1f) << BYTE_BITS) | bytes_get_u8(reader);
        return number(block, (value ^ 0x1000) - 0x1000);
    }
    if (encoding < 0xf0) {
        return bytes_get_bytes(reader, ((encoding & 0x0f) << BYTE_BITS) | bytes_get_u8(reader));
    }
    switch (encoding) {
    case 0xf0:
        return bytes_get_bytes(reader, bytes_get_u32(reader));
    case 0xf1:
        return number(block, get_signed(reader, sizeof(int16_t)));
    case 0xf2:
        return number(block, get_signed(reader, INT24_BYTES));
    case 0xf3:
        return number(block, get_signed(reader, sizeof(int32_t)));
    case 0xf4:
        return number(block, get_signed(reader, sizeof(int64_t)));
    default:
        block->bad = true;
        return slice_of(NULL, 0);
    }
}

static struct slice next_listpack(struct dump_block *block)
{
    const uint8_t *begin = block->reader.at;
    struct slice text = get_listpack_content(block);
    uint64_t size = (uint64_t)(block->reader.at - begin);
    /* The size again, seven bits a byte, the highest first: all but the first byte marked. */
    uint32_t shift = 0;
    while (size >> shift >= 0x80) {
        shift += 7;
    }
    uint8_t mark = 0;
    for (;; shift -= 7, mark = 0x80) {
        uint8_t expected = (uint8_t)(((size >> shift) & 0x7f) | mark);
        block->bad = bytes_get_u8(&block->reader) != expected || block->bad;
        if (shift == 0) {
            return text;
        }
    }
}

/* Whether the walk has come to the end; sets bad if that is in the wrong place. */
static bool is_at_end(struct dump_block *block)
{
    struct bytes_reader *reader = &block->reader;
    if (block->kind == DUMP_BLOCK_INTSET) {
        return block->done == block->count;
    }
    if (bytes_left(reader) == 0) {
        block->bad = true;
        return true;
    }
    if (*reader->at != BLOCK_END) {
        return false;
    }
    bool is_counted = block->count == DUMP_BLOCK_UNCOUNTED || block->count == block->done;
    bool is_tail_right = block->kind != DUMP_BLOCK_ZIPLIST || block->tail == block->last;
    block->bad = bytes_left(reader) != 1 || !is_counted || !is_tail_right;
    return true;
}

bool dump_block_next(struct dump_block *block, struct slice *out)
{
    static struct slice (*const next[])(struct dump_block *) = {
        [DUMP_BLOCK_LISTPACK] = next_listpack,
        [DUMP_BLOCK_ZIPLIST] = next_ziplist,
        [DUMP_BLOCK_INTSET] = next_intset,
        [DUMP_BLOCK_ZIPMAP] = next_zipmap,
    };
    if (block->bad || is_at_end(block)) {
        return false;
    }
    *out = next[block->kind](block);
    block->done++;
    block->bad = block->bad || block->reader.bad;
    return !block->bad;
}
