/* session.c -- a client's requests in order, and its life from open to the last reference. */
#include "replica/session_internal.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "kv/keyspace_prefetch.h"
#include "replica/client_pause.h"
#include "replica/executor_internal.h"
#include "replica/monitor.h"
#include "replica/replica_internal.h"

enum { SESSION_KEEP_BYTES = 16 * 1024 };

struct session *session_open(struct executor *executor, const struct session_options *options)
{
    struct session *session = mem_alloc_zeroed(1, sizeof(*session));
    session->executor = executor;
    session->owner = options->owner;
    session->kind = options->kind;
    session->references = 1;
    session->is_open = true;
    session->is_authenticated = options->is_authenticated || executor->password[0] == '\0';
    session->is_local_reader = options->is_local_reader;
    session->descriptor = options->descriptor;
    session->reply.out = &session->output;
    session->reply.protocol = options->kind == SESSION_HTTP ? REPLY_RESP3 : REPLY_RESP2;
    session->id = ++executor->last_session_id;
    session->created_ms = executor_now_ms(executor);
    session->last_used_ms = session->created_ms;
    (void)snprintf(session->address, sizeof(session->address), "%s", options->address);
    (void)snprintf(session->local_address, sizeof(session->local_address), "%s",
                   options->local_address);
    list_init(&session->touched_link);
    pubsub_session_init(&session->subscriptions);
    list_init(&session->held_link);
    list_init(&session->monitor_link);
    list_push_back(&executor->sessions, &session->link);
    if (session->kind == SESSION_RESP) {
        executor->clients_count++;
    }
    return session;
}

void session_close(struct session *session)
{
    ASSERT(session->is_open);
    session->is_open = false;
    session->owner = NULL;
    if (session->kind == SESSION_RESP) {
        session->executor->clients_count--;
    }
    if (session->wait_until_ms != 0) {
        session->executor->waiting_count--;
    }
    blocked_leave(session);
    pubsub_leave(session);
    if (session->change_ticket != 0) {
        membership_abandon(session->executor->replica, session->change_ticket);
    }
    client_pause_forget(session);
    monitor_end(session);
    list_remove(&session->link);
    list_remove(&session->touched_link);
    list_remove(&session->held_link);
    buf_deinit(&session->output);
    session_release(session);
}

void session_reference(struct session *session)
{
    session->references++;
}

void session_release(struct session *session)
{
    ASSERT(session->references > 0);
    if (--session->references > 0) {
        return;
    }
    ASSERT(!session->is_open);
    ASSERT(list_is_empty(&session->monitor_link));
    ASSERT(!session->is_held_back);
    buf_deinit(&session->requests);
    buf_deinit(&session->output);
    transaction_reset(&session->transaction);
    mem_free(session->closing_error);
    mem_free(session->name);
    mem_free(session->library_name);
    mem_free(session->library_version);
    mem_free(session);
}

void *session_owner(const struct session *session)
{
    return session->owner;
}

enum session_kind session_kind(const struct session *session)
{
    return session->kind;
}

struct buf *session_output(struct session *session)
{
    return &session->output;
}

uint32_t session_unanswered(const struct session *session)
{
    return session->requests_count;
}

bool session_is_blocked(const struct session *session)
{
    return blocked_is_parked(session);
}

bool session_is_subscriber(const struct session *session)
{
    return pubsub_listens(session);
}

bool session_is_closing(const struct session *session)
{
    return session->is_closing && session->requests_count == 0 && session->closing_error == NULL;
}

bool session_is_killed(const struct session *session)
{
    return session->is_killed;
}

bool session_needs_auth(const struct session *session)
{
    return !session->is_authenticated && session->executor->password[0] != '\0';
}

bool session_is_listener(const struct session *session)
{
    return session_monitors(session) || pubsub_listens(session);
}

void session_note_input(struct session *session, uint64_t buffered_bytes, uint64_t capacity_bytes)
{
    session->input_buffered_bytes = buffered_bytes;
    session->input_capacity_bytes = capacity_bytes;
}

void session_touch(struct session *session)
{
    if (session->is_open && list_is_empty(&session->touched_link)) {
        list_push_back(&session->executor->touched, &session->touched_link);
    }
}

bool session_take_silence(struct session *session)
{
    if (session->reply_mode == SESSION_REPLY_SKIP) {
        session->reply_mode = SESSION_REPLY_ON;
        return true;
    }
    return session->reply_mode == SESSION_REPLY_OFF;
}

void session_push_write(struct session *session, const struct command *command)
{
    struct request request = {.command = command,
                              .kind = REQUEST_WRITE,
                              .database = session->database,
                              .is_silent = session_take_silence(session)};
    buf_append(&session->requests, &request, sizeof(request));
    session->requests_count++;
    session->writes_count++;
}

void session_push_read(struct session *session, const struct request *request,
                       const struct slice *arguments)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < request->arguments_count; i++) {
        bytes += sizeof(uint32_t) + arguments[i].size;
    }
    ASSERT(bytes <= UINT32_MAX);
    struct request sized = *request;
    sized.bytes = (uint32_t)bytes;
    uint8_t *at = buf_reserve(&session->requests, sizeof(sized) + bytes);
    memcpy(at, &sized, sizeof(sized));
    at += sizeof(sized);
    for (uint32_t i = 0; i < request->arguments_count; i++) {
        uint32_t size = (uint32_t)arguments[i].size;
        memcpy(at, &size, sizeof(size));
        at += sizeof(size);
        if (size > 0) {
            memcpy(at, arguments[i].bytes, size);
        }
        at += size;
    }
    buf_commit(&session->requests, sizeof(sized) + bytes);
    session->requests_count++;
}

bool session_peek(const struct session *session, struct request *out)
{
    if (session->requests_count == 0) {
        return false;
    }
    memcpy(out, buf_slice(&session->requests).bytes, sizeof(*out));
    return true;
}

void session_peek_arguments(const struct session *session, const struct request *request,
                            struct slice *slices)
{
    const uint8_t *at = buf_slice(&session->requests).bytes + sizeof(*request);
    for (uint32_t i = 0; i < request->arguments_count; i++) {
        uint32_t size;
        memcpy(&size, at, sizeof(size));
        at += sizeof(size);
        slices[i] = slice_of(at, size);
        at += size;
    }
}

uint32_t session_prefetch(const struct session *session, const struct keyspace *keyspace)
{
    struct keyspace_prefetch prefetch = {.count = 0};
    const uint8_t *at = buf_slice(&session->requests).bytes;
    uint32_t count = 0;
    while (count < session->requests_count && count < KEYSPACE_PREFETCH_MAX) {
        struct request request;
        memcpy(&request, at, sizeof(request));
        at += sizeof(request);
        if (request.kind != REQUEST_WRITE && request.arguments_count > 1) {
            uint32_t name_size, key_size;
            memcpy(&name_size, at, sizeof(name_size));
            memcpy(&key_size, at + sizeof(name_size) + name_size, sizeof(key_size));
            const uint8_t *key = at + sizeof(name_size) + name_size + sizeof(key_size);
            keyspace_prefetch_add(&prefetch, keyspace, request.database, slice_of(key, key_size));
        }
        at += request.bytes;
        count++;
    }
    keyspace_prefetch_items(&prefetch, keyspace);
    return count;
}

void session_pop(struct session *session, const struct request *request)
{
    ASSERT(session->requests_count > 0);
    session->requests_count--;
    session->is_unsettled = session->is_unsettled && session->requests_count > 0;
    if (request->kind == REQUEST_WRITE) {
        session->writes_count--;
    }
    buf_consume(&session->requests, sizeof(*request) + request->bytes);
    if (session->requests_count == 0 && session->requests.capacity > SESSION_KEEP_BYTES) {
        buf_deinit(&session->requests);
    }
}
