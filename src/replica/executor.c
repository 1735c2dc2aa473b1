/* executor.c -- the one door, top to bottom: check, then read, write or node command. */
#include "replica/executor_internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "replica/client_pause.h"
#include "replica/monitor.h"
#include "replica/replica_internal.h"
#include "replica/transaction.h"

static bool is_too_large(const struct slice *arguments, uint32_t arguments_count);
static bool check_access(struct session *session, const struct command *command);
static void execute_read(struct session *session, const struct command *command,
                         const struct slice *arguments, uint32_t arguments_count);
static enum execute_result execute_write(struct session *session, const struct command *command,
                                         const struct slice *arguments, uint32_t arguments_count);
static enum execute_result execute_node(struct session *session, const struct command *command,
                                        const struct slice *arguments, uint32_t arguments_count);
static enum execute_result refuse(struct session *session, const struct slice *arguments,
                                  uint32_t arguments_count);
static enum execute_result refuse_data(struct session *session, const struct command *command,
                                       const char *error);

/* Bytes of one client's waiting reads beyond which it is held back, as by their number. */
enum { QUEUE_BYTES_MAX = 16 * 1024 * 1024 };

static enum execute_result stall(struct session *session)
{
    session->is_stalled = true;
    if (session->requests_count == 0 && session->wait_until_ms == 0) {
        session->executor->has_stalled_idle = true;
    }
    return EXECUTE_STALLED;
}

/* Why a command cannot be begun in the state that the session or the node is in; NULL: it can. */
static const char *find_refusal(const struct session *session, const struct command *command)
{
    if (command->id == COMMAND_WATCH && session->transaction.is_open) {
        return "ERR WATCH inside MULTI is not allowed";
    }
    bool is_data = command->class != COMMAND_CLASS_NODE;
    return is_data && session->executor->replica->is_state_missing ? ERROR_STATE_MISSING : NULL;
}

/* What EXEC answers by itself comes behind earlier replies. WATCH takes down a key's modification
 * index, which is that of an entry: it has to look between two entries, never between commands of
 * one, and what comes behind it must be in a later one. */
static bool needs_empty_queue(const struct command *command)
{
    return command->id == COMMAND_EXEC || command->id == COMMAND_WATCH;
}

enum execute_result executor_execute(struct executor *executor, struct session *session,
                                     const struct slice *arguments, uint32_t arguments_count)
{
    ASSERT(arguments_count > 0);
    ASSERT(session->is_open);
    if (session->blocked != NULL) {
        return stall(session);
    }
    buf_clear(&executor->scratch);
    struct reply nowhere = {&executor->scratch, session->reply.protocol};
    const struct command *command = command_resolve(arguments, arguments_count, &nowhere);
    bool is_data = command != NULL && command->class != COMMAND_CLASS_NODE;
    if (session->requests_count > 0 &&
        (!is_data || needs_empty_queue(command) || session->is_unsettled ||
         session->requests_count >= LIMIT_SESSION_REQUESTS ||
         buf_size(&session->requests) >= QUEUE_BYTES_MAX)) {
        return stall(session);
    }
    if (command == NULL || !check_access(session, command)) {
        session->transaction.is_aborted = session->transaction.is_open;
        return refuse(session, arguments, arguments_count);
    }
    session->last_used_ms = executor_now_ms(executor);
    session->last_command = command;
    if (monitor_refuses(session, command)) {
        session->transaction.is_aborted = session->transaction.is_open;
        return refuse_data(session, command, MONITOR_REFUSAL);
    }
    char refusal[PUBSUB_REFUSAL_BYTES];
    if (pubsub_refuses(session, command, refusal)) {
        session->transaction.is_aborted = session->transaction.is_open;
        return refuse_data(session, command, refusal);
    }
    if (client_pause_holds(session, command)) {
        return stall(session);
    }
    if (transaction_takes(session, command)) {
        transaction_queue(session, command, arguments, arguments_count);
        return EXECUTE_TAKEN;
    }
    if (command->id == COMMAND_EXEC) {
        if (!transaction_begin_exec(session)) {
            executor_show(session, command, session->database, arguments, arguments_count);
            return EXECUTE_TAKEN;
        }
    }
    const char *reason = find_refusal(session, command);
    if (reason != NULL) {
        return refuse_data(session, command, reason);
    }
    command = command_read_form(command, arguments, arguments_count);
    executor->replica->has_new_requests |= command->class != COMMAND_CLASS_NODE;
    switch (command->class) {
    case COMMAND_CLASS_READ:
        session->is_unsettled |= command->id == COMMAND_WATCH;
        execute_read(session, command, arguments, arguments_count);
        return EXECUTE_TAKEN;
    case COMMAND_CLASS_WRITE:
        return execute_write(session, command, arguments, arguments_count);
    case COMMAND_CLASS_NODE:
        return execute_node(session, command, arguments, arguments_count);
    }
    return EXECUTE_TAKEN;
}

static bool is_too_large(const struct slice *arguments, uint32_t arguments_count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < arguments_count; i++) {
        bytes += arguments[i].size + sizeof(uint64_t);
    }
    return bytes > EXECUTOR_WRITE_BYTES_MAX;
}

static bool check_access(struct session *session, const struct command *command)
{
    return !session_needs_auth(session) || (command->flags & COMMAND_FLAG_NO_AUTH) != 0;
}

/* Repeats the check that failed, this time into the client's output. */
static enum execute_result refuse(struct session *session, const struct slice *arguments,
                                  uint32_t arguments_count)
{
    struct executor *executor = session->executor;
    size_t before = buf_size(&session->output);
    bool is_silent = session_take_silence(session);
    const struct command *command = command_resolve(arguments, arguments_count, &session->reply);
    if (command != NULL) {
        reply_error(&session->reply, "NOAUTH Authentication required.");
        executor->stats[command->id].rejected_calls++;
    }
    if (slice_is_word(arguments[0], "exec")) {
        transaction_refuse_exec(session, before);
    }
    struct slice text = buf_slice(&session->output);
    executor_count_error(executor, slice_of(text.bytes + before + 1, text.size - before - 1));
    if (is_silent) {
        buf_truncate(&session->output, before);
    }
    session_touch(session);
    return EXECUTE_TAKEN;
}

/* Answers a command that was not begun, behind all earlier replies. */
static enum execute_result refuse_data(struct session *session, const struct command *command,
                                       const char *error)
{
    struct executor *executor = session->executor;
    if (session->requests_count > 0) {
        return stall(session);
    }
    if (command->id == COMMAND_EXEC) {
        transaction_reset(&session->transaction); /* it ends whatever it is answered */
    }
    if (!session_take_silence(session)) {
        reply_error(&session->reply, error);
    }
    executor_count_error(executor, slice_of_string(error));
    executor->stats[command->id].rejected_calls++;
    session_touch(session);
    return EXECUTE_TAKEN;
}

static void execute_read(struct session *session, const struct command *command,
                         const struct slice *arguments, uint32_t arguments_count)
{
    struct replica *replica = session->executor->replica;
    struct request request = {.command = command,
                              .arguments_count = arguments_count,
                              .database = session->database,
                              .is_silent = session_take_silence(session)};
    if (session->is_local_reader) {
        request.kind = REQUEST_READ_LOCAL;
    } else if (session->writes_count > 0 &&
               !batches_is_sent(&replica->batches, session->write_generation)) {
        request.kind = REQUEST_READ_ATTACHED;
    } else {
        request.kind = REQUEST_READ;
        request.round = read_rounds_open(&replica->rounds, replica->now_ms);
        if (session->round_joined != request.round) {
            session->round_joined = request.round;
            session_reference(session);
            read_rounds_join(&replica->rounds, session);
        }
    }
    session_push_read(session, &request, arguments);
    if (request.kind == REQUEST_READ_LOCAL) {
        executor_drain(session, DRAIN_READY);
    }
}

/* An HTTP request never waits for an element: it is answered as in a transaction. */
static enum execute_result execute_write(struct session *session, const struct command *command,
                                         const struct slice *arguments, uint32_t arguments_count)
{
    struct replica *replica = session->executor->replica;
    char refusal[DISK_REFUSAL_BYTES];
    if (is_too_large(arguments, arguments_count)) {
        return refuse_data(session, command, "ERR command is too large for one log entry");
    }
    if (disk_state_refuses(replica, command, refusal)) {
        return refuse_data(session, command, refusal);
    }
    if (replica->batches.bytes >= LIMIT_UNANSWERED_BYTES) {
        return batches_are_stuck(&replica->batches) ? refuse_data(session, command, ERROR_NO_LEADER)
                                                    : stall(session);
    }
    if (command->id == COMMAND_EXEC) {
        transaction_send(session, command);
        return EXECUTE_TAKEN;
    }
    if ((command->flags & COMMAND_FLAG_BLOCKING) != 0 && session->kind == SESSION_RESP) {
        if (!blocked_has_room(&session->executor->blocked, arguments, arguments_count)) {
            return refuse_data(session, command,
                               "ERR the clients of this node that wait for elements name too many "
                               "keys: wait until some are served, or ask another node");
        }
        blocked_begin(session, command, arguments, arguments_count);
        blocked_let_go_first(session);
    }
    executor_send_write(session, command, arguments, arguments_count);
    return EXECUTE_TAKEN;
}

void executor_send_write(struct session *session, const struct command *command,
                         const struct slice *arguments, uint32_t arguments_count)
{
    struct replica *replica = session->executor->replica;
    session_push_write(session, command);
    session_reference(session);
    session->write_generation =
        batches_add(&replica->batches, session, session->database, arguments, arguments_count);
}

/* Counts a command that ran from begin_us until now and replied to out from offset before on. */
static void count_command(struct executor *executor, const struct command *command,
                          const struct buf *out, size_t before, uint64_t begin_us)
{
    struct command_stats *stats = &executor->stats[command->id];
    executor->commands_processed++;
    stats->calls++;
    executor->last_us = replica_monotonic_us(executor->replica) - begin_us;
    stats->microseconds += executor->last_us;
    latency_note_command(executor, command, executor->last_us);
    struct slice text = buf_slice(out);
    if (text.size > before && text.bytes[before] == '-') {
        stats->failed_calls++;
        executor_count_error(executor, slice_of(text.bytes + before + 1, text.size - before - 1));
    }
}

static bool run_node(struct session *session, const struct command *command,
                     const struct slice *arguments, uint32_t arguments_count)
{
    struct executor *executor = session->executor;
    size_t before = buf_size(&session->output);
    uint64_t begin_us = replica_monotonic_us(executor->replica);
    node_command *run = node_command_find(command->id);
    ASSERT(run != NULL);
    if (run(session, arguments, arguments_count) == EXECUTE_STALLED) {
        return false;
    }
    count_command(executor, command, &session->output, before, begin_us);
    return true;
}

static enum execute_result execute_node(struct session *session, const struct command *command,
                                        const struct slice *arguments, uint32_t arguments_count)
{
    size_t before = buf_size(&session->output);
    if (command->id == COMMAND_CLIENT_REPLY && slice_is_word(arguments[2], "on")) {
        session->reply_mode = SESSION_REPLY_ON; /* the one reply that silence does not swallow */
    }
    enum session_reply_mode mode_before = session->reply_mode;
    bool is_silent = session_take_silence(session);
    session->has_pushed = false;
    if (command->handler != NULL) {
        struct command_context context = {.command = command,
                                          .database = session->database,
                                          .arguments = arguments,
                                          .arguments_count = arguments_count,
                                          .reply = &session->reply};
        executor_run(session->executor, &context, NULL);
    } else if (!run_node(session, command, arguments, arguments_count)) {
        session->reply_mode = mode_before;
        return stall(session);
    }
    executor_show(session, command, session->database, arguments, arguments_count);
    bool is_back_on = mode_before == SESSION_REPLY_OFF && session->reply_mode == SESSION_REPLY_ON;
    if (is_silent && !is_back_on && !session->has_pushed) {
        buf_truncate(&session->output, before);
    }
    session_touch(session);
    return EXECUTE_TAKEN;
}

void executor_run(struct executor *executor, struct command_context *context, struct prng *applying)
{
    struct buf *out = context->reply->out;
    size_t before = buf_size(out);
    uint64_t begin_us = replica_monotonic_us(executor->replica);
    executor_run_again(executor, context, applying);
    count_command(executor, context->command, out, before, begin_us);
}

void executor_run_again(struct executor *executor, struct command_context *context,
                        struct prng *applying)
{
    struct replica *replica = executor->replica;
    size_t before = buf_size(context->reply->out);
    executor->last_us = 0;
    context->keyspace = replica->keyspace;
    context->now_ms = keyspace_clock(replica->keyspace);
    if (applying != NULL) {
        context->prng = applying;
        context->events = notify_listen(executor);
        context->estimate_ms = context->now_ms;
        context->bulk_bytes_max = LIMIT_BULK_BYTES;
    } else {
        int64_t estimate_ms = log_clock_estimate(&replica->clock, replica->now_ms);
        context->prng = &executor->prng;
        context->estimate_ms = estimate_ms > context->now_ms ? estimate_ms : context->now_ms;
        context->bulk_bytes_max = executor->bulk_bytes_max;
    }
    context->command->handler(context);
    ASSERT(buf_size(context->reply->out) > before); /* every data command replies */
}

static void run_read(struct session *session, const struct request *request)
{
    struct executor *executor = session->executor;
    if (executor->arguments_capacity < request->arguments_count) {
        executor->arguments_capacity = request->arguments_count + 64;
        executor->arguments = mem_realloc(executor->arguments, executor->arguments_capacity *
                                                                   sizeof(*executor->arguments));
    }
    session_peek_arguments(session, request, executor->arguments);
    size_t before = buf_size(&session->output);
    struct command_context context = {.command = request->command,
                                      .database = request->database,
                                      .arguments = executor->arguments,
                                      .arguments_count = request->arguments_count,
                                      .reply = &session->reply};
    bool tells_misses = (executor->notify_classes & NOTIFY_KEY_MISS) != 0;
    if (tells_misses) {
        (void)notify_listen(executor);
    }
    executor_run(executor, &context, NULL);
    executor_show(session, request->command, request->database, context.arguments,
                  context.arguments_count);
    if (request->command->id == COMMAND_WATCH &&
        !transaction_watch(session, request->database, context.arguments,
                           context.arguments_count)) {
        buf_truncate(&session->output, before);
        reply_error(&session->reply, "ERR too many keys are watched");
    }
    if (request->is_silent || !session->is_open) {
        buf_truncate(&session->output, before);
    }
    if (tells_misses) {
        notify_hand_out(executor->replica);
    }
}

static void fail_read(struct session *session, const struct request *request)
{
    if (!request->is_silent && session->is_open) {
        reply_error(&session->reply, ERROR_NO_LEADER);
    }
    executor_count_error(session->executor, SLICE_LITERAL("CLUSTERDOWN "));
}

enum fate { FATE_WAIT, FATE_RUN, FATE_FAIL };

/* What becomes of the request at the head of a queue. */
static enum fate judge(struct session *session, const struct request *request, enum drain_mode mode)
{
    const struct read_rounds *rounds = &session->executor->replica->rounds;
    switch (request->kind) {
    case REQUEST_WRITE:
        return FATE_WAIT;
    case REQUEST_READ:
        if (mode == DRAIN_ALL || request->round <= rounds->completed) {
            return mode == DRAIN_READY && blocked_holds_read(session) ? FATE_WAIT : FATE_RUN;
        }
        return mode == DRAIN_GIVE_UP || request->round <= rounds->failed ? FATE_FAIL : FATE_WAIT;
    case REQUEST_READ_ATTACHED:
        if (mode == DRAIN_FAIL || mode == DRAIN_GIVE_UP) {
            return FATE_FAIL;
        }
        return mode == DRAIN_READY ? FATE_WAIT : FATE_RUN;
    case REQUEST_READ_LOCAL:
        return FATE_RUN;
    }
    return FATE_WAIT;
}

void executor_drain(struct session *session, enum drain_mode mode)
{
    struct request request;
    uint32_t fetched = 0;
    while (session_peek(session, &request)) {
        enum fate fate = judge(session, &request, mode);
        if (fate == FATE_WAIT) {
            break;
        }
        if (fetched == 0) {
            fetched = session_prefetch(session, session->executor->replica->keyspace);
        }
        fetched--;
        if (fate == FATE_FAIL) {
            fail_read(session, &request);
        } else if (session->is_open) { /* nobody listens to a closed session */
            run_read(session, &request);
        }
        session_pop(session, &request);
    }
    executor_answered(session);
}

void executor_fail_write(struct session *session, const char *error)
{
    struct request request;
    bool has_head = session_peek(session, &request);
    ASSERT(has_head);
    ASSERT(request.kind == REQUEST_WRITE);
    if (!request.is_silent && session->is_open) {
        reply_error(&session->reply, error);
    }
    executor_count_error(session->executor, slice_of_string(error));
    session->executor->stats[request.command->id].failed_calls++;
    session_pop(session, &request);
    if ((request.command->flags & COMMAND_FLAG_BLOCKING) != 0) {
        blocked_leave(session);
    }
    executor_answered(session);
}

void executor_answered(struct session *session)
{
    if (session->requests_count == 0) {
        session->is_stalled = false;
        if (session->closing_error != NULL && session->is_open) {
            if (session->reply_mode == SESSION_REPLY_ON) {
                reply_error_format(&session->reply, "ERR %s", session->closing_error);
            }
            mem_free(session->closing_error);
            session->closing_error = NULL;
        }
    }
    session_touch(session);
}

void executor_protocol_error(struct executor *executor, struct session *session, const char *error)
{
    executor_count_error(executor, SLICE_LITERAL("ERR "));
    session->is_closing = true;
    mem_free(session->closing_error);
    session->closing_error = mem_copy_string(error);
    executor_answered(session);
}

void executor_sample(struct executor *executor)
{
    uint64_t now_ms = executor_now_ms(executor);
    uint64_t elapsed_ms = now_ms - executor->sampled_ms;
    if (elapsed_ms >= 1000) {
        /* RESETSTAT sets the counter back. */
        uint64_t since = executor->commands_processed < executor->sampled_commands
                             ? 0
                             : executor->commands_processed - executor->sampled_commands;
        executor->operations_per_second = since * 1000 / elapsed_ms;
        executor->sampled_ms = now_ms;
        executor->sampled_commands = executor->commands_processed;
    }
}

void executor_wake_stalled(struct executor *executor)
{
    const struct batches *batches = &executor->replica->batches;
    bool has_room = batches->bytes < LIMIT_UNANSWERED_BYTES || batches_are_stuck(batches);
    bool is_free = has_room && executor_now_ms(executor) >= executor->pause_until_ms;
    if (executor->waiting_count == 0 && !(executor->has_stalled_idle && is_free)) {
        return;
    }
    executor->has_stalled_idle = executor->has_stalled_idle && !is_free;
    for (struct list *link = executor->sessions.next; link != &executor->sessions;
         link = link->next) {
        struct session *session = LIST_MEMBER(link, struct session, link);
        if (session->is_stalled && session->requests_count == 0 &&
            (is_free || session->wait_until_ms != 0)) {
            session->is_stalled = false;
            session_touch(session);
        }
    }
}

struct session *executor_next_touched(struct executor *executor)
{
    struct list *link = list_pop_front(&executor->touched);
    return link == NULL ? NULL : LIST_MEMBER(link, struct session, touched_link);
}

uint32_t executor_clients_count(const struct executor *executor)
{
    return executor->clients_count;
}

const char *executor_password(const struct executor *executor)
{
    return executor->password;
}

bool executor_check_password(const struct executor *executor, struct slice presented)
{
    size_t size = strlen(executor->password);
    if (size == 0) {
        return true;
    }
    uint8_t difference = presented.size == size ? 0 : 1;
    for (size_t i = 0; i < presented.size; i++) {
        difference |= (uint8_t)(presented.bytes[i] ^ (uint8_t)executor->password[i % size]);
    }
    return difference == 0;
}

void executor_count_error(struct executor *executor, struct slice text)
{
    executor->error_replies++;
    size_t size = 0;
    while (size < text.size && size < ERROR_CODE_BYTES - 1 && text.bytes[size] > ' ') {
        size++;
    }
    struct slice code = slice_of(text.bytes, size);
    for (uint32_t i = 0; i < executor->errors_count; i++) {
        if (slice_equals(code, slice_of_string(executor->errors[i].code))) {
            executor->errors[i].count++;
            return;
        }
    }
    if (executor->errors_count < ERROR_CODES_MAX) {
        struct error_stat *stat = &executor->errors[executor->errors_count++];
        memcpy(stat->code, code.bytes, size);
        stat->code[size] = '\0';
        stat->count = 1;
    }
}

uint64_t executor_now_ms(const struct executor *executor)
{
    return executor->replica->now_ms;
}

void executor_init(struct executor *executor, struct replica *replica, const char *password,
                   uint64_t seed)
{
    executor->replica = replica;
    executor->password = mem_copy_string(password == NULL ? "" : password);
    executor->bulk_bytes_max = LIMIT_BULK_BYTES;
    list_init(&executor->sessions);
    list_init(&executor->touched);
    list_init(&executor->monitors);
    blocked_init(&executor->blocked, hash_mix(seed, 1));
    pubsub_init(&executor->pubsub, hash_mix(seed, 3));
    slow_log_init(&executor->slow_log);
    prng_init(&executor->prng, seed);
}

void executor_deinit(struct executor *executor)
{
    ASSERT(list_is_empty(&executor->sessions));
    blocked_deinit(&executor->blocked);
    pubsub_deinit(&executor->pubsub);
    slow_log_deinit(&executor->slow_log);
    command_events_deinit(&executor->events);
    buf_deinit(&executor->scratch);
    mem_free(executor->arguments);
    mem_free(executor->password);
}
