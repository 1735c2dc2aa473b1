/* command_docs_node.c -- documentation of the commands about connections and the node, as data: see
 * command_docs.h. */
#include "command/command_docs.h"

/* clang-format off */
const struct command_docs command_docs_node[COMMAND_ID_COUNT] = {
    [COMMAND_AUTH] = {
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .syntax = "[username] password",
        .summary = "Logs the connection in.",
    },
    [COMMAND_BGSAVE] = {
        .since = "1.0.0", .group = "server",
        .complexity = "O(1); the snapshot is written little by little, what changed alone.",
        .syntax = "[SCHEDULE]",
        .summary = "Starts to write a snapshot of the state to disk.",
    },
    [COMMAND_CLIENT] = {
        .since = "2.4.0", .group = "connection", .complexity = "Depends on the subcommand.",
        .summary = "Looks at connections and changes them.",
    },
    [COMMAND_CLIENT_GETNAME] = {
        .since = "2.6.9", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .summary = "Tells the name of this connection.",
    },
    [COMMAND_CLIENT_HELP] = {
        .since = "5.0.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .summary = "Lists the subcommands.",
    },
    [COMMAND_CLIENT_ID] = {
        .since = "5.0.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .summary = "Tells the number of this connection.",
    },
    [COMMAND_CLIENT_INFO] = {
        .since = "6.2.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .tips = "nondeterministic_output",
        .summary = "Describes this connection in one line.",
    },
    [COMMAND_CLIENT_KILL] = {
        .since = "2.4.0", .group = "connection",
        .complexity = "O(N), N being the open connections.",
        .categories = "connection",
        .syntax = "(filter=old-ip-port|(new-format=[ID client-id:integer] [type=TYPE (NORMAL|"
                  "MASTER|SLAVE|REPLICA|PUBSUB)] [USER username] [ADDR ip-port] [LADDR ip-port] "
                  "[SKIPME yes-no])...)",
        .summary = "Closes the connections that match.",
    },
    [COMMAND_CLIENT_LIST] = {
        .since = "2.4.0", .group = "connection",
        .complexity = "O(N), N being the open connections.",
        .categories = "connection",
        .tips = "nondeterministic_output",
        .syntax = "[type=TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [id=ID client-id:integer...]",
        .summary = "Describes the open connections, a line each.",
    },
    [COMMAND_CLIENT_NO_EVICT] = {
        .since = "7.0.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .syntax = "(enabled=ON|OFF)",
        .summary = "Protects this connection from being closed to win memory.",
    },
    [COMMAND_CLIENT_PAUSE] = {
        .since = "2.9.50", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .syntax = "timeout:integer [mode=WRITE|ALL]",
        .summary = "Holds commands back for a time.",
    },
    [COMMAND_CLIENT_REPLY] = {
        .since = "3.2.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .syntax = "(on_off_skip=ON|OFF|SKIP)",
        .summary = "Turns replies off and on.",
    },
    [COMMAND_CLIENT_SETINFO] = {
        .since = "7.2.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .tips = "request_policy:all_nodes,response_policy:all_succeeded",
        .syntax = "(attr=LIB-NAME libname|LIB-VER libver)",
        .summary = "Notes the library and version that the client uses.",
    },
    [COMMAND_CLIENT_SETNAME] = {
        .since = "2.6.9", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .syntax = "connection-name",
        .summary = "Names this connection.",
    },
    [COMMAND_CLIENT_UNBLOCK] = {
        .since = "5.0.0", .group = "connection",
        .complexity = "O(N), N being the connections.",
        .categories = "connection",
        .syntax = "client-id:integer [timeout-error=TIMEOUT|ERROR]",
        .summary = "Ends the wait of another connection of this node.",
    },
    [COMMAND_CLIENT_UNPAUSE] = {
        .since = "6.2.0", .group = "connection",
        .complexity = "O(N), N being the paused connections.",
        .categories = "connection",
        .summary = "Ends a pause early.",
    },
    [COMMAND_COMMAND] = {
        .since = "2.8.13", .group = "server", .complexity = "O(N), N being all commands.",
        .categories = "connection",
        .tips = "nondeterministic_output_order",
        .summary = "Describes all commands for programs.",
    },
    [COMMAND_COMMAND_COUNT] = {
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .categories = "connection",
        .summary = "Counts the commands.",
    },
    [COMMAND_COMMAND_DOCS] = {
        .since = "7.0.0", .group = "server", .complexity = "O(N), N being the commands asked for.",
        .categories = "connection",
        .tips = "nondeterministic_output_order",
        .syntax = "[command-name]...",
        .summary = "Documents commands: summary, arguments and so on.",
    },
    [COMMAND_COMMAND_GETKEYS] = {
        .since = "2.8.13", .group = "server", .complexity = "O(N), N being the arguments.",
        .categories = "connection",
        .syntax = "command [arg]...",
        .summary = "Picks the keys out of a whole command.",
    },
    [COMMAND_COMMAND_GETKEYSANDFLAGS] = {
        .since = "7.0.0", .group = "server", .complexity = "O(N), N being the arguments.",
        .categories = "connection",
        .syntax = "command [arg]...",
        .summary = "Picks the keys out of a whole command, and tells what it does with each.",
    },
    [COMMAND_COMMAND_HELP] = {
        .since = "5.0.0", .group = "server", .complexity = "O(1)",
        .categories = "connection",
        .summary = "Lists the subcommands.",
    },
    [COMMAND_COMMAND_INFO] = {
        .since = "2.8.13", .group = "server", .complexity = "O(N), N being the commands asked for.",
        .categories = "connection",
        .tips = "nondeterministic_output_order",
        .syntax = "[command-name]...",
        .summary = "Describes some or all commands for programs.",
    },
    [COMMAND_COMMAND_LIST] = {
        .since = "7.0.0", .group = "server", .complexity = "O(N), N being all commands.",
        .categories = "connection",
        .tips = "nondeterministic_output_order",
        .syntax = "[filterby=FILTERBY (MODULE module-name|ACLCAT category|"
                  "PATTERN pattern:pattern)]",
        .summary = "Lists the names of commands.",
    },
    [COMMAND_CONFIG] = {
        .since = "2.0.0", .group = "server", .complexity = "Depends on the subcommand.",
        .summary = "Reads and changes the configuration of this node.",
    },
    [COMMAND_CONFIG_GET] = {
        .since = "2.0.0", .group = "server", .complexity = "O(N), N being the patterns given.",
        .syntax = "parameter...",
        .summary = "Shows the parameters whose names match.",
    },
    [COMMAND_CONFIG_HELP] = {
        .since = "5.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    [COMMAND_CONFIG_RESETSTAT] = {
        .since = "2.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Sets the counters of INFO back to zero.",
    },
    [COMMAND_CONFIG_SET] = {
        .since = "2.0.0", .group = "server", .complexity = "O(N), N being the parameters given.",
        .tips = "request_policy:all_nodes,response_policy:all_succeeded",
        .syntax = "(parameter_value=parameter value)...",
        .summary = "Changes parameters of this node while it runs.",
    },
    [COMMAND_DBSIZE] = {
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .categories = "keyspace",
        .tips = "request_policy:all_shards,response_policy:agg_sum",
        .summary = "Counts the keys of the database.",
    },
    [COMMAND_DEBUG] = {
        .since = "1.0.0", .group = "server", .complexity = "Depends on the subcommand.",
        .summary = "Tools for tests of the server.",
        .doc_flags = "syscmd",
    },
    [COMMAND_ECHO] = {
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .syntax = "message",
        .summary = "Sends the message back.",
    },
    [COMMAND_FLUSHALL] = {
        .since = "1.0.0", .group = "server",
        .complexity = "O(1); the memory is freed little by little.",
        .categories = "keyspace,dangerous",
        .tips = "request_policy:all_shards,response_policy:all_succeeded",
        .syntax = "[async=ASYNC|SYNC]",
        .summary = "Empties all databases.",
    },
    [COMMAND_FLUSHDB] = {
        .since = "1.0.0", .group = "server",
        .complexity = "O(1); the memory is freed little by little.",
        .categories = "keyspace,dangerous",
        .tips = "request_policy:all_shards,response_policy:all_succeeded",
        .syntax = "[async=ASYNC|SYNC]",
        .summary = "Empties the database.",
    },
    [COMMAND_FUNCTION] = {
        .since = "7.0.0", .group = "scripting", .complexity = "Depends on the subcommand.",
        .summary = "Tells of libraries of functions.",
    },
    [COMMAND_FUNCTION_FLUSH] = {
        .since = "7.0.0", .group = "scripting", .complexity = "O(1): none can be loaded.",
        .categories = "scripting",
        .tips = "request_policy:all_shards,response_policy:all_succeeded",
        .syntax = "[flush_type=ASYNC|SYNC]",
        .summary = "Deletes all libraries.",
    },
    [COMMAND_FUNCTION_HELP] = {
        .since = "7.0.0", .group = "scripting", .complexity = "O(1)",
        .categories = "scripting",
        .summary = "Tells what the subcommands are.",
    },
    [COMMAND_FUNCTION_LIST] = {
        .since = "7.0.0", .group = "scripting", .complexity = "O(1): none can be loaded.",
        .categories = "scripting",
        .tips = "nondeterministic_output_order",
        .syntax = "[LIBRARYNAME library-name-pattern] [WITHCODE]",
        .summary = "Lists the libraries.",
    },
    [COMMAND_HELLO] = {
        .since = "6.0.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .syntax = "[arguments=protover:integer [credentials=AUTH username password] [SETNAME "
                  "clientname]]",
        .summary = "Agrees on the protocol, and may log in and name the connection.",
    },
    [COMMAND_INFO] = {
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .categories = "dangerous",
        .tips = "nondeterministic_output,request_policy:all_shards,response_policy:special",
        .syntax = "[section]...",
        .summary = "Describes the node: figures by section.",
    },
    [COMMAND_LASTSAVE] = {
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .categories = "admin,dangerous",
        .tips = "nondeterministic_output",
        .summary = "Tells when the last snapshot was finished, in Unix seconds.",
    },
    [COMMAND_MEMORY] = {
        .since = "4.0.0", .group = "server", .complexity = "Depends on the subcommand.",
        .summary = "Tells what takes memory.",
    },
    [COMMAND_MEMORY_HELP] = {
        .since = "4.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Tells what the subcommands are.",
    },
    [COMMAND_MEMORY_USAGE] = {
        .since = "4.0.0", .group = "server", .complexity = "O(1)",
        .key_specs = "RO@2",
        .syntax = "key@0 [SAMPLES count:integer]",
        .summary = "Estimates the memory that a key and its value take.",
    },
    [COMMAND_MONITOR] = {
        .since = "1.0.0", .group = "server",
        .complexity = "O(N) for each command that is shown, N being its bytes.",
        .categories = "admin,dangerous",
        .summary = "Shows every command that this node executes for its clients from now on.",
    },
    [COMMAND_PING] = {
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .tips = "request_policy:all_shards,response_policy:all_succeeded",
        .syntax = "[message]",
        .summary = "Answers PONG, or the message.",
    },
    [COMMAND_QUIT] = {
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .summary = "Answers OK and closes the connection.",
    },
    [COMMAND_QUORUM] = {
        .since = "7.0.15", .group = "cluster", .complexity = "Depends on the subcommand.",
        .summary = "Looks at the cluster and changes it (Quorum's own).",
    },
    [COMMAND_QUORUM_ADD] = {
        .since = "7.0.15", .group = "cluster", .complexity = "O(1)",
        .tips = "nondeterministic_output",
        .syntax = "id raft-address [http-address=HTTP address] [redis-address=REDIS address] "
                  "[LEARNER] [FORCE]",
        .summary = "Adds a member, which becomes a voter once it has caught up.",
    },
    [COMMAND_QUORUM_ADDRESSES] = {
        .since = "7.0.15", .group = "cluster", .complexity = "O(1)",
        .tips = "nondeterministic_output",
        .syntax = "id [raft-address=RAFT address] [http-address=HTTP address] "
                  "[redis-address=REDIS address] [FORCE]",
        .summary = "Changes where a member is reached.",
    },
    [COMMAND_QUORUM_BACKUP] = {
        .since = "7.0.15", .group = "cluster",
        .complexity = "BEGIN: O(N), N being what changed since the last snapshot. READ: O(N), N "
                      "being the bytes read.",
        .tips = "nondeterministic_output",
        .syntax = "(step=BEGIN|(read=READ offset:integer count:integer)|END)",
        .summary = "Copies the state of this node as a file, piece by piece.",
    },
    [COMMAND_QUORUM_HELP] = {
        .since = "7.0.15", .group = "cluster", .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    [COMMAND_QUORUM_MEMBERS] = {
        .since = "7.0.15", .group = "cluster", .complexity = "O(N), N being the members.",
        .tips = "nondeterministic_output",
        .summary = "Lists the members and how far each has got.",
    },
    [COMMAND_QUORUM_PROMOTE] = {
        .since = "7.0.15", .group = "cluster", .complexity = "O(1)",
        .tips = "nondeterministic_output",
        .syntax = "id [FORCE]",
        .summary = "Makes a learner a voter.",
    },
    [COMMAND_QUORUM_REMOVE] = {
        .since = "7.0.15", .group = "cluster", .complexity = "O(1)",
        .tips = "nondeterministic_output",
        .syntax = "id [FORCE]",
        .summary = "Removes a member.",
    },
    [COMMAND_QUORUM_TRANSFER] = {
        .since = "7.0.15", .group = "cluster", .complexity = "O(1)",
        .syntax = "[id]",
        .summary = "Hands leadership to a member, or to the best one.",
    },
    [COMMAND_READONLY] = {
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .categories = "connection",
        .summary = "Lets this connection read what this node has, which may be old.",
    },
    [COMMAND_READWRITE] = {
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .categories = "connection",
        .summary = "Ends READONLY: reads are linearizable again.",
    },
    [COMMAND_RESET] = {
        .since = "6.2.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .summary = "Puts the connection back as it was when it opened.",
    },
    [COMMAND_ROLE] = {
        .since = "2.8.12", .group = "server", .complexity = "O(1)",
        .categories = "admin,dangerous",
        .summary = "Tells the node's role and its place in the log.",
    },
    [COMMAND_SAVE] = {
        .since = "1.0.0", .group = "server",
        .complexity = "O(N), N being what changed since the last snapshot.",
        .summary = "Writes a snapshot of the state to disk, and answers when it is there.",
    },
    [COMMAND_SELECT] = {
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .categories = "connection",
        .syntax = "index:integer",
        .summary = "Picks the database that this connection works on.",
    },
    [COMMAND_SHUTDOWN] = {
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .syntax = "[nosave_save=NOSAVE|SAVE] [NOW] [FORCE] [ABORT]",
        .summary = "Stops this node.",
    },
    [COMMAND_SWAPDB] = {
        .since = "4.0.0", .group = "server", .complexity = "O(1)",
        .categories = "keyspace,dangerous",
        .syntax = "index1:integer index2:integer",
        .summary = "Exchanges the contents of two databases.",
    },
    [COMMAND_LATENCY] = {
        .since = "2.8.13", .group = "server", .complexity = "Depends on subcommand.",
        .summary = "A container for commands about what took long.",
    },
    [COMMAND_LATENCY_DOCTOR] = {
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .categories = "",
        .tips = "nondeterministic_output,request_policy:all_nodes,response_policy:special",
        .summary = "Says in words what took long on this node.",
    },
    [COMMAND_LATENCY_GRAPH] = {
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .categories = "",
        .tips = "nondeterministic_output,request_policy:all_nodes,response_policy:special",
        .syntax = "event",
        .summary = "Draws the samples of an event.",
    },
    [COMMAND_LATENCY_HELP] = {
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .summary = "Shows what LATENCY can do.",
    },
    [COMMAND_LATENCY_HISTOGRAM] = {
        .since = "7.0.0", .group = "server", .complexity = "O(N), N being the commands asked for.",
        .categories = "",
        .tips = "nondeterministic_output,request_policy:all_nodes,response_policy:special",
        .syntax = "[command]...",
        .summary = "Returns how the times of commands are distributed.",
    },
    [COMMAND_LATENCY_HISTORY] = {
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .categories = "",
        .tips = "nondeterministic_output,request_policy:all_nodes,response_policy:special",
        .syntax = "event",
        .summary = "Returns the samples of an event.",
    },
    [COMMAND_LATENCY_LATEST] = {
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .categories = "",
        .tips = "nondeterministic_output,request_policy:all_nodes,response_policy:special",
        .summary = "Returns the last sample of every event, and the longest.",
    },
    [COMMAND_LATENCY_RESET] = {
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .categories = "",
        .tips = "request_policy:all_nodes,response_policy:agg_sum",
        .syntax = "[event]...",
        .summary = "Forgets the samples of events.",
    },
    [COMMAND_SLOWLOG] = {
        .since = "2.2.12", .group = "server", .complexity = "Depends on subcommand.",
        .summary = "A container for commands about slow commands.",
    },
    [COMMAND_SLOWLOG_GET] = {
        .since = "2.2.12", .group = "server", .complexity = "O(N), N being the entries returned.",
        .categories = "", .tips = "request_policy:all_nodes,nondeterministic_output",
        .syntax = "[count:integer]",
        .summary = "Returns the newest entries of this node's log of slow commands.",
    },
    [COMMAND_SLOWLOG_HELP] = {
        .since = "6.2.0", .group = "server", .complexity = "O(1)",
        .summary = "Shows what SLOWLOG can do.",
    },
    [COMMAND_SLOWLOG_LEN] = {
        .since = "2.2.12", .group = "server", .complexity = "O(1)",
        .categories = "",
        .tips = "request_policy:all_nodes,response_policy:agg_sum,nondeterministic_output",
        .summary = "Counts the entries of this node's log of slow commands.",
    },
    [COMMAND_SLOWLOG_RESET] = {
        .since = "2.2.12", .group = "server", .complexity = "O(N), N being the entries.",
        .categories = "", .tips = "request_policy:all_nodes,response_policy:all_succeeded",
        .summary = "Empties this node's log of slow commands.",
    },
    [COMMAND_TIME] = {
        .since = "2.6.0", .group = "server", .complexity = "O(1)",
        .tips = "nondeterministic_output",
        .summary = "Tells the time of this node.",
    },
};
/* clang-format on */
