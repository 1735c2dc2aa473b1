/* test_peer_cluster.c -- a cluster gets its name, and who is heard before, meanwhile and after. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/unit.h"
#include "net/peer_internal.h"
#include "test_peer_lab.h"

/* Clusters, by the byte that all of their id is made of. */
enum { NONE = 0, OURS = 0xC1, OTHER = 0xC2 };

static void set_name(struct peer_net *net, uint8_t cluster)
{
    uint8_t id[RAFT_CLUSTER_ID_BYTES];
    memset(id, cluster, sizeof(id));
    peer_net_set_cluster_id(net, id);
}

static struct lab *open_nameless(uint32_t count)
{
    struct lab *lab = lab_open(count);
    for (uint32_t i = 0; i < count; i++) {
        set_name(lab->nodes[i].net, NONE);
    }
    return lab;
}

/* Whether all of the node's name is that byte. */
static bool is_named(const struct lab_node *node, uint8_t cluster)
{
    uint8_t id[RAFT_CLUSTER_ID_BYTES];
    memset(id, cluster, sizeof(id));
    return peer_cluster_equals(peer_cluster_own(node->net), id);
}

/* A call of a bare client: as which node, of which cluster, and for which incarnation. */
struct call {
    uint32_t as;
    uint8_t cluster;
    uint64_t incarnation;
};

/* Calls the first node; returns the connection once the answer is here. */
static int call(struct lab *lab, struct call call, struct peer_hello *answer)
{
    struct peer_hello hello;
    uint8_t bytes[PEER_HELLO_BYTES];
    lab_raw_hello(&lab->nodes[call.as], 1, &hello);
    memset(hello.cluster_id, call.cluster, sizeof(hello.cluster_id));
    hello.incarnation = call.incarnation;
    int raw = lab_raw_connect(&lab->nodes[0]);
    lab_raw_send_hello(raw, &hello);
    CU_ASSERT(lab_raw_wait_bytes(lab, raw, bytes, sizeof(bytes)));
    CU_ASSERT_EQUAL(peer_hello_decode(bytes, answer), RESULT_OK);
    CU_ASSERT_EQUAL(answer->from, 1);
    return raw;
}

/* Whether the answer carries that cluster in all bytes. */
static bool is_of(const struct peer_hello *answer, uint8_t cluster)
{
    uint8_t id[RAFT_CLUSTER_ID_BYTES];
    memset(id, cluster, sizeof(id));
    return peer_cluster_equals(answer->cluster_id, id);
}

static void check_closed(struct lab *lab, int raw)
{
    uint8_t byte;
    size_t count = 0;
    CU_ASSERT(lab_raw_wait_closed(lab, raw, &byte, 1, &count));
    (void)close(raw);
}

/* Calls the first node, which has to refuse, and say that it is of that cluster. */
static void check_refused(struct lab *lab, struct call caller, uint8_t own)
{
    struct peer_hello answer;
    int raw = call(lab, caller, &answer);
    CU_ASSERT_EQUAL(answer.to, RAFT_ID_NONE);
    CU_ASSERT(is_of(&answer, own));
    CU_ASSERT_EQUAL(lab->nodes[0].net->identified_count, 0);
    check_closed(lab, raw);
}

/* The first node knows the second, at an address where nobody is. */
static void introduce_absent(struct lab *lab)
{
    char address[64];
    int listener = lab_raw_listen(address);
    (void)close(listener);
    lab_introduce_one(&lab->nodes[0], 2, address);
}

static bool all_named_and_connected(struct lab *lab, void *context)
{
    uint32_t count = *(const uint32_t *)context;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_named(&lab->nodes[i], OURS)) {
            return false;
        }
    }
    return lab_all_connected(lab, context);
}

/* ---- Who is let in ---- */

UNIT_TEST(peer_cluster, nameless_nodes_connect_and_stay_nameless)
{
    uint32_t count = 3;
    struct lab *lab = open_nameless(count);
    lab_introduce(lab, count);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    for (uint32_t i = 0; i < count; i++) {
        CU_ASSERT(is_named(&lab->nodes[i], NONE));
        CU_ASSERT_EQUAL(lab->nodes[i].net->stats.links_refused, 0);
    }
    lab_close(lab);
}

UNIT_TEST(peer_cluster, a_named_acceptor_refuses_a_nameless_peer_without_a_fuss)
{
    struct lab *lab = lab_open(2);
    introduce_absent(lab);
    check_refused(lab, (struct call){1, NONE, 5}, OURS);
    check_refused(lab, (struct call){1, NONE, 5}, OURS);
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "has no cluster yet"), 0); /* Below NOTICE. */
    CU_ASSERT_EQUAL(lab->nodes[0].net->stats.links_refused, 2);
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.records_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_cluster, a_nameless_acceptor_takes_the_name_of_a_peer_that_dials_it)
{
    struct lab *lab = open_nameless(2);
    introduce_absent(lab);
    struct peer_hello answer;
    int nameless = call(lab, (struct call){1, NONE, 5}, &answer);
    CU_ASSERT_EQUAL(answer.to, 2);
    CU_ASSERT(is_of(&answer, NONE));
    int named = call(lab, (struct call){1, OURS, 5}, &answer);
    CU_ASSERT_EQUAL(answer.to, 2);
    CU_ASSERT(is_of(&answer, OURS)); /* Already in this very answer. */
    check_closed(lab, nameless);
    CU_ASSERT_EQUAL(lab->nodes[0].net->identified_count, 1);
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    (void)close(named);
    lab_close(lab);
}

UNIT_TEST(peer_cluster, a_tentative_name_is_required_like_a_committed_one)
{
    struct lab *lab = open_nameless(2);
    introduce_absent(lab);
    struct peer_hello answer;
    int named = call(lab, (struct call){1, OURS, 5}, &answer);
    (void)close(named);
    lab_run(lab, 20);
    check_refused(lab, (struct call){1, NONE, 5}, OURS);
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    check_refused(lab, (struct call){1, OTHER, 5}, OURS);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "belongs to another cluster, c2c2"), 1);
    CU_ASSERT(is_named(&lab->nodes[0], OURS));
    lab_close(lab);
}

UNIT_TEST(peer_cluster, no_name_is_taken_from_a_stranger)
{
    struct lab *lab = open_nameless(3);
    introduce_absent(lab);
    check_refused(lab, (struct call){2, OURS, 5}, NONE);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "(node node-3, id 3) is not a member"), 1);
    CU_ASSERT(is_named(&lab->nodes[0], NONE));
    lab_close(lab);
}

UNIT_TEST(peer_cluster, no_name_is_taken_from_who_claims_to_be_ourselves)
{
    struct lab *lab = open_nameless(2);
    introduce_absent(lab);
    check_refused(lab, (struct call){0, OURS, lab->nodes[0].options.incarnation}, NONE);
    CU_ASSERT(is_named(&lab->nodes[0], NONE));
    lab_close(lab);
}

UNIT_TEST(peer_cluster, no_name_is_taken_during_discovery)
{
    struct lab *lab = open_nameless(2);
    check_refused(lab, (struct call){1, OURS, 5}, NONE);
    lab_introduce_one(&lab->nodes[0], RAFT_ID_NONE, lab->nodes[1].address);
    check_refused(lab, (struct call){1, OURS, 5}, NONE);
    CU_ASSERT(is_named(&lab->nodes[0], NONE));
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    lab_close(lab);
}

/* ---- Whom a dialler believes ---- */

/* The first node dials a bare server twice and gets that answer each time. */
static void check_not_taken(struct lab *lab, uint8_t own, uint8_t cluster)
{
    char address[64];
    int listener = lab_raw_listen(address);
    lab_introduce_one(&lab->nodes[0], 2, address);
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[1], 1, &hello);
    memset(hello.cluster_id, cluster, sizeof(hello.cluster_id));
    for (uint32_t i = 0; i < 2; i++) {
        int raw = lab_raw_accept(lab, listener);
        CU_ASSERT_FATAL(raw >= 0);
        uint8_t bytes[PEER_HELLO_BYTES];
        struct peer_hello said;
        CU_ASSERT(lab_raw_wait_bytes(lab, raw, bytes, sizeof(bytes)));
        CU_ASSERT_EQUAL(peer_hello_decode(bytes, &said), RESULT_OK);
        CU_ASSERT(is_of(&said, own));
        lab_raw_send_hello(raw, &hello);
        check_closed(lab, raw);
    }
    CU_ASSERT(is_named(&lab->nodes[0], own));
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.connected_count, 0);
    (void)close(listener);
}

UNIT_TEST(peer_cluster, a_nameless_dialler_neither_accepts_nor_takes_the_name_of_an_answer)
{
    struct lab *lab = open_nameless(2);
    check_not_taken(lab, NONE, OURS);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "(node node-2) belongs to cluster c1c1"), 1);
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_cluster, a_named_dialler_does_not_accept_a_nameless_answer)
{
    struct lab *lab = lab_open(2);
    check_not_taken(lab, OURS, NONE);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "(node node-2) has no cluster yet and does not know"), 1);
    lab_close(lab);
}

UNIT_TEST(peer_cluster, a_named_dialler_does_not_accept_the_answer_of_another_cluster)
{
    struct lab *lab = lab_open(2);
    check_not_taken(lab, OURS, OTHER);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "belongs to another cluster, c2c2"), 1);
    lab_close(lab);
}

static bool has_discovered_second(struct lab *lab, void *context)
{
    char *name = context;
    return peer_net_discovered(lab->nodes[0].net, lab->nodes[1].address, name) == 2;
}

UNIT_TEST(peer_cluster, who_looks_for_the_peers_ids_learns_them_from_a_named_one_too)
{
    struct lab *lab = lab_open(2);
    char name[LIMIT_NODE_NAME_BYTES] = "";
    set_name(lab->nodes[0].net, NONE);
    lab_introduce_one(&lab->nodes[1], 1, lab->nodes[0].address);
    lab_introduce_one(&lab->nodes[0], RAFT_ID_NONE, lab->nodes[1].address);
    CU_ASSERT(lab_run_until(lab, has_discovered_second, name));
    CU_ASSERT_STRING_EQUAL(name, "node-2");
    CU_ASSERT(is_named(&lab->nodes[0], NONE));
    /* What was learned is put to use: as a peer known by id it is one of them. */
    uint32_t count = 2;
    lab_introduce_one(&lab->nodes[0], 2, lab->nodes[1].address);
    CU_ASSERT(lab_run_until(lab, all_named_and_connected, &count));
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    lab_close(lab);
}

/* ---- The name changes ---- */

UNIT_TEST(peer_cluster, one_node_learns_the_name_and_all_connect_anew_under_it)
{
    uint32_t count = 3;
    struct lab *lab = open_nameless(count);
    lab_introduce(lab, count);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.connected_count, 2));
    set_name(lab->nodes[0].net, OURS);
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[0].net, 2));
    CU_ASSERT_EQUAL(lab->nodes[0].net->identified_count, 0);
    CU_ASSERT(lab_run_until(lab, all_named_and_connected, &count));
    /* As for any connection that is lost and found. */
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.unreachable_count, 2));
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.connected_count, 4));
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_cluster, a_tentative_name_that_is_committed_changes_nothing)
{
    uint32_t count = 2;
    struct lab *lab = open_nameless(count);
    lab_introduce(lab, count);
    set_name(lab->nodes[0].net, OURS);
    CU_ASSERT(lab_run_until(lab, all_named_and_connected, &count));
    lab_run(lab, 50);
    uint32_t unreachable_count = lab->nodes[1].recorder.unreachable_count;
    uint32_t connected_count = lab->nodes[1].recorder.connected_count;
    /* While the log does not say anything, that is no name which would take the place of one. */
    set_name(lab->nodes[1].net, NONE);
    CU_ASSERT(is_named(&lab->nodes[1], OURS));
    set_name(lab->nodes[1].net, OURS);
    CU_ASSERT(lab_all_connected(lab, &count));
    lab_run(lab, 50);
    CU_ASSERT(lab_all_connected(lab, &count));
    CU_ASSERT_EQUAL(lab->nodes[1].recorder.unreachable_count, unreachable_count);
    CU_ASSERT_EQUAL(lab->nodes[1].recorder.connected_count, connected_count);
    lab_close(lab);
}

UNIT_TEST(peer_cluster, another_name_than_the_tentative_one_is_committed)
{
    uint32_t count = 2;
    struct lab *lab = open_nameless(count);
    lab_introduce(lab, count);
    set_name(lab->nodes[0].net, OTHER);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    set_name(lab->nodes[1].net, OURS);
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[1].net, 1));
    CU_ASSERT_EQUAL(lab->nodes[1].net->identified_count, 0);
    set_name(lab->nodes[0].net, OURS);
    CU_ASSERT(lab_run_until(lab, all_named_and_connected, &count));
    lab_close(lab);
}

UNIT_TEST(peer_cluster, a_node_that_comes_after_the_naming_joins)
{
    uint32_t count = 3;
    struct lab *lab = lab_open(count);
    lab_introduce(lab, count);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    /* The third loses all it knows. */
    struct lab_node *late = &lab->nodes[2];
    lab_node_close(late);
    memset(late->options.cluster_id, NONE, sizeof(late->options.cluster_id));
    late->options.incarnation++;
    lab_run(lab, 20);
    lab_node_open(lab, late);
    lab_introduce(lab, count);
    CU_ASSERT(lab_run_until(lab, all_named_and_connected, &count));
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    lab_close(lab);
}

/* ---- Two of one id ---- */

UNIT_TEST(peer_cluster, a_nameless_newcomer_does_not_replace_a_live_connection)
{
    struct lab *lab = open_nameless(2);
    introduce_absent(lab);
    struct peer_hello answer;
    int older = call(lab, (struct call){1, NONE, 5}, &answer);
    CU_ASSERT_EQUAL(answer.to, 2);
    int newcomer = call(lab, (struct call){1, NONE, 6}, &answer);
    CU_ASSERT_EQUAL(answer.to, RAFT_ID_NONE);
    check_closed(lab, newcomer);
    CU_ASSERT_EQUAL(lab->nodes[0].net->identified_count, 1);
    uint8_t byte;
    CU_ASSERT_EQUAL(recv(older, &byte, 1, 0), -1); /* Open, and silent. */
    CU_ASSERT_EQUAL(lab_lines_with(lab, "Two nodes run with one id"), 1);
    /* The same process may. */
    int newer = call(lab, (struct call){1, NONE, 5}, &answer);
    CU_ASSERT_EQUAL(answer.to, 2);
    check_closed(lab, older);
    (void)close(newer);
    lab_close(lab);
}

UNIT_TEST(peer_cluster, a_nameless_newcomer_beside_a_live_member_is_reported)
{
    struct lab *lab = lab_open(2);
    introduce_absent(lab);
    struct peer_hello answer;
    int member = call(lab, (struct call){1, OURS, 5}, &answer);
    int newcomer = call(lab, (struct call){1, NONE, 6}, &answer);
    CU_ASSERT_EQUAL(answer.to, RAFT_ID_NONE);
    check_closed(lab, newcomer);
    CU_ASSERT_EQUAL(lab->nodes[0].net->identified_count, 1);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "Two nodes run with one id"), 1);
    (void)close(member);
    lab_close(lab);
}
