/* program.c -- see program.h. */
#include "lib/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/cluster.h"

static struct program_result result;

static void become(const char *const *arguments, int in, int out)
{
    char *pointers[PROGRAM_ARGUMENTS_MAX + 1];
    memcpy(pointers, arguments, sizeof(pointers));
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || dup2(in, STDIN_FILENO) < 0 ||
        dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0) {
        _exit(127);
    }
    (void)execv(pointers[0], pointers);
    _exit(127);
}

/* Reads until all ends of the pipe are closed; what is too much for the result is left out. */
static void read_output(int descriptor, const char *name)
{
    size_t have = 0;
    uint64_t end_ms = check_now_ms() + 3 * (uint64_t)CLUSTER_PATIENCE_MS;
    for (;;) {
        char bytes[4096];
        struct pollfd waited = {descriptor, POLLIN, 0};
        uint64_t now_ms = check_now_ms();
        if (now_ms >= end_ms || poll(&waited, 1, (int)(end_ms - now_ms)) == 0) {
            FAIL("%s does not end; so far it said: %s", name, result.output);
        }
        ssize_t count = read(descriptor, bytes, sizeof(bytes));
        if (count <= 0) {
            break;
        }
        size_t room = sizeof(result.output) - 1 - have;
        size_t taken = (size_t)count < room ? (size_t)count : room;
        memcpy(result.output + have, bytes, taken);
        have += taken;
        result.output[have] = '\0';
    }
}

const struct program_result *program_run(const char *const *arguments, const char *input)
{
    const char *padded[PROGRAM_ARGUMENTS_MAX + 1] = {NULL};
    int in[2], out[2], status = 0;
    for (int i = 0; arguments[i] != NULL; i++) {
        CHECK(i < PROGRAM_ARGUMENTS_MAX);
        padded[i] = arguments[i];
    }
    result.output[0] = '\0';
    CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        become(padded, in[0], out[1]);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    if (input != NULL) {
        (void)signal(SIGPIPE, SIG_IGN); /* whoever does not read its input need not */
        ssize_t written = write(in[1], input, strlen(input));
        (void)written;
    }
    (void)close(in[1]);
    read_output(out[0], arguments[0]);
    (void)close(out[0]);
    CHECK(waitpid(pid, &status, 0) == pid);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return &result;
}

const char *program_expect(int status, const char *const *arguments, const char *input)
{
    const struct program_result *ended = program_run(arguments, input);
    if (ended->status != status) {
        FAIL("'%s %s' exits with %d instead of %d: %s", arguments[0],
             arguments[1] == NULL ? "" : arguments[1], ended->status, status, ended->output);
    }
    return ended->output;
}
