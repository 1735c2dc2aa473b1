/* server_state.c -- between the replica, which decides about snapshots, and the files of state.
 *
 * Orders go to the threads of state.db and of the files on their way between nodes, which do them
 * in order; what they report is told to the replica in the turn that hears of it.
 */
#include <stdlib.h>

#include "base/logger.h"
#include "server/server_internal.h"

struct replica_state_meta server_state_meta_of(const struct state_meta *meta)
{
    struct replica_state_meta out = {.index = meta->index,
                                     .term = meta->term,
                                     .configuration = meta->configuration,
                                     .clock_ms = meta->clock_ms,
                                     .state_hash = meta->state_hash,
                                     .next_slot = meta->next_slot,
                                     .replica_state = meta->replica_state};
    memcpy(out.slots, meta->slots, sizeof(out.slots));
    return out;
}

static struct state_meta storage_meta_of(const struct replica_state_meta *meta)
{
    struct state_meta out = {.index = meta->index,
                             .term = meta->term,
                             .configuration = meta->configuration,
                             .clock_ms = meta->clock_ms,
                             .state_hash = meta->state_hash,
                             .next_slot = meta->next_slot,
                             .replica_state = meta->replica_state};
    memcpy(out.slots, meta->slots, sizeof(out.slots));
    return out;
}
_Static_assert(REPLICA_STATE_BYTES_MAX <= STATE_REPLICA_STATE_BYTES_MAX,
               "what the replica keeps fits into state.db");

/* ---- Orders ---- */

static void commit(struct server *server, const struct replica_state_meta *of_replica)
{
    struct state_meta meta = storage_meta_of(of_replica);
    state_store_commit(server->state, &meta);
}

static void carry_out(struct server *server, const struct replica_order *order)
{
    struct state_store *state = server->state;
    struct snapshot_files *files = server->snapshots;
    switch (order->type) {
    case REPLICA_ORDER_STATE_BEGIN:
        state_store_begin(state);
        break;
    case REPLICA_ORDER_STATE_PUT:
        state_store_put(state, order->rows);
        break;
    case REPLICA_ORDER_STATE_COMMIT:
        commit(server, order->meta);
        break;
    case REPLICA_ORDER_LOG_COMPACT:
        log_store_compact(server->store, order->index);
        break;
    case REPLICA_ORDER_COPY_MAKE:
        state_store_copy(state, snapshot_files_copy_path(files));
        break;
    case REPLICA_ORDER_COPY_READ:
        snapshot_files_read(files, order->read.number, order->read.offset, order->read.bytes);
        break;
    case REPLICA_ORDER_COPY_DROP:
        snapshot_files_drop_copy(files);
        break;
    case REPLICA_ORDER_RECEIVE_BEGIN:
        snapshot_files_receive_begin(files);
        break;
    case REPLICA_ORDER_RECEIVE_WRITE:
        snapshot_files_receive_write(files, order->bytes);
        break;
    case REPLICA_ORDER_RECEIVE_VERIFY:
        snapshot_files_receive_verify(files, order->snapshot.bytes, order->snapshot.hash);
        break;
    case REPLICA_ORDER_RECEIVE_LOAD:
        snapshot_files_receive_load(files);
        break;
    case REPLICA_ORDER_RECEIVE_INSTALL:
        state_store_install(state, snapshot_files_received_path(files));
        break;
    case REPLICA_ORDER_RECEIVE_DROP:
        snapshot_files_receive_drop(files);
        break;
    }
}

void server_state_carry_out(struct server *server, const struct replica_ready *ready)
{
    for (uint32_t i = 0; i < ready->orders_count; i++) {
        carry_out(server, &ready->orders[i]);
    }
}

/* ---- Reports ---- */

/* The state is the others' from here on, so that it is of use again. */
static void report_installed(struct server *server, const struct state_store_outcome *outcome)
{
    enum result result = outcome->install_result;
    if (result == RESULT_OK) {
        server->state_saved_index = outcome->index; /* Nobody has to be told of that one. */
        result = data_dir_clear_mark(server->config->data, DATA_DIR_DIVERGED);
        if (result != RESULT_OK) {
            _Exit(1); /* Said why: a disk on which not even that can be done. */
        }
    }
    replica_on_received_installed(server->loop.replica, result);
}

static void report_copy(struct server *server, const struct state_store_outcome *outcome)
{
    struct peer_snapshot snapshot = {.index = outcome->copy_index,
                                     .term = outcome->copy_term,
                                     .bytes = outcome->copy_bytes,
                                     .hash = outcome->copy_hash};
    replica_on_copy_made(server->loop.replica, outcome->copy_result, &snapshot);
}

static void on_state(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct server *server = context;
    struct state_store_outcome outcome;
    loop_wake(&server->loop);
    state_store_completed(server->state, &outcome);
    if (outcome.is_install_done) {
        report_installed(server, &outcome);
    }
    if (outcome.is_given_up) {
        replica_on_state_given_up(server->loop.replica);
    }
    if (outcome.index > server->state_saved_index) {
        server->state_saved_index = outcome.index;
        replica_on_state_saved(server->loop.replica, outcome.index);
    }
    if (outcome.is_copy_done) {
        report_copy(server, &outcome);
    }
}

/* Returns whether the replica takes more in this turn. */
static bool report_file(struct server *server, struct snapshot_files_outcome *outcome)
{
    struct replica *replica = server->loop.replica;
    struct slice bytes = blob_slice(outcome->bytes);
    bool takes_more = true;
    switch (outcome->type) {
    case SNAPSHOT_FILES_READ_DONE:
        replica_on_copy_read(replica, outcome->number, bytes);
        break;
    case SNAPSHOT_FILES_VERIFIED: {
        struct replica_state_meta meta = {0};
        if (outcome->result == RESULT_OK) {
            meta = server_state_meta_of(outcome->meta);
        }
        replica_on_received_verified(replica, outcome->result, &meta);
        break;
    }
    case SNAPSHOT_FILES_ROWS:
        takes_more = replica_on_received_rows(replica, bytes, outcome->is_last, outcome->result);
        break;
    }
    blob_release(outcome->bytes);
    return takes_more;
}

/* What is not taken stays, and the descriptor readable, for the next turn. */
static void on_file(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct server *server = context;
    struct snapshot_files_outcome outcome;
    loop_wake(&server->loop);
    while (snapshot_files_next(server->snapshots, &outcome)) {
        if (!report_file(server, &outcome)) {
            return;
        }
    }
}

bool server_state_open(struct server *server)
{
    struct event_base *base = server->loop.base;
    if (snapshot_files_open(server->config->data, &server->snapshots) != RESULT_OK) {
        return false;
    }
    server->state_event = event_new(base, state_store_descriptor(server->state),
                                    EV_READ | EV_PERSIST, on_state, server);
    server->snapshots_event = event_new(base, snapshot_files_descriptor(server->snapshots),
                                        EV_READ | EV_PERSIST, on_file, server);
    if (server->state_event == NULL || server->snapshots_event == NULL) {
        logger_log(LOGGER_ERROR, "cannot create the event loop's events");
        return false;
    }
    (void)event_add(server->state_event, NULL);
    (void)event_add(server->snapshots_event, NULL);
    return true;
}

void server_state_close(struct server *server)
{
    struct event **events[] = {&server->state_event, &server->snapshots_event};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (*events[i] != NULL) {
            event_free(*events[i]);
            *events[i] = NULL;
        }
    }
    /* First its thread, which may still be installing one of the files that are removed then. */
    if (server->state != NULL) {
        state_store_close(server->state);
        server->state = NULL;
    }
    if (server->snapshots != NULL) {
        snapshot_files_close(server->snapshots);
        server->snapshots = NULL;
    }
}
