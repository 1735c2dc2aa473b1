/* snapshot_send.c -- a leader brings members that are too far behind the copy of a snapshot.
 *
 * DESIGN. One copy of state.db serves everybody: the members that need one and a client that takes
 * a backup. Copies are made of the newest snapshot, which by its making (snapshot_save.c) is never
 * behind the log's compaction point, so whoever has it goes on from the log.
 *
 *   NONE ---- COPY_MAKE ----> MAKING ---- replica_on_copy_made ----> READY
 *     ^                         |                                      |
 *     +--- failed: later again -+---- nobody needs it; too old --------+
 *
 * An offer is repeated until the receiver asks for pieces, and from then on whenever it falls
 * silent; it asks at its own pace. A copy that has fallen behind the compaction point is of no use
 * to anybody and replaced at once; one that is merely older than somebody needs (a node that lost
 * its state, a backup) is replaced when nobody reads it. While somebody needs the copy, the log
 * behind it stays (send_log_needed_from), as far as memory allows.
 *
 * Any node answers who asks for its copy, leader or not.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "base/logger.h"
#include "replica/replica_internal.h"

enum {
    OFFER_MS = 500,
    /* A receiver that asked this lately needs no offer; a copy that was read this lately is in
     * use. */
    ASKED_LATELY_MS = 2000,
    /* A member says every second that its state is gone, as long as it is. */
    WANTED_LATELY_MS = 3500,
    DROP_MS = 30 * 1000,
    BACKUP_IDLE_MS = 60 * 1000,
    RETRY_MS = 1000,
    RETRY_MS_MAX = 30 * 1000,
};

/* ---- Who needs one ---- */

static struct snapshot_receiver *find_receiver(struct snapshot_send *send, uint64_t peer)
{
    for (uint32_t i = 0; i < send->receivers_count; i++) {
        if (send->receivers[i].peer == peer) {
            return &send->receivers[i];
        }
    }
    return NULL;
}

static struct snapshot_receiver *add_receiver(struct snapshot_send *send, uint64_t peer)
{
    struct snapshot_receiver *receiver = find_receiver(send, peer);
    if (receiver == NULL && send->receivers_count < LIMIT_MEMBERS) {
        receiver = &send->receivers[send->receivers_count++];
        *receiver = (struct snapshot_receiver){.peer = peer};
    }
    return receiver;
}

static bool wants(const struct replica *replica, const struct snapshot_receiver *receiver)
{
    return receiver->wanted_ms != 0 && replica->now_ms < receiver->wanted_ms + WANTED_LATELY_MS;
}

void send_wanted(struct replica *replica, uint64_t from, uint64_t index)
{
    /* No log begins behind what its leader has; a later one will be told again. */
    if (replica->status.role != RAFT_LEADER || index > replica->status.last_index ||
        raft_configuration_find(replica_configuration(replica), from) == NULL) {
        return;
    }
    struct snapshot_receiver *receiver = add_receiver(&replica->send, from);
    if (receiver != NULL) {
        receiver->index = index;
        receiver->wanted_ms = replica->now_ms;
    }
}

/* Members come and go: who neither is behind nor wants one any more is forgotten. */
static void list_receivers(struct replica *replica)
{
    struct snapshot_send *send = &replica->send;
    for (uint32_t i = 0; i < send->receivers_count; i++) {
        send->receivers[i].is_behind = false;
    }
    struct raft_progress progress[LIMIT_MEMBERS];
    uint32_t count = 0;
    if (replica->status.needs_snapshots) {
        count = raft_get_progress(replica->raft, progress, LIMIT_MEMBERS);
    }
    for (uint32_t i = 0; i < count; i++) {
        /* One that is down may be so for long: it gets a copy when it is back. */
        bool is_behind = progress[i].state == RAFT_SNAPSHOT && progress[i].recently_active;
        struct snapshot_receiver *receiver = is_behind ? add_receiver(send, progress[i].id) : NULL;
        if (receiver != NULL) {
            receiver->is_behind = true;
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < send->receivers_count; i++) {
        struct snapshot_receiver receiver = send->receivers[i];
        bool is_leader = replica->status.role == RAFT_LEADER;
        if (is_leader && (receiver.is_behind || wants(replica, &receiver))) {
            receiver.index = wants(replica, &receiver) ? receiver.index : 0;
            send->receivers[kept++] = receiver;
        }
    }
    send->receivers_count = kept;
}

/* ---- The copy ---- */

bool send_has_copy(const struct replica *replica, uint64_t index)
{
    const struct snapshot_send *send = &replica->send;
    return send->phase == COPY_READY && send->snapshot.index >= index;
}

/* The log goes on from an index that the copy does not reach. */
static bool is_useless(const struct replica *replica)
{
    return !send_has_copy(replica, replica->status.first_index - 1);
}

static bool serves(const struct replica *replica, const struct snapshot_receiver *receiver)
{
    return send_has_copy(replica, receiver->index) && !is_useless(replica);
}

static void drop_copy(struct replica *replica)
{
    struct snapshot_send *send = &replica->send;
    orders_add_type(&replica->orders, REPLICA_ORDER_COPY_DROP);
    send->phase = COPY_NONE;
    send->reads_count = 0;
    if (send->backup.read == BACKUP_READ_WAITS) {
        send->backup.read = BACKUP_READ_FAILED;
    }
}

/* Makes a copy of index or later; it takes a snapshot first when the newest one is older. */
static void make_copy(struct replica *replica, uint64_t index)
{
    struct snapshot_send *send = &replica->send;
    bool is_in_use = send->phase == COPY_READY && !is_useless(replica) &&
                     replica->now_ms < send->asked_ms + ASKED_LATELY_MS;
    send->is_awaited = true;
    if (send->phase == COPY_MAKING || is_in_use || replica->now_ms < send->retry_at_ms) {
        return;
    }
    if (replica->save.index < index || replica->save.index == 0) {
        save_request(replica);
        return;
    }
    if (send->phase == COPY_READY) {
        drop_copy(replica);
    }
    orders_add_type(&replica->orders, REPLICA_ORDER_COPY_MAKE);
    send->phase = COPY_MAKING;
}

static void copy_failed(struct replica *replica)
{
    struct snapshot_send *send = &replica->send;
    if (send->retry_wait_ms == 0) {
        send->retry_wait_ms = RETRY_MS;
    }
    send->failures++;
    send->retry_at_ms = replica->now_ms + send->retry_wait_ms;
    send->retry_wait_ms =
        send->retry_wait_ms * 2 < RETRY_MS_MAX ? send->retry_wait_ms * 2 : RETRY_MS_MAX;
}

/* Nobody was offered the new copy, nor asked for it. */
static void forget_asked(struct snapshot_send *send)
{
    for (uint32_t i = 0; i < send->receivers_count; i++) {
        struct snapshot_receiver *receiver = &send->receivers[i];
        receiver->offered_ms = 0;
        receiver->asked_ms = 0;
        receiver->has_ended = false;
        receiver->is_offered_again = false;
    }
}

void replica_on_copy_made(struct replica *replica, enum result result,
                          const struct peer_snapshot *snapshot)
{
    struct snapshot_send *send = &replica->send;
    ASSERT(replica->is_in_turn);
    ASSERT(send->phase == COPY_MAKING);
    if (result != RESULT_OK) {
        logger_log(LOGGER_WARNING, "the snapshot could not be copied: %s", result_text(result));
        send->phase = COPY_NONE;
        copy_failed(replica);
        return;
    }
    logger_log(LOGGER_NOTICE,
               "copied the snapshot of index %" PRIu64 " (%" PRIu64 " bytes) to be fetched",
               snapshot->index, snapshot->bytes);
    send->snapshot = *snapshot;
    send->phase = COPY_READY;
    forget_asked(send);
    send->asked_ms = replica->now_ms - ASKED_LATELY_MS;
    send->needed_ms = replica->now_ms;
    send->retry_wait_ms = RETRY_MS;
}

/* ---- Pieces ---- */

static void send_piece(struct replica *replica, uint64_t to, const struct peer_snapshot *snapshot,
                       uint64_t offset, struct slice bytes)
{
    struct peer_message message = {
        .type = PEER_MESSAGE_SNAPSHOT_PIECE, .from = replica->self, .to = to};
    message.snapshot_piece = (struct peer_snapshot_piece){*snapshot, offset, bytes};
    outbox_add_message(&replica->outbox, &message);
}

static bool order_read(struct replica *replica, uint64_t peer, uint64_t offset, uint32_t bytes)
{
    struct snapshot_send *send = &replica->send;
    if (send->reads_count == SNAPSHOT_READS_MAX) {
        return false;
    }
    struct snapshot_read *read = &send->reads[send->reads_count++];
    *read = (struct snapshot_read){++send->reads_numbered, peer, offset, bytes};
    struct replica_order order = {.type = REPLICA_ORDER_COPY_READ};
    order.read.number = read->number;
    order.read.offset = offset;
    order.read.bytes = bytes;
    orders_add(&replica->orders, &order);
    send->asked_ms = replica->now_ms;
    send->needed_ms = replica->now_ms;
    return true;
}

static bool is_same(const struct peer_snapshot *a, const struct peer_snapshot *b)
{
    return a->index == b->index && a->term == b->term && a->bytes == b->bytes && a->hash == b->hash;
}

/* A receiver that had the whole copy and begins again after an offer could not use it (or was
 * started anew): the copy may be damaged, so that it is made again (X6). */
static bool begins_again(const struct replica *replica, const struct snapshot_receiver *receiver)
{
    if (receiver->is_offered_again) {
        logger_log(LOGGER_WARNING,
                   "%s fetched the snapshot of index %" PRIu64 " whole and begins again: it gets "
                   "a new copy",
                   replica_node_name(replica, receiver->peer), replica->send.snapshot.index);
    }
    return receiver->is_offered_again;
}

void send_asked(struct replica *replica, uint64_t from, const struct peer_snapshot_ask *ask)
{
    struct snapshot_send *send = &replica->send;
    if (send->phase != COPY_READY || !is_same(&send->snapshot, &ask->snapshot)) {
        send_piece(replica, from, &ask->snapshot, ask->offset, slice_of(NULL, 0));
        return;
    }
    struct snapshot_receiver *receiver = find_receiver(send, from);
    if (receiver != NULL) {
        receiver->asked_ms = replica->now_ms;
        if (ask->offset == 0 && begins_again(replica, receiver)) {
            drop_copy(replica);
            send_piece(replica, from, &ask->snapshot, 0, slice_of(NULL, 0));
            return;
        }
        if (ask->offset + ask->bytes == ask->snapshot.bytes) {
            receiver->has_ended = true;
        }
    }
    bool is_sound = ask->offset < ask->snapshot.bytes && ask->bytes > 0 &&
                    ask->bytes <= PEER_SNAPSHOT_PIECE_BYTES &&
                    ask->bytes <= ask->snapshot.bytes - ask->offset;
    if (is_sound) {
        /* With too many under way it is passed over, and asked again. */
        (void)order_read(replica, from, ask->offset, ask->bytes);
    }
}

void send_read_for_backup(struct replica *replica, uint64_t offset, uint32_t bytes)
{
    struct backup *backup = &replica->send.backup;
    backup->read_offset = offset;
    backup->read_bytes = bytes;
    backup->read =
        order_read(replica, RAFT_ID_NONE, offset, bytes) ? BACKUP_READ_WAITS : BACKUP_READ_FAILED;
}

static void backup_was_read(struct backup *backup, struct slice bytes)
{
    buf_clear(&backup->bytes);
    buf_append_slice(&backup->bytes, bytes);
    backup->read = bytes.size == backup->read_bytes ? BACKUP_READ_DONE : BACKUP_READ_FAILED;
}

void replica_on_copy_read(struct replica *replica, uint64_t number, struct slice bytes)
{
    struct snapshot_send *send = &replica->send;
    ASSERT(replica->is_in_turn);
    uint32_t at = 0;
    while (at < send->reads_count && send->reads[at].number != number) {
        at++;
    }
    if (at == send->reads_count) {
        return; /* of a copy that was dropped meanwhile */
    }
    struct snapshot_read read = send->reads[at];
    send->reads[at] = send->reads[--send->reads_count];
    bool has_failed = bytes.size != read.bytes;
    if (read.peer == RAFT_ID_NONE) {
        backup_was_read(&send->backup, bytes);
    } else {
        struct slice kept =
            has_failed ? slice_of(NULL, 0) : orders_keep(&replica->orders, blob_copy(bytes));
        send_piece(replica, read.peer, &send->snapshot, read.offset, kept);
    }
    if (has_failed) {
        logger_log(LOGGER_WARNING, "the copy of the snapshot of index %" PRIu64 " is unreadable",
                   send->snapshot.index);
        drop_copy(replica);
        copy_failed(replica);
    }
}

/* ---- A turn ---- */

static void offer(struct replica *replica, struct snapshot_receiver *receiver)
{
    bool asked_lately =
        receiver->asked_ms != 0 && replica->now_ms < receiver->asked_ms + ASKED_LATELY_MS;
    bool offered_lately =
        receiver->offered_ms != 0 && replica->now_ms < receiver->offered_ms + OFFER_MS;
    if (asked_lately || offered_lately) {
        return;
    }
    receiver->offered_ms = replica->now_ms;
    receiver->is_offered_again = receiver->has_ended;
    struct peer_message message = {
        .type = PEER_MESSAGE_SNAPSHOT_OFFER, .from = replica->self, .to = receiver->peer};
    message.snapshot_offer = replica->send.snapshot;
    outbox_add_message(&replica->outbox, &message);
}

static void serve_receivers(struct replica *replica)
{
    struct snapshot_send *send = &replica->send;
    for (uint32_t i = 0; i < send->receivers_count; i++) {
        struct snapshot_receiver *receiver = &send->receivers[i];
        if (serves(replica, receiver)) {
            send->needed_ms = replica->now_ms;
            offer(replica, receiver);
        } else {
            uint64_t log_index = replica->status.first_index - 1;
            make_copy(replica, receiver->index > log_index ? receiver->index : log_index);
        }
    }
}

static void serve_backup(struct replica *replica)
{
    struct snapshot_send *send = &replica->send;
    struct backup *backup = &send->backup;
    if (backup->session == 0) {
        return;
    }
    if (replica->now_ms >= backup->used_ms + BACKUP_IDLE_MS) {
        buf_deinit(&backup->bytes);
        *backup = (struct backup){0};
        return;
    }
    if (!backup->is_begun && !send_has_copy(replica, backup->index)) {
        make_copy(replica, backup->index);
    }
    send->needed_ms = replica->now_ms;
}

void send_turn(struct replica *replica)
{
    struct snapshot_send *send = &replica->send;
    send->is_awaited = false;
    list_receivers(replica);
    serve_receivers(replica);
    serve_backup(replica);
    if (send->phase == COPY_READY && replica->now_ms >= send->needed_ms + DROP_MS) {
        drop_copy(replica);
    }
}

uint64_t send_deadline_ms(const struct replica *replica)
{
    const struct snapshot_send *send = &replica->send;
    uint64_t now_ms = replica->now_ms;
    if (send->receivers_count > 0 || send->is_awaited) {
        return now_ms + OFFER_MS;
    }
    return send->phase == COPY_READY ? send->needed_ms + DROP_MS : UINT64_MAX;
}

static bool is_needed(const struct replica *replica)
{
    const struct snapshot_send *send = &replica->send;
    for (uint32_t i = 0; i < send->receivers_count; i++) {
        if (serves(replica, &send->receivers[i])) {
            return true;
        }
    }
    return false;
}

uint64_t send_bytes_under_way(const struct replica *replica)
{
    return is_needed(replica) ? replica->send.snapshot.bytes : 0;
}

uint64_t send_log_needed_from(const struct replica *replica)
{
    return is_needed(replica) ? replica->send.snapshot.index : UINT64_MAX;
}

void send_deinit(struct replica *replica)
{
    buf_deinit(&replica->send.backup.bytes);
}
