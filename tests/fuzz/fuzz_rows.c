/* fuzz_rows.c -- rows of a snapshot, of every type, read into a keyspace: what cannot be is
 * refused; what is taken encodes to rows that give the same keyspace again, and those encode to the
 * same bytes; memory is at most a constant times the input; rows do not depend on what follows
 * them. */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kv/container.h"
#include "kv/keyspace_snapshot.h"

enum {
    HASH_SEED = 1,
    OTHER_HASH_SEED = 2,
    /* A member of two bytes has a place in a table of its own, and a node in a sorted set. */
    MEMORY_FACTOR = 300,
    MEMORY_BASE = 64 * 1024,
};

static struct keyspace *restore(uint64_t hash_seed, struct slice bytes)
{
    struct keyspace_meta meta = {.next_slot = LIMIT_DATABASES};
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        meta.slots[i] = i;
    }
    struct keyspace *keyspace = keyspace_restore(hash_seed, &meta);
    struct bytes_reader reader = bytes_reader_of(bytes);
    enum result result = RESULT_OK;
    while (result == RESULT_OK && bytes_left(&reader) > 0) {
        struct state_row row;
        result = state_row_decode(&reader, &row);
        if (result == RESULT_OK) {
            result = keyspace_restore_row(keyspace, &row);
        }
    }
    if (result != RESULT_OK || keyspace_restore_end(keyspace) != RESULT_OK) {
        keyspace_destroy(keyspace);
        return NULL;
    }
    return keyspace;
}

/* ---- Back to rows ---- */

struct encoding {
    struct buf rows;
    uint32_t database;
    uint64_t count;
};

static enum state_row_type type_of(const struct value *value)
{
    switch (value->type) {
    case VALUE_TYPE_LIST:
        return STATE_ROW_LIST;
    case VALUE_TYPE_HASH:
        return STATE_ROW_HASH;
    case VALUE_TYPE_SET:
        return STATE_ROW_SET;
    case VALUE_TYPE_ZSET:
        return STATE_ROW_ZSET;
    case VALUE_TYPE_STRING:
    case VALUE_TYPE_COUNT:
        break;
    }
    if (value->encoding == VALUE_ENCODING_INT) {
        return STATE_ROW_INTEGER;
    }
    return value->encoding == value_of_bytes(value->string).encoding ? STATE_ROW_STRING
                                                                     : STATE_ROW_RAW;
}

/* Decodes what a container encodes to, and encodes that again: a fixed point. */
static void check_container(const struct value *value, struct slice encoded)
{
    struct container *again = NULL;
    struct buf twice = {0};
    FUZZ_CHECK(container_decode(value->type, OTHER_HASH_SEED, encoded, &again) == RESULT_OK);
    container_encode(again, &twice);
    FUZZ_CHECK(slice_equals(buf_slice(&twice), encoded));
    container_free(again);
    buf_deinit(&twice);
}

static void encode(const struct item *item, void *context)
{
    struct encoding *encoding = context;
    struct value value = keyspace_item_value(item);
    struct buf encoded = {0};
    if (value.type != VALUE_TYPE_STRING) {
        container_encode(value.container, &encoded);
        check_container(&value, buf_slice(&encoded));
    } else if (value.encoding == VALUE_ENCODING_INT) {
        bytes_put_u64(&encoded, (uint64_t)value.integer);
    } else {
        buf_append_slice(&encoded, value.string);
    }
    struct state_row row = {.slot = encoding->database,
                            .type = type_of(&value),
                            .expiry_ms = keyspace_item_expiry(item),
                            .modified_index = keyspace_item_modified_index(item),
                            .key = keyspace_item_key(item),
                            .value = buf_slice(&encoded)};
    state_row_encode(&row, &encoding->rows);
    encoding->count++;
    buf_deinit(&encoded);
}

static void check_round_trip(struct keyspace *keyspace)
{
    struct encoding encoding = {.count = 0};
    uint64_t count = 0;
    for (encoding.database = 0; encoding.database < LIMIT_DATABASES; encoding.database++) {
        keyspace_for_each(keyspace, encoding.database, encode, &encoding);
        count += keyspace_keys_count(keyspace, encoding.database);
    }
    struct keyspace *again = restore(OTHER_HASH_SEED, buf_slice(&encoding.rows));
    FUZZ_CHECK(again != NULL);
    /* Keys that are due are not visited. */
    FUZZ_CHECK(encoding.count < count ||
               keyspace_content_hash(again) == keyspace_content_hash(keyspace));
    keyspace_destroy(again);
    buf_deinit(&encoding.rows);
}

/* ---- Rows by themselves ---- */

/* The rows at the front of an input are the same whatever is behind them. */
static void check_split(struct slice input, size_t size)
{
    struct bytes_reader whole = bytes_reader_of(input);
    struct slice front = fuzz_copy(slice_of(input.bytes, size));
    struct bytes_reader part = bytes_reader_of(front);
    struct state_row a;
    struct state_row b;
    while (bytes_left(&part) > 0 && state_row_decode(&part, &a) == RESULT_OK) {
        FUZZ_CHECK(state_row_decode(&whole, &b) == RESULT_OK);
        FUZZ_CHECK(a.slot == b.slot && a.type == b.type && slice_equals(a.key, b.key));
        FUZZ_CHECK(a.type == STATE_ROW_REMOVED || a.type == STATE_ROW_SLOT_REMOVED ||
                   (a.expiry_ms == b.expiry_ms && slice_equals(a.value, b.value)));
    }
    fuzz_free(front);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_quiet();
    struct slice all = slice_of(data, size);
    uint8_t split = fuzz_take_byte(&all);
    struct slice input = fuzz_copy(all);
    check_split(input, input.size * split / 256);
    struct keyspace *keyspace = restore(HASH_SEED, input);
    if (keyspace != NULL) {
        struct keyspace_stats stats;
        keyspace_get_stats(keyspace, &stats);
        FUZZ_CHECK(stats.memory_bytes <= MEMORY_BASE + MEMORY_FACTOR * input.size);
        check_round_trip(keyspace);
        keyspace_destroy(keyspace);
    }
    fuzz_free(input);
    return 0;
}
