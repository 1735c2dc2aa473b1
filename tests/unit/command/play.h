/* play.h -- runs a play of commands: a text of "> " lines and the replies below them. */
#ifndef QUORUM_TESTS_COMMAND_PLAY_H
#define QUORUM_TESTS_COMMAND_PLAY_H

#include "base/buf.h"
#include "base/slice.h"

/*
 * Runs a play against an empty keyspace and writes it down again, with the replies that came.
 *
 *     > SET "a b" \x00      a command; words may be quoted, \r \n \" \\ \xHH stand for bytes
 *     +OK                   its reply as RESP, each CRLF a line end, other odd bytes as \xHH,
 *                           an empty line as ""
 *     @ clock 5000          the log's clock (and the estimate); also: estimate, protocol, database,
 *                           bulk-bytes-max, remove-due
 *     # comment             and empty lines: kept
 */
void play_run(struct slice text, struct buf *out);

#endif
