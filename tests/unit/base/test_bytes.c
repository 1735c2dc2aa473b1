/* test_bytes.c -- little-endian numbers and varints: fixed layouts, round trips, hostile input. */
#include "base/bytes.h"
#include "base/prng.h"
#include "lib/unit.h"

UNIT_TEST(bytes, are_little_endian)
{
    struct buf buf = {0};
    bytes_put_u8(&buf, 0x01);
    bytes_put_u16(&buf, 0x0203);
    bytes_put_u32(&buf, 0x04050607);
    bytes_put_u64(&buf, 0x08090a0b0c0d0e0f);
    static const uint8_t expected[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                                       0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08};
    CU_ASSERT(slice_equals(buf_slice(&buf), slice_of(expected, sizeof(expected))));
    struct bytes_reader reader = bytes_reader_of(buf_slice(&buf));
    CU_ASSERT_EQUAL(bytes_get_u8(&reader), 0x01);
    CU_ASSERT_EQUAL(bytes_get_u16(&reader), 0x0203);
    CU_ASSERT_EQUAL(bytes_get_u32(&reader), 0x04050607);
    CU_ASSERT_EQUAL(bytes_get_u64(&reader), 0x08090a0b0c0d0e0f);
    CU_ASSERT_EQUAL(bytes_left(&reader), 0);
    CU_ASSERT_FALSE(reader.bad);
    buf_deinit(&buf);
}

UNIT_TEST(bytes, varints_come_back_at_every_length)
{
    struct prng prng;
    prng_init(&prng, 3);
    for (int bits = 0; bits <= 64; bits++) {
        for (int i = 0; i < 50; i++) {
            uint64_t value = bits == 0 ? 0 : prng_next(&prng) >> (64 - bits);
            struct buf buf = {0};
            bytes_put_varint(&buf, value);
            struct bytes_reader reader = bytes_reader_of(buf_slice(&buf));
            CU_ASSERT_EQUAL(bytes_get_varint(&reader), value);
            CU_ASSERT_FALSE(reader.bad);
            CU_ASSERT_EQUAL(bytes_left(&reader), 0);
            buf_deinit(&buf);
        }
    }
}

UNIT_TEST(bytes, a_varint_longer_than_need_be_is_bad)
{
    static const uint8_t zero[] = {0x80, 0x00};
    static const uint8_t one[] = {0x81, 0x80, 0x00};
    struct bytes_reader reader = bytes_reader_of(slice_of(zero, sizeof(zero)));
    CU_ASSERT_EQUAL(bytes_get_varint(&reader), 0);
    CU_ASSERT_TRUE(reader.bad);
    reader = bytes_reader_of(slice_of(one, sizeof(one)));
    CU_ASSERT_EQUAL(bytes_get_varint(&reader), 0);
    CU_ASSERT_TRUE(reader.bad);
}

UNIT_TEST(bytes, a_varint_over_64_bits_is_bad)
{
    static const uint8_t too_large[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                      0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    struct bytes_reader reader = bytes_reader_of(slice_of(too_large, sizeof(too_large)));
    CU_ASSERT_EQUAL(bytes_get_varint(&reader), 0);
    CU_ASSERT_TRUE(reader.bad);
    reader = bytes_reader_of(slice_of(endless, sizeof(endless)));
    CU_ASSERT_EQUAL(bytes_get_varint(&reader), 0);
    CU_ASSERT_TRUE(reader.bad);
}

UNIT_TEST(bytes, reading_past_the_end_is_bad_and_stays_bad)
{
    static const uint8_t three[] = {1, 2, 3};
    struct bytes_reader reader = bytes_reader_of(slice_of(three, sizeof(three)));
    CU_ASSERT_EQUAL(bytes_get_u32(&reader), 0);
    CU_ASSERT_TRUE(reader.bad);
    CU_ASSERT_EQUAL(bytes_get_u8(&reader), 0);
    CU_ASSERT_TRUE(reader.bad);
}

UNIT_TEST(bytes, a_slice_longer_than_what_is_left_is_bad)
{
    struct buf buf = {0};
    bytes_put_slice(&buf, SLICE_LITERAL("hello"));
    struct slice whole = buf_slice(&buf);
    struct bytes_reader reader = bytes_reader_of(whole);
    CU_ASSERT(slice_equals(bytes_get_slice(&reader), SLICE_LITERAL("hello")));
    reader = bytes_reader_of(slice_of(whole.bytes, whole.size - 1));
    CU_ASSERT_EQUAL(bytes_get_slice(&reader).size, 0);
    CU_ASSERT_TRUE(reader.bad);
    buf_deinit(&buf);
}
