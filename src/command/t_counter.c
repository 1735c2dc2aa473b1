/* t_counter.c -- strings that are numbers: INCR and its relatives. */
#include <math.h>

#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"

static void add(struct command_context *context, int64_t increment)
{
    struct command_string string;
    if (!command_find_string(context, 1, &string)) {
        return;
    }
    int64_t number = 0;
    if (string.item != NULL && string.value.encoding == VALUE_ENCODING_INT) {
        number = string.value.integer;
    } else if (string.item != NULL && !number_parse_int64(string.text, &number)) {
        reply_error(context->reply, "ERR value is not an integer or out of range");
        return;
    }
    int64_t sum = 0;
    if (__builtin_add_overflow(number, increment, &sum)) {
        reply_error(context->reply, "ERR increment or decrement would overflow");
        return;
    }
    struct value value = value_of_integer(sum);
    command_store(context, 1, &value, KEYSPACE_KEEP_EXPIRY);
    command_notify(context, NOTIFY_STRING, "incrby", context->arguments[1]);
    reply_integer(context->reply, sum);
}

void handle_incr(struct command_context *context)
{
    add(context, 1);
}

void handle_decr(struct command_context *context)
{
    add(context, -1);
}

void handle_incrby(struct command_context *context)
{
    int64_t increment = 0;
    if (command_read_int64(context, 2, &increment)) {
        add(context, increment);
    }
}

void handle_decrby(struct command_context *context)
{
    int64_t decrement = 0;
    if (!command_read_int64(context, 2, &decrement)) {
        return;
    }
    if (decrement == INT64_MIN) {
        reply_error(context->reply, "ERR decrement would overflow");
        return;
    }
    add(context, -decrement);
}

void handle_incrbyfloat(struct command_context *context)
{
    struct command_string string;
    if (!command_find_string(context, 1, &string)) {
        return;
    }
    long double number = 0;
    long double increment = 0;
    if ((string.item != NULL && !number_parse_long_double(string.text, &number)) ||
        !number_parse_long_double(context->arguments[2], &increment)) {
        reply_error(context->reply, "ERR value is not a valid float");
        return;
    }
    number += increment;
    if (isnan(number) || isinf(number)) {
        reply_error(context->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    char text[NUMBER_LONG_DOUBLE_BYTES];
    struct slice formatted = slice_of(text, number_format_long_double(number, text));
    struct value value = value_of_bytes(formatted);
    command_store(context, 1, &value, KEYSPACE_KEEP_EXPIRY);
    command_notify(context, NOTIFY_STRING, "incrbyfloat", context->arguments[1]);
    reply_bulk(context->reply, formatted);
}
