/* fuzz_reply.c -- replies read back: bounded steps, and a whole reply is the same however much
 * follows it. */
#include "fuzz/fuzz.h"
#include "wire/reply_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_quiet();
    struct slice input = fuzz_copy(slice_of(data, size));
    size_t consumed = 0;
    if (reply_skip(input, &consumed) == PARSE_DONE) {
        FUZZ_CHECK(consumed > 0 && consumed <= input.size);
        size_t again = 0;
        FUZZ_CHECK(reply_skip(slice_of(input.bytes, consumed), &again) == PARSE_DONE);
        FUZZ_CHECK(again == consumed);
        FUZZ_CHECK(reply_skip(slice_of(input.bytes, consumed - 1), &again) == PARSE_MORE);
    }
    struct slice rest = input;
    struct reply_element element;
    while (rest.size > 0 && reply_read(rest, &element, &consumed) == PARSE_DONE) {
        FUZZ_CHECK(consumed > 0 && consumed <= rest.size);
        FUZZ_CHECK(element.text.size <= consumed);
        (void)fuzz_take(&rest, consumed);
    }
    fuzz_free(input);
    return 0;
}
