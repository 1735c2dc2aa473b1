/* test_growth.c -- a cluster grows from one to three to five and shrinks to three again while
 * clients write on all of its nodes: every acknowledged write is kept, every reply judged
 * (sim_client.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/unit.h"
#include "sim/sim_client.h"

enum { NODES = 5, SEEDS = 20, REPLIES_MIN = 100 };

static struct sim sim;
static struct lab_client oper;

static void act(void)
{
    lab_run_for(&sim.lab, 5);
    for (uint32_t i = 0; i < sim.clients_count; i++) {
        struct sim_client *client = &sim.clients[i];
        sim_client_check_waits(client);
        if (!sim.is_calm && sim.lab.now_ms >= client->next_ms) {
            sim_client_act(client);
        }
    }
}

static void go_on(uint64_t ms)
{
    uint64_t end_ms = sim.lab.now_ms + ms;
    while (sim.lab.now_ms < end_ms && sim.lab.failures == 0) {
        act();
    }
}

/* Says it to a live member until it is done: a change may meet the one before. */
static void change(const char *words)
{
    for (int i = 0; i < 20 && sim.lab.failures == 0; i++) {
        struct lab_node *leader = lab_leader(&sim.lab);
        if (leader == NULL) {
            go_on(100);
            continue;
        }
        lab_client_deinit(&oper);
        lab_client_open(&oper, leader, NULL);
        lab_client_say(&oper, words);
        go_on(700);
        const char *reply = lab_client_hear(&oper, 0);
        if (reply[0] == ':' || strncmp(reply, "-NOMEMBER ", 10) == 0) {
            return;
        }
    }
    lab_fail(&sim.lab, "%s is never done", words);
}

static void check_voters(uint32_t wanted)
{
    go_on(1000);
    uint32_t voters = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        struct replica_status status;
        if (sim.lab.nodes[i].replica != NULL) {
            replica_get_status(sim.lab.nodes[i].replica, &status);
            voters += status.raft.is_voter;
        }
    }
    if (voters != wanted) {
        lab_fail(&sim.lab, "%u voters in place of %u", voters, wanted);
    }
}

static void add(uint32_t number)
{
    char words[64];
    lab_start(&sim.lab.nodes[number]);
    (void)snprintf(words, sizeof(words), "QUORUM ADD node-%u 10.0.0.%u:9000", number + 1,
                   number + 1);
    change(words);
}

/* The leader first, and then another. */
static void remove_leader(void)
{
    char words[64];
    struct lab_node *leader = lab_run_to_leader(&sim.lab, 3000);
    if (leader == NULL) {
        lab_fail(&sim.lab, "nobody leads");
        return;
    }
    (void)snprintf(words, sizeof(words), "QUORUM REMOVE node-%u", leader->number + 1);
    change(words);
    go_on(1000);
    lab_crash(leader); /* as an operator does then */
}

static void open_sim(uint64_t seed)
{
    sim = (struct sim){.clients_count = SIM_CLIENTS_MAX, .request_timeout_ms = 2000};
    prng_init(&sim.prng, seed);
    struct lab_options options = {.nodes_count = NODES,
                                  .members_count = 1,
                                  .seed = seed,
                                  .request_timeout_ms = (uint32_t)sim.request_timeout_ms};
    options.snapshot.log_entries = 20 + prng_below(&sim.prng, 500);
    lab_open(&sim.lab, &options);
    for (uint32_t i = 0; i < sim.clients_count; i++) {
        sim.clients[i].sim = &sim;
        sim.clients[i].number = i;
    }
}

static void close_sim(void)
{
    sim.is_calm = true;
    go_on(4000);
    struct lab_node *leader = lab_run_to_leader(&sim.lab, 3000);
    if (leader == NULL) {
        lab_fail(&sim.lab, "nobody leads in the end");
    }
    for (uint32_t i = 0; i < sim.clients_count; i++) {
        if (leader != NULL && sim.lab.failures == 0) {
            sim_client_check_end(&sim.clients[i], leader);
        }
        lab_client_deinit(&sim.clients[i].client);
    }
    lab_client_deinit(&oper);
    CU_ASSERT_TRUE(sim.replies >= REPLIES_MIN);
    CU_ASSERT_EQUAL(sim.lab.failures, 0);
    lab_close(&sim.lab);
}

UNIT_TEST(replica_growth, from_one_to_three_to_five_to_three_under_load)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        open_sim(seed);
        go_on(1000);
        add(1);
        add(2);
        check_voters(3);
        add(3);
        add(4);
        check_voters(5);
        remove_leader();
        remove_leader();
        check_voters(3);
        close_sim();
    }
}
