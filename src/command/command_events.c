/* command_events.c -- the tape of events: see command_events.h. */
#include "command/command_events.h"

#include "base/assert.h"

void command_notify_in(struct command_context *context, uint32_t class, const char *name,
                       uint32_t database, struct slice key)
{
    struct command_events *events = context->events;
    if (events == NULL || (events->wanted & class) == 0) {
        return;
    }
    bytes_put_u32(&events->tape, class);
    bytes_put_u32(&events->tape, database);
    bytes_put_slice(&events->tape, slice_of_string(name));
    bytes_put_slice(&events->tape, key);
}

void command_notify(struct command_context *context, uint32_t class, const char *name,
                    struct slice key)
{
    command_notify_in(context, class, name, context->database, key);
}

void command_signal_ready(struct command_context *context, struct slice key)
{
    command_signal_ready_in(context, context->database, key);
}

void command_signal_ready_in(struct command_context *context, uint32_t database, struct slice key)
{
    command_notify_in(context, NOTIFY_READY, "", database, key);
}

bool command_events_next(struct bytes_reader *tape, struct command_event *out)
{
    if (bytes_left(tape) == 0) {
        return false;
    }
    out->class = bytes_get_u32(tape);
    out->database = bytes_get_u32(tape);
    out->name = bytes_get_slice(tape);
    out->key = bytes_get_slice(tape);
    ASSERT(!tape->bad);
    return true;
}

void command_events_deinit(struct command_events *events)
{
    buf_deinit(&events->tape);
}
