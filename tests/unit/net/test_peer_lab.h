/* test_peer_lab.h -- several peer nets on one event loop, with a recorder where the replica is.
 *
 * The loops have no replica; the nets tell a recorder of the lab what they would tell it.
 */
#ifndef QUORUM_TESTS_UNIT_NET_TEST_PEER_LAB_H
#define QUORUM_TESTS_UNIT_NET_TEST_PEER_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"
#include "net/peer_net.h"
#include "wire/peer_frame.h"

enum { LAB_RECORDS_MAX = 512, LAB_LINES_MAX = 256, LAB_LINE_BYTES = 512, LAB_NODES_MAX = 4 };

/* What is kept of a message after the call that brought it. */
struct lab_record {
    struct peer_message message; /* its slices and pointers are void */
    uint64_t payload_bytes;      /* of all entries, or of the commands */
    uint64_t payload_hash;
};

struct lab_recorder {
    struct lab_record records[LAB_RECORDS_MAX];
    uint32_t records_count; /* those beyond LAB_RECORDS_MAX are counted, not kept */
    uint32_t connected_count, unreachable_count;
    uint64_t connected_last, unreachable_last;
    uint32_t clusters_found_count;
    bool is_absent;              /* as while there is no replica yet */
    uint32_t outside_turn_count; /* calls that came where none may come */
};

struct lab_node {
    struct loop loop;
    struct lab_recorder recorder;
    struct peer_net_options options;
    struct peer_net *net; /* NULL: not open */
    char address[64];
};

struct lab {
    struct event_base *base;
    struct lab_node nodes[LAB_NODES_MAX];
    char lines[LAB_LINES_MAX][LAB_LINE_BYTES]; /* what was logged at NOTICE and above */
    uint32_t lines_count;
    uint32_t warnings_count; /* of the lines, those at WARNING and above */
};

/* Begins a test with nodes of ids 1 to count, incarnation 100 + id, in one named cluster, open on
 * free ports of the loopback, not knowing each other. */
struct lab *lab_open(uint32_t count);
void lab_close(struct lab *lab);

/* Opens a node by its options; afterwards they hold the port that it got. Asserts success. */
void lab_node_open(struct lab *lab, struct lab_node *node);
void lab_node_close(struct lab_node *node);

/* Makes every node know every other, by id. */
void lab_introduce(struct lab *lab, uint32_t count);
/* Makes a node know one other, and that it is a member itself. */
void lab_introduce_one(struct lab_node *node, uint64_t peer, const char *address);

/* Runs the loop, flushing every turn, until the question is answered yes. Returns false when it was
 * not within seconds. */
typedef bool lab_question(struct lab *lab, void *context);
bool lab_run_until(struct lab *lab, lab_question *question, void *context);

/* Runs the loop for so long. */
void lab_run(struct lab *lab, uint32_t milliseconds);

/* Questions. context: of the first, a uint32_t of how many nodes; of the others, below. */
bool lab_all_connected(struct lab *lab, void *context);
struct lab_count {
    const uint32_t *number;
    uint32_t at_least;
};
bool lab_is_reached(struct lab *lab, void *count);
bool lab_wait_count(struct lab *lab, const uint32_t *number, uint32_t at_least);

/* How many lines were logged that contain the text. */
uint32_t lab_lines_with(const struct lab *lab, const char *text);

/* How many messages of that type were recorded; of those of PEER_MESSAGE_RAFT, of that raft type.
 */
uint32_t lab_count_raft(const struct lab_recorder *recorder, enum raft_message_type type);

/* ---- A bare client or server of bytes ---- */

/* Connects to a node; non-blocking. */
int lab_raw_connect(const struct lab_node *node);

/* A hello as the node of that id would say it to the node it is for. */
void lab_raw_hello(const struct lab_node *from, uint64_t to, struct peer_hello *out);
void lab_raw_send_hello(int descriptor, const struct peer_hello *hello);
void lab_raw_send(int descriptor, const void *bytes, size_t size);

/* Runs the lab until the connection is closed by the other side; returns false if it was not.
 * bytes_count: what came before, up to capacity kept in bytes. */
bool lab_raw_wait_closed(struct lab *lab, int descriptor, uint8_t *bytes, size_t capacity,
                         size_t *bytes_count);

/* Runs the lab until so many bytes have come. */
bool lab_raw_wait_bytes(struct lab *lab, int descriptor, uint8_t *bytes, size_t size);

/* A listening socket on a free port of the loopback, non-blocking, its address as text. */
int lab_raw_listen(char address[64]);
/* Runs the lab until somebody connects; returns the non-blocking connection, or -1. */
int lab_raw_accept(struct lab *lab, int listener);

#endif
