/* bit_support.h -- what the handlers of bits share. Private to this directory. */
#ifndef QUORUM_COMMAND_BIT_SUPPORT_H
#define QUORUM_COMMAND_BIT_SUPPORT_H

#include "command/command_support.h"

/* Reads the offset of a bit, or, if bits is not 0, of a field of so many bits, where "#3" is the
 * fourth field: "ERR bit offset is not an integer or out of range". */
MUST_CHECK bool command_read_bit_offset(struct command_context *context, struct slice text,
                                        uint32_t bits, uint64_t *out);

#endif
