/* fuzz_resp.c -- commands from clients, multibulk and inline: however the bytes are split, the same
 * commands come out (P1), and no memory is taken for what was only announced (P2). */
#include "base/limits.h"
#include "fuzz/fuzz.h"
#include "wire/resp_parser.h"

static void describe(const struct resp_command *command, struct buf *out)
{
    buf_append_format(out, "<%u:", command->arguments_count);
    for (uint32_t i = 0; i < command->arguments_count; i++) {
        buf_append_format(out, "%zu=", command->arguments[i].size);
        buf_append_slice(out, command->arguments[i]);
    }
}

/* Parses what is there, in memory of its own; false when no more can come of it. */
static bool parse_all(struct resp_parser *parser, struct slice stream, size_t *start,
                      const struct resp_limits *limits, struct buf *out)
{
    for (;;) {
        struct slice bytes = fuzz_copy(slice_of(stream.bytes + *start, stream.size - *start));
        struct resp_command command = {0};
        const char *error = NULL;
        enum parse parsed = resp_parse(parser, bytes, limits, &command, &error);
        if (parsed == PARSE_DONE) {
            FUZZ_CHECK(command.consumed > 0 && command.consumed <= bytes.size);
            describe(&command, out);
            *start += command.consumed;
        } else if (parsed == PARSE_BAD) {
            FUZZ_CHECK(error != NULL);
            buf_append_format(out, "!%s", error);
        } else {
            FUZZ_CHECK(resp_parser_missing_bytes(parser) >= 1);
        }
        fuzz_free(bytes);
        if (parsed != PARSE_DONE || *start == stream.size) {
            return parsed != PARSE_BAD;
        }
    }
}

static void feed(struct slice stream, size_t piece, const struct resp_limits *limits,
                 struct buf *out)
{
    struct resp_parser *parser = resp_parser_create();
    size_t start = 0;
    size_t end = 0;
    bool goes_on = true;
    while (goes_on && end < stream.size) {
        end = stream.size - end < piece ? stream.size : end + piece;
        goes_on = parse_all(parser, slice_of(stream.bytes, end), &start, limits, out);
    }
    FUZZ_CHECK(resp_parser_memory(parser) <= 64 * 1024 + 64 * stream.size);
    resp_parser_destroy(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_quiet();
    struct slice input = slice_of(data, size);
    uint8_t choice = fuzz_take_byte(&input);
    struct resp_limits limits = {LIMIT_COMMAND_ARGUMENTS, LIMIT_BULK_BYTES, LIMIT_INLINE_BYTES,
                                 false};
    if ((choice & 1) != 0) {
        limits = (struct resp_limits){LIMIT_UNAUTHENTICATED_ARGUMENTS,
                                      LIMIT_UNAUTHENTICATED_BULK_BYTES, LIMIT_INLINE_BYTES, true};
    }
    struct buf whole = {0};
    struct buf pieces = {0};
    feed(input, input.size + 1, &limits, &whole);
    feed(input, 1 + (choice >> 1) % 16, &limits, &pieces);
    FUZZ_CHECK(slice_equals(buf_slice(&whole), buf_slice(&pieces)));
    buf_deinit(&whole);
    buf_deinit(&pieces);
    return 0;
}
