/* unit.h -- what a unit test file needs: CUnit's assertions and tests that register themselves.
 *
 *     UNIT_TEST(raft_log, truncates_only_on_conflict) { CU_ASSERT_EQUAL(1, 1); }
 *
 * adds the test to the suite raft_log of the binary it is linked into.
 */
#ifndef QUORUM_TESTS_LIB_UNIT_H
#define QUORUM_TESTS_LIB_UNIT_H

#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <string.h>

/* Called before main by UNIT_TEST; both names are literals. */
void unit_register(const char *suite, const char *name, void (*function)(void));

#define UNIT_TEST(suite, name)                                                                     \
    static void suite##_##name(void);                                                              \
    __attribute__((constructor)) static void register_##suite##_##name(void)                       \
    {                                                                                              \
        unit_register(#suite, #name, suite##_##name);                                              \
    }                                                                                              \
    static void suite##_##name(void)

/* Whether a text, a reply for instance, begins so. */
static inline bool unit_begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

#endif
