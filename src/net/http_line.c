/* http_line.c -- the grammar of an HTTP/1 message, a line at a time. */
#include "net/http_line.h"

enum { LENGTH_DIGITS_MAX = 18, CHUNK_DIGITS_MAX = 15, VERSION_BYTES = 8 };

/* ---- Bytes ---- */

bool http_line_is_token_byte(uint8_t byte)
{
    /* One bit a byte: !#$%&'*+-.^_`|~, digits, letters. */
    static const uint64_t TOKEN[2] = {UINT64_C(0x03ff6cfa00000000), UINT64_C(0x57ffffffc7fffffe)};
    return byte < 0x80 && (TOKEN[byte >> 6] >> (byte & 63) & 1) != 0;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_visible(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f;
}

static bool is_value_byte(uint8_t byte)
{
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

static bool is_all(struct slice text, bool (*is_member)(uint8_t))
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_member(text.bytes[i])) {
            return false;
        }
    }
    return true;
}

static bool is_token(struct slice text)
{
    return text.size > 0 && is_all(text, http_line_is_token_byte);
}

static struct slice trim(struct slice text)
{
    while (text.size > 0 && is_blank(text.bytes[text.size - 1])) {
        text.size--;
    }
    while (text.size > 0 && is_blank(text.bytes[0])) {
        text = slice_of(text.bytes + 1, text.size - 1);
    }
    return text;
}

/* ---- Lines ---- */

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool parse_version(struct slice text, struct http_request_line *out)
{
    if (text.size != VERSION_BYTES || memcmp(text.bytes, "HTTP/", 5) != 0 ||
        !is_digit(text.bytes[5]) || text.bytes[6] != '.' || !is_digit(text.bytes[7])) {
        return false;
    }
    out->major = (uint32_t)(text.bytes[5] - '0');
    out->minor = (uint32_t)(text.bytes[7] - '0');
    return true;
}

bool http_line_parse_request(struct slice line, struct http_request_line *out)
{
    const uint8_t *space = line.size == 0 ? NULL : memchr(line.bytes, ' ', line.size);
    if (space == NULL) {
        return false;
    }
    size_t method_bytes = (size_t)(space - line.bytes);
    if (line.size < method_bytes + 3 + VERSION_BYTES) {
        return false;
    }
    size_t target_bytes = line.size - method_bytes - 2 - VERSION_BYTES;
    out->method = slice_of(line.bytes, method_bytes);
    out->target = slice_of(space + 1, target_bytes);
    return is_token(out->method) && is_all(out->target, is_visible) &&
           space[1 + target_bytes] == ' ' &&
           parse_version(slice_of(space + 2 + target_bytes, VERSION_BYTES), out);
}

const char *http_line_parse_header(struct slice line, struct slice *name, struct slice *value)
{
    if (line.size > 0 && is_blank(line.bytes[0])) {
        return "folded header line";
    }
    const uint8_t *colon = line.size == 0 ? NULL : memchr(line.bytes, ':', line.size);
    if (colon == NULL) {
        return "malformed header line";
    }
    *name = slice_of(line.bytes, (size_t)(colon - line.bytes));
    if (!is_token(*name)) {
        return "malformed header name";
    }
    *value = trim(slice_of(colon + 1, line.size - name->size - 1));
    return is_all(*value, is_value_byte) ? NULL : "malformed header value";
}

bool http_line_parse_length(struct slice value, uint64_t *length)
{
    if (value.size == 0 || value.size > LENGTH_DIGITS_MAX || !is_all(value, is_digit)) {
        return false;
    }
    *length = 0;
    for (size_t i = 0; i < value.size; i++) {
        *length = *length * 10 + (uint64_t)(value.bytes[i] - '0');
    }
    return true;
}

static int hex_value(uint8_t digit)
{
    if (is_digit(digit)) {
        return digit - '0';
    }
    uint8_t lower = (uint8_t)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool http_line_parse_chunk(struct slice line, uint64_t *chunk_bytes, size_t *digits_count)
{
    size_t count = 0;
    *chunk_bytes = 0;
    while (count < line.size && hex_value(line.bytes[count]) >= 0) {
        *chunk_bytes = *chunk_bytes << 4 | (uint64_t)hex_value(line.bytes[count]);
        count++;
    }
    *digits_count = count;
    if (count == 0 || count > CHUNK_DIGITS_MAX) {
        return false;
    }
    struct slice extension = slice_of(line.bytes + count, line.size - count);
    return extension.size == 0 || (trim(extension).size > 0 && trim(extension).bytes[0] == ';' &&
                                   is_all(extension, is_value_byte));
}

bool http_line_is_authority(struct slice value)
{
    static const char OTHERS[] = ".-_~!$&'()*+,;=%:[]";
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.bytes[i];
        uint8_t lower = (uint8_t)(byte | 0x20);
        bool is_plain = is_digit(byte) || (lower >= 'a' && lower <= 'z');
        if (!is_plain && memchr(OTHERS, byte, sizeof(OTHERS) - 1) == NULL) {
            return false;
        }
    }
    return true;
}

bool http_line_has_word(struct slice list, const char *lower_case_word)
{
    size_t begin = 0;
    while (begin < list.size) {
        const uint8_t *comma = memchr(list.bytes + begin, ',', list.size - begin);
        size_t end = comma == NULL ? list.size : (size_t)(comma - list.bytes);
        if (slice_is_word(trim(slice_of(list.bytes + begin, end - begin)), lower_case_word)) {
            return true;
        }
        begin = end + 1;
    }
    return false;
}
