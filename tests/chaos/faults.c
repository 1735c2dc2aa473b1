/* faults.c -- see faults.h. */
#include "chaos/faults.h"

#include <stdlib.h>
#include <string.h>

#include "lib/check.h"
#include "lib/files.h"
#include "lib/redis_client.h"
#include "lib/wall_clock.h"

enum {
    WEIGHT_MAX = 10,
    SHORT_MS_MAX = 400,
    LONG_MS_MAX = 3000,
    REST_MS_MAX = 300,
    CLOCK_SECONDS_MAX = 3600,
};

static uint32_t below(struct faults *faults, uint32_t bound)
{
    return check_random(&faults->random, bound);
}

static uint32_t any_node(struct faults *faults)
{
    return below(faults, faults->cluster->nodes_count);
}

/* Mostly short, sometimes longer than elections and timeouts take. */
static void last(struct faults *faults)
{
    check_sleep_ms(below(faults, below(faults, 3) == 0 ? LONG_MS_MAX : SHORT_MS_MAX));
}

const char *faults_text(enum fault fault)
{
#define FAULTS_TEXT_ROW(name, text) text,
    static const char *const texts[] = {FAULTS_TABLE(FAULTS_TEXT_ROW)};
#undef FAULTS_TEXT_ROW
    return texts[fault];
}

void faults_init(struct faults *faults, struct cluster *cluster, struct wires *wires, uint64_t seed)
{
    *faults = (struct faults){.cluster = cluster, .wires = wires, .random = seed * 7919 + 17};
    for (int i = 0; i < FAULTS_COUNT; i++) {
        faults->weights[i] = below(faults, 3) == 0 ? 0 : 1 + below(faults, WEIGHT_MAX);
    }
    faults->weights[FAULT_KILL] += 1; /* so that something always can happen */
    wall_clock_prepare(cluster);
}

/* ---- Nodes ---- */

static void kill_all(struct faults *faults)
{
    cluster_kill_all(faults->cluster);
    last(faults);
    for (uint32_t i = 0; i < faults->cluster->nodes_count; i++) {
        cluster_launch(faults->cluster, i);
        check_sleep_ms(below(faults, 50));
    }
}

/* Only one that serves: before it takes signals, SIGTERM just ends a process. */
static void restart(struct faults *faults, uint32_t node)
{
    char text[64];
    if (cluster_get_raft_field(faults->cluster, node, "raft_role", text)) {
        cluster_stop(faults->cluster, node);
        cluster_launch(faults->cluster, node);
    }
}

static void pause_all(struct faults *faults)
{
    for (uint32_t i = 0; i < faults->cluster->nodes_count; i++) {
        cluster_pause(faults->cluster, i);
    }
    last(faults);
    for (uint32_t i = 0; i < faults->cluster->nodes_count; i++) {
        cluster_resume(faults->cluster, i);
    }
}

static void ask(struct faults *faults, uint32_t node, const char *command)
{
    redisContext *client = redis_client_try(faults->cluster->nodes[node].redis_port);
    if (client != NULL) {
        struct timeval wait = {1, 0};
        (void)redisSetTimeout(client, wait);
        freeReplyObject(redisCommand(client, command));
        redisFree(client);
    }
}

static bool votes(struct faults *faults, uint32_t node)
{
    char text[64];
    return cluster_get_raft_field(faults->cluster, node, "raft_is_voting", text) &&
           strcmp(text, "yes") == 0;
}

/* What a node has applied; 0 while it does not answer. */
static uint64_t applied_by(struct faults *faults, uint32_t node)
{
    char text[64];
    bool is_known = cluster_get_raft_field(faults->cluster, node, "raft_applied_index", text);
    return is_known ? strtoull(text, NULL, 10) : 0;
}

/* Only when all members vote, and the next fault only when this one votes again with all that the
 * others had: losing two disks of three would be too much. */
static void wipe(struct faults *faults)
{
    uint64_t applied = 0;
    for (uint32_t i = 0; i < faults->cluster->nodes_count; i++) {
        uint64_t index = applied_by(faults, i);
        if (index == 0 || !votes(faults, i)) {
            return;
        }
        applied = index > applied ? index : applied;
    }
    uint32_t node = any_node(faults);
    (void)cluster_wait_leader(faults->cluster);
    cluster_kill(faults->cluster, node);
    files_remove_tree(faults->cluster->nodes[node].data);
    last(faults);
    cluster_launch(faults->cluster, node);
    faults->counts[FAULT_WIPE]++;
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    while (applied_by(faults, node) < applied || !votes(faults, node)) {
        if (check_now_ms() > end_ms) {
            FAIL("%s does not vote again after it lost its disk",
                 faults->cluster->nodes[node].name);
        }
        check_sleep_ms(20);
    }
}

static void step_clock(struct faults *faults)
{
    int64_t seconds = (int64_t)below(faults, 2 * CLOCK_SECONDS_MAX) - CLOCK_SECONDS_MAX;
    wall_clock_set(faults->cluster, seconds);
}

/* ---- Wires ---- */

static void set_both(struct faults *faults, uint32_t a, uint32_t b, enum wire_state state)
{
    wires_set(faults->wires, a, b, state);
    wires_set(faults->wires, b, a, state);
}

/* Of everything a node says, and of everything it hears. */
static void set_node(struct faults *faults, uint32_t node, enum wire_state said,
                     enum wire_state heard)
{
    for (uint32_t i = 0; i < faults->cluster->nodes_count; i++) {
        wires_set(faults->wires, node, i, said);
        wires_set(faults->wires, i, node, heard);
    }
}

static void split(struct faults *faults)
{
    uint32_t count = faults->cluster->nodes_count;
    uint32_t side = 1 + below(faults, (1u << count) - 2);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (((side >> i) & 1) != ((side >> j) & 1)) {
                set_both(faults, i, j, WIRE_SILENT);
            }
        }
    }
}

static void slow(struct faults *faults)
{
    for (uint32_t i = 0; i < faults->cluster->nodes_count; i++) {
        for (uint32_t j = 0; j < faults->cluster->nodes_count; j++) {
            wires_set(faults->wires, i, j, below(faults, 2) == 0 ? WIRE_SLOW : WIRE_WHOLE);
        }
    }
}

/* ---- One fault ---- */

static enum fault draw(struct faults *faults)
{
    uint32_t total = 0;
    for (int i = 0; i < FAULTS_COUNT; i++) {
        total += faults->weights[i];
    }
    uint32_t at = below(faults, total);
    int fault = 0;
    while (at >= faults->weights[fault]) {
        at -= faults->weights[fault++];
    }
    return (enum fault)fault;
}

static void begin_on_wires(struct faults *faults, enum fault fault, uint32_t node)
{
    uint32_t other = cluster_other(faults->cluster, node);
    switch (fault) {
    case FAULT_ISOLATE:
        set_node(faults, node, WIRE_SILENT, WIRE_SILENT);
        break;
    case FAULT_ONE_WAY:
        set_node(faults, node, WIRE_SILENT, WIRE_WHOLE);
        break;
    case FAULT_DEAF:
        set_node(faults, node, WIRE_WHOLE, WIRE_SILENT);
        break;
    case FAULT_REFUSE:
        set_node(faults, node, WIRE_BROKEN, WIRE_BROKEN);
        break;
    case FAULT_PAIR:
        set_both(faults, node, other, WIRE_SILENT);
        break;
    case FAULT_SPLIT:
        split(faults);
        break;
    case FAULT_SLOW:
        slow(faults);
        break;
    case FAULT_BREAK:
        wires_break_all(faults->wires);
        break;
    case FAULT_SPOIL:
        wires_spoil(faults->wires, node, other);
        break;
    case FAULT_KILL:
    case FAULT_KILL_ALL:
    case FAULT_RESTART:
    case FAULT_PAUSE:
    case FAULT_PAUSE_ALL:
    case FAULT_TRANSFER:
    case FAULT_SNAPSHOT:
    case FAULT_WIPE:
    case FAULT_CLOCK:
    case FAULTS_COUNT:
        FAIL("not a fault of wires: %d", (int)fault);
    }
}

/* True when it was one of these. */
static bool do_to_nodes(struct faults *faults, enum fault fault, uint32_t node)
{
    struct cluster *cluster = faults->cluster;
    switch (fault) {
    case FAULT_KILL:
        cluster_kill(cluster, node);
        last(faults);
        cluster_launch(cluster, node);
        return true;
    case FAULT_RESTART:
        restart(faults, node);
        return true;
    case FAULT_PAUSE:
        cluster_pause(cluster, node);
        last(faults);
        cluster_resume(cluster, node);
        return true;
    case FAULT_KILL_ALL:
        kill_all(faults);
        return true;
    case FAULT_PAUSE_ALL:
        pause_all(faults);
        return true;
    case FAULT_TRANSFER:
        ask(faults, node, "QUORUM TRANSFER");
        return true;
    case FAULT_SNAPSHOT:
        ask(faults, node, "BGSAVE");
        return true;
    case FAULT_WIPE:
        wipe(faults);
        return true;
    case FAULT_CLOCK:
        step_clock(faults);
        return true;
    case FAULT_ISOLATE:
    case FAULT_ONE_WAY:
    case FAULT_DEAF:
    case FAULT_PAIR:
    case FAULT_SPLIT:
    case FAULT_SLOW:
    case FAULT_BREAK:
    case FAULT_REFUSE:
    case FAULT_SPOIL:
    case FAULTS_COUNT:
        return false;
    }
    return false;
}

void faults_one(struct faults *faults)
{
    enum fault fault = draw(faults);
    uint32_t node = any_node(faults);
    faults->counts[fault] += fault == FAULT_WIPE ? 0 : 1; /* counts itself when it happens */
    if (!do_to_nodes(faults, fault, node)) {
        begin_on_wires(faults, fault, node);
        if (below(faults, 3) == 0) { /* and one of a node at the same time */
            static const enum fault together[] = {FAULT_KILL, FAULT_PAUSE, FAULT_TRANSFER};
            enum fault second = together[below(faults, 3)];
            faults->counts[second]++;
            (void)do_to_nodes(faults, second, any_node(faults));
        }
        last(faults);
        wires_heal(faults->wires);
    }
    check_sleep_ms(below(faults, REST_MS_MAX));
}

void faults_heal(struct faults *faults)
{
    wires_heal(faults->wires);
    wall_clock_set(faults->cluster, 0);
}
