/* status.c -- looking at the node: for INFO, ROLE, the HTTP status routes and the server. */
#include <stddef.h>
#include <string.h>

#include "replica/replica_internal.h"

struct executor *replica_executor(struct replica *replica)
{
    return &replica->executor;
}

uint64_t replica_monotonic_us(struct replica *replica)
{
    return replica->host.monotonic_us(replica->host.context);
}

const struct raft_configuration *replica_configuration(const struct replica *replica)
{
    return raft_configuration_latest(replica->raft);
}

uint32_t replica_members_by_name(const struct replica *replica,
                                 const struct raft_member *out[LIMIT_MEMBERS])
{
    const struct raft_configuration *configuration = replica_configuration(replica);
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        uint32_t at = i;
        while (at > 0 && strcmp(out[at - 1]->name, member->name) > 0) {
            out[at] = out[at - 1];
            at--;
        }
        out[at] = member;
    }
    return configuration->members_count;
}

const struct peer_node_info *replica_peer_info(const struct replica *replica, uint64_t peer)
{
    if (peer == replica->self) {
        return &replica->self_info;
    }
    for (uint32_t i = 0; i < replica->peers_count; i++) {
        if (replica->peers[i].id == peer) {
            return &replica->peers[i].info;
        }
    }
    return NULL;
}

uint32_t replica_get_progress(const struct replica *replica, struct raft_progress *out,
                              uint32_t capacity)
{
    return raft_get_progress(replica->raft, out, capacity);
}

/* A string that the log records of a member or, where it has none, that the node told itself. */
static const char *lookup(const struct replica *replica, uint64_t id, size_t member_offset,
                          size_t info_offset)
{
    const struct raft_member *member = raft_configuration_find(replica_configuration(replica), id);
    const struct peer_node_info *info = replica_peer_info(replica, id);
    const char *text = member == NULL ? "" : (const char *)member + member_offset;
    return text[0] != '\0' || info == NULL ? text : (const char *)info + info_offset;
}

const char *replica_node_name(const struct replica *replica, uint64_t id)
{
    return lookup(replica, id, offsetof(struct raft_member, name),
                  offsetof(struct peer_node_info, name));
}

const char *replica_node_http_address(const struct replica *replica, uint64_t id)
{
    return lookup(replica, id, offsetof(struct raft_member, http_address),
                  offsetof(struct peer_node_info, http_address));
}

const char *replica_node_redis_address(const struct replica *replica, uint64_t id)
{
    return lookup(replica, id, offsetof(struct raft_member, redis_address),
                  offsetof(struct peer_node_info, redis_address));
}

void replica_get_status(struct replica *replica, struct replica_status *out)
{
    *out = (struct replica_status){
        .raft = replica->status,
        .applied_index = replica->applied_index,
        .state_hash = keyspace_state_hash(replica->keyspace),
        .unanswered_bytes = replica->batches.bytes,
        .clock_ms = log_clock_estimate(&replica->clock, replica->now_ms),
        .leader_changes = replica->leader_changes,
        .leader_name = replica_node_name(replica, replica->status.leader),
        .leader_http_address = replica_node_http_address(replica, replica->status.leader),
        .role_text = membership_role_text(replica),
        .is_state_missing = replica->is_state_missing,
    };
    memcpy(out->cluster_id, replica->applied_configuration.cluster_id, RAFT_CLUSTER_ID_BYTES);
}
