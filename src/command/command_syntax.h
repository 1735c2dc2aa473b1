/* command_syntax.h -- the arguments of a command in one line of text, and the maps that COMMAND
 * DOCS makes of it. Private to this directory.
 *
 *     key@0                     an argument: the key of specification 0
 *     seconds:integer           of a type; string if none is given
 *     pattern:pattern@1         of a type that makes keys of specification 1
 *     NX                        a token alone
 *     [...]                     optional; (...) just groups; either one repeats with "..." behind
 *     [EX seconds:integer]      an argument behind a token
 *     [condition=NX|XX]         one of several; the name is for programs
 *     (key_value=key@0 value)   several together
 *     [by=FILTERBY (A|B)]       one of several, behind a token
 *
 * The lines are constants of this program: a malformed one is a bug, not an input.
 */
#ifndef QUORUM_COMMAND_COMMAND_SYNTAX_H
#define QUORUM_COMMAND_COMMAND_SYNTAX_H

#include "base/slice.h"
#include "wire/reply.h"

/* Replies with the array of arguments. */
void command_syntax_reply(struct reply *reply, struct slice syntax);

/* Appends the syntax as people read it, without types and names of groups. */
void command_syntax_print(struct buf *buf, struct slice syntax);

#endif
