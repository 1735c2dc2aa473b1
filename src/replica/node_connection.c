/* node_connection.c -- commands about the connection itself: who it is, what it speaks, where it
 * reads. Replies and error texts as in Redis 7.0.
 */
#include <stdio.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/version.h"
#include "replica/monitor.h"
#include "replica/node_commands.h"
#include "replica/replica_internal.h"

#define WRONG_PASSWORD "WRONGPASS invalid username-password pair or user is disabled."

enum execute_result node_ping(struct session *session, const struct slice *arguments,
                              uint32_t arguments_count)
{
    if (arguments_count > 2) {
        reply_error(&session->reply, "ERR wrong number of arguments for 'ping' command");
    } else if (session->reply.protocol == REPLY_RESP2 && pubsub_listens(session)) {
        reply_array(&session->reply, 2);
        reply_bulk_string(&session->reply, "pong");
        reply_bulk(&session->reply, arguments_count == 2 ? arguments[1] : slice_of(NULL, 0));
    } else if (arguments_count == 2) {
        reply_bulk(&session->reply, arguments[1]);
    } else {
        reply_status(&session->reply, "PONG");
    }
    return EXECUTE_TAKEN;
}

enum execute_result node_quit(struct session *session, const struct slice *arguments,
                              uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    reply_ok(&session->reply);
    session->is_closing = true;
    return EXECUTE_TAKEN;
}

enum execute_result node_readonly(struct session *session, const struct slice *arguments,
                                  uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    session->is_local_reader = true;
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}

enum execute_result node_readwrite(struct session *session, const struct slice *arguments,
                                   uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    session->is_local_reader = false;
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}

enum execute_result node_select(struct session *session, const struct slice *arguments,
                                uint32_t arguments_count)
{
    (void)arguments_count;
    int64_t database;
    if (!number_parse_int64(arguments[1], &database)) {
        reply_error(&session->reply, "ERR value is not an integer or out of range");
    } else if (database < INT32_MIN || database > INT32_MAX) {
        reply_error(&session->reply,
                    "ERR value is out of range, value must between -2147483648 and 2147483647");
    } else if (database < 0 || database >= LIMIT_DATABASES) {
        reply_error(&session->reply, "ERR DB index is out of range");
    } else {
        session->database = (uint32_t)database;
        reply_ok(&session->reply);
    }
    return EXECUTE_TAKEN;
}

/* The only user is "default"; both comparisons happen whatever the first one says. */
static bool authenticate(struct session *session, struct slice user, struct slice password)
{
    bool is_user = slice_equals(user, SLICE_LITERAL("default"));
    bool is_password = executor_check_password(session->executor, password);
    if (is_user && is_password) {
        session->is_authenticated = true;
    }
    return is_user && is_password;
}

enum execute_result node_auth(struct session *session, const struct slice *arguments,
                              uint32_t arguments_count)
{
    if (arguments_count > 3) {
        reply_error(&session->reply, "ERR syntax error");
        return EXECUTE_TAKEN;
    }
    if (arguments_count == 2 && session->executor->password[0] == '\0') {
        reply_error(&session->reply,
                    "ERR AUTH <password> called without any password configured for the default "
                    "user. Are you sure your configuration is correct?");
        return EXECUTE_TAKEN;
    }
    struct slice user = arguments_count == 3 ? arguments[1] : SLICE_LITERAL("default");
    if (authenticate(session, user, arguments[arguments_count - 1])) {
        reply_ok(&session->reply);
    } else {
        reply_error(&session->reply, WRONG_PASSWORD);
    }
    return EXECUTE_TAKEN;
}

bool node_set_name(struct session *session, struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.bytes[i] < '!' || name.bytes[i] > '~') {
            reply_error(&session->reply, "ERR Client names cannot contain spaces, newlines or "
                                         "special characters.");
            return false;
        }
    }
    mem_free(session->name);
    session->name = name.size == 0 ? NULL : mem_copy_bytes(name.bytes, name.size);
    return true;
}

static void reply_hello(struct session *session)
{
    struct reply *reply = &session->reply;
    bool is_leader = session->executor->replica->status.role == RAFT_LEADER;
    reply_map(reply, 7);
    reply_bulk_string(reply, "server");
    reply_bulk_string(reply, "redis");
    reply_bulk_string(reply, "version");
    reply_bulk_string(reply, QUORUM_REDIS_VERSION);
    reply_bulk_string(reply, "proto");
    reply_integer(reply, (int64_t)reply->protocol);
    reply_bulk_string(reply, "id");
    reply_integer(reply, (int64_t)session->id);
    reply_bulk_string(reply, "mode");
    reply_bulk_string(reply, "standalone");
    reply_bulk_string(reply, "role");
    reply_bulk_string(reply, is_leader ? "master" : "replica");
    reply_bulk_string(reply, "modules");
    reply_array(reply, 0);
}

/* The options of HELLO, taken one after the other; false when an error was replied. */
static bool take_hello_options(struct session *session, const struct slice *arguments,
                               uint32_t arguments_count, struct slice *name)
{
    uint32_t i = 2;
    while (i < arguments_count) {
        uint32_t left = arguments_count - i - 1;
        if (slice_is_word(arguments[i], "auth") && left >= 2) {
            if (!authenticate(session, arguments[i + 1], arguments[i + 2])) {
                reply_error(&session->reply, WRONG_PASSWORD);
                return false;
            }
            i += 3;
        } else if (slice_is_word(arguments[i], "setname") && left >= 1) {
            *name = arguments[i + 1];
            i += 2;
        } else {
            reply_error_format(&session->reply, "ERR Syntax error in HELLO option '%.*s'",
                               (int)(arguments[i].size < 128 ? arguments[i].size : 128),
                               (const char *)arguments[i].bytes);
            return false;
        }
    }
    return true;
}

enum execute_result node_hello(struct session *session, const struct slice *arguments,
                               uint32_t arguments_count)
{
    int64_t protocol = (int64_t)session->reply.protocol;
    if (arguments_count > 1) {
        if (!number_parse_int64(arguments[1], &protocol)) {
            reply_error(&session->reply, "ERR Protocol version is not an integer or out of range");
            return EXECUTE_TAKEN;
        }
        if (protocol < REPLY_RESP2 || protocol > REPLY_RESP3) {
            reply_error(&session->reply, "NOPROTO unsupported protocol version");
            return EXECUTE_TAKEN;
        }
    }
    struct slice name = {0};
    if (!take_hello_options(session, arguments, arguments_count, &name)) {
        return EXECUTE_TAKEN;
    }
    if (session_needs_auth(session)) {
        reply_error(&session->reply,
                    "NOAUTH HELLO must be called with the client already authenticated, otherwise "
                    "the HELLO AUTH <user> <pass> option can be used to authenticate the client "
                    "and select the RESP protocol version at the same time");
        return EXECUTE_TAKEN;
    }
    if (name.bytes != NULL && !node_set_name(session, name)) {
        return EXECUTE_TAKEN;
    }
    session->reply.protocol = protocol == REPLY_RESP3 ? REPLY_RESP3 : REPLY_RESP2;
    reply_hello(session);
    return EXECUTE_TAKEN;
}

enum execute_result node_reset(struct session *session, const struct slice *arguments,
                               uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    session->reply.protocol = REPLY_RESP2;
    session->database = 0;
    session->is_local_reader = false;
    session->reply_mode = SESSION_REPLY_ON;
    transaction_reset(&session->transaction);
    pubsub_leave(session);
    monitor_end(session);
    session->is_authenticated = session->executor->password[0] == '\0';
    (void)node_set_name(session, slice_of(NULL, 0));
    reply_status(&session->reply, "RESET");
    return EXECUTE_TAKEN;
}
