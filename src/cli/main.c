/* main.c -- quorumctl, the operator's tool: finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include "base/logger.h"
#include "base/version.h"
#include "cli/ctl_commands.h"
#include "cli/ctl_text.h"

static const struct ctl_command *const commands[] = {
    &ctl_command_status,  &ctl_command_ping,     &ctl_command_members, &ctl_command_add,
    &ctl_command_promote, &ctl_command_transfer, &ctl_command_remove,  &ctl_command_backup,
    &ctl_command_restore, &ctl_command_recover,  &ctl_command_verify,  &ctl_command_log,
};

enum { COMMANDS_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const struct ctl_command *find(const char *name)
{
    for (int i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static void write_usage(struct buf *out)
{
    buf_append_format(out, "Usage: quorumctl COMMAND ...\n"
                           "       quorumctl COMMAND --help\n"
                           "       quorumctl --help | --version\n\n");
    for (int i = 0; i < COMMANDS_COUNT; i++) {
        buf_append_format(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    }
    buf_append_format(
        out,
        "\n"
        "Exit status: 0 yes, done; 1 the answer is no: not reachable, refused, damaged; 2 the\n"
        "command line makes no sense; 3 a node runs on the data directory; 4 a file cannot be\n"
        "read or written.\n");
}

static enum ctl_exit print_usage(FILE *to, enum ctl_exit answer)
{
    struct buf out;
    buf_init(&out);
    write_usage(&out);
    (void)fwrite(buf_slice(&out).bytes, 1, buf_size(&out), to);
    buf_deinit(&out);
    return answer;
}

static enum ctl_exit print_help(const struct ctl_command *command)
{
    struct buf out;
    buf_init(&out);
    ctl_help_write(command, &out);
    ctl_text_flush(&out);
    buf_deinit(&out);
    return CTL_OK;
}

/* What the layers below complain of. */
static void print_line(enum logger_level level, const char *line, void *context)
{
    (void)level;
    (void)context;
    (void)fprintf(stderr, "quorumctl: %s\n", line);
}

static enum ctl_exit run(const struct ctl_command *command, int argc, char **argv)
{
    static struct ctl_options options;
    char error[CTL_ERROR_BYTES];
    if (!ctl_options_parse(command, argc, (const char *const *)argv, &options, error)) {
        return ctl_usage(command->name, error);
    }
    if (ctl_options_has(&options, CTL_OPTION_HELP)) {
        return print_help(command);
    }
    logger_set_sink(print_line, NULL);
    logger_set_level(LOGGER_WARNING);
    return command->run(&options);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return (int)print_usage(stderr, CTL_USAGE);
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        puts("quorumctl " QUORUM_VERSION);
        return CTL_OK;
    }
    if (strcmp(name, "--help") == 0 || (strcmp(name, "help") == 0 && argc == 2)) {
        return (int)print_usage(stdout, CTL_OK);
    }
    bool is_about = strcmp(name, "help") == 0; /* "help COMMAND" */
    const struct ctl_command *command = find(is_about ? argv[2] : name);
    if (command == NULL) {
        (void)fprintf(stderr, "quorumctl: there is no command '%s'; see quorumctl --help\n",
                      is_about ? argv[2] : name);
        return CTL_USAGE;
    }
    return (int)(is_about ? print_help(command) : run(command, argc - 2, argv + 2));
}
