/* reply_reader.c -- steps through replies.
 *
 * Stricter than the command parser: what is read here was written by a server, so a CR without LF
 * or a length with a plus sign is damage, not a dialect. Nesting needs no stack: a whole reply ends
 * when the elements still owed, over all levels together, come to none.
 */
#include "wire/reply_reader.h"

#include "base/number.h"

enum { NUMBER_LINE_BYTES_MAX = 32, VERBATIM_PREFIX_BYTES = 4 };

/* Finds the line that starts at bytes and its size with CR LF. */
static enum parse read_line(struct slice bytes, struct slice *line, size_t *consumed)
{
    if (bytes.size == 0) {
        return PARSE_MORE;
    }
    const uint8_t *cr = memchr(bytes.bytes, '\r', bytes.size);
    size_t size = cr == NULL ? bytes.size : (size_t)(cr - bytes.bytes);
    if (memchr(bytes.bytes, '\n', size) != NULL) {
        return PARSE_BAD;
    }
    if (cr == NULL || size + 1 == bytes.size) {
        return PARSE_MORE;
    }
    if (cr[1] != '\n') {
        return PARSE_BAD;
    }
    *line = slice_of(bytes.bytes, size);
    *consumed = size + 2;
    return PARSE_DONE;
}

static enum parse read_number(struct slice bytes, int64_t *number, size_t *consumed)
{
    /* Looks no further than a number can reach, so that a missing CR is damage at once. */
    bool cut = bytes.size > NUMBER_LINE_BYTES_MAX;
    struct slice line;
    enum parse parsed =
        read_line(cut ? slice_of(bytes.bytes, NUMBER_LINE_BYTES_MAX) : bytes, &line, consumed);
    if (parsed != PARSE_DONE) {
        return cut ? PARSE_BAD : parsed;
    }
    return number_parse_int64(line, number) ? PARSE_DONE : PARSE_BAD;
}

static bool is_double(struct slice text)
{
    if (slice_is_word(text, "nan") || slice_is_word(text, "-nan")) {
        return true;
    }
    double value;
    return number_parse_double(text, &value);
}

static bool is_big_number(struct slice text)
{
    size_t i = text.size > 0 && (text.bytes[0] == '-' || text.bytes[0] == '+') ? 1 : 0;
    if (i == text.size) {
        return false;
    }
    for (; i < text.size; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return false;
        }
    }
    return true;
}

/* The kinds that are one line of text. */
static enum parse read_text(struct slice bytes, enum reply_kind kind, struct reply_element *out,
                            size_t *consumed)
{
    struct slice line;
    size_t size;
    enum parse parsed = read_line(bytes, &line, &size);
    if (parsed != PARSE_DONE) {
        return parsed;
    }
    struct reply_element element = {.kind = kind, .text = line};
    if (kind == REPLY_KIND_DOUBLE && !is_double(line)) {
        return PARSE_BAD;
    }
    if (kind == REPLY_KIND_BIG_NUMBER && !is_big_number(line)) {
        return PARSE_BAD;
    }
    if (kind == REPLY_KIND_NULL && line.size != 0) {
        return PARSE_BAD;
    }
    if (kind == REPLY_KIND_BOOLEAN) {
        if (line.size != 1 || (line.bytes[0] != 't' && line.bytes[0] != 'f')) {
            return PARSE_BAD;
        }
        element.integer = line.bytes[0] == 't';
        element.text = slice_of(NULL, 0);
    }
    *out = element;
    *consumed = size;
    return PARSE_DONE;
}

static enum parse read_integer(struct slice bytes, struct reply_element *out, size_t *consumed)
{
    int64_t number;
    size_t size;
    enum parse parsed = read_number(bytes, &number, &size);
    if (parsed == PARSE_DONE) {
        *out = (struct reply_element){.kind = REPLY_KIND_INTEGER, .integer = number};
        *consumed = size;
    }
    return parsed;
}

/* The kinds that are a size and that many bytes. */
static enum parse read_bytes(struct slice bytes, enum reply_kind kind, struct reply_element *out,
                             size_t *consumed)
{
    int64_t announced;
    size_t header;
    enum parse parsed = read_number(bytes, &announced, &header);
    if (parsed != PARSE_DONE) {
        return parsed;
    }
    if (announced == -1 && kind == REPLY_KIND_BULK) {
        *out = (struct reply_element){.kind = REPLY_KIND_NULL};
        *consumed = header;
        return PARSE_DONE;
    }
    if (announced < 0) {
        return PARSE_BAD;
    }
    size_t size = (size_t)announced;
    size_t left = bytes.size - header;
    if (left < 2 || left - 2 < size) {
        return PARSE_MORE;
    }
    struct slice text = slice_of(bytes.bytes + header, size);
    if (text.bytes[size] != '\r' || text.bytes[size + 1] != '\n') {
        return PARSE_BAD;
    }
    if (kind == REPLY_KIND_VERBATIM) {
        if (size < VERBATIM_PREFIX_BYTES || text.bytes[VERBATIM_PREFIX_BYTES - 1] != ':') {
            return PARSE_BAD;
        }
        text = slice_of(text.bytes + VERBATIM_PREFIX_BYTES, size - VERBATIM_PREFIX_BYTES);
    }
    *out = (struct reply_element){.kind = kind, .text = text};
    *consumed = header + size + 2;
    return PARSE_DONE;
}

static enum parse read_aggregate(struct slice bytes, enum reply_kind kind,
                                 struct reply_element *out, size_t *consumed)
{
    int64_t count;
    size_t size;
    enum parse parsed = read_number(bytes, &count, &size);
    if (parsed != PARSE_DONE) {
        return parsed;
    }
    if (count == -1 && kind == REPLY_KIND_ARRAY) {
        *out = (struct reply_element){.kind = REPLY_KIND_NULL};
    } else if (count < 0) {
        return PARSE_BAD;
    } else {
        uint64_t elements = kind == REPLY_KIND_MAP ? 2 * (uint64_t)count : (uint64_t)count;
        *out = (struct reply_element){.kind = kind, .count = elements};
    }
    *consumed = size;
    return PARSE_DONE;
}

/* Reads what follows the type byte. */
static enum parse read_body(uint8_t type, struct slice rest, struct reply_element *out,
                            size_t *consumed)
{
    switch (type) {
    case '+':
        return read_text(rest, REPLY_KIND_STATUS, out, consumed);
    case '-':
        return read_text(rest, REPLY_KIND_ERROR, out, consumed);
    case ':':
        return read_integer(rest, out, consumed);
    case '$':
        return read_bytes(rest, REPLY_KIND_BULK, out, consumed);
    case '!':
        return read_bytes(rest, REPLY_KIND_ERROR, out, consumed);
    case '=':
        return read_bytes(rest, REPLY_KIND_VERBATIM, out, consumed);
    case '_':
        return read_text(rest, REPLY_KIND_NULL, out, consumed);
    case ',':
        return read_text(rest, REPLY_KIND_DOUBLE, out, consumed);
    case '#':
        return read_text(rest, REPLY_KIND_BOOLEAN, out, consumed);
    case '(':
        return read_text(rest, REPLY_KIND_BIG_NUMBER, out, consumed);
    case '*':
        return read_aggregate(rest, REPLY_KIND_ARRAY, out, consumed);
    case '%':
        return read_aggregate(rest, REPLY_KIND_MAP, out, consumed);
    case '~':
        return read_aggregate(rest, REPLY_KIND_SET, out, consumed);
    case '>':
        return read_aggregate(rest, REPLY_KIND_PUSH, out, consumed);
    }
    return PARSE_BAD;
}

enum parse reply_read(struct slice bytes, struct reply_element *out, size_t *consumed)
{
    if (bytes.size == 0) {
        return PARSE_MORE;
    }
    size_t size;
    struct slice rest = slice_of(bytes.bytes + 1, bytes.size - 1);
    enum parse parsed = read_body(bytes.bytes[0], rest, out, &size);
    if (parsed == PARSE_DONE) {
        *consumed = size + 1;
    }
    return parsed;
}

enum parse reply_skip(struct slice bytes, size_t *consumed)
{
    size_t offset = 0;
    uint64_t owed = 1;
    while (owed > 0) {
        struct reply_element element;
        size_t size;
        struct slice rest =
            slice_of(bytes.bytes == NULL ? NULL : bytes.bytes + offset, bytes.size - offset);
        enum parse parsed = reply_read(rest, &element, &size);
        if (parsed != PARSE_DONE) {
            return parsed;
        }
        offset += size;
        owed--;
        if (element.count > UINT64_MAX - owed) {
            return PARSE_BAD;
        }
        owed += element.count;
    }
    *consumed = offset;
    return PARSE_DONE;
}
