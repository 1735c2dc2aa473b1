/* peer_body.h -- the bodies of peer frames; private to the peer files of this directory.
 *
 * All numbers little-endian. Bytes called "zero" are checked when read, so that a later version can
 * give them a meaning. A flag is one byte, 0 or 1. Sizes are exact unless a list follows.
 *
 * PRE_VOTE, VOTE, 32 bytes:
 *   offset size
 *        0    8  term
 *        8    8  last_log_index
 *       16    8  last_log_term
 *       24    1  leadership_transfer
 *       25    7  zero
 * PRE_VOTE_REPLY, VOTE_REPLY, 24 bytes:
 *        0    8  term
 *        8    1  granted
 *        9    7  zero
 *       16    8  disk_id
 * APPEND, 56 bytes, then entries_count entries:
 *        0    8  term
 *        8    8  previous_index; the first entry's index is the next one
 *       16    8  previous_term
 *       24    8  commit_index
 *       32    8  clock_ms
 *       40    8  sequence
 *       48    4  entries_count
 *       52    4  zero
 *   Entry, 16 bytes, then its payload:
 *        0    8  term
 *        8    4  payload bytes
 *       12    1  type (enum raft_entry_type)
 *       13    3  zero
 * APPEND_REPLY, 64 bytes:
 *        0    8  term
 *        8    8  match_index
 *       16    8  rejected_index
 *       24    8  conflict_term
 *       32    8  conflict_index
 *       40    1  rejected
 *       41    7  zero
 *       48    8  disk_id
 *       56    8  sequence
 * HEARTBEAT, 32 bytes:
 *        0    8  term
 *        8    8  commit_index
 *       16    8  read_round
 *       24    8  clock_ms
 * HEARTBEAT_REPLY, 24 bytes:
 *        0    8  term
 *        8    8  read_round
 *       16    8  disk_id
 * READ, 24 bytes:
 *        0    8  term
 *        8    8  context
 *       16    8  disk_id
 * READ_REPLY, 40 bytes:
 *        0    8  term
 *        8    8  context
 *       16    8  index
 *       24    8  commit_index
 *       32    1  confirmed
 *       33    7  zero
 * TIMEOUT_NOW, 8 bytes:
 *        0    8  term
 * FORWARD: one batch as in entry_payload.h, header and commands.
 * FORWARD_REFUSED, 24 bytes:
 *        0    8  incarnation
 *        8    8  sequence
 *       16    8  leader
 * NODE_INFO, 928 bytes, text NUL-padded, at least one NUL:
 *        0   64  name
 *       64  264  raft_address
 *      328  264  http_address
 *      592  264  redis_address
 *      856   64  version
 *      920    1  is_disk_low
 *      921    7  zero
 * SNAPSHOT_WANTED, 8 bytes:
 *        0    8  index: what its log goes on from
 * SNAPSHOT_OFFER, 32 bytes, a snapshot:
 *        0    8  index, not 0
 *        8    8  term
 *       16    8  bytes of the whole file, not 0
 *       24    8  hash
 * SNAPSHOT_ASK, 48 bytes:
 *        0   32  the snapshot, as in an offer
 *       32    8  offset, less than the file's bytes
 *       40    4  bytes, 1 to PEER_SNAPSHOT_PIECE_BYTES
 *       44    4  zero
 * SNAPSHOT_PIECE, 48 bytes, then bytes of the file, none beyond its end:
 *        0   32  the snapshot, as in an offer
 *       32    8  offset
 *       40    4  bytes, 0 to PEER_SNAPSHOT_PIECE_BYTES
 *       44    4  zero
 * CHANGE, 888 bytes, text as in NODE_INFO; in a transfer all but number, kind and id is zero:
 *        0    8  number
 *        8    1  kind (enum peer_change_kind)
 *        9    1  kind of the change (enum raft_change_kind)
 *       10    1  role (enum raft_member_role), or 0; joining or learner when adding
 *       11    1  force
 *       12    4  zero
 *       16    8  member id; 0 only in a transfer
 *       24    8  disk_id
 *       32   64  name
 *       96  264  raft_address
 *      360  264  http_address
 *      624  264  redis_address
 * CHANGE_REPLY, 24 bytes:
 *        0    8  number
 *        8    4  result (enum result, whose rows keep their places: new ones go to its end)
 *       12    4  zero
 *       16    8  index
 * STATE_HASH, 16 bytes:
 *        0    8  index
 *        8    8  hash
 * REMEMBERED, 24 bytes, all zero or none of the three:
 *        0    8  disk_id
 *        8    8  term
 *       16    8  index
 * FRAGMENT, 24 bytes, then 1 to PEER_FRAGMENT_BYTES bytes of the whole frame:
 *        0    8  stream
 *        8    8  total bytes of the whole frame, its header included
 *       16    8  offset of these bytes in it
 */
#ifndef QUORUM_WIRE_PEER_BODY_H
#define QUORUM_WIRE_PEER_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "wire/peer_frame.h"

enum {
    PEER_BODY_VOTE_BYTES = 32,
    PEER_BODY_VOTE_REPLY_BYTES = 24,
    PEER_BODY_APPEND_BYTES = 56,
    PEER_BODY_ENTRY_BYTES = 16,
    PEER_BODY_APPEND_REPLY_BYTES = 64,
    PEER_BODY_HEARTBEAT_BYTES = 32,
    PEER_BODY_HEARTBEAT_REPLY_BYTES = 24,
    PEER_BODY_READ_BYTES = 24,
    PEER_BODY_READ_REPLY_BYTES = 40,
    PEER_BODY_TIMEOUT_NOW_BYTES = 8,
    PEER_BODY_FORWARD_REFUSED_BYTES = 24,
    PEER_BODY_NODE_INFO_BYTES = 2 * LIMIT_NODE_NAME_BYTES + 3 * LIMIT_ADDRESS_BYTES + 8,
    PEER_BODY_SNAPSHOT_WANTED_BYTES = 8,
    PEER_BODY_SNAPSHOT_BYTES = 32,
    PEER_BODY_SNAPSHOT_ASK_BYTES = PEER_BODY_SNAPSHOT_BYTES + 16,
    PEER_BODY_SNAPSHOT_PIECE_BYTES = PEER_BODY_SNAPSHOT_BYTES + 16,
    PEER_BODY_CHANGE_BYTES = 32 + LIMIT_NODE_NAME_BYTES + 3 * LIMIT_ADDRESS_BYTES,
    PEER_BODY_CHANGE_REPLY_BYTES = 24,
    PEER_BODY_STATE_HASH_BYTES = 16,
    PEER_BODY_REMEMBERED_BYTES = 24,
};

/* An append holds one entry of the largest size, or the bytes of a full message beside one. */
#define PEER_BODY_APPEND_BYTES_MAX                                                                 \
    (PEER_BODY_APPEND_BYTES + LIMIT_APPEND_ENTRIES * PEER_BODY_ENTRY_BYTES + LIMIT_ENTRY_BYTES +   \
     LIMIT_APPEND_BYTES)
#define PEER_BODY_FORWARD_BYTES_MAX (BATCH_HEADER_BYTES + LIMIT_ENTRY_BYTES)

_Static_assert(PEER_BODY_APPEND_BYTES_MAX > PEER_BODY_FORWARD_BYTES_MAX, "append is the largest");
_Static_assert(PEER_BODY_NODE_INFO_BYTES == 928, "the layout above");
_Static_assert(PEER_BODY_CHANGE_BYTES == 888, "the layout above");
_Static_assert(PEER_BODY_SNAPSHOT_PIECE_BYTES + PEER_SNAPSHOT_PIECE_BYTES <= PEER_FRAGMENT_BYTES,
               "a piece is never cut");

/* ---- Fields ---- */

/* Appends bytes that are zero. */
void peer_body_put_zeros(struct buf *out, size_t count);

/* Appends a flag. It takes eight bytes, so that what follows it, or the next body, stays aligned.
 */
void peer_body_put_flag(struct buf *out, bool flag);

/* Appends text in a field of so many bytes, cut to leave one NUL. */
void peer_body_put_text(struct buf *out, const char *text, size_t field_bytes);

/* Each reads what its namesake appends, and sets bad when it is not well formed. */
void peer_body_get_zeros(struct bytes_reader *reader, size_t count);
bool peer_body_get_flag(struct bytes_reader *reader);
void peer_body_get_text(struct bytes_reader *reader, char *text, size_t field_bytes);

/* ---- Bodies: put appends one; get reads one, false when malformed ---- */

/* Returns the frame type of a raft message. */
enum peer_frame_type peer_body_raft_type(enum raft_message_type type);

/* Appends the body of a raft message. */
void peer_body_put_raft(struct buf *out, const struct raft_message *message);

/* Reads the body of a frame that carries a raft message of the given type: everything but from and
 * to. False when malformed; what was read so far is then of no use. */
bool peer_body_get_raft(struct bytes_reader *reader, enum raft_message_type type,
                        struct peer_frame_scratch *scratch, struct raft_message *out);

/* The type and the body of the other messages, but for raft's. */
enum peer_frame_type peer_body_type(enum peer_message_type type);
void peer_body_put(struct buf *out, const struct peer_message *message);
bool peer_body_get(struct bytes_reader *reader, enum peer_frame_type type,
                   struct peer_message *message);

void peer_body_put_snapshot(struct buf *out, const struct peer_snapshot *snapshot);
bool peer_body_get_snapshot(struct bytes_reader *reader, struct peer_snapshot *out);
void peer_body_put_snapshot_ask(struct buf *out, const struct peer_snapshot_ask *ask);
bool peer_body_get_snapshot_ask(struct bytes_reader *reader, struct peer_snapshot_ask *out);
void peer_body_put_snapshot_piece(struct buf *out, const struct peer_snapshot_piece *piece);
bool peer_body_get_snapshot_piece(struct bytes_reader *reader, struct peer_snapshot_piece *out);

void peer_body_put_change(struct buf *out, const struct peer_change *change);
bool peer_body_get_change(struct bytes_reader *reader, struct peer_change *out);
void peer_body_put_change_reply(struct buf *out, const struct peer_change_reply *reply);
bool peer_body_get_change_reply(struct bytes_reader *reader, struct peer_change_reply *out);

/* ---- Frames ---- */

/* The checksum of a frame: over its first 24 header bytes, seeded with the body's hash. */
uint64_t peer_frame_checksum(const struct peer_frame_header *header, struct slice body);

/* Appends a header and leaves room for the checksum; returns its offset among the readable bytes.
 */
size_t peer_frame_begin(struct buf *out, enum peer_frame_type type, uint64_t from, uint64_t to);

/* Fills in the body's size and the checksum once the body stands behind the header. */
void peer_frame_end(struct buf *out, size_t begin);

#endif
