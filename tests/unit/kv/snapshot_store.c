/* snapshot_store.c -- the plain state.db: see snapshot_store.h. */
#include "unit/kv/snapshot_store.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

struct stored_row {
    struct stored_row *next;
    uint64_t commit; /* that touched it last */
    struct state_row row;
    uint8_t *key;
    uint8_t *value;
};

static void row_free(struct stored_row *stored)
{
    mem_free(stored->key);
    mem_free(stored->value);
    mem_free(stored);
}

static bool is_live(const struct keyspace_meta *meta, const struct state_row *row)
{
    bool is_live = row->slot >= STATE_ROW_PARTS_SLOT_MIN;
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        is_live = is_live || meta->slots[i] == row->slot;
    }
    return is_live && row->type != STATE_ROW_REMOVED;
}

/* Frees the rows that are removed or dead; with meta NULL, all. */
static void sweep(struct snapshot_store *store, const struct keyspace_meta *meta)
{
    for (int i = 0; i < STORE_LISTS; i++) {
        struct stored_row **link = &store->lists[i];
        while (*link != NULL) {
            struct stored_row *stored = *link;
            if (meta == NULL || !is_live(meta, &stored->row)) {
                *link = stored->next;
                row_free(stored);
            } else {
                link = &stored->next;
            }
        }
    }
}

void snapshot_store_deinit(struct snapshot_store *store)
{
    sweep(store, NULL);
    buf_deinit(&store->pending);
}

/* Marks the rows of a slot as removed. */
static void drop_slot(struct snapshot_store *store, uint32_t slot)
{
    for (int i = 0; i < STORE_LISTS; i++) {
        for (struct stored_row *stored = store->lists[i]; stored != NULL; stored = stored->next) {
            if (stored->row.slot == slot) {
                stored->row.type = STATE_ROW_REMOVED;
            }
        }
    }
}

static void put(struct snapshot_store *store, const struct state_row *row)
{
    struct stored_row **list = &store->lists[hash_bytes(row->slot, row->key) % STORE_LISTS];
    struct stored_row *stored = *list;
    while (stored != NULL &&
           (stored->row.slot != row->slot || !slice_equals(stored->row.key, row->key))) {
        stored = stored->next;
    }
    if (stored == NULL) {
        stored = mem_alloc_zeroed(1, sizeof(*stored));
        stored->next = *list;
        stored->key = (uint8_t *)mem_copy_bytes(row->key.bytes, row->key.size);
        *list = stored;
    }
    store->repeated += stored->commit == store->commits;
    stored->commit = store->commits;
    mem_free(stored->value);
    stored->value = (uint8_t *)mem_copy_bytes(
        row->value.size == 0 ? (const uint8_t *)"" : row->value.bytes, row->value.size);
    stored->row = *row;
    stored->row.key = slice_of(stored->key, row->key.size);
    stored->row.value = slice_of(stored->value, row->value.size);
}

void snapshot_store_commit(struct snapshot_store *store, const struct keyspace_meta *meta)
{
    store->commits++;
    store->pending_rows = 0;
    store->pending_removed = 0;
    struct bytes_reader reader = bytes_reader_of(buf_slice(&store->pending));
    while (bytes_left(&reader) > 0) {
        struct state_row row;
        if (state_row_decode(&reader, &row) != RESULT_OK) {
            store->corrupt++;
            break;
        }
        store->pending_rows++;
        store->pending_removed += row.type == STATE_ROW_REMOVED;
        if (row.type == STATE_ROW_SLOT_REMOVED) {
            drop_slot(store, row.slot);
        } else {
            put(store, &row);
        }
    }
    buf_clear(&store->pending);
    sweep(store, meta);
    store->meta = *meta;
}

void snapshot_store_give_up(struct snapshot_store *store)
{
    buf_clear(&store->pending);
}

static int compare_rows(const void *a, const void *b)
{
    return state_row_compare(*(const struct state_row *const *)a,
                             *(const struct state_row *const *)b);
}

struct keyspace *snapshot_store_load(const struct snapshot_store *store, uint64_t hash_seed,
                                     uint64_t *refused)
{
    struct keyspace *keyspace = keyspace_restore(hash_seed, &store->meta);
    *refused = 0;
    uint64_t count = 0;
    const struct state_row **rows = mem_alloc(snapshot_store_count(store) * sizeof(*rows) + 1);
    for (int i = 0; i < STORE_LISTS; i++) {
        for (const struct stored_row *stored = store->lists[i]; stored != NULL;
             stored = stored->next) {
            rows[count++] = &stored->row;
        }
    }
    qsort(rows, count, sizeof(*rows), compare_rows);
    for (uint64_t i = 0; i < count; i++) {
        *refused += keyspace_restore_row(keyspace, rows[i]) != RESULT_OK;
    }
    mem_free(rows);
    *refused += keyspace_restore_end(keyspace) != RESULT_OK;
    return keyspace;
}

uint64_t snapshot_store_count(const struct snapshot_store *store)
{
    uint64_t count = 0;
    for (int i = 0; i < STORE_LISTS; i++) {
        for (const struct stored_row *stored = store->lists[i]; stored != NULL;
             stored = stored->next) {
            count++;
        }
    }
    return count;
}
