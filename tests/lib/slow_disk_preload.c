/* slow_disk_preload.c -- loaded before libc into a node: makes its disk slow.
 *
 * Every fsync and fdatasync takes so many milliseconds more as the file that SLOW_DISK_FILE names
 * says, each time, so a test can slow down the disk of a running process.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void be_slow(void)
{
    const char *path = getenv("SLOW_DISK_FILE");
    char text[32] = "";
    int descriptor = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return;
    }
    ssize_t size = read(descriptor, text, sizeof(text) - 1);
    (void)close(descriptor);
    long ms = size > 0 ? strtol(text, NULL, 10) : 0;
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&left, NULL);
}

int fsync(int descriptor)
{
    be_slow();
    return (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor)
{
    be_slow();
    return (int)syscall(SYS_fdatasync, descriptor);
}
