/* read_index.c -- linearizable reads without the log (thesis 6.4, fault rules D2 and D3).
 *
 * The leader notes its commit index, then proves that it still leads: a round of heartbeats that a
 * majority of the voters answers in this term, sent after the read came in. Each read starts a
 * round with an id of its own that is never used again, so an answer to an earlier heartbeat
 * proves nothing for a later read (C3, C4); an answer to a later one proves all before it. Thesis
 * 6.4: "If the leader has not yet marked an entry from its current term committed, it waits until
 * it has done so" (C2).
 *
 * A follower asks its leader and serves the read itself. Its question is an answer, too: it was
 * sent after the read came in, and says that this voter had not left the leader's term by then. In
 * a cluster of three that is a majority, so such a read needs no round. Nobody can have led a
 * higher term when the question was sent: a majority for that would have had the vote of the asker
 * before then, or that of this leader, which has given none when it answers. So whatever was
 * committed before the question, this leader knows to be. However late a question comes, that stays
 * true of the time it was sent at; for reads that came in here since it proves nothing, and does
 * not count.
 *
 * A round asks only as many voters as make a majority with the leader, those that answered last
 * first; the others cost the same work and are not waited for. When they do not answer promptly,
 * the rest is asked, and whoever kept the leader waiting is not relied on for a while. Who is asked
 * decides how long a read takes and nothing else: which answers count is the same (C5).
 *
 * Pending reads are in the order of their rounds. All of them are lost, and answered so, with the
 * leadership, the leader or the term.
 */
#include "raft/raft_internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
    /* Many times what an answer takes, and little beside a heartbeat interval. Asking the rest too
     * early only adds work to a machine that is late already. */
    ROUND_PATIENCE_MS = 5,
    SLOW_VOTER_MS = 1000,
};

void raft_reads_deinit(struct raft *raft)
{
    mem_free(raft->reads.pending);
    mem_free(raft->reads.results);
}

static void push_pending(struct raft_reads *reads, const struct raft_pending_read *read)
{
    if (reads->pending_head + reads->pending_count == reads->pending_capacity &&
        reads->pending_head > 0) {
        memmove(reads->pending, reads->pending + reads->pending_head,
                reads->pending_count * sizeof(*reads->pending));
        reads->pending_head = 0;
    }
    reads->pending = raft_grow(reads->pending, reads->pending_head + reads->pending_count,
                               &reads->pending_capacity, sizeof(*reads->pending));
    reads->pending[reads->pending_head + reads->pending_count] = *read;
    reads->pending_count++;
}

static void pop_pending(struct raft_reads *reads)
{
    ASSERT(reads->pending_count > 0);
    reads->pending_head++;
    reads->pending_count--;
    if (reads->pending_count == 0) {
        reads->pending_head = 0;
    }
}

static void add_result(struct raft *raft, uint64_t context, bool confirmed, uint64_t index)
{
    struct raft_reads *reads = &raft->reads;
    reads->results = raft_grow(reads->results, reads->results_count, &reads->results_capacity,
                               sizeof(*reads->results));
    reads->results[reads->results_count++] = (struct raft_read_result){context, confirmed, index};
}

/* Answers a read where it came from. */
static void answer(struct raft *raft, const struct raft_pending_read *read, bool confirmed)
{
    uint64_t index = confirmed ? read->index : 0;
    if (read->from == raft->id) {
        add_result(raft, read->context, confirmed, index);
        return;
    }
    struct raft_message reply = {.type = RAFT_MESSAGE_READ_REPLY, .to = read->from};
    reply.term = raft->hard_state.term;
    reply.read_reply.context = read->context;
    reply.read_reply.confirmed = confirmed;
    reply.read_reply.index = index;
    struct raft_peer *peer = raft_progress_find(raft, read->from);
    if (confirmed && peer != NULL) {
        uint64_t told =
            raft->commit_index < peer->match_index ? raft->commit_index : peer->match_index;
        reply.read_reply.commit_index = told;
        peer->commit_told = told > peer->commit_told ? told : peer->commit_told;
    }
    raft_send(raft, &reply);
}

/* ---- Leader: asking ---- */

/* How many voters make a majority together with this node. */
static uint32_t answers_needed(const struct raft *raft)
{
    uint32_t majority = raft_voters_count(raft) / 2 + 1;
    return raft_is_voter_itself(raft) ? majority - 1 : majority;
}

/* Whether a voter is likely to answer at once: it did lately. */
static bool is_prompt(const struct raft *raft, const struct raft_peer *peer)
{
    uint64_t silent_ms = raft->now_ms - peer->quorum_contact_ms;
    return raft_progress_counts(peer) && raft->now_ms >= peer->slow_until_ms &&
           silent_ms <= 2 * (uint64_t)raft->timers.heartbeat_ms;
}

/* Of the prompt voters that were not asked yet the one that answered the latest round; NULL: there
 * is none. */
static struct raft_peer *find_prompt(struct raft *raft)
{
    struct raft_peer *best = NULL;
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        if (peer->round_asked < raft->reads.round && is_prompt(raft, peer) &&
            (best == NULL || peer->read_round > best->read_round)) {
            best = peer;
        }
    }
    return best;
}

static void ask_rest(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        if (peer->is_voter && peer->round_asked < raft->reads.round) {
            raft_send_heartbeat(raft, peer);
        }
    }
    raft->reads.round_asked_of_all = raft->reads.round;
}

static void ask_majority(struct raft *raft)
{
    for (uint32_t needed = answers_needed(raft); needed > 0; needed--) {
        struct raft_peer *peer = find_prompt(raft);
        if (peer == NULL) {
            ask_rest(raft);
            return;
        }
        raft_send_heartbeat(raft, peer);
    }
}

/* The oldest round was not answered promptly by those that it was asked of. */
static void lose_patience(struct raft *raft)
{
    uint64_t round = raft->reads.pending[raft->reads.pending_head].round;
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        if (peer->round_asked >= round && peer->read_round < round) {
            peer->slow_until_ms = raft->now_ms + SLOW_VOTER_MS;
        }
    }
    ask_rest(raft);
}

/* Starts a round for the reads that have none. */
static void start_round(struct raft *raft)
{
    struct raft_reads *reads = &raft->reads;
    ASSERT(raft_own_term_is_committed(raft));
    reads->round++;
    uint32_t at = reads->pending_count;
    while (at > 0 && reads->pending[reads->pending_head + at - 1].round == 0) {
        at--;
        reads->pending[reads->pending_head + at].round = reads->round;
        reads->pending[reads->pending_head + at].index = raft->commit_index;
        reads->pending[reads->pending_head + at].since_ms = raft->now_ms;
    }
    ask_majority(raft);
    raft_reads_confirm(raft);
}

/* Whether a question proves by itself what a round would: with its asker, a majority. */
static bool is_proof(struct raft *raft, const struct raft_message *question)
{
    const struct raft_peer *peer = raft_progress_find(raft, question->from);
    return question->term == raft->hard_state.term && question->read.disk_id != 0 && peer != NULL &&
           raft_progress_counts_from(peer, question->read.disk_id) && answers_needed(raft) <= 1 &&
           raft_own_term_is_committed(raft);
}

static void add_on_leader(struct raft *raft, uint64_t from, uint64_t context)
{
    struct raft_pending_read read = {.context = context, .from = from};
    if (raft->reads.pending_count == LIMIT_READS_PENDING) {
        answer(raft, &read, false);
        return;
    }
    push_pending(&raft->reads, &read);
    if (raft_own_term_is_committed(raft)) {
        start_round(raft);
    }
}

void raft_handle_read_event(struct raft *raft, uint64_t context)
{
    struct raft_pending_read read = {
        .context = context, .from = raft->id, .since_ms = raft->now_ms};
    if (raft->role == RAFT_LEADER) {
        add_on_leader(raft, raft->id, context);
        return;
    }
    if (raft->leader == RAFT_ID_NONE || raft->reads.pending_count == LIMIT_READS_PENDING) {
        answer(raft, &read, false);
        return;
    }
    push_pending(&raft->reads, &read);
    struct raft_message message = {.type = RAFT_MESSAGE_READ, .to = raft->leader};
    message.term = raft->hard_state.term;
    message.read.context = context;
    message.read.disk_id = raft_hard_state_is_durable(raft) ? raft->disk_id : 0;
    raft_send(raft, &message);
}

void raft_handle_read(struct raft *raft, const struct raft_message *message)
{
    struct raft_pending_read read = {.context = message->read.context, .from = message->from};
    if (raft->role != RAFT_LEADER) {
        answer(raft, &read, false);
    } else if (is_proof(raft, message)) {
        read.index = raft->commit_index;
        answer(raft, &read, true);
    } else {
        add_on_leader(raft, message->from, message->read.context);
    }
}

void raft_handle_read_reply(struct raft *raft, const struct raft_message *message)
{
    struct raft_reads *reads = &raft->reads;
    const struct raft_read_reply *reply = &message->read_reply;
    if (raft->role != RAFT_FOLLOWER || message->from != raft->leader) {
        return;
    }
    uint32_t at = 0;
    while (at < reads->pending_count &&
           reads->pending[reads->pending_head + at].context != reply->context) {
        at++;
    }
    if (at == reads->pending_count) {
        return;
    }
    if (reply->confirmed) {
        raft_commit_verified(raft, reply->commit_index);
    }
    add_result(raft, reply->context, reply->confirmed, reply->confirmed ? reply->index : 0);
    /* Answers mostly come in order, so this seldom moves anything. */
    struct raft_pending_read *first = &reads->pending[reads->pending_head];
    memmove(first + 1, first, at * sizeof(*first));
    pop_pending(reads);
}

void raft_reads_start_waiting(struct raft *raft)
{
    if (raft->reads.pending_count > 0) {
        start_round(raft);
    }
}

void raft_reads_confirm(struct raft *raft)
{
    struct raft_reads *reads = &raft->reads;
    uint64_t rounds[LIMIT_MEMBERS];
    uint32_t count = 0;
    ASSERT(raft->role == RAFT_LEADER);
    if (raft_is_voter_itself(raft)) {
        rounds[count++] = reads->round;
    }
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        if (raft->peers[i].is_voter) {
            rounds[count++] = raft->peers[i].read_round;
        }
    }
    uint64_t confirmed = raft_quorum_value(rounds, count);
    while (reads->pending_count > 0) {
        const struct raft_pending_read *read = &reads->pending[reads->pending_head];
        if (read->round == 0 || read->round > confirmed) {
            return;
        }
        answer(raft, read, true);
        pop_pending(reads);
    }
}

void raft_reads_fail_all(struct raft *raft)
{
    while (raft->reads.pending_count > 0) {
        answer(raft, &raft->reads.pending[raft->reads.pending_head], false);
        pop_pending(&raft->reads);
    }
}

/* On a leader CheckQuorum ends the wait, and heartbeats repeat what was lost. */
static uint64_t patience_deadline_ms(const struct raft *raft)
{
    const struct raft_reads *reads = &raft->reads;
    const struct raft_pending_read *oldest = &reads->pending[reads->pending_head];
    bool is_limited = oldest->round > reads->round_asked_of_all;
    return is_limited ? oldest->since_ms + ROUND_PATIENCE_MS : RAFT_NEVER_MS;
}

uint64_t raft_reads_deadline_ms(const struct raft *raft)
{
    if (raft->reads.pending_count == 0) {
        return RAFT_NEVER_MS;
    }
    if (raft->role == RAFT_LEADER) {
        return patience_deadline_ms(raft);
    }
    return raft->reads.pending[raft->reads.pending_head].since_ms + raft->timers.election_ms_max;
}

void raft_reads_on_deadline(struct raft *raft)
{
    if (raft->role == RAFT_LEADER) {
        if (raft_reads_deadline_ms(raft) <= raft->now_ms) {
            lose_patience(raft);
        }
        return;
    }
    while (raft_reads_deadline_ms(raft) <= raft->now_ms) {
        answer(raft, &raft->reads.pending[raft->reads.pending_head], false);
        pop_pending(&raft->reads);
    }
}
