/* command_events.c -- the tape of events: see command_events.h. */
#include "command/command_events.h"

#include "base/assert.h"

/* In the order of CONFIG GET. */
static const struct {
    char letter;
    uint32_t class;
} letters[] = {{'g', NOTIFY_GENERIC},  {'$', NOTIFY_STRING},   {'l', NOTIFY_LIST},
               {'s', NOTIFY_SET},      {'h', NOTIFY_HASH},     {'z', NOTIFY_ZSET},
               {'x', NOTIFY_EXPIRED},  {'e', NOTIFY_EVICTED},  {'t', NOTIFY_STREAM},
               {'d', NOTIFY_MODULE},   {'n', NOTIFY_NEW},      {'A', NOTIFY_ALL},
               {'K', NOTIFY_KEYSPACE}, {'E', NOTIFY_KEYEVENT}, {'m', NOTIFY_KEY_MISS}};
enum { LETTERS = sizeof(letters) / sizeof(letters[0]), SINGLE_LETTERS = 11 };

bool notify_classes_parse(struct slice text, uint32_t *out)
{
    uint32_t classes = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint32_t row = 0;
        while (row < LETTERS && letters[row].letter != (char)text.bytes[i]) {
            row++;
        }
        if (row == LETTERS) {
            return false;
        }
        classes |= letters[row].class;
    }
    *out = classes;
    return true;
}

void notify_classes_format(uint32_t classes, struct buf *out)
{
    bool are_all = (classes & NOTIFY_ALL) == NOTIFY_ALL;
    for (uint32_t row = are_all ? SINGLE_LETTERS : 0; row < LETTERS; row++) {
        if ((classes & letters[row].class) == letters[row].class) {
            buf_append_byte(out, (uint8_t)letters[row].letter);
        }
    }
}

void command_events_put(struct command_events *events, uint32_t class, uint32_t database,
                        struct slice name, struct slice key)
{
    if ((events->wanted & class) == 0) {
        return;
    }
    bytes_put_u32(&events->tape, class);
    bytes_put_u32(&events->tape, database);
    bytes_put_slice(&events->tape, name);
    bytes_put_slice(&events->tape, key);
}

void command_notify_in(struct command_context *context, uint32_t class, const char *name,
                       uint32_t database, struct slice key)
{
    if (context->events != NULL) {
        command_events_put(context->events, class, database, slice_of_string(name), key);
    }
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
