/* http_command.c -- the routes that are commands: at the executor's door, and back with the reply.
 *
 * A request opens a session of its own, offers one command, and waits in server->deferred. Each
 * time its session is touched it either offers again (the executor was full, or the command goes on
 * for a while) or, when the one reply is whole, answers. The reply's class decides the status: done
 * 200, provably not done 503, outcome unknown 504.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "net/http_internal.h"
#include "net/http_text.h"
#include "wire/reply_reader.h"

enum { PEER_TEXT_BYTES = 96 };

/* ---- Redirects, for those who ask for them ---- */

/* Nothing but "host:port" may get into a header and a client's next request. */
static bool is_plain_address(const char *address)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-_:[]";
    return address[0] != '\0' && address[strspn(address, LETTERS)] == '\0';
}

static void redirect(struct http_request *request, const struct replica_status *replica)
{
    struct buf location;
    buf_init(&location);
    buf_append_format(&location, "http://%s", replica->leader_http_address);
    buf_append_slice(&location, request->path);
    buf_append_byte(&location, '?');
    http_query_encode(&request->query, &location);
    struct slice target = buf_slice(&location);
    struct buf *body = &request->server->scratch;
    buf_clear(body);
    buf_append_format(body, "{\"ok\":false,\"error\":\"not leader\",\"leader\":");
    http_json_string(body, slice_of_string(replica->leader_name));
    buf_append_format(body, ",\"redirect\":");
    http_json_string(body, target);
    buf_append_byte(body, '}');
    buf_append_byte(&location, '\0');
    http_reply_header(request, "Location", (const char *)buf_slice(&location).bytes);
    buf_deinit(&location);
    http_reply_scratch(request, 307);
}

/* True: carry on here. False: answered with a redirect or with why there is none. */
static bool pass_redirect(struct http_request *request)
{
    if (request->is_local || !http_query_is_true(&request->query, "redirect")) {
        return true;
    }
    struct replica_status replica;
    replica_get_status(request->server->loop->replica, &replica);
    if (replica.raft.role == RAFT_LEADER) {
        return true;
    }
    if (replica.raft.leader == RAFT_ID_NONE || !is_plain_address(replica.leader_http_address)) {
        http_reply_error_with_leader(request, 503,
                                     replica.raft.leader == RAFT_ID_NONE
                                         ? SLICE_LITERAL("no leader")
                                         : SLICE_LITERAL("the leader's HTTP address is unknown"));
        return false;
    }
    redirect(request, &replica);
    return false;
}

/* ---- To the executor ---- */

static void offer(struct http_request *request)
{
    struct executor *executor = replica_executor(request->server->loop->replica);
    enum execute_result result =
        executor_execute(executor, request->session, request->arguments, request->arguments_count);
    if (result == EXECUTE_STALLED) {
        return; /* offered again when the session is touched */
    }
    request->is_taken = true;
    json_decref(request->body);
    request->body = NULL;
    buf_deinit(&request->value);
}

void http_command_execute(struct http_request *request)
{
    if (!pass_redirect(request)) {
        return;
    }
    struct http_server *server = request->server;
    char peer[PEER_TEXT_BYTES];
    char local[PEER_TEXT_BYTES];
    http_request_peer(request, peer, sizeof(peer));
    (void)snprintf(local, sizeof(local), "http:%u", (unsigned)server->port);
    const struct session_options options = {
        .kind = SESSION_HTTP,
        .owner = request,
        .address = peer,
        .local_address = local,
        .descriptor = -1,
        .is_authenticated = true,
        .is_local_reader = request->is_local,
    };
    request->session = session_open(replica_executor(server->loop->replica), &options);
    http_request_defer(request);
    offer(request);
}

/* ---- From the executor ---- */

static bool has_code(struct slice error, const char *code)
{
    size_t size = strlen(code);
    return error.size >= size && memcmp(error.bytes, code, size) == 0 &&
           (error.size == size || error.bytes[size] == ' ');
}

int http_command_status(struct slice error)
{
    static const struct {
        const char *code;
        int status;
    } CODES[] = {
        {"WRONGTYPE", 409},    {"CLUSTERDOWN", 503},    {"UNKNOWN", 504},  {"OOM", 507},
        {"TRYAGAIN", 503},     {"LOADING", 503},        {"MISCONF", 503},  {"READONLY", 503},
        {"BUSY", 503},         {"DISKFULL", 503},       {"NOPERM", 403},   {"NOAUTH", 401},
        {"MEMBEREXISTS", 409}, {"CHANGING", 409},       {"NOMEMBER", 404}, {"LASTVOTER", 409},
        {"NOTCAUGHTUP", 409},  {"TOOMANYMEMBERS", 409}, {"NOQUORUM", 409},
    };
    for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++) {
        if (has_code(error, CODES[i].code)) {
            return CODES[i].status;
        }
    }
    /* "ERR": the command was refused for what it asks (a value over a limit). */
    return has_code(error, "ERR") ? 400 : 500;
}

void http_command_answer_error(struct http_request *request, struct slice error)
{
    int status = http_command_status(error);
    if (status == 503 || status == 504) {
        http_reply_error_with_leader(request, status, error);
        return;
    }
    struct buf *body = &request->server->scratch;
    buf_clear(body);
    buf_append_format(body, "{\"ok\":false,\"error\":");
    http_json_string(body, error);
    buf_append_byte(body, '}');
    http_reply_scratch(request, status);
}

/* Everything borrowed from the session's output is copied before the answer closes the session. */
static void answer(struct http_request *request, struct slice reply)
{
    struct reply_element element;
    size_t consumed = 0;
    enum parse parsed = reply_read(reply, &element, &consumed);
    ASSERT(parsed == PARSE_DONE);
    request->on_reply(request, &element);
}

void http_command_serve(struct http_request *request)
{
    struct session *session = request->session;
    struct slice output = buf_slice(session_output(session));
    size_t reply_bytes = 0;
    if (output.size > 0 && reply_skip(output, &reply_bytes) == PARSE_DONE) {
        answer(request, slice_of(output.bytes, reply_bytes));
        return;
    }
    if (session_is_killed(session) || session_is_closing(session)) {
        http_command_expire(request);
        return;
    }
    if (!request->is_taken) {
        offer(request);
    }
}

void http_command_expire(struct http_request *request)
{
    if (request->is_taken || request->acts_when_offered) {
        http_reply_error_with_leader(
            request, 504, SLICE_LITERAL("UNKNOWN no answer in time: it may have been carried out"));
    } else {
        http_reply_error_with_leader(request, 503,
                                     SLICE_LITERAL("BUSY not carried out: try again"));
    }
}
