/* t_bit_field.c -- BITFIELD: numbers of one to 64 bits anywhere in a string.
 *
 * All operations are read before the first is executed, so a syntax error changes nothing.
 */
#include "base/assert.h"
#include "base/mem.h"
#include "command/bit_support.h"
#include "command/command_events.h"
#include "command/command_handlers.h"

enum { FIELD_BYTES_MAX = 9 };

enum overflow { OVERFLOW_WRAP, OVERFLOW_SAT, OVERFLOW_FAIL };

enum field_kind { FIELD_GET, FIELD_SET, FIELD_INCRBY };

struct field_operation {
    enum field_kind kind;
    enum overflow overflow;
    bool is_signed;
    uint32_t bits;
    uint64_t offset;
    int64_t operand;
};

struct field_operations {
    struct field_operation *list;
    uint32_t count;
    bool writes;
    uint64_t write_end; /* bytes that the string must have for the writes */
};

/* ---- Reading ---- */

static bool read_type(struct command_context *context, struct slice text,
                      struct field_operation *out)
{
    int64_t bits = 0;
    out->is_signed = text.size > 0 && text.bytes[0] == 'i';
    bool is_good = text.size > 1 && (out->is_signed || text.bytes[0] == 'u') &&
                   number_parse_int64(slice_of(text.bytes + 1, text.size - 1), &bits) &&
                   bits >= 1 && bits <= (out->is_signed ? 64 : 63);
    if (!is_good) {
        reply_error(context->reply, "ERR Invalid bitfield type. Use something like i16 u8. Note "
                                    "that u64 is not supported but i64 is.");
        return false;
    }
    out->bits = (uint32_t)bits;
    return true;
}

static bool read_overflow(struct command_context *context, struct slice word, enum overflow *out)
{
    if (slice_is_word(word, "wrap")) {
        *out = OVERFLOW_WRAP;
    } else if (slice_is_word(word, "sat")) {
        *out = OVERFLOW_SAT;
    } else if (slice_is_word(word, "fail")) {
        *out = OVERFLOW_FAIL;
    } else {
        reply_error(context->reply, "ERR Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

static bool read_operation(struct command_context *context, uint32_t argument,
                           struct field_operation *out)
{
    if (!read_type(context, context->arguments[argument + 1], out) ||
        !command_read_bit_offset(context, context->arguments[argument + 2], out->bits,
                                 &out->offset)) {
        return false;
    }
    return out->kind == FIELD_GET || command_read_int64(context, argument + 3, &out->operand);
}

/* The kind of the operation at an argument, if all that belongs to it is there. */
static bool is_operation(const struct command_context *context, uint32_t argument,
                         enum field_kind *kind)
{
    static const char *const words[] = {"get", "set", "incrby"};
    uint32_t left = context->arguments_count - argument - 1;
    for (int i = 0; i < 3; i++) {
        if (slice_is_word(context->arguments[argument], words[i])) {
            *kind = (enum field_kind)i;
            return left >= (*kind == FIELD_GET ? 2u : 3u);
        }
    }
    return false;
}

static bool read_operations(struct command_context *context, bool is_readonly,
                            struct field_operations *out)
{
    enum overflow overflow = OVERFLOW_WRAP;
    for (uint32_t i = 2; i < context->arguments_count;) {
        struct field_operation *operation = &out->list[out->count];
        *operation = (struct field_operation){.overflow = overflow};
        if (i + 1 < context->arguments_count && slice_is_word(context->arguments[i], "overflow")) {
            if (!read_overflow(context, context->arguments[i + 1], &overflow)) {
                return false;
            }
            i += 2;
            continue;
        }
        if (!is_operation(context, i, &operation->kind)) {
            command_refuse_syntax(context);
            return false;
        }
        if (!read_operation(context, i, operation)) {
            return false;
        }
        if (operation->kind != FIELD_GET) {
            uint64_t end = (operation->offset + operation->bits - 1) / 8 + 1;
            out->writes = true;
            out->write_end = end > out->write_end ? end : out->write_end;
        }
        out->count++;
        i += operation->kind == FIELD_GET ? 3 : 4;
    }
    if (is_readonly && out->writes) {
        reply_error(context->reply, "ERR BITFIELD_RO only supports the GET subcommand");
        return false;
    }
    return true;
}

/* ---- Executing ---- */

static uint64_t get_bits(struct slice text, uint64_t offset, uint32_t bits)
{
    uint64_t value = 0;
    for (uint64_t i = offset; i < offset + bits; i++) {
        uint8_t byte = i / 8 < text.size ? text.bytes[i / 8] : 0;
        value = value << 1 | (byte >> (7 - i % 8) & 1);
    }
    return value;
}

/* The number that so many bits are. */
static int64_t number_of(const struct field_operation *operation, uint64_t bits)
{
    if (operation->is_signed && operation->bits < 64 && (bits >> (operation->bits - 1) & 1) != 0) {
        bits |= UINT64_MAX << operation->bits;
    }
    return (int64_t)bits;
}

/* Brings a number into the field's range; false: it does not fit, and nothing is to be done. An
 * unsigned SET takes a negative number as the large one of the same bits. */
static bool fit(const struct field_operation *operation, int64_t old, bool adds, int64_t *value)
{
    int64_t max = operation->is_signed ? (int64_t)((UINT64_C(1) << (operation->bits - 1)) - 1)
                                       : (int64_t)((UINT64_C(1) << operation->bits) - 1);
    int64_t min = operation->is_signed ? -max - 1 : 0;
    uint64_t wrapped = (uint64_t)operation->operand + (adds ? (uint64_t)old : 0);
    int64_t sum = 0;
    bool is_over = false;
    bool is_under = false;
    if (__builtin_add_overflow(operation->operand, adds ? old : 0, &sum)) {
        is_over = operation->operand > 0;
        is_under = !is_over;
    } else {
        bool is_large = !adds && !operation->is_signed && sum < 0;
        is_over = is_large || sum > max;
        is_under = !is_large && sum < min;
    }
    if ((is_over || is_under) && operation->overflow == OVERFLOW_FAIL) {
        return false;
    }
    if ((is_over || is_under) && operation->overflow == OVERFLOW_SAT) {
        *value = is_over ? max : min;
        return true;
    }
    uint64_t mask = operation->bits == 64 ? UINT64_MAX : (UINT64_C(1) << operation->bits) - 1;
    *value = number_of(operation, wrapped & mask);
    return true;
}

/* Writes the bits of a number into the string of the first key, behind which zeros go on. */
static void put_bits(struct command_context *context, struct slice text,
                     const struct field_operation *operation, int64_t value)
{
    uint8_t bytes[FIELD_BYTES_MAX] = {0};
    uint64_t first = operation->offset / 8;
    uint64_t end = (operation->offset + operation->bits - 1) / 8 + 1;
    if (first < text.size) {
        memcpy(bytes, text.bytes + first, (end < text.size ? end : text.size) - first);
    }
    for (uint32_t i = 0; i < operation->bits; i++) {
        uint64_t at = operation->offset + i - first * 8;
        uint8_t mask = (uint8_t)(1u << (7 - at % 8));
        bool bit = ((uint64_t)value >> (operation->bits - 1 - i) & 1) != 0;
        bytes[at / 8] = (uint8_t)(bit ? bytes[at / 8] | mask : bytes[at / 8] & ~mask);
    }
    (void)keyspace_set_range(context->keyspace, context->database, context->arguments[1], first,
                             slice_of(bytes, end - first));
}

/* Runs one operation and replies; returns whether it changed something. */
static bool run(struct command_context *context, const struct field_operation *operation)
{
    struct command_string string;
    bool is_string = command_find_string(context, 1, &string);
    ASSERT(is_string);
    int64_t old = number_of(operation, get_bits(string.text, operation->offset, operation->bits));
    int64_t value = 0;
    if (operation->kind == FIELD_GET) {
        reply_integer(context->reply, old);
        return false;
    }
    bool adds = operation->kind == FIELD_INCRBY;
    if (!fit(operation, old, adds, &value)) {
        reply_null(context->reply);
        return false;
    }
    reply_integer(context->reply, adds ? value : old);
    if (value == old) {
        return false;
    }
    put_bits(context, string.text, operation, value);
    return true;
}

static void run_all(struct command_context *context, const struct field_operations *operations)
{
    struct command_string string;
    bool has_changed = false;
    if (!command_find_string(context, 1, &string)) {
        return;
    }
    reply_array(context->reply, operations->count);
    for (uint32_t i = 0; i < operations->count; i++) {
        has_changed = run(context, &operations->list[i]) || has_changed;
    }
    bool is_string = command_find_string(context, 1, &string);
    ASSERT(is_string);
    if (string.text.size < operations->write_end) {
        /* What writes nothing makes the string as long, too. */
        static const uint8_t zero = 0;
        (void)keyspace_set_range(context->keyspace, context->database, context->arguments[1],
                                 operations->write_end - 1, slice_of(&zero, 1));
        has_changed = true;
    }
    if (has_changed) {
        command_notify(context, NOTIFY_STRING, "setbit", context->arguments[1]);
    }
}

static void bitfield(struct command_context *context, bool is_readonly)
{
    struct field_operations operations = {
        .list = mem_alloc_zeroed(context->arguments_count, sizeof(*operations.list))};
    if (read_operations(context, is_readonly, &operations)) {
        run_all(context, &operations);
    }
    mem_free(operations.list);
}

void handle_bitfield(struct command_context *context)
{
    bitfield(context, false);
}

void handle_bitfield_ro(struct command_context *context)
{
    bitfield(context, true);
}
