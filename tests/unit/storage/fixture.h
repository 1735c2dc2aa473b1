/* fixture.h -- a data directory that lives in memory, a store in it, and ways to hurt both. */
#ifndef QUORUM_TESTS_UNIT_STORAGE_FIXTURE_H
#define QUORUM_TESTS_UNIT_STORAGE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "storage/log_store.h"

enum { FIXTURE_PATH_BYTES = 256, FIXTURE_DISK_ID = 77 };

struct fixture {
    char directory[FIXTURE_PATH_BYTES];
    struct log_store_options options;
    struct raft_configuration bootstrap;
    struct log_recovery recovery;
    struct log_store *store; /* NULL while closed */
    uint64_t persist_id;
    uint64_t last_index;
    uint64_t term;
};

/* Makes an empty directory (in /dev/shm if there is one) and options for node "node-1", id 11. */
void fixture_init(struct fixture *fixture);

/* Closes the store if it is open and removes the directory. */
void fixture_deinit(struct fixture *fixture);

/* Opens the store; recovery and last_index are as found. Messages start anew. */
enum result fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

/* Closes and opens again; asserts that it opens. */
void fixture_reopen(struct fixture *fixture);

/* Submits one COMMAND entry behind last_index, with that text. */
void fixture_append(struct fixture *fixture, const char *text);

/* Submits a unit that truncates from an index and appends one entry there. */
void fixture_overwrite(struct fixture *fixture, uint64_t from_index, const char *text);

/* Submits a CONFIGURATION entry of the bootstrap's members with that cluster id. */
void fixture_append_configuration(struct fixture *fixture, uint8_t cluster_id_byte);

/* Submits a new term and vote. */
void fixture_put_hard_state(struct fixture *fixture, uint64_t term, uint64_t vote);

/* Waits until all that was submitted is durable. */
void fixture_wait(struct fixture *fixture);

/* Appends count entries "entry N", waiting for each. */
void fixture_append_many(struct fixture *fixture, uint64_t count);

/* Whether the recovered payload of an index is that text. */
bool fixture_payload_is(const struct fixture *fixture, uint64_t index, const char *text);

/* Runs SQL on raft.db with a connection of its own; the store must be closed. */
void fixture_sql(const struct fixture *fixture, const char *sql);

/* The same on another file of the directory. */
void fixture_sql_on(const struct fixture *fixture, const char *name, const char *sql);

/* Path of a file of the directory; static memory, good until the next call. */
const char *fixture_path(const struct fixture *fixture, const char *name);

/* Inverts the byte at an offset of a file. */
void fixture_flip_byte(const struct fixture *fixture, const char *name, off_t offset);

/* The file's size, or -1 when there is none. */
off_t fixture_file_size(const struct fixture *fixture, const char *name);

/* What was logged at level ERROR since the last open, as one text. */
const char *fixture_messages(void);
bool fixture_message_has(const char *part);
void fixture_clear_messages(void);

/*
 * Runs body in a child process, whose log lines go to messages, and returns its exit code, or
 * 128 + the signal that ended it. The store must be closed.
 */
int fixture_in_child(struct fixture *fixture, void (*body)(struct fixture *), char *messages,
                     size_t messages_bytes);

#endif
