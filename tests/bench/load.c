/* load.c -- what the parts of the bench share: numbers from outside, and keys to begin with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "lib/check.h"
#include "lib/redis_client.h"

enum { PIPELINE = 1000, COMMAND_BYTES = 128 };

uint32_t bench_number(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : (uint32_t)strtoul(text, NULL, 10);
}

static void append_set(redisContext *client, uint32_t key, const char *value, uint32_t value_bytes)
{
    char *command = malloc(COMMAND_BYTES + value_bytes);
    CHECK(command != NULL);
    int size = snprintf(command, COMMAND_BYTES + value_bytes,
                        "*3\r\n$3\r\nSET\r\n$16\r\n" BENCH_KEY_FORMAT "\r\n$%u\r\n%s\r\n", key,
                        value_bytes, value);
    CHECK(redisAppendFormattedCommand(client, command, (size_t)size) == REDIS_OK);
    free(command);
}

void bench_load(uint16_t port, uint32_t keys_count, uint32_t value_bytes)
{
    redisContext *client = redis_client_open(port);
    char *value = malloc(value_bytes + 1);
    memset(value, 'v', value_bytes);
    value[value_bytes] = '\0';
    for (uint32_t i = 0; i < keys_count;) {
        uint32_t end = i + PIPELINE < keys_count ? i + PIPELINE : keys_count;
        for (uint32_t j = i; j < end; j++) {
            append_set(client, j, value, value_bytes);
        }
        for (; i < end; i++) {
            void *reply = NULL;
            CHECK(redisGetReply(client, &reply) == REDIS_OK);
            if (((redisReply *)reply)->type != REDIS_REPLY_STATUS) {
                FAIL("a SET is answered with %s", ((redisReply *)reply)->str);
            }
            freeReplyObject(reply);
        }
    }
    free(value);
    redisFree(client);
}
