/* limits.h -- every bound of the house in one place, with what happens when it is reached.
 *
 * Bounds that an operator may change are options (conf/quorum.conf); these are the hard ones.
 */
#ifndef QUORUM_BASE_LIMITS_H
#define QUORUM_BASE_LIMITS_H

/* Members of a cluster, voters and learners together: adding one more is refused. */
#define LIMIT_MEMBERS 16
/* Bytes of a node's name and of an address, with NUL: longer ones are refused by configuration. */
#define LIMIT_NODE_NAME_BYTES 64
#define LIMIT_ADDRESS_BYTES 264

/* Requests to change the membership under way: of one node's clients, and in a leader's log. One
 * more is answered CHANGING; only one change at a time can be uncommitted anyway. */
#define LIMIT_CHANGES_PENDING 16

/* Databases that SELECT knows, as redis.conf's default. */
#define LIMIT_DATABASES 16

/* Arguments of one command and bytes of an inline command: more is a protocol error, as in Redis.
 */
#define LIMIT_COMMAND_ARGUMENTS (1024 * 1024)
#define LIMIT_INLINE_BYTES (64 * 1024)
/* What a client may send before AUTH, as in Redis 6.2.6: more is a protocol error. */
#define LIMIT_UNAUTHENTICATED_ARGUMENTS 10
#define LIMIT_UNAUTHENTICATED_BULK_BYTES (16 * 1024)
/* What SRANDMEMBER and the like pick with repetition, for a negative count, which can be any
 * number: more is an error, as is a reply of more bytes than LIMIT_BULK_BYTES. */
#define LIMIT_RANDOM_PICKS (1024 * 1024)
/* Hard ceiling of proto-max-bulk-len; a value, an entry and a frame must hold one. */
#define LIMIT_BULK_BYTES (512u * 1024 * 1024)

/* A turn's entry is cut here; one larger command is an entry of its own. */
#define LIMIT_ENTRY_BYTES_SOFT (1024u * 1024)
/* Largest entry payload: one command of the largest size with room for its keys. */
#define LIMIT_ENTRY_BYTES (LIMIT_BULK_BYTES + 64u * 1024 * 1024)
/* Entries and bytes of one AppendEntries message: the rest goes in the next one. */
#define LIMIT_APPEND_ENTRIES 1024
#define LIMIT_APPEND_BYTES (1024u * 1024)
/* Append messages in flight to one follower: further entries wait for an acknowledgement. */
#define LIMIT_APPENDS_IN_FLIGHT 64
/* Bytes a leader appends without having committed them: further proposals are answered busy. */
#define LIMIT_UNCOMMITTED_BYTES (256u * 1024 * 1024)
/* Read rounds awaiting their answer on one node, its own and followers': further ones are answered
 * "not confirmed" at once, and asked again. */
#define LIMIT_READS_PENDING 65536
/* Messages that wait for a hard state, one a type and receiver: the oldest is dropped, as the
 * network might. */
#define LIMIT_MESSAGES_HELD 64

/* Batches an origin has sent and not seen applied: further writes gather unsent. */
#define LIMIT_BATCHES_IN_FLIGHT 64
/* Bytes of writes gathered and unanswered on one node: clients are not read until it falls. */
#define LIMIT_UNANSWERED_BYTES (256u * 1024 * 1024)
/* Bytes of the arguments of clients that wait in BLPOP and the like, on one node: one more is
 * refused.
 */
#define LIMIT_BLOCKED_BYTES (256u * 1024 * 1024)
/* Bytes of what clients of one node are subscribed to: a further subscription is refused. */
#define LIMIT_PUBSUB_BYTES (256u * 1024 * 1024)
/* Requests of one client that await an answer: it is not read until the number falls. */
#define LIMIT_SESSION_REQUESTS 16384

#endif
