/* sim_client.c -- a client of the randomized simulation. */
#include "sim/sim_client.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "wire/reply_reader.h"

enum {
    /* How much later than the request timeout an answer may come: its turn, no more. */
    ANSWER_SLACK_MS = 50,
    WORD_BYTES = 64,
};

static uint64_t below(struct sim_client *client, uint64_t bound)
{
    return prng_below(&client->sim->prng, bound);
}

static struct lab *lab_of(struct sim_client *client)
{
    return &client->sim->lab;
}

/* ---- Outcomes ---- */

/* A write was perhaps done, now or later. */
static void settle_unknown(struct sim_client *client, const struct sim_operation *operation)
{
    client->sim->unknowns++;
    switch (operation->kind) {
    case SIM_INCR:
        client->increments_unknown++;
        break;
    case SIM_APPEND:
        client->tokens[operation->number] = SIM_TOKEN_MAYBE;
        break;
    case SIM_SET:
        if (operation->generations[0] == client->generation) {
            client->generation++;
            client->register_sent = 0;
            client->register_done = 0;
            client->register_acknowledged = 0;
        }
        break;
    case SIM_SET_PX:
    case SIM_READ:
    case SIM_READ_PX:
    case SIM_PING:
        break;
    }
}

static void check_increment(struct sim_client *client, int64_t value)
{
    client->increments_done++;
    int64_t extra = value - (int64_t)client->increments_done;
    if (extra < (int64_t)client->increments_extra || extra > (int64_t)client->increments_unknown) {
        lab_fail(lab_of(client),
                 "client %u: INCR gave %" PRId64 " after %" PRIu64 " acknowledged, %" PRIu64
                 " unknown, %" PRIu64 " of them seen",
                 client->number, value, client->increments_done - 1, client->increments_unknown,
                 client->increments_extra);
        return;
    }
    client->increments_extra = (uint64_t)extra;
}

static uint64_t number_of(struct slice text)
{
    uint64_t number = 0;
    return number_parse_uint64(text, &number) ? number : UINT64_MAX;
}

static void check_register(struct sim_client *client, const struct sim_operation *operation,
                           uint32_t at, uint64_t value)
{
    struct sim_client *owner = &client->sim->clients[operation->targets[at]];
    if (owner->generation != operation->generations[at]) {
        return;
    }
    uint64_t floor = operation->floors[at];
    if (owner == client && value != client->register_acknowledged) {
        lab_fail(lab_of(client), "client %u: own register is %" PRIu64 " behind SET %" PRIu64,
                 client->number, value, client->register_acknowledged);
    }
    if (value < floor || value > owner->register_sent) {
        lab_fail(lab_of(client),
                 "client %u on node %u: register of %u is %" PRIu64 ", was %" PRIu64
                 " before, sent up to %" PRIu64,
                 client->number, client->client.node->number + 1, owner->number, value, floor,
                 owner->register_sent);
    }
    owner->register_done = value > owner->register_done ? value : owner->register_done;
}

static void check_read(struct sim_client *client, const struct sim_operation *operation,
                       struct slice reply)
{
    struct reply_element element;
    size_t size;
    uint32_t count = operation->targets_count;
    if (reply_read(reply, &element, &size) != PARSE_DONE) {
        lab_fail(lab_of(client), "client %u: no reply to a read", client->number);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (count > 1) { /* MGET: step over the header, or the element before */
            reply = slice_of(reply.bytes + size, reply.size - size);
            if (reply_read(reply, &element, &size) != PARSE_DONE) {
                lab_fail(lab_of(client), "client %u: short reply to MGET", client->number);
                return;
            }
        }
        uint64_t value = element.kind == REPLY_KIND_NULL ? 0 : number_of(element.text);
        check_register(client, operation, i, value);
    }
}

static void check_expiring(struct sim_client *client, const struct sim_operation *operation,
                           bool is_there)
{
    struct sim_client *owner = &client->sim->clients[operation->targets[0]];
    uint64_t slot = operation->number % SIM_EXPIRING_MAX;
    if (is_there && operation->was_gone) {
        lab_fail(lab_of(client), "client %u: key p:%u:%" PRIu64 " is back after it expired",
                 client->number, owner->number, operation->number);
    }
    if (!is_there && owner->expiring[slot].number == operation->number) {
        owner->expiring[slot].is_gone = true;
    }
}

/* ---- Replies ---- */

static void settle_done(struct sim_client *client, const struct sim_operation *operation,
                        struct slice reply)
{
    struct reply_element element = {0};
    size_t size;
    if (reply_read(reply, &element, &size) != PARSE_DONE) {
        lab_fail(lab_of(client), "client %u: bad reply", client->number);
        return;
    }
    switch (operation->kind) {
    case SIM_INCR:
        check_increment(client, element.integer);
        break;
    case SIM_APPEND:
        client->tokens[operation->number] = SIM_TOKEN_DONE;
        break;
    case SIM_SET:
        if (operation->generations[0] == client->generation) {
            client->register_acknowledged = operation->number;
            if (operation->number > client->register_done) {
                client->register_done = operation->number;
            }
        }
        break;
    case SIM_READ:
        check_read(client, operation, reply);
        break;
    case SIM_SET_PX:
        client->expiring[operation->number % SIM_EXPIRING_MAX].is_there = true;
        break;
    case SIM_READ_PX:
        check_expiring(client, operation, element.kind != REPLY_KIND_NULL);
        break;
    case SIM_PING:
        if (element.kind != REPLY_KIND_BULK || number_of(element.text) != operation->number) {
            lab_fail(lab_of(client), "client %u: reply to PING %" PRIu64 " is %.*s", client->number,
                     operation->number, (int)reply.size, (const char *)reply.bytes);
        }
        break;
    }
}

static bool starts_with(struct slice text, const char *prefix)
{
    size_t size = strlen(prefix);
    return text.size >= size && memcmp(text.bytes, prefix, size) == 0;
}

static void settle(struct sim_client *client, const struct sim_operation *operation,
                   struct slice reply)
{
    client->sim->replies++;
    if (reply.bytes[0] != '-') {
        settle_done(client, operation, reply);
        return;
    }
    bool is_write = operation->kind != SIM_READ && operation->kind != SIM_READ_PX &&
                    operation->kind != SIM_PING;
    if (is_write && starts_with(reply, "-UNKNOWN ")) {
        settle_unknown(client, operation);
    } else if ((operation->kind != SIM_PING && starts_with(reply, "-CLUSTERDOWN ")) ||
               (is_write && starts_with(reply, "-DISKFULL "))) {
        client->sim->refusals++;
    } else {
        lab_fail(lab_of(client), "client %u: operation %d answered %.*s", client->number,
                 (int)operation->kind, (int)reply.size, (const char *)reply.bytes);
    }
}

static uint64_t waited_ms(const struct sim_client *client, const struct sim_operation *operation)
{
    const struct lab_node *node = client->client.node;
    uint64_t paused_ms = node->paused_ms - operation->paused_ms;
    return lab_by_clock_of(node, client->sim->lab.now_ms - operation->taken_ms - paused_ms);
}

static void check_wait(struct sim_client *client, const struct sim_operation *operation)
{
    uint64_t waited = waited_ms(client, operation);
    if (waited > client->sim->request_timeout_ms + ANSWER_SLACK_MS) {
        lab_fail(lab_of(client), "client %u on node %u: operation %d has waited for %" PRIu64 " ms",
                 client->number, client->client.node->number + 1, (int)operation->kind, waited);
    }
}

static void on_taken(struct lab_client *lab_client)
{
    struct sim_client *client = lab_client->context;
    uint32_t i = 0;
    while (i < client->operations_count && client->operations[i].is_taken) {
        i++;
    }
    if (i == client->operations_count) {
        lab_fail(lab_of(client), "client %u: more taken than sent", client->number);
        return;
    }
    struct sim_operation *operation = &client->operations[i];
    operation->is_taken = true;
    operation->taken_ms = client->sim->lab.now_ms;
    operation->paused_ms = lab_client->node->paused_ms;
}

static void on_reply(struct lab_client *lab_client, struct slice reply)
{
    struct sim_client *client = lab_client->context;
    if (client->operations_count == 0) {
        lab_fail(lab_of(client), "client %u: a reply that nothing asked for", client->number);
        return;
    }
    struct sim_operation operation = client->operations[0];
    client->operations_count--;
    memmove(&client->operations[0], &client->operations[1],
            client->operations_count * sizeof(operation));
    /* The executor's on_taken comes when it returns, which is after a reply given at once. */
    if (operation.is_taken) {
        check_wait(client, &operation);
    }
    settle(client, &operation, reply);
}

static void on_closed(struct lab_client *lab_client)
{
    struct sim_client *client = lab_client->context;
    for (uint32_t i = 0; i < client->operations_count; i++) {
        if (client->operations[i].is_taken) {
            settle_unknown(client, &client->operations[i]);
        }
    }
    client->operations_count = 0;
    client->sim->lab.faults.counts[LAB_CLIENT_LOST]++;
    client->next_ms = client->sim->lab.now_ms + below(client, 100);
}

/* ---- Acting ---- */

/* One command with up to four words; keys and numbers are written into them. */
struct words {
    char text[4][WORD_BYTES];
    uint32_t count;
};

static void put(struct words *words, const char *format, ...) PRINTF_LIKE(2, 3);

static void put(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words->text[words->count++], WORD_BYTES, format, arguments);
    va_end(arguments);
}

static void draw_read(struct sim_client *client, struct sim_operation *operation,
                      struct words *words)
{
    static const uint32_t counts[] = {1, 1, SIM_TARGETS_MAX};
    operation->targets_count = counts[below(client, 3)];
    put(words, operation->targets_count == 1 ? "GET" : "MGET");
    for (uint32_t i = 0; i < operation->targets_count; i++) {
        uint32_t target = (uint32_t)below(client, client->sim->clients_count);
        const struct sim_client *owner = &client->sim->clients[target];
        operation->targets[i] = target;
        operation->generations[i] = owner->generation;
        operation->floors[i] = owner->register_done;
        put(words, "r:%u:%" PRIu64, target, owner->generation);
    }
}

/* False when there is no expiring key to be read. */
static bool draw_read_px(struct sim_client *client, struct sim_operation *operation,
                         struct words *words)
{
    uint32_t target = (uint32_t)below(client, client->sim->clients_count);
    const struct sim_client *owner = &client->sim->clients[target];
    uint64_t slot = below(client, SIM_EXPIRING_MAX);
    if (!owner->expiring[slot].is_there) {
        return false;
    }
    operation->targets[0] = target;
    operation->number = owner->expiring[slot].number;
    operation->was_gone = owner->expiring[slot].is_gone;
    put(words, "GET");
    put(words, "p:%u:%" PRIu64, target, operation->number);
    return true;
}

static void draw_write(struct sim_client *client, struct sim_operation *operation,
                       struct words *words)
{
    if (operation->kind == SIM_INCR) {
        put(words, "INCR");
        put(words, "c:%u", client->number);
    } else if (operation->kind == SIM_APPEND) {
        operation->number = client->tokens_count++;
        put(words, "APPEND");
        put(words, "a:%u", client->number);
        put(words, "%" PRIu64 ",", operation->number);
    } else if (operation->kind == SIM_SET) {
        operation->number = ++client->register_sent;
        operation->generations[0] = client->generation;
        put(words, "SET");
        put(words, "r:%u:%" PRIu64, client->number, client->generation);
        put(words, "%" PRIu64, operation->number);
    } else {
        operation->number = ++client->expiring_count;
        uint64_t slot = operation->number % SIM_EXPIRING_MAX;
        client->expiring[slot].number = operation->number;
        client->expiring[slot].is_there = false;
        client->expiring[slot].is_gone = false;
        put(words, "PSETEX");
        put(words, "p:%u:%" PRIu64, client->number, operation->number);
        put(words, "%" PRIu64, 20 + below(client, 1500));
        put(words, "x");
    }
}

static void send_operation(struct sim_client *client)
{
    struct sim_operation operation = {.kind = (enum sim_kind)below(client, SIM_KINDS)};
    struct words words = {.count = 0};
    switch (operation.kind) {
    case SIM_READ:
        draw_read(client, &operation, &words);
        break;
    case SIM_READ_PX:
        if (!draw_read_px(client, &operation, &words)) {
            return;
        }
        break;
    case SIM_PING:
        operation.number = ++client->pings;
        put(&words, "PING");
        put(&words, "%" PRIu64, operation.number);
        break;
    case SIM_APPEND:
        if (client->tokens_count == SIM_TOKENS_MAX) {
            return;
        }
        draw_write(client, &operation, &words);
        break;
    case SIM_INCR:
    case SIM_SET:
    case SIM_SET_PX:
        draw_write(client, &operation, &words);
        break;
    }
    struct slice arguments[4];
    for (uint32_t i = 0; i < words.count; i++) {
        arguments[i] = slice_of_string(words.text[i]);
    }
    client->operations[client->operations_count++] = operation;
    lab_client_send(&client->client, arguments, words.count);
}

static void connect_somewhere(struct sim_client *client)
{
    static const struct lab_client_hooks hooks = {on_taken, on_reply, on_closed};
    struct lab_node *node = &lab_of(client)->nodes[below(client, lab_of(client)->nodes_count)];
    if (lab_is_live(node)) {
        client->client.context = client;
        lab_client_deinit(&client->client);
        lab_client_open(&client->client, node, &hooks);
    }
}

void sim_client_act(struct sim_client *client)
{
    client->next_ms = lab_of(client)->now_ms + 1 + below(client, 40);
    if (client->client.session == NULL) {
        connect_somewhere(client);
        return;
    }
    if (below(client, 200) == 0) {
        lab_client_close(&client->client);
        on_closed(&client->client);
        return;
    }
    uint64_t count = below(client, 4) == 0 ? below(client, SIM_PIPELINE_MAX) : 1;
    for (uint64_t i = 0; i < count && client->operations_count < SIM_PIPELINE_MAX; i++) {
        send_operation(client);
    }
}

void sim_client_check_waits(struct sim_client *client)
{
    if (client->client.session == NULL || client->client.node->is_paused) {
        return;
    }
    for (uint32_t i = 0; i < client->operations_count; i++) {
        if (client->operations[i].is_taken) {
            check_wait(client, &client->operations[i]);
        }
    }
}

/* ---- The end ---- */

static struct slice ask(struct lab_client *asker, const char *key)
{
    struct slice arguments[2] = {SLICE_LITERAL("GET"), slice_of_string(key)};
    lab_client_send(asker, arguments, 2);
    struct slice reply = slice_of_string(lab_client_hear(asker, 200));
    struct reply_element element = {0};
    size_t size;
    bool is_read = reply.size > 0 && reply_read(reply, &element, &size) == PARSE_DONE;
    if (!is_read || element.kind == REPLY_KIND_ERROR) {
        lab_fail(asker->node->lab, "node %u answers GET %s with %s", asker->node->number + 1, key,
                 (const char *)reply.bytes);
        return slice_of(NULL, 0);
    }
    return element.text;
}

static void check_counter(struct sim_client *client, struct slice text)
{
    uint64_t value = text.size == 0 ? 0 : number_of(text);
    uint64_t least = client->increments_done + client->increments_extra;
    uint64_t most = client->increments_done + client->increments_unknown;
    if (value < least || value > most) {
        lab_fail(lab_of(client),
                 "client %u: counter ends at %" PRIu64 ", not in %" PRIu64 "..%" PRIu64,
                 client->number, value, least, most);
    }
}

static void check_tokens(struct sim_client *client, struct slice text)
{
    uint32_t seen[SIM_TOKENS_MAX] = {0};
    const char *at = (const char *)text.bytes;
    const char *end = at + text.size;
    uint64_t newest_done = 0;
    while (at < end) {
        char *next = NULL;
        uint64_t number = strtoull(at, &next, 10);
        if (number >= client->tokens_count || *next != ',') {
            lab_fail(lab_of(client), "client %u: number not sent was appended", client->number);
            return;
        }
        bool is_done = client->tokens[number] == SIM_TOKEN_DONE;
        if (++seen[number] > 1 || client->tokens[number] == SIM_TOKEN_NEVER ||
            (is_done && number < newest_done)) {
            lab_fail(lab_of(client), "client %u: append of %" PRIu64 " is wrong (state %d)",
                     client->number, number, client->tokens[number]);
        }
        newest_done = is_done ? number : newest_done;
        at = next + 1;
    }
    for (uint64_t i = 0; i < client->tokens_count; i++) {
        if (client->tokens[i] == SIM_TOKEN_DONE && seen[i] == 0) {
            lab_fail(lab_of(client), "client %u: acknowledged append of %" PRIu64 " is lost",
                     client->number, i);
        }
    }
}

void sim_client_check_end(struct sim_client *client, struct lab_node *node)
{
    if (client->operations_count > 0) {
        lab_fail(lab_of(client), "client %u: %u operations were never answered", client->number,
                 client->operations_count);
    }
    struct lab_client asker = {0};
    lab_client_open(&asker, node, NULL);
    char key[WORD_BYTES];
    (void)snprintf(key, sizeof(key), "c:%u", client->number);
    check_counter(client, ask(&asker, key));
    (void)snprintf(key, sizeof(key), "a:%u", client->number);
    check_tokens(client, ask(&asker, key));
    (void)snprintf(key, sizeof(key), "r:%u:%" PRIu64, client->number, client->generation);
    struct slice text = ask(&asker, key);
    uint64_t value = text.size == 0 ? 0 : number_of(text);
    if (value != client->register_acknowledged) {
        lab_fail(lab_of(client), "client %u: register ends at %" PRIu64 ", not %" PRIu64,
                 client->number, value, client->register_acknowledged);
    }
    for (uint64_t i = 1; i <= client->expiring_count && i <= 3; i++) {
        (void)snprintf(key, sizeof(key), "p:%u:%" PRIu64, client->number, i);
        if (ask(&asker, key).size != 0) {
            lab_fail(lab_of(client), "%s has not expired", key);
        }
    }
    lab_client_deinit(&asker);
}
