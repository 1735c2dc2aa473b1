/* test_peer_samples.h -- peer messages for tests: one of each kind, there and back. */
#ifndef QUORUM_TEST_PEER_SAMPLES_H
#define QUORUM_TEST_PEER_SAMPLES_H

#include "wire/peer_frame.h"

/* Raft's come first, in the order of enum raft_message_type. */
enum sample {
    SAMPLE_VOTE = RAFT_MESSAGE_VOTE - 1,
    SAMPLE_APPEND = RAFT_MESSAGE_APPEND - 1,
    SAMPLE_FORWARD = RAFT_MESSAGE_TIMEOUT_NOW,
    SAMPLE_NODE_INFO,
    SAMPLE_FORWARD_REFUSED,
    SAMPLE_SNAPSHOT_WANTED,
    SAMPLE_SNAPSHOT_OFFER,
    SAMPLE_SNAPSHOT_ASK,
    SAMPLE_SNAPSHOT_PIECE,
    SAMPLE_CHANGE,
    SAMPLE_CHANGE_TRANSFER,
    SAMPLE_CHANGE_REPLY,
    SAMPLE_STATE_HASH,
    SAMPLE_REMEMBERED,
    SAMPLES_COUNT,
};

struct peer_message sample_raft_message(enum raft_message_type type);

/* An append of entries whose payloads have the given sizes; sample_free_entries gives them back. */
struct peer_message sample_append(struct raft_entry *entries, const uint32_t *sizes,
                                  uint32_t count);
void sample_free_entries(struct raft_entry *entries, uint32_t count);

struct peer_message sample_forward(struct slice commands);
struct peer_message sample_node_info(void);
struct peer_message sample_snapshot_ask(void);

/* The last bytes of a snapshot of 300,000. */
struct peer_message sample_snapshot_piece(struct slice bytes);

/* Adds a member, with everything said of it. */
struct peer_message sample_change(void);

/* Encodes one frame of a kind, in place of what frame held. */
void sample_put(enum sample sample, struct buf *frame);

/* Decodes one whole encoded frame. */
enum result sample_decode(struct slice frame, struct peer_frame_scratch *scratch,
                          struct peer_message *message);

/* Encodes, decodes, checks the envelope and that encoding again gives the same bytes. */
void sample_round_trip(const struct peer_message *in, struct peer_frame_scratch *scratch,
                       struct peer_message *out, struct buf *frame);

/* Makes size and checksum right again after a body was changed: damage that only decoding sees. */
void sample_seal(struct buf *frame);

#endif
