/* storage_life_files.c -- a copy of the state, sent to a node and received there, and installed: as
 * the server does it, with one node on both ends.
 */
#include <string.h>

#include "base/assert.h"
#include "sim/simvfs_disk.h"
#include "sim/storage_life_internal.h"
#include "sim/storage_threads.h"

#define COPY_NAME "snapshot.copy"

enum { PIECE_BYTES_MIN = 1000, PIECE_BYTES_RANGE = 40000 };

/* Whether something that may fail without the process stopping had a cause to. */
static bool had_cause(void)
{
    const struct simvfs_counts *counts = simvfs_disk_life();
    uint64_t causes = 0;
    for (int i = SIMVFS_READ_EIO; i <= SIMVFS_TRUNCATE_EIO; i++) {
        causes += counts->faults[i];
    }
    return causes + counts->faults[SIMVFS_DISK_FULL] + counts->faults[SIMVFS_OUT_OF_MEMORY] > 0 ||
           living.life->had_full_disk;
}

/* A copy that was reported is whole, and of the last snapshot. */
static void check_copy(void)
{
    static uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    struct state_meta meta;
    uint64_t size = 0;
    bool is_directory;
    if (!simvfs_disk_exists(COPY_NAME, &size, &is_directory) || size != living.outcome.copy_bytes) {
        model_fail(living.model, "a copy that was reported has another size, or is not there");
    }
    enum result result =
        state_file_verify(snapshot_files_copy_path(living.files), &meta, replica_state);
    bool may_fail =
        had_cause() || simvfs_disk_is_damaged("state.db") || simvfs_disk_is_damaged(COPY_NAME);
    if (result != RESULT_OK && !may_fail) {
        model_fail(living.model, "a copy that was reported does not verify");
    }
    if (result == RESULT_OK &&
        (meta.index != living.model->snapshot.index || !model_meta_fits(&meta))) {
        model_fail(living.model, "a copy is of another snapshot");
    }
    living.has_copy = result == RESULT_OK;
    living.copied = living.model->snapshot;
    living.copy_bytes = living.outcome.copy_bytes;
    living.copy_hash = living.outcome.copy_hash;
    living.life->copies += living.has_copy;
    life_check();
}

void life_copy(void)
{
    uint64_t size;
    bool is_directory;
    living.has_copy = false;
    if (simvfs_disk_exists(COPY_NAME, &size, &is_directory)) {
        snapshot_files_drop_copy(living.files);
        life_settle();
        return;
    }
    if (living.model->snapshot.index == 0 || living.is_begun) {
        return; /* A copy waits for the snapshot that was begun. */
    }
    state_store_copy(living.state, snapshot_files_copy_path(living.files));
    life_settle();
    if (!living.outcome.is_copy_done) {
        model_fail(living.model, "a copy never ends");
    } else if (living.outcome.copy_result == RESULT_OK) {
        check_copy();
    } else if (!had_cause() && !simvfs_disk_is_damaged("state.db")) {
        model_fail(living.model, "a copy failed without a cause");
    }
    living.outcome.is_copy_done = false;
    life_check();
}

/* ---- Receiving ---- */

static bool next_outcome(struct snapshot_files_outcome *outcome)
{
    storage_threads_settle();
    return snapshot_files_next(living.files, outcome);
}

/* Reads the copy piece by piece and writes each to the file that is received; false: a read
 * failed, or a piece is changed on its way, which the receiver has to find out. */
static bool send_pieces(uint64_t bytes)
{
    uint32_t piece = PIECE_BYTES_MIN + (uint32_t)prng_below(&living.prng, PIECE_BYTES_RANGE);
    bool is_whole = true;
    snapshot_files_receive_begin(living.files);
    for (uint64_t offset = 0; offset < bytes; offset += piece) {
        struct snapshot_files_outcome outcome;
        uint64_t left = bytes - offset;
        snapshot_files_read(living.files, offset, offset, left < piece ? (uint32_t)left : piece);
        if (!next_outcome(&outcome) || outcome.type != SNAPSHOT_FILES_READ_DONE ||
            outcome.number != offset) {
            model_fail(living.model, "a read of the copy was not answered");
            return false;
        }
        if (outcome.result != RESULT_OK) {
            return false;
        }
        if (prng_below(&living.prng, 100) == 0) {
            outcome.bytes->bytes[0] ^= 1;
            is_whole = false;
        }
        snapshot_files_receive_write(living.files, blob_slice(outcome.bytes));
        blob_release(outcome.bytes);
    }
    return is_whole;
}

static bool is_verified(bool is_whole)
{
    struct snapshot_files_outcome outcome;
    snapshot_files_receive_verify(living.files, living.copy_bytes, living.copy_hash);
    if (!next_outcome(&outcome) || outcome.type != SNAPSHOT_FILES_VERIFIED) {
        model_fail(living.model, "a verification was not answered");
        return false;
    }
    if (outcome.result != RESULT_OK) {
        if (is_whole && !had_cause() && !simvfs_disk_is_damaged(COPY_NAME)) {
            model_fail(living.model, "what was received does not verify, without a cause");
        }
        return false;
    }
    if (!is_whole || outcome.meta->index != living.copied.index || !model_meta_fits(outcome.meta)) {
        model_fail(living.model, "what was received verifies, and is not what was sent");
    }
    return true;
}

static void take_rows(struct blob *rows, struct model_snapshot *found)
{
    struct bytes_reader reader = bytes_reader_of(blob_slice(rows));
    while (bytes_left(&reader) > 0) {
        struct state_row row;
        enum result result = state_row_decode(&reader, &row);
        ASSERT(result == RESULT_OK);
        if (!model_take_row(found, &row)) {
            model_fail(living.model, "a row that was received was never written");
        }
    }
}

static bool is_loaded(void)
{
    struct model_snapshot found = living.copied;
    memset(found.versions, 0, sizeof(found.versions));
    snapshot_files_receive_load(living.files);
    struct snapshot_files_outcome outcome = {.is_last = false};
    while (!outcome.is_last) {
        if (!next_outcome(&outcome) || outcome.type != SNAPSHOT_FILES_ROWS) {
            model_fail(living.model, "rows were not handed over to their end");
            return false;
        }
        if (outcome.bytes != NULL) {
            take_rows(outcome.bytes, &found);
            blob_release(outcome.bytes);
        }
    }
    if (outcome.result != RESULT_OK) {
        if (!had_cause()) {
            model_fail(living.model, "what verified cannot be loaded, without a cause");
        }
        return false;
    }
    if (memcmp(found.versions, living.copied.versions, sizeof(found.versions)) != 0) {
        model_fail(living.model, "the rows received are not those that were sent");
    }
    return true;
}

/* Back to what was copied: the store does not care that a follower would go forward. */
static void install(void)
{
    struct model *model = living.model;
    living.is_begun = false;
    model_note_candidate(model, &living.copied);
    living.life->is_installing = true;
    state_store_install(living.state, snapshot_files_received_path(living.files));
    storage_threads_settle();
    living.life->is_installing = false;
    living.fatal_faults = simvfs_disk_fatal_faults(); /* An install may fail and go on. */
    life_settle();
    if (!living.outcome.is_install_done) {
        model_fail(model, "an installation never ends");
    } else if (living.outcome.install_result == RESULT_OK) {
        living.life->installs++;
        if (model->snapshot.index != living.copied.index) {
            model_fail(model, "an installed snapshot is not in use");
        }
    } else if (!had_cause()) {
        model_fail(model, "an installation failed without a cause");
    }
    living.outcome.is_install_done = false;
    model_drop_candidates(model);
}

void life_receive(void)
{
    const struct model *model = living.model;
    uint64_t base =
        model->tip.base_index > model->compact_index ? model->tip.base_index : model->compact_index;
    if (!living.has_copy || living.copied.index < base) {
        return;
    }
    bool is_whole = send_pieces(living.copy_bytes);
    if (is_verified(is_whole) && is_loaded() && living.copied.index != model->snapshot.index) {
        install();
    }
    snapshot_files_receive_drop(living.files);
    if (prng_below(&living.prng, 3) == 0) {
        snapshot_files_drop_copy(living.files);
        living.has_copy = false;
    }
    life_settle();
    struct snapshot_files_outcome outcome;
    if (snapshot_files_next(living.files, &outcome)) {
        model_fail(living.model, "an outcome that nobody asked for");
    }
    life_check();
}
