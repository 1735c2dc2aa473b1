/* command_docs_list.c -- documentation of the commands about lists: see command_docs.h. */
#include "command/command_docs.h"

/* clang-format off */
const struct command_docs command_docs_list[COMMAND_ID_COUNT] = {
    [COMMAND_BLMOVE] = {
        .since = "6.2.0", .group = "list", .complexity = "O(1)",
        .categories = "list", .key_specs = "RW/access/delete@1 RW/insert@2",
        .syntax = "source@0 destination@1 wherefrom=LEFT|RIGHT whereto=LEFT|RIGHT timeout:double",
        .summary = "Moves an element from one list to another; waits for one if there is none.",
    },
    [COMMAND_BLMPOP] = {
        .since = "7.0.0", .group = "list",
        .complexity = "O(N+M), N being the keys and M the elements taken.",
        .categories = "list", .key_specs = "RW/access/delete@2#",
        .syntax = "timeout:double numkeys:integer key@0... where=LEFT|RIGHT [COUNT count:integer]",
        .summary = "Takes elements from the first list that has some; waits if none has.",
    },
    [COMMAND_BLPOP] = {
        .since = "2.0.0", .group = "list", .complexity = "O(N), N being the keys.",
        .categories = "list", .key_specs = "RW/access/delete@1:-2",
        .syntax = "key@0... timeout:double",
        .summary = "Takes the head of the first list that has elements; waits if none has.",
    },
    [COMMAND_BRPOP] = {
        .since = "2.0.0", .group = "list", .complexity = "O(N), N being the keys.",
        .categories = "list", .key_specs = "RW/access/delete@1:-2",
        .syntax = "key@0... timeout:double",
        .summary = "Takes the tail of the first list that has elements; waits if none has.",
    },
    [COMMAND_BRPOPLPUSH] = {
        .since = "2.2.0", .group = "list", .complexity = "O(1)",
        .categories = "list", .key_specs = "RW/access/delete@1 RW/insert@2",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0",
        .replaced_by = "`BLMOVE` with RIGHT and LEFT",
        .syntax = "source@0 destination@1 timeout:double",
        .summary = "Moves the last element of one list to the head of another; waits for one.",
    },
    [COMMAND_LINDEX] = {
        .since = "1.0.0", .group = "list",
        .complexity = "O(N), N being the elements on the way from the nearer end.",
        .categories = "list", .key_specs = "RO/access@1",
        .syntax = "key@0 index:integer",
        .summary = "Reads the element at an index.",
    },
    [COMMAND_LINSERT] = {
        .since = "2.2.0", .group = "list",
        .complexity = "O(N), N being the elements before the pivot.",
        .categories = "list", .key_specs = "RW/insert@1",
        .syntax = "key@0 where=BEFORE|AFTER pivot element",
        .summary = "Puts an element before or after another one.",
    },
    [COMMAND_LLEN] = {
        .since = "1.0.0", .group = "list", .complexity = "O(1)",
        .categories = "list", .key_specs = "RO@1",
        .syntax = "key@0",
        .summary = "Counts the elements.",
    },
    [COMMAND_LMOVE] = {
        .since = "6.2.0", .group = "list", .complexity = "O(1)",
        .categories = "list", .key_specs = "RW/access/delete@1 RW/insert@2",
        .syntax = "source@0 destination@1 wherefrom=LEFT|RIGHT whereto=LEFT|RIGHT",
        .summary = "Moves an element from an end of one list to an end of another.",
    },
    [COMMAND_LMPOP] = {
        .since = "7.0.0", .group = "list",
        .complexity = "O(N+M), N being the keys and M the elements taken.",
        .categories = "list", .key_specs = "RW/access/delete@1#",
        .syntax = "numkeys:integer key@0... where=LEFT|RIGHT [COUNT count:integer]",
        .summary = "Takes elements from an end of the first list that has some.",
    },
    [COMMAND_LPOP] = {
        .since = "1.0.0", .group = "list", .complexity = "O(N), N being the elements taken.",
        .categories = "list", .key_specs = "RW/access/delete@1",
        .syntax = "key@0 [count:integer]",
        .summary = "Takes elements from the head.",
    },
    [COMMAND_LPOS] = {
        .since = "6.0.6", .group = "list", .complexity = "O(N), N being the elements looked at.",
        .categories = "list", .key_specs = "RO/access@1",
        .syntax = "key@0 element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN "
                  "len:integer]",
        .summary = "Finds the positions of elements that equal one.",
    },
    [COMMAND_LPUSH] = {
        .since = "1.0.0", .group = "list", .complexity = "O(N), N being the elements put in.",
        .categories = "list", .key_specs = "RW/insert@1",
        .syntax = "key@0 element...",
        .summary = "Puts elements at the head, creating the list if need be.",
    },
    [COMMAND_LPUSHX] = {
        .since = "2.2.0", .group = "list", .complexity = "O(N), N being the elements put in.",
        .categories = "list", .key_specs = "RW/insert@1",
        .syntax = "key@0 element...",
        .summary = "Puts elements at the head of a list that is there.",
    },
    [COMMAND_LRANGE] = {
        .since = "1.0.0", .group = "list",
        .complexity = "O(S+N), S being the elements on the way from the nearer end, N those in "
            "the range.",
        .categories = "list", .key_specs = "RO/access@1",
        .syntax = "key@0 start:integer stop:integer",
        .summary = "Reads a range of elements.",
    },
    [COMMAND_LREM] = {
        .since = "1.0.0", .group = "list", .complexity = "O(N), N being the elements of the list.",
        .categories = "list", .key_specs = "RW/delete@1",
        .syntax = "key@0 count:integer element",
        .summary = "Removes elements that equal one.",
    },
    [COMMAND_LSET] = {
        .since = "1.0.0", .group = "list",
        .complexity = "O(N), N being the elements on the way from the nearer end.",
        .categories = "list", .key_specs = "RW/update@1",
        .syntax = "key@0 index:integer element",
        .summary = "Replaces the element at an index.",
    },
    [COMMAND_LTRIM] = {
        .since = "1.0.0", .group = "list", .complexity = "O(N), N being the elements removed.",
        .categories = "list", .key_specs = "RW/delete@1",
        .syntax = "key@0 start:integer stop:integer",
        .summary = "Removes all elements outside a range.",
    },
    [COMMAND_RPOP] = {
        .since = "1.0.0", .group = "list", .complexity = "O(N), N being the elements taken.",
        .categories = "list", .key_specs = "RW/access/delete@1",
        .syntax = "key@0 [count:integer]",
        .summary = "Takes elements from the tail.",
    },
    [COMMAND_RPOPLPUSH] = {
        .since = "1.2.0", .group = "list", .complexity = "O(1)",
        .categories = "list", .key_specs = "RW/access/delete@1 RW/insert@2",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0",
        .replaced_by = "`LMOVE` with RIGHT and LEFT",
        .syntax = "source@0 destination@1",
        .summary = "Moves the last element of one list to the head of another.",
    },
    [COMMAND_RPUSH] = {
        .since = "1.0.0", .group = "list", .complexity = "O(N), N being the elements put in.",
        .categories = "list", .key_specs = "RW/insert@1",
        .syntax = "key@0 element...",
        .summary = "Puts elements at the tail, creating the list if need be.",
    },
    [COMMAND_RPUSHX] = {
        .since = "2.2.0", .group = "list", .complexity = "O(N), N being the elements put in.",
        .categories = "list", .key_specs = "RW/insert@1",
        .syntax = "key@0 element...",
        .summary = "Puts elements at the tail of a list that is there.",
    },
};
/* clang-format on */
