/* snapshot_receive.c -- a node that cannot go on from the log fetches its leader's state.
 *
 * DESIGN.
 *
 *         offer            all pieces           verified             all rows          installed
 *   NONE -------> FETCHING ----------> VERIFYING ----------> LOADING ---------> INSTALLING -------+
 *    ^               |                     |                    |                   |             |
 *    +---------------+---------------------+--------------------+-------------------+-------------+
 *        given up: the snapshot is gone, does not verify, does not load, or is not needed any more
 *
 * FETCHING keeps RECEIVE_WINDOW pieces asked for, and writes them in order. What has come survives
 * a broken link and a new leader, if that one offers the same file. The rows are loaded into a
 * keyspace of their own while the old one goes on serving; only in INSTALLING nothing is applied,
 * because whatever is in state.db must be what the keyspace grows from. Then the new state takes
 * the place of the old one in a single step, and raft is told.
 *
 * The replies of this node's own writes that the snapshot covers are lost: their clients are told
 * that the outcome is not known, while the old state is still there for the reads between them.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "base/logger.h"
#include "replica/replica_internal.h"

enum {
    ASK_AGAIN_MS = 1000,
    /* A source this silent gives way to another one that offers a snapshot. */
    SOURCE_SILENT_MS = 2000,
    /* And without any for so long, what has come is thrown away. */
    ABANDON_MS = 60 * 1000,
    WANTED_MS = 1000,
    TURN_ROWS_BYTES = 256 * 1024,
    /* Pieces that wait for a disk that is slower than the network: more are not asked for. */
    BACKLOG_BYTES_MAX = 8 * 1024 * 1024,
};

bool receive_holds_apply(const struct replica *replica)
{
    return replica->is_state_missing || replica->receive.phase == RECEIVE_INSTALLING;
}

static void forget_pieces(struct snapshot_receive *receive)
{
    for (uint32_t i = 0; i < RECEIVE_WINDOW; i++) {
        blob_release(receive->slots[i].bytes);
        receive->slots[i] = (struct receive_slot){0};
    }
}

void receive_deinit(struct replica *replica)
{
    forget_pieces(&replica->receive);
    replica_restore_destroy(replica->receive.restore);
}

static void give_up(struct replica *replica, const char *reason)
{
    struct snapshot_receive *receive = &replica->receive;
    logger_log(LOGGER_NOTICE, "gave up fetching the snapshot of index %" PRIu64 ": %s",
               receive->snapshot.index, reason);
    forget_pieces(receive);
    replica_restore_destroy(receive->restore);
    receive->restore = NULL;
    receive->phase = RECEIVE_NONE;
    orders_add_type(&replica->orders, REPLICA_ORDER_RECEIVE_DROP);
}

/* Whether a snapshot of that index would bring this node on. */
static bool is_of_use(const struct replica *replica, uint64_t index)
{
    return replica->is_state_missing ? index + 1 >= replica->status.first_index
                                     : index > replica->applied_index;
}

/* ---- Fetching ---- */

static struct receive_slot *slot_at(struct snapshot_receive *receive, uint64_t offset)
{
    return &receive->slots[offset / PEER_SNAPSHOT_PIECE_BYTES % RECEIVE_WINDOW];
}

static uint32_t piece_bytes(const struct peer_snapshot *snapshot, uint64_t offset)
{
    uint64_t left = snapshot->bytes - offset;
    return left < PEER_SNAPSHOT_PIECE_BYTES ? (uint32_t)left : PEER_SNAPSHOT_PIECE_BYTES;
}

static bool is_same(const struct peer_snapshot *a, const struct peer_snapshot *b)
{
    return a->index == b->index && a->term == b->term && a->bytes == b->bytes && a->hash == b->hash;
}

/* Whatever was asked for is asked for again. */
static void ask_anew(struct snapshot_receive *receive)
{
    for (uint32_t i = 0; i < RECEIVE_WINDOW; i++) {
        receive->slots[i].asked_ms = 0;
    }
}

void receive_link_changed(struct replica *replica, uint64_t peer)
{
    if (replica->receive.phase == RECEIVE_FETCHING && replica->receive.source == peer) {
        ask_anew(&replica->receive);
    }
}

static void begin(struct replica *replica, uint64_t from, const struct peer_snapshot *snapshot)
{
    struct snapshot_receive *receive = &replica->receive;
    logger_log(LOGGER_NOTICE,
               "fetching the snapshot of index %" PRIu64 " (%" PRIu64 " bytes) from %s",
               snapshot->index, snapshot->bytes, replica_node_name(replica, from));
    forget_pieces(receive);
    receive->phase = RECEIVE_FETCHING;
    receive->source = from;
    receive->snapshot = *snapshot;
    receive->written = 0;
    receive->heard_ms = replica->now_ms;
    orders_add_type(&replica->orders, REPLICA_ORDER_RECEIVE_BEGIN);
}

void receive_offer(struct replica *replica, uint64_t from, const struct peer_snapshot *snapshot)
{
    struct snapshot_receive *receive = &replica->receive;
    if (replica->status.role == RAFT_LEADER || snapshot->index == 0 || snapshot->bytes == 0 ||
        !is_of_use(replica, snapshot->index)) {
        return; /* raft finds by itself that this node can go on from the log */
    }
    switch (receive->phase) {
    case RECEIVE_NONE:
        begin(replica, from, snapshot);
        break;
    case RECEIVE_FETCHING: {
        bool is_silent = replica->now_ms >= receive->heard_ms + SOURCE_SILENT_MS;
        if (is_same(&receive->snapshot, snapshot)) {
            if (receive->source != from && is_silent) {
                receive->source = from;
                ask_anew(receive);
            }
        } else if (receive->source == from || is_silent) {
            begin(replica, from, snapshot);
        }
        break;
    }
    case RECEIVE_VERIFYING:
    case RECEIVE_LOADING:
    case RECEIVE_INSTALLING:
        break; /* it is as good as there */
    }
}

/* Writes what came in order, and has the whole file checked once it is there. */
static void write_pieces(struct replica *replica)
{
    struct snapshot_receive *receive = &replica->receive;
    const struct peer_snapshot *snapshot = &receive->snapshot;
    while (receive->written < snapshot->bytes) {
        struct receive_slot *slot = slot_at(receive, receive->written);
        if (slot->bytes == NULL) {
            return;
        }
        struct replica_order order = {.type = REPLICA_ORDER_RECEIVE_WRITE,
                                      .bytes = orders_keep(&replica->orders, slot->bytes)};
        orders_add(&replica->orders, &order);
        receive->written += order.bytes.size;
        *slot = (struct receive_slot){0};
    }
    struct replica_order order = {.type = REPLICA_ORDER_RECEIVE_VERIFY, .snapshot = *snapshot};
    orders_add(&replica->orders, &order);
    receive->phase = RECEIVE_VERIFYING;
}

void receive_piece(struct replica *replica, uint64_t from, const struct peer_snapshot_piece *piece)
{
    struct snapshot_receive *receive = &replica->receive;
    if (receive->phase != RECEIVE_FETCHING || !is_same(&receive->snapshot, &piece->snapshot)) {
        return;
    }
    if (piece->bytes.size == 0) {
        if (from == receive->source) {
            give_up(replica, "its source does not have it any more");
        }
        return;
    }
    bool is_awaited =
        piece->offset % PEER_SNAPSHOT_PIECE_BYTES == 0 && piece->offset >= receive->written &&
        piece->offset < receive->snapshot.bytes &&
        piece->offset - receive->written < (uint64_t)RECEIVE_WINDOW * PEER_SNAPSHOT_PIECE_BYTES &&
        piece->bytes.size == piece_bytes(&receive->snapshot, piece->offset);
    struct receive_slot *slot = slot_at(receive, piece->offset);
    if (!is_awaited || slot->bytes != NULL) {
        return;
    }
    receive->heard_ms = replica->now_ms;
    slot->bytes = blob_copy(piece->bytes);
    write_pieces(replica);
}

void replica_note_receive_backlog(struct replica *replica, uint64_t bytes)
{
    replica->receive.backlog_bytes = bytes;
}

static void ask_pieces(struct replica *replica)
{
    struct snapshot_receive *receive = &replica->receive;
    if (receive->backlog_bytes >= BACKLOG_BYTES_MAX) {
        receive->heard_ms = replica->now_ms; /* It is this node that is slow, not the source. */
        return;
    }
    for (uint64_t i = 0; i < RECEIVE_WINDOW; i++) {
        uint64_t offset = receive->written + i * PEER_SNAPSHOT_PIECE_BYTES;
        if (offset >= receive->snapshot.bytes) {
            return;
        }
        struct receive_slot *slot = slot_at(receive, offset);
        /* While pieces come, the others are on their way, however slowly. */
        uint64_t last_ms = slot->asked_ms > receive->heard_ms ? slot->asked_ms : receive->heard_ms;
        bool is_asked = slot->asked_ms != 0 && replica->now_ms < last_ms + ASK_AGAIN_MS;
        if (slot->bytes != NULL || is_asked) {
            continue;
        }
        slot->asked_ms = replica->now_ms;
        struct peer_message message = {
            .type = PEER_MESSAGE_SNAPSHOT_ASK, .from = replica->self, .to = receive->source};
        message.snapshot_ask = (struct peer_snapshot_ask){receive->snapshot, offset,
                                                          piece_bytes(&receive->snapshot, offset)};
        outbox_add_message(&replica->outbox, &message);
    }
}

/* ---- Checking and loading ---- */

void replica_on_received_verified(struct replica *replica, enum result result,
                                  const struct replica_state_meta *meta)
{
    struct snapshot_receive *receive = &replica->receive;
    ASSERT(replica->is_in_turn);
    ASSERT(receive->phase == RECEIVE_VERIFYING);
    if (result == RESULT_OK &&
        (meta->index != receive->snapshot.index || meta->term != receive->snapshot.term)) {
        result = RESULT_CORRUPT;
    }
    if (result == RESULT_OK) {
        result = replica_restore_begin(meta, &receive->restore);
    }
    if (result != RESULT_OK) {
        give_up(replica, result_text(result));
        return;
    }
    receive->is_unsound = false;
    receive->phase = RECEIVE_LOADING;
    orders_add_type(&replica->orders, REPLICA_ORDER_RECEIVE_LOAD);
}

static void loaded(struct replica *replica, enum result result)
{
    struct snapshot_receive *receive = &replica->receive;
    if (result != RESULT_OK || receive->is_unsound) {
        give_up(replica, result_text(result == RESULT_OK ? RESULT_CORRUPT : result));
        return;
    }
    if (!is_of_use(replica, receive->snapshot.index)) {
        give_up(replica, "this node went on from the log");
        return;
    }
    receive->phase = RECEIVE_INSTALLING;
    orders_add_type(&replica->orders, REPLICA_ORDER_RECEIVE_INSTALL);
}

bool replica_on_received_rows(struct replica *replica, struct slice rows, bool is_last,
                              enum result result)
{
    struct snapshot_receive *receive = &replica->receive;
    ASSERT(replica->is_in_turn);
    ASSERT(receive->phase == RECEIVE_LOADING);
    if (result == RESULT_OK && !receive->is_unsound) {
        receive->is_unsound = replica_restore_rows(receive->restore, rows) != RESULT_OK;
    }
    if (is_last && result == RESULT_OK && !receive->is_unsound) {
        receive->is_unsound = replica_restore_end(receive->restore) != RESULT_OK;
    }
    if (is_last || result != RESULT_OK) {
        loaded(replica, result);
        return false;
    }
    receive->turn_bytes += rows.size;
    return receive->turn_bytes < TURN_ROWS_BYTES;
}

/* ---- The swap ---- */

/* Of this node's own writes, those the snapshot covers were applied, where they had no replies.
 * This comes before the swap: a read that was confirmed already, and stood behind one of them, is
 * answered from the old state, for the new one also has the writes that its client sent behind it.
 *
 * A snapshot from behind a removal of this node does not tell any more which they were: it has no
 * row of this node, or one of later incarnations alone if the node was added again. None of them
 * may be sent again under another incarnation, as they would be once it is a member (M12). */
static void give_up_own_batches(struct replica *replica, const struct sequences *sequences)
{
    bool is_known = false;
    for (uint32_t i = 0; i < sequences->count; i++) {
        const struct sequence_row *row = &sequences->rows[i];
        bool is_own = row->origin == replica->self;
        is_known = is_known || (is_own && row->incarnation <= replica->incarnation);
        if (is_own && row->incarnation == replica->incarnation) {
            give_up_covered(replica, row->sequence);
        }
    }
    if (!is_known) {
        give_up_sent(replica);
    }
}

static void tell_raft(struct replica *replica, const struct peer_snapshot *snapshot)
{
    if (snapshot->index < replica->status.first_index) {
        return; /* the log begins right behind it: there is nothing to change */
    }
    struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT_INSTALLED};
    event.snapshot =
        (struct raft_snapshot){snapshot->index, snapshot->term, &replica->applied_configuration};
    (void)replica_step(replica, &event);
}

void replica_on_received_installed(struct replica *replica, enum result result)
{
    struct snapshot_receive *receive = &replica->receive;
    ASSERT(replica->is_in_turn);
    ASSERT(receive->phase == RECEIVE_INSTALLING);
    if (result != RESULT_OK) {
        save_not_replaced(replica);
        give_up(replica, result_text(result));
        return;
    }
    struct replica_restore *restore = receive->restore;
    receive->restore = NULL;
    receive->phase = RECEIVE_NONE;
    receive->installs++;
    replica->is_state_missing = false;
    give_up_own_batches(replica, &restore->state.sequences);
    restore_take(replica, restore);
    replica->configuration_changed = true;
    logger_log(LOGGER_NOTICE, "took over the snapshot of index %" PRIu64 " from %s",
               receive->snapshot.index, replica_node_name(replica, receive->source));
    tell_raft(replica, &receive->snapshot);
}

/* ---- A turn ---- */

static void say_state_is_missing(struct replica *replica)
{
    struct snapshot_receive *receive = &replica->receive;
    if (receive->wanted_ms != 0 && replica->now_ms < receive->wanted_ms + WANTED_MS) {
        return;
    }
    receive->wanted_ms = replica->now_ms;
    if (replica->status.role == RAFT_LEADER) {
        replica_transfer_leadership(replica); /* to one that can answer */
    } else if (replica->status.leader != RAFT_ID_NONE) {
        struct peer_message message = {.type = PEER_MESSAGE_SNAPSHOT_WANTED,
                                       .from = replica->self,
                                       .to = replica->status.leader};
        message.snapshot_wanted = replica->status.first_index - 1;
        outbox_add_message(&replica->outbox, &message);
    }
}

void receive_turn(struct replica *replica)
{
    struct snapshot_receive *receive = &replica->receive;
    if (replica->is_state_missing) {
        say_state_is_missing(replica);
    }
    if (receive->phase != RECEIVE_FETCHING) {
        return;
    }
    if (!is_of_use(replica, receive->snapshot.index)) {
        give_up(replica, "this node went on from the log");
    } else if (replica->now_ms >= receive->heard_ms + ABANDON_MS) {
        give_up(replica, "its source fell silent");
    } else {
        ask_pieces(replica);
    }
}

uint64_t receive_deadline_ms(const struct replica *replica)
{
    const struct snapshot_receive *receive = &replica->receive;
    if (receive->phase == RECEIVE_FETCHING) {
        return replica->now_ms + ASK_AGAIN_MS;
    }
    return replica->is_state_missing ? receive->wanted_ms + WANTED_MS : UINT64_MAX;
}
