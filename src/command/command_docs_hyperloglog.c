/* command_docs_hyperloglog.c -- documentation of the commands about HyperLogLogs: see
 * command_docs.h.
 */
#include "command/command_docs.h"

/* clang-format off */
const struct command_docs command_docs_hyperloglog[COMMAND_ID_COUNT] = {
    [COMMAND_PFADD] = {
        .since = "2.8.9", .group = "hyperloglog", .complexity = "O(1) for each element.",
        .categories = "hyperloglog", .key_specs = "RW/insert@1",
        .syntax = "key@0 [element]...",
        .summary = "Adds elements to a HyperLogLog.",
    },
    [COMMAND_PFCOUNT] = {
        .since = "2.8.9", .group = "hyperloglog", .complexity = "O(N), N being the keys.",
        .categories = "hyperloglog", .key_specs = "RW/access@1:-1",
        .key_notes = "Written too, since a result is noted in the value.",
        .syntax = "key@0...",
        .summary = "Estimates how many different elements HyperLogLogs have together.",
    },
    [COMMAND_PFDEBUG] = {
        .since = "2.8.9", .group = "hyperloglog", .complexity = "N/A",
        .categories = "hyperloglog", .key_specs = "RW/access@2",
        .syntax = "subcommand key@0",
        .summary = "Looks into a HyperLogLog.",
        .doc_flags = "syscmd",
    },
    [COMMAND_PFMERGE] = {
        .since = "2.8.9", .group = "hyperloglog", .complexity = "O(N), N being the keys.",
        .categories = "hyperloglog", .key_specs = "RW/access/insert@1 RO/access@2:-1",
        .syntax = "destkey@0 sourcekey@1...",
        .summary = "Takes all elements of HyperLogLogs into one.",
    },
    [COMMAND_PFSELFTEST] = {
        .since = "2.8.9", .group = "hyperloglog", .complexity = "N/A",
        .categories = "hyperloglog",
        .summary = "Checks the estimates of HyperLogLogs.",
        .doc_flags = "syscmd",
    },
};
/* clang-format on */
