/* log_store.c -- group commit: what the store's thread does with the units it is given.
 *
 * DESIGN. All that is queued when the thread comes round is written in one transaction (a group):
 * begin, put every unit, commit (fsync); then the group is handed back, the loop woken, and the WAL
 * checkpointed if it has grown too long. The queue needs no bound of its own: the core bounds what
 * it has appended and not committed (LIMIT_UNCOMMITTED_BYTES), and a follower's acknowledgements,
 * which wait for this thread, bound what a leader sends.
 *
 * A full disk: the group is rolled back whole and made again, exactly as it was, until it fits;
 * what makes room is a checkpoint (the WAL is written from its start again), then the reserve, then
 * whoever frees some. Nothing is reported meanwhile. A store that is closed while the disk is full
 * gives up what was not durable, which nobody has been told of. Failures other than a full disk
 * have ended the process before any function here sees them.
 *
 * Compaction deletes a bounded number of rows in each group's own transaction, and in small
 * transactions of its own while nothing is queued, moving the base in the same transaction: the
 * file always holds a log without a gap behind its base.
 */
#include "storage/log_store.h"

#include <time.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"
#include "storage/disk_reserve.h"
#include "storage/log_recovery.h"
#include "storage/raft_db.h"
#include "storage/worker.h"

enum {
    WAL_BYTES_MAX_DEFAULT = 4 * 1024 * 1024,
    GROUP_BYTES_MAX = 64 * 1024 * 1024, /* a unit that alone has more is a group of its own */
    MICROSECONDS_IN_SECOND = 1000000,
    FULL_PAUSE_MS = 100, /* between two tries on a full disk */
};

enum unit_kind { UNIT_PERSIST, UNIT_RESET, UNIT_COMPACT };

struct unit {
    struct worker_job job;
    enum unit_kind kind;
    uint64_t index;              /* RESET, COMPACT */
    uint64_t term;               /* RESET */
    struct raft_persist persist; /* its entries are the array below; payloads retained */
    uint64_t bytes;
    uint64_t submitted_us;
    struct unit *newer; /* persist units in the order of their ids; the loop thread's */
    struct raft_entry entries[];
};

struct log_store {
    struct raft_db db;      /* the store thread's while it runs, as are the next three */
    uint64_t compact_index; /* rows up to here may go */
    bool is_full;           /* the last try found no room */
    bool has_given_up;      /* the store is to stop, and there was no room for the rest */
    uint64_t wal_bytes_max;
    struct disk_reserve *reserve;
    struct worker *worker;
    uint64_t submitted_id; /* loop thread only, as are the next two */
    struct unit *oldest;   /* of the units not collected yet */
    struct unit *newest;
    uint64_t durable_id; /* under the worker's mutex, as are the figures */
    struct log_store_stats stats;
};

static struct unit *unit_of(struct worker_job *job)
{
    return (struct unit *)job;
}

static uint64_t now_microseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * MICROSECONDS_IN_SECOND + (uint64_t)now.tv_nsec / 1000;
}

static struct unit *unit_create(const struct raft_persist *persist)
{
    struct unit *unit =
        mem_alloc(sizeof(*unit) + persist->entries_count * sizeof(unit->entries[0]));
    unit->job.next = NULL;
    unit->kind = UNIT_PERSIST;
    unit->persist = *persist;
    unit->persist.entries = unit->entries;
    unit->bytes = 0;
    unit->submitted_us = now_microseconds();
    unit->newer = NULL;
    for (uint32_t i = 0; i < persist->entries_count; i++) {
        unit->entries[i] = persist->entries[i];
        (void)blob_retain(unit->entries[i].payload);
        unit->bytes += blob_slice(unit->entries[i].payload).size;
    }
    return unit;
}

/* Loop thread only, as it releases payloads. Persist units come back in order. */
static void units_destroy(struct log_store *store, struct worker_job *job)
{
    while (job != NULL) {
        struct worker_job *next = job->next;
        struct unit *unit = unit_of(job);
        if (unit->kind == UNIT_PERSIST) {
            ASSERT(unit == store->oldest);
            store->oldest = unit->newer;
        }
        for (uint32_t i = 0; i < unit->persist.entries_count; i++) {
            blob_release(unit->entries[i].payload);
        }
        mem_free(unit);
        job = next;
    }
}

/* ---- The store thread ---- */

/* A group: jobs first..last of a chain, written in one transaction. */
struct group {
    struct worker_job *first;
    struct worker_job *last;
    uint64_t units; /* of persistence */
    uint64_t commit_microseconds;
};

static struct group cut_group(struct worker_job *first)
{
    struct group group = {.first = first, .last = first, .units = 0};
    uint64_t bytes = 0;
    for (struct worker_job *job = first; job != NULL; job = job->next) {
        struct unit *unit = unit_of(job);
        bytes += unit->bytes;
        if (job != first && (bytes > GROUP_BYTES_MAX || unit->kind == UNIT_COMPACT)) {
            break;
        }
        group.last = job;
        group.units += unit->kind == UNIT_PERSIST;
    }
    return group;
}

/* The index up to which rows are there and may go; 0: none. */
static uint64_t compactable_index(const struct log_store *store)
{
    uint64_t last_index = store->db.state.last_index;
    uint64_t index = store->compact_index < last_index ? store->compact_index : last_index;
    return index > store->db.state.base_index ? index : 0;
}

static enum result compact_step(struct log_store *store)
{
    uint64_t index = compactable_index(store);
    return index == 0 ? RESULT_OK : raft_db_compact(&store->db, index);
}

static enum result put_unit(struct raft_db *db, const struct unit *unit)
{
    return unit->kind == UNIT_RESET ? raft_db_reset(db, unit->index, unit->term)
                                    : raft_db_put_unit(db, &unit->persist);
}

/* RESULT_OK or RESULT_FULL, after which the transaction has to be rolled back. */
static enum result try_transaction(struct log_store *store, struct group *group)
{
    enum result result = raft_db_begin(&store->db);
    struct worker_job *end = group->last == NULL ? NULL : group->last->next;
    for (struct worker_job *job = group->first; job != end && result == RESULT_OK;
         job = job->next) {
        result = put_unit(&store->db, unit_of(job));
    }
    if (result == RESULT_OK) {
        result = compact_step(store);
    }
    uint64_t start = now_microseconds();
    if (result == RESULT_OK) {
        result = raft_db_commit(&store->db);
    }
    group->commit_microseconds = now_microseconds() - start;
    return result;
}

static enum result try_group(struct log_store *store, struct group *group)
{
    enum result result = try_transaction(store, group);
    ASSERT(result == RESULT_OK || result == RESULT_FULL);
    if (result == RESULT_FULL) {
        enum result rolled_back = raft_db_rollback(&store->db);
        ASSERT(rolled_back == RESULT_OK);
    }
    return result;
}

static void note_full(struct log_store *store, bool is_full)
{
    if (store->is_full == is_full) {
        return;
    }
    store->is_full = is_full;
    if (is_full) {
        logger_log(LOGGER_ERROR,
                   "no space left for %s: nothing is acknowledged until there is; free space on "
                   "that file system",
                   store->db.file.path);
    } else {
        logger_log(LOGGER_NOTICE, "there is space for %s again", store->db.file.path);
    }
    worker_lock(store->worker);
    store->stats.is_full = is_full;
    worker_unlock(store->worker);
}

static void count_checkpoint(struct log_store *store)
{
    uint64_t database_bytes = sqlite_file_file_bytes(&store->db.file);
    worker_lock(store->worker);
    store->stats.checkpoints++;
    store->stats.wal_bytes = sqlite_file_wal_bytes(&store->db.file);
    store->stats.database_bytes = database_bytes;
    worker_unlock(store->worker);
}

/* PASSIVE is enough, as nobody reads: the next commit writes the WAL from its start. RESULT_FULL
 * leaves everything as it was, in the WAL. */
static enum result checkpoint(struct log_store *store)
{
    enum result result = sqlite_file_checkpoint(&store->db.file, SQLITE_CHECKPOINT_PASSIVE);
    ASSERT(result == RESULT_OK || result == RESULT_FULL);
    if (result == RESULT_OK) {
        count_checkpoint(store);
    }
    return result;
}

/* What can be done about a full disk, before a group is tried again. Returns false when the store
 * is to stop instead. */
static bool make_room(struct log_store *store)
{
    note_full(store, true);
    (void)raft_db_end_is_recorded(&store->db); /* If not, what is tried again records it. */
    if (sqlite_file_wal_bytes(&store->db.file) > 0 && checkpoint(store) == RESULT_OK) {
        return true;
    }
    if (store->reserve != NULL && disk_reserve_release(store->reserve)) {
        return true;
    }
    return worker_pause(store->worker, FULL_PAUSE_MS);
}

/* Returns whether the group is durable: false only when the store stops on a full disk. */
static bool write_group(struct log_store *store, struct group *group)
{
    while (try_group(store, group) != RESULT_OK) {
        if (!make_room(store)) {
            return false;
        }
    }
    note_full(store, false);
    return true;
}

static void count_group(struct log_store *store, const struct group *group)
{
    struct log_store_stats *stats = &store->stats;
    stats->commits++;
    stats->units += group->units;
    stats->fsync_microseconds += group->commit_microseconds;
    if (group->commit_microseconds > stats->fsync_microseconds_max) {
        stats->fsync_microseconds_max = group->commit_microseconds;
    }
    stats->wal_bytes = sqlite_file_wal_bytes(&store->db.file);
    stats->base_index = store->db.state.base_index;
}

/* From here on the units are the loop thread's. */
static void report_group(struct log_store *store, const struct group *group)
{
    worker_lock(store->worker);
    store->durable_id = unit_of(group->last)->persist.id;
    worker_hand_back(store->worker, group->first, group->last);
    count_group(store, group);
    worker_unlock(store->worker);
    worker_wake(store->worker);
}

/* After every group, so that constant load cannot put it off: the WAL stays below the limit and one
 * group (and a small one that records the log's end). On a full disk it waits for the next group's
 * turn. */
static void checkpoint_if_due(struct log_store *store)
{
    if (sqlite_file_wal_bytes(&store->db.file) <= store->wal_bytes_max ||
        !raft_db_end_is_recorded(&store->db)) {
        return;
    }
    if (checkpoint(store) == RESULT_FULL && store->reserve != NULL &&
        disk_reserve_release(store->reserve)) {
        (void)checkpoint(store);
    }
}

/* Hands units back that never became durable, without reporting them. */
static void give_up(struct log_store *store, struct worker_job *first)
{
    if (!store->has_given_up) {
        store->has_given_up = true;
        logger_log(LOGGER_ERROR,
                   "stopping while there is no space for %s: what was not "
                   "acknowledged is dropped",
                   store->db.file.path);
    }
    struct worker_job *last = first;
    while (last->next != NULL) {
        last = last->next;
    }
    worker_lock(store->worker);
    worker_hand_back(store->worker, first, last);
    worker_unlock(store->worker);
}

/* A compaction makes nothing durable: it only says how far later transactions may delete. */
static void take_compact_index(struct log_store *store, struct worker_job *job)
{
    uint64_t index = unit_of(job)->index;
    store->compact_index = index > store->compact_index ? index : store->compact_index;
    worker_lock(store->worker);
    worker_hand_back(store->worker, job, job);
    worker_unlock(store->worker);
}

static void write_chain(struct worker_job *first, void *context)
{
    struct log_store *store = context;
    while (first != NULL) {
        if (store->has_given_up) {
            give_up(store, first);
            return;
        }
        if (unit_of(first)->kind == UNIT_COMPACT) {
            struct worker_job *next = first->next;
            take_compact_index(store, first);
            first = next;
            continue;
        }
        struct group group = cut_group(first);
        if (!write_group(store, &group)) {
            give_up(store, first);
            return;
        }
        first = group.last->next;
        report_group(store, &group);
        checkpoint_if_due(store);
    }
}

/* Nothing is queued: one step of a compaction, in a transaction of its own. On a full disk it rests
 * until the next unit comes. */
static bool compact_while_idle(void *context)
{
    struct log_store *store = context;
    if (compactable_index(store) == 0) {
        return false;
    }
    struct group none = {.first = NULL};
    if (try_group(store, &none) != RESULT_OK) {
        return false;
    }
    worker_lock(store->worker);
    count_group(store, &none);
    worker_unlock(store->worker);
    checkpoint_if_due(store);
    return true;
}

/* ---- The loop thread ---- */

/* Records that the node runs, and for the how-many-th time. The first checkpoint writes and flushes
 * the WAL's content again: after a failed fsync before the last end, what was just read may have
 * come from memory alone. The second puts the new state row into the database itself. */
static enum result record_start(struct raft_db *db, const struct log_store_options *options)
{
    enum result result = sqlite_file_checkpoint(&db->file, SQLITE_CHECKPOINT_TRUNCATE);
    if (result == RESULT_OK) {
        result = raft_db_begin(db);
    }
    if (db->state.incarnation < options->incarnation_min) {
        db->state.incarnation = options->incarnation_min;
    } else {
        db->state.incarnation += options->incarnation_step == 0 ? 1 : options->incarnation_step;
    }
    db->state.running = true;
    if (result == RESULT_OK) {
        result = raft_db_commit(db);
    }
    if (result == RESULT_OK) {
        result = sqlite_file_checkpoint(&db->file, SQLITE_CHECKPOINT_TRUNCATE);
    }
    return result;
}

static enum result open_database(struct raft_db *db, const struct log_store_options *options,
                                 struct log_recovery *recovery)
{
    bool created = false;
    struct log_recovery found = {0};
    enum result result = raft_db_open(db, options, &created);
    if (result == RESULT_OK) {
        result = log_recovery_load(db, &found);
    }
    if (result == RESULT_OK) {
        result = record_start(db, options);
    }
    if (result != RESULT_OK) {
        log_recovery_deinit(&found);
        raft_db_close(db, false);
        return result;
    }
    found.created = created;
    found.incarnation = db->state.incarnation;
    *recovery = found;
    return RESULT_OK;
}

/* A start writes little, and that has to fit: what the reserve is for. */
static enum result open_with_reserve(struct raft_db *db, const struct log_store_options *options,
                                     struct log_recovery *recovery)
{
    enum result result = open_database(db, options, recovery);
    if (result == RESULT_FULL && options->reserve != NULL &&
        disk_reserve_release(options->reserve)) {
        result = open_database(db, options, recovery);
    }
    return result;
}

/* The worker's thread reads store->worker only when it has a job, which comes after this. */
static enum result start_worker(struct log_store *store)
{
    struct worker_calls calls = {
        .name = "raft-db", .on_jobs = write_chain, .on_idle = compact_while_idle, .context = store};
    return worker_start(&calls, store->db.file.path, &store->worker);
}

enum result log_store_open(const struct log_store_options *options, struct log_recovery *recovery,
                           struct log_store **out)
{
    struct log_store_options filled = *options;
    if (filled.wal_bytes_max == 0) {
        filled.wal_bytes_max = WAL_BYTES_MAX_DEFAULT;
    }
    struct log_recovery found;
    struct log_store *store = mem_alloc_zeroed(1, sizeof(*store));
    enum result result = open_with_reserve(&store->db, &filled, &found);
    if (result != RESULT_OK) {
        mem_free(store);
        return result;
    }
    store->wal_bytes_max = filled.wal_bytes_max;
    store->reserve = filled.reserve;
    store->stats.database_bytes = sqlite_file_file_bytes(&store->db.file);
    store->stats.base_index = store->db.state.base_index;
    store->db.file.failures_are_fatal = true;
    result = start_worker(store);
    if (result != RESULT_OK) {
        raft_db_close(&store->db, false);
        mem_free(store);
        log_recovery_deinit(&found);
        return result;
    }
    *recovery = found;
    *out = store;
    return RESULT_OK;
}

void log_store_submit(struct log_store *store, const struct raft_persist *persist)
{
    ASSERT(persist->id > store->submitted_id);
    store->submitted_id = persist->id;
    struct unit *unit = unit_create(persist);
    if (store->oldest == NULL) {
        store->oldest = unit;
    } else {
        store->newest->newer = unit;
    }
    store->newest = unit;
    worker_submit(store->worker, &unit->job);
}

/* A unit without entries stands under the id of the last one submitted. */
static void submit_index(struct log_store *store, enum unit_kind kind, uint64_t index,
                         uint64_t term)
{
    struct unit *unit = unit_create(&(struct raft_persist){.id = store->submitted_id});
    unit->kind = kind;
    unit->index = index;
    unit->term = term;
    worker_submit(store->worker, &unit->job);
}

void log_store_compact(struct log_store *store, uint64_t index)
{
    submit_index(store, UNIT_COMPACT, index, 0);
}

void log_store_reset(struct log_store *store, uint64_t index, uint64_t term)
{
    ASSERT(index > 0);
    submit_index(store, UNIT_RESET, index, term);
}

int log_store_descriptor(const struct log_store *store)
{
    return worker_descriptor(store->worker);
}

uint64_t log_store_completed(struct log_store *store)
{
    worker_clear(store->worker);
    worker_lock(store->worker);
    struct worker_job *done = worker_collect(store->worker);
    uint64_t durable_id = store->durable_id;
    worker_unlock(store->worker);
    units_destroy(store, done);
    return durable_id;
}

void log_store_get_stats(const struct log_store *store, struct log_store_stats *out)
{
    worker_lock(store->worker);
    *out = store->stats;
    uint64_t durable_id = store->durable_id;
    worker_unlock(store->worker);
    const struct unit *unit = store->oldest;
    while (unit != NULL && unit->persist.id <= durable_id) {
        unit = unit->newer; /* Durable, and not collected yet. */
    }
    out->oldest_unit_us = unit == NULL ? 0 : now_microseconds() - unit->submitted_us;
}

/* The mark of a clean end goes into the database itself before the WAL file goes away. Returns
 * whether it is there: on a full disk the WAL stays, as after a crash. */
static bool record_end(struct raft_db *db)
{
    enum result result = raft_db_begin(db);
    db->state.running = false;
    if (result == RESULT_OK) {
        result = raft_db_commit(db);
    }
    if (result == RESULT_OK) {
        result = sqlite_file_checkpoint(&db->file, SQLITE_CHECKPOINT_TRUNCATE);
    }
    ASSERT(result == RESULT_OK || result == RESULT_FULL);
    return result == RESULT_OK;
}

void log_store_close(struct log_store *store)
{
    worker_stop(store->worker);
    units_destroy(store, worker_collect(store->worker));
    worker_destroy(store->worker);
    bool is_clean = !store->has_given_up && record_end(&store->db);
    if (!is_clean) {
        enum result result = raft_db_rollback(&store->db);
        ASSERT(result == RESULT_OK);
    }
    raft_db_close(&store->db, is_clean);
    mem_free(store);
}
