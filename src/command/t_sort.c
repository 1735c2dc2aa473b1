/* t_sort.c -- SORT and SORT_RO: the elements of a list, set or sorted set in order, by themselves
 * or by what keys named after them hold.
 *
 * Elements that compare as equal stay in the order in which they lie, so the result is the same on
 * every node. (Redis leaves such ties open; only ALPHA with BY has them.) Bytes are compared as
 * bytes: no locale.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"
#include "kv/hash_table.h"
#include "kv/list.h"
#include "kv/set.h"
#include "kv/sorted_set.h"

struct sort_options {
    struct slice by; /* meaningful if has_by */
    bool has_by;
    bool is_unsorted; /* BY a pattern without a '*' */
    bool is_descending;
    bool is_alphabetical;
    int64_t offset; /* LIMIT */
    int64_t count;  /* negative: all */
    uint32_t store; /* the argument that names the destination; 0: none */
    struct slice *gets;
    uint32_t gets_count;
};

struct sort_entry {
    struct slice element; /* borrowed from the container */
    struct slice by;      /* ALPHA: what is compared; borrowed unless owns_by */
    double weight;        /* else */
    uint32_t order;       /* its place before */
    bool has_by;
    bool owns_by;
};

/* Elements on their way: those from the first one on, in sorting order at last. */
struct sort_run {
    const struct sort_options *options;
    struct sort_entry *entries;
    uint64_t count;
};

/* ---- Options ---- */

/* As a C string, in which patterns are looked for. */
static struct slice up_to_nul(struct slice text)
{
    return slice_of(text.bytes, text.size == 0 ? 0 : strnlen((const char *)text.bytes, text.size));
}

/* Takes the option at an argument and returns how many arguments it is, 0: no option. */
static uint32_t read_option(const struct command_context *context, uint32_t argument,
                            struct sort_options *out)
{
    const struct slice *words = &context->arguments[argument];
    uint32_t left = context->arguments_count - argument - 1;
    if (slice_is_word(words[0], "asc") || slice_is_word(words[0], "desc")) {
        out->is_descending = slice_is_word(words[0], "desc");
    } else if (slice_is_word(words[0], "alpha")) {
        out->is_alphabetical = true;
    } else if (slice_is_word(words[0], "limit") && left >= 2) {
        return 3;
    } else if (slice_is_word(words[0], "store") && left >= 1 &&
               context->command->id == COMMAND_SORT) {
        out->store = argument + 1;
        return 2;
    } else if (slice_is_word(words[0], "by") && left >= 1) {
        struct slice pattern = up_to_nul(words[1]);
        out->by = words[1];
        out->has_by = true;
        out->is_unsorted |= pattern.size == 0 || memchr(pattern.bytes, '*', pattern.size) == NULL;
        return 2;
    } else if (slice_is_word(words[0], "get") && left >= 1) {
        out->gets[out->gets_count++] = words[1];
        return 2;
    } else {
        return 0;
    }
    return 1;
}

/* False: has replied. */
static bool read_options(struct command_context *context, struct sort_options *out)
{
    uint32_t argument = 2;
    while (argument < context->arguments_count) {
        uint32_t taken = read_option(context, argument, out);
        if (taken == 0) {
            command_refuse_syntax(context);
            return false;
        }
        if (taken == 3 && (!command_read_int64(context, argument + 1, &out->offset) ||
                           !command_read_int64(context, argument + 2, &out->count))) {
            return false;
        }
        argument += taken;
    }
    return true;
}

/* The part [*first, *first + returned) of size elements that LIMIT leaves. */
static uint64_t clip(const struct sort_options *options, uint64_t size, uint64_t *first)
{
    *first = options->offset < 0 ? 0 : (uint64_t)options->offset;
    if (*first >= size) {
        *first = size;
    }
    uint64_t left = size - *first;
    return options->count >= 0 && (uint64_t)options->count < left ? (uint64_t)options->count : left;
}

/* ---- Patterns ---- */

/* A string found through a pattern. */
struct sort_value {
    struct slice text;
    char scratch[NUMBER_INT64_BYTES];
};

/* Looks up what the pattern means for an element: "#" the element, "k_*" a string, "k_*->field" a
 * hash's field. As a read that changes nothing, so that what was borrowed stays. */
static bool find_by_pattern(struct command_context *context, struct slice pattern,
                            struct slice element, struct sort_value *out)
{
    struct slice visible = up_to_nul(pattern);
    if (slice_equals(visible, SLICE_LITERAL("#"))) {
        out->text = element;
        return true;
    }
    const uint8_t *star = visible.size == 0 ? NULL : memchr(visible.bytes, '*', visible.size);
    if (star == NULL) {
        return false;
    }
    const uint8_t *rest = star + 1;
    size_t rest_size = (size_t)(pattern.bytes + pattern.size - rest);
    const uint8_t *arrow = memmem(rest, (size_t)(visible.bytes + visible.size - rest), "->", 2);
    struct slice field = slice_of(NULL, 0);
    if (arrow != NULL && arrow + 2 < visible.bytes + visible.size) {
        field = slice_of(arrow + 2, (size_t)(pattern.bytes + pattern.size - (arrow + 2)));
        rest_size = (size_t)(arrow - rest);
    }
    struct buf key = {0};
    buf_append(&key, pattern.bytes, (size_t)(star - pattern.bytes));
    buf_append_slice(&key, element);
    buf_append(&key, rest, rest_size);
    const struct item *item = keyspace_lookup_read(context->keyspace, context->database,
                                                   buf_slice(&key), context->estimate_ms);
    buf_deinit(&key);
    if (item == NULL) {
        return false;
    }
    struct value value = keyspace_item_value(item);
    if (field.size > 0) {
        return value.type == VALUE_TYPE_HASH &&
               hash_table_get(hash_table_of_const(value.container), field, &out->text);
    }
    if (value.type != VALUE_TYPE_STRING) {
        return false;
    }
    out->text = value_text(&value, out->scratch);
    return true;
}

/* ---- Elements ---- */

static void add_entry(struct sort_run *run, struct slice element)
{
    run->entries[run->count] =
        (struct sort_entry){.element = element, .order = (uint32_t)run->count};
    run->count++;
}

static void load_list(struct sort_run *run, const struct container *container, uint64_t first,
                      uint64_t number)
{
    struct list_walk walk;
    struct slice element;
    /* Unsorted, DESC goes backwards, and LIMIT counts from there. */
    bool is_backward = run->options->is_unsorted && run->options->is_descending;
    list_walk_begin(&walk, list_value_of_const(container),
                    is_backward ? container->count - 1 - first : first, is_backward);
    while (run->count < number && list_walk_next(&walk, &element)) {
        add_entry(run, element);
    }
}

static void load_sorted_set(struct sort_run *run, const struct container *container, uint64_t first,
                            uint64_t number)
{
    bool is_backward = run->options->is_unsorted && run->options->is_descending;
    const struct sorted_node *node = sorted_set_at(
        sorted_set_of_const(container), is_backward ? container->count - 1 - first : first);
    while (run->count < number) {
        add_entry(run, sorted_node_member(node));
        node = is_backward ? sorted_node_previous(node) : sorted_node_next(node);
    }
}

/* Loads number elements (at least one) from the first one on. */
static void load(struct sort_run *run, const struct container *container, uint64_t first,
                 uint64_t number)
{
    run->entries = mem_alloc(number * sizeof(*run->entries));
    if (container->type == VALUE_TYPE_LIST) {
        load_list(run, container, first, number);
    } else if (container->type == VALUE_TYPE_ZSET) {
        load_sorted_set(run, container, first, number);
    } else {
        for (uint64_t i = first; i < first + number; i++) {
            add_entry(run, set_member_at(set_of_const(container), (uint32_t)i));
        }
    }
}

/* Finds what an entry is sorted by; false: it should be a number and is none. */
static bool weigh(struct command_context *context, const struct sort_options *options,
                  struct sort_entry *entry)
{
    struct sort_value value = {.text = entry->element};
    if (options->has_by && !find_by_pattern(context, options->by, entry->element, &value)) {
        return true; /* 0, or before all texts */
    }
    if (!options->is_alphabetical) {
        bool in_range = true;
        return number_parse_double_loosely(value.text, &entry->weight, &in_range) && in_range;
    }
    entry->has_by = true;
    entry->by = value.text;
    entry->owns_by = value.text.bytes == (const uint8_t *)value.scratch;
    if (entry->owns_by) {
        entry->by.bytes = (uint8_t *)mem_copy_bytes(value.scratch, value.text.size);
    }
    return true;
}

static int compare_keys(const struct sort_entry *a, const struct sort_entry *b, bool as_texts)
{
    if (!as_texts) {
        int order = (a->weight > b->weight) - (a->weight < b->weight);
        return order != 0 ? order : slice_compare(a->element, b->element);
    }
    if (!a->has_by || !b->has_by) {
        return (int)a->has_by - (int)b->has_by;
    }
    return slice_compare(a->by, b->by);
}

/* A total order, for which any way of sorting gives the same. */
static int compare_entries(const void *left, const void *right, void *options)
{
    const struct sort_options *sort = options;
    const struct sort_entry *a = left;
    const struct sort_entry *b = right;
    int order = compare_keys(a, b, sort->is_alphabetical);
    if (order != 0) {
        return sort->is_descending ? -order : order;
    }
    return (a->order > b->order) - (a->order < b->order);
}

static void free_run(struct sort_run *run)
{
    for (uint64_t i = 0; i < run->count; i++) {
        if (run->entries[i].owns_by) {
            mem_free((void *)(uintptr_t)run->entries[i].by.bytes);
        }
    }
    mem_free(run->entries);
}

/* ---- Results ---- */

typedef void take_result(struct command_context *context, const struct slice *text, void *into);

/* Gives out each result of the entries, NULL where a pattern found nothing. */
static void give_out(struct command_context *context, const struct sort_options *options,
                     struct slice element, take_result *take, void *into)
{
    if (options->gets_count == 0) {
        take(context, &element, into);
    }
    for (uint32_t i = 0; i < options->gets_count; i++) {
        struct sort_value value;
        bool found = find_by_pattern(context, options->gets[i], element, &value);
        take(context, found ? &value.text : NULL, into);
    }
}

static void reply_result(struct command_context *context, const struct slice *text, void *into)
{
    (void)into;
    if (text == NULL) {
        reply_null(context->reply);
    } else {
        reply_bulk(context->reply, *text);
    }
}

static void store_result(struct command_context *context, const struct slice *text, void *into)
{
    (void)context;
    list_value_push(into, false, text == NULL ? slice_of(NULL, 0) : *text);
}

/* Stores the list in the place of the destination, which an empty one empties. */
static void store_list(struct command_context *context, uint32_t destination,
                       struct container *list)
{
    struct slice key = context->arguments[destination];
    int64_t count = (int64_t)list->count;
    (void)keyspace_lookup_write(context->keyspace, context->database, key);
    if (count > 0) {
        keyspace_set_container(context->keyspace, context->database, key, list, KEYSPACE_NEVER);
        command_notify(context, NOTIFY_LIST, "sortstore", key);
        command_signal_ready(context, key);
    } else {
        container_free(list);
        if (keyspace_delete(context->keyspace, context->database, key)) {
            command_notify(context, NOTIFY_GENERIC, "del", key);
        }
    }
    reply_integer(context->reply, count);
}

static void finish(struct command_context *context, const struct sort_options *options,
                   const struct sort_entry *entries, uint64_t number)
{
    if (options->store == 0) {
        uint32_t each = options->gets_count == 0 ? 1 : options->gets_count;
        reply_array(context->reply, number * each);
        for (uint64_t i = 0; i < number; i++) {
            give_out(context, options, entries[i].element, reply_result, NULL);
        }
        return;
    }
    struct container *list = keyspace_create_container(context->keyspace, VALUE_TYPE_LIST);
    for (uint64_t i = 0; i < number; i++) {
        give_out(context, options, entries[i].element, store_result, list_value_of(list));
    }
    store_list(context, options->store, list);
}

/* ---- The commands ---- */

static void sort(struct command_context *context, struct sort_options *options)
{
    const struct item *item = command_find(context, 1);
    const struct container *container = NULL;
    if (item != NULL) {
        enum value_type type = keyspace_item_value(item).type;
        if (type != VALUE_TYPE_LIST && type != VALUE_TYPE_SET && type != VALUE_TYPE_ZSET) {
            command_refuse_type(context);
            return;
        }
        container = keyspace_item_container(item);
    }
    if (options->is_unsorted && options->store != 0 && container != NULL &&
        container->type == VALUE_TYPE_SET) {
        /* A set has no order of its own that could be kept. */
        options->is_unsorted = false;
        options->is_alphabetical = true;
        options->has_by = false;
    }
    struct sort_run run = {options, NULL, 0};
    uint64_t first = 0;
    uint64_t size = container == NULL ? 0 : container->count;
    uint64_t number = clip(options, size, &first);
    if (number > 0 && options->is_unsorted) {
        load(&run, container, first, number);
        first = 0;
    } else if (size > 0 && !options->is_unsorted) {
        load(&run, container, 0, size);
    }
    bool is_good = true;
    for (uint64_t i = 0; i < run.count && !options->is_unsorted && is_good; i++) {
        is_good = weigh(context, options, &run.entries[i]);
    }
    if (!is_good) {
        reply_error(context->reply, "ERR One or more scores can't be converted into double");
    } else {
        if (run.count > 0 && !options->is_unsorted) {
            qsort_r(run.entries, run.count, sizeof(*run.entries), compare_entries, options);
        }
        finish(context, options, number == 0 ? NULL : run.entries + first, number);
    }
    free_run(&run);
}

void handle_sort(struct command_context *context)
{
    struct sort_options options = {.count = -1};
    options.gets = mem_alloc(context->arguments_count * sizeof(*options.gets));
    if (read_options(context, &options)) {
        sort(context, &options);
    }
    mem_free(options.gets);
}
