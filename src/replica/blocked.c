/* blocked.c -- a blocked client's life, from its first try to its answer: see blocked.h. */
#include "replica/blocked.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "kv/container.h"
#include "replica/blocked_client.h"
#include "replica/replica_internal.h"

#define ERROR_UNBLOCKED "UNBLOCKED client unblocked via CLIENT UNBLOCK"

void blocked_init(struct blocked *blocked, uint64_t hash_seed)
{
    list_init(&blocked->ready);
    list_init(&blocked->held);
    blocked->keys.hash_seed = hash_seed;
}

void blocked_deinit(struct blocked *blocked)
{
    ASSERT(blocked->bytes == 0);
    blocked_keys_deinit(&blocked->keys);
    mem_free((void *)blocked->timers);
}

static struct blocked *blocked_of(const struct session *session)
{
    return &session->executor->blocked;
}

static void look_at(struct blocked *blocked, struct blocked_key *key)
{
    if (list_is_empty(&key->ready_link)) {
        list_push_back(&blocked->ready, &key->ready_link);
    }
}

/* ---- Into the queues and out of them ---- */

/* What holding the arguments takes, the places in the queues included. */
static size_t size_of(const struct slice *arguments, uint32_t arguments_count)
{
    size_t bytes = sizeof(struct blocked_client);
    for (uint32_t i = 0; i < arguments_count; i++) {
        /* A key is held twice, for its queue may have been opened for it. */
        bytes += sizeof(struct slice) + sizeof(struct blocked_place) + sizeof(struct blocked_key) +
                 2 * arguments[i].size;
    }
    return bytes;
}

bool blocked_has_room(const struct blocked *blocked, const struct slice *arguments,
                      uint32_t arguments_count)
{
    return blocked->bytes + size_of(arguments, arguments_count) <= LIMIT_BLOCKED_BYTES;
}

void blocked_begin(struct session *session, const struct command *command,
                   const struct slice *arguments, uint32_t arguments_count)
{
    ASSERT(session->blocked == NULL);
    struct blocked *blocked = blocked_of(session);
    size_t text = 0;
    for (uint32_t i = 0; i < arguments_count; i++) {
        text += arguments[i].size;
    }
    struct blocked_client *client =
        mem_alloc_zeroed(1, sizeof(*client) + arguments_count * sizeof(struct slice) + text);
    struct slice *copies = (struct slice *)(client + 1);
    uint8_t *at = (uint8_t *)(copies + arguments_count);
    for (uint32_t i = 0; i < arguments_count; i++) {
        copies[i] = slice_of(at, arguments[i].size);
        if (arguments[i].size > 0) {
            memcpy(at, arguments[i].bytes, arguments[i].size);
        }
        at += arguments[i].size;
    }
    client->session = session;
    client->command = command;
    client->arguments = copies;
    client->arguments_count = arguments_count;
    client->bytes = size_of(arguments, arguments_count);
    client->since_ms = executor_now_ms(session->executor);
    client->timer_position = BLOCKED_NO_TIMER;
    blocked->bytes += client->bytes;
    session->blocked = client;
}

/* A key named twice has one place. */
static bool has_place(const struct blocked_client *client, const struct blocked_key *key)
{
    /* What this client put there last is at the end of the queue. */
    return !list_is_empty(&key->places) &&
           LIST_MEMBER(key->places.previous, struct blocked_place, link)->client == client;
}

static void park(struct blocked_client *client)
{
    struct blocked *blocked = blocked_of(client->session);
    struct command_wait *wait = &client->wait;
    bool is_good =
        command_wait_read(client->command, client->arguments, client->arguments_count, wait);
    ASSERT(is_good);
    client->state = BLOCKED_PARKED;
    client->places = mem_alloc_zeroed(wait->keys_count, sizeof(*client->places));
    for (uint32_t i = 0; i < wait->keys_count; i++) {
        struct blocked_key *key = blocked_keys_add(&blocked->keys, client->session->database,
                                                   client->arguments[wait->keys_first + i]);
        if (!has_place(client, key)) {
            struct blocked_place *place = &client->places[client->places_count++];
            place->client = client;
            place->key = key;
            list_push_back(&key->places, &place->link);
        }
    }
    uint64_t timeout_ms = (uint64_t)wait->timeout_ms;
    client->deadline_ms = timeout_ms == 0 ? UINT64_MAX : client->since_ms + timeout_ms;
    if (timeout_ms != 0) {
        blocked_timers_add(blocked, client);
    }
    blocked->clients_count++;
    session_touch(client->session); /* the network treats it as one that nothing is owed */
}

/* The try under way is over. */
static void end_try(struct blocked_client *client)
{
    ASSERT(client->state == BLOCKED_TRYING_AGAIN);
    client->state = BLOCKED_PARKED;
    ASSERT(client->tried->tries > 0);
    client->tried->tries--;
    blocked_of(client->session)->tries--;
    look_at(blocked_of(client->session), client->tried);
    client->tried = NULL;
}

void blocked_leave(struct session *session)
{
    struct blocked_client *client = session->blocked;
    if (client == NULL) {
        return;
    }
    struct blocked *blocked = blocked_of(session);
    if (client->state == BLOCKED_TRYING_AGAIN) {
        end_try(client);
    }
    for (uint32_t i = 0; i < client->places_count; i++) {
        list_remove(&client->places[i].link);
        blocked_keys_settle(&blocked->keys, client->places[i].key);
    }
    blocked_timers_remove(blocked, client);
    blocked->clients_count -= client->state == BLOCKED_PARKED;
    blocked->bytes -= client->bytes;
    session->blocked = NULL;
    mem_free(client->places);
    mem_free(client);
}

/* ---- Answers ---- */

bool blocked_is_parked(const struct session *session)
{
    return session->blocked != NULL && session->blocked->state != BLOCKED_TRYING;
}

/* Answers a client that is not to wait any longer, and for which no try is under way. */
static void answer(struct blocked_client *client)
{
    struct session *session = client->session;
    struct request request;
    bool has_head = session_peek(session, &request);
    ASSERT(has_head);
    ASSERT(request.kind == REQUEST_WRITE);
    bool is_error = client->ending == BLOCKED_UNBLOCKED;
    if (is_error) {
        executor_count_error(session->executor, slice_of_string(ERROR_UNBLOCKED));
    }
    if (!request.is_silent && is_error) {
        reply_error(&session->reply, ERROR_UNBLOCKED);
    } else if (!request.is_silent) {
        reply_null_array(&session->reply);
    }
    session_pop(session, &request);
    blocked_leave(session);
    executor_answered(session);
}

static void end(struct blocked_client *client, enum blocked_ending ending)
{
    client->ending = ending;
    blocked_timers_remove(blocked_of(client->session), client);
    if (client->state == BLOCKED_PARKED) {
        answer(client);
    }
}

/* A try popped nothing: another client was faster at its key, but others may have elements. */
static void go_on(struct blocked_client *client)
{
    end_try(client);
    if (client->ending != BLOCKED_STAYS) {
        answer(client);
        return;
    }
    for (uint32_t i = 0; i < client->places_count; i++) {
        look_at(blocked_of(client->session), client->places[i].key);
    }
}

bool blocked_stays(struct session *session, enum command_miss miss, size_t before)
{
    struct blocked_client *client = session->blocked;
    bool is_first = client->state == BLOCKED_TRYING;
    /* Whoever waits already is not told that a key has become of another type. */
    if (miss == COMMAND_MISS_NONE || (is_first && miss == COMMAND_MISS_WRONG_TYPE)) {
        blocked_leave(session);
        return false;
    }
    buf_truncate(&session->output, before);
    if (is_first) {
        park(client);
    } else {
        go_on(client);
    }
    return true;
}

bool blocked_try_dropped(struct session *session)
{
    if (session->blocked == NULL || session->blocked->state != BLOCKED_TRYING_AGAIN) {
        return false;
    }
    go_on(session->blocked);
    return true;
}

bool blocked_unblock(struct session *session, bool is_error)
{
    if (!blocked_is_parked(session)) {
        return false;
    }
    end(session->blocked, is_error ? BLOCKED_UNBLOCKED : BLOCKED_TIMED_OUT);
    return true;
}

uint64_t blocked_deadline_ms(const struct replica *replica)
{
    const struct blocked *blocked = &replica->executor.blocked;
    return blocked->timers_count == 0 ? UINT64_MAX : blocked->timers[0]->deadline_ms;
}

/* ---- Keys that have elements ---- */

static void look_at_database(struct blocked *blocked, uint32_t database)
{
    for (uint32_t i = 0; i < blocked->keys.buckets_count; i++) {
        for (struct blocked_key *key = blocked->keys.buckets[i]; key != NULL; key = key->next) {
            if (key->database == database) {
                look_at(blocked, key);
            }
        }
    }
}

void blocked_hear(struct replica *replica)
{
    struct blocked *blocked = &replica->executor.blocked;
    struct bytes_reader tape = bytes_reader_of(buf_slice(&replica->executor.events.tape));
    struct command_event event;
    while (command_events_next(&tape, &event)) {
        struct blocked_key *key = NULL;
        if (event.class == NOTIFY_ALL_READY) {
            blocked_note_stir(replica);
            look_at_database(blocked, event.database);
        } else if (event.class == NOTIFY_READY &&
                   (key = blocked_keys_find(&blocked->keys, event.database, event.key)) != NULL) {
            blocked_note_stir(replica);
            look_at(blocked, key);
        }
    }
}

void blocked_look_everywhere(struct replica *replica)
{
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        look_at_database(&replica->executor.blocked, i);
    }
}

/* ---- Tries ---- */

enum {
    /* Of one turn: about a millisecond's work. */
    TRIES_A_TURN = 1000,
};

static void try_again(struct replica *replica, struct blocked_client *client,
                      struct blocked_key *key)
{
    struct session *session = client->session;
    struct slice *arguments = mem_alloc(client->arguments_count * sizeof(*arguments));
    uint32_t count = command_wait_narrow(client->command, client->arguments,
                                         client->arguments_count, key->name, arguments);
    session_reference(session);
    session->write_generation =
        batches_add(&replica->batches, session, session->database, arguments, count);
    mem_free(arguments);
    client->state = BLOCKED_TRYING_AGAIN;
    client->tried = key;
    key->tries++;
    replica->executor.blocked.tries++;
}

void blocked_let_go_first(struct session *session)
{
    struct replica *replica = session->executor->replica;
    const struct blocked_client *self = session->blocked;
    struct command_wait wait;
    if (!command_wait_read(self->command, self->arguments, self->arguments_count, &wait)) {
        return;
    }
    for (uint32_t i = 0; i < wait.keys_count; i++) {
        struct blocked_key *key = blocked_keys_find(&blocked_of(session)->keys, session->database,
                                                    self->arguments[wait.keys_first + i]);
        if (key == NULL || key->tries > 0 || list_is_empty(&key->places)) {
            continue;
        }
        struct blocked_client *first =
            LIST_MEMBER(key->places.next, struct blocked_place, link)->client;
        if (first->state == BLOCKED_PARKED && first->wait.type == wait.type) {
            try_again(replica, first, key);
        }
    }
}

/* How many elements are there to be popped by those who wait for a type. */
static uint64_t elements_at(const struct replica *replica, const struct blocked_key *key,
                            enum value_type *type)
{
    const struct item *item =
        keyspace_lookup_read(replica->keyspace, key->database, key->name, KEYSPACE_UNTOUCHED);
    if (item == NULL) {
        return 0;
    }
    struct value value = keyspace_item_value(item);
    *type = value.type;
    return value.type == VALUE_TYPE_STRING ? 0 : value.container->count;
}

/* A try an element, for the first in the queue. */
static void try_key(struct replica *replica, struct blocked_key *key)
{
    enum value_type type = VALUE_TYPE_STRING;
    uint64_t elements = elements_at(replica, key, &type);
    for (struct list *link = key->places.next; link != &key->places && key->tries < elements;
         link = link->next) {
        struct blocked_client *client = LIST_MEMBER(link, struct blocked_place, link)->client;
        if (client->state == BLOCKED_PARKED && client->wait.type == type) {
            try_again(replica, client, key);
        }
    }
}

static void answer_overdue(struct replica *replica)
{
    struct blocked *blocked = &replica->executor.blocked;
    while (blocked_deadline_ms(replica) <= replica->now_ms) {
        end(blocked->timers[0], BLOCKED_TIMED_OUT);
    }
}

bool blocked_turn(struct replica *replica)
{
    struct blocked *blocked = &replica->executor.blocked;
    answer_overdue(replica);
    bool is_held = replica->is_state_missing || replica->executor.pause_until_ms > replica->now_ms;
    if (is_held) {
        return false;
    }
    struct list *link;
    uint32_t looks = 0;
    while (replica->batches.bytes < LIMIT_UNANSWERED_BYTES &&
           (link = list_pop_front(&blocked->ready)) != NULL) {
        struct blocked_key *key = LIST_MEMBER(link, struct blocked_key, ready_link);
        try_key(replica, key);
        blocked_keys_settle(&blocked->keys, key);
        if (++looks == TRIES_A_TURN) {
            return !list_is_empty(&blocked->ready);
        }
    }
    return false;
}
