/* resp_guard.c -- the limits a client is held to, and how HTTP on the Redis port is told. */
#include "net/resp_guard.h"

#include <string.h>

#include "base/limits.h"

enum {
    /* Half of the output limits if that is less. High enough that a client may send a long
     * pipeline before it begins to read. */
    RESP_OUTPUT_HOLD_BYTES = 8 * 1024 * 1024,
    RESP_STRANGER_OUTPUT_HOLD_BYTES = 32 * 1024,
    RESP_STRANGER_QUERY_BYTES = 1024 * 1024,
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct resp_limits resp_guard_limits(const struct resp_server_options *options, bool is_stranger)
{
    struct resp_limits limits = {
        .arguments_max = LIMIT_COMMAND_ARGUMENTS,
        .bulk_bytes_max = options->bulk_bytes_max,
        .inline_bytes_max = LIMIT_INLINE_BYTES,
        .unauthenticated = is_stranger,
    };
    if (is_stranger) {
        limits.arguments_max = LIMIT_UNAUTHENTICATED_ARGUMENTS;
        limits.bulk_bytes_max =
            (uint32_t)min_u64(limits.bulk_bytes_max, LIMIT_UNAUTHENTICATED_BULK_BYTES);
    }
    return limits;
}

uint64_t resp_guard_query_bytes_max(const struct resp_server_options *options, bool is_stranger)
{
    uint64_t max = options->query_buffer_bytes_max;
    if (!is_stranger) {
        return max;
    }
    return max == 0 ? RESP_STRANGER_QUERY_BYTES : min_u64(max, RESP_STRANGER_QUERY_BYTES);
}

uint64_t resp_guard_output_hold_bytes(const struct resp_server_options *options, bool is_stranger)
{
    if (is_stranger) {
        return RESP_STRANGER_OUTPUT_HOLD_BYTES;
    }
    uint64_t bytes = RESP_OUTPUT_HOLD_BYTES;
    if (options->output_bytes_hard > 0) {
        bytes = min_u64(bytes, options->output_bytes_hard / 2);
    }
    if (options->output_bytes_soft > 0) {
        bytes = min_u64(bytes, options->output_bytes_soft / 2);
    }
    return bytes == 0 ? 1 : bytes;
}

static bool is_method(struct slice word)
{
    static const char *const methods[] = {"get",   "head",    "put",  "delete",
                                          "patch", "options", "trace"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (slice_is_word(word, methods[i])) {
            return true;
        }
    }
    return false;
}

/* "POST" and "Host:" are no commands at all. Of the other methods some are, but none of those has
 * exactly one argument before a last one "HTTP/...". */
bool resp_guard_is_http(const struct resp_command *command, bool is_inline)
{
    struct slice first = command->arguments[0];
    if ((first.size == 4 && slice_is_word(first, "post")) ||
        (first.size == 5 && slice_is_word(first, "host:"))) {
        return true;
    }
    if (!is_inline || command->arguments_count != 3) {
        return false;
    }
    struct slice last = command->arguments[2];
    return last.size >= 5 && memcmp(last.bytes, "HTTP/", 5) == 0 && is_method(first);
}
