/* slice.c -- comparing borrowed bytes. */
#include "base/slice.h"

int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.bytes, b.bytes, common);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

bool slice_is_word(struct slice slice, const char *lower_case_word)
{
    for (size_t i = 0; i < slice.size; i++) {
        uint8_t byte = slice.bytes[i];
        if (byte >= 'A' && byte <= 'Z') {
            byte = (uint8_t)(byte | 0x20);
        }
        if (lower_case_word[i] == '\0' || byte != (uint8_t)lower_case_word[i]) {
            return false;
        }
    }
    return lower_case_word[slice.size] == '\0';
}
