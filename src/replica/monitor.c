/* monitor.c -- MONITOR: see monitor.h. */
#include "replica/monitor.h"

#include "base/quote.h"
#include "command/command_secret.h"
#include "replica/node_commands.h"
#include "replica/replica_internal.h"

enum {
    /* Of the arguments of one command, in all. Redis has no such limit; here no turn of the loop
     * may be spent on writing out what a client will not read anyway. */
    SHOWN_BYTES_MAX = 64 * 1024,
    SHOWN_ARGUMENTS_MAX = 4096,
};

static void append_arguments(struct buf *line, const struct command *command,
                             const struct slice *arguments, uint32_t arguments_count)
{
    size_t room = SHOWN_BYTES_MAX;
    uint32_t shown = arguments_count < SHOWN_ARGUMENTS_MAX ? arguments_count : SHOWN_ARGUMENTS_MAX;
    for (uint32_t i = 0; i < shown; i++) {
        struct slice argument = command_argument_is_secret(command, arguments, i)
                                    ? SLICE_LITERAL(COMMAND_SECRET_SHOWN)
                                    : arguments[i];
        size_t size = argument.size < room ? argument.size : room;
        buf_append_byte(line, ' ');
        quote_append(line, slice_of(argument.bytes, size));
        room -= size;
        if (size < argument.size) {
            buf_append_format(line, "... (%zu more bytes)", argument.size - size);
        }
    }
    if (shown < arguments_count) {
        buf_append_format(line, " ... (%u more arguments)", (unsigned)(arguments_count - shown));
    }
}

void monitor_show(const struct session *session, const struct command *command, uint32_t database,
                  const struct slice *arguments, uint32_t arguments_count)
{
    struct executor *executor = session->executor;
    if (list_is_empty(&executor->monitors) || command->id == COMMAND_QUIT ||
        (command->flags & (COMMAND_FLAG_ADMIN | COMMAND_FLAG_SKIP_MONITOR)) != 0) {
        return;
    }
    const struct replica_host *host = &executor->replica->host;
    int64_t now_us = host->wall_us(host->context);
    struct buf line = {0};
    buf_append_format(&line, "+%lld.%06d [%u %s]", (long long)(now_us / 1000000),
                      (int)(now_us % 1000000), (unsigned)database, session->address);
    append_arguments(&line, command, arguments, arguments_count);
    buf_append_slice(&line, SLICE_LITERAL("\r\n"));
    for (struct list *link = executor->monitors.next; link != &executor->monitors;
         link = link->next) {
        struct session *monitor = LIST_MEMBER(link, struct session, monitor_link);
        if (monitor->reply_mode == SESSION_REPLY_ON) {
            buf_append_slice(&monitor->output, buf_slice(&line));
            session_touch(monitor);
        }
    }
    buf_deinit(&line);
}

void executor_show(const struct session *session, const struct command *command, uint32_t database,
                   const struct slice *arguments, uint32_t arguments_count)
{
    monitor_show(session, command, database, arguments, arguments_count);
    slow_log_note(session, command, arguments, arguments_count);
}

bool monitor_refuses(const struct session *session, const struct command *command)
{
    const uint32_t keys = COMMAND_FLAG_WRITE | COMMAND_FLAG_READONLY | COMMAND_FLAG_MAY_REPLICATE;
    return session_monitors(session) && (command->flags & keys) != 0;
}

void monitor_end(struct session *session)
{
    list_remove(&session->monitor_link);
}

enum execute_result node_monitor(struct session *session, const struct slice *arguments,
                                 uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    /* Commands about the node run when nothing waits, but for those of an EXEC, which waits itself.
     * Neither a transaction nor an HTTP request has an answer that goes on. */
    if (session->requests_count > 0 || session->kind != SESSION_RESP) {
        reply_error(&session->reply, "ERR MONITOR isn't allowed for DENY BLOCKING client");
    } else if (!session_monitors(session)) {
        list_push_back(&session->executor->monitors, &session->monitor_link);
        reply_ok(&session->reply);
    }
    return EXECUTE_TAKEN;
}
