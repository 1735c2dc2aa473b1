/* disk_state.c -- what a node does while its disk, or the leader's, has little room.
 *
 * Writes that need room are refused where their client is, before they are proposed: apply is the
 * same on every node, whatever its disk. What was accepted before goes on, and so does everything
 * that frees room, reading, and the work of the cluster itself.
 */
#include "replica/disk_state.h"

#include <stdio.h>

#include "base/logger.h"
#include "replica/replica_internal.h"

enum {
    HAND_OVER_AGAIN_MS = 3000,
    /* What changed is told again and again: were it lost once, others would refuse writes, or take
     * them, until it changes the next time. */
    TELL_AGAIN_MS = 5000,
};

bool disk_state_refuses(const struct replica *replica, const struct command *command,
                        char text[DISK_REFUSAL_BYTES])
{
    if ((command->flags & COMMAND_FLAG_DENYOOM) == 0) {
        return false;
    }
    uint64_t leader = replica->status.leader;
    const struct peer_node_info *info = replica_peer_info(replica, leader);
    bool is_leader_low = info != NULL && info->is_disk_low;
    if (!replica->self_info.is_disk_low && !is_leader_low) {
        return false;
    }
    uint64_t low = replica->self_info.is_disk_low ? replica->self : leader;
    (void)snprintf(text, DISK_REFUSAL_BYTES,
                   "DISKFULL the disk of %s%s has too little room for this write; nothing was "
                   "done: free room there. Reads, DEL and changes of the cluster still work",
                   low == leader ? "the leader, " : "this node, ", replica_node_name(replica, low));
    return true;
}

void disk_state_tell(struct replica *replica, uint64_t peer)
{
    struct peer_message message = {
        .type = PEER_MESSAGE_NODE_INFO, .from = replica->self, .to = peer};
    message.node_info = replica->self_info;
    outbox_add_message(&replica->outbox, &message);
}

static void tell_all(struct replica *replica)
{
    const struct raft_configuration *configuration = replica_configuration(replica);
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        if (configuration->members[i].id != replica->self) {
            disk_state_tell(replica, configuration->members[i].id);
        }
    }
    replica->disk_tell_at_ms = replica->now_ms + TELL_AGAIN_MS;
}

void replica_set_disk_state(struct replica *replica, enum replica_disk_state state)
{
    bool is_low = state == REPLICA_DISK_LOW;
    if (is_low == replica->self_info.is_disk_low) {
        return;
    }
    replica->self_info.is_disk_low = is_low;
    replica->hand_over_at_ms = replica->now_ms;
    replica->role_changed = true; /* what /status says */
    logger_log(is_low ? LOGGER_WARNING : LOGGER_NOTICE, "%s",
               is_low ? "the disk has too little room: writes that need some are refused until "
                        "there is more"
                      : "the disk has room again: all writes are taken");
    tell_all(replica);
}

/* The voter with room whose log is the furthest of those that follow well, or RAFT_ID_NONE. */
static uint64_t find_heir(const struct replica *replica)
{
    struct raft_progress progress[LIMIT_MEMBERS];
    uint32_t count = replica_get_progress(replica, progress, LIMIT_MEMBERS);
    uint64_t heir = RAFT_ID_NONE;
    uint64_t match_index = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct raft_progress *row = &progress[i];
        const struct raft_member *member =
            raft_configuration_find(replica_configuration(replica), row->id);
        const struct peer_node_info *info = replica_peer_info(replica, row->id);
        bool is_fit = member != NULL && member->role == RAFT_VOTER && row->recently_active &&
                      row->state == RAFT_REPLICATE && (info == NULL || !info->is_disk_low);
        if (is_fit && row->match_index > match_index) {
            heir = row->id;
            match_index = row->match_index;
        }
    }
    return heir;
}

static bool has_to_hand_over(const struct replica *replica)
{
    return replica->self_info.is_disk_low && replica->status.role == RAFT_LEADER;
}

void disk_state_turn(struct replica *replica)
{
    if (replica->now_ms >= replica->disk_tell_at_ms) {
        tell_all(replica);
    }
    if (!has_to_hand_over(replica) || replica->now_ms < replica->hand_over_at_ms) {
        return;
    }
    replica->hand_over_at_ms = replica->now_ms + HAND_OVER_AGAIN_MS;
    uint64_t heir = find_heir(replica);
    struct raft_event event = {.type = RAFT_EVENT_TRANSFER, .peer = heir};
    if (heir != RAFT_ID_NONE && replica_step(replica, &event) == RESULT_OK) {
        logger_log(LOGGER_NOTICE, "hands leadership to %s: its own disk has too little room",
                   replica_node_name(replica, heir));
    }
}

uint64_t disk_state_deadline_ms(const struct replica *replica)
{
    uint64_t tell_at_ms = replica->disk_tell_at_ms;
    uint64_t hand_over_at_ms = has_to_hand_over(replica) ? replica->hand_over_at_ms : UINT64_MAX;
    return hand_over_at_ms < tell_at_ms ? hand_over_at_ms : tell_at_ms;
}
