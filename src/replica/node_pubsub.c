/* node_pubsub.c -- SUBSCRIBE and its kin, and PUBSUB: what a connection listens to. */
#include "base/glob.h"
#include "replica/node_commands.h"

/* Words of confirmations, by enum pubsub_kind. */
static const char *const began[PUBSUB_KINDS] = {"subscribe", "psubscribe", "ssubscribe"};
static const char *const ended[PUBSUB_KINDS] = {"unsubscribe", "punsubscribe", "sunsubscribe"};

/* Confirmations are messages: CLIENT REPLY does not keep them back. */
static void confirm(struct session *session, const char *word, const struct slice *name,
                    enum pubsub_kind kind)
{
    reply_push(&session->reply, 3);
    reply_bulk_string(&session->reply, word);
    if (name == NULL) {
        reply_null(&session->reply);
    } else {
        reply_bulk(&session->reply, *name);
    }
    reply_integer(&session->reply, pubsub_count(session, kind));
    session->has_pushed = true;
}

static enum execute_result subscribe(struct session *session, enum pubsub_kind kind,
                                     const struct slice *arguments, uint32_t arguments_count)
{
    for (uint32_t i = 1; i < arguments_count; i++) {
        if (!pubsub_has_room(&session->executor->pubsub, arguments[i])) {
            reply_error(&session->reply, "ERR too many subscriptions on this node; unsubscribe "
                                         "from some, or connect to another node");
            return EXECUTE_TAKEN;
        }
        pubsub_subscribe(session, kind, arguments[i]);
        confirm(session, began[kind], &arguments[i], kind);
    }
    return EXECUTE_TAKEN;
}

/* Without a name, from all. */
static enum execute_result unsubscribe(struct session *session, enum pubsub_kind kind,
                                       const struct slice *arguments, uint32_t arguments_count)
{
    for (uint32_t i = 1; i < arguments_count; i++) {
        pubsub_unsubscribe(session, kind, arguments[i]);
        confirm(session, ended[kind], &arguments[i], kind);
    }
    if (arguments_count > 1) {
        return EXECUTE_TAKEN;
    }
    struct slice name;
    bool is_any = false;
    while (pubsub_first(session, kind, &name)) {
        struct buf copy = {0};
        buf_append_slice(&copy, name);
        pubsub_unsubscribe(session, kind, name);
        name = buf_slice(&copy);
        confirm(session, ended[kind], &name, kind);
        buf_deinit(&copy);
        is_any = true;
    }
    if (!is_any) {
        confirm(session, ended[kind], NULL, kind);
    }
    return EXECUTE_TAKEN;
}

enum execute_result node_subscribe(struct session *session, const struct slice *arguments,
                                   uint32_t arguments_count)
{
    return subscribe(session, PUBSUB_CHANNEL, arguments, arguments_count);
}

enum execute_result node_psubscribe(struct session *session, const struct slice *arguments,
                                    uint32_t arguments_count)
{
    return subscribe(session, PUBSUB_PATTERN, arguments, arguments_count);
}

enum execute_result node_ssubscribe(struct session *session, const struct slice *arguments,
                                    uint32_t arguments_count)
{
    return subscribe(session, PUBSUB_SHARD, arguments, arguments_count);
}

enum execute_result node_unsubscribe(struct session *session, const struct slice *arguments,
                                     uint32_t arguments_count)
{
    return unsubscribe(session, PUBSUB_CHANNEL, arguments, arguments_count);
}

enum execute_result node_punsubscribe(struct session *session, const struct slice *arguments,
                                      uint32_t arguments_count)
{
    return unsubscribe(session, PUBSUB_PATTERN, arguments, arguments_count);
}

enum execute_result node_sunsubscribe(struct session *session, const struct slice *arguments,
                                      uint32_t arguments_count)
{
    return unsubscribe(session, PUBSUB_SHARD, arguments, arguments_count);
}

/* ---- PUBSUB ---- */

static enum execute_result reply_channels(struct session *session, enum pubsub_kind kind,
                                          const struct slice *arguments, uint32_t arguments_count)
{
    if (arguments_count > 3) {
        node_refuse_subcommand(session, "PUBSUB", arguments[1]);
        return EXECUTE_TAKEN;
    }
    const struct list *all = &session->executor->pubsub.kinds[kind].all;
    size_t begin = reply_deferred_begin(&session->reply);
    uint64_t count = 0;
    for (struct list *link = all->next; link != all; link = link->next) {
        const struct pubsub_topic *topic = LIST_MEMBER(link, struct pubsub_topic, link);
        if (arguments_count == 2 || glob_matches(arguments[2], topic->name, false)) {
            reply_bulk(&session->reply, topic->name);
            count++;
        }
    }
    reply_deferred_array(&session->reply, begin, count);
    return EXECUTE_TAKEN;
}

static enum execute_result reply_counts(struct session *session, enum pubsub_kind kind,
                                        const struct slice *arguments, uint32_t arguments_count)
{
    reply_array(&session->reply, 2 * ((uint64_t)arguments_count - 2));
    for (uint32_t i = 2; i < arguments_count; i++) {
        const struct pubsub_topic *topic =
            pubsub_find(&session->executor->pubsub, kind, arguments[i]);
        reply_bulk(&session->reply, arguments[i]);
        reply_integer(&session->reply, topic == NULL ? 0 : topic->subscriptions_count);
    }
    return EXECUTE_TAKEN;
}

enum execute_result node_pubsub_channels(struct session *session, const struct slice *arguments,
                                         uint32_t arguments_count)
{
    return reply_channels(session, PUBSUB_CHANNEL, arguments, arguments_count);
}

enum execute_result node_pubsub_shardchannels(struct session *session,
                                              const struct slice *arguments,
                                              uint32_t arguments_count)
{
    return reply_channels(session, PUBSUB_SHARD, arguments, arguments_count);
}

enum execute_result node_pubsub_numsub(struct session *session, const struct slice *arguments,
                                       uint32_t arguments_count)
{
    return reply_counts(session, PUBSUB_CHANNEL, arguments, arguments_count);
}

enum execute_result node_pubsub_shardnumsub(struct session *session, const struct slice *arguments,
                                            uint32_t arguments_count)
{
    return reply_counts(session, PUBSUB_SHARD, arguments, arguments_count);
}

enum execute_result node_pubsub_numpat(struct session *session, const struct slice *arguments,
                                       uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    reply_integer(&session->reply, session->executor->pubsub.kinds[PUBSUB_PATTERN].count);
    return EXECUTE_TAKEN;
}
