/* replication.c -- AppendEntries and heartbeats, the leader's end and the follower's.
 *
 * Paper 5.3 and Figure 2, AppendEntries RPC. The leader sends while its own write is in flight
 * (thesis 10.2.1) and streams without waiting for answers (thesis 10.2.2); the order in which
 * things arrive does not matter for safety. A lost message shows by a heartbeat interval without
 * progress: the leader then asks with an empty append at its end of the stream, which a follower
 * that has everything but is slow to write does not answer yet, and one that has a gap rejects.
 */
#include "raft/raft_internal.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/logger.h"

/* ---- Leader: sending ---- */

/* How many entries from index on go into one message; at least one if there is one. */
static uint32_t count_entries(const struct raft *raft, uint64_t index)
{
    uint64_t last_index = raft_log_last_index(&raft->log);
    uint64_t bytes = 0;
    uint32_t count = 0;
    while (index + count <= last_index && count < LIMIT_APPEND_ENTRIES) {
        bytes += blob_slice(raft_log_at(&raft->log, index + count)->payload).size;
        if (count > 0 && bytes > LIMIT_APPEND_BYTES) {
            break;
        }
        count++;
    }
    return count;
}

/* Sends count entries from next_index on; the log must hold the entry before them, or end there. */
static void send_append(struct raft *raft, struct raft_peer *peer, uint32_t count)
{
    uint64_t previous_index = peer->next_index - 1;
    struct raft_message message = {.type = RAFT_MESSAGE_APPEND, .to = peer->id};
    message.term = raft->hard_state.term;
    message.append.previous_index = previous_index;
    message.append.previous_term = raft_log_term_at(&raft->log, previous_index);
    message.append.commit_index = raft->commit_index;
    message.append.clock_ms = raft->clock_ms;
    message.append.sequence = ++raft->sent_sequence;
    message.append.entries_count = count;
    raft_send(raft, &message);
    uint64_t told = previous_index + count;
    told = told < raft->commit_index ? told : raft->commit_index;
    peer->commit_told = told > peer->commit_told ? told : peer->commit_told;
}

/* What comes next for this peer may be compacted since. It may have those entries and only its
 * answer be on the way: the entry at the compaction point can still be compared. */
static void skip_compacted(const struct raft *raft, struct raft_peer *peer)
{
    if (peer->next_index <= raft->log.snapshot_index) {
        raft_progress_become_probe(peer, raft->log.snapshot_index + 1);
    }
}

/* Asks, at the end of what was sent, whether all of it arrived; not counted as in flight. */
static void send_empty_append(struct raft *raft, struct raft_peer *peer)
{
    ASSERT(peer->state == RAFT_REPLICATE);
    skip_compacted(raft, peer);
    send_append(raft, peer, 0);
}

void raft_replicate_to(struct raft *raft, struct raft_peer *peer)
{
    while (!raft_progress_is_paused(peer)) {
        skip_compacted(raft, peer);
        uint32_t count = count_entries(raft, peer->next_index);
        if (count == 0 && peer->state == RAFT_REPLICATE) {
            return;
        }
        uint64_t last_index = peer->next_index + count - 1;
        send_append(raft, peer, count);
        raft_progress_sent(peer, last_index);
    }
}

void raft_replicate_to_all(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        raft_replicate_to(raft, &raft->peers[i]);
    }
}

void raft_send_heartbeat(struct raft *raft, struct raft_peer *peer)
{
    struct raft_message message = {.type = RAFT_MESSAGE_HEARTBEAT, .to = peer->id};
    message.term = raft->hard_state.term;
    uint64_t told = raft->commit_index < peer->match_index ? raft->commit_index : peer->match_index;
    message.heartbeat.commit_index = told;
    message.heartbeat.read_round = raft->reads.round;
    message.heartbeat.clock_ms = raft->clock_ms;
    raft_send(raft, &message);
    peer->round_asked = raft->reads.round;
    peer->commit_told = told > peer->commit_told ? told : peer->commit_told;
}

void raft_send_heartbeats(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        raft_send_heartbeat(raft, &raft->peers[i]);
    }
    raft->reads.round_asked_of_all = raft->reads.round;
}

void raft_send_announcements(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        if (peer->announce_index == 0 || peer->announce_index > raft->commit_index) {
            continue;
        }
        if (peer->commit_told < peer->announce_index) {
            if (peer->match_index >= peer->announce_index) {
                raft_send_heartbeat(raft, peer);
            } else if (peer->state == RAFT_REPLICATE && peer->next_index > peer->announce_index) {
                /* It has them or will soon, but did not say so: a heartbeat could not claim it. */
                send_empty_append(raft, peer);
            } else {
                continue;
            }
        }
        peer->announce_index = 0;
    }
}

/* ---- Follower: appends ---- */

/* Bounds what a peer says before anything believes it. */
static bool is_well_formed(const struct raft_message *message)
{
    const struct raft_append *append = &message->append;
    if (append->previous_index > UINT64_MAX / 2 || append->previous_term > message->term ||
        (append->previous_index == 0) != (append->previous_term == 0)) {
        return false;
    }
    uint64_t term = append->previous_term;
    for (uint32_t i = 0; i < append->entries_count; i++) {
        const struct raft_entry *entry = &append->entries[i];
        if (entry->index != append->previous_index + 1 + i || entry->term < term ||
            entry->term == 0 || entry->term > message->term) {
            return false;
        }
        term = entry->term;
        switch (entry->type) {
        case RAFT_ENTRY_NOOP:
        case RAFT_ENTRY_COMMAND:
            continue;
        case RAFT_ENTRY_CONFIGURATION: {
            struct raft_configuration configuration;
            if (raft_configuration_decode(blob_slice(entry->payload), &configuration) !=
                RESULT_OK) {
                return false;
            }
            continue;
        }
        }
        return false;
    }
    return true;
}

void raft_send_append_reply(struct raft *raft)
{
    if (!raft->append_reply_owed || !raft_hard_state_is_durable(raft)) {
        return;
    }
    uint64_t match_index = raft->verified_index;
    if (match_index > raft->persistence.persisted_index) {
        match_index = raft->persistence.persisted_index;
        if (match_index <= raft->acked_index) {
            return; /* Nothing new to say before more is durable. */
        }
    } else {
        raft->append_reply_owed = false;
    }
    struct raft_message reply = {.type = RAFT_MESSAGE_APPEND_REPLY, .to = raft->leader};
    reply.term = raft->hard_state.term;
    reply.append_reply.disk_id = raft->disk_id;
    reply.append_reply.sequence = raft->append_sequence;
    reply.append_reply.match_index = match_index;
    raft->acked_index = match_index;
    if (raft->first_acked_term == 0) {
        raft->first_acked_term = raft->hard_state.term;
    }
    raft_send(raft, &reply);
}

static enum result refuse_contradiction(const struct raft *raft, const struct raft_message *message,
                                        uint64_t index)
{
    logger_log(LOGGER_ERROR,
               "raft: leader %" PRIu64 " of term %" PRIu64 " sent another entry %" PRIu64
               " than the one this node knows as committed (commit index %" PRIu64
               "); one of the two logs is damaged",
               message->from, message->term, index, raft->commit_index);
    return RESULT_CORRUPT;
}

static void reject(struct raft *raft, const struct raft_message *message)
{
    uint64_t previous_index = message->append.previous_index;
    uint64_t last_index = raft_log_last_index(&raft->log);
    struct raft_message reply = {.type = RAFT_MESSAGE_APPEND_REPLY, .to = message->from};
    reply.term = raft->hard_state.term;
    reply.append_reply.rejected = true;
    reply.append_reply.disk_id = raft->disk_id;
    reply.append_reply.sequence = raft->append_sequence;
    reply.append_reply.rejected_index = previous_index;
    reply.append_reply.conflict_index = last_index + 1;
    if (previous_index <= last_index) {
        uint64_t term = raft_log_term_at(&raft->log, previous_index);
        uint64_t first = raft_log_lower_bound(&raft->log, term);
        reply.append_reply.conflict_term = term;
        /* What is committed does not conflict. */
        reply.append_reply.conflict_index =
            first > raft->commit_index ? first : raft->commit_index + 1;
    }
    raft_send_when_durable(raft, &reply, raft_hard_state_wait_id(raft));
}

/* Receiver steps 3 and 4: "If an existing entry conflicts with a new one (same index but different
 * terms), delete the existing entry and all that follow it"; "Append any new entries not already in
 * the log". Nothing else cuts the log: an old message that ends earlier does not (C13). */
static enum result take_entries(struct raft *raft, const struct raft_message *message)
{
    const struct raft_append *append = &message->append;
    for (uint32_t i = 0; i < append->entries_count; i++) {
        const struct raft_entry *entry = &append->entries[i];
        if (entry->index <= raft->log.snapshot_index) {
            continue;
        }
        if (entry->index <= raft_log_last_index(&raft->log)) {
            if (raft_log_term_at(&raft->log, entry->index) == entry->term) {
                continue;
            }
            if (entry->index <= raft->commit_index) {
                return refuse_contradiction(raft, message, entry->index);
            }
            raft_truncate_from(raft, entry->index);
        }
        raft_append_entry(raft, entry);
    }
    return RESULT_OK;
}

/* From a leader of this term: it is there. False when there is another one already. */
static bool hear_leader(struct raft *raft, const struct raft_message *message, uint64_t clock_ms)
{
    if (raft->role == RAFT_LEADER ||
        (raft->leader != RAFT_ID_NONE && raft->leader != message->from)) {
        logger_log(LOGGER_ERROR,
                   "raft: member %" PRIu64 " claims to lead term %" PRIu64 ", which %" PRIu64
                   " leads; ignoring it. Do two nodes share an id or a copied data directory?",
                   message->from, message->term, raft->leader);
        return false;
    }
    raft_become_follower(raft, message->term, message->from);
    raft->leader_contact_ms = raft->now_ms;
    raft->leader_clock_ms = clock_ms;
    raft_draw_election_deadline(raft);
    return true;
}

enum result raft_handle_append(struct raft *raft, const struct raft_message *message)
{
    const struct raft_append *append = &message->append;
    if (!is_well_formed(message)) {
        logger_log(LOGGER_WARNING, "raft: malformed append from member %" PRIu64 " ignored",
                   message->from);
        return RESULT_OK;
    }
    if (!hear_leader(raft, message, append->clock_ms)) {
        return RESULT_OK;
    }
    if (append->sequence > raft->append_sequence) {
        raft->append_sequence = append->sequence;
    }
    uint64_t previous_index = append->previous_index;
    /* Below the compaction point everything is committed and so matches (C15). */
    if (previous_index >= raft->log.snapshot_index) {
        if (previous_index > raft_log_last_index(&raft->log) ||
            raft_log_term_at(&raft->log, previous_index) != append->previous_term) {
            if (previous_index <= raft->commit_index) {
                return refuse_contradiction(raft, message, previous_index);
            }
            reject(raft, message);
            return RESULT_OK;
        }
    }
    enum result result = take_entries(raft, message);
    if (result != RESULT_OK) {
        return result;
    }
    uint64_t matched = previous_index + append->entries_count;
    raft->verified_index = matched > raft->verified_index ? matched : raft->verified_index;
    /* Receiver step 5: "set commitIndex = min(leaderCommit, index of last new entry)". */
    uint64_t commit = append->commit_index < matched ? append->commit_index : matched;
    if (commit > raft->commit_index) {
        raft_commit_to(raft, commit);
    }
    raft->append_reply_owed = true;
    raft_send_append_reply(raft);
    return RESULT_OK;
}

void raft_handle_heartbeat(struct raft *raft, const struct raft_message *message)
{
    if (!hear_leader(raft, message, message->heartbeat.clock_ms)) {
        return;
    }
    raft_commit_verified(raft, message->heartbeat.commit_index);
    struct raft_message reply = {.type = RAFT_MESSAGE_HEARTBEAT_REPLY, .to = message->from};
    reply.term = raft->hard_state.term;
    reply.heartbeat_reply.read_round = message->heartbeat.read_round;
    reply.heartbeat_reply.disk_id = raft->disk_id;
    raft_send_when_durable(raft, &reply, raft_hard_state_wait_id(raft));
}

/* ---- Leader: answers ---- */

/* Where to probe next after a rejection, by the paper's section 5.3, end: "the leader can decrement
 * nextIndex to bypass all of the conflicting entries in that term". */
static uint64_t back_up(const struct raft *raft, const struct raft_peer *peer,
                        const struct raft_append_reply *reply)
{
    uint64_t next_index = reply->conflict_index;
    if (reply->conflict_term != 0) {
        /* The follower's terms up to there are not above conflict_term, so nothing matches behind
         * the leader's last entry of such a term. If that is of conflict_term itself, both logs
         * have it from the same leader, and it matches; if not, nothing of that term does. */
        uint64_t behind = raft_log_lower_bound(&raft->log, reply->conflict_term + 1);
        bool has_term = raft_log_term_at(&raft->log, behind - 1) == reply->conflict_term;
        next_index = has_term || behind < next_index ? behind : next_index;
    }
    /* As in skip_compacted. When even that was rejected, the peer needs a snapshot. */
    if (next_index <= raft->log.snapshot_index) {
        next_index = raft->log.snapshot_index + 1;
    }
    next_index = next_index < reply->rejected_index ? next_index : reply->rejected_index;
    return next_index > peer->match_index ? next_index : peer->match_index + 1;
}

static void probe_from(struct raft *raft, struct raft_peer *peer, uint64_t next_index)
{
    if (next_index <= raft->log.snapshot_index) {
        raft_progress_become_snapshot(raft, peer);
        return;
    }
    raft_progress_become_probe(peer, next_index);
    raft_replicate_to(raft, peer);
}

static void handle_rejection(struct raft *raft, struct raft_peer *peer,
                             const struct raft_append_reply *reply)
{
    /* Within a term match_index only grows, and only one probe is out: all else is stale. */
    bool is_current = false;
    switch (peer->state) {
    case RAFT_PROBE:
        is_current = reply->rejected_index == peer->next_index - 1;
        break;
    case RAFT_REPLICATE:
        is_current = reply->rejected_index < peer->next_index;
        break;
    case RAFT_SNAPSHOT:
        break;
    }
    if (!is_current || reply->rejected_index <= peer->match_index) {
        return;
    }
    probe_from(raft, peer, back_up(raft, peer, reply));
}

/* The peer lost what it had, or is another: what it says of its log is where to begin anew. */
static void begin_anew(struct raft *raft, struct raft_peer *peer,
                       const struct raft_append_reply *reply)
{
    uint64_t last_index = raft_log_last_index(&raft->log);
    raft_progress_forget(raft, peer, reply->disk_id);
    uint64_t next_index =
        reply->rejected ? back_up(raft, peer, reply) : raft->log.snapshot_index + 1;
    probe_from(raft, peer, next_index <= last_index ? next_index : last_index + 1);
}

/* What was said before the link broke holds, but a peer that restarted since has yet to see that
 * its log matches: only an append of now tells it, and it commits nothing before. */
static void go_on_from_acknowledgement(const struct raft *raft, struct raft_peer *peer,
                                       uint64_t sequence)
{
    bool is_snapshot_over =
        peer->state == RAFT_SNAPSHOT && peer->match_index >= raft->log.snapshot_index;
    if (sequence >= peer->link_sequence && (peer->state == RAFT_PROBE || is_snapshot_over)) {
        raft_progress_become_replicate(peer);
    } else if (is_snapshot_over) {
        raft_progress_become_probe(peer, peer->match_index + 1);
    }
}

static void handle_acknowledgement(struct raft *raft, struct raft_peer *peer,
                                   const struct raft_append_reply *reply)
{
    if (reply->match_index < peer->match_index) {
        return;
    }
    if (reply->match_index > raft_log_last_index(&raft->log)) {
        logger_log(LOGGER_WARNING,
                   "raft: member %" PRIu64 " acknowledges entry %" PRIu64
                   ", which its leader does not have; ignoring it",
                   peer->id, reply->match_index);
        return;
    }
    raft_progress_heard(raft, peer, reply->disk_id);
    raft_progress_acked(peer, reply->match_index);
    go_on_from_acknowledgement(raft, peer, reply->sequence);
    (void)raft_advance_commit(raft);
    raft_replicate_to(raft, peer);
    raft_transfer_continue(raft, peer);
}

void raft_handle_append_reply(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = raft_progress_find(raft, message->from);
    if (raft->role != RAFT_LEADER || peer == NULL) {
        return;
    }
    const struct raft_append_reply *reply = &message->append_reply;
    switch (raft_progress_judge(peer, reply)) {
    case RAFT_REPLY_STALE:
        return;
    case RAFT_REPLY_OTHER_DISK:
    case RAFT_REPLY_LOST:
        begin_anew(raft, peer, reply);
        return;
    case RAFT_REPLY_CURRENT:
        break;
    }
    if (peer->disk_id == 0) {
        raft_progress_heard(raft, peer, reply->disk_id);
    }
    raft_progress_contact(raft, peer, reply->disk_id);
    if (reply->rejected) {
        handle_rejection(raft, peer, reply);
    } else {
        handle_acknowledgement(raft, peer, reply);
    }
}

void raft_handle_heartbeat_reply(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = raft_progress_find(raft, message->from);
    if (raft->role != RAFT_LEADER || peer == NULL) {
        return;
    }
    raft_progress_contact(raft, peer, message->heartbeat_reply.disk_id);
    if (raft_progress_counts_from(peer, message->heartbeat_reply.disk_id)) {
        uint64_t round = message->heartbeat_reply.read_round;
        if (round > peer->read_round && round <= raft->reads.round) {
            peer->read_round = round;
            raft_reads_confirm(raft);
        }
    }
    switch (peer->state) {
    case RAFT_PROBE:
        peer->probe_sent = false;
        raft_replicate_to(raft, peer);
        break;
    case RAFT_REPLICATE:
        /* Another disk answers: an append's reply will say when. */
        if (peer->stalled || message->heartbeat_reply.disk_id != peer->disk_id) {
            peer->stalled = false;
            send_empty_append(raft, peer);
        }
        break;
    case RAFT_SNAPSHOT:
        /* It may have one by now, or never have needed it: ask at the compaction point. */
        peer->next_index = raft->log.snapshot_index + 1;
        send_append(raft, peer, 0);
        break;
    }
    raft_transfer_continue(raft, peer);
}
