/* ctl_status.c -- quorumctl status: a table of all nodes, as each says of itself. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/ctl_commands.h"
#include "cli/ctl_survey.h"
#include "cli/ctl_table.h"
#include "cli/ctl_text.h"

enum { NUMBER_BYTES = 24, COLUMNS_COUNT = 13 };

static const struct ctl_column columns[COLUMNS_COUNT] = {
    {"NODE", false},   {"ROLE", false},  {"TERM", true},     {"LAST", true},     {"COMMIT", true},
    {"APPLIED", true}, {"LAG", true},    {"SNAPSHOT", true}, {"VERSION", false}, {"RAFT", false},
    {"HTTP", false},   {"REDIS", false}, {"ANSWER", false},
};

static const char *number_text(uint64_t number, char out[NUMBER_BYTES])
{
    (void)snprintf(out, NUMBER_BYTES, "%llu", (unsigned long long)number);
    return number == CTL_UNKNOWN ? "-" : out;
}

static const char *text_or_dash(const char *text)
{
    return text[0] == '\0' ? "-" : text;
}

static void add_node(struct ctl_table *table, const struct ctl_survey *survey,
                     const struct ctl_node *node)
{
    const struct ctl_member *member = &node->member;
    char text[6][NUMBER_BYTES];
    if (!node->is_reachable) {
        ctl_table_add(table, (const char *const[COLUMNS_COUNT]){
                                 member->id, text_or_dash(member->role), "-", "-", "-", "-", "-",
                                 "-", "-", text_or_dash(member->raft), text_or_dash(member->http),
                                 text_or_dash(member->redis), node->error});
        return;
    }
    ctl_table_add(table,
                  (const char *const[COLUMNS_COUNT]){
                      text_or_dash(member->id), text_or_dash(node->role),
                      number_text(node->term, text[0]), number_text(node->last_index, text[1]),
                      number_text(node->commit_index, text[2]),
                      number_text(node->applied_index, text[3]),
                      number_text(ctl_survey_lag(survey, node), text[4]),
                      number_text(node->snapshot_index, text[5]), text_or_dash(node->version),
                      text_or_dash(member->raft), text_or_dash(member->http),
                      text_or_dash(member->redis), "ok"});
}

static void print_table(const struct ctl_survey *survey)
{
    struct buf out;
    buf_init(&out);
    struct ctl_table *table = ctl_table_create(columns, COLUMNS_COUNT);
    for (int i = 0; i < survey->nodes_count; i++) {
        add_node(table, survey, &survey->nodes[i]);
    }
    ctl_table_write(table, &out);
    ctl_table_destroy(table);
    if (survey->leader < 0) {
        buf_append_format(&out, "no leader: no node that answers says that it leads\n");
    } else {
        const struct ctl_node *leader = &survey->nodes[survey->leader];
        buf_append_format(&out, "leader %s, followed by %d of %d voters%s\n", leader->member.id,
                          survey->followers_of_it, survey->voters,
                          ctl_survey_is_well(survey) ? "" : ": no majority");
    }
    ctl_text_flush(&out);
    buf_deinit(&out);
}

static json_t *json_number(uint64_t number)
{
    return number == CTL_UNKNOWN ? json_null() : json_integer((json_int_t)number);
}

static json_t *json_node(const struct ctl_survey *survey, const struct ctl_node *node)
{
    const struct ctl_member *member = &node->member;
    json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "id", member->id, "member",
                            member->role, "raft", member->raft, "http", member->http, "redis",
                            member->redis, "reachable", node->is_reachable);
    if (!node->is_reachable) {
        (void)json_object_set_new(out, "error", json_string(node->error));
        return out;
    }
    (void)json_object_set_new(out, "role", json_string(node->role));
    (void)json_object_set_new(out, "leader", json_string(node->leader));
    (void)json_object_set_new(out, "version", json_string(node->version));
    (void)json_object_set_new(out, "term", json_number(node->term));
    (void)json_object_set_new(out, "last_index", json_number(node->last_index));
    (void)json_object_set_new(out, "commit_index", json_number(node->commit_index));
    (void)json_object_set_new(out, "applied_index", json_number(node->applied_index));
    (void)json_object_set_new(out, "lag", json_number(ctl_survey_lag(survey, node)));
    (void)json_object_set_new(out, "snapshot_index", json_number(node->snapshot_index));
    return out;
}

static void print_json(const struct ctl_survey *survey)
{
    json_t *nodes = json_array();
    for (int i = 0; i < survey->nodes_count; i++) {
        (void)json_array_append_new(nodes, json_node(survey, &survey->nodes[i]));
    }
    const char *leader = survey->leader < 0 ? NULL : survey->nodes[survey->leader].member.id;
    json_t *all =
        json_pack("{s:b, s:s, s:s?, s:i, s:i, s:o}", "well", ctl_survey_is_well(survey),
                  "cluster_id", survey->cluster_id, "leader", leader, "voters", survey->voters,
                  "voters_following", survey->followers_of_it, "nodes", nodes);
    (void)json_dumpf(all, stdout, JSON_INDENT(2));
    (void)putchar('\n');
    json_decref(all);
}

static enum ctl_exit run(const struct ctl_options *options)
{
    struct ctl_target targets[CTL_ARGUMENTS_MAX] = {options->target};
    int count = options->arguments_count;
    for (int i = 0; i < count; i++) {
        targets[i].password = options->target.password;
        if (!ctl_target_set_address(&targets[i], options->arguments[i])) {
            return ctl_usage("status", "its arguments are host:port");
        }
    }
    struct ctl_survey *survey = mem_alloc(sizeof(*survey));
    bool is_answered = ctl_survey_take(targets, count == 0 ? 1 : count, survey);
    if (is_answered) {
        ctl_options_has(options, CTL_OPTION_JSON) ? print_json(survey) : print_table(survey);
    }
    bool is_well = is_answered && ctl_survey_is_well(survey);
    mem_free(survey);
    return is_well ? CTL_OK : CTL_NO;
}

const struct ctl_command ctl_command_status = {
    .name = "status",
    .summary = "a table of all nodes: role, term, indexes, lag, version, addresses",
    .usage = "[-h HOST] [-p PORT] [-a PASSWORD] [--json] [HOST:PORT]...",
    .help =
        "Asks a node who the members are, and then every member about itself. With HOST:PORT\n"
        "given, the first of them that answers is asked for the members.\n"
        "\n"
        "  ROLE      leader, follower, candidate; learner, joining: has no vote (yet); none: no\n"
        "            member (any more); voter: does not answer, so what it does is not known\n"
        "  LAST      last index of the node's log\n"
        "  COMMIT    the index up to which it knows entries to be committed\n"
        "  APPLIED   the index its data is as of\n"
        "  LAG       committed entries, as any node knows, that it has not applied\n"
        "  SNAPSHOT  the index of its newest snapshot; - where not known\n"
        "  ANSWER    ok, or why there is none\n"
        "\n"
        "  --json    the same for programs\n",
    .exits = "0 there is a leader, and a majority of the voters answers and follows it; 1 not so,\n"
             "or no node answers; 2 the command line makes no sense.",
    .options = CTL_OPTIONS_NODE | CTL_BIT(CTL_OPTION_JSON),
    .arguments_max = CTL_ARGUMENTS_MAX,
    .run = run,
};
