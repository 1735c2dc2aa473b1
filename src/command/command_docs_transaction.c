/* command_docs_transaction.c -- documentation of the commands about transactions: see
 * command_docs.h. */
#include "command/command_docs.h"

/* clang-format off */
const struct command_docs command_docs_transaction[COMMAND_ID_COUNT] = {
    [COMMAND_DISCARD] = {
        .since = "2.0.0", .group = "transactions",
        .complexity = "O(N), N being the commands gathered.",
        .categories = "transaction",
        .summary = "Forgets a transaction.",
    },
    [COMMAND_EXEC] = {
        .since = "1.2.0", .group = "transactions",
        .complexity = "Depends on the commands gathered.",
        .categories = "transaction",
        .summary = "Executes a transaction as one unit.",
    },
    [COMMAND_MULTI] = {
        .since = "1.2.0", .group = "transactions",
        .complexity = "O(1)",
        .categories = "transaction",
        .summary = "Begins a transaction.",
    },
    [COMMAND_UNWATCH] = {
        .since = "2.2.0", .group = "transactions",
        .complexity = "O(1)",
        .categories = "transaction",
        .summary = "Forgets the keys that are watched.",
    },
    [COMMAND_WATCH] = {
        .since = "2.2.0", .group = "transactions",
        .complexity = "O(N), N being the keys.",
        .categories = "transaction", .key_specs = "RO@1:-1",
        .syntax = "key@0...",
        .summary = "Lets the next transaction fail if keys change before it.",
    },
};
/* clang-format on */
