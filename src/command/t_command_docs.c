/* t_command_docs.c -- COMMAND DOCS for programs and the HELP subcommands for people. */
#include "command/command_docs.h"
#include "command/command_handlers.h"
#include "command/command_support.h"
#include "command/command_syntax.h"

static void reply_docs(struct reply *reply, const struct command *command);

static uint64_t reply_field(struct reply *reply, const char *name, const char *value)
{
    if (value == NULL) {
        return 0;
    }
    reply_bulk_string(reply, name);
    reply_bulk_string(reply, value);
    return 1;
}

/* Subcommands with their documentation; one level deep. */
static uint64_t reply_subcommands(struct reply *reply, const struct command *command)
{
    uint32_t count = command_subcommands_count(command);
    if (count == 0) {
        return 0;
    }
    reply_bulk_string(reply, "subcommands");
    reply_map(reply, count);
    for (uint32_t i = 1; i <= count; i++) {
        const struct command *subcommand = command_by_id(command->id + i);
        reply_bulk_string(reply, subcommand->name);
        reply_docs(reply, subcommand);
    }
    return 1;
}

static void reply_docs(struct reply *reply, const struct command *command)
{
    const struct command_docs *docs = command_docs_of(command);
    size_t begin = reply_deferred_begin(reply);
    uint64_t fields = 0;
    fields += reply_field(reply, "summary", docs->summary);
    fields += reply_field(reply, "since", docs->since);
    fields += reply_field(reply, "group", docs->group);
    fields += reply_field(reply, "complexity", docs->complexity);
    if (docs->doc_flags != NULL) {
        reply_bulk_string(reply, "doc_flags");
        reply_set(reply, 1);
        reply_status(reply, docs->doc_flags);
        fields++;
    }
    fields += reply_field(reply, "deprecated_since", docs->deprecated_since);
    fields += reply_field(reply, "replaced_by", docs->replaced_by);
    if (docs->syntax != NULL) {
        reply_bulk_string(reply, "arguments");
        command_syntax_reply(reply, slice_of_string(docs->syntax));
        fields++;
    }
    fields += reply_subcommands(reply, command);
    reply_deferred_map(reply, begin, fields);
}

static void reply_named_docs(struct reply *reply, const struct command *command)
{
    reply_bulk_string(reply, command->name);
    reply_docs(reply, command);
}

void handle_command_docs(struct command_context *context)
{
    size_t begin = reply_deferred_begin(context->reply);
    uint64_t count = 0;
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        const struct command *command = command_lookup_full(context->arguments[i]);
        if (command != NULL) {
            reply_named_docs(context->reply, command);
            count++;
        }
    }
    for (enum command_id id = 0; context->arguments_count == 2 && id < COMMAND_ID_COUNT; id++) {
        if (command_by_id(id)->container == NULL) {
            reply_named_docs(context->reply, command_by_id(id));
            count++;
        }
    }
    reply_deferred_map(context->reply, begin, count);
}

static void append_upper(struct buf *buf, const char *text)
{
    for (; *text != '\0'; text++) {
        bool is_lower = *text >= 'a' && *text <= 'z';
        buf_append_byte(buf, (uint8_t)(is_lower ? *text - 'a' + 'A' : *text));
    }
}

static void reply_line(struct reply *reply, struct buf *line)
{
    buf_append_byte(line, '\0');
    reply_status(reply, (const char *)buf_slice(line).bytes);
    buf_clear(line);
}

/* "NAME arguments" and below it, indented, the summary. */
static void reply_help_of(struct reply *reply, struct buf *line, const struct command *command)
{
    const struct command_docs *docs = command_docs_of(command);
    append_upper(line, command->name + strlen(command->container) + 1);
    if (docs->syntax != NULL) {
        buf_append_byte(line, ' ');
        command_syntax_print(line, slice_of_string(docs->syntax));
    }
    reply_line(reply, line);
    buf_append_format(line, "    %s", docs->summary);
    reply_line(reply, line);
}

/* HELP of any container. */
void handle_help(struct command_context *context)
{
    const struct command *container = command_lookup(slice_of_string(context->command->container));
    uint32_t count = command_subcommands_count(container);
    struct buf line;
    buf_init(&line);
    reply_array(context->reply, 1 + 2 * (uint64_t)count);
    append_upper(&line, container->name);
    buf_append_format(&line, " <subcommand> [<argument> ...]. Subcommands are:");
    reply_line(context->reply, &line);
    for (uint32_t i = 1; i <= count; i++) {
        reply_help_of(context->reply, &line, command_by_id(container->id + i));
    }
    buf_deinit(&line);
}
