/* lab_host.c -- what a replica in the lab asks of the program around it. */
#include "sim/lab_host.h"

#include "base/buf.h"

int64_t lab_host_wall_ms(const struct lab_node *node)
{
    return LAB_EPOCH_WALL_MS + (int64_t)node->lab->now_ms + node->wall_offset_ms;
}

static uint64_t monotonic_us(void *context)
{
    const struct lab_node *node = context;
    return lab_node_ms(node) * 1000;
}

static int64_t wall_us(void *context)
{
    return lab_host_wall_ms(context) * 1000;
}

static void get_facts(void *context, struct host_facts *facts)
{
    const struct lab_node *node = context;
    *facts = (struct host_facts){
        .version = "0.0.1",
        .os = "Lab 1.0 x86_64",
        .executable = "/lab/quorum",
        .config_file = "/lab/quorum.conf",
        .data_directory = "/lab/data",
        .malloc_name = "libc",
        .run_id = "0123456789012345678901234567890123456789",
        .process_id = 4242,
        .redis_port = 6379,
        .http_port = 8000,
        .raft_port = 9000,
        .uptime_ms = node->lab->now_ms,
        .memory_resident_bytes = 6 * 1024 * 1024,
        .connections_received = 7,
        .clients_max = 10000,
    };
}

static void config_get(void *context, const struct slice *patterns, uint32_t count,
                       struct reply *reply)
{
    (void)context;
    reply_map(reply, count);
    for (uint32_t i = 0; i < count; i++) {
        reply_bulk(reply, patterns[i]);
        reply_bulk_string(reply, "value");
    }
}

static void config_set(void *context, const struct slice *pairs, uint32_t pairs_count,
                       struct reply *reply)
{
    struct lab_node *node = context;
    for (uint32_t i = 0; i < pairs_count; i++) {
        if (slice_is_word(pairs[2 * i], "requirepass")) {
            char password[64] = {0};
            struct slice value = pairs[2 * i + 1];
            memcpy(password, value.bytes,
                   value.size < sizeof(password) ? value.size : sizeof(password) - 1);
            replica_set_password(node->replica, password);
        }
    }
    reply_ok(reply);
}

static void config_resetstat(void *context)
{
    (void)context;
}

static void note_sleep(void *context, uint64_t microseconds)
{
    struct lab_node *node = context;
    node->slept_us += microseconds;
}

static void note_shutdown(void *context)
{
    struct lab_node *node = context;
    node->shutdowns++;
}

void lab_host_init(struct replica_host *host, struct lab_node *node)
{
    *host = (struct replica_host){.context = node,
                                  .monotonic_us = monotonic_us,
                                  .wall_us = wall_us,
                                  .get_facts = get_facts,
                                  .config_get = config_get,
                                  .config_set = config_set,
                                  .config_resetstat = config_resetstat,
                                  .sleep = note_sleep,
                                  .shutdown = note_shutdown};
}
