/* http_members.c -- /cluster/members, and /cluster/add and /cluster/remove as commands. */
#include "base/assert.h"
#include "net/http_internal.h"
#include "net/http_text.h"

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
    buf_append_format(body, ",\"role\":\"%s\"", raft_member_role_text(member->role));
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

/* The leader is named with every refusal: it is the one that knows why. */
static void on_reply(struct http_request *request, const struct reply_element *reply)
{
    if (reply->kind == REPLY_KIND_ERROR) {
        http_reply_error_with_leader(request, http_command_status(reply->text), reply->text);
        return;
    }
    if (reply->kind != REPLY_KIND_INTEGER) {
        http_reply_error(request, 500, "unexpected reply");
        return;
    }
    struct buf *body = &request->server->scratch;
    buf_clear(body);
    buf_append_format(body, "{\"ok\":true,\"index\":%lld}", (long long)reply->integer);
    http_reply_scratch(request, 200);
}

static void add_word(struct http_request *request, struct slice word)
{
    ASSERT(request->arguments_count < HTTP_ARGUMENTS_MAX);
    request->arguments[request->arguments_count++] = word;
}

static void add_option(struct http_request *request, struct slice option, struct slice value)
{
    if (value.size > 0) {
        add_word(request, option);
        add_word(request, value);
    }
}

static void begin_command(struct http_request *request, struct slice subcommand, struct slice node)
{
    request->on_reply = on_reply;
    request->acts_when_offered = true;
    add_word(request, SLICE_LITERAL("QUORUM"));
    add_word(request, subcommand);
    add_word(request, node);
}

void http_members_add(struct http_request *request)
{
    struct slice node_id;
    struct slice raft_address;
    struct slice http_address;
    struct slice redis_address;
    bool is_learner;
    bool is_forced;
    if (!http_request_parse_body(request)) {
        return;
    }
    if (!http_request_member(request, "nodeId", &node_id) ||
        !http_request_member(request, "raftAddr", &raft_address) ||
        !http_request_member(request, "httpAddr", &http_address) ||
        !http_request_member(request, "redisAddr", &redis_address) ||
        !http_request_flag(request, "learner", &is_learner) ||
        !http_request_flag(request, "force", &is_forced)) {
        http_reply_error(request, 400, "invalid JSON");
        return;
    }
    if (node_id.size == 0 || raft_address.size == 0) {
        http_reply_error(request, 400, "nodeId and raftAddr required");
        return;
    }
    begin_command(request, SLICE_LITERAL("ADD"), node_id);
    add_word(request, raft_address);
    add_option(request, SLICE_LITERAL("HTTP"), http_address);
    add_option(request, SLICE_LITERAL("REDIS"), redis_address);
    if (is_learner) {
        add_word(request, SLICE_LITERAL("LEARNER"));
    }
    if (is_forced) {
        add_word(request, SLICE_LITERAL("FORCE"));
    }
    http_command_execute(request);
}

void http_members_remove(struct http_request *request)
{
    struct slice node_id;
    bool is_forced;
    if (!http_request_parse_body(request)) {
        return;
    }
    if (!http_request_member(request, "nodeId", &node_id) ||
        !http_request_flag(request, "force", &is_forced)) {
        http_reply_error(request, 400, "invalid JSON");
        return;
    }
    if (node_id.size == 0) {
        http_reply_error(request, 400, "nodeId required");
        return;
    }
    begin_command(request, SLICE_LITERAL("REMOVE"), node_id);
    if (is_forced) {
        add_word(request, SLICE_LITERAL("FORCE"));
    }
    http_command_execute(request);
}
