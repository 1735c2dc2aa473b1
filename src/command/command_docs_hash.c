/* command_docs_hash.c -- documentation of the commands about hashes: see command_docs.h. */
#include "command/command_docs.h"

const struct command_docs command_docs_hash[COMMAND_ID_COUNT] = {{0}};
