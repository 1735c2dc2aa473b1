/* ctl_members.c -- quorumctl members, add, promote, remove, transfer: who belongs to the cluster.
 *
 * Thin: each sends one QUORUM command, which any node takes and hands to the leader, and shows the
 * answer. What is refused, and why, is the leader's to say.
 */
#include <stdio.h>
#include <string.h>

#include "cli/ctl_commands.h"
#include "cli/ctl_reply.h"
#include "cli/ctl_table.h"
#include "cli/ctl_text.h"

enum { WORDS_MAX = 12, ANSWER_SECONDS = 60, CELL_BYTES = LIMIT_ADDRESS_BYTES };

struct request {
    const char *words[WORDS_MAX];
    int count;
};

static void add_word(struct request *request, const char *word)
{
    request->words[request->count++] = word;
}

static void add_pair(struct request *request, const char *word, const char *value)
{
    if (value != NULL) {
        add_word(request, word);
        add_word(request, value);
    }
}

static void add_flag(struct request *request, const struct ctl_options *options,
                     enum ctl_option option, const char *word)
{
    if (ctl_options_has(options, option)) {
        add_word(request, word);
    }
}

/* Sends a request; NULL when it is refused or not answered, which is said. */
static redisReply *ask(const struct ctl_target *target, struct request *request)
{
    char error[CTL_ERROR_BYTES];
    redisContext *context = ctl_connect(target, error, sizeof(error));
    redisReply *reply = NULL;
    if (context != NULL) {
        reply = ctl_call(context, ANSWER_SECONDS, request->count, request->words, error);
        redisFree(context);
    }
    if (reply == NULL) {
        (void)ctl_complain(target, error);
    }
    return reply;
}

/* Sends a change; says what it came to. */
static enum ctl_exit change(const struct ctl_options *options, struct request *request,
                            const char *done)
{
    redisReply *reply = ask(&options->target, request);
    if (reply == NULL) {
        return CTL_NO;
    }
    if (reply->type == REDIS_REPLY_INTEGER) {
        printf("%s (log index %lld)\n", done, reply->integer);
    } else {
        printf("%s\n", done);
    }
    freeReplyObject(reply);
    return CTL_OK;
}

/* ---- members ---- */

static const struct ctl_column columns[] = {{"NODE", false},      {"ROLE", false}, {"MATCH", true},
                                            {"REACHABLE", false}, {"RAFT", false}, {"HTTP", false},
                                            {"REDIS", false}};
static const char *const fields[] = {"id", "role", "match", "reachable", "raft", "http", "redis"};
enum { FIELDS_COUNT = sizeof(fields) / sizeof(fields[0]) };

static const char *cell_text(const char *field, const char *value)
{
    if (strcmp(field, "reachable") == 0 && value[0] != '\0') {
        return strcmp(value, "0") == 0 ? "no" : "yes";
    }
    return value[0] == '\0' ? "-" : value;
}

static void add_member(struct ctl_table *table, const redisReply *member)
{
    char cells[FIELDS_COUNT][CELL_BYTES];
    const char *row[FIELDS_COUNT];
    for (int i = 0; i < FIELDS_COUNT; i++) {
        ctl_reply_text(member, fields[i], cells[i], CELL_BYTES);
        row[i] = cell_text(fields[i], cells[i]);
    }
    ctl_table_add(table, row);
}

static enum ctl_exit run_members(const struct ctl_options *options)
{
    struct request request = {.count = 0};
    add_word(&request, "QUORUM");
    add_word(&request, "MEMBERS");
    redisReply *reply = ask(&options->target, &request);
    if (reply == NULL) {
        return CTL_NO;
    }
    struct buf out = {0};
    struct ctl_table *table = ctl_table_create(columns, FIELDS_COUNT);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        add_member(table, reply->element[i]);
    }
    ctl_table_write(table, &out);
    ctl_text_flush(&out);
    ctl_table_destroy(table);
    buf_deinit(&out);
    freeReplyObject(reply);
    return CTL_OK;
}

/* ---- The changes ---- */

static enum ctl_exit run_add(const struct ctl_options *options)
{
    struct request request = {.count = 0};
    add_word(&request, "QUORUM");
    add_word(&request, "ADD");
    add_word(&request, options->arguments[0]);
    add_word(&request, options->arguments[1]);
    add_pair(&request, "HTTP", options->http);
    add_pair(&request, "REDIS", options->redis);
    add_flag(&request, options, CTL_OPTION_LEARNER, "LEARNER");
    add_flag(&request, options, CTL_OPTION_FORCE, "FORCE");
    return change(options, &request,
                  ctl_options_has(options, CTL_OPTION_LEARNER)
                      ? "added as a learner"
                      : "added; it becomes a voter when it has caught up");
}

static enum ctl_exit run_remove(const struct ctl_options *options)
{
    struct request request = {.count = 0};
    add_word(&request, "QUORUM");
    add_word(&request, "REMOVE");
    add_word(&request, options->arguments[0]);
    add_flag(&request, options, CTL_OPTION_FORCE, "FORCE");
    return change(options, &request, "removed");
}

static enum ctl_exit run_promote(const struct ctl_options *options)
{
    struct request request = {.count = 0};
    add_word(&request, "QUORUM");
    add_word(&request, "PROMOTE");
    add_word(&request, options->arguments[0]);
    add_flag(&request, options, CTL_OPTION_FORCE, "FORCE");
    return change(options, &request, "promoted to voter");
}

static enum ctl_exit run_transfer(const struct ctl_options *options)
{
    struct request request = {.count = 0};
    add_word(&request, "QUORUM");
    add_word(&request, "TRANSFER");
    if (options->arguments_count > 0) {
        add_word(&request, options->arguments[0]);
    }
    return change(options, &request, "leadership handed over");
}

static const char exits[] =
    "0 done; 1 refused, the message says why, or not reachable, or (UNKNOWN) it may\n"
    "yet come to be: look with quorumctl members; 2 the command line makes no sense.";

#define FORCE_HELP                                                                                 \
    "\n"                                                                                           \
    "  -f, --force  although too few voters of the new membership were heard from lately for it\n" \
    "               to be committed\n"

const struct ctl_command ctl_command_members = {
    .name = "members",
    .summary = "the members of the cluster, as the leader sees them",
    .usage = "[-h HOST] [-p PORT] [-a PASSWORD]",
    .help =
        "Shows every member: voter, learner, or joining (a learner that becomes a voter when it\n"
        "has caught up), how far its log is known to match, whether it answers, addresses.\n",
    .exits = "0 shown; 1 refused or not reachable; 2 the command line makes no sense.",
    .options = CTL_OPTIONS_NODE,
    .run = run_members,
};

const struct ctl_command ctl_command_add = {
    .name = "add",
    .summary = "adds a node to the cluster",
    .usage = "NAME RAFT-ADDRESS [--http ADDRESS] [--redis ADDRESS] [--learner] [--force]\n"
             "       [-h HOST] [-p PORT] [-a PASSWORD]",
    .help = "Adds the node of that name (its --id), which the others reach at RAFT-ADDRESS\n"
            "(host:port). It joins as a learner and becomes a voter by itself when it has caught "
            "up.\n"
            "A fresh node started with --join asks for this itself.\n"
            "\n"
            "  --http ADDRESS   host:port for HTTP clients\n"
            "  --redis ADDRESS  host:port for Redis clients\n"
            "  --learner        it stays a learner, until quorumctl promote\n" FORCE_HELP,
    .exits = exits,
    .options = CTL_OPTIONS_NODE | CTL_BIT(CTL_OPTION_HTTP) | CTL_BIT(CTL_OPTION_REDIS) |
               CTL_BIT(CTL_OPTION_LEARNER) | CTL_BIT(CTL_OPTION_FORCE),
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run_add,
};

const struct ctl_command ctl_command_remove = {
    .name = "remove",
    .summary = "removes a node from the cluster",
    .usage = "NAME [--force] [-h HOST] [-p PORT] [-a PASSWORD]",
    .help = "Removes the node of that name. Refused when the voters that would be left and were\n"
            "heard from lately are no majority.\n" FORCE_HELP,
    .exits = exits,
    .options = CTL_OPTIONS_NODE | CTL_BIT(CTL_OPTION_FORCE),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_remove,
};

const struct ctl_command ctl_command_promote = {
    .name = "promote",
    .summary = "makes a learner a voter",
    .usage = "NAME [--force] [-h HOST] [-p PORT] [-a PASSWORD]",
    .help = "Makes the learner of that name a voter. Refused until it has caught up.\n" FORCE_HELP,
    .exits = exits,
    .options = CTL_OPTIONS_NODE | CTL_BIT(CTL_OPTION_FORCE),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_promote,
};

const struct ctl_command ctl_command_transfer = {
    .name = "transfer",
    .summary = "hands leadership to another node",
    .usage = "[NAME] [-h HOST] [-p PORT] [-a PASSWORD]",
    .help = "Asks the leader to hand over to the voter of that name, or to the best there is.\n",
    .exits = exits,
    .options = CTL_OPTIONS_NODE,
    .arguments_max = 1,
    .run = run_transfer,
};
