/* peer_link.c -- the sending end of a link: what goes out, in which order, in which pieces.
 *
 * DESIGN
 *   peer_link_send --> output                   while output is short: one copy, encoding
 *                 \--> urgent --\
 *                  \-> bulk -----> output       refill, as the socket takes bytes
 *
 * output is what the socket gets next and holds about PEER_OUTPUT_BYTES at most, so an urgent frame
 * never waits behind more than that and one fragment. Refilling takes all urgent frames first, then
 * bulk frames or, of one over PEER_FRAGMENT_BYTES, its next fragments. Frames of one kind never
 * pass each other, and a frame in fragments is finished before the next bulk frame begins.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "net/peer_internal.h"

/* Room for the fixed part of any frame, and for that of one entry; generous, see message_bytes. */
enum { FRAME_BYTES = 256, ENTRY_BYTES = 64 };

static bool is_raft_bulk(enum raft_message_type type)
{
    switch (type) {
    case RAFT_MESSAGE_APPEND:
        return true;
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
    case RAFT_MESSAGE_VOTE:
    case RAFT_MESSAGE_VOTE_REPLY:
    case RAFT_MESSAGE_APPEND_REPLY:
    case RAFT_MESSAGE_HEARTBEAT:
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
    case RAFT_MESSAGE_READ:
    case RAFT_MESSAGE_READ_REPLY:
    case RAFT_MESSAGE_TIMEOUT_NOW:
        return false;
    }
    return false;
}

/* Appends are bulk even without entries: they stay in order among themselves. */
static bool is_bulk(const struct peer_message *message)
{
    switch (message->type) {
    case PEER_MESSAGE_RAFT:
        return is_raft_bulk(message->raft.type);
    case PEER_MESSAGE_FORWARD:
    case PEER_MESSAGE_SNAPSHOT_PIECE:
        return true;
    case PEER_MESSAGE_FORWARD_REFUSED:
    case PEER_MESSAGE_NODE_INFO:
    case PEER_MESSAGE_SNAPSHOT_WANTED:
    case PEER_MESSAGE_SNAPSHOT_OFFER:
    case PEER_MESSAGE_SNAPSHOT_ASK:
    case PEER_MESSAGE_CHANGE:
    case PEER_MESSAGE_CHANGE_REPLY:
    case PEER_MESSAGE_STATE_HASH:
    case PEER_MESSAGE_REMEMBERED:
        return false;
    }
    return false;
}

/* An upper bound of the encoded size, so that a bound is checked before anything is copied. */
static uint64_t message_bytes(const struct peer_message *message)
{
    uint64_t bytes = FRAME_BYTES;
    if (message->type == PEER_MESSAGE_RAFT && message->raft.type == RAFT_MESSAGE_APPEND) {
        const struct raft_append *append = &message->raft.append;
        for (uint32_t i = 0; i < append->entries_count; i++) {
            bytes += ENTRY_BYTES + blob_slice(append->entries[i].payload).size;
        }
    } else if (message->type == PEER_MESSAGE_FORWARD) {
        bytes += message->forward.commands.size;
    } else if (message->type == PEER_MESSAGE_NODE_INFO) {
        bytes += sizeof(message->node_info);
    } else if (message->type == PEER_MESSAGE_CHANGE) {
        bytes += sizeof(message->change);
    } else if (message->type == PEER_MESSAGE_SNAPSHOT_PIECE) {
        bytes += message->snapshot_piece.bytes.size;
    }
    return bytes;
}

/* The first whole frame of a queue. */
static struct slice first_frame(const struct buf *queue)
{
    struct slice all = buf_slice(queue);
    ASSERT(all.size >= PEER_FRAME_HEADER_BYTES);
    size_t size = PEER_FRAME_HEADER_BYTES + (size_t)bytes_read_u32(all.bytes);
    ASSERT(size <= all.size);
    return slice_of(all.bytes, size);
}

static void take_bulk(struct peer_link *link)
{
    struct slice frame = first_frame(&link->bulk);
    if (frame.size <= PEER_FRAME_HEADER_BYTES + PEER_FRAGMENT_BYTES) {
        buf_append_slice(&link->output, frame);
        buf_consume(&link->bulk, frame.size);
    } else {
        link->bulk_offset =
            peer_frame_fragment(frame, link->bulk_stream, link->bulk_offset, &link->output);
        if (link->bulk_offset == frame.size) {
            buf_consume(&link->bulk, frame.size);
            link->bulk_offset = 0;
            link->bulk_stream++;
        }
    }
    if (buf_size(&link->bulk) == 0) {
        buf_clear_and_shrink(&link->bulk, PEER_KEEP_BYTES);
    }
}

static void refill(struct peer_link *link)
{
    if (buf_size(&link->urgent) > 0 && buf_size(&link->output) < PEER_OUTPUT_BYTES) {
        buf_append_slice(&link->output, buf_slice(&link->urgent));
        buf_clear_and_shrink(&link->urgent, PEER_KEEP_BYTES);
    }
    while (buf_size(&link->bulk) > 0 && buf_size(&link->output) < PEER_OUTPUT_BYTES) {
        take_bulk(link);
    }
}

static void drop(struct peer_link *link)
{
    link->net->stats.frames_dropped++;
    link->owes_unreachable = true;
    peer_net_report_soon(link->net);
}

void peer_link_send(struct peer_link *link, const struct peer_message *message)
{
    ASSERT(link->state == PEER_LINK_UP);
    uint64_t bytes = message_bytes(message);
    bool bulk = is_bulk(message);
    struct buf *queue = bulk ? &link->bulk : &link->urgent;
    uint64_t queued = buf_size(&link->bulk) + buf_size(&link->output);
    /* Bulk waiting in line is no reason to drop a heartbeat: each kind has its own bound. */
    if (bulk ? queued + bytes > link->net->queue_bytes_max
             : buf_size(&link->urgent) + bytes > PEER_URGENT_BYTES_MAX) {
        drop(link);
        return;
    }
    if (buf_size(queue) == 0 && bytes <= PEER_FRAGMENT_BYTES &&
        buf_size(&link->output) < PEER_OUTPUT_BYTES) {
        queue = &link->output;
    }
    size_t before = buf_size(queue);
    (void)buf_reserve(queue, bytes); /* once: growing step by step would copy a large entry again */
    peer_frame_encode(message, queue);
    ASSERT(buf_size(queue) - before <= bytes);
}

/* Writes what output holds. Returns whether the socket took all of it. */
static bool write_output(struct peer_link *link)
{
    struct slice output = buf_slice(&link->output);
    ssize_t written = send(link->descriptor, output.bytes, output.size, MSG_NOSIGNAL);
    if (written < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            peer_link_fail(link, strerror(errno));
            return false;
        }
        written = 0;
    }
    link->net->stats.output_bytes += (uint64_t)written;
    buf_consume(&link->output, (size_t)written);
    return (size_t)written == output.size;
}

void peer_link_flush(struct peer_link *link)
{
    uint64_t budget_end = link->net->stats.output_bytes + PEER_FLUSH_BYTES;
    bool has_room = !link->is_socket_full;
    while (link->state == PEER_LINK_UP && has_room) {
        refill(link);
        if (buf_size(&link->output) == 0) {
            buf_clear_and_shrink(&link->output, PEER_KEEP_BYTES);
            return;
        }
        has_room = write_output(link) && link->net->stats.output_bytes < budget_end;
    }
    bool has_more = buf_size(&link->output) + buf_size(&link->urgent) + buf_size(&link->bulk) > 0;
    if (link->state == PEER_LINK_UP && !link->is_socket_full && has_more) {
        link->is_socket_full = true;
        (void)event_add(&link->writable, NULL);
    }
}

void peer_link_clear(struct peer_link *link)
{
    buf_deinit(&link->output);
    buf_deinit(&link->urgent);
    buf_deinit(&link->bulk);
    link->bulk_offset = 0;
    link->bulk_stream++;
    link->is_socket_full = false;
}
