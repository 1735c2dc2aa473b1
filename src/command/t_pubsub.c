/* t_pubsub.c -- PUBLISH and SPUBLISH: a message for those who listen on the nodes. They change
 * nothing in the keyspace.
 */
#include "command/command_events.h"
#include "command/command_handlers.h"

static void publish(struct command_context *context, uint32_t class)
{
    struct command_events *events = context->events;
    struct slice channel = context->arguments[1];
    uint64_t receivers = 0;
    if (events != NULL && (events->wanted & class) != 0) {
        receivers =
            events->count_receivers(events->context, class == NOTIFY_SHARD_MESSAGE, channel);
        command_events_put(events, class, context->database, context->arguments[2], channel);
    }
    reply_integer(context->reply, (int64_t)receivers);
}

void handle_publish(struct command_context *context)
{
    publish(context, NOTIFY_MESSAGE);
}

void handle_spublish(struct command_context *context)
{
    publish(context, NOTIFY_SHARD_MESSAGE);
}
