/* command_events.h -- what a handler tells beside its reply: keyspace notifications, and keys that
 * blocked clients may be waiting for.
 *
 * Every node gets the same events in the same order while it applies an entry; who listens is each
 * node's own matter (https://redis.io/docs/manual/keyspace-notifications/). Handlers call these
 * after the change, in the order in which Redis 7.0 does.
 */
#ifndef QUORUM_COMMAND_COMMAND_EVENTS_H
#define QUORUM_COMMAND_COMMAND_EVENTS_H

#include "base/buf.h"
#include "base/bytes.h"
#include "command/command.h"

/* Classes, one bit each, by the letters of notify-keyspace-events. */
#define NOTIFY_KEYSPACE (1u << 0)  /* K */
#define NOTIFY_KEYEVENT (1u << 1)  /* E */
#define NOTIFY_GENERIC (1u << 2)   /* g */
#define NOTIFY_STRING (1u << 3)    /* $ */
#define NOTIFY_LIST (1u << 4)      /* l */
#define NOTIFY_SET (1u << 5)       /* s */
#define NOTIFY_HASH (1u << 6)      /* h */
#define NOTIFY_ZSET (1u << 7)      /* z */
#define NOTIFY_EXPIRED (1u << 8)   /* x */
#define NOTIFY_EVICTED (1u << 9)   /* e */
#define NOTIFY_STREAM (1u << 10)   /* t */
#define NOTIFY_KEY_MISS (1u << 11) /* m */
#define NOTIFY_MODULE (1u << 12)   /* d */
#define NOTIFY_NEW (1u << 13)      /* n */
/* Not a class of Redis's: a list or sorted set came to be or grew. */
#define NOTIFY_READY (1u << 30)
/* Nor is this: all keys of a database may be other ones now. */
#define NOTIFY_ALL_READY (1u << 31)
/* Nor are these: messages of PUBLISH and SPUBLISH. */
#define NOTIFY_MESSAGE (1u << 28)
#define NOTIFY_SHARD_MESSAGE (1u << 29)
/* What A stands for. */
#define NOTIFY_ALL                                                                                 \
    (NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_LIST | NOTIFY_SET | NOTIFY_HASH | NOTIFY_ZSET |       \
     NOTIFY_EXPIRED | NOTIFY_EVICTED | NOTIFY_STREAM | NOTIFY_MODULE)

/* Reads the letters of notify-keyspace-events; false, with *out untouched, for another one. */
bool notify_classes_parse(struct slice letters, uint32_t *out);

/* Appends the letters of classes as CONFIG GET shows them. */
void notify_classes_format(uint32_t classes, struct buf *out);

/* What is gathered. Zeroed memory is empty. */
struct command_events {
    uint32_t wanted; /* classes that anybody on this node listens to; the others cost nothing */
    struct buf tape;
    /* How many on this node would get a message to a channel. */
    uint64_t (*count_receivers)(void *context, bool is_sharded, struct slice channel);
    void *context;
};

struct command_event {
    uint32_t class;
    uint32_t database;
    struct slice name; /* "lpush"; the message; empty for NOTIFY_READY, NOTIFY_ALL_READY */
    struct slice key;  /* or the channel */
};

/* Tells of an event at a key of the context's database, or of another one. */
void command_notify(struct command_context *context, uint32_t class, const char *name,
                    struct slice key);
void command_notify_in(struct command_context *context, uint32_t class, const char *name,
                       uint32_t database, struct slice key);

/* Tells that what is at key may be a list or sorted set that has new elements, in the context's
 * database or in another one. */
void command_signal_ready(struct command_context *context, struct slice key);
void command_signal_ready_in(struct command_context *context, uint32_t database, struct slice key);

/* Puts an event of a wanted class on the tape. */
void command_events_put(struct command_events *events, uint32_t class, uint32_t database,
                        struct slice name, struct slice key);

/* Takes the first event off the tape, borrowed until the tape changes; false when it is empty. */
bool command_events_next(struct bytes_reader *tape, struct command_event *out);

void command_events_deinit(struct command_events *events);

#endif
