/* node_client.c -- CLIENT: what a connection says of itself and asks for itself. */
#include "base/mem.h"
#include "base/number.h"
#include "replica/node_commands.h"

static void reply_syntax_error(struct session *session)
{
    reply_error(&session->reply, "ERR syntax error");
}

enum execute_result node_client_id(struct session *session, const struct slice *arguments,
                                   uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    reply_integer(&session->reply, (int64_t)session->id);
    return EXECUTE_TAKEN;
}

enum execute_result node_client_getname(struct session *session, const struct slice *arguments,
                                        uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    if (session->name == NULL) {
        reply_null(&session->reply);
    } else {
        reply_bulk_string(&session->reply, session->name);
    }
    return EXECUTE_TAKEN;
}

enum execute_result node_client_setname(struct session *session, const struct slice *arguments,
                                        uint32_t arguments_count)
{
    (void)arguments_count;
    if (node_set_name(session, arguments[2])) {
        reply_ok(&session->reply);
    }
    return EXECUTE_TAKEN;
}

/* As in Redis 7.2: client libraries send it unasked. */
enum execute_result node_client_setinfo(struct session *session, const struct slice *arguments,
                                        uint32_t arguments_count)
{
    (void)arguments_count;
    bool is_name = slice_is_word(arguments[2], "lib-name");
    if (!is_name && !slice_is_word(arguments[2], "lib-ver")) {
        reply_error_format(&session->reply, "ERR Unrecognized option '%.*s'",
                           (int)(arguments[2].size < 128 ? arguments[2].size : 128),
                           (const char *)arguments[2].bytes);
        return EXECUTE_TAKEN;
    }
    struct slice value = arguments[3];
    for (size_t i = 0; i < value.size; i++) {
        if (value.bytes[i] < '!' || value.bytes[i] > '~') {
            reply_error_format(&session->reply,
                               "ERR %s cannot contain spaces, newlines or special characters.",
                               is_name ? "lib-name" : "lib-ver");
            return EXECUTE_TAKEN;
        }
    }
    char **field = is_name ? &session->library_name : &session->library_version;
    mem_free(*field);
    *field = mem_copy_bytes(value.bytes, value.size);
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}

enum execute_result node_client_no_evict(struct session *session, const struct slice *arguments,
                                         uint32_t arguments_count)
{
    (void)arguments_count;
    bool is_on = slice_is_word(arguments[2], "on");
    if (!is_on && !slice_is_word(arguments[2], "off")) {
        reply_syntax_error(session);
        return EXECUTE_TAKEN;
    }
    session->is_no_evict = is_on;
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}

/* OFF and SKIP have no reply of their own. */
enum execute_result node_client_reply(struct session *session, const struct slice *arguments,
                                      uint32_t arguments_count)
{
    (void)arguments_count;
    if (slice_is_word(arguments[2], "on")) {
        session->reply_mode = SESSION_REPLY_ON;
        reply_ok(&session->reply);
    } else if (slice_is_word(arguments[2], "off")) {
        session->reply_mode = SESSION_REPLY_OFF;
    } else if (slice_is_word(arguments[2], "skip")) {
        if (session->reply_mode == SESSION_REPLY_ON) {
            session->reply_mode = SESSION_REPLY_SKIP;
        }
    } else {
        reply_syntax_error(session);
    }
    return EXECUTE_TAKEN;
}

enum execute_result node_client_help(struct session *session, const struct slice *arguments,
                                     uint32_t arguments_count)
{
    static const char *const lines[] = {
        "GETNAME",
        "    Give the name of this connection.",
        "ID",
        "    Give the id of this connection.",
        "INFO",
        "    Give one line about this connection.",
        "KILL <ip:port>",
        "    Close the connection from that address.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close connections by ADDR, LADDR, TYPE, USER, ID; SKIPME yes|no spares this one.",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <id> [<id> ...]]",
        "    Give one line about each connection.",
        "NO-EVICT (ON|OFF)",
        "    Spare this connection when clients have to be closed for memory.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Hold back commands on this node for so many milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Say whether this connection gets replies.",
        "SETINFO <option> <value>",
        "    Tell the client library's name (LIB-NAME) or version (LIB-VER).",
        "SETNAME <name>",
        "    Name this connection.",
        "UNBLOCK <client-id> [TIMEOUT|ERROR]",
        "    End the wait of the connection with that id, as by its timeout or with an error.",
        "UNPAUSE",
        "    End a pause.",
    };
    (void)arguments;
    (void)arguments_count;
    node_reply_help(session, "CLIENT", lines, sizeof(lines) / sizeof(lines[0]));
    return EXECUTE_TAKEN;
}
