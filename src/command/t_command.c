/* t_command.c -- ECHO, and COMMAND without a subcommand, COUNT, INFO, LIST, GETKEYS: what the
 * command table tells programs about itself.
 */
#include "base/glob.h"
#include "command/command_docs.h"
#include "command/command_handlers.h"
#include "command/command_support.h"

void handle_echo(struct command_context *context)
{
    reply_bulk(context->reply, context->arguments[1]);
}

void handle_command_count(struct command_context *context)
{
    reply_integer(context->reply, command_count());
}

/* In the order in which Redis lists them; it does not show "protected". */
static const struct {
    uint32_t flag;
    const char *name;
} flag_names[] = {
    {COMMAND_FLAG_WRITE, "write"},
    {COMMAND_FLAG_READONLY, "readonly"},
    {COMMAND_FLAG_DENYOOM, "denyoom"},
    {COMMAND_FLAG_ADMIN, "admin"},
    {COMMAND_FLAG_PUBSUB, "pubsub"},
    {COMMAND_FLAG_NOSCRIPT, "noscript"},
    {COMMAND_FLAG_BLOCKING, "blocking"},
    {COMMAND_FLAG_LOADING, "loading"},
    {COMMAND_FLAG_STALE, "stale"},
    {COMMAND_FLAG_SKIP_MONITOR, "skip_monitor"},
    {COMMAND_FLAG_SKIP_SLOWLOG, "skip_slowlog"},
    {COMMAND_FLAG_ASKING, "asking"},
    {COMMAND_FLAG_FAST, "fast"},
    {COMMAND_FLAG_NO_AUTH, "no_auth"},
    {COMMAND_FLAG_MAY_REPLICATE, "may_replicate"},
    {COMMAND_FLAG_NO_MANDATORY_KEYS, "no_mandatory_keys"},
    {COMMAND_FLAG_NO_ASYNC_LOADING, "no_async_loading"},
    {COMMAND_FLAG_NO_MULTI, "no_multi"},
    {COMMAND_FLAG_MOVABLEKEYS, "movablekeys"},
    {COMMAND_FLAG_ALLOW_BUSY, "allow_busy"},
};

static void reply_flags(struct reply *reply, const struct command *command)
{
    size_t begin = reply_deferred_begin(reply);
    uint64_t count = 0;
    for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
        if ((command->flags & flag_names[i].flag) != 0) {
            reply_status(reply, flag_names[i].name);
            count++;
        }
    }
    reply_deferred_set(reply, begin, count);
}

static void reply_categories(struct reply *reply, const struct command *command)
{
    uint32_t categories = command_categories(command);
    reply_set(reply, (uint64_t)__builtin_popcount(categories));
    for (uint32_t i = 0; i < COMMAND_CATEGORIES; i++) {
        if ((categories & (1u << i)) != 0) {
            char name[32] = "@";
            strncat(name, command_category_name(i), sizeof(name) - 2);
            reply_status(reply, name);
        }
    }
}

static void reply_tips(struct reply *reply, const struct command_docs *docs)
{
    size_t begin = reply_deferred_begin(reply);
    uint64_t count = 0;
    const char *text = docs->tips;
    struct slice tip;
    for (; command_next_word(&text, ',', &tip); count++) {
        reply_bulk(reply, tip);
    }
    reply_deferred_set(reply, begin, count);
}

/* How the first key is found: "type" and "spec" of begin_search. */
static void reply_begin_search(struct reply *reply, const struct key_spec *spec)
{
    bool has_keyword = spec->keyword.size > 0;
    const char *type = has_keyword ? "keyword" : spec->is_unknown ? "unknown" : "index";
    reply_bulk_string(reply, "begin_search");
    reply_map(reply, 2);
    reply_bulk_string(reply, "type");
    reply_bulk_string(reply, type);
    reply_bulk_string(reply, "spec");
    reply_map(reply, spec->is_unknown ? 0 : has_keyword ? 2 : 1);
    if (has_keyword) {
        reply_bulk_string(reply, "keyword");
        reply_bulk(reply, spec->keyword);
    }
    if (!spec->is_unknown) {
        reply_bulk_string(reply, has_keyword ? "startfrom" : "index");
        reply_integer(reply, spec->first);
    }
}

/* How the others are found from there. */
static void reply_find_keys(struct reply *reply, const struct key_spec *spec)
{
    reply_bulk_string(reply, "find_keys");
    reply_map(reply, 2);
    reply_bulk_string(reply, "type");
    reply_bulk_string(reply, spec->is_unknown ? "unknown" : spec->is_counted ? "keynum" : "range");
    reply_bulk_string(reply, "spec");
    reply_map(reply, spec->is_unknown ? 0 : 3);
    if (!spec->is_unknown) {
        reply_bulk_string(reply, spec->is_counted ? "keynumidx" : "lastkey");
        reply_integer(reply, spec->last);
        reply_bulk_string(reply, spec->is_counted ? "firstkey" : "keystep");
        reply_integer(reply, spec->step);
        reply_bulk_string(reply, spec->is_counted ? "keystep" : "limit");
        reply_integer(reply, spec->is_counted ? 1 : 0);
    }
}

static void reply_key_spec(struct reply *reply, const struct key_spec *spec, struct slice notes)
{
    reply_map(reply, notes.size == 0 ? 3 : 4);
    if (notes.size > 0) {
        reply_bulk_string(reply, "notes");
        reply_bulk(reply, notes);
    }
    reply_bulk_string(reply, "flags");
    command_reply_key_flags(reply, spec->flags);
    reply_begin_search(reply, spec);
    reply_find_keys(reply, spec);
}

static void reply_key_specs(struct reply *reply, const struct command_docs *docs)
{
    size_t begin = reply_deferred_begin(reply);
    uint64_t count = 0;
    const char *text = docs->key_specs;
    const char *notes = docs->key_notes;
    struct key_spec spec;
    for (; command_next_key_spec(&text, &spec); count++) {
        struct slice note = slice_of(NULL, 0);
        (void)command_next_word(&notes, '|', &note);
        reply_key_spec(reply, &spec, note);
    }
    reply_deferred_set(reply, begin, count);
}

/* Subcommands follow their container and have none of their own, so this goes one level deep. */
static void reply_info(struct reply *reply, const struct command *command)
{
    const struct command_docs *docs = command_docs_of(command);
    reply_array(reply, 10);
    reply_bulk_string(reply, command->name);
    reply_integer(reply, command->arity);
    reply_flags(reply, command);
    reply_integer(reply, command->first_key);
    reply_integer(reply, command->last_key);
    reply_integer(reply, command->key_step);
    reply_categories(reply, command);
    reply_tips(reply, docs);
    reply_key_specs(reply, docs);
    uint32_t count = command_subcommands_count(command);
    reply_set(reply, count);
    for (uint32_t i = 1; i <= count; i++) {
        reply_info(reply, command_by_id(command->id + i));
    }
}

void handle_command(struct command_context *context)
{
    reply_array(context->reply, command_count());
    for (enum command_id id = 0; id < COMMAND_ID_COUNT; id++) {
        if (command_by_id(id)->container == NULL) {
            reply_info(context->reply, command_by_id(id));
        }
    }
}

void handle_command_info(struct command_context *context)
{
    if (context->arguments_count == 2) {
        handle_command(context);
        return;
    }
    reply_array(context->reply, context->arguments_count - 2);
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        const struct command *command = command_lookup_full(context->arguments[i]);
        if (command == NULL) {
            reply_null(context->reply);
        } else {
            reply_info(context->reply, command);
        }
    }
}

enum list_filter { LIST_ALL, LIST_OF_MODULE, LIST_OF_CATEGORY, LIST_OF_PATTERN };

static bool parse_list_filter(const struct command_context *context, enum list_filter *out)
{
    if (context->arguments_count == 2) {
        *out = LIST_ALL;
        return true;
    }
    if (context->arguments_count != 5 || !slice_is_word(context->arguments[2], "filterby")) {
        return false;
    }
    static const char *const words[] = {"module", "aclcat", "pattern"};
    static const enum list_filter filters[] = {LIST_OF_MODULE, LIST_OF_CATEGORY, LIST_OF_PATTERN};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_is_word(context->arguments[3], words[i])) {
            *out = filters[i];
            return true;
        }
    }
    return false;
}

static bool is_in_category(const struct command *command, struct slice category)
{
    uint32_t categories = command_categories(command);
    for (uint32_t i = 0; i < COMMAND_CATEGORIES; i++) {
        if ((categories & (1u << i)) != 0 && slice_is_word(category, command_category_name(i))) {
            return true;
        }
    }
    return false;
}

static bool passes(const struct command *command, enum list_filter filter, struct slice wanted)
{
    switch (filter) {
    case LIST_ALL:
        return true;
    case LIST_OF_MODULE: /* there are no modules */
        return false;
    case LIST_OF_CATEGORY:
        return is_in_category(command, wanted);
    case LIST_OF_PATTERN:
        return glob_matches(wanted, slice_of_string(command->name), true);
    }
    return false;
}

void handle_command_list(struct command_context *context)
{
    enum list_filter filter = LIST_ALL;
    if (!parse_list_filter(context, &filter)) {
        command_refuse_syntax(context);
        return;
    }
    struct slice wanted = filter == LIST_ALL ? slice_of(NULL, 0) : context->arguments[4];
    size_t begin = reply_deferred_begin(context->reply);
    uint64_t count = 0;
    for (enum command_id id = 0; id < COMMAND_ID_COUNT; id++) {
        const struct command *command = command_by_id(id);
        if (passes(command, filter, wanted)) {
            reply_bulk_string(context->reply, command->name);
            count++;
        }
    }
    reply_deferred_array(context->reply, begin, count);
}
