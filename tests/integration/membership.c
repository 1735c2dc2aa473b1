/* membership.c -- see membership.h. */
#include "integration/membership.h"

#include <stdio.h>
#include <string.h>

#include "lib/check.h"
#include "lib/http_client.h"
#include "lib/redis_client.h"

enum { POLL_MS = 20 };

/* A refusal that tells to try again: another change is under way, or there is no leader just now.
 */
static bool is_passing(const struct http_answer *answer)
{
    return answer->status == 503 ||
           (answer->status == 409 && strstr(answer->body, "CHANGING") != NULL);
}

static void change(const struct cluster *cluster, uint32_t through, const char *route,
                   const char *json)
{
    char line[64];
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    (void)snprintf(line, sizeof(line), "POST %s", route);
    for (;;) {
        struct http_answer answer = http_call(cluster->nodes[through].http_port, line,
                                              "Content-Type: application/json\r\n", json);
        bool is_done =
            answer.status == 200 && strstr(answer.body, "{\"ok\":true,\"index\":") != NULL;
        if (!is_done && (!is_passing(&answer) || check_now_ms() > end_ms)) {
            FAIL("'%s %s' is answered %d %s", line, json, answer.status, answer.body);
        }
        http_answer_free(&answer);
        if (is_done) {
            return;
        }
        check_sleep_ms(POLL_MS);
    }
}

void member_add(struct cluster *cluster, uint32_t through, uint32_t node)
{
    char json[256];
    (void)snprintf(json, sizeof(json), "{\"nodeId\": \"%s\", \"raftAddr\": \"127.0.0.1:%u\"}",
                   cluster->nodes[node].name, cluster->nodes[node].raft_port);
    change(cluster, through, "/cluster/add", json);
}

void member_remove(struct cluster *cluster, uint32_t through, uint32_t node)
{
    char json[128];
    (void)snprintf(json, sizeof(json), "{\"nodeId\": \"%s\"}", cluster->nodes[node].name);
    change(cluster, through, "/cluster/remove", json);
    cluster->nodes[node].is_outside = true;
}

/* The value of a field in a flat array of names and values. */
static const redisReply *find_value(const redisReply *pairs, const char *name)
{
    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        if (strcmp(pairs->element[i]->str, name) == 0) {
            return pairs->element[i + 1];
        }
    }
    FAIL("no field '%s' in %s", name, redis_client_show(pairs));
}

static redisReply *ask_members(const struct cluster *cluster, uint32_t through)
{
    redisContext *client = redis_client_open(cluster->nodes[through].redis_port);
    redisReply *members = redis_client_call(client, "QUORUM MEMBERS");
    if (members->type != REDIS_REPLY_ARRAY) {
        FAIL("QUORUM MEMBERS is answered %s", redis_client_show(members));
    }
    redisFree(client);
    return members;
}

void member_role(const struct cluster *cluster, uint32_t through, uint32_t node,
                 char role[MEMBER_ROLE_BYTES])
{
    redisReply *members = ask_members(cluster, through);
    role[0] = '\0';
    for (size_t i = 0; i < members->elements; i++) {
        const redisReply *member = members->element[i];
        if (strcmp(find_value(member, "id")->str, cluster->nodes[node].name) == 0) {
            (void)snprintf(role, MEMBER_ROLE_BYTES, "%s", find_value(member, "role")->str);
        }
    }
    freeReplyObject(members);
}

void member_wait_acknowledged(struct cluster *cluster, uint32_t leader)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    uint64_t index = cluster_get_number(cluster, leader, "raft_commit_index");
    for (bool have_all = false; !have_all;) {
        redisReply *members = ask_members(cluster, leader);
        have_all = true;
        for (size_t i = 0; i < members->elements; i++) {
            const redisReply *match = find_value(members->element[i], "match");
            have_all =
                have_all && match->type == REDIS_REPLY_INTEGER && (uint64_t)match->integer >= index;
        }
        if (!have_all && check_now_ms() > end_ms) {
            FAIL("not all acknowledge entry %llu: %s", (unsigned long long)index,
                 redis_client_show(members));
        }
        freeReplyObject(members);
    }
}

void member_wait_voter(struct cluster *cluster, uint32_t through, uint32_t node)
{
    char role[MEMBER_ROLE_BYTES] = "";
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    cluster_wait_raft_field(cluster, node, "raft_is_voting", "yes");
    while (strcmp(role, "voter") != 0) {
        if (check_now_ms() > end_ms) {
            FAIL("%s stays '%s'", cluster->nodes[node].name, role);
        }
        member_role(cluster, through, node, role);
        check_sleep_ms(POLL_MS);
    }
    cluster->nodes[node].is_outside = false;
}

/* Asks a node over and over until part stands in its answer, behind the text from. */
static void wait_for_part(const struct cluster *cluster, uint32_t node, const char *target,
                          const char *from, const char *part)
{
    char line[64];
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    (void)snprintf(line, sizeof(line), "GET %s", target);
    for (bool is_there = false; !is_there;) {
        struct http_answer answer = http_call(cluster->nodes[node].http_port, line, "", NULL);
        const char *place = strstr(answer.body, from);
        const char *end = place == NULL ? NULL : strchr(place, '}');
        const char *found = place == NULL ? NULL : strstr(place, part);
        is_there = found != NULL && found < end;
        if (!is_there && check_now_ms() > end_ms) {
            FAIL("%s does not say %s but %s", cluster->nodes[node].name, part, answer.body);
        }
        http_answer_free(&answer);
        check_sleep_ms(POLL_MS);
    }
}

void member_wait_unreachable(const struct cluster *cluster, uint32_t leader, uint32_t node)
{
    char from[64];
    (void)snprintf(from, sizeof(from), "{\"id\":\"%s\"", cluster->nodes[node].name);
    wait_for_part(cluster, leader, "/cluster/members", from, "\"reachable\":false");
}

void member_wait_removed(struct cluster *cluster, uint32_t node)
{
    cluster_wait_answer(cluster, node);
    wait_for_part(cluster, node, "/status", "{\"nodeId\":", "\"state\":\"Removed\"");
}

uint32_t member_grow(struct cluster *cluster, uint32_t through, bool asks_itself)
{
    uint32_t node = cluster_add_node(cluster, through);
    if (!asks_itself) {
        member_add(cluster, through, node);
    }
    cluster_launch(cluster, node);
    member_wait_voter(cluster, through, node);
    return node;
}
