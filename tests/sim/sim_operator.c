/* sim_operator.c -- an operator in the randomized simulation. */
#include "sim/sim_operator.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    PAUSE_MS_MAX = 250,
    CALM_PAUSE_MS_MAX = 50,
    ANSWER_SLACK_MS = 250,
};

static uint64_t below(struct sim_operator *oper, uint64_t bound)
{
    return prng_below(&oper->sim->prng, bound);
}

static bool begins_with(struct slice text, const char *begin)
{
    return text.size >= strlen(begin) && memcmp(text.bytes, begin, strlen(begin)) == 0;
}

static void on_reply(struct lab_client *client, struct slice reply)
{
    static const char *const refusals[] = {
        "-MEMBEREXISTS ", "-CHANGING ", "-NOMEMBER ",      "-LASTVOTER ",
        "-NOTCAUGHTUP ",  "-NOQUORUM ", "-TOOMANYMEMBERS", "-CLUSTERDOWN ",
    };
    struct sim_operator *oper = client->context;
    oper->is_waiting = false;
    if (begins_with(reply, ":") || begins_with(reply, "+OK")) {
        oper->done++;
        return;
    }
    if (begins_with(reply, "-UNKNOWN ")) {
        oper->unknown++;
        return;
    }
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (begins_with(reply, refusals[i])) {
            oper->refused++;
            return;
        }
    }
    lab_fail(&oper->sim->lab, "%s answered %.*s", oper->words, (int)reply.size,
             (const char *)reply.bytes);
}

static void on_closed(struct lab_client *client)
{
    struct sim_operator *oper = client->context;
    oper->is_waiting = false;
}

static void connect_somewhere(struct sim_operator *oper)
{
    static const struct lab_client_hooks hooks = {.on_reply = on_reply, .on_closed = on_closed};
    struct lab *lab = &oper->sim->lab;
    struct lab_node *node = &lab->nodes[below(oper, lab->nodes_count)];
    if (oper->sim->is_calm) {
        node = lab_leader(lab);
    }
    if (node == NULL || !lab_is_live(node)) {
        return;
    }
    lab_client_deinit(&oper->client);
    oper->client.context = oper;
    lab_client_open(&oper->client, node, &hooks);
}

static void say(struct sim_operator *oper)
{
    oper->sim->lab.faults.counts[LAB_MEMBERS_CHANGED]++;
    const struct lab_node *node = oper->client.node;
    oper->is_waiting = true;
    oper->sent_ms = oper->sim->lab.now_ms;
    oper->sent_paused_ms = node->paused_ms;
    lab_client_say(&oper->client, oper->words);
}

static void say_add(struct sim_operator *oper, uint32_t number, bool as_learner)
{
    as_learner = as_learner || number >= SIM_VOTERS_MAX;
    (void)snprintf(oper->words, sizeof(oper->words), "QUORUM ADD node-%u 10.0.0.%u:9000%s",
                   number + 1, number + 1, as_learner ? " LEARNER" : "");
    say(oper);
}

static void say_of(struct sim_operator *oper, const char *what, uint32_t number)
{
    (void)snprintf(oper->words, sizeof(oper->words), "QUORUM %s node-%u", what, number + 1);
    say(oper);
}

static void change_something(struct sim_operator *oper)
{
    uint32_t number = (uint32_t)below(oper, oper->sim->lab.nodes_count);
    const struct raft_configuration *configuration =
        replica_configuration(oper->client.node->replica);
    const struct raft_member *member = raft_configuration_find(configuration, lab_id(number));
    uint64_t dice = below(oper, 10);
    if (member == NULL) {
        say_add(oper, number, dice < 3);
    } else if (dice < 2 || oper->sim->is_mending) {
        /* Of two voters none may lose its disk: nothing is removed until that is past. */
        say_of(oper, "TRANSFER", number);
    } else if (member->role != RAFT_VOTER && number < SIM_VOTERS_MAX && dice < 7) {
        say_of(oper, "PROMOTE", number);
    } else {
        say_of(oper, "REMOVE", number);
    }
}

/* The first node that is no voter is made one. */
static void restore_something(struct sim_operator *oper)
{
    const struct raft_configuration *configuration =
        replica_configuration(oper->client.node->replica);
    for (uint32_t i = 0; i < oper->sim->lab.nodes_count; i++) {
        const struct raft_member *member = raft_configuration_find(configuration, lab_id(i));
        if (member == NULL) {
            say_add(oper, i, false);
            return;
        }
        if (member->role == RAFT_LEARNER && i < SIM_VOTERS_MAX) {
            say_of(oper, "PROMOTE", i);
            return;
        }
    }
}

static void check_wait(struct sim_operator *oper)
{
    const struct lab_node *node = oper->client.node;
    uint64_t waited_ms = oper->sim->lab.now_ms - oper->sent_ms;
    waited_ms = lab_by_clock_of(node, waited_ms - (node->paused_ms - oper->sent_paused_ms));
    if (!node->is_paused && waited_ms > oper->sim->request_timeout_ms + ANSWER_SLACK_MS) {
        lab_fail(&oper->sim->lab, "%s on node %u has waited for %" PRIu64 " ms", oper->words,
                 node->number + 1, waited_ms);
    }
}

void sim_operator_act(struct sim_operator *oper)
{
    struct sim *sim = oper->sim;
    if (oper->is_idle) {
        return;
    }
    if (oper->is_waiting) {
        check_wait(oper);
        return;
    }
    if (sim->lab.now_ms < oper->next_ms) {
        return;
    }
    oper->next_ms =
        sim->lab.now_ms + 1 + below(oper, sim->is_calm ? CALM_PAUSE_MS_MAX : PAUSE_MS_MAX);
    bool is_connected = oper->client.session != NULL;
    bool has_to_move = sim->is_calm && oper->client.node != lab_leader(&sim->lab);
    if (!is_connected || has_to_move || below(oper, 4) == 0) {
        connect_somewhere(oper);
    } else if (lab_is_live(oper->client.node)) {
        if (sim->is_calm) {
            restore_something(oper);
        } else {
            change_something(oper);
        }
    }
}

void sim_operator_check_end(struct sim_operator *oper)
{
    struct lab *lab = &oper->sim->lab;
    for (uint32_t i = 0; i < lab->nodes_count && !oper->is_idle; i++) {
        struct replica_status status;
        replica_get_status(lab->nodes[i].replica, &status);
        if (i < SIM_VOTERS_MAX ? !status.raft.is_voter : !status.raft.is_member) {
            lab_fail(lab, "node %u is no voter or learner in the end, but %s", i + 1,
                     status.role_text);
        }
    }
    if (oper->is_waiting) {
        lab_fail(lab, "%s waits in the end", oper->words);
    }
}
