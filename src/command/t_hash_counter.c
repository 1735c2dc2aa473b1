/* t_hash_counter.c -- fields that are numbers: HINCRBY and HINCRBYFLOAT. */
#include <math.h>

#include "command/command_handlers.h"
#include "command/hash_support.h"

void handle_hincrby(struct command_context *context)
{
    const struct hash_table *hash = NULL;
    struct slice field = context->arguments[2];
    struct slice text;
    int64_t increment = 0;
    int64_t number = 0;
    if (!command_read_int64(context, 3, &increment) || !command_find_hash(context, &hash)) {
        return;
    }
    if (hash != NULL && hash_table_get(hash, field, &text) && !number_parse_int64(text, &number)) {
        reply_error(context->reply, "ERR hash value is not an integer");
        return;
    }
    int64_t sum = 0;
    if (__builtin_add_overflow(number, increment, &sum)) {
        reply_error(context->reply, "ERR increment or decrement would overflow");
        return;
    }
    char scratch[NUMBER_INT64_BYTES];
    struct slice formatted = slice_of(scratch, number_format_int64(sum, scratch));
    (void)command_set_field(context, field, formatted, "hincrby");
    reply_integer(context->reply, sum);
}

void handle_hincrbyfloat(struct command_context *context)
{
    const struct hash_table *hash = NULL;
    struct slice field = context->arguments[2];
    struct slice text;
    long double increment = 0;
    long double number = 0;
    if (!number_parse_long_double(context->arguments[3], &increment)) {
        reply_error(context->reply, "ERR value is not a valid float");
        return;
    }
    if (isnan(increment) || isinf(increment)) {
        reply_error(context->reply, "ERR value is NaN or Infinity");
        return;
    }
    if (!command_find_hash(context, &hash)) {
        return;
    }
    if (hash != NULL && hash_table_get(hash, field, &text) &&
        !number_parse_long_double(text, &number)) {
        reply_error(context->reply, "ERR hash value is not a float");
        return;
    }
    number += increment;
    if (isnan(number) || isinf(number)) {
        reply_error(context->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    char scratch[NUMBER_LONG_DOUBLE_BYTES];
    struct slice formatted = slice_of(scratch, number_format_long_double(number, scratch));
    (void)command_set_field(context, field, formatted, "hincrbyfloat");
    reply_bulk(context->reply, formatted);
}
