/* peer_accept.c -- the receiving end: accept, one hello within a deadline, then frames.
 *
 * Until the hello is judged nothing but its fixed size is read, and nothing is allocated from what
 * a caller announces after it either: the input buffer grows by what has arrived, and a frame may
 * not be larger than a fragment. The only bytes ever sent here are our own hello.
 *
 * A caller that is refused still gets that hello, so that its log can say precisely what is wrong;
 * one that does not speak the protocol gets nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/logger.h"
#include "base/mem.h"
#include "net/peer_internal.h"

/* sysexits.h EX_SOFTWARE: the replica contradicts itself; it has said so. */
enum { EXIT_CONTRADICTION = 70 };

/* A connection that was heard from so recently is no leftover of a process that is gone. */
enum { LIVE_MS = 2000 };

/* After such a silence the kernel may be back at acknowledging every message at once. */
enum { SILENCE_MS = 30 };

void peer_conn_close(struct peer_conn *conn)
{
    struct peer_net *net = conn->net;
    if (conn->is_identified) {
        net->identified_count--;
    } else {
        net->unidentified_count--;
    }
    (void)event_del(&conn->readable);
    (void)event_del(&conn->timer);
    (void)close(conn->descriptor);
    list_remove(&conn->in_net);
    buf_deinit(&conn->input);
    peer_reassembly_deinit(&conn->reassembly);
    mem_free(conn);
}

void peer_conn_leave(struct peer_conn *conn)
{
    struct timeval delay = {PEER_LEAVE_MS / 1000, PEER_LEAVE_MS % 1000 * 1000};
    if (!event_pending(&conn->timer, EV_TIMEOUT, NULL)) {
        (void)event_add(&conn->timer, &delay);
    }
}

void peer_conn_stay(struct peer_conn *conn)
{
    (void)event_del(&conn->timer);
}

/* ---- Frames ---- */

static void pass_on(struct peer_net *net, const struct peer_message *message)
{
    if (net->receiver->on_message(net, message) != RESULT_OK) {
        /* Going on, or an orderly stop with its last writes, could only make it worse. */
        logger_log(LOGGER_ERROR, "this node contradicts its cluster and stops: see the line above");
        _Exit(EXIT_CONTRADICTION);
    }
}

void peer_conn_pay_info(struct peer_conn *conn)
{
    struct peer_net *net = conn->net;
    if (conn->owes_info && net->receiver->is_there(net) && !peer_join_is_guest(net, &conn->hello)) {
        conn->owes_info = false;
        struct peer_message message = {.type = PEER_MESSAGE_NODE_INFO,
                                       .from = conn->hello.from,
                                       .to = net->self_id,
                                       .node_info = conn->info};
        pass_on(net, &message);
    }
}

static void deliver(struct peer_conn *conn, const struct peer_message *message)
{
    struct peer_net *net = conn->net;
    if (message->type == PEER_MESSAGE_NODE_INFO) {
        /* Raft sends again what it needs; this is said only once, so it is kept until somebody is
         * there who may hear it. */
        conn->owes_info = true;
        conn->info = message->node_info;
        peer_join_call_back(net, &conn->hello, &conn->info);
        peer_conn_pay_info(conn);
    } else if (net->receiver->is_there(net)) {
        peer_conn_pay_info(conn);
        pass_on(net, message);
    }
}

/* Of a guest: what is wrong with all that is no request to be added. Logged as a refusal, once. */
static const char overstepping[] = "more than a request to be made a member";

/* Returns NULL, or what is wrong with the frame. */
static const char *take_whole(struct peer_conn *conn, const struct peer_frame_header *header,
                              struct slice body)
{
    struct peer_message message;
    if (peer_frame_decode(header, body, &conn->net->scratch, &message) != RESULT_OK) {
        return "a frame with a wrong checksum or body";
    }
    if (peer_join_is_guest(conn->net, &conn->hello) && !peer_join_may_say(&conn->hello, &message)) {
        return overstepping;
    }
    deliver(conn, &message);
    return NULL;
}

/* The identities of the hello hold for every frame: one of another node's is not passed on. */
static bool is_from_here(const struct peer_conn *conn, const struct peer_frame_header *header)
{
    return header->from == conn->hello.from && header->to == conn->net->self_id;
}

static const char *take_fragment(struct peer_conn *conn, const struct peer_frame_header *header,
                                 struct slice body)
{
    struct slice whole;
    switch (peer_reassembly_add(&conn->reassembly, header, body, &whole)) {
    case PARSE_MORE:
        return NULL;
    case PARSE_BAD:
        return "a fragment out of order or with a wrong checksum";
    case PARSE_DONE:
        break;
    }
    struct peer_frame_header inner;
    if (peer_frame_header_decode(whole.bytes, &inner) != RESULT_OK || !is_from_here(conn, &inner)) {
        return "a frame of another node inside fragments";
    }
    struct slice inner_body =
        slice_of(whole.bytes + PEER_FRAME_HEADER_BYTES, whole.size - PEER_FRAME_HEADER_BYTES);
    const char *wrong = take_whole(conn, &inner, inner_body);
    if (whole.size > PEER_KEEP_BYTES) {
        peer_reassembly_deinit(&conn->reassembly);
    }
    return wrong;
}

static const char *take_frames(struct peer_conn *conn)
{
    const char *wrong = NULL;
    while (wrong == NULL && buf_size(&conn->input) >= PEER_FRAME_HEADER_BYTES) {
        struct slice input = buf_slice(&conn->input);
        struct peer_frame_header header;
        enum result result = peer_frame_header_decode(input.bytes, &header);
        if (result != RESULT_OK) {
            return result == RESULT_VERSION ? "a frame of another version" : "a malformed frame";
        }
        if (!is_from_here(conn, &header)) {
            return "a frame of another node or for another node";
        }
        if (peer_join_is_guest(conn->net, &conn->hello) && !peer_join_may_send(header.type)) {
            return overstepping; /* before a byte of it is kept */
        }
        if (header.body_bytes > PEER_FRAGMENT_HEADER_BYTES + PEER_FRAGMENT_BYTES) {
            return "a frame that should have been cut into fragments";
        }
        size_t size = PEER_FRAME_HEADER_BYTES + (size_t)header.body_bytes;
        if (input.size < size) {
            return NULL;
        }
        struct slice body = slice_of(input.bytes + PEER_FRAME_HEADER_BYTES, header.body_bytes);
        wrong = header.type == PEER_FRAME_FRAGMENT ? take_fragment(conn, &header, body)
                                                   : take_whole(conn, &header, body);
        buf_consume(&conn->input, size);
    }
    return wrong;
}

/* ---- Hello ---- */

/* Returns whether all of it went out; a fresh socket always has room for it. */
static bool answer(struct peer_conn *conn, enum peer_verdict verdict, uint64_t caller)
{
    uint8_t hello[PEER_HELLO_BYTES];
    peer_hello_make_answer(conn->net, verdict, caller, hello);
    ssize_t sent = send(conn->descriptor, hello, sizeof(hello), MSG_NOSIGNAL);
    conn->net->stats.output_bytes += sent > 0 ? (uint64_t)sent : 0;
    return sent == (ssize_t)sizeof(hello);
}

static struct peer_conn *find_identified(const struct peer_net *net, uint64_t id)
{
    for (struct list *link = net->conns.next; link != &net->conns; link = link->next) {
        struct peer_conn *conn = LIST_MEMBER(link, struct peer_conn, in_net);
        if (conn->is_identified && conn->hello.from == id) {
            return conn;
        }
    }
    return NULL;
}

static void refuse(struct peer_conn *conn, enum peer_verdict verdict,
                   const struct peer_hello *hello)
{
    struct peer_refusal refusal = {
        .verdict = verdict, .address = conn->address, .is_accepted = true, .hello = hello};
    peer_refusal_log(conn->net, &refusal);
    if (verdict != PEER_NOT_A_PEER) {
        (void)answer(conn, verdict, hello->from);
    }
    struct peer_link *link = peer_net_find(conn->net, hello->from);
    if (verdict == PEER_UNNAMED && link != NULL) {
        peer_link_nudge(link); /* That is what it waits for. */
    }
    peer_conn_close(conn);
}

/* Whether another start of "the same" node still uses the connection. */
static bool is_of_another(const struct peer_conn *older, const struct peer_hello *hello)
{
    return older->hello.incarnation != hello->incarnation &&
           older->net->loop->now_ms - older->last_input_ms < LIVE_MS &&
           !peer_socket_is_hung_up(older->descriptor);
}

/* The newer connection is the one its peer uses: it dials only after it gave up the older one. But
 * if that is still in use by another start of "the same" node, two processes share an id. */
static void replace(struct peer_conn *older, struct peer_conn *newer,
                    const struct peer_hello *hello)
{
    struct peer_net *net = newer->net;
    if (is_of_another(older, hello)) {
        struct peer_refusal duplicate = {.verdict = PEER_DUPLICATE_OF_LIVE,
                                         .address = newer->address,
                                         .is_accepted = true,
                                         .hello = hello};
        peer_refusal_log(net, &duplicate);
    }
    peer_conn_close(older);
}

/* Judges a whole hello, also by what is connected already. */
static enum peer_verdict judge(const struct peer_conn *conn, struct peer_hello *hello)
{
    const struct peer_net *net = conn->net;
    enum peer_verdict verdict = peer_hello_judge_caller(net, buf_slice(&conn->input).bytes, hello);
    const struct peer_conn *older = find_identified(net, hello->from);
    bool has_room = net->identified_count < PEER_IDENTIFIED_MAX &&
                    (!peer_join_is_guest(net, hello) || peer_join_has_room(net));
    if (verdict == PEER_ACCEPTED && older == NULL && !has_room) {
        return PEER_TOO_MANY;
    }
    /* Of two that share an id, the one without a cluster is the one that should not be there. */
    bool is_newcomer = verdict == PEER_UNNAMED ||
                       (verdict == PEER_ACCEPTED && !peer_cluster_is_named(hello->cluster_id));
    return is_newcomer && older != NULL && is_of_another(older, hello) ? PEER_NEWCOMER_OF_LIVE
                                                                       : verdict;
}

/* A whole hello is here. Returns false when the connection is gone. */
static bool identify(struct peer_conn *conn)
{
    struct peer_net *net = conn->net;
    struct peer_hello hello;
    enum peer_verdict verdict = judge(conn, &hello);
    if (verdict != PEER_ACCEPTED) {
        refuse(conn, verdict, &hello);
        return false;
    }
    /* Dials that a stopped process finds in its backlog when it goes on: their dialler has long
     * given them up, they must not replace the one that lives. */
    if (peer_socket_is_hung_up(conn->descriptor)) {
        peer_conn_close(conn);
        return false;
    }
    peer_cluster_adopt(net, &hello);
    if (!answer(conn, PEER_ACCEPTED, hello.from)) {
        peer_conn_close(conn);
        return false;
    }
    struct peer_conn *older = find_identified(net, hello.from);
    if (older != NULL) {
        replace(older, conn, &hello);
    }
    (void)event_del(&conn->timer);
    buf_consume(&conn->input, PEER_HELLO_BYTES);
    conn->hello = hello;
    conn->is_identified = true;
    net->unidentified_count--;
    net->identified_count++;
    struct peer_link *link = peer_net_find(net, hello.from);
    if (link != NULL) {
        peer_link_nudge(link);
    }
    return true;
}

/* ---- Bytes ---- */

static void log_wrong(const struct peer_conn *conn, const char *wrong)
{
    if (wrong == overstepping) {
        struct peer_refusal refusal = {.verdict = PEER_OVERSTEPS,
                                       .address = conn->address,
                                       .is_accepted = true,
                                       .hello = &conn->hello};
        peer_refusal_log(conn->net, &refusal);
        return;
    }
    logger_log(LOGGER_WARNING,
               "peer %s (id %" PRIu64 ") sent %s; its connection is closed, it dials again",
               conn->address, conn->hello.from, wrong);
}

/* Handles what was read. Returns false when the connection is gone. */
static bool take_input(struct peer_conn *conn)
{
    if (!conn->is_identified) {
        if (buf_size(&conn->input) < PEER_HELLO_BYTES) {
            return true;
        }
        if (!identify(conn)) {
            return false;
        }
    }
    const char *wrong = take_frames(conn);
    if (wrong != NULL) {
        log_wrong(conn, wrong);
        peer_conn_close(conn);
        return false;
    }
    return true;
}

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct peer_conn *conn = context;
    struct peer_net *net = conn->net;
    loop_wake(net->loop);
    if (net->loop->now_ms - conn->last_input_ms >= SILENCE_MS) {
        peer_socket_delay_acks(descriptor);
    }
    for (uint32_t i = 0; i < PEER_READS_A_TURN; i++) {
        /* Before it is identified, not one byte more than a hello. */
        size_t room = conn->is_identified ? (size_t)PEER_READ_BYTES
                                          : PEER_HELLO_BYTES - buf_size(&conn->input);
        ssize_t count = recv(descriptor, buf_reserve(&conn->input, room), room, 0);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return;
        }
        if (count <= 0) {
            logger_log(LOGGER_VERBOSE, "peer %s closed its connection", conn->address);
            peer_conn_close(conn);
            return;
        }
        net->stats.input_bytes += (uint64_t)count;
        conn->last_input_ms = net->loop->now_ms;
        buf_commit(&conn->input, (size_t)count);
        if (!take_input(conn) || (size_t)count < room) {
            return;
        }
    }
}

static void on_timer(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct peer_conn *conn = context;
    loop_wake(conn->net->loop);
    logger_log(LOGGER_VERBOSE,
               conn->is_identified ? "%s is no peer any more, its connection is closed"
                                   : "%s connected, but did not say hello in time",
               conn->address);
    peer_conn_close(conn);
}

/* Makes room: the oldest has had the most time to say hello. */
static void close_oldest_unidentified(struct peer_net *net)
{
    for (struct list *link = net->conns.next; link != &net->conns; link = link->next) {
        struct peer_conn *conn = LIST_MEMBER(link, struct peer_conn, in_net);
        if (!conn->is_identified) {
            peer_conn_close(conn);
            return;
        }
    }
}

void peer_conn_on_accept(int descriptor, const struct sockaddr *address, socklen_t address_bytes,
                         void *context)
{
    (void)address_bytes;
    struct peer_net *net = context;
    loop_wake(net->loop);
    if (net->unidentified_count >= PEER_UNIDENTIFIED_MAX) {
        close_oldest_unidentified(net);
    }
    struct peer_conn *conn = mem_alloc_zeroed(1, sizeof(*conn));
    conn->net = net;
    conn->descriptor = descriptor;
    conn->last_input_ms = net->loop->now_ms;
    listener_format_address(address, conn->address);
    peer_socket_tune_accepted(descriptor);
    list_init(&conn->in_net);
    list_push_back(&net->conns, &conn->in_net);
    net->unidentified_count++;
    struct event_base *base = net->loop->base;
    (void)event_assign(&conn->readable, base, descriptor, EV_READ | EV_PERSIST, on_readable, conn);
    (void)event_assign(&conn->timer, base, -1, 0, on_timer, conn);
    struct timeval deadline = {PEER_HELLO_MS / 1000, PEER_HELLO_MS % 1000 * 1000};
    (void)event_add(&conn->readable, NULL);
    (void)event_add(&conn->timer, &deadline);
}
