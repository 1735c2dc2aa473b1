/* apply.c -- committed entries become state, and the replies of this node's own clients.
 *
 * Everything here but the replies is the same on every node at the same index. For each command of
 * a batch that this node's clients sent: first the reads that the client sent before it, then the
 * command with its reply into the client's output, then the reads that came right behind it.
 */
#include "base/assert.h"
#include "base/logger.h"
#include "kv/keyspace_prefetch.h"
#include "replica/monitor.h"
#include "replica/replica_internal.h"
#include "replica/transaction.h"

enum {
    /* Keys whose time has come that one entry removes: part of the replicated behaviour, so the
     * same on every node; about half a millisecond of work. What is left is gone for every command
     * all the same, and the leader appends further entries for it. */
    APPLY_DUE_KEYS_MAX = 1000,
    /* Work of one turn before the network gets its turn again. */
    APPLY_TURN_BYTES = 4 * 1024 * 1024,
};

static bool is_own(const struct replica *replica, const struct batch_header *header)
{
    return header->origin == replica->self && header->incarnation == replica->incarnation;
}

/* Behind a try of a blocking command, whose session's output had size before: whether its client
 * waits on, or was answered that its time is over. */
static bool waits_on(struct replica *replica, const struct batch_header *header,
                     const struct command_context *context, struct session *session, size_t before)
{
    if ((context->command->flags & COMMAND_FLAG_BLOCKING) == 0) {
        return false;
    }
    if (context->miss == COMMAND_MISS_EMPTY) {
        propose_note_watcher(replica, header->origin);
    }
    if (session != NULL && session->blocked != NULL) {
        return blocked_stays(session, context->miss, before);
    }
    bool is_for_nobody = is_own(replica, header) && (session == NULL || !session->is_open);
    if (is_for_nobody && context->miss == COMMAND_MISS_NONE) {
        blocked_give_back(replica, context->command, buf_slice(context->reply->out));
    }
    return false;
}

/* EXEC's other arguments are ours, and SELECTs may have been among its commands. */
static void show_to_monitors(const struct session *session, const struct command_context *context)
{
    bool is_exec = context->command->id == COMMAND_EXEC;
    executor_show(session, context->command, is_exec ? session->database : context->database,
                  context->arguments, is_exec ? 1 : context->arguments_count);
}

/* session: whom the command answers; NULL when it is not from a client of this node's, or nobody
 * waits for it any more. */
static void apply_command(struct replica *replica, const struct batch_header *header,
                          const struct command *command, struct session *session, struct prng *prng)
{
    struct executor *executor = &replica->executor;
    struct request request = {.is_silent = true};
    if (session != NULL) {
        executor_drain(session, DRAIN_ALL);
        bool has_head = session_peek(session, &request);
        ASSERT(has_head);
        ASSERT(request.kind == REQUEST_WRITE);
    }
    bool is_answered = session != NULL && session->is_open && !request.is_silent;
    struct reply nowhere = {&executor->scratch, REPLY_RESP2};
    buf_clear(&executor->scratch);
    struct command_context context = {.command = command,
                                      .database = replica->arguments.database,
                                      .arguments = replica->arguments.slices,
                                      .arguments_count = replica->arguments.count,
                                      .reply = is_answered ? &session->reply : &nowhere};
    size_t before = session == NULL ? 0 : buf_size(&session->output);
    bool is_parked = session != NULL && blocked_is_parked(session); /* this is not its first try */
    if (command->id == COMMAND_EXEC) {
        transaction_apply(replica, session, context.reply, prng);
    } else if (is_parked) {
        executor_run_again(executor, &context, prng);
    } else {
        executor_run(executor, &context, prng);
    }
    if (session != NULL && !is_parked) {
        show_to_monitors(session, &context);
    }
    blocked_hear(replica);
    if (waits_on(replica, header, &context, session, before)) {
        notify_hand_out(replica);
        return;
    }
    notify_hand_out(replica); /* behind the reply, before those of reads that follow */
    if (session != NULL) {
        session->write_index = replica->applied_index + 1;
        session_pop(session, &request);
        executor_drain(session, DRAIN_BEHIND_WRITE);
    }
}

/* The batch of ours that is being applied, so that its clients can be answered; NULL: not ours. */
static struct batch *find_own(struct replica *replica, const struct batch_header *header)
{
    if (!is_own(replica, header)) {
        return NULL;
    }
    struct batch *batch = batches_first_sent(&replica->batches);
    /* Sequences are applied without gaps, and a sent batch stays listed until it is applied. */
    ASSERT(batch != NULL);
    ASSERT(batch->sequence == header->sequence);
    ASSERT(batch->commands_count == header->commands_count);
    return batch;
}

/* Fetches the memory that the next commands of a batch will read, by their first arguments: the key
 * of nearly every write. */
static void prefetch_commands(struct replica *replica, struct bytes_reader reader, uint32_t count)
{
    struct keyspace_prefetch prefetch = {.count = 0};
    struct command_arguments *arguments = &replica->arguments;
    for (uint32_t i = 0; i < count && batch_get_command(&reader, arguments) == RESULT_OK; i++) {
        if (arguments->count > 1) {
            keyspace_prefetch_add(&prefetch, replica->keyspace, arguments->database,
                                  arguments->slices[1]);
        }
    }
    keyspace_prefetch_items(&prefetch, replica->keyspace);
}

/* EXEC has arguments here that no client gives it. */
static const struct command *resolve(const struct replica *replica, struct reply *nowhere)
{
    const struct command_arguments *arguments = &replica->arguments;
    return transaction_is_entry(arguments)
               ? command_by_id(COMMAND_EXEC)
               : command_resolve(arguments->slices, arguments->count, nowhere);
}

static void apply_batch(struct replica *replica, const struct batch_header *header,
                        struct slice commands, struct prng *prng)
{
    struct batch *own = find_own(replica, header);
    struct bytes_reader reader = bytes_reader_of(commands);
    for (uint32_t i = 0; i < header->commands_count; i++) {
        if (i % KEYSPACE_PREFETCH_MAX == 0 && i + 1 < header->commands_count) {
            uint32_t left = header->commands_count - i;
            prefetch_commands(replica, reader,
                              left < KEYSPACE_PREFETCH_MAX ? left : KEYSPACE_PREFETCH_MAX);
        }
        enum result result = batch_get_command(&reader, &replica->arguments);
        /* The leader validated the batch before it appended it, and every row has a checksum. */
        ASSERT(result == RESULT_OK);
        buf_clear(&replica->executor.scratch);
        struct reply nowhere = {&replica->executor.scratch, REPLY_RESP2};
        const struct command *command = resolve(replica, &nowhere);
        struct session *session = own == NULL ? NULL : own->sessions[i];
        /* A forged or later version's command changes nothing, on every node alike. */
        bool is_write = command != NULL && command->class == COMMAND_CLASS_WRITE;
        ASSERT(is_write || session == NULL);
        if (is_write) {
            apply_command(replica, header, command, session, prng);
        }
        if (session != NULL) {
            own->sessions[i] = NULL;
            session_release(session);
        }
    }
    if (own != NULL) {
        batches_remove(&replica->batches, own);
        forward_applied(replica);
    }
}

static void pass_over(struct replica *replica, const struct batch_header *header,
                      enum sequence_verdict verdict)
{
    if (is_own(replica, header) && verdict == SEQUENCE_GAP) {
        /* One before it got lost on its way to a leader. */
        forward_resend_at(replica, replica->now_ms);
    }
}

static void apply_payload(struct replica *replica, const struct raft_entry *entry)
{
    struct bytes_reader reader = bytes_reader_of(blob_slice(entry->payload));
    struct entry_header header;
    enum result result = entry_payload_get_header(&reader, &header);
    ASSERT(result == RESULT_OK);
    log_clock_saw_stamp(&replica->clock, header.stamp_ms);
    keyspace_set_clock(replica->keyspace, header.stamp_ms);
    (void)notify_listen(&replica->executor);
    (void)keyspace_remove_due(replica->keyspace, APPLY_DUE_KEYS_MAX);
    notify_hand_out(replica);
    struct prng prng;
    prng_init(&prng, header.seed);
    if (header.is_check) {
        struct entry_check check;
        result = entry_payload_get_check(&reader, &check);
        ASSERT(result == RESULT_OK);
        divergence_check(replica, entry->index, &check);
        return;
    }
    divergence_note_change(replica);
    for (uint32_t i = 0; i < header.batches_count; i++) {
        struct batch_header batch;
        struct slice commands;
        result = batch_get_header(&reader, &batch, &commands);
        ASSERT(result == RESULT_OK);
        enum sequence_verdict verdict =
            sequences_take(&replica->sequences, batch.origin, batch.incarnation, batch.sequence);
        if (verdict == SEQUENCE_NEXT) {
            apply_batch(replica, &batch, commands, &prng);
        } else {
            pass_over(replica, &batch, verdict);
        }
    }
}

static void apply_configuration(struct replica *replica, const struct raft_entry *entry)
{
    struct raft_configuration configuration;
    enum result result = raft_configuration_decode(blob_slice(entry->payload), &configuration);
    ASSERT(result == RESULT_OK);
    bool is_first = replica->applied_index == 0;
    struct raft_configuration before = replica->applied_configuration;
    replica->applied_configuration = configuration;
    replica->configuration_changed = true;
    sequences_set_members(&replica->sequences, &configuration);
    /* What a member that is gone had sent may have been passed over: if it comes back, its batches
     * are taken into the log again. */
    sequences_raise(&replica->inbox.accepted, &replica->sequences);
    if (is_first) {
        /* The cluster has its name now; from it comes the seed that all nodes hash keys with, and
         * nothing can be in the keyspace before the first entry. */
        keyspace_destroy(replica->keyspace);
        replica->hash_seed = replica_hash_seed(configuration.cluster_id);
        replica->keyspace = keyspace_create(replica->hash_seed);
    }
    membership_configuration_applied(replica, &before, entry->index);
}

static void apply_entry(struct replica *replica, const struct raft_entry *entry)
{
    keyspace_set_applied_index(replica->keyspace, entry->index);
    switch (entry->type) {
    case RAFT_ENTRY_NOOP:
        break;
    case RAFT_ENTRY_COMMAND:
        apply_payload(replica, entry);
        break;
    case RAFT_ENTRY_CONFIGURATION:
        apply_configuration(replica, entry);
        break;
    }
    replica->applied_index = entry->index;
    replica->applied_term = entry->term;
    membership_applied(replica, entry);
    save_note_applied(replica, entry);
}

bool apply_committed(struct replica *replica)
{
    size_t bytes = 0;
    if (receive_holds_apply(replica)) {
        return false;
    }
    while (replica->applied_index < replica->commit_index && bytes < APPLY_TURN_BYTES &&
           !replica->divergence.has_diverged) {
        const struct raft_entry *entry = raft_entry_at(replica->raft, replica->applied_index + 1);
        bytes += blob_slice(entry->payload).size + sizeof(*entry);
        apply_entry(replica, entry);
    }
    origin_check(replica);
    return replica->applied_index < replica->commit_index && !replica->divergence.has_diverged;
}
