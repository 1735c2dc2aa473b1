/* model_container.h -- lists, sets, hashes and sorted sets of the model: each a value like any
 * other, a text that holds all its elements.
 *
 * Commands: RPUSH, LPUSH, LPOP, RPOP (without a count), LLEN, LRANGE key 0 -1; SADD, SREM,
 * SISMEMBER, SCARD, SMEMBERS; HSET, HDEL, HGET, HLEN, HGETALL, HINCRBY; ZADD key score member,
 * ZREM, ZSCORE, ZCARD, ZINCRBY, with whole numbers as scores.
 */
#ifndef QUORUM_TESTS_LINEAR_MODEL_CONTAINER_H
#define QUORUM_TESTS_LINEAR_MODEL_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "linear/history.h"
#include "linear/values.h"

struct model_container_command;

/* Finds the command of an operation on one container, its key the first argument; NULL: it is none,
 * or has not the right number of arguments. */
const struct model_container_command *model_container_find(const struct history_operation *source);

bool model_container_is_read(const struct model_container_command *command);

/* Runs it on a value. Returns whether that is of its type and the heard reply, if any, is the due
 * one; *value is changed only then. */
bool model_container_run(const struct model_container_command *command,
                         const struct history_operation *source, struct values *values,
                         uint32_t *value);

#endif
