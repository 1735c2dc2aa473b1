/* test_peer_lab.c -- see test_peer_lab.h. */
#include "test_peer_lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/logger.h"
#include "base/mem.h"
#include "lib/unit.h"
#include "net/peer_internal.h"

/* Bounds one test's waiting: far beyond what is needed, so that only a hang reaches it. */
enum { WAIT_MS_MAX = 4800, TICK_MS = 2 };

static enum logger_level level_before;

/* ---- In the replica's place ---- */

static struct lab_node *node_of(const struct peer_net *net)
{
    return (struct lab_node *)(void *)((char *)net->loop - offsetof(struct lab_node, loop));
}

/* Returns the recorder after noting a call that may come only inside a turn. */
static struct lab_recorder *recorder_of(const struct peer_net *net)
{
    struct lab_recorder *recorder = &node_of(net)->recorder;
    recorder->outside_turn_count += net->loop->is_awake ? 0 : 1;
    return recorder;
}

static bool is_there(const struct peer_net *net)
{
    return !node_of(net)->recorder.is_absent;
}

static enum result on_message(struct peer_net *net, const struct peer_message *message)
{
    struct lab_recorder *recorder = recorder_of(net);
    recorder->records_count++;
    if (recorder->records_count > LAB_RECORDS_MAX) {
        return RESULT_OK;
    }
    struct lab_record *record = &recorder->records[recorder->records_count - 1];
    *record = (struct lab_record){.message = *message};
    if (message->type == PEER_MESSAGE_RAFT && message->raft.type == RAFT_MESSAGE_APPEND) {
        for (uint32_t i = 0; i < message->raft.append.entries_count; i++) {
            struct slice payload = blob_slice(message->raft.append.entries[i].payload);
            record->payload_bytes += payload.size;
            record->payload_hash = hash_bytes(record->payload_hash, payload);
        }
    } else if (message->type == PEER_MESSAGE_FORWARD) {
        record->payload_bytes = message->forward.commands.size;
        record->payload_hash = hash_bytes(0, message->forward.commands);
    }
    return RESULT_OK;
}

static void on_connected(struct peer_net *net, uint64_t peer)
{
    struct lab_recorder *recorder = recorder_of(net);
    recorder->connected_count++;
    recorder->connected_last = peer;
}

static void on_unreachable(struct peer_net *net, uint64_t peer)
{
    struct lab_recorder *recorder = recorder_of(net);
    recorder->unreachable_count++;
    recorder->unreachable_last = peer;
}

static void on_cluster_found(struct peer_net *net)
{
    recorder_of(net)->clusters_found_count++;
}

static const struct peer_receiver lab_receiver = {is_there, on_message, on_connected,
                                                  on_unreachable, on_cluster_found};

/* ---- The lab ---- */

static void keep_line(enum logger_level level, const char *line, void *context)
{
    struct lab *lab = context;
    if (level >= LOGGER_NOTICE && lab->lines_count < LAB_LINES_MAX) {
        (void)snprintf(lab->lines[lab->lines_count], LAB_LINE_BYTES, "%s", line);
        lab->lines_count++;
        lab->warnings_count += level >= LOGGER_WARNING ? 1 : 0;
    }
    if (level >= level_before) {
        (void)fprintf(stderr, "%s\n", line);
    }
}

static void print_line(enum logger_level level, const char *line, void *context)
{
    (void)level;
    (void)context;
    (void)fprintf(stderr, "%s\n", line);
}

struct lab *lab_open(uint32_t count)
{
    struct lab *lab = mem_alloc_zeroed(1, sizeof(*lab));
    level_before = logger_level();
    logger_set_sink(keep_line, lab);
    logger_set_level(level_before < LOGGER_NOTICE ? level_before : LOGGER_NOTICE);
    lab->base = event_base_new();
    ASSERT(lab->base != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct lab_node *node = &lab->nodes[i];
        node->options = (struct peer_net_options){.self_id = i + 1, .incarnation = 101 + i};
        memset(node->options.cluster_id, 0xC1, sizeof(node->options.cluster_id));
        (void)snprintf(node->options.self.name, sizeof(node->options.self.name), "node-%u", i + 1);
        node->options.backoff_ms_min = 10;
        node->options.backoff_ms_max = 100;
        node->loop.base = lab->base;
        lab_node_open(lab, node);
    }
    return lab;
}

void lab_close(struct lab *lab)
{
    for (uint32_t i = 0; i < LAB_NODES_MAX; i++) {
        CU_ASSERT_EQUAL(lab->nodes[i].recorder.outside_turn_count, 0);
        lab_node_close(&lab->nodes[i]);
    }
    /* Cancelled lookups are freed by callbacks of their own. */
    (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    event_base_free(lab->base);
    logger_set_sink(print_line, NULL);
    logger_set_level(level_before);
    mem_free(lab);
}

void lab_node_open(struct lab *lab, struct lab_node *node)
{
    static const char *const loopback[] = {"127.0.0.1"};
    (void)lab;
    node->options.bind_addresses = loopback;
    node->options.bind_addresses_count = 1;
    enum result result = peer_net_open(&node->loop, &node->options, &node->net);
    CU_ASSERT_EQUAL_FATAL(result, RESULT_OK);
    node->net->receiver = &lab_receiver;
    node->options.port = peer_net_port(node->net);
    (void)snprintf(node->address, sizeof(node->address), "127.0.0.1:%u", node->options.port);
}

void lab_node_close(struct lab_node *node)
{
    if (node->net != NULL) {
        peer_net_close(node->net);
        node->net = NULL;
    }
}

void lab_introduce(struct lab *lab, uint32_t count)
{
    struct peer_net_peer peers[LAB_NODES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        peers[i] = (struct peer_net_peer){lab->nodes[i].options.self_id, lab->nodes[i].address};
    }
    for (uint32_t i = 0; i < count; i++) {
        peer_net_set_peers(lab->nodes[i].net, peers, count);
    }
}

void lab_introduce_one(struct lab_node *node, uint64_t peer, const char *address)
{
    struct peer_net_peer rows[] = {{peer, address}, {node->options.self_id, node->address}};
    peer_net_set_peers(node->net, rows, 2);
}

static void on_tick(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    (void)context;
}

static void end_turn(struct lab_node *node)
{
    loop_sleep(&node->loop); /* The replica's turn ends before what it sends goes out. */
    if (node->net != NULL) {
        peer_net_flush(node->net);
    }
}

bool lab_run_until(struct lab *lab, lab_question *question, void *context)
{
    struct event *tick = event_new(lab->base, -1, EV_PERSIST, on_tick, NULL);
    struct timeval interval = {0, TICK_MS * 1000};
    (void)event_add(tick, &interval);
    uint64_t deadline_us = loop_monotonic_us() + WAIT_MS_MAX * UINT64_C(1000);
    bool is_answered = question(lab, context);
    while (!is_answered && loop_monotonic_us() < deadline_us) {
        (void)event_base_loop(lab->base, EVLOOP_ONCE);
        for (uint32_t i = 0; i < LAB_NODES_MAX; i++) {
            end_turn(&lab->nodes[i]);
        }
        is_answered = question(lab, context);
    }
    event_free(tick);
    return is_answered;
}

static bool is_past(struct lab *lab, void *context)
{
    (void)lab;
    return loop_monotonic_us() >= *(const uint64_t *)context;
}

void lab_run(struct lab *lab, uint32_t milliseconds)
{
    uint64_t end_us = loop_monotonic_us() + milliseconds * UINT64_C(1000);
    (void)lab_run_until(lab, is_past, &end_us);
}

/* ---- Questions ---- */

bool lab_all_connected(struct lab *lab, void *context)
{
    uint32_t count = *(const uint32_t *)context;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < count; k++) {
            uint64_t peer = lab->nodes[k].options.self_id;
            if (i != k && !peer_net_is_connected(lab->nodes[i].net, peer)) {
                return false;
            }
        }
    }
    return true;
}

bool lab_is_reached(struct lab *lab, void *count)
{
    (void)lab;
    const struct lab_count *wanted = count;
    return *wanted->number >= wanted->at_least;
}

bool lab_wait_count(struct lab *lab, const uint32_t *number, uint32_t at_least)
{
    struct lab_count count = {number, at_least};
    return lab_run_until(lab, lab_is_reached, &count);
}

uint32_t lab_lines_with(const struct lab *lab, const char *text)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < lab->lines_count; i++) {
        count += strstr(lab->lines[i], text) != NULL ? 1 : 0;
    }
    return count;
}

uint32_t lab_count_raft(const struct lab_recorder *recorder, enum raft_message_type type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < recorder->records_count && i < LAB_RECORDS_MAX; i++) {
        const struct peer_message *message = &recorder->records[i].message;
        count += message->type == PEER_MESSAGE_RAFT && message->raft.type == type ? 1 : 0;
    }
    return count;
}

/* ---- Bytes ---- */

static struct sockaddr_in loopback_at(uint16_t port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int lab_raw_connect(const struct lab_node *node)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback_at(node->options.port);
    int failed = connect(descriptor, (struct sockaddr *)&address, sizeof(address));
    CU_ASSERT_EQUAL_FATAL(failed, 0);
    (void)fcntl(descriptor, F_SETFL, O_NONBLOCK);
    return descriptor;
}

void lab_raw_hello(const struct lab_node *from, uint64_t to, struct peer_hello *out)
{
    *out = (struct peer_hello){.version = PEER_PROTOCOL_VERSION,
                               .from = from->options.self_id,
                               .to = to,
                               .incarnation = from->options.incarnation};
    memcpy(out->cluster_id, from->options.cluster_id, sizeof(out->cluster_id));
    memcpy(out->name, from->options.self.name, sizeof(out->name));
}

void lab_raw_send(int descriptor, const void *bytes, size_t size)
{
    ssize_t sent = send(descriptor, bytes, size, MSG_NOSIGNAL);
    CU_ASSERT_EQUAL(sent, (ssize_t)size);
}

void lab_raw_send_hello(int descriptor, const struct peer_hello *hello)
{
    uint8_t bytes[PEER_HELLO_BYTES];
    peer_hello_encode(hello, bytes);
    lab_raw_send(descriptor, bytes, sizeof(bytes));
}

struct raw_reading {
    int descriptor;
    uint8_t *bytes;
    size_t capacity;
    size_t count;
    bool is_closed;
};

static void read_raw(struct raw_reading *reading)
{
    uint8_t surplus[256];
    while (!reading->is_closed) {
        bool has_room = reading->count < reading->capacity;
        void *at = has_room ? reading->bytes + reading->count : surplus;
        size_t room = has_room ? reading->capacity - reading->count : sizeof(surplus);
        ssize_t count = recv(reading->descriptor, at, room, 0);
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        reading->is_closed = count <= 0;
        reading->count += count > 0 ? (size_t)count : 0;
    }
}

static bool is_closed(struct lab *lab, void *context)
{
    (void)lab;
    struct raw_reading *reading = context;
    read_raw(reading);
    return reading->is_closed;
}

bool lab_raw_wait_closed(struct lab *lab, int descriptor, uint8_t *bytes, size_t capacity,
                         size_t *bytes_count)
{
    struct raw_reading reading = {descriptor, bytes, capacity, 0, false};
    bool was_closed = lab_run_until(lab, is_closed, &reading);
    *bytes_count = reading.count;
    return was_closed;
}

static bool has_bytes(struct lab *lab, void *context)
{
    (void)lab;
    struct raw_reading *reading = context;
    ssize_t count = recv(reading->descriptor, reading->bytes + reading->count,
                         reading->capacity - reading->count, 0);
    reading->count += count > 0 ? (size_t)count : 0;
    return reading->count == reading->capacity;
}

bool lab_raw_wait_bytes(struct lab *lab, int descriptor, uint8_t *bytes, size_t size)
{
    struct raw_reading reading = {descriptor, bytes, size, 0, false};
    return lab_run_until(lab, has_bytes, &reading);
}

int lab_raw_listen(char address[64])
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in here = loopback_at(0);
    socklen_t here_bytes = sizeof(here);
    CU_ASSERT_EQUAL_FATAL(bind(descriptor, (struct sockaddr *)&here, sizeof(here)), 0);
    CU_ASSERT_EQUAL_FATAL(listen(descriptor, 16), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(descriptor, (struct sockaddr *)&here, &here_bytes), 0);
    (void)snprintf(address, 64, "127.0.0.1:%u", ntohs(here.sin_port));
    return descriptor;
}

struct raw_accepting {
    int listener;
    int descriptor;
};

static bool has_accepted(struct lab *lab, void *context)
{
    (void)lab;
    struct raw_accepting *accepting = context;
    accepting->descriptor = accept4(accepting->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return accepting->descriptor >= 0;
}

int lab_raw_accept(struct lab *lab, int listener)
{
    struct raw_accepting accepting = {listener, -1};
    (void)lab_run_until(lab, has_accepted, &accepting);
    return accepting.descriptor;
}
