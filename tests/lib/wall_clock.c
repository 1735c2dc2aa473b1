/* wall_clock.c -- see wall_clock.h. */
#include "lib/wall_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/files.h"

enum { PATH_BYTES = CLUSTER_PATH_BYTES + 32 };

static void file_of(const struct cluster *cluster, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%s/wall-clock", cluster->directory);
}

void wall_clock_prepare(const struct cluster *cluster)
{
    char library[PATH_BYTES], file[PATH_BYTES];
    (void)snprintf(library, sizeof(library), "%s", cluster->binary);
    char *slash = strrchr(library, '/');
    CHECK(slash != NULL);
    (void)snprintf(slash, 32, "/wall_clock_preload.so");
    CHECK(access(library, R_OK) == 0);
    file_of(cluster, file);
    CHECK(setenv("LD_PRELOAD", library, 1) == 0);
    CHECK(setenv("WALL_CLOCK_FILE", file, 1) == 0);
    CHECK(setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1) == 0);
}

void wall_clock_set(const struct cluster *cluster, int64_t seconds)
{
    char file[PATH_BYTES], text[32];
    file_of(cluster, file);
    (void)snprintf(text, sizeof(text), "%" PRId64, seconds);
    files_write(file, text);
}
