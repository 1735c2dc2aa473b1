/* ctl_reply.h -- reading replies that are maps: in RESP2, arrays of key, value, key, value. */
#ifndef QUORUM_CLI_CTL_REPLY_H
#define QUORUM_CLI_CTL_REPLY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of a key; NULL when map is none, or has no such key. Borrowed from map. */
const redisReply *ctl_reply_field(const redisReply *map, const char *key);

/* Writes the value of a key as text, cut at out_bytes: strings as they are, integers in decimal;
 * "" when there is none or it is something else. */
void ctl_reply_text(const redisReply *map, const char *key, char *out, size_t out_bytes);

/* Reads a value that is an unsigned number: an integer that is not negative, or its decimal text.
 * False, out untouched, when there is none or it is something else. */
bool ctl_reply_number(const redisReply *map, const char *key, uint64_t *out);

/* Reads a value that is a 64-bit hash: 16 hexadecimal digits, or an integer of the same bits. */
bool ctl_reply_hash(const redisReply *map, const char *key, uint64_t *out);

#endif
