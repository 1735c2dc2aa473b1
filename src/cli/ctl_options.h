/* ctl_options.h -- the command line: one table of options, of which each command takes some. */
#ifndef QUORUM_CLI_CTL_OPTIONS_H
#define QUORUM_CLI_CTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/ctl.h"

enum ctl_option {
    CTL_OPTION_HELP,
    CTL_OPTION_HOST,
    CTL_OPTION_PORT,
    CTL_OPTION_PASSWORD,
    CTL_OPTION_READY,
    CTL_OPTION_JSON,
    CTL_OPTION_YES,
    CTL_OPTION_FORCE,
    CTL_OPTION_LEARNER,
    CTL_OPTION_FULL,
    CTL_OPTION_ID,
    CTL_OPTION_RAFT,
    CTL_OPTION_HTTP,
    CTL_OPTION_REDIS,
    CTL_OPTION_FROM,
    CTL_OPTION_TO,
    CTL_OPTION_COUNT,
    CTL_OPTIONS_COUNT
};

#define CTL_BIT(option) (1u << (option))
/* What every command takes that asks a node. */
#define CTL_OPTIONS_NODE                                                                           \
    (CTL_BIT(CTL_OPTION_HOST) | CTL_BIT(CTL_OPTION_PORT) | CTL_BIT(CTL_OPTION_PASSWORD))

enum { CTL_ARGUMENTS_MAX = LIMIT_MEMBERS };

/* Strings are borrowed from the command line and the environment; NULL when not given. */
struct ctl_options {
    unsigned given; /* CTL_BIT of each option that was */
    struct ctl_target target;
    const char *id;
    const char *raft;
    const char *http;
    const char *redis;
    uint64_t from;
    uint64_t to;
    uint64_t count;
    const char *arguments[CTL_ARGUMENTS_MAX]; /* what is no option */
    int arguments_count;
};

static inline bool ctl_options_has(const struct ctl_options *options, enum ctl_option option)
{
    return (options->given & CTL_BIT(option)) != 0;
}

/* A command of quorumctl. */
struct ctl_command {
    const char *name;
    const char *summary; /* one line for the list of commands */
    const char *usage;   /* its arguments, as "DIR [--from N]" */
    const char *help;    /* the manual behind the usage line */
    const char *exits;   /* what the exit status says */
    unsigned options;    /* CTL_BIT of each that it takes; --help need not be among them */
    int arguments_min;
    int arguments_max;
    enum ctl_exit (*run)(const struct ctl_options *options);
};

/*
 * Reads what follows the command's name; the host is localhost, the port QUORUM_REDIS of the
 * environment or 6379, the password that of the environment, unless they are given.
 *
 * An option's value follows it or, for long names, a "=". "--" ends the options. Returns false with
 * one line in error (CTL_ERROR_BYTES) when the line makes no sense for this command; with --help
 * given, nothing else is judged.
 */
bool ctl_options_parse(const struct ctl_command *command, int argc, const char *const *argv,
                       struct ctl_options *out, char *error);

/* Appends the manual of a command. */
void ctl_help_write(const struct ctl_command *command, struct buf *out);

/* Says why the command line makes no sense, and where the manual is; returns CTL_USAGE. */
enum ctl_exit ctl_usage(const char *command, const char *why);

#endif
