/* read_rounds.c -- gathering reads into ReadIndex rounds (thesis 6.4). */
#include "replica/read_rounds.h"

#include "base/assert.h"
#include "base/mem.h"
#include "replica/session_internal.h"

enum {
    ROUND_SESSIONS_MIN = 64,
    /* A round whose answer is this late was lost on the way: the leader answers within two round
     * trips, and asking twice is harmless. */
    ROUND_LOST_MS = 250,
};

void read_rounds_init(struct read_rounds *rounds, uint64_t seed)
{
    *rounds = (struct read_rounds){.next_id = 1, .next_context = seed | 1};
    list_init(&rounds->confirmed);
}

static void round_free(struct read_round *round)
{
    if (round != NULL) {
        mem_free(round->sessions);
        mem_free(round);
    }
}

/* At the end of the node: nobody is answered any more. */
static void drop(struct read_round *round)
{
    for (uint32_t i = 0; round != NULL && i < round->sessions_count; i++) {
        session_release(round->sessions[i]);
    }
    round_free(round);
}

void read_rounds_deinit(struct read_rounds *rounds)
{
    struct list *link;
    while ((link = list_pop_front(&rounds->confirmed)) != NULL) {
        drop(LIST_MEMBER(link, struct read_round, link));
    }
    drop(rounds->open);
    drop(rounds->asked);
    round_free(rounds->spare);
}

uint64_t read_rounds_open(struct read_rounds *rounds, uint64_t now_ms)
{
    if (rounds->open == NULL) {
        struct read_round *round = rounds->spare;
        rounds->spare = NULL;
        if (round == NULL) {
            round = mem_alloc_zeroed(1, sizeof(*round));
            list_init(&round->link);
        }
        round->id = rounds->next_id++;
        round->opened_ms = now_ms;
        round->sessions_count = 0;
        rounds->open = round;
    }
    return rounds->open->id;
}

void read_rounds_join(struct read_rounds *rounds, struct session *session)
{
    struct read_round *round = rounds->open;
    ASSERT(round != NULL);
    if (round->sessions_count == round->sessions_capacity) {
        uint32_t capacity = round->sessions_capacity * 2;
        round->sessions_capacity = capacity < ROUND_SESSIONS_MIN ? ROUND_SESSIONS_MIN : capacity;
        round->sessions =
            mem_realloc(round->sessions, round->sessions_capacity * sizeof(*round->sessions));
    }
    round->sessions[round->sessions_count++] = session;
}

struct read_round *read_rounds_ask(struct read_rounds *rounds, uint64_t now_ms)
{
    if (rounds->asked == NULL) {
        rounds->asked = rounds->open;
        rounds->open = NULL;
        if (rounds->asked != NULL) {
            rounds->asked->first_context = rounds->next_context;
        }
    } else if (rounds->is_refused ? now_ms < rounds->ask_again_ms
                                  : now_ms < rounds->asked->asked_ms + ROUND_LOST_MS) {
        return NULL;
    }
    if (rounds->asked != NULL) {
        rounds->is_refused = false;
        rounds->asked->context = rounds->next_context++;
        rounds->asked->asked_ms = now_ms;
    }
    return rounds->asked;
}

void read_rounds_confirm(struct read_rounds *rounds, uint64_t context, uint64_t index)
{
    struct read_round *round = rounds->asked;
    /* An answer to an earlier try of the same round is as good: nobody joined it since. */
    if (round != NULL && !rounds->is_refused && context >= round->first_context &&
        context <= round->context) {
        round->index = index;
        list_push_back(&rounds->confirmed, &round->link);
        rounds->asked = NULL;
    }
}

void read_rounds_refuse(struct read_rounds *rounds, uint64_t context, uint64_t ask_again_ms)
{
    if (rounds->asked != NULL && rounds->asked->context == context) {
        rounds->is_refused = true;
        rounds->ask_again_ms = ask_again_ms;
    }
}

void read_rounds_ask_anew(struct read_rounds *rounds)
{
    if (rounds->asked != NULL) {
        rounds->is_refused = true;
        rounds->ask_again_ms = 0;
    }
}

struct read_round *read_rounds_take(struct read_rounds *rounds, uint64_t applied_index)
{
    if (list_is_empty(&rounds->confirmed)) {
        return NULL;
    }
    struct read_round *round = LIST_MEMBER(rounds->confirmed.next, struct read_round, link);
    if (round->index > applied_index) {
        return NULL;
    }
    list_remove(&round->link);
    ASSERT(round->id > rounds->completed);
    rounds->completed = round->id;
    return round;
}

/* The oldest round that is not served, or NULL. */
static struct read_round *oldest(const struct read_rounds *rounds)
{
    if (!list_is_empty(&rounds->confirmed)) {
        return LIST_MEMBER(rounds->confirmed.next, struct read_round, link);
    }
    return rounds->asked != NULL ? rounds->asked : rounds->open;
}

struct read_round *read_rounds_take_overdue(struct read_rounds *rounds, uint64_t opened_ms)
{
    struct read_round *round = oldest(rounds);
    if (round == NULL || round->opened_ms > opened_ms) {
        return NULL;
    }
    if (round == rounds->open) {
        rounds->open = NULL;
    } else if (round == rounds->asked) {
        rounds->asked = NULL;
    } else {
        list_remove(&round->link);
    }
    rounds->failed = round->id;
    return round;
}

uint64_t read_rounds_oldest_ms(const struct read_rounds *rounds)
{
    const struct read_round *round = oldest(rounds);
    return round == NULL ? 0 : round->opened_ms;
}

void read_rounds_recycle(struct read_rounds *rounds, struct read_round *round)
{
    if (rounds->spare == NULL) {
        rounds->spare = round;
    } else {
        round_free(round);
    }
}

uint64_t read_rounds_deadline_ms(const struct read_rounds *rounds)
{
    if (rounds->asked == NULL) {
        return UINT64_MAX;
    }
    return rounds->is_refused ? rounds->ask_again_ms : rounds->asked->asked_ms + ROUND_LOST_MS;
}
