/* peer_body_message.c -- which body belongs to which message, and the bodies of a few lines. */
#include "wire/peer_body.h"

#include "base/assert.h"

static void put_forward(struct buf *out, const struct peer_forward *forward)
{
    ASSERT(forward->header.commands_bytes == forward->commands.size);
    (void)buf_reserve(out, BATCH_HEADER_BYTES + forward->commands.size);
    batch_put_header(out, &forward->header);
    buf_append_slice(out, forward->commands);
}

static bool get_forward(struct bytes_reader *reader, struct peer_forward *out)
{
    return batch_get_header(reader, &out->header, &out->commands) == RESULT_OK;
}

static void put_forward_refused(struct buf *out, const struct peer_forward_refused *refused)
{
    bytes_put_u64(out, refused->incarnation);
    bytes_put_u64(out, refused->sequence);
    bytes_put_u64(out, refused->leader);
}

static bool get_forward_refused(struct bytes_reader *reader, struct peer_forward_refused *out)
{
    out->incarnation = bytes_get_u64(reader);
    out->sequence = bytes_get_u64(reader);
    out->leader = bytes_get_u64(reader);
    return !reader->bad;
}

static void put_node_info(struct buf *out, const struct peer_node_info *info)
{
    peer_body_put_text(out, info->name, sizeof(info->name));
    peer_body_put_text(out, info->raft_address, sizeof(info->raft_address));
    peer_body_put_text(out, info->http_address, sizeof(info->http_address));
    peer_body_put_text(out, info->redis_address, sizeof(info->redis_address));
    peer_body_put_text(out, info->version, sizeof(info->version));
    peer_body_put_flag(out, info->is_disk_low);
}

static bool get_node_info(struct bytes_reader *reader, struct peer_node_info *out)
{
    peer_body_get_text(reader, out->name, sizeof(out->name));
    peer_body_get_text(reader, out->raft_address, sizeof(out->raft_address));
    peer_body_get_text(reader, out->http_address, sizeof(out->http_address));
    peer_body_get_text(reader, out->redis_address, sizeof(out->redis_address));
    peer_body_get_text(reader, out->version, sizeof(out->version));
    out->is_disk_low = peer_body_get_flag(reader);
    return !reader->bad;
}

static bool get_snapshot_wanted(struct bytes_reader *reader, uint64_t *index)
{
    *index = bytes_get_u64(reader);
    return !reader->bad;
}

static void put_state_hash(struct buf *out, const struct peer_state_hash *hash)
{
    bytes_put_u64(out, hash->index);
    bytes_put_u64(out, hash->hash);
}

static bool get_state_hash(struct bytes_reader *reader, struct peer_state_hash *out)
{
    out->index = bytes_get_u64(reader);
    out->hash = bytes_get_u64(reader);
    return !reader->bad;
}

static void put_remembered(struct buf *out, const struct raft_memory *memory)
{
    bytes_put_u64(out, memory->disk_id);
    bytes_put_u64(out, memory->term);
    bytes_put_u64(out, memory->index);
}

static bool get_remembered(struct bytes_reader *reader, struct raft_memory *out)
{
    out->disk_id = bytes_get_u64(reader);
    out->term = bytes_get_u64(reader);
    out->index = bytes_get_u64(reader);
    bool is_memory = out->disk_id != 0;
    return !reader->bad && (out->term != 0) == is_memory && (out->index != 0) == is_memory;
}

enum peer_frame_type peer_body_type(enum peer_message_type type)
{
    switch (type) {
    case PEER_MESSAGE_RAFT:
        break; /* has many: peer_body_raft_type */
    case PEER_MESSAGE_FORWARD:
        return PEER_FRAME_FORWARD;
    case PEER_MESSAGE_FORWARD_REFUSED:
        return PEER_FRAME_FORWARD_REFUSED;
    case PEER_MESSAGE_NODE_INFO:
        return PEER_FRAME_NODE_INFO;
    case PEER_MESSAGE_SNAPSHOT_WANTED:
        return PEER_FRAME_SNAPSHOT_WANTED;
    case PEER_MESSAGE_SNAPSHOT_OFFER:
        return PEER_FRAME_SNAPSHOT_OFFER;
    case PEER_MESSAGE_SNAPSHOT_ASK:
        return PEER_FRAME_SNAPSHOT_ASK;
    case PEER_MESSAGE_SNAPSHOT_PIECE:
        return PEER_FRAME_SNAPSHOT_PIECE;
    case PEER_MESSAGE_CHANGE:
        return PEER_FRAME_CHANGE;
    case PEER_MESSAGE_CHANGE_REPLY:
        return PEER_FRAME_CHANGE_REPLY;
    case PEER_MESSAGE_STATE_HASH:
        return PEER_FRAME_STATE_HASH;
    case PEER_MESSAGE_REMEMBERED:
        return PEER_FRAME_REMEMBERED;
    }
    ASSERT(!"a peer message of no known type");
}

void peer_body_put(struct buf *out, const struct peer_message *message)
{
    switch (message->type) {
    case PEER_MESSAGE_RAFT:
        ASSERT(!"a raft message: peer_body_put_raft");
    case PEER_MESSAGE_FORWARD:
        put_forward(out, &message->forward);
        break;
    case PEER_MESSAGE_FORWARD_REFUSED:
        put_forward_refused(out, &message->forward_refused);
        break;
    case PEER_MESSAGE_NODE_INFO:
        put_node_info(out, &message->node_info);
        break;
    case PEER_MESSAGE_SNAPSHOT_WANTED:
        bytes_put_u64(out, message->snapshot_wanted);
        break;
    case PEER_MESSAGE_SNAPSHOT_OFFER:
        peer_body_put_snapshot(out, &message->snapshot_offer);
        break;
    case PEER_MESSAGE_SNAPSHOT_ASK:
        peer_body_put_snapshot_ask(out, &message->snapshot_ask);
        break;
    case PEER_MESSAGE_SNAPSHOT_PIECE:
        peer_body_put_snapshot_piece(out, &message->snapshot_piece);
        break;
    case PEER_MESSAGE_CHANGE:
        peer_body_put_change(out, &message->change);
        break;
    case PEER_MESSAGE_CHANGE_REPLY:
        peer_body_put_change_reply(out, &message->change_reply);
        break;
    case PEER_MESSAGE_STATE_HASH:
        put_state_hash(out, &message->state_hash);
        break;
    case PEER_MESSAGE_REMEMBERED:
        put_remembered(out, &message->remembered);
        break;
    }
}

/* What a frame without a raft message carries; 0 for a fragment, which is no message itself. */
static enum peer_message_type message_type(enum peer_frame_type type)
{
    static const uint8_t types[] = {
        [PEER_FRAME_FORWARD] = PEER_MESSAGE_FORWARD,
        [PEER_FRAME_FORWARD_REFUSED] = PEER_MESSAGE_FORWARD_REFUSED,
        [PEER_FRAME_NODE_INFO] = PEER_MESSAGE_NODE_INFO,
        [PEER_FRAME_SNAPSHOT_WANTED] = PEER_MESSAGE_SNAPSHOT_WANTED,
        [PEER_FRAME_SNAPSHOT_OFFER] = PEER_MESSAGE_SNAPSHOT_OFFER,
        [PEER_FRAME_SNAPSHOT_ASK] = PEER_MESSAGE_SNAPSHOT_ASK,
        [PEER_FRAME_SNAPSHOT_PIECE] = PEER_MESSAGE_SNAPSHOT_PIECE,
        [PEER_FRAME_CHANGE] = PEER_MESSAGE_CHANGE,
        [PEER_FRAME_CHANGE_REPLY] = PEER_MESSAGE_CHANGE_REPLY,
        [PEER_FRAME_STATE_HASH] = PEER_MESSAGE_STATE_HASH,
        [PEER_FRAME_REMEMBERED] = PEER_MESSAGE_REMEMBERED,
    };
    return (enum peer_message_type)types[type];
}

static bool get_body(struct bytes_reader *reader, struct peer_message *message)
{
    switch (message->type) {
    case PEER_MESSAGE_RAFT:
        break; /* peer_body_get_raft's */
    case PEER_MESSAGE_FORWARD:
        return get_forward(reader, &message->forward);
    case PEER_MESSAGE_FORWARD_REFUSED:
        return get_forward_refused(reader, &message->forward_refused);
    case PEER_MESSAGE_NODE_INFO:
        return get_node_info(reader, &message->node_info);
    case PEER_MESSAGE_SNAPSHOT_WANTED:
        return get_snapshot_wanted(reader, &message->snapshot_wanted);
    case PEER_MESSAGE_SNAPSHOT_OFFER:
        return peer_body_get_snapshot(reader, &message->snapshot_offer);
    case PEER_MESSAGE_SNAPSHOT_ASK:
        return peer_body_get_snapshot_ask(reader, &message->snapshot_ask);
    case PEER_MESSAGE_SNAPSHOT_PIECE:
        return peer_body_get_snapshot_piece(reader, &message->snapshot_piece);
    case PEER_MESSAGE_CHANGE:
        return peer_body_get_change(reader, &message->change);
    case PEER_MESSAGE_CHANGE_REPLY:
        return peer_body_get_change_reply(reader, &message->change_reply);
    case PEER_MESSAGE_STATE_HASH:
        return get_state_hash(reader, &message->state_hash);
    case PEER_MESSAGE_REMEMBERED:
        return get_remembered(reader, &message->remembered);
    }
    return false;
}

bool peer_body_get(struct bytes_reader *reader, enum peer_frame_type type,
                   struct peer_message *message)
{
    message->type = message_type(type);
    return get_body(reader, message) && bytes_left(reader) == 0;
}
