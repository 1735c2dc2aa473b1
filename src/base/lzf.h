/* lzf.h -- unpacks LZF, as Redis packs long strings in the payload of DUMP.
 *
 * A packed string is a row of items. First byte below 32: that many bytes and one more follow as
 * they are. Else the upper three bits plus 2 are a length (7: add the next byte), and the lower
 * five bits with the next byte behind them a distance, less one, back into what is unpacked.
 */
#ifndef QUORUM_BASE_LZF_H
#define QUORUM_BASE_LZF_H

#include "base/result.h"
#include "base/slice.h"

/* No byte packed unpacks to more than so many. */
#define LZF_RATIO_MAX 88

/* Unpacks to exactly size bytes at out. Untrusted: RESULT_CORRUPT when it does not come to that. */
MUST_CHECK enum result lzf_unpack(struct slice packed, uint8_t *out, size_t size);

#endif
