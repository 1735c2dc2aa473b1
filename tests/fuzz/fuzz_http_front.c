/* fuzz_http_front.c -- a connection's bytes through the strict check before evhttp: however they
 * are split the same requests pass; read by the rules of RFC 9112 what passes is those requests and
 * no others (no smuggling); little is held, and no byte is looked at again and again.
 */
#include "fuzz/fuzz.h"
#include "net/http_front.h"

static const struct http_front_limits LIMITS = {
    .line_bytes_max = 96,
    .head_bytes_max = 256,
    .headers_max = 6,
    .chunk_line_bytes_max = 24,
    .framing_bytes_max = 80,
    .body_bytes_max = 64,
    .discard_bytes_max = 96,
    .requests_max = 9,
};

enum { REQUESTS_MAX = 16, STAGED_BYTES_MAX = 256 + 64 + 80 + 32, STEPS_PER_BYTE_MAX = 8 };

/* What came of a stream. */
struct passed {
    struct buf bytes;          /* of the requests, one behind the other */
    size_t ends[REQUESTS_MAX]; /* of each in bytes */
    uint32_t ends_count;
    struct buf notes; /* "100 Continue"s and the refusal, with their places */
    struct buf staged;
};

/* ---- Feeding ---- */

static void apply(struct passed *passed, const struct http_front_step *step, struct slice bytes)
{
    if (step->kind == HTTP_FRONT_KEEP) {
        buf_append(&passed->staged, bytes.bytes, step->bytes_count);
    } else if (step->kind == HTTP_FRONT_INSERT) {
        buf_append_slice(&passed->staged, slice_of_string(step->text));
    } else if (step->kind == HTTP_FRONT_CONTINUE) {
        buf_append_format(&passed->notes, "~%u", passed->ends_count);
    } else if (step->kind == HTTP_FRONT_REFUSE) {
        FUZZ_CHECK(step->status >= 400 && step->status < 600 && step->text != NULL);
        buf_append_format(&passed->notes, "!%u %d %s", passed->ends_count, step->status,
                          step->text);
    }
    FUZZ_CHECK(buf_size(&passed->staged) <= STAGED_BYTES_MAX);
    if (step->ends_request) {
        FUZZ_CHECK(step->kind == HTTP_FRONT_KEEP);
        FUZZ_CHECK(passed->ends_count < LIMITS.requests_max);
        buf_append_slice(&passed->bytes, buf_slice(&passed->staged));
        buf_clear(&passed->staged);
        passed->ends[passed->ends_count++] = buf_size(&passed->bytes);
    }
}

static void feed(struct slice stream, size_t piece, struct passed *passed)
{
    struct http_front front;
    size_t begin = 0;
    size_t end = 0;
    size_t steps_count = 0;
    http_front_init(&front, &LIMITS);
    while (end < stream.size) {
        end = stream.size - end < piece ? stream.size : end + piece;
        struct http_front_step step;
        do {
            struct slice bytes = fuzz_copy(slice_of(stream.bytes + begin, end - begin));
            step = http_front_step(&front, bytes);
            FUZZ_CHECK(step.bytes_count <= bytes.size);
            apply(passed, &step, bytes);
            fuzz_free(bytes);
            begin += step.bytes_count;
            steps_count++;
        } while (step.kind != HTTP_FRONT_MORE);
        FUZZ_CHECK(end - begin < LIMITS.line_bytes_max);
    }
    FUZZ_CHECK(steps_count <= STEPS_PER_BYTE_MAX * (stream.size + 1));
}

/* ---- Another reader of HTTP/1, which knows nothing of the front ---- */

/* Takes a line off input; it must have one. */
static struct slice take_line(struct slice *input)
{
    size_t size = 0;
    while (size + 1 < input->size &&
           (input->bytes[size] != '\r' || input->bytes[size + 1] != '\n')) {
        FUZZ_CHECK(input->bytes[size] != '\n' && input->bytes[size] != 0);
        size++;
    }
    FUZZ_CHECK(size + 2 <= input->size);
    struct slice line = fuzz_take(input, size + 2);
    return slice_of(line.bytes, size);
}

/* The value if line is that header. */
static bool is_header(struct slice line, const char *lower_case_name, struct slice *value)
{
    size_t size = strlen(lower_case_name);
    if (line.size <= size || line.bytes[size] != ':' ||
        !slice_is_word(slice_of(line.bytes, size), lower_case_name)) {
        return false;
    }
    *value = slice_of(line.bytes + size + 1, line.size - size - 1);
    while (value->size > 0 && strchr(" \t", value->bytes[0]) != NULL) {
        *value = slice_of(value->bytes + 1, value->size - 1);
    }
    while (value->size > 0 && strchr(" \t", value->bytes[value->size - 1]) != NULL) {
        value->size--;
    }
    return true;
}

static uint64_t number_of(struct slice text, unsigned base)
{
    uint64_t number = 0;
    FUZZ_CHECK(text.size > 0);
    for (size_t i = 0; i < text.size; i++) {
        static const char DIGITS[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = memchr(DIGITS, text.bytes[i], sizeof(DIGITS) - 1);
        FUZZ_CHECK(digit != NULL);
        unsigned value = (unsigned)(digit - DIGITS) % 16;
        FUZZ_CHECK(value < base && number <= UINT64_MAX / base - 16);
        number = number * base + value;
    }
    return number;
}

static void take_chunks(struct slice *input)
{
    uint64_t size;
    uint64_t body_bytes = 0;
    do {
        size = number_of(take_line(input), 16);
        FUZZ_CHECK(size <= input->size);
        (void)fuzz_take(input, (size_t)size);
        FUZZ_CHECK(take_line(input).size == 0);
        body_bytes += size;
    } while (size > 0);
    FUZZ_CHECK(body_bytes <= LIMITS.body_bytes_max);
}

static void check_request_line(struct slice line, bool *is_old)
{
    static const char VERSION[] = " HTTP/1.";
    FUZZ_CHECK(line.size > 14 - 1 && line.size + 2 <= LIMITS.line_bytes_max);
    const uint8_t *version = line.bytes + line.size - 9;
    FUZZ_CHECK(memcmp(version, VERSION, 8) == 0);
    FUZZ_CHECK(version[8] == '0' || version[8] == '1');
    *is_old = version[8] == '0';
    const uint8_t *space = memchr(line.bytes, ' ', line.size);
    FUZZ_CHECK(space[1] == '/' && space[2] != '/');
    FUZZ_CHECK(memchr(space + 1, ' ', line.size - (size_t)(space + 1 - line.bytes)) == version);
}

struct read_head {
    uint32_t hosts_count, lengths_count, encodings_count, lines_count;
    uint64_t length;
    bool closes;
};

static void read_header(struct slice line, struct read_head *head)
{
    struct slice value;
    head->lines_count++;
    FUZZ_CHECK(line.bytes[0] != ' ' && line.bytes[0] != '\t' && line.bytes[0] != '@');
    FUZZ_CHECK(memchr(line.bytes, ':', line.size) != NULL);
    FUZZ_CHECK(!is_header(line, "expect", &value));
    if (is_header(line, "host", &value)) {
        head->hosts_count++;
    } else if (is_header(line, "content-length", &value)) {
        head->lengths_count++;
        head->length = number_of(value, 10);
    } else if (is_header(line, "transfer-encoding", &value)) {
        head->encodings_count++;
        FUZZ_CHECK(slice_is_word(value, "chunked"));
    } else if (is_header(line, "connection", &value)) {
        head->closes = slice_equals(value, SLICE_LITERAL("close"));
        FUZZ_CHECK(head->closes || slice_equals(value, SLICE_LITERAL("keep-alive")));
    }
}

/* Takes a request off input; true when the connection ends with it. */
static bool take_request(struct slice *input)
{
    bool is_old = false;
    struct read_head head = {0};
    struct slice first = take_line(input);
    check_request_line(first, &is_old);
    struct slice line;
    while ((line = take_line(input)).size > 0) {
        read_header(line, &head);
    }
    FUZZ_CHECK(head.lines_count <= LIMITS.headers_max + 1);
    FUZZ_CHECK(head.hosts_count == 1 || (is_old && head.hosts_count == 0));
    FUZZ_CHECK(head.lengths_count + head.encodings_count <= 1);
    FUZZ_CHECK(head.length <= LIMITS.body_bytes_max && head.length <= input->size);
    if (head.encodings_count > 0 || head.length > 0) {
        FUZZ_CHECK(first.bytes[0] == 'P'); /* POST, PUT, PATCH */
    }
    if (head.encodings_count > 0) {
        FUZZ_CHECK(!is_old);
        take_chunks(input);
    } else {
        (void)fuzz_take(input, (size_t)head.length);
    }
    return head.closes;
}

static void check_passed(const struct passed *passed)
{
    struct slice rest = buf_slice(&passed->bytes);
    bool is_over = false;
    for (uint32_t i = 0; i < passed->ends_count; i++) {
        FUZZ_CHECK(!is_over);
        is_over = take_request(&rest);
        FUZZ_CHECK(buf_size(&passed->bytes) - rest.size == passed->ends[i]);
    }
    FUZZ_CHECK(rest.size == 0);
    FUZZ_CHECK(is_over || passed->ends_count < LIMITS.requests_max);
}

static void free_passed(struct passed *passed)
{
    buf_deinit(&passed->bytes);
    buf_deinit(&passed->notes);
    buf_deinit(&passed->staged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_quiet();
    struct slice input = slice_of(data, size);
    uint8_t choice = fuzz_take_byte(&input);
    struct passed whole = {0};
    struct passed pieces = {0};
    feed(input, input.size + 1, &whole);
    feed(input, 1 + choice % 16, &pieces);
    check_passed(&whole);
    FUZZ_CHECK(whole.ends_count == pieces.ends_count);
    FUZZ_CHECK(memcmp(whole.ends, pieces.ends, sizeof(whole.ends)) == 0);
    FUZZ_CHECK(slice_equals(buf_slice(&whole.bytes), buf_slice(&pieces.bytes)));
    FUZZ_CHECK(slice_equals(buf_slice(&whole.notes), buf_slice(&pieces.notes)));
    free_passed(&whole);
    free_passed(&pieces);
    return 0;
}
