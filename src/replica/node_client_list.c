/* node_client_list.c -- CLIENT LIST, INFO and KILL: the connections of this node. */
#include "base/number.h"
#include "replica/client_pause.h"
#include "replica/node_commands.h"

enum { FLAGS_BYTES = 8 };

/* The letters that CLIENT LIST explains, in the order of Redis 7.0. */
static void describe_flags(const struct session *session, char out[FLAGS_BYTES])
{
    const struct {
        bool is_set;
        char letter;
    } flags[] = {
        {session_monitors(session), 'O'},
        {session->transaction.is_open, 'x'},
        {pubsub_listens(session), 'P'},
        {blocked_is_parked(session) || node_waits(session) || client_pause_is_holding(session),
         'b'},
        {session->is_local_reader, 'r'},
        {session->is_no_evict, 'e'},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (flags[i].is_set) {
            out[count++] = flags[i].letter;
        }
    }
    if (count == 0) {
        out[count++] = 'N';
    }
    out[count] = '\0';
}

/* One line, fields and order as in Redis 7.0. */
static void describe(const struct session *session, uint64_t now_ms, struct buf *out)
{
    uint64_t input = session->input_buffered_bytes;
    uint64_t input_free =
        session->input_capacity_bytes > input ? session->input_capacity_bytes - input : 0;
    size_t output = buf_size(&session->output);
    size_t memory = sizeof(*session) + session->input_capacity_bytes + session->output.capacity +
                    session->requests.capacity;
    char flags[FLAGS_BYTES];
    describe_flags(session, flags);
    const char *command = session->last_command == NULL ? "NULL" : session->last_command->name;
    buf_append_format(
        out,
        "id=%llu addr=%s laddr=%s fd=%d name=%s age=%llu idle=%llu flags=%s db=%u sub=%u psub=%u "
        "ssub=%u multi=%d qbuf=%llu qbuf-free=%llu argv-mem=%zu multi-mem=%zu rbs=%zu rbp=0 "
        "obl=%zu "
        "oll=0 omem=%zu tot-mem=%zu events=r cmd=%s user=default redir=-1 resp=%d lib-name=%s "
        "lib-ver=%s\n",
        (unsigned long long)session->id, session->address, session->local_address,
        session->descriptor, session->name == NULL ? "" : session->name,
        (unsigned long long)(now_ms - session->created_ms) / 1000,
        (unsigned long long)(now_ms - session->last_used_ms) / 1000, flags, session->database,
        session->subscriptions.counts[PUBSUB_CHANNEL],
        session->subscriptions.counts[PUBSUB_PATTERN], session->subscriptions.counts[PUBSUB_SHARD],
        session->transaction.is_open ? (int)session->transaction.commands_count : -1,
        (unsigned long long)input, (unsigned long long)input_free, buf_size(&session->requests),
        session->transaction.commands.capacity + session->transaction.watches.capacity,
        session->output.capacity, output, output, memory, command, (int)session->reply.protocol,
        session->library_name == NULL ? "" : session->library_name,
        session->library_version == NULL ? "" : session->library_version);
}

static void reply_text(struct session *session, struct buf *text)
{
    reply_verbatim(&session->reply, "txt", buf_slice(text));
    buf_deinit(text);
}

enum execute_result node_client_info(struct session *session, const struct slice *arguments,
                                     uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    struct buf text = {0};
    describe(session, executor_now_ms(session->executor), &text);
    reply_text(session, &text);
    return EXECUTE_TAKEN;
}

/* Types of clients that Redis knows; there are no replicas and masters here. */
enum client_type { CLIENT_ANY, CLIENT_NORMAL, CLIENT_PUBSUB, CLIENT_OF_REPLICATION };

static bool parse_type(struct slice word, enum client_type *out)
{
    bool is_of_replication = slice_is_word(word, "master") || slice_is_word(word, "slave") ||
                             slice_is_word(word, "replica");
    *out = slice_is_word(word, "normal")   ? CLIENT_NORMAL
           : slice_is_word(word, "pubsub") ? CLIENT_PUBSUB
           : is_of_replication             ? CLIENT_OF_REPLICATION
                                           : CLIENT_ANY;
    return *out != CLIENT_ANY;
}

static bool is_of_type(const struct session *session, enum client_type type)
{
    return type == CLIENT_ANY || type == (pubsub_listens(session) ? CLIENT_PUBSUB : CLIENT_NORMAL);
}

static void reply_unknown_type(struct session *session, struct slice type)
{
    reply_error_format(&session->reply, "ERR Unknown client type '%.*s'",
                       (int)(type.size < 128 ? type.size : 128), (const char *)type.bytes);
}

static struct session *find_id(struct executor *executor, uint64_t id)
{
    for (struct list *link = executor->sessions.next; link != &executor->sessions;
         link = link->next) {
        struct session *session = LIST_MEMBER(link, struct session, link);
        if (session->kind == SESSION_RESP && session->id == id) {
            return session;
        }
    }
    return NULL;
}

static bool parse_id(struct session *session, struct slice word, uint64_t *id)
{
    int64_t number;
    if (!number_parse_int64(word, &number)) {
        reply_error(&session->reply, "ERR Invalid client ID");
        return false;
    }
    *id = number < 0 ? 0 : (uint64_t)number; /* 0: nobody's */
    return true;
}

static void list_ids(struct session *session, const struct slice *ids, uint32_t ids_count)
{
    struct buf text = {0};
    for (uint32_t i = 0; i < ids_count; i++) {
        uint64_t id;
        if (!parse_id(session, ids[i], &id)) {
            buf_deinit(&text);
            return;
        }
        const struct session *found = find_id(session->executor, id);
        if (found != NULL) {
            describe(found, executor_now_ms(session->executor), &text);
        }
    }
    reply_text(session, &text);
}

enum execute_result node_client_list(struct session *session, const struct slice *arguments,
                                     uint32_t arguments_count)
{
    struct executor *executor = session->executor;
    enum client_type type = CLIENT_ANY;
    if (arguments_count == 4 && slice_is_word(arguments[2], "type")) {
        if (!parse_type(arguments[3], &type)) {
            reply_unknown_type(session, arguments[3]);
            return EXECUTE_TAKEN;
        }
    } else if (arguments_count > 3 && slice_is_word(arguments[2], "id")) {
        list_ids(session, arguments + 3, arguments_count - 3);
        return EXECUTE_TAKEN;
    } else if (arguments_count != 2) {
        reply_error(&session->reply, "ERR syntax error");
        return EXECUTE_TAKEN;
    }
    struct buf text = {0};
    for (struct list *link = executor->sessions.next; link != &executor->sessions;
         link = link->next) {
        const struct session *listed = LIST_MEMBER(link, struct session, link);
        if (listed->kind == SESSION_RESP && is_of_type(listed, type)) {
            describe(listed, executor_now_ms(executor), &text);
        }
    }
    reply_text(session, &text);
    return EXECUTE_TAKEN;
}

/* What CLIENT KILL is to close; unset slices match everything. */
struct kill_filter {
    struct slice address;
    struct slice local_address;
    uint64_t id; /* 0: any */
    enum client_type type;
    bool is_of_user;
    bool spares_self;
};

static bool parse_filter(struct session *session, const struct slice *arguments, uint32_t count,
                         struct kill_filter *filter)
{
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        struct slice value = arguments[i + 1];
        if (slice_is_word(arguments[i], "id")) {
            int64_t id;
            if (!number_parse_int64(value, &id) || id < 1) {
                reply_error(&session->reply, "ERR client-id should be greater than 0");
                return false;
            }
            filter->id = (uint64_t)id;
        } else if (slice_is_word(arguments[i], "addr")) {
            filter->address = value;
        } else if (slice_is_word(arguments[i], "laddr")) {
            filter->local_address = value;
        } else if (slice_is_word(arguments[i], "type")) {
            if (!parse_type(value, &filter->type)) {
                reply_unknown_type(session, value);
                return false;
            }
        } else if (slice_is_word(arguments[i], "user")) {
            filter->is_of_user = slice_equals(value, SLICE_LITERAL("default"));
            if (!filter->is_of_user) {
                reply_error_format(&session->reply, "ERR No such user '%.*s'",
                                   (int)(value.size < 128 ? value.size : 128),
                                   (const char *)value.bytes);
                return false;
            }
        } else if (slice_is_word(arguments[i], "skipme") &&
                   (slice_is_word(value, "yes") || slice_is_word(value, "no"))) {
            filter->spares_self = slice_is_word(value, "yes");
        } else {
            reply_error(&session->reply, "ERR syntax error");
            return false;
        }
    }
    return true;
}

static bool matches(const struct session *session, const struct kill_filter *filter)
{
    return session->kind == SESSION_RESP && is_of_type(session, filter->type) &&
           (filter->id == 0 || filter->id == session->id) &&
           (filter->address.bytes == NULL ||
            slice_equals(filter->address, slice_of_string(session->address))) &&
           (filter->local_address.bytes == NULL ||
            slice_equals(filter->local_address, slice_of_string(session->local_address)));
}

static uint32_t kill_matching(struct session *self, const struct kill_filter *filter)
{
    struct executor *executor = self->executor;
    uint32_t killed = 0;
    for (struct list *link = executor->sessions.next; link != &executor->sessions;
         link = link->next) {
        struct session *session = LIST_MEMBER(link, struct session, link);
        if (!matches(session, filter) || (session == self && filter->spares_self)) {
            continue;
        }
        if (session == self) {
            session->is_closing = true; /* after its own reply */
        } else {
            session->is_killed = true;
        }
        session_touch(session);
        killed++;
    }
    return killed;
}

enum execute_result node_client_kill(struct session *session, const struct slice *arguments,
                                     uint32_t arguments_count)
{
    struct kill_filter filter = {.spares_self = true};
    if (arguments_count == 3) {
        filter.address = arguments[2];
        filter.spares_self = false;
        if (kill_matching(session, &filter) == 0) {
            reply_error(&session->reply, "ERR No such client");
        } else {
            reply_ok(&session->reply);
        }
        return EXECUTE_TAKEN;
    }
    if (arguments_count % 2 != 0) {
        reply_error(&session->reply, "ERR syntax error");
    } else if (parse_filter(session, arguments + 2, arguments_count - 2, &filter)) {
        reply_integer(&session->reply, kill_matching(session, &filter));
    }
    return EXECUTE_TAKEN;
}

enum execute_result node_client_unblock(struct session *session, const struct slice *arguments,
                                        uint32_t arguments_count)
{
    bool is_error = arguments_count == 4 && slice_is_word(arguments[3], "error");
    int64_t id;
    if (arguments_count > 4) {
        node_refuse_subcommand(session, "CLIENT", arguments[1]);
    } else if (arguments_count == 4 && !is_error && !slice_is_word(arguments[3], "timeout")) {
        reply_error(&session->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    } else if (!number_parse_int64(arguments[2], &id)) {
        reply_error(&session->reply, "ERR value is not an integer or out of range");
    } else {
        struct session *found = id < 1 ? NULL : find_id(session->executor, (uint64_t)id);
        reply_integer(&session->reply, found != NULL && blocked_unblock(found, is_error) ? 1 : 0);
    }
    return EXECUTE_TAKEN;
}
