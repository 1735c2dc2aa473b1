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
#include "storage/disk_reserve.h"
#include "storage/log_store.h"
#include "storage/snapshot_files.h"
#include "storage/state_store.h"

enum {
    SERVER_RUN_ID_BYTES = 41,
    SERVER_EXIT_CONTRADICTION = 70, /* EX_SOFTWARE: the log contradicts what is committed */
    /* EX_TEMPFAIL: this node's state differed from the others'; start it again, and it fetches
     * theirs. */
    SERVER_EXIT_DIVERGED = 75,
};

/* What was found in the data directory, until the replica is created from it. */
struct server_data {
    struct log_recovery log;
    struct state_meta state; /* of state.db; index 0: there is none */
    struct replica_restore *restore;
    bool is_state_damaged; /* the file as a whole; server->state is NULL */
    bool is_state_missing; /* as in struct replica_options */
    uint64_t state_bytes;  /* of rows loaded */
    uint32_t reserve_ms, log_ms, state_ms;
};

struct server {
    struct config *config;
    const char *executable;
    struct loop loop;
    struct data_dir_lock lock;
    struct disk_reserve *reserve;
    struct log_store *store;
    struct state_store *state;
    struct snapshot_files *snapshots;
    struct peer_net *peers;
    struct resp_server *resp;
    struct http_server *http;
    struct replica_host host;
    struct peer_node_info self_info;
    uint64_t self_id;
    struct raft_configuration bootstrap;
    struct event *deadline_event;
    struct event *store_event;
    struct event *state_event;
    struct event *snapshots_event;
    struct event *second_event;
    struct event *disk_event;
    struct event *signal_events[4];
    uint64_t started_ms; /* monotonic */
    int64_t started_wall_ms;
    uint64_t stop_begun_ms;       /* 0: running */
    uint64_t state_saved_index;   /* of the newest snapshot that the replica knows of */
    struct disk_space disk_space; /* as of the last look */
    uint64_t handed_over_ms; /* when a slow or full disk last made this leader give up; 0: never */
    uint64_t join_peer;      /* who answered at the address of join; RAFT_ID_NONE: nobody yet */
    uint64_t join_at_ms;     /* ask, or ask again, from then on */
    bool has_more_work;
    bool is_done;
    char run_id[SERVER_RUN_ID_BYTES];
    char os[256];
};

/* Random bytes of the kernel's. */
void server_fill_random(void *bytes, size_t size);

/* server_bootstrap.c: fills server->bootstrap with the members of a new cluster, nobody when it
 * joins one. When some are known by address alone and the data directory is new, waits until every
 * one has told its id. False when told to stop meanwhile, or when it cannot be (logged). */
bool server_bootstrap(struct server *server, bool is_new);

/* server_data.c: opens the reserve, state.db and raft.db, and reads what the node goes on from;
 * does about damage what the options say. False when it cannot be (logged). */
bool server_data_open(struct server *server, struct server_data *data);
void server_data_deinit(struct server_data *data);
void server_data_close(struct server *server);

/* server_state.c: carries out what the replica wants done with its files of state, and reports. */
bool server_state_open(struct server *server);
void server_state_carry_out(struct server *server, const struct replica_ready *ready);
void server_state_close(struct server *server);
/* The same facts as storage and replica call them; what is borrowed stays borrowed. */
struct replica_state_meta server_state_meta_of(const struct state_meta *meta);

/* server_disk.c: room on the disk, looked at once a second, and its speed, some times a second; and
 * what follows from them. */
void server_disk_watch_room(struct server *server);
void server_disk_watch_speed(struct server *server);

/* server_join.c: a node without members finds one and asks to be added. */
bool server_is_joining(const struct server *server);
void server_join_begin(struct server *server);
void server_join_turn(struct server *server);

/* server.c: what the options say about snapshots. */
struct replica_snapshot_options server_snapshot_options(const struct config *config);

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
