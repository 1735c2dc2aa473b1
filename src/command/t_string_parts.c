/* t_string_parts.c -- parts of strings: APPEND, STRLEN, GETRANGE, SETRANGE. */
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"

void handle_append(struct command_context *context)
{
    struct command_string string;
    if (!command_find_string(context, 1, &string)) {
        return;
    }
    struct slice bytes = context->arguments[2];
    if (string.item == NULL) {
        struct value value = value_of_text(bytes);
        command_store(context, 1, &value, KEYSPACE_NEVER);
        command_notify(context, NOTIFY_STRING, "append", context->arguments[1]);
        reply_integer(context->reply, (int64_t)bytes.size);
        return;
    }
    if (!command_check_string_size(context, (uint64_t)string.text.size + bytes.size)) {
        return;
    }
    reply_integer(context->reply, (int64_t)keyspace_append(context->keyspace, context->database,
                                                           context->arguments[1], bytes));
    command_notify(context, NOTIFY_STRING, "append", context->arguments[1]);
}

void handle_strlen(struct command_context *context)
{
    struct command_string string;
    if (command_find_string(context, 1, &string)) {
        reply_integer(context->reply, (int64_t)string.text.size);
    }
}

void handle_getrange(struct command_context *context)
{
    int64_t first = 0;
    int64_t last = 0;
    struct command_string string;
    if (!command_read_int64(context, 2, &first) || !command_read_int64(context, 3, &last) ||
        !command_find_string(context, 1, &string)) {
        return;
    }
    int64_t size = (int64_t)string.text.size;
    /* Negative positions count from the end. Both before the start and crossed: nothing, even
     * where cutting them to the string would leave a byte. */
    bool is_crossed = first < 0 && last < 0 && first > last;
    first = first < 0 ? (first < -size ? 0 : first + size) : first;
    last = last < 0 ? (last < -size ? 0 : last + size) : last;
    last = last >= size ? size - 1 : last;
    if (is_crossed || first > last) {
        reply_bulk(context->reply, slice_of(NULL, 0));
        return;
    }
    reply_bulk(context->reply, slice_of(string.text.bytes + first, (size_t)(last - first + 1)));
}

void handle_setrange(struct command_context *context)
{
    int64_t offset = 0;
    if (!command_read_int64(context, 2, &offset)) {
        return;
    }
    if (offset < 0) {
        reply_error(context->reply, "ERR offset is out of range");
        return;
    }
    struct command_string string;
    if (!command_find_string(context, 1, &string)) {
        return;
    }
    struct slice bytes = context->arguments[3];
    if (bytes.size == 0) {
        reply_integer(context->reply, (int64_t)string.text.size);
        return;
    }
    /* Neither addend is negative as an int64, so the sum of the unsigned ones cannot wrap. */
    if (!command_check_string_size(context, (uint64_t)offset + bytes.size)) {
        return;
    }
    uint64_t size = keyspace_set_range(context->keyspace, context->database, context->arguments[1],
                                       (uint64_t)offset, bytes);
    command_notify(context, NOTIFY_STRING, "setrange", context->arguments[1]);
    reply_integer(context->reply, (int64_t)size);
}
