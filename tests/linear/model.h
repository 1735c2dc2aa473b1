/* model.h -- what a lone, sequential Redis would do: the specification that histories are held
 * against.
 *
 * A state is one value number a key. A command is compiled once against the keys and values, and
 * then run on states: it says what the state becomes, and whether the reply that was heard is the
 * one that is due.
 */
#ifndef QUORUM_TESTS_LINEAR_MODEL_H
#define QUORUM_TESTS_LINEAR_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "linear/history.h"
#include "linear/model_container.h"
#include "linear/values.h"

enum model_kind {
    /* Those up to MODEL_STRLEN only read. */
    MODEL_GET,
    MODEL_MGET,
    MODEL_EXISTS,
    MODEL_STRLEN,
    MODEL_SET,    /* SET key value [NX | XX] [GET] */
    MODEL_SETNX,  /* replies 0 or 1 */
    MODEL_GETSET, /* replies the old value */
    MODEL_GETDEL,
    MODEL_MSET,
    MODEL_MSETNX,
    MODEL_DEL,
    MODEL_APPEND,
    MODEL_INCRBY,
    MODEL_CONTAINER, /* model_container.h */
};

/* Arrays are the operation's own. */
struct model_operation {
    enum model_kind kind;
    bool if_absent, if_present, wants_old; /* of SET */
    int64_t increment;
    const struct model_container_command *container; /* of MODEL_CONTAINER */
    uint32_t *keys; /* numbers of keys; each once unless the command names it twice */
    uint32_t *values;
    uint32_t keys_count;
    const struct history_operation *source; /* borrowed */
};

/* Compiles an operation; keys are numbered by keys, values by values. RESULT_INVALID: a command
 * that the model does not know, or not with these arguments. */
MUST_CHECK enum result model_compile(const struct history_operation *source, struct values *keys,
                                     struct values *values, struct model_operation *out);
void model_operation_deinit(struct model_operation *operation);

/* Whether the command never changes a state. */
bool model_is_read(const struct model_operation *operation);

/* Whether two operations are the same command with the same arguments, whatever was heard. */
bool model_is_same(const struct model_operation *a, const struct model_operation *b);

/* Runs the operation on a state, an array that key numbers index by way of places. Returns whether
 * the heard reply, if any, is the due one; the state is changed only then. */
bool model_run(const struct model_operation *operation, struct values *values,
               const uint32_t *places, uint32_t *state);

#endif
