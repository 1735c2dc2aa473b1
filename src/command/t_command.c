/* t_command.c -- ECHO and COMMAND: what the command table knows about itself. */
#include "command/command_handlers.h"
#include "command/command_support.h"

void handle_echo(struct command_context *context)
{
    reply_bulk(context->reply, context->arguments[1]);
}
#define STUB(x)                                                                                    \
    void x(struct command_context *c)                                                              \
    {                                                                                              \
        reply_ok(c->reply);                                                                        \
    }
STUB(handle_help)
STUB(handle_command) STUB(handle_command_count) STUB(handle_command_docs)
    STUB(handle_command_getkeys) STUB(handle_command_getkeysandflags) STUB(handle_command_info)
        STUB(handle_command_list)
