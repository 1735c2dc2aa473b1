/* snapshot_save.c -- the state goes to state.db without a pause, and the log behind it is dropped.
 *
 * DESIGN.
 *
 *          save_is_due              all encoded            log durable to index
 *   IDLE ---------------> ENCODING --------------> ENCODED --------------------> COMMITTING
 *     ^                      |                        |                              |
 *     +----------------------+------------------------+------------------------------+
 *        replica_on_state_saved, replica_on_state_given_up; the state or state.db was replaced
 *
 * A snapshot shows the state as of its begin. Each turn encodes a bounded bit (STEP_BYTES,
 * step_items: well under a millisecond, but for a single huge value), and none while the storage
 * has BACKLOG_BYTES_MAX to write or the pace does not ask for it. It is committed when the log is
 * durable up to its index, so that after a crash the log never ends before the state.
 *
 * Once it is durable, the log up to its index is of use only to followers: what they may need stays
 * (struct trail), the rest goes, some entries a turn, for freeing takes time, too.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "base/logger.h"
#include "replica/replica_internal.h"

enum {
    STEP_BYTES = 64 * 1024,
    STEP_ITEMS_DEFAULT = 250,
    BACKLOG_BYTES_MAX = 8 * 1024 * 1024,
    BACKLOG_POLL_MS = 2,
    /* One that the log's size calls for takes this part of the time since the one before, so that
     * its work is spread and not a burst; but no longer than PACE_MS_MAX. */
    PACE_DIVISOR = 2,
    PACE_MS_MAX = 20 * 1000,
    COMPACT_ENTRIES = 2000,
    COMPACT_BYTES = 16 * 1024 * 1024,
    RETRY_MS = 1000,
    RETRY_MS_MAX = 60 * 1000,
    LOG_BYTES_DEFAULT = 64 * 1024 * 1024,
    LOG_ENTRIES_DEFAULT = 100 * 1000,
    /* What the log holds at most for the sake of others: so many times options.log_bytes, or as
     * much as the snapshot that is being fetched: one of any size can be, while others write. */
    HELD_FACTOR = 4,
};

/* ---- The log behind the state ---- */

static uint64_t entry_bytes(const struct raft_entry *entry)
{
    return blob_slice(entry->payload).size + sizeof(*entry);
}

static void trail_drop_first(const struct replica *replica, struct trail *trail)
{
    trail->bytes -= entry_bytes(raft_entry_at(replica->raft, ++trail->index));
}

static void trail_add(const struct replica *replica, struct trail *trail,
                      const struct raft_entry *entry, uint64_t bytes_max)
{
    trail->bytes += entry_bytes(entry);
    while (trail->bytes > bytes_max && trail->index < entry->index) {
        trail_drop_first(replica, trail);
    }
}

/* Never less than the trailing part, whatever the options. */
static uint64_t held_bytes_max(const struct replica *replica)
{
    const struct replica_snapshot_options *options = &replica->save.options;
    uint64_t copy_bytes = send_bytes_under_way(replica);
    uint64_t bytes = options->log_bytes * HELD_FACTOR;
    bytes = bytes > copy_bytes ? bytes : copy_bytes;
    return bytes > options->trailing_bytes ? bytes : options->trailing_bytes;
}

void save_note_applied(struct replica *replica, const struct raft_entry *entry)
{
    struct snapshot_save *save = &replica->save;
    save->log_bytes += entry_bytes(entry);
    trail_add(replica, &save->trailing, entry, save->options.trailing_bytes);
    trail_add(replica, &save->held, entry, held_bytes_max(replica));
}

void save_count_log(struct replica *replica)
{
    struct snapshot_save *save = &replica->save;
    uint64_t first_index = replica->status.first_index;
    save->trailing = (struct trail){first_index - 1, 0};
    save->held = save->trailing;
    for (uint64_t index = first_index; index <= replica->applied_index; index++) {
        save_note_applied(replica, raft_entry_at(replica->raft, index));
    }
    save->saved_log_bytes = save->log_bytes;
}

/* Up to where the log is of no use any more, now that the state up to save.index is durable. */
static uint64_t compaction_index(const struct replica *replica)
{
    const struct snapshot_save *save = &replica->save;
    uint64_t index = save->trailing.index;
    struct raft_progress progress[LIMIT_MEMBERS];
    uint32_t count = raft_get_progress(replica->raft, progress, LIMIT_MEMBERS);
    for (uint32_t i = 0; i < count; i++) {
        bool follows = progress[i].recently_active && progress[i].state != RAFT_SNAPSHOT;
        if (follows && progress[i].match_index < index) {
            index = progress[i].match_index;
        }
    }
    uint64_t needed_from = send_log_needed_from(replica);
    index = needed_from < index ? needed_from : index;
    index = save->held.index > index ? save->held.index : index;
    return index < save->index ? index : save->index;
}

static bool compact_some(struct replica *replica)
{
    struct snapshot_save *save = &replica->save;
    uint64_t last_dropped = replica->status.first_index - 1;
    if (save->compact_to <= last_dropped) {
        return false;
    }
    uint64_t bytes = 0;
    uint64_t index = last_dropped;
    while (index < save->compact_to && index - last_dropped < COMPACT_ENTRIES &&
           bytes < COMPACT_BYTES) {
        bytes += entry_bytes(raft_entry_at(replica->raft, ++index));
        if (index > save->held.index) {
            trail_drop_first(replica, &save->held);
        }
    }
    ASSERT(save->trailing.index >= index);
    struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT_SAVED, .snapshot_index = index};
    (void)replica_step(replica, &event);
    if (index == save->compact_to) {
        struct replica_order order = {.type = REPLICA_ORDER_LOG_COMPACT, .index = index};
        orders_add(&replica->orders, &order);
    }
    return index < save->compact_to;
}

/* ---- Begin ---- */

/* What is left of a limit for this node: up to three eighths less than all, by its place among the
 * members, so that the nodes of a cluster do not all come to the end of a snapshot at once. */
static uint64_t own_share(const struct replica *replica, uint64_t limit)
{
    const struct raft_configuration *configuration = &replica->applied_configuration;
    uint64_t place = 0;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        place += configuration->members[i].id < replica->self;
    }
    return limit - limit / 8 * (place % 4);
}

static bool save_is_due(const struct replica *replica)
{
    const struct snapshot_save *save = &replica->save;
    if (save->phase != SAVE_IDLE || replica->applied_index <= save->index ||
        receive_holds_apply(replica) || replica->now_ms < save->retry_at_ms ||
        !keyspace_snapshot_may_begin(replica->keyspace)) {
        return false;
    }
    return save->is_wanted ||
           save->log_bytes - save->saved_log_bytes >= own_share(replica, save->options.log_bytes) ||
           replica->applied_index - save->index >= own_share(replica, save->options.log_entries);
}

/* What somebody asked for is not delayed. */
static void set_pace(struct replica *replica)
{
    struct snapshot_save *save = &replica->save;
    uint64_t keys = 0;
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        keys += keyspace_keys_count(replica->keyspace, i);
    }
    uint64_t pace_ms = (replica->now_ms - save->begun_ms) / PACE_DIVISOR;
    save->steps = 0;
    save->steps_expected =
        keys / save->options.step_items * 3 / 2; /* empty buckets are looked at, too */
    save->pace_ms = save->is_wanted ? 0 : pace_ms < PACE_MS_MAX ? pace_ms : PACE_MS_MAX;
}

static bool is_ahead_of_pace(const struct replica *replica)
{
    const struct snapshot_save *save = &replica->save;
    uint64_t elapsed_ms = replica->now_ms - save->begun_ms;
    bool grows_fast =
        save->log_bytes - save->begun_log_bytes >= save->options.log_bytes / PACE_DIVISOR ||
        replica->applied_index - save->meta.index >= save->options.log_entries / PACE_DIVISOR;
    return elapsed_ms < save->pace_ms && !grows_fast && save->steps < save->steps_expected &&
           save->steps * save->pace_ms > elapsed_ms * save->steps_expected;
}

static void begin(struct replica *replica)
{
    struct snapshot_save *save = &replica->save;
    struct keyspace_meta keyspace;
    keyspace_snapshot_begin(replica->keyspace, &keyspace);
    struct replicated_state state = {replica->hash_seed, replica->sequences};
    buf_clear(&save->replica_state);
    replicated_state_encode(&state, &save->replica_state);
    save->meta = (struct replica_state_meta){.index = replica->applied_index,
                                             .term = replica->applied_term,
                                             .configuration = replica->applied_configuration,
                                             .clock_ms = keyspace.clock_ms,
                                             .state_hash = keyspace.state_hash,
                                             .next_slot = keyspace.next_slot,
                                             .replica_state = buf_slice(&save->replica_state)};
    memcpy(save->meta.slots, keyspace.slots, sizeof(save->meta.slots));
    struct keyspace_stats stats;
    keyspace_get_stats(replica->keyspace, &stats);
    save->begun_mutations = stats.mutations;
    save->begun_log_bytes = save->log_bytes;
    set_pace(replica);
    save->begun_ms = replica->now_ms;
    save->is_wanted = false;
    save->phase = SAVE_ENCODING;
    orders_add_type(&replica->orders, REPLICA_ORDER_STATE_BEGIN);
}

/* ---- Middle ---- */

static void encode_some(struct replica *replica)
{
    struct snapshot_save *save = &replica->save;
    save->is_held_back = save->backlog_bytes >= BACKLOG_BYTES_MAX || is_ahead_of_pace(replica);
    if (save->is_held_back) {
        return;
    }
    save->steps++;
    buf_clear_and_shrink(&save->rows, 4 * STEP_BYTES);
    bool is_done = keyspace_snapshot_step(replica->keyspace, &save->rows, STEP_BYTES,
                                          save->options.step_items);
    if (buf_size(&save->rows) > 0) {
        struct replica_order order = {.type = REPLICA_ORDER_STATE_PUT,
                                      .rows = blob_copy(buf_slice(&save->rows))};
        (void)orders_keep(&replica->orders, order.rows);
        orders_add(&replica->orders, &order);
    }
    if (is_done) {
        save->phase = SAVE_ENCODED;
    }
}

static void commit(struct replica *replica)
{
    struct snapshot_save *save = &replica->save;
    if (replica->status.persisted_index >= save->meta.index) {
        struct replica_order order = {.type = REPLICA_ORDER_STATE_COMMIT, .meta = &save->meta};
        orders_add(&replica->orders, &order);
        save->phase = SAVE_COMMITTING;
    }
}

bool save_turn(struct replica *replica)
{
    struct snapshot_save *save = &replica->save;
    bool has_more = compact_some(replica);
    if (save->is_wanted && replica->applied_index <= save->index) {
        save->is_wanted = false;
    }
    if (receive_holds_apply(replica)) {
        return has_more; /* state.db is being replaced: what was begun there is gone */
    }
    if (save_is_due(replica)) {
        begin(replica);
    }
    if (save->phase == SAVE_ENCODING) {
        encode_some(replica);
    }
    if (save->phase == SAVE_ENCODED) {
        commit(replica);
    }
    save->backlog_bytes = 0;
    return has_more || (save->phase == SAVE_ENCODING && !save->is_held_back);
}

uint64_t save_deadline_ms(const struct replica *replica)
{
    const struct snapshot_save *save = &replica->save;
    if (save->phase == SAVE_ENCODING) {
        return replica->now_ms + BACKLOG_POLL_MS;
    }
    bool waits = save->phase == SAVE_IDLE && save->retry_at_ms > replica->now_ms;
    return waits ? save->retry_at_ms : UINT64_MAX;
}

void save_request(struct replica *replica)
{
    replica->save.is_wanted = true;
    replica->save.pace_ms = 0; /* the one under way, if any, is waited for */
}

void save_request_now(struct replica *replica)
{
    struct snapshot_save *save = &replica->save;
    save->retry_at_ms = 0;
    if (replica->applied_index == save->index) {
        save->saved_wall_ms = replica->wall_ms; /* the newest one shows it all */
    } else {
        save_request(replica);
    }
}

/* ---- End ---- */

static void note_saved(struct replica *replica, uint64_t index, uint64_t term)
{
    struct snapshot_save *save = &replica->save;
    save->index = index;
    save->term = term;
    save->saved_wall_ms = replica->wall_ms;
    save->has_failed = false;
    save->retry_at_ms = 0;
    save->retry_wait_ms = RETRY_MS;
}

void replica_on_state_saved(struct replica *replica, uint64_t index)
{
    struct snapshot_save *save = &replica->save;
    ASSERT(replica->is_in_turn);
    if (save->phase != SAVE_COMMITTING || index != save->meta.index) {
        return; /* of one that was given up for a fetched snapshot */
    }
    keyspace_snapshot_end(replica->keyspace, true);
    save->phase = SAVE_IDLE;
    save->saves++;
    save->saved_mutations = save->begun_mutations;
    save->saved_log_bytes = save->begun_log_bytes;
    save->took_ms = (int64_t)(replica->now_ms - save->begun_ms);
    note_saved(replica, index, save->meta.term);
    uint64_t compact_to = compaction_index(replica);
    save->compact_to = compact_to > save->compact_to ? compact_to : save->compact_to;
    logger_log(LOGGER_NOTICE,
               "snapshot of index %" PRIu64 " is on disk after %" PRId64
               " ms, the log begins behind %" PRIu64,
               index, save->took_ms, save->compact_to);
}

static void give_up(struct replica *replica)
{
    keyspace_snapshot_end(replica->keyspace, false);
    replica->save.phase = SAVE_IDLE;
}

void replica_on_state_given_up(struct replica *replica)
{
    struct snapshot_save *save = &replica->save;
    ASSERT(replica->is_in_turn);
    if (save->phase == SAVE_IDLE) {
        return;
    }
    give_up(replica);
    save->failures++;
    save->has_failed = true;
    save->retry_at_ms = replica->now_ms + save->retry_wait_ms;
    logger_log(LOGGER_WARNING,
               "snapshot of index %" PRIu64 " was given up for want of room on the disk; the next "
               "try is in %" PRIu64 " ms",
               save->meta.index, save->retry_wait_ms);
    save->retry_wait_ms =
        save->retry_wait_ms * 2 < RETRY_MS_MAX ? save->retry_wait_ms * 2 : RETRY_MS_MAX;
}

void replica_note_state_backlog(struct replica *replica, uint64_t bytes)
{
    replica->save.backlog_bytes = bytes;
}

void save_not_replaced(struct replica *replica)
{
    struct snapshot_save *save = &replica->save;
    if (save->phase == SAVE_ENCODING || save->phase == SAVE_ENCODED) {
        give_up(replica); /* one that was to be committed was, or we are told that it was not */
    }
}

void save_start_from(struct replica *replica, uint64_t index, uint64_t term)
{
    struct snapshot_save *save = &replica->save;
    save->phase = SAVE_IDLE; /* what was under way went with the state that it was of */
    struct keyspace_stats stats;
    keyspace_get_stats(replica->keyspace, &stats);
    save->saved_mutations = stats.mutations;
    save->saved_log_bytes = save->log_bytes;
    save->trailing = (struct trail){index, 0};
    save->held = save->trailing;
    note_saved(replica, index, term);
}

/* ---- Life ---- */

void replica_set_snapshot_options(struct replica *replica,
                                  const struct replica_snapshot_options *options)
{
    struct replica_snapshot_options *own = &replica->save.options;
    *own = *options;
    own->log_bytes = own->log_bytes == 0 ? LOG_BYTES_DEFAULT : own->log_bytes;
    own->log_entries = own->log_entries == 0 ? LOG_ENTRIES_DEFAULT : own->log_entries;
    own->step_items = own->step_items == 0 ? STEP_ITEMS_DEFAULT : own->step_items;
    own->trailing_bytes = own->trailing_bytes == 0 ? own->log_bytes / 2 : own->trailing_bytes;
}

void save_init(struct replica *replica, const struct replica_snapshot_options *options)
{
    struct snapshot_save *save = &replica->save;
    replica_set_snapshot_options(replica, options);
    save->took_ms = -1;
    save->retry_wait_ms = RETRY_MS;
    save->saved_wall_ms = replica->wall_ms;
}

void save_deinit(struct replica *replica)
{
    buf_deinit(&replica->save.replica_state);
    buf_deinit(&replica->save.rows);
}
