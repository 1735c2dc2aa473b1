/* snapshot_files.c -- the thread that reads the copy and writes, verifies and loads what is
 * received.
 *
 * DESIGN. Calls are jobs (worker.h); outcomes are items of a bounded queue, so that a load waits
 * for whoever takes its rows. Dropping what is received interrupts a load that waits.
 *
 * The copy is opened by the loop thread at the first read, and renamed by it when it is dropped:
 * the name is free for the next copy at once, and a read that was queued before still reads what it
 * was meant to. Only removing it, which takes long for a large file, is the thread's.
 */
#include "storage/snapshot_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"
#include "storage/bounded_queue.h"
#include "storage/offline.h"
#include "storage/state_db.h"
#include "storage/worker.h"

enum { OUTCOMES_MAX = 8, LOAD_BLOB_BYTES = 256 * 1024, FILE_MODE = 0600 };

enum job_kind {
    JOB_READ,
    JOB_DROP_COPY,
    JOB_BEGIN,
    JOB_WRITE,
    JOB_VERIFY,
    JOB_LOAD,
    JOB_DROP,
};

struct job {
    struct worker_job job;
    enum job_kind kind;
    int descriptor;     /* READ, DROP_COPY: of the copy; -1: it could not be opened */
    uint64_t number;    /* READ */
    uint64_t offset;    /* READ */
    uint64_t bytes;     /* READ, VERIFY */
    uint64_t hash;      /* VERIFY */
    struct blob *piece; /* WRITE */
};

struct verified {
    struct state_meta meta;
    uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
};

struct item {
    struct bounded_item item;
    struct snapshot_files_outcome outcome;
    struct verified *verified; /* what outcome.meta points into */
};

struct snapshot_files {
    char *copy_path;
    char *dropped_path;
    char *received_path;
    struct worker *worker;
    struct bounded_queue *outcomes;
    int copy_descriptor;       /* loop thread only, as is the next; -1: not open */
    struct verified *verified; /* of the outcome taken last */
    int received_descriptor;   /* the thread's, as is the next; -1: nothing is being received */
    enum result write_result;  /* the first failure of what is being received */
    bool is_closing;           /* under the worker's mutex */
};

/* ---- The thread ---- */

static struct job *job_of(struct worker_job *job)
{
    return (struct job *)job;
}

static enum result failed(const char *what, const char *path)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    logger_log(LOGGER_WARNING, "cannot %s %s: %s", what, path, strerror(errno));
    return is_full ? RESULT_FULL : RESULT_IO;
}

/* Returns whether whoever makes outcomes is to go on. */
static bool report(struct snapshot_files *files, struct item values)
{
    struct item *item = mem_alloc(sizeof(*item));
    *item = values;
    bool is_to_go_on = bounded_queue_put(files->outcomes, &item->item);
    worker_wake(files->worker);
    return is_to_go_on;
}

static bool read_whole(int descriptor, uint8_t *out, uint64_t size, uint64_t offset)
{
    uint64_t done = 0;
    while (done < size) {
        ssize_t got = pread(descriptor, out + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            errno = got == 0 ? ENODATA : errno;
            return false;
        }
        done += (uint64_t)got;
    }
    return true;
}

static void read_piece(struct snapshot_files *files, const struct job *job)
{
    struct snapshot_files_outcome outcome = {
        .type = SNAPSHOT_FILES_READ_DONE, .result = RESULT_IO, .number = job->number};
    struct blob *bytes = blob_create((uint32_t)job->bytes);
    if (job->descriptor >= 0 &&
        read_whole(job->descriptor, bytes->bytes, job->bytes, job->offset)) {
        outcome.result = RESULT_OK;
        outcome.bytes = bytes;
    } else {
        if (job->descriptor >= 0) {
            (void)failed("read", files->copy_path);
        }
        blob_release(bytes); /* No other thread has seen it. */
    }
    (void)report(files, (struct item){.outcome = outcome});
}

static void drop_copy(struct snapshot_files *files, const struct job *job)
{
    if (job->descriptor >= 0) {
        (void)close(job->descriptor);
    }
    (void)unlink(files->dropped_path);
}

static void drop_received(struct snapshot_files *files)
{
    if (files->received_descriptor >= 0) {
        (void)close(files->received_descriptor);
        files->received_descriptor = -1;
    }
    char journal[PATH_MAX];
    (void)snprintf(journal, sizeof(journal), "%s-journal", files->received_path);
    (void)unlink(journal);
    (void)unlink(files->received_path);
}

static void receive(struct snapshot_files *files)
{
    drop_received(files);
    int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    files->received_descriptor = open(files->received_path, flags, FILE_MODE);
    files->write_result =
        files->received_descriptor >= 0 ? RESULT_OK : failed("create", files->received_path);
}

static void write_piece(struct snapshot_files *files, struct slice bytes)
{
    size_t done = 0;
    while (done < bytes.size && files->write_result == RESULT_OK) {
        ssize_t put = write(files->received_descriptor, bytes.bytes + done, bytes.size - done);
        if (put >= 0) {
            done += (size_t)put;
        } else if (errno != EINTR) {
            files->write_result = failed("write", files->received_path);
        }
    }
}

/* Flushed, and read back: what counts is what is in the file. */
static enum result check_whole(struct snapshot_files *files, const struct job *job)
{
    if (files->received_descriptor < 0) {
        return files->write_result == RESULT_OK ? RESULT_NOT_FOUND : files->write_result;
    }
    if (files->write_result == RESULT_OK && fsync(files->received_descriptor) != 0) {
        files->write_result = failed("flush", files->received_path);
    }
    (void)close(files->received_descriptor);
    files->received_descriptor = -1;
    uint64_t bytes = 0;
    uint64_t hash = 0;
    enum result result = files->write_result;
    if (result == RESULT_OK) {
        result = state_file_hash(files->received_path, &bytes, &hash);
    }
    if (result == RESULT_OK && (bytes != job->bytes || hash != job->hash)) {
        logger_log(LOGGER_WARNING,
                   "the snapshot that was received is not the one that was sent: %llu bytes of "
                   "hash %016llx instead of %llu of %016llx; it is dropped",
                   (unsigned long long)bytes, (unsigned long long)hash,
                   (unsigned long long)job->bytes, (unsigned long long)job->hash);
        result = RESULT_CORRUPT;
    }
    return result;
}

static void verify(struct snapshot_files *files, const struct job *job)
{
    struct verified *verified = mem_alloc_zeroed(1, sizeof(*verified));
    struct snapshot_files_outcome outcome = {.type = SNAPSHOT_FILES_VERIFIED};
    outcome.result = check_whole(files, job);
    if (outcome.result == RESULT_OK) {
        outcome.result =
            state_file_verify(files->received_path, &verified->meta, verified->replica_state);
    }
    if (outcome.result == RESULT_OK) {
        outcome.meta = &verified->meta;
    }
    (void)report(files, (struct item){.outcome = outcome, .verified = verified});
}

/* Encoded rows that make the next blob. */
struct load {
    struct snapshot_files *files;
    struct buf rows;
};

static enum result report_rows(struct load *load)
{
    struct snapshot_files_outcome outcome = {.type = SNAPSHOT_FILES_ROWS,
                                             .bytes = blob_copy(buf_slice(&load->rows))};
    buf_clear_and_shrink(&load->rows, (size_t)LOAD_BLOB_BYTES * 2);
    return report(load->files, (struct item){.outcome = outcome}) ? RESULT_OK : RESULT_CLOSED;
}

static enum result load_row(const struct state_row *row, void *context)
{
    struct load *load = context;
    state_row_encode(row, &load->rows);
    return buf_size(&load->rows) < LOAD_BLOB_BYTES ? RESULT_OK : report_rows(load);
}

static void load(struct snapshot_files *files)
{
    struct load load = {.files = files};
    struct state_db db;
    enum result result = state_db_open_file(&db, files->received_path);
    if (result == RESULT_OK) {
        result = state_db_load(&db, load_row, &load);
    }
    state_db_close(&db, true);
    if (result == RESULT_OK && buf_size(&load.rows) > 0) {
        result = report_rows(&load);
    }
    buf_deinit(&load.rows);
    struct snapshot_files_outcome end = {
        .type = SNAPSHOT_FILES_ROWS, .result = result, .is_last = true};
    (void)report(files, (struct item){.outcome = end});
}

static void run_job(struct snapshot_files *files, const struct job *job)
{
    switch (job->kind) {
    case JOB_READ:
        read_piece(files, job);
        break;
    case JOB_DROP_COPY:
        drop_copy(files, job);
        break;
    case JOB_BEGIN:
        receive(files);
        break;
    case JOB_WRITE:
        write_piece(files, blob_slice(job->piece));
        break;
    case JOB_VERIFY:
        verify(files, job);
        break;
    case JOB_LOAD:
        load(files);
        break;
    case JOB_DROP:
        drop_received(files);
        bounded_queue_resume(files->outcomes);
        break;
    }
}

static void run_jobs(struct worker_job *first, void *context)
{
    struct snapshot_files *files = context;
    while (first != NULL) {
        struct worker_job *next = first->next;
        worker_lock(files->worker);
        bool is_closing = files->is_closing;
        worker_unlock(files->worker);
        if (!is_closing || job_of(first)->kind == JOB_DROP_COPY) {
            run_job(files, job_of(first));
        }
        worker_lock(files->worker);
        worker_hand_back(files->worker, first, first);
        worker_unlock(files->worker);
        worker_wake(files->worker);
        first = next;
    }
}

/* ---- The loop thread ---- */

static char *path_in(const char *directory, const char *name)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    return mem_copy_string(path);
}

static void destroy(struct snapshot_files *files)
{
    worker_destroy(files->worker);
    bounded_queue_destroy(files->outcomes);
    mem_free(files->verified);
    mem_free(files->copy_path);
    mem_free(files->dropped_path);
    mem_free(files->received_path);
    mem_free(files);
}

enum result snapshot_files_open(const char *directory, struct snapshot_files **out)
{
    struct snapshot_files *files = mem_alloc_zeroed(1, sizeof(*files));
    files->copy_path = path_in(directory, "snapshot.copy");
    files->dropped_path = path_in(directory, "snapshot.copy.dropped" STATE_FILE_TEMPORARY);
    files->received_path = path_in(directory, "snapshot.received" STATE_FILE_TEMPORARY);
    files->copy_descriptor = -1;
    files->received_descriptor = -1;
    files->outcomes = bounded_queue_create(OUTCOMES_MAX);
    (void)unlink(files->copy_path);
    (void)unlink(files->dropped_path);
    drop_received(files);
    struct worker_calls calls = {.name = "snapshot-files", .on_jobs = run_jobs, .context = files};
    enum result result = worker_start(&calls, files->received_path, &files->worker);
    if (result != RESULT_OK) {
        destroy(files);
        return result;
    }
    *out = files;
    return RESULT_OK;
}

const char *snapshot_files_copy_path(const struct snapshot_files *files)
{
    return files->copy_path;
}

const char *snapshot_files_received_path(const struct snapshot_files *files)
{
    return files->received_path;
}

static void submit(struct snapshot_files *files, struct job values)
{
    struct job *job = mem_alloc(sizeof(*job));
    *job = values;
    worker_submit(files->worker, &job->job);
}

void snapshot_files_read(struct snapshot_files *files, uint64_t number, uint64_t offset,
                         uint32_t bytes)
{
    if (files->copy_descriptor < 0) {
        files->copy_descriptor = open(files->copy_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (files->copy_descriptor < 0) {
        (void)failed("open", files->copy_path);
    }
    submit(files, (struct job){.kind = JOB_READ,
                               .descriptor = files->copy_descriptor,
                               .number = number,
                               .offset = offset,
                               .bytes = bytes});
}

void snapshot_files_drop_copy(struct snapshot_files *files)
{
    if (rename(files->copy_path, files->dropped_path) != 0 && errno != ENOENT) {
        (void)failed("rename", files->copy_path);
    }
    submit(files, (struct job){.kind = JOB_DROP_COPY, .descriptor = files->copy_descriptor});
    files->copy_descriptor = -1;
}

void snapshot_files_receive_begin(struct snapshot_files *files)
{
    submit(files, (struct job){.kind = JOB_BEGIN});
}

void snapshot_files_receive_write(struct snapshot_files *files, struct slice bytes)
{
    submit(files, (struct job){.kind = JOB_WRITE, .piece = blob_copy(bytes)});
}

void snapshot_files_receive_verify(struct snapshot_files *files, uint64_t bytes, uint64_t hash)
{
    submit(files, (struct job){.kind = JOB_VERIFY, .bytes = bytes, .hash = hash});
}

void snapshot_files_receive_load(struct snapshot_files *files)
{
    submit(files, (struct job){.kind = JOB_LOAD});
}

void snapshot_files_receive_drop(struct snapshot_files *files)
{
    bounded_queue_interrupt(files->outcomes);
    submit(files, (struct job){.kind = JOB_DROP});
}

int snapshot_files_descriptor(const struct snapshot_files *files)
{
    return worker_descriptor(files->worker);
}

/* As blobs are released by one thread only. */
static void collect_jobs(struct snapshot_files *files)
{
    worker_lock(files->worker);
    struct worker_job *done = worker_collect(files->worker);
    worker_unlock(files->worker);
    while (done != NULL) {
        struct worker_job *next = done->next;
        blob_release(job_of(done)->piece);
        mem_free(job_of(done));
        done = next;
    }
}

bool snapshot_files_next(struct snapshot_files *files, struct snapshot_files_outcome *out)
{
    collect_jobs(files);
    struct item *item = (struct item *)bounded_queue_try_take(files->outcomes);
    if (item == NULL) {
        worker_clear(files->worker);
        item = (struct item *)bounded_queue_try_take(files->outcomes); /* It may just have come. */
    }
    if (item == NULL) {
        return false;
    }
    mem_free(files->verified);
    files->verified = item->verified;
    *out = item->outcome;
    mem_free(item);
    return true;
}

void snapshot_files_close(struct snapshot_files *files)
{
    worker_lock(files->worker);
    files->is_closing = true;
    worker_unlock(files->worker);
    bounded_queue_interrupt(files->outcomes);
    worker_stop(files->worker);
    struct snapshot_files_outcome outcome;
    while (snapshot_files_next(files, &outcome)) {
        blob_release(outcome.bytes);
    }
    collect_jobs(files);
    if (files->copy_descriptor >= 0) {
        (void)close(files->copy_descriptor);
    }
    drop_received(files);
    (void)unlink(files->copy_path);
    (void)unlink(files->dropped_path);
    destroy(files);
}
