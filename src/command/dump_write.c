/* dump_write.c -- the payload of DUMP: see dump.h. */
#include "base/bytes.h"
#include "base/crc64.h"
#include "command/dump.h"
#include "kv/hash_table.h"
#include "kv/list.h"
#include "kv/set.h"
#include "kv/sorted_set.h"

enum {
    VERSION = 10,
    LENGTH_6_BITS_END = 1 << 6,
    LENGTH_14_BITS_END = 1 << 14,
    BYTE_BITS = 8,
};

static void put_big_endian(struct buf *out, uint64_t value, uint32_t size)
{
    for (uint32_t i = size; i > 0; i--) {
        bytes_put_u8(out, (uint8_t)(value >> (BYTE_BITS * (i - 1))));
    }
}

static void put_length(struct buf *out, uint64_t length)
{
    if (length < LENGTH_6_BITS_END) {
        bytes_put_u8(out, (uint8_t)length);
    } else if (length < LENGTH_14_BITS_END) {
        bytes_put_u8(out, (uint8_t)(DUMP_LENGTH_14_BITS | (length >> BYTE_BITS)));
        bytes_put_u8(out, (uint8_t)length);
    } else if (length <= UINT32_MAX) {
        bytes_put_u8(out, DUMP_LENGTH_32_BITS);
        put_big_endian(out, length, sizeof(uint32_t));
    } else {
        bytes_put_u8(out, DUMP_LENGTH_64_BITS);
        put_big_endian(out, length, sizeof(uint64_t));
    }
}

static void put_text(struct buf *out, struct slice text)
{
    put_length(out, text.size);
    buf_append_slice(out, text);
}

static void put_string(struct buf *out, const struct value *value)
{
    char scratch[NUMBER_INT64_BYTES];
    int64_t integer = value->integer;
    bytes_put_u8(out, DUMP_STRING);
    if (value->encoding != VALUE_ENCODING_INT || integer < INT32_MIN || integer > INT32_MAX) {
        put_text(out, value_text(value, scratch));
    } else if (integer >= INT8_MIN && integer <= INT8_MAX) {
        bytes_put_u8(out, DUMP_INT8);
        bytes_put_u8(out, (uint8_t)integer);
    } else if (integer >= INT16_MIN && integer <= INT16_MAX) {
        bytes_put_u8(out, DUMP_INT16);
        bytes_put_u16(out, (uint16_t)integer);
    } else {
        bytes_put_u8(out, DUMP_INT32);
        bytes_put_u32(out, (uint32_t)integer);
    }
}

static void put_list(struct buf *out, const struct container *container)
{
    struct list_walk walk;
    struct slice element;
    list_walk_begin(&walk, list_value_of_const(container), 0, false);
    while (list_walk_next(&walk, &element)) {
        put_text(out, element);
    }
}

static void put_set(struct buf *out, const struct container *container)
{
    for (uint32_t i = 0; i < container->count; i++) {
        put_text(out, set_member_at(set_of_const(container), i));
    }
}

static void put_hash(struct buf *out, const struct container *container)
{
    for (uint32_t i = 0; i < container->count; i++) {
        const struct dense_entry *entry = hash_table_at(hash_table_of_const(container), i);
        put_text(out, dense_entry_member(entry));
        put_text(out, dense_entry_value(entry));
    }
}

static void put_zset(struct buf *out, const struct container *container)
{
    const struct sorted_node *node = sorted_set_at(sorted_set_of_const(container), 0);
    for (; node != NULL; node = sorted_node_next(node)) {
        put_text(out, sorted_node_member(node));
        double score = sorted_node_score(node);
        uint64_t bits = 0;
        memcpy(&bits, &score, sizeof(bits));
        bytes_put_u64(out, bits);
    }
}

void dump_write(const struct value *value, struct buf *out)
{
    static const struct {
        enum dump_type type;
        void (*put)(struct buf *out, const struct container *container);
    } rows[VALUE_TYPE_COUNT] = {
        [VALUE_TYPE_LIST] = {DUMP_LIST, put_list},
        [VALUE_TYPE_HASH] = {DUMP_HASH, put_hash},
        [VALUE_TYPE_SET] = {DUMP_SET, put_set},
        [VALUE_TYPE_ZSET] = {DUMP_ZSET_2, put_zset},
    };
    size_t begin = buf_size(out);
    if (value->type == VALUE_TYPE_STRING) {
        put_string(out, value);
    } else {
        bytes_put_u8(out, (uint8_t)rows[value->type].type);
        put_length(out, value->container->count);
        rows[value->type].put(out, value->container);
    }
    bytes_put_u16(out, VERSION);
    struct slice all = buf_slice(out);
    bytes_put_u64(out, crc64(slice_of(all.bytes + begin, all.size - begin)));
}
