/* wires.h -- the network between the nodes of a campaign: every directed pair of nodes has a wire
 * that can be cut, held, slowed or broken, while the nodes run.
 *
 * Each node is announced to the others under a port of ours. A connection is known by the hello
 * that its caller sends first (wire/peer_frame.h): from whom, and by the port to whom. Since a node
 * only sends on connections that it dialled, the wire from a to b carries what a says to b.
 *
 * One thread of this process passes the bytes on. Functions may be called from any thread.
 */
#ifndef QUORUM_TESTS_CHAOS_WIRES_H
#define QUORUM_TESTS_CHAOS_WIRES_H

#include <stdint.h>

enum { WIRES_NODES_MAX = 8 };

enum wire_state {
    WIRE_WHOLE,
    WIRE_SILENT, /* nothing passes, nothing breaks: as if every packet were lost */
    WIRE_BROKEN, /* connections are reset, and new ones, too */
    WIRE_SLOW,   /* every piece is delayed, some by much more */
};

struct wires;

/* names[i] is the node's --id; ports[i] is where it really listens. */
struct wires *wires_start(uint32_t count, const char *const *names, const uint16_t *ports);

/* The port under which a node is to be announced. */
uint16_t wires_port(const struct wires *wires, uint32_t node);

void wires_set(struct wires *wires, uint32_t from, uint32_t to, enum wire_state state);

/* Every wire is whole again; what was held is delivered. */
void wires_heal(struct wires *wires);

/* Resets every connection once. */
void wires_break_all(struct wires *wires);

/* Turns one bit over in the next piece from one node to the other. */
void wires_spoil(struct wires *wires, uint32_t from, uint32_t to);

#endif
