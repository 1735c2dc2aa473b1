/* test_ctl_survey.c -- what INFO says, and what it means for the cluster. */
#include "cli/ctl_survey.h"

#include <stdio.h>
#include <string.h>

#include "cli/ctl_info.h"
#include "lib/unit.h"

static const char info[] =
    "# Server\r\nquorum_version:0.1.0\r\n\r\n# Raft\r\nraft_node_id:a\r\nraft_role:follower\r\n"
    "raft_leader_id:b\r\nraft_term:7\r\nraft_commit_index:100\r\nraft_applied_index:98\r\n"
    "raft_last_index:101\r\nraft_nodes:3\r\n"
    "node0:id=a,role=voter,raft=h:1,http=h:2,redis=h:3\r\n"
    "node1:id=b,role=voter,raft=h:4,http=,redis=h:6,match=99,reachable=1\r\n"
    "node2:id=c,role=learner,raft=h:7,http=,redis=\r\n"
    "\r\n# Persistence\r\nsnapshot_index:50\r\n";

UNIT_TEST(ctl_info, finds_lines_by_their_whole_key)
{
    char value[16];
    CU_ASSERT_TRUE(ctl_info_value(info, "raft_term", value, sizeof(value)));
    CU_ASSERT_STRING_EQUAL(value, "7");
    CU_ASSERT_FALSE(ctl_info_value(info, "raft_ter", value, sizeof(value)));
    CU_ASSERT_STRING_EQUAL(value, "");
    CU_ASSERT_FALSE(ctl_info_value(info, "term", value, sizeof(value)));
    CU_ASSERT_EQUAL(ctl_info_number(info, "raft_commit_index", 1), 100);
    CU_ASSERT_EQUAL(ctl_info_number(info, "raft_role", 1), 1);
    CU_ASSERT_EQUAL(ctl_info_number(info, "nothing", 2), 2);
}

UNIT_TEST(ctl_info, cuts_a_value_that_is_too_long)
{
    char value[4];
    CU_ASSERT_TRUE(ctl_info_value(info, "raft_role", value, sizeof(value)));
    CU_ASSERT_STRING_EQUAL(value, "fol");
}

UNIT_TEST(ctl_info, lists_the_members)
{
    static struct ctl_member members[LIMIT_MEMBERS];
    CU_ASSERT_EQUAL(ctl_info_members(info, members), 3);
    CU_ASSERT_STRING_EQUAL(members[0].redis, "h:3");
    CU_ASSERT_STRING_EQUAL(members[1].id, "b");
    CU_ASSERT_STRING_EQUAL(members[1].http, "");
    CU_ASSERT_STRING_EQUAL(members[1].redis, "h:6");
    CU_ASSERT_STRING_EQUAL(members[2].role, "learner");
    CU_ASSERT_STRING_EQUAL(members[2].redis, "");
    CU_ASSERT_EQUAL(ctl_info_members("raft_nodes:0\r\n", members), 0);
}

UNIT_TEST(ctl_survey, reads_what_a_node_says_of_itself)
{
    struct ctl_node node = {.member = {.role = "voter"}};
    ctl_survey_read_node(info, &node);
    CU_ASSERT_TRUE(node.is_reachable);
    CU_ASSERT_STRING_EQUAL(node.role, "follower");
    CU_ASSERT_STRING_EQUAL(node.leader, "b");
    CU_ASSERT_STRING_EQUAL(node.version, "0.1.0");
    CU_ASSERT_EQUAL(node.term, 7);
    CU_ASSERT_EQUAL(node.last_index, 101);
    CU_ASSERT_EQUAL(node.snapshot_index, 50);
    struct ctl_node learner = {.member = {.role = "learner"}};
    ctl_survey_read_node(info, &learner);
    CU_ASSERT_STRING_EQUAL(learner.role, "learner");
    ctl_survey_read_node("raft_role:leader\r\n", &learner);
    CU_ASSERT_STRING_EQUAL(learner.role, "leader");
    CU_ASSERT_EQUAL(learner.term, CTL_UNKNOWN);
}

static struct ctl_survey survey;

/* A voter that answers, in a term, in a role, and takes leader for the leader. */
static struct ctl_node *add(const char *id, const char *role, uint64_t term, const char *leader)
{
    struct ctl_node *node = &survey.nodes[survey.nodes_count++];
    *node = (struct ctl_node){.is_reachable = true, .term = term, .member = {.role = "voter"}};
    (void)snprintf(node->member.id, sizeof(node->member.id), "%s", id);
    (void)snprintf(node->role, sizeof(node->role), "%s", role);
    (void)snprintf(node->leader, sizeof(node->leader), "%s", leader);
    return node;
}

static void start(void)
{
    memset(&survey, 0, sizeof(survey));
}

UNIT_TEST(ctl_survey, a_leader_followed_by_a_majority_is_well)
{
    start();
    (void)add("a", "leader", 3, "a");
    (void)add("b", "follower", 3, "a");
    add("c", "", 0, "")->is_reachable = false;
    ctl_survey_judge(&survey);
    CU_ASSERT_EQUAL(survey.leader, 0);
    CU_ASSERT_EQUAL(survey.voters, 3);
    CU_ASSERT_EQUAL(survey.followers_of_it, 2);
    CU_ASSERT_TRUE(ctl_survey_is_well(&survey));
}

UNIT_TEST(ctl_survey, a_leader_alone_of_three_is_not_well)
{
    start();
    (void)add("a", "leader", 3, "a");
    add("b", "", 0, "")->is_reachable = false;
    add("c", "", 0, "")->is_reachable = false;
    ctl_survey_judge(&survey);
    CU_ASSERT_FALSE(ctl_survey_is_well(&survey));
}

UNIT_TEST(ctl_survey, of_two_leaders_the_one_of_the_higher_term_counts)
{
    start();
    (void)add("a", "leader", 3, "a");
    (void)add("b", "leader", 4, "b");
    (void)add("c", "follower", 4, "b");
    ctl_survey_judge(&survey);
    CU_ASSERT_EQUAL(survey.leader, 1);
    CU_ASSERT_EQUAL(survey.followers_of_it, 2);
    CU_ASSERT_TRUE(ctl_survey_is_well(&survey));
}

UNIT_TEST(ctl_survey, nodes_that_follow_somebody_who_does_not_answer_are_not_well)
{
    start();
    add("a", "", 0, "")->is_reachable = false;
    (void)add("b", "follower", 4, "a");
    (void)add("c", "follower", 4, "a");
    ctl_survey_judge(&survey);
    CU_ASSERT_EQUAL(survey.leader, -1);
    CU_ASSERT_FALSE(ctl_survey_is_well(&survey));
}

UNIT_TEST(ctl_survey, learners_make_no_majority)
{
    start();
    (void)add("a", "leader", 3, "a");
    add("b", "", 0, "")->is_reachable = false;
    struct ctl_node *learner = add("c", "learner", 3, "a");
    (void)snprintf(learner->member.role, sizeof(learner->member.role), "learner");
    ctl_survey_judge(&survey);
    CU_ASSERT_EQUAL(survey.voters, 2);
    CU_ASSERT_EQUAL(survey.followers_of_it, 1);
    CU_ASSERT_FALSE(ctl_survey_is_well(&survey));
}

UNIT_TEST(ctl_survey, lag_is_counted_from_the_highest_commit_index_anybody_knows)
{
    start();
    struct ctl_node *ahead = add("a", "leader", 3, "a");
    struct ctl_node *behind = add("b", "follower", 3, "a");
    struct ctl_node *silent = add("c", "follower", 3, "a");
    ahead->commit_index = 100;
    ahead->applied_index = 100;
    behind->commit_index = 90;
    behind->applied_index = 80;
    silent->commit_index = CTL_UNKNOWN;
    silent->applied_index = CTL_UNKNOWN;
    CU_ASSERT_EQUAL(ctl_survey_lag(&survey, ahead), 0);
    CU_ASSERT_EQUAL(ctl_survey_lag(&survey, behind), 20);
    CU_ASSERT_EQUAL(ctl_survey_lag(&survey, silent), CTL_UNKNOWN);
}
