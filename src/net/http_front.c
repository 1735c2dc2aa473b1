/* http_front.c -- reads requests out of a connection's bytes without leniency.
 *
 * DESIGN
 *     BETWEEN -> HEADERS -> BETWEEN                                 no body
 *                        -> BODY -> BETWEEN                         Content-Length
 *                        -> CHUNK_SIZE -> CHUNK_DATA -> CHUNK_END -> CHUNK_SIZE ...
 *                                      -> TRAILERS -> BETWEEN       after the chunk of size 0
 *                        -> DISCARD -> CLOSED                       413, once it is all there
 *     any -> CLOSED      refused, or the last request of the connection
 * Each read_* function takes one element, puts the steps that follow from it into front->steps and
 * goes on to the next phase; one that needs more bytes changes nothing.
 */
#include "net/http_front.h"

#include "base/assert.h"
#include "net/http_line.h"

/* ---- Steps ---- */

static void push(struct http_front *front, enum http_front_kind kind, size_t bytes_count)
{
    ASSERT(front->steps_count < sizeof(front->steps) / sizeof(front->steps[0]));
    front->steps[front->steps_count++] =
        (struct http_front_step){.kind = kind, .bytes_count = bytes_count};
}

static void push_text(struct http_front *front, enum http_front_kind kind, const char *text)
{
    push(front, kind, 0);
    front->steps[front->steps_count - 1].text = text;
}

/* True, for read_* functions to return. */
static bool refuse(struct http_front *front, int status, const char *text)
{
    front->steps_count = 0;
    front->steps_next = 0;
    front->phase = HTTP_FRONT_CLOSED;
    push_text(front, HTTP_FRONT_REFUSE, text);
    front->steps[0].status = status;
    return true;
}

static void end_request(struct http_front *front)
{
    front->steps[front->steps_count - 1].ends_request = true;
    front->phase = front->is_last ? HTTP_FRONT_CLOSED : HTTP_FRONT_BETWEEN;
    front->has_skipped_line = false;
    front->authority_bytes = 0;
}

/* ---- Lines ---- */

enum line_found { LINE_MORE, LINE_WHOLE, LINE_TOO_LONG, LINE_MALFORMED };

/* Finds a line of at most bytes_max bytes with its CRLF; *line comes without. */
static enum line_found find_line(struct http_front *front, struct slice bytes, size_t bytes_max,
                                 struct slice *line)
{
    size_t window = bytes.size < bytes_max ? bytes.size : bytes_max;
    size_t searched = front->searched_bytes;
    const uint8_t *end =
        searched < window ? memchr(bytes.bytes + searched, '\n', window - searched) : NULL;
    if (end == NULL) {
        front->searched_bytes = window;
        return bytes.size >= bytes_max ? LINE_TOO_LONG : LINE_MORE;
    }
    front->searched_bytes = 0;
    size_t size = (size_t)(end - bytes.bytes);
    if (size == 0 || end[-1] != '\r') {
        return LINE_MALFORMED;
    }
    *line = slice_of(bytes.bytes, size - 1);
    return LINE_WHOLE;
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The most that the next line of the head may have. */
static size_t head_line_max(const struct http_front *front)
{
    return lesser(front->limits->line_bytes_max, front->limits->head_bytes_max - front->head.bytes);
}

/* ---- The request line ---- */

struct method {
    const char *name;
    bool may_have_body;
};

/* Those that evhttp has a name for. CONNECT is none of them: its target is no path. */
static const struct method METHODS[] = {
    {"GET", false},    {"POST", true},  {"HEAD", false},    {"PUT", true},
    {"DELETE", false}, {"PATCH", true}, {"OPTIONS", false}, {"TRACE", false},
};

static const struct method *find_method(struct slice name)
{
    for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
        if (slice_equals(name, slice_of_string(METHODS[i].name))) {
            return &METHODS[i];
        }
    }
    return NULL;
}

/* The bytes of "http://authority" in front of the path; 0 when it begins with the path. */
static size_t origin_bytes(struct slice target)
{
    static const size_t SCHEME_BYTES = 7;
    if (target.size < SCHEME_BYTES ||
        !slice_is_word(slice_of(target.bytes, SCHEME_BYTES), "http://")) {
        return 0;
    }
    const uint8_t *path = memchr(target.bytes + SCHEME_BYTES, '/', target.size - SCHEME_BYTES);
    return path == NULL ? 0 : (size_t)(path - target.bytes);
}

/* Keeps the line, but for an origin, which is remembered: it must be the Host's. */
static bool take_target(struct http_front *front, const struct http_request_line *request,
                        size_t line_bytes)
{
    struct slice target = request->target;
    size_t origin = origin_bytes(target);
    struct slice path = slice_of(target.bytes + origin, target.size - origin);
    if (path.bytes[0] != '/') {
        return refuse(front, 400, "malformed request target");
    }
    if (path.size > 1 && path.bytes[1] == '/') {
        /* evhttp takes what follows for a host. */
        return refuse(front, 400, "the request target begins with '//'");
    }
    if (origin == 0) {
        push(front, HTTP_FRONT_KEEP, line_bytes);
        return true;
    }
    struct slice authority = slice_of(target.bytes + 7, origin - 7);
    if (authority.size == 0 || authority.size > sizeof(front->authority) ||
        !http_line_is_authority(authority)) {
        return refuse(front, 400, "malformed request target");
    }
    memcpy(front->authority, authority.bytes, authority.size);
    front->authority_bytes = (uint32_t)authority.size;
    push(front, HTTP_FRONT_KEEP, request->method.size + 1);
    push(front, HTTP_FRONT_DROP, origin);
    push(front, HTTP_FRONT_KEEP, line_bytes - request->method.size - 1 - origin);
    return true;
}

static bool begin_request(struct http_front *front, struct slice line)
{
    struct http_request_line request;
    if (!http_line_parse_request(line, &request)) {
        return refuse(front, 400, "malformed request line");
    }
    if (request.major != 1 || request.minor > 1) {
        return refuse(front, 505, "HTTP version not supported");
    }
    const struct method *method = find_method(request.method);
    if (method == NULL) {
        return refuse(front, 501, "unknown method");
    }
    memset(&front->head, 0, sizeof(front->head));
    front->head.bytes = (uint32_t)line.size + 2;
    front->head.is_old = request.minor == 0;
    front->head.may_have_body = method->may_have_body;
    front->body_bytes = 0;
    front->framing_bytes = 0;
    front->phase = HTTP_FRONT_HEADERS;
    return take_target(front, &request, line.size + 2);
}

static bool read_request_line(struct http_front *front, struct slice bytes)
{
    struct slice line;
    if (bytes.size > 0 && !http_line_is_token_byte(bytes.bytes[0]) && bytes.bytes[0] != '\r') {
        return refuse(front, 400, "malformed request line");
    }
    switch (find_line(front, bytes, front->limits->line_bytes_max, &line)) {
    case LINE_MORE:
        return false;
    case LINE_TOO_LONG:
        return refuse(front, 414, "request line too long");
    case LINE_MALFORMED:
        return refuse(front, 400, "malformed line end");
    case LINE_WHOLE:
        break;
    }
    if (line.size == 0 && !front->has_skipped_line) {
        /* Some old clients send one behind a body (RFC 9112, section 2.2). */
        front->has_skipped_line = true;
        push(front, HTTP_FRONT_DROP, 2);
        return true;
    }
    return begin_request(front, line);
}

/* ---- Headers ---- */

static const char *note_host(struct http_front *front, struct slice value)
{
    if (front->head.hosts_count++ > 0) {
        return "repeated Host";
    }
    if (value.size > HTTP_AUTHORITY_BYTES_MAX || !http_line_is_authority(value)) {
        return "malformed Host";
    }
    size_t size = front->authority_bytes;
    if (size > 0 && (size != value.size || memcmp(front->authority, value.bytes, size) != 0)) {
        return "the Host is not that of the request target";
    }
    return NULL;
}

static const char *note_length(struct http_front_head *head, struct slice value)
{
    if (head->lengths_count++ > 0) {
        return "repeated Content-Length or Transfer-Encoding";
    }
    return http_line_parse_length(value, &head->length) ? NULL : "malformed Content-Length";
}

static const char *note_encoding(struct http_front_head *head, struct slice value)
{
    if (head->encodings_count++ > 0) {
        return "repeated Content-Length or Transfer-Encoding";
    }
    return slice_is_word(value, "chunked") ? NULL : "unsupported Transfer-Encoding";
}

/* Takes note of a header line and keeps or drops it. */
static bool note_header(struct http_front *front, struct slice line)
{
    struct http_front_head *head = &front->head;
    struct slice name;
    struct slice value;
    const char *error = http_line_parse_header(line, &name, &value);
    enum http_front_kind kind = HTTP_FRONT_KEEP;
    if (error != NULL) {
        return refuse(front, 400, error);
    }
    if (++head->headers_count > front->limits->headers_max) {
        return refuse(front, 431, "too many headers");
    }
    if (slice_is_word(name, "host")) {
        error = note_host(front, value);
    } else if (slice_is_word(name, "content-length")) {
        error = note_length(head, value);
    } else if (slice_is_word(name, "transfer-encoding")) {
        error = note_encoding(head, value);
    } else if (slice_is_word(name, "connection")) {
        /* evhttp looks at the first one and at its whole value: it gets a plain one at the end. */
        head->wants_close = head->wants_close || http_line_has_word(value, "close");
        head->wants_keep_alive = head->wants_keep_alive || http_line_has_word(value, "keep-alive");
        kind = HTTP_FRONT_DROP;
    } else if (slice_is_word(name, "expect")) {
        if (!slice_is_word(value, "100-continue")) {
            return refuse(front, 417, "unsupported Expect");
        }
        head->expects_continue = true;
        kind = HTTP_FRONT_DROP;
    }
    if (error != NULL) {
        return refuse(front, 400, error);
    }
    push(front, kind, line.size + 2);
    return true;
}

/* NULL, or what is wrong with the head as a whole. */
static const char *head_error(const struct http_front *front)
{
    const struct http_front_head *head = &front->head;
    if (head->lengths_count > 0 && head->encodings_count > 0) {
        return "both Content-Length and Transfer-Encoding";
    }
    if (head->encodings_count > 0 && head->is_old) {
        return "Transfer-Encoding in HTTP/1.0";
    }
    if ((head->encodings_count > 0 || head->length > 0) && !head->may_have_body) {
        return "this method takes no body";
    }
    if (head->hosts_count == 0 && (!head->is_old || front->authority_bytes > 0)) {
        return "missing Host";
    }
    return NULL;
}

/* A body over the limit: answered now if its sender waits for a word, or else when it is through.
 */
static bool refuse_body(struct http_front *front)
{
    if (front->head.expects_continue || front->head.length > front->limits->discard_bytes_max) {
        return refuse(front, 413, "body too large");
    }
    front->left_bytes = front->head.length;
    front->phase = HTTP_FRONT_DISCARD;
    push(front, HTTP_FRONT_DROP, 2);
    return true;
}

static bool end_head(struct http_front *front)
{
    struct http_front_head *head = &front->head;
    const char *error = head_error(front);
    if (error != NULL) {
        return refuse(front, 400, error);
    }
    if (head->length > front->limits->body_bytes_max) {
        return refuse_body(front);
    }
    front->requests_count++;
    front->is_last = head->wants_close || (head->is_old && !head->wants_keep_alive) ||
                     front->requests_count >= front->limits->requests_max;
    if (front->is_last) {
        push_text(front, HTTP_FRONT_INSERT, "Connection: close\r\n");
    } else if (head->is_old) {
        push_text(front, HTTP_FRONT_INSERT, "Connection: keep-alive\r\n");
    }
    push(front, HTTP_FRONT_KEEP, 2);
    if (head->length == 0 && head->encodings_count == 0) {
        end_request(front);
        return true;
    }
    if (head->expects_continue && !head->is_old) {
        push(front, HTTP_FRONT_CONTINUE, 0);
    }
    front->left_bytes = head->length;
    front->phase = head->encodings_count > 0 ? HTTP_FRONT_CHUNK_SIZE : HTTP_FRONT_BODY;
    return true;
}

static bool read_header_line(struct http_front *front, struct slice bytes)
{
    struct slice line;
    switch (find_line(front, bytes, head_line_max(front), &line)) {
    case LINE_MORE:
        return false;
    case LINE_TOO_LONG:
        return refuse(front, 431, "headers too long");
    case LINE_MALFORMED:
        return refuse(front, 400, "malformed line end");
    case LINE_WHOLE:
        break;
    }
    front->head.bytes += (uint32_t)line.size + 2;
    return line.size == 0 ? end_head(front) : note_header(front, line);
}

/* ---- Bodies ---- */

static bool read_body(struct http_front *front, struct slice bytes)
{
    size_t size = bytes.size < front->left_bytes ? bytes.size : (size_t)front->left_bytes;
    if (size == 0) {
        return false;
    }
    front->left_bytes -= size;
    push(front, HTTP_FRONT_KEEP, size);
    if (front->left_bytes == 0) {
        end_request(front);
    }
    return true;
}

/* A line of a chunked body that is no content. True: *line has it; false: *result is the answer. */
static bool find_framing_line(struct http_front *front, struct slice bytes, size_t bytes_max,
                              struct slice *line, bool *result)
{
    size_t left = front->limits->framing_bytes_max - front->framing_bytes;
    *result = true;
    switch (find_line(front, bytes, lesser(bytes_max, left), line)) {
    case LINE_MORE:
        *result = false;
        return false;
    case LINE_TOO_LONG:
        (void)refuse(front, 400, "too much between the chunks of the body");
        return false;
    case LINE_MALFORMED:
        (void)refuse(front, 400, "malformed line end");
        return false;
    case LINE_WHOLE:
        break;
    }
    front->framing_bytes += (uint32_t)line->size + 2;
    return true;
}

static bool read_chunk_size(struct http_front *front, struct slice bytes)
{
    struct slice line;
    bool result;
    uint64_t chunk_bytes;
    size_t digits_count;
    if (!find_framing_line(front, bytes, front->limits->chunk_line_bytes_max, &line, &result)) {
        return result;
    }
    if (!http_line_parse_chunk(line, &chunk_bytes, &digits_count)) {
        return refuse(front, 400, "malformed chunk size");
    }
    if (chunk_bytes > front->limits->body_bytes_max - front->body_bytes) {
        return refuse(front, 413, "body too large");
    }
    if (digits_count == line.size) {
        push(front, HTTP_FRONT_KEEP, line.size + 2);
    } else {
        push(front, HTTP_FRONT_KEEP, digits_count);
        push(front, HTTP_FRONT_DROP, line.size - digits_count);
        push(front, HTTP_FRONT_KEEP, 2);
    }
    front->body_bytes += chunk_bytes;
    front->left_bytes = chunk_bytes;
    front->phase = chunk_bytes == 0 ? HTTP_FRONT_TRAILERS : HTTP_FRONT_CHUNK_DATA;
    return true;
}

static bool read_chunk_data(struct http_front *front, struct slice bytes)
{
    size_t size = bytes.size < front->left_bytes ? bytes.size : (size_t)front->left_bytes;
    if (size == 0) {
        return false;
    }
    front->left_bytes -= size;
    push(front, HTTP_FRONT_KEEP, size);
    if (front->left_bytes == 0) {
        front->phase = HTTP_FRONT_CHUNK_END;
    }
    return true;
}

static bool read_chunk_end(struct http_front *front, struct slice bytes)
{
    struct slice wanted = slice_of("\r\n", lesser(bytes.size, 2));
    if (bytes.size > 0 && !slice_equals(slice_of(bytes.bytes, wanted.size), wanted)) {
        return refuse(front, 400, "a chunk is longer than its size");
    }
    if (bytes.size < 2) {
        return false;
    }
    if (front->limits->framing_bytes_max - front->framing_bytes < 2) {
        return refuse(front, 400, "too much between the chunks of the body");
    }
    front->framing_bytes += 2;
    front->phase = HTTP_FRONT_CHUNK_SIZE;
    push(front, HTTP_FRONT_KEEP, 2);
    return true;
}

/* Trailers are read over: evhttp would add them to the headers. */
static bool read_trailer(struct http_front *front, struct slice bytes)
{
    struct slice line;
    struct slice name;
    struct slice value;
    bool result;
    if (!find_framing_line(front, bytes, front->limits->line_bytes_max, &line, &result)) {
        return result;
    }
    if (line.size == 0) {
        push(front, HTTP_FRONT_KEEP, 2);
        end_request(front);
        return true;
    }
    const char *error = http_line_parse_header(line, &name, &value);
    if (error != NULL) {
        return refuse(front, 400, error);
    }
    push(front, HTTP_FRONT_DROP, line.size + 2);
    return true;
}

static bool discard(struct http_front *front, struct slice bytes)
{
    size_t size = bytes.size < front->left_bytes ? bytes.size : (size_t)front->left_bytes;
    if (front->left_bytes == 0) {
        return refuse(front, 413, "body too large");
    }
    front->left_bytes -= size;
    push(front, HTTP_FRONT_DROP, size);
    return size > 0;
}

/* ---- All together ---- */

/* Reads one element; false when it is not all there. */
static bool read_element(struct http_front *front, struct slice bytes)
{
    switch (front->phase) {
    case HTTP_FRONT_BETWEEN:
        return read_request_line(front, bytes);
    case HTTP_FRONT_HEADERS:
        return read_header_line(front, bytes);
    case HTTP_FRONT_BODY:
        return read_body(front, bytes);
    case HTTP_FRONT_CHUNK_SIZE:
        return read_chunk_size(front, bytes);
    case HTTP_FRONT_CHUNK_DATA:
        return read_chunk_data(front, bytes);
    case HTTP_FRONT_CHUNK_END:
        return read_chunk_end(front, bytes);
    case HTTP_FRONT_TRAILERS:
        return read_trailer(front, bytes);
    case HTTP_FRONT_DISCARD:
        return discard(front, bytes);
    case HTTP_FRONT_CLOSED:
        push(front, HTTP_FRONT_DROP, bytes.size);
        return bytes.size > 0;
    }
    return false;
}

static struct http_front_step kept(size_t bytes_count)
{
    return (struct http_front_step){
        .kind = bytes_count == 0 ? HTTP_FRONT_MORE : HTTP_FRONT_KEEP,
        .bytes_count = bytes_count,
    };
}

void http_front_init(struct http_front *front, const struct http_front_limits *limits)
{
    memset(front, 0, sizeof(*front));
    front->limits = limits;
}

/* What is to be kept is said once for as many elements as are there. */
struct http_front_step http_front_step(struct http_front *front, struct slice bytes)
{
    if (front->steps_next < front->steps_count) {
        return front->steps[front->steps_next++];
    }
    size_t kept_bytes = 0;
    for (;;) {
        front->steps_count = 0;
        front->steps_next = 0;
        struct slice rest = slice_of(bytes.bytes + kept_bytes, bytes.size - kept_bytes);
        if (!read_element(front, rest)) {
            front->steps_count = 0;
            return kept(kept_bytes);
        }
        struct http_front_step *first = &front->steps[0];
        if (first->kind == HTTP_FRONT_KEEP && front->steps_count == 1) {
            kept_bytes += first->bytes_count;
            if (!first->ends_request) {
                continue;
            }
            first->bytes_count = kept_bytes;
        } else if (kept_bytes > 0 && first->kind != HTTP_FRONT_REFUSE) {
            return kept(kept_bytes);
        }
        return front->steps[front->steps_next++];
    }
}

bool http_front_is_amid(const struct http_front *front)
{
    return front->phase != HTTP_FRONT_CLOSED &&
           (front->phase != HTTP_FRONT_BETWEEN || front->searched_bytes > 0);
}

bool http_front_is_in_head(const struct http_front *front)
{
    return front->phase == HTTP_FRONT_BETWEEN || front->phase == HTTP_FRONT_HEADERS;
}

struct http_front_step http_front_refuse(struct http_front *front, int status, const char *text)
{
    (void)refuse(front, status, text);
    return front->steps[front->steps_next++];
}
