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
    [PEER_FRAME_SNAPSHOT_WANTED] = FIXED(PEER_BODY_SNAPSHOT_WANTED_BYTES, 0),
    [PEER_FRAME_SNAPSHOT_OFFER] = FIXED(PEER_BODY_SNAPSHOT_BYTES, 0),
    [PEER_FRAME_SNAPSHOT_ASK] = FIXED(PEER_BODY_SNAPSHOT_ASK_BYTES, 0),
    [PEER_FRAME_SNAPSHOT_PIECE] = {PEER_BODY_SNAPSHOT_PIECE_BYTES,
                                   PEER_BODY_SNAPSHOT_PIECE_BYTES + PEER_SNAPSHOT_PIECE_BYTES, 0},
    [PEER_FRAME_CHANGE] = FIXED(PEER_BODY_CHANGE_BYTES, 0),
    [PEER_FRAME_CHANGE_REPLY] = FIXED(PEER_BODY_CHANGE_REPLY_BYTES, 0),
    [PEER_FRAME_STATE_HASH] = FIXED(PEER_BODY_STATE_HASH_BYTES, 0),
    [PEER_FRAME_REMEMBERED] = FIXED(PEER_BODY_REMEMBERED_BYTES, 0),
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

void peer_frame_encode(const struct peer_message *message, struct buf *out)
{
    bool is_raft = message->type == PEER_MESSAGE_RAFT;
    enum peer_frame_type type =
        is_raft ? peer_body_raft_type(message->raft.type) : peer_body_type(message->type);
    size_t begin = peer_frame_begin(out, type, message->from, message->to);
    if (is_raft) {
        peer_body_put_raft(out, &message->raft);
    } else {
        peer_body_put(out, message);
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
    uint8_t raft_type = frame_kinds[header->type].raft_type;
    if (raft_type == 0) {
        return peer_body_get(reader, header->type, message);
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
