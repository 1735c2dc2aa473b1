/* server_internal.h -- private to src/server: the one owner of everything that runs. */
#ifndef QUORUM_SERVER_SERVER_INTERNAL_H
#define QUORUM_SERVER_SERVER_INTERNAL_H

#include <event2/event.h>

#include "net/http_server.h"
#include "net/loop.h"
#include "net/peer_net.h"
#include "net/resp_server.h"
#include "replica/replica.h"
#include "server/config.h"
#include "server/server.h"
#include "storage/data_dir.h"
#include "storage/log_store.h"

enum { SERVER_RUN_ID_BYTES = 41 };

struct server {
    struct config *config;
    const char *executable;
    struct loop loop;
    struct data_dir_lock lock;
    struct log_store *store;
    struct peer_net *peers;
    struct resp_server *resp;
    struct http_server *http;
    struct replica_host host;
    struct peer_node_info self_info;
    uint64_t self_id;
    struct raft_configuration bootstrap;
    struct event *deadline_event;
    struct event *store_event;
    struct event *second_event;
    struct event *signal_events[4];
    uint64_t started_ms; /* monotonic */
    int64_t started_wall_ms;
    uint64_t stop_begun_ms; /* 0: running */
    bool has_more_work;
    bool is_done;
    uint64_t memory_peak_bytes;
    char run_id[SERVER_RUN_ID_BYTES];
    char os[256];
};

/* server_bootstrap.c: fills server->bootstrap with the members of a new cluster. When some are
 * known by address alone and the data directory is new, waits until every one has told its id.
 * False when told to stop meanwhile, or when it cannot be (logged). */
bool server_bootstrap(struct server *server, bool is_new);

/* server_host.c: what the replica asks of the program. */
void server_host_init(struct server *server);
struct resp_server_options server_resp_options(const struct server *server);

/* server_loop.c: turns, until told to stop. */
bool server_loop_open(struct server *server);
void server_loop_run(struct server *server);
void server_loop_close(struct server *server);
void server_begin_stop(struct server *server, const char *why);

/* Tells the links whom to be connected with, by the configuration in force. */
void server_sync_peers(struct server *server);

#endif
