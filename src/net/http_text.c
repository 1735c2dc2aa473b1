/* http_text.c -- UTF-8, JSON strings, base64 and percent-encoding for the HTTP API. */
#include "net/http_text.h"

#include <stdint.h>
#include <string.h>

static const char HEX_DIGITS[] = "0123456789abcdef";
static const char BASE64_DIGITS[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- UTF-8 ---- */

/* The length of the well-formed sequence at bytes that begins with a byte over 0x7f; 0: none. */
static size_t multibyte_size(const uint8_t *bytes, size_t size)
{
    uint8_t lead = bytes[0];
    size_t wanted = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4 || size < wanted) {
        return 0;
    }
    /* The second byte's range keeps out overlong forms, surrogates and what is past U+10FFFF. */
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (bytes[1] < low || bytes[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < wanted; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return wanted;
}

bool http_utf8_is_valid(struct slice text)
{
    size_t i = 0;
    while (i < text.size) {
        uint64_t eight;
        if (text.size - i >= sizeof(eight)) {
            memcpy(&eight, text.bytes + i, sizeof(eight));
            if ((eight & 0x8080808080808080u) == 0) {
                i += sizeof(eight);
                continue;
            }
        }
        size_t step = text.bytes[i] < 0x80 ? 1 : multibyte_size(text.bytes + i, text.size - i);
        if (step == 0) {
            return false;
        }
        i += step;
    }
    return true;
}

/* ---- JSON ---- */

static bool is_plain_in_json(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static void json_escape(struct buf *out, uint8_t byte)
{
    static const char ESCAPED[] = "\"\\\b\f\n\r\t";
    static const char LETTERS[] = "\"\\bfnrt";
    const char *at = byte == 0 ? NULL : strchr(ESCAPED, byte);
    buf_append_byte(out, '\\');
    if (at != NULL) {
        buf_append_byte(out, (uint8_t)LETTERS[at - ESCAPED]);
        return;
    }
    buf_append(out, "u00", 3);
    buf_append_byte(out, (uint8_t)HEX_DIGITS[byte >> 4]);
    buf_append_byte(out, (uint8_t)HEX_DIGITS[byte & 15]);
}

void http_json_string(struct buf *out, struct slice text)
{
    buf_append_byte(out, '"');
    size_t i = 0;
    while (i < text.size) {
        size_t plain = 0;
        while (i + plain < text.size && is_plain_in_json(text.bytes[i + plain])) {
            plain++;
        }
        buf_append(out, text.bytes + i, plain);
        i += plain;
        if (i == text.size) {
            break;
        }
        if (text.bytes[i] < 0x80) {
            json_escape(out, text.bytes[i++]);
            continue;
        }
        size_t step = multibyte_size(text.bytes + i, text.size - i);
        if (step == 0) {
            buf_append(out, "\xef\xbf\xbd", 3);
            i++;
        } else {
            buf_append(out, text.bytes + i, step);
            i += step;
        }
    }
    buf_append_byte(out, '"');
}

bool http_json_is_shallow(struct slice text, uint32_t depth_max)
{
    uint32_t depth = 0;
    bool is_in_string = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.bytes[i];
        if (is_in_string) {
            i += byte == '\\';
            is_in_string = byte != '"';
        } else if (byte == '"') {
            is_in_string = true;
        } else if (byte == '{' || byte == '[') {
            if (++depth > depth_max) {
                return false;
            }
        } else if ((byte == '}' || byte == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

/* ---- Base64 ---- */

void http_base64_encode(struct buf *out, struct slice bytes)
{
    size_t encoded_bytes = (bytes.size + 2) / 3 * 4;
    uint8_t *at = buf_reserve(out, encoded_bytes);
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.bytes[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.bytes[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes.bytes[i + 2] : 0;
        *at++ = (uint8_t)BASE64_DIGITS[group >> 18];
        *at++ = (uint8_t)BASE64_DIGITS[group >> 12 & 63];
        *at++ = left > 1 ? (uint8_t)BASE64_DIGITS[group >> 6 & 63] : (uint8_t)'=';
        *at++ = left > 2 ? (uint8_t)BASE64_DIGITS[group & 63] : (uint8_t)'=';
    }
    buf_commit(out, encoded_bytes);
}

/* The value of a base64 digit, -1 for any other byte. */
static int base64_value(uint8_t digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

/* Decodes four digits of which the last padding_count are '='. */
static bool base64_group(const uint8_t *digits, size_t padding_count, uint8_t *out)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i >= 4 - padding_count ? 0 : base64_value(digits[i]);
        if (value < 0) {
            return false;
        }
        group = group << 6 | (uint32_t)value;
    }
    uint32_t stray = padding_count == 2 ? group & 0xffff : padding_count == 1 ? group & 0xff : 0;
    for (size_t i = 0; i < 3 - padding_count; i++) {
        out[i] = (uint8_t)(group >> (16 - 8 * i));
    }
    return stray == 0;
}

bool http_base64_decode(struct buf *out, struct slice text)
{
    if (text.size % 4 != 0) {
        return false;
    }
    uint8_t *at = buf_reserve(out, text.size / 4 * 3 + 1);
    size_t decoded_bytes = 0;
    for (size_t i = 0; i < text.size; i += 4) {
        const uint8_t *digits = text.bytes + i;
        size_t padding_count = 0;
        if (i + 4 == text.size && digits[3] == '=') {
            padding_count = digits[2] == '=' ? 2 : 1;
        }
        if (!base64_group(digits, padding_count, at + decoded_bytes)) {
            return false;
        }
        decoded_bytes += 3 - padding_count;
    }
    buf_commit(out, decoded_bytes);
    return true;
}

/* ---- Percent-encoding ---- */

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    uint8_t lower = (uint8_t)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool http_percent_decode(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.bytes[i];
        if (byte != '%') {
            buf_append_byte(out, byte == '+' ? (uint8_t)' ' : byte);
            continue;
        }
        if (text.size - i < 3) {
            return false;
        }
        int high = hex_value(text.bytes[i + 1]);
        int low = hex_value(text.bytes[i + 2]);
        if (high < 0 || low < 0) {
            return false;
        }
        buf_append_byte(out, (uint8_t)(high * 16 + low));
        i += 2;
    }
    return true;
}

static bool is_unreserved(uint8_t byte)
{
    uint8_t lower = (uint8_t)(byte | 0x20);
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '.' || byte == '_' || byte == '~';
}

void http_percent_encode(struct buf *out, struct slice bytes)
{
    static const char UPPER_DIGITS[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = bytes.bytes[i];
        if (is_unreserved(byte)) {
            buf_append_byte(out, byte);
            continue;
        }
        buf_append_byte(out, '%');
        buf_append_byte(out, (uint8_t)UPPER_DIGITS[byte >> 4]);
        buf_append_byte(out, (uint8_t)UPPER_DIGITS[byte & 15]);
    }
}
