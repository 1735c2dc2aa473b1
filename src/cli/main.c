/* main.c -- quorumctl, the operator's tool: the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "cli/ctl.h"

static const char usage[] =
    "Usage: quorumctl ping [-h HOST] [-p PORT] [-a PASSWORD] [--ready]\n"
    "       quorumctl status [-a PASSWORD] [HOST:PORT]...\n"
    "       quorumctl --help | --version\n"
    "\n"
    "  ping    exits 0 when the node answers PONG; with --ready, when it knows a leader too\n"
    "  status  shows role, term, indexes and leader of every node of the cluster; asks the first\n"
    "          of the given nodes that answers who the others are; exits 0 when all are well\n"
    "\n"
    "  -h HOST      default: localhost\n"
    "  -p PORT      port for Redis clients; default: QUORUM_REDIS, else 6379\n"
    "  -a PASSWORD  default: REDISCLI_AUTH, else QUORUM_REQUIREPASS, from the environment\n"
    "\n"
    "Exit status: 0 yes; 1 no, or not reachable; 2 the command line is wrong.\n";

enum { TARGETS_MAX = LIMIT_MEMBERS };

struct options {
    struct ctl_target target;
    struct ctl_target targets[TARGETS_MAX];
    int targets_count;
    bool must_be_ready;
};

static enum ctl_exit fail_usage(const char *why, const char *argument)
{
    (void)fprintf(stderr, "quorumctl: %s '%s'; see quorumctl --help\n", why, argument);
    return CTL_USAGE;
}

static const char *password_of_environment(void)
{
    const char *password = getenv("REDISCLI_AUTH");
    if (password == NULL || password[0] == '\0') {
        password = getenv("QUORUM_REQUIREPASS");
    }
    return password != NULL && password[0] != '\0' ? password : NULL;
}

static bool set_port(struct ctl_target *target, const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);
    if (end == text || *end != '\0' || port < 1 || port > 65535) {
        return false;
    }
    target->port = (int)port;
    return true;
}

static bool set_host(struct ctl_target *target, const char *text)
{
    int size = snprintf(target->host, sizeof(target->host), "%s", text);
    return size > 0 && (size_t)size < sizeof(target->host);
}

static bool set_option(struct options *options, char letter, const char *value)
{
    if (letter == 'a') {
        options->target.password = value;
        return true;
    }
    return letter == 'h' ? set_host(&options->target, value) : set_port(&options->target, value);
}

/* Reads what follows the command's name. */
static enum ctl_exit parse(int argc, char **argv, struct options *options)
{
    for (int i = 2; i < argc; i++) {
        const char *argument = argv[i];
        bool takes_value = argument[0] == '-' && argument[1] != '\0' && argument[2] == '\0' &&
                           strchr("hpa", argument[1]) != NULL;
        if (strcmp(argument, "--ready") == 0) {
            options->must_be_ready = true;
        } else if (takes_value && i + 1 == argc) {
            return fail_usage("a value is missing behind", argument);
        } else if (takes_value) {
            i++;
            if (!set_option(options, argument[1], argv[i])) {
                return fail_usage("no good value", argv[i]);
            }
        } else if (argument[0] == '-') {
            return fail_usage("unknown option", argument);
        } else if (options->targets_count == TARGETS_MAX ||
                   !ctl_target_set_address(&options->targets[options->targets_count], argument)) {
            return fail_usage("host:port is wanted, not", argument);
        } else {
            options->targets_count++;
        }
    }
    return CTL_OK;
}

static enum ctl_exit run_status(struct options *options)
{
    if (options->targets_count == 0) {
        return ctl_status(&options->target, 1);
    }
    for (int i = 0; i < options->targets_count; i++) {
        options->targets[i].password = options->target.password;
    }
    return ctl_status(options->targets, options->targets_count);
}

static enum ctl_exit run(int argc, char **argv)
{
    struct options options = {.target = {"localhost", 6379, password_of_environment()}};
    const char *port = getenv("QUORUM_REDIS");
    if (port != NULL && !set_port(&options.target, port)) {
        return fail_usage("QUORUM_REDIS is no port:", port);
    }
    enum ctl_exit parsed = parse(argc, argv, &options);
    if (parsed != CTL_OK) {
        return parsed;
    }
    if (strcmp(argv[1], "ping") == 0) {
        bool has_target = options.targets_count > 0;
        return has_target ? fail_usage("ping takes -h and -p, not", argv[argc - 1])
                          : ctl_ping(&options.target, options.must_be_ready);
    }
    return run_status(&options);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fputs(usage, stderr);
        return CTL_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage, stdout);
        return CTL_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("quorumctl " QUORUM_VERSION);
        return CTL_OK;
    }
    if (strcmp(argv[1], "ping") != 0 && strcmp(argv[1], "status") != 0) {
        return (int)fail_usage("unknown command", argv[1]);
    }
    return (int)run(argc, argv);
}
