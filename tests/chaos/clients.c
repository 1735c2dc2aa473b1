/* clients.c -- see clients.h. */
#include "chaos/clients.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "chaos/http_call.h"
#include "lib/check.h"

enum {
    KEYS = 4, /* of an epoch; commands of two keys take neighbours */
    EPOCH_MS = 2000,
    PAUSE_MS_MAX = 12,
    OPERATIONS_A_CONNECTION = 40,
    CONNECT_MS = 300,
    /* Above the nodes' request-timeout, so that their answer comes first when they live. */
    ANSWER_MS = 4000,
    WORD_BYTES = 48,
    WORDS_MAX = 5,
};

struct client {
    pthread_t thread;
    struct clients *clients;
    uint32_t number;
    uint64_t random;
    redisContext *connection; /* NULL: none */
    uint16_t redis_port, http_port;
    uint32_t operations_left; /* of this connection */
    uint64_t values;          /* made so far */
    struct history history;
    struct clients_counts counts;
};

struct clients {
    const struct cluster *cluster;
    struct client *items;
    uint32_t count;
    uint64_t started_ms;
    atomic_bool is_over;
    atomic_uint_fast64_t done;
};

/* One operation being made: its words, and once over, what became of it. */
struct attempt {
    char words[WORDS_MAX][WORD_BYTES];
    uint32_t words_count;
    bool is_write;
    uint64_t begin, end;
    struct history_reply reply[1 + WORDS_MAX];
    uint32_t reply_count;
};

enum outcome { OUTCOME_DONE, OUTCOME_REFUSED, OUTCOME_UNKNOWN };

static uint64_t now_us(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint32_t below(struct client *client, uint32_t bound)
{
    return check_random(&client->random, bound);
}

/* ---- What is asked ---- */

static void put_key(struct client *client, struct attempt *attempt, uint32_t key)
{
    uint64_t epoch = (check_now_ms() - client->clients->started_ms) / EPOCH_MS;
    (void)snprintf(attempt->words[attempt->words_count++], WORD_BYTES, "e%llu-%u",
                   (unsigned long long)epoch, key);
}

static void put_value(struct client *client, struct attempt *attempt)
{
    (void)snprintf(attempt->words[attempt->words_count++], WORD_BYTES, "v%u-%llu", client->number,
                   (unsigned long long)++client->values);
}

static void put_word(struct attempt *attempt, const char *word)
{
    (void)snprintf(attempt->words[attempt->words_count++], WORD_BYTES, "%s", word);
}

/* Counters have keys of their own: what is no number would make INCR fail. */
static void draw_counter(struct client *client, struct attempt *attempt)
{
    put_word(attempt, below(client, 2) == 0 ? "INCR" : "GET");
    attempt->is_write = attempt->words[0][0] == 'I';
    put_key(client, attempt, KEYS + below(client, 2));
}

static void draw_pair(struct client *client, struct attempt *attempt)
{
    uint32_t first = below(client, KEYS / 2) * 2;
    attempt->is_write = below(client, 2) == 0;
    put_word(attempt, attempt->is_write ? "MSET" : "MGET");
    for (uint32_t i = 0; i < 2; i++) {
        put_key(client, attempt, first + i);
        if (attempt->is_write) {
            put_value(client, attempt);
        }
    }
}

static void draw(struct client *client, bool is_for_http, struct attempt *attempt)
{
    static const char *const with_value[] = {"SET", "SETNX", "GETSET", "SET"};
    uint32_t choice = below(client, 10);
    *attempt = (struct attempt){0};
    if (choice < 2 && !is_for_http) {
        draw_counter(client, attempt);
    } else if (choice < 4 && !is_for_http) {
        draw_pair(client, attempt);
    } else if (choice < 7) {
        put_word(attempt, "GET");
        put_key(client, attempt, below(client, KEYS));
    } else if (choice < 8 && !is_for_http) {
        put_word(attempt, below(client, 2) == 0 ? "DEL" : "GETDEL");
        put_key(client, attempt, below(client, KEYS));
        attempt->is_write = true;
    } else {
        put_word(attempt, is_for_http ? "SET" : with_value[below(client, 4)]);
        put_key(client, attempt, below(client, KEYS));
        put_value(client, attempt);
        attempt->is_write = true;
    }
}

/* ---- Over RESP ---- */

static struct history_reply convert(const redisReply *reply)
{
    struct slice text = reply->str == NULL ? slice_of(NULL, 0) : slice_of(reply->str, reply->len);
    switch (reply->type) {
    case REDIS_REPLY_STATUS:
        return (struct history_reply){.kind = HISTORY_STATUS, .text = text};
    case REDIS_REPLY_INTEGER:
        return (struct history_reply){.kind = HISTORY_INTEGER, .integer = reply->integer};
    case REDIS_REPLY_STRING:
        return (struct history_reply){.kind = HISTORY_TEXT, .text = text};
    case REDIS_REPLY_ARRAY:
        return (struct history_reply){.kind = HISTORY_ARRAY, .integer = (int64_t)reply->elements};
    default: /* numbers of a library, no enum */
        return (struct history_reply){.kind = HISTORY_NIL};
    }
}

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* What an error says of the command: anything but these is a fault of the server. */
static enum outcome judge_error(const struct attempt *attempt, const char *error)
{
    static const char *const not_done[] = {"CLUSTERDOWN ", "DISKFULL ", "LOADING "};
    for (size_t i = 0; i < sizeof(not_done) / sizeof(not_done[0]); i++) {
        if (begins(error, not_done[i])) {
            return OUTCOME_REFUSED;
        }
    }
    if (!begins(error, "UNKNOWN ")) {
        FAIL("%s %s is answered '%s'", attempt->words[0], attempt->words[1], error);
    }
    return OUTCOME_UNKNOWN;
}

static void disconnect(struct client *client)
{
    if (client->connection != NULL) {
        redisFree(client->connection);
        client->connection = NULL;
    }
}

static bool connect_redis(struct client *client)
{
    struct timeval connect_time = {0, CONNECT_MS * 1000};
    struct timeval answer_time = {ANSWER_MS / 1000, 0};
    client->connection = redisConnectWithTimeout("127.0.0.1", client->redis_port, connect_time);
    if (client->connection == NULL || client->connection->err != 0 ||
        redisSetTimeout(client->connection, answer_time) != REDIS_OK) {
        disconnect(client);
        return false;
    }
    return true;
}

static enum outcome take_reply(struct attempt *attempt, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        return judge_error(attempt, reply->str);
    }
    attempt->reply[attempt->reply_count++] = convert(reply);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        CHECK(i < WORDS_MAX);
        attempt->reply[attempt->reply_count++] = convert(reply->element[i]);
    }
    return OUTCOME_DONE;
}

static void note(struct client *client, const struct attempt *attempt, enum outcome outcome)
{
    struct slice arguments[WORDS_MAX];
    for (uint32_t i = 0; i < attempt->words_count; i++) {
        arguments[i] = slice_of_string(attempt->words[i]);
    }
    struct history_operation operation = {.client = client->number,
                                          .begin = attempt->begin,
                                          .end = HISTORY_NEVER,
                                          .arguments = arguments,
                                          .arguments_count = attempt->words_count};
    switch (outcome) {
    case OUTCOME_DONE:
        client->counts.done++;
        (void)atomic_fetch_add(&client->clients->done, 1);
        operation.end = attempt->end;
        operation.reply_count = attempt->reply_count;
        operation.reply = (struct history_reply *)(uintptr_t)attempt->reply;
        break;
    case OUTCOME_REFUSED:
        client->counts.refused++;
        return;
    case OUTCOME_UNKNOWN:
        if (!attempt->is_write) {
            client->counts.lost++;
            return;
        }
        client->counts.unknown++;
        break;
    }
    history_add(&client->history, &operation);
}

/* Returns whether the connection is still of use. */
static bool act_over_redis(struct client *client)
{
    struct attempt attempt;
    const char *words[WORDS_MAX];
    size_t sizes[WORDS_MAX];
    draw(client, false, &attempt);
    for (uint32_t i = 0; i < attempt.words_count; i++) {
        words[i] = attempt.words[i];
        sizes[i] = strlen(words[i]);
    }
    attempt.begin = now_us();
    redisReply *reply =
        redisCommandArgv(client->connection, (int)attempt.words_count, words, sizes);
    attempt.end = now_us();
    if (reply == NULL) {
        note(client, &attempt, OUTCOME_UNKNOWN);
        return false;
    }
    enum outcome outcome = take_reply(&attempt, reply);
    note(client, &attempt, outcome);
    freeReplyObject(reply);
    return outcome == OUTCOME_DONE;
}

/* ---- Over HTTP ---- */

static enum outcome take_answer(struct attempt *attempt, int status, const json_t *body)
{
    if (status == 503 || status == -1) {
        return OUTCOME_REFUSED;
    }
    if (status == 504 || status == 0) {
        return OUTCOME_UNKNOWN;
    }
    if (attempt->is_write && status == 200) {
        attempt->reply[0] = (struct history_reply){HISTORY_STATUS, 0, SLICE_LITERAL("OK")};
    } else if (!attempt->is_write && status == 404) {
        attempt->reply[0] = (struct history_reply){.kind = HISTORY_NIL};
    } else if (!attempt->is_write && status == 200) {
        const char *text = json_string_value(json_object_get(body, "value"));
        CHECK(text != NULL);
        attempt->reply[0] =
            (struct history_reply){.kind = HISTORY_TEXT, .text = slice_of_string(text)};
    } else {
        FAIL("%s %s over HTTP is answered %d", attempt->words[0], attempt->words[1], status);
    }
    attempt->reply_count = 1;
    return OUTCOME_DONE;
}

static bool act_over_http(struct client *client)
{
    struct attempt attempt;
    char path[2 * WORD_BYTES] = "/put";
    char request[3 * WORD_BYTES] = "";
    draw(client, true, &attempt);
    if (attempt.is_write) {
        (void)snprintf(request, sizeof(request), "{\"key\":\"%s\",\"value\":\"%s\"}",
                       attempt.words[1], attempt.words[2]);
    } else {
        (void)snprintf(path, sizeof(path), "/get?key=%s", attempt.words[1]);
    }
    attempt.begin = now_us();
    char *text = NULL;
    int status = chaos_http_call(client->http_port, path, request, ANSWER_MS, &text);
    attempt.end = now_us();
    json_t *body = text == NULL ? NULL : json_loads(text, 0, NULL);
    enum outcome outcome = take_answer(&attempt, status, body);
    note(client, &attempt, outcome);
    client->counts.over_http += outcome == OUTCOME_DONE ? 1 : 0;
    json_decref(body);
    free(text);
    return outcome == OUTCOME_DONE;
}

/* ---- The thread ---- */

static void move_on(struct client *client)
{
    const struct cluster *cluster = client->clients->cluster;
    const struct cluster_node *node = &cluster->nodes[below(client, cluster->nodes_count)];
    disconnect(client);
    client->redis_port = node->redis_port;
    client->http_port = node->http_port;
    client->operations_left = 1 + below(client, OPERATIONS_A_CONNECTION);
}

static void *run(void *context)
{
    struct client *client = context;
    bool is_over_http = client->number % 4 == 3;
    while (!atomic_load(&client->clients->is_over)) {
        if (client->operations_left == 0) {
            move_on(client);
        }
        client->operations_left--;
        bool is_fine = is_over_http ? act_over_http(client)
                                    : (client->connection != NULL || connect_redis(client)) &&
                                          act_over_redis(client);
        if (!is_fine) {
            client->operations_left = 0;
        }
        check_sleep_ms(below(client, PAUSE_MS_MAX));
    }
    disconnect(client);
    return NULL;
}

struct clients *clients_start(const struct cluster *cluster, uint32_t count, uint64_t seed)
{
    struct clients *clients = calloc(1, sizeof(*clients));
    CHECK(clients != NULL);
    clients->cluster = cluster;
    clients->count = count;
    clients->started_ms = check_now_ms();
    clients->items = calloc(count, sizeof(*clients->items));
    CHECK(clients->items != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct client *client = &clients->items[i];
        client->clients = clients;
        client->number = i;
        client->random = seed * 1000003 + i + 1;
        CHECK(pthread_create(&client->thread, NULL, run, client) == 0);
    }
    return clients;
}

uint64_t clients_done(struct clients *clients)
{
    return atomic_load(&clients->done);
}

void clients_finish(struct clients *clients, struct history *history, struct clients_counts *counts)
{
    atomic_store(&clients->is_over, true);
    for (uint32_t i = 0; i < clients->count; i++) {
        struct client *client = &clients->items[i];
        CHECK(pthread_join(client->thread, NULL) == 0);
        for (uint32_t j = 0; j < client->history.count; j++) {
            client->history.operations[j].line = 0;
            history_add(history, &client->history.operations[j]);
        }
        history_deinit(&client->history);
        counts->done += client->counts.done;
        counts->refused += client->counts.refused;
        counts->unknown += client->counts.unknown;
        counts->lost += client->counts.lost;
        counts->over_http += client->counts.over_http;
    }
    free(clients->items);
    free(clients);
}
