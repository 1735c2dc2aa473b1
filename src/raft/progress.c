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
 * whatever late, repeated or reordered answers say (C16).
 */
#include "raft/raft_internal.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/logger.h"

static struct raft_peer new_peer(const struct raft *raft, const struct raft_member *member)
{
    return (struct raft_peer){.id = member->id,
                              .is_voter = member->role == RAFT_VOTER,
                              .state = RAFT_PROBE,
                              .next_index = raft_log_last_index(&raft->log) + 1,
                              .last_contact_ms = raft->now_ms};
}

void raft_progress_reset(struct raft *raft)
{
    raft->peers_count = 0;
    raft_progress_reconfigure(raft);
}

void raft_progress_reconfigure(struct raft *raft)
{
    const struct raft_configuration *configuration = &raft->membership.latest;
    /* Both are in id order. Members that left go first, so that a place is always free. */
    uint32_t kept = 0;
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        if (raft_is_member(raft, raft->peers[i].id)) {
            raft->peers[kept++] = raft->peers[i];
        }
    }
    raft->peers_count = kept;
    uint32_t at = 0;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        if (member->id == raft->id) {
            continue;
        }
        if (at == raft->peers_count || raft->peers[at].id != member->id) {
            for (uint32_t j = raft->peers_count; j > at; j--) {
                raft->peers[j] = raft->peers[j - 1];
            }
            raft->peers[at] = new_peer(raft, member);
            raft->peers_count++;
        }
        raft->peers[at].is_voter = member->role == RAFT_VOTER;
        at++;
    }
    if (raft->transfer_to != RAFT_ID_NONE && !raft_is_voter(raft, raft->transfer_to)) {
        raft_transfer_clear(raft);
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
    if (raft_is_voter(raft, raft->id)) {
        contacts[count++] = RAFT_NEVER_MS;
    }
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        if (raft->peers[i].is_voter) {
            contacts[count++] = raft->peers[i].last_contact_ms;
        }
    }
    return raft_quorum_value(contacts, count);
}
