/* command_syntax.c -- from a line of syntax to COMMAND DOCS: see command_syntax.h. */
#include "command/command_syntax.h"

#include "base/assert.h"
#include "base/number.h"

enum argument_kind { ARGUMENT_PLAIN, ARGUMENT_TOKEN, ARGUMENT_ONEOF, ARGUMENT_BLOCK };

struct argument {
    enum argument_kind kind;
    struct slice name;
    struct slice type;
    struct slice token;    /* empty: none */
    struct slice key_spec; /* empty: not a key */
    struct slice body;     /* of a oneof or a block */
    bool is_optional;
    bool is_multiple;
};

static void reply_argument(struct reply *reply, const struct argument *argument);

static struct slice rest_of(struct slice text, size_t from)
{
    return slice_of(text.bytes + from, text.size - from);
}

static bool is_upper(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z';
}

/* The position of the first of the bytes in stops outside all brackets, or the size of text. */
static size_t find_outside(struct slice text, const char *stops)
{
    int depth = 0;
    for (size_t i = 0; i < text.size; i++) {
        char byte = (char)text.bytes[i];
        if (depth == 0 && strchr(stops, byte) != NULL) {
            return i;
        }
        depth += byte == '[' || byte == '(';
        depth -= byte == ']' || byte == ')';
    }
    return text.size;
}

/* Splits "word@spec", "word:type" or "word:type@spec". */
static void parse_plain(struct slice word, struct argument *out)
{
    size_t spec = find_outside(word, "@");
    size_t type = find_outside(word, ":");
    out->kind = ARGUMENT_PLAIN;
    out->type = SLICE_LITERAL("string");
    if (spec < word.size) {
        out->key_spec = rest_of(word, spec + 1);
        out->type = SLICE_LITERAL("key");
        word.size = spec;
    }
    if (type < word.size) {
        out->type = rest_of(word, type + 1);
        word.size = type;
    }
    if (out->name.size == 0) {
        out->name = word;
    }
}

static bool is_one_word(struct slice text)
{
    return text.size > 0 && find_outside(text, " |=") == text.size && text.bytes[0] != '[' &&
           text.bytes[0] != '(' && text.bytes[text.size - 1] != '.';
}

/* A whole group in round brackets: unwraps it. */
static struct slice unwrap(struct slice text)
{
    bool is_wrapped = text.size > 0 && text.bytes[0] == '(' &&
                      find_outside(rest_of(text, 1), ")") == text.size - 2;
    return is_wrapped ? slice_of(text.bytes + 1, text.size - 2) : text;
}

/* Parses what stands between brackets, or a word by itself. */
static struct argument parse_argument(struct slice text)
{
    struct argument argument = {.kind = ARGUMENT_BLOCK, .type = SLICE_LITERAL("block")};
    size_t name_size = find_outside(text, " |=");
    if (name_size < text.size && text.bytes[name_size] == '=') {
        argument.name = slice_of(text.bytes, name_size);
        text = rest_of(text, name_size + 1);
    }
    if (find_outside(text, "|") == text.size && is_upper(text.bytes[0])) {
        size_t token_size = find_outside(text, " ");
        argument.token = slice_of(text.bytes, token_size);
        text = unwrap(rest_of(text, token_size < text.size ? token_size + 1 : token_size));
    }
    argument.body = text;
    if (text.size == 0) {
        argument.kind = ARGUMENT_TOKEN;
        argument.type = SLICE_LITERAL("pure-token");
    } else if (find_outside(text, "|") < text.size) {
        argument.kind = ARGUMENT_ONEOF;
        argument.type = SLICE_LITERAL("oneof");
    } else if (is_one_word(text)) {
        parse_plain(text, &argument);
    }
    return argument;
}

/* Takes the next argument of a sequence off the front of *text; false at the end. */
static bool next_argument(struct slice *text, struct argument *out)
{
    while (text->size > 0 && text->bytes[0] == ' ') {
        *text = rest_of(*text, 1);
    }
    if (text->size == 0) {
        return false;
    }
    size_t size = find_outside(*text, " ");
    struct slice part = slice_of(text->bytes, size);
    *text = rest_of(*text, size);
    bool is_multiple = part.bytes[part.size - 1] == '.';
    part.size -= is_multiple ? 3 : 0;
    bool is_optional = part.bytes[0] == '[';
    if (is_optional || part.bytes[0] == '(') {
        part = slice_of(part.bytes + 1, part.size - 2);
    }
    *out = parse_argument(part);
    out->is_optional = is_optional;
    out->is_multiple = is_multiple;
    return true;
}

static void reply_alternatives(struct reply *reply, struct slice body)
{
    size_t begin = reply_deferred_begin(reply);
    uint64_t count = 0;
    while (body.size > 0) {
        size_t size = find_outside(body, "|");
        struct slice part = slice_of(body.bytes, size);
        bool is_multiple = part.bytes[part.size - 1] == '.';
        part.size -= is_multiple ? 3 : 0;
        struct argument argument = parse_argument(unwrap(part));
        argument.is_multiple = is_multiple;
        reply_argument(reply, &argument);
        count++;
        body = rest_of(body, size < body.size ? size + 1 : size);
    }
    reply_deferred_array(reply, begin, count);
}

void command_syntax_reply(struct reply *reply, struct slice syntax)
{
    size_t begin = reply_deferred_begin(reply);
    uint64_t count = 0;
    struct argument argument;
    while (next_argument(&syntax, &argument)) {
        reply_argument(reply, &argument);
        count++;
    }
    reply_deferred_array(reply, begin, count);
}

static void reply_field(struct reply *reply, const char *name, struct slice value)
{
    reply_bulk_string(reply, name);
    reply_bulk(reply, value);
}

/* A token that gives no name of its own goes by its lower-case form. */
static void reply_name(struct reply *reply, const struct argument *argument)
{
    struct slice name = argument->name.size > 0 ? argument->name : argument->token;
    char lower[64];
    ASSERT(name.size <= sizeof(lower));
    for (size_t i = 0; i < name.size; i++) {
        lower[i] = (char)(is_upper(name.bytes[i]) ? name.bytes[i] - 'A' + 'a' : name.bytes[i]);
    }
    reply_field(reply, "name", slice_of(lower, name.size));
}

static void reply_flags(struct reply *reply, const struct argument *argument)
{
    reply_bulk_string(reply, "flags");
    bool repeats_token = argument->is_multiple && argument->token.size > 0;
    reply_set(reply, (uint64_t)argument->is_optional + argument->is_multiple + repeats_token);
    if (argument->is_optional) {
        reply_status(reply, "optional");
    }
    if (argument->is_multiple) {
        reply_status(reply, "multiple");
    }
    if (repeats_token) {
        reply_status(reply, "multiple_token");
    }
}

static void reply_argument(struct reply *reply, const struct argument *argument)
{
    bool has_flags = argument->is_optional || argument->is_multiple;
    bool has_parts = argument->kind == ARGUMENT_ONEOF || argument->kind == ARGUMENT_BLOCK;
    uint64_t fields = 2;
    fields += argument->key_spec.size > 0;
    fields += argument->token.size > 0;
    fields += has_flags;
    fields += has_parts;
    reply_map(reply, fields);
    reply_name(reply, argument);
    reply_field(reply, "type", argument->type);
    if (argument->key_spec.size > 0) {
        int64_t key_spec = 0;
        bool is_number = number_parse_int64(argument->key_spec, &key_spec);
        ASSERT(is_number);
        reply_bulk_string(reply, "key_spec_index");
        reply_integer(reply, key_spec);
    }
    if (argument->token.size > 0) {
        reply_field(reply, "token", argument->token);
    }
    if (has_flags) {
        reply_flags(reply, argument);
    }
    if (has_parts) {
        reply_bulk_string(reply, "arguments");
        if (argument->kind == ARGUMENT_ONEOF) {
            reply_alternatives(reply, argument->body);
        } else {
            command_syntax_reply(reply, argument->body);
        }
    }
}

void command_syntax_print(struct buf *buf, struct slice syntax)
{
    size_t i = 0;
    while (i < syntax.size) {
        struct slice rest = rest_of(syntax, i);
        size_t word = 0;
        while (word < rest.size && strchr(" |[]()=@:.", rest.bytes[word]) == NULL) {
            word++;
        }
        uint8_t stop = word < rest.size ? rest.bytes[word] : ' ';
        if (stop != '=') {
            buf_append(buf, rest.bytes, word);
        }
        i += word;
        if (stop == '@' || stop == ':') {
            while (i < syntax.size && strchr(" |[]().", syntax.bytes[i]) == NULL) {
                i++;
            }
        } else if (i < syntax.size) {
            if (stop != '=') {
                buf_append_byte(buf, stop);
            }
            i++;
        }
    }
}
