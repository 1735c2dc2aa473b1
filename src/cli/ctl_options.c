/* ctl_options.c -- reads a command line by a table: what each option is called and takes. */
#include "cli/ctl_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

enum { PORT_DEFAULT = 6379, PORT_MAX = 65535 };

enum value_kind { NOTHING, TEXT, NUMBER, ADDRESS, HOST, PORT };

static const struct row {
    const char *name;
    char letter; /* 0: there is only the long name */
    enum value_kind kind;
    size_t offset; /* of its value in struct ctl_options; for TEXT, NUMBER and ADDRESS */
} rows[CTL_OPTIONS_COUNT] = {
    [CTL_OPTION_HELP] = {"--help", 0, NOTHING, 0},
    [CTL_OPTION_HOST] = {"--host", 'h', HOST, 0},
    [CTL_OPTION_PORT] = {"--port", 'p', PORT, 0},
    [CTL_OPTION_PASSWORD] = {"--password", 'a', TEXT,
                             offsetof(struct ctl_options, target.password)},
    [CTL_OPTION_READY] = {"--ready", 0, NOTHING, 0},
    [CTL_OPTION_JSON] = {"--json", 0, NOTHING, 0},
    [CTL_OPTION_YES] = {"--yes", 'y', NOTHING, 0},
    [CTL_OPTION_FORCE] = {"--force", 'f', NOTHING, 0},
    [CTL_OPTION_LEARNER] = {"--learner", 0, NOTHING, 0},
    [CTL_OPTION_FULL] = {"--full", 0, NOTHING, 0},
    [CTL_OPTION_ID] = {"--id", 0, TEXT, offsetof(struct ctl_options, id)},
    [CTL_OPTION_RAFT] = {"--raft", 0, ADDRESS, offsetof(struct ctl_options, raft)},
    [CTL_OPTION_HTTP] = {"--http", 0, ADDRESS, offsetof(struct ctl_options, http)},
    [CTL_OPTION_REDIS] = {"--redis", 0, ADDRESS, offsetof(struct ctl_options, redis)},
    [CTL_OPTION_FROM] = {"--from", 0, NUMBER, offsetof(struct ctl_options, from)},
    [CTL_OPTION_TO] = {"--to", 0, NUMBER, offsetof(struct ctl_options, to)},
    [CTL_OPTION_COUNT] = {"--count", 'n', NUMBER, offsetof(struct ctl_options, count)},
};

/* A command line that is being read. */
struct reading {
    const struct ctl_command *command;
    int argc;
    const char *const *argv;
    int at;
    struct ctl_options *out;
    char *error;
};

static bool fail(struct reading *reading, const char *why, const char *argument)
{
    (void)snprintf(reading->error, CTL_ERROR_BYTES, "%s '%s'", why, argument);
    return false;
}

static const char *password_of_environment(void)
{
    const char *password = getenv("REDISCLI_AUTH");
    if (password == NULL || password[0] == '\0') {
        password = getenv("QUORUM_REQUIREPASS");
    }
    return password != NULL && password[0] != '\0' ? password : NULL;
}

static bool set_host(struct ctl_target *target, const char *text)
{
    int size = snprintf(target->host, sizeof(target->host), "%s", text);
    return size > 0 && (size_t)size < sizeof(target->host);
}

static bool set_port(struct ctl_target *target, const char *text)
{
    uint64_t port;
    if (!number_parse_uint64(slice_of_string(text), &port) || port < 1 || port > PORT_MAX) {
        return false;
    }
    target->port = (int)port;
    return true;
}

static bool is_address(const char *text)
{
    struct ctl_target unused;
    return ctl_target_set_address(&unused, text);
}

static bool set_value(const struct row *row, const char *text, struct ctl_options *out)
{
    void *place = (char *)out + row->offset;
    switch (row->kind) {
    case NOTHING:
        return true;
    case TEXT:
        *(const char **)place = text;
        return text[0] != '\0';
    case ADDRESS:
        *(const char **)place = text;
        return is_address(text);
    case NUMBER:
        return number_parse_uint64(slice_of_string(text), place);
    case HOST:
        return set_host(&out->target, text);
    case PORT:
        return set_port(&out->target, text);
    }
    return false;
}

/* The row of an argument that begins with '-'; value is what stands behind a "=", or NULL. */
static const struct row *find_row(const char *argument, const char **value)
{
    size_t size = strcspn(argument, "=");
    bool is_long = argument[1] == '-';
    *value = is_long && argument[size] == '=' ? argument + size + 1 : NULL;
    for (int i = 0; i < CTL_OPTIONS_COUNT; i++) {
        bool is_letter = argument[1] == rows[i].letter && argument[1] != '\0' && !argument[2];
        bool is_name = is_long && strncmp(rows[i].name, argument, size) == 0;
        if (is_letter || (is_name && rows[i].name[size] == '\0')) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool read_option(struct reading *reading)
{
    const char *argument = reading->argv[reading->at];
    const char *value;
    const struct row *row = find_row(argument, &value);
    if (row == NULL) {
        return fail(reading, "there is no option", argument);
    }
    unsigned bit = CTL_BIT((unsigned)(row - rows));
    if ((bit & (reading->command->options | CTL_BIT(CTL_OPTION_HELP))) == 0) {
        return fail(reading, "this command does not take", argument);
    }
    reading->out->given |= bit;
    if (row->kind == NOTHING) {
        return value == NULL || fail(reading, "no value belongs to", row->name);
    }
    if (value == NULL && reading->at + 1 == reading->argc) {
        return fail(reading, "a value is missing behind", argument);
    }
    value = value == NULL ? reading->argv[++reading->at] : value;
    return set_value(row, value, reading->out) ||
           fail(reading, "no good value for an option:", value);
}

static bool read_argument(struct reading *reading)
{
    struct ctl_options *out = reading->out;
    const char *argument = reading->argv[reading->at];
    if (out->arguments_count == reading->command->arguments_max) {
        return fail(reading, "this is one argument too many:", argument);
    }
    out->arguments[out->arguments_count++] = argument;
    return true;
}

static bool wants_help(int argc, const char *const *argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            return true;
        }
    }
    return false;
}

static bool read_all(struct reading *reading)
{
    bool are_options_over = false;
    for (; reading->at < reading->argc; reading->at++) {
        const char *argument = reading->argv[reading->at];
        bool is_option = !are_options_over && argument[0] == '-' && argument[1] != '\0';
        if (is_option && strcmp(argument, "--") == 0) {
            are_options_over = true;
        } else if (!(is_option ? read_option(reading) : read_argument(reading))) {
            return false;
        }
    }
    if (reading->out->arguments_count < reading->command->arguments_min) {
        (void)snprintf(reading->error, CTL_ERROR_BYTES, "an argument is missing");
        return false;
    }
    return true;
}

bool ctl_options_parse(const struct ctl_command *command, int argc, const char *const *argv,
                       struct ctl_options *out, char *error)
{
    *out = (struct ctl_options){.target = {"localhost", PORT_DEFAULT, password_of_environment()}};
    struct reading reading = {command, argc, argv, 0, out, error};
    if (wants_help(argc, argv)) {
        out->given = CTL_BIT(CTL_OPTION_HELP);
        return true;
    }
    const char *port = getenv("QUORUM_REDIS");
    if (port != NULL && port[0] != '\0' && !set_port(&out->target, port)) {
        return fail(&reading, "QUORUM_REDIS of the environment is no port:", port);
    }
    return read_all(&reading);
}

void ctl_help_write(const struct ctl_command *command, struct buf *out)
{
    static const char node_help[] =
        "\n"
        "  -h HOST      of the node to ask; default: localhost\n"
        "  -p PORT      its port for Redis clients; default: QUORUM_REDIS of the environment, "
        "else\n"
        "               6379\n"
        "  -a PASSWORD  default: REDISCLI_AUTH, else QUORUM_REQUIREPASS, from the environment,\n"
        "               where other users of this machine do not see it\n";
    bool asks_a_node = (command->options & CTL_OPTIONS_NODE) != 0;
    buf_append_format(out, "Usage: quorumctl %s %s\n\n%s%s\nExit status: %s\n", command->name,
                      command->usage, command->help, asks_a_node ? node_help : "", command->exits);
}

enum ctl_exit ctl_usage(const char *command, const char *why)
{
    (void)fprintf(stderr, "quorumctl %s: %s; see quorumctl %s --help\n", command, why, command);
    return CTL_USAGE;
}
