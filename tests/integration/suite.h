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

/* monitors.c */
void test_monitors(struct cluster *cluster);
void test_monitor_that_does_not_read(struct cluster *cluster);

/* streams.c */
void test_bytes_one_by_one(struct cluster *cluster);
void test_long_pipeline(struct cluster *cluster);
void test_replies_stay_with_their_client(struct cluster *cluster);

/* types.c */
void test_picks_are_the_same_everywhere(struct cluster *cluster);
void test_elements_are_the_same_everywhere(struct cluster *cluster);
void test_elements_survive_a_restart(struct cluster *cluster);
void test_transactions_on_every_node(struct cluster *cluster);
void test_transactions_while_the_leader_is_killed(struct cluster *cluster);

/* pubsub.c */
void test_messages_come_in_one_order_everywhere(struct cluster *cluster);
void test_messages_outlast_the_leader(struct cluster *cluster);
void test_a_subscriber_that_does_not_read_is_cut_off(struct cluster *cluster);

/* blocked.c */
void test_waiters_on_every_node_get_each_element_once(struct cluster *cluster);
void test_nothing_is_popped_for_who_left(struct cluster *cluster);
void test_a_wait_outlasts_the_leader(struct cluster *cluster);

/* kills.c */
uint32_t kills_wanted(uint32_t otherwise); /* KILLS of the environment */
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

/* chaos.c */
void test_chaos(struct cluster *cluster);

/* damage.c */
void test_damaged_row_alone(struct cluster *cluster);
void test_damaged_files_alone(struct cluster *cluster);
void test_damaged_row(struct cluster *cluster);
void test_damaged_wal(struct cluster *cluster);
void test_cut_wal(struct cluster *cluster);
void test_removed_files(struct cluster *cluster);

/* members.c */
void test_grow_shrink_replace(struct cluster *cluster);
void test_leader_removes_itself(struct cluster *cluster);
void test_removed_node(struct cluster *cluster);
void test_majority_is_kept(struct cluster *cluster);
void test_second_never_comes(struct cluster *cluster);
void test_rapid_add_and_remove(struct cluster *cluster);
void test_kills_in_changes(struct cluster *cluster);
void test_join(struct cluster *cluster);

/* members_refused.c */
void test_refused_changes(struct cluster *cluster);
void test_quorum_command(struct cluster *cluster);

/* recovery.c */
void test_recover(struct cluster *cluster);
void test_backup_and_restore(struct cluster *cluster);
void test_verify(struct cluster *cluster);
void test_status(struct cluster *cluster);

/* snapshots.c */
void test_saving(struct cluster *cluster);
void test_log_is_bounded(struct cluster *cluster);
void test_start_equals_live(struct cluster *cluster);
void test_kills_while_saving(struct cluster *cluster);

/* transfer.c */
void test_far_behind_under_writers(struct cluster *cluster);
void test_slow_transfer_under_load(struct cluster *cluster);
void test_two_far_behind(struct cluster *cluster);
void test_transfer_resumes(struct cluster *cluster);
void test_transfer_over_spoilt_wire(struct cluster *cluster);
void test_spoilt_copy(struct cluster *cluster);
void test_kills_in_transfer(struct cluster *cluster);
void test_stops_in_transfer(struct cluster *cluster);

/* ways_back.c */
void test_wiped_node(struct cluster *cluster);
void test_wiped_node_does_not_count(struct cluster *cluster);
void test_old_image(struct cluster *cluster);
void test_old_image_does_not_count(struct cluster *cluster);
void test_old_image_after_the_leader(struct cluster *cluster);

/* diverged.c */
void test_divergence(struct cluster *cluster);

/* disks.c */
void test_nearly_full_disk(struct cluster *cluster);
void test_all_disks_nearly_full(struct cluster *cluster);
void test_full_disk(struct cluster *cluster);
void test_start_on_full_disk(struct cluster *cluster);
void test_slow_disk(struct cluster *cluster);

#endif
