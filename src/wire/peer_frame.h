/* peer_frame.h -- the binary peer protocol: hello, frames, fragments; bytes <-> structs.
 *
 * All numbers little-endian. A connection starts with one hello each way, then frames.
 *
 * Hello, 128 bytes:
 *   offset size
 *        0    8  magic "QRMPEER\n"
 *        8    4  protocol version, 3
 *       12    4  capabilities (enum peer_capability)
 *       16   16  cluster id; all zero: the sender has none yet
 *       32    8  from: the sender's node id
 *       40    8  to: the node id the sender expects; 0: it only knows an address
 *       48    8  incarnation of the sender
 *       56   64  the sender's name, NUL-padded
 *      120    8  checksum: XXH3 of the 120 bytes before
 *
 * Frame header, 32 bytes, then the body:
 *        0    4  body bytes
 *        4    1  frame type (enum peer_frame_type)
 *        5    1  frame version, 1
 *        6    2  group, 0 (room for many Raft groups)
 *        8    8  from
 *       16    8  to
 *       24    8  checksum: XXH3 of header bytes 0..23, seeded with XXH3 of the body
 *
 * A body over PEER_FRAGMENT_BYTES travels as PEER_FRAME_FRAGMENT frames whose bodies start with a
 * stream number, the total and the offset (peer_fragment below), so that other frames pass between.
 */
#ifndef QUORUM_WIRE_PEER_FRAME_H
#define QUORUM_WIRE_PEER_FRAME_H

#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/slice.h"
#include "wire/peer_message.h"

#define PEER_PROTOCOL_VERSION 4
#define PEER_HELLO_BYTES 128
#define PEER_FRAME_HEADER_BYTES 32
#define PEER_FRAGMENT_BYTES (256u * 1024)
#define PEER_FRAGMENT_HEADER_BYTES 24

/* Bits of a hello; those that are not known are passed over. */
enum peer_capability {
    PEER_CAPABILITY_JOINING = 1, /* the sender is no member yet, and calls to be made one */
    PEER_CAPABILITY_DISOWNS = 2, /* in an answer to nobody: the caller is no member here */
};

struct peer_hello {
    uint32_t version;
    uint32_t capabilities;
    uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES];
    uint64_t from;
    uint64_t to;
    uint64_t incarnation;
    char name[LIMIT_NODE_NAME_BYTES];
};

/* Writes exactly PEER_HELLO_BYTES. */
void peer_hello_encode(const struct peer_hello *hello, uint8_t *at);

/* Reads PEER_HELLO_BYTES. RESULT_CORRUPT: not our magic or a bad checksum; RESULT_VERSION: another
 * protocol version (hello->version is set). */
MUST_CHECK enum result peer_hello_decode(const uint8_t *at, struct peer_hello *hello);

enum peer_frame_type {
    PEER_FRAME_PRE_VOTE = 1,
    PEER_FRAME_PRE_VOTE_REPLY,
    PEER_FRAME_VOTE,
    PEER_FRAME_VOTE_REPLY,
    PEER_FRAME_APPEND,
    PEER_FRAME_APPEND_REPLY,
    PEER_FRAME_HEARTBEAT,
    PEER_FRAME_HEARTBEAT_REPLY,
    PEER_FRAME_READ,
    PEER_FRAME_READ_REPLY,
    PEER_FRAME_TIMEOUT_NOW,
    PEER_FRAME_FORWARD,
    PEER_FRAME_FORWARD_REFUSED,
    PEER_FRAME_NODE_INFO,
    PEER_FRAME_FRAGMENT,
    PEER_FRAME_SNAPSHOT_WANTED,
    PEER_FRAME_SNAPSHOT_OFFER,
    PEER_FRAME_SNAPSHOT_ASK,
    PEER_FRAME_SNAPSHOT_PIECE,
    PEER_FRAME_CHANGE,
    PEER_FRAME_CHANGE_REPLY,
    PEER_FRAME_STATE_HASH,
    PEER_FRAME_REMEMBERED,
};

struct peer_frame_header {
    uint32_t body_bytes;
    enum peer_frame_type type;
    uint64_t from;
    uint64_t to;
    uint64_t checksum;
};

/* Appends one whole frame, however large its body. The sender cuts it with peer_frame_fragment. */
void peer_frame_encode(const struct peer_message *message, struct buf *out);

/* Reads a header of PEER_FRAME_HEADER_BYTES. RESULT_CORRUPT: unknown type, non-zero group or a body
 * over the limit of its type; RESULT_VERSION: another frame version. Not yet checked: checksum. */
MUST_CHECK enum result peer_frame_header_decode(const uint8_t *at,
                                                struct peer_frame_header *header);

/* Memory that decoded entries need; grows once and is used again. Zeroed memory is valid. */
struct peer_frame_scratch {
    struct raft_entry *entries;
    uint32_t capacity;
    uint32_t count; /* entries whose payload references are held until the next decode */
};
void peer_frame_scratch_deinit(struct peer_frame_scratch *scratch);

/*
 * Checks the checksum and decodes one frame (not a fragment) into message.
 *
 * Slices borrow from body; entries of an append live in scratch with payloads copied into blobs
 * that scratch holds until the next decode or its deinit. RESULT_CORRUPT: bad checksum or body.
 */
MUST_CHECK enum result peer_frame_decode(const struct peer_frame_header *header, struct slice body,
                                         struct peer_frame_scratch *scratch,
                                         struct peer_message *message);

/* Appends to out the next fragment frame of a whole encoded frame: up to PEER_FRAGMENT_BYTES from
 * offset. Returns the offset behind it; the frame is sent when that equals frame.size. */
size_t peer_frame_fragment(struct slice frame, uint64_t stream, size_t offset, struct buf *out);

/* Puts a frame together again from its fragments; one for each connection. Zeroed memory is valid.
 */
struct peer_reassembly {
    uint64_t stream;
    size_t total;
    struct buf bytes;
};
void peer_reassembly_deinit(struct peer_reassembly *reassembly);

/* Adds a fragment frame's body, whose header was decoded. PARSE_DONE: whole is one complete encoded
 * frame, borrowed until the next call. PARSE_BAD: out of order, too large, or a bad checksum. */
MUST_CHECK enum parse peer_reassembly_add(struct peer_reassembly *reassembly,
                                          const struct peer_frame_header *header, struct slice body,
                                          struct slice *whole);

#endif
