/* server_bootstrap.c -- who the members of a new cluster are.
 *
 * Members named as id=host:port are known at once. Where --peers has plain host:port, as in the
 * original, ids are learned from the peers' hellos: the first start waits until every peer has
 * answered once; what was learned is recorded in the data directory, so later starts need nobody.
 * A node that joins a running cluster founds none: it has no members until that one's log names
 * them.
 */
#include <stdio.h>

#include "base/logger.h"
#include "base/node_id.h"
#include "server/server_internal.h"

enum { BOOTSTRAP_REPORT_MS = 5000, BOOTSTRAP_POLL_MS = 50 };

static void copy_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
}

static bool put_member(struct server *server, const struct config_member *from, const char *name)
{
    struct raft_member member = {.id = node_id_of_name(name), .role = RAFT_VOTER};
    copy_text(member.name, sizeof(member.name), name);
    copy_text(member.raft_address, sizeof(member.raft_address), from->raft_address);
    copy_text(member.http_address, sizeof(member.http_address), from->http_address);
    copy_text(member.redis_address, sizeof(member.redis_address), from->redis_address);
    if (raft_configuration_find(&server->bootstrap, member.id) != NULL) {
        logger_log(LOGGER_ERROR,
                   "two members call themselves '%s': give every node an --id of its own", name);
        return false;
    }
    return raft_configuration_put(&server->bootstrap, &member) == RESULT_OK;
}

/* Links by address alone, to learn who is there. */
static void start_discovery(struct server *server)
{
    const struct config *config = server->config;
    struct peer_net_peer peers[LIMIT_MEMBERS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->members_count; i++) {
        const struct config_member *member = &config->members[i];
        if (i != config->self_index) {
            uint64_t id = member->name[0] == '\0' ? RAFT_ID_NONE : node_id_of_name(member->name);
            peers[count++] = (struct peer_net_peer){id, member->raft_address};
        }
    }
    peer_net_set_peers(server->peers, peers, count);
}

/* Fills the bootstrap configuration with all that is known; returns how many are still unknown, or
 * -1 when the members contradict each other. */
static int collect(struct server *server)
{
    const struct config *config = server->config;
    int unknown = 0;
    server->bootstrap = (struct raft_configuration){0};
    for (uint32_t i = 0; i < config->members_count; i++) {
        const struct config_member *member = &config->members[i];
        char name[LIMIT_NODE_NAME_BYTES];
        copy_text(name, sizeof(name), member->name);
        if (name[0] == '\0') {
            uint64_t id = peer_net_discovered(server->peers, member->raft_address, name);
            if (id == server->self_id && config->self_is_implied) {
                continue; /* this address is our own, and we are in the list already */
            }
            if (id == RAFT_ID_NONE) {
                unknown++;
                continue;
            }
        }
        if (!put_member(server, member, name)) {
            return -1;
        }
    }
    return unknown;
}

static bool wait_for_names(struct server *server)
{
    start_discovery(server);
    uint64_t report_ms = 0;
    for (;;) {
        int unknown = collect(server);
        if (unknown <= 0) {
            return unknown == 0;
        }
        uint64_t now_ms = loop_monotonic_us() / 1000;
        if (now_ms >= report_ms) {
            logger_log(LOGGER_NOTICE,
                       "first start: waiting for %d peer(s) known by address alone to tell their "
                       "ids (all nodes have to run once; or use --peers id=host:port,...)",
                       unknown);
            report_ms = now_ms + BOOTSTRAP_REPORT_MS;
        }
        struct timeval poll = {0, BOOTSTRAP_POLL_MS * 1000};
        (void)event_base_loopexit(server->loop.base, &poll);
        (void)event_base_dispatch(server->loop.base);
        peer_net_flush(server->peers);
        loop_sleep(&server->loop);
    }
}

bool server_bootstrap(struct server *server, bool is_new)
{
    if (server->config->join[0] != '\0') {
        server->bootstrap = (struct raft_configuration){0};
        return true;
    }
    int unknown = collect(server);
    if (unknown <= 0 || !is_new) {
        return unknown >= 0;
    }
    return wait_for_names(server);
}
