/* storage_fatal.c -- log the reason, then end without touching the disk again. */
#include "storage/storage_fatal.h"

#include <unistd.h>

#include "base/logger.h"

_Noreturn void storage_fatal(const char *what, const char *path, const char *message,
                             const char *remedy)
{
    logger_log(LOGGER_ERROR,
               "cannot %s %s: %s; stopping, because after this nothing written may be taken for "
               "durable; %s",
               what, path, message, remedy);
    /* Not exit(): handlers could flush or write, and other threads are still running. */
    _exit(STORAGE_FATAL_EXIT_CODE);
}
