/* monitors.c -- MONITOR on real connections: each node shows its own clients' commands, and one
 * that does not read them is closed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/redis_client.h"

static int open_monitor(uint16_t port)
{
    char ok[5];
    int monitor = raw_open(port);
    raw_send(monitor, "MONITOR\r\n", 9);
    raw_read(monitor, ok, sizeof(ok));
    CHECK(memcmp(ok, "+OK\r\n", sizeof(ok)) == 0);
    return monitor;
}

/* Reads one line, whose end behind the address has to be text. */
static void expect_line(int monitor, const char *text)
{
    char line[512];
    size_t size = 0;
    do {
        CHECK(size + 1 < sizeof(line));
        raw_read(monitor, line + size, 1);
    } while (line[size++] != '\n');
    line[size] = '\0';
    const char *shown = strstr(line, "] ");
    if (shown == NULL || strcmp(shown + 2, text) != 0) {
        FAIL("the monitor said %s, not %s", line, text);
    }
}

void test_monitors(struct cluster *cluster)
{
    enum { NODES = 3 };
    int monitors[NODES];
    redisContext *clients[NODES];
    (void)cluster_wait_leader(cluster);
    for (int i = 0; i < NODES; i++) {
        monitors[i] = open_monitor(cluster->nodes[i].redis_port);
        clients[i] = redis_client_open(cluster->nodes[i].redis_port);
    }
    for (int i = 0; i < NODES; i++) {
        expect(clients[i], "+OK", "SET monitor:%d x", i);
        expect(clients[i], "\"x\"", "GET monitor:%d", i);
        expect(clients[i], "+OK", "MULTI");
        expect(clients[i], "+QUEUED", "DEL monitor:%d", i);
        expect(clients[i], "[:1]", "EXEC");
    }
    for (int i = 0; i < NODES; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "\"SET\" \"monitor:%d\" \"x\"\r\n", i);
        expect_line(monitors[i], text);
        (void)snprintf(text, sizeof(text), "\"GET\" \"monitor:%d\"\r\n", i);
        expect_line(monitors[i], text);
        expect_line(monitors[i], "\"MULTI\"\r\n");
        (void)snprintf(text, sizeof(text), "\"DEL\" \"monitor:%d\"\r\n", i);
        expect_line(monitors[i], text);
        expect_line(monitors[i], "\"exec\"\r\n");
        (void)close(monitors[i]);
        redisFree(clients[i]);
    }
}

void test_monitor_that_does_not_read(struct cluster *cluster)
{
    enum { VALUE_BYTES = 60000, WRITES = 1000 };
    cluster_add_option(cluster, "--client-output-buffer-limit=normal 1mb 0 0");
    cluster_start(cluster);
    uint32_t node = cluster_other(cluster, cluster_wait_leader(cluster));
    uint16_t port = cluster->nodes[node].redis_port;
    int monitor = open_monitor(port);
    redisContext *client = redis_client_open(port);
    char *value = malloc(VALUE_BYTES);
    CHECK(value != NULL);
    memset(value, 'v', VALUE_BYTES);
    for (int i = 0; i < WRITES; i++) {
        expect(client, "+OK", "SET big %b", value, (size_t)VALUE_BYTES);
    }
    cluster_wait_for_log(cluster, node, "unread replies are over the hard output limit");
    /* What comes is what the kernel has taken: by far not all that there was to show. */
    size_t all = (size_t)VALUE_BYTES * WRITES;
    char *shown = malloc(all);
    CHECK(shown != NULL);
    size_t size = raw_read_all(monitor, shown, all);
    check_note("%zu of %zu bytes came", size, all);
    CHECK(size < all / 2);
    expect(client, "+PONG", "PING");
    free(shown);
    free(value);
    (void)close(monitor);
    redisFree(client);
}
