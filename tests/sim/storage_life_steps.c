/* storage_life_steps.c -- what a replica does with its stores, step by step. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "sim/simvfs_disk.h"
#include "sim/storage_life_internal.h"
#include "sim/storage_threads.h"

enum { UNITS_AT_ONCE_MAX = 5, CAPACITY_LARGE = 16 * 1024 * 1024 };

static uint64_t below(uint64_t bound)
{
    return prng_below(&living.prng, bound);
}

/* ---- The log ---- */

static void submit(struct model_unit *unit)
{
    struct raft_entry entries[MODEL_UNIT_ENTRIES_MAX];
    unit->persist.id = ++living.persist_id;
    model_note_unit(living.model, unit);
    for (uint32_t i = 0; i < unit->entries_count; i++) {
        entries[i] = (struct raft_entry){.index = unit->first_index + i,
                                         .term = unit->entries[i].term,
                                         .type = unit->entries[i].type,
                                         .payload = model_payload(&unit->entries[i])};
    }
    struct raft_persist persist = unit->persist;
    persist.entries = entries;
    persist.entries_count = unit->entries_count;
    log_store_submit(living.log, &persist);
    for (uint32_t i = 0; i < unit->entries_count; i++) {
        blob_release(entries[i].payload);
    }
}

/* One group, whatever the threads' timing. */
static void submit_units(uint64_t count)
{
    storage_threads_hold();
    for (uint64_t i = 0; i < count && living.model->units_count < MODEL_UNITS_MAX; i++) {
        struct model_unit unit;
        model_draw_unit(living.model, &living.prng, &unit);
        submit(&unit);
    }
    storage_threads_release();
    life_settle();
}

static void compact(void)
{
    struct model *model = living.model;
    uint64_t base = model->tip.base_index;
    if (model->snapshot.index <= base) {
        return;
    }
    uint64_t index = base + 1 + below(model->snapshot.index - base);
    if (index > model->compact_index) {
        model->compact_index = index;
    }
    struct log_store_stats before;
    struct log_store_stats after;
    log_store_get_stats(living.log, &before);
    log_store_compact(living.log, index);
    life_settle();
    log_store_get_stats(living.log, &after);
    if (after.commits > before.commits) {
        model->previous = model->log; /* The last transaction moved only the base. */
    }
}

/* ---- The state ---- */

static void put_rows(const struct model_snapshot *snapshot)
{
    struct buf rows;
    buf_init(&rows);
    bool is_other_slot = snapshot->slot != living.model->snapshot.slot;
    for (uint32_t key = 0; key < MODEL_KEYS; key++) {
        bool is_same = snapshot->versions[key] == living.model->snapshot.versions[key];
        if (is_other_slot ? snapshot->versions[key] == 0 : is_same && below(16) != 0) {
            continue;
        }
        struct state_row row;
        model_row(snapshot, key, &row);
        state_row_encode(&row, &rows);
        if (below(8) == 0 && buf_size(&rows) > 0) {
            struct blob *part = blob_copy(buf_slice(&rows));
            state_store_put(living.state, part);
            blob_release(part);
            buf_clear(&rows);
        }
    }
    struct blob *rest = blob_copy(buf_slice(&rows));
    state_store_put(living.state, rest);
    blob_release(rest);
    buf_deinit(&rows);
}

static void change_keys(struct model_snapshot *snapshot)
{
    if (below(12) == 0) {
        snapshot->slot++; /* FLUSHDB */
        memset(snapshot->versions, 0, sizeof(snapshot->versions));
    }
    uint64_t changes = below(MODEL_KEYS);
    for (uint64_t i = 0; i < changes; i++) {
        uint32_t key = (uint32_t)below(MODEL_KEYS);
        snapshot->versions[key] = below(5) == 0 ? 0 : (uint32_t)(1 + below(1000000));
    }
}

static void make_snapshot(uint64_t index, uint64_t term)
{
    struct model_snapshot snapshot = living.model->snapshot;
    snapshot.index = index;
    snapshot.term = term;
    change_keys(&snapshot);
    living.outcome.is_given_up = false;
    living.is_begun = true;
    state_store_begin(living.state);
    put_rows(&snapshot);
    if (index <= living.model->log.commit_index && below(6) == 0) {
        submit_units(1); /* The log goes on meanwhile. */
    }
    if (below(8) == 0) {
        return; /* Given up by the next begin, or by the end. */
    }
    struct state_meta meta;
    model_meta(&snapshot, &meta);
    living.is_begun = false;
    model_note_candidate(living.model, &snapshot);
    state_store_commit(living.state, &meta);
    life_settle();
    if (living.model->candidates_count > 0 && !living.outcome.is_given_up) {
        model_fail(living.model, "a snapshot was neither reported durable nor given up");
    }
    model_drop_candidates(living.model);
    life_check();
}

static void snapshot_of_commit(void)
{
    struct model_log *log = &living.model->log;
    uint64_t from = living.model->snapshot.index;
    if (log->commit_index <= from) {
        return;
    }
    uint64_t index = from + 1 + below(log->commit_index - from);
    make_snapshot(index, index <= log->base_index ? log->base_term : log->entries[index].term);
}

void life_reset_to_snapshot(void)
{
    const struct model_snapshot *snapshot = &living.model->snapshot;
    struct model_unit unit = {
        .persist = {.reset_index = snapshot->index, .reset_term = snapshot->term}};
    submit(&unit);
    life_settle();
}

/* As after the installation of a snapshot that is ahead of the log. */
static void reset_ahead(void)
{
    struct model *model = living.model;
    uint64_t index = model->tip.last_index + 1 + below(8);
    if (index + MODEL_UNITS_MAX >= MODEL_INDEX_MAX || model->tip.hard_state.term == 0 ||
        model->units_count > 0) {
        return;
    }
    make_snapshot(index, model->tip.hard_state.term);
    if (model->snapshot.index != index) {
        return;
    }
    life_reset_to_snapshot();
}

/* ---- The disk ---- */

/* The disk fills up, and some time later there is room again. */
static void fill_disk(void)
{
    struct simvfs_plan *plan = simvfs_disk_plan();
    uint64_t used = plan->capacity_bytes - simvfs_disk_free_bytes();
    plan->capacity_bytes = used + below(64 * 1024);
    living.life->had_full_disk = true;
}

static void free_disk(void)
{
    simvfs_disk_plan()->capacity_bytes = CAPACITY_LARGE;
    if (storage_threads_are_stalled()) {
        storage_threads_tick();
        life_settle();
    }
    struct disk_space space;
    disk_reserve_check(living.reserve, &space);
}

/* ---- Steps ---- */

/* While a worker waits for room there is little to do. */
static void step_when_stalled(void)
{
    living.life->stalls++;
    if (below(3) == 0) {
        storage_threads_tick();
        life_settle();
    } else if (below(3) == 0 && living.model->units_count + UNITS_AT_ONCE_MAX < MODEL_UNITS_MAX) {
        submit_units(1);
    } else {
        free_disk();
    }
}

static void one_unit(void)
{
    submit_units(1);
}

static void three_units(void)
{
    submit_units(3);
}

void life_step(void)
{
    if (storage_threads_are_stalled()) {
        step_when_stalled();
        return;
    }
    uint64_t drawn = below(100);
    if (drawn < 45) {
        submit_units(1);
    } else if (drawn < 60) {
        submit_units(2 + below(UNITS_AT_ONCE_MAX - 1));
    } else if (drawn < 75) {
        snapshot_of_commit();
    } else if (drawn < 82) {
        compact();
    } else if (drawn < 86) {
        life_copy();
    } else if (drawn < 90) {
        life_receive();
    } else if (drawn < 93) {
        reset_ahead();
    } else if (drawn < 96 && !living.life->is_quiet) {
        fill_disk();
    } else {
        free_disk();
    }
}

bool life_fixed_step(uint32_t number)
{
    static void (*const steps[])(void) = {
        one_unit,  three_units, snapshot_of_commit, one_unit,     compact,     three_units,
        life_copy, one_unit,    snapshot_of_commit, life_receive, reset_ahead, one_unit,
    };
    if (number >= sizeof(steps) / sizeof(steps[0])) {
        return false;
    }
    steps[number]();
    return true;
}
