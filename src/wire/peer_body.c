/* peer_body.c -- raft's messages as frame bodies; the layouts are in peer_body.h. */
#include "wire/peer_body.h"

#include "base/assert.h"
#include "base/mem.h"

enum { ENTRIES_CAPACITY_MIN = 16 };

enum peer_frame_type peer_body_raft_type(enum raft_message_type type)
{
    switch (type) {
    case RAFT_MESSAGE_PRE_VOTE:
        return PEER_FRAME_PRE_VOTE;
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
        return PEER_FRAME_PRE_VOTE_REPLY;
    case RAFT_MESSAGE_VOTE:
        return PEER_FRAME_VOTE;
    case RAFT_MESSAGE_VOTE_REPLY:
        return PEER_FRAME_VOTE_REPLY;
    case RAFT_MESSAGE_APPEND:
        return PEER_FRAME_APPEND;
    case RAFT_MESSAGE_APPEND_REPLY:
        return PEER_FRAME_APPEND_REPLY;
    case RAFT_MESSAGE_HEARTBEAT:
        return PEER_FRAME_HEARTBEAT;
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
        return PEER_FRAME_HEARTBEAT_REPLY;
    case RAFT_MESSAGE_READ:
        return PEER_FRAME_READ;
    case RAFT_MESSAGE_READ_REPLY:
        return PEER_FRAME_READ_REPLY;
    case RAFT_MESSAGE_TIMEOUT_NOW:
        return PEER_FRAME_TIMEOUT_NOW;
    }
    ASSERT(!"a raft message of no known type");
}

static void put_append(struct buf *out, const struct raft_append *append)
{
    ASSERT(append->entries_count <= LIMIT_APPEND_ENTRIES);
    size_t size = PEER_BODY_APPEND_BYTES;
    for (uint32_t i = 0; i < append->entries_count; i++) {
        size += PEER_BODY_ENTRY_BYTES + blob_slice(append->entries[i].payload).size;
    }
    (void)buf_reserve(out, size);
    bytes_put_u64(out, append->previous_index);
    bytes_put_u64(out, append->previous_term);
    bytes_put_u64(out, append->commit_index);
    bytes_put_u64(out, append->clock_ms);
    bytes_put_u64(out, append->sequence);
    bytes_put_u32(out, append->entries_count);
    peer_body_put_zeros(out, 4);
    for (uint32_t i = 0; i < append->entries_count; i++) {
        const struct raft_entry *entry = &append->entries[i];
        struct slice payload = blob_slice(entry->payload);
        ASSERT(entry->index == append->previous_index + 1 + i);
        ASSERT(payload.size <= LIMIT_ENTRY_BYTES);
        bytes_put_u64(out, entry->term);
        bytes_put_u32(out, (uint32_t)payload.size);
        bytes_put_u8(out, (uint8_t)entry->type);
        peer_body_put_zeros(out, 3);
        buf_append_slice(out, payload);
    }
}

static bool is_entry_type(uint8_t type)
{
    return type == RAFT_ENTRY_NOOP || type == RAFT_ENTRY_COMMAND ||
           type == RAFT_ENTRY_CONFIGURATION;
}

static struct raft_entry *next_scratch_entry(struct peer_frame_scratch *scratch)
{
    if (scratch->count == scratch->capacity) {
        scratch->capacity = scratch->capacity == 0 ? ENTRIES_CAPACITY_MIN : scratch->capacity * 2;
        scratch->entries =
            mem_realloc(scratch->entries, scratch->capacity * sizeof(*scratch->entries));
    }
    return &scratch->entries[scratch->count++];
}

static bool get_entry(struct bytes_reader *reader, uint64_t index,
                      struct peer_frame_scratch *scratch)
{
    uint64_t term = bytes_get_u64(reader);
    uint32_t payload_bytes = bytes_get_u32(reader);
    uint8_t type = bytes_get_u8(reader);
    peer_body_get_zeros(reader, 3);
    struct slice payload = bytes_get_bytes(reader, payload_bytes);
    if (reader->bad || !is_entry_type(type) || payload.size > LIMIT_ENTRY_BYTES) {
        return false;
    }
    *next_scratch_entry(scratch) = (struct raft_entry){
        .index = index,
        .term = term,
        .type = (enum raft_entry_type)type,
        .payload = payload.size == 0 ? NULL : blob_copy(payload),
    };
    return true;
}

static bool get_append(struct bytes_reader *reader, struct peer_frame_scratch *scratch,
                       struct raft_append *out)
{
    out->previous_index = bytes_get_u64(reader);
    out->previous_term = bytes_get_u64(reader);
    out->commit_index = bytes_get_u64(reader);
    out->clock_ms = bytes_get_u64(reader);
    out->sequence = bytes_get_u64(reader);
    out->entries_count = bytes_get_u32(reader);
    peer_body_get_zeros(reader, 4);
    if (reader->bad || out->entries_count > LIMIT_APPEND_ENTRIES ||
        out->previous_index > UINT64_MAX - LIMIT_APPEND_ENTRIES) {
        return false;
    }
    for (uint32_t i = 0; i < out->entries_count; i++) {
        if (!get_entry(reader, out->previous_index + 1 + i, scratch)) {
            return false;
        }
    }
    out->entries = scratch->entries;
    return true;
}

static void put_append_reply(struct buf *out, const struct raft_append_reply *reply)
{
    bytes_put_u64(out, reply->match_index);
    bytes_put_u64(out, reply->rejected_index);
    bytes_put_u64(out, reply->conflict_term);
    bytes_put_u64(out, reply->conflict_index);
    peer_body_put_flag(out, reply->rejected);
    bytes_put_u64(out, reply->disk_id);
    bytes_put_u64(out, reply->sequence);
}

static void get_append_reply(struct bytes_reader *reader, struct raft_append_reply *out)
{
    out->match_index = bytes_get_u64(reader);
    out->rejected_index = bytes_get_u64(reader);
    out->conflict_term = bytes_get_u64(reader);
    out->conflict_index = bytes_get_u64(reader);
    out->rejected = peer_body_get_flag(reader);
    out->disk_id = bytes_get_u64(reader);
    out->sequence = bytes_get_u64(reader);
}

static void put_vote(struct buf *out, const struct raft_vote *vote)
{
    bytes_put_u64(out, vote->last_log_index);
    bytes_put_u64(out, vote->last_log_term);
    peer_body_put_flag(out, vote->leadership_transfer);
}

static void get_vote(struct bytes_reader *reader, struct raft_vote *out)
{
    out->last_log_index = bytes_get_u64(reader);
    out->last_log_term = bytes_get_u64(reader);
    out->leadership_transfer = peer_body_get_flag(reader);
}

static void put_vote_reply(struct buf *out, const struct raft_vote_reply *reply)
{
    peer_body_put_flag(out, reply->granted);
    bytes_put_u64(out, reply->disk_id);
}

static void get_vote_reply(struct bytes_reader *reader, struct raft_vote_reply *out)
{
    out->granted = peer_body_get_flag(reader);
    out->disk_id = bytes_get_u64(reader);
}

static void put_heartbeat(struct buf *out, const struct raft_heartbeat *heartbeat)
{
    bytes_put_u64(out, heartbeat->commit_index);
    bytes_put_u64(out, heartbeat->read_round);
    bytes_put_u64(out, heartbeat->clock_ms);
}

static void get_heartbeat(struct bytes_reader *reader, struct raft_heartbeat *out)
{
    out->commit_index = bytes_get_u64(reader);
    out->read_round = bytes_get_u64(reader);
    out->clock_ms = bytes_get_u64(reader);
}

static void put_heartbeat_reply(struct buf *out, const struct raft_heartbeat_reply *reply)
{
    bytes_put_u64(out, reply->read_round);
    bytes_put_u64(out, reply->disk_id);
}

static void get_heartbeat_reply(struct bytes_reader *reader, struct raft_heartbeat_reply *out)
{
    out->read_round = bytes_get_u64(reader);
    out->disk_id = bytes_get_u64(reader);
}

static void put_read_reply(struct buf *out, const struct raft_read_reply *reply)
{
    bytes_put_u64(out, reply->context);
    bytes_put_u64(out, reply->index);
    bytes_put_u64(out, reply->commit_index);
    peer_body_put_flag(out, reply->confirmed);
}

static void get_read_reply(struct bytes_reader *reader, struct raft_read_reply *out)
{
    out->context = bytes_get_u64(reader);
    out->index = bytes_get_u64(reader);
    out->commit_index = bytes_get_u64(reader);
    out->confirmed = peer_body_get_flag(reader);
}

void peer_body_put_raft(struct buf *out, const struct raft_message *message)
{
    bytes_put_u64(out, message->term);
    switch (message->type) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE:
        put_vote(out, &message->vote);
        break;
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
    case RAFT_MESSAGE_VOTE_REPLY:
        put_vote_reply(out, &message->vote_reply);
        break;
    case RAFT_MESSAGE_APPEND:
        put_append(out, &message->append);
        break;
    case RAFT_MESSAGE_APPEND_REPLY:
        put_append_reply(out, &message->append_reply);
        break;
    case RAFT_MESSAGE_HEARTBEAT:
        put_heartbeat(out, &message->heartbeat);
        break;
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
        put_heartbeat_reply(out, &message->heartbeat_reply);
        break;
    case RAFT_MESSAGE_READ:
        bytes_put_u64(out, message->read.context);
        bytes_put_u64(out, message->read.disk_id);
        break;
    case RAFT_MESSAGE_READ_REPLY:
        put_read_reply(out, &message->read_reply);
        break;
    case RAFT_MESSAGE_TIMEOUT_NOW:
        break;
    }
}

bool peer_body_get_raft(struct bytes_reader *reader, enum raft_message_type type,
                        struct peer_frame_scratch *scratch, struct raft_message *out)
{
    out->type = type;
    out->term = bytes_get_u64(reader);
    switch (type) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE:
        get_vote(reader, &out->vote);
        break;
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
    case RAFT_MESSAGE_VOTE_REPLY:
        get_vote_reply(reader, &out->vote_reply);
        break;
    case RAFT_MESSAGE_APPEND:
        if (!get_append(reader, scratch, &out->append)) {
            return false;
        }
        break;
    case RAFT_MESSAGE_APPEND_REPLY:
        get_append_reply(reader, &out->append_reply);
        break;
    case RAFT_MESSAGE_HEARTBEAT:
        get_heartbeat(reader, &out->heartbeat);
        break;
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
        get_heartbeat_reply(reader, &out->heartbeat_reply);
        break;
    case RAFT_MESSAGE_READ:
        out->read.context = bytes_get_u64(reader);
        out->read.disk_id = bytes_get_u64(reader);
        break;
    case RAFT_MESSAGE_READ_REPLY:
        get_read_reply(reader, &out->read_reply);
        break;
    case RAFT_MESSAGE_TIMEOUT_NOW:
        break;
    }
    return !reader->bad && bytes_left(reader) == 0;
}
