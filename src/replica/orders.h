/* orders.h -- private: what one turn wants done with the files of state (snapshot_orders.h), and
 * the bytes that its orders and messages point into, kept until the next turn.
 */
#ifndef QUORUM_REPLICA_ORDERS_H
#define QUORUM_REPLICA_ORDERS_H

#include <stdint.h>

#include "replica/snapshot_orders.h"

struct orders {
    struct replica_order *rows;
    uint32_t count;
    uint32_t capacity;
    struct blob **kept;
    uint32_t kept_count;
    uint32_t kept_capacity;
};

/* Zeroed memory is empty. */
void orders_deinit(struct orders *orders);

/* Forgets the orders and gives back what was kept for them. */
void orders_clear(struct orders *orders);

void orders_add(struct orders *orders, const struct replica_order *order);

/* The same for an order that says nothing but its type. */
void orders_add_type(struct orders *orders, enum replica_order_type type);

/* Takes over a reference until the orders are cleared, and borrows the bytes. */
struct slice orders_keep(struct orders *orders, struct blob *blob);

#endif
