/* command_docs_zset.c -- documentation of the commands about sorted sets: see command_docs.h. */
#include "command/command_docs.h"

/* clang-format off */
const struct command_docs command_docs_zset[COMMAND_ID_COUNT] = {
    [COMMAND_BZMPOP] = {
        .since = "7.0.0", .group = "sorted-set",
        .complexity = "O(K)+O(M*log(N)), K being the keys, M the members taken of N.",
        .categories = "sortedset", .key_specs = "RW/access/delete@2#",
        .syntax = "timeout:double numkeys:integer key@0... where=MIN|MAX [COUNT count:integer]",
        .summary = "Takes members from the first sorted set that has some; waits if none has.",
    },
    [COMMAND_BZPOPMAX] = {
        .since = "5.0.0", .group = "sorted-set",
        .complexity = "O(log(N)), N being the members.",
        .categories = "sortedset", .key_specs = "RW/access/delete@1:-2",
        .syntax = "key@0... timeout:double",
        .summary = "Takes the member with the highest score; waits if there is none.",
    },
    [COMMAND_BZPOPMIN] = {
        .since = "5.0.0", .group = "sorted-set",
        .complexity = "O(log(N)), N being the members.",
        .categories = "sortedset", .key_specs = "RW/access/delete@1:-2",
        .syntax = "key@0... timeout:double",
        .summary = "Takes the member with the lowest score; waits if there is none.",
    },
    [COMMAND_ZADD] = {
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(log(N)) for each member, N being the members of the sorted set.",
        .categories = "sortedset", .key_specs = "RW/update@1",
        .syntax = "key@0 [condition=NX|XX] [comparison=GT|LT] [change=CH] [increment=INCR] "
                  "(score_member=score:double member)...",
        .summary = "Puts in members with scores, or changes their scores.",
    },
    [COMMAND_ZCARD] = {
        .since = "1.2.0", .group = "sorted-set", .complexity = "O(1)",
        .categories = "sortedset", .key_specs = "RO@1",
        .syntax = "key@0",
        .summary = "Counts the members.",
    },
    [COMMAND_ZCOUNT] = {
        .since = "2.0.0", .group = "sorted-set", .complexity = "O(log(N)), N being the members.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .syntax = "key@0 min:double max:double",
        .summary = "Counts the members in a range of scores.",
    },
    [COMMAND_ZDIFF] = {
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(L*K), L being the members of the first of K sorted sets.",
        .categories = "sortedset", .key_specs = "RO/access@1#",
        .syntax = "numkeys:integer key@0... [withscores=WITHSCORES]",
        .summary = "Lists the first one's members that are in none of the others.",
    },
    [COMMAND_ZDIFFSTORE] = {
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(L*K), L being the members of the first of K sorted sets.",
        .categories = "sortedset", .key_specs = "OW/update@1 RO/access@2#",
        .syntax = "destination@0 numkeys:integer key@1...",
        .summary = "Stores the difference of sorted sets in a key.",
    },
    [COMMAND_ZINCRBY] = {
        .since = "1.2.0", .group = "sorted-set", .complexity = "O(log(N)), N being the members.",
        .categories = "sortedset", .key_specs = "RW/access/update@1",
        .syntax = "key@0 increment:integer member",
        .summary = "Adds a number to a member's score.",
    },
    [COMMAND_ZINTER] = {
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(N*K)+O(M*log(M)), N being the members of the smallest of K, M those of "
            "the result.",
        .categories = "sortedset", .key_specs = "RO/access@1#",
        .syntax = "numkeys:integer key@0... [WEIGHTS weight:integer...] [aggregate=AGGREGATE "
                  "(SUM|MIN|MAX)] [withscores=WITHSCORES]",
        .summary = "Lists the members that all the sorted sets have.",
    },
    [COMMAND_ZINTERCARD] = {
        .since = "7.0.0", .group = "sorted-set",
        .complexity = "O(N*K), N being the members of the smallest of K sorted sets.",
        .categories = "sortedset", .key_specs = "RO/access@1#",
        .syntax = "numkeys:integer key@0... [LIMIT limit:integer]",
        .summary = "Counts the members that all the sorted sets have.",
    },
    [COMMAND_ZINTERSTORE] = {
        .since = "2.0.0", .group = "sorted-set",
        .complexity = "O(N*K)+O(M*log(M)), N being the members of the smallest of K, M those of "
            "the result.",
        .categories = "sortedset", .key_specs = "OW/update@1 RO/access@2#",
        .syntax = "destination@0 numkeys:integer key@1... [WEIGHTS weight:integer...] "
                  "[aggregate=AGGREGATE (SUM|MIN|MAX)]",
        .summary = "Stores the intersection of sorted sets in a key.",
    },
    [COMMAND_ZLEXCOUNT] = {
        .since = "2.8.9", .group = "sorted-set", .complexity = "O(log(N)), N being the members.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .syntax = "key@0 min max",
        .summary = "Counts the members in a range of names.",
    },
    [COMMAND_ZMPOP] = {
        .since = "7.0.0", .group = "sorted-set",
        .complexity = "O(K)+O(M*log(N)), K being the keys, M the members taken of N.",
        .categories = "sortedset", .key_specs = "RW/access/delete@1#",
        .syntax = "numkeys:integer key@0... where=MIN|MAX [COUNT count:integer]",
        .summary = "Takes members from an end of the first sorted set that has some.",
    },
    [COMMAND_ZMSCORE] = {
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(N), N being the members asked for.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .syntax = "key@0 member...",
        .summary = "Reads the scores of several members.",
    },
    [COMMAND_ZPOPMAX] = {
        .since = "5.0.0", .group = "sorted-set",
        .complexity = "O(M*log(N)), M being the members taken of N.",
        .categories = "sortedset", .key_specs = "RW/access/delete@1",
        .syntax = "key@0 [count:integer]",
        .summary = "Takes the members with the highest scores.",
    },
    [COMMAND_ZPOPMIN] = {
        .since = "5.0.0", .group = "sorted-set",
        .complexity = "O(M*log(N)), M being the members taken of N.",
        .categories = "sortedset", .key_specs = "RW/access/delete@1",
        .syntax = "key@0 [count:integer]",
        .summary = "Takes the members with the lowest scores.",
    },
    [COMMAND_ZRANDMEMBER] = {
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(N), N being the members of the sorted set; O(1) without a count.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .tips = "nondeterministic_output",
        .syntax = "key@0 [options=count:integer [withscores=WITHSCORES]]",
        .summary = "Picks members by chance.",
    },
    [COMMAND_ZRANGE] = {
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(log(N)+M), M being the members listed of N.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .syntax = "key@0 start stop [sortby=BYSCORE|BYLEX] [rev=REV] [LIMIT "
                  "(offset_count=offset:integer count:integer)] [withscores=WITHSCORES]",
        .summary = "Lists a range of members.",
    },
    [COMMAND_ZRANGEBYLEX] = {
        .since = "2.8.9", .group = "sorted-set",
        .complexity = "O(log(N)+M), M being the members listed of N.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0",
        .replaced_by = "`ZRANGE` with BYLEX",
        .syntax = "key@0 min max [LIMIT (offset_count=offset:integer count:integer)]",
        .summary = "Lists the members in a range of names.",
    },
    [COMMAND_ZRANGEBYSCORE] = {
        .since = "1.0.5", .group = "sorted-set",
        .complexity = "O(log(N)+M), M being the members listed of N.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0",
        .replaced_by = "`ZRANGE` with BYSCORE",
        .syntax = "key@0 min:double max:double [withscores=WITHSCORES] [LIMIT "
                  "(offset_count=offset:integer count:integer)]",
        .summary = "Lists the members in a range of scores.",
    },
    [COMMAND_ZRANGESTORE] = {
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(log(N)+M), M being the members stored of N.",
        .categories = "sortedset", .key_specs = "OW/update@1 RO/access@2",
        .syntax = "dst@0 src@1 min max [sortby=BYSCORE|BYLEX] [rev=REV] [LIMIT "
                  "(offset_count=offset:integer count:integer)]",
        .summary = "Stores a range of members in a key.",
    },
    [COMMAND_ZRANK] = {
        .since = "2.0.0", .group = "sorted-set", .complexity = "O(log(N)), N being the members.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .syntax = "key@0 member",
        .summary = "Tells a member's place, from the lowest score on.",
    },
    [COMMAND_ZREM] = {
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(M*log(N)), M being the members removed of N.",
        .categories = "sortedset", .key_specs = "RW/delete@1",
        .syntax = "key@0 member...",
        .summary = "Removes members, and the sorted set with its last one.",
    },
    [COMMAND_ZREMRANGEBYLEX] = {
        .since = "2.8.9", .group = "sorted-set",
        .complexity = "O(M*log(N)), M being the members removed of N.",
        .categories = "sortedset", .key_specs = "RW/delete@1",
        .syntax = "key@0 min max",
        .summary = "Removes the members in a range of names.",
    },
    [COMMAND_ZREMRANGEBYRANK] = {
        .since = "2.0.0", .group = "sorted-set",
        .complexity = "O(M*log(N)), M being the members removed of N.",
        .categories = "sortedset", .key_specs = "RW/delete@1",
        .syntax = "key@0 start:integer stop:integer",
        .summary = "Removes the members in a range of places.",
    },
    [COMMAND_ZREMRANGEBYSCORE] = {
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(M*log(N)), M being the members removed of N.",
        .categories = "sortedset", .key_specs = "RW/delete@1",
        .syntax = "key@0 min:double max:double",
        .summary = "Removes the members in a range of scores.",
    },
    [COMMAND_ZREVRANGE] = {
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(log(N)+M), M being the members listed of N.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0", .replaced_by = "`ZRANGE` with REV",
        .syntax = "key@0 start:integer stop:integer [withscores=WITHSCORES]",
        .summary = "Lists a range of members from the highest score on.",
    },
    [COMMAND_ZREVRANGEBYLEX] = {
        .since = "2.8.9", .group = "sorted-set",
        .complexity = "O(log(N)+M), M being the members listed of N.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0",
        .replaced_by = "`ZRANGE` with REV and BYLEX",
        .syntax = "key@0 max min [LIMIT (offset_count=offset:integer count:integer)]",
        .summary = "Lists the members in a range of names, backwards.",
    },
    [COMMAND_ZREVRANGEBYSCORE] = {
        .since = "2.2.0", .group = "sorted-set",
        .complexity = "O(log(N)+M), M being the members listed of N.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0",
        .replaced_by = "`ZRANGE` with REV and BYSCORE",
        .syntax = "key@0 max:double min:double [withscores=WITHSCORES] [LIMIT "
                  "(offset_count=offset:integer count:integer)]",
        .summary = "Lists the members in a range of scores, backwards.",
    },
    [COMMAND_ZREVRANK] = {
        .since = "2.0.0", .group = "sorted-set", .complexity = "O(log(N)), N being the members.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .syntax = "key@0 member",
        .summary = "Tells a member's place, from the highest score on.",
    },
    [COMMAND_ZSCAN] = {
        .since = "2.8.0", .group = "sorted-set",
        .complexity = "O(1) a call, O(N) for all of N members.",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .tips = "nondeterministic_output",
        .syntax = "key@0 cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
        .summary = "Lists members and scores a few at a time.",
    },
    [COMMAND_ZSCORE] = {
        .since = "1.2.0", .group = "sorted-set", .complexity = "O(1)",
        .categories = "sortedset", .key_specs = "RO/access@1",
        .syntax = "key@0 member",
        .summary = "Reads a member's score.",
    },
    [COMMAND_ZUNION] = {
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(N)+O(M*log(M)), N being the members of all, M those of the result.",
        .categories = "sortedset", .key_specs = "RO/access@1#",
        .syntax = "numkeys:integer key@0... [WEIGHTS weight:integer...] [aggregate=AGGREGATE "
                  "(SUM|MIN|MAX)] [withscores=WITHSCORES]",
        .summary = "Lists the members that any of the sorted sets has.",
    },
    [COMMAND_ZUNIONSTORE] = {
        .since = "2.0.0", .group = "sorted-set",
        .complexity = "O(N)+O(M*log(M)), N being the members of all, M those of the result.",
        .categories = "sortedset", .key_specs = "OW/update@1 RO/access@2#",
        .syntax = "destination@0 numkeys:integer key@1... [WEIGHTS weight:integer...] "
                  "[aggregate=AGGREGATE (SUM|MIN|MAX)]",
        .summary = "Stores the union of sorted sets in a key.",
    },
};
/* clang-format on */
