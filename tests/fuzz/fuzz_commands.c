/* fuzz_commands.c -- commands on a keyspace: each gives exactly one whole reply, and what is in the
 * keyspace at the end comes back from its own rows with the same rows again. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "command/command.h"
#include "fuzz/fuzz.h"
#include "kv/keyspace_snapshot.h"
#include "wire/reply_reader.h"
#include "wire/resp_parser.h"

enum { HASH_SEED = 1, CLOCK_MS = 1000000, COMMANDS_MAX = 200 };

static void run(struct keyspace *keyspace, const struct resp_command *parsed, uint64_t index)
{
    struct buf out = {0};
    struct reply reply = {&out, index % 2 == 0 ? REPLY_RESP2 : REPLY_RESP3};
    const struct command *command =
        command_resolve(parsed->arguments, parsed->arguments_count, &reply);
    if (command != NULL && command->handler != NULL && command->class != COMMAND_CLASS_NODE) {
        struct prng prng;
        prng_init(&prng, index);
        keyspace_set_applied_index(keyspace, index);
        struct command_context context = {.keyspace = keyspace,
                                          .command = command,
                                          .arguments = parsed->arguments,
                                          .arguments_count = parsed->arguments_count,
                                          .reply = &reply,
                                          .now_ms = keyspace_clock(keyspace),
                                          .estimate_ms = keyspace_clock(keyspace),
                                          .prng = &prng,
                                          .bulk_bytes_max = 1024 * 1024};
        command->handler(&context);
    }
    if (buf_size(&out) > 0) {
        size_t consumed = 0;
        FUZZ_CHECK(reply_skip(buf_slice(&out), &consumed) == PARSE_DONE);
        FUZZ_CHECK(consumed == buf_size(&out));
    } else {
        FUZZ_CHECK(command != NULL && command->class == COMMAND_CLASS_NODE);
    }
    buf_deinit(&out);
}

static void save(struct keyspace *keyspace, struct keyspace_meta *meta, struct buf *rows)
{
    keyspace_snapshot_begin(keyspace, meta);
    while (!keyspace_snapshot_step(keyspace, rows, 4096, 100)) {
    }
    keyspace_snapshot_end(keyspace, true);
}

static int compare_rows(const void *a, const void *b)
{
    return state_row_compare(a, b);
}

/* Adds rows as a store would give them: in order, and without those that only remove. */
static void restore_rows(struct keyspace *restored, struct slice bytes)
{
    struct bytes_reader reader = bytes_reader_of(bytes);
    struct state_row *rows = NULL;
    size_t count = 0;
    while (bytes_left(&reader) > 0) {
        struct state_row row;
        FUZZ_CHECK(state_row_decode(&reader, &row) == RESULT_OK);
        if (row.type != STATE_ROW_REMOVED && row.type != STATE_ROW_SLOT_REMOVED) {
            rows = mem_realloc(rows, (count + 1) * sizeof(*rows));
            rows[count++] = row;
        }
    }
    if (count > 0) {
        qsort(rows, count, sizeof(*rows), compare_rows);
    }
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(keyspace_restore_row(restored, &rows[i]) == RESULT_OK);
    }
    FUZZ_CHECK(keyspace_restore_end(restored) == RESULT_OK);
    mem_free(rows);
}

/* Every key of the first is in the second with the same value. */
static void restore_and_compare(struct keyspace *keyspace)
{
    struct keyspace_meta meta;
    struct buf rows = {0};
    save(keyspace, &meta, &rows);
    struct keyspace *restored = keyspace_restore(HASH_SEED, &meta);
    restore_rows(restored, buf_slice(&rows));
    FUZZ_CHECK(keyspace_state_hash(restored) == keyspace_state_hash(keyspace));
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        FUZZ_CHECK(keyspace_keys_count(restored, i) == keyspace_keys_count(keyspace, i));
    }
    keyspace_destroy(restored);
    buf_deinit(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_quiet();
    struct slice input = slice_of(data, size);
    struct keyspace *keyspace = keyspace_create(HASH_SEED);
    struct resp_parser *parser = resp_parser_create();
    struct resp_limits limits = {1024, 64 * 1024, LIMIT_INLINE_BYTES, false};
    keyspace_set_clock(keyspace, CLOCK_MS);
    for (uint64_t index = 1; index <= COMMANDS_MAX; index++) {
        struct resp_command command = {0};
        const char *error;
        if (resp_parse(parser, input, &limits, &command, &error) != PARSE_DONE) {
            break;
        }
        if (command.arguments_count > 0) {
            run(keyspace, &command, index);
        }
        if (index % 16 == 0) {
            keyspace_set_clock(keyspace, keyspace_clock(keyspace) + 1000);
            (void)keyspace_remove_due(keyspace, 100);
        }
        (void)fuzz_take(&input, command.consumed);
    }
    restore_and_compare(keyspace);
    resp_parser_destroy(parser);
    keyspace_destroy(keyspace);
    return 0;
}
