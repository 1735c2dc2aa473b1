/* log_store.c -- the store's thread, its queue, and group commit.
 *
 * DESIGN
 *
 *   loop thread                     store thread
 *   submit -> pending  ----------->  takes all of it; one transaction a group:
 *                                    begin, put every unit, commit (fsync)
 *   completed <- done, durable_id <- hands the units back, writes the eventfd
 *                                    checkpoint if the WAL has grown too long
 *
 * The mutex guards only the two lists, the id and the figures; nobody holds it over I/O. The units
 * come back whole because only the loop thread may release payloads (blob.h). The queue needs no
 * bound of its own: the core bounds what it has appended and not committed
 * (LIMIT_UNCOMMITTED_BYTES), and a follower's acknowledgements, which wait for this thread, bound
 * what a leader sends.
 */
#include "storage/log_store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"
#include "storage/log_recovery.h"
#include "storage/raft_db.h"
#include "storage/storage_fatal.h"

enum {
    WAL_BYTES_MAX_DEFAULT = 4 * 1024 * 1024,
    GROUP_BYTES_MAX = 64 * 1024 * 1024, /* a unit that alone has more is a group of its own */
    MICROSECONDS_IN_SECOND = 1000000,
};

struct unit {
    struct unit *next;
    struct raft_persist persist; /* its entries are the array below; payloads retained */
    uint64_t bytes;
    struct raft_entry entries[];
};

/* First in, first out. */
struct units {
    struct unit *first;
    struct unit **end; /* where the next one is linked */
};

/* What both threads touch, under the mutex. */
struct handoff {
    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct units pending;
    struct units done;
    uint64_t durable_id;
    bool is_stopping;
    struct log_store_stats stats;
};

struct log_store {
    struct raft_db db; /* the store thread's while it runs */
    struct handoff *handoff;
    pthread_t thread;
    int descriptor;
    uint64_t wal_bytes_max;
    uint64_t submitted_id; /* loop thread only */
};

static void units_init(struct units *units)
{
    units->first = NULL;
    units->end = &units->first;
}

static void units_append(struct units *units, struct unit *first, struct unit **end)
{
    *units->end = first;
    units->end = end;
}

/* Takes everything out; the caller owns the chain. */
static struct unit *units_take(struct units *units)
{
    struct unit *first = units->first;
    units_init(units);
    return first;
}

static void lock(struct handoff *handoff)
{
    int code = pthread_mutex_lock(&handoff->mutex);
    ASSERT(code == 0);
}

static void unlock(struct handoff *handoff)
{
    int code = pthread_mutex_unlock(&handoff->mutex);
    ASSERT(code == 0);
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
    unit->next = NULL;
    unit->persist = *persist;
    unit->persist.entries = unit->entries;
    unit->bytes = 0;
    for (uint32_t i = 0; i < persist->entries_count; i++) {
        unit->entries[i] = persist->entries[i];
        (void)blob_retain(unit->entries[i].payload);
        unit->bytes += blob_slice(unit->entries[i].payload).size;
    }
    return unit;
}

/* Loop thread only, as it releases payloads. */
static void units_destroy(struct unit *unit)
{
    while (unit != NULL) {
        struct unit *next = unit->next;
        for (uint32_t i = 0; i < unit->persist.entries_count; i++) {
            blob_release(unit->entries[i].payload);
        }
        mem_free(unit);
        unit = next;
    }
}

/* ---- The store thread ---- */

/* A group: units first..last of a chain, written in one transaction. */
struct group {
    struct unit *first;
    struct unit *last;
    uint64_t count;
    uint64_t commit_microseconds;
};

static struct group cut_group(struct unit *first)
{
    struct group group = {.first = first, .last = first, .count = 1};
    uint64_t bytes = first->bytes;
    while (group.last->next != NULL && bytes + group.last->next->bytes <= GROUP_BYTES_MAX) {
        group.last = group.last->next;
        bytes += group.last->bytes;
        group.count++;
    }
    return group;
}

/* The results need no handling beyond the assertion: on failure the process has ended. */
static void write_group(struct raft_db *db, struct group *group)
{
    enum result result = raft_db_begin(db);
    ASSERT(result == RESULT_OK);
    for (struct unit *unit = group->first;; unit = unit->next) {
        result = raft_db_put_unit(db, &unit->persist);
        ASSERT(result == RESULT_OK);
        if (unit == group->last) {
            break;
        }
    }
    uint64_t start = now_microseconds();
    result = raft_db_commit(db);
    ASSERT(result == RESULT_OK);
    group->commit_microseconds = now_microseconds() - start;
}

static void wake_loop(const struct log_store *store)
{
    uint64_t one = 1;
    ssize_t size = write(store->descriptor, &one, sizeof(one));
    /* EAGAIN: the counter is full, so the descriptor is readable already. */
    ASSERT(size == sizeof(one) || errno == EAGAIN);
}

/* From here on the units are the loop thread's. */
static void report_group(struct log_store *store, const struct group *group)
{
    struct handoff *handoff = store->handoff;
    uint64_t durable_id = group->last->persist.id;
    group->last->next = NULL;
    lock(handoff);
    units_append(&handoff->done, group->first, &group->last->next);
    handoff->durable_id = durable_id;
    struct log_store_stats *stats = &handoff->stats;
    stats->commits++;
    stats->units += group->count;
    stats->fsync_microseconds += group->commit_microseconds;
    if (group->commit_microseconds > stats->fsync_microseconds_max) {
        stats->fsync_microseconds_max = group->commit_microseconds;
    }
    stats->wal_bytes = raft_db_wal_bytes(&store->db);
    unlock(handoff);
    wake_loop(store);
}

static void count_checkpoint(struct log_store *store)
{
    uint64_t database_bytes = raft_db_file_bytes(&store->db);
    lock(store->handoff);
    store->handoff->stats.checkpoints++;
    store->handoff->stats.wal_bytes = raft_db_wal_bytes(&store->db);
    store->handoff->stats.database_bytes = database_bytes;
    unlock(store->handoff);
}

/* After every group, so that constant load cannot put it off: the WAL stays below the limit and
 * one group. PASSIVE is enough, as nobody reads: the next commit writes the WAL from its start. */
static void checkpoint_if_due(struct log_store *store)
{
    if (raft_db_wal_bytes(&store->db) <= store->wal_bytes_max) {
        return;
    }
    enum result result = raft_db_checkpoint(&store->db, SQLITE_CHECKPOINT_PASSIVE);
    ASSERT(result == RESULT_OK);
    count_checkpoint(store);
}

static void write_chain(struct log_store *store, struct unit *first)
{
    while (first != NULL) {
        struct group group = cut_group(first);
        first = group.last->next;
        write_group(&store->db, &group);
        report_group(store, &group);
        checkpoint_if_due(store);
    }
}

static void *run_store(void *context)
{
    struct log_store *store = context;
    struct handoff *handoff = store->handoff;
    (void)pthread_setname_np(pthread_self(), "raft-db");
    for (;;) {
        lock(handoff);
        while (handoff->pending.first == NULL && !handoff->is_stopping) {
            int code = pthread_cond_wait(&handoff->work, &handoff->mutex);
            ASSERT(code == 0);
        }
        struct unit *first = units_take(&handoff->pending);
        unlock(handoff);
        if (first == NULL) {
            return NULL; /* Stopping, and nothing is left. */
        }
        write_chain(store, first);
    }
}

/* ---- The loop thread ---- */

/* Records that the node runs, and for the how-many-th time. The first checkpoint writes and flushes
 * the WAL's content again: after a failed fsync before the last end, what was just read may have
 * come from memory alone. The second puts the new state row into the database itself. */
static enum result record_start(struct raft_db *db)
{
    enum result result = raft_db_checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE);
    if (result == RESULT_OK) {
        result = raft_db_begin(db);
    }
    db->state.incarnation++;
    db->state.running = true;
    if (result == RESULT_OK) {
        result = raft_db_commit(db);
    }
    if (result == RESULT_OK) {
        result = raft_db_checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE);
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
        result = record_start(db);
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

static struct handoff *handoff_create(const struct raft_db *db)
{
    struct handoff *handoff = mem_alloc_zeroed(1, sizeof(*handoff));
    int code = pthread_mutex_init(&handoff->mutex, NULL);
    ASSERT(code == 0);
    code = pthread_cond_init(&handoff->work, NULL);
    ASSERT(code == 0);
    units_init(&handoff->pending);
    units_init(&handoff->done);
    handoff->stats.database_bytes = raft_db_file_bytes(db);
    return handoff;
}

static void handoff_destroy(struct handoff *handoff)
{
    units_destroy(units_take(&handoff->pending));
    units_destroy(units_take(&handoff->done));
    (void)pthread_cond_destroy(&handoff->work);
    (void)pthread_mutex_destroy(&handoff->mutex);
    mem_free(handoff);
}

/* Signals are the loop thread's: the new thread inherits a mask that blocks them all. */
static int start_thread(struct log_store *store)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&store->thread, NULL, run_store, store);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
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
    enum result result = open_database(&store->db, &filled, &found);
    if (result != RESULT_OK) {
        mem_free(store);
        return result;
    }
    store->wal_bytes_max = filled.wal_bytes_max;
    store->handoff = handoff_create(&store->db);
    store->db.failures_are_fatal = true;
    store->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int code = store->descriptor < 0 ? errno : start_thread(store);
    if (code != 0) {
        logger_log(LOGGER_ERROR,
                   "cannot start the thread that writes %s: %s; raise the limits on "
                   "processes and open files",
                   store->db.path, strerror(code));
        if (store->descriptor >= 0) {
            (void)close(store->descriptor);
        }
        handoff_destroy(store->handoff);
        raft_db_close(&store->db, false);
        mem_free(store);
        log_recovery_deinit(&found);
        return RESULT_IO;
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
    lock(store->handoff);
    units_append(&store->handoff->pending, unit, &unit->next);
    int code = pthread_cond_signal(&store->handoff->work);
    ASSERT(code == 0);
    unlock(store->handoff);
}

int log_store_descriptor(const struct log_store *store)
{
    return store->descriptor;
}

uint64_t log_store_completed(struct log_store *store)
{
    uint64_t count;
    ssize_t size = read(store->descriptor, &count, sizeof(count));
    ASSERT(size == sizeof(count) || errno == EAGAIN || errno == EINTR);
    lock(store->handoff);
    struct unit *done = units_take(&store->handoff->done);
    uint64_t durable_id = store->handoff->durable_id;
    unlock(store->handoff);
    units_destroy(done);
    return durable_id;
}

void log_store_get_stats(const struct log_store *store, struct log_store_stats *out)
{
    lock(store->handoff);
    *out = store->handoff->stats;
    unlock(store->handoff);
}

/* The mark of a clean end goes into the database itself before the WAL file goes away. */
static void record_end(struct raft_db *db)
{
    enum result result = raft_db_begin(db);
    ASSERT(result == RESULT_OK);
    db->state.running = false;
    result = raft_db_commit(db);
    ASSERT(result == RESULT_OK);
    result = raft_db_checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE);
    ASSERT(result == RESULT_OK);
}

void log_store_close(struct log_store *store)
{
    lock(store->handoff);
    store->handoff->is_stopping = true;
    int code = pthread_cond_signal(&store->handoff->work);
    ASSERT(code == 0);
    unlock(store->handoff);
    code = pthread_join(store->thread, NULL);
    ASSERT(code == 0);
    record_end(&store->db);
    raft_db_close(&store->db, true);
    (void)close(store->descriptor);
    handoff_destroy(store->handoff);
    mem_free(store);
}
