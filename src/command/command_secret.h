/* command_secret.h -- which arguments are passwords, and shown to nobody. */
#ifndef QUORUM_COMMAND_COMMAND_SECRET_H
#define QUORUM_COMMAND_COMMAND_SECRET_H

#include "command/command.h"

/* Whether arguments[i] of a command is to be shown as COMMAND_SECRET_SHOWN: what AUTH and HELLO
 * AUTH are given, and passwords that CONFIG SET sets. In doubt it is: a word too many of AUTH hides
 * the others all the same, which Redis 7.0 would show. */
bool command_argument_is_secret(const struct command *command, const struct slice *arguments,
                                uint32_t i);

#define COMMAND_SECRET_SHOWN "(redacted)"

#endif
