/* hyperloglog.h -- HyperLogLogs: strings that estimate how many different elements they were given.
 * Private to this directory.
 *
 * P. Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation
 * algorithm", 2007: each of 16384 registers holds the greatest rank (position of the first 1 bit)
 * of the hashes that fall to it. The estimate is that of O. Ertl, "New cardinality estimation
 * algorithms for HyperLogLog sketches", 2017. It is computed in doubles, with the machine's square
 * root, which IEEE 754 rounds alike everywhere.
 *
 * The bytes are those of Redis 7.0, so that GET, DUMP and COPY carry them between the two:
 *
 *     OFFSET  SIZE   DESCRIPTION
 *          0     4   "HYLL"
 *          4     1   encoding: 0 dense, 1 sparse
 *          5     3   zeros
 *          8     8   the estimate last made, little-endian; the highest bit set: no longer true
 *         16     -   registers
 *
 * Dense: 16384 registers of 6 bits, the first one in the lowest bits of the first byte. Sparse:
 * runs in the order of the registers, all of which they cover:
 *
 *     00llllll            l + 1 registers that are 0
 *     01llllll llllllll   the same, for up to 16384 (high bits first)
 *     1vvvvvll            l + 1 registers that are v + 1
 *
 * A sparse one becomes dense when it needs a value over 32 or more than HYPERLOGLOG_SPARSE_MAX
 * bytes.
 */
#ifndef QUORUM_COMMAND_HYPERLOGLOG_H
#define QUORUM_COMMAND_HYPERLOGLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/slice.h"

#define HYPERLOGLOG_REGISTERS 16384
/* hll-sparse-max-bytes. No option: the state must not depend on a node's configuration. */
#define HYPERLOGLOG_SPARSE_MAX 3000

/* Whether the header, and the size if it is dense, are right. The functions below take only such
 * bytes. Whether runs are good shows when they are walked: RESULT_CORRUPT. */
bool hyperloglog_is_valid(struct slice bytes);

bool hyperloglog_is_dense(struct slice bytes);

/* Appends one without elements, which is sparse, to an empty buffer. */
void hyperloglog_init(struct buf *buf);

/* Takes an element in; *changed tells whether a register grew. The estimate noted in the header is
 * then marked as untrue. On RESULT_CORRUPT the bytes may be changed in part. */
MUST_CHECK enum result hyperloglog_add(struct buf *buf, struct slice element, bool *changed);

/* Raises a register to at least a value of 1 to 63. As hyperloglog_add. */
MUST_CHECK enum result hyperloglog_raise(struct buf *buf, uint32_t index, uint8_t value,
                                         bool *changed);

/* Makes it dense if it is not. On RESULT_CORRUPT nothing is changed. */
MUST_CHECK enum result hyperloglog_make_dense(struct buf *buf);

/* Raises registers, one a byte, to those of this one. */
MUST_CHECK enum result hyperloglog_merge(struct slice bytes,
                                         uint8_t registers[HYPERLOGLOG_REGISTERS]);

/* The estimate for registers, one a byte. */
uint64_t hyperloglog_estimate(const uint8_t registers[HYPERLOGLOG_REGISTERS]);

/* The estimate noted in the header; false when it is marked as untrue. */
bool hyperloglog_noted(struct slice bytes, uint64_t *out);
void hyperloglog_note(struct buf *buf, uint64_t estimate);
void hyperloglog_forget_noted(struct buf *buf);

/* Runs of a sparse one. */
struct hyperloglog_run {
    uint32_t length; /* registers */
    uint8_t value;   /* of each; 0 */
    bool is_long;    /* zeros in two bytes */
};

/* Takes the next run off *rest, which begins as hyperloglog_runs of one; false at the end. A second
 * byte that is missing counts as 0, as in Redis. */
bool hyperloglog_next_run(struct slice *rest, struct hyperloglog_run *out);
struct slice hyperloglog_runs(struct slice bytes);

#endif
