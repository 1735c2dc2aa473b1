/* expiry_options.c -- EX, PX, EXAT, PXAT: see expiry_options.h. */
#include "command/expiry_options.h"

#include "command/command_support.h"

enum { MS_PER_SECOND = 1000 };

static bool is_free_for(const struct expiry_options *options, enum expiry_kind kind,
                        enum expiry_unit unit)
{
    return options->kind == EXPIRY_NONE || (options->kind == kind && options->unit == unit);
}

bool expiry_options_take(struct expiry_options *options, const struct command_context *context,
                         uint32_t *i, const char *word)
{
    static const struct {
        const char *name;
        enum expiry_kind kind;
        enum expiry_unit unit;
    } names[] = {
        {"ex", EXPIRY_RELATIVE, EXPIRY_SECONDS},
        {"px", EXPIRY_RELATIVE, EXPIRY_MILLISECONDS},
        {"exat", EXPIRY_ABSOLUTE, EXPIRY_SECONDS},
        {"pxat", EXPIRY_ABSOLUTE, EXPIRY_MILLISECONDS},
    };
    struct slice given = context->arguments[*i];
    if (slice_is_word(given, word)) {
        if (!is_free_for(options, EXPIRY_WORD, EXPIRY_SECONDS)) {
            return false;
        }
        options->kind = EXPIRY_WORD;
        return true;
    }
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        if (!slice_is_word(given, names[n].name)) {
            continue;
        }
        if (*i + 1 >= context->arguments_count ||
            !is_free_for(options, names[n].kind, names[n].unit)) {
            return false;
        }
        *i += 1;
        *options = (struct expiry_options){names[n].kind, names[n].unit, *i};
        return true;
    }
    return false;
}

bool expiry_options_resolve(const struct expiry_options *options, struct command_context *context,
                            int64_t *expiry_ms)
{
    if (options->kind == EXPIRY_NONE || options->kind == EXPIRY_WORD) {
        *expiry_ms = options->kind == EXPIRY_NONE ? KEYSPACE_NEVER : KEYSPACE_KEEP_EXPIRY;
        return true;
    }
    int64_t time = 0;
    if (!command_read_int64(context, options->argument, &time)) {
        return false;
    }
    int64_t factor = options->unit == EXPIRY_SECONDS ? MS_PER_SECOND : 1;
    int64_t base_ms = options->kind == EXPIRY_RELATIVE ? context->now_ms : 0;
    if (time <= 0 || time > INT64_MAX / factor || time * factor > INT64_MAX - base_ms) {
        command_refuse_expiry(context);
        return false;
    }
    *expiry_ms = command_clamp_expiry(time * factor + base_ms);
    return true;
}
