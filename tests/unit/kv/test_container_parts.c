/* test_container_parts.c -- large values in the rows of a snapshot: few, bounded, and refused when
 * they are damaged (the rest is in test_snapshot_random.c). */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kv/container_parts.h"
#include "kv/hash_table.h"
#include "kv/keyspace_change.h"
#include "kv/keyspace_snapshot.h"
#include "kv/list.h"
#include "lib/unit.h"
#include "unit/kv/snapshot_store.h"

enum { ELEMENTS = 5000, ROWS_MAX = 200 };

#define KEY SLICE_LITERAL("large")

struct world {
    struct keyspace *keyspace;
    struct snapshot_store store;
    struct buf rows; /* of the last snapshot */
    uint64_t index;
};

static struct container *begin(struct world *world, struct keyspace_change *change,
                               enum value_type type)
{
    keyspace_set_applied_index(world->keyspace, ++world->index);
    return keyspace_change_begin(change, world->keyspace, 0, KEY, type);
}

static void set_fields(struct world *world, uint32_t from, uint32_t to, const char *value)
{
    struct keyspace_change change;
    struct container *hash = begin(world, &change, VALUE_TYPE_HASH);
    for (uint32_t i = from; i < to; i++) {
        char field[16];
        int size = snprintf(field, sizeof(field), "field:%u", (unsigned)i);
        (void)hash_table_set(hash_table_of(hash), slice_of(field, (size_t)size),
                             slice_of_string(value));
    }
    (void)keyspace_change_end(&change);
}

static void push(struct world *world, uint32_t count)
{
    struct keyspace_change change;
    struct container *list = begin(world, &change, VALUE_TYPE_LIST);
    for (uint32_t i = 0; i < count; i++) {
        list_value_push(list_value_of(list), false, SLICE_LITERAL("an element of a list"));
    }
    (void)keyspace_change_end(&change);
}

/* Takes a snapshot and stores it. Returns its rows; none of the steps encodes more than a few. */
static uint32_t save(struct world *world)
{
    struct keyspace_meta meta;
    uint32_t rows_count = 0;
    bool is_done = false;
    buf_clear(&world->rows);
    keyspace_snapshot_begin(world->keyspace, &meta);
    while (!is_done) {
        size_t before = buf_size(&world->rows);
        is_done = keyspace_snapshot_step(world->keyspace, &world->rows, 4096, 10);
        CU_ASSERT(buf_size(&world->rows) - before < 4096 + 8192);
    }
    struct bytes_reader reader = bytes_reader_of(buf_slice(&world->rows));
    struct state_row row;
    for (; bytes_left(&reader) > 0; rows_count++) {
        CU_ASSERT_EQUAL_FATAL(state_row_decode(&reader, &row), RESULT_OK);
    }
    buf_append_slice(&world->store.pending, buf_slice(&world->rows));
    snapshot_store_commit(&world->store, &meta);
    keyspace_snapshot_end(world->keyspace, true);
    return rows_count;
}

static void check_stored(struct world *world)
{
    uint64_t refused = 0;
    struct keyspace *loaded = snapshot_store_load(&world->store, 7, &refused);
    CU_ASSERT_EQUAL(refused, 0);
    CU_ASSERT_EQUAL(keyspace_content_hash(loaded), keyspace_content_hash(world->keyspace));
    keyspace_destroy(loaded);
}

static void init(struct world *world)
{
    *world = (struct world){.keyspace = keyspace_create(3)};
}

static void deinit(struct world *world)
{
    keyspace_destroy(world->keyspace);
    snapshot_store_deinit(&world->store);
    buf_deinit(&world->rows);
}

UNIT_TEST(container_parts, only_what_changed_is_encoded)
{
    struct world world;
    init(&world);
    set_fields(&world, 0, ELEMENTS, "value");
    uint32_t parts = (ELEMENTS + CONTAINER_PART_ELEMENTS - 1) / CONTAINER_PART_ELEMENTS;
    CU_ASSERT_EQUAL(save(&world), 1 + parts);
    CU_ASSERT_EQUAL(save(&world), 0);
    set_fields(&world, 100, 101, "another");
    CU_ASSERT_EQUAL(save(&world), 2);
    set_fields(&world, ELEMENTS, ELEMENTS + 1, "new");
    CU_ASSERT_EQUAL(save(&world), 2);
    check_stored(&world);
    deinit(&world);
}

UNIT_TEST(container_parts, a_list_grows_by_its_last_chunk)
{
    struct world world;
    init(&world);
    push(&world, ELEMENTS);
    uint32_t rows = save(&world);
    CU_ASSERT(rows > ELEMENTS / 200);
    push(&world, 1);
    CU_ASSERT_EQUAL(save(&world), 2);
    check_stored(&world);
    deinit(&world);
}

UNIT_TEST(container_parts, another_name_moves_no_part)
{
    struct world world;
    init(&world);
    set_fields(&world, 0, ELEMENTS, "value");
    (void)save(&world);
    keyspace_set_applied_index(world.keyspace, ++world.index);
    keyspace_move(world.keyspace, 0, KEY, 1, SLICE_LITERAL("other"));
    CU_ASSERT_EQUAL(save(&world), 2); /* one name goes, the other comes */
    check_stored(&world);
    deinit(&world);
}

UNIT_TEST(container_parts, one_row_drops_all_when_the_key_goes)
{
    struct world world;
    init(&world);
    set_fields(&world, 0, ELEMENTS, "value");
    (void)save(&world);
    keyspace_set_applied_index(world.keyspace, ++world.index);
    CU_ASSERT_TRUE(keyspace_delete(world.keyspace, 0, KEY));
    CU_ASSERT_EQUAL(save(&world), 2); /* the key, and the slot of its parts */
    CU_ASSERT_EQUAL(snapshot_store_count(&world.store), 0);
    deinit(&world);
}

/* ---- Damaged rows ---- */

struct loaded_rows {
    struct state_row rows[ROWS_MAX];
    uint32_t count;
};

/* The rows of a hash of some elements, in order. */
static void collect(struct world *world, struct loaded_rows *out)
{
    init(world);
    set_fields(world, 0, ELEMENTS, "value");
    (void)save(world);
    struct bytes_reader reader = bytes_reader_of(buf_slice(&world->rows));
    out->count = 0;
    while (bytes_left(&reader) > 0) {
        struct state_row row;
        CU_ASSERT_EQUAL_FATAL(state_row_decode(&reader, &row), RESULT_OK);
        CU_ASSERT_FATAL(out->count < ROWS_MAX);
        if (row.slot < STATE_ROW_PARTS_SLOT_MIN && out->count > 0) {
            struct state_row first = out->rows[0];
            out->rows[0] = row;
            row = first;
        }
        out->rows[out->count++] = row;
    }
    for (uint32_t i = 2; i < out->count; i++) { /* the walk's order, but for the first one */
        for (uint32_t j = i; j > 1 && state_row_compare(&out->rows[j - 1], &out->rows[j]) > 0;
             j--) {
            struct state_row row = out->rows[j];
            out->rows[j] = out->rows[j - 1];
            out->rows[j - 1] = row;
        }
    }
}

static enum result restore(struct world *world, const struct loaded_rows *rows)
{
    struct keyspace *keyspace = keyspace_restore(1, &world->store.meta);
    enum result result = RESULT_OK;
    for (uint32_t i = 0; i < rows->count && result == RESULT_OK; i++) {
        result = keyspace_restore_row(keyspace, &rows->rows[i]);
    }
    if (result == RESULT_OK) {
        result = keyspace_restore_end(keyspace);
    }
    keyspace_destroy(keyspace);
    return result;
}

UNIT_TEST(container_parts, rows_that_do_not_fit_are_corrupt)
{
    static struct loaded_rows good;
    static struct loaded_rows bad;
    struct world world;
    collect(&world, &good);
    CU_ASSERT_EQUAL(restore(&world, &good), RESULT_OK);
    bad = good;
    bad.count--; /* the end is missing */
    CU_ASSERT_EQUAL(restore(&world, &bad), RESULT_CORRUPT);
    bad = good;
    bad.rows[3] = bad.rows[2]; /* twice */
    CU_ASSERT_EQUAL(restore(&world, &bad), RESULT_CORRUPT);
    bad = good;
    bad.rows[1].slot++; /* of no key */
    CU_ASSERT_EQUAL(restore(&world, &bad), RESULT_CORRUPT);
    bad = good;
    bad.rows[1].value.size--; /* cut short */
    CU_ASSERT_EQUAL(restore(&world, &bad), RESULT_CORRUPT);
    bad = good;
    bad.rows[1].value = slice_of(NULL, 0);
    CU_ASSERT_EQUAL(restore(&world, &bad), RESULT_CORRUPT);
    bad = good;
    bad.rows[1].type = STATE_ROW_STRING;
    CU_ASSERT_EQUAL(restore(&world, &bad), RESULT_CORRUPT);
    bad = good;
    bad.rows[0].value.size--; /* of the key's own row */
    CU_ASSERT_EQUAL(restore(&world, &bad), RESULT_CORRUPT);
    bad = good;
    bad.rows[2] = bad.rows[0]; /* a key behind the parts, of the same slot */
    bad.rows[2].key = SLICE_LITERAL("other");
    CU_ASSERT_EQUAL(restore(&world, &bad), RESULT_CORRUPT);
    deinit(&world);
}
