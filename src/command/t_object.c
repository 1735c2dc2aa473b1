/* t_object.c -- OBJECT: how a value is kept, and when this node last used it. */
#include "command/command_handlers.h"
#include "command/command_support.h"

enum {
    MS_PER_SECOND = 1000,
    /* Redis shares the objects of small integers and reports this count of references for them. */
    SHARED_INTEGERS = 10000,
    SHARED_REFERENCES = INT32_MAX,
};

/* Looks up the key behind the subcommand; NULL after a null reply. */
static const struct item *find_object(struct command_context *context)
{
    const struct item *item = command_find_untouched(context, 2);
    if (item == NULL) {
        reply_null(context->reply);
    }
    return item;
}

void handle_object_encoding(struct command_context *context)
{
    const struct item *item = find_object(context);
    if (item != NULL) {
        reply_bulk_string(context->reply, value_encoding_name(keyspace_item_value(item).encoding));
    }
}

void handle_object_freq(struct command_context *context)
{
    if (find_object(context) != NULL) {
        reply_error(context->reply,
                    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
                    "Please note that when switching between policies at runtime LRU and LFU data "
                    "will take some time to adjust.");
    }
}

void handle_object_idletime(struct command_context *context)
{
    const struct item *item = find_object(context);
    if (item != NULL) {
        int64_t idle_ms = keyspace_item_idle_ms(item, context->estimate_ms);
        reply_integer(context->reply, idle_ms / MS_PER_SECOND);
    }
}

void handle_object_refcount(struct command_context *context)
{
    const struct item *item = find_object(context);
    if (item == NULL) {
        return;
    }
    struct value value = keyspace_item_value(item);
    bool is_shared = value.encoding == VALUE_ENCODING_INT && value.integer >= 0 &&
                     value.integer < SHARED_INTEGERS;
    reply_integer(context->reply, is_shared ? SHARED_REFERENCES : 1);
}

/* MEMORY USAGE. SAMPLES is of no use here: every value knows what it takes. */
void handle_memory_usage(struct command_context *context)
{
    int64_t samples = 0;
    for (uint32_t i = 3; i < context->arguments_count; i += 2) {
        if (!slice_is_word(context->arguments[i], "samples") || i + 1 >= context->arguments_count) {
            command_refuse_syntax(context);
            return;
        }
        if (!command_read_int64(context, i + 1, &samples)) {
            return;
        }
        if (samples < 0) {
            command_refuse_syntax(context);
            return;
        }
    }
    const struct item *item = command_find_untouched(context, 2);
    if (item == NULL) {
        reply_null(context->reply);
    } else {
        reply_integer(context->reply, (int64_t)(keyspace_item_memory(item) + sizeof(void *)));
    }
}
