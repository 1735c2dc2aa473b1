/* test_snapshot_files.c -- the copy that is read in pieces, and the file that is received. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "lib/unit.h"
#include "storage/offline.h"
#include "storage/snapshot_files.h"
#include "unit/storage/state_fixture.h"

enum { PIECE_BYTES = 10000 };

struct transfer {
    struct state_fixture state;
    struct snapshot_files *files;
    struct snapshot_files_outcome outcome;
    struct buf sent;
};

static void prepare(struct transfer *transfer)
{
    *transfer = (struct transfer){.files = NULL};
    state_fixture_init(&transfer->state);
    CU_ASSERT_EQUAL_FATAL(state_fixture_open(&transfer->state), RESULT_OK);
    state_fixture_work(&transfer->state, 1);
    state_fixture_commit(&transfer->state, 1);
    CU_ASSERT_EQUAL_FATAL(snapshot_files_open(transfer->state.base.directory, &transfer->files),
                          RESULT_OK);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&transfer->state, "snapshot.copy"), RESULT_OK);
    CU_ASSERT_STRING_EQUAL(fixture_path(&transfer->state.base, "snapshot.copy"),
                           snapshot_files_copy_path(transfer->files));
}

static void finish(struct transfer *transfer)
{
    snapshot_files_close(transfer->files);
    buf_deinit(&transfer->sent);
    CU_ASSERT_EQUAL(fixture_file_size(&transfer->state.base, "snapshot.copy"), -1);
    CU_ASSERT_EQUAL(fixture_file_size(&transfer->state.base, "snapshot.received.part"), -1);
    state_fixture_deinit(&transfer->state);
}

static void next(struct transfer *transfer)
{
    struct pollfd descriptor = {.fd = snapshot_files_descriptor(transfer->files), .events = POLLIN};
    while (!snapshot_files_next(transfer->files, &transfer->outcome)) {
        CU_ASSERT_EQUAL_FATAL(poll(&descriptor, 1, 30000), 1);
    }
}

/* Reads the whole copy in pieces and writes them to the receiving end. */
static void send_all(struct transfer *transfer)
{
    uint64_t bytes = transfer->state.outcome.copy_bytes;
    snapshot_files_receive_begin(transfer->files);
    for (uint64_t at = 0; at < bytes; at += PIECE_BYTES) {
        uint32_t size = bytes - at < PIECE_BYTES ? (uint32_t)(bytes - at) : PIECE_BYTES;
        snapshot_files_read(transfer->files, at + 1, at, size);
        next(transfer);
        CU_ASSERT_EQUAL_FATAL(transfer->outcome.type, SNAPSHOT_FILES_READ_DONE);
        CU_ASSERT_EQUAL(transfer->outcome.number, at + 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(transfer->outcome.bytes);
        snapshot_files_receive_write(transfer->files, blob_slice(transfer->outcome.bytes));
        blob_release(transfer->outcome.bytes);
    }
}

static void verify(struct transfer *transfer)
{
    snapshot_files_receive_verify(transfer->files, transfer->state.outcome.copy_bytes,
                                  transfer->state.outcome.copy_hash);
    next(transfer);
    CU_ASSERT_EQUAL_FATAL(transfer->outcome.type, SNAPSHOT_FILES_VERIFIED);
}

/* Loads what was received; returns how many rows it had. */
static uint32_t load(struct transfer *transfer)
{
    uint32_t count = 0;
    snapshot_files_receive_load(transfer->files);
    for (;;) {
        next(transfer);
        CU_ASSERT_EQUAL_FATAL(transfer->outcome.type, SNAPSHOT_FILES_ROWS);
        struct bytes_reader reader = bytes_reader_of(blob_slice(transfer->outcome.bytes));
        struct state_row row;
        while (bytes_left(&reader) > 0) {
            CU_ASSERT_EQUAL_FATAL(state_row_decode(&reader, &row), RESULT_OK);
            count++;
        }
        blob_release(transfer->outcome.bytes);
        if (transfer->outcome.is_last) {
            return count;
        }
    }
}

/* Faults X4, X6: end to end, by the hash made with the copy. */
UNIT_TEST(snapshot_files, a_copy_arrives_whole_and_is_installed)
{
    struct transfer transfer;
    prepare(&transfer);
    uint64_t bytes = 0;
    uint64_t hash = 0;
    CU_ASSERT_EQUAL(state_file_hash(snapshot_files_copy_path(transfer.files), &bytes, &hash),
                    RESULT_OK);
    CU_ASSERT_EQUAL(bytes, transfer.state.outcome.copy_bytes);
    CU_ASSERT_EQUAL(hash, transfer.state.outcome.copy_hash);
    CU_ASSERT_EQUAL(transfer.state.outcome.copy_index, 1);
    send_all(&transfer);
    verify(&transfer);
    CU_ASSERT_EQUAL(transfer.outcome.result, RESULT_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(transfer.outcome.meta);
    CU_ASSERT_EQUAL(transfer.outcome.meta->index, 1);
    CU_ASSERT_EQUAL(load(&transfer), WORKLOAD_KEYS);
    CU_ASSERT_EQUAL(transfer.outcome.result, RESULT_OK);
    state_fixture_work(&transfer.state, 2);
    state_fixture_commit(&transfer.state, 2);
    state_store_install(transfer.state.store, snapshot_files_received_path(transfer.files));
    struct pollfd descriptor = {.fd = state_store_descriptor(transfer.state.store),
                                .events = POLLIN};
    do {
        CU_ASSERT_EQUAL_FATAL(poll(&descriptor, 1, 30000), 1);
        state_store_completed(transfer.state.store, &transfer.state.outcome);
    } while (!transfer.state.outcome.is_install_done);
    CU_ASSERT_EQUAL(transfer.state.outcome.install_result, RESULT_OK);
    CU_ASSERT_EQUAL(transfer.state.outcome.index, 1);
    CU_ASSERT_EQUAL(state_fixture_copy(&transfer.state, "copy-2"), RESULT_OK); /* Goes on. */
    state_fixture_reload(&transfer.state);
    CU_ASSERT(state_fixture_worked(&transfer.state, 1));
    finish(&transfer);
}

UNIT_TEST(snapshot_files, what_is_not_what_was_sent_is_rejected)
{
    struct transfer transfer;
    prepare(&transfer);
    send_all(&transfer);
    snapshot_files_receive_write(transfer.files, slice_of_string("x"));
    verify(&transfer);
    CU_ASSERT_EQUAL(transfer.outcome.result, RESULT_CORRUPT);
    CU_ASSERT_PTR_NULL(transfer.outcome.meta);
    send_all(&transfer);
    snapshot_files_read(transfer.files, 1, 0, 1); /* Once it is answered, all is written. */
    next(&transfer);
    blob_release(transfer.outcome.bytes);
    int descriptor = open(snapshot_files_received_path(transfer.files), O_WRONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(pwrite(descriptor, "?", 1, 5000), 1);
    (void)close(descriptor);
    verify(&transfer);
    CU_ASSERT_EQUAL(transfer.outcome.result, RESULT_CORRUPT);
    verify(&transfer); /* There is nothing any more that could be verified. */
    CU_ASSERT_NOT_EQUAL(transfer.outcome.result, RESULT_OK);
    finish(&transfer);
}

UNIT_TEST(snapshot_files, a_copy_that_was_dropped_makes_room_for_the_next_at_once)
{
    struct transfer transfer;
    prepare(&transfer);
    snapshot_files_read(transfer.files, 1, 0, 16);
    snapshot_files_drop_copy(transfer.files);
    CU_ASSERT_EQUAL(access(snapshot_files_copy_path(transfer.files), F_OK), -1);
    CU_ASSERT_EQUAL(state_fixture_copy(&transfer.state, "snapshot.copy"), RESULT_OK);
    snapshot_files_read(transfer.files, 2, 0, 16);
    snapshot_files_drop_copy(transfer.files);
    snapshot_files_read(transfer.files, 3, 0, 16);
    for (uint64_t number = 1; number <= 3; number++) {
        next(&transfer);
        CU_ASSERT_EQUAL(transfer.outcome.number, number);
        CU_ASSERT_EQUAL(transfer.outcome.bytes != NULL, number < 3);
        blob_release(transfer.outcome.bytes);
    }
    snapshot_files_drop_copy(transfer.files);
    finish(&transfer);
}

/* More rows than may wait: nobody takes them, and neither dropping nor closing may hang. */
static void put_many_rows(struct transfer *transfer)
{
    char value[2000];
    memset(value, 'v', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    for (int i = 0; i < 3000; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "many-%d", i);
        state_fixture_set(&transfer->state, 1, key, value);
    }
    state_fixture_commit(&transfer->state, 2);
    snapshot_files_drop_copy(transfer->files);
    CU_ASSERT_EQUAL_FATAL(state_fixture_copy(&transfer->state, "snapshot.copy"), RESULT_OK);
}

UNIT_TEST(snapshot_files, a_load_that_nobody_takes_can_be_dropped_and_closed)
{
    struct transfer transfer;
    prepare(&transfer);
    put_many_rows(&transfer);
    for (int round = 0; round < 2; round++) {
        send_all(&transfer);
        verify(&transfer);
        CU_ASSERT_EQUAL_FATAL(transfer.outcome.result, RESULT_OK);
        CU_ASSERT(load(&transfer) > 3000);
        snapshot_files_receive_load(transfer.files);
        if (round == 0) {
            snapshot_files_receive_drop(transfer.files);
            do {
                next(&transfer);
                blob_release(transfer.outcome.bytes);
            } while (!transfer.outcome.is_last);
        }
    }
    finish(&transfer);
}

/* What a crash left is neither sent nor taken for received. */
UNIT_TEST(snapshot_files, starts_with_nothing)
{
    struct transfer transfer;
    prepare(&transfer);
    CU_ASSERT(fixture_file_size(&transfer.state.base, "snapshot.copy") > 0);
    struct snapshot_files *second = NULL;
    CU_ASSERT_EQUAL_FATAL(snapshot_files_open(transfer.state.base.directory, &second), RESULT_OK);
    CU_ASSERT_EQUAL(fixture_file_size(&transfer.state.base, "snapshot.copy"), -1);
    snapshot_files_close(second);
    finish(&transfer);
}
