/* t_lcs.c -- LCS: the longest common subsequence of two strings.
 *
 * The textbook table: cell (i, j) is the length of the longest common subsequence of the first i
 * bytes of a and the first j of b. Walking back from the last cell gives one such subsequence, its
 * last byte first; where two ways are equally long the walk shortens b, as Redis does.
 */
#include "base/mem.h"
#include "command/command_handlers.h"
#include "command/command_support.h"

struct lcs_options {
    bool length_only;  /* LEN */
    bool ranges;       /* IDX */
    bool with_lengths; /* WITHMATCHLEN */
    int64_t length_min;
};

struct lcs {
    struct slice a;
    struct slice b;
    uint32_t *cells; /* (a.size + 1) rows of (b.size + 1) */
};

/* A common stretch while the walk goes through it: where it begins in a and b, and its length. */
struct lcs_stretch {
    size_t a_first;
    size_t b_first;
    size_t length; /* 0: none */
};

static bool parse_options(struct command_context *context, struct lcs_options *options)
{
    for (uint32_t i = 3; i < context->arguments_count; i++) {
        struct slice word = context->arguments[i];
        if (slice_is_word(word, "idx")) {
            options->ranges = true;
        } else if (slice_is_word(word, "len")) {
            options->length_only = true;
        } else if (slice_is_word(word, "withmatchlen")) {
            options->with_lengths = true;
        } else if (slice_is_word(word, "minmatchlen") && i + 1 < context->arguments_count) {
            if (!command_read_int64(context, ++i, &options->length_min)) {
                return false;
            }
        } else {
            command_refuse_syntax(context);
            return false;
        }
    }
    if (options->ranges && options->length_only) {
        reply_error(context->reply,
                    "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

static uint32_t *cell(const struct lcs *lcs, size_t i, size_t j)
{
    return &lcs->cells[i * (lcs->b.size + 1) + j];
}

static void fill(const struct lcs *lcs)
{
    for (size_t i = 1; i <= lcs->a.size; i++) {
        for (size_t j = 1; j <= lcs->b.size; j++) {
            uint32_t without_a = *cell(lcs, i - 1, j);
            uint32_t without_b = *cell(lcs, i, j - 1);
            if (lcs->a.bytes[i - 1] == lcs->b.bytes[j - 1]) {
                *cell(lcs, i, j) = *cell(lcs, i - 1, j - 1) + 1;
            } else {
                *cell(lcs, i, j) = without_a > without_b ? without_a : without_b;
            }
        }
    }
}

static void reply_range(struct reply *reply, size_t first, size_t length)
{
    reply_array(reply, 2);
    reply_integer(reply, (int64_t)first);
    reply_integer(reply, (int64_t)(first + length - 1));
}

/* Writes a finished stretch if it is long enough, and returns how many were written. */
static uint64_t reply_stretch(struct reply *reply, const struct lcs_options *options,
                              const struct lcs_stretch *stretch)
{
    if (stretch->length == 0 || (int64_t)stretch->length < options->length_min) {
        return 0;
    }
    reply_array(reply, options->with_lengths ? 3 : 2);
    reply_range(reply, stretch->a_first, stretch->length);
    reply_range(reply, stretch->b_first, stretch->length);
    if (options->with_lengths) {
        reply_integer(reply, (int64_t)stretch->length);
    }
    return 1;
}

/* Steps back from (i, j) over bytes that are not common, until two are or a string is used up. */
static void skip_back(const struct lcs *lcs, size_t *i, size_t *j)
{
    while (*i > 0 && *j > 0 && lcs->a.bytes[*i - 1] != lcs->b.bytes[*j - 1]) {
        if (*cell(lcs, *i - 1, *j) > *cell(lcs, *i, *j - 1)) {
            *i -= 1;
        } else {
            *j -= 1;
        }
    }
}

/* The stretch that ends before (i, j), which are moved to its beginning. */
static struct lcs_stretch take_stretch(const struct lcs *lcs, size_t *i, size_t *j)
{
    struct lcs_stretch stretch = {0, 0, 0};
    while (*i > 0 && *j > 0 && lcs->a.bytes[*i - 1] == lcs->b.bytes[*j - 1]) {
        *i -= 1;
        *j -= 1;
        stretch.length++;
    }
    stretch.a_first = *i;
    stretch.b_first = *j;
    return stretch;
}

static void reply_ranges(struct reply *reply, const struct lcs *lcs,
                         const struct lcs_options *options)
{
    reply_map(reply, 2);
    reply_bulk_string(reply, "matches");
    size_t begin = reply_deferred_begin(reply);
    uint64_t count = 0;
    size_t i = lcs->a.size;
    size_t j = lcs->b.size;
    while (i > 0 && j > 0) {
        skip_back(lcs, &i, &j);
        struct lcs_stretch stretch = take_stretch(lcs, &i, &j);
        count += reply_stretch(reply, options, &stretch);
    }
    reply_deferred_array(reply, begin, count);
    reply_bulk_string(reply, "len");
    reply_integer(reply, *cell(lcs, lcs->a.size, lcs->b.size));
}

static void reply_subsequence(struct reply *reply, const struct lcs *lcs)
{
    size_t i = lcs->a.size;
    size_t j = lcs->b.size;
    size_t left = *cell(lcs, i, j);
    size_t size = left;
    uint8_t *bytes = mem_alloc(size);
    while (left > 0) {
        skip_back(lcs, &i, &j);
        struct lcs_stretch stretch = take_stretch(lcs, &i, &j);
        left -= stretch.length;
        memcpy(bytes + left, lcs->a.bytes + stretch.a_first, stretch.length);
    }
    reply_bulk(reply, slice_of(bytes, size));
    mem_free(bytes);
}

/* The table may not take more than a value may. */
static bool check_table_size(struct command_context *context, const struct lcs *lcs)
{
    /* Both sizes are below 2^30. */
    uint64_t cells = (uint64_t)(lcs->a.size + 1) * (lcs->b.size + 1);
    if (cells * sizeof(uint32_t) > context->bulk_bytes_max) {
        reply_error(context->reply, "ERR Insufficient memory, transient memory for LCS exceeds "
                                    "proto-max-bulk-len");
        return false;
    }
    return true;
}

void handle_lcs(struct command_context *context)
{
    struct command_string strings[2];
    for (uint32_t i = 0; i < 2; i++) {
        strings[i].item = command_find(context, i + 1);
        strings[i].value = strings[i].item == NULL ? value_of_bytes(slice_of(NULL, 0))
                                                   : keyspace_item_value(strings[i].item);
        if (strings[i].value.type != VALUE_TYPE_STRING) {
            reply_error(context->reply, "ERR The specified keys must contain string values");
            return;
        }
        strings[i].text = value_text(&strings[i].value, strings[i].scratch);
    }
    struct lcs_options options = {0};
    struct lcs lcs = {.a = strings[0].text, .b = strings[1].text};
    if (!parse_options(context, &options) || !check_table_size(context, &lcs)) {
        return;
    }
    lcs.cells = mem_alloc_zeroed((lcs.a.size + 1) * (lcs.b.size + 1), sizeof(*lcs.cells));
    fill(&lcs);
    if (options.ranges) {
        reply_ranges(context->reply, &lcs, &options);
    } else if (options.length_only) {
        reply_integer(context->reply, *cell(&lcs, lcs.a.size, lcs.b.size));
    } else {
        reply_subsequence(context->reply, &lcs);
    }
    mem_free(lcs.cells);
}
