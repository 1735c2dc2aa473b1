/* log_rows.c -- checksum and chain of log rows. */
#include "storage/log_rows.h"

#include "base/bytes.h"
#include "base/hash.h"

#define LOG_ROWS_CHECKSUM_SEED UINT64_C(0x7261667420726f77)

uint64_t log_rows_checksum(const struct raft_entry *entry)
{
    uint8_t head[20];
    bytes_set_u64(head, entry->index);
    bytes_set_u64(head + 8, entry->term);
    bytes_set_u32(head + 16, (uint32_t)entry->type);
    uint64_t seed = hash_bytes(LOG_ROWS_CHECKSUM_SEED, slice_of(head, sizeof(head)));
    return hash_bytes(seed, blob_slice(entry->payload));
}

uint64_t log_rows_chain(uint64_t previous_chain, uint64_t checksum)
{
    return hash_mix(previous_chain, checksum);
}
