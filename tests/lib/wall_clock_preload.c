/* wall_clock_preload.c -- loaded before libc into a node: adds seconds to its wall clock.
 *
 * How many is read from the file that WALL_CLOCK_FILE names, each time, so a test can step the
 * clock of a running process. Monotonic clocks are left alone. (Debian's faketime does more than
 * that, and moves the monotonic clock too unless told not to.)
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long seconds_to_add(void)
{
    const char *path = getenv("WALL_CLOCK_FILE");
    char text[32] = "";
    int descriptor = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return 0;
    }
    ssize_t size = read(descriptor, text, sizeof(text) - 1);
    (void)close(descriptor);
    return size > 0 ? strtol(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += seconds_to_add();
    }
    return result;
}
