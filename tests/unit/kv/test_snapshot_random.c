/* test_snapshot_random.c -- random changes and snapshots at once: what was stored, loaded again, is
 * the keyspace as of the begin, beside one that never takes a snapshot. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kv/keyspace_internal.h"
#include "lib/unit.h"
#include "unit/kv/keyspace_model.h"
#include "unit/kv/large_model.h"
#include "unit/kv/snapshot_store.h"

enum { CHURN_KEYS = 800, ROUNDS = 1500, LARGE_ROUNDS = 600, CHAINS_ITEMS_MAX = 64 };

typedef void change_keyspace(struct keyspace *keyspace, struct prng *prng, uint64_t index,
                             bool grows);

/* What a snapshot of this moment must give back. */
struct image {
    uint64_t content_hash;
    uint64_t state_hash;
    int64_t clock_ms;
    int64_t next_expiry;
    uint64_t keys[LIMIT_DATABASES];
    uint64_t expiring[LIMIT_DATABASES];
};

struct run {
    change_keyspace *change;
    uint32_t rounds;
    struct keyspace *tested;
    struct keyspace *reference;
    struct prng chance;  /* of the snapshots */
    struct prng changes; /* of both keyspaces */
    struct snapshot_store store;
    struct keyspace_meta meta;
    struct image image;
    uint64_t index;
    bool grows;
    uint32_t wrong;
    uint32_t commits;
    uint32_t given_up;
    uint64_t merges; /* calls that did not finish one */
    uint32_t restarts;
    uint64_t large; /* keys with parts, when a snapshot began */
};

static struct image image_of(const struct keyspace *keyspace)
{
    struct image image;
    memset(&image, 0, sizeof(image));
    image.content_hash = keyspace_content_hash(keyspace);
    image.state_hash = keyspace_state_hash(keyspace);
    image.clock_ms = keyspace_clock(keyspace);
    image.next_expiry = keyspace_next_expiry(keyspace);
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        image.keys[i] = keyspace_keys_count(keyspace, i);
        image.expiring[i] = keyspace_expiring_count(keyspace, i);
    }
    return image;
}

static bool images_equal(const struct image *a, const struct image *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* One change among many keys, so that tables grow and shrink under the walk. */
static void churn(struct keyspace *keyspace, struct prng *prng, bool grows)
{
    char name[2][32];
    struct slice keys[2];
    for (int i = 0; i < 2; i++) {
        int size =
            snprintf(name[i], sizeof(name[i]), "churn:%u", (uint32_t)prng_below(prng, CHURN_KEYS));
        keys[i] = slice_of(name[i], (size_t)size);
    }
    uint32_t database = (uint32_t)prng_below(prng, MODEL_DATABASES);
    uint32_t other = (uint32_t)prng_below(prng, MODEL_DATABASES);
    uint64_t what = prng_below(prng, 100);
    struct value value = value_of_integer((int64_t)prng_next(prng));
    bool exists = keyspace_lookup_write(keyspace, database, keys[0]) != NULL;
    if (what < (grows ? 70 : 5)) {
        int64_t expiry_ms = keyspace_clock(keyspace) + (int64_t)what * 20;
        keyspace_set(keyspace, database, keys[0], &value, what < 3 ? expiry_ms : KEYSPACE_NEVER);
    } else if (what < 95) {
        (void)keyspace_delete(keyspace, database, keys[0]);
    } else if (exists && !slice_equals(keys[0], keys[1])) {
        (void)keyspace_lookup_write(keyspace, other, keys[1]);
        keyspace_move(keyspace, database, keys[0], other, keys[1]);
    }
}

static void flush_or_swap(struct keyspace *keyspace, struct prng *prng)
{
    uint32_t database = (uint32_t)prng_below(prng, MODEL_DATABASES);
    uint64_t what = prng_below(prng, 400);
    if (what == 0) {
        for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
            keyspace_flush(keyspace, i);
        }
    } else if (what < 4) {
        keyspace_flush(keyspace, database);
    } else if (what < 20) {
        keyspace_swap_databases(keyspace, database, (uint32_t)prng_below(prng, MODEL_DATABASES));
    }
}

static void change(struct keyspace *keyspace, struct prng *prng, uint64_t index, bool grows)
{
    keyspace_set_applied_index(keyspace, index);
    uint64_t churns = prng_below(prng, 60);
    for (uint64_t i = 0; i < churns; i++) {
        churn(keyspace, prng, grows);
    }
    uint64_t steps = prng_below(prng, 4);
    for (uint64_t i = 0; i < steps; i++) {
        model_step(NULL, keyspace, prng);
    }
    flush_or_swap(keyspace, prng);
}

static void change_large(struct keyspace *keyspace, struct prng *prng, uint64_t index, bool grows)
{
    (void)grows;
    keyspace_set_applied_index(keyspace, index);
    large_step(keyspace, prng);
    if (prng_below(prng, 10) == 0) {
        keyspace_set_clock(keyspace, keyspace_clock(keyspace) + (int64_t)prng_below(prng, 100));
        (void)keyspace_remove_due(keyspace, 3);
    }
    if (prng_below(prng, 3) == 0) {
        flush_or_swap(keyspace, prng);
    }
}

static void change_both(struct run *run)
{
    run->index++;
    if (prng_below(&run->chance, 200) == 0) {
        run->grows = !run->grows;
    }
    struct prng same = run->changes;
    run->change(run->tested, &run->changes, run->index, run->grows);
    run->change(run->reference, &same, run->index, run->grows);
    run->wrong += keyspace_state_hash(run->tested) != keyspace_state_hash(run->reference);
}

static uint32_t rows_in(struct slice bytes, uint32_t *wrong)
{
    uint32_t rows = 0;
    struct bytes_reader reader = bytes_reader_of(bytes);
    while (bytes_left(&reader) > 0) {
        struct state_row row;
        if (state_row_decode(&reader, &row) != RESULT_OK) {
            *wrong += 1;
            break;
        }
        rows++;
    }
    return rows;
}

/* Takes one small step; true when all is encoded. */
static bool step(struct run *run)
{
    struct buf rows = {0};
    uint32_t items_max = 1 + (uint32_t)prng_below(&run->chance, 40);
    size_t bytes_max = 1 + prng_below(&run->chance, 2000);
    bool is_done = keyspace_snapshot_step(run->tested, &rows, bytes_max, items_max);
    run->wrong += rows_in(buf_slice(&rows), &run->wrong) > items_max + CHAINS_ITEMS_MAX;
    buf_append_slice(&run->store.pending, buf_slice(&rows));
    buf_deinit(&rows);
    return is_done;
}

/* Loads what is stored and compares; now and then goes on with it, as after a restart. */
static void check_stored(struct run *run)
{
    uint64_t refused = 0;
    struct keyspace *loaded = snapshot_store_load(&run->store, prng_next(&run->chance), &refused);
    struct image image = image_of(loaded);
    run->wrong += refused != 0 || !images_equal(&image, &run->image);
    struct image now = image_of(run->tested);
    if (images_equal(&now, &run->image) && prng_below(&run->chance, 2) == 0) {
        keyspace_destroy(run->tested);
        run->tested = loaded;
        run->restarts++;
        return;
    }
    keyspace_destroy(loaded);
}

static void finish(struct run *run)
{
    bool is_saved = prng_below(&run->chance, 4) != 0;
    if (is_saved) {
        snapshot_store_commit(&run->store, &run->meta);
        keyspace_snapshot_end(run->tested, true);
        run->commits++;
        check_stored(run);
        return;
    }
    snapshot_store_give_up(&run->store);
    keyspace_snapshot_end(run->tested, false);
    run->given_up++;
}

static void begin(struct run *run)
{
    keyspace_snapshot_begin(run->tested, &run->meta);
    run->image = image_of(run->reference);
    run->large += large_count(run->tested);
    if (prng_below(&run->chance, 4) == 0) {
        while (!step(run)) {
        }
        finish(run);
    }
}

static void take_snapshots(struct run *run)
{
    /* What is left of one that was given up is dealt with little by little, or by the next begin.
     */
    if (keyspace_merge_some(run->tested, (uint32_t)prng_below(&run->chance, 3))) {
        run->merges++;
    }
    if (!keyspace_snapshot_is_running(run->tested)) {
        if (prng_below(&run->chance, 8) == 0) {
            begin(run);
        }
        return;
    }
    bool is_done = false;
    for (uint64_t i = prng_below(&run->chance, 12); i > 0; i--) {
        is_done = step(run);
    }
    if (is_done) {
        finish(run);
    } else if (prng_below(&run->chance, 300) == 0) {
        snapshot_store_give_up(&run->store);
        keyspace_snapshot_end(run->tested, false);
        run->given_up++;
    }
}

static void run_seed(struct run *run, uint64_t seed)
{
    prng_init(&run->chance, seed);
    prng_init(&run->changes, seed + 1000);
    run->tested = keyspace_create(seed);
    run->reference = keyspace_create(seed + 1);
    run->grows = true;
    for (int i = 0; i < (int)run->rounds; i++) {
        change_both(run);
        take_snapshots(run);
    }
    keyspace_destroy(run->tested); /* often in the middle of a snapshot */
    keyspace_destroy(run->reference);
}

/* Runs 12 seeds and adds up what they met. */
static struct run run_seeds(change_keyspace *change_one, uint32_t rounds)
{
    struct run sum = {0};
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct run *run = mem_alloc_zeroed(1, sizeof(*run));
        run->change = change_one;
        run->rounds = rounds;
        run_seed(run, seed);
        CU_ASSERT_EQUAL(run->wrong, 0);
        CU_ASSERT_EQUAL(run->store.repeated, 0);
        CU_ASSERT_EQUAL(run->store.corrupt, 0);
        sum.commits += run->commits;
        sum.given_up += run->given_up;
        sum.merges += run->merges;
        sum.restarts += run->restarts;
        sum.large += run->large;
        snapshot_store_deinit(&run->store);
        mem_free(run);
    }
    return sum;
}

UNIT_TEST(snapshot_random, what_was_stored_is_the_keyspace_as_of_the_begin)
{
    struct run sum = run_seeds(change, ROUNDS);
    CU_ASSERT(sum.commits > 200);
    CU_ASSERT(sum.given_up > 50);
    CU_ASSERT(sum.merges > 50);
    CU_ASSERT(sum.restarts > 20);
}

UNIT_TEST(snapshot_random, large_containers_are_stored_part_by_part)
{
    struct run sum = run_seeds(change_large, LARGE_ROUNDS);
    CU_ASSERT(sum.commits > 100);
    CU_ASSERT(sum.given_up > 20);
    CU_ASSERT(sum.restarts > 5);
    CU_ASSERT(sum.large > 1000);
}
