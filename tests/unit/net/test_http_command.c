/* test_http_command.c -- what an error reply of a command becomes as an HTTP status. */
#include "lib/unit.h"
#include "net/http_internal.h"

UNIT_TEST(http_command, the_first_word_of_an_error_decides_the_status)
{
    static const struct {
        const char *error;
        int status;
    } CASES[] = {
        {"WRONGTYPE Operation against a key holding the wrong kind of value", 409},
        {"DISKFULL writes are refused", 503},
        {"CLUSTERDOWN no leader", 503},
        {"UNKNOWN leadership was lost", 504},
        {"OOM command not allowed", 507},
        {"MEMBEREXISTS node-4 is a member at another address", 409},
        {"CHANGING another change is under way", 409},
        {"NOMEMBER node-4", 404},
        {"LASTVOTER node-1", 409},
        {"NOTCAUGHTUP node-4", 409},
        {"NOQUORUM too few members can be reached: add FORCE", 409},
        {"TOOMANYMEMBERS 16", 409},
        {"ERR syntax error", 400},
        {"NOMEMBER", 404},
        /* A word that only begins like a code is another one. */
        {"NOMEMBERS", 500},
        {"CHANGINGS x", 500},
        {"", 500},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        CU_ASSERT_EQUAL(http_command_status(slice_of_string(CASES[i].error)), CASES[i].status);
    }
}
