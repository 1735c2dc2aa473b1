/* fuzz_dump.c -- payloads of RESTORE, the CRC made right for whatever comes: no crash, and what is
 * read can be dumped, and reads back as the same. */
#include "base/crc64.h"
#include "command/dump.h"
#include "fuzz/fuzz.h"

enum { HASH_SEED = 1, VERSION_BYTES = 2 };

static struct value view(const struct dump_value *value)
{
    if (value->type == VALUE_TYPE_STRING) {
        return value_of_text(buf_slice(&value->text));
    }
    return (struct value){
        .type = value->type, .encoding = value->container->encoding, .container = value->container};
}

static void check_round_trip(const struct keyspace *keyspace, const struct dump_value *first)
{
    struct value value = view(first);
    struct buf once = {0};
    struct buf twice = {0};
    struct dump_value second;
    dump_write(&value, &once);
    FUZZ_CHECK(dump_is_intact(buf_slice(&once)));
    FUZZ_CHECK(dump_read(keyspace, buf_slice(&once), &second) == RESULT_OK);
    value = view(&second);
    dump_write(&value, &twice);
    FUZZ_CHECK(slice_equals(buf_slice(&once), buf_slice(&twice)));
    dump_release(&second);
    buf_deinit(&once);
    buf_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_quiet();
    if (size < VERSION_BYTES) {
        return 0;
    }
    struct buf made = {0};
    buf_append(&made, data, size);
    bytes_put_u64(&made, crc64(slice_of(data, size)));
    struct slice payload = fuzz_copy(buf_slice(&made));
    buf_deinit(&made);
    if (dump_is_intact(payload)) {
        struct keyspace *keyspace = keyspace_create(HASH_SEED);
        struct dump_value value;
        if (dump_read(keyspace, payload, &value) == RESULT_OK) {
            check_round_trip(keyspace, &value);
        }
        dump_release(&value);
        keyspace_destroy(keyspace);
    }
    fuzz_free(payload);
    return 0;
}
