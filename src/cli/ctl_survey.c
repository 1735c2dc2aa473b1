/* ctl_survey.c -- asks one node for the members, and then each member about itself. */
#include "cli/ctl_survey.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_SECONDS = 2 };

static void copy_text(char *out, size_t out_bytes, const char *text)
{
    (void)snprintf(out, out_bytes, "%s", text);
}

void ctl_survey_read_node(const char *info, struct ctl_node *node)
{
    bool is_voter = node->member.role[0] == '\0' || strcmp(node->member.role, "voter") == 0;
    node->is_reachable = true;
    (void)ctl_info_value(info, "raft_role", node->role, sizeof(node->role));
    if (!is_voter && strcmp(node->role, "follower") == 0) {
        copy_text(node->role, sizeof(node->role), node->member.role);
    }
    (void)ctl_info_value(info, "raft_leader_id", node->leader, sizeof(node->leader));
    (void)ctl_info_value(info, "quorum_version", node->version, sizeof(node->version));
    node->term = ctl_info_number(info, "raft_term", CTL_UNKNOWN);
    node->last_index = ctl_info_number(info, "raft_last_index", CTL_UNKNOWN);
    node->commit_index = ctl_info_number(info, "raft_commit_index", CTL_UNKNOWN);
    node->applied_index = ctl_info_number(info, "raft_applied_index", CTL_UNKNOWN);
    node->snapshot_index = ctl_info_number(info, "snapshot_index", CTL_UNKNOWN);
}

static bool leads(const struct ctl_node *node)
{
    return node->is_reachable && strcmp(node->role, "leader") == 0;
}

void ctl_survey_judge(struct ctl_survey *survey)
{
    survey->leader = -1;
    survey->voters = 0;
    survey->followers_of_it = 0;
    for (int i = 0; i < survey->nodes_count; i++) {
        const struct ctl_node *node = &survey->nodes[i];
        survey->voters += strcmp(node->member.role, "voter") == 0;
        if (leads(node) &&
            (survey->leader < 0 || node->term > survey->nodes[survey->leader].term)) {
            survey->leader = i;
        }
    }
    for (int i = 0; i < survey->nodes_count && survey->leader >= 0; i++) {
        const struct ctl_node *node = &survey->nodes[i];
        const struct ctl_node *leader = &survey->nodes[survey->leader];
        survey->followers_of_it += node->is_reachable && strcmp(node->member.role, "voter") == 0 &&
                                   node->term == leader->term &&
                                   strcmp(node->leader, leader->member.id) == 0;
    }
}

bool ctl_survey_is_well(const struct ctl_survey *survey)
{
    return survey->leader >= 0 && 2 * survey->followers_of_it > survey->voters;
}

uint64_t ctl_survey_lag(const struct ctl_survey *survey, const struct ctl_node *node)
{
    uint64_t committed = 0;
    for (int i = 0; i < survey->nodes_count; i++) {
        const struct ctl_node *other = &survey->nodes[i];
        if (other->is_reachable && other->commit_index != CTL_UNKNOWN &&
            other->commit_index > committed) {
            committed = other->commit_index;
        }
    }
    if (!node->is_reachable || node->applied_index == CTL_UNKNOWN) {
        return CTL_UNKNOWN;
    }
    return committed > node->applied_index ? committed - node->applied_index : 0;
}

/* Asks one node about itself; NULL when that fails, with the cause in error. */
static redisReply *ask(const struct ctl_target *target, char *error)
{
    static const char *arguments[] = {"INFO", "server", "raft", "persistence"};
    redisContext *context = ctl_connect(target, error, CTL_ERROR_BYTES);
    if (context == NULL) {
        return NULL;
    }
    redisReply *info = ctl_call(context, ANSWER_SECONDS, 4, arguments, error);
    redisFree(context);
    if (info != NULL && info->type != REDIS_REPLY_STRING) {
        copy_text(error, CTL_ERROR_BYTES, "answers INFO as no server of this kind does");
        freeReplyObject(info);
        info = NULL;
    }
    return info;
}

static void ask_member(struct ctl_node *node, const char *password)
{
    struct ctl_target target = {.password = password};
    if (!ctl_target_set_address(&target, node->member.redis)) {
        copy_text(node->error, sizeof(node->error), "its Redis address is not known");
        return;
    }
    redisReply *info = ask(&target, node->error);
    if (info != NULL) {
        ctl_survey_read_node(info->str, node);
        freeReplyObject(info);
    }
}

/* Reads the members, and adds the node that was asked if it is none of them. */
static void read_members(const char *info, const struct ctl_target *asked, struct ctl_survey *out)
{
    struct ctl_member members[LIMIT_MEMBERS];
    char self[LIMIT_NODE_NAME_BYTES];
    (void)ctl_info_value(info, "raft_cluster_id", out->cluster_id, sizeof(out->cluster_id));
    (void)ctl_info_value(info, "raft_node_id", self, sizeof(self));
    out->nodes_count = ctl_info_members(info, members);
    bool is_member = false;
    for (int i = 0; i < out->nodes_count; i++) {
        out->nodes[i] = (struct ctl_node){.member = members[i]};
        if (strcmp(members[i].id, self) == 0) {
            is_member = true;
            ctl_survey_read_node(info, &out->nodes[i]); /* It has just answered. */
        }
    }
    if (!is_member) {
        struct ctl_node *node = &out->nodes[out->nodes_count++];
        *node = (struct ctl_node){.member = {.role = "none"}};
        copy_text(node->member.id, sizeof(node->member.id), self);
        (void)snprintf(node->member.redis, sizeof(node->member.redis), "%.255s:%d", asked->host,
                       asked->port);
        ctl_survey_read_node(info, node);
    }
}

bool ctl_survey_take(const struct ctl_target *targets, int targets_count, struct ctl_survey *out)
{
    *out = (struct ctl_survey){.leader = -1};
    const struct ctl_target *asked = targets;
    redisReply *info = NULL;
    for (int i = 0; i < targets_count && info == NULL; i++) {
        char error[CTL_ERROR_BYTES];
        asked = &targets[i];
        info = ask(asked, error);
        if (info == NULL) {
            (void)ctl_complain(asked, error);
        }
    }
    if (info == NULL) {
        return false;
    }
    read_members(info->str, asked, out);
    freeReplyObject(info);
    for (int i = 0; i < out->nodes_count; i++) {
        if (!out->nodes[i].is_reachable) {
            ask_member(&out->nodes[i], asked->password);
        }
    }
    ctl_survey_judge(out);
    return true;
}
