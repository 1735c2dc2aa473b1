/* history.c -- histories in memory and as text. */
#include "linear/history.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/number.h"

enum { WORDS_MAX = 4200 };

static struct slice copy_slice(struct slice slice)
{
    return slice_of(
        mem_copy_bytes(slice.bytes == NULL ? (const uint8_t *)"" : slice.bytes, slice.size),
        slice.size);
}

static void free_slice(struct slice slice)
{
    mem_free((void *)(uintptr_t)slice.bytes);
}

void history_deinit(struct history *history)
{
    for (uint32_t i = 0; i < history->count; i++) {
        struct history_operation *operation = &history->operations[i];
        for (uint32_t j = 0; j < operation->arguments_count; j++) {
            free_slice(operation->arguments[j]);
        }
        for (uint32_t j = 0; j < operation->reply_count; j++) {
            free_slice(operation->reply[j].text);
        }
        mem_free(operation->arguments);
        mem_free(operation->reply);
    }
    mem_free(history->operations);
    *history = (struct history){0};
}

void history_add(struct history *history, const struct history_operation *operation)
{
    if (history->count == history->capacity) {
        history->capacity = history->capacity == 0 ? 64 : history->capacity * 2;
        history->operations =
            mem_realloc(history->operations, history->capacity * sizeof(*history->operations));
    }
    struct history_operation *copy = &history->operations[history->count++];
    *copy = *operation;
    copy->arguments = mem_alloc_zeroed(copy->arguments_count, sizeof(*copy->arguments));
    for (uint32_t i = 0; i < copy->arguments_count; i++) {
        copy->arguments[i] = copy_slice(operation->arguments[i]);
    }
    copy->reply = mem_alloc_zeroed(copy->reply_count, sizeof(*copy->reply));
    for (uint32_t i = 0; i < copy->reply_count; i++) {
        copy->reply[i] = operation->reply[i];
        copy->reply[i].text = copy_slice(operation->reply[i].text);
    }
    if (copy->line == 0) {
        copy->line = history->count;
    }
}

/* ---- Reading ---- */

/* A word of a line: its text, unquoted, and whether it was in quotes. */
struct word {
    struct slice text;
    bool is_quoted;
};

struct line {
    struct word words[WORDS_MAX];
    uint32_t count;
    struct buf text; /* what the words point into */
};

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Reads an escape behind a backslash; false when it is none. */
static bool read_escape(struct slice *rest, uint8_t *out)
{
    static const char letters[] = "\"\\nrt";
    static const uint8_t bytes[] = {'"', '\\', '\n', '\r', '\t'};
    if (rest->size >= 3 && rest->bytes[0] == 'x') {
        int high = hex_digit(rest->bytes[1]);
        int low = hex_digit(rest->bytes[2]);
        if (high < 0 || low < 0) {
            return false;
        }
        *out = (uint8_t)(high * 16 + low);
        *rest = slice_of(rest->bytes + 3, rest->size - 3);
        return true;
    }
    const char *at =
        rest->size == 0 || rest->bytes[0] == 0 ? NULL : strchr(letters, rest->bytes[0]);
    if (at == NULL) {
        return false;
    }
    *out = bytes[at - letters];
    *rest = slice_of(rest->bytes + 1, rest->size - 1);
    return true;
}

static bool read_quoted(struct slice *rest, struct buf *out)
{
    while (rest->size > 0) {
        uint8_t byte = rest->bytes[0];
        *rest = slice_of(rest->bytes + 1, rest->size - 1);
        if (byte == '"') {
            return true;
        }
        if (byte == '\\' && !read_escape(rest, &byte)) {
            return false;
        }
        buf_append_byte(out, byte);
    }
    return false;
}

/* Cuts a line into words. Nothing unquoted is longer than the line, so the buffer never moves. */
static bool cut(struct slice text, struct line *line)
{
    line->count = 0;
    buf_clear(&line->text);
    (void)buf_reserve(&line->text, text.size + 1);
    while (text.size > 0) {
        if (text.bytes[0] == ' ') {
            text = slice_of(text.bytes + 1, text.size - 1);
            continue;
        }
        if (line->count == WORDS_MAX) {
            return false;
        }
        struct word *word = &line->words[line->count++];
        size_t before = buf_size(&line->text);
        word->is_quoted = text.bytes[0] == '"';
        if (word->is_quoted) {
            text = slice_of(text.bytes + 1, text.size - 1);
            if (!read_quoted(&text, &line->text)) {
                return false;
            }
        }
        while (!word->is_quoted && text.size > 0 && text.bytes[0] != ' ') {
            buf_append_byte(&line->text, text.bytes[0]);
            text = slice_of(text.bytes + 1, text.size - 1);
        }
        struct slice all = buf_slice(&line->text);
        word->text = slice_of(all.bytes + before, all.size - before);
    }
    return true;
}

static bool is_bare(const struct word *word, const char *text)
{
    return !word->is_quoted && slice_equals(word->text, slice_of_string(text));
}

static bool parse_scalar(const struct word *word, struct history_reply *out)
{
    *out = (struct history_reply){.kind = HISTORY_TEXT, .text = word->text};
    if (word->is_quoted) {
        return true;
    }
    if (is_bare(word, "nil")) {
        out->kind = HISTORY_NIL;
        out->text = slice_of(NULL, 0);
        return true;
    }
    struct slice rest = slice_of(word->text.bytes + 1, word->text.size - 1);
    if (word->text.bytes[0] == '+') {
        out->kind = HISTORY_STATUS;
        out->text = rest;
        return true;
    }
    out->kind = HISTORY_INTEGER;
    out->text = slice_of(NULL, 0);
    return word->text.bytes[0] == ':' && number_parse_int64(rest, &out->integer);
}

/* Fills out, of as many elements as there are words at the most; 0 when malformed. */
static uint32_t parse_reply(const struct word *words, uint32_t count, struct history_reply *out)
{
    if (count == 1) {
        return parse_scalar(&words[0], out) ? 1 : 0;
    }
    if (count < 2 || !is_bare(&words[0], "[") || !is_bare(&words[count - 1], "]")) {
        return 0;
    }
    out[0] = (struct history_reply){.kind = HISTORY_ARRAY, .integer = count - 2};
    for (uint32_t i = 1; i + 1 < count; i++) {
        if (!parse_scalar(&words[i], &out[i])) {
            return 0;
        }
    }
    return count - 1;
}

static bool parse_line(struct history *history, struct line *line, uint32_t number)
{
    struct history_operation operation = {.end = HISTORY_NEVER, .line = number};
    struct slice arguments[WORDS_MAX];
    struct history_reply reply[WORDS_MAX];
    bool is_unknown = line->count >= 3 && is_bare(&line->words[2], "?");
    if (line->count < 4 || !number_parse_uint64(line->words[0].text, &operation.client) ||
        !number_parse_uint64(line->words[1].text, &operation.begin) ||
        (!is_unknown && !number_parse_uint64(line->words[2].text, &operation.end))) {
        return false;
    }
    uint32_t at = 3;
    for (; at < line->count && !is_bare(&line->words[at], "=>"); at++) {
        arguments[operation.arguments_count++] = line->words[at].text;
    }
    if (operation.arguments_count == 0 || is_unknown != (at == line->count)) {
        return false;
    }
    if (!is_unknown) {
        at++;
        operation.reply_count = parse_reply(&line->words[at], line->count - at, reply);
        if (operation.reply_count == 0 || operation.end < operation.begin) {
            return false;
        }
    }
    operation.arguments = arguments;
    operation.reply = reply;
    history_add(history, &operation);
    return true;
}

enum result history_parse(struct history *history, struct slice text, uint32_t *line)
{
    struct line *words = mem_alloc_zeroed(1, sizeof(*words));
    enum result result = RESULT_OK;
    for (uint32_t number = 1; result == RESULT_OK && text.size > 0; number++) {
        const uint8_t *end = memchr(text.bytes, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.bytes);
        struct slice one = slice_of(text.bytes, size);
        text = end == NULL ? slice_of(NULL, 0) : slice_of(end + 1, text.size - size - 1);
        if (one.size == 0 || one.bytes[0] == '#') {
            continue;
        }
        if (!cut(one, words) || !parse_line(history, words, number)) {
            *line = number;
            result = RESULT_INVALID;
        }
    }
    buf_deinit(&words->text);
    mem_free(words);
    return result;
}

/* ---- Writing ---- */

static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.bytes[i];
        if (byte <= ' ' || byte > '~' || byte == '"' || byte == '\\') {
            return false;
        }
    }
    return text.size > 0 && !slice_equals(text, SLICE_LITERAL("=>"));
}

static void print_quoted(struct slice text, struct buf *out)
{
    buf_append_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.bytes[i];
        if (byte == '"' || byte == '\\') {
            buf_append_byte(out, '\\');
            buf_append_byte(out, byte);
        } else if (byte < ' ' || byte > '~') {
            buf_append_format(out, "\\x%02x", byte);
        } else {
            buf_append_byte(out, byte);
        }
    }
    buf_append_byte(out, '"');
}

static void print_reply(const struct history_reply *reply, struct buf *out)
{
    switch (reply->kind) {
    case HISTORY_STATUS:
        buf_append_format(out, " +%.*s", (int)reply->text.size, (const char *)reply->text.bytes);
        break;
    case HISTORY_INTEGER:
        buf_append_format(out, " :%" PRId64, reply->integer);
        break;
    case HISTORY_TEXT:
        buf_append_byte(out, ' ');
        print_quoted(reply->text, out);
        break;
    case HISTORY_NIL:
        buf_append_format(out, " nil");
        break;
    case HISTORY_ARRAY:
        buf_append_format(out, " [");
        break;
    }
}

void history_print(const struct history_operation *operation, struct buf *out)
{
    buf_append_format(out, "%" PRIu64 " %" PRIu64, operation->client, operation->begin);
    if (operation->reply_count == 0) {
        buf_append_format(out, " ?");
    } else {
        buf_append_format(out, " %" PRIu64, operation->end);
    }
    for (uint32_t i = 0; i < operation->arguments_count; i++) {
        buf_append_byte(out, ' ');
        if (is_plain(operation->arguments[i])) {
            buf_append_slice(out, operation->arguments[i]);
        } else {
            print_quoted(operation->arguments[i], out);
        }
    }
    if (operation->reply_count > 0) {
        buf_append_format(out, " =>");
        for (uint32_t i = 0; i < operation->reply_count; i++) {
            print_reply(&operation->reply[i], out);
        }
        if (operation->reply[0].kind == HISTORY_ARRAY) {
            buf_append_format(out, " ]");
        }
    }
    buf_append_byte(out, '\n');
}
