/* ctl_reply.c -- reading replies that are maps. */
#include "cli/ctl_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

enum { HASH_DIGITS = 16 };

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

const redisReply *ctl_reply_field(const redisReply *map, const char *key)
{
    if (map->type != REDIS_REPLY_ARRAY) {
        return NULL;
    }
    for (size_t i = 0; i + 1 < map->elements; i += 2) {
        if (is_text(map->element[i]) && strcmp(map->element[i]->str, key) == 0) {
            return map->element[i + 1];
        }
    }
    return NULL;
}

void ctl_reply_text(const redisReply *map, const char *key, char *out, size_t out_bytes)
{
    const redisReply *value = ctl_reply_field(map, key);
    out[0] = '\0';
    if (value != NULL && is_text(value)) {
        (void)snprintf(out, out_bytes, "%s", value->str);
    } else if (value != NULL && value->type == REDIS_REPLY_INTEGER) {
        (void)snprintf(out, out_bytes, "%lld", value->integer);
    }
}

bool ctl_reply_number(const redisReply *map, const char *key, uint64_t *out)
{
    char text[NUMBER_INT64_BYTES + 1];
    ctl_reply_text(map, key, text, sizeof(text));
    return number_parse_uint64(slice_of_string(text), out);
}

bool ctl_reply_hash(const redisReply *map, const char *key, uint64_t *out)
{
    const redisReply *value = ctl_reply_field(map, key);
    if (value == NULL) {
        return false;
    }
    if (value->type == REDIS_REPLY_INTEGER) {
        *out = (uint64_t)value->integer;
        return true;
    }
    if (!is_text(value) || strspn(value->str, "0123456789abcdefABCDEF") != HASH_DIGITS ||
        value->str[HASH_DIGITS] != '\0') {
        return false;
    }
    *out = strtoull(value->str, NULL, 16);
    return true;
}
