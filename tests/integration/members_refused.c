/* members_refused.c -- QUORUM and /cluster/add, /cluster/remove to the field, on every node, and
 * what they refuse (faults M2, M10, M12).
 */
#include <stdio.h>
#include <string.h>

#include "integration/membership.h"
#include "integration/suite.h"
#include "lib/check.h"
#include "lib/http_client.h"
#include "lib/redis_client.h"
#include "lib/tcp_proxy.h"

#define REFUSED "{\"ok\":false,\"error\":\""

static void try_bad_changes(const struct cluster *cluster, uint32_t node)
{
    uint16_t port = cluster->nodes[node].http_port;
    char json[128];
    expect_get(port, "/cluster/add", 405, REFUSED "use POST\"}");
    expect_get(port, "/cluster/remove", 405, REFUSED "use POST\"}");
    expect_post_like(port, "/cluster/add", "{\"nodeId\":", 400, REFUSED "invalid JSON");
    expect_post_like(port, "/cluster/remove", "[]", 400, REFUSED "invalid JSON");
    expect_post_like(port, "/cluster/add", "{\"nodeId\":4,\"raftAddr\":\"localhost:1\"}", 400,
                     REFUSED "invalid JSON");
    expect_post(port, "/cluster/add", "{\"nodeId\":\"node-4\"}", 400,
                REFUSED "nodeId and raftAddr required\"}");
    expect_post(port, "/cluster/add", "{\"raftAddr\":\"localhost:9004\"}", 400,
                REFUSED "nodeId and raftAddr required\"}");
    expect_post(port, "/cluster/remove", "{}", 400, REFUSED "nodeId required\"}");
    expect_post_like(port, "/cluster/add", "{\"nodeId\":\"node-4\",\"raftAddr\":\"nonsense\"}", 400,
                     REFUSED);
    expect_post_like(port, "/cluster/add", "{\"nodeId\":\"a b\",\"raftAddr\":\"localhost:9004\"}",
                     400, REFUSED);
    expect_post_like(port, "/cluster/remove", "{\"nodeId\":\"node-9\"}", 404, REFUSED "NOMEMBER");
    (void)snprintf(json, sizeof(json), "{\"nodeId\":\"node-1\",\"raftAddr\":\"localhost:%u\"}",
                   cluster_free_port());
    expect_post_like(port, "/cluster/add", json, 409, REFUSED "MEMBEREXISTS");
    /* A member at the address that it has: nothing to do, and that is no error. */
    (void)snprintf(json, sizeof(json), "{\"nodeId\":\"node-1\",\"raftAddr\":\"127.0.0.1:%u\"}",
                   cluster->nodes[0].raft_port);
    expect_post_like(port, "/cluster/add", json, 200, "{\"ok\":true,\"index\":");
}

static void try_bad_commands(const struct cluster *cluster, uint32_t node)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    expect_error(client, "ERR", "QUORUM");
    expect_error(client, "ERR", "QUORUM NONSENSE");
    expect_error(client, "ERR", "QUORUM ADD node-4");
    expect_error(client, "ERR", "QUORUM ADD node-4 nonsense");
    expect_error(client, "ERR", "QUORUM ADD node-4 localhost:9004 NONSENSE");
    expect_error(client, "MEMBEREXISTS", "QUORUM ADD node-2 localhost:%u", cluster_free_port());
    expect_error(client, "NOMEMBER", "QUORUM REMOVE node-9");
    expect_error(client, "NOMEMBER", "QUORUM PROMOTE node-9");
    expect_error(client, "NOMEMBER", "QUORUM TRANSFER node-9");
    expect_error(client, "NOMEMBER", "QUORUM ADDRESSES node-9 RAFT localhost:9004");
    redisFree(client);
}

void test_refused_changes(struct cluster *cluster)
{
    (void)cluster_wait_leader(cluster);
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        try_bad_changes(cluster, node);
        try_bad_commands(cluster, node);
        expect_get_like(cluster->nodes[node].http_port, "/cluster/members", 200,
                        "{\"members\":[\"node-1\",\"node-2\",\"node-3\"]");
    }
}

/* ---- What is done ---- */

static void wait_leader_is(struct cluster *cluster, uint32_t node)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (cluster_wait_leader(cluster) != node) {
        CHECK(check_now_ms() < end_ms);
    }
}

/* Leadership goes to every node in turn, asked for at another one. */
static void try_transfer(struct cluster *cluster)
{
    for (uint32_t node = 0; node < 3; node++) {
        redisContext *client = redis_client_open(cluster->nodes[(node + 1) % 3].redis_port);
        expect(client, "+OK", "QUORUM TRANSFER node-%u", node + 1);
        wait_leader_is(cluster, node);
        expect(client, "+OK", "SET transfer:%u done", node);
        redisFree(client);
    }
    redisContext *client = redis_client_open(cluster->nodes[0].redis_port);
    expect(client, "+OK", "QUORUM TRANSFER");
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (cluster_wait_leader(cluster) == 2) {
        CHECK(check_now_ms() < end_ms);
    }
    redisFree(client);
}

/* A learner that stays one until it is promoted by hand; then removed again. */
static void try_learner(struct cluster *cluster)
{
    char role[MEMBER_ROLE_BYTES] = "";
    uint32_t fourth = cluster_add_node(cluster, 0);
    redisContext *client = redis_client_open(cluster->nodes[1].redis_port);
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    CHECK(redis_client_integer(client, "QUORUM ADD node-4 127.0.0.1:%u LEARNER",
                               cluster->nodes[fourth].raft_port) > 0);
    cluster_restart(cluster, fourth);
    expect(client, "+OK", "SET learner:key value");
    redisContext *own = redis_client_open(cluster->nodes[fourth].redis_port);
    expect(own, "\"value\"", "GET learner:key");
    expect(own, "+OK", "SET learner:key other"); /* every node answers everything */
    member_role(cluster, 2, fourth, role);
    CHECK(strcmp(role, "learner") == 0);
    expect_get_like(cluster->nodes[fourth].http_port, "/status", 200, "\"state\":\"Learner\"");
    redisReply *reply = redis_client_call(client, "QUORUM PROMOTE node-4");
    while (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOTCAUGHTUP", 11) == 0) {
        CHECK(check_now_ms() < end_ms);
        freeReplyObject(reply);
        reply = redis_client_call(client, "QUORUM PROMOTE node-4");
    }
    if (reply->type != REDIS_REPLY_INTEGER) {
        FAIL("QUORUM PROMOTE is answered %s", redis_client_show(reply));
    }
    freeReplyObject(reply);
    member_wait_voter(cluster, 1, fourth);
    cluster_check_agreement(cluster);
    member_remove(cluster, fourth, fourth);
    member_wait_removed(cluster, fourth);
    redisFree(own);
    redisFree(client);
}

/* A member moves: from here on the others come through a proxy. */
static void try_addresses(struct cluster *cluster)
{
    struct tcp_proxy *proxy = tcp_proxy_start(cluster->nodes[2].raft_port);
    char address[64];
    redisContext *client = redis_client_open(cluster->nodes[1].redis_port);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", tcp_proxy_port(proxy));
    CHECK(redis_client_integer(client, "QUORUM ADDRESSES node-3 RAFT %s HTTP h:1 REDIS r:1",
                               address) > 0);
    cluster_check_agreement(cluster);
    for (uint32_t node = 0; node < 3; node++) {
        expect_get_like(cluster->nodes[node].http_port, "/cluster/members", 200, address);
        expect_get_like(cluster->nodes[node].http_port, "/cluster/members", 200, "\"h:1\"");
    }
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (tcp_proxy_bytes(proxy) == 0) {
        CHECK(check_now_ms() < end_ms);
        expect(client, "+OK", "SET addresses moved");
        check_sleep_ms(10);
    }
    redisFree(client);
    cluster_check_agreement(cluster);
    tcp_proxy_cut(proxy);
    cluster_check_agreement(cluster);
}

void test_quorum_command(struct cluster *cluster)
{
    cluster_add_option(cluster, "--election-timeout-min=500");
    cluster_add_option(cluster, "--election-timeout-max=1000");
    cluster_start(cluster);
    try_transfer(cluster);
    try_learner(cluster);
    try_addresses(cluster);
}
