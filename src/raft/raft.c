/* raft.c -- takes one event a step and gathers what is to be done; and the small questions.
 *
 * DESIGN. raft_step: begin (time, empty outbox) -> CheckQuorum, if leading -> the event, handed to
 * the file that its rule lives in -> finish (announcements, the persist, pointers into the log).
 */
#include "raft/raft_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"

void *raft_grow(void *array, uint32_t count, uint32_t *capacity, size_t item_size)
{
    ASSERT(count <= *capacity);
    if (count < *capacity) {
        return array;
    }
    ASSERT(*capacity <= UINT32_MAX / 2);
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    return mem_realloc(array, *capacity * item_size);
}

void raft_send(struct raft *raft, const struct raft_message *message)
{
    ASSERT(message->to != raft->id);
    ASSERT(message->term != 0);
    raft->outbox =
        raft_grow(raft->outbox, raft->outbox_count, &raft->outbox_capacity, sizeof(*raft->outbox));
    raft->outbox[raft->outbox_count] = *message;
    raft->outbox[raft->outbox_count].from = raft->id;
    raft->outbox_count++;
}

void raft_append_entry(struct raft *raft, const struct raft_entry *entry)
{
    raft_log_append(&raft->log, entry);
    if (entry->type == RAFT_ENTRY_CONFIGURATION) {
        raft_membership_append(raft, entry);
    }
}

void raft_append_own(struct raft *raft, enum raft_entry_type type, struct blob *payload)
{
    ASSERT(raft->role == RAFT_LEADER);
    struct raft_entry entry = {.index = raft_log_last_index(&raft->log) + 1,
                               .term = raft->hard_state.term,
                               .type = type,
                               .payload = payload};
    raft_append_entry(raft, &entry);
    raft->uncommitted_bytes += blob_slice(payload).size + RAFT_ENTRY_OVERHEAD_BYTES;
    blob_release(payload);
}

void raft_truncate_from(struct raft *raft, uint64_t index)
{
    ASSERT(index > raft->commit_index);
    ASSERT(raft->role == RAFT_FOLLOWER);
    raft_log_truncate(&raft->log, index);
    raft_persistence_truncate(raft, index);
    raft_membership_truncate(raft, index);
    if (raft->verified_index >= index) {
        raft->verified_index = index - 1;
    }
    if (raft->acked_index >= index) {
        raft->acked_index = index - 1;
    }
}

/* ---- The other events ---- */

/* CheckQuorum, thesis 6.2: "a leader in Raft steps down if an election timeout elapses without a
 * successful round of heartbeats to a majority of its cluster". Asked before anything that came in
 * is believed, so that a leader that slept answers nothing from before (C4). */
static void check_quorum(struct raft *raft)
{
    uint64_t contact_ms = raft_progress_quorum_contact_ms(raft);
    if (contact_ms == RAFT_NEVER_MS || raft->now_ms - contact_ms < raft->timers.election_ms_max) {
        return;
    }
    logger_log(LOGGER_NOTICE,
               "raft: no contact with a majority for %" PRIu64 " ms: leadership of term %" PRIu64
               " given up",
               raft->now_ms - contact_ms, raft->hard_state.term);
    raft_become_follower(raft, raft->hard_state.term, RAFT_ID_NONE);
}

static void handle_deadline(struct raft *raft)
{
    raft_reads_on_deadline(raft);
    if (raft->role != RAFT_LEADER) {
        if (raft->now_ms >= raft->election_deadline_ms) {
            raft_on_election_deadline(raft);
        }
        return;
    }
    if (raft->now_ms >= raft->transfer_deadline_ms) {
        raft_transfer_clear(raft);
    }
    if (raft->now_ms >= raft->heartbeat_deadline_ms) {
        raft->heartbeat_deadline_ms = raft->now_ms + raft->timers.heartbeat_ms;
        raft_progress_note_stalls(raft);
        raft_send_heartbeats(raft);
    }
}

static enum result handle_proposal(struct raft *raft, struct blob *proposal)
{
    uint64_t size = blob_slice(proposal).size;
    if (raft->role != RAFT_LEADER) {
        return RESULT_NOT_LEADER;
    }
    if (size > LIMIT_ENTRY_BYTES) {
        return RESULT_LIMIT;
    }
    /* One entry always goes, or one larger than the limit never could. */
    if (raft->transfer_to != RAFT_ID_NONE ||
        (raft->uncommitted_bytes > 0 && raft->uncommitted_bytes + size > LIMIT_UNCOMMITTED_BYTES)) {
        return RESULT_BUSY;
    }
    raft_append_own(raft, RAFT_ENTRY_COMMAND, proposal);
    raft_replicate_to_all(raft);
    return RESULT_OK;
}

static void handle_unreachable(struct raft *raft, uint64_t id)
{
    struct raft_peer *peer = raft_progress_find(raft, id);
    if (peer != NULL && peer->is_leaving) {
        peer->leaving_until_ms = raft->now_ms; /* It cannot be told. */
    }
    if (peer == NULL) {
        return;
    }
    peer->link_sequence = raft->sent_sequence + 1;
    if (peer->state == RAFT_REPLICATE) {
        raft_progress_become_probe(peer, peer->match_index + 1);
        peer->probe_sent = true; /* The next answer to a heartbeat starts it. */
    }
}

static enum result handle_event(struct raft *raft, const struct raft_event *event)
{
    switch (event->type) {
    case RAFT_EVENT_DEADLINE:
        handle_deadline(raft);
        break;
    case RAFT_EVENT_MESSAGE:
        return raft_handle_message(raft, event->message);
    case RAFT_EVENT_PROPOSE:
        return handle_proposal(raft, event->proposal);
    case RAFT_EVENT_READ:
        raft_handle_read_event(raft, event->read_context);
        break;
    case RAFT_EVENT_PERSISTED:
        raft_handle_persisted(raft, event->persist_id);
        break;
    case RAFT_EVENT_SNAPSHOT_SAVED:
        raft_handle_snapshot_saved(raft, event->snapshot_index);
        break;
    case RAFT_EVENT_UNREACHABLE:
        handle_unreachable(raft, event->peer);
        break;
    case RAFT_EVENT_TRANSFER:
        return raft_handle_transfer(raft, event->peer);
    case RAFT_EVENT_SNAPSHOT_INSTALLED:
        return raft_handle_snapshot_installed(raft, &event->snapshot);
    case RAFT_EVENT_CHANGE:
        return raft_handle_change(raft, event->change);
    case RAFT_EVENT_REMEMBERED:
        raft_handle_remembered(raft, event->remembered.peer, &event->remembered.memory);
        break;
    }
    return RESULT_OK;
}

/* ---- The step ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_deadline_ms(const struct raft *raft)
{
    if (raft->role != RAFT_LEADER) {
        return earlier(raft->election_deadline_ms, raft_reads_deadline_ms(raft));
    }
    uint64_t contact_ms = raft_progress_quorum_contact_ms(raft);
    uint64_t quorum_ms =
        contact_ms == RAFT_NEVER_MS ? RAFT_NEVER_MS : contact_ms + raft->timers.election_ms_max;
    uint64_t own_ms = earlier(raft->heartbeat_deadline_ms, raft_reads_deadline_ms(raft));
    return earlier(own_ms, earlier(quorum_ms, raft->transfer_deadline_ms));
}

static void point_messages_at_log(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->outbox_count; i++) {
        struct raft_message *message = &raft->outbox[i];
        if (message->type == RAFT_MESSAGE_APPEND && message->append.entries_count > 0) {
            message->append.entries = raft_log_at(&raft->log, message->append.previous_index + 1);
        }
    }
}

enum result raft_step(struct raft *raft, uint64_t now_ms, const struct raft_event *event,
                      struct raft_ready *ready)
{
    raft->now_ms = now_ms > raft->now_ms ? now_ms : raft->now_ms;
    raft->outbox_count = 0;
    raft->reads.results_count = 0;
    raft->leader_clock_ms = 0;
    enum raft_role role = raft->role;
    uint64_t term = raft->hard_state.term;
    uint64_t leader = raft->leader;
    uint64_t version = raft->membership.version;
    if (raft->role == RAFT_LEADER) {
        check_quorum(raft);
    }
    enum result result = handle_event(raft, event);
    if (raft->role == RAFT_LEADER) {
        raft_change_continue(raft);
    }
    if (raft->role == RAFT_LEADER) {
        raft_send_announcements(raft);
    }
    memset(ready, 0, sizeof(*ready));
    raft_persist_collect(raft, &ready->persist);
    point_messages_at_log(raft);
    ready->messages = raft->outbox;
    ready->messages_count = raft->outbox_count;
    ready->reads = raft->reads.results;
    ready->reads_count = raft->reads.results_count;
    ready->commit_index = raft->commit_index;
    ready->deadline_ms = next_deadline_ms(raft);
    ready->leader_clock_ms = raft->leader_clock_ms;
    ready->role_or_leader_changed =
        raft->role != role || raft->hard_state.term != term || raft->leader != leader;
    ready->configuration_changed = raft->membership.version != version;
#ifdef QUORUM_DEBUG
    raft_check_invariants(raft);
#endif
    return result;
}

/* ---- Questions and small settings ---- */

void raft_set_clock(struct raft *raft, uint64_t clock_ms)
{
    raft->clock_ms = clock_ms;
}

void raft_announce_commit(struct raft *raft, uint64_t peer_id, uint64_t index)
{
    struct raft_peer *peer = raft_progress_find(raft, peer_id);
    if (peer != NULL && index > peer->announce_index) {
        peer->announce_index = index;
    }
}

void raft_bootstrap_cluster_id(struct raft *raft, const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES])
{
    memcpy(raft->bootstrap_cluster_id, cluster_id, RAFT_CLUSTER_ID_BYTES);
}

void raft_wait_for_leader(struct raft *raft)
{
    raft->waits_for_leader = true;
    if (raft_is_waiting(raft) && raft->role != RAFT_LEADER) {
        raft_become_follower(raft, raft->hard_state.term, raft->leader);
    }
}

void raft_get_status(const struct raft *raft, struct raft_status *out)
{
    *out = (struct raft_status){
        .id = raft->id,
        .role = raft->role,
        .is_voter = raft_is_voter_itself(raft) && !raft_is_waiting(raft) && !raft_has_lost(raft),
        .is_member = raft_is_member(raft, raft->id),
        .term = raft->hard_state.term,
        .vote = raft->hard_state.vote,
        .leader = raft->leader,
        .transfer_to = raft->transfer_to,
        .first_index = raft_log_first_index(&raft->log),
        .last_index = raft_log_last_index(&raft->log),
        .persisted_index = raft->persistence.persisted_index,
        .commit_index = raft->commit_index,
        .configuration_index = raft->membership.latest_index,
        .own_term_committed = raft_own_term_is_committed(raft),
    };
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        const struct raft_peer *peer = &raft->peers[i];
        if (peer->state == RAFT_SNAPSHOT && !peer->is_leaving) {
            out->needs_snapshots = true;
        }
    }
}

uint32_t raft_get_progress(const struct raft *raft, struct raft_progress *out, uint32_t capacity)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < raft->peers_count && count < capacity; i++) {
        const struct raft_peer *peer = &raft->peers[i];
        if (peer->is_leaving) {
            continue;
        }
        out[count++] = (struct raft_progress){
            .id = peer->id,
            .state = peer->state,
            .match_index = peer->match_index,
            .next_index = peer->next_index,
            .last_contact_ms = peer->last_contact_ms,
            .recently_active = raft->now_ms - peer->last_contact_ms < raft->timers.election_ms_max,
        };
    }
    return count;
}

const struct raft_configuration *raft_configuration_latest(const struct raft *raft)
{
    return &raft->membership.latest;
}

const struct raft_entry *raft_entry_at(const struct raft *raft, uint64_t index)
{
    return raft_log_at(&raft->log, index);
}

const char *raft_role_text(enum raft_role role)
{
    switch (role) {
    case RAFT_FOLLOWER:
        return "Follower";
    case RAFT_PRE_CANDIDATE:
    case RAFT_CANDIDATE:
        return "Candidate";
    case RAFT_LEADER:
        return "Leader";
    }
    return "Unknown";
}
