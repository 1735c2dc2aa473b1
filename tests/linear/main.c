/* main.c -- judges histories: linear FILE...
 *
 * Prints one line a file and, for one that is not linearizable, where the search got stuck. Exits 0
 * when all are linearizable, 1 when one is not or could not be decided, 2 for a file that cannot be
 * read. CONFIGURATIONS in the environment bounds the search of each part (default 20,000,000).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linear/checker.h"
#include "linear/history.h"

enum { CONFIGURATIONS_MAX = 20 * 1000 * 1000 };

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t got;
    while ((got = fread(buf_reserve(out, 65536), 1, 65536, file)) > 0) {
        buf_commit(out, got);
    }
    bool is_read = ferror(file) == 0;
    if (file != stdin) {
        (void)fclose(file);
    }
    return is_read;
}

static const char *text_of(enum checker_verdict verdict)
{
    switch (verdict) {
    case CHECKER_LINEARIZABLE:
        return "linearizable";
    case CHECKER_NOT_LINEARIZABLE:
        return "NOT linearizable";
    case CHECKER_UNDECIDED:
        return "UNDECIDED";
    case CHECKER_INVALID:
        return "INVALID";
    }
    return "?";
}

static int judge(const char *path, uint64_t configurations_max)
{
    struct buf text = {0};
    struct history history = {0};
    uint32_t line = 0;
    if (!read_file(path, &text)) {
        (void)fprintf(stderr, "linear: cannot read %s: %s\n", path, strerror(errno));
        return 2;
    }
    int status = 2;
    if (history_parse(&history, buf_slice(&text), &line) != RESULT_OK) {
        (void)fprintf(stderr, "linear: %s: line %u is not an operation\n", path, line);
    } else {
        struct checker_report report;
        checker_check(&history, configurations_max, &report);
        printf("%s: %s (%u operations, %u parts, %llu configurations)\n%.*s", path,
               text_of(report.verdict), report.operations, report.parts,
               (unsigned long long)report.configurations, (int)buf_size(&report.explanation),
               (const char *)buf_slice(&report.explanation).bytes);
        status = report.verdict == CHECKER_LINEARIZABLE ? 0 : 1;
        buf_deinit(&report.explanation);
    }
    history_deinit(&history);
    buf_deinit(&text);
    return status;
}

int main(int argc, char **argv)
{
    const char *bound = getenv("CONFIGURATIONS");
    uint64_t configurations_max = bound == NULL ? CONFIGURATIONS_MAX : strtoull(bound, NULL, 10);
    int status = argc < 2 ? 2 : 0;
    for (int i = 1; i < argc; i++) {
        int one = judge(argv[i], configurations_max);
        status = one > status ? one : status;
    }
    return status;
}
