/* pubsub.h -- who listens to which channels on this node, and handing messages out to them.
 *
 * DESIGN. PUBLISH is a command in the log, so that the subscribers of all nodes see the messages of
 * all nodes in one order; each node hands a message out while it applies the entry, to its own
 * subscribers. So the answer of PUBLISH counts those of the node that took it. Subscriptions belong
 * to connections and are in no log; nothing is kept for those who come later.
 *
 * Keyspace notifications (notify-keyspace-events) are messages that each node makes itself, of the
 * events that applying gives on every node alike (command_events.h). Events and published messages
 * are gathered on one tape and handed out when the command, or the transaction, is done: so they
 * come in order, behind its reply on the connection that sent it, and never in the middle of one.
 */
#ifndef QUORUM_REPLICA_PUBSUB_H
#define QUORUM_REPLICA_PUBSUB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"

struct command;
struct executor;
struct session;

enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD, PUBSUB_KINDS };

/* A channel or pattern that somebody listens to. */
struct pubsub_topic {
    struct pubsub_topic *next; /* in its bucket */
    struct list link;          /* of all of the kind, oldest first */
    struct list subscriptions; /* oldest first */
    uint64_t hash;
    uint32_t subscriptions_count;
    struct slice name; /* in the same allocation */
};

struct pubsub_topics {
    struct pubsub_topic **buckets;
    uint32_t buckets_count; /* a power of two; 0: no memory yet */
    uint32_t count;
    struct list all;
};

struct pubsub {
    struct pubsub_topics kinds[PUBSUB_KINDS];
    uint64_t hash_seed;
    uint64_t subscriptions_count;
    uint64_t bytes; /* of topics and subscriptions */
};

/* What a session listens to. */
struct session_subscriptions {
    struct list lists[PUBSUB_KINDS]; /* oldest first */
    uint32_t counts[PUBSUB_KINDS];
};

/* Zeroed memory, then pubsub_init. All sessions are gone before pubsub_deinit. */
void pubsub_init(struct pubsub *pubsub, uint64_t hash_seed);
void pubsub_deinit(struct pubsub *pubsub);
void pubsub_session_init(struct session_subscriptions *subscriptions);

/* Channels and patterns, or shard channels, as the confirmations of a kind count them. */
uint32_t pubsub_count(const struct session *session, enum pubsub_kind kind);

/* Whether the session listens to anything. */
bool pubsub_listens(const struct session *session);

/* Whether a session may have one more subscription to such a name: LIMIT_PUBSUB_BYTES. */
bool pubsub_has_room(const struct pubsub *pubsub, struct slice name);

/* No effect if it is so already. */
void pubsub_subscribe(struct session *session, enum pubsub_kind kind, struct slice name);
void pubsub_unsubscribe(struct session *session, enum pubsub_kind kind, struct slice name);

/* The name of the session's oldest subscription of a kind; false: there is none. Borrowed until it
 * ends. */
bool pubsub_first(const struct session *session, enum pubsub_kind kind, struct slice *name);

/* Whether a connection may not send a command because it is subscribed, in RESP2; error: why, in at
 * most PUBSUB_REFUSAL_BYTES. */
enum { PUBSUB_REFUSAL_BYTES = 160 };
bool pubsub_refuses(const struct session *session, const struct command *command, char *error);

/* Ends all subscriptions of a session. */
void pubsub_leave(struct session *session);

/* Sessions subscribed to a channel or shard channel; NULL is none. */
const struct pubsub_topic *pubsub_find(const struct pubsub *pubsub, enum pubsub_kind kind,
                                       struct slice name);

/* How many times a message to a channel would be received on this node. */
uint64_t pubsub_receivers(const struct pubsub *pubsub, bool is_sharded, struct slice channel);

/* Hands a message out. */
void pubsub_publish(struct executor *executor, bool is_sharded, struct slice channel,
                    struct slice message);

#endif
