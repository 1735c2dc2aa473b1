/* peer_internal.h -- what the files of the peer links share; only net/peer_*.c includes it.
 *
 *   peer_net.c      the set of links, the public functions, what is owed to the replica
 *   peer_dial.c     a link's way up: wait, resolve, connect, hello; and down again
 *   peer_link.c     a link's queues: encode, order, cut, write out
 *   peer_accept.c   the other direction: accept, hello, frames in
 *   peer_hello.c    making and judging hellos; logging a refusal once
 *   peer_join.c     nodes that are not in each other's list: who joins, and who is behind
 *   peer_cluster.c  the cluster's name: which one is ours, and what follows when it changes
 *   peer_resolve.c  names to addresses without blocking
 *   peer_socket.c   socket options
 *
 * Threads: the loop's only. Every libevent callback begins with loop_wake. The replica may be told
 * things only inside a turn, but links also break inside peer_net_send and peer_net_flush, which
 * run behind the turn's end; so what is owed to it is marked and told by the report event.
 */
#ifndef QUORUM_NET_PEER_INTERNAL_H
#define QUORUM_NET_PEER_INTERNAL_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/prng.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/peer_net.h"
#include "net/peer_resolve.h"
#include "wire/peer_frame.h"
#include "wire/peer_message.h"

/* Bounds, with what happens at each. */
enum {
    /* A step of dialling that takes longer has failed: the link backs off and dials again. */
    PEER_RESOLVE_MS = 5000,
    PEER_CONNECT_MS = 1000,
    /* A connection, dialled or accepted, without a whole hello by then is closed. */
    PEER_HELLO_MS = 2000,
    /* A link that was up for less has proven nothing: its back-off goes on growing. */
    PEER_STABLE_MS = 1000,
    /* Accepted connections without a hello: one more closes the oldest of them. */
    PEER_UNIDENTIFIED_MAX = 64,
    /* Accepted connections with a hello while the members are not known: one more is refused. */
    PEER_IDENTIFIED_MAX = 2 * LIMIT_MEMBERS,
    /* Of those, nodes that ask to be made members: one more is refused. */
    PEER_GUESTS_MAX = 8,
    /* Who has reached none of its list for so long takes the list for outdated. */
    PEER_LOST_MS = 3000,
    /* A connection with a node that is no member any more lasts so long, for what is to be told. */
    PEER_LEAVE_MS = 2000,
    /* Bytes handed to a link's output before urgent frames get their next turn (a fragment may go
     * over it): what a heartbeat can have in front of it besides the socket's own buffer. */
    PEER_OUTPUT_BYTES = 256 * 1024,
    /* Urgent frames that wait: further ones are dropped. They are tens of bytes each. */
    PEER_URGENT_BYTES_MAX = 1024 * 1024,
    /* Bytes written to one socket, or read from one, before the other events get their turn. */
    PEER_FLUSH_BYTES = 4 * 1024 * 1024,
    PEER_READ_BYTES = 128 * 1024,
    PEER_READS_A_TURN = 8,
    /* Memory that an idle buffer may keep. */
    PEER_KEEP_BYTES = 1024 * 1024,
    /* Distinct refusals that are logged until the list is forgotten, so that nobody can fill the
     * log by lying in ever new ways. */
    PEER_REFUSALS_MAX = 64,
    PEER_REFUSALS_KEPT_MS = 600 * 1000,
};

struct peer_net;

/* Who is told what arrives and what becomes of the links: the loop's replica. As a table, so that
 * the links can be tested with a recorder in its place. All are called inside a turn. */
struct peer_receiver {
    bool (*is_there)(const struct peer_net *net); /* the others are called only when it is */
    enum result (*on_message)(struct peer_net *net, const struct peer_message *message);
    void (*on_connected)(struct peer_net *net, uint64_t peer);
    void (*on_unreachable)(struct peer_net *net, uint64_t peer);
    void (*on_cluster_found)(struct peer_net *net); /* a name was adopted */
};

struct peer_refusals {
    uint64_t keys[PEER_REFUSALS_MAX];
    uint32_t count;
    uint64_t since_ms;
};

struct peer_net {
    struct loop *loop;
    uint64_t self_id;
    uint64_t incarnation;
    /* Each all zero: none. Invariant: at most one of them is set. See peer_cluster.c. */
    uint8_t committed_cluster_id[RAFT_CLUSTER_ID_BYTES];
    uint8_t tentative_cluster_id[RAFT_CLUSTER_ID_BYTES];
    struct peer_node_info self;
    uint64_t queue_bytes_max;
    uint32_t backoff_ms_min, backoff_ms_max;
    struct listener **listeners;
    uint32_t listeners_count;
    struct peer_resolver *resolver;
    struct prng prng;
    struct list links; /* struct peer_link: dialled, we send */
    struct list conns; /* struct peer_conn: accepted, we receive; oldest first */
    uint32_t unidentified_count, identified_count; /* of conns */
    bool peers_known;    /* set_peers was called and every peer had an id: strangers are refused */
    bool is_listed;      /* set_peers listed ourselves */
    bool is_joining;     /* and have not been listed yet */
    uint64_t reached_ms; /* when the last link to one of the list broke, if none is up; or began */
    bool owes_cluster_found; /* to the replica */
    bool owes_review;        /* somebody of the list was reached: see peer_net_review */
    const struct peer_receiver *receiver;
    struct event report;
    struct peer_frame_scratch scratch;
    struct peer_refusals refusals;
    struct peer_net_stats stats;
};

/*
 * A link's states; the timer runs in all of them but the first and the last.
 *
 *   IDLE ------> WAITING          dial_start, dial_fail
 *   WAITING ---> RESOLVING        on_timer
 *   RESOLVING -> CONNECTING       on_resolved
 *   CONNECTING > CONNECTING       connect_next: the name has further addresses
 *   CONNECTING > GREETING         on_writable: our hello is sent
 *   GREETING --> UP               greet: the answer is right
 *   GREETING --> IDLE             greet: we dialled ourselves
 *   any -------> WAITING          dial_fail
 *   UP --------> gone             on_timer: it was no peer any more, see peer_link_leave
 *   WAITING, GREETING, UP -> WAITING   peer_link_redial: our name has changed
 */
enum peer_link_state {
    PEER_LINK_IDLE,
    PEER_LINK_WAITING,
    PEER_LINK_RESOLVING,
    PEER_LINK_CONNECTING,
    PEER_LINK_GREETING,
    PEER_LINK_UP,
};

struct peer_link {
    struct list in_net;
    struct peer_net *net;
    uint64_t id; /* RAFT_ID_NONE: known by address only */
    char address[LIMIT_ADDRESS_BYTES];
    /* What the node last told of itself; empty: nothing. Where the list is behind, this may be the
     * right one, so while there is no connection both are dialled by turns. */
    char told_address[LIMIT_ADDRESS_BYTES];
    bool is_told_next; /* whose turn it is */
    bool is_wanted;    /* scratch of peer_net_set_peers */
    bool is_leaving; /* the node is no peer any more: on the timer, or a failure, that is the end */
    bool is_callback; /* the node is none of our list, it has called us: see peer_join.c */

    /* Dialling. */
    enum peer_link_state state;
    int descriptor; /* -1: none */
    struct event timer, readable, writable;
    struct peer_lookup *lookup;
    struct sockaddr_storage addresses[PEER_RESOLVED_MAX];
    uint32_t addresses_count, addresses_next;
    uint32_t backoff_ms;
    uint64_t up_since_ms;
    bool is_outage_logged;
    uint8_t hello[PEER_HELLO_BYTES];
    uint32_t hello_bytes;

    /* Who answered last: RAFT_ID_NONE until somebody did. */
    uint64_t answered_id;
    char answered_name[LIMIT_NODE_NAME_BYTES];

    /* Owed to the replica. */
    bool owes_unreachable, owes_connected;

    /* Sending; all empty unless UP. Invariant: urgent and bulk hold whole encoded frames back to
     * back; frames are encoded straight into output only while the queue of their kind is empty. */
    struct buf output; /* in the order of the socket */
    struct buf urgent;
    struct buf bulk;
    size_t bulk_offset; /* of the first bulk frame, how much has gone out in fragments */
    uint64_t bulk_stream;
    bool is_socket_full; /* the writable event is pending */
};

struct peer_conn {
    struct list in_net;
    struct peer_net *net;
    int descriptor;
    char address[LISTENER_ADDRESS_TEXT_BYTES];
    struct event readable, timer;
    bool is_identified;
    struct peer_hello hello; /* valid when identified */
    uint64_t last_input_ms;
    struct buf input;
    struct peer_reassembly reassembly;
    /* What the peer told of itself before there was a replica to hear it. */
    bool owes_info;
    struct peer_node_info info;
};

/* ---- peer_dial.c ---- */

/* Creates a link that dials as soon as the loop runs. address is copied; id may be RAFT_ID_NONE. */
struct peer_link *peer_link_create(struct peer_net *net, uint64_t id, const char *address);
void peer_link_destroy(struct peer_link *link);

/* Closes the connection, if any, and dials again after a while. reason: half a sentence for the
 * log. Safe at any time, also outside a turn. */
void peer_link_fail(struct peer_link *link, const char *reason);

/* As peer_link_fail, for a new address; but a link that is up there stays up. */
void peer_link_set_address(struct peer_link *link, const char *address);

/* The node has told where it is. */
void peer_link_tell_address(struct peer_link *link, const char *address);

/* What we say in hellos has changed: ends what was agreed under the former one and dials at once,
 * without a line, for nothing is wrong. */
void peer_link_redial(struct peer_link *link);

/* The node is no peer any more: destroys the link, if it is up a while later. */
void peer_link_leave(struct peer_link *link);

/* It is one again. */
void peer_link_stay(struct peer_link *link);

/* Tells the peer of a link that is UP who we are. */
void peer_link_introduce(struct peer_link *link);

/* The peer is alive, it has just dialled us: do not wait out a long back-off. */
void peer_link_nudge(struct peer_link *link);

/* ---- peer_link.c ---- */

/* Queues a message on a link that is UP, or drops it at the bound. */
void peer_link_send(struct peer_link *link, const struct peer_message *message);

/* Writes until the socket is full, nothing is left, or others should have their turn. */
void peer_link_flush(struct peer_link *link);

/* Forgets everything queued. */
void peer_link_clear(struct peer_link *link);

/* ---- peer_accept.c ---- */

/* listener_on_accept; context is the net. */
void peer_conn_on_accept(int descriptor, const struct sockaddr *address, socklen_t address_bytes,
                         void *context);
void peer_conn_close(struct peer_conn *conn);

/* Who called is no peer any more, or is one again: ends the connection a while later, or not. */
void peer_conn_leave(struct peer_conn *conn);
void peer_conn_stay(struct peer_conn *conn);

/* Passes on what a peer told of itself before there was a replica. Inside a turn. */
void peer_conn_pay_info(struct peer_conn *conn);

/* ---- peer_hello.c ---- */

/* Why a peer is refused; PEER_ACCEPTED: it is not. */
enum peer_verdict {
    PEER_ACCEPTED,
    PEER_NOT_A_PEER,    /* not our magic, or a bad checksum */
    PEER_OTHER_VERSION, /* of the protocol */
    PEER_OTHER_CLUSTER, /* another cluster id */
    PEER_OTHER_NODE,    /* dialled: not the node that was expected there */
    PEER_MISTAKES_US,   /* accepted: it expects another node here */
    PEER_STRANGER,      /* accepted: not a member */
    PEER_SAME_ID,       /* another process runs with our id */
    PEER_TOO_MANY,      /* accepted: no room for further connections */
    PEER_REFUSES_US,    /* dialled: it answered, but to nobody */
    PEER_DISOWNS_US,    /* dialled: the same, because we are no member of its cluster, or not yet */
    PEER_OVERSTEPS,     /* a guest that wants more than to be made a member */
    PEER_UNNAMED,       /* has no cluster id yet, and we have one */
    PEER_NAMED,         /* has a cluster id, and we have none yet and do not adopt this one */
    PEER_NEWCOMER_OF_LIVE, /* accepted: no cluster id yet, another process of its id is connected */
    PEER_DUPLICATE_OF_LIVE /* not refused but logged: two live connections, two incarnations */
};

/* Writes the hello that we dial with. to: whom we expect, RAFT_ID_NONE: unknown. */
void peer_hello_make(const struct peer_net *net, uint64_t to, uint8_t *at);

/* Writes our answer to a hello. */
void peer_hello_make_answer(const struct peer_net *net, enum peer_verdict verdict, uint64_t caller,
                            uint8_t *at);

/* Judges a hello that arrived on an accepted connection. hello is set unless PEER_NOT_A_PEER. */
enum peer_verdict peer_hello_judge_caller(const struct peer_net *net, const uint8_t *at,
                                          struct peer_hello *hello);

/* Judges the answer to a hello that was sent to a node expected to be expected_id. */
enum peer_verdict peer_hello_judge_answer(const struct peer_net *net, const uint8_t *at,
                                          uint64_t expected_id, struct peer_hello *hello);

/* Copies the sender's name (LIMIT_NODE_NAME_BYTES). It comes from outside: what is not plain text
 * becomes '?', so that it cannot reach a terminal through the log. */
void peer_hello_plain_name(const struct peer_hello *hello, char *name);

/* Whether the hello is this very process's. */
bool peer_hello_is_own(const struct peer_net *net, const struct peer_hello *hello);

/* Logs a refusal with what to do about it, once for each cause and peer (by its ids, or by its
 * address while those are not known); counts it always. expected_id: whom we dialled. */
struct peer_refusal {
    enum peer_verdict verdict;
    const char *address;
    bool is_accepted;
    uint64_t expected_id;
    const struct peer_hello *hello;
};
void peer_refusal_log(struct peer_net *net, const struct peer_refusal *refusal);

/* ---- peer_join.c ---- */

/* Whether the caller is a guest: it joins, and is no member here yet, or does not know its cluster
 * yet. */
bool peer_join_is_guest(const struct peer_net *net, const struct peer_hello *caller);

/* Whether guests are let in. */
bool peer_join_has_room(const struct peer_net *net);

/* Whether our list may be outdated: it does not have ourselves, or none of it is to be reached. */
bool peer_join_is_behind(const struct peer_net *net);

/* Whether the caller is heard although it is none of our list, because we are behind. */
bool peer_join_is_visitor(const struct peer_net *net, const struct peer_hello *caller);

/* Whether a guest may send frames of that type at all, and this very message. */
bool peer_join_may_send(enum peer_frame_type type);
bool peer_join_may_say(const struct peer_hello *guest, const struct peer_message *message);

/* A caller tells of itself, also where it is: makes sure that it is called back there, if it is a
 * visitor, or if it is a peer that is not found where our list says. */
void peer_join_call_back(struct peer_net *net, const struct peer_hello *caller,
                         const struct peer_node_info *info);

/* The list of peers has changed: who was a guest may be none any more. */
void peer_join_recount(struct peer_net *net);

/* ---- peer_cluster.c ---- */

enum { PEER_CLUSTER_TEXT_BYTES = 2 * RAFT_CLUSTER_ID_BYTES + 1 };

/* Our name: the committed id, else the tentative one, else all zero. */
const uint8_t *peer_cluster_own(const struct peer_net *net);

/* Whether the id is one, not all zero. */
bool peer_cluster_is_named(const uint8_t *cluster_id);

bool peer_cluster_equals(const uint8_t *a, const uint8_t *b);

/* Takes a caller's cluster id for ours if we have none. The caller is a peer that was accepted. */
void peer_cluster_adopt(struct peer_net *net, const struct peer_hello *caller);

/* Writes the id as text (PEER_CLUSTER_TEXT_BYTES); returns it. */
const char *peer_cluster_format(const uint8_t *cluster_id, char *text);

/* ---- peer_net.c ---- */

/* Makes the report event run soon. */
void peer_net_report_soon(struct peer_net *net);

/* Returns the link to that node, or NULL. */
struct peer_link *peer_net_find(const struct peer_net *net, uint64_t id);

/* The same, or a link by address alone where that node has answered. */
struct peer_link *peer_net_find_answered(const struct peer_net *net, uint64_t id);

/* Closes, soon, the connections with those who are heard no more: our list has changed, or turned
 * out to be right. */
void peer_net_review(struct peer_net *net);

/* Whether the node is in the list of peers. */
bool peer_net_is_peer(const struct peer_net *net, uint64_t id);

/* Tells the replica, if it is there, that a name was adopted. Inside a turn. */
void peer_net_pay_cluster_found(struct peer_net *net);

/* ---- peer_socket.c ---- */

/* No delay, and detection of a peer that vanished without a word. */
void peer_socket_tune_dialled(int descriptor);
void peer_socket_tune_accepted(int descriptor);

/* An accepted connection never sends, so no data carries its acknowledgements, and the kernel makes
 * a packet of each in every recv. This has it acknowledge every second message instead, until the
 * sender is silent for as long as an acknowledgement may be delayed, 40 ms. */
void peer_socket_delay_acks(int descriptor);

/* Whether the other side has closed or reset the connection, unread bytes or not. */
bool peer_socket_is_hung_up(int descriptor);

/* Whether a socket is connected to itself, which TCP allows when a free local port is dialled. */
bool peer_socket_is_own_echo(int descriptor);

#endif
