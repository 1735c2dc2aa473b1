/* snapshot_lab.c -- common steps of the tests of snapshots. */
#include "unit/replica/snapshot_lab.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/unit.h"
#include "replica/replica_internal.h"

struct lab_node *snapshot_lab_open(struct lab *lab, uint32_t nodes_count, uint64_t seed,
                                   uint64_t log_entries)
{
    struct lab_options options = {.nodes_count = nodes_count, .seed = seed};
    options.request_timeout_ms = 5000;
    options.snapshot.log_entries = log_entries;
    options.snapshot.log_bytes = 100000;
    options.snapshot.trailing_bytes = 1000;
    lab_open(lab, &options);
    struct lab_node *leader = lab_run_to_leader(lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    return leader;
}

void snapshot_lab_close(struct lab *lab)
{
    CU_ASSERT_EQUAL(lab->failures, 0);
    lab_close(lab);
}

struct lab_node *snapshot_lab_open_with(struct lab *lab, struct lab_client *client,
                                        uint32_t nodes_count, uint64_t seed)
{
    struct lab_node *leader = snapshot_lab_open(lab, nodes_count, seed, 50);
    *client = (struct lab_client){0};
    lab_client_open(client, leader, NULL);
    return leader;
}

void snapshot_lab_close_with(struct lab *lab, struct lab_client *client)
{
    lab_client_deinit(client);
    snapshot_lab_close(lab);
}

void snapshot_lab_write(struct lab_client *client, uint32_t first, uint32_t last)
{
    char words[160];
    for (uint32_t i = first; i <= last; i++) {
        (void)snprintf(words, sizeof(words), "SET key:%u %0100u", i, i);
        lab_client_say(client, words);
        uint32_t replies = client->replies_count;
        for (uint32_t ms = 0; ms < 2000 && client->replies_count == replies; ms++) {
            lab_run_for(client->node->lab, 1);
        }
    }
}

uint64_t snapshot_lab_digest(struct lab_node *node)
{
    return keyspace_content_hash(node->replica->keyspace);
}

struct replica_status snapshot_lab_status(struct lab_node *node)
{
    struct replica_status status;
    replica_get_status(node->replica, &status);
    return status;
}

static bool is_converged(struct lab *lab)
{
    struct lab_node *first = NULL;
    for (uint32_t i = 0; i < lab->nodes_count; i++) {
        struct lab_node *node = &lab->nodes[i];
        if (!lab_is_live(node)) {
            continue;
        }
        first = first == NULL ? node : first;
        struct replica_status status = snapshot_lab_status(node);
        struct replica_status expected = snapshot_lab_status(first);
        if (status.applied_index != expected.applied_index ||
            status.applied_index != status.raft.last_index ||
            snapshot_lab_digest(node) != snapshot_lab_digest(first)) {
            return false;
        }
    }
    return lab_leader(lab) != NULL;
}

bool snapshot_lab_converge(struct lab *lab, uint64_t max_ms)
{
    uint64_t until_ms = lab->now_ms + max_ms;
    while (lab->now_ms < until_ms && !is_converged(lab)) {
        lab_run_for(lab, 20);
    }
    return is_converged(lab);
}

struct lab_node *snapshot_lab_leave_behind(struct lab *lab, struct lab_client *client)
{
    struct lab_node *follower = lab_follower(lab);
    lab_isolate(follower);
    snapshot_lab_write(client, 1, 200);
    uint64_t last_index = snapshot_lab_status(follower).raft.last_index;
    CU_ASSERT_TRUE(snapshot_lab_status(client->node).raft.first_index > last_index + 1);
    return follower;
}

void snapshot_lab_start(struct lab_node *node)
{
    lab_start(node);
    for (uint32_t i = 0; i < node->lab->nodes_count; i++) {
        struct lab_node *other = &node->lab->nodes[i];
        if (other != node && lab_is_live(other)) {
            lab_begin_turn(other);
            replica_on_peer_unreachable(other->replica, lab_id(node->number));
            replica_on_peer_connected(other->replica, lab_id(node->number));
        }
    }
}

void snapshot_lab_restart(struct lab_node *node)
{
    lab_crash(node);
    snapshot_lab_start(node);
}

const char *snapshot_lab_ask(struct lab_node *node, const char *words, uint64_t ms)
{
    static char heard[4096];
    struct lab_client client = {0};
    lab_client_open(&client, node, NULL);
    lab_client_say(&client, words);
    (void)snprintf(heard, sizeof(heard), "%s", lab_client_hear(&client, ms));
    lab_client_deinit(&client);
    return heard;
}
