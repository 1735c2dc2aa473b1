/* state_fixture.c -- the state store's tests: rows in, rows out, and a workload to recognise. */
#include "unit/storage/state_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "lib/unit.h"

enum { WAIT_MS_MAX = 30000 };

/* Aborts the whole run: a test that cannot even prepare must not look like one that passed. */
static void require(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "state fixture: %s failed; logged: %s\n", what, fixture_messages());
        abort();
    }
}

void state_fixture_init(struct state_fixture *fixture)
{
    *fixture = (struct state_fixture){0};
    fixture_init(&fixture->base);
    fixture->options = (struct state_store_options){
        .directory = fixture->base.directory, .node_name = "node-1", .node_id = 11};
    fixture->meta = (struct state_meta){.term = 3, .next_slot = LIMIT_DATABASES + 1};
    fixture->meta.configuration = fixture->base.bootstrap;
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        fixture->meta.slots[i] = i + 1;
    }
}

static void drop_kept(struct state_fixture *fixture)
{
    for (uint32_t i = 0; i < fixture->kept_count; i++) {
        mem_free(fixture->kept[i].key);
        mem_free(fixture->kept[i].value);
    }
    mem_free(fixture->kept);
    fixture->kept = NULL;
    fixture->kept_count = 0;
}

void state_fixture_deinit(struct state_fixture *fixture)
{
    state_fixture_close(fixture);
    drop_kept(fixture);
    buf_deinit(&fixture->rows);
    fixture_deinit(&fixture->base);
}

enum result state_fixture_open(struct state_fixture *fixture)
{
    fixture_clear_messages();
    return state_store_open(&fixture->options, &fixture->found, &fixture->store);
}

void state_fixture_close(struct state_fixture *fixture)
{
    if (fixture->store != NULL) {
        state_store_close(fixture->store);
        fixture->store = NULL;
    }
}

void state_fixture_reload(struct state_fixture *fixture)
{
    state_fixture_close(fixture);
    require(state_fixture_open(fixture) == RESULT_OK, "open");
    require(state_fixture_load(fixture) == RESULT_OK, "load");
}

static void keep(struct state_fixture *fixture, const struct state_row *row)
{
    uint32_t count = fixture->kept_count;
    if ((count & (count - 1)) == 0) {
        uint32_t capacity = count == 0 ? 1 : count * 2;
        fixture->kept = mem_realloc(fixture->kept, capacity * sizeof(fixture->kept[0]));
    }
    struct kept_row *kept = &fixture->kept[fixture->kept_count++];
    kept->row = *row;
    kept->key =
        mem_copy_bytes(row->key.bytes == NULL ? (const void *)"" : row->key.bytes, row->key.size);
    kept->value = mem_copy_bytes(row->value.bytes == NULL ? (const void *)"" : row->value.bytes,
                                 row->value.size);
    kept->row.key = slice_of(kept->key, row->key.size);
    kept->row.value = slice_of(kept->value, row->value.size);
}

/* Keeps every row of a blob, which is released. */
static void keep_all(struct state_fixture *fixture, struct blob *rows)
{
    struct bytes_reader reader = bytes_reader_of(blob_slice(rows));
    while (bytes_left(&reader) > 0) {
        struct state_row row;
        require(state_row_decode(&reader, &row) == RESULT_OK, "decode");
        keep(fixture, &row);
    }
    blob_release(rows);
}

enum result state_fixture_load(struct state_fixture *fixture)
{
    drop_kept(fixture);
    state_store_load_begin(fixture->store);
    for (;;) {
        struct blob *rows = NULL;
        enum result result = state_store_load_next(fixture->store, &rows);
        if (rows == NULL) {
            return result;
        }
        keep_all(fixture, rows);
    }
}

void state_fixture_add(struct state_fixture *fixture, const struct state_row *row)
{
    state_row_encode(row, &fixture->rows);
}

void state_fixture_set(struct state_fixture *fixture, uint32_t slot, const char *key,
                       const char *value)
{
    struct state_row row = {.slot = slot,
                            .type = STATE_ROW_STRING,
                            .expiry_ms = INT64_MAX,
                            .modified_index = 1,
                            .key = slice_of_string(key),
                            .value = slice_of_string(value)};
    state_fixture_add(fixture, &row);
}

void state_fixture_remove(struct state_fixture *fixture, uint32_t slot, const char *key)
{
    struct state_row row = {.slot = slot, .type = STATE_ROW_REMOVED, .key = slice_of_string(key)};
    state_fixture_add(fixture, &row);
}

void state_fixture_put(struct state_fixture *fixture)
{
    struct blob *rows = blob_copy(buf_slice(&fixture->rows));
    state_store_put(fixture->store, rows);
    blob_release(rows);
    buf_clear(&fixture->rows);
}

void state_fixture_commit(struct state_fixture *fixture, uint64_t index)
{
    state_store_begin(fixture->store);
    state_fixture_put(fixture);
    fixture->meta.index = index;
    state_store_commit(fixture->store, &fixture->meta);
    state_fixture_wait(fixture, index);
}

static void wait_once(struct state_fixture *fixture)
{
    struct pollfd descriptor = {.fd = state_store_descriptor(fixture->store), .events = POLLIN};
    require(poll(&descriptor, 1, WAIT_MS_MAX) == 1, "waiting for the store");
    state_store_completed(fixture->store, &fixture->outcome);
}

void state_fixture_wait(struct state_fixture *fixture, uint64_t index)
{
    do {
        wait_once(fixture);
    } while (fixture->outcome.index < index);
}

enum result state_fixture_copy(struct state_fixture *fixture, const char *name)
{
    state_store_copy(fixture->store, fixture_path(&fixture->base, name));
    do {
        wait_once(fixture);
    } while (!fixture->outcome.is_copy_done);
    return fixture->outcome.copy_result;
}

const struct state_row *state_fixture_find(const struct state_fixture *fixture, uint32_t slot,
                                           struct slice key)
{
    for (uint32_t i = 0; i < fixture->kept_count; i++) {
        const struct state_row *row = &fixture->kept[i].row;
        if (row->slot == slot && slice_equals(row->key, key)) {
            return row;
        }
    }
    return NULL;
}

bool state_fixture_has(const struct state_fixture *fixture, uint32_t slot, const char *key,
                       const char *value)
{
    const struct state_row *row = state_fixture_find(fixture, slot, slice_of_string(key));
    return row != NULL && slice_equals(row->value, slice_of_string(value));
}

/* ---- The workload ---- */

static bool changes_at(uint32_t key, uint64_t index)
{
    return index == 1 || (index + key) % 3 == 0;
}

static bool is_removed_at(uint32_t key, uint64_t index)
{
    return index > 1 && (index * 7 + key) % 5 == 0;
}

/* The value a key got at an index; some are long, every hundredth key's comes in parts. */
static struct slice value_at(uint32_t key, uint64_t index)
{
    enum { LONG_BYTES = 1024 * 1024 + 5000, FEW_BYTES = 900 };
    static char text[LONG_BYTES];
    size_t size = key % 100 == 17 ? LONG_BYTES : key % 10 == 3 ? FEW_BYTES : 20;
    memset(text, 'a' + (int)(index % 26), size);
    (void)snprintf(text, sizeof(text), "%u at %llu", key, (unsigned long long)index);
    return slice_of(text, size);
}

void state_fixture_work(struct state_fixture *fixture, uint64_t index)
{
    for (uint32_t key = 0; key < WORKLOAD_KEYS; key++) {
        char name[32];
        /* Out of order, as the keyspace's are. */
        (void)snprintf(name, sizeof(name), "key-%u", key * 7919u % 10007u);
        if (changes_at(key, index) && is_removed_at(key, index)) {
            state_fixture_remove(fixture, 1 + key % 3, name);
        } else if (changes_at(key, index)) {
            struct state_row row = {.slot = 1 + key % 3,
                                    .type = STATE_ROW_STRING,
                                    .expiry_ms = INT64_MAX,
                                    .modified_index = index,
                                    .key = slice_of_string(name),
                                    .value = value_at(key, index)};
            state_fixture_add(fixture, &row);
        }
    }
}

bool state_fixture_worked(const struct state_fixture *fixture, uint64_t index)
{
    uint32_t count = 0;
    for (uint32_t key = 0; key < WORKLOAD_KEYS && index > 0; key++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "key-%u", key * 7919u % 10007u);
        uint64_t changed = index;
        while (!changes_at(key, changed)) {
            changed--;
        }
        if (is_removed_at(key, changed)) {
            continue;
        }
        const struct state_row *row =
            state_fixture_find(fixture, 1 + key % 3, slice_of_string(name));
        if (row == NULL || row->modified_index != changed ||
            !slice_equals(row->value, value_at(key, changed))) {
            return false;
        }
        count++;
    }
    return count == fixture->kept_count;
}
