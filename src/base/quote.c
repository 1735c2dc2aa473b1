/* quote.c -- bytes as redis-cli and MONITOR show them. */
#include "base/quote.h"

static bool is_plain(uint8_t byte)
{
    return byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
}

static void append_escaped(struct buf *out, uint8_t byte)
{
    static const char special[] = "\\\"\n\r\t\a\b";
    static const char letters[] = "\\\"nrtab";
    const char *found = byte == 0 ? NULL : strchr(special, byte);
    if (found != NULL) {
        buf_append_format(out, "\\%c", letters[found - special]);
    } else {
        buf_append_format(out, "\\x%02x", (unsigned)byte);
    }
}

void quote_append(struct buf *out, struct slice bytes)
{
    buf_append_byte(out, '"');
    size_t i = 0;
    while (i < bytes.size) {
        size_t begin = i;
        while (i < bytes.size && is_plain(bytes.bytes[i])) {
            i++;
        }
        buf_append(out, bytes.bytes + begin, i - begin);
        if (i < bytes.size) {
            append_escaped(out, bytes.bytes[i]);
            i++;
        }
    }
    buf_append_byte(out, '"');
}
