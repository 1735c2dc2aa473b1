/* t_set_algebra.c -- what combines several sets: intersection, union, difference, and storing them.
 */
#include "base/mem.h"
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"
#include "kv/set.h"

/* The sets of some key arguments, NULL where there is none. */
struct operands {
    const struct set **sets;
    uint32_t count;
};

typedef bool visit_member(struct slice member, void *into);

/* Looks all keys up; on an error has replied and holds nothing. */
static bool find_operands(struct command_context *context, uint32_t first, uint32_t count,
                          struct operands *out)
{
    out->sets = mem_alloc((size_t)count * sizeof(*out->sets));
    out->count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct container *container = NULL;
        if (!command_find_container(context, first + i, VALUE_TYPE_SET, &container)) {
            mem_free(out->sets);
            return false;
        }
        out->sets[i] = container == NULL ? NULL : set_of_const(container);
    }
    return true;
}

static bool is_in_all(const struct operands *operands, uint32_t from, struct slice member)
{
    for (uint32_t i = from; i < operands->count; i++) {
        if (!set_has(operands->sets[i], member)) {
            return false;
        }
    }
    return true;
}

static bool is_in_any(const struct operands *operands, uint32_t from, struct slice member)
{
    for (uint32_t i = from; i < operands->count; i++) {
        if (operands->sets[i] != NULL && set_has(operands->sets[i], member)) {
            return true;
        }
    }
    return false;
}

/* Puts the smallest set first: every other is asked for its members. */
static void put_smallest_first(struct operands *operands)
{
    uint32_t smallest = 0;
    for (uint32_t i = 1; i < operands->count; i++) {
        if (operands->sets[i]->container.count < operands->sets[smallest]->container.count) {
            smallest = i;
        }
    }
    const struct set *first = operands->sets[0];
    operands->sets[0] = operands->sets[smallest];
    operands->sets[smallest] = first;
}

/* Visits the members that all have, until the visitor says false. */
static void intersect(struct operands *operands, visit_member *visit, void *into)
{
    for (uint32_t i = 0; i < operands->count; i++) {
        if (operands->sets[i] == NULL) {
            return;
        }
    }
    put_smallest_first(operands);
    const struct set *smallest = operands->sets[0];
    for (uint32_t i = 0; i < smallest->table.count; i++) {
        struct slice member = set_member_at(smallest, i);
        if (is_in_all(operands, 1, member) && !visit(member, into)) {
            return;
        }
    }
}

static void subtract(struct operands *operands, visit_member *visit, void *into)
{
    const struct set *first = operands->sets[0];
    for (uint32_t i = 0; first != NULL && i < first->table.count; i++) {
        struct slice member = set_member_at(first, i);
        if (!is_in_any(operands, 1, member)) {
            (void)visit(member, into);
        }
    }
}

/* A member of several sets is visited once, where it is met first. */
static void unite(struct operands *operands, visit_member *visit, void *into)
{
    struct operands before = {operands->sets, 0};
    for (; before.count < operands->count; before.count++) {
        const struct set *set = operands->sets[before.count];
        for (uint32_t i = 0; set != NULL && i < set->table.count; i++) {
            struct slice member = set_member_at(set, i);
            if (!is_in_any(&before, 0, member)) {
                (void)visit(member, into);
            }
        }
    }
}

typedef void combination(struct operands *operands, visit_member *visit, void *into);

/* ---- Replying ---- */

struct reply_members {
    struct reply *reply;
    uint64_t count;
};

static bool reply_member(struct slice member, void *into)
{
    struct reply_members *members = into;
    reply_bulk(members->reply, member);
    members->count++;
    return true;
}

static void reply_with(struct command_context *context, combination *combine)
{
    struct operands operands;
    if (!find_operands(context, 1, context->arguments_count - 1, &operands)) {
        return;
    }
    struct reply_members members = {context->reply, 0};
    size_t begin = reply_deferred_begin(context->reply);
    combine(&operands, reply_member, &members);
    reply_deferred_set(context->reply, begin, members.count);
    mem_free(operands.sets);
}

void handle_sinter(struct command_context *context)
{
    reply_with(context, intersect);
}

void handle_sunion(struct command_context *context)
{
    reply_with(context, unite);
}

void handle_sdiff(struct command_context *context)
{
    reply_with(context, subtract);
}

/* ---- Storing ---- */

static bool store_member(struct slice member, void *into)
{
    (void)set_add(into, member);
    return true;
}

static void store(struct command_context *context, combination *combine, const char *event)
{
    struct operands operands;
    if (!find_operands(context, 2, context->arguments_count - 2, &operands)) {
        return;
    }
    struct slice key = context->arguments[1];
    struct container *result = keyspace_create_container(context->keyspace, VALUE_TYPE_SET);
    combine(&operands, store_member, set_of(result));
    mem_free(operands.sets);
    int64_t count = (int64_t)result->count;
    (void)keyspace_lookup_write(context->keyspace, context->database, key);
    if (count > 0) {
        keyspace_set_container(context->keyspace, context->database, key, result, KEYSPACE_NEVER);
        command_notify(context, NOTIFY_SET, event, key);
    } else {
        container_free(result);
        if (keyspace_delete(context->keyspace, context->database, key)) {
            command_notify(context, NOTIFY_GENERIC, "del", key);
        }
    }
    reply_integer(context->reply, count);
}

void handle_sinterstore(struct command_context *context)
{
    store(context, intersect, "sinterstore");
}

void handle_sunionstore(struct command_context *context)
{
    store(context, unite, "sunionstore");
}

void handle_sdiffstore(struct command_context *context)
{
    store(context, subtract, "sdiffstore");
}

/* ---- Counting ---- */

struct count_members {
    int64_t count;
    int64_t limit; /* 0: none */
};

static bool count_member(struct slice member, void *into)
{
    struct count_members *members = into;
    (void)member;
    members->count++;
    return members->count != members->limit;
}

void handle_sintercard(struct command_context *context)
{
    uint32_t keys_count = 0;
    if (!command_read_keys_count(context, 1, &keys_count)) {
        return;
    }
    struct count_members members = {0, 0};
    for (uint32_t i = 2 + keys_count; i < context->arguments_count; i += 2) {
        if (!slice_is_word(context->arguments[i], "limit") || i + 1 >= context->arguments_count) {
            command_refuse_syntax(context);
            return;
        }
        if (!number_parse_int64(context->arguments[i + 1], &members.limit) || members.limit < 0) {
            reply_error(context->reply, "ERR LIMIT can't be negative");
            return;
        }
    }
    struct operands operands;
    if (!find_operands(context, 2, keys_count, &operands)) {
        return;
    }
    intersect(&operands, count_member, &members);
    mem_free(operands.sets);
    reply_integer(context->reply, members.count);
}
