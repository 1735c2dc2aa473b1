/* config_resolve.c -- what follows from the options: defaults that depend on others, the members of
 * the cluster, and the contradictions worth stopping or warning for.
 *
 * Without peers, a node is one of the local cluster: node-1 to node-3 on this machine, ports 9001,
 * 8001, 6379 and the two that follow each. A node-N that joins a cluster on this machine goes on
 * counting.
 */
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/number.h"
#include "server/config_internal.h"

enum {
    LOCAL_NODES = 3,
    LOCAL_PORT = 9001,
    LOCAL_HTTP = 8001,
    LOCAL_REDIS = 6379,
    LOCAL_NODES_MAX = 99, /* with those that join */
    PORT_TEXT_BYTES = 8,
};

static const char *const local_names[LOCAL_NODES] = {"node-1", "node-2", "node-3"};

bool config_is_set(const struct config *config, const char *name)
{
    const struct config_directive *directive = config_table_find(slice_of_string(name));
    ASSERT(directive != NULL);
    return config->origins[config_table_index(directive)].source != CONFIG_FROM_DEFAULT;
}

static struct config_address parsed(const char *item)
{
    struct config_address address;
    struct buf reason = {0};
    bool is_valid = config_address_parse(slice_of_string(item), &address, &reason);
    ASSERT(is_valid); /* it was checked when it was read */
    buf_deinit(&reason);
    return address;
}

static bool is_joining(const struct config *config)
{
    return config->join[0] != '\0';
}

/* The place of a node-N that joins a cluster on this machine, or -1. */
static int joining_place(const struct config *config)
{
    struct slice id = slice_of_string(config->id);
    struct slice prefix = SLICE_LITERAL("node-");
    uint64_t number = 0;
    bool is_numbered =
        id.size > prefix.size && memcmp(id.bytes, prefix.bytes, prefix.size) == 0 &&
        number_parse_uint64(slice_of(id.bytes + prefix.size, id.size - prefix.size), &number) &&
        number > 0 && number <= LOCAL_NODES_MAX;
    return is_numbered && config_host_is_loopback(parsed(config->join).host) ? (int)number - 1 : -1;
}

/* This node's place in the local cluster, or -1 when it is in none. */
static int local_place(const struct config *config)
{
    if (is_joining(config)) {
        return joining_place(config);
    }
    for (int i = 0; i < LOCAL_NODES && !config_is_set(config, "peers"); i++) {
        if (strcmp(config->id, local_names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static void append_item(struct config_list *list, const char *name, int port)
{
    struct buf item = {0};
    buf_append_format(&item, "%s=localhost:%d", name, port);
    config_list_append(list, buf_slice(&item));
    buf_deinit(&item);
}

static bool resolve_local_cluster(struct config *config, struct buf *warnings, struct buf *reason)
{
    int place = local_place(config);
    if (place < 0) {
        buf_append_format(reason,
                          "id '%s' is not in the local cluster (node-1, node-2, node-3), and peers "
                          "is not set; name all nodes of a new cluster with --peers, add this "
                          "node to a running one with --join HOST:PORT of a member, or give "
                          "--peers \"\" for a cluster of one",
                          config->id);
        return false;
    }
    for (int i = 0; i < LOCAL_NODES; i++) {
        bool is_this = i == place;
        append_item(&config->peers, local_names[i], is_this ? config->port : LOCAL_PORT + i);
        if (!config_is_set(config, "peer-http")) {
            append_item(&config->peer_http, local_names[i],
                        is_this ? config->http : LOCAL_HTTP + i);
        }
    }
    if (config->port != LOCAL_PORT + place) {
        buf_append_format(warnings,
                          "warning: port is %u, but in the local cluster the others look for %s at "
                          "localhost:%d; name all nodes with --peers\n",
                          config->port, config->id, LOCAL_PORT + place);
    }
    return true;
}

/* Ports and directory that the operator left open. */
static void resolve_node(struct config *config)
{
    int place = local_place(config);
    int offset = place < 0 ? 0 : place;
    if (config->port == 0) {
        config->port = (uint16_t)(LOCAL_PORT + offset);
    }
    if (config->http == 0) {
        config->http = (uint16_t)(LOCAL_HTTP + offset);
    }
    if (config->redis == 0) {
        config->redis = (uint16_t)(LOCAL_REDIS + offset);
    }
    if (config->data[0] == '\0') {
        struct buf data = {0};
        buf_append_format(&data, "./data/%s", config->id);
        config_string_set(&config->data, buf_slice(&data));
        buf_deinit(&data);
    }
    bool is_bind_open = config->raft_bind.count == 0;
    for (uint32_t i = 0; is_bind_open && i < config->bind.count; i++) {
        config_list_append(&config->raft_bind, slice_of_string(config->bind.items[i]));
    }
}

/* ---- Members ---- */

static void copy_text(char *out, size_t capacity, struct slice text)
{
    ASSERT(text.size < capacity);
    if (text.size > 0) {
        memcpy(out, text.bytes, text.size);
    }
    out[text.size] = '\0';
}

/* Whether host is this machine under one of the names we know without asking a resolver. */
static bool is_own_host(const struct config *config, struct slice host)
{
    char own[LIMIT_ADDRESS_BYTES] = "";
    if (config_host_is_loopback(host)) {
        return true;
    }
    if (gethostname(own, sizeof(own) - 1) == 0 && strlen(own) == host.size &&
        strncasecmp(own, (const char *)host.bytes, host.size) == 0) {
        return true;
    }
    for (uint32_t i = 0; i < config->raft_bind.count; i++) {
        const char *item = config->raft_bind.items[i];
        if (slice_equals(host, slice_of_string(item[0] == '-' ? item + 1 : item))) {
            return true;
        }
    }
    return false;
}

static bool is_self(const struct config *config, const struct config_address *address)
{
    if (address->name.size > 0) {
        return slice_equals(address->name, slice_of_string(config->id));
    }
    if (config->announce_raft[0] != '\0') {
        return slice_equals(address->text, slice_of_string(config->announce_raft));
    }
    return address->port == config->port && is_own_host(config, address->host);
}

static bool refuse_twice(const char *what, struct slice text, struct buf *reason)
{
    buf_append_format(reason, "peers names the %s '%.*s' twice", what, (int)text.size,
                      (const char *)text.bytes);
    return false;
}

static bool check_twice(const struct config *config, const struct config_address *address,
                        struct buf *reason)
{
    for (uint32_t i = 0; i < config->members_count; i++) {
        const struct config_member *member = &config->members[i];
        if (address->name.size > 0 && slice_equals(address->name, slice_of_string(member->name))) {
            return refuse_twice("id", address->name, reason);
        }
        if (slice_equals(address->text, slice_of_string(member->raft_address))) {
            return refuse_twice("address", address->text, reason);
        }
    }
    return true;
}

static bool add_member(struct config *config, struct slice name, struct slice raft_address,
                       struct buf *reason)
{
    if (config->members_count == LIMIT_MEMBERS) {
        buf_append_format(reason, "a cluster has at most %d nodes", LIMIT_MEMBERS);
        return false;
    }
    struct config_member *member = &config->members[config->members_count++];
    *member = (struct config_member){.name = ""};
    copy_text(member->name, sizeof(member->name), name);
    copy_text(member->raft_address, sizeof(member->raft_address), raft_address);
    return true;
}

static bool add_peers(struct config *config, struct buf *reason)
{
    bool has_self = false;
    for (uint32_t i = 0; i < config->peers.count; i++) {
        struct config_address address = parsed(config->peers.items[i]);
        bool is_this = !has_self && is_self(config, &address);
        if (config_host_is_any(address.host)) {
            buf_append_format(reason, "'%s' in peers is where to listen, not where to connect",
                              config->peers.items[i]);
            return false;
        }
        struct slice name = is_this ? slice_of_string(config->id) : address.name;
        if (!check_twice(config, &address, reason) ||
            !add_member(config, name, address.text, reason)) {
            return false;
        }
        if (is_this) {
            config->self_index = config->members_count - 1;
            has_self = true;
        }
    }
    config->self_is_implied = !has_self;
    if (!has_self) {
        config->self_index = config->members_count;
        return add_member(config, slice_of_string(config->id), slice_of(NULL, 0), reason);
    }
    return true;
}

/* The member that the entry at position i of peer-http speaks of, or NULL. */
static struct config_member *http_target(struct config *config, uint32_t i, struct slice name)
{
    for (uint32_t j = 0; name.size > 0 && j < config->members_count; j++) {
        if (slice_equals(name, slice_of_string(config->members[j].name))) {
            return &config->members[j];
        }
    }
    bool is_positional = name.size == 0 && i < config->peers.count;
    return is_positional ? &config->members[i] : NULL;
}

static bool add_http_addresses(struct config *config, struct buf *reason)
{
    for (uint32_t i = 0; i < config->peer_http.count; i++) {
        struct config_address address = parsed(config->peer_http.items[i]);
        struct config_member *member = http_target(config, i, address.name);
        if (member == NULL) {
            buf_append_format(reason, "peer-http has '%s', but peers has no such node",
                              config->peer_http.items[i]);
            return false;
        }
        copy_text(member->http_address, sizeof(member->http_address), address.text);
    }
    return true;
}

/* Sets an announced address that was left open: told, what peers and peer-http say of this node, or
 * else the port at the host by which the others know it. */
static void announce(char **field, const char *told, struct slice host, uint16_t port)
{
    if ((*field)[0] != '\0') {
        return;
    }
    struct buf address = {0};
    bool is_v6 = host.size > 0 && memchr(host.bytes, ':', host.size) != NULL;
    if (told[0] != '\0') {
        buf_append_format(&address, "%s", told);
    } else {
        buf_append_format(&address, is_v6 ? "[%.*s]:%u" : "%.*s:%u", (int)host.size,
                          (const char *)host.bytes, port);
    }
    config_string_set(field, buf_slice(&address));
    buf_deinit(&address);
}

/* Where this node can be reached if nothing says so: at the first address that it listens on for
 * the others, when that is one that others may know. */
static struct slice own_host(const struct config *config)
{
    for (uint32_t i = 0; i < config->raft_bind.count; i++) {
        const char *item = config->raft_bind.items[i];
        struct slice host = slice_of_string(item);
        if (item[0] != '-' && strcmp(item, "::*") != 0 && !config_host_is_any(host) &&
            !config_host_is_loopback(host)) {
            return host;
        }
    }
    return SLICE_LITERAL("localhost");
}

static void resolve_announced(struct config *config)
{
    struct config_member *self = &config->members[config->self_index];
    announce(&config->announce_raft, self->raft_address, own_host(config), config->port);
    /* The pieces borrow from announce_raft, which stays as it is from here on. */
    struct slice host = parsed(config->announce_raft).host;
    announce(&config->announce_http, self->http_address, host, config->http);
    announce(&config->announce_redis, "", host, config->redis);
    copy_text(self->raft_address, LIMIT_ADDRESS_BYTES, slice_of_string(config->announce_raft));
    copy_text(self->http_address, LIMIT_ADDRESS_BYTES, slice_of_string(config->announce_http));
    copy_text(self->redis_address, LIMIT_ADDRESS_BYTES, slice_of_string(config->announce_redis));
}

/* The Redis ports of the local cluster are known; elsewhere the nodes tell each other. */
static void resolve_local_redis(struct config *config)
{
    for (uint32_t i = 0; i < config->members_count; i++) {
        if (i != config->self_index) {
            (void)snprintf(config->members[i].redis_address, LIMIT_ADDRESS_BYTES, "localhost:%u",
                           LOCAL_REDIS + i);
        }
    }
}

static void warn_of_members(const struct config *config, struct buf *warnings)
{
    const struct config_member *self = &config->members[config->self_index];
    if (config->members_count % 2 == 0 && !config->self_is_implied) {
        buf_append_format(
            warnings,
            "warning: a cluster of %u nodes survives no more failures than one of %u; odd "
            "sizes are better\n",
            config->members_count, config->members_count - 1);
    }
    if (parsed(self->raft_address).port != config->port &&
        !config_is_set(config, "announce-raft")) {
        buf_append_format(
            warnings,
            "warning: peers says this node is at %s, but port is %u; right only if something "
            "forwards the one to the other\n",
            self->raft_address, config->port);
    }
    bool is_all_loopback = true;
    for (uint32_t i = 0; i < config->raft_bind.count; i++) {
        const char *item = config->raft_bind.items[i];
        is_all_loopback &= config_host_is_loopback(slice_of_string(item + (item[0] == '-')));
    }
    if (is_all_loopback && !config_host_is_loopback(parsed(self->raft_address).host)) {
        buf_append_format(
            warnings,
            "warning: the others are told to connect to %s, but raft-bind has this machine's "
            "loopback only; give --raft-bind or --bind\n",
            self->raft_address);
    }
}

bool config_resolve_members(struct config *config, struct buf *warnings, struct buf *reason)
{
    config->members_count = 0;
    if (!add_peers(config, reason) || !add_http_addresses(config, reason)) {
        return false;
    }
    resolve_announced(config);
    if (!config_is_set(config, "peers") && !is_joining(config)) {
        resolve_local_redis(config);
    }
    warn_of_members(config, warnings);
    return true;
}

/* ---- Together ---- */

static bool refuse_same_port(const char *a, const char *b, uint16_t port, struct buf *reason)
{
    buf_append_format(reason, "%s and %s are both %u; each needs a port of its own", a, b, port);
    return false;
}

bool config_check_together(const struct config *config, struct buf *reason)
{
    if (config->port == config->http) {
        return refuse_same_port("port", "http", config->port, reason);
    }
    if (config->port == config->redis) {
        return refuse_same_port("port", "redis", config->port, reason);
    }
    if (config->http == config->redis) {
        return refuse_same_port("http", "redis", config->http, reason);
    }
    if (config->election_timeout_ms_min >= config->election_timeout_ms_max) {
        buf_append_format(reason,
                          "election-timeout-max (%u) must be above election-timeout-min (%u), or "
                          "candidates keep splitting the vote",
                          config->election_timeout_ms_max, config->election_timeout_ms_min);
        return false;
    }
    if (config->heartbeat_interval_ms > config->election_timeout_ms_min / 2) {
        buf_append_format(reason,
                          "heartbeat-interval (%u) must be at most half of election-timeout-min "
                          "(%u), or one late heartbeat unseats a leader",
                          config->heartbeat_interval_ms, config->election_timeout_ms_min);
        return false;
    }
    if (config->client_query_buffer_bytes < config->proto_max_bulk_bytes) {
        buf_append_format(reason,
                          "client-query-buffer-limit (%llu) must hold an argument of "
                          "proto-max-bulk-len (%llu)",
                          (unsigned long long)config->client_query_buffer_bytes,
                          (unsigned long long)config->proto_max_bulk_bytes);
        return false;
    }
    return true;
}

/* What is wrong about joining, as far as it shows in the options. */
static bool check_join(const struct config *config, struct buf *reason)
{
    struct slice host = parsed(config->join).host;
    if (strcmp(config->join, config->announce_raft) == 0) {
        buf_append_format(reason, "join names this node itself (%s); name a member of the cluster",
                          config->join);
        return false;
    }
    if (!is_own_host(config, host) && config_host_is_loopback(parsed(config->announce_raft).host)) {
        buf_append_format(reason,
                          "the members at %s would look for this node at %s, on their own machine; "
                          "give --announce-raft HOST:PORT by which they reach it",
                          config->join, config->announce_raft);
        return false;
    }
    return true;
}

bool config_resolve(struct config *config, struct buf *warnings, struct buf *reason)
{
    if (is_joining(config) && config_is_set(config, "peers")) {
        buf_append_format(reason, "join and peers exclude each other: peers founds a new cluster, "
                                  "join asks the member at the address to add this node to its "
                                  "own");
        return false;
    }
    resolve_node(config);
    if (is_joining(config)) {
        return config_resolve_members(config, warnings, reason) && check_join(config, reason) &&
               config_check_together(config, reason);
    }
    if (!config_is_set(config, "peers") && !resolve_local_cluster(config, warnings, reason)) {
        return false;
    }
    return config_resolve_members(config, warnings, reason) &&
           config_check_together(config, reason);
}
