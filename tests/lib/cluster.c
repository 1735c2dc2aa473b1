/* cluster.c -- starting, stopping and asking the nodes of a cluster. */
#include "lib/cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/redis_client.h"

enum {
    POLL_MS = 10,
    STOP_MS_MAX = 5000,
    /* Below the kernel's range for outgoing connections, which could take a port of ours while its
     * node is down. */
    PORT_FIRST = 10000,
    PORTS_COUNT = 20000,
};

/* ---- Making ---- */

static bool is_free(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_bound = bind(descriptor, (const struct sockaddr *)&address, sizeof(address)) == 0;
    (void)close(descriptor);
    return is_bound;
}

/* Takes a port for this process alone among all that test here, by a socket of that name in the
 * abstract namespace, which lasts as long as the process: a node that uses the port may be down. */
static bool reserve(uint16_t port)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "quorum-test-port-%u", port);
    if (bind(descriptor, (const struct sockaddr *)&name, sizeof(name)) == 0) {
        return true;
    }
    (void)close(descriptor);
    return false;
}

uint16_t cluster_free_port(void)
{
    for (;;) {
        uint16_t random;
        CHECK(getrandom(&random, sizeof(random), 0) == sizeof(random));
        uint16_t port = (uint16_t)(PORT_FIRST + random % PORTS_COUNT);
        if (reserve(port) && is_free(port)) {
            return port;
        }
    }
}

static void init_node(struct cluster *cluster, uint32_t number)
{
    struct cluster_node *node = &cluster->nodes[number];
    const char *directory = cluster->directory;
    (void)snprintf(node->name, sizeof(node->name), "node-%u", number + 1);
    (void)snprintf(node->data, sizeof(node->data), "%s/node-%u", directory, number + 1);
    (void)snprintf(node->log, sizeof(node->log), "%s/node-%u.log", directory, number + 1);
    node->raft_port = cluster_free_port();
    node->http_port = cluster_free_port();
    node->redis_port = cluster_free_port();
}

void cluster_init(struct cluster *cluster, const char *binary, const char *directory,
                  uint32_t nodes_count)
{
    CHECK(nodes_count <= CLUSTER_NODES_MAX);
    memset(cluster, 0, sizeof(*cluster));
    (void)snprintf(cluster->binary, sizeof(cluster->binary), "%s", binary);
    (void)snprintf(cluster->directory, sizeof(cluster->directory), "%s", directory);
    CHECK(mkdir(directory, 0700) == 0 || errno == EEXIST);
    cluster->nodes_count = nodes_count;
    size_t used = 0;
    for (uint32_t i = 0; i < nodes_count; i++) {
        struct cluster_node *node = &cluster->nodes[i];
        init_node(cluster, i);
        used +=
            (size_t)snprintf(cluster->peers + used, sizeof(cluster->peers) - used,
                             "%s%s=127.0.0.1:%u", i == 0 ? "" : ",", node->name, node->raft_port);
    }
}

uint32_t cluster_add_node(struct cluster *cluster, uint32_t through)
{
    CHECK(cluster->nodes_count < CLUSTER_NODES_MAX);
    uint32_t number = cluster->nodes_count;
    struct cluster_node *node = &cluster->nodes[number];
    init_node(cluster, number);
    node->is_outside = true;
    (void)snprintf(node->join, sizeof(node->join), "127.0.0.1:%u",
                   cluster->nodes[through].raft_port);
    cluster->nodes_count++;
    return number;
}

void cluster_add_option(struct cluster *cluster, const char *option)
{
    uint32_t count = 0;
    while (cluster->options[count] != NULL) {
        count++;
    }
    CHECK(count + 1 < CLUSTER_OPTIONS_MAX);
    cluster->options[count] = option;
}

/* ---- Starting ---- */

/* In the child: becomes the node, or ends. */
static void become_node(const struct cluster *cluster, const struct cluster_node *node,
                        pid_t parent)
{
    char texts[6][CLUSTER_PATH_BYTES + 64];
    const char *arguments[8 + CLUSTER_OPTIONS_MAX] = {cluster->binary};
    (void)snprintf(texts[0], sizeof(texts[0]), "--id=%s", node->name);
    (void)snprintf(texts[1], sizeof(texts[1]), "--data=%s", node->data);
    (void)snprintf(texts[2], sizeof(texts[2]), "--port=%u", node->raft_port);
    (void)snprintf(texts[3], sizeof(texts[3]), "--http=%u", node->http_port);
    (void)snprintf(texts[4], sizeof(texts[4]), "--redis=%u", node->redis_port);
    bool is_joining = node->join[0] != '\0';
    (void)snprintf(texts[5], sizeof(texts[5]), "--%s=%s", is_joining ? "join" : "peers",
                   is_joining ? node->join : cluster->peers);
    uint32_t count = 1;
    for (uint32_t i = 0; i < 6; i++) {
        arguments[count++] = texts[i];
    }
    for (uint32_t i = 0; cluster->options[i] != NULL; i++) {
        arguments[count++] = cluster->options[i];
    }
    int log = open(node->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    bool is_tied = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
    if (log < 0 || !is_tied || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0) {
        _exit(127);
    }
    char *pointers[8 + CLUSTER_OPTIONS_MAX];
    memcpy(pointers, arguments, sizeof(pointers));
    (void)execv(cluster->binary, pointers);
    _exit(127);
}

void cluster_launch(struct cluster *cluster, uint32_t node)
{
    struct cluster_node *it = &cluster->nodes[node];
    CHECK(it->pid == 0);
    pid_t parent = getpid();
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        become_node(cluster, it, parent);
    }
    it->pid = pid;
    it->is_paused = false;
}

/* Whether a process that is not our child has ended, and waits for its parent to notice. */
static bool is_zombie(pid_t pid)
{
    char path[64], text[256];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    text[size] = '\0';
    return size == 0 || strstr(text, ") Z ") != NULL;
}

/* Fails the test when a node has ended that should be running. */
static void check_is_running(struct cluster *cluster, uint32_t node)
{
    struct cluster_node *it = &cluster->nodes[node];
    int status = 0;
    if (it->pid != 0 && waitpid(it->pid, &status, WNOHANG) == it->pid) {
        it->pid = 0;
        FAIL("%s has ended by itself: %s %d", it->name,
             WIFEXITED(status) ? "exit status" : "signal",
             WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    if (it->pid != 0 && is_zombie(it->pid)) {
        FAIL("%s has ended by itself", it->name);
    }
}

static bool knows_leader(struct cluster *cluster, uint32_t node)
{
    char text[64];
    return cluster_get_raft_field(cluster, node, "raft_leader_id", text) && text[0] != '\0';
}

void cluster_restart(struct cluster *cluster, uint32_t node)
{
    cluster_launch(cluster, node);
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (!knows_leader(cluster, node)) {
        check_is_running(cluster, node);
        if (check_now_ms() > end_ms) {
            FAIL("%s does not answer, or knows no leader", cluster->nodes[node].name);
        }
        check_sleep_ms(POLL_MS);
    }
}

void cluster_start(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        cluster_launch(cluster, i);
    }
    (void)cluster_wait_leader(cluster);
}

/* ---- Stopping ---- */

static int status_number(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int wait_end(struct cluster *cluster, uint32_t node, uint64_t ms)
{
    struct cluster_node *it = &cluster->nodes[node];
    uint64_t end_ms = check_now_ms() + ms;
    int status = 0;
    CHECK(it->pid != 0);
    while (waitpid(it->pid, &status, WNOHANG) != it->pid) {
        if (check_now_ms() > end_ms) {
            FAIL("%s still runs after %llu ms", it->name, (unsigned long long)ms);
        }
        check_sleep_ms(1);
    }
    it->pid = 0;
    it->is_paused = false;
    return status_number(status);
}

int cluster_wait_end(struct cluster *cluster, uint32_t node)
{
    return wait_end(cluster, node, CLUSTER_PATIENCE_MS);
}

void cluster_kill(struct cluster *cluster, uint32_t node)
{
    check_is_running(cluster, node);
    CHECK(kill(cluster->nodes[node].pid, SIGKILL) == 0);
    CHECK(wait_end(cluster, node, CLUSTER_PATIENCE_MS) == 128 + SIGKILL);
}

void cluster_kill_all(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        if (cluster->nodes[i].pid != 0) {
            (void)kill(cluster->nodes[i].pid, SIGKILL);
        }
    }
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        if (cluster->nodes[i].pid != 0) {
            (void)cluster_wait_end(cluster, i);
        }
    }
}

void cluster_ask_to_stop(struct cluster *cluster, uint32_t node)
{
    check_is_running(cluster, node);
    CHECK(kill(cluster->nodes[node].pid, SIGTERM) == 0);
}

void cluster_stop(struct cluster *cluster, uint32_t node)
{
    cluster_ask_to_stop(cluster, node);
    int status = wait_end(cluster, node, STOP_MS_MAX);
    if (status != 0) {
        FAIL("%s ends with status %d after SIGTERM", cluster->nodes[node].name, status);
    }
}

void cluster_pause(struct cluster *cluster, uint32_t node)
{
    struct cluster_node *it = &cluster->nodes[node];
    int status = 0;
    CHECK(kill(it->pid, SIGSTOP) == 0);
    /* Only when the wait says so have all its threads stopped. */
    CHECK(waitpid(it->pid, &status, WUNTRACED) == it->pid);
    CHECK(WIFSTOPPED(status));
    it->is_paused = true;
}

void cluster_resume(struct cluster *cluster, uint32_t node)
{
    CHECK(kill(cluster->nodes[node].pid, SIGCONT) == 0);
    cluster->nodes[node].is_paused = false;
}

/* ---- Asking ---- */

bool cluster_is_serving(const struct cluster *cluster, uint32_t node)
{
    const struct cluster_node *it = &cluster->nodes[node];
    return it->pid != 0 && !it->is_paused && !it->is_outside;
}

uint32_t cluster_other(const struct cluster *cluster, uint32_t node)
{
    for (uint32_t i = 1; i < cluster->nodes_count; i++) {
        uint32_t other = (node + i) % cluster->nodes_count;
        if (cluster_is_serving(cluster, other)) {
            return other;
        }
    }
    FAIL("no other node runs");
}

/* "field:value\r\n" of an INFO text. */
static bool find_field(const char *info, const char *field, char text[64])
{
    size_t length = strlen(field);
    for (const char *line = info; line != NULL; line = strchr(line, '\n')) {
        line += line[0] == '\n';
        if (strncmp(line, field, length) == 0 && line[length] == ':') {
            size_t size = strcspn(line + length + 1, "\r\n");
            (void)snprintf(text, 64, "%.*s", (int)size, line + length + 1);
            return true;
        }
    }
    return false;
}

static bool get_field(const struct cluster *cluster, uint32_t node, const char *section,
                      const char *field, char text[64])
{
    redisContext *client = redis_client_try(cluster->nodes[node].redis_port);
    if (client == NULL) {
        return false;
    }
    redisReply *reply = redisCommand(client, "INFO %s", section);
    bool is_found =
        reply != NULL && reply->type == REDIS_REPLY_STRING && find_field(reply->str, field, text);
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    redisFree(client);
    return is_found;
}

bool cluster_get_raft_field(struct cluster *cluster, uint32_t node, const char *field,
                            char text[64])
{
    return get_field(cluster, node, "raft", field, text);
}

uint64_t cluster_get_number(struct cluster *cluster, uint32_t node, const char *field)
{
    char text[64];
    if (!get_field(cluster, node, "everything", field, text)) {
        FAIL("%s does not answer INFO, or without %s", cluster->nodes[node].name, field);
    }
    return strtoull(text, NULL, 10);
}

void cluster_wait_raft_field(struct cluster *cluster, uint32_t node, const char *field,
                             const char *value)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    char text[64] = "";
    while (!cluster_get_raft_field(cluster, node, field, text) || strcmp(text, value) != 0) {
        check_is_running(cluster, node);
        if (check_now_ms() > end_ms) {
            FAIL("%s has %s '%s' and not '%s'", cluster->nodes[node].name, field, text, value);
        }
        check_sleep_ms(POLL_MS);
    }
}

void cluster_path(const struct cluster *cluster, uint32_t node, const char *file,
                  char path[CLUSTER_PATH_BYTES + 64])
{
    (void)snprintf(path, CLUSTER_PATH_BYTES + 64, "%s/%s", cluster->nodes[node].data, file);
}

/* The leader that all serving nodes name, and that itself says so; -1 while there is none. */
static int agreed_leader(struct cluster *cluster)
{
    int leader = -1;
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        char name[64];
        if (!cluster_is_serving(cluster, i)) {
            continue;
        }
        check_is_running(cluster, i);
        unsigned number = 0;
        if (!cluster_get_raft_field(cluster, i, "raft_leader_id", name) ||
            sscanf(name, "node-%u", &number) != 1 || number == 0 || number > cluster->nodes_count ||
            (leader >= 0 && leader != (int)number - 1)) {
            return -1;
        }
        leader = (int)number - 1;
    }
    char role[64];
    bool is_so = leader >= 0 && cluster_is_serving(cluster, (uint32_t)leader) &&
                 cluster_get_raft_field(cluster, (uint32_t)leader, "raft_role", role) &&
                 strcmp(role, "leader") == 0;
    return is_so ? leader : -1;
}

uint32_t cluster_wait_leader(struct cluster *cluster)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    int leader;
    while ((leader = agreed_leader(cluster)) < 0) {
        if (check_now_ms() > end_ms) {
            FAIL("the nodes that run do not agree on a leader");
        }
        check_sleep_ms(POLL_MS);
    }
    return (uint32_t)leader;
}

/* ---- Agreement ---- */

struct state {
    char index[64];
    char hash[64];
    char digest[64];
};

static void get_state(struct cluster *cluster, uint32_t node, struct state *state)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    /* One after the other on one connection, but in one pipeline: nothing comes between. */
    redisReply *replies[2];
    redisAppendCommand(client, "INFO raft");
    redisAppendCommand(client, "DEBUG DIGEST");
    for (int i = 0; i < 2; i++) {
        void *reply = NULL;
        CHECK(redisGetReply(client, &reply) == REDIS_OK);
        replies[i] = reply;
    }
    CHECK(replies[0]->type == REDIS_REPLY_STRING && replies[1]->type == REDIS_REPLY_STATUS);
    CHECK(find_field(replies[0]->str, "raft_applied_index", state->index));
    CHECK(find_field(replies[0]->str, "raft_state_hash", state->hash));
    (void)snprintf(state->digest, sizeof(state->digest), "%s", replies[1]->str);
    freeReplyObject(replies[0]);
    freeReplyObject(replies[1]);
    redisFree(client);
}

static bool agree(struct cluster *cluster)
{
    struct state states[CLUSTER_NODES_MAX];
    int first = -1;
    bool are_equal = true;
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        if (!cluster_is_serving(cluster, i)) {
            continue;
        }
        check_is_running(cluster, i);
        get_state(cluster, i, &states[i]);
        for (uint32_t j = first < 0 ? i : (uint32_t)first; j < i; j++) {
            bool is_same_index =
                cluster_is_serving(cluster, j) && strcmp(states[i].index, states[j].index) == 0;
            if (is_same_index && strcmp(states[i].hash, states[j].hash) != 0) {
                FAIL("at index %s node-%u has state hash %s, node-%u %s", states[i].index, i + 1,
                     states[i].hash, j + 1, states[j].hash);
            }
        }
        first = first < 0 ? (int)i : first;
        are_equal = are_equal && strcmp(states[i].index, states[first].index) == 0 &&
                    strcmp(states[i].digest, states[first].digest) == 0;
    }
    return are_equal;
}

void cluster_check_agreement(struct cluster *cluster)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (!agree(cluster)) {
        if (check_now_ms() > end_ms) {
            FAIL("the nodes do not come to the same index and content");
        }
        check_sleep_ms(POLL_MS);
    }
}

/* ---- Log files ---- */

uint32_t cluster_count_in_log(const struct cluster *cluster, uint32_t node, const char *text)
{
    FILE *file = fopen(cluster->nodes[node].log, "re");
    char line[4096];
    uint32_t count = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        count += strstr(line, text) != NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return count;
}

void cluster_wait_for_log(const struct cluster *cluster, uint32_t node, const char *text)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (cluster_count_in_log(cluster, node, text) == 0) {
        if (check_now_ms() > end_ms) {
            FAIL("%s does not log '%s'", cluster->nodes[node].name, text);
        }
        check_sleep_ms(POLL_MS);
    }
}
