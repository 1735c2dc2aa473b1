/* test_ctl_options.c -- the command line: what is taken, what is refused, and what the environment
 * says. */
#include "cli/ctl_options.h"

#include <stdlib.h>
#include <string.h>

#include "lib/unit.h"

static const struct ctl_command command = {
    .name = "test",
    .usage = "FILE [DIR]",
    .options = CTL_OPTIONS_NODE | CTL_BIT(CTL_OPTION_FORCE) | CTL_BIT(CTL_OPTION_ID) |
               CTL_BIT(CTL_OPTION_RAFT) | CTL_BIT(CTL_OPTION_COUNT),
    .arguments_min = 1,
    .arguments_max = 2,
};

static struct ctl_options options;
static char error[CTL_ERROR_BYTES];

/* Parses words up to a NULL, in an environment without ours. */
static bool parse(const char *const *words)
{
    int count = 0;
    while (words[count] != NULL) {
        count++;
    }
    error[0] = '\0';
    return ctl_options_parse(&command, count, words, &options, error);
}

static void clear_environment(void)
{
    (void)unsetenv("QUORUM_REDIS");
    (void)unsetenv("REDISCLI_AUTH");
    (void)unsetenv("QUORUM_REQUIREPASS");
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

UNIT_TEST(ctl_options, reads_options_and_arguments_in_any_order)
{
    clear_environment();
    CU_ASSERT_TRUE(PARSE("-h", "10.0.0.1", "file", "-p", "7000", "--force", "dir", "-n", "12"));
    CU_ASSERT_STRING_EQUAL(options.target.host, "10.0.0.1");
    CU_ASSERT_EQUAL(options.target.port, 7000);
    CU_ASSERT_PTR_NULL(options.target.password);
    CU_ASSERT_EQUAL(options.count, 12);
    CU_ASSERT_TRUE(ctl_options_has(&options, CTL_OPTION_FORCE));
    CU_ASSERT_FALSE(ctl_options_has(&options, CTL_OPTION_ID));
    CU_ASSERT_EQUAL(options.arguments_count, 2);
    CU_ASSERT_STRING_EQUAL(options.arguments[0], "file");
    CU_ASSERT_STRING_EQUAL(options.arguments[1], "dir");
}

UNIT_TEST(ctl_options, a_long_option_takes_its_value_behind_an_equals_sign_too)
{
    clear_environment();
    CU_ASSERT_TRUE(PARSE("file", "--id=a", "--raft", "[::1]:9001", "--count=3"));
    CU_ASSERT_STRING_EQUAL(options.id, "a");
    CU_ASSERT_STRING_EQUAL(options.raft, "[::1]:9001");
    CU_ASSERT_EQUAL(options.count, 3);
}

UNIT_TEST(ctl_options, after_two_dashes_everything_is_an_argument)
{
    clear_environment();
    CU_ASSERT_TRUE(PARSE("--", "--force", "-p"));
    CU_ASSERT_STRING_EQUAL(options.arguments[0], "--force");
    CU_ASSERT_STRING_EQUAL(options.arguments[1], "-p");
    CU_ASSERT_EQUAL(options.given, 0);
}

UNIT_TEST(ctl_options, a_single_dash_is_an_argument)
{
    clear_environment();
    CU_ASSERT_TRUE(PARSE("-"));
    CU_ASSERT_STRING_EQUAL(options.arguments[0], "-");
}

UNIT_TEST(ctl_options, refuses_what_makes_no_sense_and_names_it)
{
    clear_environment();
    CU_ASSERT_FALSE(PARSE("file", "--forc"));
    CU_ASSERT_STRING_EQUAL(error, "there is no option '--forc'");
    CU_ASSERT_FALSE(PARSE("file", "--forced"));
    CU_ASSERT_FALSE(PARSE("file", "-x"));
    CU_ASSERT_FALSE(PARSE("file", "--json"));
    CU_ASSERT_STRING_EQUAL(error, "this command does not take '--json'");
    CU_ASSERT_FALSE(PARSE("file", "--force=yes"));
    CU_ASSERT_FALSE(PARSE("file", "--id"));
    CU_ASSERT_STRING_EQUAL(error, "a value is missing behind '--id'");
    CU_ASSERT_FALSE(PARSE("file", "--id="));
    CU_ASSERT_FALSE(PARSE("file", "--raft", "localhost"));
    CU_ASSERT_FALSE(PARSE("file", "-n", "-1"));
    CU_ASSERT_FALSE(PARSE("file", "-n", "1x"));
    CU_ASSERT_FALSE(PARSE("file", "-p", "65536"));
    CU_ASSERT_FALSE(PARSE("file", "-p", "0"));
    CU_ASSERT_FALSE(PARSE("file", "dir", "more"));
    CU_ASSERT_STRING_EQUAL(error, "this is one argument too many: 'more'");
    CU_ASSERT_FALSE(PARSE("--force"));
    CU_ASSERT_STRING_EQUAL(error, "an argument is missing");
}

UNIT_TEST(ctl_options, help_is_given_whatever_else_the_line_says)
{
    clear_environment();
    CU_ASSERT_TRUE(PARSE("--nonsense", "--help"));
    CU_ASSERT_TRUE(ctl_options_has(&options, CTL_OPTION_HELP));
    CU_ASSERT_TRUE(PARSE("--", "--help"));
    CU_ASSERT_FALSE(ctl_options_has(&options, CTL_OPTION_HELP));
}

UNIT_TEST(ctl_options, the_environment_says_port_and_password_unless_they_are_given)
{
    clear_environment();
    CU_ASSERT_TRUE(PARSE("file"));
    CU_ASSERT_STRING_EQUAL(options.target.host, "localhost");
    CU_ASSERT_EQUAL(options.target.port, 6379);
    (void)setenv("QUORUM_REDIS", "7001", 1);
    (void)setenv("QUORUM_REQUIREPASS", "second", 1);
    CU_ASSERT_TRUE(PARSE("file"));
    CU_ASSERT_EQUAL(options.target.port, 7001);
    CU_ASSERT_STRING_EQUAL(options.target.password, "second");
    (void)setenv("REDISCLI_AUTH", "first", 1);
    CU_ASSERT_TRUE(PARSE("file"));
    CU_ASSERT_STRING_EQUAL(options.target.password, "first");
    CU_ASSERT_TRUE(PARSE("file", "-a", "given", "-p", "7002"));
    CU_ASSERT_STRING_EQUAL(options.target.password, "given");
    CU_ASSERT_EQUAL(options.target.port, 7002);
    (void)setenv("QUORUM_REDIS", "none", 1);
    CU_ASSERT_FALSE(PARSE("file"));
    clear_environment();
}

UNIT_TEST(ctl_options, addresses_are_host_and_port_with_v6_in_brackets)
{
    struct ctl_target target = {.password = NULL};
    CU_ASSERT_TRUE(ctl_target_set_address(&target, "db.example:6380"));
    CU_ASSERT_STRING_EQUAL(target.host, "db.example");
    CU_ASSERT_EQUAL(target.port, 6380);
    CU_ASSERT_TRUE(ctl_target_set_address(&target, "[fe80::1]:1"));
    CU_ASSERT_STRING_EQUAL(target.host, "fe80::1");
    CU_ASSERT_FALSE(ctl_target_set_address(&target, ""));
    CU_ASSERT_FALSE(ctl_target_set_address(&target, "host"));
    CU_ASSERT_FALSE(ctl_target_set_address(&target, ":6379"));
    CU_ASSERT_FALSE(ctl_target_set_address(&target, "[]:6379"));
    CU_ASSERT_FALSE(ctl_target_set_address(&target, "host:"));
    CU_ASSERT_FALSE(ctl_target_set_address(&target, "host:65536"));
    CU_ASSERT_FALSE(ctl_target_set_address(&target, "host:6379x"));
}
