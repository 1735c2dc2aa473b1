/* model.c -- string commands, as Redis documents them. */
#include "linear/model.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/number.h"

/* ---- Compiling ---- */

/* How the arguments behind the name are laid out. */
enum shape { SHAPE_KEYS, SHAPE_KEY_VALUE, SHAPE_PAIRS, SHAPE_KEY_NUMBER, SHAPE_SET };

static const struct {
    const char *name;
    enum model_kind kind;
    enum shape shape;
    uint32_t arguments_min, arguments_max; /* the name included */
    int64_t sign;                          /* of the increment */
} commands[] = {
    {"get", MODEL_GET, SHAPE_KEYS, 2, 2, 0},
    {"mget", MODEL_MGET, SHAPE_KEYS, 2, UINT32_MAX, 0},
    {"exists", MODEL_EXISTS, SHAPE_KEYS, 2, UINT32_MAX, 0},
    {"strlen", MODEL_STRLEN, SHAPE_KEYS, 2, 2, 0},
    {"getdel", MODEL_GETDEL, SHAPE_KEYS, 2, 2, 0},
    {"del", MODEL_DEL, SHAPE_KEYS, 2, UINT32_MAX, 0},
    {"set", MODEL_SET, SHAPE_SET, 3, 5, 0},
    {"setnx", MODEL_SETNX, SHAPE_KEY_VALUE, 3, 3, 0},
    {"getset", MODEL_GETSET, SHAPE_KEY_VALUE, 3, 3, 0},
    {"append", MODEL_APPEND, SHAPE_KEY_VALUE, 3, 3, 0},
    {"mset", MODEL_MSET, SHAPE_PAIRS, 3, UINT32_MAX, 0},
    {"msetnx", MODEL_MSETNX, SHAPE_PAIRS, 3, UINT32_MAX, 0},
    {"incr", MODEL_INCRBY, SHAPE_KEYS, 2, 2, 1},
    {"decr", MODEL_INCRBY, SHAPE_KEYS, 2, 2, -1},
    {"incrby", MODEL_INCRBY, SHAPE_KEY_NUMBER, 3, 3, 1},
    {"decrby", MODEL_INCRBY, SHAPE_KEY_NUMBER, 3, 3, -1},
};

static bool read_set_options(const struct history_operation *source, struct model_operation *out)
{
    for (uint32_t i = 3; i < source->arguments_count; i++) {
        struct slice word = source->arguments[i];
        bool *option = slice_is_word(word, "nx")    ? &out->if_absent
                       : slice_is_word(word, "xx")  ? &out->if_present
                       : slice_is_word(word, "get") ? &out->wants_old
                                                    : NULL;
        if (option == NULL || *option) {
            return false;
        }
        *option = true;
    }
    return !(out->if_absent && out->if_present);
}

static void take_pairs(const struct history_operation *source, struct values *keys,
                       struct values *values, struct model_operation *out)
{
    for (uint32_t i = 0; i < out->keys_count; i++) {
        out->keys[i] = values_number(keys, source->arguments[1 + 2 * i]);
        out->values[i] = values_number(values, source->arguments[2 + 2 * i]);
    }
}

static bool take_arguments(enum shape shape, const struct history_operation *source,
                           struct values *keys, struct values *values, struct model_operation *out)
{
    uint32_t behind = source->arguments_count - 1;
    out->keys = mem_alloc_zeroed(behind, sizeof(*out->keys));
    out->values = mem_alloc_zeroed(behind, sizeof(*out->values));
    out->keys_count = 1;
    switch (shape) {
    case SHAPE_KEYS:
        out->keys_count = behind;
        for (uint32_t i = 0; i < behind; i++) {
            out->keys[i] = values_number(keys, source->arguments[1 + i]);
        }
        return true;
    case SHAPE_SET:
        take_pairs(source, keys, values, out);
        return read_set_options(source, out);
    case SHAPE_KEY_VALUE:
        take_pairs(source, keys, values, out);
        return true;
    case SHAPE_PAIRS:
        out->keys_count = behind / 2;
        take_pairs(source, keys, values, out);
        return behind % 2 == 0;
    case SHAPE_KEY_NUMBER: {
        int64_t number;
        out->keys[0] = values_number(keys, source->arguments[1]);
        if (!number_parse_int64(source->arguments[2], &number) || number == INT64_MIN) {
            return false;
        }
        out->increment *= number;
        return true;
    }
    }
    return false;
}

enum result model_compile(const struct history_operation *source, struct values *keys,
                          struct values *values, struct model_operation *out)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!slice_is_word(source->arguments[0], commands[i].name)) {
            continue;
        }
        *out = (struct model_operation){
            .kind = commands[i].kind, .increment = commands[i].sign, .source = source};
        if (source->arguments_count < commands[i].arguments_min ||
            source->arguments_count > commands[i].arguments_max) {
            return RESULT_INVALID;
        }
        if (!take_arguments(commands[i].shape, source, keys, values, out)) {
            model_operation_deinit(out);
            return RESULT_INVALID;
        }
        return RESULT_OK;
    }
    const struct model_container_command *container = model_container_find(source);
    if (container == NULL) {
        return RESULT_INVALID;
    }
    *out = (struct model_operation){
        .kind = MODEL_CONTAINER, .container = container, .keys_count = 1, .source = source};
    out->keys = mem_alloc_zeroed(1, sizeof(*out->keys));
    out->values = mem_alloc_zeroed(1, sizeof(*out->values));
    out->keys[0] = values_number(keys, source->arguments[1]);
    return RESULT_OK;
}

void model_operation_deinit(struct model_operation *operation)
{
    mem_free(operation->keys);
    mem_free(operation->values);
}

bool model_is_read(const struct model_operation *operation)
{
    return operation->kind <= MODEL_STRLEN ||
           (operation->kind == MODEL_CONTAINER && model_container_is_read(operation->container));
}

static bool has_same_arguments(const struct history_operation *a, const struct history_operation *b)
{
    bool is_same = a->arguments_count == b->arguments_count;
    for (uint32_t i = 0; is_same && i < a->arguments_count; i++) {
        is_same = slice_equals(a->arguments[i], b->arguments[i]);
    }
    return is_same;
}

bool model_is_same(const struct model_operation *a, const struct model_operation *b)
{
    size_t bytes = a->keys_count * sizeof(*a->keys);
    if (a->kind == MODEL_CONTAINER) {
        return a->container == b->container && has_same_arguments(a->source, b->source);
    }
    return a->kind == b->kind && a->if_absent == b->if_absent && a->if_present == b->if_present &&
           a->wants_old == b->wants_old && a->increment == b->increment &&
           a->keys_count == b->keys_count && memcmp(a->keys, b->keys, bytes) == 0 &&
           memcmp(a->values, b->values, bytes) == 0;
}

/* ---- Running ---- */

/* One run: what it is about, and the reply that was heard. */
struct run {
    const struct model_operation *operation;
    struct values *values;
    const uint32_t *places;
    uint32_t *state;
};

static uint32_t *value_at(const struct run *run, uint32_t i)
{
    return &run->state[run->places[run->operation->keys[i]]];
}

/* Whether the heard reply, of one element, is this; so, too, when none was heard. */
static bool is_integer(const struct run *run, int64_t due)
{
    const struct history_operation *source = run->operation->source;
    return source->reply_count == 0 ||
           (source->reply_count == 1 && source->reply[0].kind == HISTORY_INTEGER &&
            source->reply[0].integer == due);
}

static bool is_ok(const struct run *run)
{
    const struct history_operation *source = run->operation->source;
    return source->reply_count == 0 ||
           (source->reply_count == 1 && source->reply[0].kind == HISTORY_STATUS &&
            slice_equals(source->reply[0].text, SLICE_LITERAL("OK")));
}

static bool is_nil(const struct run *run)
{
    const struct history_operation *source = run->operation->source;
    return source->reply_count == 0 ||
           (source->reply_count == 1 && source->reply[0].kind == HISTORY_NIL);
}

static bool element_is(const struct run *run, const struct history_reply *heard, uint32_t value)
{
    if (value == VALUE_NONE) {
        return heard->kind == HISTORY_NIL;
    }
    return heard->kind == HISTORY_TEXT &&
           slice_equals(heard->text, values_text(run->values, value));
}

static bool is_value(const struct run *run, uint32_t value)
{
    const struct history_operation *source = run->operation->source;
    return source->reply_count == 0 ||
           (source->reply_count == 1 && element_is(run, &source->reply[0], value));
}

static bool are_values(const struct run *run)
{
    const struct history_operation *source = run->operation->source;
    uint32_t count = run->operation->keys_count;
    if (source->reply_count == 0) {
        return true;
    }
    if (source->reply[0].kind != HISTORY_ARRAY || source->reply_count != count + 1) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!element_is(run, &source->reply[1 + i], *value_at(run, i))) {
            return false;
        }
    }
    return true;
}

static int64_t count_present(const struct run *run)
{
    int64_t present = 0;
    for (uint32_t i = 0; i < run->operation->keys_count; i++) {
        present += *value_at(run, i) == VALUE_NONE ? 0 : 1;
    }
    return present;
}

static void put_all(const struct run *run)
{
    for (uint32_t i = 0; i < run->operation->keys_count; i++) {
        *value_at(run, i) = run->operation->values[i];
    }
}

static bool run_set(const struct run *run)
{
    const struct model_operation *operation = run->operation;
    uint32_t *value = value_at(run, 0);
    bool is_done = operation->if_absent    ? *value == VALUE_NONE
                   : operation->if_present ? *value != VALUE_NONE
                                           : true;
    bool is_due = operation->wants_old ? is_value(run, *value) : is_done ? is_ok(run) : is_nil(run);
    if (is_due && is_done) {
        *value = operation->values[0];
    }
    return is_due;
}

static bool run_append(const struct run *run)
{
    struct slice old = values_text(run->values, *value_at(run, 0));
    struct slice added = values_text(run->values, run->operation->values[0]);
    if (!is_integer(run, (int64_t)(old.size + added.size))) {
        return false;
    }
    struct buf text = {0};
    buf_append_slice(&text, old);
    buf_append_slice(&text, added);
    *value_at(run, 0) = values_number(run->values, buf_slice(&text));
    buf_deinit(&text);
    return true;
}

static bool run_increment(const struct run *run)
{
    struct slice old = values_text(run->values, *value_at(run, 0));
    int64_t number = 0;
    if ((*value_at(run, 0) != VALUE_NONE && !number_parse_int64(old, &number)) ||
        __builtin_add_overflow(number, run->operation->increment, &number)) {
        return false; /* histories hold no error replies */
    }
    if (!is_integer(run, number)) {
        return false;
    }
    char text[32];
    int size = snprintf(text, sizeof(text), "%" PRId64, number);
    *value_at(run, 0) = values_number(run->values, slice_of(text, (size_t)size));
    return true;
}

/* DEL, key by key: one named twice is there only once. */
static bool run_delete(const struct run *run)
{
    uint32_t keys_count = run->operation->keys_count;
    uint32_t *before = mem_alloc_zeroed(keys_count, sizeof(*before));
    int64_t removed = 0;
    for (uint32_t i = 0; i < keys_count; i++) {
        before[i] = *value_at(run, i);
        removed += before[i] == VALUE_NONE ? 0 : 1;
        *value_at(run, i) = VALUE_NONE;
    }
    bool is_due = is_integer(run, removed);
    for (uint32_t i = keys_count; !is_due && i-- > 0;) {
        *value_at(run, i) = before[i];
    }
    mem_free(before);
    return is_due;
}

/* Commands that write a key when it is absent, or whatever was there. */
static bool run_put(const struct run *run)
{
    bool is_free = count_present(run) == 0;
    bool is_due = false;
    switch (run->operation->kind) {
    case MODEL_SETNX:
    case MODEL_MSETNX:
        is_due = is_integer(run, is_free ? 1 : 0);
        if (is_due && is_free) {
            put_all(run);
        }
        return is_due;
    case MODEL_GETSET:
        is_due = is_value(run, *value_at(run, 0));
        break;
    case MODEL_MSET:
        is_due = is_ok(run);
        break;
    case MODEL_GET:
    case MODEL_MGET:
    case MODEL_EXISTS:
    case MODEL_STRLEN:
    case MODEL_SET:
    case MODEL_GETDEL:
    case MODEL_DEL:
    case MODEL_APPEND:
    case MODEL_INCRBY:
    case MODEL_CONTAINER:
        ASSERT(!"not a command that puts");
    }
    if (is_due) {
        put_all(run);
    }
    return is_due;
}

bool model_run(const struct model_operation *operation, struct values *values,
               const uint32_t *places, uint32_t *state)
{
    struct run run = {operation, values, places, state};
    switch (operation->kind) {
    case MODEL_GET:
        return is_value(&run, *value_at(&run, 0));
    case MODEL_MGET:
        return are_values(&run);
    case MODEL_EXISTS:
        return is_integer(&run, count_present(&run));
    case MODEL_STRLEN:
        return is_integer(&run, (int64_t)values_text(values, *value_at(&run, 0)).size);
    case MODEL_SET:
        return run_set(&run);
    case MODEL_GETDEL: {
        bool is_due = is_value(&run, *value_at(&run, 0));
        *value_at(&run, 0) = is_due ? VALUE_NONE : *value_at(&run, 0);
        return is_due;
    }
    case MODEL_SETNX:
    case MODEL_GETSET:
    case MODEL_MSET:
    case MODEL_MSETNX:
        return run_put(&run);
    case MODEL_DEL:
        return run_delete(&run);
    case MODEL_APPEND:
        return run_append(&run);
    case MODEL_INCRBY:
        return run_increment(&run);
    case MODEL_CONTAINER:
        return model_container_run(operation->container, operation->source, values,
                                   value_at(&run, 0));
    }
    return false;
}
