/* peer_hello.c -- the first 128 bytes of a peer connection, each way. */
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "wire/peer_frame.h"

static const char magic[8] = {'Q', 'R', 'M', 'P', 'E', 'E', 'R', '\n'};

/* Where the fields are; the table is in peer_frame.h. */
enum {
    VERSION_AT = 8,
    CAPABILITIES_AT = 12,
    CLUSTER_ID_AT = 16,
    FROM_AT = 32,
    TO_AT = 40,
    INCARNATION_AT = 48,
    NAME_AT = 56,
    CHECKSUM_AT = 120,
};

_Static_assert(NAME_AT + LIMIT_NODE_NAME_BYTES == CHECKSUM_AT, "the layout holds one name");
_Static_assert(CHECKSUM_AT + 8 == PEER_HELLO_BYTES, "the checksum ends the hello");

static uint64_t checksum_of(const uint8_t *at)
{
    return hash_bytes(0, slice_of(at, CHECKSUM_AT));
}

void peer_hello_encode(const struct peer_hello *hello, uint8_t *at)
{
    memset(at, 0, PEER_HELLO_BYTES);
    memcpy(at, magic, sizeof(magic));
    bytes_set_u32(at + VERSION_AT, hello->version);
    bytes_set_u32(at + CAPABILITIES_AT, hello->capabilities);
    memcpy(at + CLUSTER_ID_AT, hello->cluster_id, RAFT_CLUSTER_ID_BYTES);
    bytes_set_u64(at + FROM_AT, hello->from);
    bytes_set_u64(at + TO_AT, hello->to);
    bytes_set_u64(at + INCARNATION_AT, hello->incarnation);
    memcpy(at + NAME_AT, hello->name, strnlen(hello->name, LIMIT_NODE_NAME_BYTES - 1));
    bytes_set_u64(at + CHECKSUM_AT, checksum_of(at));
}

enum result peer_hello_decode(const uint8_t *at, struct peer_hello *hello)
{
    if (memcmp(at, magic, sizeof(magic)) != 0) {
        return RESULT_CORRUPT;
    }
    /* Magic and version stay where they are for ever; the rest may be laid out anew, checksum too.
     */
    uint32_t version = bytes_read_u32(at + VERSION_AT);
    if (version != PEER_PROTOCOL_VERSION) {
        hello->version = version;
        return RESULT_VERSION;
    }
    if (bytes_read_u64(at + CHECKSUM_AT) != checksum_of(at) || at[CHECKSUM_AT - 1] != '\0') {
        return RESULT_CORRUPT;
    }
    hello->version = version;
    hello->capabilities = bytes_read_u32(at + CAPABILITIES_AT);
    memcpy(hello->cluster_id, at + CLUSTER_ID_AT, RAFT_CLUSTER_ID_BYTES);
    hello->from = bytes_read_u64(at + FROM_AT);
    hello->to = bytes_read_u64(at + TO_AT);
    hello->incarnation = bytes_read_u64(at + INCARNATION_AT);
    memcpy(hello->name, at + NAME_AT, LIMIT_NODE_NAME_BYTES);
    return RESULT_OK;
}
