/* writers.c -- see writers.h.
 *
 * Threads: the main thread starts and stops nodes and tells by generations which connections may
 * break; all that is shared between threads is atomic.
 */
#include "integration/writers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/check.h"
#include "lib/redis_client.h"

enum {
    WRITERS_COUNT = 8,
    READERS_COUNT = 2,
    THREADS_COUNT = WRITERS_COUNT + READERS_COUNT,
    PAUSE_MS = 1,
    MGET_KEYS = 500,
};

struct numbers {
    uint64_t *items;
    size_t count, capacity;
};

struct link {
    redisContext *client; /* NULL: not connected */
    uint32_t node;
    uint64_t generation; /* of the node when it was connected */
};

/* One thread: a writer, or a reader. */
struct writer {
    struct writers *all;
    pthread_t thread;
    uint32_t number;
    uint64_t random;
    struct link own;       /* to the node this one writes on */
    struct link other;     /* to the node it reads from, another one each time */
    uint64_t counter;      /* what the own counter holds */
    bool is_unknown;       /* or one more: an INCR of it was under way */
    uint64_t attempts;     /* unique values begun */
    struct numbers set;    /* which of them were acknowledged */
    struct numbers shared; /* replies of the shared counter */
    uint64_t shared_unknown;
    atomic_uint_fast64_t rounds;
};

struct writers {
    struct cluster *cluster;
    uint32_t homes_count; /* writers are spread over so many nodes */
    struct writer threads[THREADS_COUNT];
    atomic_bool is_over;
    atomic_uint_fast64_t generations[CLUSTER_NODES_MAX]; /* counted up when a node goes down */
    atomic_bool is_down[CLUSTER_NODES_MAX];
    atomic_bool is_gone[CLUSTER_NODES_MAX]; /* no member: not used any more, or not yet */
    atomic_uint_fast64_t acknowledged_ms;   /* the last time anything was */
    atomic_uint_fast64_t longest_gap_ms;
    atomic_uint_fast64_t shared_seen; /* highest value anyone was told */
    atomic_uint_fast64_t watch_ms;    /* writes begun from here on count; 0: nobody watches */
    atomic_uint_fast64_t watched_ms;  /* when the first of them was acknowledged */
};

static void push(struct numbers *numbers, uint64_t number)
{
    if (numbers->count == numbers->capacity) {
        numbers->capacity = numbers->capacity == 0 ? 1024 : numbers->capacity * 2;
        numbers->items = realloc(numbers->items, numbers->capacity * sizeof(numbers->items[0]));
    }
    numbers->items[numbers->count++] = number;
}

static void raise_to(atomic_uint_fast64_t *highest, uint64_t value)
{
    uint_fast64_t seen = atomic_load(highest);
    while (seen < value && !atomic_compare_exchange_weak(highest, &seen, value)) {
        continue;
    }
}

/* ---- Connections ---- */

static void disconnect(struct link *link)
{
    if (link->client != NULL) {
        redisFree(link->client);
        link->client = NULL;
    }
}

/* Connects to a node, waiting for one that is down. Returns false when it is all over. */
static bool connect_to(struct writer *writer, struct link *link, uint32_t node)
{
    struct writers *all = writer->all;
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    disconnect(link);
    for (;;) {
        /* In this order: what is up, and goes down from here on, has another generation then. */
        link->node = node;
        link->generation = atomic_load(&all->generations[node]);
        bool was_up = !atomic_load(&all->is_down[node]);
        if (was_up) {
            link->client = redis_client_try(all->cluster->nodes[node].redis_port);
        }
        if (link->client != NULL || atomic_load(&all->is_over)) {
            return link->client != NULL;
        }
        if (was_up && atomic_load(&all->generations[node]) == link->generation) {
            FAIL("node-%u does not accept a connection", node + 1);
        }
        if (check_now_ms() > end_ms) {
            FAIL("node-%u stayed down", node + 1);
        }
        check_sleep_ms(5);
    }
}

/* Sends a command. NULL when the connection broke and was allowed to. Replies are no errors. */
static redisReply *ask(struct writer *writer, struct link *link, const char *command)
{
    uint64_t begun_ms = check_now_ms();
    redisReply *reply = redisCommand(link->client, command);
    bool may_break = atomic_load(&writer->all->generations[link->node]) != link->generation;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        FAIL("node-%u answers '%s' after %llu ms with: %s", link->node + 1, command,
             (unsigned long long)(check_now_ms() - begun_ms), reply->str);
    }
    if (reply == NULL) {
        if (!may_break) {
            FAIL("the connection to node-%u broke: %s", link->node + 1, link->client->errstr);
        }
        disconnect(link);
    }
    return reply;
}

/* Asks for a counter through a node; 0 when there is none yet. False when the connection broke. */
static bool read_counter(struct writer *writer, struct link *link, const char *command,
                         uint64_t *value)
{
    redisReply *reply = ask(writer, link, command);
    if (reply == NULL) {
        return false;
    }
    *value = reply->type == REDIS_REPLY_NIL ? 0 : strtoull(reply->str, NULL, 10);
    freeReplyObject(reply);
    return true;
}

/* ---- A writer's round ---- */

static void note_acknowledged(struct writers *all, uint64_t begun_ms)
{
    uint64_t watch_ms = atomic_load(&all->watch_ms);
    uint64_t now_ms = check_now_ms();
    uint_fast64_t none = 0;
    if (watch_ms != 0 && begun_ms >= watch_ms) {
        (void)atomic_compare_exchange_strong(&all->watched_ms, &none, now_ms);
    }
    uint64_t before_ms = atomic_exchange(&all->acknowledged_ms, now_ms);
    if (before_ms < now_ms) {
        raise_to(&all->longest_gap_ms, now_ms - before_ms);
    }
}

/* Sends a write. Returns its reply, NULL when its outcome is unknown. */
static redisReply *write_on_own(struct writer *writer, const char *command)
{
    uint64_t begun_ms = check_now_ms();
    redisReply *reply = ask(writer, &writer->own, command);
    if (reply != NULL) {
        note_acknowledged(writer->all, begun_ms);
    }
    return reply;
}

static void count_own(struct writer *writer)
{
    char command[64];
    (void)snprintf(command, sizeof(command), "INCR writer:%u", writer->number);
    redisReply *reply = write_on_own(writer, command);
    if (reply == NULL) {
        writer->is_unknown = true;
        return;
    }
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer != (long long)writer->counter + 1) {
        FAIL("the INCR behind %llu answers %lld", (unsigned long long)writer->counter,
             reply->integer);
    }
    writer->counter++;
    freeReplyObject(reply);
}

static void set_unique(struct writer *writer)
{
    char command[96];
    uint64_t number = writer->attempts++;
    (void)snprintf(command, sizeof(command), "SET unique:%u:%llu %u-%llu", writer->number,
                   (unsigned long long)number, writer->number, (unsigned long long)number);
    redisReply *reply = write_on_own(writer, command);
    if (reply != NULL) {
        push(&writer->set, number);
        freeReplyObject(reply);
    }
}

static void count_shared(struct writer *writer)
{
    uint64_t seen = atomic_load(&writer->all->shared_seen);
    redisReply *reply = write_on_own(writer, "INCR shared");
    if (reply == NULL) {
        writer->shared_unknown++;
        return;
    }
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer <= (long long)seen) {
        FAIL("an INCR answers %lld after %llu was seen", reply->integer, (unsigned long long)seen);
    }
    raise_to(&writer->all->shared_seen, (uint64_t)reply->integer);
    push(&writer->shared, (uint64_t)reply->integer);
    freeReplyObject(reply);
}

static bool connect_anywhere(struct writer *writer, struct link *link)
{
    uint32_t node = check_random(&writer->random, CLUSTER_NODES_MAX);
    while (atomic_load(&writer->all->is_down[node]) || atomic_load(&writer->all->is_gone[node])) {
        node = (node + 1) % CLUSTER_NODES_MAX;
    }
    return connect_to(writer, link, node);
}

/* Goes to the node this one writes on: its own one, or the next that is left. */
static bool go_home(struct writer *writer)
{
    struct writers *all = writer->all;
    if (writer->own.client != NULL && atomic_load(&all->is_gone[writer->own.node])) {
        disconnect(&writer->own);
    }
    if (writer->own.client != NULL) {
        return true;
    }
    uint32_t home = writer->number % all->homes_count;
    while (atomic_load(&all->is_gone[home])) {
        home = (home + 1) % CLUSTER_NODES_MAX;
    }
    return connect_to(writer, &writer->own, home);
}

/* Reads the own counter through any node: nobody else writes it, so there is one right answer,
 * or two while an INCR of unknown outcome is open. */
static void read_own(struct writer *writer)
{
    char command[64];
    uint64_t value;
    (void)snprintf(command, sizeof(command), "GET writer:%u", writer->number);
    if (!connect_anywhere(writer, &writer->other) ||
        !read_counter(writer, &writer->other, command, &value)) {
        return;
    }
    if (value != writer->counter && !(writer->is_unknown && value == writer->counter + 1)) {
        FAIL("writer %u is at %llu%s and reads %llu through node-%u", writer->number,
             (unsigned long long)writer->counter, writer->is_unknown ? " or one more" : "",
             (unsigned long long)value, writer->other.node + 1);
    }
    writer->counter = value;
    writer->is_unknown = false;
}

static void read_shared(struct writer *reader)
{
    uint64_t seen = atomic_load(&reader->all->shared_seen);
    uint64_t value;
    if (!connect_anywhere(reader, &reader->other) ||
        !read_counter(reader, &reader->other, "GET shared", &value)) {
        return;
    }
    if (value < seen) {
        FAIL("a read through node-%u went back in time: %llu after %llu", reader->other.node + 1,
             (unsigned long long)value, (unsigned long long)seen);
    }
    raise_to(&reader->all->shared_seen, value);
}

static void *run_writer(void *context)
{
    struct writer *writer = context;
    struct writers *all = writer->all;
    while (!atomic_load(&all->is_over)) {
        if (writer->is_unknown) {
            read_own(writer);
        } else if (go_home(writer)) {
            count_own(writer);
        }
        if (writer->own.client != NULL) {
            set_unique(writer);
        }
        if (writer->own.client != NULL) {
            count_shared(writer);
            read_own(writer);
        }
        atomic_fetch_add(&writer->rounds, 1);
        check_sleep_ms(PAUSE_MS);
    }
    return NULL;
}

static void *run_reader(void *context)
{
    struct writer *reader = context;
    while (!atomic_load(&reader->all->is_over)) {
        read_shared(reader);
        atomic_fetch_add(&reader->rounds, 1);
        check_sleep_ms(PAUSE_MS);
    }
    return NULL;
}

/* ---- From outside ---- */

struct writers *writers_start(struct cluster *cluster)
{
    struct writers *all = calloc(1, sizeof(*all));
    all->cluster = cluster;
    all->homes_count = cluster->nodes_count;
    atomic_store(&all->acknowledged_ms, check_now_ms());
    for (uint32_t i = 0; i < CLUSTER_NODES_MAX; i++) {
        atomic_store(&all->is_gone[i], !cluster_is_serving(cluster, i));
    }
    for (uint32_t i = 0; i < THREADS_COUNT; i++) {
        struct writer *writer = &all->threads[i];
        writer->all = all;
        writer->number = i;
        writer->random = check_now_ms() * 31 + i;
        CHECK(pthread_create(&writer->thread, NULL, i < WRITERS_COUNT ? run_writer : run_reader,
                             writer) == 0);
    }
    return all;
}

void writers_expect_loss(struct writers *writers, uint32_t node)
{
    atomic_store(&writers->is_down[node], true);
    atomic_fetch_add(&writers->generations[node], 1);
}

void writers_expect_service(struct writers *writers, uint32_t node)
{
    atomic_store(&writers->is_down[node], false);
}

void writers_expect_new(struct writers *writers, uint32_t node)
{
    atomic_store(&writers->is_gone[node], false);
}

void writers_leave(struct writers *writers, uint32_t node)
{
    atomic_store(&writers->is_gone[node], true);
    /* One round may have begun before; in the second all have seen it. */
    writers_wait_rounds(writers, 2);
}

uint64_t writers_take_longest_gap(struct writers *writers)
{
    uint64_t since_ms = check_now_ms() - atomic_load(&writers->acknowledged_ms);
    uint64_t longest_ms = atomic_exchange(&writers->longest_gap_ms, 0);
    return since_ms > longest_ms && since_ms < UINT32_MAX ? since_ms : longest_ms;
}

uint64_t writers_wait_acknowledged(struct writers *writers)
{
    uint64_t begun_ms = check_now_ms();
    atomic_store(&writers->watched_ms, 0);
    atomic_store(&writers->watch_ms, begun_ms);
    while (atomic_load(&writers->watched_ms) == 0) {
        if (check_now_ms() > begun_ms + CLUSTER_PATIENCE_MS) {
            FAIL("no write is acknowledged");
        }
        check_sleep_ms(1);
    }
    atomic_store(&writers->watch_ms, 0);
    return atomic_load(&writers->watched_ms);
}

void writers_wait_rounds(struct writers *writers, uint64_t rounds)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    uint64_t targets[THREADS_COUNT];
    for (uint32_t i = 0; i < THREADS_COUNT; i++) {
        targets[i] = atomic_load(&writers->threads[i].rounds) + rounds;
    }
    for (uint32_t i = 0; i < THREADS_COUNT; i++) {
        while (atomic_load(&writers->threads[i].rounds) < targets[i]) {
            if (check_now_ms() > end_ms) {
                FAIL("client %u does not get on", i);
            }
            check_sleep_ms(1);
        }
    }
}

/* ---- In the end ---- */

static void check_chunk(redisContext *client, const struct writer *writer, size_t from,
                        size_t count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "MGET");
    for (size_t i = from; i < from + count; i++) {
        fprintf(out, " unique:%u:%llu", writer->number, (unsigned long long)writer->set.items[i]);
    }
    (void)fclose(out);
    redisReply *reply = redis_client_call(client, text);
    CHECK(reply->type == REDIS_REPLY_ARRAY && reply->elements == count);
    for (size_t i = 0; i < count; i++) {
        char value[64];
        (void)snprintf(value, sizeof(value), "%u-%llu", writer->number,
                       (unsigned long long)writer->set.items[from + i]);
        const redisReply *element = reply->element[i];
        if (element->type != REDIS_REPLY_STRING || strcmp(element->str, value) != 0) {
            FAIL("the acknowledged value %s is lost: %s", value, redis_client_show(element));
        }
    }
    freeReplyObject(reply);
    free(text);
}

static void check_writer(redisContext *client, struct writer *writer)
{
    char counter[32];
    (void)snprintf(counter, sizeof(counter), "\"%llu\"", (unsigned long long)writer->counter);
    expect(client, writer->counter == 0 ? "(nil)" : counter, "GET writer:%u", writer->number);
    for (size_t i = 0; i < writer->set.count; i += MGET_KEYS) {
        size_t left = writer->set.count - i;
        check_chunk(client, writer, i, left < MGET_KEYS ? left : MGET_KEYS);
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Every reply of the shared counter was given once, and it holds no more than was counted. */
static void check_shared(struct writers *writers, redisContext *client)
{
    struct numbers all = {0};
    uint64_t unknown = 0;
    for (uint32_t i = 0; i < WRITERS_COUNT; i++) {
        const struct writer *writer = &writers->threads[i];
        for (size_t j = 0; j < writer->shared.count; j++) {
            push(&all, writer->shared.items[j]);
        }
        unknown += writer->shared_unknown;
    }
    CHECK(all.count > 0);
    qsort(all.items, all.count, sizeof(all.items[0]), compare_numbers);
    for (size_t i = 1; i < all.count; i++) {
        if (all.items[i] == all.items[i - 1]) {
            FAIL("two INCR were answered %llu", (unsigned long long)all.items[i]);
        }
    }
    redisReply *reply = redis_client_call(client, "GET shared");
    CHECK(reply->type == REDIS_REPLY_STRING);
    uint64_t value = strtoull(reply->str, NULL, 10);
    if (value < all.count || value > all.count + unknown) {
        FAIL("%zu INCR acknowledged and %llu unknown make %llu", all.count,
             (unsigned long long)unknown, (unsigned long long)value);
    }
    freeReplyObject(reply);
    free(all.items);
}

uint64_t writers_finish(struct writers *writers)
{
    struct cluster *cluster = writers->cluster;
    uint64_t acknowledged = 0;
    atomic_store(&writers->is_over, true);
    for (uint32_t i = 0; i < THREADS_COUNT; i++) {
        struct writer *writer = &writers->threads[i];
        CHECK(pthread_join(writer->thread, NULL) == 0);
        disconnect(&writer->own);
        disconnect(&writer->other);
    }
    atomic_store(&writers->is_over, false); /* so that what is open can be settled */
    for (uint32_t i = 0; i < WRITERS_COUNT; i++) {
        struct writer *writer = &writers->threads[i];
        while (writer->is_unknown) {
            read_own(writer);
        }
        disconnect(&writer->other);
        acknowledged += writer->counter + writer->set.count + writer->shared.count;
    }
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        if (!cluster_is_serving(cluster, node)) {
            continue;
        }
        redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
        for (uint32_t i = 0; i < WRITERS_COUNT; i++) {
            check_writer(client, &writers->threads[i]);
        }
        check_shared(writers, client);
        redisFree(client);
    }
    for (uint32_t i = 0; i < WRITERS_COUNT; i++) {
        free(writers->threads[i].set.items);
        free(writers->threads[i].shared.items);
    }
    free(writers);
    return acknowledged;
}
