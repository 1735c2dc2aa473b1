/* main.c -- quorum: reads the options and runs a node. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "server/config.h"
#include "server/server.h"

static void print(FILE *file, const struct buf *text)
{
    struct slice slice = buf_slice(text);
    if (slice.size > 0) { /* else bytes may be NULL, which fwrite does not take */
        (void)fwrite(slice.bytes, 1, slice.size, file);
    }
    (void)fflush(file);
}

/* glibc leaves small pieces of memory as they come back in its fastbins and joins them all at once
 * when a large one is wanted: 0.1 s after a value of a million elements went, in the middle of a
 * turn. Without fastbins each is joined when it is freed. */
static void free_memory_evenly(void)
{
    (void)mallopt(M_MXFAST, 0);
}

int main(int argc, char **argv)
{
    free_memory_evenly();
    struct config config;
    struct buf text = {0};
    int exit_code = 0;
    switch (config_load(argc, argv, environ, &config, &text)) {
    case CONFIG_RUN:
        print(stderr, &text); /* warnings */
        exit_code = server_run(&config, argv[0]);
        break;
    case CONFIG_EXIT_OK:
        print(stdout, &text);
        break;
    case CONFIG_EXIT_ERROR:
        print(stderr, &text);
        exit_code = 1;
        break;
    }
    config_deinit(&config);
    buf_deinit(&text);
    return exit_code;
}
