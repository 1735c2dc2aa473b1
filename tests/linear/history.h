/* history.h -- what clients asked and heard, with times: the input of the linearizability checker.
 *
 * As text, one operation a line, so that any other checker can judge it, too:
 *
 *     CLIENT BEGIN END COMMAND ARGUMENT... => REPLY       answered
 *     CLIENT BEGIN ?   COMMAND ARGUMENT...                outcome unknown: done at some time after
 *                                                         BEGIN, or never
 *
 * CLIENT, BEGIN and END are decimal; BEGIN and END are times of one clock, of any unit. Operations
 * that were provably not done do not belong into a history. Words are bare, or in double quotes
 * with \" \\ \n \r \t \xHH as redis-cli writes them. REPLY is one of
 *
 *     +OK        a status         :5      an integer        "text"   a bulk string
 *     nil        no value         [ REPLY... ]              an array
 *
 * Empty lines and lines that begin with # are passed over.
 */
#ifndef QUORUM_TESTS_LINEAR_HISTORY_H
#define QUORUM_TESTS_LINEAR_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/slice.h"

/* The end of an operation whose outcome is unknown. */
#define HISTORY_NEVER UINT64_MAX

enum history_reply_kind {
    HISTORY_STATUS,
    HISTORY_INTEGER,
    HISTORY_TEXT,
    HISTORY_NIL,
    HISTORY_ARRAY, /* integer says how many of the following elements are its own */
};

struct history_reply {
    enum history_reply_kind kind;
    int64_t integer;
    struct slice text; /* STATUS, TEXT */
};

/* Arguments and replies lie in the history's own memory. */
struct history_operation {
    uint64_t client;
    uint64_t begin;
    uint64_t end;
    struct slice *arguments; /* the command's name first */
    uint32_t arguments_count;
    struct history_reply *reply; /* one, or an array and its elements (arrays do not nest) */
    uint32_t reply_count;        /* 0: unknown */
    uint32_t line;               /* from 1, of the text it was read from; else its number */
};

struct history {
    struct history_operation *operations;
    uint32_t count;
    uint32_t capacity;
};

/* Zeroed memory is an empty history. */
void history_deinit(struct history *history);

/* Adds a copy of the operation. */
void history_add(struct history *history, const struct history_operation *operation);

/* Adds all operations of a text. On RESULT_INVALID, *line is the first bad one. */
MUST_CHECK enum result history_parse(struct history *history, struct slice text, uint32_t *line);

/* Appends one operation as a line of text. */
void history_print(const struct history_operation *operation, struct buf *out);

#endif
