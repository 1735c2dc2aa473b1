/* t_function.c -- FUNCTION, as it is with no library loaded: there is nothing that loads one. */
#include "command/command_handlers.h"
#include "command/command_support.h"

void handle_function_flush(struct command_context *context)
{
    bool has_mode = context->arguments_count == 3;
    if (context->arguments_count > 3 ||
        (has_mode && !slice_is_word(context->arguments[2], "sync") &&
         !slice_is_word(context->arguments[2], "async"))) {
        reply_error(context->reply, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
        return;
    }
    reply_ok(context->reply);
}

/* Options narrow the list, which is empty. */
void handle_function_list(struct command_context *context)
{
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        if (slice_is_word(context->arguments[i], "withcode")) {
            continue;
        }
        bool has_value = i + 1 < context->arguments_count;
        if (!slice_is_word(context->arguments[i], "libraryname") || !has_value) {
            reply_error_format(
                context->reply, "ERR Unknown argument %.*s",
                (int)(context->arguments[i].size < 128 ? context->arguments[i].size : 128),
                (const char *)context->arguments[i].bytes);
            return;
        }
        i++;
    }
    reply_array(context->reply, 0);
}
