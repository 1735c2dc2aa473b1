/* keyspace_write.c -- the changes of the keyspace. Each notes itself in the state hash first. */
#include "base/assert.h"
#include "base/mem.h"
#include "kv/keyspace.h"
#include "kv/keyspace_change.h"
#include "kv/keyspace_internal.h"

enum { BOX_SLACK_BYTES_MAX = 1024 * 1024 };

void keyspace_stamp(const struct keyspace *keyspace, struct item *item)
{
    item->modified_index = keyspace->applied_index & ITEM_INDEX_MASK;
    item->accessed_s = item_access_time(keyspace->clock_ms) & ITEM_ACCESS_MASK;
}

void keyspace_attach(struct keyspace *keyspace, const struct spot *spot, struct item *item,
                     int64_t expiry_ms)
{
    keyspace_note_added(keyspace, spot, item);
    keyspace_tell(keyspace, KEYSPACE_ADDED, spot);
    dict_insert(&spot->database->dict, item, spot->hash);
    if (item->is_volatile) {
        expiry_heap_add(&spot->database->expiries, item, expiry_ms);
    }
    keyspace->item_bytes += item_memory(item);
}

/* Puts an item in the place of the one at the spot's link, which is returned: now the caller's. */
static struct item *exchange(struct keyspace *keyspace, const struct spot *spot, struct item *item,
                             int64_t expiry_ms)
{
    struct item *old = dict_replace(spot->link, item);
    item->is_stored = old->is_stored;
    struct expiry_heap *expiries = &spot->database->expiries;
    if (old->is_volatile && item->is_volatile) {
        expiry_heap_replace(expiries, old, item);
    } else if (old->is_volatile) {
        expiry_heap_remove(expiries, old);
    } else if (item->is_volatile) {
        expiry_heap_add(expiries, item, expiry_ms);
    }
    keyspace->item_bytes += item_memory(item);
    keyspace->item_bytes -= item_memory(old);
    return old;
}

/* As exchange, and frees the old item. */
static void supplant(struct keyspace *keyspace, const struct spot *spot, struct item *item,
                     int64_t expiry_ms)
{
    struct item *old = exchange(keyspace, spot, item, expiry_ms);
    garbage_add_item(&keyspace->garbage, old);
}

void keyspace_put(struct keyspace *keyspace, const struct spot *spot, struct item *item,
                  int64_t expiry_ms)
{
    if (spot->link == NULL) {
        keyspace_attach(keyspace, spot, item, expiry_ms);
    } else {
        supplant(keyspace, spot, item, expiry_ms);
        if (item->is_volatile && item_volatile(item)->expiry_ms != expiry_ms) {
            expiry_heap_change(&spot->database->expiries, item, expiry_ms);
        }
    }
    keyspace_stamp(keyspace, item);
}

static void store(struct keyspace *keyspace, struct spot *spot, const struct value *value,
                  int64_t expiry_ms)
{
    bool is_volatile = expiry_ms != KEYSPACE_NEVER;
    if (spot->link == NULL) {
        struct item *item = item_create(spot->key, value, is_volatile);
        keyspace_attach(keyspace, spot, item, expiry_ms);
        keyspace_stamp(keyspace, item);
        return;
    }
    struct item *item = *spot->link;
    if (item->is_volatile != is_volatile || !item_overwrite(item, value)) {
        item = item_create(spot->key, value, is_volatile);
        supplant(keyspace, spot, item, expiry_ms);
    }
    if (is_volatile && item_volatile(item)->expiry_ms != expiry_ms) {
        expiry_heap_change(&spot->database->expiries, item, expiry_ms);
    }
    keyspace_stamp(keyspace, item);
}

void keyspace_set(struct keyspace *keyspace, uint32_t database, struct slice key,
                  const struct value *value, int64_t expiry_ms)
{
    struct spot spot = keyspace_spot(keyspace, database, key);
    if (expiry_ms == KEYSPACE_KEEP_EXPIRY) {
        expiry_ms = spot.link == NULL ? KEYSPACE_NEVER : keyspace_item_expiry(*spot.link);
    }
    struct mutation mutation = {.kind = MUTATION_SET,
                                .database = database,
                                .key = key,
                                .bytes = value->string,
                                .number = value->integer,
                                .expiry_ms = expiry_ms};
    keyspace_note(keyspace, &mutation);
    keyspace_preserve(keyspace, &spot);
    store(keyspace, &spot, value, expiry_ms);
}

/* Room for more appends: as much again for small strings, 1 MiB for large ones. */
static uint64_t capacity_for(uint64_t size)
{
    uint64_t slack = size < BOX_SLACK_BYTES_MAX ? size : BOX_SLACK_BYTES_MAX;
    return size + slack;
}

static uint8_t *resize_box(struct keyspace *keyspace, struct item *item, uint64_t size)
{
    struct item_box *box = item_box(item);
    if (size > box->capacity) {
        keyspace->item_bytes -= item_memory(item);
        uint64_t capacity = capacity_for(size);
        box = mem_realloc(box, sizeof(*box) + capacity);
        box->capacity = (uint32_t)capacity;
        item_set_box(item, box);
        keyspace->item_bytes += item_memory(item);
    }
    memset(box->bytes + box->size, 0, size - box->size);
    box->size = (uint32_t)size;
    return box->bytes;
}

/* Makes the string at the spot size bytes long, not less than it is, with zeros at the end and
 * room for more, reported as raw. Returns its bytes, to be written to. */
static uint8_t *extend(struct keyspace *keyspace, struct spot *spot, uint64_t size)
{
    struct item *item = *spot->link;
    ASSERT(size <= LIMIT_BULK_BYTES);
    if (item->is_boxed) {
        return resize_box(keyspace, item, size);
    }
    char scratch[NUMBER_INT64_BYTES];
    struct value value = item_value(item);
    struct slice text = value_text(&value, scratch);
    ASSERT(size >= text.size);
    int64_t expiry_ms = keyspace_item_expiry(item);
    if (size > ITEM_INLINE_BYTES_MAX) {
        struct item_box *box = item_box_create(capacity_for(size));
        memcpy(box->bytes, text.bytes, text.size);
        memset(box->bytes + text.size, 0, size - text.size);
        box->size = (uint32_t)size;
        item = item_create_boxed(spot->key, box, item->is_volatile);
        supplant(keyspace, spot, item, expiry_ms);
        return box->bytes;
    }
    uint8_t bytes[ITEM_INLINE_BYTES_MAX] = {0};
    memcpy(bytes, text.bytes, text.size);
    struct value longer = {
        .type = VALUE_TYPE_STRING, .encoding = VALUE_ENCODING_RAW, .string = slice_of(bytes, size)};
    store(keyspace, spot, &longer, expiry_ms);
    return item_bytes(*spot->link);
}

static uint64_t string_size(const struct item *item)
{
    char scratch[NUMBER_INT64_BYTES];
    struct value value = item_value(item);
    return value_text(&value, scratch).size;
}

uint64_t keyspace_append(struct keyspace *keyspace, uint32_t database, struct slice key,
                         struct slice bytes)
{
    struct spot spot = keyspace_spot(keyspace, database, key);
    ASSERT(spot.link != NULL);
    uint64_t old_size = string_size(*spot.link);
    uint64_t size = old_size + bytes.size;
    struct mutation mutation = {.kind = MUTATION_APPEND,
                                .database = database,
                                .key = key,
                                .bytes = bytes,
                                .number = (int64_t)size};
    keyspace_note(keyspace, &mutation);
    keyspace_preserve(keyspace, &spot);
    uint8_t *extended = extend(keyspace, &spot, size);
    if (bytes.size > 0) {
        memcpy(extended + old_size, bytes.bytes, bytes.size);
    }
    keyspace_stamp(keyspace, *spot.link);
    return size;
}

uint64_t keyspace_set_range(struct keyspace *keyspace, uint32_t database, struct slice key,
                            uint64_t offset, struct slice bytes)
{
    ASSERT(bytes.size > 0);
    ASSERT(offset <= LIMIT_BULK_BYTES);
    struct mutation mutation = {.kind = MUTATION_SET_RANGE,
                                .database = database,
                                .key = key,
                                .bytes = bytes,
                                .number = (int64_t)offset};
    keyspace_note(keyspace, &mutation);
    struct spot spot = keyspace_spot(keyspace, database, key);
    if (spot.link == NULL) {
        struct value empty = {.type = VALUE_TYPE_STRING, .encoding = VALUE_ENCODING_RAW};
        store(keyspace, &spot, &empty, KEYSPACE_NEVER);
        spot = keyspace_spot(keyspace, database, key);
    } else {
        keyspace_preserve(keyspace, &spot);
    }
    uint64_t size = string_size(*spot.link);
    if (size < offset + bytes.size) {
        size = offset + bytes.size;
    }
    memcpy(extend(keyspace, &spot, size) + offset, bytes.bytes, bytes.size);
    keyspace_stamp(keyspace, *spot.link);
    return size;
}

bool keyspace_delete(struct keyspace *keyspace, uint32_t database, struct slice key)
{
    struct spot spot = keyspace_spot(keyspace, database, key);
    if (spot.link == NULL) {
        return false;
    }
    struct mutation mutation = {.kind = MUTATION_DELETE, .database = database, .key = key};
    keyspace_note(keyspace, &mutation);
    keyspace_discard(keyspace, &spot);
    return true;
}

void keyspace_set_expiry(struct keyspace *keyspace, uint32_t database, struct slice key,
                         int64_t expiry_ms)
{
    ASSERT(expiry_ms != KEYSPACE_KEEP_EXPIRY);
    struct mutation mutation = {
        .kind = MUTATION_SET_EXPIRY, .database = database, .key = key, .expiry_ms = expiry_ms};
    keyspace_note(keyspace, &mutation);
    struct spot spot = keyspace_spot(keyspace, database, key);
    ASSERT(spot.link != NULL);
    keyspace_preserve(keyspace, &spot);
    struct item *item = *spot.link;
    bool is_volatile = expiry_ms != KEYSPACE_NEVER;
    if (item->is_volatile != is_volatile) {
        item = item_remake(item, item_key(item), is_volatile);
        item_free_shell(exchange(keyspace, &spot, item, expiry_ms));
    } else if (is_volatile) {
        expiry_heap_change(&spot.database->expiries, item, expiry_ms);
    }
    keyspace_stamp(keyspace, item);
}

void keyspace_move(struct keyspace *keyspace, uint32_t from_database, struct slice from,
                   uint32_t to_database, struct slice to)
{
    struct mutation leaves = {.kind = MUTATION_MOVE_FROM, .database = from_database, .key = from};
    struct mutation arrives = {.kind = MUTATION_MOVE_TO, .database = to_database, .key = to};
    keyspace_note(keyspace, &leaves);
    keyspace_note(keyspace, &arrives);
    struct spot source = keyspace_spot(keyspace, from_database, from);
    ASSERT(source.link != NULL);
    keyspace_preserve(keyspace, &source);
    struct item *old = *source.link;
    if (old->is_stored) {
        keyspace_note_removed(keyspace, &source, old);
    }
    int64_t expiry_ms = keyspace_item_expiry(old);
    struct item *item = item_remake(old, to, old->is_volatile);
    if (old->is_volatile) {
        expiry_heap_remove(&source.database->expiries, old);
    }
    keyspace->item_bytes -= item_memory(old);
    dict_remove(&source.database->dict, source.link);
    struct spot target = keyspace_spot(keyspace, to_database, to);
    if (target.link != NULL) {
        keyspace_preserve(keyspace, &target);
    }
    keyspace_put(keyspace, &target, item, expiry_ms);
    if (item_container(item) != NULL) {
        container_parts_moved(item_container(item), target.database->slot);
    }
    item_free_shell(old);
}

void keyspace_copy(struct keyspace *keyspace, uint32_t from_database, struct slice from,
                   uint32_t to_database, struct slice to)
{
    struct spot source = keyspace_spot(keyspace, from_database, from);
    ASSERT(source.link != NULL);
    struct value value = item_value(*source.link);
    int64_t expiry_ms = keyspace_item_expiry(*source.link);
    if (value.type == VALUE_TYPE_STRING) {
        keyspace_set(keyspace, to_database, to, &value, expiry_ms);
    } else {
        struct container *copy = container_copy(value.container, source.database->dict.hash_seed);
        keyspace_set_container(keyspace, to_database, to, copy, expiry_ms);
    }
}

void keyspace_swap_databases(struct keyspace *keyspace, uint32_t a, uint32_t b)
{
    ASSERT(a < LIMIT_DATABASES);
    ASSERT(b < LIMIT_DATABASES);
    struct mutation mutation = {.kind = MUTATION_SWAP_DATABASES, .database = a, .number = b};
    keyspace_note(keyspace, &mutation);
    struct database swapped = keyspace->databases[a];
    keyspace->databases[a] = keyspace->databases[b];
    keyspace->databases[b] = swapped;
}

void keyspace_flush(struct keyspace *keyspace, uint32_t database)
{
    ASSERT(database < LIMIT_DATABASES);
    struct mutation mutation = {.kind = MUTATION_FLUSH, .database = database};
    keyspace_note(keyspace, &mutation);
    expiry_heap_clear(&keyspace->databases[database].expiries, &keyspace->garbage);
    keyspace_detach(keyspace, &keyspace->databases[database]);
}
