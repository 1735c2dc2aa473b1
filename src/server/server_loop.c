/* server_loop.c -- the event loop: wait, let callbacks feed the replica, end the turn, do what it
 * wants done.
 *
 * The order at the end of a turn is the latency of a write: what has to be persisted goes to the
 * storage thread first, then messages to the peers while the disk works, then the files of
 * state, then replies to clients.
 */
#include <signal.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/logger.h"
#include "server/diagnostics.h"
#include "server/server_internal.h"

enum {
    /* An orderly stop: leadership handed over and clients answered within this, or closed as is. */
    STOP_MS_MAX = 4000,
    LOOP_WAIT_MS_MAX = 1000,
    DISK_WATCH_MS = 200,
};

static void persist_and_send(struct server *server, const struct replica_ready *ready)
{
    for (uint32_t i = 0; i < ready->persists_count; i++) {
        log_store_submit(server->store, &ready->persists[i]);
    }
    for (uint32_t i = 0; i < ready->messages_count; i++) {
        peer_net_send(server->peers, &ready->messages[i]);
    }
    peer_net_flush(server->peers);
    server_state_carry_out(server, ready);
}

static void serve_clients(struct server *server)
{
    struct executor *executor = replica_executor(server->loop.replica);
    struct session *session;
    while ((session = executor_next_touched(executor)) != NULL) {
        switch (session_kind(session)) {
        case SESSION_RESP:
            resp_server_serve(server->resp, session);
            break;
        case SESSION_HTTP:
            http_server_serve(server->http, session);
            break;
        }
    }
}

void server_sync_peers(struct server *server)
{
    const struct raft_configuration *configuration = replica_configuration(server->loop.replica);
    struct peer_net_peer peers[LIMIT_MEMBERS];
    uint32_t count = 0;
    if (server_is_joining(server)) {
        server_join_begin(server);
        return;
    }
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        peers[count++] = (struct peer_net_peer){member->id, member->raft_address};
    }
    struct replica_status status;
    replica_get_status(server->loop.replica, &status);
    peer_net_set_cluster_id(server->peers, status.cluster_id);
    peer_net_set_peers(server->peers, peers, count);
}

static void show_role(const struct server *server)
{
    struct replica_status status;
    replica_get_status(server->loop.replica, &status);
    switch (status.raft.role) {
    case RAFT_LEADER:
        diagnostics_set_role('L');
        break;
    case RAFT_FOLLOWER:
        diagnostics_set_role('F');
        break;
    case RAFT_PRE_CANDIDATE:
    case RAFT_CANDIDATE:
        diagnostics_set_role('C');
        break;
    }
}

static void arm_deadline(struct server *server, uint64_t deadline_ms)
{
    uint64_t now_ms = server->loop.now_ms;
    uint64_t wait_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    wait_ms = wait_ms > LOOP_WAIT_MS_MAX ? LOOP_WAIT_MS_MAX : wait_ms;
    struct timeval wait = {(time_t)(wait_ms / 1000), (suseconds_t)(wait_ms % 1000) * 1000};
    (void)evtimer_add(server->deadline_event, &wait);
}

static bool is_stopped(struct server *server)
{
    if (server->stop_begun_ms == 0) {
        return false;
    }
    struct replica_status status;
    replica_get_status(server->loop.replica, &status);
    bool is_handed_over =
        status.raft.role != RAFT_LEADER || status.raft.transfer_to == RAFT_ID_NONE;
    bool is_quiet = executor_clients_count(replica_executor(server->loop.replica)) == 0 &&
                    http_server_unanswered(server->http) == 0 &&
                    !replica_owes_answers(server->loop.replica);
    return (is_handed_over && is_quiet) ||
           server->loop.now_ms >= server->stop_begun_ms + STOP_MS_MAX;
}

/* At once, and without an orderly stop: what this node would still say is not to be believed. */
static void stop_diverged(const struct server *server)
{
    enum result result = data_dir_set_mark(server->config->data, DATA_DIR_DIVERGED);
    logger_log(LOGGER_ERROR, "stopping: this node's state differs from the majority's; %s",
               result == RESULT_OK
                   ? "start it again, and it fetches theirs"
                   : "move its data directory away (keep it) before it is started again");
    _Exit(result == RESULT_OK ? SERVER_EXIT_DIVERGED : SERVER_EXIT_CONTRADICTION);
}

static void end_turn(struct server *server)
{
    loop_wake(&server->loop);
    struct replica_ready ready;
    server_join_turn(server);
    replica_note_state_backlog(server->loop.replica, state_store_backlog(server->state));
    replica_note_receive_backlog(server->loop.replica, snapshot_files_backlog(server->snapshots));
    if (replica_end_turn(server->loop.replica, &ready) != RESULT_OK) {
        logger_log(LOGGER_ERROR,
                   "stopping: this node's log contradicts what the cluster committed");
        _Exit(SERVER_EXIT_CONTRADICTION);
    }
    if (ready.has_diverged) {
        stop_diverged(server);
    }
    persist_and_send(server, &ready);
    if (ready.role_changed) {
        show_role(server);
    }
    if (ready.configuration_changed) {
        server_sync_peers(server);
    }
    serve_clients(server);
    server->has_more_work = ready.has_more_work || replica_has_new_requests(server->loop.replica);
    arm_deadline(server, ready.deadline_ms);
    server->is_done = is_stopped(server);
    replica_note_turn(server->loop.replica, loop_monotonic_us() - server->loop.woken_us);
    loop_sleep(&server->loop);
}

void server_loop_run(struct server *server)
{
    while (!server->is_done) {
        int flags = EVLOOP_ONCE | (server->has_more_work ? EVLOOP_NONBLOCK : 0);
        int failed = event_base_loop(server->loop.base, flags);
        ASSERT(failed >= 0);
        end_turn(server);
    }
}

/* ---- Events ---- */

static void on_deadline(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct server *server = context;
    loop_wake(&server->loop);
}

static void on_persisted(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct server *server = context;
    loop_wake(&server->loop);
    uint64_t persist_id = log_store_completed(server->store);
    if (persist_id != 0) {
        replica_on_persisted(server->loop.replica, persist_id);
    }
}

static void on_second(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct server *server = context;
    loop_wake(&server->loop);
    resp_server_tick(server->resp);
    server_disk_watch_room(server);
}

static void on_disk_due(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct server *server = context;
    loop_wake(&server->loop);
    server_disk_watch_speed(server);
}

void server_begin_stop(struct server *server, const char *why)
{
    if (server->stop_begun_ms != 0) {
        return;
    }
    loop_wake(&server->loop);
    logger_log(LOGGER_NOTICE, "stopping (%s): handing over, answering clients, closing", why);
    server->stop_begun_ms = server->loop.now_ms;
    server->loop.is_stopping = true;
    replica_transfer_leadership(server->loop.replica);
    resp_server_drain(server->resp);
    http_server_drain(server->http);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct server *server = context;
    if (number == SIGHUP) {
        diagnostics_reopen();
        return;
    }
    server_begin_stop(server, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

bool server_loop_open(struct server *server)
{
    struct event_base *base = server->loop.base;
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        server->signal_events[i] = evsignal_new(base, signals[i], on_signal, server);
        (void)evsignal_add(server->signal_events[i], NULL);
    }
    server->deadline_event = evtimer_new(base, on_deadline, server);
    server->store_event = event_new(base, log_store_descriptor(server->store), EV_READ | EV_PERSIST,
                                    on_persisted, server);
    server->second_event = event_new(base, -1, EV_PERSIST, on_second, server);
    server->disk_event = event_new(base, -1, EV_PERSIST, on_disk_due, server);
    if (server->deadline_event == NULL || server->store_event == NULL ||
        server->second_event == NULL || server->disk_event == NULL) {
        logger_log(LOGGER_ERROR, "cannot create the event loop's events");
        return false;
    }
    struct timeval second = {1, 0};
    struct timeval disk = {0, DISK_WATCH_MS * 1000};
    (void)event_add(server->store_event, NULL);
    (void)event_add(server->second_event, &second);
    (void)event_add(server->disk_event, &disk);
    server->has_more_work = true;
    return true;
}

static void free_event(struct event **event)
{
    if (*event != NULL) {
        event_free(*event);
        *event = NULL;
    }
}

void server_loop_close(struct server *server)
{
    free_event(&server->deadline_event);
    free_event(&server->store_event);
    free_event(&server->second_event);
    free_event(&server->disk_event);
    for (size_t i = 0; i < sizeof(server->signal_events) / sizeof(server->signal_events[0]); i++) {
        free_event(&server->signal_events[i]);
    }
}
