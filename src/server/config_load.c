/* config_load.c -- from main's arguments to a resolved struct config, or to the text of --help and
 * its kind. */
#include <stdio.h>

#include "base/version.h"
#include "server/config_internal.h"

static const char usage[] =
    "Usage: quorum [FILE] [--OPTION VALUE | --OPTION=VALUE]...\n"
    "       quorum -                     read the configuration file from standard input\n"
    "       quorum --print-config ...    show the options in force, as a configuration file\n"
    "       quorum --check-config ...    check the options and exit\n"
    "       quorum --help | --version\n"
    "\n"
    "Every option may stand in the file as 'OPTION VALUE', on the command line, and in the\n"
    "environment as QUORUM_OPTION (upper case, '-' as '_'). The command line wins over the\n"
    "environment, that over the file, that over the default. conf/quorum.conf explains each.\n"
    "\n"
    "Examples:\n"
    "       quorum --id node-1                        one of three nodes on this machine\n"
    "       quorum --peers \"\"                         a cluster of one\n"
    "       quorum --id node-4 --join localhost:9001  one more node for a running cluster\n"
    "       quorum /etc/quorum/quorum.conf --id a --peers a=10.0.0.1:9001,b=10.0.0.2:9001,"
    "c=10.0.0.3:9001\n";

static void append_option(const struct config_directive *directive, struct buf *text)
{
    char left[64];
    (void)snprintf(left, sizeof(left), "--%s %s", directive->name, directive->argument);
    if (strlen(left) > 32) {
        buf_append_format(text, "  %s\n%36s", left, "");
    } else {
        buf_append_format(text, "  %-34s", left);
    }
    buf_append_format(text, "%s", directive->summary);
    if (directive->default_text != NULL && directive->default_text[0] != '\0') {
        buf_append_format(text, " (%s)", directive->default_text);
    }
    buf_append_format(text, "\n");
}

static void append_help(struct buf *text)
{
    const char *section = "";
    buf_append_format(text,
                      "Quorum " QUORUM_VERSION
                      ", a linearizable key-value store for Redis and HTTP clients\n\n%s",
                      usage);
    for (uint32_t i = 0; i < config_table_count; i++) {
        const struct config_directive *directive = &config_table[i];
        if (directive->summary == NULL) {
            continue;
        }
        if (directive->section != section) {
            section = directive->section;
            buf_append_format(text, "\n%s:\n", section);
        }
        append_option(directive, text);
    }
}

enum action { ACTION_RUN, ACTION_HELP, ACTION_VERSION, ACTION_PRINT, ACTION_CHECK };

static enum action action_of(const char *argument)
{
    static const struct {
        const char *argument;
        enum action action;
    } actions[] = {
        {"--help", ACTION_HELP},          {"-h", ACTION_HELP},
        {"--version", ACTION_VERSION},    {"-v", ACTION_VERSION},
        {"--print-config", ACTION_PRINT}, {"--check-config", ACTION_CHECK},
    };
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(argument, actions[i].argument) == 0) {
            return actions[i].action;
        }
    }
    return ACTION_RUN;
}

enum { ARGUMENTS_MAX = 1024 };

/* Copies the arguments without those that name an action, and returns the most pressing action:
 * help, version, then what was named last. */
static enum action sort_arguments(int argc, char *const *argv, char **kept, int *kept_count)
{
    enum action chosen = ACTION_RUN;
    for (int i = 0; i < argc; i++) {
        enum action action = i == 0 ? ACTION_RUN : action_of(argv[i]);
        if (action == ACTION_RUN) {
            kept[(*kept_count)++] = argv[i];
        } else if (chosen != ACTION_HELP && chosen != ACTION_VERSION) {
            chosen = action;
        }
    }
    return chosen;
}

static bool read_layers(int argc, char *const *argv, char *const *environment,
                        struct config *config, struct buf *text)
{
    const char *file = config_find_file(argc, argv);
    return (file == NULL || config_read_file(config, file, text)) &&
           config_read_environment(config, environment, text) &&
           config_read_flags(config, argc, argv, text);
}

static enum config_outcome finish(enum action action, struct config *config, struct buf *text)
{
    struct buf reason = {0};
    struct buf warnings = {0};
    enum config_outcome outcome = CONFIG_EXIT_OK;
    if (!config_resolve(config, &warnings, &reason)) {
        buf_append_format(text, "\n*** FATAL CONFIG ERROR (Quorum " QUORUM_VERSION ") ***\n");
        buf_append_slice(text, buf_slice(&reason));
        buf_append_format(text, "\n");
        outcome = CONFIG_EXIT_ERROR;
    } else if (action == ACTION_PRINT) {
        config_print(config, text);
    } else if (action == ACTION_CHECK) {
        buf_append_slice(text, buf_slice(&warnings));
        if (config->join[0] != '\0') {
            buf_append_format(text, "configuration ok: %s, to join the cluster of %s\n", config->id,
                              config->join);
        } else {
            buf_append_format(text, "configuration ok: %s of a cluster of %u\n", config->id,
                              config->members_count);
        }
    } else {
        buf_append_slice(text, buf_slice(&warnings));
        outcome = CONFIG_RUN;
    }
    buf_deinit(&warnings);
    buf_deinit(&reason);
    return outcome;
}

enum config_outcome config_load(int argc, char *const *argv, char *const *environment,
                                struct config *out, struct buf *text)
{
    char *kept[ARGUMENTS_MAX];
    int kept_count = 0;
    config_value_defaults(out);
    if (argc > ARGUMENTS_MAX) {
        buf_append_format(text, "more than %d arguments\n", ARGUMENTS_MAX - 1);
        return CONFIG_EXIT_ERROR;
    }
    enum action action = sort_arguments(argc, argv, kept, &kept_count);
    if (action == ACTION_HELP) {
        append_help(text);
        return CONFIG_EXIT_OK;
    }
    if (action == ACTION_VERSION) {
        buf_append_format(text, "Quorum server v=" QUORUM_VERSION " bits=%zu\n",
                          8 * sizeof(void *));
        return CONFIG_EXIT_OK;
    }
    if (!read_layers(kept_count, kept, environment, out, text)) {
        return CONFIG_EXIT_ERROR;
    }
    return finish(action, out, text);
}
