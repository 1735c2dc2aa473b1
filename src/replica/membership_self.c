/* membership_self.c -- this node as a member: how it gets in, and what it says when the log makes
 * it one, changes its role or removes it.
 */
#include <stdio.h>

#include "base/logger.h"
#include "replica/membership.h"
#include "replica/replica_internal.h"

enum { JOIN_AGAIN_MS = 1000 };

/* ---- Getting in ---- */

void replica_join(struct replica *replica, uint64_t via)
{
    replica->membership.join_via = via;
    replica->membership.join_at_ms = replica->now_ms;
}

void replica_on_cluster_found(struct replica *replica)
{
    raft_wait_for_leader(replica->raft);
}

static void fill_self(const struct replica *replica, struct raft_member *member)
{
    const struct peer_node_info *info = &replica->self_info;
    *member = (struct raft_member){
        .id = replica->self, .disk_id = replica->disk_id, .role = RAFT_JOINING};
    (void)snprintf(member->name, sizeof(member->name), "%s", info->name);
    (void)snprintf(member->raft_address, sizeof(member->raft_address), "%s", info->raft_address);
    (void)snprintf(member->http_address, sizeof(member->http_address), "%s", info->http_address);
    (void)snprintf(member->redis_address, sizeof(member->redis_address), "%s", info->redis_address);
}

void membership_join(struct replica *replica)
{
    struct membership *membership = &replica->membership;
    if (membership->join_via == RAFT_ID_NONE || replica->now_ms < membership->join_at_ms) {
        return;
    }
    if (raft_configuration_find(replica_configuration(replica), replica->self) != NULL) {
        membership->join_via = RAFT_ID_NONE;
        return;
    }
    membership->join_at_ms = replica->now_ms + JOIN_AGAIN_MS;
    struct peer_message message = {
        .type = PEER_MESSAGE_CHANGE, .from = replica->self, .to = membership->join_via};
    message.change =
        (struct peer_change){.kind = PEER_CHANGE_MEMBERS, .change = {.kind = RAFT_CHANGE_ADD}};
    fill_self(replica, &message.change.change.member);
    outbox_add_message(&replica->outbox, &message);
}

/* ---- What the log says ---- */

static const char *role_word(enum raft_member_role role)
{
    switch (role) {
    case RAFT_VOTER:
        return "a voter";
    case RAFT_LEARNER:
        return "a learner, without a vote";
    case RAFT_JOINING:
        return "a learner, and votes once it has caught up";
    }
    return "";
}

static void report_member(const struct replica *replica, const struct raft_member *before,
                          const struct raft_member *now, uint64_t index)
{
    bool is_self = now->id == replica->self;
    unsigned long long at = index;
    if (before == NULL) {
        logger_log(LOGGER_NOTICE, "%s%s was added to the cluster by entry %llu as %s",
                   is_self ? "this node, " : "", now->name, at, role_word(now->role));
    } else if (before->role != now->role) {
        logger_log(LOGGER_NOTICE, "%s%s became %s by entry %llu", is_self ? "this node, " : "",
                   now->name, role_word(now->role), at);
    } else if (strcmp(before->raft_address, now->raft_address) != 0) {
        logger_log(LOGGER_NOTICE, "%s has the raft address %s by entry %llu", now->name,
                   now->raft_address, at);
    }
}

static void report_removed(const struct replica *replica, const struct raft_member *member,
                           uint64_t index)
{
    if (member->id == replica->self) {
        logger_log(LOGGER_WARNING,
                   "was removed from the cluster by entry %llu; it can be stopped now, or added "
                   "again with QUORUM ADD",
                   (unsigned long long)index);
    } else {
        logger_log(LOGGER_NOTICE, "%s was removed from the cluster by entry %llu", member->name,
                   (unsigned long long)index);
    }
}

static void report(const struct replica *replica, const struct raft_configuration *before,
                   uint64_t index)
{
    const struct raft_configuration *now = &replica->applied_configuration;
    for (uint32_t i = 0; i < now->members_count; i++) {
        const struct raft_member *member = &now->members[i];
        if (before->members_count == 0 && member->id != replica->self) {
            continue; /* A snapshot's members are news, but none of its entry's. */
        }
        report_member(replica, raft_configuration_find(before, member->id), member, index);
    }
    for (uint32_t i = 0; i < before->members_count; i++) {
        if (raft_configuration_find(now, before->members[i].id) == NULL) {
            report_removed(replica, &before->members[i], index);
        }
    }
}

static bool is_fulfilled(const struct replica *replica, const struct raft_change *change)
{
    const struct raft_member *member =
        raft_configuration_find(&replica->applied_configuration, change->member.id);
    switch (change->kind) {
    case RAFT_CHANGE_ADD:
        return member != NULL && strcmp(member->raft_address, change->member.raft_address) == 0;
    case RAFT_CHANGE_REMOVE:
        return member == NULL;
    case RAFT_CHANGE_PROMOTE:
        return member != NULL && member->role == RAFT_VOTER;
    case RAFT_CHANGE_ADDRESSES:
        return false; /* the answer says it */
    }
    return false;
}

void membership_configuration_applied(struct replica *replica,
                                      const struct raft_configuration *before, uint64_t index)
{
    /* The first entry of a log only names the cluster. */
    if (replica->has_started && index > 1) {
        report(replica, before, index);
    }
    for (uint32_t i = 0; i < LIMIT_CHANGES_PENDING; i++) {
        struct change_request *request = &replica->membership.requests[i];
        /* A leader that removed itself may be gone before its answer arrives. */
        if (request->stage == CHANGE_ASKED && request->change.kind == PEER_CHANGE_MEMBERS &&
            is_fulfilled(replica, &request->change.change)) {
            request->stage = CHANGE_DONE;
            request->result = RESULT_OK;
            request->index = index;
        }
    }
}

const char *membership_role_text(const struct replica *replica)
{
    const struct raft_status *status = &replica->status;
    if (status->is_voter) {
        return raft_role_text(status->role);
    }
    const struct raft_configuration *configuration = replica_configuration(replica);
    bool is_removed = configuration->members_count > 0 &&
                      raft_configuration_find(configuration, replica->self) == NULL;
    return is_removed ? "Removed" : "Learner";
}
