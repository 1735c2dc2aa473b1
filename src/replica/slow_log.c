/* slow_log.c -- what took long: see slow_log.h. */
#include "replica/slow_log.h"

#include "base/mem.h"
#include "base/number.h"
#include "command/command_secret.h"
#include "replica/node_commands.h"
#include "replica/replica_internal.h"

enum {
    /* As Redis cuts them. */
    ARGUMENTS_MAX = 32,
    ARGUMENT_BYTES_MAX = 128,
    GET_DEFAULT = 10,
};

struct slow_entry {
    struct list link;
    uint64_t id;
    int64_t time_s;
    uint64_t duration_us;
    uint32_t arguments_count;
    struct buf arguments; /* bulk strings, as they are replied */
    char *name;
    char address[SESSION_ADDRESS_BYTES];
};

static void drop_oldest(struct slow_log *log)
{
    struct slow_entry *entry = LIST_MEMBER(log->entries.previous, struct slow_entry, link);
    list_remove(&entry->link);
    buf_deinit(&entry->arguments);
    mem_free(entry->name);
    mem_free(entry);
    log->count--;
}

void slow_log_init(struct slow_log *log)
{
    list_init(&log->entries);
    log->threshold_us = SLOW_LOG_THRESHOLD_US;
    log->count_max = SLOW_LOG_ENTRIES_MAX;
}

void slow_log_deinit(struct slow_log *log)
{
    while (log->count > 0) {
        drop_oldest(log);
    }
}

void slow_log_configure(struct slow_log *log, int64_t threshold_us, uint64_t count_max)
{
    log->threshold_us = threshold_us;
    log->count_max = count_max;
    while (log->count > count_max) {
        drop_oldest(log);
    }
}

/* Keeps the arguments, the last one saying how many there are besides. */
static void keep_arguments(struct slow_entry *entry, const struct command *command,
                           const struct slice *arguments, uint32_t arguments_count)
{
    struct reply reply = {&entry->arguments, REPLY_RESP2};
    uint32_t shown = arguments_count < ARGUMENTS_MAX ? arguments_count : ARGUMENTS_MAX;
    entry->arguments_count = shown;
    for (uint32_t i = 0; i < shown; i++) {
        struct buf text = {0};
        if (i == shown - 1 && shown < arguments_count) {
            buf_append_format(&text, "... (%u more arguments)", arguments_count - shown + 1);
        } else if (command_argument_is_secret(command, arguments, i)) {
            buf_append_format(&text, "%s", COMMAND_SECRET_SHOWN);
        } else if (arguments[i].size > ARGUMENT_BYTES_MAX) {
            buf_append(&text, arguments[i].bytes, ARGUMENT_BYTES_MAX);
            buf_append_format(&text, "... (%zu more bytes)",
                              arguments[i].size - ARGUMENT_BYTES_MAX);
        } else {
            buf_append_slice(&text, arguments[i]);
        }
        reply_bulk(&reply, buf_slice(&text));
        buf_deinit(&text);
    }
}

void slow_log_note(const struct session *session, const struct command *command,
                   const struct slice *arguments, uint32_t arguments_count)
{
    struct executor *executor = session->executor;
    struct slow_log *log = &executor->slow_log;
    if (log->threshold_us < 0 || executor->last_us < (uint64_t)log->threshold_us ||
        (command->flags & COMMAND_FLAG_SKIP_SLOWLOG) != 0 || log->count_max == 0) {
        return;
    }
    const struct replica_host *host = &executor->replica->host;
    struct slow_entry *entry = mem_alloc_zeroed(1, sizeof(*entry));
    entry->id = log->next_id++;
    entry->time_s = host->wall_us(host->context) / 1000000;
    entry->duration_us = executor->last_us;
    entry->name = mem_copy_string(session->name == NULL ? "" : session->name);
    memcpy(entry->address, session->address, sizeof(entry->address));
    keep_arguments(entry, command, arguments, arguments_count);
    list_push_back(log->entries.next, &entry->link);
    log->count++;
    while (log->count > log->count_max) {
        drop_oldest(log);
    }
}

/* ---- SLOWLOG ---- */

static void reply_entry(struct reply *reply, const struct slow_entry *entry)
{
    reply_array(reply, 6);
    reply_integer(reply, (int64_t)entry->id);
    reply_integer(reply, entry->time_s);
    reply_integer(reply, (int64_t)entry->duration_us);
    reply_array(reply, entry->arguments_count);
    buf_append_slice(reply->out, buf_slice(&entry->arguments));
    reply_bulk_string(reply, entry->address);
    reply_bulk_string(reply, entry->name);
}

enum execute_result node_slowlog_get(struct session *session, const struct slice *arguments,
                                     uint32_t arguments_count)
{
    const struct slow_log *log = &session->executor->slow_log;
    int64_t wanted = GET_DEFAULT;
    if (arguments_count > 3) {
        node_refuse_subcommand(session, "SLOWLOG", arguments[1]);
        return EXECUTE_TAKEN;
    }
    if (arguments_count == 3 && (!number_parse_int64(arguments[2], &wanted) || wanted < -1)) {
        reply_error(&session->reply, "ERR count should be greater than or equal to -1");
        return EXECUTE_TAKEN;
    }
    uint64_t left = wanted < 0 || (uint64_t)wanted > log->count ? log->count : (uint64_t)wanted;
    reply_array(&session->reply, left);
    for (struct list *link = log->entries.next; left > 0; link = link->next, left--) {
        reply_entry(&session->reply, LIST_MEMBER(link, struct slow_entry, link));
    }
    return EXECUTE_TAKEN;
}

enum execute_result node_slowlog_len(struct session *session, const struct slice *arguments,
                                     uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    reply_integer(&session->reply, (int64_t)session->executor->slow_log.count);
    return EXECUTE_TAKEN;
}

enum execute_result node_slowlog_reset(struct session *session, const struct slice *arguments,
                                       uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    slow_log_deinit(&session->executor->slow_log);
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}
