/* client_pause.c -- CLIENT PAUSE and UNPAUSE: see client_pause.h. */
#include "replica/client_pause.h"

#include "base/number.h"
#include "replica/node_commands.h"

static bool is_paused(const struct executor *executor)
{
    return executor->pause_until_ms > executor_now_ms(executor);
}

static bool is_held(const struct session *session, const struct command *command)
{
    const struct executor *executor = session->executor;
    if (!is_paused(executor) || session_monitors(session)) {
        return false;
    }
    if (executor->is_pause_for_all) {
        return (command->flags & (COMMAND_FLAG_ADMIN | COMMAND_FLAG_NO_AUTH)) == 0;
    }
    uint32_t flags = command->flags;
    if (command->id == COMMAND_EXEC) {
        flags |= session->transaction.flags;
    }
    return (flags & (COMMAND_FLAG_WRITE | COMMAND_FLAG_MAY_REPLICATE)) != 0;
}

bool client_pause_holds(struct session *session, const struct command *command)
{
    client_pause_forget(session);
    session->is_held_back = is_held(session, command);
    session->executor->held_back_count += session->is_held_back ? 1 : 0;
    return session->is_held_back;
}

void client_pause_forget(struct session *session)
{
    session->executor->held_back_count -= session->is_held_back ? 1 : 0;
    session->is_held_back = false;
}

uint32_t client_pause_count(const struct executor *executor)
{
    return is_paused(executor) ? executor->held_back_count : 0;
}

bool client_pause_is_holding(const struct session *session)
{
    return is_paused(session->executor) && session->is_held_back;
}

/* A second pause can lengthen and widen the first, neither shorten nor narrow it. */
enum execute_result node_client_pause(struct session *session, const struct slice *arguments,
                                      uint32_t arguments_count)
{
    struct executor *executor = session->executor;
    if (arguments_count > 4) {
        node_refuse_subcommand(session, "CLIENT", arguments[1]);
        return EXECUTE_TAKEN;
    }
    bool is_for_all = arguments_count == 3 || slice_is_word(arguments[3], "all");
    if (!is_for_all && !slice_is_word(arguments[3], "write")) {
        reply_error(&session->reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        return EXECUTE_TAKEN;
    }
    int64_t timeout_ms;
    if (!number_parse_int64(arguments[2], &timeout_ms) || timeout_ms > INT64_MAX / 2) {
        reply_error(&session->reply, "ERR timeout is not an integer or out of range");
        return EXECUTE_TAKEN;
    }
    if (timeout_ms < 0) {
        reply_error(&session->reply, "ERR timeout is negative");
        return EXECUTE_TAKEN;
    }
    uint64_t now_ms = executor_now_ms(executor);
    uint64_t until_ms = now_ms + (uint64_t)timeout_ms;
    bool is_paused = executor->pause_until_ms > now_ms;
    executor->is_pause_for_all = is_for_all || (is_paused && executor->is_pause_for_all);
    if (!is_paused || until_ms > executor->pause_until_ms) {
        executor->pause_until_ms = until_ms;
    }
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}

enum execute_result node_client_unpause(struct session *session, const struct slice *arguments,
                                        uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    session->executor->pause_until_ms = 0;
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}
