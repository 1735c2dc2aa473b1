/* command_docs_bitmap.c -- documentation of the commands about bitmaps: see command_docs.h. */
#include "command/command_docs.h"

/* clang-format off */
const struct command_docs command_docs_bitmap[COMMAND_ID_COUNT] = {
    [COMMAND_BITCOUNT] = {
        .since = "2.6.0", .group = "bitmap", .complexity = "O(N), N being the bytes looked at.",
        .categories = "bitmap", .key_specs = "RO/access@1",
        .syntax = "key@0 [index=(start:integer end:integer [index_unit=BYTE|BIT])]",
        .summary = "Counts the bits that are set.",
    },
    [COMMAND_BITFIELD] = {
        .since = "3.2.0", .group = "bitmap", .complexity = "O(1) for each operation.",
        .categories = "bitmap", .key_specs = "RW/access/update/variable_flags@1",
        .syntax = "key@0 [GET (encoding_offset=encoding offset:integer)] [OVERFLOW "
                  "(WRAP|SAT|FAIL)] [SET (encoding_offset_value=encoding offset:integer "
            "value:integer)] [INCRBY (encoding_offset_increment=encoding offset:integer "
                  "increment:integer)]",
        .summary = "Reads, writes and adds to numbers of some bits.",
    },
    [COMMAND_BITFIELD_RO] = {
        .since = "6.0.0", .group = "bitmap", .complexity = "O(1) for each operation.",
        .categories = "bitmap", .key_specs = "RO/access@1",
        .syntax = "key@0 [GET (encoding_offset=encoding offset:integer)...]",
        .summary = "Reads numbers of some bits.",
    },
    [COMMAND_BITOP] = {
        .since = "2.6.0", .group = "bitmap",
        .complexity = "O(N), N being the bytes of the longest string.",
        .categories = "bitmap", .key_specs = "OW/update@2 RO/access@3:-1",
        .syntax = "operation destkey@0 key@1...",
        .summary = "Stores the combination of strings, bit by bit.",
    },
    [COMMAND_BITPOS] = {
        .since = "2.8.7", .group = "bitmap", .complexity = "O(N), N being the bytes looked at.",
        .categories = "bitmap", .key_specs = "RO/access@1",
        .syntax = "key@0 bit:integer [index=(start:integer [end_index=(end:integer "
                  "[index_unit=BYTE|BIT])])]",
        .summary = "Finds the first bit of a kind.",
    },
    [COMMAND_GETBIT] = {
        .since = "2.2.0", .group = "bitmap", .complexity = "O(1)",
        .categories = "bitmap", .key_specs = "RO/access@1",
        .syntax = "key@0 offset:integer",
        .summary = "Reads a bit.",
    },
    [COMMAND_SETBIT] = {
        .since = "2.2.0", .group = "bitmap",
        .complexity = "O(1), but for the bytes that the string grows by.",
        .categories = "bitmap", .key_specs = "RW/access/update@1",
        .syntax = "key@0 offset:integer value:integer",
        .summary = "Sets or clears a bit.",
    },
};
/* clang-format on */
