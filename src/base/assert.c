/* assert.c -- what happens when our own reasoning was wrong: say where, then abort. */
#include "base/assert.h"

#include <stdlib.h>

#include "base/logger.h"

void assert_failed(const char *condition, const char *file, int line)
{
    logger_log(LOGGER_ERROR, "bug: assertion '%s' failed at %s:%d; stopping before harm is done",
               condition, file, line);
    abort();
}
