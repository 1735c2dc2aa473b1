/* keyspace_snapshot.c -- incremental snapshots: see keyspace_snapshot.h. The way back, from rows to
 * a keyspace, is in keyspace_restore.c.
 *
 * DESIGN. Whether the running snapshot still has to encode an item follows from two facts that are
 * there anyway, so that items carry no mark and nothing is reset at the begin or the end:
 *
 *   - it was last modified from snapshot.from_index to snapshot.to_index. Whatever changes while
 *     the snapshot runs has a greater index (keyspace_note checks that);
 *   - the walk is not past it: its hash is not behind the cursor (dict_scan_is_past), a question
 *     whose answer does not depend on how the table is resized meanwhile.
 *
 * One about to change is encoded into images, and by its change leaves the first set. So each item
 * is encoded once. A flushed database is moved aside with its walk and walked there.
 *
 * Removed keys. An item knows whether the store may hold a row under its key (is_stored: it was
 * encoded once, or came from a row, or its key had such an item before). When it goes, its key is
 * noted in database.removed; when the key comes again, that is forgotten, and the new item is taken
 * for stored. So a key is never both noted and there, and keys that come and go between snapshots
 * cost nothing. At the begin, removed becomes leaving, which nobody changes until the end: then its
 * rows are gone for good, or (not saved) it is merged into removed, bit by bit; a key that comes
 * or goes meanwhile is found in either.
 *
 * Slots. One that no snapshot ever showed has no rows, so a flush may keep it: each snapshot sees
 * at most LIMIT_DATABASES new ones, and 32 bits of them last.
 */
#include "kv/keyspace_snapshot.h"

#include "base/assert.h"
#include "base/mem.h"
#include "kv/container.h"
#include "kv/keyspace_internal.h"

/* The buffer for rows encoded ahead is kept up to this size while a snapshot runs. */
enum { IMAGES_KEEP_BYTES = 1024 * 1024 };

void keyspace_snapshot_init(struct keyspace *keyspace, uint64_t hash_seed)
{
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        struct database *database = &keyspace->databases[i];
        dict_init(&database->removed.dict, hash_seed, &keyspace->garbage);
        dict_init(&database->leaving.dict, hash_seed, &keyspace->garbage);
        database->walk.is_done = true;
        database->leaving_walk.is_done = true;
        database->slot = i;
    }
    keyspace->snapshot.next_slot = LIMIT_DATABASES;
    keyspace->large.next_slot = STATE_ROW_PARTS_SLOT_MIN;
}

static void clear_removed(struct removed_keys *removed)
{
    dict_clear(&removed->dict);
    removed->bytes = 0;
}

static void drop_detached(struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->detached_count; i++) {
        dict_clear(&snapshot->detached[i].dict);
        clear_removed(&snapshot->detached[i].leaving);
    }
    snapshot->detached_count = 0;
}

void keyspace_snapshot_deinit(struct keyspace *keyspace)
{
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        clear_removed(&keyspace->databases[i].removed);
        clear_removed(&keyspace->databases[i].leaving);
    }
    drop_detached(&keyspace->snapshot);
    buf_deinit(&keyspace->snapshot.images);
}

/* ---- What changes tell ---- */

static enum state_row_type row_type_of(enum value_type type)
{
    static const enum state_row_type types[VALUE_TYPE_COUNT] = {
        [VALUE_TYPE_STRING] = STATE_ROW_STRING, [VALUE_TYPE_LIST] = STATE_ROW_LIST,
        [VALUE_TYPE_HASH] = STATE_ROW_HASH,     [VALUE_TYPE_SET] = STATE_ROW_SET,
        [VALUE_TYPE_ZSET] = STATE_ROW_ZSET,
    };
    return types[type];
}

static void encode_item(const struct database *database, struct item *item, struct buf *out)
{
    struct buf elements = {0};
    struct value value = item_value(item);
    struct state_row row = {.slot = database->slot,
                            .type = row_type_of(value.type),
                            .expiry_ms = keyspace_item_expiry(item),
                            .modified_index = item->modified_index,
                            .key = item_key(item),
                            .value = value.string};
    uint8_t integer[sizeof(uint64_t)];
    if (value.type != VALUE_TYPE_STRING) {
        if (value.container->parts != NULL) {
            row.type = container_parts_encode_head(value.container->parts, &elements);
        } else {
            container_encode(value.container, &elements);
        }
        row.value = buf_slice(&elements);
    } else if (value.encoding == VALUE_ENCODING_INT) {
        bytes_set_u64(integer, (uint64_t)value.integer);
        row.type = STATE_ROW_INTEGER;
        row.value = slice_of(integer, sizeof(integer));
    } else if (value.encoding != value_of_bytes(value.string).encoding) {
        row.type = STATE_ROW_RAW;
    }
    state_row_encode(&row, out);
    buf_deinit(&elements);
    item->is_stored = true;
}

static bool is_wanted(const struct snapshot *snapshot, const struct item *item)
{
    return item->modified_index >= snapshot->from_index &&
           item->modified_index <= snapshot->to_index;
}

void keyspace_encode_ahead(struct keyspace *keyspace, const struct spot *spot)
{
    struct snapshot *snapshot = &keyspace->snapshot;
    if (is_wanted(snapshot, *spot->link) &&
        !dict_scan_is_past(spot->database->walk.cursor, spot->hash)) {
        encode_item(spot->database, *spot->link, &snapshot->images);
    }
}

static void add_removed(struct keyspace *keyspace, struct removed_keys *removed, struct slice key,
                        uint64_t hash)
{
    struct value none = value_of_bytes(slice_of(NULL, 0));
    struct item *item = item_create(key, &none, false);
    dict_insert(&removed->dict, item, hash);
    removed->bytes += item_memory(item);
    keyspace->item_bytes += item_memory(item);
}

void keyspace_note_removed(struct keyspace *keyspace, const struct spot *spot,
                           const struct item *item)
{
    ASSERT(item->is_stored);
    add_removed(keyspace, &spot->database->removed, item_key(item), spot->hash);
}

void keyspace_note_added(struct keyspace *keyspace, const struct spot *spot, struct item *item)
{
    struct removed_keys *removed = &spot->database->removed;
    struct item **link = dict_find(&removed->dict, spot->key, spot->hash);
    /* A leaving key stays: its row is deleted, unless the snapshot is given up. */
    item->is_stored =
        link != NULL || dict_find(&spot->database->leaving.dict, spot->key, spot->hash) != NULL;
    if (link != NULL) {
        struct item *noted = dict_remove(&removed->dict, link);
        removed->bytes -= item_memory(noted);
        keyspace->item_bytes -= item_memory(noted);
        item_free(noted);
    }
}

void keyspace_detach(struct keyspace *keyspace, struct database *database)
{
    struct snapshot *snapshot = &keyspace->snapshot;
    container_parts_flush(keyspace, database->slot);
    clear_removed(&database->removed);
    if (snapshot->is_merging || (database->walk.is_done && database->leaving_walk.is_done)) {
        dict_clear(&database->dict);
        clear_removed(&database->leaving);
        database->leaving_walk.is_done = true;
    } else {
        ASSERT(snapshot->detached_count < LIMIT_DATABASES);
        snapshot->detached[snapshot->detached_count++] = *database;
        dict_init(&database->dict, database->dict.hash_seed, database->dict.garbage);
        database->leaving = (struct removed_keys){.dict = database->dict};
        database->walk.is_done = true;
        database->leaving_walk.is_done = true;
    }
    if (database->slot < snapshot->unseen_slot) {
        ASSERT(snapshot->next_slot < STATE_ROW_PARTS_SLOT_MIN);
        database->slot = snapshot->next_slot++;
    }
}

/* ---- One that was given up ---- */

struct merge {
    struct keyspace *keyspace;
    struct database *database;
    uint32_t looks;
};

/* Notes a key again whose row was not deleted after all, unless it is there or noted. */
static void merge_leaving(struct item *item, void *context)
{
    struct merge *merge = context;
    struct database *database = merge->database;
    struct slice key = item_key(item);
    uint64_t hash = dict_hash(&database->dict, key);
    merge->looks++;
    if (dict_find(&database->dict, key, hash) == NULL &&
        dict_find(&database->removed.dict, key, hash) == NULL) {
        add_removed(merge->keyspace, &database->removed, key, hash);
    }
}

bool keyspace_merge_some(struct keyspace *keyspace, uint32_t items_max)
{
    struct snapshot *snapshot = &keyspace->snapshot;
    struct merge merge = {.keyspace = keyspace};
    for (uint32_t i = 0; snapshot->is_merging && i < LIMIT_DATABASES; i++) {
        struct database *database = &keyspace->databases[i];
        struct walk *walk = &database->leaving_walk;
        merge.database = database;
        while (!walk->is_done) {
            if (merge.looks >= items_max) {
                return true;
            }
            merge.looks++;
            walk->cursor = dict_scan(&database->leaving.dict, walk->cursor, merge_leaving, &merge);
            walk->is_done = walk->cursor == 0;
        }
        clear_removed(&database->leaving);
    }
    snapshot->is_merging = false;
    return false;
}

/* ---- The walk ---- */

void keyspace_snapshot_begin(struct keyspace *keyspace, struct keyspace_meta *meta)
{
    struct snapshot *snapshot = &keyspace->snapshot;
    ASSERT(!snapshot->is_running);
    ASSERT(snapshot->detached_count == 0);
    (void)keyspace_merge_some(keyspace, UINT32_MAX);
    snapshot->is_running = true;
    snapshot->to_index = keyspace->applied_index;
    snapshot->fresh_index = keyspace->applied_index + 1;
    snapshot->unseen_slot = snapshot->next_slot;
    *meta = (struct keyspace_meta){.clock_ms = keyspace->clock_ms,
                                   .state_hash = keyspace->state_hash,
                                   .next_slot = snapshot->next_slot};
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        struct database *database = &keyspace->databases[i];
        struct removed_keys none = database->leaving;
        ASSERT(none.dict.count == 0);
        database->leaving = database->removed;
        database->removed = none;
        database->walk = (struct walk){0, database->dict.count == 0};
        database->leaving_walk = (struct walk){0, database->leaving.dict.count == 0};
        meta->slots[i] = database->slot;
    }
    container_parts_snapshot_begin(keyspace);
}

/* One call of keyspace_snapshot_step. */
struct step {
    const struct snapshot *snapshot;
    struct encode_budget budget;
    const struct database *database; /* being walked */
    uint64_t cursor;                 /* of the bucket being visited */
};

static void visit_item(struct item *item, void *context)
{
    struct step *step = context;
    step->budget.looks++;
    if (is_wanted(step->snapshot, item)) {
        /* A table that shrank meanwhile is visited again in part. */
        uint64_t hash = dict_hash(&step->database->dict, item_key(item));
        if (!dict_scan_is_past(step->cursor, hash)) {
            encode_item(step->database, item, step->budget.out);
        }
    }
}

static void visit_leaving(struct item *item, void *context)
{
    struct step *step = context;
    step->budget.looks++;
    struct state_row row = {
        .slot = step->database->slot, .type = STATE_ROW_REMOVED, .key = item_key(item)};
    state_row_encode(&row, step->budget.out);
}

static void go_on(struct step *step, struct walk *walk, const struct dict *dict,
                  dict_visitor *visit)
{
    for (uint32_t i = 0; !walk->is_done && !encode_budget_is_spent(&step->budget); i++) {
        uint32_t looks = step->budget.looks;
        if (i % DICT_PREFETCH_BUCKETS == 0) {
            dict_scan_prefetch(dict, walk->cursor);
        }
        step->cursor = walk->cursor;
        walk->cursor = dict_scan(dict, walk->cursor, visit, step);
        walk->is_done = walk->cursor == 0;
        if (step->budget.looks == looks) {
            step->budget.looks++;
        }
    }
}

/* Goes on with a database; true when it is all encoded. */
static bool walk_database(struct step *step, struct database *database)
{
    step->database = database;
    go_on(step, &database->leaving_walk, &database->leaving.dict, visit_leaving);
    go_on(step, &database->walk, &database->dict, visit_item);
    return database->leaving_walk.is_done && database->walk.is_done;
}

/* Hands over whole rows that were encoded ahead; true when none is left. */
static bool hand_over_images(struct step *step, struct buf *images)
{
    struct bytes_reader reader = bytes_reader_of(buf_slice(images));
    const uint8_t *start = reader.at;
    while (bytes_left(&reader) > 0 && !encode_budget_is_spent(&step->budget)) {
        const uint8_t *at = reader.at;
        struct state_row row;
        enum result result = state_row_decode(&reader, &row);
        ASSERT(result == RESULT_OK);
        buf_append(step->budget.out, at, (size_t)(reader.at - at));
        step->budget.looks++;
    }
    buf_consume(images, (size_t)(reader.at - start));
    if (buf_size(images) == 0) {
        buf_clear_and_shrink(images, IMAGES_KEEP_BYTES);
    }
    return buf_size(images) == 0;
}

bool keyspace_snapshot_step(struct keyspace *keyspace, struct buf *out, size_t bytes_max,
                            uint32_t items_max)
{
    struct snapshot *snapshot = &keyspace->snapshot;
    ASSERT(snapshot->is_running);
    ASSERT(bytes_max > 0);
    ASSERT(items_max > 0);
    struct step step = {
        .snapshot = snapshot,
        .budget = {.out = out, .out_size_max = buf_size(out) + bytes_max, .looks_max = items_max}};
    bool is_done = hand_over_images(&step, &snapshot->images) &&
                   container_parts_snapshot_step(keyspace, &step.budget);
    for (uint32_t i = 0; is_done && i < snapshot->detached_count; i++) {
        is_done = walk_database(&step, &snapshot->detached[i]);
    }
    if (is_done) {
        drop_detached(snapshot);
    }
    for (uint32_t i = 0; is_done && i < LIMIT_DATABASES; i++) {
        is_done = walk_database(&step, &keyspace->databases[i]);
    }
    return is_done;
}

void keyspace_snapshot_end(struct keyspace *keyspace, bool is_saved)
{
    struct snapshot *snapshot = &keyspace->snapshot;
    ASSERT(snapshot->is_running);
    ASSERT(!is_saved || buf_size(&snapshot->images) == 0);
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        struct database *database = &keyspace->databases[i];
        ASSERT(!is_saved || (database->walk.is_done && database->leaving_walk.is_done));
        database->walk.is_done = true;
        database->leaving_walk = (struct walk){0, is_saved || database->leaving.dict.count == 0};
        if (database->leaving_walk.is_done) {
            clear_removed(&database->leaving);
        }
    }
    drop_detached(snapshot);
    buf_deinit(&snapshot->images);
    if (is_saved && snapshot->from_index <= snapshot->to_index) {
        snapshot->from_index = snapshot->to_index + 1;
    }
    snapshot->is_running = false;
    snapshot->is_merging = !is_saved;
    container_parts_snapshot_end(keyspace, is_saved);
}

bool keyspace_snapshot_is_running(const struct keyspace *keyspace)
{
    return keyspace->snapshot.is_running;
}

bool keyspace_snapshot_may_begin(const struct keyspace *keyspace)
{
    return !keyspace->snapshot.is_running && !keyspace->snapshot.is_merging;
}

uint64_t keyspace_snapshot_memory(const struct keyspace *keyspace)
{
    uint64_t bytes = buf_size(&keyspace->snapshot.images);
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        const struct removed_keys *removed = &keyspace->databases[i].removed;
        bytes += removed->bytes + dict_memory(&removed->dict);
    }
    return bytes;
}

uint64_t keyspace_snapshot_overhead(const struct keyspace *keyspace)
{
    const struct snapshot *snapshot = &keyspace->snapshot;
    uint64_t bytes = snapshot->images.capacity + keyspace->large.bytes;
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        bytes += dict_memory(&keyspace->databases[i].removed.dict);
        bytes += dict_memory(&keyspace->databases[i].leaving.dict);
    }
    for (uint32_t i = 0; i < snapshot->detached_count; i++) {
        bytes += dict_memory(&snapshot->detached[i].dict);
        bytes += dict_memory(&snapshot->detached[i].leaving.dict);
    }
    return bytes;
}
