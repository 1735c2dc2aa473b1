/* t_bit_operation.c -- BITOP: strings combined bit by bit. */
#include "base/assert.h"
#include "base/mem.h"
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"

enum operation { OPERATION_AND, OPERATION_OR, OPERATION_XOR, OPERATION_NOT };

static bool read_operation(struct command_context *context, enum operation *out)
{
    static const char *const words[] = {"and", "or", "xor", "not"};
    for (int i = 0; i < 4; i++) {
        if (slice_is_word(context->arguments[1], words[i])) {
            *out = (enum operation)i;
            return true;
        }
    }
    command_refuse_syntax(context);
    return false;
}

/* Combines one more string into the result of size bytes; what a string lacks are zeros. */
static void combine(enum operation operation, uint8_t *result, uint64_t size, struct slice text)
{
    for (uint64_t i = 0; i < size; i++) {
        uint8_t byte = i < text.size ? text.bytes[i] : 0;
        switch (operation) {
        case OPERATION_AND:
            result[i] &= byte;
            break;
        case OPERATION_OR:
            result[i] |= byte;
            break;
        case OPERATION_XOR:
            result[i] ^= byte;
            break;
        case OPERATION_NOT:
            result[i] = (uint8_t)~byte;
            break;
        }
    }
}

/* The longest of the strings; false: one is none, which has been replied to. */
static bool find_size(struct command_context *context, uint64_t *size)
{
    struct command_string string;
    for (uint32_t i = 3; i < context->arguments_count; i++) {
        if (!command_find_string(context, i, &string)) {
            return false;
        }
        *size = string.text.size > *size ? string.text.size : *size;
    }
    return true;
}

static void store(struct command_context *context, const uint8_t *result, uint64_t size)
{
    struct slice key = context->arguments[2];
    (void)keyspace_lookup_write(context->keyspace, context->database, key);
    if (size > 0) {
        struct value value = {.type = VALUE_TYPE_STRING,
                              .encoding = VALUE_ENCODING_RAW,
                              .string = slice_of(result, size)};
        command_store(context, 2, &value, KEYSPACE_NEVER);
        command_notify(context, NOTIFY_STRING, "set", key);
    } else if (keyspace_delete(context->keyspace, context->database, key)) {
        command_notify(context, NOTIFY_GENERIC, "del", key);
    }
}

void handle_bitop(struct command_context *context)
{
    enum operation operation = OPERATION_AND;
    uint64_t size = 0;
    if (!read_operation(context, &operation)) {
        return;
    }
    if (operation == OPERATION_NOT && context->arguments_count != 4) {
        reply_error(context->reply, "ERR BITOP NOT must be called with a single source key.");
        return;
    }
    if (!find_size(context, &size)) {
        return;
    }
    uint8_t *result = mem_alloc_zeroed(size + 1, 1);
    for (uint32_t i = 3; i < context->arguments_count; i++) {
        struct command_string string;
        bool is_string = command_find_string(context, i, &string);
        ASSERT(is_string);
        bool is_first = i == 3 && operation != OPERATION_NOT;
        combine(is_first ? OPERATION_OR : operation, result, size, string.text);
    }
    store(context, result, size);
    mem_free(result);
    reply_integer(context->reply, (int64_t)size);
}
