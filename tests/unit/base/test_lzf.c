/* test_lzf.c -- LZF and the CRC-64 of dumps. Packed strings are from redis-server 7.0.15. */
#include "base/crc64.h"
#include "base/lzf.h"

#include "lib/unit.h"

UNIT_TEST(crc64, gives_its_check_value)
{
    CU_ASSERT_EQUAL(crc64(SLICE_LITERAL("123456789")), 0xe9c6d914c4b8d9cau);
    CU_ASSERT_EQUAL(crc64(slice_of(NULL, 0)), 0);
}

UNIT_TEST(lzf, unpacks_what_redis_packs)
{
    uint8_t out[101];
    struct slice packed = SLICE_LITERAL("\x01"
                                        "aa\xe0\x57\x00\x01"
                                        "aa");
    CU_ASSERT_EQUAL(lzf_unpack(packed, out, 100), RESULT_OK);
    for (size_t i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(out[i], 'a');
    }
    CU_ASSERT_EQUAL(lzf_unpack(packed, out, 99), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(lzf_unpack(packed, out, 101), RESULT_CORRUPT);
    for (size_t size = 0; size < packed.size; size++) {
        CU_ASSERT_EQUAL(lzf_unpack(slice_of(packed.bytes, size), out, 100), RESULT_CORRUPT);
    }
}

UNIT_TEST(lzf, stays_inside)
{
    uint8_t out[4];
    CU_ASSERT_EQUAL(lzf_unpack(SLICE_LITERAL("\x20\x00"), out, 3),
                    RESULT_CORRUPT); /* nothing yet */
    CU_ASSERT_EQUAL(lzf_unpack(SLICE_LITERAL("\x00"
                                             "a\x20\x01"),
                               out, 4),
                    RESULT_CORRUPT); /* before the start */
    CU_ASSERT_EQUAL(lzf_unpack(SLICE_LITERAL("\x00"
                                             "a\x20\x00"),
                               out, 4),
                    RESULT_OK);
}
