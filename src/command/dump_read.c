/* dump_read.c -- the payload of RESTORE: see dump.h. */
#include <math.h>

#include "base/bytes.h"
#include "base/crc64.h"
#include "base/limits.h"
#include "base/lzf.h"
#include "command/dump.h"
#include "command/dump_block.h"
#include "kv/hash_table.h"
#include "kv/list.h"
#include "kv/set.h"
#include "kv/sorted_set.h"

enum {
    VERSION_MAX = 11,
    VERSION_BYTES = 2,
    FOOTER_BYTES = 10,
    KIND_SHIFT = 6,
    LOW_BITS = 0x3f,
    BYTE_BITS = 8,
    /* Lengths of a score as text that stand for what has no digits. */
    SCORE_NAN = 253,
    SCORE_PLUS_INFINITY = 254,
    SCORE_MINUS_INFINITY = 255,
    /* Nodes of a quicklist of version 2. */
    NODE_PLAIN = 1,
    NODE_PACKED = 2,
};

struct dump_reader {
    struct bytes_reader bytes;
    struct container *container;
    bool bad;
    uint64_t unpacked; /* bytes that packed texts came to, together at most LIMIT_BULK_BYTES */
    /* A member of a hash or sorted set that waits for what belongs to it. */
    bool has_member;
    struct buf member;
};

bool dump_is_intact(struct slice payload)
{
    if (payload.size < FOOTER_BYTES) {
        return false;
    }
    struct bytes_reader footer =
        bytes_reader_of(slice_of(payload.bytes + payload.size - FOOTER_BYTES, FOOTER_BYTES));
    uint16_t version = bytes_get_u16(&footer);
    uint64_t crc = bytes_get_u64(&footer);
    size_t covered = payload.size - FOOTER_BYTES + VERSION_BYTES;
    return version <= VERSION_MAX && crc64(slice_of(payload.bytes, covered)) == crc;
}

static uint64_t get_big_endian(struct bytes_reader *bytes, uint32_t size)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++) {
        value = (value << BYTE_BITS) | bytes_get_u8(bytes);
    }
    return value;
}

/* The length that a first byte begins. */
static uint64_t get_length_after(struct dump_reader *reader, uint8_t first)
{
    if (first < DUMP_LENGTH_14_BITS) {
        return first;
    }
    if (first < DUMP_LENGTH_32_BITS) {
        return ((uint64_t)(first & LOW_BITS) << BYTE_BITS) | bytes_get_u8(&reader->bytes);
    }
    if (first == DUMP_LENGTH_32_BITS) {
        return get_big_endian(&reader->bytes, sizeof(uint32_t));
    }
    if (first == DUMP_LENGTH_64_BITS) {
        return get_big_endian(&reader->bytes, sizeof(uint64_t));
    }
    reader->bad = true;
    return 0;
}

static uint64_t get_length(struct dump_reader *reader)
{
    return get_length_after(reader, bytes_get_u8(&reader->bytes));
}

static struct slice get_packed(struct dump_reader *reader, struct buf *scratch)
{
    uint64_t packed_size = get_length(reader);
    uint64_t size = get_length(reader);
    struct slice packed = bytes_get_bytes(&reader->bytes, packed_size);
    bool is_too_much = size > LIMIT_BULK_BYTES - reader->unpacked;
    if (reader->bytes.bad || is_too_much || size > packed.size * LZF_RATIO_MAX || size == 0 ||
        lzf_unpack(packed, buf_reserve(scratch, size), size) != RESULT_OK) {
        reader->bad = true;
        return slice_of(NULL, 0);
    }
    reader->unpacked += size;
    buf_commit(scratch, size);
    return buf_slice(scratch);
}

/* A string: borrowed from the payload or from scratch, which is overwritten. */
static struct slice get_text(struct dump_reader *reader, struct buf *scratch)
{
    struct bytes_reader *bytes = &reader->bytes;
    buf_clear(scratch);
    uint8_t first = bytes_get_u8(bytes);
    int64_t integer = 0;
    switch (first) {
    case DUMP_INT8:
        integer = (int8_t)bytes_get_u8(bytes);
        break;
    case DUMP_INT16:
        integer = (int16_t)bytes_get_u16(bytes);
        break;
    case DUMP_INT32:
        integer = (int32_t)bytes_get_u32(bytes);
        break;
    case DUMP_LZF:
        return get_packed(reader, scratch);
    default:
        return bytes_get_bytes(bytes, get_length_after(reader, first));
    }
    char *digits = (char *)buf_reserve(scratch, NUMBER_INT64_BYTES);
    buf_commit(scratch, number_format_int64(integer, digits));
    return buf_slice(scratch);
}

/* A score in the form of DUMP_ZSET. */
static double get_score_text(struct dump_reader *reader)
{
    uint8_t size = bytes_get_u8(&reader->bytes);
    double score = 0;
    switch (size) {
    case SCORE_NAN:
        return NAN;
    case SCORE_PLUS_INFINITY:
        return INFINITY;
    case SCORE_MINUS_INFINITY:
        return -INFINITY;
    default:
        if (!number_parse_double(bytes_get_bytes(&reader->bytes, size), &score)) {
            reader->bad = true;
        }
        return score;
    }
}

static double get_score_bits(struct dump_reader *reader)
{
    uint64_t bits = bytes_get_u64(&reader->bytes);
    double score = 0;
    memcpy(&score, &bits, sizeof(score));
    return score;
}

static void add_scored(struct dump_reader *reader, struct slice member, double score)
{
    if (reader->bytes.bad || reader->bad || isnan(score) ||
        !sorted_set_put(sorted_set_of(reader->container), member, score)) {
        reader->bad = true;
    }
}

/* Adds a pair of a hash or a sorted set. */
static void add_pair(struct dump_reader *reader, struct slice member, struct slice value)
{
    double score = 0;
    if (reader->container->type == VALUE_TYPE_HASH) {
        reader->bad = !hash_table_set(hash_table_of(reader->container), member, value);
    } else if (number_parse_double(value, &score)) {
        add_scored(reader, member, score);
    } else {
        reader->bad = true;
    }
}

/* Adds the next text of a container in its order. */
static void add_text(struct dump_reader *reader, struct slice text)
{
    if (reader->bytes.bad || reader->bad) {
        reader->bad = true;
    } else if (reader->container->type == VALUE_TYPE_LIST) {
        list_value_push(list_value_of(reader->container), false, text);
    } else if (reader->container->type == VALUE_TYPE_SET) {
        reader->bad = !set_add(set_of(reader->container), text);
    } else if (reader->has_member) {
        add_pair(reader, buf_slice(&reader->member), text);
        reader->has_member = false;
    } else {
        buf_clear(&reader->member);
        buf_append_slice(&reader->member, text);
        reader->has_member = true;
    }
}

static void read_texts(struct dump_reader *reader, uint64_t count)
{
    struct buf scratch = {0};
    for (uint64_t i = 0; i < count && !reader->bad; i++) {
        add_text(reader, get_text(reader, &scratch));
    }
    buf_deinit(&scratch);
}

static void read_scored(struct dump_reader *reader, double (*get_score)(struct dump_reader *))
{
    struct buf scratch = {0};
    uint64_t count = get_length(reader);
    for (uint64_t i = 0; i < count && !reader->bad; i++) {
        struct slice member = get_text(reader, &scratch);
        add_scored(reader, member, get_score(reader));
    }
    buf_deinit(&scratch);
}

static void read_block(struct dump_reader *reader, enum dump_block_kind kind)
{
    struct buf scratch = {0};
    struct slice bytes = get_text(reader, &scratch);
    struct dump_block block;
    struct slice text;
    dump_block_begin(&block, kind, bytes);
    while (!reader->bad && dump_block_next(&block, &text)) {
        add_text(reader, text);
    }
    reader->bad = reader->bad || block.bad;
    buf_deinit(&scratch);
}

static void read_quicklist(struct dump_reader *reader, bool is_second)
{
    uint64_t count = get_length(reader);
    for (uint64_t i = 0; i < count && !reader->bad; i++) {
        uint64_t form = is_second ? get_length(reader) : NODE_PACKED;
        if (form == NODE_PLAIN) {
            read_texts(reader, 1);
        } else if (form == NODE_PACKED) {
            read_block(reader, is_second ? DUMP_BLOCK_LISTPACK : DUMP_BLOCK_ZIPLIST);
        } else {
            reader->bad = true;
        }
        reader->bad = reader->bad || reader->bytes.bad;
    }
}

static void read_elements(struct dump_reader *reader, uint8_t type)
{
    switch (type) {
    case DUMP_LIST:
    case DUMP_SET:
        read_texts(reader, get_length(reader));
        break;
    case DUMP_HASH: {
        uint64_t fields = get_length(reader);
        reader->bad = reader->bad || fields > bytes_left(&reader->bytes);
        read_texts(reader, fields * 2);
        break;
    }
    case DUMP_ZSET:
        read_scored(reader, get_score_text);
        break;
    case DUMP_ZSET_2:
        read_scored(reader, get_score_bits);
        break;
    case DUMP_QUICKLIST:
    case DUMP_QUICKLIST_2:
        read_quicklist(reader, type == DUMP_QUICKLIST_2);
        break;
    case DUMP_SET_INTSET:
        read_block(reader, DUMP_BLOCK_INTSET);
        break;
    case DUMP_HASH_ZIPMAP:
        read_block(reader, DUMP_BLOCK_ZIPMAP);
        break;
    case DUMP_LIST_ZIPLIST:
    case DUMP_HASH_ZIPLIST:
    case DUMP_ZSET_ZIPLIST:
        read_block(reader, DUMP_BLOCK_ZIPLIST);
        break;
    default:
        read_block(reader, DUMP_BLOCK_LISTPACK);
    }
}

/* The type of a value by the first byte of its payload; VALUE_TYPE_COUNT: unknown. */
static enum value_type type_of(uint8_t type)
{
    switch (type) {
    case DUMP_STRING:
        return VALUE_TYPE_STRING;
    case DUMP_LIST:
    case DUMP_LIST_ZIPLIST:
    case DUMP_QUICKLIST:
    case DUMP_QUICKLIST_2:
        return VALUE_TYPE_LIST;
    case DUMP_SET:
    case DUMP_SET_INTSET:
    case DUMP_SET_LISTPACK:
        return VALUE_TYPE_SET;
    case DUMP_ZSET:
    case DUMP_ZSET_2:
    case DUMP_ZSET_ZIPLIST:
    case DUMP_ZSET_LISTPACK:
        return VALUE_TYPE_ZSET;
    case DUMP_HASH:
    case DUMP_HASH_ZIPMAP:
    case DUMP_HASH_ZIPLIST:
    case DUMP_HASH_LISTPACK:
        return VALUE_TYPE_HASH;
    default:
        return VALUE_TYPE_COUNT;
    }
}

enum result dump_read(const struct keyspace *keyspace, struct slice payload, struct dump_value *out)
{
    struct dump_reader reader = {
        .bytes = bytes_reader_of(slice_of(payload.bytes, payload.size - FOOTER_BYTES))};
    *out = (struct dump_value){0};
    uint8_t type = bytes_get_u8(&reader.bytes);
    out->type = type_of(type);
    if (reader.bytes.bad || out->type == VALUE_TYPE_COUNT) {
        return RESULT_CORRUPT;
    }
    if (out->type == VALUE_TYPE_STRING) {
        struct buf scratch = {0};
        buf_append_slice(&out->text, get_text(&reader, &scratch));
        buf_deinit(&scratch);
    } else {
        out->container = keyspace_create_container(keyspace, out->type);
        reader.container = out->container;
        read_elements(&reader, type);
        reader.bad = reader.bad || out->container->count == 0;
    }
    buf_deinit(&reader.member);
    bool is_whole =
        !reader.bad && !reader.bytes.bad && !reader.has_member && bytes_left(&reader.bytes) == 0;
    return is_whole ? RESULT_OK : RESULT_CORRUPT;
}

void dump_release(struct dump_value *value)
{
    buf_deinit(&value->text);
    container_free(value->container);
    value->container = NULL;
}
