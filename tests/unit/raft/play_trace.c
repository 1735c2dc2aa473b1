/* play_trace.c -- what happens in a cluster, in words. */
#include "unit/raft/play_trace.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"

static const char *role_text(enum raft_role role)
{
    return role == RAFT_PRE_CANDIDATE ? "PreCandidate" : raft_role_text(role);
}

static void trace_append(const struct raft_append *append, struct buf *out)
{
    buf_append_format(out, "append after %" PRIu64 "/%" PRIu64 ":", append->previous_index,
                      append->previous_term);
    for (uint32_t i = 0; i < append->entries_count; i++) {
        buf_append_format(out, " %" PRIu64 "/%" PRIu64, append->entries[i].index,
                          append->entries[i].term);
    }
    buf_append_format(out, "%s commit %" PRIu64, append->entries_count == 0 ? " nothing," : ",",
                      append->commit_index);
}

static void trace_append_reply(const struct raft_append_reply *reply, struct buf *out)
{
    if (!reply->rejected) {
        buf_append_format(out, "matches to %" PRIu64, reply->match_index);
        return;
    }
    buf_append_format(out, "rejects after %" PRIu64 ", conflict term %" PRIu64 " from %" PRIu64,
                      reply->rejected_index, reply->conflict_term, reply->conflict_index);
}

void play_trace_message(const struct raft_message *message, struct buf *out)
{
    buf_append_format(out, "%" PRIu64 " -> %" PRIu64 " t%" PRIu64 " ", message->from, message->to,
                      message->term);
    switch (message->type) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE:
        buf_append_format(out, "%s for a log to %" PRIu64 "/%" PRIu64 "%s",
                          message->type == RAFT_MESSAGE_VOTE ? "vote" : "pre-vote",
                          message->vote.last_log_index, message->vote.last_log_term,
                          message->vote.leadership_transfer ? ", sent by the leader" : "");
        break;
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
    case RAFT_MESSAGE_VOTE_REPLY:
        buf_append_format(out, "%s %s",
                          message->type == RAFT_MESSAGE_VOTE_REPLY ? "vote" : "pre-vote",
                          message->vote_reply.granted ? "granted" : "refused");
        break;
    case RAFT_MESSAGE_APPEND:
        trace_append(&message->append, out);
        break;
    case RAFT_MESSAGE_APPEND_REPLY:
        trace_append_reply(&message->append_reply, out);
        break;
    case RAFT_MESSAGE_HEARTBEAT:
        buf_append_format(out, "heartbeat, round %" PRIu64 ", commit %" PRIu64,
                          message->heartbeat.read_round, message->heartbeat.commit_index);
        break;
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
        buf_append_format(out, "heard round %" PRIu64, message->heartbeat_reply.read_round);
        break;
    case RAFT_MESSAGE_READ:
        buf_append_format(out, "read %" PRIu64 "?", message->read.context);
        break;
    case RAFT_MESSAGE_READ_REPLY:
        buf_append_format(out, "read %" PRIu64 " %s at %" PRIu64, message->read_reply.context,
                          message->read_reply.confirmed ? "confirmed" : "not confirmed",
                          message->read_reply.index);
        break;
    case RAFT_MESSAGE_TIMEOUT_NOW:
        buf_append_format(out, "campaign now");
        break;
    }
}

static void trace_persist(uint64_t id, const struct raft_persist *persist, struct buf *out)
{
    buf_append_format(out, "  %" PRIu64 ": persist %" PRIu64 ":", id, persist->id);
    if (persist->hard_state_changed) {
        buf_append_format(out, " term %" PRIu64 " vote %" PRIu64, persist->hard_state.term,
                          persist->hard_state.vote);
    }
    if (persist->reset_index != 0) {
        buf_append_format(out, " all dropped to %" PRIu64 "/%" PRIu64, persist->reset_index,
                          persist->reset_term);
    }
    if (persist->truncate_from != 0) {
        buf_append_format(out, " cut from %" PRIu64, persist->truncate_from);
    }
    for (uint32_t i = 0; i < persist->entries_count; i++) {
        const struct raft_entry *entry = &persist->entries[i];
        static const char *const types[] = {"?", "noop", "command", "configuration"};
        buf_append_format(out, " %" PRIu64 "/%" PRIu64 " %s", entry->index, entry->term,
                          types[entry->type]);
    }
    buf_append_format(out, "\n");
}

static void trace_configuration(const struct raft_configuration *configuration, struct buf *out)
{
    static const char *const roles[] = {"?", "voter", "learner", "joining"};
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        buf_append_format(out, "%s%" PRIu64 " %s", i == 0 ? " " : ", ", member->id,
                          roles[member->role]);
        if (member->disk_id != 0) {
            buf_append_format(out, " on disk %" PRIu64, member->disk_id);
        }
    }
}

/* Says who is a member, when that is not as it was. */
static void trace_members(struct play_trace *trace, const struct cluster_node *node, uint64_t index)
{
    struct buf text;
    buf_init(&text);
    trace_configuration(raft_configuration_latest(node->raft), &text);
    uint64_t hash = hash_bytes(1, buf_slice(&text));
    if (trace->members[node->id] != 0 && trace->members[node->id] != hash) {
        buf_append_format(trace->out, "  %" PRIu64 ": members by entry %" PRIu64 ":", node->id,
                          index);
        buf_append_slice(trace->out, buf_slice(&text));
        buf_append_format(trace->out, "\n");
    }
    trace->members[node->id] = hash;
    buf_deinit(&text);
}

static void observe(struct cluster *cluster, struct cluster_node *node,
                    const struct raft_ready *ready, void *context)
{
    struct play_trace *trace = context;
    struct raft_status status = cluster_status(cluster, node->id);
    struct raft_status *before = &trace->before[node->id];
    if (status.role != before->role || status.term != before->term ||
        status.leader != before->leader) {
        buf_append_format(trace->out, "  %" PRIu64 ": %s of term %" PRIu64 ", leader %" PRIu64 "\n",
                          node->id, role_text(status.role), status.term, status.leader);
    }
    trace_members(trace, node, status.configuration_index);
    if (ready->persist.id != 0) {
        trace_persist(node->id, &ready->persist, trace->out);
    }
    for (uint32_t i = 0; i < ready->messages_count; i++) {
        const struct raft_message *message = &ready->messages[i];
        if (trace->with_heartbeats || (message->type != RAFT_MESSAGE_HEARTBEAT &&
                                       message->type != RAFT_MESSAGE_HEARTBEAT_REPLY)) {
            buf_append_format(trace->out, "  ");
            play_trace_message(message, trace->out);
            buf_append_format(trace->out, "\n");
        }
    }
    if (status.commit_index != before->commit_index) {
        buf_append_format(trace->out, "  %" PRIu64 ": commit %" PRIu64 "\n", node->id,
                          status.commit_index);
    }
    for (uint32_t i = 0; i < ready->reads_count; i++) {
        buf_append_format(trace->out, "  %" PRIu64 ": read %" PRIu64 " %s at %" PRIu64 "\n",
                          node->id, ready->reads[i].context,
                          ready->reads[i].confirmed ? "confirmed" : "not confirmed",
                          ready->reads[i].index);
    }
    *before = status;
}

void play_trace_init(struct play_trace *trace, struct cluster *cluster, struct buf *out)
{
    memset(trace, 0, sizeof(*trace));
    trace->out = out;
    cluster->observer = observe;
    cluster->observer_context = trace;
}

void play_trace_forget(struct play_trace *trace, uint64_t id)
{
    memset(&trace->before[id], 0, sizeof(trace->before[id]));
    trace->members[id] = 0;
}

void play_trace_node(const struct cluster *cluster, uint64_t id, struct buf *out)
{
    if (cluster->nodes[id].raft == NULL) {
        buf_append_format(out, "  %" PRIu64 ": down\n", id);
        return;
    }
    struct raft_status status = cluster_status(cluster, id);
    buf_append_format(out,
                      "  %" PRIu64 ": %s of term %" PRIu64 ", vote %" PRIu64 ", leader %" PRIu64
                      ", commit %" PRIu64 ", durable %" PRIu64 ", log",
                      id, role_text(status.role), status.term, status.vote, status.leader,
                      status.commit_index, status.persisted_index);
    if (status.first_index > 1) {
        buf_append_format(out, " (to %" PRIu64 " compacted)", status.first_index - 1);
    }
    for (uint64_t index = status.first_index; index <= status.last_index; index++) {
        buf_append_format(out, " %" PRIu64, raft_entry_at(cluster->nodes[id].raft, index)->term);
    }
    buf_append_format(out, "\n");
}

void play_trace_members(const struct cluster *cluster, uint64_t id, struct buf *out)
{
    buf_append_format(out, "  %" PRIu64 ":", id);
    trace_configuration(raft_configuration_latest(cluster->nodes[id].raft), out);
    buf_append_format(out, "\n");
}

void play_trace_progress(const struct cluster *cluster, uint64_t id, struct buf *out)
{
    static const char *const states[] = {"probe", "replicate", "snapshot"};
    struct raft_progress rows[LIMIT_MEMBERS];
    uint32_t count = raft_get_progress(cluster->nodes[id].raft, rows, LIMIT_MEMBERS);
    for (uint32_t i = 0; i < count; i++) {
        buf_append_format(
            out, "  %" PRIu64 " sees %" PRIu64 ": %s, match %" PRIu64 ", next %" PRIu64 "\n", id,
            rows[i].id, states[rows[i].state], rows[i].match_index, rows[i].next_index);
    }
}
