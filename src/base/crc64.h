/* crc64.h -- the CRC-64 that Redis puts behind the payload of DUMP: Jones's polynomial,
 * 0xad93d23594c935a9, bits reflected, from 0 and without a final exclusive or.
 * Check value of "123456789": 0xe9c6d914c4b8d9ca.
 */
#ifndef QUORUM_BASE_CRC64_H
#define QUORUM_BASE_CRC64_H

#include <stdint.h>

#include "base/slice.h"

uint64_t crc64(struct slice bytes);

#endif
