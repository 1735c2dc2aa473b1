/* ctl_text.c -- bytes and numbers as a person reads them. */
#include "cli/ctl_text.h"

#include <stdio.h>
#include <time.h>

#include "base/quote.h"

void ctl_text_quote(struct buf *out, struct slice bytes, size_t shown_max)
{
    bool is_cut = shown_max != 0 && bytes.size > shown_max;
    quote_append(out, slice_of(bytes.bytes, is_cut ? shown_max : bytes.size));
    if (is_cut) {
        buf_append_format(out, "... (%zu bytes)", bytes.size);
    }
}

void ctl_text_hex(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        buf_append_format(out, "%02x", (unsigned)bytes.bytes[i]);
    }
}

void ctl_text_time(struct buf *out, int64_t unix_ms)
{
    enum { YEAR_MIN = 1970, YEAR_MAX = 9999, YEAR_BASE = 1900 };
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    if (unix_ms < 0 || gmtime_r(&seconds, &parts) == NULL || parts.tm_year > YEAR_MAX - YEAR_BASE) {
        buf_append_format(out, "%lld", (long long)unix_ms);
        return;
    }
    char text[32];
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    buf_append_format(out, "%s.%03dZ", text, (int)(unix_ms % 1000));
}

void ctl_text_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) {
        buf_append_format(out, "%llu byte%s", (unsigned long long)bytes, bytes == 1 ? "" : "s");
        return;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    buf_append_format(out, "%.1f %s", value, units[unit]);
}

void ctl_text_shell(struct buf *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,+@%";
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        buf_append_slice(out, slice_of_string(text));
        return;
    }
    buf_append_byte(out, '\'');
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'') {
            buf_append_slice(out, slice_of_string("'\\''"));
        } else {
            buf_append_byte(out, (uint8_t)*at);
        }
    }
    buf_append_byte(out, '\'');
}

void ctl_text_flush(struct buf *out)
{
    struct slice bytes = buf_slice(out);
    if (bytes.size > 0) {
        (void)fwrite(bytes.bytes, 1, bytes.size, stdout);
    }
    buf_clear(out);
}
