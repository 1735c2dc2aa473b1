/* storage_model.c -- drawing what raft could persist, and comparing what was found. */
#include "sim/storage_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"

enum { CONFIGURATION_CONTENT = 1, PAYLOAD_BYTES_MAX = 48 * 1024, VALUE_BYTES_MAX = 3000 };

void model_bootstrap(struct raft_configuration *out)
{
    *out = (struct raft_configuration){.members_count = 0};
    memset(out->cluster_id, 0x51, sizeof(out->cluster_id));
    for (uint64_t id = MODEL_NODE_ID; id < MODEL_NODE_ID + 3; id++) {
        struct raft_member member = {.id = id, .role = RAFT_VOTER};
        (void)snprintf(member.name, sizeof(member.name), "node-%d", (int)(id - MODEL_NODE_ID + 1));
        (void)snprintf(member.raft_address, sizeof(member.raft_address), "host:%d", (int)id);
        enum result result = raft_configuration_put(out, &member);
        ASSERT(result == RESULT_OK);
    }
}

void model_init(struct model *model, uint64_t disk_id)
{
    memset(model, 0, sizeof(*model));
    model->disk_id = disk_id;
}

void model_fail(struct model *model, const char *format, ...)
{
    if (model->failure[0] != '\0') {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(model->failure, sizeof(model->failure), format, arguments);
    va_end(arguments);
}

/* ---- The log: drawing ---- */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void draw_entries(struct model *model, struct prng *prng, struct model_unit *unit,
                         uint64_t term)
{
    uint64_t last =
        unit->persist.truncate_from != 0 ? unit->persist.truncate_from - 1 : model->tip.last_index;
    unit->first_index = last + 1;
    unit->entries_count = (uint32_t)prng_below(prng, MODEL_UNIT_ENTRIES_MAX + 1);
    if (last + unit->entries_count >= MODEL_INDEX_MAX) {
        unit->entries_count = 0;
    }
    for (uint32_t i = 0; i < unit->entries_count; i++) {
        bool is_configuration = prng_below(prng, 16) == 0;
        unit->entries[i] = (struct model_entry){
            .term = term,
            .content = is_configuration ? CONFIGURATION_CONTENT : prng_next(prng),
            .type = is_configuration ? RAFT_ENTRY_CONFIGURATION : RAFT_ENTRY_COMMAND};
    }
}

void model_draw_unit(struct model *model, struct prng *prng, struct model_unit *unit)
{
    const struct model_log *tip = &model->tip;
    *unit = (struct model_unit){.entries_count = 0};
    struct raft_hard_state hard_state = tip->hard_state;
    if (hard_state.term == 0 || prng_below(prng, 4) == 0) {
        unit->persist.hard_state_changed = true;
        hard_state.term += prng_below(prng, 3) + (hard_state.term == 0);
        bool is_same = hard_state.term == tip->hard_state.term;
        hard_state.vote = is_same && hard_state.vote != 0 ? hard_state.vote : prng_below(prng, 4);
        unit->persist.hard_state = hard_state;
    }
    uint64_t fixed =
        larger(tip->commit_index, model->snapshot.index); /* raft truncates behind it */
    if (tip->last_index > fixed && prng_below(prng, 5) == 0) {
        unit->persist.truncate_from = fixed + 1 + prng_below(prng, tip->last_index - fixed);
    }
    draw_entries(model, prng, unit, hard_state.term);
    uint64_t last = unit->first_index + unit->entries_count - 1;
    if (last > tip->commit_index && prng_below(prng, 2) == 0) {
        unit->persist.commit_index =
            tip->commit_index + 1 + prng_below(prng, last - tip->commit_index);
    }
}

static void apply_unit(struct model_log *log, const struct model_unit *unit)
{
    const struct raft_persist *persist = &unit->persist;
    if (persist->hard_state_changed) {
        log->hard_state = persist->hard_state;
    }
    if (persist->reset_index != 0) {
        if (persist->reset_term > log->hard_state.term) {
            log->hard_state = (struct raft_hard_state){.term = persist->reset_term};
        }
        log->base_index = persist->reset_index;
        log->base_term = persist->reset_term;
        log->last_index = persist->reset_index;
        log->commit_index = persist->reset_index;
    }
    if (persist->truncate_from != 0) {
        log->last_index = persist->truncate_from - 1;
    }
    for (uint32_t i = 0; i < unit->entries_count; i++) {
        log->entries[++log->last_index] = unit->entries[i];
    }
    if (persist->commit_index > log->commit_index) {
        log->commit_index = persist->commit_index;
    }
}

void model_note_unit(struct model *model, const struct model_unit *unit)
{
    ASSERT(model->units_count < MODEL_UNITS_MAX);
    model->units[model->units_count++] = *unit;
    apply_unit(&model->tip, unit);
}

/* Else nothing is written for it. */
static bool changes(const struct model_log *log, const struct model_unit *unit)
{
    const struct raft_persist *persist = &unit->persist;
    bool is_new_state =
        persist->hard_state_changed && (persist->hard_state.term != log->hard_state.term ||
                                        persist->hard_state.vote != log->hard_state.vote);
    return is_new_state || persist->reset_index != 0 || persist->truncate_from != 0 ||
           unit->entries_count > 0 || persist->commit_index > log->commit_index;
}

void model_note_durable(struct model *model, uint64_t id)
{
    uint32_t count = 0;
    while (count < model->units_count && model->units[count].persist.id <= id) {
        count++;
    }
    bool is_written = false;
    for (uint32_t i = 0; i < count; i++) {
        is_written = is_written || changes(&model->log, &model->units[i]);
    }
    if (is_written) {
        model->previous = model->log;
    }
    for (uint32_t i = 0; i < count; i++) {
        apply_unit(&model->log, &model->units[i]);
    }
    model->units_count -= count;
    memmove(model->units, model->units + count, model->units_count * sizeof(model->units[0]));
}

static uint32_t payload_size(uint64_t content)
{
    uint64_t drawn = hash_mix(content, 1);
    switch (drawn % 16) {
    case 0:
        return 0;
    case 1:
        return (uint32_t)(drawn >> 8) % 9000;
    case 2:
        return drawn % 32 == 2 ? (uint32_t)(drawn >> 8) % PAYLOAD_BYTES_MAX : 4096;
    default:
        return (uint32_t)(drawn >> 8) % 200;
    }
}

static void fill(uint8_t *bytes, size_t size, uint64_t seed)
{
    for (size_t at = 0; at < size; at += 8) {
        uint8_t number[8];
        bytes_set_u64(number, hash_mix(seed, at));
        memcpy(bytes + at, number, size - at < 8 ? size - at : 8);
    }
}

struct blob *model_payload(const struct model_entry *entry)
{
    if (entry->type == RAFT_ENTRY_CONFIGURATION) {
        struct raft_configuration configuration;
        struct buf encoded;
        model_bootstrap(&configuration);
        buf_init(&encoded);
        raft_configuration_encode(&configuration, &encoded);
        struct blob *payload = blob_copy(buf_slice(&encoded));
        buf_deinit(&encoded);
        return payload;
    }
    uint32_t size = payload_size(entry->content);
    if (size == 0) {
        return NULL;
    }
    struct blob *payload = blob_create(size);
    fill(payload->bytes, size, entry->content);
    return payload;
}

/* ---- The log: comparing ---- */

static bool entry_fits(const struct model_entry *expected, const struct raft_entry *found)
{
    struct blob *payload = model_payload(expected);
    bool fits = expected->term == found->term && expected->type == found->type &&
                slice_equals(blob_slice(payload), blob_slice(found->payload));
    blob_release(payload);
    return fits;
}

static bool base_fits(const struct model *model, const struct model_log *expected,
                      const struct log_recovery *found)
{
    if (found->base_index == expected->base_index) {
        return found->base_term == expected->base_term;
    }
    return found->base_index > expected->base_index && found->base_index <= model->compact_index &&
           found->base_index <= expected->last_index &&
           found->base_term == expected->entries[found->base_index].term;
}

static bool entries_fit(const struct model_log *expected, const struct log_recovery *found)
{
    if (found->base_index + found->entries_count != expected->last_index) {
        return false;
    }
    for (uint64_t i = 0; i < found->entries_count; i++) {
        const struct raft_entry *entry = &found->entries[i];
        if (entry->index != found->base_index + 1 + i ||
            !entry_fits(&expected->entries[entry->index], entry)) {
            return false;
        }
    }
    return true;
}

static bool log_fits(const struct model *model, const struct model_log *expected,
                     const struct log_recovery *found)
{
    return found->hard_state.term == expected->hard_state.term &&
           found->hard_state.vote == expected->hard_state.vote &&
           found->commit_index == larger(expected->commit_index, found->base_index) &&
           base_fits(model, expected, found) && entries_fit(expected, found);
}

/* Whether the log is what was reported, with the first units that were not, up to any. The model
 * then goes on from there. */
static bool goes_on_from(struct model *model, const struct model_log *from,
                         const struct log_recovery *found)
{
    static struct model_log expected;
    expected = *from;
    bool fits = log_fits(model, &expected, found);
    for (uint32_t i = 0; i < model->units_count && !fits; i++) {
        apply_unit(&expected, &model->units[i]);
        fits = log_fits(model, &expected, found);
    }
    if (fits) {
        model->log = expected;
        model->log.base_index = found->base_index;
        model->log.base_term = found->base_term;
        model->log.commit_index = found->commit_index;
    }
    return fits;
}

static void fail_log(struct model *model, const struct log_recovery *found)
{
    const struct model_log *log = &model->log;
    model_fail(
        model,
        "the log is not what was reported durable: found term %llu vote %llu base %llu last "
        "%llu commit %llu, reported term %llu vote %llu base %llu last %llu commit %llu (before: "
        "term %llu last %llu commit %llu), %u units behind it",
        (unsigned long long)found->hard_state.term, (unsigned long long)found->hard_state.vote,
        (unsigned long long)found->base_index,
        (unsigned long long)(found->base_index + found->entries_count),
        (unsigned long long)found->commit_index, (unsigned long long)log->hard_state.term,
        (unsigned long long)log->hard_state.vote, (unsigned long long)log->base_index,
        (unsigned long long)log->last_index, (unsigned long long)log->commit_index,
        (unsigned long long)model->previous.hard_state.term,
        (unsigned long long)model->previous.last_index,
        (unsigned long long)model->previous.commit_index, model->units_count);
}

/* A lost write of the page of the state row alone: the log's rows are as they were, the rest is of
 * an earlier time. */
static bool is_stale_state_row(const struct model *model, const struct log_recovery *found)
{
    const struct model_log *log = &model->log;
    return found->base_index + found->entries_count == log->last_index &&
           found->hard_state.term <= log->hard_state.term &&
           found->commit_index <= log->commit_index && entries_fit(log, found);
}

void model_check_log(struct model *model, const struct log_recovery *found, bool is_wal_damaged,
                     bool may_be_stale)
{
    model->checks++;
    struct raft_configuration bootstrap;
    model_bootstrap(&bootstrap);
    if (memcmp(&bootstrap, &found->bootstrap, sizeof(bootstrap)) != 0) {
        model_fail(model, "the bootstrap configuration changed");
    }
    if (found->disk_id != model->disk_id) {
        model_fail(model, "the disk id changed");
    }
    if (!goes_on_from(model, &model->log, found)) {
        if (is_wal_damaged && goes_on_from(model, &model->previous, found)) {
            model->tails_lost++;
        } else if (may_be_stale && is_stale_state_row(model, found)) {
            model->pages_stale++;
            model->log.hard_state = found->hard_state;
            model->log.commit_index = found->commit_index;
            model->log.base_index = found->base_index;
            model->log.base_term = found->base_term;
        } else {
            fail_log(model, found);
        }
    } else if (found->incarnation <= model->incarnation && !may_be_stale) {
        model_fail(model, "the incarnation %llu is not above %llu",
                   (unsigned long long)found->incarnation, (unsigned long long)model->incarnation);
    }
    model->incarnation = found->incarnation;
    model->units_count = 0;
    model->previous = model->log;
    model->tip = model->log;
}

/* ---- The state ---- */

static uint8_t replica_state_bytes[64];

void model_meta(const struct model_snapshot *snapshot, struct state_meta *out)
{
    *out = (struct state_meta){.index = snapshot->index,
                               .term = snapshot->term,
                               .clock_ms = (int64_t)(snapshot->index * 1000),
                               .state_hash = hash_mix(snapshot->index, 7),
                               .next_slot = snapshot->slot + 1};
    model_bootstrap(&out->configuration);
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        out->slots[i] = i == 0 ? snapshot->slot : 100000 + i;
    }
    fill(replica_state_bytes, sizeof(replica_state_bytes), snapshot->index);
    out->replica_state = slice_of(replica_state_bytes, sizeof(replica_state_bytes));
}

bool model_meta_fits(const struct state_meta *meta)
{
    struct model_snapshot snapshot = {
        .index = meta->index, .term = meta->term, .slot = meta->slots[0]};
    struct state_meta expected;
    model_meta(&snapshot, &expected);
    return meta->clock_ms == expected.clock_ms && meta->state_hash == expected.state_hash &&
           meta->next_slot == expected.next_slot &&
           memcmp(meta->slots, expected.slots, sizeof(meta->slots)) == 0 &&
           memcmp(&meta->configuration, &expected.configuration, sizeof(meta->configuration)) ==
               0 &&
           slice_equals(meta->replica_state, expected.replica_state);
}

void model_row(const struct model_snapshot *snapshot, uint32_t key, struct state_row *out)
{
    static char name[32];
    static uint8_t value[VALUE_BYTES_MAX];
    uint32_t version = snapshot->versions[key];
    uint64_t seed = hash_mix(key, version);
    size_t size = seed % 8 == 0 ? hash_mix(seed, 1) % VALUE_BYTES_MAX : hash_mix(seed, 1) % 120;
    (void)snprintf(name, sizeof(name), "key:%u", key);
    fill(value, size, seed);
    *out = (struct state_row){.slot = snapshot->slot,
                              .type = version == 0 ? STATE_ROW_REMOVED : STATE_ROW_STRING,
                              .expiry_ms = INT64_MAX,
                              .modified_index = version,
                              .key = slice_of_string(name),
                              .value = slice_of(value, version == 0 ? 0 : size)};
}

bool model_take_row(struct model_snapshot *found, const struct state_row *row)
{
    char name[32];
    unsigned key = 0;
    if (row->key.size >= sizeof(name)) {
        return false;
    }
    memcpy(name, row->key.bytes, row->key.size);
    name[row->key.size] = '\0';
    if (sscanf(name, "key:%u", &key) != 1 || key >= MODEL_KEYS || row->slot != found->slot ||
        found->versions[key] != 0) {
        return false;
    }
    found->versions[key] = (uint32_t)row->modified_index;
    struct state_row expected;
    model_row(found, key, &expected);
    return slice_equals(row->key, expected.key) && slice_equals(row->value, expected.value) &&
           row->type == expected.type;
}

static bool are_equal(const struct model_snapshot *a, const struct model_snapshot *b)
{
    return a->index == b->index && a->term == b->term && a->slot == b->slot &&
           memcmp(a->versions, b->versions, sizeof(a->versions)) == 0;
}

static void keep_older(struct model *model)
{
    if (model->older_count == MODEL_SNAPSHOTS_MAX) {
        model->older_count--;
        memmove(model->older, model->older + 1, model->older_count * sizeof(model->older[0]));
    }
    model->older[model->older_count++] = model->snapshot;
}

void model_note_candidate(struct model *model, const struct model_snapshot *snapshot)
{
    ASSERT(model->candidates_count < MODEL_SNAPSHOTS_MAX);
    model->candidates[model->candidates_count++] = *snapshot;
}

void model_note_snapshot(struct model *model, uint64_t index)
{
    for (uint32_t i = 0; i < model->candidates_count; i++) {
        if (model->candidates[i].index == index) {
            keep_older(model);
            model->snapshot = model->candidates[i];
            model->candidates_count = 0;
            return;
        }
    }
}

void model_drop_candidates(struct model *model)
{
    model->candidates_count = 0;
}

void model_check_snapshot(struct model *model, const struct model_snapshot *found, bool is_damaged)
{
    model->checks++;
    bool fits = are_equal(found, &model->snapshot);
    for (uint32_t i = 0; i < model->candidates_count && !fits; i++) {
        fits = are_equal(found, &model->candidates[i]);
    }
    for (uint32_t i = 0; i < model->older_count && !fits && is_damaged; i++) {
        fits = are_equal(found, &model->older[i]);
        model->pages_stale += fits;
    }
    if (!fits) {
        model_fail(model,
                   "the snapshot found, of index %llu, is not the one of index %llu that was "
                   "reported durable, nor one of %u that were being made",
                   (unsigned long long)found->index, (unsigned long long)model->snapshot.index,
                   model->candidates_count);
    }
    model->snapshot = *found;
    model->candidates_count = 0;
}
