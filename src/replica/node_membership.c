/* node_membership.c -- QUORUM ADD, REMOVE, PROMOTE, ADDRESSES, TRANSFER, MEMBERS: operators change
 * the cluster on any node and hear what became of it.
 */
#include <stdio.h>

#include "base/node_id.h"
#include "base/number.h"
#include "replica/node_commands.h"
#include "replica/replica_internal.h"

/* ---- Errors: each says what is wrong and what helps ---- */

static void reply_invalid(struct session *session, const struct peer_change *change,
                          const char *name)
{
    if (change->change.kind == RAFT_CHANGE_REMOVE) {
        reply_error_format(&session->reply,
                           "LASTVOTER %s is the last voter, and without one nothing can be "
                           "decided: add or promote another member first",
                           name);
    } else {
        reply_error_format(&session->reply,
                           "ERR %s cannot be changed in this way: look at QUORUM MEMBERS", name);
    }
}

static void reply_not_found(struct session *session, const struct peer_change *change,
                            const char *name)
{
    if (change->kind == PEER_CHANGE_MEMBERS) {
        reply_error_format(&session->reply,
                           "NOMEMBER no member is named %s: QUORUM MEMBERS lists the names", name);
    } else if (name[0] != '\0') {
        reply_error_format(&session->reply,
                           "NOMEMBER %s is no voter, so it cannot lead: name one that QUORUM "
                           "MEMBERS lists as voter",
                           name);
    } else {
        reply_error(&session->reply,
                    "NOMEMBER no other voter is up, so nobody can take over: add one, or start "
                    "one that is down");
    }
}

static void reply_conflict(struct session *session, const struct peer_change *change,
                           const char *name)
{
    if (change->kind == PEER_CHANGE_TRANSFER) {
        reply_error(&session->reply,
                    "NOTCAUGHTUP leadership has not moved in time: the node to take over is down "
                    "or far behind; name another, or try again when it has caught up");
    } else {
        reply_error_format(&session->reply,
                           "NOTCAUGHTUP %s has not caught up with the log, and as a voter would "
                           "hold up writes: try again when its match in QUORUM MEMBERS is near "
                           "the leader's",
                           name);
    }
}

static void reply_failure(struct session *session, const struct peer_change *change,
                          enum result result)
{
    const char *name = change->change.member.name;
    struct reply *reply = &session->reply;
    if (result == RESULT_EXISTS) {
        reply_error_format(reply,
                           "MEMBEREXISTS %s is a member at other addresses, or another member is "
                           "at one of these: look at QUORUM MEMBERS, then use QUORUM ADDRESSES, "
                           "or QUORUM REMOVE first",
                           name);
    } else if (result == RESULT_BUSY) {
        reply_error(reply, "CHANGING another change of the cluster is under way and not committed "
                           "yet; nothing was done: try again when QUORUM MEMBERS shows it done");
    } else if (result == RESULT_NOT_FOUND) {
        reply_not_found(session, change, name);
    } else if (result == RESULT_INVALID) {
        reply_invalid(session, change, name);
    } else if (result == RESULT_CONFLICT) {
        reply_conflict(session, change, name);
    } else if (result == RESULT_UNREACHABLE) {
        reply_error(reply, "NOQUORUM too few voters of the cluster as it would be were heard from "
                           "lately, so that it might not be able to commit anything; nothing was "
                           "done: start them, or repeat with FORCE");
    } else if (result == RESULT_LIMIT) {
        reply_error_format(reply,
                           "TOOMANYMEMBERS a cluster has at most %d members: remove one first",
                           LIMIT_MEMBERS);
    } else if (result == RESULT_NOT_LEADER) {
        reply_error(reply, "CLUSTERDOWN No Raft leader took the request in time; nothing was "
                           "done: try again when a majority of the voters is up");
    } else if (result == RESULT_CLOSED) {
        reply_error(reply, "UNKNOWN The outcome is not known: the leader was asked and did not "
                           "answer in time. Look at QUORUM MEMBERS before you try again");
    } else {
        reply_error_format(reply, "ERR the leader refused: %s", result_text(result));
    }
}

/* ---- Asking ---- */

/* Stalls the session until the outcome is known, as WAIT does; the same command comes again. */
static enum execute_result run_change(struct session *session, const struct peer_change *change)
{
    struct executor *executor = session->executor;
    if (session->change_ticket == 0) {
        session->change_ticket = membership_request(executor->replica, change);
        if (session->change_ticket == 0) {
            reply_failure(session, change, RESULT_BUSY);
            return EXECUTE_TAKEN;
        }
        session->wait_until_ms = UINT64_MAX;
        executor->waiting_count++;
    }
    enum result result;
    uint64_t index;
    if (!membership_take(executor->replica, session->change_ticket, &result, &index)) {
        return EXECUTE_STALLED;
    }
    session->change_ticket = 0;
    session->wait_until_ms = 0;
    executor->waiting_count--;
    if (result != RESULT_OK) {
        reply_failure(session, change, result);
    } else if (change->kind == PEER_CHANGE_TRANSFER) {
        reply_ok(&session->reply);
    } else {
        reply_integer(&session->reply, (int64_t)index);
    }
    return EXECUTE_TAKEN;
}

/* ---- Arguments ---- */

static bool copy_text(char *out, size_t out_bytes, struct slice text)
{
    if (text.size == 0 || text.size >= out_bytes) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] > '~') {
            return false;
        }
    }
    memcpy(out, text.bytes, text.size);
    out[text.size] = '\0';
    return true;
}

/* The name of a node, and its id: the member's of that name, if there is one. */
static bool parse_name(struct session *session, struct slice text, struct raft_member *member)
{
    if (!copy_text(member->name, sizeof(member->name), text)) {
        reply_error_format(&session->reply,
                           "ERR not a node's name: give 1 to %d printable characters without "
                           "spaces",
                           LIMIT_NODE_NAME_BYTES - 1);
        return false;
    }
    const struct raft_configuration *configuration =
        replica_configuration(session->executor->replica);
    member->id = node_id_of_name(member->name);
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        if (strcmp(configuration->members[i].name, member->name) == 0) {
            member->id = configuration->members[i].id;
        }
    }
    return true;
}

static bool is_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    return colon != NULL && colon != text &&
           number_parse_int64(slice_of_string(colon + 1), &port) && port >= 1 && port <= 65535;
}

static bool parse_address(struct session *session, struct slice text, char out[LIMIT_ADDRESS_BYTES])
{
    char address[LIMIT_ADDRESS_BYTES];
    if (!copy_text(address, sizeof(address), text) || !is_address(address)) {
        reply_error(&session->reply,
                    "ERR not an address: give host:port with a port from 1 to 65535");
        return false;
    }
    memcpy(out, address, sizeof(address));
    return true;
}

/* What may follow the fixed arguments; bits. */
enum { OPTION_FORCE = 1, OPTION_LEARNER = 2, OPTION_RAFT = 4, OPTION_ADDRESSES = 8 };

/* The address that a keyword announces, or NULL. */
static char *address_of(struct slice keyword, unsigned allowed, struct raft_member *member)
{
    if ((allowed & OPTION_RAFT) != 0 && slice_is_word(keyword, "raft")) {
        return member->raft_address;
    }
    if ((allowed & OPTION_ADDRESSES) != 0 && slice_is_word(keyword, "http")) {
        return member->http_address;
    }
    if ((allowed & OPTION_ADDRESSES) != 0 && slice_is_word(keyword, "redis")) {
        return member->redis_address;
    }
    return NULL;
}

static bool parse_options(struct session *session, const struct slice *arguments, uint32_t count,
                          unsigned allowed, struct raft_change *change)
{
    for (uint32_t i = 0; i < count; i++) {
        char *address = address_of(arguments[i], allowed, &change->member);
        if (address != NULL && i + 1 < count) {
            if (!parse_address(session, arguments[++i], address)) {
                return false;
            }
        } else if ((allowed & OPTION_FORCE) != 0 && slice_is_word(arguments[i], "force")) {
            change->force = true;
        } else if ((allowed & OPTION_LEARNER) != 0 && slice_is_word(arguments[i], "learner")) {
            change->member.role = RAFT_LEARNER;
        } else {
            reply_error(&session->reply, "ERR syntax error: see QUORUM HELP");
            return false;
        }
    }
    return true;
}

/* ---- The commands ---- */

enum execute_result node_quorum_add(struct session *session, const struct slice *arguments,
                                    uint32_t arguments_count)
{
    struct peer_change request = {.kind = PEER_CHANGE_MEMBERS};
    struct raft_change *change = &request.change;
    change->kind = RAFT_CHANGE_ADD;
    change->member.role = RAFT_JOINING;
    bool is_sound = parse_name(session, arguments[2], &change->member) &&
                    parse_address(session, arguments[3], change->member.raft_address) &&
                    parse_options(session, arguments + 4, arguments_count - 4,
                                  OPTION_FORCE | OPTION_LEARNER | OPTION_ADDRESSES, change);
    return is_sound ? run_change(session, &request) : EXECUTE_TAKEN;
}

static enum execute_result run_on_member(struct session *session, enum raft_change_kind kind,
                                         const struct slice *arguments, uint32_t arguments_count)
{
    struct peer_change request = {.kind = PEER_CHANGE_MEMBERS};
    request.change.kind = kind;
    unsigned allowed = OPTION_FORCE;
    allowed |= kind == RAFT_CHANGE_ADDRESSES ? OPTION_RAFT | OPTION_ADDRESSES : 0;
    bool is_sound =
        parse_name(session, arguments[2], &request.change.member) &&
        parse_options(session, arguments + 3, arguments_count - 3, allowed, &request.change);
    return is_sound ? run_change(session, &request) : EXECUTE_TAKEN;
}

enum execute_result node_quorum_remove(struct session *session, const struct slice *arguments,
                                       uint32_t arguments_count)
{
    return run_on_member(session, RAFT_CHANGE_REMOVE, arguments, arguments_count);
}

enum execute_result node_quorum_promote(struct session *session, const struct slice *arguments,
                                        uint32_t arguments_count)
{
    return run_on_member(session, RAFT_CHANGE_PROMOTE, arguments, arguments_count);
}

enum execute_result node_quorum_addresses(struct session *session, const struct slice *arguments,
                                          uint32_t arguments_count)
{
    return run_on_member(session, RAFT_CHANGE_ADDRESSES, arguments, arguments_count);
}

enum execute_result node_quorum_transfer(struct session *session, const struct slice *arguments,
                                         uint32_t arguments_count)
{
    struct peer_change request = {.kind = PEER_CHANGE_TRANSFER};
    if (arguments_count > 3) {
        reply_error(&session->reply, "ERR syntax error: see QUORUM HELP");
        return EXECUTE_TAKEN;
    }
    if (arguments_count == 3 && !parse_name(session, arguments[2], &request.change.member)) {
        return EXECUTE_TAKEN;
    }
    return run_change(session, &request);
}

/* How far a member's log is known to match, and whether it was heard from lately: a leader knows of
 * all, any other node only of itself. */
static bool find_progress(const struct replica *replica, uint64_t id, uint64_t *match,
                          bool *is_reachable)
{
    struct raft_progress progress[LIMIT_MEMBERS];
    uint32_t count = replica_get_progress(replica, progress, LIMIT_MEMBERS);
    if (id == replica->self) {
        *match = replica->status.persisted_index;
        *is_reachable = true;
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (progress[i].id == id) {
            *match = progress[i].match_index;
            *is_reachable = progress[i].recently_active;
            return true;
        }
    }
    return false;
}

static void reply_member(struct session *session, const struct raft_member *member)
{
    const struct replica *replica = session->executor->replica;
    struct reply *reply = &session->reply;
    uint64_t match;
    bool is_reachable;
    bool is_known = find_progress(replica, member->id, &match, &is_reachable);
    reply_map(reply, 7);
    reply_bulk_string(reply, "id");
    reply_bulk_string(reply, replica_node_name(replica, member->id));
    reply_bulk_string(reply, "raft");
    reply_bulk_string(reply, member->raft_address);
    reply_bulk_string(reply, "http");
    reply_bulk_string(reply, replica_node_http_address(replica, member->id));
    reply_bulk_string(reply, "redis");
    reply_bulk_string(reply, replica_node_redis_address(replica, member->id));
    reply_bulk_string(reply, "role");
    reply_bulk_string(reply, raft_member_role_text(member->role));
    reply_bulk_string(reply, "match");
    if (is_known) {
        reply_integer(reply, (int64_t)match);
    } else {
        reply_null(reply);
    }
    reply_bulk_string(reply, "reachable");
    if (is_known) {
        reply_boolean(reply, is_reachable);
    } else {
        reply_null(reply);
    }
}

enum execute_result node_quorum_members(struct session *session, const struct slice *arguments,
                                        uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    const struct raft_member *members[LIMIT_MEMBERS];
    uint32_t count = replica_members_by_name(session->executor->replica, members);
    reply_array(&session->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        reply_member(session, members[i]);
    }
    return EXECUTE_TAKEN;
}
