/* config_value.c -- the text of a value <-> its field, for every type of directive. Refusals are in
 * the words of Redis 7.0, whose users know them. */
#include "base/assert.h"
#include "base/mem.h"
#include "base/number.h"
#include "command/command_events.h"
#include "server/config_internal.h"

static const char *const class_names[CONFIG_CLASSES] = {"normal", "replica", "pubsub"};

static void *field_of(const struct config_directive *directive, struct config *config)
{
    return (char *)config + directive->offset;
}

static const void *const_field_of(const struct config_directive *directive,
                                  const struct config *config)
{
    return (const char *)config + directive->offset;
}

void config_string_set(char **field, struct slice text)
{
    char *copy = mem_copy_bytes(text.bytes, text.size);
    mem_free(*field);
    *field = copy;
}

void config_list_clear(struct config_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        mem_free(list->items[i]);
    }
    mem_free(list->items);
    *list = (struct config_list){NULL, 0};
}

void config_list_append(struct config_list *list, struct slice item)
{
    list->items = mem_realloc(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = mem_copy_bytes(item.bytes, item.size);
}

static bool refuse(struct buf *reason, const char *why)
{
    buf_append_format(reason, "%s", why);
    return false;
}

/* ---- Numbers ---- */

struct unit {
    const char *suffix; /* lower case */
    uint64_t factor;
};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit byte_units[] = {
    {"", 1},          {"b", 1},          {"k", 1000},      {"kb", 1024}, {"m", 1000000},
    {"mb", 1u << 20}, {"g", 1000000000}, {"gb", 1u << 30}, {NULL, 0},
};
static const struct unit millisecond_units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {NULL, 0}};
static const struct unit second_units[] = {{"", 1}, {"s", 1}, {NULL, 0}};

/* Digits and one of the units; false when it is not that or beyond 64 bits. */
static bool parse_number(struct slice text, const struct unit *units, uint64_t *out)
{
    size_t digits = 0;
    while (digits < text.size && text.bytes[digits] >= '0' && text.bytes[digits] <= '9') {
        digits++;
    }
    uint64_t value;
    if (!number_parse_uint64(slice_of(text.bytes, digits), &value)) {
        return false;
    }
    struct slice suffix = slice_of(text.bytes + digits, text.size - digits);
    for (; units->suffix != NULL; units++) {
        if (slice_is_word(suffix, units->suffix)) {
            return !__builtin_mul_overflow(value, units->factor, out);
        }
    }
    return false;
}

static const struct unit *units_of(enum config_type type)
{
    return type == CONFIG_TYPE_BYTES          ? byte_units
           : type == CONFIG_TYPE_MILLISECONDS ? millisecond_units
           : type == CONFIG_TYPE_SECONDS      ? second_units
                                              : no_units;
}

static bool parse_in_range(const struct config_directive *directive, struct slice text,
                           uint64_t *out, struct buf *reason)
{
    uint64_t value;
    bool is_negative = text.size > 1 && text.bytes[0] == '-';
    struct slice digits = is_negative ? slice_of(text.bytes + 1, text.size - 1) : text;
    if (!parse_number(digits, units_of(directive->type), &value)) {
        return refuse(reason, directive->type == CONFIG_TYPE_BYTES
                                  ? "argument must be a memory value"
                                  : "argument couldn't be parsed into an integer");
    }
    if (is_negative || value < directive->min || value > directive->max) {
        buf_append_format(reason, "argument must be between %llu and %llu inclusive",
                          (unsigned long long)directive->min, (unsigned long long)directive->max);
        return false;
    }
    *out = value;
    return true;
}

static bool parse_signed(const struct config_directive *directive, struct slice text,
                         int64_t *field, struct buf *reason)
{
    int64_t value = 0;
    if (!number_parse_int64(text, &value)) {
        return refuse(reason, "argument couldn't be parsed into an integer");
    }
    if (value < (int64_t)directive->min || value > (int64_t)directive->max) {
        buf_append_format(reason, "argument must be between %lld and %lld inclusive",
                          (long long)directive->min, (long long)directive->max);
        return false;
    }
    *field = value;
    return true;
}

static bool parse_uint32(const struct config_directive *directive, struct slice text,
                         uint32_t *field, struct buf *reason)
{
    uint64_t value;
    ASSERT(directive->max <= UINT32_MAX);
    if (!parse_in_range(directive, text, &value, reason)) {
        return false;
    }
    *field = (uint32_t)value;
    return true;
}

static bool parse_port(const struct config_directive *directive, struct slice text, uint16_t *field,
                       struct buf *reason)
{
    uint64_t value;
    ASSERT(directive->max <= UINT16_MAX);
    if (!parse_in_range(directive, text, &value, reason)) {
        return false;
    }
    *field = (uint16_t)value;
    return true;
}

/* ---- Words ---- */

static bool parse_boolean(struct slice text, bool *field, struct buf *reason)
{
    bool is_yes = slice_is_word(text, "yes");
    if (!is_yes && !slice_is_word(text, "no")) {
        return refuse(reason, "argument must be 'yes' or 'no'");
    }
    *field = is_yes;
    return true;
}

static bool parse_word(const struct config_directive *directive, struct slice text, uint32_t *field,
                       struct buf *reason)
{
    for (uint32_t i = 0; directive->words[i] != NULL; i++) {
        if (slice_is_word(text, directive->words[i])) {
            *field = i;
            return true;
        }
    }
    buf_append_format(reason, "argument(s) must be one of the following: ");
    for (uint32_t i = 0; directive->words[i] != NULL; i++) {
        buf_append_format(reason, "%s%s", i == 0 ? "" : ", ", directive->words[i]);
    }
    return false;
}

static bool parse_string(const struct config_directive *directive, struct slice text, char **field,
                         struct buf *reason)
{
    if (text.size > 0 && memchr(text.bytes, '\0', text.size) != NULL) {
        return refuse(reason, "argument may not hold a NUL byte");
    }
    if (directive->check != NULL && !directive->check(text, reason)) {
        return false;
    }
    config_string_set(field, text);
    return true;
}

/* Takes the next item off text: what stands between blanks and commas. False at the end. */
static bool next_item(struct slice *text, struct slice *item)
{
    size_t start = 0;
    while (start < text->size && strchr(" \t,", text->bytes[start]) != NULL) {
        start++;
    }
    size_t end = start;
    while (end < text->size && strchr(" \t,", text->bytes[end]) == NULL) {
        end++;
    }
    if (start == end) {
        return false;
    }
    *item = slice_of(text->bytes + start, end - start);
    *text = slice_of(text->bytes + end, text->size - end);
    return true;
}

static bool check_item(const struct config_directive *directive, struct slice item,
                       struct buf *reason)
{
    struct config_address address;
    if (directive->type == CONFIG_TYPE_ADDRESSES) {
        return config_address_parse(item, &address, reason);
    }
    return directive->check == NULL || directive->check(item, reason);
}

static bool parse_list(const struct config_directive *directive, struct slice text,
                       struct config_list *field, struct buf *reason)
{
    struct config_list list = {NULL, 0};
    struct slice item;
    while (next_item(&text, &item)) {
        if (list.count == CONFIG_WORDS_MAX) {
            config_list_clear(&list);
            return refuse(reason, "argument has too many items");
        }
        if (memchr(item.bytes, '\0', item.size) != NULL || !check_item(directive, item, reason)) {
            config_list_clear(&list);
            return buf_size(reason) > 0 ? false : refuse(reason, "argument holds a NUL byte");
        }
        config_list_append(&list, item);
    }
    if (directive->type == CONFIG_TYPE_WORDS && list.count == 0) {
        return refuse(reason, "argument may not be empty");
    }
    config_list_clear(field);
    *field = list;
    return true;
}

static int class_of(struct slice name)
{
    for (int i = 0; i < CONFIG_CLASSES; i++) {
        if (slice_is_word(name, class_names[i])) {
            return i;
        }
    }
    return slice_is_word(name, "slave") ? CONFIG_REPLICA : -1;
}

static bool parse_output_limits(struct slice text, struct config_output_limit *field,
                                struct buf *reason)
{
    struct config_output_limit limits[CONFIG_CLASSES];
    memcpy(limits, field, sizeof(limits));
    struct slice words[4];
    bool is_any = false;
    while (next_item(&text, &words[0])) {
        for (int i = 1; i < 4; i++) {
            if (!next_item(&text, &words[i])) {
                return refuse(reason, "Wrong number of arguments in buffer limit configuration.");
            }
        }
        int class = class_of(words[0]);
        if (class < 0) {
            return refuse(reason, "Invalid client class specified in buffer limit configuration.");
        }
        uint64_t seconds;
        struct config_output_limit *limit = &limits[class];
        if (!parse_number(words[1], byte_units, &limit->hard_bytes) ||
            !parse_number(words[2], byte_units, &limit->soft_bytes) ||
            !parse_number(words[3], second_units, &seconds) || seconds > INT32_MAX) {
            return refuse(reason, "Error in hard, soft or soft_seconds setting in buffer limit "
                                  "configuration.");
        }
        limit->soft_seconds = (uint32_t)seconds;
        is_any = true;
    }
    if (!is_any) {
        return refuse(reason, "Wrong number of arguments in buffer limit configuration.");
    }
    memcpy(field, limits, sizeof(limits));
    return true;
}

static bool check_fact(const struct config_directive *directive, struct slice text,
                       struct buf *reason)
{
    if (slice_is_word(text, directive->default_text)) {
        return true;
    }
    buf_append_format(reason, "%s cannot be chosen here: it is always '%s'", directive->name,
                      directive->default_text);
    return false;
}

/* ---- All types ---- */

bool config_value_parse(const struct config_directive *directive, struct slice text,
                        struct config *config, struct buf *reason)
{
    void *field = field_of(directive, config);
    switch (directive->type) {
    case CONFIG_TYPE_STRING:
        return parse_string(directive, text, field, reason);
    case CONFIG_TYPE_PORT:
        return parse_port(directive, text, field, reason);
    case CONFIG_TYPE_INTEGER:
    case CONFIG_TYPE_MILLISECONDS:
    case CONFIG_TYPE_SECONDS:
        return parse_uint32(directive, text, field, reason);
    case CONFIG_TYPE_BYTES:
    case CONFIG_TYPE_LONG:
        return parse_in_range(directive, text, field, reason);
    case CONFIG_TYPE_SIGNED:
        return parse_signed(directive, text, field, reason);
    case CONFIG_TYPE_BOOLEAN:
        return parse_boolean(text, field, reason);
    case CONFIG_TYPE_WORD:
        return parse_word(directive, text, field, reason);
    case CONFIG_TYPE_WORDS:
    case CONFIG_TYPE_ADDRESSES:
        return parse_list(directive, text, field, reason);
    case CONFIG_TYPE_OUTPUT_LIMITS:
        return parse_output_limits(text, field, reason);
    case CONFIG_TYPE_EVENTS:
        return notify_classes_parse(text, field) ||
               refuse(reason, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    case CONFIG_TYPE_FACT:
        return check_fact(directive, text, reason);
    }
    ASSERT(!"a type of the enum");
    return false;
}

static void format_list(const struct config_list *list, const char *separator, struct buf *out)
{
    for (uint32_t i = 0; i < list->count; i++) {
        buf_append_format(out, "%s%s", i == 0 ? "" : separator, list->items[i]);
    }
}

static void format_output_limits(const struct config_output_limit *limits, struct buf *out)
{
    for (int i = 0; i < CONFIG_CLASSES; i++) {
        /* CONFIG GET of Redis 7.0 says "slave", and clients look for that. */
        buf_append_format(out, "%s%s %llu %llu %u", i == 0 ? "" : " ",
                          i == CONFIG_REPLICA ? "slave" : class_names[i],
                          (unsigned long long)limits[i].hard_bytes,
                          (unsigned long long)limits[i].soft_bytes, limits[i].soft_seconds);
    }
}

void config_value_format(const struct config_directive *directive, const struct config *config,
                         struct buf *out)
{
    const void *field = const_field_of(directive, config);
    switch (directive->type) {
    case CONFIG_TYPE_STRING:
        buf_append_slice(out, slice_of_string(*(char *const *)field));
        break;
    case CONFIG_TYPE_PORT:
        buf_append_format(out, "%u", *(const uint16_t *)field);
        break;
    case CONFIG_TYPE_INTEGER:
    case CONFIG_TYPE_MILLISECONDS:
    case CONFIG_TYPE_SECONDS:
        buf_append_format(out, "%u", *(const uint32_t *)field);
        break;
    case CONFIG_TYPE_BYTES:
    case CONFIG_TYPE_LONG:
        buf_append_format(out, "%llu", (unsigned long long)*(const uint64_t *)field);
        break;
    case CONFIG_TYPE_SIGNED:
        buf_append_format(out, "%lld", (long long)*(const int64_t *)field);
        break;
    case CONFIG_TYPE_BOOLEAN:
        buf_append_format(out, "%s", *(const bool *)field ? "yes" : "no");
        break;
    case CONFIG_TYPE_WORD:
        buf_append_format(out, "%s", directive->words[*(const uint32_t *)field]);
        break;
    case CONFIG_TYPE_WORDS:
        format_list(field, " ", out);
        break;
    case CONFIG_TYPE_ADDRESSES:
        format_list(field, ",", out);
        break;
    case CONFIG_TYPE_OUTPUT_LIMITS:
        format_output_limits(field, out);
        break;
    case CONFIG_TYPE_EVENTS:
        notify_classes_format(*(const uint32_t *)field, out);
        break;
    case CONFIG_TYPE_FACT:
        buf_append_format(out, "%s", directive->default_text);
        break;
    }
}

void config_value_defaults(struct config *config)
{
    struct buf reason = {0};
    memset(config, 0, sizeof(*config));
    config->file = mem_copy_string("");
    for (uint32_t i = 0; i < config_table_count; i++) {
        const struct config_directive *directive = &config_table[i];
        if (directive->default_text != NULL) {
            struct slice text = slice_of_string(directive->default_text);
            bool is_valid = config_value_parse(directive, text, config, &reason);
            ASSERT(is_valid);
        } else if (directive->type == CONFIG_TYPE_STRING) {
            config_string_set(field_of(directive, config), SLICE_LITERAL(""));
        }
    }
    buf_deinit(&reason);
}

bool config_value_takes_words(const struct config_directive *directive)
{
    return directive->type == CONFIG_TYPE_WORDS || directive->type == CONFIG_TYPE_ADDRESSES ||
           directive->type == CONFIG_TYPE_OUTPUT_LIMITS;
}
