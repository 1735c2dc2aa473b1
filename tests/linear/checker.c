/* checker.c -- see checker.h.
 *
 * DESIGN. Each part of the history is a list of events in the order of time: the begin of every
 * operation, and the end of those that have one. From the front, the search tries each operation
 * whose begin comes before the first end: those and only those may be next. One that the model
 * takes is lifted out of the list, and the search goes on from the front. When an end is reached
 * whose operation was not lifted, the last choice was wrong: it is put back, and the next one
 * tried.
 *
 * A configuration is what was lifted and the state; one that was seen before led nowhere. Both are
 * remembered as one 128-bit hash (a sum of a random number for each operation and for each key with
 * its value). Two configurations taken for one could make the search miss an order, so a wrong
 * alarm, with a chance of about 10^-25 for a billion configurations; never a wrong "linearizable".
 *
 * Operations of unknown outcome are what makes a search long: any number of them may take effect,
 * in any order. Two rules leave out orders that others stand for, and no more:
 *   - One that changes nothing where it stands is left out of the order, as if it never took
 *     effect: nobody heard its reply, and the rest of the order stays as it is.
 *   - Of several with the same words (a request that was sent again), the one that began first
 * takes effect first. In an order where k of them do, the k that began first may do so in their
 *     stead: the i'th of those began no later than any i of those replaced had.
 */
#include "linear/checker.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "linear/model.h"
#include "linear/values.h"

/* What of a stuck search is shown. */
enum { EXPLAIN_OPERATIONS_MAX = 12 };

struct hash128 {
    uint64_t low, high;
};

/* ---- The memory of configurations ---- */

struct seen {
    struct hash128 *table; /* open addressing; all zero: free */
    uint64_t size;         /* a power of two */
    uint64_t count;
};

static void seen_deinit(struct seen *seen)
{
    mem_free(seen->table);
    *seen = (struct seen){0};
}

static struct hash128 *seen_find(const struct seen *seen, struct hash128 hash)
{
    uint64_t at = hash.low & (seen->size - 1);
    while ((seen->table[at].low | seen->table[at].high) != 0 &&
           (seen->table[at].low != hash.low || seen->table[at].high != hash.high)) {
        at = (at + 1) & (seen->size - 1);
    }
    return &seen->table[at];
}

static void seen_grow(struct seen *seen)
{
    struct seen bigger = {.size = seen->size == 0 ? 1024 : seen->size * 2, .count = seen->count};
    bigger.table = mem_alloc_zeroed(bigger.size, sizeof(*bigger.table));
    for (uint64_t i = 0; i < seen->size; i++) {
        if ((seen->table[i].low | seen->table[i].high) != 0) {
            *seen_find(&bigger, seen->table[i]) = seen->table[i];
        }
    }
    seen_deinit(seen);
    *seen = bigger;
}

/* True when it was not there. */
static bool seen_add(struct seen *seen, struct hash128 hash)
{
    if (seen->count * 2 >= seen->size) {
        seen_grow(seen);
    }
    struct hash128 *place = seen_find(seen, hash);
    if ((place->low | place->high) != 0) {
        return false;
    }
    *place = hash;
    seen->count++;
    return true;
}

/* ---- A part: operations whose keys hang together ---- */

struct event {
    struct event *previous, *next;
    struct event *end; /* of a begin: its end, NULL when there is none; of an end: NULL */
    /* Of a begin of unknown outcome: the last one before it of the same words, unknown as well. */
    struct event *twin;
    bool is_begin, is_lifted;
    uint32_t operation;
    uint64_t time;
};

struct choice {
    struct event *begin;
    uint32_t *state; /* before it */
    bool is_read;
};

struct part {
    struct model_operation **operations;
    uint32_t count;
    uint32_t keys_count;
    const uint32_t *places; /* of every key of the history within its part's state */
    struct values *values;
    struct event *events;
    struct event front; /* of the list */
    uint32_t *state;
    struct hash128 lifted;  /* sum over the lifted operations */
    struct choice *choices; /* made so far */
    uint32_t choices_count;
    uint32_t ends_left;
    struct seen seen;
    uint64_t configurations;
    uint32_t best; /* the most operations ever lifted, and then: */
    struct buf stuck;
};

static struct hash128 hash_of(uint64_t kind, uint64_t a, uint64_t b)
{
    return (struct hash128){hash_mix(hash_mix(kind, a), b), hash_mix(hash_mix(a, kind + 7), b + 3)};
}

static void add(struct hash128 *sum, struct hash128 hash)
{
    sum->low += hash.low;
    sum->high += hash.high;
}

static void subtract(struct hash128 *sum, struct hash128 hash)
{
    sum->low -= hash.low;
    sum->high -= hash.high;
}

static struct hash128 configuration_of(const struct part *part)
{
    struct hash128 sum = part->lifted;
    for (uint32_t i = 0; i < part->keys_count; i++) {
        add(&sum, hash_of(2, i, part->state[i]));
    }
    sum.low |= 1; /* never the mark of a free place */
    return sum;
}

/* Begins come before ends of the same time: operations that touch count as concurrent. */
static int compare_events(const void *a, const void *b)
{
    const struct event *left = a;
    const struct event *right = b;
    if (left->time != right->time) {
        return left->time < right->time ? -1 : 1;
    }
    if (left->is_begin != right->is_begin) {
        return left->is_begin ? -1 : 1;
    }
    return left->operation < right->operation ? -1 : left->operation > right->operation;
}

/* Joins the begin to the last one before it that is of unknown outcome and of the same words. */
static void find_twin(const struct part *part, struct event *begin)
{
    const struct model_operation *own = part->operations[begin->operation];
    for (struct event *other = begin->previous; other != &part->front; other = other->previous) {
        const struct model_operation *theirs = part->operations[other->operation];
        if (other->is_begin && theirs->source->reply_count == 0 && model_is_same(own, theirs)) {
            begin->twin = other;
            return;
        }
    }
}

static void link_events(struct part *part)
{
    uint32_t count = 0;
    part->events = mem_alloc_zeroed((size_t)part->count * 2, sizeof(*part->events));
    for (uint32_t i = 0; i < part->count; i++) {
        const struct history_operation *source = part->operations[i]->source;
        part->events[count++] =
            (struct event){.is_begin = true, .operation = i, .time = source->begin};
        if (source->reply_count > 0) {
            part->events[count++] = (struct event){.operation = i, .time = source->end};
            part->ends_left++;
        }
    }
    qsort(part->events, count, sizeof(*part->events), compare_events);
    struct event **begins = mem_alloc_zeroed(part->count, sizeof(struct event *));
    struct event *last = &part->front;
    for (uint32_t i = 0; i < count; i++) {
        struct event *event = &part->events[i];
        event->previous = last;
        last->next = event;
        last = event;
        if (event->is_begin) {
            begins[event->operation] = event;
            if (part->operations[event->operation]->source->reply_count == 0) {
                find_twin(part, event);
            }
        } else {
            begins[event->operation]->end = event;
        }
    }
    mem_free(begins);
}

static void take_out(struct event *event)
{
    event->previous->next = event->next;
    if (event->next != NULL) {
        event->next->previous = event->previous;
    }
}

static void put_back(struct event *event)
{
    event->previous->next = event;
    if (event->next != NULL) {
        event->next->previous = event;
    }
}

static void lift(struct part *part, struct event *begin)
{
    add(&part->lifted, hash_of(1, begin->operation, 0));
    take_out(begin);
    begin->is_lifted = true;
    if (begin->end != NULL) {
        take_out(begin->end);
        part->ends_left--;
    }
}

static void unlift(struct part *part, struct event *begin)
{
    if (begin->end != NULL) {
        put_back(begin->end);
        part->ends_left++;
    }
    put_back(begin);
    begin->is_lifted = false;
    subtract(&part->lifted, hash_of(1, begin->operation, 0));
}

static size_t state_bytes(const struct part *part)
{
    return part->keys_count * sizeof(*part->state);
}

/* Whether an operation that the model has just taken may stay: it made a difference, or must be
 * somewhere. One of unknown outcome that changes nothing can as well never take effect. */
static bool is_of_use(const struct part *part, const struct event *begin, const uint32_t *before)
{
    return part->operations[begin->operation]->source->reply_count > 0 ||
           memcmp(part->state, before, state_bytes(part)) != 0;
}

/* Tries the operation as the next one; true when it was taken. */
static bool try_next(struct part *part, struct event *begin)
{
    if (begin->twin != NULL && !begin->twin->is_lifted) {
        return false;
    }
    uint32_t *before = mem_alloc(state_bytes(part));
    memcpy(before, part->state, state_bytes(part));
    if (model_run(part->operations[begin->operation], part->values, part->places, part->state) &&
        is_of_use(part, begin, before)) {
        lift(part, begin);
        part->configurations++;
        if (seen_add(&part->seen, configuration_of(part))) {
            bool is_read = model_is_read(part->operations[begin->operation]);
            part->choices[part->choices_count++] = (struct choice){begin, before, is_read};
            return true;
        }
        unlift(part, begin);
    }
    memcpy(part->state, before, state_bytes(part));
    mem_free(before);
    return false;
}

/* Takes choices back up to one that another may stand for; returns where to go on, NULL when there
 * is none. A read has no alternative: any order that has it later can have it now. */
static struct event *take_back(struct part *part)
{
    struct event *next = NULL;
    while (next == NULL && part->choices_count > 0) {
        struct choice *choice = &part->choices[--part->choices_count];
        memcpy(part->state, choice->state, state_bytes(part));
        mem_free(choice->state);
        unlift(part, choice->begin);
        next = choice->is_read ? NULL : choice->begin->next;
    }
    return next;
}

static void print_values(const struct part *part, struct buf *out)
{
    bool is_first = true;
    for (uint32_t i = 0; i < part->keys_count; i++) {
        if (part->state[i] != VALUE_NONE) {
            struct slice text = values_text(part->values, part->state[i]);
            buf_append_format(out, "%s\"%.*s\"", is_first ? "" : ", ", (int)text.size,
                              (const char *)text.bytes);
            is_first = false;
        }
    }
    buf_append_format(out, is_first ? "nothing\n" : "\n");
}

/* The search is at the end of an operation that it could not place: note the furthest it came. */
static void note_stuck(struct part *part, const struct event *end)
{
    if (part->choices_count < part->best ||
        (part->choices_count == part->best && buf_size(&part->stuck) > 0)) {
        return;
    }
    part->best = part->choices_count;
    buf_clear(&part->stuck);
    buf_append_format(&part->stuck, "%u of %u operations can be ordered; the values then are ",
                      part->choices_count, part->count);
    print_values(part, &part->stuck);
    buf_append_format(&part->stuck, "and none of these can come next, though line %u must:\n",
                      part->operations[end->operation]->source->line);
    uint32_t shown = 0;
    for (const struct event *event = part->front.next;
         event != end && shown < EXPLAIN_OPERATIONS_MAX; event = event->next) {
        const struct history_operation *source = part->operations[event->operation]->source;
        buf_append_format(&part->stuck, "  line %u: ", source->line);
        history_print(source, &part->stuck);
        shown++;
    }
}

static enum checker_verdict search(struct part *part, uint64_t configurations_max)
{
    struct event *event = part->front.next;
    while (part->ends_left > 0) {
        if (part->configurations > configurations_max) {
            return CHECKER_UNDECIDED;
        }
        /* While an end is left, the way from the front leads to one. */
        ASSERT(event != NULL);
        if (event->is_begin) {
            event = try_next(part, event) ? part->front.next : event->next;
            continue;
        }
        note_stuck(part, event);
        event = take_back(part);
        if (event == NULL) {
            return CHECKER_NOT_LINEARIZABLE;
        }
    }
    return CHECKER_LINEARIZABLE;
}

static void part_deinit(struct part *part)
{
    while (part->choices_count > 0) {
        mem_free(part->choices[--part->choices_count].state);
    }
    mem_free(part->choices);
    mem_free(part->events);
    mem_free(part->state);
    seen_deinit(&part->seen);
    buf_deinit(&part->stuck);
}

static enum checker_verdict check_part(struct part *part, uint64_t configurations_max,
                                       struct checker_report *report)
{
    link_events(part);
    part->state = mem_alloc_zeroed(part->keys_count, sizeof(*part->state));
    part->choices = mem_alloc_zeroed(part->count, sizeof(*part->choices));
    enum checker_verdict verdict = search(part, configurations_max);
    if (verdict == CHECKER_NOT_LINEARIZABLE) {
        buf_append_slice(&report->explanation, buf_slice(&part->stuck));
    } else if (verdict == CHECKER_UNDECIDED) {
        buf_append_format(&report->explanation,
                          "undecided after %llu configurations: %u operations on %u keys\n",
                          (unsigned long long)part->configurations, part->count, part->keys_count);
    }
    report->configurations += part->configurations;
    report->parts++;
    part_deinit(part);
    return verdict;
}

/* ---- Into parts ---- */

struct checker {
    struct values keys;
    struct values values;
    struct model_operation *operations;
    uint32_t count;
    uint32_t *parents; /* of every key: union-find */
    uint32_t *places;  /* of every key in its part's state */
};

static uint32_t root_of(struct checker *checker, uint32_t key)
{
    while (checker->parents[key] != key) {
        checker->parents[key] = checker->parents[checker->parents[key]];
        key = checker->parents[key];
    }
    return key;
}

static bool compile(struct checker *checker, const struct history *history,
                    struct checker_report *report)
{
    checker->operations = mem_alloc_zeroed(history->count, sizeof(*checker->operations));
    for (uint32_t i = 0; i < history->count; i++) {
        const struct history_operation *source = &history->operations[i];
        if (model_compile(source, &checker->keys, &checker->values,
                          &checker->operations[checker->count]) != RESULT_OK) {
            buf_append_format(&report->explanation,
                              "line %u: not a command of the model: ", source->line);
            history_print(source, &report->explanation);
            return false;
        }
        checker->count++;
    }
    return true;
}

static void join_keys(struct checker *checker)
{
    checker->parents = mem_alloc_zeroed(checker->keys.count, sizeof(uint32_t));
    checker->places = mem_alloc_zeroed(checker->keys.count, sizeof(uint32_t));
    for (uint32_t i = 0; i < checker->keys.count; i++) {
        checker->parents[i] = i;
    }
    for (uint32_t i = 0; i < checker->count; i++) {
        const struct model_operation *operation = &checker->operations[i];
        for (uint32_t j = 1; j < operation->keys_count; j++) {
            checker->parents[root_of(checker, operation->keys[j])] =
                root_of(checker, operation->keys[0]);
        }
    }
}

/* Operations by part, in the order of their keys' roots; both arrays are as long as needed. */
static void check_parts(struct checker *checker, uint64_t configurations_max,
                        struct checker_report *report)
{
    struct part *parts = mem_alloc_zeroed(checker->keys.count, sizeof(*parts));
    struct model_operation **operations =
        mem_alloc_zeroed(checker->count, sizeof(struct model_operation *));
    for (uint32_t i = 0; i < checker->count; i++) {
        parts[root_of(checker, checker->operations[i].keys[0])].count++;
    }
    for (uint32_t i = 1; i < checker->keys.count; i++) {
        struct part *part = &parts[root_of(checker, i)];
        checker->places[i] = part->keys_count++;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < checker->keys.count; i++) {
        parts[i].operations = operations + at;
        at += parts[i].count;
        parts[i].count = 0;
    }
    for (uint32_t i = 0; i < checker->count; i++) {
        struct part *part = &parts[root_of(checker, checker->operations[i].keys[0])];
        part->operations[part->count++] = &checker->operations[i];
    }
    for (uint32_t i = 0; i < checker->keys.count && report->verdict == CHECKER_LINEARIZABLE; i++) {
        if (parts[i].count > 0) {
            parts[i].places = checker->places;
            parts[i].values = &checker->values;
            report->verdict = check_part(&parts[i], configurations_max, report);
        }
    }
    mem_free(operations);
    mem_free(parts);
}

void checker_check(const struct history *history, uint64_t configurations_max,
                   struct checker_report *report)
{
    struct checker checker = {0};
    values_init(&checker.keys);
    values_init(&checker.values);
    *report = (struct checker_report){.verdict = CHECKER_INVALID, .operations = history->count};
    if (compile(&checker, history, report)) {
        report->verdict = CHECKER_LINEARIZABLE;
        join_keys(&checker);
        check_parts(&checker, configurations_max, report);
    }
    for (uint32_t i = 0; i < checker.count; i++) {
        model_operation_deinit(&checker.operations[i]);
    }
    mem_free(checker.operations);
    mem_free(checker.parents);
    mem_free(checker.places);
    values_deinit(&checker.keys);
    values_deinit(&checker.values);
}
