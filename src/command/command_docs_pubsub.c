/* command_docs_pubsub.c -- documentation of the commands about messages: see command_docs.h. */
#include "command/command_docs.h"

/* clang-format off */
const struct command_docs command_docs_pubsub[COMMAND_ID_COUNT] = {
    [COMMAND_PSUBSCRIBE] = {
        .since = "2.0.0", .group = "pubsub",
        .complexity = "O(N), N being the patterns the client has.",
        .categories = "pubsub",
        .syntax = "(pattern=pattern:pattern)...",
        .summary = "Listens to channels whose names match patterns.",
    },
    [COMMAND_PUBLISH] = {
        .since = "2.0.0", .group = "pubsub",
        .complexity = "O(N+M), N being the channel's listeners on this node, M all patterns there.",
        .categories = "pubsub",
        .syntax = "channel message",
        .summary = "Sends a message to the listeners of a channel on all nodes; counts this one's.",
    },
    [COMMAND_PUBSUB] = {
        .since = "2.8.0", .group = "pubsub", .complexity = "Depends on subcommand.",
        .summary = "A container for commands that tell about channels.",
    },
    [COMMAND_PUBSUB_CHANNELS] = {
        .since = "2.8.0", .group = "pubsub", .complexity = "O(N), N being the channels.",
        .categories = "pubsub",
        .syntax = "[pattern:pattern]",
        .summary = "Lists the channels that somebody listens to on this node.",
    },
    [COMMAND_PUBSUB_HELP] = {
        .since = "6.2.0", .group = "pubsub", .complexity = "O(1)",
        .summary = "Shows what PUBSUB can do.",
    },
    [COMMAND_PUBSUB_NUMPAT] = {
        .since = "2.8.0", .group = "pubsub", .complexity = "O(1)",
        .categories = "pubsub",
        .summary = "Counts the patterns that somebody listens to on this node.",
    },
    [COMMAND_PUBSUB_NUMSUB] = {
        .since = "2.8.0", .group = "pubsub", .complexity = "O(N), N being the channels asked for.",
        .categories = "pubsub",
        .syntax = "[channel]...",
        .summary = "Counts the listeners of channels on this node.",
    },
    [COMMAND_PUBSUB_SHARDCHANNELS] = {
        .since = "7.0.0", .group = "pubsub", .complexity = "O(N), N being the shard channels.",
        .categories = "pubsub",
        .syntax = "[pattern:pattern]",
        .summary = "Lists the shard channels that somebody listens to on this node.",
    },
    [COMMAND_PUBSUB_SHARDNUMSUB] = {
        .since = "7.0.0", .group = "pubsub", .complexity = "O(N), N being the channels asked for.",
        .categories = "pubsub",
        .syntax = "[shardchannel]...",
        .summary = "Counts the listeners of shard channels on this node.",
    },
    [COMMAND_PUNSUBSCRIBE] = {
        .since = "2.0.0", .group = "pubsub",
        .complexity = "O(N), N being the patterns the client has.",
        .categories = "pubsub",
        .syntax = "[pattern:pattern]...",
        .summary = "Ends listening by patterns, or by all of them.",
    },
    [COMMAND_SPUBLISH] = {
        .since = "7.0.0", .group = "pubsub",
        .complexity = "O(N), N being the channel's listeners on this node.",
        .categories = "pubsub", .key_specs = "not_key@1",
        .syntax = "shardchannel message",
        .summary = "Sends a message to those who listen to a shard channel on any node.",
    },
    [COMMAND_SSUBSCRIBE] = {
        .since = "7.0.0", .group = "pubsub", .complexity = "O(N), N being the channels named.",
        .categories = "pubsub", .key_specs = "not_key@1:-1",
        .syntax = "shardchannel...",
        .summary = "Listens to shard channels.",
    },
    [COMMAND_SUBSCRIBE] = {
        .since = "2.0.0", .group = "pubsub", .complexity = "O(N), N being the channels named.",
        .categories = "pubsub",
        .syntax = "channel...",
        .summary = "Listens to channels.",
    },
    [COMMAND_SUNSUBSCRIBE] = {
        .since = "7.0.0", .group = "pubsub",
        .complexity = "O(N), N being the channels the client has.",
        .categories = "pubsub", .key_specs = "not_key@1:-1",
        .syntax = "[shardchannel]...",
        .summary = "Ends listening to shard channels, or to all of them.",
    },
    [COMMAND_UNSUBSCRIBE] = {
        .since = "2.0.0", .group = "pubsub",
        .complexity = "O(N), N being the channels the client has.",
        .categories = "pubsub",
        .syntax = "[channel]...",
        .summary = "Ends listening to channels, or to all of them.",
    },
};
/* clang-format on */
