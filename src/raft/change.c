/* change.c -- changing the membership (thesis chapter 4): what a leader is asked for, and what it
 * does by itself.
 *
 * Thesis 4.1: "only one server can be added or removed from the cluster at a time", because then
 * any majority of the old configuration has a member in common with any of the new one. So the
 * configuration in force must be committed before the next (M2), and a leader must have committed
 * an entry of its own term before its first (M1, the flaw found in 2015: otherwise an earlier
 * leader's change, not seen here, may be the one before last). A voter on another disk is another
 * server by this rule: it leaves the voters and joins them again, in two changes.
 *
 * By itself, one change at a time and in this order, a leader
 *   - makes a voter that lost what it had, or answers from another disk than the recorded one,
 *     RAFT_JOINING. Until that is committed it already does not count;
 *   - records the disks of voters that have none recorded, which changes no majority;
 *   - makes a RAFT_JOINING member that has caught up a voter, on the disk that it answers from;
 *   - hands over and steps down when its own removal is committed, having led till then without
 *     counting itself (M5, thesis 4.2.2).
 */
#include "raft/raft_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/logger.h"

static bool may_change(const struct raft *raft)
{
    return raft_own_term_is_committed(raft) && raft_configuration_is_committed(raft) &&
           raft->transfer_to == RAFT_ID_NONE;
}

static struct raft_member *find_member(struct raft_configuration *configuration, uint64_t id)
{
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        if (configuration->members[i].id == id) {
            return &configuration->members[i];
        }
    }
    return NULL;
}

static uint32_t count_voters(const struct raft_configuration *configuration)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        count += configuration->members[i].role == RAFT_VOTER ? 1 : 0;
    }
    return count;
}

/* Whether a voter of a configuration to come would count there, and was heard from lately. */
static bool is_reached(struct raft *raft, const struct raft_member *member)
{
    if (member->id == raft->id) {
        return member->disk_id == 0 || member->disk_id == raft->disk_id;
    }
    const struct raft_peer *peer = raft_progress_find(raft, member->id);
    return peer != NULL && !peer->has_lost && raft_progress_is_active(raft, peer) &&
           (member->disk_id == 0 || member->disk_id == peer->disk_id);
}

static bool reaches_majority(struct raft *raft, const struct raft_configuration *configuration)
{
    uint32_t reached = 0;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        reached += member->role == RAFT_VOTER && is_reached(raft, member) ? 1 : 0;
    }
    return reached > count_voters(configuration) / 2;
}

static void put_in_force(struct raft *raft, const struct raft_configuration *configuration)
{
    ASSERT(may_change(raft));
    ASSERT(count_voters(configuration) > 0);
    raft_append_configuration(raft, configuration);
    raft_replicate_to_all(raft);
}

/* ---- What a leader is asked for: each fills next, or leaves it as it is in force ---- */

/* Whether an asked-for address is one, and another than the recorded one. */
static bool differs(const char *asked, const char *recorded)
{
    return asked[0] != '\0' && strcmp(asked, recorded) != 0;
}

static bool differ(const struct raft_member *asked, const struct raft_member *recorded)
{
    return differs(asked->raft_address, recorded->raft_address) ||
           differs(asked->http_address, recorded->http_address) ||
           differs(asked->redis_address, recorded->redis_address);
}

static bool is_shared(const char *a, const char *b)
{
    return a[0] != '\0' && strcmp(a, b) == 0;
}

/* Whether another member has one of the addresses. */
static bool is_taken(const struct raft_configuration *configuration,
                     const struct raft_member *member)
{
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *other = &configuration->members[i];
        if (other->id != member->id && (is_shared(member->raft_address, other->raft_address) ||
                                        is_shared(member->http_address, other->http_address) ||
                                        is_shared(member->redis_address, other->redis_address))) {
            return true;
        }
    }
    return false;
}

static enum result add(const struct raft_change *change, struct raft_configuration *next,
                       bool *is_changed)
{
    struct raft_member member = change->member;
    if (member.id == RAFT_ID_NONE || (member.role != RAFT_JOINING && member.role != RAFT_LEARNER)) {
        return RESULT_INVALID;
    }
    const struct raft_member *recorded = raft_configuration_find(next, member.id);
    if (recorded != NULL) {
        return differ(&member, recorded) ? RESULT_EXISTS : RESULT_OK;
    }
    if (is_taken(next, &member)) {
        return RESULT_EXISTS;
    }
    member.disk_id = 0; /* Recorded when it becomes a voter. */
    *is_changed = true;
    return raft_configuration_put(next, &member);
}

static enum result take_out(const struct raft_change *change, struct raft_configuration *next,
                            bool *is_changed)
{
    const struct raft_member *member = raft_configuration_find(next, change->member.id);
    if (member == NULL) {
        return RESULT_NOT_FOUND;
    }
    if (member->role == RAFT_VOTER && count_voters(next) == 1) {
        return RESULT_INVALID;
    }
    raft_configuration_remove(next, change->member.id);
    *is_changed = true;
    return RESULT_OK;
}

/* A voter from now on, on the disk that it answers from. */
static void make_voter(const struct raft_peer *peer, struct raft_member *member)
{
    member->role = RAFT_VOTER;
    member->disk_id = peer->disk_id;
}

static enum result promote(struct raft *raft, const struct raft_change *change,
                           struct raft_configuration *next, bool *is_changed)
{
    struct raft_member *member = find_member(next, change->member.id);
    if (member == NULL) {
        return RESULT_NOT_FOUND;
    }
    if (member->role == RAFT_VOTER) {
        return RESULT_OK;
    }
    const struct raft_peer *peer = raft_progress_find(raft, member->id);
    if (peer == NULL || !raft_progress_has_caught_up(raft, peer)) {
        return RESULT_CONFLICT;
    }
    make_voter(peer, member);
    *is_changed = true;
    return RESULT_OK;
}

static void move(const char *asked, char *recorded, size_t size)
{
    if (asked[0] != '\0') {
        (void)snprintf(recorded, size, "%s", asked);
    }
}

static enum result readdress(const struct raft_change *change, struct raft_configuration *next,
                             bool *is_changed)
{
    struct raft_member *member = find_member(next, change->member.id);
    if (member == NULL) {
        return RESULT_NOT_FOUND;
    }
    *is_changed = differ(&change->member, member);
    move(change->member.raft_address, member->raft_address, sizeof(member->raft_address));
    move(change->member.http_address, member->http_address, sizeof(member->http_address));
    move(change->member.redis_address, member->redis_address, sizeof(member->redis_address));
    return is_taken(next, member) ? RESULT_EXISTS : RESULT_OK;
}

static enum result make_next(struct raft *raft, const struct raft_change *change,
                             struct raft_configuration *next, bool *is_changed)
{
    switch (change->kind) {
    case RAFT_CHANGE_ADD:
        return add(change, next, is_changed);
    case RAFT_CHANGE_REMOVE:
        return take_out(change, next, is_changed);
    case RAFT_CHANGE_PROMOTE:
        return promote(raft, change, next, is_changed);
    case RAFT_CHANGE_ADDRESSES:
        return readdress(change, next, is_changed);
    }
    return RESULT_INVALID;
}

enum result raft_handle_change(struct raft *raft, const struct raft_change *change)
{
    if (raft->role != RAFT_LEADER) {
        return RESULT_NOT_LEADER;
    }
    struct raft_configuration next = raft->membership.latest;
    bool is_changed = false;
    enum result result = make_next(raft, change, &next, &is_changed);
    if (result == RESULT_OK && !is_changed) {
        return RESULT_OK;
    }
    if (!may_change(raft)) {
        return RESULT_BUSY; /* What is in force may not stay so: it decides nothing yet. */
    }
    if (result != RESULT_OK) {
        return result;
    }
    if (!change->force && !reaches_majority(raft, &next)) {
        return RESULT_UNREACHABLE;
    }
    put_in_force(raft, &next);
    return RESULT_OK;
}

/* ---- What it does by itself: each returns whether it made a change ---- */

static bool demote_one(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        const struct raft_peer *peer = &raft->peers[i];
        /* A disk that did not answer yet is not another one. */
        if (!peer->is_voter || raft_progress_counts(peer) || peer->disk_id == 0) {
            continue;
        }
        struct raft_configuration next = raft->membership.latest;
        struct raft_member *member = find_member(&next, peer->id);
        member->role = RAFT_JOINING;
        member->disk_id = 0;
        if (count_voters(&next) == 0) {
            continue;
        }
        logger_log(LOGGER_WARNING,
                   "raft: member %" PRIu64 " (%s) is no voter until it has caught up: it answers"
                   " from disk %" PRIx64 " and lost what it had acknowledged",
                   peer->id, member->name, peer->disk_id);
        put_in_force(raft, &next);
        return true;
    }
    return false;
}

/* The disk that a voter answers from while none is recorded; 0: nothing to record. */
static uint64_t disk_to_record(struct raft *raft, const struct raft_member *member)
{
    if (member->role != RAFT_VOTER || member->disk_id != 0) {
        return 0;
    }
    if (member->id == raft->id) {
        return raft->disk_id;
    }
    const struct raft_peer *peer = raft_progress_find(raft, member->id);
    return peer == NULL || peer->has_lost ? 0 : peer->disk_id;
}

static bool record_disks(struct raft *raft)
{
    const struct raft_configuration *latest = &raft->membership.latest;
    uint32_t first = 0;
    while (first < latest->members_count && disk_to_record(raft, &latest->members[first]) == 0) {
        first++;
    }
    if (first == latest->members_count) {
        return false; /* As nearly always. */
    }
    struct raft_configuration next = *latest;
    for (uint32_t i = first; i < next.members_count; i++) {
        uint64_t disk_id = disk_to_record(raft, &next.members[i]);
        next.members[i].disk_id = disk_id == 0 ? next.members[i].disk_id : disk_id;
    }
    put_in_force(raft, &next);
    return true;
}

static bool promote_one(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        const struct raft_peer *peer = &raft->peers[i];
        const struct raft_member *joining =
            raft_configuration_find(&raft->membership.latest, peer->id);
        if (joining == NULL || joining->role != RAFT_JOINING ||
            !raft_progress_has_caught_up(raft, peer)) {
            continue;
        }
        struct raft_configuration next = raft->membership.latest;
        make_voter(peer, find_member(&next, peer->id));
        if (!reaches_majority(raft, &next)) {
            continue;
        }
        logger_log(LOGGER_NOTICE, "raft: member %" PRIu64 " (%s) has caught up and is a voter",
                   joining->id, joining->name);
        put_in_force(raft, &next);
        return true;
    }
    return false;
}

/* Thesis 4.2.2: "a leader that is removed from the configuration steps down once the Cnew entry is
 * committed". The best of those that stay campaigns at once: what was sent to it goes before. */
static void leave(struct raft *raft)
{
    logger_log(LOGGER_NOTICE,
               "raft: the removal of this node is committed: leadership of term %" PRIu64
               " handed over",
               raft->hard_state.term);
    raft_send_heartbeats(raft); /* The others may not have heard of the commit. */
    struct raft_peer *heir = raft_transfer_find_heir(raft);
    if (heir != NULL) {
        raft_replicate_to(raft, heir);
        raft_send_timeout_now(raft, heir);
    }
    raft_become_follower(raft, raft->hard_state.term, RAFT_ID_NONE);
}

void raft_change_continue(struct raft *raft)
{
    ASSERT(raft->role == RAFT_LEADER);
    raft_progress_expire_leaving(raft);
    if (!raft_own_term_is_committed(raft) || !raft_configuration_is_committed(raft)) {
        return;
    }
    if (!raft_is_voter_itself(raft)) {
        leave(raft);
        return;
    }
    if (may_change(raft)) {
        (void)(demote_one(raft) || record_disks(raft) || promote_one(raft));
    }
}
