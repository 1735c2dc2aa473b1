/* node_snapshot.c -- commands about snapshots of this node: BGSAVE, SAVE, LASTSAVE, and QUORUM
 * BACKUP, with which a client copies the state piece by piece.
 *
 * What takes time stalls the session: the network offers the command again after every turn, and
 * what it waits for is in the session (SAVE) or in the one backup that there may be.
 */
#include <stdio.h>

#include "base/number.h"
#include "replica/node_commands.h"
#include "replica/replica_internal.h"

enum { BACKUP_READ_BYTES_MAX = 1024 * 1024 };

#define ERROR_SAVE_FAILED "ERR the snapshot could not be written; see the node's log"

static enum execute_result fail(struct session *session, const char *error)
{
    node_wait_end(session);
    reply_error(&session->reply, error);
    return EXECUTE_TAKEN;
}

/* ---- Snapshots ---- */

enum execute_result node_bgsave(struct session *session, const struct slice *arguments,
                                uint32_t arguments_count)
{
    struct replica *replica = session->executor->replica;
    if (arguments_count > 2 || (arguments_count == 2 && !slice_is_word(arguments[1], "schedule"))) {
        return fail(session, "ERR syntax error");
    }
    if (replica->is_state_missing) {
        return fail(session, ERROR_STATE_MISSING);
    }
    if (save_is_running(&replica->save)) {
        return fail(session, "ERR Background save already in progress");
    }
    save_request_now(replica);
    reply_status(&session->reply, "Background saving started");
    return EXECUTE_TAKEN;
}

/* Unlike in Redis, one that runs already does not refuse this: it is waited for, and if it is too
 * old, for the next one. */
enum execute_result node_save(struct session *session, const struct slice *arguments,
                              uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    struct replica *replica = session->executor->replica;
    const struct snapshot_save *save = &replica->save;
    if (replica->is_state_missing) {
        return fail(session, ERROR_STATE_MISSING);
    }
    if (!node_waits(session)) {
        session->awaited_index = replica->applied_index;
        session->awaited_failures = save->failures;
        save_request_now(replica);
    }
    if (save->index >= session->awaited_index) {
        node_wait_end(session);
        reply_ok(&session->reply);
        return EXECUTE_TAKEN;
    }
    if (save->failures != session->awaited_failures) {
        return fail(session, ERROR_SAVE_FAILED);
    }
    save_request(replica);
    return node_wait_begin(session, UINT64_MAX);
}

enum execute_result node_lastsave(struct session *session, const struct slice *arguments,
                                  uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    reply_integer(&session->reply, session->executor->replica->save.saved_wall_ms / 1000);
    return EXECUTE_TAKEN;
}

/* ---- Backups ---- */

static bool is_open(struct executor *executor, uint64_t id)
{
    for (struct list *link = executor->sessions.next; link != &executor->sessions;
         link = link->next) {
        if (LIST_MEMBER(link, struct session, link)->id == id) {
            return true;
        }
    }
    return false;
}

static void end_backup(struct backup *backup)
{
    buf_deinit(&backup->bytes);
    *backup = (struct backup){0};
}

static void reply_snapshot(struct reply *reply, const struct peer_snapshot *snapshot)
{
    char hash[32];
    (void)snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)snapshot->hash);
    reply_map(reply, 4);
    reply_bulk_string(reply, "index");
    reply_integer(reply, (int64_t)snapshot->index);
    reply_bulk_string(reply, "term");
    reply_integer(reply, (int64_t)snapshot->term);
    reply_bulk_string(reply, "bytes");
    reply_integer(reply, (int64_t)snapshot->bytes);
    reply_bulk_string(reply, "hash");
    reply_bulk_string(reply, hash);
}

static enum execute_result backup_begin(struct session *session)
{
    struct replica *replica = session->executor->replica;
    struct snapshot_send *send = &replica->send;
    struct backup *backup = &send->backup;
    bool is_own = backup->session == session->id;
    if (backup->session != 0 && !is_own && is_open(session->executor, backup->session)) {
        return fail(session, "ERR another client is taking a backup of this node");
    }
    if (replica->is_state_missing || replica->applied_index == 0) {
        return fail(session, replica->is_state_missing ? ERROR_STATE_MISSING : ERROR_NO_LEADER);
    }
    if (!node_waits(session)) {
        end_backup(backup);
        backup->session = session->id;
        backup->index = replica->applied_index;
        session->awaited_failures = replica->save.failures + send->failures;
    }
    backup->used_ms = replica->now_ms;
    if (send_has_copy(replica, backup->index)) {
        backup->is_begun = true;
        backup->snapshot = send->snapshot;
        node_wait_end(session);
        reply_snapshot(&session->reply, &backup->snapshot);
        return EXECUTE_TAKEN;
    }
    if (session->awaited_failures != replica->save.failures + send->failures) {
        end_backup(backup);
        return fail(session, ERROR_SAVE_FAILED);
    }
    return node_wait_begin(session, UINT64_MAX);
}

static bool parse_piece(const struct slice *arguments, uint64_t *offset, uint64_t *count)
{
    int64_t signed_offset;
    int64_t signed_count;
    if (!number_parse_int64(arguments[0], &signed_offset) ||
        !number_parse_int64(arguments[1], &signed_count) || signed_offset < 0 || signed_count < 0 ||
        signed_count > BACKUP_READ_BYTES_MAX) {
        return false;
    }
    *offset = (uint64_t)signed_offset;
    *count = (uint64_t)signed_count;
    return true;
}

/* Whether the copy that this client was told of is still there. */
static bool has_its_copy(const struct replica *replica)
{
    const struct snapshot_send *send = &replica->send;
    return send->phase == COPY_READY && send->snapshot.index == send->backup.snapshot.index &&
           send->snapshot.hash == send->backup.snapshot.hash;
}

static enum execute_result reply_piece(struct session *session, struct slice bytes)
{
    node_wait_end(session);
    reply_bulk(&session->reply, bytes);
    return EXECUTE_TAKEN;
}

static enum execute_result backup_read(struct session *session, const struct slice *arguments)
{
    struct replica *replica = session->executor->replica;
    struct backup *backup = &replica->send.backup;
    uint64_t offset;
    uint64_t count;
    if (!parse_piece(arguments, &offset, &count)) {
        return fail(session, "ERR offset and count must be numbers, and count at most 1048576");
    }
    if (backup->session != session->id || !backup->is_begun) {
        return fail(session, "ERR this client has begun no backup, or it was idle for too long");
    }
    if (!has_its_copy(replica) || backup->read == BACKUP_READ_FAILED) {
        end_backup(backup);
        return fail(session, "ERR the copy is gone; begin the backup again");
    }
    backup->used_ms = replica->now_ms;
    uint64_t left = offset < backup->snapshot.bytes ? backup->snapshot.bytes - offset : 0;
    uint32_t bytes = (uint32_t)(count < left ? count : left);
    if (bytes == 0) {
        return reply_piece(session, slice_of("", 0));
    }
    if (backup->read == BACKUP_READ_DONE) {
        backup->read = BACKUP_READ_NONE;
        if (backup->read_offset == offset && backup->read_bytes == bytes) {
            return reply_piece(session, buf_slice(&backup->bytes));
        }
    }
    if (backup->read == BACKUP_READ_NONE) {
        send_read_for_backup(replica, offset, bytes);
    }
    return node_wait_begin(session, UINT64_MAX);
}

static enum execute_result backup_end(struct session *session)
{
    struct backup *backup = &session->executor->replica->send.backup;
    if (backup->session == session->id) {
        end_backup(backup);
    }
    reply_ok(&session->reply);
    return EXECUTE_TAKEN;
}

enum execute_result node_quorum_backup(struct session *session, const struct slice *arguments,
                                       uint32_t arguments_count)
{
    if (arguments_count == 3 && slice_is_word(arguments[2], "begin")) {
        return backup_begin(session);
    }
    if (arguments_count == 5 && slice_is_word(arguments[2], "read")) {
        return backup_read(session, arguments + 3);
    }
    if (arguments_count == 3 && slice_is_word(arguments[2], "end")) {
        return backup_end(session);
    }
    return fail(session, "ERR syntax error");
}
