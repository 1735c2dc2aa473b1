/* entry_payload.h -- what a COMMAND entry holds: a stamp, a seed and batches of commands.
 *
 * Payload, little-endian:
 *   offset size
 *        0    1  format version, 1
 *        1    3  zero
 *        4    4  batches_count
 *        8    8  stamp_ms: the log's clock, Unix milliseconds, set by the leader
 *       16    8  seed for random commands, set by the leader
 *       24       batches_count batches
 * Batch:
 *        0    8  origin: the node whose clients sent the commands
 *        8    8  incarnation of that node
 *       16    8  sequence, from 1 for each incarnation, without gaps
 *       24    4  commands_count
 *       28    4  commands_bytes
 *       32       commands
 * Command: varint database, varint arguments_count, then each argument as varint size and bytes.
 *
 * A payload with batches_count 0 only moves the clock, or is a check, of format version 2:
 *        0   24  as above, with version 2 and batches_count 0
 *       24    8  check_index: of the check entry before this one
 *       32    4  rows_count, at most LIMIT_MEMBERS
 *       36    4  zero
 *       40       rows_count times {u64 member, u64 its state hash at check_index}, ascending
 * members
 */
#ifndef QUORUM_WIRE_ENTRY_PAYLOAD_H
#define QUORUM_WIRE_ENTRY_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/slice.h"

#define ENTRY_PAYLOAD_HEADER_BYTES 24
#define BATCH_HEADER_BYTES 32

struct entry_header {
    bool is_check; /* an entry_check follows; batches_count is 0 */
    uint32_t batches_count;
    int64_t stamp_ms;
    uint64_t seed;
};

/* What the leader has heard of the members' states (design.md, section 3: a running hash). */
struct entry_check {
    uint64_t index; /* of the check entry the hashes were taken at; 0: there was none */
    uint32_t rows_count;
    struct {
        uint64_t member;
        uint64_t hash;
    } rows[LIMIT_MEMBERS];
};

struct batch_header {
    uint64_t origin;
    uint64_t incarnation;
    uint64_t sequence;
    uint32_t commands_count;
    uint32_t commands_bytes;
};

/* Appends a command to a batch's commands. */
void batch_put_command(struct buf *commands, uint32_t database, const struct slice *arguments,
                       uint32_t arguments_count);

/* Appends a batch header; the commands follow. */
void batch_put_header(struct buf *out, const struct batch_header *header);

/* Appends a whole payload that is a check. */
void entry_payload_put_check(struct buf *out, const struct entry_header *header,
                             const struct entry_check *check);

/* Writes an entry header into exactly ENTRY_PAYLOAD_HEADER_BYTES at a place. */
void entry_payload_set_header(uint8_t *at, const struct entry_header *header);

/* Reading. Each returns RESULT_OK and advances the reader, or RESULT_CORRUPT / RESULT_VERSION and
 * leaves the outputs untouched. */
MUST_CHECK enum result entry_payload_get_header(struct bytes_reader *reader,
                                                struct entry_header *out);

/* Reads the check behind a header with is_check: exactly what is left. */
MUST_CHECK enum result entry_payload_get_check(struct bytes_reader *reader,
                                               struct entry_check *out);

/* commands borrows the batch's commands_bytes. */
MUST_CHECK enum result batch_get_header(struct bytes_reader *reader, struct batch_header *out,
                                        struct slice *commands);

/* Decoded arguments of one command: grows once and is used again. Zeroed memory is valid. */
struct command_arguments {
    uint32_t database;
    uint32_t count;
    uint32_t capacity;
    struct slice *slices; /* borrow from the reader's bytes */
};
void command_arguments_deinit(struct command_arguments *arguments);

/* Reads one command of a batch. */
MUST_CHECK enum result batch_get_command(struct bytes_reader *commands,
                                         struct command_arguments *arguments);

/* Checks a forwarded batch as a whole before it is proposed: every command decodes, the count is
 * right, no byte is left over. */
MUST_CHECK enum result batch_validate(const struct batch_header *header, struct slice commands);

#endif
