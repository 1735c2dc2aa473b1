/* command_docs_set.c -- documentation of the commands about sets: see command_docs.h. */
#include "command/command_docs.h"

/* clang-format off */
const struct command_docs command_docs_set[COMMAND_ID_COUNT] = {
    [COMMAND_SADD] = {
        .since = "1.0.0", .group = "set", .complexity = "O(N), N being the members.",
        .categories = "set", .key_specs = "RW/insert@1",
        .syntax = "key@0 member...",
        .summary = "Adds members, creating the set if need be.",
    },
    [COMMAND_SCARD] = {
        .since = "1.0.0", .group = "set", .complexity = "O(1)",
        .categories = "set", .key_specs = "RO@1",
        .syntax = "key@0",
        .summary = "Counts the members.",
    },
    [COMMAND_SDIFF] = {
        .since = "1.0.0", .group = "set",
        .complexity = "O(N), N being the members of all the sets.",
        .categories = "set", .key_specs = "RO/access@1:-1",
        .tips = "nondeterministic_output_order",
        .syntax = "key@0...",
        .summary = "Lists the first set's members that are in none of the others.",
    },
    [COMMAND_SDIFFSTORE] = {
        .since = "1.0.0", .group = "set",
        .complexity = "O(N), N being the members of all the sets.",
        .categories = "set", .key_specs = "OW/update@1 RO/access@2:-1",
        .syntax = "destination@0 key@1...",
        .summary = "Stores the difference of sets in a key.",
    },
    [COMMAND_SINTER] = {
        .since = "1.0.0", .group = "set",
        .complexity = "O(N*M), N being the members of the smallest of M sets.",
        .categories = "set", .key_specs = "RO/access@1:-1",
        .tips = "nondeterministic_output_order",
        .syntax = "key@0...",
        .summary = "Lists the members that all the sets have.",
    },
    [COMMAND_SINTERCARD] = {
        .since = "7.0.0", .group = "set",
        .complexity = "O(N*M), N being the members of the smallest of M sets.",
        .categories = "set", .key_specs = "RO/access@1#",
        .syntax = "numkeys:integer key@0... [LIMIT limit:integer]",
        .summary = "Counts the members that all the sets have.",
    },
    [COMMAND_SINTERSTORE] = {
        .since = "1.0.0", .group = "set",
        .complexity = "O(N*M), N being the members of the smallest of M sets.",
        .categories = "set", .key_specs = "RW/update@1 RO/access@2:-1",
        .syntax = "destination@0 key@1...",
        .summary = "Stores the intersection of sets in a key.",
    },
    [COMMAND_SISMEMBER] = {
        .since = "1.0.0", .group = "set", .complexity = "O(1)",
        .categories = "set", .key_specs = "RO@1",
        .syntax = "key@0 member",
        .summary = "Tells whether a member is in the set.",
    },
    [COMMAND_SMEMBERS] = {
        .since = "1.0.0", .group = "set", .complexity = "O(N), N being the members.",
        .categories = "set", .key_specs = "RO/access@1",
        .tips = "nondeterministic_output_order",
        .syntax = "key@0",
        .summary = "Lists the members.",
    },
    [COMMAND_SMISMEMBER] = {
        .since = "6.2.0", .group = "set", .complexity = "O(N), N being the members asked for.",
        .categories = "set", .key_specs = "RO/access@1",
        .syntax = "key@0 member...",
        .summary = "Tells of several members whether they are in the set.",
    },
    [COMMAND_SMOVE] = {
        .since = "1.0.0", .group = "set", .complexity = "O(1)",
        .categories = "set", .key_specs = "RW/access/delete@1 RW/insert@2",
        .syntax = "source@0 destination@1 member",
        .summary = "Moves a member from one set to another.",
    },
    [COMMAND_SPOP] = {
        .since = "1.0.0", .group = "set", .complexity = "O(N), N being the members taken.",
        .categories = "set", .key_specs = "RW/access/delete@1",
        .tips = "nondeterministic_output",
        .syntax = "key@0 [count:integer]",
        .summary = "Takes members out by chance.",
    },
    [COMMAND_SRANDMEMBER] = {
        .since = "1.0.0", .group = "set",
        .complexity = "O(N), N being the members of the set; O(1) without a count.",
        .categories = "set", .key_specs = "RO/access@1",
        .tips = "nondeterministic_output",
        .syntax = "key@0 [count:integer]",
        .summary = "Picks members by chance.",
    },
    [COMMAND_SREM] = {
        .since = "1.0.0", .group = "set", .complexity = "O(N), N being the members.",
        .categories = "set", .key_specs = "RW/delete@1",
        .syntax = "key@0 member...",
        .summary = "Removes members, and the set with its last one.",
    },
    [COMMAND_SSCAN] = {
        .since = "2.8.0", .group = "set", .complexity = "O(1) a call, O(N) for all of N members.",
        .categories = "set", .key_specs = "RO/access@1",
        .tips = "nondeterministic_output",
        .syntax = "key@0 cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
        .summary = "Lists members a few at a time.",
    },
    [COMMAND_SUNION] = {
        .since = "1.0.0", .group = "set",
        .complexity = "O(N), N being the members of all the sets.",
        .categories = "set", .key_specs = "RO/access@1:-1",
        .tips = "nondeterministic_output_order",
        .syntax = "key@0...",
        .summary = "Lists the members that any of the sets has.",
    },
    [COMMAND_SUNIONSTORE] = {
        .since = "1.0.0", .group = "set",
        .complexity = "O(N), N being the members of all the sets.",
        .categories = "set", .key_specs = "OW/update@1 RO/access@2:-1",
        .syntax = "destination@0 key@1...",
        .summary = "Stores the union of sets in a key.",
    },
};
/* clang-format on */
