/* dump.h -- the payload of DUMP and RESTORE: a value as a Redis database file holds it, a version
 * (2 bytes) and a CRC-64 of all before it (8 bytes), both little-endian. Private to this directory.
 *
 * Written as version 10 (Redis 7.0) in the plain form of each type, which a Redis of any version
 * packs again as it likes; read up to version 11.
 * Source: the formats as found in dumps of redis-server 7.0.15.
 */
#ifndef QUORUM_COMMAND_DUMP_H
#define QUORUM_COMMAND_DUMP_H

#include "base/buf.h"
#include "base/result.h"
#include "kv/keyspace_change.h"
#include "kv/value.h"

/* First byte of a payload. Those of streams and modules are not read. */
enum dump_type {
    DUMP_STRING = 0,
    DUMP_LIST = 1,
    DUMP_SET = 2,
    DUMP_ZSET = 3, /* scores as text */
    DUMP_HASH = 4,
    DUMP_ZSET_2 = 5, /* scores as 8 bytes */
    DUMP_HASH_ZIPMAP = 9,
    DUMP_LIST_ZIPLIST = 10,
    DUMP_SET_INTSET = 11,
    DUMP_ZSET_ZIPLIST = 12,
    DUMP_HASH_ZIPLIST = 13,
    DUMP_QUICKLIST = 14, /* of ziplists */
    DUMP_HASH_LISTPACK = 16,
    DUMP_ZSET_LISTPACK = 17,
    DUMP_QUICKLIST_2 = 18, /* of listpacks and plain elements */
    DUMP_SET_LISTPACK = 20,
};

/* First bytes of a length, and what stands in place of one before a string. */
enum dump_length {
    DUMP_LENGTH_14_BITS = 0x40,
    DUMP_LENGTH_32_BITS = 0x80,
    DUMP_LENGTH_64_BITS = 0x81,
    DUMP_INT8 = 0xc0,
    DUMP_INT16 = 0xc1,
    DUMP_INT32 = 0xc2,
    DUMP_LZF = 0xc3,
};

/* Appends the payload of a value: the same bytes for the same value on every node. */
void dump_write(const struct value *value, struct buf *out);

/* Whether a payload has a version that is known and the CRC that belongs to it. */
bool dump_is_intact(struct slice payload);

/* What was read. Zeroed, or as dump_read left it, it can be released. */
struct dump_value {
    enum value_type type;
    struct buf text;             /* of a string */
    struct container *container; /* of the other types; NULL it when it was taken over */
};

/* Reads an intact payload. Untrusted: RESULT_CORRUPT for anything malformed, for members twice and
 * for containers without any. Release *out in either case. */
MUST_CHECK enum result dump_read(const struct keyspace *keyspace, struct slice payload,
                                 struct dump_value *out);
void dump_release(struct dump_value *value);

#endif
