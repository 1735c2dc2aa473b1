/* lab_network.c -- the simulated network. */
#include "unit/replica/lab_network.h"

#include "base/mem.h"

enum { REPEAT_MS_MAX = 2000, FRAME_TYPE_AT = 4 };

void lab_network_deinit(struct lab_network *network)
{
    for (uint32_t i = 0; i < network->packets_count; i++) {
        buf_deinit(&network->packets[i].frame);
    }
    mem_free(network->packets);
    *network = (struct lab_network){0};
}

static void add(struct lab_network *network, const struct lab_packet *packet)
{
    if (network->packets_count == network->packets_capacity) {
        network->packets_capacity =
            network->packets_capacity == 0 ? 64 : network->packets_capacity * 2;
        network->packets =
            mem_realloc(network->packets, network->packets_capacity * sizeof(*packet));
    }
    network->packets[network->packets_count++] = *packet;
}

static uint64_t draw_due_ms(struct lab_network *network, const struct lab_packet *packet,
                            uint64_t now_ms, struct prng *prng)
{
    uint64_t spread_ms = network->delay_ms_max - network->delay_ms_min;
    uint64_t due_ms = now_ms + network->delay_ms_min + prng_below(prng, spread_ms + 1);
    uint64_t *last_ms = &network->last_due_ms[packet->from][packet->to];
    if (!network->reorders && due_ms < *last_ms) {
        due_ms = *last_ms;
    }
    *last_ms = due_ms;
    return due_ms;
}

void lab_network_send(struct lab_network *network, uint32_t from, uint32_t to,
                      const struct peer_message *message, uint64_t now_ms, struct prng *prng)
{
    struct lab_packet packet = {.from = from, .to = to, .order = network->packets_sent++};
    peer_frame_encode(message, &packet.frame);
    network->bytes_sent += buf_size(&packet.frame);
    packet.due_ms = draw_due_ms(network, &packet, now_ms, prng);
    if (prng_below(prng, 1000) < network->repeat_per_mille) {
        struct lab_packet copy = packet;
        copy.frame = (struct buf){0};
        buf_append_slice(&copy.frame, buf_slice(&packet.frame));
        copy.due_ms += prng_below(prng, REPEAT_MS_MAX);
        add(network, &copy);
    }
    bool is_lost = buf_slice(&packet.frame).bytes[FRAME_TYPE_AT] == (uint8_t)network->lost_type;
    if (prng_below(prng, 1000) < network->drop_per_mille || is_lost) {
        buf_deinit(&packet.frame);
        return;
    }
    add(network, &packet);
}

/* The first packet for a node by time, then by order; NULL when there is none. */
static struct lab_packet *first_for(const struct lab_network *network, uint32_t to)
{
    struct lab_packet *first = NULL;
    for (uint32_t i = 0; i < network->packets_count; i++) {
        struct lab_packet *packet = &network->packets[i];
        if (packet->to == to &&
            (first == NULL || packet->due_ms < first->due_ms ||
             (packet->due_ms == first->due_ms && packet->order < first->order))) {
            first = packet;
        }
    }
    return first;
}

static void forget(struct lab_network *network, struct lab_packet *packet)
{
    *packet = network->packets[--network->packets_count];
}

uint64_t lab_network_due_ms(const struct lab_network *network, uint32_t to)
{
    const struct lab_packet *packet = first_for(network, to);
    return packet == NULL ? UINT64_MAX : packet->due_ms;
}

bool lab_network_take(struct lab_network *network, uint32_t to, uint64_t now_ms,
                      struct lab_packet *out)
{
    struct lab_packet *packet;
    while ((packet = first_for(network, to)) != NULL && packet->due_ms <= now_ms) {
        *out = *packet;
        forget(network, packet);
        if (!network->is_cut[out->from][to]) {
            return true;
        }
        buf_deinit(&out->frame);
    }
    return false;
}

void lab_network_drop_for(struct lab_network *network, uint32_t to)
{
    struct lab_packet *packet;
    while ((packet = first_for(network, to)) != NULL) {
        buf_deinit(&packet->frame);
        forget(network, packet);
    }
}

void lab_network_cut(struct lab_network *network, uint32_t from, uint32_t to, bool is_cut)
{
    network->is_cut[from][to] = is_cut;
}

void lab_network_heal(struct lab_network *network)
{
    memset(network->is_cut, 0, sizeof(network->is_cut));
}
