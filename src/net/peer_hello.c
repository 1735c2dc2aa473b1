/* peer_hello.c -- making and judging hellos, and saying once why a peer is refused.
 *
 * The order of the checks is the order of what to mend first: another version cannot be understood,
 * another cluster makes node ids meaningless.
 *
 * An answer's "to" is the caller's id when it is accepted and 0 when it is refused, so the caller
 * knows that it is refused even where it cannot see the reason; that it is not a member there is
 * said by a bit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/logger.h"
#include "net/peer_internal.h"

enum { REFUSAL_TEXT_BYTES = 768 };

static void make(const struct peer_net *net, uint64_t to, uint32_t capabilities, uint8_t *at)
{
    struct peer_hello hello = {.version = PEER_PROTOCOL_VERSION,
                               .capabilities = capabilities,
                               .from = net->self_id,
                               .to = to,
                               .incarnation = net->incarnation};
    memcpy(hello.cluster_id, peer_cluster_own(net), sizeof(hello.cluster_id));
    memcpy(hello.name, net->self.name, sizeof(hello.name));
    peer_hello_encode(&hello, at);
}

void peer_hello_make(const struct peer_net *net, uint64_t to, uint8_t *at)
{
    make(net, to, net->is_joining ? PEER_CAPABILITY_JOINING : 0, at);
}

void peer_hello_make_answer(const struct peer_net *net, enum peer_verdict verdict, uint64_t caller,
                            uint8_t *at)
{
    make(net, verdict == PEER_ACCEPTED ? caller : RAFT_ID_NONE,
         verdict == PEER_STRANGER ? PEER_CAPABILITY_DISOWNS : 0, at);
}

bool peer_hello_is_own(const struct peer_net *net, const struct peer_hello *hello)
{
    return hello->from == net->self_id && hello->incarnation == net->incarnation &&
           strncmp(hello->name, net->self.name, sizeof(hello->name)) == 0;
}

/* What both directions check, in order. */
static enum peer_verdict judge(const struct peer_net *net, const uint8_t *at,
                               struct peer_hello *hello)
{
    memset(hello, 0, sizeof(*hello));
    enum result result = peer_hello_decode(at, hello);
    if (result == RESULT_VERSION) {
        return PEER_OTHER_VERSION;
    }
    if (result != RESULT_OK || hello->from == RAFT_ID_NONE) {
        return PEER_NOT_A_PEER;
    }
    const uint8_t *own = peer_cluster_own(net);
    if (peer_cluster_is_named(own) && peer_cluster_is_named(hello->cluster_id) &&
        !peer_cluster_equals(own, hello->cluster_id)) {
        return PEER_OTHER_CLUSTER;
    }
    return PEER_ACCEPTED;
}

/* What is left to compare once the names do not contradict each other: only one may be there. It
 * comes last, because the other verdicts are faults and this one passes by itself. */
static enum peer_verdict judge_names(const struct peer_net *net, const struct peer_hello *hello)
{
    if (peer_cluster_equals(peer_cluster_own(net), hello->cluster_id)) {
        return PEER_ACCEPTED;
    }
    return peer_cluster_is_named(hello->cluster_id) ? PEER_NAMED : PEER_UNNAMED;
}

enum peer_verdict peer_hello_judge_caller(const struct peer_net *net, const uint8_t *at,
                                          struct peer_hello *hello)
{
    enum peer_verdict verdict = judge(net, at, hello);
    if (verdict != PEER_ACCEPTED) {
        return verdict;
    }
    if (hello->from == net->self_id) {
        return peer_hello_is_own(net, hello) ? judge_names(net, hello) : PEER_SAME_ID;
    }
    if (hello->to != RAFT_ID_NONE && hello->to != net->self_id) {
        return PEER_MISTAKES_US;
    }
    if (peer_join_is_guest(net, hello)) {
        bool has_cluster = net->peers_known && peer_cluster_is_named(peer_cluster_own(net));
        return has_cluster ? PEER_ACCEPTED : PEER_UNNAMED;
    }
    if (peer_join_is_visitor(net, hello)) {
        return PEER_ACCEPTED;
    }
    if (net->peers_known && !peer_net_is_peer(net, hello->from)) {
        return PEER_STRANGER;
    }
    if (net->is_joining && !peer_cluster_is_named(hello->cluster_id)) {
        return PEER_UNNAMED;
    }
    verdict = judge_names(net, hello);
    /* Not a stranger, so it is a peer, whose name is adopted: but for discovery. */
    return verdict == PEER_NAMED && net->peers_known ? PEER_ACCEPTED : verdict;
}

enum peer_verdict peer_hello_judge_answer(const struct peer_net *net, const uint8_t *at,
                                          uint64_t expected_id, struct peer_hello *hello)
{
    enum peer_verdict verdict = judge(net, at, hello);
    if (verdict != PEER_ACCEPTED) {
        return verdict;
    }
    if (expected_id != RAFT_ID_NONE && hello->from != expected_id) {
        return PEER_OTHER_NODE;
    }
    if (hello->from == net->self_id && !peer_hello_is_own(net, hello)) {
        return PEER_SAME_ID;
    }
    verdict = judge_names(net, hello);
    /* Who joins belongs to no cluster yet, and wants into the one that it finds there. */
    bool is_found = verdict == PEER_NAMED && net->is_joining && expected_id == RAFT_ID_NONE;
    if ((verdict != PEER_ACCEPTED && !is_found) || hello->to == net->self_id) {
        return is_found ? PEER_ACCEPTED : verdict;
    }
    bool is_disowned = (hello->capabilities & PEER_CAPABILITY_DISOWNS) != 0;
    return is_disowned ? PEER_DISOWNS_US : PEER_REFUSES_US;
}

void peer_hello_plain_name(const struct peer_hello *hello, char *name)
{
    size_t i = 0;
    for (; i + 1 < LIMIT_NODE_NAME_BYTES && hello->name[i] != '\0'; i++) {
        bool is_plain = hello->name[i] > ' ' && hello->name[i] <= '~';
        name[i] = hello->name[i];
        if (!is_plain) {
            name[i] = '?';
        }
    }
    name[i] = '\0';
}

/* ---- Saying so ---- */

static void format_identity(const struct peer_net *net, const struct peer_refusal *refusal,
                            char text[REFUSAL_TEXT_BYTES])
{
    const struct peer_hello *hello = refusal->hello;
    char name[LIMIT_NODE_NAME_BYTES];
    peer_hello_plain_name(hello, name);
    if (refusal->verdict == PEER_OTHER_NODE) {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "is node %s (id %" PRIu64 "), not the one with id %" PRIu64
                       " that belongs there. Check the addresses in --peers and --id on that node",
                       name, hello->from, refusal->expected_id);
    } else if (refusal->verdict == PEER_MISTAKES_US) {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s, id %" PRIu64 ") takes this node for id %" PRIu64
                       ", but it is %s (id %" PRIu64
                       "). Check the addresses in --peers on that node",
                       name, hello->from, hello->to, net->self.name, net->self_id);
    } else if (refusal->verdict == PEER_STRANGER) {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s, id %" PRIu64 ") is not a member of this cluster. "
                       "Check --peers on both sides, or add it to the cluster first",
                       name, hello->from);
    } else {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s, incarnation %" PRIu64 ") runs with the id of this node, %" PRIu64
                       ". Two nodes must not share an --id or a copy of a data directory: "
                       "stop one of them",
                       name, hello->incarnation, net->self_id);
    }
}

/* One of the two has no cluster id yet. That is how a cluster's first moments look, and a node's
 * that comes later; only if it lasts something is wrong. */
static void format_wait(const struct peer_refusal *refusal, char text[REFUSAL_TEXT_BYTES])
{
    char name[LIMIT_NODE_NAME_BYTES];
    char cluster[PEER_CLUSTER_TEXT_BYTES];
    peer_hello_plain_name(refusal->hello, name);
    if (refusal->verdict == PEER_UNNAMED && refusal->is_accepted) {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s) has no cluster yet and waits until it is dialled from here",
                       name);
    } else if (refusal->verdict == PEER_UNNAMED) {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s) has no cluster yet and does not know this node for its peer. If "
                       "that lasts, check --peers on that node",
                       name);
    } else if (refusal->is_accepted) {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s) belongs to cluster %s; this node still looks for its peers", name,
                       peer_cluster_format(refusal->hello->cluster_id, cluster));
    } else {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s) belongs to cluster %s; this node has none yet and waits until a "
                       "member dials it. If that lasts, check --peers on both sides",
                       name, peer_cluster_format(refusal->hello->cluster_id, cluster));
    }
}

/* It answered, but to nobody. */
static void format_refused(const struct peer_net *net, const struct peer_refusal *refusal,
                           char text[REFUSAL_TEXT_BYTES])
{
    const struct peer_hello *hello = refusal->hello;
    char name[LIMIT_NODE_NAME_BYTES];
    peer_hello_plain_name(hello, name);
    if (refusal->verdict == PEER_DISOWNS_US) {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s, id %" PRIu64 ") says that this node is not a member of its "
                       "cluster. If it was removed, stop it; else add it there (start it with "
                       "--join, or QUORUM ADD), or check --peers on both sides",
                       name, hello->from);
    } else if (net->is_joining) {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s, id %" PRIu64 ") does not take this node's request to join yet: "
                       "it has no cluster itself, or too many nodes ask at once",
                       name, hello->from);
    } else {
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s, id %" PRIu64 ") refuses this node; its own log says why", name,
                       hello->from);
    }
}

static enum logger_level level_of(const struct peer_refusal *refusal)
{
    bool is_wait = refusal->verdict == PEER_UNNAMED || refusal->verdict == PEER_NAMED;
    enum logger_level wait_level = refusal->is_accepted ? LOGGER_VERBOSE : LOGGER_NOTICE;
    return is_wait ? wait_level : LOGGER_WARNING;
}

static void format_refusal(const struct peer_net *net, const struct peer_refusal *refusal,
                           char text[REFUSAL_TEXT_BYTES])
{
    char theirs[PEER_CLUSTER_TEXT_BYTES], ours[PEER_CLUSTER_TEXT_BYTES];
    char name[LIMIT_NODE_NAME_BYTES];
    const struct peer_hello *hello = refusal->hello;
    peer_hello_plain_name(hello, name);
    switch (refusal->verdict) {
    case PEER_NOT_A_PEER:
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "does not speak the peer protocol. Check that --peers names raft ports "
                       "(--port), not those of Redis or HTTP clients");
        break;
    case PEER_OTHER_VERSION:
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "speaks version %" PRIu32 " of the peer protocol, this node version %d. "
                       "Run releases that know each other's version",
                       hello->version, PEER_PROTOCOL_VERSION);
        break;
    case PEER_OTHER_CLUSTER:
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s) belongs to another cluster, %s; this node belongs to %s. "
                       "Check --peers on both sides, or the data directory of the node that "
                       "should not be there",
                       name, peer_cluster_format(hello->cluster_id, theirs),
                       peer_cluster_format(peer_cluster_own(net), ours));
        break;
    case PEER_OTHER_NODE:
    case PEER_MISTAKES_US:
    case PEER_STRANGER:
    case PEER_SAME_ID:
        format_identity(net, refusal, text);
        break;
    case PEER_TOO_MANY:
        (void)snprintf(text, REFUSAL_TEXT_BYTES, "is one peer too many, there are %d already",
                       PEER_IDENTIFIED_MAX);
        break;
    case PEER_REFUSES_US:
    case PEER_DISOWNS_US:
        format_refused(net, refusal, text);
        break;
    case PEER_OVERSTEPS:
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s, id %" PRIu64 ") asks to be made a member, but sends more than "
                       "such a request",
                       name, hello->from);
        break;
    case PEER_UNNAMED:
    case PEER_NAMED:
        format_wait(refusal, text);
        break;
    case PEER_NEWCOMER_OF_LIVE:
    case PEER_DUPLICATE_OF_LIVE:
        (void)snprintf(text, REFUSAL_TEXT_BYTES,
                       "(node %s, id %" PRIu64 ", incarnation %" PRIu64
                       ") connects while another process with that id is connected. Two nodes run "
                       "with one id: stop one, and never start a copy of a data directory",
                       name, hello->from, hello->incarnation);
        break;
    case PEER_ACCEPTED:
        ASSERT(refusal->verdict != PEER_ACCEPTED);
        break;
    }
}

/* What makes two refusals the same. A node that said who it is is that node on either direction's
 * connections; of one that did not, there is the address, but for the port of an accepted
 * connection, which is new each time. */
static uint64_t refusal_key(const struct peer_refusal *refusal)
{
    const struct peer_hello *hello = refusal->hello;
    if (hello->from != RAFT_ID_NONE) {
        uint64_t to = refusal->verdict == PEER_MISTAKES_US ? hello->to : RAFT_ID_NONE;
        uint64_t key = hash_bytes(to, slice_of(hello->cluster_id, RAFT_CLUSTER_ID_BYTES));
        return hash_mix(hash_mix(key, hello->from), refusal->verdict);
    }
    const char *colon = strrchr(refusal->address, ':');
    size_t bytes = refusal->is_accepted && colon != NULL ? (size_t)(colon - refusal->address)
                                                         : strlen(refusal->address);
    return hash_bytes(refusal->verdict, slice_of(refusal->address, bytes));
}

/* Whether this refusal is news; then remembers it. */
static bool is_news(struct peer_net *net, const struct peer_refusal *refusal)
{
    struct peer_refusals *refusals = &net->refusals;
    uint64_t key = refusal_key(refusal);
    uint64_t now_ms = net->loop->now_ms;
    if (refusals->count == 0 || now_ms - refusals->since_ms > PEER_REFUSALS_KEPT_MS) {
        refusals->count = 0;
        refusals->since_ms = now_ms;
    }
    for (uint32_t i = 0; i < refusals->count; i++) {
        if (refusals->keys[i] == key) {
            return false;
        }
    }
    if (refusals->count == PEER_REFUSALS_MAX) {
        return false;
    }
    refusals->keys[refusals->count] = key;
    refusals->count++;
    return true;
}

void peer_refusal_log(struct peer_net *net, const struct peer_refusal *refusal)
{
    bool is_refused = refusal->verdict != PEER_DUPLICATE_OF_LIVE;
    net->stats.links_refused += is_refused ? 1 : 0;
    if (!is_news(net, refusal)) {
        return;
    }
    char text[REFUSAL_TEXT_BYTES];
    format_refusal(net, refusal, text);
    logger_log(level_of(refusal), "peer %s %s%s", refusal->address, text,
               is_refused ? " (refused, and tried again without a further line)" : "");
}
