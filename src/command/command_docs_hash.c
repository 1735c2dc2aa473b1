/* command_docs_hash.c -- documentation of the commands about hashes: see command_docs.h. */
#include "command/command_docs.h"

/* clang-format off */
const struct command_docs command_docs_hash[COMMAND_ID_COUNT] = {
    [COMMAND_HDEL] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(N), N being the fields.",
        .categories = "hash", .key_specs = "RW/delete@1",
        .syntax = "key@0 field...",
        .summary = "Removes fields, and the hash with its last one.",
    },
    [COMMAND_HEXISTS] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(1)",
        .categories = "hash", .key_specs = "RO@1",
        .syntax = "key@0 field",
        .summary = "Tells whether a field is there.",
    },
    [COMMAND_HGET] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(1)",
        .categories = "hash", .key_specs = "RO/access@1",
        .syntax = "key@0 field",
        .summary = "Reads a field.",
    },
    [COMMAND_HGETALL] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(N), N being the fields.",
        .categories = "hash", .key_specs = "RO/access@1",
        .tips = "nondeterministic_output_order",
        .syntax = "key@0",
        .summary = "Reads all fields with their values.",
    },
    [COMMAND_HINCRBY] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(1)",
        .categories = "hash", .key_specs = "RW/access/update@1",
        .syntax = "key@0 field increment:integer",
        .summary = "Adds an integer to the number in a field.",
    },
    [COMMAND_HINCRBYFLOAT] = {
        .since = "2.6.0", .group = "hash", .complexity = "O(1)",
        .categories = "hash", .key_specs = "RW/access/update@1",
        .syntax = "key@0 field increment:double",
        .summary = "Adds a fraction to the number in a field.",
    },
    [COMMAND_HKEYS] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(N), N being the fields.",
        .categories = "hash", .key_specs = "RO/access@1",
        .tips = "nondeterministic_output_order",
        .syntax = "key@0",
        .summary = "Lists the fields.",
    },
    [COMMAND_HLEN] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(1)",
        .categories = "hash", .key_specs = "RO@1",
        .syntax = "key@0",
        .summary = "Counts the fields.",
    },
    [COMMAND_HMGET] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(N), N being the fields asked for.",
        .categories = "hash", .key_specs = "RO/access@1",
        .syntax = "key@0 field...",
        .summary = "Reads several fields.",
    },
    [COMMAND_HMSET] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(N), N being the fields.",
        .categories = "hash", .key_specs = "RW/update@1",
        .doc_flags = "deprecated", .deprecated_since = "4.0.0",
        .replaced_by = "`HSET`, which takes several fields",
        .syntax = "key@0 (field_value=field value)...",
        .summary = "Sets several fields.",
    },
    [COMMAND_HRANDFIELD] = {
        .since = "6.2.0", .group = "hash",
        .complexity = "O(N), N being the fields of the hash; O(1) without a count.",
        .categories = "hash", .key_specs = "RO/access@1",
        .tips = "nondeterministic_output",
        .syntax = "key@0 [options=count:integer [withvalues=WITHVALUES]]",
        .summary = "Picks fields by chance.",
    },
    [COMMAND_HSCAN] = {
        .since = "2.8.0", .group = "hash", .complexity = "O(1) a call, O(N) for all of N fields.",
        .categories = "hash", .key_specs = "RO/access@1",
        .tips = "nondeterministic_output",
        .syntax = "key@0 cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
        .summary = "Lists fields and values a few at a time.",
    },
    [COMMAND_HSET] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(N), N being the fields.",
        .categories = "hash", .key_specs = "RW/update@1",
        .syntax = "key@0 (field_value=field value)...",
        .summary = "Sets fields, creating the hash if need be.",
    },
    [COMMAND_HSETNX] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(1)",
        .categories = "hash", .key_specs = "RW/insert@1",
        .syntax = "key@0 field value",
        .summary = "Sets a field that is not there yet.",
    },
    [COMMAND_HSTRLEN] = {
        .since = "3.2.0", .group = "hash", .complexity = "O(1)",
        .categories = "hash", .key_specs = "RO@1",
        .syntax = "key@0 field",
        .summary = "Tells the length of a field's value.",
    },
    [COMMAND_HVALS] = {
        .since = "2.0.0", .group = "hash", .complexity = "O(N), N being the fields.",
        .categories = "hash", .key_specs = "RO/access@1",
        .tips = "nondeterministic_output_order",
        .syntax = "key@0",
        .summary = "Lists the values.",
    },
};
/* clang-format on */
