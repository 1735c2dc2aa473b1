/* model_container.c -- containers as texts: a NUL, the type's letter, then every element's member
 * and value, each behind its size (u32). Lists are in their order, the others by member. */
#include "linear/model_container.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/number.h"

struct element {
    struct slice member;
    struct slice value; /* a field's, a score; else empty */
};

/* A container taken apart; slices borrow from the values and the operation. */
struct content {
    struct element *elements;
    uint32_t count;
    uint32_t capacity;
    char number[32]; /* what an increment came to */
};

enum { HEADER_BYTES = 2 };

enum action {
    PUSH_BACK,
    PUSH_FRONT,
    POP_BACK,
    POP_FRONT,
    PUT,       /* members */
    PUT_VALUE, /* a member and its value */
    PUT_SCORE, /* the same, the other way round */
    TAKE_OUT,  /* members */
    INCREMENT, /* a member's value */
    INCREMENT_SCORE,
    /* Those from here on only read. */
    HAS,
    VALUE_OF,
    COUNT,
    ALL,
    ALL_UNORDERED,
};

struct model_container_command {
    const char *name;
    char type;
    enum action action;
    uint32_t arguments_min, arguments_max; /* the name included */
};

static const struct model_container_command commands[] = {
    {"rpush", 'l', PUSH_BACK, 3, UINT32_MAX},
    {"lpush", 'l', PUSH_FRONT, 3, UINT32_MAX},
    {"rpop", 'l', POP_BACK, 2, 2},
    {"lpop", 'l', POP_FRONT, 2, 2},
    {"llen", 'l', COUNT, 2, 2},
    {"lrange", 'l', ALL, 4, 4},
    {"sadd", 's', PUT, 3, UINT32_MAX},
    {"srem", 's', TAKE_OUT, 3, UINT32_MAX},
    {"sismember", 's', HAS, 3, 3},
    {"scard", 's', COUNT, 2, 2},
    {"smembers", 's', ALL_UNORDERED, 2, 2},
    {"hset", 'h', PUT_VALUE, 4, 4},
    {"hdel", 'h', TAKE_OUT, 3, UINT32_MAX},
    {"hget", 'h', VALUE_OF, 3, 3},
    {"hlen", 'h', COUNT, 2, 2},
    {"hgetall", 'h', ALL_UNORDERED, 2, 2},
    {"hincrby", 'h', INCREMENT, 4, 4},
    {"zadd", 'z', PUT_SCORE, 4, 4},
    {"zrem", 'z', TAKE_OUT, 3, UINT32_MAX},
    {"zscore", 'z', VALUE_OF, 3, 3},
    {"zcard", 'z', COUNT, 2, 2},
    {"zincrby", 'z', INCREMENT_SCORE, 4, 4},
};

const struct model_container_command *model_container_find(const struct history_operation *source)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct model_container_command *command = &commands[i];
        if (!slice_is_word(source->arguments[0], command->name) ||
            source->arguments_count < command->arguments_min ||
            source->arguments_count > command->arguments_max) {
            continue;
        }
        bool is_whole =
            command->action != ALL || (slice_equals(source->arguments[2], SLICE_LITERAL("0")) &&
                                       slice_equals(source->arguments[3], SLICE_LITERAL("-1")));
        return is_whole ? command : NULL;
    }
    return NULL;
}

bool model_container_is_read(const struct model_container_command *command)
{
    return command->action >= HAS;
}

/* ---- Taking apart and putting together ---- */

static void insert(struct content *content, uint32_t at, struct element element)
{
    if (content->count == content->capacity) {
        content->capacity = content->capacity * 2 + 16;
        content->elements =
            mem_realloc(content->elements, content->capacity * sizeof(*content->elements));
    }
    memmove(&content->elements[at + 1], &content->elements[at],
            (content->count - at) * sizeof(*content->elements));
    content->elements[at] = element;
    content->count++;
}

static void take_out(struct content *content, uint32_t at)
{
    content->count--;
    memmove(&content->elements[at], &content->elements[at + 1],
            (content->count - at) * sizeof(*content->elements));
}

/* False: a value of another type. */
static bool open_content(struct slice text, char type, bool is_there, struct content *out)
{
    *out = (struct content){.count = 0};
    if (!is_there) {
        return true;
    }
    if (text.size < HEADER_BYTES || text.bytes[0] != 0 || text.bytes[1] != (uint8_t)type) {
        return false;
    }
    struct bytes_reader reader =
        bytes_reader_of(slice_of(text.bytes + HEADER_BYTES, text.size - HEADER_BYTES));
    while (bytes_left(&reader) > 0) {
        struct element element = {.member = bytes_get_slice(&reader)};
        element.value = bytes_get_slice(&reader);
        insert(out, out->count, element);
    }
    ASSERT(!reader.bad);
    return true;
}

static uint32_t close_content(const struct content *content, char type, struct values *values)
{
    struct buf text = {0};
    uint32_t value = VALUE_NONE;
    if (content->count > 0) {
        buf_append_byte(&text, 0);
        buf_append_byte(&text, (uint8_t)type);
        for (uint32_t i = 0; i < content->count; i++) {
            bytes_put_slice(&text, content->elements[i].member);
            bytes_put_slice(&text, content->elements[i].value);
        }
        value = values_number(values, buf_slice(&text));
    }
    buf_deinit(&text);
    return value;
}

/* The place of a member, or where it belongs. */
static bool find(const struct content *content, struct slice member, uint32_t *at)
{
    for (*at = 0; *at < content->count; (*at)++) {
        int order = slice_compare(content->elements[*at].member, member);
        if (order >= 0) {
            return order == 0;
        }
    }
    return false;
}

/* ---- Replies ---- */

static bool is_integer(const struct history_operation *source, int64_t due)
{
    return source->reply_count == 0 ||
           (source->reply_count == 1 && source->reply[0].kind == HISTORY_INTEGER &&
            source->reply[0].integer == due);
}

/* is_there false: nil is due. */
static bool is_text(const struct history_operation *source, bool is_there, struct slice due)
{
    if (source->reply_count != 1) {
        return source->reply_count == 0;
    }
    return is_there
               ? source->reply[0].kind == HISTORY_TEXT && slice_equals(source->reply[0].text, due)
               : source->reply[0].kind == HISTORY_NIL;
}

static bool is_element(const struct history_reply *heard, const struct element *element,
                       bool has_value)
{
    return slice_equals(heard[0].text, element->member) &&
           (!has_value || slice_equals(heard[1].text, element->value));
}

/* All elements and no other, in their order or in any. */
static bool are_all(const struct history_operation *source, const struct content *content,
                    char type, bool is_ordered)
{
    uint32_t width = type == 'h' ? 2 : 1;
    if (source->reply_count == 0) {
        return true;
    }
    if (source->reply[0].kind != HISTORY_ARRAY ||
        source->reply_count != content->count * width + 1) {
        return false;
    }
    for (uint32_t i = 0; i < content->count; i++) {
        uint32_t at = is_ordered ? i : 0;
        while (at < content->count &&
               !is_element(&source->reply[1 + at * width], &content->elements[i], width == 2)) {
            at = is_ordered ? content->count : at + 1;
        }
        if (at == content->count) {
            return false;
        }
    }
    return true;
}

/* ---- Running ---- */

static bool push(struct content *content, const struct history_operation *source, bool is_front)
{
    for (uint32_t i = 2; i < source->arguments_count; i++) {
        insert(content, is_front ? 0 : content->count,
               (struct element){.member = source->arguments[i]});
    }
    return is_integer(source, content->count);
}

static bool pop(struct content *content, const struct history_operation *source, bool is_front)
{
    bool is_there = content->count > 0;
    uint32_t at = is_front || !is_there ? 0 : content->count - 1;
    struct slice none = {0};
    bool is_due = is_text(source, is_there, is_there ? content->elements[at].member : none);
    if (is_there) {
        take_out(content, at);
    }
    return is_due;
}

/* Returns whether it is new. */
static bool put(struct content *content, struct slice member, struct slice value)
{
    uint32_t at;
    if (find(content, member, &at)) {
        content->elements[at].value = value;
        return false;
    }
    insert(content, at, (struct element){member, value});
    return true;
}

static bool put_or_take_out(struct content *content, const struct history_operation *source,
                            bool puts)
{
    int64_t changed = 0;
    for (uint32_t i = 2; i < source->arguments_count; i++) {
        uint32_t at;
        bool is_there = find(content, source->arguments[i], &at);
        changed += is_there != puts;
        if (!is_there && puts) {
            insert(content, at, (struct element){.member = source->arguments[i]});
        } else if (is_there && !puts) {
            take_out(content, at);
        }
    }
    return is_integer(source, changed);
}

static bool increment(struct content *content, const struct history_operation *source,
                      struct slice member, struct slice step, bool is_score)
{
    uint32_t at;
    int64_t number = 0;
    int64_t by = 0;
    bool is_there = find(content, member, &at);
    if (!number_parse_int64(step, &by) ||
        (is_there && !number_parse_int64(content->elements[at].value, &number)) ||
        __builtin_add_overflow(number, by, &number)) {
        return false; /* histories hold no error replies */
    }
    int size = snprintf(content->number, sizeof(content->number), "%" PRId64, number);
    struct slice text = slice_of(content->number, (size_t)size);
    (void)put(content, member, text);
    return is_score ? is_text(source, true, text) : is_integer(source, number);
}

static bool run(const struct model_container_command *command, struct content *content,
                const struct history_operation *source)
{
    struct slice first = source->arguments_count > 2 ? source->arguments[2] : slice_of(NULL, 0);
    struct slice second = source->arguments_count > 3 ? source->arguments[3] : slice_of(NULL, 0);
    uint32_t at = 0;
    bool is_there = find(content, first, &at);
    switch (command->action) {
    case PUSH_BACK:
    case PUSH_FRONT:
        return push(content, source, command->action == PUSH_FRONT);
    case POP_BACK:
    case POP_FRONT:
        return pop(content, source, command->action == POP_FRONT);
    case PUT:
    case TAKE_OUT:
        return put_or_take_out(content, source, command->action == PUT);
    case PUT_VALUE:
        return is_integer(source, put(content, first, second));
    case PUT_SCORE:
        return is_integer(source, put(content, second, first));
    case INCREMENT:
        return increment(content, source, first, second, false);
    case INCREMENT_SCORE:
        return increment(content, source, second, first, true);
    case HAS:
        return is_integer(source, is_there);
    case VALUE_OF:
        return is_text(source, is_there, is_there ? content->elements[at].value : first);
    case COUNT:
        return is_integer(source, content->count);
    case ALL:
    case ALL_UNORDERED:
        return are_all(source, content, command->type, command->action == ALL);
    }
    return false;
}

bool model_container_run(const struct model_container_command *command,
                         const struct history_operation *source, struct values *values,
                         uint32_t *value)
{
    struct content content;
    bool is_due =
        open_content(values_text(values, *value), command->type, *value != VALUE_NONE, &content) &&
        run(command, &content, source);
    if (is_due && !model_container_is_read(command)) {
        *value = close_content(&content, command->type, values);
    }
    mem_free(content.elements);
    return is_due;
}
