/* suite.h -- the integration tests, each a function over a cluster of real processes.
 *
 * A test gets a cluster of three nodes. Tests of the shared kind get one that runs and is left
 * running for the others: they do not stop its nodes, and their keys have a prefix of their own.
 * The rest get one that is prepared but not started; it ends with the test.
 */
#ifndef QUORUM_TESTS_INTEGRATION_SUITE_H
#define QUORUM_TESTS_INTEGRATION_SUITE_H

#include "lib/cluster.h"

/* http.c */
void test_http_examples(struct cluster *cluster);
void test_http_errors(struct cluster *cluster);
void test_every_node_answers_and_agrees(struct cluster *cluster);

/* clients.c */
void test_local_reads(struct cluster *cluster);
void test_connection_commands(struct cluster *cluster);
void test_client_kill(struct cluster *cluster);
void test_big_and_binary(struct cluster *cluster);
void test_password(struct cluster *cluster);
void test_limits(struct cluster *cluster);

/* streams.c */
void test_bytes_one_by_one(struct cluster *cluster);
void test_long_pipeline(struct cluster *cluster);
void test_replies_stay_with_their_client(struct cluster *cluster);

/* kills.c */
void test_leader_killed_under_writers(struct cluster *cluster);

/* restarts.c */
void test_restart_of_one_two_all(struct cluster *cluster);
void test_rolling_restart_under_load(struct cluster *cluster);
void test_stop_hands_leadership_over(struct cluster *cluster);
void test_cluster_of_one(struct cluster *cluster);
void test_members_by_address_alone(struct cluster *cluster);

/* pauses.c */
void test_paused_leader(struct cluster *cluster);
void test_disconnect_in_flight(struct cluster *cluster);

/* majority.c */
void test_majority_lost(struct cluster *cluster);

/* expiry.c */
void test_expiry_is_the_same_everywhere(struct cluster *cluster);
void test_expiry_while_a_follower_sleeps(struct cluster *cluster);
void test_stepped_wall_clock(struct cluster *cluster);

/* strangers.c */
void test_other_cluster(struct cluster *cluster);
void test_new_cluster_of_same_names(struct cluster *cluster);
void test_stranger_and_duplicate(struct cluster *cluster);
void test_wrong_data_directory(struct cluster *cluster);

/* damage.c */
void test_damaged_row(struct cluster *cluster);
void test_damaged_wal(struct cluster *cluster);

#endif
