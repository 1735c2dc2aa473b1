/* config.c -- a struct config in use: shown, changed by CONFIG SET, copied, freed. */
#include "server/config.h"

#include <strings.h>

#include "base/assert.h"
#include "base/glob.h"
#include "base/mem.h"
#include "server/config_internal.h"

/* ---- Life ---- */

static void *field_of(const struct config_directive *directive, struct config *config)
{
    return (char *)config + directive->offset;
}

void config_deinit(struct config *config)
{
    for (uint32_t i = 0; i < config_table_count; i++) {
        void *field = field_of(&config_table[i], config);
        if (config_table[i].type == CONFIG_TYPE_STRING) {
            mem_free(*(char **)field);
        } else if (config_table[i].type == CONFIG_TYPE_WORDS ||
                   config_table[i].type == CONFIG_TYPE_ADDRESSES) {
            config_list_clear(field);
        }
    }
    mem_free(config->file);
    memset(config, 0, sizeof(*config));
}

static void copy_list(struct config_list *list)
{
    struct config_list copy = {NULL, 0};
    for (uint32_t i = 0; i < list->count; i++) {
        config_list_append(&copy, slice_of_string(list->items[i]));
    }
    *list = copy;
}

static void copy_config(const struct config *config, struct config *out)
{
    *out = *config;
    out->file = mem_copy_string(config->file);
    for (uint32_t i = 0; i < config_table_count; i++) {
        void *field = field_of(&config_table[i], out);
        if (config_table[i].type == CONFIG_TYPE_STRING) {
            *(char **)field = mem_copy_string(*(char **)field);
        } else if (config_table[i].type == CONFIG_TYPE_WORDS ||
                   config_table[i].type == CONFIG_TYPE_ADDRESSES) {
            copy_list(field);
        }
    }
}

/* ---- CONFIG GET ---- */

static bool matches_any(const char *name, const struct slice *patterns, uint32_t patterns_count)
{
    for (uint32_t i = 0; name != NULL && i < patterns_count; i++) {
        if (glob_matches(patterns[i], slice_of_string(name), true)) {
            return true;
        }
    }
    return false;
}

void config_get(const struct config *config, const struct slice *patterns, uint32_t patterns_count,
                config_visitor *visit, void *context)
{
    struct buf value = {0};
    for (uint32_t i = 0; i < config_table_count; i++) {
        const char *names[] = {config_table[i].name, config_table[i].alias};
        for (int j = 0; j < 2; j++) {
            if (matches_any(names[j], patterns, patterns_count)) {
                buf_clear(&value);
                config_value_format(&config_table[i], config, &value);
                visit(slice_of_string(names[j]), buf_slice(&value), context);
            }
        }
    }
    buf_deinit(&value);
}

/* ---- CONFIG SET ---- */

/* Names a client sent go into an error line: cut, and without line breaks. */
static void append_name(struct buf *error, struct slice name)
{
    size_t size = name.size < 128 ? name.size : 128;
    for (size_t i = 0; i < size; i++) {
        buf_append_byte(error, name.bytes[i] < ' ' ? ' ' : name.bytes[i]);
    }
}

static enum result fail_set(struct buf *error, struct slice name, struct slice reason)
{
    buf_append_format(error, "ERR CONFIG SET failed (possibly related to argument '");
    append_name(error, name);
    buf_append_format(error, "') - ");
    for (size_t i = 0; i < reason.size; i++) {
        buf_append_byte(error, reason.bytes[i] < ' ' ? ' ' : reason.bytes[i]);
    }
    return RESULT_INVALID;
}

/* As Redis: first every name is looked at, then every value. */
static enum result check_names(const struct slice *pairs, uint32_t pairs_count, struct buf *error)
{
    bool seen[CONFIG_DIRECTIVES_MAX] = {false};
    for (uint32_t i = 0; i < pairs_count; i++) {
        struct slice name = pairs[2 * i];
        const struct config_directive *directive = config_table_find(name);
        if (directive == NULL) {
            buf_append_format(error,
                              "ERR Unknown option or number of arguments for CONFIG SET - '");
            append_name(error, name);
            buf_append_format(error, "'");
            return RESULT_INVALID;
        }
        /* A fact can be set to what it is: programs made for Redis do that. */
        if ((directive->flags & CONFIG_MUTABLE) == 0 && directive->type != CONFIG_TYPE_FACT) {
            return fail_set(error, name, SLICE_LITERAL("can't set immutable config"));
        }
        if (seen[config_table_index(directive)]) {
            return fail_set(error, name, SLICE_LITERAL("duplicate parameter"));
        }
        seen[config_table_index(directive)] = true;
    }
    return RESULT_OK;
}

static enum result set_values(struct config *config, const struct slice *pairs,
                              uint32_t pairs_count, struct buf *error)
{
    struct buf reason = {0};
    enum result result = RESULT_OK;
    for (uint32_t i = 0; result == RESULT_OK && i < pairs_count; i++) {
        const struct config_directive *directive = config_table_find(pairs[2 * i]);
        if (!config_value_parse(directive, pairs[2 * i + 1], config, &reason)) {
            result = fail_set(error, pairs[2 * i], buf_slice(&reason));
        }
    }
    if (result == RESULT_OK && pairs_count > 0 && !config_check_together(config, &reason)) {
        result = fail_set(error, pairs[0], buf_slice(&reason));
    }
    buf_deinit(&reason);
    return result;
}

enum result config_set_pairs(struct config *config, const struct slice *pairs, uint32_t pairs_count,
                             struct buf *error)
{
    enum result result = check_names(pairs, pairs_count, error);
    if (result != RESULT_OK) {
        return result;
    }
    struct config next;
    copy_config(config, &next);
    result = set_values(&next, pairs, pairs_count, error);
    if (result != RESULT_OK) {
        config_deinit(&next);
        return result;
    }
    for (uint32_t i = 0; i < pairs_count; i++) {
        const struct config_directive *directive = config_table_find(pairs[2 * i]);
        next.origins[config_table_index(directive)] =
            (struct config_origin){CONFIG_FROM_COMMAND, 0};
    }
    config_deinit(config);
    *config = next;
    return RESULT_OK;
}

/* ---- Saying what is in force ---- */

static void append_origin(const struct config *config, struct config_origin origin, struct buf *out)
{
    switch (origin.source) {
    case CONFIG_FROM_DEFAULT:
        buf_append_format(out, "default");
        break;
    case CONFIG_FROM_FILE:
        buf_append_format(out, "%s, line %u",
                          strcmp(config->file, "-") == 0 ? "standard input" : config->file,
                          origin.line);
        break;
    case CONFIG_FROM_ENVIRONMENT:
        buf_append_format(out, "environment");
        break;
    case CONFIG_FROM_FLAG:
        buf_append_format(out, "command line");
        break;
    case CONFIG_FROM_COMMAND:
        buf_append_format(out, "CONFIG SET");
        break;
    }
}

static void append_directive(const struct config_directive *directive, const struct config *config,
                             struct buf *out)
{
    struct buf value = {0};
    config_value_format(directive, config, &value);
    buf_append_format(out, "%s ", directive->name);
    if (config_value_takes_words(directive) && buf_size(&value) > 0) {
        buf_append_slice(out, buf_slice(&value));
    } else {
        config_words_quote(buf_slice(&value), out);
    }
    buf_deinit(&value);
}

void config_describe_sources(const struct config *config, void (*on_line)(const char *, void *),
                             void *context)
{
    struct buf line = {0};
    for (uint32_t i = 0; i < config_table_count; i++) {
        struct config_origin origin = config->origins[i];
        if (origin.source == CONFIG_FROM_DEFAULT) {
            continue;
        }
        buf_clear(&line);
        if ((config_table[i].flags & CONFIG_SECRET) != 0) {
            buf_append_format(&line, "%s ********", config_table[i].name);
        } else {
            append_directive(&config_table[i], config, &line);
        }
        buf_append_format(&line, " (");
        append_origin(config, origin, &line);
        buf_append_format(&line, ")");
        buf_append_byte(&line, '\0');
        on_line((const char *)buf_slice(&line).bytes, context);
    }
    buf_deinit(&line);
}

void config_print(const struct config *config, struct buf *out)
{
    const char *section = "";
    for (uint32_t i = 0; i < config_table_count; i++) {
        if (config_table[i].section != section) {
            section = config_table[i].section;
            buf_append_format(out, "%s# %s\n", i == 0 ? "" : "\n", section);
        }
        append_directive(&config_table[i], config, out);
        buf_append_format(out, "\n");
    }
}
