/* raft.c -- creates a node, takes one event a step, and gathers what is to be done.
 *
 * DESIGN. raft_step: begin (time, empty outbox) -> CheckQuorum, if leading -> the event, handed to
 * the file that its rule lives in -> finish (announcements, the persist, pointers into the log).
 * Terms are compared here, once, before any handler sees a message (paper 5.1).
 */
#include "raft/raft_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"

enum { ELECTION_MS_MIN = 150, ELECTION_MS_MAX = 300, HEARTBEAT_MS = 50 };

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

/* ---- Create ---- */

static bool take_timers(struct raft_timers *timers)
{
    if (timers->election_ms_min == 0) {
        timers->election_ms_min = ELECTION_MS_MIN;
    }
    if (timers->election_ms_max == 0) {
        timers->election_ms_max = ELECTION_MS_MAX;
    }
    if (timers->heartbeat_ms == 0) {
        timers->heartbeat_ms = HEARTBEAT_MS;
    }
    return timers->heartbeat_ms < timers->election_ms_min &&
           timers->election_ms_min <= timers->election_ms_max;
}

static enum result check_entry(const struct raft_entry *entry)
{
    switch (entry->type) {
    case RAFT_ENTRY_NOOP:
    case RAFT_ENTRY_COMMAND:
        return RESULT_OK;
    case RAFT_ENTRY_CONFIGURATION: {
        struct raft_configuration configuration;
        return raft_configuration_decode(blob_slice(entry->payload), &configuration);
    }
    }
    return RESULT_CORRUPT;
}

static enum result check_start(const struct raft_start *start)
{
    if ((start->snapshot_index == 0) != (start->snapshot_term == 0)) {
        return RESULT_CORRUPT;
    }
    uint64_t term = start->snapshot_term;
    for (uint64_t i = 0; i < start->entries_count; i++) {
        const struct raft_entry *entry = &start->entries[i];
        if (entry->index != start->snapshot_index + 1 + i || entry->term < term ||
            entry->term == 0 || entry->term > start->hard_state.term) {
            logger_log(LOGGER_ERROR,
                       "raft: entry %" PRIu64 " of term %" PRIu64 " found where entry %" PRIu64
                       " of a term from %" PRIu64 " to %" PRIu64 " belongs",
                       entry->index, entry->term, start->snapshot_index + 1 + i, term,
                       start->hard_state.term);
            return RESULT_CORRUPT;
        }
        term = entry->term;
        enum result result = check_entry(entry);
        if (result != RESULT_OK) {
            logger_log(LOGGER_ERROR, "raft: entry %" PRIu64 " cannot be read: %s", entry->index,
                       result_text(result));
            return result;
        }
    }
    return RESULT_OK;
}

static void take_log(struct raft *raft, const struct raft_start *start)
{
    raft->log.snapshot_index = start->snapshot_index;
    raft->log.snapshot_term = start->snapshot_term;
    raft_membership_init(raft, &start->configuration, start->snapshot_index);
    for (uint64_t i = 0; i < start->entries_count; i++) {
        raft_append_entry(raft, &start->entries[i]);
    }
    uint64_t last_index = raft_log_last_index(&raft->log);
    uint64_t commit = start->commit_index < last_index ? start->commit_index : last_index;
    raft->commit_index = commit > start->snapshot_index ? commit : start->snapshot_index;
    raft->verified_index = raft->commit_index;
    raft->persistence.persisted_index = last_index;
    raft->persistence.next_index = last_index + 1;
}

enum result raft_create(const struct raft_start *start, uint64_t now_ms, struct raft **out)
{
    struct raft_timers timers = start->timers;
    if (start->id == RAFT_ID_NONE || !take_timers(&timers)) {
        return RESULT_INVALID;
    }
    enum result result = check_start(start);
    if (result != RESULT_OK) {
        return result;
    }
    struct raft *raft = mem_alloc_zeroed(1, sizeof(*raft));
    raft->id = start->id;
    raft->timers = timers;
    prng_init(&raft->prng, start->seed);
    raft->now_ms = now_ms;
    raft->hard_state = start->hard_state;
    raft->persistence.hard_state = start->hard_state;
    if (start->snapshot_term > start->hard_state.term) {
        /* A snapshot put in place by hand: never act in a term before it. */
        raft->hard_state = (struct raft_hard_state){start->snapshot_term, RAFT_ID_NONE};
    }
    raft->role = RAFT_FOLLOWER;
    raft->leader = RAFT_ID_NONE;
    raft_transfer_clear(raft);
    take_log(raft, start);
    raft->membership.version = 0;
    raft_draw_election_deadline(raft);
    if (raft_is_sole_voter(raft)) {
        raft->election_deadline_ms = now_ms; /* There is nobody to wait for. */
    }
    *out = raft;
    return RESULT_OK;
}

void raft_destroy(struct raft *raft)
{
    if (raft == NULL) {
        return;
    }
    raft_log_deinit(&raft->log);
    raft_persistence_deinit(raft);
    raft_membership_deinit(raft);
    raft_reads_deinit(raft);
    mem_free(raft->outbox);
    mem_free(raft);
}

/* ---- Messages ---- */

/* Tells the sender of a message of an old term which term it is; what asks nothing is dropped. */
static void answer_old_term(struct raft *raft, const struct raft_message *message)
{
    struct raft_message reply = {.to = message->from, .term = raft->hard_state.term};
    switch (message->type) {
    case RAFT_MESSAGE_VOTE:
        raft_handle_vote(raft, message);
        return;
    case RAFT_MESSAGE_READ:
        raft_handle_read(raft, message);
        return;
    case RAFT_MESSAGE_APPEND:
        reply.type = RAFT_MESSAGE_APPEND_REPLY;
        reply.append_reply.rejected = true;
        reply.append_reply.rejected_index = message->append.previous_index;
        break;
    case RAFT_MESSAGE_HEARTBEAT:
        reply.type = RAFT_MESSAGE_HEARTBEAT_REPLY;
        break;
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
    case RAFT_MESSAGE_VOTE_REPLY:
    case RAFT_MESSAGE_APPEND_REPLY:
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
    case RAFT_MESSAGE_READ_REPLY:
    case RAFT_MESSAGE_TIMEOUT_NOW:
        return;
    }
    raft_send_when_durable(raft, &reply, raft_hard_state_wait_id(raft));
}

/* Whether a message of a higher term may end this node's term. */
static bool may_raise_term(const struct raft *raft, const struct raft_message *message)
{
    switch (message->type) {
    case RAFT_MESSAGE_APPEND:
    case RAFT_MESSAGE_HEARTBEAT:
    case RAFT_MESSAGE_VOTE:
        return true;
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
        return false;
    case RAFT_MESSAGE_VOTE_REPLY:
    case RAFT_MESSAGE_APPEND_REPLY:
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
    case RAFT_MESSAGE_READ:
    case RAFT_MESSAGE_READ_REPLY:
    case RAFT_MESSAGE_TIMEOUT_NOW:
        /* These come from nodes this one talks to; a node that was removed has no say (M6). */
        return raft_is_member(raft, message->from);
    }
    return false;
}

static enum result handle_current_term(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = raft_progress_find(raft, message->from);
    if (peer != NULL) {
        peer->last_contact_ms = raft->now_ms;
    }
    switch (message->type) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
        break; /* Handled before terms were compared. */
    case RAFT_MESSAGE_VOTE:
        raft_handle_vote(raft, message);
        break;
    case RAFT_MESSAGE_VOTE_REPLY:
        raft_handle_vote_reply(raft, message);
        break;
    case RAFT_MESSAGE_APPEND:
        return raft_handle_append(raft, message);
    case RAFT_MESSAGE_APPEND_REPLY:
        raft_handle_append_reply(raft, message);
        break;
    case RAFT_MESSAGE_HEARTBEAT:
        raft_handle_heartbeat(raft, message);
        break;
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
        raft_handle_heartbeat_reply(raft, message);
        break;
    case RAFT_MESSAGE_READ:
        raft_handle_read(raft, message);
        break;
    case RAFT_MESSAGE_READ_REPLY:
        raft_handle_read_reply(raft, message);
        break;
    case RAFT_MESSAGE_TIMEOUT_NOW:
        raft_handle_timeout_now(raft, message);
        break;
    }
    return RESULT_OK;
}

static enum result handle_message(struct raft *raft, const struct raft_message *message)
{
    if (message->to != raft->id || message->from == raft->id || message->from == RAFT_ID_NONE ||
        message->term == 0) {
        logger_log(LOGGER_DEBUG,
                   "raft: message of term %" PRIu64 " from %" PRIu64 " to %" PRIu64 " ignored",
                   message->term, message->from, message->to);
        return RESULT_OK;
    }
    if (message->type == RAFT_MESSAGE_PRE_VOTE) {
        raft_handle_pre_vote(raft, message);
        return RESULT_OK;
    }
    if (message->type == RAFT_MESSAGE_PRE_VOTE_REPLY) {
        raft_handle_pre_vote_reply(raft, message);
        return RESULT_OK;
    }
    if (message->term < raft->hard_state.term) {
        answer_old_term(raft, message);
        return RESULT_OK;
    }
    /* Thesis 4.2.3: "if a server receives a RequestVote request within the minimum election timeout
     * of hearing from a current leader, it does not update its term or grant its vote". */
    if (message->type == RAFT_MESSAGE_VOTE && !message->vote.leadership_transfer &&
        raft_has_live_leader(raft)) {
        return RESULT_OK;
    }
    if (message->term > raft->hard_state.term) {
        if (!may_raise_term(raft, message)) {
            return RESULT_OK;
        }
        /* Paper 5.1: "if one server's current term is smaller than the other's, then it updates its
         * current term to the larger value. If a candidate or leader discovers that its term is out
         * of date, it immediately reverts to follower state". */
        raft_become_follower(raft, message->term, RAFT_ID_NONE);
    }
    return handle_current_term(raft, message);
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
    raft_reads_expire(raft);
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

static void handle_snapshot_saved(struct raft *raft, uint64_t index)
{
    ASSERT(index <= raft->commit_index);
    if (index <= raft->log.snapshot_index) {
        return;
    }
    raft_membership_compact(raft, index);
    raft_log_compact(&raft->log, index);
    if (raft->persistence.persisted_index < index) {
        raft->persistence.persisted_index = index; /* The snapshot holds it. */
    }
}

static void handle_unreachable(struct raft *raft, uint64_t id)
{
    struct raft_peer *peer = raft_progress_find(raft, id);
    if (peer != NULL && peer->state == RAFT_REPLICATE) {
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
        return handle_message(raft, event->message);
    case RAFT_EVENT_PROPOSE:
        return handle_proposal(raft, event->proposal);
    case RAFT_EVENT_READ:
        raft_handle_read_event(raft, event->read_context);
        break;
    case RAFT_EVENT_PERSISTED:
        raft_handle_persisted(raft, event->persist_id);
        break;
    case RAFT_EVENT_SNAPSHOT_SAVED:
        handle_snapshot_saved(raft, event->snapshot_index);
        break;
    case RAFT_EVENT_UNREACHABLE:
        handle_unreachable(raft, event->peer);
        break;
    case RAFT_EVENT_TRANSFER:
        return raft_handle_transfer(raft, event->peer);
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
    return earlier(raft->heartbeat_deadline_ms, earlier(quorum_ms, raft->transfer_deadline_ms));
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

void raft_get_status(const struct raft *raft, struct raft_status *out)
{
    *out = (struct raft_status){
        .id = raft->id,
        .role = raft->role,
        .is_voter = raft_is_voter(raft, raft->id),
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
}

uint32_t raft_get_progress(const struct raft *raft, struct raft_progress *out, uint32_t capacity)
{
    uint32_t count = raft->peers_count < capacity ? raft->peers_count : capacity;
    for (uint32_t i = 0; i < count; i++) {
        const struct raft_peer *peer = &raft->peers[i];
        out[i] = (struct raft_progress){
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
