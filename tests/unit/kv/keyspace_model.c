/* keyspace_model.c -- the plain keyspace: see keyspace_model.h. */
#include "unit/kv/keyspace_model.h"

#include <string.h>

#include "base/mem.h"

struct slice model_key(uint32_t number)
{
    static uint8_t keys[MODEL_KEYS][300];
    uint8_t *key = keys[number];
    memset(key, 'a' + (int)number % 26, sizeof(keys[number]));
    key[0] = (uint8_t)number;
    return slice_of(key, number < 40 ? number : number * 5);
}

static void drop(struct model_cell *cell)
{
    mem_free(cell->bytes);
    *cell = (struct model_cell){.expiry_ms = KEYSPACE_NEVER};
}

void model_deinit(struct model *model)
{
    for (uint32_t i = 0; i < MODEL_DATABASES; i++) {
        for (uint32_t j = 0; j < MODEL_KEYS; j++) {
            drop(&model->cells[i][j]);
        }
    }
}

static void put(struct model_cell *cell, const struct value *value, int64_t expiry_ms)
{
    char scratch[NUMBER_INT64_BYTES];
    struct slice text = value_text(value, scratch);
    uint8_t *bytes = (uint8_t *)mem_copy_bytes(text.bytes, text.size);
    if (expiry_ms == KEYSPACE_KEEP_EXPIRY) {
        expiry_ms = cell->exists ? cell->expiry_ms : KEYSPACE_NEVER;
    }
    drop(cell);
    *cell = (struct model_cell){true, bytes, text.size, value->encoding, expiry_ms};
}

static void write_at(struct model_cell *cell, size_t offset, struct slice bytes)
{
    size_t size = offset + bytes.size > cell->size ? offset + bytes.size : cell->size;
    cell->bytes = mem_realloc(cell->bytes, size);
    memset(cell->bytes + cell->size, 0, size - cell->size);
    memcpy(cell->bytes + offset, bytes.bytes, bytes.size);
    cell->size = size;
    cell->encoding = VALUE_ENCODING_RAW;
    if (!cell->exists) {
        cell->exists = true;
        cell->expiry_ms = KEYSPACE_NEVER;
    }
}

static void expire_due(struct model *model)
{
    for (uint32_t i = 0; i < MODEL_DATABASES; i++) {
        for (uint32_t j = 0; j < MODEL_KEYS; j++) {
            struct model_cell *cell = &model->cells[i][j];
            if (cell->exists && cell->expiry_ms <= model->clock_ms) {
                drop(cell);
            }
        }
    }
}

/* One random change, with everything it may need drawn beforehand. */
struct change {
    uint64_t kind;
    uint32_t database;
    uint32_t key;
    uint32_t other_database;
    uint32_t other_key;
    int64_t expiry_ms;
    uint64_t offset;
    struct value value;
};

static uint8_t random_bytes[MODEL_VALUE_BYTES_MAX];

static size_t random_size(struct prng *prng)
{
    static const size_t bounds[] = {1, 12, 46, 60, 200, 200, 1000};
    if (prng_below(prng, 200) == 0) {
        return 1 + prng_below(prng, MODEL_VALUE_BYTES_MAX - 1);
    }
    return 1 + prng_below(prng, bounds[prng_below(prng, 7)]);
}

static struct change draw(const struct keyspace *keyspace, struct prng *prng)
{
    struct change change = {.kind = prng_below(prng, 20),
                            .database = (uint32_t)prng_below(prng, MODEL_DATABASES),
                            .key = (uint32_t)prng_below(prng, MODEL_KEYS),
                            .other_database = (uint32_t)prng_below(prng, MODEL_DATABASES),
                            .other_key = (uint32_t)prng_below(prng, MODEL_KEYS),
                            .offset = prng_below(prng, 250)};
    change.expiry_ms = keyspace_clock(keyspace) + 1 + (int64_t)prng_below(prng, 500);
    size_t size = random_size(prng);
    memset(random_bytes, (int)prng_below(prng, 256), size);
    switch (prng_below(prng, 3)) {
    case 0:
        change.value = value_of_integer((int64_t)prng_next(prng));
        break;
    default:
        change.value = value_of_bytes(slice_of(random_bytes, size));
        break;
    }
    return change;
}

static void apply_set(struct model_cell *cell, struct keyspace *keyspace,
                      const struct change *change)
{
    static const int64_t kinds[] = {KEYSPACE_NEVER, KEYSPACE_KEEP_EXPIRY, 0};
    int64_t expiry_ms = kinds[change->offset % 3];
    expiry_ms = expiry_ms == 0 ? change->expiry_ms : expiry_ms;
    if (cell != NULL) {
        put(cell, &change->value, expiry_ms);
    }
    keyspace_set(keyspace, change->database, model_key(change->key), &change->value, expiry_ms);
}

static void apply_write(struct model_cell *cell, struct keyspace *keyspace,
                        const struct change *change, bool exists)
{
    struct slice key = model_key(change->key);
    char scratch[NUMBER_INT64_BYTES];
    struct slice text = value_text(&change->value, scratch);
    if (change->kind < 10 || !exists) {
        if (cell != NULL) {
            write_at(cell, change->offset, text);
        }
        (void)keyspace_set_range(keyspace, change->database, key, change->offset, text);
        return;
    }
    if (cell != NULL) {
        write_at(cell, cell->size, text);
    }
    (void)keyspace_append(keyspace, change->database, key, text);
}

/* RENAME, MOVE and COPY to another place. */
static void apply_transfer(struct model *model, struct keyspace *keyspace,
                           const struct change *change)
{
    struct slice from = model_key(change->key);
    struct slice to = model_key(change->other_key);
    if (change->database == change->other_database && change->key == change->other_key) {
        return;
    }
    bool moves = change->kind == 15;
    (void)keyspace_lookup_write(keyspace, change->other_database, to);
    if (moves) {
        keyspace_move(keyspace, change->database, from, change->other_database, to);
    } else {
        keyspace_copy(keyspace, change->database, from, change->other_database, to);
    }
    if (model == NULL) {
        return;
    }
    struct model_cell *source = &model->cells[change->database][change->key];
    struct model_cell *target = &model->cells[change->other_database][change->other_key];
    drop(target);
    *target = *source;
    if (moves) {
        source->bytes = NULL;
        drop(source);
    } else {
        target->bytes = (uint8_t *)mem_copy_bytes(source->bytes, source->size);
    }
}

static void apply_to_databases(struct model *model, struct keyspace *keyspace,
                               const struct change *change)
{
    if (change->offset == 0) {
        keyspace_flush(keyspace, change->database);
        for (uint32_t i = 0; model != NULL && i < MODEL_KEYS; i++) {
            drop(&model->cells[change->database][i]);
        }
    } else if (change->offset < 20) {
        keyspace_swap_databases(keyspace, change->database, change->other_database);
        for (uint32_t i = 0; model != NULL && i < MODEL_KEYS; i++) {
            struct model_cell cell = model->cells[change->database][i];
            model->cells[change->database][i] = model->cells[change->other_database][i];
            model->cells[change->other_database][i] = cell;
        }
    } else {
        int64_t clock_ms = keyspace_clock(keyspace) + (int64_t)(change->offset / 20);
        keyspace_set_clock(keyspace, clock_ms);
        if (model != NULL) {
            model->clock_ms = clock_ms;
            expire_due(model);
        }
        (void)keyspace_remove_due(keyspace, (uint32_t)(change->offset % 4));
    }
}

static void apply_to_key(struct model_cell *cell, struct keyspace *keyspace,
                         const struct change *change)
{
    struct slice key = model_key(change->key);
    if (change->kind < 14) {
        int64_t expiry_ms = change->kind == 12 ? KEYSPACE_NEVER : change->expiry_ms;
        keyspace_set_expiry(keyspace, change->database, key, expiry_ms);
        if (cell != NULL) {
            cell->expiry_ms = expiry_ms;
        }
        return;
    }
    (void)keyspace_delete(keyspace, change->database, key);
    if (cell != NULL) {
        drop(cell);
    }
}

void model_step(struct model *model, struct keyspace *keyspace, struct prng *prng)
{
    struct change change = draw(keyspace, prng);
    struct model_cell *cell = model == NULL ? NULL : &model->cells[change.database][change.key];
    struct slice key = model_key(change.key);
    bool exists = keyspace_lookup_write(keyspace, change.database, key) != NULL;
    if (change.kind < 8) {
        apply_set(cell, keyspace, &change);
    } else if (change.kind < 12) {
        apply_write(cell, keyspace, &change, exists);
    } else if (change.kind < 15 && exists) {
        apply_to_key(cell, keyspace, &change);
    } else if (change.kind < 17 && exists) {
        apply_transfer(model, keyspace, &change);
    } else if (change.kind >= 18) {
        apply_to_databases(model, keyspace, &change);
    }
    (void)keyspace_do_housekeeping(keyspace);
}

static bool cell_equals(const struct model_cell *cell, const struct item *item)
{
    if (item == NULL || !cell->exists) {
        return (item == NULL) == !cell->exists;
    }
    char scratch[NUMBER_INT64_BYTES];
    struct value value = keyspace_item_value(item);
    return slice_equals(value_text(&value, scratch), slice_of(cell->bytes, cell->size)) &&
           value.encoding == cell->encoding && keyspace_item_expiry(item) == cell->expiry_ms;
}

uint32_t model_count_differences(struct model *model, struct keyspace *keyspace)
{
    uint32_t differences = 0;
    for (uint32_t i = 0; i < MODEL_DATABASES; i++) {
        for (uint32_t j = 0; j < MODEL_KEYS; j++) {
            const struct item *item =
                keyspace_lookup_read(keyspace, i, model_key(j), KEYSPACE_UNTOUCHED);
            differences += !cell_equals(&model->cells[i][j], item);
        }
    }
    return differences;
}
