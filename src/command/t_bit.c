/* t_bit.c -- strings as arrays of bits, the most significant bit of each byte first: SETBIT,
 * GETBIT, BITCOUNT, BITPOS. Combining strings is in t_bit_operation.c, numbers of some bits in
 * t_bit_field.c.
 */
#include "command/bit_support.h"
#include "command/command_events.h"
#include "command/command_handlers.h"

bool command_read_bit_offset(struct command_context *context, struct slice text, uint32_t bits,
                             uint64_t *out)
{
    bool counts_fields = bits > 0 && text.size > 0 && text.bytes[0] == '#';
    int64_t offset = 0;
    if (counts_fields) {
        text = slice_of(text.bytes + 1, text.size - 1);
    }
    bool is_good = number_parse_int64(text, &offset) && offset >= 0;
    if (is_good && counts_fields) {
        is_good = !__builtin_mul_overflow(offset, (int64_t)bits, &offset);
    }
    if (!is_good || (uint64_t)offset >> 3 >= context->bulk_bytes_max) {
        reply_error(context->reply, "ERR bit offset is not an integer or out of range");
        return false;
    }
    *out = (uint64_t)offset;
    return true;
}

static bool bit_at(struct slice text, uint64_t offset)
{
    return offset >> 3 < text.size && (text.bytes[offset >> 3] >> (7 - (offset & 7)) & 1) != 0;
}

void handle_setbit(struct command_context *context)
{
    struct command_string string;
    uint64_t offset = 0;
    int64_t bit = 0;
    if (!command_read_bit_offset(context, context->arguments[2], 0, &offset)) {
        return;
    }
    if (!number_parse_int64(context->arguments[3], &bit) || (bit != 0 && bit != 1)) {
        reply_error(context->reply, "ERR bit is not an integer or out of range");
        return;
    }
    if (!command_find_string(context, 1, &string)) {
        return;
    }
    uint64_t at = offset >> 3;
    uint8_t byte = at < string.text.size ? string.text.bytes[at] : 0;
    uint8_t mask = (uint8_t)(1u << (7 - (offset & 7)));
    reply_integer(context->reply, (byte & mask) != 0);
    if (at < string.text.size && ((byte & mask) != 0) == (bit != 0)) {
        return; /* as in Redis, what changes nothing is no change */
    }
    byte = (uint8_t)(bit != 0 ? byte | mask : byte & ~mask);
    (void)keyspace_set_range(context->keyspace, context->database, context->arguments[1], at,
                             slice_of(&byte, 1));
    command_notify(context, NOTIFY_STRING, "setbit", context->arguments[1]);
}

void handle_getbit(struct command_context *context)
{
    struct command_string string;
    uint64_t offset = 0;
    if (command_read_bit_offset(context, context->arguments[2], 0, &offset) &&
        command_find_string(context, 1, &string)) {
        reply_integer(context->reply, bit_at(string.text, offset));
    }
}

/* ---- Ranges ---- */

/* Unlike command_clip_range: ends before the first element are made the first one. */
static uint64_t clip(int64_t start, int64_t stop, uint64_t count, uint64_t *first)
{
    int64_t size = (int64_t)count;
    start = start < 0 ? start + size : start;
    stop = stop < 0 ? stop + size : stop;
    return command_clip_range(start < 0 ? 0 : start, stop < 0 ? 0 : stop, count, first);
}

static bool read_unit(struct command_context *context, uint32_t argument, bool *counts_bits)
{
    *counts_bits = slice_is_word(context->arguments[argument], "bit");
    if (!*counts_bits && !slice_is_word(context->arguments[argument], "byte")) {
        command_refuse_syntax(context);
        return false;
    }
    return true;
}

/* Reads [start [end [BYTE|BIT]]] and makes it [*first, *end) in bits; nothing of it given: all.
 * False: has replied. */
static bool read_range(struct command_context *context, uint32_t argument, uint64_t size,
                       uint64_t *first, uint64_t *end)
{
    uint32_t given = context->arguments_count > argument ? context->arguments_count - argument : 0;
    int64_t start = 0;
    int64_t stop = -1;
    bool counts_bits = false;
    if (given > 3) {
        command_refuse_syntax(context);
        return false;
    }
    /* BITPOS looks at the unit before the end, which decides about the error. */
    bool is_count = context->command->id == COMMAND_BITCOUNT;
    if ((given > 0 && !command_read_int64(context, argument, &start)) ||
        (given == 3 && !is_count && !read_unit(context, argument + 2, &counts_bits)) ||
        (given > 1 && !command_read_int64(context, argument + 1, &stop))) {
        return false;
    }
    if (is_count && start < 0 && stop < 0 && start > stop) {
        *first = *end = 0; /* crossed as given: nothing, whatever follows */
        return true;
    }
    if (given == 3 && is_count && !read_unit(context, argument + 2, &counts_bits)) {
        return false;
    }
    uint64_t number = clip(start, stop, counts_bits ? size * 8 : size, first);
    *end = *first + number;
    if (!counts_bits) {
        *first *= 8;
        *end *= 8;
    }
    return true;
}

static uint64_t count_bits(struct slice text, uint64_t first, uint64_t end)
{
    uint64_t count = 0;
    for (; first < end && first % 8 != 0; first++) {
        count += bit_at(text, first);
    }
    for (; end - first >= 64; first += 64) {
        uint64_t word;
        memcpy(&word, text.bytes + first / 8, sizeof(word));
        count += (uint64_t)__builtin_popcountll(word);
    }
    for (; first < end; first++) {
        count += bit_at(text, first);
    }
    return count;
}

void handle_bitcount(struct command_context *context)
{
    struct command_string string;
    uint64_t first = 0;
    uint64_t end = 0;
    if (!command_find_string(context, 1, &string)) {
        return;
    }
    if (string.item == NULL) {
        reply_integer(context->reply, 0);
        return;
    }
    if (context->arguments_count == 3) {
        command_refuse_syntax(context);
        return;
    }
    if (read_range(context, 2, string.text.size, &first, &end)) {
        reply_integer(context->reply, (int64_t)count_bits(string.text, first, end));
    }
}

/* The first bit of this kind in a range, or its end. */
static uint64_t find_bit(struct slice text, bool bit, uint64_t first, uint64_t end)
{
    uint8_t other = bit ? 0x00 : 0xff;
    while (first < end && bit_at(text, first) != bit) {
        first++;
        while (first % 8 == 0 && end - first >= 8 && text.bytes[first / 8] == other) {
            first += 8;
        }
    }
    return first;
}

void handle_bitpos(struct command_context *context)
{
    struct command_string string;
    int64_t bit = 0;
    uint64_t first = 0;
    uint64_t end = 0;
    if (!command_read_int64(context, 2, &bit)) {
        return;
    }
    if (bit != 0 && bit != 1) {
        reply_error(context->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    if (!command_find_string(context, 1, &string)) {
        return;
    }
    if (string.item == NULL) {
        reply_integer(context->reply, bit == 1 ? -1 : 0);
        return;
    }
    if (!read_range(context, 3, string.text.size, &first, &end)) {
        return;
    }
    uint64_t found = find_bit(string.text, bit == 1, first, end);
    /* Behind a string whose end was not given, zeros go on. */
    bool is_behind = found == end && first < end && bit == 0 && context->arguments_count < 5;
    reply_integer(context->reply, found < end || is_behind ? (int64_t)found : -1);
}
