/* progress.c -- a leader's view of each other member: how far it is, and what may be sent to it.
 *
 *                       accepted                          needs compacted entries
 *          +------> REPLICATE <------- PROBE --------------------> SNAPSHOT
 *          |            |                ^                             |
 *          |            +----------------+                             |
 *          |          rejected, unreachable                            |
 *          +-----------------------------------------------------------+
 *                        accepted from the first index in memory on
 *
 * PROBE looks for the point up to which the logs match: one append, then wait for its answer or for
 * a heartbeat's. REPLICATE streams: next_index counts what is in flight, which at most
 * LIMIT_APPENDS_IN_FLIGHT appends may be. SNAPSHOT: heartbeats only.
 *
 * Invariant: match_index < next_index <= last_index + 1, and match_index never falls within a term,
 * whatever late, repeated or reordered answers say (C16), unless the peer is proven to have lost
 * what it had. What proves that is causality: every append carries a sequence, and a reply names
 * the newest one that was handled before it was made. heard_sequence is the newest one sent when
 * the last acknowledgement came in. So a reply to a later one was made after that acknowledgement,
 * and if it comes from another disk, or from a log without what was acknowledged, that is gone.
 * From then on replies to what was sent before are void (first_sequence), a voter does not count,
 * and change.c sees to it that the log says so.
 *
 * A member that leaves is kept for a while, so that it hears that its removal is committed.
 */
#include "raft/raft_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/logger.h"

static struct raft_peer new_peer(const struct raft *raft, const struct raft_member *member)
{
    return (struct raft_peer){.id = member->id,
                              .is_voter = member->role == RAFT_VOTER,
                              .recorded_disk_id = member->disk_id,
                              .state = RAFT_PROBE,
                              .next_index = raft_log_last_index(&raft->log) + 1,
                              .last_contact_ms = raft->now_ms,
                              .quorum_contact_ms = raft->now_ms,
                              .disk_contact_ms = raft->now_ms};
}

void raft_progress_reset(struct raft *raft)
{
    raft->peers_count = 0;
    raft_progress_reconfigure(raft);
}

static void remove_at(struct raft *raft, uint32_t at)
{
    raft->peers_count--;
    memmove(&raft->peers[at], &raft->peers[at + 1],
            (raft->peers_count - at) * sizeof(raft->peers[0]));
}

/* Whoever is no member any more is still to hear of it. */
static void mark_leaving(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        if (!peer->is_leaving && !raft_is_member(raft, peer->id)) {
            peer->is_leaving = true;
            peer->leaving_index = raft->membership.latest_index;
            peer->leaving_until_ms = RAFT_NEVER_MS;
            peer->is_voter = false;
            peer->has_lost = false;
        }
    }
}

/* Makes room for one more; those that leave give way. */
static void reserve_one(struct raft *raft)
{
    for (uint32_t i = 0; raft->peers_count == RAFT_PEERS_MAX; i++) {
        ASSERT(i < raft->peers_count);
        if (raft->peers[i].is_leaving) {
            remove_at(raft, i);
        }
    }
}

static struct raft_peer *find_or_insert(struct raft *raft, const struct raft_member *member)
{
    struct raft_peer *known = raft_progress_find(raft, member->id);
    if (known != NULL) {
        return known;
    }
    reserve_one(raft);
    uint32_t at = raft->peers_count;
    while (at > 0 && raft->peers[at - 1].id > member->id) {
        raft->peers[at] = raft->peers[at - 1];
        at--;
    }
    raft->peers_count++;
    raft->peers[at] = new_peer(raft, member);
    return &raft->peers[at];
}

static void take_member(struct raft_peer *peer, const struct raft_member *member)
{
    bool is_voter = member->role == RAFT_VOTER;
    if (is_voter != peer->is_voter || member->disk_id != peer->recorded_disk_id) {
        peer->read_round = 0; /* It was acknowledged by another disk, or without a vote. */
    }
    if (is_voter && !peer->is_voter) {
        peer->quorum_contact_ms = peer->disk_contact_ms;
    }
    peer->is_voter = is_voter;
    peer->recorded_disk_id = member->disk_id;
    peer->has_lost = peer->has_lost && is_voter;
    peer->is_leaving = false;
}

void raft_progress_reconfigure(struct raft *raft)
{
    const struct raft_configuration *configuration = &raft->membership.latest;
    mark_leaving(raft);
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        if (member->id != raft->id) {
            take_member(find_or_insert(raft, member), member);
        }
    }
    if (raft->transfer_to != RAFT_ID_NONE && !raft_is_voter(raft, raft->transfer_to)) {
        raft_transfer_clear(raft);
    }
}

void raft_progress_expire_leaving(struct raft *raft)
{
    for (uint32_t i = raft->peers_count; i > 0; i--) {
        struct raft_peer *peer = &raft->peers[i - 1];
        if (!peer->is_leaving || peer->leaving_index > raft->commit_index) {
            continue;
        }
        if (peer->leaving_until_ms == RAFT_NEVER_MS) {
            peer->leaving_until_ms = raft->now_ms + 2 * (uint64_t)raft->timers.election_ms_max;
        } else if (raft->now_ms >= peer->leaving_until_ms) {
            remove_at(raft, i - 1);
        }
    }
}

struct raft_peer *raft_progress_find(struct raft *raft, uint64_t id)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        if (raft->peers[i].id == id) {
            return &raft->peers[i];
        }
    }
    return NULL;
}

static void forget_in_flight(struct raft_peer *peer)
{
    peer->in_flight_head = 0;
    peer->in_flight_count = 0;
}

void raft_progress_become_probe(struct raft_peer *peer, uint64_t next_index)
{
    ASSERT(next_index > peer->match_index);
    peer->state = RAFT_PROBE;
    peer->next_index = next_index;
    peer->probe_sent = false;
    peer->probe_last_index = 0;
    peer->commit_told = 0;
    forget_in_flight(peer);
}

void raft_progress_become_replicate(struct raft_peer *peer)
{
    uint64_t probe_last_index = peer->probe_last_index;
    peer->state = RAFT_REPLICATE;
    peer->next_index = peer->match_index + 1;
    peer->probe_sent = false;
    peer->probe_last_index = 0;
    forget_in_flight(peer);
    if (probe_last_index > peer->match_index) {
        /* What went with the probe opens the stream; it need not go twice. */
        raft_progress_sent(peer, probe_last_index);
    }
}

void raft_progress_become_snapshot(struct raft *raft, struct raft_peer *peer)
{
    if (peer->state != RAFT_SNAPSHOT) {
        logger_log(LOGGER_NOTICE,
                   "raft: member %" PRIu64 " needs entries up to %" PRIu64
                   ", which are compacted: it needs a snapshot",
                   peer->id, raft->log.snapshot_index);
    }
    peer->state = RAFT_SNAPSHOT;
    peer->probe_last_index = 0;
    forget_in_flight(peer);
}

bool raft_progress_is_paused(const struct raft_peer *peer)
{
    switch (peer->state) {
    case RAFT_PROBE:
        return peer->probe_sent;
    case RAFT_REPLICATE:
        return peer->in_flight_count == LIMIT_APPENDS_IN_FLIGHT;
    case RAFT_SNAPSHOT:
        return true;
    }
    return true;
}

void raft_progress_sent(struct raft_peer *peer, uint64_t last_index)
{
    ASSERT(!raft_progress_is_paused(peer));
    if (peer->state == RAFT_PROBE) {
        peer->probe_sent = true;
        peer->probe_last_index = last_index >= peer->next_index ? last_index : 0;
        return;
    }
    ASSERT(last_index >= peer->next_index);
    if (peer->in_flight_count == 0) {
        peer->moved = true;
    }
    peer->next_index = last_index + 1;
    uint32_t at = (peer->in_flight_head + peer->in_flight_count) % LIMIT_APPENDS_IN_FLIGHT;
    peer->in_flight[at] = last_index;
    peer->in_flight_count++;
}

void raft_progress_acked(struct raft_peer *peer, uint64_t match_index)
{
    if (match_index > peer->match_index) {
        peer->match_index = match_index;
        peer->moved = true;
    }
    while (peer->in_flight_count > 0 && peer->in_flight[peer->in_flight_head] <= match_index) {
        peer->in_flight_head = (peer->in_flight_head + 1) % LIMIT_APPENDS_IN_FLIGHT;
        peer->in_flight_count--;
    }
    if (peer->next_index <= peer->match_index) {
        peer->next_index = peer->match_index + 1;
    }
}

bool raft_progress_counts_from(const struct raft_peer *peer, uint64_t disk_id)
{
    return peer->is_voter && !peer->has_lost &&
           (peer->recorded_disk_id == 0 || peer->recorded_disk_id == disk_id);
}

bool raft_progress_counts(const struct raft_peer *peer)
{
    return raft_progress_counts_from(peer, peer->disk_id);
}

void raft_progress_contact(const struct raft *raft, struct raft_peer *peer, uint64_t disk_id)
{
    if (peer->disk_id == disk_id || peer->disk_id == 0) {
        peer->disk_contact_ms = raft->now_ms;
    }
    if (raft_progress_counts_from(peer, disk_id)) {
        peer->quorum_contact_ms = raft->now_ms;
    }
}

bool raft_progress_is_active(const struct raft *raft, const struct raft_peer *peer)
{
    return raft->now_ms - peer->disk_contact_ms < raft->timers.election_ms_max;
}

bool raft_progress_has_caught_up(const struct raft *raft, const struct raft_peer *peer)
{
    return peer->state == RAFT_REPLICATE && raft_progress_is_active(raft, peer) &&
           peer->match_index + RAFT_CAUGHT_UP_ENTRIES >= raft_log_last_index(&raft->log);
}

enum raft_reply_worth raft_progress_judge(const struct raft_peer *peer,
                                          const struct raft_append_reply *reply)
{
    bool is_later = reply->sequence > peer->heard_sequence;
    if (reply->sequence < peer->first_sequence) {
        return RAFT_REPLY_STALE;
    }
    if (peer->disk_id != 0 && reply->disk_id != peer->disk_id) {
        return is_later ? RAFT_REPLY_OTHER_DISK : RAFT_REPLY_STALE;
    }
    /* With a conflict of terms the log may well reach further than where the conflict begins. */
    bool ends_before = reply->conflict_term == 0 && reply->conflict_index <= peer->match_index;
    if (reply->rejected && is_later && peer->match_index > 0 &&
        (reply->rejected_index <= peer->match_index || ends_before)) {
        return RAFT_REPLY_LOST;
    }
    return RAFT_REPLY_CURRENT;
}

void raft_progress_heard(const struct raft *raft, struct raft_peer *peer, uint64_t disk_id)
{
    peer->disk_id = disk_id;
    peer->heard_sequence = raft->sent_sequence;
}

void raft_progress_forget(struct raft *raft, struct raft_peer *peer, uint64_t disk_id)
{
    logger_log(LOGGER_WARNING,
               "raft: member %" PRIu64 " no longer has what it acknowledged up to entry %" PRIu64
               " (disk %" PRIx64 ", now %" PRIx64 "): it is brought up to date anew",
               peer->id, peer->match_index, peer->disk_id, disk_id);
    raft_remember(raft, peer);
    /* A recorded disk speaks for itself: it counts or does not by its id. */
    peer->has_lost = peer->is_voter &&
                     (peer->has_lost || peer->recorded_disk_id == 0 || disk_id == peer->disk_id);
    raft_progress_heard(raft, peer, disk_id);
    peer->first_sequence = raft->sent_sequence + 1;
    peer->match_index = 0;
    peer->read_round = 0;
    if (raft->transfer_to == peer->id) {
        raft_transfer_clear(raft);
    }
}

void raft_progress_note_stalls(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        peer->stalled = peer->state == RAFT_REPLICATE && !peer->moved &&
                        peer->match_index + 1 < peer->next_index;
        peer->moved = false;
    }
}

uint64_t raft_progress_quorum_contact_ms(const struct raft *raft)
{
    uint64_t contacts[LIMIT_MEMBERS];
    uint32_t count = 0;
    if (raft_is_voter_itself(raft)) {
        contacts[count++] = RAFT_NEVER_MS;
    }
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        if (raft->peers[i].is_voter) {
            contacts[count++] = raft->peers[i].quorum_contact_ms;
        }
    }
    return raft_quorum_value(contacts, count);
}
