/* http_members.c -- /cluster/members, and the checks of /cluster/add and /cluster/remove. */

#include "net/http_internal.h"
#include "net/http_text.h"

static const char NOT_SUPPORTED[] = "membership changes are not supported yet";

static const struct raft_progress *find_progress(const struct raft_progress *rows, uint32_t count,
                                                 uint64_t id)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].id == id) {
            return &rows[i];
        }
    }
    return NULL;
}

/* What the log says, or where it says nothing, what the peer says of itself. */
static void put_address(struct buf *body, const char *field, const char *logged, const char *told)
{
    buf_append_format(body, ",\"%s\":", field);
    http_json_string(body, slice_of_string(logged[0] != '\0' ? logged : told));
}

/* matchIndex and reachable are known of oneself and, on a leader, of the others; else null. */
static void put_details(struct http_server *server, const struct raft_member *member,
                        const struct raft_status *status, const struct raft_progress *progress)
{
    static const struct peer_node_info NOTHING;
    const struct peer_node_info *info = replica_peer_info(server->loop->replica, member->id);
    info = info == NULL ? &NOTHING : info;
    struct buf *body = &server->scratch;
    char spare[LIMIT_NODE_NAME_BYTES];
    buf_append_format(body, "{\"id\":");
    http_json_string(body, slice_of_string(http_member_name(server, member, spare)));
    put_address(body, "raftAddr", member->raft_address, info->raft_address);
    put_address(body, "httpAddr", member->http_address, info->http_address);
    put_address(body, "redisAddr", member->redis_address, info->redis_address);
    buf_append_format(body, ",\"role\":\"%s\"", member->role == RAFT_LEARNER ? "learner" : "voter");
    if (member->id == status->id) {
        buf_append_format(body, ",\"matchIndex\":%llu,\"reachable\":true}",
                          (unsigned long long)status->persisted_index);
    } else if (progress != NULL) {
        buf_append_format(body, ",\"matchIndex\":%llu,\"reachable\":%s}",
                          (unsigned long long)progress->match_index,
                          progress->recently_active ? "true" : "false");
    } else {
        buf_append_format(body, ",\"matchIndex\":null,\"reachable\":null}");
    }
}

void http_members_list(struct http_request *request)
{
    struct http_server *server = request->server;
    struct replica *replica = server->loop->replica;
    const struct raft_member *members[LIMIT_MEMBERS];
    uint32_t members_count = replica_members_by_name(replica, members);
    struct raft_progress rows[LIMIT_MEMBERS];
    uint32_t rows_count = replica_get_progress(replica, rows, LIMIT_MEMBERS);
    struct replica_status status;
    replica_get_status(replica, &status);
    struct buf *body = &server->scratch;
    char spare[LIMIT_NODE_NAME_BYTES];
    buf_clear(body);
    buf_append_format(body, "{\"members\":[");
    for (uint32_t i = 0; i < members_count; i++) {
        const struct raft_member *member = members[i];
        buf_append_format(body, "%s", i == 0 ? "" : ",");
        http_json_string(body, slice_of_string(http_member_name(server, member, spare)));
    }
    buf_append_format(body, "],\"details\":[");
    for (uint32_t i = 0; i < members_count; i++) {
        const struct raft_member *member = members[i];
        buf_append_format(body, "%s", i == 0 ? "" : ",");
        put_details(server, member, &status.raft, find_progress(rows, rows_count, member->id));
    }
    buf_append_format(body, "]}");
    http_reply_scratch(request, 200);
}

/* ---- Changes ---- */

void http_members_add(struct http_request *request)
{
    struct slice node_id;
    struct slice raft_address;
    struct slice other;
    if (!http_request_parse_body(request)) {
        return;
    }
    if (!http_request_member(request, "nodeId", &node_id) ||
        !http_request_member(request, "raftAddr", &raft_address) ||
        !http_request_member(request, "httpAddr", &other) ||
        !http_request_member(request, "redisAddr", &other)) {
        http_reply_error(request, 400, "invalid JSON");
    } else if (node_id.size == 0 || raft_address.size == 0) {
        http_reply_error(request, 400, "nodeId and raftAddr required");
    } else {
        http_reply_error(request, 501, NOT_SUPPORTED);
    }
}

void http_members_remove(struct http_request *request)
{
    struct slice node_id;
    if (!http_request_parse_body(request)) {
        return;
    }
    if (!http_request_member(request, "nodeId", &node_id)) {
        http_reply_error(request, 400, "invalid JSON");
    } else if (node_id.size == 0) {
        http_reply_error(request, 400, "nodeId required");
    } else {
        http_reply_error(request, 501, NOT_SUPPORTED);
    }
}
