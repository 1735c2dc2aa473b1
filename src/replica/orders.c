/* orders.c -- a turn's orders. */
#include "replica/orders.h"

#include "base/mem.h"

enum { ORDERS_CAPACITY_MIN = 16 };

static uint32_t grown(uint32_t capacity)
{
    return capacity == 0 ? ORDERS_CAPACITY_MIN : capacity * 2;
}

void orders_clear(struct orders *orders)
{
    for (uint32_t i = 0; i < orders->kept_count; i++) {
        blob_release(orders->kept[i]);
    }
    orders->kept_count = 0;
    orders->count = 0;
}

void orders_deinit(struct orders *orders)
{
    orders_clear(orders);
    mem_free(orders->rows);
    mem_free(orders->kept);
    *orders = (struct orders){0};
}

void orders_add(struct orders *orders, const struct replica_order *order)
{
    if (orders->count == orders->capacity) {
        orders->capacity = grown(orders->capacity);
        orders->rows = mem_realloc(orders->rows, orders->capacity * sizeof(*orders->rows));
    }
    orders->rows[orders->count++] = *order;
}

void orders_add_type(struct orders *orders, enum replica_order_type type)
{
    struct replica_order order = {.type = type};
    orders_add(orders, &order);
}

struct slice orders_keep(struct orders *orders, struct blob *blob)
{
    if (orders->kept_count == orders->kept_capacity) {
        orders->kept_capacity = grown(orders->kept_capacity);
        orders->kept = mem_realloc(orders->kept, orders->kept_capacity * sizeof(*orders->kept));
    }
    orders->kept[orders->kept_count++] = blob;
    return blob_slice(blob);
}
