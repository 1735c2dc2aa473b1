/* ctl_status.c -- quorumctl status: one line for each node, as each says of itself.
 *
 * The nodes named on the command line are asked for the others ("nodeN:" lines of INFO raft), and
 * then every node is asked. What a node says of itself may be old the moment it is printed; two
 * leaders of different terms in one table are a leader and one that has not yet heard of it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/ctl.h"

enum { ERROR_BYTES = 256, FIELD_BYTES = LIMIT_ADDRESS_BYTES, NAME_BYTES = 16 };

/* A node of the cluster, as another node lists it. */
struct listed {
    char id[LIMIT_NODE_NAME_BYTES];
    char redis[LIMIT_ADDRESS_BYTES]; /* "" when not known */
};

/* Copies the value of "key=" in "key=value,key=value"; "" when it is not there. */
static void part(const char *line, const char *key, char *out, size_t out_bytes)
{
    size_t key_size = strlen(key);
    out[0] = '\0';
    while (*line != '\0') {
        size_t size = strcspn(line, ",");
        if (size > key_size && strncmp(line, key, key_size) == 0 && line[key_size] == '=') {
            (void)snprintf(out, out_bytes, "%.*s", (int)(size - key_size - 1), line + key_size + 1);
            return;
        }
        line += size + (line[size] == ',' ? 1 : 0);
    }
}

/* Reads the nodeN lines; returns how many. */
static int read_nodes(const char *info, struct listed nodes[LIMIT_MEMBERS])
{
    int count = 0;
    char line[1024];
    char key[NAME_BYTES];
    while (count < LIMIT_MEMBERS) {
        (void)snprintf(key, sizeof(key), "node%d", count);
        if (!ctl_info_value(info, key, line, sizeof(line))) {
            break;
        }
        part(line, "id", nodes[count].id, sizeof(nodes[count].id));
        part(line, "redis", nodes[count].redis, sizeof(nodes[count].redis));
        count++;
    }
    return count;
}

/* Asks one node for INFO raft; NULL when that fails, with the cause in error. */
static redisReply *ask(const struct ctl_target *target, char *error)
{
    redisContext *context = ctl_connect(target, error, ERROR_BYTES);
    if (context == NULL) {
        return NULL;
    }
    redisReply *info = ctl_info(context, "raft", error, ERROR_BYTES);
    redisFree(context);
    return info;
}

static void print_row(const char *const cells[7])
{
    printf("%-16s %-24s %-10s %8s %12s %12s  %s\n", cells[0], cells[1], cells[2], cells[3],
           cells[4], cells[5], cells[6]);
}

/* Prints a node's row; whether it answered and knows a leader. */
static bool print_node(const char *id, const char *address, const char *info, const char *error)
{
    static const char *const keys[] = {"raft_role", "raft_term", "raft_commit_index",
                                       "raft_applied_index", "raft_leader_id"};
    char values[5][FIELD_BYTES];
    if (info == NULL) {
        print_row((const char *const[7]){id, address, "-", "-", "-", "-", error});
        return false;
    }
    for (int i = 0; i < 5; i++) {
        (void)ctl_info_value(info, keys[i], values[i], FIELD_BYTES);
    }
    bool has_leader = values[4][0] != '\0';
    print_row((const char *const[7]){id, address, values[0], values[1], values[2], values[3],
                                     has_leader ? values[4] : "(none)"});
    return has_leader;
}

static bool print_listed(const struct listed *node, const char *password)
{
    char error[ERROR_BYTES] = "its Redis address is not known";
    struct ctl_target target = {.password = password};
    redisReply *info = NULL;
    if (ctl_target_set_address(&target, node->redis)) {
        info = ask(&target, error);
    }
    bool is_well = print_node(node->id, node->redis[0] == '\0' ? "-" : node->redis,
                              info == NULL ? NULL : info->str, error);
    freeReplyObject(info);
    return is_well;
}

enum ctl_exit ctl_status(const struct ctl_target *targets, int targets_count)
{
    char error[ERROR_BYTES] = "";
    redisReply *info = NULL;
    const struct ctl_target *first = targets;
    for (int i = 0; i < targets_count && info == NULL; i++) {
        first = &targets[i];
        info = ask(first, error);
        if (info == NULL) {
            (void)fprintf(stderr, "%s:%d: %s\n", first->host, first->port, error);
        }
    }
    if (info == NULL) {
        return CTL_NO;
    }
    struct listed nodes[LIMIT_MEMBERS];
    int count = read_nodes(info->str, nodes);
    bool is_well = count > 0;
    print_row(
        (const char *const[7]){"NODE", "REDIS", "ROLE", "TERM", "COMMIT", "APPLIED", "LEADER"});
    for (int i = 0; i < count; i++) {
        is_well &= print_listed(&nodes[i], first->password);
    }
    freeReplyObject(info);
    return is_well ? CTL_OK : CTL_NO;
}
