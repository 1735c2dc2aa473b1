/* ctl_backup.c -- quorumctl backup: the data of a running node, copied into a file.
 *
 * The node makes a consistent copy of its state (QUORUM BACKUP BEGIN), which is read piece by piece
 * (READ) and given up (END). A file at its final name is whole: the pieces go to FILE.part, which
 * is flushed, compared with the hash that the node states, verified row by row, and only then
 * renamed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ctl_commands.h"
#include "cli/ctl_data.h"
#include "cli/ctl_reply.h"
#include "cli/ctl_text.h"
#include "storage/data_dir.h"

enum {
    PATH_BYTES = 4096,
    PIECE_BYTES = 1 << 20,
    BEGIN_SECONDS = 600, /* the node copies all its data first */
    ANSWER_SECONDS = 30,
    FILE_MODE = 0600, /* it holds what the data directory holds, which is closed to others */
};

typedef unsigned long long u64;

struct backup {
    const struct ctl_target *target;
    const char *path;
    char part[PATH_BYTES]; /* where the file grows */
    redisContext *context;
    int descriptor;
    uint64_t index; /* what the node says of its copy */
    uint64_t term;
    uint64_t bytes;
    uint64_t hash;
    bool shows_progress;
};

static enum ctl_exit failed(const char *what, const char *path)
{
    (void)fprintf(stderr, "quorumctl: cannot %s %s: %s\n", what, path, strerror(errno));
    return CTL_FAILED;
}

/* ---- What the node is asked ---- */

/* A linearizable read: when it is answered, the node has applied every write that was acknowledged
 * before. Without a quorum it fails, and a copy of what the node has is wanted all the more. */
static void catch_up(struct backup *backup)
{
    static const char *words[] = {"GET", "quorumctl:backup"};
    char error[CTL_ERROR_BYTES];
    redisReply *reply = ctl_call(backup->context, ANSWER_SECONDS, 2, words, error);
    if (reply == NULL) {
        (void)fprintf(stderr, "quorumctl: the copy may lack the newest writes: %s\n", error);
    }
    freeReplyObject(reply);
}

static enum ctl_exit begin(struct backup *backup)
{
    static const char *words[] = {"QUORUM", "BACKUP", "BEGIN"};
    char error[CTL_ERROR_BYTES];
    redisReply *reply = ctl_call(backup->context, BEGIN_SECONDS, 3, words, error);
    if (reply == NULL) {
        return ctl_complain(backup->target, error);
    }
    bool is_read = ctl_reply_number(reply, "index", &backup->index) &&
                   ctl_reply_number(reply, "term", &backup->term) &&
                   ctl_reply_number(reply, "bytes", &backup->bytes) &&
                   ctl_reply_hash(reply, "hash", &backup->hash);
    freeReplyObject(reply);
    return is_read ? CTL_OK
                   : ctl_complain(backup->target, "answers BACKUP BEGIN as no version known here");
}

/* Reads a piece; NULL, said, when there is none. */
static redisReply *read_piece(struct backup *backup, uint64_t offset)
{
    char at[24];
    char count[24];
    char error[CTL_ERROR_BYTES];
    uint64_t left = backup->bytes - offset;
    (void)snprintf(at, sizeof(at), "%llu", (u64)offset);
    (void)snprintf(count, sizeof(count), "%llu", (u64)(left < PIECE_BYTES ? left : PIECE_BYTES));
    const char *words[] = {"QUORUM", "BACKUP", "READ", at, count};
    redisReply *reply = ctl_call(backup->context, ANSWER_SECONDS, 5, words, error);
    if (reply == NULL) {
        (void)ctl_complain(backup->target, error);
        return NULL;
    }
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 || (uint64_t)reply->len > left) {
        (void)ctl_complain(backup->target, "gives a piece of another size than asked for");
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

/* The node gives its copy up by itself when the connection ends, so a failure matters to nobody. */
static void end(struct backup *backup)
{
    static const char *words[] = {"QUORUM", "BACKUP", "END"};
    char error[CTL_ERROR_BYTES];
    freeReplyObject(ctl_call(backup->context, ANSWER_SECONDS, 3, words, error));
}

/* ---- The file ---- */

static void show_progress(const struct backup *backup, uint64_t done)
{
    if (!backup->shows_progress) {
        return;
    }
    struct buf text = {0};
    ctl_text_bytes(&text, done);
    buf_append_format(&text, " of ");
    ctl_text_bytes(&text, backup->bytes);
    (void)fprintf(stderr, "\rbackup: %.*s, %llu%%\033[K%s", (int)buf_size(&text),
                  (const char *)buf_slice(&text).bytes,
                  backup->bytes == 0 ? 100 : (u64)(done * 100 / backup->bytes),
                  done == backup->bytes ? "\n" : "");
    buf_deinit(&text);
}

static bool write_all(int descriptor, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(descriptor, bytes, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

static enum ctl_exit copy_pieces(struct backup *backup)
{
    uint64_t done = 0;
    while (done < backup->bytes) {
        redisReply *piece = read_piece(backup, done);
        if (piece == NULL) {
            return CTL_NO;
        }
        bool is_written = write_all(backup->descriptor, piece->str, (size_t)piece->len);
        done += (uint64_t)piece->len;
        freeReplyObject(piece);
        if (!is_written) {
            return failed("write", backup->part);
        }
        show_progress(backup, done);
    }
    return fsync(backup->descriptor) == 0 ? CTL_OK : failed("flush", backup->part);
}

/* Takes the copy over from the node into the part file. */
static enum ctl_exit fetch(struct backup *backup)
{
    char error[CTL_ERROR_BYTES];
    backup->context = ctl_connect(backup->target, error, sizeof(error));
    if (backup->context == NULL) {
        return ctl_complain(backup->target, error);
    }
    catch_up(backup);
    enum ctl_exit answer = begin(backup);
    if (answer == CTL_OK) {
        answer = copy_pieces(backup);
        end(backup);
    }
    redisFree(backup->context);
    return answer;
}

static enum ctl_exit check_copy(const struct backup *backup)
{
    uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    struct state_meta meta = {0};
    uint64_t bytes;
    uint64_t hash;
    enum result result = state_file_hash(backup->part, &bytes, &hash);
    if (result != RESULT_OK) {
        return ctl_data_exit(result);
    }
    if (bytes != backup->bytes || hash != backup->hash) {
        (void)fprintf(stderr,
                      "quorumctl: the copy is damaged: %llu bytes of hash %016llx came, the node "
                      "says %llu of %016llx; try again\n",
                      (u64)bytes, (u64)hash, (u64)backup->bytes, (u64)backup->hash);
        return CTL_NO;
    }
    result = state_file_verify(backup->part, &meta, replica_state);
    if (result == RESULT_OK && (meta.index != backup->index || meta.term != backup->term)) {
        (void)fprintf(stderr, "quorumctl: the copy is of index %llu, the node says %llu\n",
                      (u64)meta.index, (u64)backup->index);
        result = RESULT_CORRUPT;
    }
    return ctl_data_exit(result);
}

static enum result sync_directory_of(const char *path)
{
    char directory[PATH_BYTES];
    (void)snprintf(directory, sizeof(directory), "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash == NULL) {
        return data_dir_sync(".");
    }
    slash[slash == directory ? 1 : 0] = '\0';
    return data_dir_sync(directory);
}

static enum ctl_exit put_in_place(const struct backup *backup)
{
    if (rename(backup->part, backup->path) != 0) {
        return failed("rename to its place", backup->part);
    }
    return ctl_data_exit(sync_directory_of(backup->path));
}

static enum ctl_exit make(struct backup *backup)
{
    (void)unlink(backup->part); /* What an earlier try left. */
    backup->descriptor =
        open(backup->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (backup->descriptor < 0) {
        return failed("create", backup->part);
    }
    enum ctl_exit answer = fetch(backup);
    (void)close(backup->descriptor);
    if (answer == CTL_OK) {
        answer = check_copy(backup);
    }
    if (answer == CTL_OK) {
        answer = put_in_place(backup);
    }
    if (answer != CTL_OK) {
        (void)unlink(backup->part);
    }
    return answer;
}

static bool is_taken(const char *path, bool may_replace)
{
    struct stat status;
    if (stat(path, &status) != 0 || (may_replace && S_ISREG(status.st_mode))) {
        return false;
    }
    (void)fprintf(stderr, "quorumctl: %s exists%s\n", path,
                  S_ISREG(status.st_mode) ? "; --force replaces it" : " and is no plain file");
    return true;
}

static enum ctl_exit run(const struct ctl_options *options)
{
    struct backup backup = {.target = &options->target, .path = options->arguments[0]};
    int size = snprintf(backup.part, sizeof(backup.part), "%s.part", backup.path);
    if (size < 0 || (size_t)size >= sizeof(backup.part)) {
        return ctl_usage("backup", "the path is too long");
    }
    if (is_taken(backup.path, ctl_options_has(options, CTL_OPTION_FORCE))) {
        return CTL_FAILED;
    }
    backup.shows_progress = isatty(STDERR_FILENO) == 1;
    enum ctl_exit answer = make(&backup);
    if (answer == CTL_OK) {
        printf("%s: index %llu, term %llu, %llu bytes, hash %016llx, every row verified\n",
               backup.path, (u64)backup.index, (u64)backup.term, (u64)backup.bytes,
               (u64)backup.hash);
    }
    return answer;
}

const struct ctl_command ctl_command_backup = {
    .name = "backup",
    .summary = "copies the data of a running cluster, from any node, into a file",
    .usage = "FILE [--force] [-h HOST] [-p PORT] [-a PASSWORD]",
    .help =
        "The copy is of one point of the log, which is printed: all that the node had applied\n"
        "when it was asked. The cluster goes on meanwhile. FILE appears only when it is whole,\n"
        "on the disk, and verified row by row; until then there is FILE.part. It holds all\n"
        "data, and is readable for its owner alone.\n"
        "\n"
        "  -f, --force  replace FILE if it exists\n"
        "\n"
        "quorumctl restore makes a cluster from it, quorumctl verify checks it again.\n",
    .exits =
        "0 done; 1 the node refuses, is not reachable, or what came is damaged; 2 the command\n"
        "line makes no sense; 4 FILE exists or cannot be written.",
    .options = CTL_OPTIONS_NODE | CTL_BIT(CTL_OPTION_FORCE),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
