/* pubsub.c -- subscriptions and handing out: see pubsub.h. */
#include "replica/pubsub.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/glob.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "replica/replica_internal.h"

enum { BUCKETS_MIN = 64 };

struct subscription {
    struct list topic_link;
    struct list session_link;
    struct session *session;
    struct pubsub_topic *topic;
};

void pubsub_init(struct pubsub *pubsub, uint64_t hash_seed)
{
    pubsub->hash_seed = hash_seed;
    for (uint32_t kind = 0; kind < PUBSUB_KINDS; kind++) {
        list_init(&pubsub->kinds[kind].all);
    }
}

void pubsub_deinit(struct pubsub *pubsub)
{
    ASSERT(pubsub->subscriptions_count == 0);
    for (uint32_t kind = 0; kind < PUBSUB_KINDS; kind++) {
        mem_free((void *)pubsub->kinds[kind].buckets);
    }
}

void pubsub_session_init(struct session_subscriptions *subscriptions)
{
    for (uint32_t kind = 0; kind < PUBSUB_KINDS; kind++) {
        list_init(&subscriptions->lists[kind]);
    }
}

/* ---- Topics ---- */

static struct pubsub_topic **bucket_of(const struct pubsub_topics *topics, uint64_t hash)
{
    return &topics->buckets[hash & (topics->buckets_count - 1)];
}

static struct pubsub_topic *find(const struct pubsub_topics *topics, uint64_t hash,
                                 struct slice name)
{
    struct pubsub_topic *topic = topics->count == 0 ? NULL : *bucket_of(topics, hash);
    while (topic != NULL && (topic->hash != hash || !slice_equals(topic->name, name))) {
        topic = topic->next;
    }
    return topic;
}

static void grow(struct pubsub_topics *topics)
{
    uint32_t count = topics->buckets_count == 0 ? BUCKETS_MIN : topics->buckets_count * 2;
    mem_free((void *)topics->buckets);
    topics->buckets_count = count;
    topics->buckets = mem_alloc_zeroed(count, sizeof(struct pubsub_topic *));
    for (struct list *link = topics->all.next; link != &topics->all; link = link->next) {
        struct pubsub_topic *topic = LIST_MEMBER(link, struct pubsub_topic, link);
        struct pubsub_topic **bucket = bucket_of(topics, topic->hash);
        topic->next = *bucket;
        *bucket = topic;
    }
}

static struct pubsub_topic *find_or_add(struct pubsub *pubsub, enum pubsub_kind kind,
                                        struct slice name)
{
    struct pubsub_topics *topics = &pubsub->kinds[kind];
    uint64_t hash = hash_bytes(pubsub->hash_seed, name);
    struct pubsub_topic *topic = find(topics, hash, name);
    if (topic != NULL) {
        return topic;
    }
    if (topics->count == topics->buckets_count) {
        grow(topics);
    }
    topic = mem_alloc_zeroed(1, sizeof(*topic) + name.size);
    topic->hash = hash;
    topic->name = slice_of(topic + 1, name.size);
    if (name.size > 0) {
        memcpy(topic + 1, name.bytes, name.size);
    }
    list_init(&topic->subscriptions);
    list_push_back(&topics->all, &topic->link);
    struct pubsub_topic **bucket = bucket_of(topics, hash);
    topic->next = *bucket;
    *bucket = topic;
    topics->count++;
    pubsub->bytes += sizeof(*topic) + name.size;
    return topic;
}

static void remove_topic(struct pubsub *pubsub, enum pubsub_kind kind, struct pubsub_topic *topic)
{
    struct pubsub_topics *topics = &pubsub->kinds[kind];
    struct pubsub_topic **at = bucket_of(topics, topic->hash);
    while (*at != topic) {
        at = &(*at)->next;
    }
    *at = topic->next;
    list_remove(&topic->link);
    topics->count--;
    pubsub->bytes -= sizeof(*topic) + topic->name.size;
    mem_free(topic);
}

const struct pubsub_topic *pubsub_find(const struct pubsub *pubsub, enum pubsub_kind kind,
                                       struct slice name)
{
    return find(&pubsub->kinds[kind], hash_bytes(pubsub->hash_seed, name), name);
}

/* ---- Subscriptions ---- */

uint32_t pubsub_count(const struct session *session, enum pubsub_kind kind)
{
    const uint32_t *counts = session->subscriptions.counts;
    return kind == PUBSUB_SHARD ? counts[PUBSUB_SHARD]
                                : counts[PUBSUB_CHANNEL] + counts[PUBSUB_PATTERN];
}

bool pubsub_listens(const struct session *session)
{
    return pubsub_count(session, PUBSUB_CHANNEL) + pubsub_count(session, PUBSUB_SHARD) > 0;
}

bool pubsub_has_room(const struct pubsub *pubsub, struct slice name)
{
    return pubsub->bytes + sizeof(struct pubsub_topic) + sizeof(struct subscription) + name.size <=
           LIMIT_PUBSUB_BYTES;
}

/* The session's subscription, or NULL: looked for where there are fewer. */
static struct subscription *find_subscription(const struct session *session, enum pubsub_kind kind,
                                              const struct pubsub_topic *topic)
{
    bool in_topic = topic->subscriptions_count < session->subscriptions.counts[kind];
    const struct list *all = in_topic ? &topic->subscriptions : &session->subscriptions.lists[kind];
    for (struct list *link = all->next; link != all; link = link->next) {
        struct subscription *subscription =
            in_topic ? LIST_MEMBER(link, struct subscription, topic_link)
                     : LIST_MEMBER(link, struct subscription, session_link);
        if (subscription->topic == topic && subscription->session == session) {
            return subscription;
        }
    }
    return NULL;
}

void pubsub_subscribe(struct session *session, enum pubsub_kind kind, struct slice name)
{
    struct pubsub *pubsub = &session->executor->pubsub;
    struct pubsub_topic *topic = find_or_add(pubsub, kind, name);
    if (find_subscription(session, kind, topic) != NULL) {
        return;
    }
    struct subscription *subscription = mem_alloc(sizeof(*subscription));
    subscription->session = session;
    subscription->topic = topic;
    list_push_back(&topic->subscriptions, &subscription->topic_link);
    list_push_back(&session->subscriptions.lists[kind], &subscription->session_link);
    topic->subscriptions_count++;
    session->subscriptions.counts[kind]++;
    pubsub->subscriptions_count++;
    pubsub->bytes += sizeof(*subscription);
}

static void end_subscription(struct session *session, enum pubsub_kind kind,
                             struct subscription *subscription)
{
    struct pubsub *pubsub = &session->executor->pubsub;
    struct pubsub_topic *topic = subscription->topic;
    list_remove(&subscription->topic_link);
    list_remove(&subscription->session_link);
    mem_free(subscription);
    session->subscriptions.counts[kind]--;
    pubsub->subscriptions_count--;
    pubsub->bytes -= sizeof(*subscription);
    if (--topic->subscriptions_count == 0) {
        remove_topic(pubsub, kind, topic);
    }
}

void pubsub_unsubscribe(struct session *session, enum pubsub_kind kind, struct slice name)
{
    struct pubsub *pubsub = &session->executor->pubsub;
    struct pubsub_topic *topic =
        find(&pubsub->kinds[kind], hash_bytes(pubsub->hash_seed, name), name);
    struct subscription *subscription =
        topic == NULL ? NULL : find_subscription(session, kind, topic);
    if (subscription != NULL) {
        end_subscription(session, kind, subscription);
    }
}

static struct subscription *first_of(const struct session *session, enum pubsub_kind kind)
{
    const struct list *all = &session->subscriptions.lists[kind];
    return list_is_empty(all) ? NULL : LIST_MEMBER(all->next, struct subscription, session_link);
}

bool pubsub_first(const struct session *session, enum pubsub_kind kind, struct slice *name)
{
    const struct subscription *first = first_of(session, kind);
    if (first != NULL) {
        *name = first->topic->name;
    }
    return first != NULL;
}

void pubsub_leave(struct session *session)
{
    for (uint32_t kind = 0; kind < PUBSUB_KINDS; kind++) {
        struct subscription *first;
        while ((first = first_of(session, (enum pubsub_kind)kind)) != NULL) {
            end_subscription(session, (enum pubsub_kind)kind, first);
        }
    }
}

bool pubsub_refuses(const struct session *session, const struct command *command, char *error)
{
    static const enum command_id allowed[] = {
        COMMAND_SUBSCRIBE,   COMMAND_PSUBSCRIBE,   COMMAND_SSUBSCRIBE,
        COMMAND_UNSUBSCRIBE, COMMAND_PUNSUBSCRIBE, COMMAND_SUNSUBSCRIBE,
        COMMAND_PING,        COMMAND_QUIT,         COMMAND_RESET};
    bool is_refused = session->reply.protocol == REPLY_RESP2 && pubsub_listens(session);
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && is_refused; i++) {
        is_refused = command->id != allowed[i];
    }
    if (is_refused) {
        (void)snprintf(error, PUBSUB_REFUSAL_BYTES,
                       "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                       "QUIT / RESET are allowed in this context",
                       command->name);
    }
    return is_refused;
}

/* ---- Messages ---- */

uint64_t pubsub_receivers(const struct pubsub *pubsub, bool is_sharded, struct slice channel)
{
    const struct pubsub_topic *topic =
        pubsub_find(pubsub, is_sharded ? PUBSUB_SHARD : PUBSUB_CHANNEL, channel);
    uint64_t count = topic == NULL ? 0 : topic->subscriptions_count;
    const struct list *patterns = &pubsub->kinds[PUBSUB_PATTERN].all;
    for (struct list *link = patterns->next; !is_sharded && link != patterns; link = link->next) {
        const struct pubsub_topic *pattern = LIST_MEMBER(link, struct pubsub_topic, link);
        if (glob_matches(pattern->name, channel, false)) {
            count += pattern->subscriptions_count;
        }
    }
    return count;
}

/* Hands a message to all subscribers of a topic; pattern: by which they get it, or NULL. */
static void hand_out(const struct pubsub_topic *topic, const char *word,
                     const struct slice *pattern, const struct slice message[2])
{
    const struct list *all = &topic->subscriptions;
    for (struct list *link = all->next; link != all; link = link->next) {
        struct session *session = LIST_MEMBER(link, struct subscription, topic_link)->session;
        struct reply *reply = &session->reply;
        reply_push(reply, pattern == NULL ? 3 : 4);
        reply_bulk_string(reply, word);
        if (pattern != NULL) {
            reply_bulk(reply, *pattern);
        }
        reply_bulk(reply, message[0]);
        reply_bulk(reply, message[1]);
        session_touch(session);
    }
}

void pubsub_publish(struct executor *executor, bool is_sharded, struct slice channel,
                    struct slice message)
{
    const struct pubsub *pubsub = &executor->pubsub;
    const struct slice parts[2] = {channel, message};
    const struct pubsub_topic *topic =
        pubsub_find(pubsub, is_sharded ? PUBSUB_SHARD : PUBSUB_CHANNEL, channel);
    if (topic != NULL) {
        hand_out(topic, is_sharded ? "smessage" : "message", NULL, parts);
    }
    const struct list *patterns = &pubsub->kinds[PUBSUB_PATTERN].all;
    for (struct list *link = patterns->next; !is_sharded && link != patterns; link = link->next) {
        const struct pubsub_topic *pattern = LIST_MEMBER(link, struct pubsub_topic, link);
        if (glob_matches(pattern->name, channel, false)) {
            hand_out(pattern, "pmessage", &pattern->name, parts);
        }
    }
}
