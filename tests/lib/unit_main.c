/* unit_main.c -- runs the registered unit tests with CUnit in basic mode.
 *
 * Arguments select tests by "suite" or "suite.name"; none runs all; one that selects nothing is
 * an error. Ends with one plain line, "N passed, N failed", counting tests; exits 1 when one failed
 * or none ran.
 */
#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/logger.h"
#include "lib/unit.h"

enum { UNIT_TESTS_MAX = 4096 };

static struct {
    const char *suite;
    const char *name;
    void (*function)(void);
} tests[UNIT_TESTS_MAX];
static int tests_count;

void unit_register(const char *suite, const char *name, void (*function)(void))
{
    if (tests_count == UNIT_TESTS_MAX) {
        abort();
    }
    tests[tests_count].suite = suite;
    tests[tests_count].name = name;
    tests[tests_count].function = function;
    tests_count++;
}

static bool is_selected(int test, int count, char **selections)
{
    char full[256];
    (void)snprintf(full, sizeof(full), "%s.%s", tests[test].suite, tests[test].name);
    for (int i = 0; i < count; i++) {
        if (strcmp(selections[i], tests[test].suite) == 0 || strcmp(selections[i], full) == 0) {
            return true;
        }
    }
    return count == 0;
}

static bool add_selected(int count, char **selections)
{
    for (int i = 0; i < tests_count; i++) {
        if (!is_selected(i, count, selections)) {
            continue;
        }
        CU_pSuite suite = CU_get_suite(tests[i].suite);
        if (suite == NULL) {
            suite = CU_add_suite(tests[i].suite, NULL, NULL);
        }
        if (suite == NULL || CU_add_test(suite, tests[i].name, tests[i].function) == NULL) {
            return false;
        }
    }
    return true;
}

static bool each_selects_some(int count, char **selections)
{
    for (int i = 0; i < count; i++) {
        int test = 0;
        while (test < tests_count && !is_selected(test, 1, &selections[i])) {
            test++;
        }
        if (test == tests_count) {
            (void)fprintf(stderr, "unit: there is no test '%s'\n", selections[i]);
            return false;
        }
    }
    return true;
}

static void print_line(enum logger_level level, const char *line, void *context)
{
    (void)level;
    (void)context;
    (void)fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
    logger_set_sink(print_line, NULL);
    if (getenv("UNIT_LOGGER") == NULL) {
        logger_set_level(LOGGER_ERROR);
    }
    if (!each_selects_some(argc - 1, argv + 1)) {
        return 1;
    }
    if (CU_initialize_registry() != CUE_SUCCESS || !add_selected(argc - 1, argv + 1)) {
        (void)fprintf(stderr, "unit: could not set the tests up: %s\n", CU_get_error_msg());
        return 1;
    }
    CU_basic_set_mode(getenv("UNIT_VERBOSE") == NULL ? CU_BRM_SILENT : CU_BRM_VERBOSE);
    (void)CU_basic_run_tests();
    CU_basic_show_failures(CU_get_failure_list());
    unsigned run = CU_get_number_of_tests_run();
    unsigned failed = CU_get_number_of_tests_failed();
    printf("%u passed, %u failed\n", run - failed, failed);
    CU_cleanup_registry();
    return failed > 0 || run == 0;
}
