/* replay.c -- runs a fuzz target on files: every one of the corpus directories named.
 *
 *     fuzz-NAME DIRECTORY...
 *
 * Each file runs in a process of its own, for SECONDS_MAX at most, so that one which fails does not
 * hide the rest.
 * Ends in a line "N passed, N failed"; a corpus without a file is a failure.
 */
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuzz/fuzz.h"

enum { SECONDS_MAX = 20, PATH_BYTES = 1024 };

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t got;
    while ((got = fread(buf_reserve(out, 65536), 1, 65536, file)) > 0) {
        buf_commit(out, got);
    }
    bool is_read = ferror(file) == 0;
    (void)fclose(file);
    return is_read;
}

static bool passes(const char *path)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct buf bytes = {0};
        if (!read_file(path, &bytes)) {
            _exit(2);
        }
        (void)alarm(SECONDS_MAX);
        struct slice input = fuzz_copy(buf_slice(&bytes));
        (void)LLVMFuzzerTestOneInput(input.bytes, input.size);
        fuzz_free(input);
        buf_deinit(&bytes);
        exit(0); /* with the leak check */
    }
    int status = 0;
    bool is_over = pid > 0 && waitpid(pid, &status, 0) == pid;
    if (!is_over || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        printf("fails: %s (wait status %d)\n", path, status);
        return false;
    }
    return true;
}

/* Static, so that what hangs on it is no leak in a child. */
static struct dirent **names;

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    unsigned counts[2] = {0};
    for (int i = 1; i < argc; i++) {
        int count = scandir(argv[i], &names, is_visible, alphasort);
        for (int j = 0; j < count; j++) {
            char path[PATH_BYTES];
            (void)snprintf(path, sizeof(path), "%s/%s", argv[i], names[j]->d_name);
            counts[passes(path)]++;
        }
        if (count <= 0) {
            printf("fails: no file in %s\n", argv[i]);
            counts[0]++;
        }
        for (int j = 0; j < count; j++) {
            free(names[j]);
        }
        free(names);
    }
    printf("%u passed, %u failed\n", counts[1], counts[0]);
    return counts[0] > 0 || counts[1] == 0;
}
