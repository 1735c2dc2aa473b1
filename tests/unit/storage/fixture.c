/* fixture.c -- the storage tests' directory, store and helpers. */
#include "unit/storage/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/logger.h"
#include "lib/unit.h"

enum { WAIT_MS_MAX = 30000, MESSAGES_BYTES = 8192 };

static char messages[MESSAGES_BYTES];
static int child_descriptor = -1;

static void keep_line(enum logger_level level, const char *line, void *context)
{
    (void)context;
    if (level < LOGGER_ERROR) {
        return;
    }
    if (child_descriptor >= 0) {
        (void)dprintf(child_descriptor, "%s\n", line);
        return;
    }
    size_t used = strlen(messages);
    (void)snprintf(messages + used, sizeof(messages) - used, "%s\n", line);
}

/* Aborts the whole run: a test that cannot even prepare must not look like one that passed. */
static void require(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "fixture: %s failed; logged: %s\n", what, messages);
        abort();
    }
}

void fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){.term = 1};
    bool has_memory = access("/dev/shm", W_OK) == 0;
    (void)snprintf(fixture->directory, sizeof(fixture->directory), "%s/quorum-storage-XXXXXX",
                   has_memory ? "/dev/shm" : "/tmp");
    require(mkdtemp(fixture->directory) != NULL, "mkdtemp");
    for (uint64_t id = 11; id <= 13; id++) {
        struct raft_member member = {.id = id, .role = RAFT_VOTER};
        (void)snprintf(member.name, sizeof(member.name), "node-%d", (int)(id - 10));
        (void)snprintf(member.raft_address, sizeof(member.raft_address), "host:%d", (int)id);
        require(raft_configuration_put(&fixture->bootstrap, &member) == RESULT_OK, "put member");
    }
    fixture->options = (struct log_store_options){.directory = fixture->directory,
                                                  .node_name = "node-1",
                                                  .node_id = 11,
                                                  .bootstrap = &fixture->bootstrap,
                                                  .new_disk_id = FIXTURE_DISK_ID};
    logger_set_sink(keep_line, NULL);
    fixture_clear_messages();
}

static void remove_directory(const char *path)
{
    DIR *stream = opendir(path);
    require(stream != NULL, "opendir");
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        char full[FIXTURE_PATH_BYTES * 2 + 32];
        (void)snprintf(full, sizeof(full), "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        require(unlink(full) == 0 || rmdir(full) == 0, "unlink");
    }
    (void)closedir(stream);
    require(rmdir(path) == 0, "rmdir");
}

void fixture_deinit(struct fixture *fixture)
{
    fixture_close(fixture);
    remove_directory(fixture->directory);
}

enum result fixture_open(struct fixture *fixture)
{
    fixture_clear_messages();
    enum result result = log_store_open(&fixture->options, &fixture->recovery, &fixture->store);
    if (result == RESULT_OK) {
        fixture->persist_id = 0;
        fixture->last_index = fixture->recovery.base_index + fixture->recovery.entries_count;
    }
    return result;
}

void fixture_close(struct fixture *fixture)
{
    if (fixture->store != NULL) {
        log_store_close(fixture->store);
        log_recovery_deinit(&fixture->recovery);
        fixture->store = NULL;
    }
}

void fixture_reopen(struct fixture *fixture)
{
    fixture_close(fixture);
    require(fixture_open(fixture) == RESULT_OK, "reopen");
}

/* Submits one entry, taking over the payload, behind a truncation if from_index is not 0. */
static void submit_entry(struct fixture *fixture, uint64_t from_index, enum raft_entry_type type,
                         struct blob *payload)
{
    struct raft_entry entry = {.index = from_index != 0 ? from_index : fixture->last_index + 1,
                               .term = fixture->term,
                               .type = type,
                               .payload = payload};
    struct raft_persist persist = {.id = ++fixture->persist_id,
                                   .hard_state_changed = true,
                                   .hard_state = {.term = fixture->term},
                                   .truncate_from = from_index,
                                   .entries = &entry,
                                   .entries_count = 1};
    log_store_submit(fixture->store, &persist);
    fixture->last_index = entry.index;
    blob_release(payload);
}

void fixture_append(struct fixture *fixture, const char *text)
{
    submit_entry(fixture, 0, RAFT_ENTRY_COMMAND, blob_copy(slice_of_string(text)));
}

void fixture_overwrite(struct fixture *fixture, uint64_t from_index, const char *text)
{
    submit_entry(fixture, from_index, RAFT_ENTRY_COMMAND, blob_copy(slice_of_string(text)));
}

void fixture_append_configuration(struct fixture *fixture, uint8_t cluster_id_byte)
{
    struct raft_configuration configuration = fixture->bootstrap;
    memset(configuration.cluster_id, cluster_id_byte, sizeof(configuration.cluster_id));
    struct buf encoded;
    buf_init(&encoded);
    raft_configuration_encode(&configuration, &encoded);
    submit_entry(fixture, 0, RAFT_ENTRY_CONFIGURATION, blob_copy(buf_slice(&encoded)));
    buf_deinit(&encoded);
}

void fixture_put_hard_state(struct fixture *fixture, uint64_t term, uint64_t vote)
{
    fixture->term = term;
    struct raft_persist persist = {.id = ++fixture->persist_id,
                                   .hard_state_changed = true,
                                   .hard_state = {.term = term, .vote = vote}};
    log_store_submit(fixture->store, &persist);
}

void fixture_wait(struct fixture *fixture)
{
    struct pollfd poll_descriptor = {.fd = log_store_descriptor(fixture->store), .events = POLLIN};
    while (log_store_completed(fixture->store) < fixture->persist_id) {
        require(poll(&poll_descriptor, 1, WAIT_MS_MAX) == 1, "waiting for the store");
    }
}

void fixture_append_many(struct fixture *fixture, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "entry %llu",
                       (unsigned long long)(fixture->last_index + 1));
        fixture_append(fixture, text);
        fixture_wait(fixture);
    }
}

bool fixture_payload_is(const struct fixture *fixture, uint64_t index, const char *text)
{
    uint64_t base_index = fixture->recovery.base_index;
    if (index <= base_index || index > base_index + fixture->recovery.entries_count) {
        return false;
    }
    const struct raft_entry *entry = &fixture->recovery.entries[index - base_index - 1];
    return entry->index == index && slice_equals(blob_slice(entry->payload), slice_of_string(text));
}

const char *fixture_path(const struct fixture *fixture, const char *name)
{
    static char path[FIXTURE_PATH_BYTES + 64];
    (void)snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
    return path;
}

void fixture_sql(const struct fixture *fixture, const char *sql)
{
    fixture_sql_on(fixture, "raft.db", sql);
}

void fixture_sql_on(const struct fixture *fixture, const char *name, const char *sql)
{
    sqlite3 *connection = NULL;
    require(sqlite3_open(fixture_path(fixture, name), &connection) == SQLITE_OK, "open");
    require(sqlite3_exec(connection, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
    require(sqlite3_close(connection) == SQLITE_OK, "close");
}

void fixture_flip_byte(const struct fixture *fixture, const char *name, off_t offset)
{
    int descriptor = open(fixture_path(fixture, name), O_RDWR | O_CLOEXEC);
    require(descriptor >= 0, "open to damage");
    uint8_t byte;
    require(pread(descriptor, &byte, 1, offset) == 1, "read to damage");
    byte = (uint8_t)(byte ^ 0xff);
    require(pwrite(descriptor, &byte, 1, offset) == 1, "damage");
    (void)close(descriptor);
}

off_t fixture_file_size(const struct fixture *fixture, const char *name)
{
    struct stat status;
    return stat(fixture_path(fixture, name), &status) == 0 ? status.st_size : -1;
}

const char *fixture_messages(void)
{
    return messages;
}

bool fixture_message_has(const char *part)
{
    return strstr(messages, part) != NULL;
}

void fixture_clear_messages(void)
{
    messages[0] = '\0';
}

static void read_all(int descriptor, char *text, size_t text_bytes)
{
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used + 1 < text_bytes) {
        got = read(descriptor, text + used, text_bytes - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    text[used] = '\0';
}

int fixture_in_child(struct fixture *fixture, void (*body)(struct fixture *), char *text,
                     size_t text_bytes)
{
    int ends[2];
    require(fixture->store == NULL && pipe(ends) == 0, "pipe");
    pid_t child = fork();
    require(child >= 0, "fork");
    if (child == 0) {
        (void)close(ends[0]);
        child_descriptor = ends[1];
        body(fixture);
        _exit(0);
    }
    (void)close(ends[1]);
    read_all(ends[0], text, text_bytes);
    (void)close(ends[0]);
    int status = 0;
    require(waitpid(child, &status, 0) == child, "waitpid");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
