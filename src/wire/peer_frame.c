/* peer_frame.c -- whole frames: header, checksum, and which body belongs to which type. */
#include "wire/peer_frame.h"

#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "wire/peer_body.h"

enum { FRAME_VERSION = 1 };

/* Where the header's fields are; the table is in peer_frame.h. */
enum {
    BODY_BYTES_AT = 0,
    TYPE_AT = 4,
    VERSION_AT = 5,
    GROUP_AT = 6,
    FROM_AT = 8,
    TO_AT = 16,
    CHECKSUM_AT = 24,
};

/* What a type's body may weigh, and the raft message it carries, 0 for none. */
struct frame_kind {
    uint32_t body_bytes_min;
    uint32_t body_bytes_max;
    uint8_t raft_type;
};

#define FIXED(bytes, raft_type)                                                                    \
    {                                                                                              \
        (bytes), (bytes), (raft_type)                                                              \
    }

static const struct frame_kind frame_kinds[] = {
    [PEER_FRAME_PRE_VOTE] = FIXED(PEER_BODY_VOTE_BYTES, RAFT_MESSAGE_PRE_VOTE),
    [PEER_FRAME_PRE_VOTE_REPLY] = FIXED(PEER_BODY_VOTE_REPLY_BYTES, RAFT_MESSAGE_PRE_VOTE_REPLY),
    [PEER_FRAME_VOTE] = FIXED(PEER_BODY_VOTE_BYTES, RAFT_MESSAGE_VOTE),
    [PEER_FRAME_VOTE_REPLY] = FIXED(PEER_BODY_VOTE_REPLY_BYTES, RAFT_MESSAGE_VOTE_REPLY),
    [PEER_FRAME_APPEND] = {PEER_BODY_APPEND_BYTES, PEER_BODY_APPEND_BYTES_MAX, RAFT_MESSAGE_APPEND},
    [PEER_FRAME_APPEND_REPLY] = FIXED(PEER_BODY_APPEND_REPLY_BYTES, RAFT_MESSAGE_APPEND_REPLY),
    [PEER_FRAME_HEARTBEAT] = FIXED(PEER_BODY_HEARTBEAT_BYTES, RAFT_MESSAGE_HEARTBEAT),
    [PEER_FRAME_HEARTBEAT_REPLY] =
        FIXED(PEER_BODY_HEARTBEAT_REPLY_BYTES, RAFT_MESSAGE_HEARTBEAT_REPLY),
    [PEER_FRAME_READ] = FIXED(PEER_BODY_READ_BYTES, RAFT_MESSAGE_READ),
    [PEER_FRAME_READ_REPLY] = FIXED(PEER_BODY_READ_REPLY_BYTES, RAFT_MESSAGE_READ_REPLY),
    [PEER_FRAME_TIMEOUT_NOW] = FIXED(PEER_BODY_TIMEOUT_NOW_BYTES, RAFT_MESSAGE_TIMEOUT_NOW),
    [PEER_FRAME_FORWARD] = {BATCH_HEADER_BYTES, PEER_BODY_FORWARD_BYTES_MAX, 0},
    [PEER_FRAME_FORWARD_REFUSED] = FIXED(PEER_BODY_FORWARD_REFUSED_BYTES, 0),
    [PEER_FRAME_NODE_INFO] = FIXED(PEER_BODY_NODE_INFO_BYTES, 0),
    [PEER_FRAME_FRAGMENT] = {PEER_FRAGMENT_HEADER_BYTES + 1,
                             PEER_FRAGMENT_HEADER_BYTES + PEER_FRAGMENT_BYTES, 0},
};

enum { FRAME_KINDS_COUNT = sizeof(frame_kinds) / sizeof(frame_kinds[0]) };

/* Writes everything of a header but its checksum. */
static void set_header(uint8_t *at, const struct peer_frame_header *header)
{
    memset(at, 0, PEER_FRAME_HEADER_BYTES);
    bytes_set_u32(at + BODY_BYTES_AT, header->body_bytes);
    at[TYPE_AT] = (uint8_t)header->type;
    at[VERSION_AT] = FRAME_VERSION;
    bytes_set_u64(at + FROM_AT, header->from);
    bytes_set_u64(at + TO_AT, header->to);
}

static uint64_t checksum_of(const uint8_t *header_at, struct slice body)
{
    return hash_bytes(hash_bytes(0, body), slice_of(header_at, CHECKSUM_AT));
}

uint64_t peer_frame_checksum(const struct peer_frame_header *header, struct slice body)
{
    /* What decoding accepted is what these fields encode to: version and group are constants. */
    uint8_t at[PEER_FRAME_HEADER_BYTES];
    set_header(at, header);
    return checksum_of(at, body);
}

size_t peer_frame_begin(struct buf *out, enum peer_frame_type type, uint64_t from, uint64_t to)
{
    size_t begin = buf_size(out);
    const struct peer_frame_header header = {.type = type, .from = from, .to = to};
    set_header(buf_reserve(out, PEER_FRAME_HEADER_BYTES), &header);
    buf_commit(out, PEER_FRAME_HEADER_BYTES);
    return begin;
}

void peer_frame_end(struct buf *out, size_t begin)
{
    uint8_t *at = out->bytes + out->head + begin;
    size_t body_bytes = buf_size(out) - begin - PEER_FRAME_HEADER_BYTES;
    ASSERT(body_bytes >= frame_kinds[at[TYPE_AT]].body_bytes_min);
    ASSERT(body_bytes <= frame_kinds[at[TYPE_AT]].body_bytes_max);
    bytes_set_u32(at + BODY_BYTES_AT, (uint32_t)body_bytes);
    struct slice body = slice_of(at + PEER_FRAME_HEADER_BYTES, body_bytes);
    bytes_set_u64(at + CHECKSUM_AT, checksum_of(at, body));
}

static void put_forward(struct buf *out, const struct peer_forward *forward)
{
    ASSERT(forward->header.commands_bytes == forward->commands.size);
    (void)buf_reserve(out, BATCH_HEADER_BYTES + forward->commands.size);
    batch_put_header(out, &forward->header);
    buf_append_slice(out, forward->commands);
}

static bool get_forward(struct bytes_reader *reader, struct peer_forward *out)
{
    return batch_get_header(reader, &out->header, &out->commands) == RESULT_OK &&
           bytes_left(reader) == 0;
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
    return !reader->bad && bytes_left(reader) == 0;
}

/* Appends text in a field of so many bytes, cut to leave one NUL. */
static void put_text(struct buf *out, const char *text, size_t field_bytes)
{
    uint8_t *at = buf_reserve(out, field_bytes);
    memset(at, 0, field_bytes);
    memcpy(at, text, strnlen(text, field_bytes - 1));
    buf_commit(out, field_bytes);
}

static void get_text(struct bytes_reader *reader, char *text, size_t field_bytes)
{
    struct slice field = bytes_get_bytes(reader, field_bytes);
    if (reader->bad || field.bytes[field_bytes - 1] != '\0') {
        reader->bad = true;
        return;
    }
    memcpy(text, field.bytes, field_bytes);
}

static void put_node_info(struct buf *out, const struct peer_node_info *info)
{
    put_text(out, info->name, sizeof(info->name));
    put_text(out, info->raft_address, sizeof(info->raft_address));
    put_text(out, info->http_address, sizeof(info->http_address));
    put_text(out, info->redis_address, sizeof(info->redis_address));
    put_text(out, info->version, sizeof(info->version));
}

static bool get_node_info(struct bytes_reader *reader, struct peer_node_info *out)
{
    get_text(reader, out->name, sizeof(out->name));
    get_text(reader, out->raft_address, sizeof(out->raft_address));
    get_text(reader, out->http_address, sizeof(out->http_address));
    get_text(reader, out->redis_address, sizeof(out->redis_address));
    get_text(reader, out->version, sizeof(out->version));
    return !reader->bad && bytes_left(reader) == 0;
}

static enum peer_frame_type frame_type(const struct peer_message *message)
{
    switch (message->type) {
    case PEER_MESSAGE_RAFT:
        return peer_body_raft_type(message->raft.type);
    case PEER_MESSAGE_FORWARD:
        return PEER_FRAME_FORWARD;
    case PEER_MESSAGE_FORWARD_REFUSED:
        return PEER_FRAME_FORWARD_REFUSED;
    case PEER_MESSAGE_NODE_INFO:
        return PEER_FRAME_NODE_INFO;
    case PEER_MESSAGE_SNAPSHOT_WANTED:
    case PEER_MESSAGE_SNAPSHOT_OFFER:
    case PEER_MESSAGE_SNAPSHOT_ASK:
    case PEER_MESSAGE_SNAPSHOT_PIECE:
    case PEER_MESSAGE_CHANGE:
    case PEER_MESSAGE_CHANGE_REPLY:
    case PEER_MESSAGE_STATE_HASH:
        break;
    }
    ASSERT(!"a peer message of no known type");
}

void peer_frame_encode(const struct peer_message *message, struct buf *out)
{
    size_t begin = peer_frame_begin(out, frame_type(message), message->from, message->to);
    switch (message->type) {
    case PEER_MESSAGE_RAFT:
        peer_body_put_raft(out, &message->raft);
        break;
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
    case PEER_MESSAGE_SNAPSHOT_OFFER:
    case PEER_MESSAGE_SNAPSHOT_ASK:
    case PEER_MESSAGE_SNAPSHOT_PIECE:
    case PEER_MESSAGE_CHANGE:
    case PEER_MESSAGE_CHANGE_REPLY:
    case PEER_MESSAGE_STATE_HASH:
        break;
    }
    peer_frame_end(out, begin);
}

enum result peer_frame_header_decode(const uint8_t *at, struct peer_frame_header *header)
{
    if (at[VERSION_AT] != FRAME_VERSION) {
        return RESULT_VERSION;
    }
    uint8_t type = at[TYPE_AT];
    uint32_t body_bytes = bytes_read_u32(at + BODY_BYTES_AT);
    if (type == 0 || type >= FRAME_KINDS_COUNT || (at[GROUP_AT] | at[GROUP_AT + 1]) != 0) {
        return RESULT_CORRUPT;
    }
    if (body_bytes < frame_kinds[type].body_bytes_min ||
        body_bytes > frame_kinds[type].body_bytes_max) {
        return RESULT_CORRUPT;
    }
    *header = (struct peer_frame_header){
        .body_bytes = body_bytes,
        .type = (enum peer_frame_type)type,
        .from = bytes_read_u64(at + FROM_AT),
        .to = bytes_read_u64(at + TO_AT),
        .checksum = bytes_read_u64(at + CHECKSUM_AT),
    };
    return RESULT_OK;
}

static void release_entries(struct peer_frame_scratch *scratch)
{
    for (uint32_t i = 0; i < scratch->count; i++) {
        blob_release(scratch->entries[i].payload);
    }
    scratch->count = 0;
}

void peer_frame_scratch_deinit(struct peer_frame_scratch *scratch)
{
    release_entries(scratch);
    mem_free(scratch->entries);
    *scratch = (struct peer_frame_scratch){0};
}

/* Decodes the body into the part of message that its type names. */
static bool get_body(const struct peer_frame_header *header, struct bytes_reader *reader,
                     struct peer_frame_scratch *scratch, struct peer_message *message)
{
    if (header->type == PEER_FRAME_FORWARD) {
        message->type = PEER_MESSAGE_FORWARD;
        return get_forward(reader, &message->forward);
    }
    if (header->type == PEER_FRAME_FORWARD_REFUSED) {
        message->type = PEER_MESSAGE_FORWARD_REFUSED;
        return get_forward_refused(reader, &message->forward_refused);
    }
    if (header->type == PEER_FRAME_NODE_INFO) {
        message->type = PEER_MESSAGE_NODE_INFO;
        return get_node_info(reader, &message->node_info);
    }
    uint8_t raft_type = frame_kinds[header->type].raft_type;
    if (raft_type == 0) {
        return false;
    }
    message->type = PEER_MESSAGE_RAFT;
    message->raft.from = header->from;
    message->raft.to = header->to;
    return peer_body_get_raft(reader, (enum raft_message_type)raft_type, scratch, &message->raft);
}

enum result peer_frame_decode(const struct peer_frame_header *header, struct slice body,
                              struct peer_frame_scratch *scratch, struct peer_message *message)
{
    release_entries(scratch);
    if (body.size != header->body_bytes || peer_frame_checksum(header, body) != header->checksum) {
        return RESULT_CORRUPT;
    }
    struct bytes_reader reader = bytes_reader_of(body);
    struct peer_message decoded = {.from = header->from, .to = header->to};
    if (!get_body(header, &reader, scratch, &decoded)) {
        release_entries(scratch);
        return RESULT_CORRUPT;
    }
    *message = decoded;
    return RESULT_OK;
}
