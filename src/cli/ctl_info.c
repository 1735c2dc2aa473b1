/* ctl_info.c -- reading what INFO says. */
#include "cli/ctl_info.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"

enum { LINE_BYTES = 2048, KEY_BYTES = 16 };

bool ctl_info_value(const char *info, const char *key, char *out, size_t out_bytes)
{
    size_t key_size = strlen(key);
    out[0] = '\0';
    for (const char *line = info; *line != '\0'; line += strspn(line, "\r\n")) {
        size_t size = strcspn(line, "\r\n");
        if (size > key_size && strncmp(line, key, key_size) == 0 && line[key_size] == ':') {
            (void)snprintf(out, out_bytes, "%.*s", (int)(size - key_size - 1), line + key_size + 1);
            return true;
        }
        line += size;
    }
    return false;
}

uint64_t ctl_info_number(const char *info, const char *key, uint64_t fallback)
{
    char text[NUMBER_INT64_BYTES + 1];
    uint64_t number = fallback;
    if (ctl_info_value(info, key, text, sizeof(text)) &&
        !number_parse_uint64(slice_of_string(text), &number)) {
        return fallback;
    }
    return number;
}

/* Copies the value of "key=" in "key=value,key=value"; "" when it is not there. */
static void part(const char *line, const char *key, char *out, size_t out_bytes)
{
    size_t key_size = strlen(key);
    out[0] = '\0';
    while (*line != '\0') {
        size_t size = strcspn(line, ",");
        if (size > key_size && strncmp(line, key, key_size) == 0 && line[key_size] == '=') {
            (void)snprintf(out, out_bytes, "%.*s", (int)(size - key_size - 1), line + key_size + 1);
            return;
        }
        line += size + (line[size] == ',' ? 1 : 0);
    }
}

int ctl_info_members(const char *info, struct ctl_member members[LIMIT_MEMBERS])
{
    int count = 0;
    char line[LINE_BYTES];
    char key[KEY_BYTES];
    for (; count < LIMIT_MEMBERS; count++) {
        struct ctl_member *member = &members[count];
        (void)snprintf(key, sizeof(key), "node%d", count);
        if (!ctl_info_value(info, key, line, sizeof(line))) {
            break;
        }
        part(line, "id", member->id, sizeof(member->id));
        part(line, "role", member->role, sizeof(member->role));
        part(line, "raft", member->raft, sizeof(member->raft));
        part(line, "http", member->http, sizeof(member->http));
        part(line, "redis", member->redis, sizeof(member->redis));
    }
    return count;
}
