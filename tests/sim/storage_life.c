/* storage_life.c -- start and end of a life: opening, checking what was found, closing. */
#include "sim/storage_life.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/logger.h"
#include "sim/simvfs.h"
#include "sim/simvfs_disk.h"
#include "sim/storage_life_internal.h"
#include "sim/storage_threads.h"
#include "storage/damaged_dir.h"

enum {
    SECONDS_MAX = 60,
    RESERVE_BYTES = 256 * 1024,
    WAL_BYTES_MIN = 16 * 1024,
    EPOCH_S = 1700000000
};

struct living living;

_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);
int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

/* What the loop had been told before the process ended counts. Whatever thread ends it, the main
 * thread waits meanwhile. */
_Noreturn void __wrap__exit(int code)
{
    if (living.life != NULL) {
        living.life->allocations = simvfs_allocations();
        life_collect();
    }
    __real__exit(code);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    if (living.life == NULL) {
        return __real_clock_gettime(clock, out);
    }
    uint64_t now_us = simvfs_disk_clock_us();
    *out = (struct timespec){.tv_sec = (time_t)(EPOCH_S + now_us / 1000000),
                             .tv_nsec = (long)(now_us % 1000000 * 1000)};
    return 0;
}

void life_log(struct life *life, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(life->lines[life->lines_count % LIFE_LINES], LIFE_LINE_BYTES, format,
                    arguments);
    va_end(arguments);
    life->lines_count++;
}

static void keep_line(enum logger_level level, const char *line, void *context)
{
    (void)level;
    life_log(context, "%s", line);
}

void life_check(void)
{
    if (living.model->failure[0] != '\0') {
        living.log = NULL;
        living.state = NULL;
        _exit(LIFE_WRONG);
    }
}

/* ---- What the stores report ---- */

static void collect_state(void)
{
    struct state_store_outcome outcome;
    state_store_completed(living.state, &outcome);
    if (outcome.index != living.model->snapshot.index) {
        living.life->snapshots_reported += living.model->candidates_count > 0;
        model_note_snapshot(living.model, outcome.index);
    }
    living.life->given_up += outcome.is_given_up;
    living.outcome.is_given_up = living.outcome.is_given_up || outcome.is_given_up;
    if (outcome.is_copy_done) {
        bool is_given_up = living.outcome.is_given_up;
        bool is_install_done = living.outcome.is_install_done;
        living.outcome = outcome;
        living.outcome.is_given_up = is_given_up;
        living.outcome.is_install_done = is_install_done;
    }
    if (outcome.is_install_done) {
        living.outcome.is_install_done = true;
        living.outcome.install_result = outcome.install_result;
    }
}

void life_collect(void)
{
    if (living.log != NULL) {
        uint32_t waiting = living.model->units_count;
        model_note_durable(living.model, log_store_completed(living.log));
        living.life->units_reported += waiting - living.model->units_count;
    }
    if (living.state != NULL) {
        collect_state();
    }
}

/* A write or flush of a database that failed has to have ended the process (fault S3). */
void life_settle(void)
{
    storage_threads_settle();
    life_collect();
    if (simvfs_disk_fatal_faults() > living.fatal_faults) {
        model_fail(living.model, "a failed write or flush did not stop the process");
    }
    life_check();
}

/* ---- Start ---- */

static _Noreturn void not_opened(const char *what, enum result result)
{
    living.life->open_result = result;
    living.life->opened = what;
    _exit(LIFE_NOT_OPENED);
}

static bool exists(const char *name)
{
    uint64_t size;
    bool is_directory;
    return simvfs_disk_exists(name, &size, &is_directory);
}

/* Blank, as after the server has set the damaged files aside. */
static void begin_anew(void)
{
    struct life *life = living.life;
    struct model *model = living.model;
    uint64_t disk_id = model->disk_id + 1;
    uint64_t checks = model->checks;
    uint64_t tails_lost = model->tails_lost;
    uint64_t pages_stale = model->pages_stale;
    model_init(model, disk_id);
    model->checks = checks;
    model->tails_lost = tails_lost;
    model->pages_stale = pages_stale;
    life->is_created = false;
    life->is_log_damaged = false;
    life->is_state_damaged = false;
    life->is_moving = false;
    life->moved_aside++;
}

static void move_state_aside(void)
{
    if (!exists("state.db")) {
        living.life->is_state_damaged = false;
    } else {
        enum result result = damaged_dir_move_state(SIMVFS_ROOT);
        if (result != RESULT_OK) {
            not_opened("directory of a damaged state.db", result);
        }
        living.life->is_state_damaged = false;
        living.life->moved_aside++;
    }
    living.model->snapshot = (struct model_snapshot){.index = 0};
    living.model->older_count = 0;
    living.model->candidates_count = 0;
}

/* As the server does at start (server_storage.c): a damaged state goes alone when the log has
 * everything, else all goes. */
static void move_damage_aside(const struct log_store_options *options)
{
    struct life *life = living.life;
    if (!life->is_log_damaged && !life->is_moving && living.model->log.base_index == 0) {
        move_state_aside();
        return;
    }
    bool has_files =
        exists("raft.db") || exists("state.db") || exists("raft.db-wal") || exists("state.db-wal");
    life->is_moving = true;
    struct raft_configuration found;
    struct raft_configuration expected;
    model_bootstrap(&expected);
    enum result result = has_files ? damaged_dir_recover(options, &found) : RESULT_OK;
    if (result != RESULT_OK) {
        not_opened("damaged directory", result);
    }
    if (has_files && memcmp(&found, &expected, sizeof(found)) != 0) {
        model_fail(living.model, "the damaged directory told another membership");
        life_check();
    }
    begin_anew();
}

static bool log_is_damaged(void)
{
    return simvfs_disk_is_damaged("raft.db") || simvfs_disk_is_damaged("raft.db-wal");
}

static bool state_is_damaged(void)
{
    return simvfs_disk_is_damaged("state.db") || simvfs_disk_is_damaged("state.db-wal");
}

static void open_log(struct log_store_options *options)
{
    struct life *life = living.life;
    struct model *model = living.model;
    struct log_recovery found;
    struct log_store *store = NULL;
    bool is_damaged = log_is_damaged();
    options->new_disk_id = model->disk_id;
    enum result result = log_store_open(options, &found, &store);
    if (result != RESULT_OK) {
        not_opened("raft.db", result);
    }
    life_log(life, "== raft.db opened%s: base %llu, last %llu", found.created ? ", new" : "",
             (unsigned long long)found.base_index,
             (unsigned long long)(found.base_index + found.entries_count));
    if (found.created && life->is_created) {
        model_fail(model, "the log was there, and is taken for a new one");
    }
    model_check_log(model, &found, is_damaged, is_damaged);
    log_recovery_deinit(&found);
    life->is_created = true;
    life_check();
    living.log = store;
}

static enum result load_rows(struct state_store *store, struct model_snapshot *found)
{
    state_store_load_begin(store);
    for (;;) {
        struct blob *rows = NULL;
        enum result result = state_store_load_next(store, &rows);
        if (result != RESULT_OK || rows == NULL) {
            return result;
        }
        struct bytes_reader reader = bytes_reader_of(blob_slice(rows));
        while (result == RESULT_OK && bytes_left(&reader) > 0) {
            struct state_row row;
            result = state_row_decode(&reader, &row);
            ASSERT(result == RESULT_OK);
            if (!model_take_row(found, &row)) {
                model_fail(living.model, "a row of state.db was never written");
            }
        }
        blob_release(rows);
    }
}

static void open_state(void)
{
    struct model *model = living.model;
    struct state_meta meta;
    struct state_store *store = NULL;
    enum result result = state_store_open(&living.state_options, &meta, &store);
    if (result != RESULT_OK) {
        not_opened("state.db", result);
    }
    struct model_snapshot found = {
        .index = meta.index, .term = meta.term, .slot = meta.index == 0 ? 0 : meta.slots[0]};
    if (meta.index != 0 && !model_meta_fits(&meta)) {
        model_fail(model, "the snapshot's meta is not what was written");
    }
    result = load_rows(store, &found);
    if (result != RESULT_OK) {
        not_opened("rows of state.db", result);
    }
    model_check_snapshot(model, &found, state_is_damaged());
    if (model->log.base_index > found.index && !state_is_damaged()) {
        model_fail(model, "the log begins behind %llu, the snapshot is of %llu",
                   (unsigned long long)model->log.base_index, (unsigned long long)found.index);
    }
    life_check();
    living.state = store;
}

static void start(void)
{
    static struct raft_configuration bootstrap;
    struct life *life = living.life;
    model_bootstrap(&bootstrap);
    struct disk_reserve_options reserve_options = {
        .directory = SIMVFS_ROOT, .reserve_bytes = RESERVE_BYTES, .free_bytes_min = RESERVE_BYTES};
    enum result result = disk_reserve_open(&reserve_options, &living.reserve);
    if (result != RESULT_OK) {
        not_opened("reserve", result);
    }
    struct log_store_options options = {.directory = SIMVFS_ROOT,
                                        .node_name = "node-1",
                                        .node_id = MODEL_NODE_ID,
                                        .bootstrap = &bootstrap,
                                        .reserve = living.reserve};
    options.wal_bytes_max = (uint32_t)(WAL_BYTES_MIN << prng_below(&living.prng, 6));
    living.state_options = (struct state_store_options){.directory = SIMVFS_ROOT,
                                                        .node_name = "node-1",
                                                        .node_id = MODEL_NODE_ID,
                                                        .reserve = living.reserve};
    if (life->is_log_damaged || life->is_state_damaged || life->is_moving) {
        move_damage_aside(&options);
    }
    open_log(&options);
    open_state();
    enum result opened = snapshot_files_open(SIMVFS_ROOT, &living.files);
    ASSERT(opened == RESULT_OK);
    living.fatal_faults = simvfs_disk_fatal_faults();
    life->starts++;
    if (living.model->snapshot.index > living.model->log.last_index) {
        life_reset_to_snapshot(); /* As the replica does when a crash came between the two. */
    }
}

/* ---- End ---- */

static void stop(void)
{
    life_settle();
    struct log_store *log = living.log;
    struct state_store *state = living.state;
    living.log = NULL; /* From here on nobody is told anything. */
    living.state = NULL;
    model_drop_candidates(living.model); /* Was begun and not committed. */
    log_store_close(log);
    state_store_close(state);
    snapshot_files_close(living.files);
    disk_reserve_close(living.reserve);
}

_Noreturn void life_run(struct life *life)
{
    (void)alarm(SECONDS_MAX);
    storage_threads_init();
    if (life->failing_allocation != 0) {
        simvfs_fail_allocation(life->failing_allocation, life->fails_for_ever);
    }
    simvfs_register(hash_mix(life->seed, 1));
    living = (struct living){.life = life, .model = &life->model};
    prng_init(&living.prng, life->seed);
    logger_set_sink(keep_line, life);
    life->had_full_disk = false;
    life->is_installing = false;
    start();
    for (uint32_t i = 0; i < life->steps; i++) {
        if (life->is_fixed && !life_fixed_step(i)) {
            break;
        }
        if (!life->is_fixed) {
            life_step();
        }
    }
    if (!life->ends_clean) {
        _exit(LIFE_KILLED);
    }
    stop();
    _exit(LIFE_CLOSED);
}
