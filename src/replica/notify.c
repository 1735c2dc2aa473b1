/* notify.c -- from the tape to subscribers: see notify.h. */
#include "replica/notify.h"

#include "replica/replica_internal.h"

enum { TAPE_KEEP_BYTES = 64 * 1024 };

static uint64_t count_receivers(void *context, bool is_sharded, struct slice channel)
{
    const struct executor *executor = context;
    return pubsub_receivers(&executor->pubsub, is_sharded, channel);
}

/* ---- What the keyspace tells ---- */

static void on_keyspace_event(void *context, enum keyspace_event event, uint32_t database,
                              struct slice key)
{
    static const struct {
        uint32_t class;
        const char *name;
    } rows[] = {[KEYSPACE_EXPIRED] = {NOTIFY_EXPIRED, "expired"},
                [KEYSPACE_ADDED] = {NOTIFY_NEW, "new"},
                [KEYSPACE_MISSED] = {NOTIFY_KEY_MISS, "keymiss"}};
    struct executor *executor = context;
    command_events_put(&executor->events, rows[event].class, database,
                       slice_of_string(rows[event].name), key);
}

/* ---- Listening ---- */

struct command_events *notify_listen(struct executor *executor)
{
    struct command_events *events = &executor->events;
    events->wanted = 0;
    if (executor->blocked.clients_count > 0) {
        events->wanted |= NOTIFY_READY | NOTIFY_ALL_READY;
    }
    if (executor->pubsub.subscriptions_count > 0) {
        events->wanted |= NOTIFY_MESSAGE | NOTIFY_SHARD_MESSAGE | executor->notify_classes;
    }
    events->count_receivers = count_receivers;
    events->context = executor;
    bool is_keyspace_heard =
        (events->wanted & (NOTIFY_EXPIRED | NOTIFY_NEW | NOTIFY_KEY_MISS)) != 0;
    keyspace_set_listener(executor->replica->keyspace, is_keyspace_heard ? on_keyspace_event : NULL,
                          executor);
    return events->wanted == 0 ? NULL : events;
}

void notify_set_classes(struct executor *executor, uint32_t classes)
{
    bool is_any = (classes & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT)) != 0;
    executor->notify_flags = classes;
    executor->notify_classes = is_any ? classes & ~(NOTIFY_KEYSPACE | NOTIFY_KEYEVENT) : 0;
}

/* ---- Handing out ---- */

/* A name like __keyspace@0__:key, with its message. */
static void publish_event(struct executor *executor, const char *prefix,
                          const struct command_event *event)
{
    bool is_by_key = prefix[0] == 's';
    struct buf channel = {0};
    buf_append_format(&channel, "__key%s@%u__:", prefix, (unsigned)event->database);
    buf_append_slice(&channel, is_by_key ? event->key : event->name);
    pubsub_publish(executor, false, buf_slice(&channel), is_by_key ? event->name : event->key);
    buf_deinit(&channel);
}

void notify_hand_out(struct replica *replica)
{
    struct executor *executor = &replica->executor;
    struct command_events *events = &executor->events;
    struct bytes_reader tape = bytes_reader_of(buf_slice(&events->tape));
    struct command_event event;
    while (command_events_next(&tape, &event)) {
        if ((event.class & (NOTIFY_MESSAGE | NOTIFY_SHARD_MESSAGE)) != 0) {
            pubsub_publish(executor, event.class == NOTIFY_SHARD_MESSAGE, event.key, event.name);
        } else if ((event.class & executor->notify_classes) != 0) {
            if ((executor->notify_flags & NOTIFY_KEYSPACE) != 0) {
                publish_event(executor, "space", &event);
            }
            if ((executor->notify_flags & NOTIFY_KEYEVENT) != 0) {
                publish_event(executor, "event", &event);
            }
        }
    }
    buf_clear_and_shrink(&events->tape, TAPE_KEEP_BYTES);
}
