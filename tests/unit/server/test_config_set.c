/* test_config_set.c -- CONFIG GET and CONFIG SET, beneath the replies. */
#include "base/mem.h"
#include "lib/unit.h"
#include "server/config.h"
#include "server/config_internal.h"

static void load_default(struct config *config)
{
    char program[] = "quorum";
    char *argv[] = {program, NULL};
    char *environment[] = {NULL};
    struct buf text = {0};
    CU_ASSERT_EQUAL(config_load(1, argv, environment, config, &text), CONFIG_RUN);
    buf_deinit(&text);
}

static void collect(struct slice name, struct slice value, void *context)
{
    struct buf *out = context;
    buf_append_slice(out, name);
    buf_append_format(out, "=");
    buf_append_slice(out, value);
    buf_append_format(out, ";");
}

static void expect_get(const struct config *config, const char *a, const char *b,
                       const char *expected)
{
    struct slice patterns[] = {slice_of_string(a), slice_of_string(b)};
    struct buf out = {0};
    config_get(config, patterns, 2, collect, &out);
    CU_ASSERT(slice_equals(buf_slice(&out), slice_of_string(expected)));
    buf_deinit(&out);
}

UNIT_TEST(config_get, matches_patterns_without_case_and_each_name_once)
{
    struct config config;
    load_default(&config);
    expect_get(&config, "nothing", "", "");
    expect_get(&config, "TIMEOUT", "time*", "timeout=0;");
    expect_get(&config, "dir", "save", "dir=./data/node-1;save=;");
    expect_get(&config, "maxmemory*", "appendfsync",
               "appendfsync=always;maxmemory=0;maxmemory-policy=noeviction;");
    expect_get(&config, "proto-*", "bind", "bind=127.0.0.1 -::1;proto-max-bulk-len=67108864;");
    expect_get(&config, "client-output-buffer-limit", "databases",
               "client-output-buffer-limit=normal 1073741824 268435456 60 slave 268435456 67108864 "
               "60 pubsub 33554432 8388608 60;databases=16;");
    config_deinit(&config);
}

/* Sets one or two options; second may be NULL. Expects the error, "" for success. */
static void expect_set(struct config *config, const char *const texts[4], const char *expected)
{
    struct slice pairs[4];
    uint32_t count = texts[2] == NULL ? 1 : 2;
    for (uint32_t i = 0; i < 2 * count; i++) {
        pairs[i] = slice_of_string(texts[i]);
    }
    struct buf error = {0};
    enum result result = config_set_pairs(config, pairs, count, &error);
    CU_ASSERT_EQUAL(result, expected[0] == '\0' ? RESULT_OK : RESULT_INVALID);
    CU_ASSERT(slice_equals(buf_slice(&error), slice_of_string(expected)));
    buf_deinit(&error);
}

#define SET(...) ((const char *const[4]){__VA_ARGS__})
#define FAILED(name) "ERR CONFIG SET failed (possibly related to argument '" name "') - "

UNIT_TEST(config_set, changes_values)
{
    struct config config;
    load_default(&config);
    expect_set(&config, SET("maxclients", "17", "Timeout", "0"), "");
    CU_ASSERT_EQUAL(config.maxclients, 17);
    expect_set(&config, SET("requirepass", "", "loglevel", "WARNING"), "");
    CU_ASSERT_EQUAL(config.loglevel, 3);
    expect_set(&config, SET("client-output-buffer-limit", "normal 2mb 1mb 3"), "");
    CU_ASSERT_EQUAL(config.output_limits[CONFIG_NORMAL].hard_bytes, 2u << 20);
    CU_ASSERT_EQUAL(config.output_limits[CONFIG_PUBSUB].hard_bytes, 32u << 20);
    expect_set(&config, SET("snapshot-log-bytes", "1mb", "snapshot-entries", "9"), "");
    CU_ASSERT_EQUAL(config.snapshot_log_bytes, 1u << 20);
    expect_set(&config, SET("disk-free-min", "0", "slow-disk-ms", "50"), "");
    CU_ASSERT_EQUAL(config.slow_disk_ms, 50);
    expect_set(&config, SET("disk-reserve", "1"),
               FAILED("disk-reserve") "can't set immutable config");
    config_deinit(&config);
}

UNIT_TEST(config_set, changes_all_or_none)
{
    struct config config;
    load_default(&config);
    expect_set(&config, SET("maxclients", "17", "timeout", "-1"),
               FAILED("timeout") "argument must be between 0 and 2147483647 inclusive");
    CU_ASSERT_EQUAL(config.maxclients, 10000);
    expect_set(&config, SET("maxclients", "17", "nope", "1"),
               "ERR Unknown option or number of arguments for CONFIG SET - 'nope'");
    CU_ASSERT_EQUAL(config.maxclients, 10000);
    config_deinit(&config);
}

UNIT_TEST(config_set, refuses_in_the_words_of_redis)
{
    struct config config;
    load_default(&config);
    expect_set(&config, SET("port", "1"), FAILED("port") "can't set immutable config");
    expect_set(&config, SET("databases", "16"), ""); /* what it is */
    expect_set(&config, SET("databases", "15"),
               FAILED("databases") "databases cannot be chosen here: it is always '16'");
    expect_set(&config, SET("timeout", "5", "timeout", "6"),
               FAILED("timeout") "duplicate parameter");
    expect_set(&config, SET("maxclients", "abc"),
               FAILED("maxclients") "argument couldn't be parsed into an integer");
    expect_set(&config, SET("protected-mode", "x"),
               FAILED("protected-mode") "argument must be 'yes' or 'no'");
    expect_set(&config, SET("proto-max-bulk-len", "12zz"),
               FAILED("proto-max-bulk-len") "argument must be a memory value");
    expect_set(&config, SET("loglevel", "foo"),
               FAILED("loglevel") "argument(s) must be one of the following: debug, verbose, "
                                  "notice, warning");
    expect_set(&config, SET("a\r\nb", "1"),
               "ERR Unknown option or number of arguments for CONFIG SET - 'a  b'");
    config_deinit(&config);
}

UNIT_TEST(config_set, refuses_what_contradicts_another_option)
{
    struct config config;
    load_default(&config);
    expect_set(&config, SET("client-query-buffer-limit", "1mb"),
               FAILED("client-query-buffer-limit") "client-query-buffer-limit (1048576) must "
                                                   "hold an argument of proto-max-bulk-len "
                                                   "(67108864)");
    expect_set(&config, SET("client-query-buffer-limit", "1mb", "proto-max-bulk-len", "1mb"), "");
    config_deinit(&config);
}

UNIT_TEST(config_set, a_password_of_any_bytes_but_nul)
{
    struct config config;
    load_default(&config);
    struct slice pairs[] = {SLICE_LITERAL("requirepass"), SLICE_LITERAL("a\0b")};
    struct buf error = {0};
    CU_ASSERT_EQUAL(config_set_pairs(&config, pairs, 1, &error), RESULT_INVALID);
    pairs[1] = SLICE_LITERAL(" \xff ");
    CU_ASSERT_EQUAL(config_set_pairs(&config, pairs, 1, &error), RESULT_OK);
    CU_ASSERT_STRING_EQUAL(config.requirepass, " \xff ");
    buf_deinit(&error);
    config_deinit(&config);
}

static void expect_words(const char *line, const char *expected)
{
    struct config_words words;
    struct buf out = {0};
    struct buf reason = {0};
    if (!config_words_split(slice_of_string(line), &words, &reason)) {
        buf_append_format(&out, "error");
    } else {
        for (uint32_t i = 0; i < words.count; i++) {
            buf_append_byte(&out, '<');
            buf_append_slice(&out, words.items[i]);
            buf_append_byte(&out, '>');
        }
    }
    CU_ASSERT(slice_equals(buf_slice(&out), slice_of_string(expected)));
    buf_deinit(&words.bytes);
    buf_deinit(&reason);
    buf_deinit(&out);
}

UNIT_TEST(config_words, splits_and_unquotes_as_redis)
{
    expect_words("", "");
    expect_words(" \t ", "");
    expect_words("a  b\tc", "<a><b><c>");
    expect_words("a \"\" ''", "<a><><>");
    expect_words("\"x\\x41\\n\\t\\\"\\\\\\q\"", "<xA\n\t\"\\q>");
    expect_words("'x\\x41\\'y'", "<x\\x41'y>");
    expect_words("\"\\x4\"", "<x4>");
    expect_words("a\"b", "<a\"b>");
    expect_words("\"a", "error");
    expect_words("'a", "error");
    expect_words("\"a\\\"", "error");
    expect_words("\"a\"b", "error");
}

UNIT_TEST(config_table, names_the_nearest_option_only_when_it_is_near)
{
    CU_ASSERT_STRING_EQUAL(config_table_nearest(SLICE_LITERAL("prot")), "port");
    CU_ASSERT_STRING_EQUAL(config_table_nearest(SLICE_LITERAL("MAXCLIENT")), "maxclients");
    CU_ASSERT_STRING_EQUAL(config_table_nearest(SLICE_LITERAL("peer")), "peers");
    CU_ASSERT_PTR_NULL(config_table_nearest(SLICE_LITERAL("zzzzzzzzzz")));
    CU_ASSERT_PTR_NULL(config_table_nearest(SLICE_LITERAL("")));
}
