/* config_text.c -- lines and words of a configuration file, quoted as in redis.conf. */
#include <ctype.h>

#include "server/config_internal.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t letter = c | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static uint8_t escaped(uint8_t c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'a':
        return '\a';
    case 'b':
        return '\b';
    default: /* a byte, no enum: every other stands for itself */
        return c;
    }
}

/* Reads one escape behind the backslash at offset; returns the offset behind it. */
static size_t read_escape(struct slice line, size_t offset, struct buf *out)
{
    const uint8_t *at = line.bytes + offset;
    size_t left = line.size - offset;
    if (left >= 4 && at[1] == 'x' && hex_digit(at[2]) >= 0 && hex_digit(at[3]) >= 0) {
        buf_append_byte(out, (uint8_t)(hex_digit(at[2]) * 16 + hex_digit(at[3])));
        return offset + 4;
    }
    buf_append_byte(out, escaped(at[1]));
    return offset + 2;
}

/* Reads from the quote at offset to its partner; returns the offset behind it, 0 without one. */
static size_t read_quoted(struct slice line, size_t offset, struct buf *out)
{
    uint8_t quote = line.bytes[offset++];
    while (offset < line.size && line.bytes[offset] != quote) {
        uint8_t c = line.bytes[offset];
        bool is_escape =
            c == '\\' && offset + 1 < line.size && (quote == '"' || line.bytes[offset + 1] == '\'');
        if (is_escape) {
            offset = read_escape(line, offset, out);
        } else {
            buf_append_byte(out, c);
            offset++;
        }
    }
    bool is_closed = offset < line.size;
    bool is_last = is_closed && (offset + 1 == line.size || is_blank(line.bytes[offset + 1]));
    return is_last ? offset + 1 : 0;
}

static size_t read_word(struct slice line, size_t offset, struct buf *out)
{
    if (line.bytes[offset] == '"' || line.bytes[offset] == '\'') {
        return read_quoted(line, offset, out);
    }
    while (offset < line.size && !is_blank(line.bytes[offset])) {
        buf_append_byte(out, line.bytes[offset++]);
    }
    return offset;
}

bool config_words_split(struct slice line, struct config_words *words, struct buf *reason)
{
    size_t ends[CONFIG_WORDS_MAX];
    size_t offset = 0;
    *words = (struct config_words){.count = 0};
    for (;;) {
        while (offset < line.size && is_blank(line.bytes[offset])) {
            offset++;
        }
        if (offset == line.size) {
            break;
        }
        if (words->count == CONFIG_WORDS_MAX) {
            buf_append_format(reason, "Too many words in configuration line");
            return false;
        }
        offset = read_word(line, offset, &words->bytes);
        if (offset == 0) {
            buf_append_format(reason, "Unbalanced quotes in configuration line");
            return false;
        }
        ends[words->count++] = buf_size(&words->bytes);
    }
    /* Slices only now: the buffer moves while it grows. */
    struct slice bytes = buf_slice(&words->bytes);
    for (uint32_t i = 0; i < words->count; i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        const uint8_t *first = bytes.bytes == NULL ? NULL : bytes.bytes + start;
        words->items[i] = slice_of(first, ends[i] - start);
    }
    return true;
}

static bool is_plain(struct slice word)
{
    bool is_comment = word.size > 0 && word.bytes[0] == '#';
    for (size_t i = 0; i < word.size; i++) {
        uint8_t c = word.bytes[i];
        if (c <= ' ' || c >= 127 || c == '"' || c == '\'' || c == '\\') {
            return false;
        }
    }
    return word.size > 0 && !is_comment;
}

void config_words_quote(struct slice word, struct buf *out)
{
    if (is_plain(word)) {
        buf_append_slice(out, word);
        return;
    }
    buf_append_byte(out, '"');
    for (size_t i = 0; i < word.size; i++) {
        uint8_t c = word.bytes[i];
        if (c == '"' || c == '\\') {
            buf_append_format(out, "\\%c", c);
        } else if (isprint(c)) {
            buf_append_byte(out, c);
        } else {
            buf_append_format(out, "\\x%02x", c);
        }
    }
    buf_append_byte(out, '"');
}
