/* config_layers.c -- the three sources of options: file, environment, command line.
 *
 * An error is fatal, and its message shows where it is, the text as written, and what is wrong with
 * it, in the form of Redis. Of a secret value only the name is shown.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/version.h"
#include "server/config_internal.h"

enum {
    FILE_BYTES_MAX = 1024 * 1024,
    INCLUDE_DEPTH_MAX = 8,
    SHOWN_BYTES_MAX = 200,
};

static void append_shown(struct buf *text, struct slice source)
{
    struct slice cut =
        slice_of(source.bytes, source.size < SHOWN_BYTES_MAX ? source.size : SHOWN_BYTES_MAX);
    for (size_t i = 0; i < cut.size; i++) {
        uint8_t c = cut.bytes[i];
        buf_append_byte(text, c < ' ' || c == 127 ? '?' : c);
    }
    buf_append_format(text, "%s", cut.size < source.size ? "..." : "");
}

static void append_unknown(struct slice name, struct buf *reason)
{
    const char *nearest = config_table_nearest(name);
    buf_append_format(reason, "unknown option '");
    append_shown(reason, name);
    buf_append_format(reason, "'");
    if (nearest != NULL) {
        buf_append_format(reason, "; did you mean '%s'?", nearest);
    } else {
        buf_append_format(reason, "; --help lists all");
    }
}

static void set_origin(struct config *config, const struct config_directive *directive,
                       enum config_source source, uint32_t line)
{
    config->origins[config_table_index(directive)] = (struct config_origin){source, line};
}

/* ---- The file ---- */

struct file {
    struct config *config;
    const char *path;
    uint32_t line;
    uint32_t depth; /* of include */
    struct buf *text;
};

static bool read_path(struct file *file);

/* What of a line may be shown: for a secret, or a line whose words could not be told apart, the
 * name alone. */
static struct slice shown_part(struct slice line)
{
    size_t end = 0;
    while (end < line.size && line.bytes[end] != ' ' && line.bytes[end] != '\t') {
        end++;
    }
    struct slice name = slice_of(line.bytes, end);
    const struct config_directive *directive = config_table_find(name);
    bool is_secret = directive != NULL && (directive->flags & CONFIG_SECRET) != 0;
    return is_secret ? name : line;
}

static bool fail_in_file(const struct file *file, struct slice line, struct slice reason)
{
    buf_append_format(file->text,
                      "\n*** FATAL CONFIG FILE ERROR (Quorum " QUORUM_VERSION ") ***\n"
                      "Reading the configuration file, at line %u of %s\n>>> '",
                      file->line, file->path);
    append_shown(file->text, shown_part(line));
    buf_append_format(file->text, "'\n");
    buf_append_slice(file->text, reason);
    buf_append_format(file->text, "\n");
    return false;
}

static bool read_include(const struct file *file, struct slice line, struct slice target)
{
    if (file->depth == INCLUDE_DEPTH_MAX) {
        return fail_in_file(file, line, SLICE_LITERAL("include goes too deep; a loop?"));
    }
    char name[PATH_MAX];
    const char *slash = strrchr(file->path, '/');
    bool is_relative = target.size > 0 && target.bytes[0] != '/' && slash != NULL;
    int directory_size = is_relative ? (int)(slash - file->path) + 1 : 0;
    int size = snprintf(name, sizeof(name), "%.*s%.*s", directory_size, file->path,
                        (int)(target.size < PATH_MAX ? target.size : PATH_MAX),
                        target.size == 0 ? "" : (const char *)target.bytes);
    if (size <= 0 || (size_t)size >= sizeof(name)) {
        return fail_in_file(file, line, SLICE_LITERAL("include needs the path of a file"));
    }
    struct file included = {file->config, name, 0, file->depth + 1, file->text};
    return read_path(&included);
}

/* Sets one directive to the words behind its name, joined by blanks. */
static bool apply_words(struct config *config, const struct config_directive *directive,
                        const struct config_words *words, struct buf *reason)
{
    if (words->count > 2 && words->items[2].size > 0 && words->items[2].bytes[0] == '#') {
        buf_append_format(reason, "a comment needs a line of its own");
        return false;
    }
    if (words->count < 2 || (words->count > 2 && !config_value_takes_words(directive))) {
        buf_append_format(reason, "wrong number of arguments");
        return false;
    }
    struct buf value = {0};
    for (uint32_t i = 1; i < words->count; i++) {
        buf_append(&value, " ", i > 1);
        buf_append_slice(&value, words->items[i]);
    }
    bool is_applied = config_value_parse(directive, buf_slice(&value), config, reason);
    buf_deinit(&value);
    return is_applied;
}

static bool apply_line(const struct file *file, struct slice line, const struct config_words *words)
{
    struct slice name = words->items[0];
    if (slice_is_word(name, "include") && words->count == 2) {
        return read_include(file, line, words->items[1]);
    }
    struct buf reason = {0};
    const struct config_directive *directive = config_table_find(name);
    bool is_applied = false;
    if (directive == NULL) {
        append_unknown(name, &reason);
    } else {
        is_applied = apply_words(file->config, directive, words, &reason);
    }
    if (is_applied) {
        set_origin(file->config, directive, CONFIG_FROM_FILE, file->line);
    } else {
        (void)fail_in_file(file, line, buf_slice(&reason));
    }
    buf_deinit(&reason);
    return is_applied;
}

static bool read_line(const struct file *file, struct slice line)
{
    while (line.size > 0 && strchr(" \t\r", line.bytes[line.size - 1]) != NULL) {
        line.size--;
    }
    while (line.size > 0 && (line.bytes[0] == ' ' || line.bytes[0] == '\t')) {
        line = slice_of(line.bytes + 1, line.size - 1);
    }
    if (line.size == 0 || line.bytes[0] == '#') {
        return true;
    }
    struct config_words words;
    struct buf reason = {0};
    bool is_read = config_words_split(line, &words, &reason);
    if (is_read) {
        is_read = apply_line(file, line, &words);
    } else {
        (void)fail_in_file(file, line, buf_slice(&reason));
    }
    buf_deinit(&reason);
    buf_deinit(&words.bytes);
    return is_read;
}

static bool read_lines(struct file *file, struct slice content)
{
    size_t start = 0;
    while (start < content.size) {
        const uint8_t *first = content.bytes + start;
        const uint8_t *newline = memchr(first, '\n', content.size - start);
        size_t size = newline == NULL ? content.size - start : (size_t)(newline - first);
        file->line++;
        if (!read_line(file, slice_of(first, size))) {
            return false;
        }
        start += size + 1;
    }
    return true;
}

static bool fail_to_open(const struct file *file, const char *reason)
{
    buf_append_format(file->text, "Fatal error, can't open config file '%s': %s\n", file->path,
                      reason);
    return false;
}

static bool read_path(struct file *file)
{
    bool is_stdin = strcmp(file->path, "-") == 0;
    FILE *stream = is_stdin ? stdin : fopen(file->path, "re");
    if (stream == NULL) {
        return fail_to_open(file, strerror(errno));
    }
    struct buf content = {0};
    size_t size = fread(buf_reserve(&content, FILE_BYTES_MAX + 1), 1, FILE_BYTES_MAX + 1, stream);
    bool is_error = ferror(stream) != 0;
    int error = errno;
    buf_commit(&content, size);
    if (!is_stdin) {
        (void)fclose(stream);
    }
    bool is_read = false;
    if (is_error) {
        (void)fail_to_open(file, strerror(error));
    } else if (size > FILE_BYTES_MAX) {
        (void)fail_to_open(file, "it is larger than 1 MiB");
    } else {
        is_read = read_lines(file, buf_slice(&content));
    }
    buf_deinit(&content);
    return is_read;
}

bool config_read_file(struct config *config, const char *path, struct buf *text)
{
    struct file file = {config, path, 0, 0, text};
    if (!read_path(&file)) {
        return false;
    }
    char *absolute = strcmp(path, "-") == 0 ? NULL : realpath(path, NULL);
    config_string_set(&config->file, slice_of_string(absolute == NULL ? path : absolute));
    free(absolute);
    return true;
}

/* ---- Environment and flags ---- */

/* source is where, e.g. "the command line"; shown is what was written there. */
static bool fail_elsewhere(struct buf *text, const char *source, struct slice shown,
                           struct slice reason)
{
    buf_append_format(text,
                      "\n*** FATAL CONFIG ERROR (Quorum " QUORUM_VERSION ") ***\nReading %s\n>>> '",
                      source);
    append_shown(text, shown);
    buf_append_format(text, "'\n");
    buf_append_slice(text, reason);
    buf_append_format(text, "\n");
    return false;
}

enum { NAME_BYTES_MAX = 64 };

/* QUORUM_HTTP_TIMEOUT=30 -> "http-timeout". An empty slice when it is none of ours. */
static struct slice environment_name(const char *variable, char name[NAME_BYTES_MAX])
{
    static const char prefix[] = "QUORUM_";
    const char *equals = strchr(variable, '=');
    if (equals == NULL || strncmp(variable, prefix, sizeof(prefix) - 1) != 0) {
        return slice_of(NULL, 0);
    }
    const char *first = variable + sizeof(prefix) - 1;
    size_t size = 0;
    for (; first + size < equals && size < NAME_BYTES_MAX; size++) {
        char c = first[size];
        name[size] = (char)(c == '_' ? '-' : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return slice_of(name, size);
}

bool config_read_environment(struct config *config, char *const *environment, struct buf *text)
{
    bool is_read = true;
    struct buf reason = {0};
    for (; is_read && *environment != NULL; environment++) {
        char space[NAME_BYTES_MAX];
        struct slice name = environment_name(*environment, space);
        if (name.size == 0) {
            continue;
        }
        const char *value = strchr(*environment, '=') + 1;
        const struct config_directive *directive = config_table_find(name);
        if (directive == NULL) {
            append_unknown(name, &reason);
            is_read = false;
        } else {
            is_read = config_value_parse(directive, slice_of_string(value), config, &reason);
        }
        if (is_read) {
            set_origin(config, directive, CONFIG_FROM_ENVIRONMENT, 0);
            continue;
        }
        if (strncmp(value, "tcp://", 6) == 0) {
            buf_append_format(&reason, " (set by Kubernetes for a service named quorum? rename the "
                                       "service, or set enableServiceLinks: false)");
        }
        bool is_secret = directive != NULL && (directive->flags & CONFIG_SECRET) != 0;
        size_t shown = is_secret ? (size_t)(value - *environment) : strlen(*environment);
        (void)fail_elsewhere(text, "the environment", slice_of(*environment, shown),
                             buf_slice(&reason));
    }
    buf_deinit(&reason);
    return is_read;
}

struct flags {
    struct config *config;
    char *const *argv;
    int argc;
    int next;
    struct buf *text;
};

/* "--name", and "-name" as programs in Go take it; a lone "-" is standard input. */
static bool is_flag(const char *argument)
{
    char c = argument[0] == '-' ? argument[1] : '\0';
    return c == '-' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The value of the flag at flags->next: behind '=', or the arguments that follow. False: none. */
static bool take_value(struct flags *flags, const struct config_directive *directive,
                       struct buf *value)
{
    const char *equals = strchr(flags->argv[flags->next++], '=');
    if (equals != NULL) {
        buf_append_slice(value, slice_of_string(equals + 1));
        return true;
    }
    uint32_t count = 0;
    while (flags->next < flags->argc && !is_flag(flags->argv[flags->next])) {
        buf_append(value, " ", count > 0);
        buf_append_slice(value, slice_of_string(flags->argv[flags->next++]));
        count++;
        if (!config_value_takes_words(directive)) {
            break;
        }
    }
    return count > 0;
}

static bool read_flag(struct flags *flags)
{
    const char *argument = flags->argv[flags->next];
    const char *name = argument + (argument[1] == '-' ? 2 : 1);
    struct slice name_slice = slice_of(name, strcspn(name, "="));
    const struct config_directive *directive = config_table_find(name_slice);
    struct buf reason = {0};
    struct buf value = {0};
    bool is_read = false;
    if (directive == NULL) {
        append_unknown(name_slice, &reason);
    } else if (!take_value(flags, directive, &value)) {
        buf_append_format(&reason, "a value is missing: --%s %s", directive->name,
                          directive->argument == NULL ? "VALUE" : directive->argument);
    } else {
        is_read = config_value_parse(directive, buf_slice(&value), flags->config, &reason);
    }
    if (is_read) {
        set_origin(flags->config, directive, CONFIG_FROM_FLAG, 0);
    } else {
        struct buf shown = {0};
        bool is_secret = directive != NULL && (directive->flags & CONFIG_SECRET) != 0;
        size_t name_end = (size_t)(name - argument) + name_slice.size;
        buf_append(&shown, argument, is_secret ? name_end : strlen(argument));
        if (!is_secret && buf_size(&value) > 0 && strchr(argument, '=') == NULL) {
            buf_append_format(&shown, " ");
            buf_append_slice(&shown, buf_slice(&value));
        }
        (void)fail_elsewhere(flags->text, "the command line", buf_slice(&shown),
                             buf_slice(&reason));
        buf_deinit(&shown);
    }
    buf_deinit(&reason);
    buf_deinit(&value);
    return is_read;
}

const char *config_find_file(int argc, char *const *argv)
{
    struct flags flags = {.argv = argv, .argc = argc, .next = 1};
    while (flags.next < argc && is_flag(argv[flags.next])) {
        const char *name = argv[flags.next] + (argv[flags.next][1] == '-' ? 2 : 1);
        struct slice name_slice = slice_of(name, strcspn(name, "="));
        const struct config_directive *directive = config_table_find(name_slice);
        if (directive == NULL) {
            return NULL; /* config_read_flags will complain of it; what follows may be its value */
        }
        struct buf value = {0};
        (void)take_value(&flags, directive, &value);
        buf_deinit(&value);
    }
    return flags.next < argc ? argv[flags.next] : NULL;
}

bool config_read_flags(struct config *config, int argc, char *const *argv, struct buf *text)
{
    struct flags flags = {config, argv, argc, 1, text};
    bool has_file = false;
    while (flags.next < argc) {
        const char *argument = argv[flags.next];
        if (is_flag(argument)) {
            if (!read_flag(&flags)) {
                return false;
            }
        } else if (has_file) {
            return fail_elsewhere(text, "the command line", slice_of_string(argument),
                                  SLICE_LITERAL("there is a configuration file before it; options "
                                                "begin with --"));
        } else {
            has_file = true;
            flags.next++;
        }
    }
    return true;
}
