/* resp_parser.c -- commands out of a client's bytes.
 *
 * Two gears. When a command lies whole in the buffer, which is nearly always, lengths are read
 * digit by digit and arguments are slices at once. When bytes run out, the parser notes how far it
 * came: the offset behind what is parsed, the offset up to which a line's end was looked for, and
 * the offsets of the arguments found, since the caller's bytes may move. So no byte is looked at
 * more than a constant number of times, however the stream is split.
 *
 * As Redis does, and unlike a strict reader:
 *  - the byte behind a CR, and the two behind an argument, are passed over without a look;
 *  - a NUL hides the end of the line it stands in, so that line only ever ends by being too long;
 *  - a negative count of arguments is an empty command.
 * Unlike Redis, a line's length is judged by where it ends, never by how much had arrived when it
 * was looked at, so that the answer does not depend on how the stream was split.
 */
#include "wire/resp_parser.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/number.h"

enum {
    ARGUMENTS_CAPACITY_MIN = 16,
    ARGUMENTS_CAPACITY_KEPT = 1024,
    UNQUOTED_BYTES_KEPT = 4096,
    /* Lengths of so many digits cannot overflow 32 bits; longer ones take the slow gear. */
    LENGTH_DIGITS_FAST = 9,
    ERROR_BYTES = 48,
};

struct resp_parser {
    struct slice *arguments;
    uint32_t arguments_count;
    uint32_t arguments_capacity;
    uint32_t arguments_left; /* announced and not yet found */
    uint32_t bulk_bytes;     /* of the argument whose length was read */
    bool in_bulk;
    bool end_is_hidden; /* a NUL was met in the line that starts at offset */
    size_t offset;      /* everything before is parsed */
    size_t scanned;     /* the line's end is not before this offset */
    size_t missing;
    size_t *offsets; /* of the first arguments, which were found in earlier calls */
    uint32_t offsets_count;
    uint32_t offsets_capacity;
    struct buf unquoted; /* inline arguments that had quotes */
    char error[ERROR_BYTES];
};

struct resp_parser *resp_parser_create(void)
{
    return mem_alloc_zeroed(1, sizeof(struct resp_parser));
}

void resp_parser_destroy(struct resp_parser *parser)
{
    if (parser != NULL) {
        mem_free(parser->arguments);
        mem_free(parser->offsets);
        buf_deinit(&parser->unquoted);
        mem_free(parser);
    }
}

size_t resp_parser_missing_bytes(const struct resp_parser *parser)
{
    return parser->missing > 0 ? parser->missing : 1;
}

size_t resp_parser_memory(const struct resp_parser *parser)
{
    return sizeof(*parser) + parser->arguments_capacity * sizeof(*parser->arguments) +
           parser->offsets_capacity * sizeof(*parser->offsets) + parser->unquoted.capacity;
}

static void grow_arguments(struct resp_parser *parser)
{
    uint32_t capacity = parser->arguments_capacity;
    ASSERT(capacity <= UINT32_MAX / 2);
    capacity = capacity < ARGUMENTS_CAPACITY_MIN ? ARGUMENTS_CAPACITY_MIN : capacity * 2;
    parser->arguments = mem_realloc(parser->arguments, capacity * sizeof(*parser->arguments));
    parser->arguments_capacity = capacity;
}

static inline void push_argument(struct resp_parser *parser, struct slice argument)
{
    if (parser->arguments_count == parser->arguments_capacity) {
        grow_arguments(parser);
    }
    parser->arguments[parser->arguments_count++] = argument;
}

/* Gives back what an unusually large command left behind. */
static void release_excess(struct resp_parser *parser)
{
    if (parser->arguments_capacity > ARGUMENTS_CAPACITY_KEPT) {
        mem_free(parser->arguments);
        parser->arguments = NULL;
        parser->arguments_capacity = 0;
    }
    if (parser->offsets_capacity > 0) {
        mem_free(parser->offsets);
        parser->offsets = NULL;
        parser->offsets_capacity = 0;
    }
    if (parser->unquoted.capacity > 0) {
        buf_clear_and_shrink(&parser->unquoted, UNQUOTED_BYTES_KEPT);
    }
}

static void forget_progress(struct resp_parser *parser)
{
    parser->arguments_count = 0;
    parser->arguments_left = 0;
    parser->in_bulk = false;
    parser->end_is_hidden = false;
    parser->offset = 0;
    parser->scanned = 0;
    parser->missing = 0;
    parser->offsets_count = 0;
}

/* Notes where the arguments found in this call are, against the day the bytes have moved. */
static void note_offsets(struct resp_parser *parser, const uint8_t *base)
{
    if (parser->offsets_capacity < parser->arguments_count) {
        /* As large as the other array, which grows by doubling. */
        uint32_t capacity = parser->arguments_capacity;
        parser->offsets = mem_realloc(parser->offsets, capacity * sizeof(*parser->offsets));
        parser->offsets_capacity = capacity;
    }
    for (uint32_t i = parser->offsets_count; i < parser->arguments_count; i++) {
        parser->offsets[i] = (size_t)(parser->arguments[i].bytes - base);
    }
    parser->offsets_count = parser->arguments_count;
}

static void restore_offsets(struct resp_parser *parser, const uint8_t *base)
{
    for (uint32_t i = 0; i < parser->offsets_count; i++) {
        parser->arguments[i].bytes = base + parser->offsets[i];
    }
}

/* Finds the end of the line at parser->offset. PARSE_BAD: it is longer than line_bytes_max. */
static enum parse find_line_end(struct resp_parser *parser, struct slice bytes, char end,
                                uint32_t line_bytes_max, size_t *line_bytes)
{
    size_t from = parser->scanned > parser->offset ? parser->scanned : parser->offset;
    if (!parser->end_is_hidden && from < bytes.size) {
        const uint8_t *start = bytes.bytes + from;
        const uint8_t *found = memchr(start, end, bytes.size - from);
        size_t span = found == NULL ? bytes.size - from : (size_t)(found - start);
        if (memchr(start, '\0', span) != NULL) {
            parser->end_is_hidden = true;
        } else if (found != NULL) {
            parser->scanned = from + span;
            *line_bytes = parser->scanned - parser->offset;
            return *line_bytes > line_bytes_max ? PARSE_BAD : PARSE_DONE;
        }
    }
    parser->scanned = bytes.size;
    return bytes.size - parser->offset > line_bytes_max ? PARSE_BAD : PARSE_MORE;
}

/* Reads a plain "<type><digits>\r\n" at parser->offset and moves behind it. False, and nothing
 * done, for all that is rare: split, signed, long, malformed. */
static inline bool read_length_fast(struct resp_parser *parser, struct slice bytes, char type,
                                    uint32_t *length)
{
    const uint8_t *at = bytes.bytes + parser->offset;
    const uint8_t *end = bytes.bytes + bytes.size;
    if (end - at < 4 || at[0] != (uint8_t)type) {
        return false;
    }
    const uint8_t *digits = ++at;
    uint32_t value = 0;
    unsigned digit = 0;
    while (at < end && (digit = (unsigned)*at - '0') <= 9) {
        if (at - digits == LENGTH_DIGITS_FAST) {
            return false;
        }
        value = value * 10 + digit;
        at++;
    }
    bool plain = at > digits && (*digits != '0' || at - digits == 1);
    if (!plain || end - at < 2 || *at != '\r') {
        return false;
    }
    parser->offset = (size_t)(at + 2 - bytes.bytes);
    *length = value;
    return true;
}

/* A line of a type byte and a number, in the slow gear. */
struct length_line {
    uint8_t type;
    bool is_number;
    int64_t number;
};

/* Reads such a line and moves behind it. PARSE_BAD: the line is too long. */
static enum parse read_length_line(struct resp_parser *parser, struct slice bytes,
                                   uint32_t line_bytes_max, struct length_line *line)
{
    size_t line_bytes;
    enum parse parsed = find_line_end(parser, bytes, '\r', line_bytes_max, &line_bytes);
    if (parsed != PARSE_DONE) {
        return parsed;
    }
    const uint8_t *at = bytes.bytes + parser->offset;
    if (bytes.size - parser->offset - line_bytes < 2) {
        return PARSE_MORE;
    }
    /* An empty line has its CR for a type. */
    line->type = at[0];
    struct slice digits = line_bytes == 0 ? slice_of(NULL, 0) : slice_of(at + 1, line_bytes - 1);
    line->is_number = number_parse_int64(digits, &line->number);
    parser->offset += line_bytes + 2;
    return PARSE_DONE;
}

/* Reads the "*3" line. On PARSE_DONE arguments_left is set, 0 for an empty command. */
static enum parse parse_count(struct resp_parser *parser, struct slice bytes,
                              const struct resp_limits *limits, const char **error)
{
    uint32_t count;
    if (read_length_fast(parser, bytes, '*', &count) && count <= limits->arguments_max) {
        parser->arguments_left = count;
        return PARSE_DONE;
    }
    parser->offset = 0;
    struct length_line line;
    enum parse parsed = read_length_line(parser, bytes, limits->inline_bytes_max, &line);
    if (parsed == PARSE_BAD) {
        *error = "Protocol error: too big mbulk count string";
    }
    if (parsed != PARSE_DONE) {
        return parsed;
    }
    bool is_over = line.is_number && line.number > (int64_t)limits->arguments_max;
    if (!line.is_number || line.number > INT32_MAX || (is_over && !limits->unauthenticated)) {
        *error = "Protocol error: invalid multibulk length";
        return PARSE_BAD;
    }
    if (is_over) {
        *error = "Protocol error: unauthenticated multibulk length";
        return PARSE_BAD;
    }
    parser->arguments_left = line.number < 0 ? 0 : (uint32_t)line.number;
    return PARSE_DONE;
}

/* Says what stood in the place of '$'; CR and LF would break the reply's line. */
static const char *expected_dollar(struct resp_parser *parser, uint8_t got)
{
    char shown = got == '\r' || got == '\n' ? ' ' : (char)got;
    (void)snprintf(parser->error, sizeof(parser->error), "Protocol error: expected '$', got '%c'",
                   shown);
    return parser->error;
}

/* Reads a "$5" line into bulk_bytes, in the slow gear. */
static enum parse parse_bulk_line(struct resp_parser *parser, struct slice bytes,
                                  const struct resp_limits *limits, const char **error)
{
    struct length_line line;
    enum parse parsed = read_length_line(parser, bytes, limits->inline_bytes_max, &line);
    if (parsed == PARSE_BAD) {
        *error = "Protocol error: too big bulk count string";
    }
    if (parsed != PARSE_DONE) {
        return parsed;
    }
    if (line.type != '$') {
        *error = expected_dollar(parser, line.type);
        return PARSE_BAD;
    }
    bool is_over = line.is_number && line.number > (int64_t)limits->bulk_bytes_max;
    if (!line.is_number || line.number < 0 || line.number > (int64_t)LIMIT_BULK_BYTES ||
        (is_over && !limits->unauthenticated)) {
        *error = "Protocol error: invalid bulk length";
        return PARSE_BAD;
    }
    if (is_over) {
        *error = "Protocol error: unauthenticated bulk length";
        return PARSE_BAD;
    }
    parser->bulk_bytes = (uint32_t)line.number;
    return PARSE_DONE;
}

static inline enum parse parse_bulk_header(struct resp_parser *parser, struct slice bytes,
                                           const struct resp_limits *limits, const char **error)
{
    size_t before = parser->offset;
    if (read_length_fast(parser, bytes, '$', &parser->bulk_bytes) &&
        parser->bulk_bytes <= limits->bulk_bytes_max) {
        return PARSE_DONE;
    }
    parser->offset = before;
    return parse_bulk_line(parser, bytes, limits, error);
}

static enum parse parse_multibulk(struct resp_parser *parser, struct slice bytes,
                                  const struct resp_limits *limits, const char **error)
{
    if (parser->offset == 0) {
        enum parse parsed = parse_count(parser, bytes, limits, error);
        if (parsed != PARSE_DONE) {
            return parsed;
        }
    }
    while (parser->arguments_left > 0) {
        if (!parser->in_bulk) {
            enum parse parsed = parse_bulk_header(parser, bytes, limits, error);
            if (parsed != PARSE_DONE) {
                return parsed;
            }
        }
        size_t left = bytes.size - parser->offset;
        size_t wanted = (size_t)parser->bulk_bytes + 2;
        if (left < wanted) {
            parser->in_bulk = true;
            parser->missing = wanted - left;
            return PARSE_MORE;
        }
        push_argument(parser, slice_of(bytes.bytes + parser->offset, parser->bulk_bytes));
        parser->offset += wanted;
        parser->in_bulk = false;
        parser->arguments_left--;
    }
    return PARSE_DONE;
}

/* C's isspace, without a locale. */
static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* What ends a word outside quotes; Redis skips the other two spaces only between words. */
static bool is_separator(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* The value of a hexadecimal digit, or -1. */
static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    uint8_t lower = (uint8_t)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Appends what the escape behind the '\' at *i stands for in double quotes, and moves behind it. */
static void put_escape(struct buf *out, struct slice line, size_t *i)
{
    const uint8_t *at = line.bytes + *i + 1;
    if (*at == 'x' && line.size - *i >= 4) {
        int high = hex_value(at[1]);
        int low = hex_value(at[2]);
        if (high >= 0 && low >= 0) {
            buf_append_byte(out, (uint8_t)(high * 16 + low));
            *i += 4;
            return;
        }
    }
    static const char letters[] = "nrtba";
    static const char meanings[] = "\n\r\t\b\a";
    const char *letter = *at == '\0' ? NULL : strchr(letters, *at);
    buf_append_byte(out, letter == NULL ? *at : (uint8_t)meanings[letter - letters]);
    *i += 2;
}

/* Appends what stands between the quote before *i and its mate, and moves behind that. False when
 * there is no mate, or more of a word right behind it. */
static bool put_quoted(struct buf *out, struct slice line, uint8_t quote, size_t *i)
{
    while (*i < line.size && line.bytes[*i] != quote) {
        bool escapes = line.bytes[*i] == '\\' && line.size - *i >= 2;
        if (escapes && quote == '"') {
            put_escape(out, line, i);
        } else if (escapes && line.bytes[*i + 1] == '\'') {
            buf_append_byte(out, '\'');
            *i += 2;
        } else {
            buf_append_byte(out, line.bytes[(*i)++]);
        }
    }
    if (*i == line.size) {
        return false;
    }
    (*i)++;
    return *i == line.size || is_space(line.bytes[*i]);
}

/* Adds the word at *i, which has a quote in it, as bytes of the parser's own. */
static bool push_quoted_word(struct resp_parser *parser, struct slice line, size_t *i)
{
    struct buf *out = &parser->unquoted;
    /* Once for the whole line, which is never shorter than its meaning, so that words stay put. */
    (void)buf_reserve(out, line.size - buf_size(out));
    const uint8_t *start = out->bytes + out->tail;
    bool ended = false;
    while (!ended && *i < line.size && !is_separator(line.bytes[*i])) {
        uint8_t byte = line.bytes[(*i)++];
        if (byte != '"' && byte != '\'') {
            buf_append_byte(out, byte);
            continue;
        }
        if (!put_quoted(out, line, byte, i)) {
            return false;
        }
        ended = true;
    }
    push_argument(parser, slice_of(start, (size_t)(out->bytes + out->tail - start)));
    return true;
}

/* Cuts a line into words. False when its quotes do not balance. */
static bool split_words(struct resp_parser *parser, struct slice line)
{
    size_t i = 0;
    for (;;) {
        while (i < line.size && is_space(line.bytes[i])) {
            i++;
        }
        if (i == line.size) {
            return true;
        }
        size_t start = i;
        while (i < line.size && !is_separator(line.bytes[i]) && line.bytes[i] != '"' &&
               line.bytes[i] != '\'') {
            i++;
        }
        if (i == line.size || is_separator(line.bytes[i])) {
            push_argument(parser, slice_of(line.bytes + start, i - start));
            continue;
        }
        i = start;
        if (!push_quoted_word(parser, line, &i)) {
            return false;
        }
    }
}

static enum parse parse_inline(struct resp_parser *parser, struct slice bytes,
                               const struct resp_limits *limits, const char **error)
{
    size_t line_bytes;
    enum parse parsed = find_line_end(parser, bytes, '\n', limits->inline_bytes_max, &line_bytes);
    if (parsed == PARSE_BAD) {
        *error = "Protocol error: too big inline request";
    }
    if (parsed != PARSE_DONE) {
        return parsed;
    }
    parser->offset = line_bytes + 1;
    if (line_bytes > 0 && bytes.bytes[line_bytes - 1] == '\r') {
        line_bytes--;
    }
    if (!split_words(parser, slice_of(bytes.bytes, line_bytes))) {
        *error = "Protocol error: unbalanced quotes in request";
        return PARSE_BAD;
    }
    return PARSE_DONE;
}

enum parse resp_parse(struct resp_parser *parser, struct slice bytes,
                      const struct resp_limits *limits, struct resp_command *command,
                      const char **error)
{
    if (parser->offset == 0 && parser->scanned == 0) {
        release_excess(parser);
    }
    parser->missing = 1;
    if (bytes.size == 0) {
        return PARSE_MORE;
    }
    bool is_inline = bytes.bytes[0] != '*';
    enum parse parsed = is_inline ? parse_inline(parser, bytes, limits, error)
                                  : parse_multibulk(parser, bytes, limits, error);
    if (parsed == PARSE_MORE) {
        if (parser->arguments_count > 0) {
            note_offsets(parser, bytes.bytes);
        }
        return PARSE_MORE;
    }
    if (parsed == PARSE_DONE) {
        restore_offsets(parser, bytes.bytes);
        command->arguments = parser->arguments;
        command->arguments_count = parser->arguments_count;
        command->consumed = parser->offset;
    }
    forget_progress(parser);
    return parsed;
}
