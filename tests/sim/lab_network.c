/* lab_network.c -- the simulated network. */
#include "sim/lab_network.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"

enum {
    REPEAT_MS_MAX = 2000,
    FRAME_TYPE_AT = 4,
    CHANGED_MAX = 4,
    /* Later than this is more than a network in order needs. */
    LATE_MS = 10,
};

static void note(struct lab_network *network, enum lab_fault fault)
{
    if (network->faults != NULL) {
        network->faults->counts[fault]++;
    }
}

/* ---- A receiver's heap ---- */

static bool comes_before(const struct lab_packet *a, const struct lab_packet *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void swap(struct lab_packet *a, struct lab_packet *b)
{
    struct lab_packet packet = *a;
    *a = *b;
    *b = packet;
}

static void sift_down(struct lab_queue *queue, uint32_t at)
{
    for (;;) {
        uint32_t first = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < queue->count; child++) {
            if (comes_before(&queue->packets[child], &queue->packets[first])) {
                first = child;
            }
        }
        if (first == at) {
            return;
        }
        swap(&queue->packets[at], &queue->packets[first]);
        at = first;
    }
}

static void queue_add(struct lab_queue *queue, const struct lab_packet *packet)
{
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
        queue->packets = mem_realloc(queue->packets, queue->capacity * sizeof(*packet));
    }
    uint32_t at = queue->count++;
    queue->packets[at] = *packet;
    while (at > 0 && comes_before(&queue->packets[at], &queue->packets[(at - 1) / 2])) {
        swap(&queue->packets[at], &queue->packets[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct lab_packet queue_take(struct lab_queue *queue)
{
    struct lab_packet first = queue->packets[0];
    queue->packets[0] = queue->packets[--queue->count];
    sift_down(queue, 0);
    return first;
}

/* Puts packets in order that were changed all over. */
static void queue_settle(struct lab_queue *queue)
{
    for (uint32_t i = queue->count / 2; i-- > 0;) {
        sift_down(queue, i);
    }
}

/* ---- Sending ---- */

void lab_network_deinit(struct lab_network *network)
{
    for (uint32_t to = 0; to < LAB_NODES_MAX; to++) {
        lab_network_drop_for(network, to);
        mem_free(network->queues[to].packets);
    }
    *network = (struct lab_network){0};
}

static uint64_t draw_due_ms(struct lab_network *network, uint32_t from, uint32_t to,
                            uint64_t now_ms, struct prng *prng)
{
    uint64_t spread_ms = network->delay_ms_max - network->delay_ms_min;
    uint64_t due_ms = now_ms + network->delay_ms_min + prng_below(prng, spread_ms + 1);
    uint64_t *last_ms = &network->last_due_ms[from][to];
    if (due_ms < network->clogged_until_ms[from][to]) {
        due_ms = network->clogged_until_ms[from][to];
    }
    if (due_ms < *last_ms) {
        if (network->reorders) {
            note(network, LAB_PACKET_REORDERED);
        } else {
            due_ms = *last_ms;
        }
    }
    if (due_ms > now_ms + LATE_MS) {
        note(network, LAB_PACKET_LATE);
    }
    *last_ms = due_ms > *last_ms ? due_ms : *last_ms;
    return due_ms;
}

/* Changes a few bytes, or cuts the end off. */
static void damage(struct lab_network *network, struct lab_packet *packet, struct prng *prng)
{
    size_t size = buf_size(&packet->frame);
    if (network->corrupt_per_mille > 0 && prng_below(prng, 1000) < network->corrupt_per_mille) {
        uint64_t at = prng_below(prng, prng_below(prng, 2) == 0 ? PEER_FRAME_HEADER_BYTES : size);
        uint64_t end = at + 1 + prng_below(prng, CHANGED_MAX);
        for (; at < end && at < size; at++) {
            packet->frame.bytes[packet->frame.head + at] ^= (uint8_t)(1 + prng_below(prng, 255));
        }
        packet->is_damaged = true;
        note(network, LAB_PACKET_CORRUPTED);
    }
    if (network->truncate_per_mille > 0 && prng_below(prng, 1000) < network->truncate_per_mille) {
        buf_truncate(&packet->frame, prng_below(prng, size));
        packet->is_damaged = true;
        note(network, LAB_PACKET_TRUNCATED);
    }
}

void lab_network_send(struct lab_network *network, uint32_t from, uint32_t to,
                      const struct peer_message *message, uint64_t now_ms, struct prng *prng)
{
    struct lab_packet packet = {.from = from, .order = network->packets_sent++};
    peer_frame_encode(message, &packet.frame);
    network->bytes_sent += buf_size(&packet.frame);
    network->trace = hash_bytes(network->trace, buf_slice(&packet.frame));
    packet.due_ms = draw_due_ms(network, from, to, now_ms, prng);
    if (prng_below(prng, 1000) < network->repeat_per_mille) {
        struct lab_packet copy = packet;
        copy.frame = (struct buf){0};
        buf_append_slice(&copy.frame, buf_slice(&packet.frame));
        copy.due_ms += prng_below(prng, REPEAT_MS_MAX);
        queue_add(&network->queues[to], &copy);
        note(network, LAB_PACKET_REPEATED);
    }
    bool is_lost = buf_slice(&packet.frame).bytes[FRAME_TYPE_AT] == (uint8_t)network->lost_type;
    if (prng_below(prng, 1000) < network->drop_per_mille || is_lost) {
        buf_deinit(&packet.frame);
        note(network, LAB_PACKET_DROPPED);
        return;
    }
    damage(network, &packet, prng);
    queue_add(&network->queues[to], &packet);
}

/* ---- Receiving ---- */

uint64_t lab_network_due_ms(const struct lab_network *network, uint32_t to)
{
    const struct lab_queue *queue = &network->queues[to];
    return queue->count == 0 ? UINT64_MAX : queue->packets[0].due_ms;
}

bool lab_network_take(struct lab_network *network, uint32_t to, uint64_t now_ms,
                      struct lab_packet *out)
{
    while (lab_network_due_ms(network, to) <= now_ms) {
        *out = queue_take(&network->queues[to]);
        if (!network->is_cut[out->from][to]) {
            return true;
        }
        buf_deinit(&out->frame);
        note(network, LAB_PACKET_CUT_OFF);
    }
    return false;
}

/* ---- Faults ---- */

void lab_network_drop_for(struct lab_network *network, uint32_t to)
{
    struct lab_queue *queue = &network->queues[to];
    while (queue->count > 0) {
        buf_deinit(&queue->packets[--queue->count].frame);
    }
}

void lab_network_reset(struct lab_network *network, uint32_t from, uint32_t to)
{
    struct lab_queue *queue = &network->queues[to];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < queue->count; i++) {
        if (queue->packets[i].from == from) {
            buf_deinit(&queue->packets[i].frame);
            note(network, LAB_PACKET_RESET);
        } else {
            queue->packets[kept++] = queue->packets[i];
        }
    }
    queue->count = kept;
    queue_settle(queue);
    network->last_due_ms[from][to] = 0;
}

void lab_network_cut(struct lab_network *network, uint32_t from, uint32_t to, bool is_cut)
{
    network->is_cut[from][to] = is_cut;
}

void lab_network_clog(struct lab_network *network, uint32_t from, uint32_t to, uint64_t until_ms)
{
    struct lab_queue *queue = &network->queues[to];
    network->clogged_until_ms[from][to] = until_ms;
    for (uint32_t i = 0; i < queue->count; i++) {
        struct lab_packet *packet = &queue->packets[i];
        if (packet->from == from && packet->due_ms < until_ms) {
            packet->due_ms = until_ms;
        }
    }
    queue_settle(queue);
}

void lab_network_heal(struct lab_network *network)
{
    memset(network->is_cut, 0, sizeof(network->is_cut));
}
