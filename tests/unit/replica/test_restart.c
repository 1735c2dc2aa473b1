/* test_restart.c -- a node that restarts while the cluster goes on, or while it does not. */
#include "lib/unit.h"
#include "unit/replica/snapshot_lab.h"

static struct lab lab;

/* A follower restarts at any time around its acknowledgement of an entry, the last one for long:
 * what it said before may reach the leader after that knows of the new connection. It must still be
 * told what is committed, or no client of it could read. */
UNIT_TEST(replica_restart, a_late_acknowledgement_from_before_does_not_leave_it_uncommitted)
{
    for (uint64_t ms = 0; ms < 60; ms++) {
        struct lab_node *leader = snapshot_lab_open(&lab, 3, 7 + ms, 1000);
        struct lab_node *follower = lab_follower(&lab);
        struct lab_client client = {0};
        lab_network_heal(&lab.network);
        lab.network.delay_ms_min = 5;
        lab.network.delay_ms_max = 10;
        lab_client_open(&client, leader, NULL);
        lab_client_say(&client, "SET key value");
        lab_run_for(&lab, ms);
        snapshot_lab_restart(follower);
        CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 500));
        lab_client_deinit(&client);
        snapshot_lab_close(&lab);
    }
}
