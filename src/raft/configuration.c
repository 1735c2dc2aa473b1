/* configuration.c -- members: the codec of a configuration entry, and which one is in force.
 *
 * Thesis 4.1: "The new configuration takes effect on each server as soon as it is added to that
 * server's log". So the one in force is the latest in the log, and cutting the log back rolls it
 * back (M3, M4): to the latest configuration entry that is left, or to the base, the configuration
 * as of the compaction point.
 *
 * Payload of a configuration entry, little-endian:
 *   offset  size  what
 *        0     1  format version, 2
 *        1    16  cluster id
 *       17     1  members_count
 *       18        members in ascending id, each:
 *                   8  id, not 0
 *                   8  disk id, 0 when not recorded
 *                   1  role: 1 voter, 2 learner, 3 joining
 *                   then name, raft, http and redis address, each a varint length and that many
 *                   bytes, none of them NUL
 * Version 1 has no disk ids and no joining members; it is read, and never written any more.
 */
#include "raft/raft_internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/mem.h"

enum { CONFIGURATION_VERSION = 2 };

void raft_configuration_encode(const struct raft_configuration *configuration, struct buf *out)
{
    ASSERT(configuration->members_count <= LIMIT_MEMBERS);
    bytes_put_u8(out, CONFIGURATION_VERSION);
    buf_append(out, configuration->cluster_id, RAFT_CLUSTER_ID_BYTES);
    bytes_put_u8(out, (uint8_t)configuration->members_count);
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        bytes_put_u64(out, member->id);
        bytes_put_u64(out, member->disk_id);
        bytes_put_u8(out, (uint8_t)member->role);
        bytes_put_slice(out, slice_of_string(member->name));
        bytes_put_slice(out, slice_of_string(member->raft_address));
        bytes_put_slice(out, slice_of_string(member->http_address));
        bytes_put_slice(out, slice_of_string(member->redis_address));
    }
}

/* Reads a string into an array of size bytes; false when it does not fit or contains a NUL. */
static bool get_string(struct bytes_reader *reader, char *out, size_t size)
{
    struct slice text = bytes_get_slice(reader);
    if (reader->bad || text.size >= size) {
        return false;
    }
    if (text.size > 0 && memchr(text.bytes, 0, text.size) != NULL) {
        return false;
    }
    memset(out, 0, size);
    if (text.size > 0) {
        memcpy(out, text.bytes, text.size);
    }
    return true;
}

static bool get_member(struct bytes_reader *reader, uint8_t version, struct raft_member *out)
{
    uint8_t last_role = version >= 2 ? RAFT_JOINING : RAFT_LEARNER;
    out->id = bytes_get_u64(reader);
    out->disk_id = version >= 2 ? bytes_get_u64(reader) : 0;
    uint8_t role = bytes_get_u8(reader);
    if (reader->bad || out->id == RAFT_ID_NONE || role < RAFT_VOTER || role > last_role) {
        return false;
    }
    out->role = (enum raft_member_role)role;
    return get_string(reader, out->name, sizeof(out->name)) &&
           get_string(reader, out->raft_address, sizeof(out->raft_address)) &&
           get_string(reader, out->http_address, sizeof(out->http_address)) &&
           get_string(reader, out->redis_address, sizeof(out->redis_address));
}

enum result raft_configuration_decode(struct slice payload, struct raft_configuration *out)
{
    struct bytes_reader reader = bytes_reader_of(payload);
    uint8_t version = bytes_get_u8(&reader);
    if (reader.bad || version == 0) {
        return RESULT_CORRUPT;
    }
    if (version > CONFIGURATION_VERSION) {
        return RESULT_VERSION;
    }
    struct raft_configuration decoded;
    memset(&decoded, 0, sizeof(decoded));
    struct slice cluster_id = bytes_get_bytes(&reader, RAFT_CLUSTER_ID_BYTES);
    decoded.members_count = bytes_get_u8(&reader);
    if (reader.bad || decoded.members_count > LIMIT_MEMBERS) {
        return RESULT_CORRUPT;
    }
    memcpy(decoded.cluster_id, cluster_id.bytes, RAFT_CLUSTER_ID_BYTES);
    for (uint32_t i = 0; i < decoded.members_count; i++) {
        if (!get_member(&reader, version, &decoded.members[i]) ||
            (i > 0 && decoded.members[i].id <= decoded.members[i - 1].id)) {
            return RESULT_CORRUPT;
        }
    }
    if (reader.bad || bytes_left(&reader) > 0) {
        return RESULT_CORRUPT;
    }
    *out = decoded;
    return RESULT_OK;
}

bool raft_configuration_is_named(const struct raft_configuration *configuration)
{
    static const uint8_t none[RAFT_CLUSTER_ID_BYTES];
    return memcmp(configuration->cluster_id, none, RAFT_CLUSTER_ID_BYTES) != 0;
}

const struct raft_member *raft_configuration_find(const struct raft_configuration *configuration,
                                                  uint64_t id)
{
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        if (configuration->members[i].id == id) {
            return &configuration->members[i];
        }
    }
    return NULL;
}

const char *raft_member_role_text(enum raft_member_role role)
{
    switch (role) {
    case RAFT_VOTER:
        return "voter";
    case RAFT_LEARNER:
        return "learner";
    case RAFT_JOINING:
        return "joining";
    }
    return "unknown";
}

enum result raft_configuration_put(struct raft_configuration *configuration,
                                   const struct raft_member *member)
{
    ASSERT(member->id != RAFT_ID_NONE);
    uint32_t at = 0;
    while (at < configuration->members_count && configuration->members[at].id < member->id) {
        at++;
    }
    if (at < configuration->members_count && configuration->members[at].id == member->id) {
        configuration->members[at] = *member;
        return RESULT_OK;
    }
    if (configuration->members_count == LIMIT_MEMBERS) {
        return RESULT_LIMIT;
    }
    memmove(&configuration->members[at + 1], &configuration->members[at],
            (configuration->members_count - at) * sizeof(configuration->members[0]));
    configuration->members[at] = *member;
    configuration->members_count++;
    return RESULT_OK;
}

void raft_configuration_remove(struct raft_configuration *configuration, uint64_t id)
{
    for (uint32_t at = 0; at < configuration->members_count; at++) {
        if (configuration->members[at].id == id) {
            configuration->members_count--;
            memmove(&configuration->members[at], &configuration->members[at + 1],
                    (configuration->members_count - at) * sizeof(configuration->members[0]));
            memset(&configuration->members[configuration->members_count], 0,
                   sizeof(configuration->members[0]));
            return;
        }
    }
}

/* ---- The configuration in force ---- */

void raft_membership_init(struct raft *raft, const struct raft_configuration *base, uint64_t index)
{
    raft->membership.base = *base;
    raft->membership.base_index = index;
    raft->membership.latest = *base;
    raft->membership.latest_index = index;
}

void raft_membership_deinit(struct raft *raft)
{
    mem_free(raft->membership.indexes);
}

/* Decodes an entry that was validated before it was appended. */
static void decode_entry(const struct raft *raft, uint64_t index, struct raft_configuration *out)
{
    const struct raft_entry *entry = raft_log_at(&raft->log, index);
    ASSERT(entry->type == RAFT_ENTRY_CONFIGURATION);
    enum result result = raft_configuration_decode(blob_slice(entry->payload), out);
    ASSERT(result == RESULT_OK);
}

static void set_latest(struct raft *raft, uint64_t index)
{
    raft->membership.latest_index = index;
    raft->membership.version++;
    if (raft->role == RAFT_LEADER) {
        raft_progress_reconfigure(raft);
    }
}

void raft_membership_reset(struct raft *raft, const struct raft_configuration *base, uint64_t index)
{
    raft->membership.indexes_count = 0;
    raft->membership.base = *base;
    raft->membership.base_index = index;
    raft->membership.latest = *base;
    set_latest(raft, index);
}

void raft_membership_append(struct raft *raft, const struct raft_entry *entry)
{
    struct raft_membership *membership = &raft->membership;
    membership->indexes = raft_grow(membership->indexes, membership->indexes_count,
                                    &membership->indexes_capacity, sizeof(uint64_t));
    membership->indexes[membership->indexes_count++] = entry->index;
    decode_entry(raft, entry->index, &membership->latest);
    set_latest(raft, entry->index);
}

void raft_membership_truncate(struct raft *raft, uint64_t index)
{
    struct raft_membership *membership = &raft->membership;
    if (membership->latest_index < index) {
        return;
    }
    while (membership->indexes_count > 0 &&
           membership->indexes[membership->indexes_count - 1] >= index) {
        membership->indexes_count--;
    }
    if (membership->indexes_count == 0) {
        membership->latest = membership->base;
        set_latest(raft, membership->base_index);
        return;
    }
    uint64_t latest = membership->indexes[membership->indexes_count - 1];
    decode_entry(raft, latest, &membership->latest);
    set_latest(raft, latest);
}

void raft_membership_compact(struct raft *raft, uint64_t index)
{
    struct raft_membership *membership = &raft->membership;
    uint32_t covered = 0;
    while (covered < membership->indexes_count && membership->indexes[covered] <= index) {
        covered++;
    }
    if (covered == 0) {
        return;
    }
    membership->base_index = membership->indexes[covered - 1];
    decode_entry(raft, membership->base_index, &membership->base);
    membership->indexes_count -= covered;
    memmove(membership->indexes, membership->indexes + covered,
            membership->indexes_count * sizeof(uint64_t));
}

bool raft_is_member(const struct raft *raft, uint64_t id)
{
    return raft_configuration_find(&raft->membership.latest, id) != NULL;
}

bool raft_is_voter(const struct raft *raft, uint64_t id)
{
    const struct raft_member *member = raft_configuration_find(&raft->membership.latest, id);
    return member != NULL && member->role == RAFT_VOTER;
}

uint32_t raft_voters_count(const struct raft *raft)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < raft->membership.latest.members_count; i++) {
        if (raft->membership.latest.members[i].role == RAFT_VOTER) {
            count++;
        }
    }
    return count;
}

static bool is_voter_itself(const struct raft *raft, const struct raft_configuration *configuration)
{
    const struct raft_member *member = raft_configuration_find(configuration, raft->id);
    return member != NULL && member->role == RAFT_VOTER &&
           (member->disk_id == 0 || member->disk_id == raft->disk_id);
}

bool raft_is_voter_itself(const struct raft *raft)
{
    return is_voter_itself(raft, &raft->membership.latest);
}

bool raft_was_voter_itself(const struct raft *raft)
{
    const struct raft_membership *membership = &raft->membership;
    if (membership->indexes_count < 2) {
        return is_voter_itself(raft, &membership->base);
    }
    struct raft_configuration before;
    decode_entry(raft, membership->indexes[membership->indexes_count - 2], &before);
    return is_voter_itself(raft, &before);
}

bool raft_is_sole_voter(const struct raft *raft)
{
    return raft_is_voter_itself(raft) && raft_voters_count(raft) == 1;
}

bool raft_configuration_is_committed(const struct raft *raft)
{
    return raft->membership.latest_index <= raft->commit_index;
}

void raft_append_configuration(struct raft *raft, const struct raft_configuration *configuration)
{
    struct buf payload;
    buf_init(&payload);
    raft_configuration_encode(configuration, &payload);
    raft_append_own(raft, RAFT_ENTRY_CONFIGURATION, blob_copy(buf_slice(&payload)));
    buf_deinit(&payload);
}
