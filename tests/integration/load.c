/* load.c -- see load.h. */
#include "integration/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/check.h"
#include "lib/redis_client.h"

enum { PIPELINE_BYTES = 1024 * 1024, PIPELINE_MAX = 500, KEY_BYTES = 64 };

static void put_key(const struct load *load, uint32_t number, char key[KEY_BYTES])
{
    (void)snprintf(key, KEY_BYTES, "%s:%u", load->prefix, number);
}

/* "generation-number-" and then dots. value has value_bytes and a NUL. */
static void put_value(const struct load *load, uint32_t number, char *value)
{
    memset(value, '.', load->value_bytes);
    value[load->value_bytes] = '\0';
    int used = snprintf(value, load->value_bytes + 1, "%u-%u-", load->generation, number);
    value[used] = '.';
}

static uint32_t pipeline_length(const struct load *load)
{
    uint32_t fitting = PIPELINE_BYTES / load->value_bytes;
    return fitting < 1 ? 1 : fitting > PIPELINE_MAX ? PIPELINE_MAX : fitting;
}

static redisReply *next_reply(redisContext *client)
{
    void *reply = NULL;
    if (redisGetReply(client, &reply) != REDIS_OK) {
        FAIL("no reply in a pipeline: %s", client->errstr);
    }
    return reply;
}

void load_write(struct cluster *cluster, uint32_t node, const struct load *load)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    char *value = malloc(load->value_bytes + 1);
    uint32_t length = pipeline_length(load);
    for (uint32_t i = 0; i < load->keys_count;) {
        uint32_t end = i + length < load->keys_count ? i + length : load->keys_count;
        for (uint32_t j = i; j < end; j++) {
            char key[KEY_BYTES];
            put_key(load, j, key);
            put_value(load, j, value);
            CHECK(redisAppendCommand(client, "SET %s %s", key, value) == REDIS_OK);
        }
        for (; i < end; i++) {
            redisReply *reply = next_reply(client);
            if (reply->type != REDIS_REPLY_STATUS) {
                FAIL("SET %s:%u is answered %s", load->prefix, i, redis_client_show(reply));
            }
            freeReplyObject(reply);
        }
    }
    free(value);
    redisFree(client);
}

void load_check(struct cluster *cluster, uint32_t node, const struct load *load)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    char *value = malloc(load->value_bytes + 1);
    uint32_t length = pipeline_length(load);
    for (uint32_t i = 0; i < load->keys_count;) {
        uint32_t end = i + length < load->keys_count ? i + length : load->keys_count;
        for (uint32_t j = i; j < end; j++) {
            char key[KEY_BYTES];
            put_key(load, j, key);
            CHECK(redisAppendCommand(client, "GET %s", key) == REDIS_OK);
        }
        for (; i < end; i++) {
            redisReply *reply = next_reply(client);
            put_value(load, i, value);
            if (reply->type != REDIS_REPLY_STRING || strcmp(reply->str, value) != 0) {
                FAIL("%s:%u is %.60s through node-%u and should be %.40s", load->prefix, i,
                     redis_client_show(reply), node + 1, value);
            }
            freeReplyObject(reply);
        }
    }
    free(value);
    redisFree(client);
}
