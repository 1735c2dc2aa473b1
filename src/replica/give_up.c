/* give_up.c -- no request waits longer than the limit: it is answered with the truth instead.
 *
 * A write that never left this node, or a read, was provably not done: CLUSTERDOWN, which clients
 * may retry. A write that was sent may yet be applied: UNKNOWN, and its batch stays on the list,
 * because those behind it need its sequence to be filled.
 */
#include "replica/replica_internal.h"

static void fail_batch(struct batch *batch, const char *error)
{
    for (uint32_t i = 0; i < batch->commands_count; i++) {
        struct session *session = batch->sessions[i];
        if (session == NULL) {
            continue;
        }
        batch->sessions[i] = NULL;
        if (batch->sequence == 0 && !batch->is_owed && blocked_try_dropped(session)) {
            session_release(session);
            continue;
        }
        /* Reads before it have waited at least as long; behind it, attached ones lose their place.
         */
        executor_drain(session, DRAIN_GIVE_UP);
        executor_fail_write(session, error);
        executor_drain(session, DRAIN_FAIL);
        session_release(session);
    }
    batch->is_given_up = true;
}

void give_up_covered(struct replica *replica, uint64_t sequence)
{
    struct batch *batch;
    while ((batch = batches_first_sent(&replica->batches)) != NULL && batch->sequence <= sequence) {
        fail_batch(batch, ERROR_REPLY_LOST);
        batches_remove(&replica->batches, batch);
        forward_applied(replica);
    }
}

void give_up_sent(struct replica *replica)
{
    for (struct batch *batch = batches_first_sent(&replica->batches); batch != NULL;
         batch = batches_next_sent(&replica->batches, batch)) {
        if (!batch->is_given_up) {
            fail_batch(batch, ERROR_REPLY_LOST);
        }
    }
}

static bool is_overdue(const struct replica *replica, uint64_t since_ms)
{
    return replica->now_ms >= since_ms + replica->request_timeout_ms;
}

static void give_up_batches(struct replica *replica)
{
    for (struct batch *batch = batches_first_sent(&replica->batches); batch != NULL;
         batch = batches_next_sent(&replica->batches, batch)) {
        if (!batch->is_given_up && is_overdue(replica, batch->opened_ms)) {
            fail_batch(batch, ERROR_UNKNOWN_OUTCOME);
        }
    }
    /* It may be behind queued ones that are never dropped. */
    const struct batch *open = replica->batches.open;
    if (open != NULL && is_overdue(replica, open->opened_ms)) {
        batches_close_open(&replica->batches);
    }
    struct batch *batch = batches_first_unsent(&replica->batches);
    while (batch != NULL && is_overdue(replica, batch->opened_ms)) {
        struct batch *next = batches_next_unsent(&replica->batches, batch);
        if (batch->is_owed) {
            fail_batch(batch, ERROR_UNKNOWN_OUTCOME);
        } else {
            fail_batch(batch, ERROR_NO_LEADER);
            batches_remove(&replica->batches, batch);
        }
        batch = next;
    }
}

static void give_up_reads(struct replica *replica)
{
    if (replica->now_ms < replica->request_timeout_ms) {
        return;
    }
    uint64_t opened_ms = replica->now_ms - replica->request_timeout_ms;
    struct read_round *round;
    while ((round = read_rounds_take_overdue(&replica->rounds, opened_ms)) != NULL) {
        for (uint32_t i = 0; i < round->sessions_count; i++) {
            executor_drain(round->sessions[i], DRAIN_READY);
            session_release(round->sessions[i]);
        }
        read_rounds_recycle(&replica->rounds, round);
    }
}

void give_up_overdue(struct replica *replica)
{
    if (replica->now_ms >= give_up_deadline_ms(replica)) {
        give_up_batches(replica);
        give_up_reads(replica);
    }
}

uint64_t give_up_deadline_ms(const struct replica *replica)
{
    uint64_t oldest_ms = UINT64_MAX;
    for (struct batch *batch = batches_first_sent(&replica->batches); batch != NULL;
         batch = batches_next_sent(&replica->batches, batch)) {
        if (!batch->is_given_up) {
            oldest_ms = batch->opened_ms;
            break;
        }
    }
    const struct batch *unsent = batches_peek_unsent(&replica->batches);
    while (unsent != NULL && unsent->is_given_up) {
        const struct batch *next = batches_next_unsent(&replica->batches, unsent);
        unsent = next == NULL ? replica->batches.open : next;
    }
    if (unsent != NULL && unsent->opened_ms < oldest_ms) {
        oldest_ms = unsent->opened_ms;
    }
    uint64_t round_ms = read_rounds_oldest_ms(&replica->rounds);
    if (round_ms != 0 && round_ms < oldest_ms) {
        oldest_ms = round_ms;
    }
    return oldest_ms == UINT64_MAX ? UINT64_MAX : oldest_ms + replica->request_timeout_ms;
}
