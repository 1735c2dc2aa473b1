/* propose.c -- the leader's side of a turn: one entry from everything that gathered.
 *
 * The next entry is cut when the one before is durable here; what arrives meanwhile gathers and
 * shares the next fsync. Waiting for nothing when the system is idle, and for one fsync when it is
 * not, measured better than more entries in flight (design, section 10).
 */
#include "base/assert.h"
#include "base/mem.h"
#include "replica/replica_internal.h"

enum {
    /* Followers' batches held for the next entries: more are refused and come again. */
    INBOX_BYTES_MAX = 64 * 1024 * 1024,
};

static void free_inbox_batch(struct inbox *inbox, struct inbox_batch *batch)
{
    list_remove(&batch->link);
    inbox->bytes -= batch->commands.size;
    mem_free(batch);
}

void inbox_deinit(struct inbox *inbox)
{
    while (!list_is_empty(&inbox->batches)) {
        free_inbox_batch(inbox, LIST_MEMBER(inbox->batches.next, struct inbox_batch, link));
    }
}

static void refuse(struct replica *replica, uint64_t to, const struct batch_header *header)
{
    struct peer_message message = {
        .type = PEER_MESSAGE_FORWARD_REFUSED, .from = replica->self, .to = to};
    message.forward_refused = (struct peer_forward_refused){header->incarnation, header->sequence,
                                                            replica->status.leader};
    outbox_add_message(&replica->outbox, &message);
}

void inbox_receive(struct replica *replica, uint64_t from, const struct peer_forward *forward)
{
    struct inbox *inbox = &replica->inbox;
    const struct batch_header *header = &forward->header;
    bool is_sound =
        header->origin == from && batch_validate(header, forward->commands) == RESULT_OK;
    if (!is_sound) {
        return; /* a correct peer never sends it; there is nobody to answer */
    }
    if (replica->status.role != RAFT_LEADER || inbox->bytes > INBOX_BYTES_MAX) {
        refuse(replica, from, header);
        return;
    }
    /* What is in the log of this term already is not appended again, and a gap not at all: so
     * resending costs the log nothing. What decides is still the judgement at apply. */
    sequences_raise(&inbox->accepted, &replica->sequences);
    switch (
        sequences_take(&inbox->accepted, header->origin, header->incarnation, header->sequence)) {
    case SEQUENCE_NEXT:
        break;
    case SEQUENCE_REPEAT:
        raft_announce_commit(replica->raft, from, replica->status.last_index);
        return;
    case SEQUENCE_GAP:
    case SEQUENCE_STRANGER:
        refuse(replica, from, header);
        return;
    }
    size_t size = forward->commands.size;
    struct inbox_batch *batch = mem_alloc(sizeof(*batch) + size);
    batch->header = *header;
    batch->commands = slice_of(batch + 1, size);
    if (size > 0) {
        memcpy(batch + 1, forward->commands.bytes, size);
    }
    list_init(&batch->link);
    list_push_back(&inbox->batches, &batch->link);
    inbox->bytes += size;
}

void inbox_refuse_all(struct replica *replica)
{
    struct inbox *inbox = &replica->inbox;
    while (!list_is_empty(&inbox->batches)) {
        struct inbox_batch *batch = LIST_MEMBER(inbox->batches.next, struct inbox_batch, link);
        refuse(replica, batch->header.origin, &batch->header);
        free_inbox_batch(inbox, batch);
    }
}

/* What went into an entry under assembly, to be settled once raft has taken it. */
struct assembly {
    uint32_t batches_count;
    uint32_t forwarded_count;   /* from the front of the inbox */
    struct batch *resent_until; /* the last sent batch that went in again */
    bool is_all_resent;         /* and none is left behind it */
    uint32_t unsent_count;      /* of our own unsent ones, from the first */
};

static bool has_room(const struct replica *replica)
{
    return buf_size(&replica->assembly) < LIMIT_ENTRY_BYTES_SOFT;
}

static void put_batch(struct replica *replica, struct assembly *assembly,
                      const struct batch_header *header, struct slice commands)
{
    batch_put_header(&replica->assembly, header);
    buf_append_slice(&replica->assembly, commands);
    assembly->batches_count++;
}

static void put_forwarded(struct replica *replica, struct assembly *assembly)
{
    struct inbox *inbox = &replica->inbox;
    for (struct list *link = inbox->batches.next; link != &inbox->batches && has_room(replica);
         link = link->next) {
        struct inbox_batch *batch = LIST_MEMBER(link, struct inbox_batch, link);
        put_batch(replica, assembly, &batch->header, batch->commands);
        assembly->forwarded_count++;
    }
}

/* Sent batches that an earlier leader may have lost go in again, in order, over as many entries as
 * it takes; false while some are left, for which those not sent yet have to wait. */
static bool put_resent(struct replica *replica, struct assembly *assembly)
{
    if (replica->resend_at_ms == 0 || replica->now_ms < replica->resend_at_ms) {
        return true;
    }
    struct batch *batch = batches_first_sent(&replica->batches);
    while (batch != NULL && batch->sequence < replica->resend_from) {
        batch = batches_next_sent(&replica->batches, batch);
    }
    if (batch == NULL) { /* applied meanwhile */
        replica->resend_at_ms = 0;
        replica->resend_from = 0;
        return true;
    }
    while (batch != NULL && has_room(replica)) {
        struct batch_header header = forward_header(replica, batch, batch->sequence);
        put_batch(replica, assembly, &header, buf_slice(&batch->commands));
        assembly->resent_until = batch;
        batch = batches_next_sent(&replica->batches, batch);
    }
    assembly->is_all_resent = batch == NULL;
    return assembly->is_all_resent;
}

static void put_unsent(struct replica *replica, struct assembly *assembly)
{
    uint64_t sequence = replica->batches.next_sequence;
    if (replica->batches.sent_count >= LIMIT_BATCHES_IN_FLIGHT) {
        return;
    }
    uint32_t count_max = LIMIT_BATCHES_IN_FLIGHT - replica->batches.sent_count;
    struct batch *batch = batches_first_unsent(&replica->batches);
    while (batch != NULL && has_room(replica) && assembly->unsent_count < count_max) {
        struct batch_header header = forward_header(replica, batch, sequence++);
        put_batch(replica, assembly, &header, buf_slice(&batch->commands));
        assembly->unsent_count++;
        batch = batches_next_unsent(&replica->batches, batch);
    }
}

/* Raft has the entry at index: what went into it counts as sent. */
static void settle(struct replica *replica, const struct assembly *assembly, uint64_t index)
{
    for (uint32_t i = 0; i < assembly->forwarded_count; i++) {
        struct inbox_batch *batch =
            LIST_MEMBER(replica->inbox.batches.next, struct inbox_batch, link);
        raft_announce_commit(replica->raft, batch->header.origin, index);
        free_inbox_batch(&replica->inbox, batch);
    }
    for (uint32_t i = 0; i < replica->watchers_count; i++) {
        raft_announce_commit(replica->raft, replica->watchers[i], index);
    }
    if (assembly->is_all_resent) {
        replica->resend_at_ms = 0;
        replica->resend_from = 0;
    } else if (assembly->resent_until != NULL) {
        replica->resend_from = assembly->resent_until->sequence + 1;
    }
    for (uint32_t i = 0; i < assembly->unsent_count; i++) {
        batches_mark_sent(&replica->batches, batches_first_unsent(&replica->batches));
    }
    replica->sent_to = replica->self;
    replica->sent_term = replica->status.term;
}

void propose_note_watcher(struct replica *replica, uint64_t node)
{
    for (uint32_t i = 0; i < replica->watchers_count; i++) {
        if (replica->watchers[i] == node) {
            return;
        }
    }
    if (replica->watchers_count < LIMIT_MEMBERS) {
        replica->watchers[replica->watchers_count++] = node;
    }
}

static bool is_clock_due(const struct replica *replica)
{
    int64_t due_ms = keyspace_next_expiry(replica->keyspace);
    bool is_under_way =
        replica->applied_index < replica->status.last_index && replica->proposed_stamp_ms >= due_ms;
    return due_ms <= replica->clock.stamp_ms && !is_under_way;
}

uint64_t propose_clock_deadline_ms(const struct replica *replica)
{
    if (replica->status.role != RAFT_LEADER) {
        return UINT64_MAX;
    }
    int64_t due_ms = keyspace_next_expiry(replica->keyspace);
    if (due_ms == KEYSPACE_NEVER) {
        return UINT64_MAX;
    }
    int64_t wait_ms = due_ms - log_clock_estimate(&replica->clock, replica->now_ms);
    if (wait_ms <= 0) {
        /* Under way already, or waiting for the entry before it: its completion wakes us. */
        return replica->applied_index < replica->status.last_index ? UINT64_MAX
                                                                   : replica->now_ms + 1;
    }
    return replica->now_ms + (uint64_t)wait_ms;
}

/* Has raft append a payload; what it refuses is lost. */
static bool propose(struct replica *replica, struct blob *payload, int64_t stamp_ms)
{
    struct raft_event event = {.type = RAFT_EVENT_PROPOSE, .proposal = payload};
    if (replica_step(replica, &event) != RESULT_OK) {
        blob_release(payload);
        return false;
    }
    replica->proposed_stamp_ms = stamp_ms;
    return true;
}

static void propose_check(struct replica *replica, int64_t stamp_ms)
{
    struct entry_check check;
    divergence_fill(replica, &check);
    struct entry_header header = {
        .is_check = true, .stamp_ms = stamp_ms, .seed = prng_next(&replica->executor.prng)};
    buf_clear(&replica->assembly);
    entry_payload_put_check(&replica->assembly, &header, &check);
    if (propose(replica, blob_copy(buf_slice(&replica->assembly)), stamp_ms)) {
        divergence_proposed(replica, replica->status.last_index);
    }
}

void propose_entry(struct replica *replica)
{
    if (replica->status.role != RAFT_LEADER) {
        return;
    }
    int64_t stamp_ms = log_clock_stamp(&replica->clock, replica->now_ms, replica->wall_ms);
    raft_set_clock(replica->raft, (uint64_t)stamp_ms);
    if (replica->status.persisted_index < replica->status.last_index) {
        return;
    }
    if (divergence_is_due(replica)) {
        propose_check(replica, stamp_ms);
        return; /* what gathered goes into the next entry */
    }
    struct assembly assembly = {0};
    buf_clear(&replica->assembly);
    (void)buf_reserve(&replica->assembly, ENTRY_PAYLOAD_HEADER_BYTES);
    buf_commit(&replica->assembly, ENTRY_PAYLOAD_HEADER_BYTES);
    bool may_go_on = put_resent(replica, &assembly);
    put_forwarded(replica, &assembly);
    if (may_go_on) {
        put_unsent(replica, &assembly);
    }
    if (assembly.batches_count == 0 && !is_clock_due(replica)) {
        return;
    }
    struct entry_header header = {.batches_count = assembly.batches_count,
                                  .stamp_ms = stamp_ms,
                                  .seed = prng_next(&replica->executor.prng)};
    struct blob *payload = blob_copy(buf_slice(&replica->assembly));
    entry_payload_set_header(payload->bytes, &header);
    if (!propose(replica, payload, stamp_ms)) {
        return; /* everything stays where it was, for a later turn */
    }
    settle(replica, &assembly, replica->status.last_index);
    if (replica->assembly.capacity > 4 * LIMIT_ENTRY_BYTES_SOFT) {
        buf_deinit(&replica->assembly);
    }
}
