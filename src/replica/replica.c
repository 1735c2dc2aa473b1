/* replica.c -- one node's turn: events go into raft, what is committed is applied, what gathered is
 * proposed or forwarded, reads are asked for, and what is to be done comes out.
 */
#include "replica/replica.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/logger.h"
#include "base/mem.h"
#include "replica/replica_internal.h"

enum {
    REQUEST_TIMEOUT_MS_DEFAULT = 5000,
    /* A read round was refused because no leader is known: until one is, ask again this often. */
    READ_RETRY_MS = 20,
};

/* ---- Stepping raft ---- */

static void report_role(struct replica *replica, const struct raft_status *before)
{
    const struct raft_status *now = &replica->status;
    const char *leader = replica_node_name(replica, now->leader);
    if (now->role == RAFT_LEADER && before->role != RAFT_LEADER) {
        logger_log(LOGGER_NOTICE, "became leader, term=%llu, log at %llu",
                   (unsigned long long)now->term, (unsigned long long)now->last_index);
    } else if (now->role != RAFT_LEADER && before->role == RAFT_LEADER) {
        logger_log(LOGGER_NOTICE, "is no longer leader, term=%llu", (unsigned long long)now->term);
    }
    if (now->leader != before->leader && now->leader != now->id && now->leader != RAFT_ID_NONE) {
        logger_log(LOGGER_NOTICE, "follows %s, term=%llu", leader, (unsigned long long)now->term);
    } else if (now->leader == RAFT_ID_NONE && before->leader != RAFT_ID_NONE &&
               before->role != RAFT_LEADER) {
        logger_log(LOGGER_NOTICE, "lost its leader, term=%llu", (unsigned long long)now->term);
    }
}

static void role_changed(struct replica *replica, const struct raft_status *before)
{
    const struct raft_status *now = &replica->status;
    replica->role_changed = true;
    report_role(replica, before);
    if (now->leader != RAFT_ID_NONE && now->leader != replica->known_leader) {
        replica->known_leader = now->leader;
        replica->leader_changes++;
    }
    if (now->role == RAFT_LEADER && before->role != RAFT_LEADER) {
        log_clock_lead(&replica->clock, replica->now_ms, replica->wall_ms);
        replica->inbox.accepted = (struct sequences){0};
    }
    if (now->role != RAFT_LEADER && before->role == RAFT_LEADER) {
        inbox_refuse_all(replica);
    }
    forward_leader_changed(replica);
    read_rounds_ask_anew(&replica->rounds);
}

static void take_reads(struct replica *replica, const struct raft_ready *ready)
{
    for (uint32_t i = 0; i < ready->reads_count; i++) {
        const struct raft_read_result *read = &ready->reads[i];
        if (read->confirmed) {
            read_rounds_confirm(&replica->rounds, read->context, read->index);
        } else {
            read_rounds_refuse(&replica->rounds, read->context, replica->now_ms + READ_RETRY_MS);
        }
    }
}

enum result replica_step(struct replica *replica, const struct raft_event *event)
{
    struct raft_ready ready;
    struct raft_status before = replica->status;
    enum result result = raft_step(replica->raft, replica->now_ms, event, &ready);
    replica->is_corrupt = replica->is_corrupt || result == RESULT_CORRUPT;
    raft_get_status(replica->raft, &replica->status);
    outbox_take_raft(&replica->outbox, &ready);
    replica->commit_index = ready.commit_index;
    replica->raft_deadline_ms = ready.deadline_ms;
    if (ready.leader_clock_ms != 0) {
        log_clock_heard(&replica->clock, replica->now_ms, (int64_t)ready.leader_clock_ms);
    }
    take_reads(replica, &ready);
    replica->configuration_changed |= ready.configuration_changed;
    if (ready.role_or_leader_changed) {
        role_changed(replica, &before);
    }
    return result;
}

/* ---- Events of a turn ---- */

void replica_begin_turn(struct replica *replica, uint64_t now_ms, int64_t wall_ms)
{
    if (replica->is_in_turn) {
        return;
    }
    replica->is_in_turn = true;
    replica->now_ms = now_ms > replica->now_ms ? now_ms : replica->now_ms;
    replica->wall_ms = wall_ms;
    replica->batches.now_ms = replica->now_ms;
    outbox_clear(&replica->outbox);
    orders_clear(&replica->orders);
    receive_begin_turn(&replica->receive);
    if (replica->clock.is_known) {
        /* Also while following: the first messages of a new leader carry it, and what it last set
         * as a leader may be long ago. */
        int64_t clock_ms = log_clock_estimate(&replica->clock, replica->now_ms);
        raft_set_clock(replica->raft, (uint64_t)clock_ms);
    }
}

static void note_peer(struct replica *replica, uint64_t id, const struct peer_node_info *info)
{
    for (uint32_t i = 0; i < replica->peers_count; i++) {
        if (replica->peers[i].id == id) {
            replica->peers[i].info = *info;
            return;
        }
    }
    uint32_t at = replica->peers_count;
    if (at == LIMIT_MEMBERS) { /* with more nodes than members, some are no members any more */
        for (at = 0; at + 1 < LIMIT_MEMBERS; at++) {
            if (raft_configuration_find(replica_configuration(replica), replica->peers[at].id) ==
                NULL) {
                break;
            }
        }
    } else {
        replica->peers_count++;
    }
    replica->peers[at].id = id;
    replica->peers[at].info = *info;
}

enum result replica_on_message(struct replica *replica, const struct peer_message *message)
{
    ASSERT(replica->is_in_turn);
    switch (message->type) {
    case PEER_MESSAGE_RAFT: {
        struct raft_event event = {.type = RAFT_EVENT_MESSAGE, .message = &message->raft};
        if (replica_step(replica, &event) == RESULT_CORRUPT) {
            return RESULT_CORRUPT;
        }
        break;
    }
    case PEER_MESSAGE_FORWARD:
        inbox_receive(replica, message->from, &message->forward);
        break;
    case PEER_MESSAGE_FORWARD_REFUSED:
        forward_refused(replica, message->from, &message->forward_refused);
        break;
    case PEER_MESSAGE_NODE_INFO:
        note_peer(replica, message->from, &message->node_info);
        break;
    case PEER_MESSAGE_SNAPSHOT_WANTED:
        send_wanted(replica, message->from, message->snapshot_wanted);
        break;
    case PEER_MESSAGE_SNAPSHOT_OFFER:
        receive_offer(replica, message->from, &message->snapshot_offer);
        break;
    case PEER_MESSAGE_SNAPSHOT_ASK:
        send_asked(replica, message->from, &message->snapshot_ask);
        break;
    case PEER_MESSAGE_SNAPSHOT_PIECE:
        receive_piece(replica, message->from, &message->snapshot_piece);
        break;
    case PEER_MESSAGE_CHANGE:
        membership_receive(replica, message->from, &message->change);
        break;
    case PEER_MESSAGE_CHANGE_REPLY:
        membership_answered(replica, message->from, &message->change_reply);
        break;
    case PEER_MESSAGE_STATE_HASH:
        divergence_reported(replica, message->from, &message->state_hash);
        break;
    case PEER_MESSAGE_REMEMBERED: {
        struct raft_event event = {.type = RAFT_EVENT_REMEMBERED};
        event.remembered = (struct raft_remembered){message->from, message->remembered};
        (void)replica_step(replica, &event);
        break;
    }
    }
    return RESULT_OK;
}

void replica_on_persisted(struct replica *replica, uint64_t persist_id)
{
    struct raft_event event = {.type = RAFT_EVENT_PERSISTED, .persist_id = persist_id};
    (void)replica_step(replica, &event);
}

/* Also when it remembers nothing: the peer may be waiting to hear of it. */
static void tell_memory(struct replica *replica, uint64_t peer)
{
    struct peer_message message = {
        .type = PEER_MESSAGE_REMEMBERED, .from = replica->self, .to = peer};
    message.remembered = raft_get_memory(replica->raft, peer);
    outbox_add_message(&replica->outbox, &message);
}

void replica_on_peer_connected(struct replica *replica, uint64_t peer)
{
    tell_memory(replica, peer);
    if (peer == replica->status.leader) {
        forward_resend_at(replica, replica->now_ms);
    }
    if (replica->self_info.is_disk_low) {
        disk_state_tell(replica, peer);
    }
    receive_link_changed(replica, peer);
}

void replica_on_peer_unreachable(struct replica *replica, uint64_t peer)
{
    struct raft_event event = {.type = RAFT_EVENT_UNREACHABLE, .peer = peer};
    (void)replica_step(replica, &event);
}

void replica_transfer_leadership(struct replica *replica)
{
    struct raft_event event = {.type = RAFT_EVENT_TRANSFER, .peer = RAFT_ID_NONE};
    (void)replica_step(replica, &event);
}

/* ---- The end of a turn ---- */

static void ask_reads(struct replica *replica)
{
    struct read_round *round = read_rounds_ask(&replica->rounds, replica->now_ms);
    if (round != NULL) {
        struct raft_event event = {.type = RAFT_EVENT_READ, .read_context = round->context};
        (void)replica_step(replica, &event);
    }
}

static void serve_reads(struct replica *replica)
{
    struct read_round *round;
    while (!replica->divergence.has_diverged &&
           (round = read_rounds_take(&replica->rounds, replica->applied_index)) != NULL) {
        for (uint32_t i = 0; i < round->sessions_count; i++) {
            executor_drain(round->sessions[i], DRAIN_READY);
            session_release(round->sessions[i]);
        }
        read_rounds_recycle(&replica->rounds, round);
    }
}

static void earlier(uint64_t *deadline_ms, uint64_t candidate_ms)
{
    if (candidate_ms < *deadline_ms) {
        *deadline_ms = candidate_ms;
    }
}

static uint64_t next_deadline(const struct replica *replica)
{
    uint64_t deadline_ms = replica->raft_deadline_ms;
    earlier(&deadline_ms, propose_clock_deadline_ms(replica));
    earlier(&deadline_ms, give_up_deadline_ms(replica));
    earlier(&deadline_ms, read_rounds_deadline_ms(&replica->rounds));
    earlier(&deadline_ms, blocked_deadline_ms(replica));
    earlier(&deadline_ms, blocked_release_ms(replica));
    earlier(&deadline_ms, forward_deadline_ms(replica));
    earlier(&deadline_ms, membership_deadline_ms(replica));
    earlier(&deadline_ms, divergence_deadline_ms(replica));
    earlier(&deadline_ms, disk_state_deadline_ms(replica));
    earlier(&deadline_ms, save_deadline_ms(replica));
    earlier(&deadline_ms, send_deadline_ms(replica));
    earlier(&deadline_ms, receive_deadline_ms(replica));
    if (replica->executor.pause_until_ms > replica->now_ms) {
        earlier(&deadline_ms, replica->executor.pause_until_ms);
    }
    if (replica->executor.waiting_count > 0) {
        earlier(&deadline_ms, replica->now_ms + READ_RETRY_MS);
    }
    return deadline_ms;
}

enum result replica_end_turn(struct replica *replica, struct replica_ready *ready)
{
    ASSERT(replica->is_in_turn);
    replica->has_new_requests = false;
    if (replica->now_ms >= replica->raft_deadline_ms) {
        struct raft_event event = {.type = RAFT_EVENT_DEADLINE};
        (void)replica_step(replica, &event);
    }
    /* Applying frees batches, and messages to forward borrow from them: so it comes first. */
    bool has_more = apply_committed(replica);
    has_more = blocked_turn(replica) || has_more;
    membership_turn(replica);
    disk_state_turn(replica);
    receive_turn(replica);
    send_turn(replica);
    has_more = save_turn(replica) || has_more;
    propose_entry(replica);
    forward_batches(replica);
    ask_reads(replica);
    blocked_release_reads(replica);
    serve_reads(replica);
    give_up_overdue(replica);
    executor_wake_stalled(&replica->executor);
    executor_sample(&replica->executor);
    has_more = keyspace_do_housekeeping(replica->keyspace) || has_more;
    *ready = (struct replica_ready){.persists = replica->outbox.persists,
                                    .persists_count = replica->outbox.persists_count,
                                    .messages = replica->outbox.messages,
                                    .messages_count = replica->outbox.messages_count,
                                    .deadline_ms = next_deadline(replica),
                                    .has_more_work = has_more,
                                    .role_changed = replica->role_changed,
                                    .configuration_changed = replica->configuration_changed,
                                    .orders = replica->orders.rows,
                                    .orders_count = replica->orders.count,
                                    .has_diverged = replica->divergence.has_diverged};
    replica->role_changed = false;
    replica->configuration_changed = false;
    replica->is_in_turn = false;
    return replica->is_corrupt ? RESULT_CORRUPT : RESULT_OK;
}

bool replica_has_new_requests(const struct replica *replica)
{
    return replica->has_new_requests;
}

bool replica_owes_answers(const struct replica *replica)
{
    return replica->batches.bytes > 0 || replica->membership.requests_count > 0 ||
           replica->rounds.open != NULL || replica->rounds.asked != NULL ||
           !list_is_empty(&replica->rounds.confirmed);
}

/* ---- Creation ---- */

uint64_t replica_hash_seed(const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES])
{
    return hash_bytes(0, slice_of(cluster_id, RAFT_CLUSTER_ID_BYTES));
}

/* The highest stamp in the recovered log: the clock may not fall below it. */
static void see_stamps(struct replica *replica, const struct raft_start *start)
{
    for (uint64_t i = start->entries_count; i > 0; i--) {
        const struct raft_entry *entry = &start->entries[i - 1];
        struct bytes_reader reader = bytes_reader_of(blob_slice(entry->payload));
        struct entry_header header;
        if (entry->type == RAFT_ENTRY_COMMAND &&
            entry_payload_get_header(&reader, &header) == RESULT_OK) {
            log_clock_saw_stamp(&replica->clock, header.stamp_ms);
            return;
        }
    }
}

static void init_parts(struct replica *replica, const struct replica_options *options)
{
    uint64_t seed = options->raft.seed;
    replica->host = *options->host;
    replica->self = options->raft.id;
    replica->disk_id = options->raft.disk_id;
    replica->incarnation = options->incarnation;
    membership_init(&replica->membership, options->incarnation);
    replica->self_info = options->self;
    replica->disk_tell_at_ms = UINT64_MAX;
    memcpy(replica->new_cluster_id, options->new_cluster_id, RAFT_CLUSTER_ID_BYTES);
    replica_set_request_timeout(replica, options->request_timeout_ms);
    batches_init(&replica->batches);
    forward_applied(replica);
    read_rounds_init(&replica->rounds, hash_mix(seed, 1) << 20);
    list_init(&replica->inbox.batches);
    executor_init(&replica->executor, replica, options->password, hash_mix(seed, 2));
    replica->is_state_missing = options->is_state_missing;
    save_init(replica, &options->snapshot);
    see_stamps(replica, &options->raft);
    if (options->restore != NULL) {
        restore_take(replica, options->restore);
        return;
    }
    replica->hash_seed = replica_hash_seed(options->raft.configuration.cluster_id);
    replica->keyspace = keyspace_create(replica->hash_seed);
    replica->applied_configuration = options->raft.configuration;
    sequences_set_members(&replica->sequences, &options->raft.configuration);
}

/* Checks the snapshot against the log, which is known to be committed as far as that goes. */
static enum result check_start(const struct replica_options *options, struct raft_start *start)
{
    *start = options->raft;
    if (options->restore == NULL) {
        bool has_state = start->snapshot_index == 0 || options->is_state_missing;
        if (!has_state) {
            logger_log(LOGGER_ERROR, "the log begins behind a snapshot, and there is none");
        }
        return has_state ? RESULT_OK : RESULT_CORRUPT;
    }
    uint64_t index = options->restore->meta.index;
    start->commit_index = index > start->commit_index ? index : start->commit_index;
    return restore_check(options->restore, start);
}

enum result replica_create(const struct replica_options *options, uint64_t now_ms, int64_t wall_ms,
                           struct replica **out)
{
    struct raft_start start;
    enum result result = check_start(options, &start);
    if (result != RESULT_OK) {
        return result;
    }
    struct replica *replica = mem_alloc_zeroed(1, sizeof(*replica));
    result = raft_create(&start, now_ms, &replica->raft);
    if (result != RESULT_OK) {
        mem_free(replica);
        return result;
    }
    replica->wall_ms = wall_ms;
    init_parts(replica, options);
    raft_get_status(replica->raft, &replica->status);
    save_count_log(replica);
    raft_bootstrap_cluster_id(replica->raft, replica->new_cluster_id);
    replica_begin_turn(replica, now_ms, wall_ms);
    struct raft_event event = {.type = RAFT_EVENT_DEADLINE};
    (void)replica_step(replica, &event);
    while (apply_committed(replica)) {
        continue;
    }
    replica->has_started = true;
    *out = replica;
    return RESULT_OK;
}

void replica_destroy(struct replica *replica)
{
    outbox_deinit(&replica->outbox);
    orders_deinit(&replica->orders);
    save_deinit(replica);
    send_deinit(replica);
    receive_deinit(replica);
    batches_deinit(&replica->batches);
    read_rounds_deinit(&replica->rounds);
    inbox_deinit(&replica->inbox);
    executor_deinit(&replica->executor);
    keyspace_destroy(replica->keyspace);
    raft_destroy(replica->raft);
    buf_deinit(&replica->assembly);
    command_arguments_deinit(&replica->arguments);
    command_arguments_deinit(&replica->inner_arguments);
    mem_free(replica);
}

void replica_set_password(struct replica *replica, const char *password)
{
    mem_free(replica->executor.password);
    replica->executor.password = mem_copy_string(password == NULL ? "" : password);
}

void replica_set_latency_threshold(struct replica *replica, uint64_t threshold_ms)
{
    replica->executor.latency.threshold_ms = threshold_ms;
}

void replica_note_turn(struct replica *replica, uint64_t us)
{
    latency_note_turn(&replica->executor, us);
}

void replica_set_slow_log(struct replica *replica, int64_t threshold_us, uint64_t entries_max)
{
    slow_log_configure(&replica->executor.slow_log, threshold_us, entries_max);
}

void replica_set_notify_classes(struct replica *replica, uint32_t classes)
{
    notify_set_classes(&replica->executor, classes);
}

void replica_set_request_timeout(struct replica *replica, uint32_t request_timeout_ms)
{
    replica->request_timeout_ms =
        request_timeout_ms == 0 ? REQUEST_TIMEOUT_MS_DEFAULT : request_timeout_ms;
}

void replica_set_debug_access(struct replica *replica, enum replica_debug_access access)
{
    replica->executor.debug_access = access;
}

void replica_set_bulk_bytes_max(struct replica *replica, uint32_t bulk_bytes_max)
{
    replica->executor.bulk_bytes_max = bulk_bytes_max;
}
