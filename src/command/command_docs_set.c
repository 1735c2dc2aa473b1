/* command_docs_set.c -- documentation of the commands about sets: see command_docs.h. */
#include "command/command_docs.h"

const struct command_docs command_docs_set[COMMAND_ID_COUNT] = {{0}};
