/* transaction.c -- several commands as one: see transaction.h. */
#include "replica/transaction.h"

#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/number.h"
#include "replica/executor_internal.h"
#include "replica/monitor.h"
#include "replica/node_commands.h"
#include "replica/replica_internal.h"
#include "replica/session_internal.h"
#include "wire/entry_payload.h"

enum { ENTRY_ARGUMENTS = 3, WATCHES_BYTES_MAX = LIMIT_ENTRY_BYTES_SOFT };

void transaction_reset(struct transaction *transaction)
{
    buf_deinit(&transaction->commands);
    buf_deinit(&transaction->watches);
    *transaction = (struct transaction){.is_open = false};
}

/* ---- Gathering ---- */

/* What is executed at once, and never gathered. */
static bool is_control(const struct command *command)
{
    static const enum command_id ids[] = {COMMAND_DISCARD, COMMAND_EXEC,  COMMAND_MULTI,
                                          COMMAND_QUIT,    COMMAND_RESET, COMMAND_WATCH};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        if (command->id == ids[i]) {
            return true;
        }
    }
    return false;
}

bool transaction_takes(const struct session *session, const struct command *command)
{
    return session->transaction.is_open && !is_control(command);
}

/* What waits for something other than the keyspace has no place in one unit. */
static bool may_wait(const struct command *command)
{
    return (command->flags & COMMAND_FLAG_NO_MULTI) != 0 || command->id == COMMAND_WAIT ||
           (command->container != NULL &&
            slice_is_word(slice_of_string(command->container), "quorum"));
}

static void abort_with(struct session *session, const char *error)
{
    session->transaction.is_aborted = true;
    reply_error(&session->reply, error);
    executor_count_error(session->executor, slice_of_string(error));
}

static void follow_select(struct transaction *transaction, struct slice argument)
{
    int64_t database = 0;
    if (number_parse_int64(argument, &database) && database >= 0 && database < LIMIT_DATABASES) {
        transaction->database = (uint32_t)database;
    }
}

void transaction_queue(struct session *session, const struct command *command,
                       const struct slice *arguments, uint32_t arguments_count)
{
    struct transaction *transaction = &session->transaction;
    char refusal[DISK_REFUSAL_BYTES];
    size_t before = buf_size(&session->output);
    if (may_wait(command)) {
        abort_with(session, "ERR Command not allowed inside a transaction");
    } else if (disk_state_refuses(session->executor->replica, command, refusal)) {
        abort_with(session, refusal);
    } else {
        size_t size = buf_size(&transaction->commands);
        batch_put_command(&transaction->commands, transaction->database, arguments,
                          arguments_count);
        if (buf_size(&transaction->commands) + buf_size(&transaction->watches) >
            EXECUTOR_WRITE_BYTES_MAX) {
            buf_truncate(&transaction->commands, size);
            abort_with(session, "ERR transaction is too large for one log entry");
        } else {
            transaction->commands_count++;
            transaction->flags |= command->flags;
            transaction->has_node_command |= command->class == COMMAND_CLASS_NODE;
            reply_status(&session->reply, "QUEUED");
        }
    }
    if (command->id == COMMAND_SELECT) {
        follow_select(transaction, arguments[1]);
    }
    if (session_take_silence(session)) {
        buf_truncate(&session->output, before);
    }
    session_touch(session);
}

/* ---- Node commands ---- */

enum execute_result node_multi(struct session *session, const struct slice *arguments,
                               uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    if (session->transaction.is_open) {
        reply_error(&session->reply, "ERR MULTI calls can not be nested");
        return EXECUTE_TAKEN;
    }
    session->transaction.is_open = true;
    session->transaction.database = session->database;
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}

enum execute_result node_discard(struct session *session, const struct slice *arguments,
                                 uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    if (!session->transaction.is_open) {
        reply_error(&session->reply, "ERR DISCARD without MULTI");
        return EXECUTE_TAKEN;
    }
    transaction_reset(&session->transaction);
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}

enum execute_result node_unwatch(struct session *session, const struct slice *arguments,
                                 uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    struct transaction *transaction = &session->transaction;
    buf_deinit(&transaction->watches);
    transaction->watches_count = 0;
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}

/* ---- EXEC ---- */

void transaction_refuse_exec(struct session *session, size_t start)
{
    static const char general[] = "-ERR ";
    struct slice error = buf_slice(&session->output);
    error = slice_of(error.bytes + start, error.size - start - 2); /* without its line break */
    size_t skipped =
        memcmp(error.bytes, general, sizeof(general) - 1) == 0 ? sizeof(general) - 1 : 1;
    struct buf cause = {0};
    buf_append(&cause, error.bytes + skipped, error.size - skipped);
    buf_append_byte(&cause, '\0');
    buf_truncate(&session->output, start);
    reply_error_format(&session->reply, "EXECABORT Transaction discarded because of: %s",
                       (const char *)buf_slice(&cause).bytes);
    buf_deinit(&cause);
    transaction_reset(&session->transaction);
}

bool transaction_begin_exec(struct session *session)
{
    struct transaction *transaction = &session->transaction;
    ASSERT(session->requests_count == 0);
    size_t before = buf_size(&session->output);
    const char *error = NULL;
    if (!transaction->is_open) {
        error = "ERR EXEC without MULTI";
    } else if (transaction->is_aborted) {
        error = "EXECABORT Transaction discarded because of previous errors.";
    } else if (transaction->commands_count > 0 || transaction->watches_count > 0) {
        return true;
    }
    if (error != NULL) {
        reply_error(&session->reply, error);
        executor_count_error(session->executor, slice_of_string(error));
    } else {
        reply_array(&session->reply, 0);
    }
    if (transaction->is_open) {
        transaction_reset(transaction);
    }
    if (session_take_silence(session)) {
        buf_truncate(&session->output, before);
    }
    session_touch(session);
    return false;
}

void transaction_send(struct session *session, const struct command *exec)
{
    struct transaction *transaction = &session->transaction;
    const struct slice arguments[ENTRY_ARGUMENTS] = {slice_of_string(exec->name),
                                                     buf_slice(&transaction->watches),
                                                     buf_slice(&transaction->commands)};
    session->is_unsettled = transaction->has_node_command;
    executor_send_write(session, exec, arguments, ENTRY_ARGUMENTS);
    transaction_reset(transaction);
}

bool transaction_watch(struct session *session, uint32_t database, const struct slice *arguments,
                       uint32_t arguments_count)
{
    struct transaction *transaction = &session->transaction;
    struct keyspace *keyspace = session->executor->replica->keyspace;
    size_t size_before = buf_size(&transaction->watches);
    for (uint32_t i = 1; i < arguments_count; i++) {
        const struct item *item =
            keyspace_lookup_read(keyspace, database, arguments[i], KEYSPACE_UNTOUCHED);
        bytes_put_u32(&transaction->watches, database);
        bytes_put_u64(&transaction->watches, item == NULL ? 0 : keyspace_item_modified_index(item));
        bytes_put_slice(&transaction->watches, arguments[i]);
    }
    if (buf_size(&transaction->watches) > WATCHES_BYTES_MAX) {
        buf_truncate(&transaction->watches, size_before);
        return false;
    }
    transaction->watches_count += arguments_count - 1;
    return true;
}

/* ---- Apply ---- */

bool transaction_is_entry(const struct command_arguments *arguments)
{
    return arguments->count == ENTRY_ARGUMENTS && slice_is_word(arguments->slices[0], "exec");
}

/* Whether every watched key is as it was seen. Damaged watches never are. */
static bool are_unchanged(struct keyspace *keyspace, struct slice watches)
{
    struct bytes_reader reader = bytes_reader_of(watches);
    while (bytes_left(&reader) > 0) {
        uint32_t database = bytes_get_u32(&reader);
        uint64_t seen = bytes_get_u64(&reader);
        struct slice key = bytes_get_slice(&reader);
        if (reader.bad || database >= LIMIT_DATABASES) {
            return false;
        }
        const struct item *item = keyspace_lookup_write(keyspace, database, key);
        if (seen != (item == NULL ? 0 : keyspace_item_modified_index(item))) {
            return false;
        }
    }
    return true;
}

/* The commands that can be decoded; a forged entry's rest changes nothing, on every node alike. */
static uint32_t count_commands(struct slice commands, struct command_arguments *arguments)
{
    struct bytes_reader reader = bytes_reader_of(commands);
    uint32_t count = 0;
    while (bytes_left(&reader) > 0 && batch_get_command(&reader, arguments) == RESULT_OK) {
        count++;
    }
    return count;
}

/* Runs a command about the connection or the node, for the session that is connected. Whether
 * anybody wants the reply or not: what it changes, as the database, stays. */
static void run_node_command(struct session *session, const struct command *command,
                             const struct command_arguments *arguments, struct reply *reply)
{
    node_command *run = node_command_find(command->id);
    size_t before = buf_size(&session->output);
    if (command->handler != NULL) {
        struct command_context context = {.command = command,
                                          .database = session->database,
                                          .arguments = arguments->slices,
                                          .arguments_count = arguments->count,
                                          .reply = reply};
        executor_run(session->executor, &context, NULL);
        return;
    }
    ASSERT(run != NULL);
    enum execute_result result = run(session, arguments->slices, arguments->count);
    ASSERT(result == EXECUTE_TAKEN);
    if (reply != &session->reply) { /* nobody wants it */
        buf_truncate(&session->output, before);
    }
}

static void run_one(struct replica *replica, struct session *session, struct reply *reply,
                    struct prng *prng)
{
    struct command_arguments *arguments = &replica->inner_arguments;
    struct buf errors = {0};
    struct reply resolving = {&errors, reply->protocol};
    const struct command *command =
        command_resolve(arguments->slices, arguments->count, &resolving);
    if (reply->out == &replica->executor.scratch) {
        buf_clear(reply->out);
    }
    if (command == NULL) {
        buf_append_slice(reply->out, buf_slice(&errors));
    } else if (may_wait(command) || is_control(command)) {
        reply_error(reply, "ERR Command not allowed inside a transaction"); /* a forged entry */
    } else if (command->class == COMMAND_CLASS_NODE) {
        if (session != NULL && session->is_open) {
            run_node_command(session, command, arguments, reply);
            executor_show(session, command, session->database, arguments->slices, arguments->count);
        }
    } else if (command->handler != NULL) {
        struct command_context context = {.command = command,
                                          .database = arguments->database,
                                          .arguments = arguments->slices,
                                          .arguments_count = arguments->count,
                                          .reply = reply};
        executor_run(&replica->executor, &context, prng);
        if (session != NULL) {
            executor_show(session, command, arguments->database, arguments->slices,
                          arguments->count);
        }
    }
    buf_deinit(&errors);
}

void transaction_apply(struct replica *replica, struct session *session, struct reply *reply,
                       struct prng *prng)
{
    struct slice watches = replica->arguments.slices[1];
    struct slice commands = replica->arguments.slices[2];
    if (!are_unchanged(replica->keyspace, watches)) {
        reply_null_array(reply);
        return;
    }
    uint32_t count = count_commands(commands, &replica->inner_arguments);
    struct bytes_reader reader = bytes_reader_of(commands);
    reply_array(reply, count);
    for (uint32_t i = 0; i < count; i++) {
        enum result result = batch_get_command(&reader, &replica->inner_arguments);
        ASSERT(result == RESULT_OK);
        run_one(replica, session, reply, prng);
    }
}
