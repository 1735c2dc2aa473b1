/* test_log_full_disk.c -- raft.db on a full disk: waits, loses nothing, goes on by itself. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/unit.h"
#include "storage/disk_reserve.h"
#include "storage/storage_fatal.h"
#include "unit/storage/fixture.h"
#include "unit/storage/full_disk.h"

enum { RESERVE_BYTES = 1024 * 1024, WAIT_MS = 5000 };

static void prepare(struct fixture *fixture)
{
    full_disk_install();
    fixture_init(fixture);
}

static void finish(struct fixture *fixture)
{
    full_disk_set_left(INT64_MAX / 2);
    fixture_deinit(fixture);
    full_disk_uninstall();
}

static struct log_store_stats stats_of(const struct fixture *fixture)
{
    struct log_store_stats stats;
    log_store_get_stats(fixture->store, &stats);
    return stats;
}

static void rest(void)
{
    struct timespec pause = {.tv_nsec = 1000000};
    (void)nanosleep(&pause, NULL);
}

/* Waits until the store has said whether the disk is full. */
static bool comes_to_be(const struct fixture *fixture, bool is_full)
{
    for (int i = 0; i < WAIT_MS && stats_of(fixture).is_full != is_full; i++) {
        rest();
    }
    return stats_of(fixture).is_full == is_full;
}

/* Appends until one does not fit; what was durable before it is fixture->last_index - 1. */
static void append_until_full(struct fixture *fixture, int64_t left_bytes)
{
    char text[6000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    full_disk_set_left(left_bytes);
    do {
        fixture_append(fixture, text);
        for (int i = 0; i < WAIT_MS && !stats_of(fixture).is_full &&
                        log_store_completed(fixture->store) < fixture->persist_id;
             i++) {
            rest();
        }
    } while (!stats_of(fixture).is_full);
}

/* Fault S11. */
UNIT_TEST(log_full_disk, what_does_not_fit_waits_and_is_written_when_there_is_room)
{
    struct fixture fixture;
    prepare(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_many(&fixture, 5);
    append_until_full(&fixture, 20000);
    uint64_t durable_id = log_store_completed(fixture.store);
    CU_ASSERT_EQUAL(durable_id, fixture.persist_id - 1);
    fixture_append(&fixture, "behind it");
    fixture_put_hard_state(&fixture, 7, 12);
    for (int i = 0; i < 250; i++) {
        rest();
    }
    CU_ASSERT_EQUAL(log_store_completed(fixture.store), durable_id);
    CU_ASSERT(stats_of(&fixture).oldest_unit_us >= 250000);
    CU_ASSERT(fixture_message_has("no space left for"));
    full_disk_set_left(10 * 1024 * 1024);
    fixture_wait(&fixture);
    CU_ASSERT(comes_to_be(&fixture, false));
    CU_ASSERT_EQUAL(stats_of(&fixture).oldest_unit_us, 0);
    uint64_t last_index = fixture.last_index;
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.last_index, last_index);
    CU_ASSERT(fixture_payload_is(&fixture, last_index, "behind it"));
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 7);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.vote, 12);
    finish(&fixture);
}

/* The reserve is what a vote fits into (fault S11). */
UNIT_TEST(log_full_disk, the_reserve_makes_room)
{
    struct fixture fixture;
    prepare(&fixture);
    struct disk_reserve_options options = {.directory = fixture.directory,
                                           .reserve_bytes = RESERVE_BYTES};
    CU_ASSERT_EQUAL_FATAL(disk_reserve_open(&options, &fixture.options.reserve), RESULT_OK);
    full_disk_set_reserve(fixture_path(&fixture, "reserve"), RESERVE_BYTES);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    full_disk_set_left(0);
    fixture_append(&fixture, "fits");
    fixture_put_hard_state(&fixture, 3, 11);
    fixture_wait(&fixture);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "reserve"), -1);
    CU_ASSERT_FALSE(stats_of(&fixture).is_full);
    fixture_reopen(&fixture);
    CU_ASSERT(fixture_payload_is(&fixture, 1, "fits"));
    fixture_close(&fixture);
    disk_reserve_close(fixture.options.reserve);
    finish(&fixture);
}

/* A store that cannot write any more must still be able to end. */
UNIT_TEST(log_full_disk, closing_ends_and_keeps_what_was_durable)
{
    struct fixture fixture;
    prepare(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_many(&fixture, 5);
    append_until_full(&fixture, 20000);
    uint64_t durable_index = fixture.last_index - 1;
    fixture_append(&fixture, "never");
    fixture_close(&fixture);
    CU_ASSERT(fixture_message_has("what was not acknowledged is dropped"));
    full_disk_set_left(INT64_MAX / 2);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.last_index, durable_index);
    CU_ASSERT(fixture_payload_is(&fixture, 5, "entry 5"));
    fixture_append_many(&fixture, 3);
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.last_index, durable_index + 3);
    finish(&fixture);
}

/* Fault S12: the WAL still takes commits when the database cannot grow; moving them waits. */
UNIT_TEST(log_full_disk, a_checkpoint_that_does_not_fit_is_made_later)
{
    struct fixture fixture;
    prepare(&fixture);
    fixture.options.wal_bytes_max = 64 * 1024;
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    append_until_full(&fixture, 90 * 1024);
    CU_ASSERT(stats_of(&fixture).wal_bytes > fixture.options.wal_bytes_max);
    CU_ASSERT_EQUAL(stats_of(&fixture).checkpoints, 0);
    full_disk_set_left(INT64_MAX / 2);
    fixture_wait(&fixture);
    CU_ASSERT(comes_to_be(&fixture, false));
    for (int i = 0; i < WAIT_MS && stats_of(&fixture).checkpoints == 0; i++) {
        rest();
    }
    CU_ASSERT(stats_of(&fixture).checkpoints > 0);
    uint64_t last_index = fixture.last_index;
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.last_index, last_index);
    finish(&fixture);
}

/* What is in the WAL already frees its own room when it can be moved into pages that exist. */
UNIT_TEST(log_full_disk, a_checkpoint_makes_room_where_no_page_is_new)
{
    struct fixture fixture;
    prepare(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    for (uint64_t term = 1; term <= 50; term++) {
        fixture_put_hard_state(&fixture, term, 11);
        fixture_wait(&fixture);
    }
    full_disk_set_left(0);
    for (uint64_t term = 51; term <= 100; term++) {
        fixture_put_hard_state(&fixture, term, 12);
        fixture_wait(&fixture);
    }
    fixture_reopen(&fixture);
    CU_ASSERT_EQUAL(fixture.recovery.hard_state.term, 100);
    finish(&fixture);
}

UNIT_TEST(log_full_disk, opening_gives_up_the_reserve_or_says_what_to_do)
{
    struct fixture fixture;
    prepare(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    fixture_append_many(&fixture, 3);
    fixture_close(&fixture);
    full_disk_set_left(0);
    CU_ASSERT_EQUAL(fixture_open(&fixture), RESULT_FULL);
    CU_ASSERT(fixture_message_has("free space on that file system"));
    struct disk_reserve_options options = {.directory = fixture.directory,
                                           .reserve_bytes = RESERVE_BYTES};
    CU_ASSERT_EQUAL_FATAL(disk_reserve_open(&options, &fixture.options.reserve), RESULT_OK);
    full_disk_set_reserve(fixture_path(&fixture, "reserve"), RESERVE_BYTES);
    CU_ASSERT_EQUAL_FATAL(fixture_open(&fixture), RESULT_OK);
    CU_ASSERT_EQUAL(fixture.recovery.entries_count, 3);
    CU_ASSERT_EQUAL(fixture_file_size(&fixture, "reserve"), -1);
    fixture_close(&fixture);
    disk_reserve_close(fixture.options.reserve);
    finish(&fixture);
}

static void flush_in_vain(struct fixture *fixture)
{
    if (fixture_open(fixture) != RESULT_OK) {
        _exit(1);
    }
    fixture_append_many(fixture, 2);
    full_disk_fail_flushes();
    full_disk_set_left(0);
    fixture_append(fixture, "flushed in vain");
    full_disk_set_left(INT64_MAX / 2);
    fixture_wait(fixture);
}

/* Fault S3: room is waited for, a failed flush is not tried again, not even then. */
UNIT_TEST(log_full_disk, a_failed_flush_still_ends_the_process)
{
    struct fixture fixture;
    prepare(&fixture);
    char messages[2048];
    CU_ASSERT_EQUAL(fixture_in_child(&fixture, flush_in_vain, messages, sizeof(messages)),
                    STORAGE_FATAL_EXIT_CODE);
    CU_ASSERT_PTR_NOT_NULL(strstr(messages, "stopping"));
    finish(&fixture);
}
