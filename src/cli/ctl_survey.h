/* ctl_survey.h -- asking every node of a cluster what it says of itself.
 *
 * What a node says may be old the moment it is read; two leaders of different terms are a leader
 * and one that has not yet heard of it.
 */
#ifndef QUORUM_CLI_CTL_SURVEY_H
#define QUORUM_CLI_CTL_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/ctl.h"
#include "cli/ctl_info.h"

/* What is not known of a node. */
#define CTL_UNKNOWN UINT64_MAX

struct ctl_node {
    struct ctl_member member;           /* as the node that was asked first lists it */
    bool is_reachable;                  /* what follows is known */
    char error[CTL_ERROR_BYTES];        /* why not */
    char role[16];                      /* leader, follower, candidate; learner, joining, removed */
    char leader[LIMIT_NODE_NAME_BYTES]; /* whom it takes for the leader; "": nobody */
    char version[32];
    uint64_t term;
    uint64_t last_index;
    uint64_t commit_index;
    uint64_t applied_index;
    uint64_t snapshot_index;
};

struct ctl_survey {
    char cluster_id[2 * 16 + 1];              /* hexadecimal; "": no node answered */
    struct ctl_node nodes[LIMIT_MEMBERS + 1]; /* the one asked may be none of its own members */
    int nodes_count;
    int leader;          /* in nodes; -1: no node says that it is */
    int voters;          /* of the configuration */
    int followers_of_it; /* voters that answer and take that node for the leader, it included */
};

/* Fills node from a node's INFO server, raft and persistence; member stays. */
void ctl_survey_read_node(const char *info, struct ctl_node *node);

/* Finds leader, voters and followers_of_it, from nodes. */
void ctl_survey_judge(struct ctl_survey *survey);

/* Whether there is a leader that a majority of the voters follows. */
bool ctl_survey_is_well(const struct ctl_survey *survey);

/* Entries known to be committed that the node has not applied; CTL_UNKNOWN when it is not. */
uint64_t ctl_survey_lag(const struct ctl_survey *survey, const struct ctl_node *node);

/* Asks the first of the targets that answers who the members are, and then each. False, with the
 * causes on standard error, when none answers. */
bool ctl_survey_take(const struct ctl_target *targets, int targets_count, struct ctl_survey *out);

#endif
