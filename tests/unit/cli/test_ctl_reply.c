/* test_ctl_reply.c -- maps in replies, and values that are something else than expected. */
#include "cli/ctl_reply.h"

#include <string.h>

#include "lib/unit.h"

/* Feeds bytes to hiredis's own reader; the caller frees. */
static redisReply *reply_of(const char *bytes)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    (void)redisReaderFeed(reader, bytes, strlen(bytes));
    CU_ASSERT_EQUAL_FATAL(redisReaderGetReply(reader, &reply), REDIS_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    redisReaderFree(reader);
    return reply;
}

UNIT_TEST(ctl_reply, finds_values_by_key)
{
    redisReply *map = reply_of("*8\r\n$5\r\nindex\r\n:42\r\n$4\r\nterm\r\n$1\r\n7\r\n"
                               "$4\r\nhash\r\n$16\r\nfedcba9876543210\r\n$3\r\nodd\r\n:-1\r\n");
    uint64_t number = 0;
    char text[8];
    CU_ASSERT_TRUE(ctl_reply_number(map, "index", &number));
    CU_ASSERT_EQUAL(number, 42);
    CU_ASSERT_TRUE(ctl_reply_number(map, "term", &number));
    CU_ASSERT_EQUAL(number, 7);
    CU_ASSERT_TRUE(ctl_reply_hash(map, "hash", &number));
    CU_ASSERT_EQUAL(number, UINT64_C(0xfedcba9876543210));
    CU_ASSERT_TRUE(ctl_reply_hash(map, "odd", &number));
    CU_ASSERT_EQUAL(number, UINT64_MAX);
    CU_ASSERT_FALSE(ctl_reply_number(map, "odd", &number));
    CU_ASSERT_FALSE(ctl_reply_number(map, "hash", &number));
    CU_ASSERT_FALSE(ctl_reply_hash(map, "term", &number));
    CU_ASSERT_FALSE(ctl_reply_number(map, "none", &number));
    ctl_reply_text(map, "hash", text, sizeof(text));
    CU_ASSERT_STRING_EQUAL(text, "fedcba9");
    ctl_reply_text(map, "none", text, sizeof(text));
    CU_ASSERT_STRING_EQUAL(text, "");
    freeReplyObject(map);
}

UNIT_TEST(ctl_reply, what_is_no_map_has_no_fields)
{
    redisReply *odd = reply_of("*3\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n");
    redisReply *status = reply_of("+OK\r\n");
    CU_ASSERT_PTR_NOT_NULL(ctl_reply_field(odd, "a"));
    CU_ASSERT_PTR_NULL(ctl_reply_field(odd, "b"));
    CU_ASSERT_PTR_NULL(ctl_reply_field(status, "OK"));
    freeReplyObject(odd);
    freeReplyObject(status);
}
