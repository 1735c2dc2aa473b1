/* test_keyspace_snapshot.c -- what a snapshot holds, case by case, and what a restore refuses. */
#include <stdio.h>
#include <string.h>

#include "kv/value.h"
#include "lib/unit.h"
#include "unit/kv/snapshot_store.h"

/* A keyspace with its store; every change is an entry of its own. */
struct fixture {
    struct keyspace *keyspace;
    struct snapshot_store store;
    struct keyspace_meta meta;
    uint64_t index;
};

static void setup(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->keyspace = keyspace_create(1);
}

static void teardown(struct fixture *fixture)
{
    CU_ASSERT_EQUAL(fixture->store.repeated, 0);
    CU_ASSERT_EQUAL(fixture->store.corrupt, 0);
    keyspace_destroy(fixture->keyspace);
    snapshot_store_deinit(&fixture->store);
}

static void next_entry(struct fixture *fixture)
{
    keyspace_set_applied_index(fixture->keyspace, ++fixture->index);
}

static void set(struct fixture *fixture, uint32_t database, const char *key, const char *text)
{
    next_entry(fixture);
    struct value value = value_of_text(slice_of_string(text));
    keyspace_set(fixture->keyspace, database, slice_of_string(key), &value, KEYSPACE_NEVER);
}

static void delete_key(struct fixture *fixture, uint32_t database, const char *key)
{
    next_entry(fixture);
    CU_ASSERT(keyspace_delete(fixture->keyspace, database, slice_of_string(key)));
}

static void flush(struct fixture *fixture, uint32_t database)
{
    next_entry(fixture);
    keyspace_flush(fixture->keyspace, database);
}

static void begin(struct fixture *fixture)
{
    keyspace_snapshot_begin(fixture->keyspace, &fixture->meta);
    CU_ASSERT(keyspace_snapshot_is_running(fixture->keyspace));
}

/* Encodes what is left and ends the snapshot. */
static void finish(struct fixture *fixture, bool is_saved)
{
    while (!keyspace_snapshot_step(fixture->keyspace, &fixture->store.pending, 100, 10)) {
    }
    if (is_saved) {
        snapshot_store_commit(&fixture->store, &fixture->meta);
    } else {
        snapshot_store_give_up(&fixture->store);
    }
    keyspace_snapshot_end(fixture->keyspace, is_saved);
    CU_ASSERT_FALSE(keyspace_snapshot_is_running(fixture->keyspace));
}

/* Takes a whole snapshot; returns the number of its rows. */
static uint64_t save(struct fixture *fixture)
{
    begin(fixture);
    finish(fixture, true);
    return fixture->store.pending_rows;
}

/* Whether the store holds a keyspace with this content. */
static bool holds(const struct fixture *fixture, uint64_t content_hash)
{
    uint64_t refused = 0;
    struct keyspace *loaded = snapshot_store_load(&fixture->store, 99, &refused);
    bool is_equal = refused == 0 && keyspace_content_hash(loaded) == content_hash;
    keyspace_destroy(loaded);
    return is_equal;
}

static bool holds_now(const struct fixture *fixture)
{
    return holds(fixture, keyspace_content_hash(fixture->keyspace));
}

static void set_many(struct fixture *fixture, uint32_t database, uint32_t keys)
{
    for (uint32_t i = 0; i < keys; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key:%u", i);
        set(fixture, database, key, key);
    }
}

UNIT_TEST(keyspace_snapshot, of_nothing_is_empty)
{
    struct fixture fixture;
    setup(&fixture);
    CU_ASSERT_EQUAL(save(&fixture), 0);
    CU_ASSERT(holds_now(&fixture));
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, every_kind_of_value_comes_back)
{
    struct fixture fixture;
    setup(&fixture);
    char long_text[300];
    memset(long_text, 'x', sizeof(long_text));
    long_text[299] = 0;
    set(&fixture, 0, "integer", "-9223372036854775808");
    set(&fixture, 0, "embstr", "short");
    set(&fixture, 0, "empty", "");
    set(&fixture, 0, "", "the empty key");
    set(&fixture, 3, "raw", "a text that is a little longer than forty-four bytes");
    set(&fixture, 3, "boxed", long_text);
    set(&fixture, 15, "short but raw", "a");
    (void)keyspace_append(fixture.keyspace, 15, SLICE_LITERAL("short but raw"), SLICE_LITERAL("b"));
    struct value digits = value_of_bytes(SLICE_LITERAL("17"));
    keyspace_set(fixture.keyspace, 4, SLICE_LITERAL("digits"), &digits, 5000);
    CU_ASSERT_EQUAL(save(&fixture), 8);
    CU_ASSERT(holds_now(&fixture));
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, holds_only_what_changed)
{
    struct fixture fixture;
    setup(&fixture);
    set_many(&fixture, 0, 1000);
    CU_ASSERT_EQUAL(save(&fixture), 1000);
    CU_ASSERT_EQUAL(save(&fixture), 0);
    set(&fixture, 0, "key:7", "other");
    next_entry(&fixture);
    keyspace_set_expiry(fixture.keyspace, 0, SLICE_LITERAL("key:8"), 1000);
    (void)keyspace_append(fixture.keyspace, 0, SLICE_LITERAL("key:9"), SLICE_LITERAL("more"));
    delete_key(&fixture, 0, "key:10");
    CU_ASSERT_EQUAL(save(&fixture), 4);
    CU_ASSERT_EQUAL(fixture.store.pending_removed, 1);
    CU_ASSERT(holds_now(&fixture));
    CU_ASSERT_EQUAL(save(&fixture), 0);
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, shows_the_begin_whatever_changes_meanwhile)
{
    struct fixture fixture;
    setup(&fixture);
    set_many(&fixture, 0, 500);
    set_many(&fixture, 1, 500);
    uint64_t content_hash = keyspace_content_hash(fixture.keyspace);
    begin(&fixture);
    (void)keyspace_snapshot_step(fixture.keyspace, &fixture.store.pending, 1000000, 300);
    set_many(&fixture, 0, 250);
    for (uint32_t i = 0; i < 500; i += 2) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key:%u", i);
        delete_key(&fixture, 0, key);
    }
    set_many(&fixture, 2, 100);
    next_entry(&fixture);
    keyspace_move(fixture.keyspace, 1, SLICE_LITERAL("key:1"), 2, SLICE_LITERAL("key:7"));
    next_entry(&fixture);
    keyspace_swap_databases(fixture.keyspace, 0, 2);
    flush(&fixture, 1);
    set_many(&fixture, 1, 10);
    finish(&fixture, true);
    CU_ASSERT_EQUAL(fixture.store.pending_rows, 1000);
    CU_ASSERT(holds(&fixture, content_hash));
    (void)save(&fixture);
    CU_ASSERT(holds_now(&fixture));
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, keys_that_came_and_went_between_two_leave_nothing)
{
    struct fixture fixture;
    setup(&fixture);
    (void)save(&fixture);
    for (int i = 0; i < 100; i++) {
        set(&fixture, 0, "lock", "mine");
        delete_key(&fixture, 0, "lock");
    }
    CU_ASSERT_EQUAL(keyspace_snapshot_memory(fixture.keyspace), 0);
    CU_ASSERT_EQUAL(save(&fixture), 0);
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, notes_a_removed_key_once)
{
    struct fixture fixture;
    setup(&fixture);
    set(&fixture, 0, "a", "1");
    set(&fixture, 0, "b", "1");
    CU_ASSERT_EQUAL(save(&fixture), 2);
    CU_ASSERT_EQUAL(keyspace_snapshot_memory(fixture.keyspace), 0);
    for (int i = 0; i < 10; i++) {
        delete_key(&fixture, 0, "a");
        CU_ASSERT(keyspace_snapshot_memory(fixture.keyspace) > 0);
        set(&fixture, 0, "a", "2");
    }
    delete_key(&fixture, 0, "b");
    CU_ASSERT_EQUAL(save(&fixture), 2);
    CU_ASSERT_EQUAL(fixture.store.pending_removed, 1);
    CU_ASSERT_EQUAL(snapshot_store_count(&fixture.store), 1);
    delete_key(&fixture, 0, "a");
    CU_ASSERT_EQUAL(save(&fixture), 1);
    CU_ASSERT_EQUAL(snapshot_store_count(&fixture.store), 0);
    CU_ASSERT_EQUAL(keyspace_snapshot_memory(fixture.keyspace), 0);
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, a_key_that_expires_is_noted_too)
{
    struct fixture fixture;
    setup(&fixture);
    set(&fixture, 0, "a", "1");
    keyspace_set_expiry(fixture.keyspace, 0, SLICE_LITERAL("a"), 100);
    set(&fixture, 0, "b", "1");
    keyspace_set_expiry(fixture.keyspace, 0, SLICE_LITERAL("b"), 100);
    (void)save(&fixture);
    next_entry(&fixture);
    keyspace_set_clock(fixture.keyspace, 100);
    CU_ASSERT_PTR_NULL(keyspace_lookup_write(fixture.keyspace, 0, SLICE_LITERAL("a")));
    CU_ASSERT_EQUAL(keyspace_remove_due(fixture.keyspace, 10), 1);
    CU_ASSERT_EQUAL(save(&fixture), 2);
    CU_ASSERT_EQUAL(snapshot_store_count(&fixture.store), 0);
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, one_given_up_is_in_the_next)
{
    struct fixture fixture;
    setup(&fixture);
    set_many(&fixture, 0, 100);
    (void)save(&fixture);
    set(&fixture, 0, "key:1", "changed");
    delete_key(&fixture, 0, "key:2");
    delete_key(&fixture, 0, "key:3");
    delete_key(&fixture, 0, "key:4");
    set(&fixture, 0, "new", "1");
    begin(&fixture);
    set(&fixture, 0, "key:3", "again");
    set(&fixture, 0, "key:4", "again");
    delete_key(&fixture, 0, "key:4");
    delete_key(&fixture, 0, "new");
    delete_key(&fixture, 0, "key:5");
    finish(&fixture, false);
    /* Changed 1 and 3, removed 2, 4 and 5; and new, which the one given up might have stored. */
    CU_ASSERT_EQUAL(save(&fixture), 6);
    CU_ASSERT_EQUAL(fixture.store.pending_removed, 4);
    CU_ASSERT(holds_now(&fixture));
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, a_key_that_came_back_in_one_given_up_is_still_noted_when_it_goes)
{
    struct fixture fixture;
    setup(&fixture);
    set(&fixture, 0, "a", "1");
    (void)save(&fixture);
    delete_key(&fixture, 0, "a");
    begin(&fixture);
    set(&fixture, 0, "a", "2");
    finish(&fixture, false);
    delete_key(&fixture, 0, "a");
    CU_ASSERT_EQUAL(save(&fixture), 1);
    CU_ASSERT_EQUAL(snapshot_store_count(&fixture.store), 0);
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, may_be_given_up_before_it_is_encoded)
{
    struct fixture fixture;
    setup(&fixture);
    set_many(&fixture, 0, 1000);
    for (int i = 0; i < 10; i++) {
        begin(&fixture);
        (void)keyspace_snapshot_step(fixture.keyspace, &fixture.store.pending, 1000, 100);
        flush(&fixture, 1);
        keyspace_snapshot_end(fixture.keyspace, false);
        snapshot_store_give_up(&fixture.store);
    }
    begin(&fixture);
    flush(&fixture, 0);
    keyspace_snapshot_end(fixture.keyspace, false);
    set(&fixture, 0, "a", "1");
    CU_ASSERT_EQUAL(save(&fixture), 1);
    CU_ASSERT(holds_now(&fixture));
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, a_swap_exchanges_slots_and_writes_no_row)
{
    struct fixture fixture;
    setup(&fixture);
    set_many(&fixture, 0, 10);
    set_many(&fixture, 5, 20);
    (void)save(&fixture);
    struct keyspace_meta before = fixture.meta;
    next_entry(&fixture);
    keyspace_swap_databases(fixture.keyspace, 0, 5);
    CU_ASSERT_EQUAL(save(&fixture), 0);
    CU_ASSERT_EQUAL(fixture.meta.slots[0], before.slots[5]);
    CU_ASSERT_EQUAL(fixture.meta.slots[5], before.slots[0]);
    CU_ASSERT(holds_now(&fixture));
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, a_flush_takes_one_fresh_slot_a_snapshot)
{
    struct fixture fixture;
    setup(&fixture);
    set_many(&fixture, 0, 10);
    flush(&fixture, 0);
    (void)save(&fixture);
    CU_ASSERT_EQUAL(fixture.meta.slots[0], 0);
    CU_ASSERT_EQUAL(fixture.meta.next_slot, LIMIT_DATABASES);
    set_many(&fixture, 0, 10);
    (void)save(&fixture);
    for (int i = 0; i < 100; i++) {
        set_many(&fixture, 0, 3);
        flush(&fixture, 0);
    }
    CU_ASSERT_EQUAL(save(&fixture), 0);
    CU_ASSERT_EQUAL(fixture.meta.slots[0], LIMIT_DATABASES);
    CU_ASSERT_EQUAL(fixture.meta.next_slot, LIMIT_DATABASES + 1);
    CU_ASSERT_EQUAL(snapshot_store_count(&fixture.store), 0);
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, a_flush_keeps_the_removals_of_the_running_one_and_drops_later_ones)
{
    struct fixture fixture;
    setup(&fixture);
    set(&fixture, 0, "a", "1");
    set(&fixture, 1, "b", "1");
    (void)save(&fixture);
    delete_key(&fixture, 0, "a");
    begin(&fixture);
    delete_key(&fixture, 1, "b");
    flush(&fixture, 0);
    flush(&fixture, 1);
    CU_ASSERT_EQUAL(keyspace_snapshot_memory(fixture.keyspace), 0);
    finish(&fixture, true);
    CU_ASSERT_EQUAL(fixture.store.pending_removed, 1);
    CU_ASSERT_EQUAL(snapshot_store_count(&fixture.store), 1);
    CU_ASSERT_EQUAL(save(&fixture), 0);
    CU_ASSERT_EQUAL(snapshot_store_count(&fixture.store), 0);
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, a_table_that_shrinks_under_the_walk_gives_no_key_twice)
{
    for (uint32_t looks = 1; looks < 400; looks += 10) {
        struct fixture fixture;
        setup(&fixture);
        set_many(&fixture, 0, 300); /* 512 buckets; 128 when less than 64 are left */
        uint64_t content_hash = keyspace_content_hash(fixture.keyspace);
        begin(&fixture);
        (void)keyspace_snapshot_step(fixture.keyspace, &fixture.store.pending, 1000000, looks);
        for (uint32_t i = 0; i < 245; i++) {
            char key[16];
            (void)snprintf(key, sizeof(key), "key:%u", i);
            delete_key(&fixture, 0, key);
        }
        while (keyspace_do_housekeeping(fixture.keyspace)) {
        }
        finish(&fixture, true);
        CU_ASSERT_EQUAL(fixture.store.pending_rows, 300);
        CU_ASSERT(holds(&fixture, content_hash));
        teardown(&fixture);
    }
}

UNIT_TEST(keyspace_snapshot, images_ahead_of_the_walk_are_counted_and_handed_over_in_steps)
{
    struct fixture fixture;
    setup(&fixture);
    set_many(&fixture, 0, 200);
    uint64_t content_hash = keyspace_content_hash(fixture.keyspace);
    begin(&fixture);
    CU_ASSERT_EQUAL(keyspace_snapshot_memory(fixture.keyspace), 0);
    set_many(&fixture, 0, 200);
    uint64_t memory = keyspace_snapshot_memory(fixture.keyspace);
    CU_ASSERT(memory > 200 * 20);
    size_t before = 0;
    while (keyspace_snapshot_memory(fixture.keyspace) > 0) {
        (void)keyspace_snapshot_step(fixture.keyspace, &fixture.store.pending, 100, 1000);
        CU_ASSERT(buf_size(&fixture.store.pending) > before);
        CU_ASSERT(buf_size(&fixture.store.pending) < before + 200);
        before = buf_size(&fixture.store.pending);
    }
    CU_ASSERT_EQUAL(before, memory);
    finish(&fixture, true);
    CU_ASSERT_EQUAL(fixture.store.pending_rows, 200);
    CU_ASSERT(holds(&fixture, content_hash));
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, a_step_looks_at_few_items)
{
    struct fixture fixture;
    setup(&fixture);
    set_many(&fixture, 0, 4000);
    (void)save(&fixture);
    begin(&fixture);
    uint32_t steps = 1;
    while (!keyspace_snapshot_step(fixture.keyspace, &fixture.store.pending, 1000000, 10)) {
        steps++;
    }
    CU_ASSERT(steps >= 4000 / 20);
    CU_ASSERT(steps <= 4000);
    CU_ASSERT_EQUAL(buf_size(&fixture.store.pending), 0);
    finish(&fixture, true);
    teardown(&fixture);
}

static uint64_t memory_of(struct keyspace *keyspace)
{
    while (keyspace_do_housekeeping(keyspace)) {
    }
    struct keyspace_stats stats;
    keyspace_get_stats(keyspace, &stats);
    return stats.memory_bytes;
}

UNIT_TEST(keyspace_snapshot, memory_is_counted_and_comes_back)
{
    struct fixture fixture;
    setup(&fixture);
    set_many(&fixture, 0, 1000);
    (void)save(&fixture);
    for (uint32_t i = 0; i < 500; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key:%u", i);
        delete_key(&fixture, 0, key);
    }
    uint64_t removed = keyspace_snapshot_memory(fixture.keyspace);
    CU_ASSERT(removed > 500 * 30);
    CU_ASSERT(removed < 500 * 80);
    set_many(&fixture, 0, 10);
    begin(&fixture);
    set_many(&fixture, 0, 20);
    flush(&fixture, 0);
    CU_ASSERT(memory_of(fixture.keyspace) > 500 * 60); /* waits for the walk */
    finish(&fixture, true);
    CU_ASSERT_EQUAL(memory_of(fixture.keyspace), 0);
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, snapshots_go_on_after_a_restore)
{
    struct fixture fixture;
    setup(&fixture);
    set_many(&fixture, 0, 100);
    set(&fixture, 0, "volatile", "1");
    keyspace_set_expiry(fixture.keyspace, 0, SLICE_LITERAL("volatile"), 50);
    flush(&fixture, 1);
    (void)save(&fixture);
    uint64_t refused = 0;
    struct keyspace *loaded = snapshot_store_load(&fixture.store, 5, &refused);
    CU_ASSERT_EQUAL(refused, 0);
    CU_ASSERT_EQUAL(keyspace_state_hash(loaded), keyspace_state_hash(fixture.keyspace));
    CU_ASSERT_EQUAL(keyspace_clock(loaded), keyspace_clock(fixture.keyspace));
    CU_ASSERT_EQUAL(keyspace_next_expiry(loaded), 50);
    CU_ASSERT_EQUAL(keyspace_keys_count(loaded, 0), 101);
    CU_ASSERT_EQUAL(keyspace_expiring_count(loaded, 0), 1);
    keyspace_destroy(fixture.keyspace);
    fixture.keyspace = loaded;
    CU_ASSERT_EQUAL(save(&fixture), 0);
    delete_key(&fixture, 0, "key:1");
    set(&fixture, 0, "key:2", "changed");
    CU_ASSERT_EQUAL(save(&fixture), 2);
    CU_ASSERT(holds_now(&fixture));
    teardown(&fixture);
}

UNIT_TEST(keyspace_snapshot, a_restore_refuses_what_cannot_be)
{
    struct keyspace_meta meta = {.next_slot = 100};
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        meta.slots[i] = 40 + i;
    }
    const struct state_row good = {.slot = 41,
                                   .type = STATE_ROW_STRING,
                                   .expiry_ms = KEYSPACE_NEVER,
                                   .modified_index = 7,
                                   .key = SLICE_LITERAL("k"),
                                   .value = SLICE_LITERAL("a value longer than eight bytes")};
    struct state_row bad[9];
    for (int i = 0; i < 9; i++) {
        bad[i] = good;
    }
    bad[0].type = STATE_ROW_REMOVED;
    bad[1].type = STATE_ROW_INTEGER;
    bad[2].slot = 39;
    bad[3].slot = 40 + LIMIT_DATABASES;
    bad[4].modified_index = UINT64_MAX;
    bad[5].expiry_ms = KEYSPACE_KEEP_EXPIRY;
    bad[6].key.size = (size_t)LIMIT_BULK_BYTES + 1; /* never looked at */
    bad[7].value.size = (size_t)LIMIT_BULK_BYTES + 1;
    bad[8].type = (enum state_row_type)9;
    struct keyspace *keyspace = keyspace_restore(1, &meta);
    for (int i = 0; i < 9; i++) {
        CU_ASSERT_EQUAL(keyspace_restore_row(keyspace, &bad[i]), RESULT_CORRUPT);
    }
    struct state_row long_raw = good;
    long_raw.type = STATE_ROW_RAW;
    long_raw.value = SLICE_LITERAL("raw in any case, since it is longer than 44 bytes");
    CU_ASSERT_EQUAL(keyspace_restore_row(keyspace, &long_raw), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(keyspace_keys_count(keyspace, 1), 0);
    CU_ASSERT_EQUAL(keyspace_restore_row(keyspace, &good), RESULT_OK);
    CU_ASSERT_EQUAL(keyspace_restore_row(keyspace, &good), RESULT_CORRUPT);
    const struct item *item = keyspace_lookup_read(keyspace, 1, SLICE_LITERAL("k"), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(item);
    CU_ASSERT_EQUAL(keyspace_item_modified_index(item), 7);
    keyspace_destroy(keyspace);
}
