/* test_plays.c -- every play in tests/plays/commands must come out as it is written. REWRITE=1
 * writes down what came instead; review the difference.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/unit.h"
#include "unit/command/play.h"

static const char plays_directory[] = "tests/plays/commands";

static int is_play(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');
    return end != NULL && strcmp(end, ".txt") == 0;
}

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t size = 0;
    do {
        size = fread(buf_reserve(out, 65536), 1, 65536, file);
        buf_commit(out, size);
    } while (size > 0);
    (void)fclose(file);
}

static void write_file(const char *path, struct slice text)
{
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(text.bytes, 1, text.size, file), text.size);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

/* Prints the first line that differs. */
static void show_difference(const char *path, struct slice expected, struct slice got)
{
    size_t at = 0;
    uint32_t line = 1;
    size_t line_start = 0;
    while (at < expected.size && at < got.size && expected.bytes[at] == got.bytes[at]) {
        if (got.bytes[at] == '\n') {
            line++;
            line_start = at + 1;
        }
        at++;
    }
    const char *rest = (const char *)got.bytes + line_start;
    (void)fprintf(stderr, "%s:%u: got: %.*s\n", path, line, (int)strcspn(rest, "\n"), rest);
}

static void check(const char *path)
{
    struct buf text = {0};
    struct buf out = {0};
    read_file(path, &text);
    play_run(buf_slice(&text), &out);
    if (getenv("REWRITE") != NULL) {
        write_file(path, buf_slice(&out));
    } else if (!slice_equals(buf_slice(&text), buf_slice(&out))) {
        buf_append_byte(&out, '\0');
        show_difference(path, buf_slice(&text), buf_slice(&out));
        CU_FAIL("a play came out differently");
    }
    buf_deinit(&text);
    buf_deinit(&out);
}

UNIT_TEST(command_plays, come_out_as_written)
{
    struct dirent **entries = NULL;
    int count = scandir(plays_directory, &entries, is_play, alphasort);
    CU_ASSERT(count > 0);
    for (int i = 0; i < count; i++) {
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/%s", plays_directory, entries[i]->d_name);
        check(path);
        free(entries[i]);
    }
    free(entries);
}
