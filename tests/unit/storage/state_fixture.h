/* state_fixture.h -- a state store in a fixture's directory, rows to put in it, rows that came out.
 */
#ifndef QUORUM_TESTS_UNIT_STORAGE_STATE_FIXTURE_H
#define QUORUM_TESTS_UNIT_STORAGE_STATE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/state_store.h"
#include "unit/storage/fixture.h"

/* A row that was loaded; key and value are copies. */
struct kept_row {
    struct state_row row;
    char *key;
    char *value;
};

struct state_fixture {
    struct fixture base; /* first, so that fixture_in_child's body can get here from it */
    struct state_store_options options;
    struct state_store *store; /* NULL while closed */
    struct state_meta found;   /* at the last open */
    struct state_meta meta;    /* of the next commit, but for its index */
    struct state_store_outcome outcome;
    struct buf rows; /* gathered for the next put */
    struct kept_row *kept;
    uint32_t kept_count;
};

/* Slots are 1 to 16, node "node-1" of id 11. */
void state_fixture_init(struct state_fixture *fixture);
void state_fixture_deinit(struct state_fixture *fixture);

/* Opens the store; messages start anew. Closing an open one is the caller's. */
enum result state_fixture_open(struct state_fixture *fixture);
void state_fixture_close(struct state_fixture *fixture);

/* Closes and opens, and loads; asserts that all of it works. */
void state_fixture_reload(struct state_fixture *fixture);

/* Loads every row into kept. */
enum result state_fixture_load(struct state_fixture *fixture);

/* Gathers a row: a string, of texts, that never expires; any row. */
void state_fixture_set(struct state_fixture *fixture, uint32_t slot, const char *key,
                       const char *value);
void state_fixture_add(struct state_fixture *fixture, const struct state_row *row);
void state_fixture_remove(struct state_fixture *fixture, uint32_t slot, const char *key);

/* Submits what was gathered as one put; and as a whole snapshot, and waits for it. */
void state_fixture_put(struct state_fixture *fixture);
void state_fixture_commit(struct state_fixture *fixture, uint64_t index);

/* Waits until the snapshot of an index is durable; until a copy is done. */
void state_fixture_wait(struct state_fixture *fixture, uint64_t index);
enum result state_fixture_copy(struct state_fixture *fixture, const char *name);

/* The loaded row of a key, or NULL; whether its value is a text. */
const struct state_row *state_fixture_find(const struct state_fixture *fixture, uint32_t slot,
                                           struct slice key);
bool state_fixture_has(const struct state_fixture *fixture, uint32_t slot, const char *key,
                       const char *value);

/* ---- A workload whose every snapshot can be told from its index ---- */

enum { WORKLOAD_KEYS = 200 };

/* Gathers what changes with the snapshot of that index: all after 1, a third of the keys; some of
 * them go. */
void state_fixture_work(struct state_fixture *fixture, uint64_t index);

/* Whether what was loaded is the workload as of the index, whole and nothing else. */
bool state_fixture_worked(const struct state_fixture *fixture, uint64_t index);

#endif
