/* peer_body_change.c -- membership requests to the leader, and its answers.
 *
 * Reading checks what a single frame can say; whether the change fits the configuration in force is
 * for raft_step to judge.
 */
#include "wire/peer_body.h"

#include "base/assert.h"

static void put_member(struct buf *out, const struct raft_member *member)
{
    bytes_put_u64(out, member->id);
    bytes_put_u64(out, member->disk_id);
    peer_body_put_text(out, member->name, sizeof(member->name));
    peer_body_put_text(out, member->raft_address, sizeof(member->raft_address));
    peer_body_put_text(out, member->http_address, sizeof(member->http_address));
    peer_body_put_text(out, member->redis_address, sizeof(member->redis_address));
}

/* Reads all of a member but its role. */
static void get_member(struct bytes_reader *reader, struct raft_member *out)
{
    out->id = bytes_get_u64(reader);
    out->disk_id = bytes_get_u64(reader);
    peer_body_get_text(reader, out->name, sizeof(out->name));
    peer_body_get_text(reader, out->raft_address, sizeof(out->raft_address));
    peer_body_get_text(reader, out->http_address, sizeof(out->http_address));
    peer_body_get_text(reader, out->redis_address, sizeof(out->redis_address));
}

/* Whether a change asks for something that raft.h knows. */
static bool is_well_formed(const struct raft_change *change)
{
    unsigned role = (unsigned)change->member.role;
    bool is_added_role = role == RAFT_JOINING || role == RAFT_LEARNER;
    if (change->member.id == RAFT_ID_NONE || role > RAFT_JOINING) {
        return false;
    }
    switch (change->kind) {
    case RAFT_CHANGE_ADD:
        return is_added_role;
    case RAFT_CHANGE_REMOVE:
    case RAFT_CHANGE_PROMOTE:
    case RAFT_CHANGE_ADDRESSES:
        return true;
    }
    return false;
}

/* Whether nothing is said of a member but its id. */
static bool is_id_alone(const struct raft_change *change)
{
    const struct raft_member *member = &change->member;
    return (unsigned)change->kind == 0 && (unsigned)member->role == 0 && !change->force &&
           member->disk_id == 0 && member->name[0] == '\0' && member->raft_address[0] == '\0' &&
           member->http_address[0] == '\0' && member->redis_address[0] == '\0';
}

void peer_body_put_change(struct buf *out, const struct peer_change *change)
{
    static const struct raft_change nothing;
    struct raft_change said = change->change;
    if (change->kind == PEER_CHANGE_TRANSFER) {
        said = nothing;
        said.member.id = change->change.member.id;
    } else {
        ASSERT(change->kind == PEER_CHANGE_MEMBERS);
        ASSERT(is_well_formed(&said));
    }
    bytes_put_u64(out, change->number);
    bytes_put_u8(out, (uint8_t)change->kind);
    bytes_put_u8(out, (uint8_t)said.kind);
    bytes_put_u8(out, (uint8_t)said.member.role);
    bytes_put_u8(out, said.force ? 1 : 0);
    peer_body_put_zeros(out, 4);
    put_member(out, &said.member);
}

bool peer_body_get_change(struct bytes_reader *reader, struct peer_change *out)
{
    out->number = bytes_get_u64(reader);
    out->kind = (enum peer_change_kind)bytes_get_u8(reader);
    out->change.kind = (enum raft_change_kind)bytes_get_u8(reader);
    out->change.member.role = (enum raft_member_role)bytes_get_u8(reader);
    uint8_t force = bytes_get_u8(reader);
    out->change.force = force == 1;
    peer_body_get_zeros(reader, 4);
    get_member(reader, &out->change.member);
    if (reader->bad || force > 1) {
        return false;
    }
    switch (out->kind) {
    case PEER_CHANGE_MEMBERS:
        return is_well_formed(&out->change);
    case PEER_CHANGE_TRANSFER:
        return is_id_alone(&out->change);
    }
    return false;
}

void peer_body_put_change_reply(struct buf *out, const struct peer_change_reply *reply)
{
    bytes_put_u64(out, reply->number);
    bytes_put_u32(out, (uint32_t)reply->result);
    peer_body_put_zeros(out, 4);
    bytes_put_u64(out, reply->index);
}

bool peer_body_get_change_reply(struct bytes_reader *reader, struct peer_change_reply *out)
{
    out->number = bytes_get_u64(reader);
    uint32_t result = bytes_get_u32(reader);
    peer_body_get_zeros(reader, 4);
    out->index = bytes_get_u64(reader);
    if (reader->bad || result >= RESULT_COUNT) {
        return false;
    }
    out->result = (enum result)result;
    return true;
}
