/* t_hyperloglog.c -- PFADD, PFCOUNT, PFMERGE, PFDEBUG, PFSELFTEST: see hyperloglog.h for what their
 * strings hold.
 *
 * PFCOUNT of one key notes its result in the value, as Redis does, and so goes through the log.
 */
#include <math.h>

#include "base/mem.h"
#include "command/command_events.h"
#include "command/command_handlers.h"
#include "command/command_support.h"
#include "command/hyperloglog.h"

static void refuse_corrupt(struct command_context *context)
{
    reply_error(context->reply, "INVALIDOBJ Corrupted HLL object detected");
}

/* Looks a key up; it may be missing. False: it is no HyperLogLog, and has been replied to. */
static bool find(struct command_context *context, uint32_t argument, struct command_string *out)
{
    if (!command_find_string(context, argument, out)) {
        return false;
    }
    if (out->item != NULL && !hyperloglog_is_valid(out->text)) {
        reply_error(context->reply, "WRONGTYPE Key is not a valid HyperLogLog string value.");
        return false;
    }
    return true;
}

/* Copies what was found, or makes an empty one, to be changed and put back. */
static void copy_or_make(const struct command_string *string, struct buf *out)
{
    if (string->item == NULL) {
        hyperloglog_init(out);
    } else {
        buf_append_slice(out, string->text);
    }
}

static void put_back(struct command_context *context, uint32_t argument, const struct buf *bytes)
{
    struct value value = {
        .type = VALUE_TYPE_STRING, .encoding = VALUE_ENCODING_RAW, .string = buf_slice(bytes)};
    command_store(context, argument, &value, KEYSPACE_KEEP_EXPIRY);
}

void handle_pfadd(struct command_context *context)
{
    struct command_string string;
    if (!find(context, 1, &string)) {
        return;
    }
    struct buf bytes = {0};
    copy_or_make(&string, &bytes);
    bool is_changed = string.item == NULL;
    enum result result = RESULT_OK;
    for (uint32_t i = 2; i < context->arguments_count && result == RESULT_OK; i++) {
        bool grew = false;
        result = hyperloglog_add(&bytes, context->arguments[i], &grew);
        is_changed |= grew;
    }
    if (result != RESULT_OK) {
        refuse_corrupt(context);
    } else {
        if (is_changed) {
            hyperloglog_forget_noted(&bytes);
            put_back(context, 1, &bytes);
            command_notify(context, NOTIFY_STRING, "pfadd", context->arguments[1]);
        }
        reply_integer(context->reply, is_changed);
    }
    buf_deinit(&bytes);
}

/* Raises registers to those of the keys from the second argument on. False: has replied. */
static bool merge_keys(struct command_context *context, uint8_t *registers, bool *any_is_dense)
{
    for (uint32_t i = 1; i < context->arguments_count; i++) {
        struct command_string string;
        if (!find(context, i, &string)) {
            return false;
        }
        if (string.item == NULL) {
            continue;
        }
        *any_is_dense |= hyperloglog_is_dense(string.text);
        if (hyperloglog_merge(string.text, registers) != RESULT_OK) {
            refuse_corrupt(context);
            return false;
        }
    }
    return true;
}

static void count_one(struct command_context *context)
{
    struct command_string string;
    uint64_t estimate = 0;
    if (!find(context, 1, &string)) {
        return;
    }
    if (string.item != NULL && !hyperloglog_noted(string.text, &estimate)) {
        uint8_t registers[HYPERLOGLOG_REGISTERS] = {0};
        if (hyperloglog_merge(string.text, registers) != RESULT_OK) {
            refuse_corrupt(context);
            return;
        }
        estimate = hyperloglog_estimate(registers);
        struct buf bytes = {0};
        copy_or_make(&string, &bytes);
        hyperloglog_note(&bytes, estimate);
        put_back(context, 1, &bytes);
        buf_deinit(&bytes);
    }
    reply_integer(context->reply, (int64_t)estimate);
}

void handle_pfcount(struct command_context *context)
{
    if (context->arguments_count == 2) {
        count_one(context);
        return;
    }
    uint8_t registers[HYPERLOGLOG_REGISTERS] = {0};
    bool any_is_dense = false;
    if (merge_keys(context, registers, &any_is_dense)) {
        reply_integer(context->reply, (int64_t)hyperloglog_estimate(registers));
    }
}

/* Raises the destination to registers, in the dense form if wanted. */
static enum result raise_all(struct buf *bytes, const uint8_t *registers, bool as_dense)
{
    enum result result = as_dense ? hyperloglog_make_dense(bytes) : RESULT_OK;
    for (uint32_t i = 0; i < HYPERLOGLOG_REGISTERS && result == RESULT_OK; i++) {
        bool grew = false;
        if (registers[i] > 0) {
            result = hyperloglog_raise(bytes, i, registers[i], &grew);
        }
    }
    return result;
}

void handle_pfmerge(struct command_context *context)
{
    uint8_t registers[HYPERLOGLOG_REGISTERS] = {0};
    bool any_is_dense = false;
    struct command_string string;
    if (!merge_keys(context, registers, &any_is_dense) || !find(context, 1, &string)) {
        return;
    }
    struct buf bytes = {0};
    copy_or_make(&string, &bytes);
    if (raise_all(&bytes, registers, any_is_dense) != RESULT_OK) {
        refuse_corrupt(context);
    } else {
        hyperloglog_forget_noted(&bytes);
        put_back(context, 1, &bytes);
        command_notify(context, NOTIFY_STRING, "pfadd", context->arguments[1]);
        reply_ok(context->reply);
    }
    buf_deinit(&bytes);
}

/* ---- PFDEBUG ---- */

static void reply_registers(struct command_context *context, struct slice bytes)
{
    uint8_t registers[HYPERLOGLOG_REGISTERS] = {0};
    if (hyperloglog_merge(bytes, registers) != RESULT_OK) {
        refuse_corrupt(context);
        return;
    }
    reply_array(context->reply, HYPERLOGLOG_REGISTERS);
    for (uint32_t i = 0; i < HYPERLOGLOG_REGISTERS; i++) {
        reply_integer(context->reply, registers[i]);
    }
}

static void reply_runs(struct command_context *context, struct slice bytes)
{
    if (hyperloglog_is_dense(bytes)) {
        reply_error(context->reply, "ERR HLL encoding is not sparse");
        return;
    }
    struct buf text = {0};
    struct slice rest = hyperloglog_runs(bytes);
    struct hyperloglog_run run;
    while (hyperloglog_next_run(&rest, &run)) {
        if (run.value > 0) {
            buf_append_format(&text, "v:%u,%u ", run.value, run.length);
        } else {
            buf_append_format(&text, "%c:%u ", run.is_long ? 'Z' : 'z', run.length);
        }
    }
    if (buf_size(&text) > 0) {
        buf_truncate(&text, buf_size(&text) - 1);
    }
    reply_bulk(context->reply, buf_slice(&text));
    buf_deinit(&text);
}

/* Makes the value dense; false: has replied. */
static bool make_dense(struct command_context *context, const struct command_string *string)
{
    struct buf bytes = {0};
    copy_or_make(string, &bytes);
    bool is_good = hyperloglog_make_dense(&bytes) == RESULT_OK;
    if (is_good) {
        put_back(context, 2, &bytes);
    } else {
        refuse_corrupt(context);
    }
    buf_deinit(&bytes);
    return is_good;
}

void handle_pfdebug(struct command_context *context)
{
    struct slice subcommand = context->arguments[1];
    const struct item *item = command_find_untouched(context, 2);
    struct command_string string;
    if (item == NULL) {
        reply_error(context->reply, "ERR The specified key does not exist");
        return;
    }
    if (!find(context, 2, &string)) {
        return;
    }
    bool was_dense = hyperloglog_is_dense(string.text);
    if (slice_is_word(subcommand, "getreg")) {
        /* As in Redis, whoever looks at the registers makes them dense. */
        if ((was_dense || make_dense(context, &string)) && find(context, 2, &string)) {
            reply_registers(context, string.text);
        }
    } else if (slice_is_word(subcommand, "decode")) {
        reply_runs(context, string.text);
    } else if (slice_is_word(subcommand, "encoding")) {
        reply_status(context->reply, was_dense ? "dense" : "sparse");
    } else if (slice_is_word(subcommand, "todense")) {
        if (was_dense || make_dense(context, &string)) {
            reply_integer(context->reply, !was_dense);
        }
    } else {
        reply_error_format(context->reply, "ERR Unknown PFDEBUG subcommand '%.*s'",
                           (int)subcommand.size, (const char *)subcommand.bytes);
    }
}

/* ---- PFSELFTEST ---- */

/* Adds numbers up to a count to a sparse and a dense one; false if they differ or estimate it with
 * an error of more than four times the one to be expected, 1.04 / sqrt(registers). */
static bool both_forms_estimate(uint64_t count)
{
    struct buf forms[2] = {{0}, {0}};
    uint8_t registers[2][HYPERLOGLOG_REGISTERS] = {{0}, {0}};
    bool is_good = true;
    for (uint32_t form = 0; form < 2; form++) {
        hyperloglog_init(&forms[form]);
        is_good &= form == 0 || hyperloglog_make_dense(&forms[form]) == RESULT_OK;
        for (uint64_t i = 0; i < count; i++) {
            bool grew = false;
            is_good &= hyperloglog_add(&forms[form], slice_of(&i, sizeof(i)), &grew) == RESULT_OK;
        }
        is_good &= hyperloglog_merge(buf_slice(&forms[form]), registers[form]) == RESULT_OK;
        buf_deinit(&forms[form]);
    }
    double error = fabs((double)hyperloglog_estimate(registers[0]) - (double)count);
    double expected = 1.04 / sqrt(HYPERLOGLOG_REGISTERS) * (double)count;
    return is_good && memcmp(registers[0], registers[1], sizeof(registers[0])) == 0 &&
           error <= 4 * expected + 1;
}

void handle_pfselftest(struct command_context *context)
{
    for (uint64_t count = 1; count <= 10000; count *= 10) {
        if (!both_forms_estimate(count)) {
            reply_error_format(context->reply, "TESTFAILED %llu elements are estimated wrongly",
                               (unsigned long long)count);
            return;
        }
    }
    reply_ok(context->reply);
}
