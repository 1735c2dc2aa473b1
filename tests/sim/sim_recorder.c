/* sim_recorder.c -- a client of the simulation that writes down what it asks and hears. */
#include "sim/sim_recorder.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "wire/reply_reader.h"

enum {
    ANSWER_SLACK_MS = 50,
    EPOCH_MS_MAX = 2500,
    EPOCH_UNKNOWN_MAX = 3,
    /* Each may be of unknown outcome, too. */
    RETRIES_MAX = 2,
    /* Commands that are drawn from; reads come first. */
    READS = 4,
    COMMANDS = 18,
    JOINT_READS = 3,
    JOINT_COMMANDS = 6,
    JOINT_KEYS_MAX = 3,
    CONTAINER_READS = 9,
    CONTAINER_COMMANDS = 26,
    CONTAINER_MEMBERS = 3,
    REPLY_ELEMENTS_MAX = 4096,
    END_WAIT_MS = 3000,
};

static uint64_t below(const struct sim_recorder *recorder, uint64_t bound)
{
    return prng_below(&recorder->record->sim->prng, bound);
}

static struct lab *lab_of(const struct sim_recorder *recorder)
{
    return &recorder->record->sim->lab;
}

/* ---- Outcomes ---- */

/* reply_count 0: the outcome is unknown. */
static void write_down(struct sim_recorder *recorder, const struct sim_recorded *request,
                       struct history_reply *reply, uint32_t reply_count)
{
    struct sim_record *record = recorder->record;
    struct slice arguments[SIM_WORDS_MAX];
    for (uint32_t i = 0; i < request->words_count; i++) {
        arguments[i] = slice_of_string(request->words[i]);
    }
    struct history_operation operation = {.client = recorder->number,
                                          .begin = request->begin,
                                          .end = reply_count == 0 ? HISTORY_NEVER : ++record->time,
                                          .arguments = arguments,
                                          .arguments_count = request->words_count,
                                          .reply = reply,
                                          .reply_count = reply_count};
    history_add(&record->history, &operation);
}

static void settle_unknown(struct sim_recorder *recorder, const struct sim_recorded *request)
{
    struct sim_record *record = recorder->record;
    record->sim->unknowns++;
    if (request->is_read) {
        return;
    }
    write_down(recorder, request, NULL, 0);
    record->unknown++;
    if (below(recorder, 1000) < record->retry_per_mille && request->retries < RETRIES_MAX) {
        recorder->again = *request;
        recorder->again.retries++;
    }
}

static bool begins_with(struct slice text, const char *begin)
{
    return text.size >= strlen(begin) && memcmp(text.bytes, begin, strlen(begin)) == 0;
}

static bool take_element(const struct reply_element *element, struct history_reply *out)
{
    *out = (struct history_reply){.text = element->text};
    switch (element->kind) {
    case REPLY_KIND_STATUS:
        out->kind = HISTORY_STATUS;
        return true;
    case REPLY_KIND_INTEGER:
        out->kind = HISTORY_INTEGER;
        out->integer = element->integer;
        return true;
    case REPLY_KIND_BULK:
        out->kind = HISTORY_TEXT;
        return true;
    case REPLY_KIND_NULL:
        out->kind = HISTORY_NIL;
        return true;
    case REPLY_KIND_ARRAY:
        out->kind = HISTORY_ARRAY;
        out->integer = (int64_t)element->count;
        return true;
    case REPLY_KIND_ERROR:
    case REPLY_KIND_DOUBLE:
    case REPLY_KIND_BOOLEAN:
    case REPLY_KIND_VERBATIM:
    case REPLY_KIND_BIG_NUMBER:
    case REPLY_KIND_MAP:
    case REPLY_KIND_SET:
    case REPLY_KIND_PUSH:
        return false;
    }
    return false;
}

static void settle_done(struct sim_recorder *recorder, const struct sim_recorded *request,
                        struct slice reply)
{
    static struct history_reply elements[1 + REPLY_ELEMENTS_MAX];
    uint32_t count = 0;
    while (reply.size > 0) {
        struct reply_element element = {0};
        size_t size = 0;
        if (count > REPLY_ELEMENTS_MAX || reply_read(reply, &element, &size) != PARSE_DONE ||
            !take_element(&element, &elements[count])) {
            lab_fail(lab_of(recorder), "recorder %u: %s has a strange reply", recorder->number,
                     request->words[0]);
            return;
        }
        count++;
        reply = slice_of(reply.bytes + size, reply.size - size);
    }
    write_down(recorder, request, elements, count);
}

static void settle(struct sim_recorder *recorder, const struct sim_recorded *request,
                   struct slice reply)
{
    struct sim *sim = recorder->record->sim;
    sim->replies++;
    if (reply.bytes[0] != '-') {
        settle_done(recorder, request, reply);
    } else if (begins_with(reply, "-UNKNOWN ")) {
        settle_unknown(recorder, request);
    } else if (begins_with(reply, "-CLUSTERDOWN ") || begins_with(reply, "-DISKFULL ")) {
        sim->refusals++; /* provably not done */
    } else if (!begins_with(reply, "-ERR value is not an integer") &&
               !begins_with(reply, "-ERR increment or decrement would overflow")) {
        lab_fail(lab_of(recorder), "recorder %u: %s %s is answered %.*s", recorder->number,
                 request->words[0], request->words[1], (int)reply.size, (const char *)reply.bytes);
    }
}

/* ---- The connection ---- */

static void check_wait(struct sim_recorder *recorder, const struct sim_recorded *request)
{
    const struct lab_node *node = recorder->client.node;
    uint64_t waited_ms = lab_of(recorder)->now_ms - request->taken_ms;
    waited_ms = lab_by_clock_of(node, waited_ms - (node->paused_ms - request->paused_ms));
    if (waited_ms > recorder->record->sim->request_timeout_ms + ANSWER_SLACK_MS) {
        lab_fail(lab_of(recorder), "recorder %u on node %u: %s has waited for %" PRIu64 " ms",
                 recorder->number, node->number + 1, request->words[0], waited_ms);
    }
}

static void on_taken(struct lab_client *client)
{
    struct sim_recorder *recorder = client->context;
    for (uint32_t i = 0; i < recorder->requests_count; i++) {
        struct sim_recorded *request = &recorder->requests[i];
        if (!request->is_taken) {
            request->is_taken = true;
            request->taken_ms = lab_of(recorder)->now_ms;
            request->paused_ms = client->node->paused_ms;
            return;
        }
    }
    lab_fail(lab_of(recorder), "recorder %u: more taken than sent", recorder->number);
}

static void on_reply(struct lab_client *client, struct slice reply)
{
    struct sim_recorder *recorder = client->context;
    if (recorder->requests_count == 0) {
        lab_fail(lab_of(recorder), "recorder %u: a reply that nothing asked for", recorder->number);
        return;
    }
    struct sim_recorded request = recorder->requests[0];
    recorder->requests_count--;
    memmove(&recorder->requests[0], &recorder->requests[1],
            recorder->requests_count * sizeof(request));
    if (request.is_taken) {
        check_wait(recorder, &request);
    }
    settle(recorder, &request, reply);
}

static void on_closed(struct lab_client *client)
{
    struct sim_recorder *recorder = client->context;
    for (uint32_t i = 0; i < recorder->requests_count; i++) {
        if (recorder->requests[i].is_taken) {
            settle_unknown(recorder, &recorder->requests[i]);
        }
    }
    recorder->requests_count = 0;
    recorder->next_ms = lab_of(recorder)->now_ms + below(recorder, 100);
    lab_of(recorder)->faults.counts[LAB_CLIENT_LOST]++;
}

static void connect_to(struct sim_recorder *recorder, struct lab_node *node)
{
    static const struct lab_client_hooks hooks = {on_taken, on_reply, on_closed};
    if (lab_is_live(node)) {
        recorder->client.context = recorder;
        lab_client_deinit(&recorder->client);
        lab_client_open(&recorder->client, node, &hooks);
    }
}

/* ---- Asking ---- */

static void put(struct sim_recorded *request, const char *format, ...) PRINTF_LIKE(2, 3);

static void put(struct sim_recorded *request, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(request->words[request->words_count++], SIM_WORD_BYTES, format, arguments);
    va_end(arguments);
}

static void put_key(struct sim_recorder *recorder, struct sim_recorded *request, uint64_t key)
{
    put(request, "k%" PRIu64 ":%" PRIu64, recorder->record->epoch, key);
}

/* Numbers, too, so that every key can be counted with. */
static void put_value(struct sim_recorder *recorder, struct sim_recorded *request)
{
    put(request, "%" PRIu64, ++recorder->record->values);
}

/* Commands of one key: with a value behind it, or without. */
static void draw_single(struct sim_recorder *recorder, struct sim_recorded *request)
{
    static const struct {
        const char *name;
        bool is_read, has_value;
        const char *options[2];
    } commands[COMMANDS] = {
        {"GET", true, false, {NULL, NULL}},     {"GET", true, false, {NULL, NULL}},
        {"GET", true, false, {NULL, NULL}},     {"STRLEN", true, false, {NULL, NULL}},
        {"SET", false, true, {NULL, NULL}},     {"SET", false, true, {NULL, NULL}},
        {"SET", false, true, {"NX", NULL}},     {"SET", false, true, {"XX", NULL}},
        {"SET", false, true, {"XX", "GET"}},    {"SETNX", false, true, {NULL, NULL}},
        {"GETSET", false, true, {NULL, NULL}},  {"INCR", false, false, {NULL, NULL}},
        {"INCR", false, false, {NULL, NULL}},   {"DECR", false, false, {NULL, NULL}},
        {"INCRBY", false, true, {NULL, NULL}},  {"APPEND", false, true, {NULL, NULL}},
        {"GETDEL", false, false, {NULL, NULL}}, {"DEL", false, false, {NULL, NULL}},
    };
    size_t at = below(recorder, recorder->only_reads ? READS : COMMANDS);
    request->is_read = commands[at].is_read;
    put(request, "%s", commands[at].name);
    put_key(recorder, request, below(recorder, recorder->record->keys_count));
    if (commands[at].has_value) {
        put_value(recorder, request);
    }
    for (size_t i = 0; i < 2 && commands[at].options[i] != NULL; i++) {
        put(request, "%s", commands[at].options[i]);
    }
}

static void put_container_key(struct sim_recorder *recorder, struct sim_recorded *request,
                              char letter, uint64_t key)
{
    put(request, "%c%" PRIu64 ":%" PRIu64, letter, recorder->record->epoch, key);
}

/* Commands of one container: the letter of its type begins the key. Behind that, v is a new value,
 * m one of few members, n a small number; other words are said as they are. */
static void draw_container(struct sim_recorder *recorder, struct sim_recorded *request)
{
    static const struct {
        const char *name;
        char letter;
        const char *words[2];
    } commands[CONTAINER_COMMANDS] = {
        {"LRANGE", 'l', {"0", "-1"}}, {"LLEN", 'l', {NULL}},        {"SISMEMBER", 's', {"m"}},
        {"SMEMBERS", 's', {NULL}},    {"HGETALL", 'h', {NULL}},     {"HGET", 'h', {"m"}},
        {"HLEN", 'h', {NULL}},        {"ZSCORE", 'z', {"m"}},       {"ZCARD", 'z', {NULL}},
        {"RPUSH", 'l', {"v"}},        {"RPUSH", 'l', {"v", "v"}},   {"LPUSH", 'l', {"v"}},
        {"LPOP", 'l', {NULL}},        {"RPOP", 'l', {NULL}},        {"SADD", 's', {"v"}},
        {"SADD", 's', {"m"}},         {"SREM", 's', {"m"}},         {"HSET", 'h', {"m", "v"}},
        {"HSET", 'h', {"m", "v"}},    {"HINCRBY", 'h', {"m", "n"}}, {"HDEL", 'h', {"m"}},
        {"ZADD", 'z', {"n", "m"}},    {"ZINCRBY", 'z', {"n", "m"}}, {"ZREM", 'z', {"m"}},
        {"DEL", 'l', {NULL}},         {"DEL", 'h', {NULL}},
    };
    size_t at = below(recorder, recorder->only_reads ? CONTAINER_READS : CONTAINER_COMMANDS);
    request->is_read = at < CONTAINER_READS;
    put(request, "%s", commands[at].name);
    put_container_key(recorder, request, commands[at].letter,
                      below(recorder, recorder->record->keys_count));
    for (size_t i = 0; i < 2 && commands[at].words[i] != NULL; i++) {
        if (commands[at].words[i][0] == 'v') {
            put_value(recorder, request);
        } else if (commands[at].words[i][0] == 'm') {
            put(request, "m%" PRIu64, below(recorder, CONTAINER_MEMBERS));
        } else if (commands[at].words[i][0] == 'n') {
            put(request, "%" PRIu64, 1 + below(recorder, 9));
        } else {
            put(request, "%s", commands[at].words[i]);
        }
    }
}

/* Commands of several keys, which may name one twice. */
static void draw_joint(struct sim_recorder *recorder, struct sim_recorded *request)
{
    static const struct {
        const char *name;
        bool is_read, has_values;
    } commands[JOINT_COMMANDS] = {{"MGET", true, false},   {"MGET", true, false},
                                  {"EXISTS", true, false}, {"MSET", false, true},
                                  {"MSETNX", false, true}, {"DEL", false, false}};
    size_t at = below(recorder, recorder->only_reads ? JOINT_READS : JOINT_COMMANDS);
    request->is_read = commands[at].is_read;
    put(request, "%s", commands[at].name);
    uint64_t count = 2 + below(recorder, JOINT_KEYS_MAX - 1);
    for (uint64_t i = 0; i < count; i++) {
        put_key(recorder, request, below(recorder, recorder->record->keys_count));
        if (commands[at].has_values) {
            put_value(recorder, request);
        }
    }
}

static void send_request(struct sim_recorder *recorder, struct sim_recorded *request)
{
    struct slice arguments[SIM_WORDS_MAX];
    for (uint32_t i = 0; i < request->words_count; i++) {
        arguments[i] = slice_of_string(request->words[i]);
    }
    request->is_taken = false;
    request->begin = ++recorder->record->time;
    recorder->requests[recorder->requests_count++] = *request;
    lab_client_send(&recorder->client, arguments, request->words_count);
}

static void turn_epoch(struct sim_recorder *recorder)
{
    struct sim_record *record = recorder->record;
    if (lab_of(recorder)->now_ms >= record->ends_ms || record->unknown >= EPOCH_UNKNOWN_MAX) {
        record->epoch++;
        record->unknown = 0;
        record->ends_ms = lab_of(recorder)->now_ms + 200 + below(recorder, EPOCH_MS_MAX);
    }
}

void sim_recorder_act(struct sim_recorder *recorder)
{
    struct sim_record *record = recorder->record;
    struct lab *lab = lab_of(recorder);
    recorder->next_ms = lab->now_ms + 1 + below(recorder, record->pace_ms);
    turn_epoch(recorder);
    if (recorder->client.session == NULL) {
        connect_to(recorder, &lab->nodes[below(recorder, lab->nodes_count)]);
        return;
    }
    if (below(recorder, 1000) < record->hangup_per_mille) {
        lab_client_close(&recorder->client);
        on_closed(&recorder->client);
        return;
    }
    if (recorder->requests_count == SIM_RECORDED_MAX) {
        return;
    }
    struct sim_recorded request = {.words_count = 0};
    if (recorder->again.words_count > 0) {
        request = recorder->again;
        recorder->again.words_count = 0;
        lab->faults.counts[LAB_CLIENT_RETRIED]++;
    } else if (below(recorder, 1000) < record->joint_per_mille) {
        draw_joint(recorder, &request);
    } else if (below(recorder, 1000) < record->container_per_mille) {
        draw_container(recorder, &request);
    } else {
        draw_single(recorder, &request);
    }
    send_request(recorder, &request);
}

void sim_recorder_check_waits(struct sim_recorder *recorder)
{
    if (recorder->client.session == NULL || recorder->client.node->is_paused) {
        return;
    }
    for (uint32_t i = 0; i < recorder->requests_count; i++) {
        if (recorder->requests[i].is_taken) {
            check_wait(recorder, &recorder->requests[i]);
        }
    }
}

/* ---- The end ---- */

/* Runs until there is room for a request, or all are answered. */
static void await_answers(struct sim_recorder *recorder, uint32_t left_max)
{
    struct lab *lab = lab_of(recorder);
    uint64_t until_ms = lab->now_ms + END_WAIT_MS;
    while (recorder->requests_count > left_max && lab->now_ms < until_ms) {
        lab_run_for(lab, 1);
    }
    if (recorder->requests_count > left_max) {
        lab_fail(lab, "recorder %u: a read is not answered in the end", recorder->number);
        recorder->requests_count = 0;
    }
}

static void read_at_end(struct sim_recorder *recorder, const char *command, char letter,
                        uint32_t key)
{
    struct sim_recorded request = {.is_read = true};
    put(&request, "%s", command);
    put_container_key(recorder, &request, letter, key);
    if (letter == 'l') {
        put(&request, "0");
        put(&request, "-1");
    }
    await_answers(recorder, SIM_RECORDED_MAX - 1);
    send_request(recorder, &request);
}

void sim_recorder_check_end(struct sim_recorder *recorder, struct lab_node *node)
{
    struct sim_record *record = recorder->record;
    struct lab *lab = lab_of(recorder);
    if (recorder->requests_count > 0) {
        lab_fail(lab, "recorder %u: %s was never answered", recorder->number,
                 recorder->requests[0].words[0]);
        return;
    }
    uint64_t epochs = record->epoch;
    lab_client_close(&recorder->client);
    connect_to(recorder, node);
    for (record->epoch = 1; record->epoch <= epochs && lab->failures == 0; record->epoch++) {
        for (uint32_t key = 0; key < record->keys_count && lab->failures == 0; key++) {
            read_at_end(recorder, "GET", 'k', key);
            if (record->container_per_mille > 0) {
                read_at_end(recorder, "LRANGE", 'l', key);
                read_at_end(recorder, "SMEMBERS", 's', key);
                read_at_end(recorder, "HGETALL", 'h', key);
                read_at_end(recorder, "ZCARD", 'z', key);
            }
        }
    }
    record->epoch = epochs;
    await_answers(recorder, 0);
}

void sim_recorder_close(struct sim_recorder *recorder)
{
    for (uint32_t i = 0; i < recorder->requests_count; i++) {
        if (recorder->requests[i].is_taken && !recorder->requests[i].is_read) {
            write_down(recorder, &recorder->requests[i], NULL, 0);
        }
    }
    recorder->requests_count = 0;
    lab_client_deinit(&recorder->client);
}
