/* http_status.c -- /status and /health: what this node knows of itself and of the cluster. */
#include <stdio.h>

#include "net/http_internal.h"
#include "net/http_text.h"

const char *http_member_name(const struct http_server *server, const struct raft_member *member,
                             char *spare)
{
    if (member->name[0] != '\0') {
        return member->name;
    }
    const struct peer_node_info *info = replica_peer_info(server->loop->replica, member->id);
    if (info != NULL && info->name[0] != '\0') {
        return info->name;
    }
    if (member->raft_address[0] != '\0') {
        return member->raft_address;
    }
    (void)snprintf(spare, LIMIT_NODE_NAME_BYTES, "%llu", (unsigned long long)member->id);
    return spare;
}

static void put_string(struct buf *body, const char *field, const char *text)
{
    buf_append_format(body, "\"%s\":", field);
    http_json_string(body, slice_of_string(text));
}

static void put_number(struct buf *body, const char *field, uint64_t value)
{
    buf_append_format(body, ",\"%s\":%llu", field, (unsigned long long)value);
}

static const char *progress_text(enum raft_progress_state state)
{
    switch (state) {
    case RAFT_PROBE:
        return "probe";
    case RAFT_REPLICATE:
        return "replicate";
    case RAFT_SNAPSHOT:
        return "snapshot";
    }
    return "";
}

/* This node's name by the configuration, or by what it says of itself. */
static const char *self_name(const struct http_server *server, uint64_t self, char *spare)
{
    const struct raft_configuration *configuration = replica_configuration(server->loop->replica);
    const struct raft_member *member = raft_configuration_find(configuration, self);
    if (member != NULL) {
        return http_member_name(server, member, spare);
    }
    const struct raft_member stranger = {.id = self};
    return http_member_name(server, &stranger, spare);
}

/* The names of all members but this one. */
static void put_peers(struct http_server *server, uint64_t self)
{
    const struct raft_member *members[LIMIT_MEMBERS];
    uint32_t members_count = replica_members_by_name(server->loop->replica, members);
    struct buf *body = &server->scratch;
    char spare[LIMIT_NODE_NAME_BYTES];
    const char *separator = "";
    buf_append_format(body, ",\"peers\":[");
    for (uint32_t i = 0; i < members_count; i++) {
        const struct raft_member *member = members[i];
        if (member->id == self) {
            continue;
        }
        buf_append_format(body, "%s", separator);
        http_json_string(body, slice_of_string(http_member_name(server, member, spare)));
        separator = ",";
    }
    buf_append_byte(body, ']');
}

/* A leader's view of how far each other member is. */
static void put_replication(struct http_server *server, const struct raft_status *status)
{
    const struct raft_configuration *configuration = replica_configuration(server->loop->replica);
    struct raft_progress rows[LIMIT_MEMBERS];
    uint32_t count = replica_get_progress(server->loop->replica, rows, LIMIT_MEMBERS);
    struct buf *body = &server->scratch;
    char spare[LIMIT_NODE_NAME_BYTES];
    buf_append_format(body, ",\"replication\":[");
    for (uint32_t i = 0; i < count; i++) {
        const struct raft_progress *row = &rows[i];
        const struct raft_member *member = raft_configuration_find(configuration, row->id);
        const struct raft_member stranger = {.id = row->id};
        const char *name = http_member_name(server, member == NULL ? &stranger : member, spare);
        uint64_t now_ms = server->loop->now_ms;
        bool is_behind = row->match_index < status->last_index;
        buf_append_format(body, "%s{", i == 0 ? "" : ",");
        put_string(body, "id", name);
        put_number(body, "matchIndex", row->match_index);
        put_number(body, "lag", is_behind ? status->last_index - row->match_index : 0);
        put_number(body, "lastContactMs",
                   now_ms > row->last_contact_ms ? now_ms - row->last_contact_ms : 0);
        buf_append_format(body, ",\"state\":\"%s\"}", progress_text(row->state));
    }
    buf_append_byte(body, ']');
}

void http_status_status(struct http_request *request)
{
    struct http_server *server = request->server;
    struct replica *replica = server->loop->replica;
    struct buf *body = &server->scratch;
    struct replica_status status;
    char spare[LIMIT_NODE_NAME_BYTES];
    replica_get_status(replica, &status);
    const struct peer_node_info *self = replica_peer_info(replica, status.raft.id);
    bool is_leader = status.raft.role == RAFT_LEADER;
    buf_clear(body);
    buf_append_byte(body, '{');
    put_string(body, "nodeId", self_name(server, status.raft.id, spare));
    buf_append_format(body, ",\"isLeader\":%s,", is_leader ? "true" : "false");
    put_string(body, "leader", status.leader_name);
    put_number(body, "term", status.raft.term);
    buf_append_byte(body, ',');
    put_string(body, "state", status.role_text);
    put_peers(server, status.raft.id);
    put_number(body, "commitIndex", status.raft.commit_index);
    put_number(body, "appliedIndex", status.applied_index);
    put_number(body, "lastIndex", status.raft.last_index);
    put_number(body, "leaderChanges", status.leader_changes);
    put_number(body, "uptimeSeconds", (server->loop->now_ms - server->opened_ms) / 1000);
    if (self != NULL && self->version[0] != '\0') {
        buf_append_byte(body, ',');
        put_string(body, "version", self->version);
    }
    if (is_leader) {
        put_replication(server, &status.raft);
    }
    buf_append_byte(body, '}');
    http_reply_scratch(request, 200);
}

/* Liveness: the loop turns. Nothing here may depend on a leader. */
void http_status_health(struct http_request *request)
{
    struct buf *body = &request->server->scratch;
    buf_clear(body);
    buf_append(body, "{\"ok\":true}", 11);
    http_reply_scratch(request, 200);
}
