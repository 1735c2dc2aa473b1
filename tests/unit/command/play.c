/* play.c -- runs a play of commands: see play.h. */
#include "unit/command/play.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "command/command.h"

enum { WORDS_MAX = 32 };

struct play {
    struct command_context context;
    struct keyspace *keyspace;
    struct prng prng;
    struct reply reply;
    struct buf reply_bytes;
    struct buf word_bytes;
    struct slice words[WORDS_MAX];
    uint32_t words_count;
};

static uint8_t hex_digit(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

/* Reads one byte of a word, perhaps escaped, and returns where the next one is. */
static const char *take_byte(const char *at, uint8_t *byte)
{
    if (*at != '\\') {
        *byte = (uint8_t)*at;
        return at + 1;
    }
    switch (at[1]) {
    case 'r':
        *byte = '\r';
        return at + 2;
    case 'n':
        *byte = '\n';
        return at + 2;
    case 'x':
        *byte = (uint8_t)(hex_digit(at[2]) * 16 + hex_digit(at[3]));
        return at + 4;
    default:
        *byte = (uint8_t)at[1];
        return at + 2;
    }
}

/* Splits a line into words; their bytes lie in word_bytes. */
static void split(struct play *play, const char *line)
{
    size_t ends[WORDS_MAX];
    play->words_count = 0;
    buf_clear(&play->word_bytes);
    (void)buf_reserve(&play->word_bytes, strlen(line) + 2);
    while (*line != '\0' && play->words_count < WORDS_MAX) {
        bool is_quoted = *line == '"';
        char stop = is_quoted ? '"' : ' ';
        line += is_quoted;
        while (*line != '\0' && *line != stop) {
            uint8_t byte = 0;
            line = take_byte(line, &byte);
            buf_append_byte(&play->word_bytes, byte);
        }
        line += is_quoted && *line != '\0';
        line += *line == ' ';
        ends[play->words_count++] = buf_size(&play->word_bytes);
    }
    buf_append_byte(&play->word_bytes, '\0'); /* for atoll */
    const uint8_t *bytes = buf_slice(&play->word_bytes).bytes;
    for (uint32_t i = 0; i < play->words_count; i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        play->words[i] = slice_of(bytes + start, ends[i] - start);
    }
}

static void run_command(struct play *play)
{
    const struct command *command = command_resolve(play->words, play->words_count, &play->reply);
    if (command == NULL) {
        return;
    }
    if (command->handler == NULL) {
        reply_status(&play->reply, "(for the executor)");
        return;
    }
    play->context.command = command;
    play->context.arguments = play->words;
    play->context.arguments_count = play->words_count;
    command->handler(&play->context);
}

static void print_reply(struct play *play, struct buf *out)
{
    struct slice bytes = buf_slice(&play->reply_bytes);
    size_t line_start = buf_size(out);
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = bytes.bytes[i];
        if (byte == '\r' && i + 1 < bytes.size && bytes.bytes[i + 1] == '\n') {
            if (buf_size(out) == line_start) {
                buf_append(out, "\"\"", 2);
            }
            buf_append_byte(out, '\n');
            line_start = buf_size(out);
            i++;
        } else if (byte == '\\') {
            buf_append(out, "\\\\", 2);
        } else if (byte < ' ' || byte > '~') {
            buf_append_format(out, "\\x%02x", byte);
        } else {
            buf_append_byte(out, byte);
        }
    }
    buf_clear(&play->reply_bytes);
}

static void run_directive(struct play *play)
{
    int64_t number = play->words_count > 1 ? atoll((const char *)play->words[1].bytes) : 0;
    if (slice_is_word(play->words[0], "clock")) {
        keyspace_set_clock(play->keyspace, number);
        play->context.now_ms = keyspace_clock(play->keyspace);
        play->context.estimate_ms = play->context.now_ms;
    } else if (slice_is_word(play->words[0], "estimate")) {
        play->context.estimate_ms = number;
    } else if (slice_is_word(play->words[0], "protocol")) {
        play->reply.protocol = number == 3 ? REPLY_RESP3 : REPLY_RESP2;
    } else if (slice_is_word(play->words[0], "database")) {
        play->context.database = (uint32_t)number % LIMIT_DATABASES;
    } else if (slice_is_word(play->words[0], "bulk-bytes-max")) {
        play->context.bulk_bytes_max = (uint32_t)number;
    } else if (slice_is_word(play->words[0], "remove-due")) {
        (void)keyspace_remove_due(play->keyspace, (uint32_t)number);
    } else {
        abort();
    }
}

static void run_line(struct play *play, const char *line, struct buf *out)
{
    bool is_command = strncmp(line, "> ", 2) == 0;
    bool is_directive = strncmp(line, "@ ", 2) == 0;
    if (!is_command && !is_directive && line[0] != '#' && line[0] != '\0') {
        return; /* an old reply: what follows the command below takes its place */
    }
    buf_append_format(out, "%s\n", line);
    if (is_command || is_directive) {
        split(play, line + 2);
    }
    if (is_directive) {
        run_directive(play);
    } else if (is_command) {
        run_command(play);
        print_reply(play, out);
    }
}

void play_run(struct slice text, struct buf *out)
{
    struct play play = {.keyspace = keyspace_create(1)};
    prng_init(&play.prng, 1);
    play.reply = (struct reply){&play.reply_bytes, REPLY_RESP2};
    play.context = (struct command_context){.keyspace = play.keyspace,
                                            .reply = &play.reply,
                                            .prng = &play.prng,
                                            .bulk_bytes_max = LIMIT_BULK_BYTES};
    struct buf line = {0};
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] != '\n') {
            buf_append_byte(&line, text.bytes[i]);
            continue;
        }
        buf_append_byte(&line, '\0');
        run_line(&play, (const char *)buf_slice(&line).bytes, out);
        buf_clear(&line);
    }
    buf_deinit(&line);
    buf_deinit(&play.reply_bytes);
    buf_deinit(&play.word_bytes);
    keyspace_destroy(play.keyspace);
}
