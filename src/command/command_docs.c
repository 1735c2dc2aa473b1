/* command_docs.c -- reading the documentation table: key specifications, categories. */
#include "command/command_docs.h"

#include "base/assert.h"
#include "base/number.h"

/* The order in which Redis lists them. */
static const char *const category_names[COMMAND_CATEGORIES] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting",
};

const struct command_docs *command_docs_of(const struct command *command)
{
    static const struct command_docs *const parts[] = {
        command_docs_bitmap,      command_docs_data,        command_docs_geo,    command_docs_hash,
        command_docs_hyperloglog, command_docs_list,        command_docs_node,   command_docs_set,
        command_docs_zset,        command_docs_transaction, command_docs_pubsub,
    };
    size_t part = 0;
    while (parts[part][command->id].since == NULL) {
        part++;
        ASSERT(part < sizeof(parts) / sizeof(parts[0]));
    }
    return &parts[part][command->id];
}

bool command_next_word(const char **text, char separator, struct slice *out)
{
    if (*text == NULL || **text == '\0') {
        return false;
    }
    const char *end = *text;
    while (*end != '\0' && *end != separator) {
        end++;
    }
    *out = slice_of(*text, (size_t)(end - *text));
    *text = *end == '\0' ? end : end + 1;
    return true;
}

/* Reads the number behind a separator, if that is what comes next. */
static void take_number(struct slice *rest, uint8_t separator, int64_t *out)
{
    if (rest->size == 0 || rest->bytes[0] != separator) {
        return;
    }
    size_t size = 1;
    while (size < rest->size && rest->bytes[size] != ':') {
        size++;
    }
    bool is_number = number_parse_int64(slice_of(rest->bytes + 1, size - 1), out);
    ASSERT(is_number);
    *rest = slice_of(rest->bytes + size, rest->size - size);
}

bool command_next_key_spec(const char **text, struct key_spec *out)
{
    struct slice word;
    if (!command_next_word(text, ' ', &word)) {
        return false;
    }
    size_t size = 0;
    while (size < word.size && word.bytes[size] != '@') {
        size++;
    }
    *out = (struct key_spec){.flags = slice_of(word.bytes, size), .step = 1};
    struct slice rest = slice_of(word.bytes + size, word.size - size);
    if (slice_equals(rest, SLICE_LITERAL("@?"))) {
        out->is_unknown = true;
        return true;
    }
    const uint8_t *plus = rest.size == 0 ? NULL : memchr(rest.bytes, '+', rest.size);
    if (plus != NULL) {
        out->keyword = slice_of(rest.bytes + 1, (size_t)(plus - rest.bytes) - 1);
        rest = slice_of(plus, (size_t)(rest.bytes + rest.size - plus));
        take_number(&rest, '+', &out->first);
        return true;
    }
    out->is_counted = rest.size > 0 && rest.bytes[rest.size - 1] == '#';
    rest.size -= out->is_counted;
    take_number(&rest, '@', &out->first);
    take_number(&rest, ':', &out->last);
    take_number(&rest, ':', &out->step);
    return true;
}

void command_reply_key_flags(struct reply *reply, struct slice flags)
{
    size_t begin = reply_deferred_begin(reply);
    uint64_t count = 0;
    for (size_t start = 0; start < flags.size; count++) {
        size_t end = start;
        while (end < flags.size && flags.bytes[end] != '/') {
            end++;
        }
        char flag[32] = "";
        memcpy(flag, flags.bytes + start, end - start < sizeof(flag) ? end - start : 0);
        reply_status(reply, flag);
        start = end + 1;
    }
    reply_deferred_set(reply, begin, count);
}

static uint32_t category_bit(struct slice name)
{
    for (uint32_t i = 0; i < COMMAND_CATEGORIES; i++) {
        if (slice_is_word(name, category_names[i])) {
            return 1u << i;
        }
    }
    return 0;
}

uint32_t command_categories(const struct command *command)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } implied[] = {
        {COMMAND_FLAG_WRITE, "write"},       {COMMAND_FLAG_READONLY, "read"},
        {COMMAND_FLAG_ADMIN, "admin"},       {COMMAND_FLAG_ADMIN, "dangerous"},
        {COMMAND_FLAG_PUBSUB, "pubsub"},     {COMMAND_FLAG_FAST, "fast"},
        {COMMAND_FLAG_BLOCKING, "blocking"},
    };
    uint32_t categories = 0;
    for (size_t i = 0; i < sizeof(implied) / sizeof(implied[0]); i++) {
        if ((command->flags & implied[i].flag) != 0) {
            categories |= category_bit(slice_of_string(implied[i].name));
        }
    }
    if ((command->flags & COMMAND_FLAG_FAST) == 0) {
        categories |= category_bit(SLICE_LITERAL("slow"));
    }
    const char *text = command_docs_of(command)->categories;
    struct slice name;
    while (command_next_word(&text, ',', &name)) {
        categories |= category_bit(name);
    }
    return categories;
}

const char *command_category_name(uint32_t category)
{
    ASSERT(category < COMMAND_CATEGORIES);
    return category_names[category];
}
